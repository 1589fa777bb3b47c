//! The writers, what models of chat completions take, when they are announced to end, and what is done when one does not
//! serve.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// The writer of a script.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WriterMode {
    /// The program selects approved lines of the phrasebook.
    #[default]
    Phrases,
    /// A model selects among the approved lines that fit. It answers with ids only.
    Select,
    /// A model writes, the guard judges, and a person approves.
    Free,
}

impl WriterMode {
    /// All writers.
    pub const ALL: [Self; 3] = [Self::Phrases, Self::Select, Self::Free];

    /// Returns the name as settings and requests write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Phrases => "phrases",
            Self::Select => "select",
            Self::Free => "free",
        }
    }

    /// Returns whether the writer asks a model.
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

/// What is done with a customer for whom the model was to write and did not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fallback {
    /// The phrasebook writes, and the evidence says so.
    #[default]
    Template,
    /// Nothing is published until a person has looked.
    Hold,
}

/// By which name a model's service knows the limit of an answer's tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenLimit {
    /// The name in force.
    #[default]
    MaxCompletionTokens,
    /// The older name, which many compatible services know alone.
    MaxTokens,
}

/// How strictly a model's service can hold an answer to its form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerForm {
    /// To a JSON schema, with the ids of the ranked products as an enum.
    #[default]
    JsonSchema,
    /// To some JSON object; the prompt tells which.
    JsonObject,
    /// Not at all; the prompt tells.
    Text,
}

/// How much a reasoning model thinks before it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasoningEffort {
    /// Not at all.
    None,
    /// As little as may be.
    Minimal,
    /// A little.
    Low,
    /// Some.
    Medium,
    /// Much.
    High,
}

/// What a model takes, and until when there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Takes {
    /// Whether it takes a temperature; reasoning models refuse one.
    pub temperature: bool,
    /// What it is told of reasoning, if anything: unless told not to, it reasons away the tokens of a short answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning_effort: Option<ReasoningEffort>,
    /// The name of the limit.
    pub token_limit: TokenLimit,
    /// The form of its answers.
    pub answer: AnswerForm,
    /// The day from which its service is announced not to have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ends: Option<Date>,
}

/// What a model takes of which nothing is known.
const ANY: Takes = Takes {
    temperature: true,
    reasoning_effort: None,
    token_limit: TokenLimit::MaxCompletionTokens,
    answer: AnswerForm::JsonSchema,
    ends: None,
};

/// What the families of models take, by the start of the name.
const FAMILIES: &[(&str, Takes)] = &[
    // From the service's page of deprecations, as of November 2026.
    ("gpt-4o-mini", Takes { ends: Some(Date::constant(2027, 1, 14)), ..ANY }),
    ("gpt-5", reasoning(ReasoningEffort::None)),
    ("o1", reasoning(ReasoningEffort::Low)),
    ("o3", reasoning(ReasoningEffort::Low)),
    ("o4", reasoning(ReasoningEffort::Low)),
];

const fn reasoning(effort: ReasoningEffort) -> Takes {
    Takes { temperature: false, reasoning_effort: Some(effort), ..ANY }
}

impl Default for Takes {
    fn default() -> Self {
        ANY
    }
}

impl Takes {
    /// What the model of this name takes: as `own` says, or else as the family's row does. The longest start of the name
    /// that is known holds.
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
    fn the_longest_start_holds_and_the_banks_own_row_goes_before_ours() {
        let none = BTreeMap::new();
        assert!(!Takes::of("o3-mini", &none).temperature);
        assert!(Takes::of("llama3.2:3b", &none).temperature);
        assert_eq!(Takes::of("gpt-4o-mini-2024-07-18", &none).ends, Some(Date::constant(2027, 1, 14)));
        let older = Takes { token_limit: TokenLimit::MaxTokens, ..ANY };
        let own = BTreeMap::from([("llama".to_owned(), ANY), ("llama3".to_owned(), older)]);
        assert_eq!(Takes::of("llama3.2:3b", &own), older);
        assert_eq!(Takes::of("llama2", &own), ANY);
    }
}
