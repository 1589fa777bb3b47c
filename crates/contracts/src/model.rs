//! The writers and their fallbacks, and the parameters and retirement dates of chat-completion models.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// The writer of a script.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WriterMode {
    /// Bespoke selects approved lines from the phrasebook.
    #[default]
    Phrases,
    /// A model selects among the suitable approved lines. It answers with ids only.
    Select,
    /// A model writes the text, the guard checks it, and a person approves it unless the settings waive the review.
    Free,
}

impl WriterMode {
    /// All writers.
    pub const ALL: [Self; 3] = [Self::Phrases, Self::Select, Self::Free];

    /// Returns the name in settings and requests.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Phrases => "phrases",
            Self::Select => "select",
            Self::Free => "free",
        }
    }

    /// Returns whether the writer calls a model.
    #[must_use]
    pub const fn asks_a_model(self) -> bool {
        matches!(self, Self::Select | Self::Free)
    }
}

impl fmt::Display for WriterMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for WriterMode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mode = Self::ALL.into_iter().find(|mode| mode.as_str() == text);
        mode.ok_or_else(|| format!("unknown writer {text:?}; expected \"phrases\", \"select\" or \"free\""))
    }
}

/// The fallback when the model fails to write acceptable text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fallback {
    /// The text comes from the phrasebook instead, and the evidence records that.
    #[default]
    Template,
    /// The text comes from the phrasebook instead, and a reviewer must approve it.
    // Version 0.1.0 used the word `hold`.
    #[serde(alias = "hold")]
    Review,
}

/// The name of the field that limits an answer's tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenLimit {
    /// The current name.
    #[default]
    MaxCompletionTokens,
    /// The older name. Many compatible services accept only this one.
    MaxTokens,
}

/// How strictly a service enforces the format of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerForm {
    /// By a JSON schema, with the ids of the ranked products as an enum.
    #[default]
    JsonSchema,
    /// As any JSON object; the prompt describes the fields.
    JsonObject,
    /// Not at all; the prompt describes the format.
    Text,
}

/// How much a reasoning model reasons before it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasoningEffort {
    /// Not at all.
    None,
    /// As little as possible.
    Minimal,
    /// A little.
    Low,
    /// A moderate amount.
    Medium,
    /// A lot.
    High,
}

/// The parameters that a model accepts, and its retirement date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ModelTraits {
    /// Whether the model accepts a temperature. Reasoning models reject it.
    pub temperature: bool,
    /// The reasoning effort to request, if any. Without a limit, a reasoning model can spend all tokens of a short
    /// answer on reasoning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning_effort: Option<ReasoningEffort>,
    /// The name of the token limit.
    pub token_limit: TokenLimit,
    /// The format of answers.
    pub answer: AnswerForm,
    /// The announced retirement date.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ends: Option<Date>,
}

/// The traits of an unknown model.
const ANY: ModelTraits = ModelTraits {
    temperature: true,
    reasoning_effort: None,
    token_limit: TokenLimit::MaxCompletionTokens,
    answer: AnswerForm::JsonSchema,
    ends: None,
};

/// The traits of model families, by name prefix.
const FAMILIES: &[(&str, ModelTraits)] = &[
    // Source: the service's deprecations page, as of November 2026.
    ("gpt-4o-mini", ModelTraits { ends: Some(Date::constant(2027, 1, 14)), ..ANY }),
    ("gpt-5", reasoning(ReasoningEffort::None)),
    ("o1", reasoning(ReasoningEffort::Low)),
    ("o3", reasoning(ReasoningEffort::Low)),
    ("o4", reasoning(ReasoningEffort::Low)),
];

const fn reasoning(effort: ReasoningEffort) -> ModelTraits {
    ModelTraits { temperature: false, reasoning_effort: Some(effort), ..ANY }
}

impl Default for ModelTraits {
    fn default() -> Self {
        ANY
    }
}

impl ModelTraits {
    /// Returns the traits of the model with the longest matching name prefix. The bank's own entries take precedence
    /// over the built-in families.
    #[must_use]
    pub fn of(name: &str, own: &BTreeMap<String, Self>) -> Self {
        let own = own.iter().map(|(start, takes)| (start.as_str(), takes));
        let longest = |rows: &mut dyn Iterator<Item = (&str, &Self)>| {
            rows.filter(|(start, _)| name.starts_with(start)).max_by_key(|(start, _)| start.len()).map(|(_, row)| *row)
        };
        longest(&mut own.into_iter())
            .or_else(|| longest(&mut FAMILIES.iter().map(|(start, takes)| (*start, takes))))
            .unwrap_or(ANY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longest_prefix_wins_and_own_entries_take_precedence() {
        let none = BTreeMap::new();
        assert!(!ModelTraits::of("o3-mini", &none).temperature);
        assert!(ModelTraits::of("llama3.2:3b", &none).temperature);
        assert_eq!(ModelTraits::of("gpt-4o-mini-2024-07-18", &none).ends, Some(Date::constant(2027, 1, 14)));
        let older = ModelTraits { token_limit: TokenLimit::MaxTokens, ..ANY };
        let own = BTreeMap::from([("llama".to_owned(), ANY), ("llama3".to_owned(), older)]);
        assert_eq!(ModelTraits::of("llama3.2:3b", &own), older);
        assert_eq!(ModelTraits::of("llama2", &own), ANY);
    }
}
