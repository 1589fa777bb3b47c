//! The voice engines, and the names of their voices.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A voice engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Engine {
    /// Kokoro-82M, a neural voice that runs locally.
    Kokoro,
    /// espeak-ng, a program that starts immediately but sounds robotic.
    Espeak,
    /// Amazon Polly's neural voices, in the bank's own AWS account.
    Polly,
    /// An outside voice service with an OpenAI-compatible API. Off by default.
    Openai,
}

impl Engine {
    /// All engines.
    pub const ALL: [Self; 4] = [Self::Kokoro, Self::Espeak, Self::Polly, Self::Openai];

    /// Returns the engine's name in settings and commands.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Kokoro => "kokoro",
            Self::Espeak => "espeak",
            Self::Polly => "polly",
            Self::Openai => "openai",
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Engine {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|engine| engine.as_str() == text).ok_or(())
    }
}

/// A voice's name as a user writes it: `af_bella`, `kokoro`, or `kokoro:af_bella`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VoiceName {
    /// The engine, if the name has one.
    pub engine: Option<Engine>,
    /// The engine's own name for the voice. `None` for its default voice.
    pub name: Option<String>,
}

impl VoiceName {
    /// Parses a voice's name. Returns the default value for empty text.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let (engine, name) = match text.split_once(':') {
            Some((engine, name)) => (engine.parse().ok(), if engine.parse::<Engine>().is_ok() { name } else { text }),
            None => match text.parse() {
                Ok(engine) => (Some(engine), ""),
                Err(()) => (None, text),
            },
        };
        Self { engine, name: Some(name).filter(|name| !name.is_empty()).map(str::to_owned) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn voice_name_parses_with_and_without_engine() {
        let named = |engine, name: Option<&str>| VoiceName { engine, name: name.map(str::to_owned) };
        assert_eq!(VoiceName::parse("af_bella"), named(None, Some("af_bella")));
        assert_eq!(VoiceName::parse("kokoro"), named(Some(Engine::Kokoro), None));
        assert_eq!(VoiceName::parse("espeak:en-us+f3"), named(Some(Engine::Espeak), Some("en-us+f3")));
        assert_eq!(VoiceName::parse("../../x:y"), named(None, Some("../../x:y")));
        assert_eq!(VoiceName::parse(""), VoiceName::default());
    }
}
