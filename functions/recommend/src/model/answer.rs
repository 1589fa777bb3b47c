//! Extracts the JSON from a model's answer, which may contain reasoning, prose and code fences around it.

use serde::de::DeserializeOwned;
use serde_json::Value;

/// The tags around the reasoning that models write before they answer.
const THINKING: [&str; 4] = ["think", "thinking", "thought", "reasoning"];
/// The maximum number of braces and brackets that are tried as the start of an answer.
const MAX_CANDIDATES: usize = 1_000;
/// The maximum number of nested wrappers around an answer, as in `[{"recommendation": {…}}]`.
const MAX_WRAPPERS: usize = 3;

/// Returns the first value in the text that has the fields of `T`. Skips reasoning, prose, code fences and wrappers.
pub(super) fn parse<T: DeserializeOwned>(content: &str) -> Option<T> {
    let content = without_thoughts(content);
    candidates(&content).into_iter().find_map(|value| unwrap(value, MAX_WRAPPERS))
}

/// Returns whether the text contains a complete JSON object or array.
pub(super) fn has_whole_json(content: &str) -> bool {
    !candidates(&without_thoughts(content)).is_empty()
}

/// Returns the value itself if it has the fields. Otherwise, searches the values that it wraps.
fn unwrap<T: DeserializeOwned>(value: Value, depth: usize) -> Option<T> {
    if let Ok(found) = serde_json::from_value(value.clone()) {
        return Some(found);
    }
    if depth == 0 {
        return None;
    }
    let inner: Vec<Value> = match value {
        Value::Array(items) => items,
        Value::Object(fields) => fields.into_iter().map(|(_, value)| value).collect(),
        _ => return None,
    };
    inner.into_iter().filter(|value| value.is_object() || value.is_array()).find_map(|value| unwrap(value, depth - 1))
}

/// Returns the text without blocks such as `<think>…</think>`. A block that is not closed extends to the end.
fn without_thoughts(content: &str) -> String {
    let mut text = content.trim_start_matches('\u{feff}').to_owned();
    for tag in THINKING {
        let (open, close) = (format!("<{tag}>"), format!("</{tag}>"));
        while let Some(start) = text.find(&open) {
            let end = text[start..].find(&close).map_or(text.len(), |end| start + end + close.len());
            text.replace_range(start..end, " ");
        }
        // Some services cut off the start of the block.
        if let Some(end) = text.find(&close) {
            text.replace_range(..end + close.len(), " ");
        }
    }
    text
}

/// Returns the complete JSON objects and arrays that are not inside another one.
fn candidates(text: &str) -> Vec<Value> {
    let mut found = Vec::new();
    let mut at = 0;
    for _ in 0..MAX_CANDIDATES {
        let Some(start) = text[at..].find(['{', '[']).map(|start| at + start) else { break };
        let mut values = serde_json::Deserializer::from_str(&text[start..]).into_iter::<Value>();
        match values.next() {
            Some(Ok(value)) => {
                found.push(value);
                at = start + values.byte_offset();
            }
            // Prose may contain braces too.
            _ => at = start + 1,
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Answer {
        opening: String,
    }

    fn opening(content: &str) -> Option<String> {
        parse::<Answer>(content).map(|answer| answer.opening)
    }

    #[test]
    fn answer_is_extracted_from_reasoning_and_prose() {
        for content in [
            r#"{"opening":"a"}"#,
            "\u{feff}{\"opening\":\"a\"}",
            r#"<think>maybe {"opening":"b"} or {"x"</think>{"opening":"a"}"#,
            r#"so {"opening":"b"}</think>{"opening":"a"}"#,
            "Sure! Here you go:\n```json\n{\"opening\":\"a\"}\n```\nI kept {first_name} in braces.",
            r#"Use {curly} braces: {"opening":"a"} {"opening":"c"}"#,
            r#"{"opening":"a","note":"extra"}"#,
            r#"{"recommendation":{"opening":"a"}}"#,
            r#"[{"opening":"a"}]"#,
            r#"{"result":[{"answer":{"opening":"a"}}]}"#,
        ] {
            assert_eq!(opening(content).as_deref(), Some("a"), "{content}");
        }
        for content in ["", "no", r#"{"opening":"a""#, r#"<think>{"opening":"a"}"#, r#"{"closing":"a"}"#, "[[[[[["] {
            assert_eq!(opening(content), None, "{content}");
        }
        assert!(has_whole_json("x {\"a\":1} y") && !has_whole_json("{\"a\":") && !has_whole_json("fine"));
    }
}
