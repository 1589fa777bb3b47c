//! The report on the effect of a run as a web page: charts as inline SVG, each with a table of the same numbers below
//! it. The page loads no other files.

use std::fmt::Write as _;

use contracts::html::escaped;
use effect::reading::points;
use effect::{Difference, Measurement, Proportion};
use runner::effect::EffectReport;

/// The stylesheet. Each color has a value for the light and for the dark scheme, so both have enough contrast.
const STYLE: &str = "\
:root { color-scheme: light dark; --ink: #17212b; --paper: #fff; --accent: #0b4f5c; --line: #6b7785 }
@media (prefers-color-scheme: dark) { :root { --ink: #eef2f5; --paper: #12181e; --accent: #7fd1de; --line: #8b97a5 } }
body { background: var(--paper); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; margin: 0 }
main { margin: 0 auto; max-width: 60rem; padding: 1.5rem }
h1 { font-size: 1.5rem; line-height: 1.2 } h2 { font-size: 1.15rem; margin-top: 2rem }
.reading { border-left: .25rem solid var(--accent); padding-left: 1rem }
.warning { border: 1px solid var(--line); border-left: .25rem solid currentcolor; padding: .5rem 1rem }
.scroll { overflow-x: auto } svg { display: block; height: auto; max-width: 100% }
svg text { fill: var(--ink); font: 13px system-ui, sans-serif } svg .axis { stroke: var(--line) }
svg .mark { fill: var(--accent); stroke: var(--accent) }
table { border-collapse: collapse; width: 100% } caption { text-align: left }
th, td { border-bottom: 1px solid var(--line); padding: .3rem .6rem; text-align: right }
th:first-child, td:first-child { text-align: left }
";

/// One row of a chart and of its table.
struct Row {
    name: String,
    difference: Difference,
    note: &'static str,
}

/// Returns the page.
#[must_use]
pub fn page(report: &EffectReport) -> String {
    let mut body = String::new();
    let title = format!("Effect of {}", report.run);
    let _infallible = writeln!(body, "<h1>{}</h1>", escaped(&title));
    let _infallible = writeln!(body, "<p>Campaign “{}”</p>", escaped(&report.plan.campaign));
    let _infallible = writeln!(body, "<p class=\"reading\">{}</p>", escaped(&report.reading));
    for warning in &report.warnings {
        let _infallible = writeln!(body, "<p class=\"warning\"><strong>Warning.</strong> {}</p>", escaped(warning));
    }
    groups(&mut body, report);
    if let Some(measurement) = &report.measurement {
        measured(&mut body, measurement);
    }
    events(&mut body, report);
    method(&mut body, report);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n{body}</main>\n</body>\n</html>\n",
        escaped(&title)
    )
}

fn groups(body: &mut String, report: &EffectReport) {
    let EffectReport { treated, published, held_out, in_no_group, adopters, .. } = report;
    body.push_str("<h2>The groups</h2>\n<ul>\n");
    if let Some(window) = report.window {
        let state = if report.is_over { "It has ended." } else { "It has not ended." };
        let _infallible = writeln!(body, "<li>Window: {} to {}. {state}</li>", window.first, window.last);
    }
    let _infallible = write!(
        body,
        "<li>Treated: {treated} customers. {published} got a recommendation.</li>\n\
         <li>Control group: {held_out} customers. They got nothing.</li>\n\
         <li>In neither group: {in_no_group} customers.</li>\n\
         <li>Adopters in the window, both groups together: {adopters}.</li>\n</ul>\n"
    );
}

fn measured(body: &mut String, measurement: &Measurement) {
    let primary = Row { name: "All".to_owned(), difference: measurement.uplift, note: "the test" };
    let levels = measurement.levels.iter().map(|level| Row {
        name: format!("{}: {}", level.dimension.title(), level.level),
        difference: level.uplift,
        note: if level.randomized { "exploratory" } else { "exploratory, not assigned at random" },
    });
    let rows: Vec<Row> = std::iter::once(primary).chain(levels).collect();
    section(body, "Uplift: treated minus control", "uplift", ["Treated", "Control", "Uplift"], &rows);
    if let Some(detectable) = measurement.detectable {
        let points = points(detectable);
        let _infallible = writeln!(
            body,
            "<p>Groups of these sizes would detect an uplift of {points} points in 80 of 100 campaigns.</p>"
        );
    }
    let arms: Vec<Row> = measurement
        .arms
        .iter()
        .map(|arm| Row {
            name: format!("{} minus {}", arm.first, arm.second),
            difference: arm.difference,
            note: "corrected for the number of comparisons",
        })
        .collect();
    if !arms.is_empty() {
        section(body, "Arms compared with each other", "arms", ["First", "Second", "Difference"], &arms);
    }
}

/// Writes a chart of intervals, and a table with the same numbers.
fn section(body: &mut String, title: &str, id: &str, columns: [&str; 3], rows: &[Row]) {
    let _infallible = writeln!(body, "<h2>{}</h2>", escaped(title));
    intervals(body, title, id, rows);
    let [first, second, difference] = columns;
    let _infallible = write!(
        body,
        "<div class=\"scroll\"><table>\n<caption>The numbers in the chart. Rates and differences are points of 100 customers.\
         </caption>\n<thead><tr><th scope=\"col\">Comparison</th><th scope=\"col\">{first}</th><th scope=\"col\">{second}</th>\
         <th scope=\"col\">{difference}</th><th scope=\"col\">Interval, 95&nbsp;%</th><th scope=\"col\">Note</th></tr></thead>\n\
         <tbody>\n"
    );
    for Row { name, difference, note } in rows {
        let group = |group: Proportion| format!("{} ({} of {})", points(group.rate()), group.adopters, group.customers);
        let _infallible = writeln!(
            body,
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td><td>{} to {}</td><td>{note}</td></tr>",
            escaped(name),
            group(difference.first),
            group(difference.second),
            points(difference.estimate),
            points(difference.low),
            points(difference.high)
        );
    }
    body.push_str("</tbody>\n</table></div>\n");
}

/// The width of a chart, the width of its part with the names, and the height of a row.
const WIDTH: f64 = 860.0;
const NAMES: f64 = 300.0;
const LINE: f64 = 28.0;

#[expect(clippy::cast_precision_loss, reason = "a chart has dozens of rows")]
fn intervals(body: &mut String, title: &str, id: &str, rows: &[Row]) {
    let reach =
        rows.iter().fold(0.01_f64, |reach, row| reach.max(row.difference.low.abs()).max(row.difference.high.abs()));
    let middle = f64::midpoint(NAMES, WIDTH);
    let x = |share: f64| middle + share / reach * (WIDTH - NAMES) / 2.0 * 0.92;
    let height = LINE * (rows.len() as f64 + 1.5);
    let _infallible = write!(
        body,
        "<div class=\"scroll\"><svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-labelledby=\"{id}-title {id}-text\">\n\
         <title id=\"{id}-title\">{}</title>\n<desc id=\"{id}-text\">For each comparison, a dot at the difference and a line \
         over its interval. The table below has the numbers.</desc>\n\
         <line class=\"axis\" x1=\"{middle}\" y1=\"0\" x2=\"{middle}\" y2=\"{}\"/>\n",
        escaped(title),
        height - LINE,
    );
    for (index, Row { name, difference, .. }) in rows.iter().enumerate() {
        let y = LINE * (index as f64 + 0.7);
        let _infallible = write!(
            body,
            "<text x=\"0\" y=\"{:.1}\">{}</text>\n\
             <line class=\"mark\" stroke-width=\"3\" x1=\"{:.1}\" y1=\"{y:.1}\" x2=\"{:.1}\" y2=\"{y:.1}\"/>\n\
             <circle class=\"mark\" cx=\"{:.1}\" cy=\"{y:.1}\" r=\"6\"/>\n",
            y + 4.0,
            escaped(&shortened(name)),
            x(difference.low),
            x(difference.high),
            x(difference.estimate)
        );
    }
    for (share, anchor) in [(-reach, "middle"), (0.0, "middle"), (reach, "middle")] {
        let _infallible = writeln!(
            body,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{}</text>",
            x(share),
            height - 6.0,
            points(share)
        );
    }
    body.push_str("</svg></div>\n");
}

/// Returns a name that fits beside a chart.
fn shortened(name: &str) -> String {
    const LONGEST: usize = 40;
    if name.chars().count() <= LONGEST {
        return name.to_owned();
    }
    name.chars().take(LONGEST - 1).chain(['…']).collect()
}

#[expect(clippy::cast_precision_loss, reason = "there are eight events")]
fn events(body: &mut String, report: &EffectReport) {
    if report.events.iter().all(|count| count.customers == 0) {
        return;
    }
    let rows = report.events.len() as f64;
    let height = LINE * rows;
    let _infallible = write!(
        body,
        "<h2>On the page</h2>\n<div class=\"scroll\"><svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         aria-labelledby=\"events-title events-text\">\n<title id=\"events-title\">What customers did on their pages</title>\n\
         <desc id=\"events-text\">For each event, a bar for the share of customers. The table below has the numbers.</desc>\n"
    );
    for (index, count) in report.events.iter().enumerate() {
        let y = LINE * index as f64;
        let _infallible = write!(
            body,
            "<text x=\"0\" y=\"{:.1}\">{}</text>\n<rect class=\"mark\" x=\"{NAMES}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\"/>\n",
            y + 18.0,
            count.event.as_str(),
            y + 5.0,
            count.share.min(1.0) * (WIDTH - NAMES),
            LINE - 10.0
        );
    }
    body.push_str(
        "</svg></div>\n<div class=\"scroll\"><table>\n<caption>Customers by event, excluding visits by scanners</caption>\n\
         <thead><tr><th scope=\"col\">Event</th><th scope=\"col\">Customers</th>\
         <th scope=\"col\">Of 100 in the recommendation group</th></tr></thead>\n<tbody>\n",
    );
    for count in &report.events {
        let _infallible = writeln!(
            body,
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td></tr>",
            count.event.as_str(),
            count.customers,
            points(count.share)
        );
    }
    body.push_str("</tbody>\n</table></div>\n");
}

fn method(body: &mut String, report: &EffectReport) {
    let plan = &report.plan;
    let _infallible = write!(
        body,
        "<h2>Method</h2>\n<ul>\n\
         <li>A keyed hash assigned about {} of 100 customers to the control group before anything was sent.</li>\n\
         <li>Every customer counts in the group that they were assigned to, whatever happened later.</li>\n\
         <li>An adoption counts if the ranking chose the product and the day lies in the window of {} days.</li>\n\
         <li>The intervals are hybrid score intervals (Newcombe 1998, method 10). About one interval in 20 misses the true difference.\
         </li>\n\
         <li>Only the first comparison is a test. The length of the window was fixed when the run started.</li>\n</ul>\n",
        points(plan.holdout),
        plan.window_days
    );
}

#[cfg(test)]
mod tests {
    use contracts::RunId;
    use contracts::effect::{EffectPlan, PageEvent};
    use effect::{CustomerResult, measure};
    use jiff::civil::date;
    use runner::effect::{EventCount, Window};

    use super::*;

    fn report(is_over: bool) -> EffectReport {
        let customer = |held_out, adopted: bool| CustomerResult {
            held_out,
            offers: ["card <b>".to_owned()].into(),
            adopted: if adopted { ["card <b>".to_owned()].into() } else { [].into() },
            levels: [].into(),
        };
        let customers: Vec<CustomerResult> =
            (0..1_000).map(|number| customer(number % 10 == 0, number % 7 == 0)).collect();
        EffectReport {
            run: RunId::parse("run-1").unwrap(),
            plan: EffectPlan {
                campaign: "<spring>".to_owned(),
                holdout: 0.1,
                window_days: 30,
                shapes: Vec::new(),
                tones: Vec::new(),
            },
            window: Some(Window { first: date(2026, 11, 1), last: date(2026, 11, 30) }),
            is_over,
            treated: 900,
            published: 890,
            held_out: 100,
            in_no_group: 3,
            adopters: 143,
            newest_adoption: None,
            events: vec![EventCount { event: PageEvent::Opened, customers: 445, share: 0.5 }],
            measurement: is_over.then(|| measure(&customers)),
            reading: "A reading.".to_owned(),
            warnings: vec!["A warning.".to_owned()],
        }
    }

    #[test]
    fn page_has_a_chart_and_a_table_and_loads_nothing() {
        let page = page(&report(true));
        assert_eq!((page.matches("<svg").count(), page.matches("<table").count()), (2, 2));
        assert_eq!(page.matches("role=\"img\" aria-labelledby").count(), 2);
        for part in ["&lt;spring&gt;", "Product: card &lt;b&gt;", "A reading.", "A warning.", "Newcombe 1998"] {
            assert!(page.contains(part), "{part}");
        }
        for part in ["<script", "http", "<b>", "src="] {
            assert!(!page.contains(part) || part == "http" && page.matches("http").count() == 1, "{part}");
        }
    }

    #[test]
    fn page_before_the_horizon_shows_no_uplift() {
        let page = page(&report(false));
        assert!(!page.contains("Uplift") && page.contains("It has not ended."), "{page}");
    }
}
