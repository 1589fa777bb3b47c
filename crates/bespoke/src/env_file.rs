//! Reads `.env` literally: nothing is substituted, so a password may contain `$`, `#`, quotes and backslashes. A line
//! that could mean two values is an error.

use std::fmt::Write as _;

use contracts::{ErrorName, NamedError};
use thiserror::Error;

/// The name of the file.
const FILE: &str = ".env";

/// A faulty line of `.env`. The message never quotes the line, which may hold a secret.
#[derive(Debug, Error, PartialEq, Eq)]
#[error(".env: line {line}: {reason}")]
pub struct EnvFileError {
    line: usize,
    reason: &'static str,
}

impl NamedError for EnvFileError {
    fn name(&self) -> ErrorName {
        ErrorName::ConfigInvalid
    }

    fn help(&self) -> Option<String> {
        Some("put the value in single quotes, which keep every character: NAME='value'".to_owned())
    }
}

/// Loads `.env` from the current folder into the environment. Variables that are already set take precedence.
pub fn load() -> Result<(), EnvFileError> {
    let bytes = match std::fs::read(FILE) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(_) => return Err(EnvFileError { line: 0, reason: "failed to read the file" }),
    };
    #[cfg(unix)]
    ensure_own(FILE, runner::os_user::id())?;
    let text = String::from_utf8(bytes).map_err(|_| EnvFileError { line: 0, reason: "not in UTF-8" })?;
    // dotenvy sets the variables. It substitutes nothing in the quoted form.
    let _already_parsed = dotenvy::from_read(quoted(&parse(&text)?).as_bytes());
    Ok(())
}

/// Fails if another user owns the file, because they could choose the addresses and keys that this user's runs use.
#[cfg(unix)]
fn ensure_own(path: &str, user: u32) -> Result<(), EnvFileError> {
    use std::os::unix::fs::MetadataExt as _;

    let fault = |reason| EnvFileError { line: 0, reason };
    let owner = std::fs::metadata(path).map_err(|_| fault("failed to read its owner"))?.uid();
    if owner == user { Ok(()) } else { Err(fault("belongs to another user; remove it, or copy it as your own")) }
}

/// Returns the variables in a file.
fn parse(text: &str) -> Result<Vec<(String, String)>, EnvFileError> {
    let mut variables = Vec::new();
    for (line, content) in (1..).zip(text.trim_start_matches('\u{feff}').lines()) {
        let content = content.trim();
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        let fault = |reason| EnvFileError { line, reason };
        let content = content.strip_prefix("export ").unwrap_or(content);
        let (name, written) = content.split_once('=').ok_or_else(|| fault("has no `=` after a name"))?;
        let name = name.trim();
        let is_name = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        if !is_name {
            return Err(fault("the name before `=` is not a variable's name"));
        }
        variables.push((name.to_owned(), value(written.trim()).map_err(fault)?));
    }
    Ok(variables)
}

/// Returns the value that the text after `=` means.
fn value(written: &str) -> Result<String, &'static str> {
    let rest_is_comment = |rest: &str| rest.trim().is_empty() || rest.trim_start().starts_with('#');
    if let Some(inner) = written.strip_prefix('\'') {
        let (value, rest) = inner.split_once('\'').ok_or("a single quote is not closed")?;
        return if rest_is_comment(rest) {
            Ok(value.to_owned())
        } else {
            Err("has text after the closing single quote")
        };
    }
    if let Some(inner) = written.strip_prefix('"') {
        let mut value = String::new();
        let mut rest = inner.chars();
        loop {
            match rest.next().ok_or("a double quote is not closed")? {
                '"' => break,
                '\\' => match rest.next() {
                    Some(c @ ('"' | '\\' | '$')) => value.push(c),
                    _ => return Err("a backslash within double quotes could be part of the value or not"),
                },
                c => value.push(c),
            }
        }
        let is_whole = rest_is_comment(rest.as_str());
        return if is_whole { Ok(value) } else { Err("has text after the closing double quote") };
    }
    if written.contains(" #") || written.contains("\t#") {
        return Err("a `#` after a space could begin a comment or be part of the value");
    }
    Ok(written.to_owned())
}

/// Returns the variables as lines in double quotes, with escapes.
fn quoted(variables: &[(String, String)]) -> String {
    let mut lines = String::new();
    for (name, value) in variables {
        let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "\\$");
        let _infallible = writeln!(lines, "{name}=\"{value}\"");
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_read_literally() {
        for (written, password) in [
            ("Summer$2026", "Summer$2026"),
            ("pa$$word", "pa$$word"),
            ("\"Summer$2026\"", "Summer$2026"),
            ("#1Bank", "#1Bank"),
            ("O'Brien26", "O'Brien26"),
            ("Sum\\mer", "Sum\\mer"),
            ("'Summer #2026'", "Summer #2026"),
            ("'a\"b\\n$HOME'  # comment", "a\"b\\n$HOME"),
            ("\"a\\\\b\\\"c\\$d\"", "a\\b\"c$d"),
            ("two words", "two words"),
            ("${HOME}", "${HOME}"),
            ("pässwörd-✓", "pässwörd-✓"),
            ("a=b", "a=b"),
            ("", ""),
        ] {
            let text = format!("\u{feff}# comment\r\n\r\nexport EXCEL_PASSWORD = {written}\r\n");
            let variables = parse(&text).unwrap();
            assert_eq!(variables, [("EXCEL_PASSWORD".to_owned(), password.to_owned())], "{written}");
            // dotenvy reads back the same variables from the quoted form.
            let loaded: Vec<_> = dotenvy::from_read_iter(quoted(&variables).as_bytes()).map(Result::unwrap).collect();
            assert_eq!(loaded, variables, "{written}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn file_of_another_user_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().to_str().unwrap();
        let user = runner::os_user::id();
        ensure_own(path, user).unwrap();
        assert!(ensure_own(path, user + 1).unwrap_err().to_string().contains("belongs to another user"));
    }

    #[test]
    fn error_about_ambiguous_line_does_not_quote_the_value() {
        for (written, reason) in [
            ("Summer #2026", "a `#` after a space could begin a comment or be part of the value"),
            ("'Summer", "a single quote is not closed"),
            ("\"Summer", "a double quote is not closed"),
            ("'O'Brien'", "has text after the closing single quote"),
            ("\"Sum\\mer\"", "a backslash within double quotes could be part of the value or not"),
        ] {
            let error = parse(&format!("A=1\nEXCEL_PASSWORD={written}\n")).unwrap_err();
            assert_eq!(error.to_string(), format!(".env: line 2: {reason}"));
            assert!(error.help().unwrap().contains("single quotes"));
        }
        assert_eq!(parse("EXCEL PASSWORD=x").unwrap_err().line, 1);
        assert_eq!(parse("EXCEL_PASSWORD").unwrap_err().reason, "has no `=` after a name");
    }
}
