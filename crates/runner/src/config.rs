//! The settings in effect and where each came from. The environment overrides the file, and the file overrides the
//! defaults.

use std::path::{Path, PathBuf};

use contracts::ErrorName;
use contracts::settings::Settings;

use crate::failure::Failure;

/// The settings file in the working folder.
pub const FILE: &str = "bespoke.toml";

/// Each environment variable that overrides a setting, with the path of that setting.
pub const VARIABLES: [(&str, &str); 7] = [
    ("BESPOKE_MODEL_ENABLED", "writer.model.enabled"),
    ("OPENAI_BASE_URL", "writer.model.base_url"),
    ("OPENAI_API_VERSION", "writer.model.api_version"),
    ("BESPOKE_MODEL", "writer.model.name"),
    ("BESPOKE_VOICE_ENGINE", "voice.engine"),
    ("BESPOKE_VOICE", "voice.name"),
    ("BESPOKE_WORDS_PER_MINUTE", "voice.words_per_minute"),
];

/// The settings, with the source of each.
#[derive(Debug)]
pub struct Config {
    /// The settings in effect.
    pub settings: Settings,
    /// The file that was read, or `None` if there was none.
    pub file: Option<PathBuf>,
    origins: Vec<(String, toml::Value, String)>,
}

impl Config {
    /// Reads `file`, or [`FILE`] if it exists, and then the environment through `variable`. An empty variable counts as
    /// not set. If the caller specifies a file, it must exist.
    ///
    /// # Panics
    /// Never in practice: settings serialize to a table.
    pub fn load(file: Option<&Path>, variable: impl Fn(&str) -> Option<String>) -> Result<Self, Failure> {
        let path = file.unwrap_or(Path::new(FILE));
        let text = match std::fs::read_to_string(path) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && file.is_none() => None,
            Err(error) => return Err(Failure::file(ErrorName::ConfigInvalid, path)(error)),
        };
        // Parse the file alone first, so an error contains the line number.
        Settings::from_toml(text.as_deref().unwrap_or_default())?;
        let in_file: toml::Table = toml::from_str(text.as_deref().unwrap_or_default()).unwrap_or_default();

        let mut merged = in_file.clone();
        let mut from_environment = Vec::new();
        for (name, field) in VARIABLES {
            if let Some(value) = variable(name).filter(|value| !value.is_empty()) {
                set(&mut merged, field, parse(&value));
                from_environment.push((field, name));
            }
        }
        let settings = Settings::from_toml(&merged.to_string())?;

        let origins = leaves(&toml::Table::try_from(&settings).expect("settings are a table"))
            .into_iter()
            .map(|(field, value)| {
                let origin = match from_environment.iter().find(|(set, _)| *set == field) {
                    Some((_, name)) => format!("environment: {name}"),
                    None if find(&in_file, &field).is_some() => path.display().to_string(),
                    None => "default".to_owned(),
                };
                (field, value, origin)
            })
            .collect();
        Ok(Self { settings, file: text.map(|_| path.to_owned()), origins })
    }

    /// Returns the path, the value and the source of each setting.
    #[must_use]
    pub fn origins(&self) -> &[(String, toml::Value, String)] {
        &self.origins
    }
}

/// Parses a value as an integer, then as a Boolean, then as text.
fn parse(text: &str) -> toml::Value {
    text.parse::<i64>()
        .map(toml::Value::from)
        .or_else(|_| text.parse::<bool>().map(toml::Value::from))
        .unwrap_or_else(|_| text.into())
}

fn set(table: &mut toml::Table, field: &str, value: toml::Value) {
    match field.split_once('.') {
        None => {
            table.insert(field.to_owned(), value);
        }
        Some((section, rest)) => {
            let entry = table.entry(section).or_insert_with(|| toml::Table::new().into());
            if let toml::Value::Table(inner) = entry {
                set(inner, rest, value);
            }
        }
    }
}

fn find<'a>(table: &'a toml::Table, field: &str) -> Option<&'a toml::Value> {
    match field.split_once('.') {
        None => table.get(field),
        Some((section, rest)) => find(table.get(section)?.as_table()?, rest),
    }
}

fn leaves(table: &toml::Table) -> Vec<(String, toml::Value)> {
    let mut all = Vec::new();
    for (name, value) in table {
        match value {
            toml::Value::Table(inner) if !inner.is_empty() => {
                all.extend(leaves(inner).into_iter().map(|(field, value)| (format!("{name}.{field}"), value)));
            }
            _ => all.push((name.clone(), value.clone())),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn environment_overrides_file_overrides_default() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bespoke.toml");
        std::fs::write(&path, "[voice]\nwords_per_minute = 120\nname = \"en-gb\"\n").unwrap();
        let variable = |name: &str| (name == "BESPOKE_WORDS_PER_MINUTE").then(|| "160".to_owned());
        let config = Config::load(Some(&path), variable).unwrap();
        assert_eq!(config.settings.voice.words_per_minute, 160);
        assert_eq!(config.settings.voice.name, "en-gb");
        let origin = |field: &str| config.origins().iter().find(|(name, ..)| name == field).unwrap().2.clone();
        assert_eq!(origin("voice.words_per_minute"), "environment: BESPOKE_WORDS_PER_MINUTE");
        assert_eq!(origin("voice.name"), path.display().to_string());
        assert_eq!(origin("video.crf"), "default");
    }

    #[test]
    fn error_contains_line_number() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bespoke.toml");
        std::fs::write(&path, "[voice]\nsped = 120\n").unwrap();
        let failure = Config::load(Some(&path), |_| None).unwrap_err();
        assert_eq!(failure.name(), ErrorName::ConfigInvalid);
        assert!(failure.to_string().contains("line 2"), "{failure}");
    }

    #[test]
    fn specified_file_must_exist() {
        let failure = Config::load(Some(Path::new("no/such/file.toml")), |_| None).unwrap_err();
        assert!(failure.to_string().contains("no/such/file.toml"), "{failure}");
    }
}
