//! CloudWatch metrics in the embedded metric format: CloudWatch Logs turns lines of JSON on standard output into metrics.
//! Format: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>.

use contracts::stage::Stage;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// The namespace of all metrics. The `Stack` dimension keeps deployments apart.
const NAMESPACE: &str = "Bespoke";

/// Reports the duration of a call to a stage in seconds.
pub fn stage_took(stage: Stage, seconds: f64) {
    emit(&[("Stage", stage.as_str())], &[("StageSeconds", "Seconds", seconds)]);
}

/// Reports the outcomes of a run.
pub fn outcomes<'a>(counts: impl IntoIterator<Item = (&'a str, usize)>) {
    #[expect(clippy::cast_precision_loss, reason = "a run has millions of customers at most")]
    let count = |(word, count): (&str, usize)| (name_of(word), "Count", count as f64);
    emit(&[], &counts.into_iter().map(count).collect::<Vec<_>>());
}

/// Reports the tokens used by a model call, and their cost in US dollars.
pub fn model_used(tokens_read: u64, tokens_written: u64, usd: f64) {
    #[expect(clippy::cast_precision_loss, reason = "a call uses thousands of tokens")]
    let values = [
        ("TokensRead", "Count", tokens_read as f64),
        ("TokensWritten", "Count", tokens_written as f64),
        ("ModelCostUsd", "None", usd),
    ];
    emit(&[], &values);
}

/// Reports the number of batches that have been missing a workbook for a long time.
pub fn incomplete_batches(count: usize) {
    #[expect(clippy::cast_precision_loss, reason = "a few")]
    let count = count as f64;
    emit(&[], &[("IncompleteBatches", "Count", count)]);
}

/// Returns the metric for an outcome's word.
fn name_of(word: &str) -> &'static str {
    match word {
        "published" => "Published",
        "skipped" => "Skipped",
        "in-review" => "InReview",
        _ => "Failed",
    }
}

#[expect(clippy::print_stdout, reason = "the format is lines on standard output")]
fn emit(dimensions: &[(&str, &str)], values: &[(&str, &str, f64)]) {
    let stack = crate::environment::optional("STACK").unwrap_or_else(|| "none".to_owned());
    println!("{}", line(Timestamp::now(), &stack, dimensions, values));
}

fn line(at: Timestamp, stack: &str, dimensions: &[(&str, &str)], values: &[(&str, &str, f64)]) -> Value {
    let mut names = vec!["Stack"];
    names.extend(dimensions.iter().map(|(name, _)| *name));
    let metrics: Vec<Value> = values.iter().map(|(name, unit, _)| json!({ "Name": name, "Unit": unit })).collect();
    let directive = json!({ "Namespace": NAMESPACE, "Dimensions": [names], "Metrics": metrics });
    let mut line = Map::new();
    line.insert("_aws".to_owned(), json!({ "Timestamp": at.as_millisecond(), "CloudWatchMetrics": [directive] }));
    line.insert("Stack".to_owned(), stack.into());
    line.extend(dimensions.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))));
    line.extend(values.iter().map(|(name, _, value)| ((*name).to_owned(), Value::from(*value))));
    Value::Object(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_has_a_value_for_each_metric_and_dimension() {
        let values = [("StageSeconds", "Seconds", 1.5)];
        let line = line(Timestamp::UNIX_EPOCH, "prod", &[("Stage", "merge")], &values);
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(directive["Dimensions"], json!([["Stack", "Stage"]]));
        assert_eq!(
            (&line["Stack"], &line["Stage"], &line["StageSeconds"]),
            (&json!("prod"), &json!("merge"), &json!(1.5))
        );
        assert_eq!(directive["Metrics"], json!([{"Name": "StageSeconds", "Unit": "Seconds"}]));
        assert_eq!(line["_aws"]["Timestamp"], 0);
    }
}
