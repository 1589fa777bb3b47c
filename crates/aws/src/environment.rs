//! Reads a function's settings from its environment variables.

use std::env;
use std::path::PathBuf;

use aws_sdk_s3::types::ObjectLockMode;
use contracts::stage::WorkflowLimits;
use contracts::{ErrorName, NamedError};
use thiserror::Error;

use crate::s3::Lock;

/// A required environment variable is missing or wrong.
#[derive(Debug, Error)]
#[error("the environment variable {name} is {problem}")]
pub struct EnvironmentError {
    name: &'static str,
    problem: &'static str,
}

impl EnvironmentError {
    /// Returns the error for a variable with a problem, such as `not a whole number`.
    pub(crate) const fn invalid(name: &'static str, problem: &'static str) -> Self {
        Self { name, problem }
    }
}

impl NamedError for EnvironmentError {
    fn name(&self) -> ErrorName {
        ErrorName::ConfigInvalid
    }

    fn help(&self) -> Option<String> {
        Some("set it in the function's environment in template.yaml".to_owned())
    }
}

/// Returns the value of a variable that must not be empty.
pub fn required(name: &'static str) -> Result<String, EnvironmentError> {
    match env::var(name) {
        Ok(text) if !text.trim().is_empty() => Ok(text),
        Ok(_) => Err(EnvironmentError { name, problem: "empty" }),
        Err(env::VarError::NotPresent) => Err(EnvironmentError { name, problem: "not set" }),
        Err(env::VarError::NotUnicode(_)) => Err(EnvironmentError { name, problem: "not Unicode" }),
    }
}

/// Returns an error if a variable is not set. An empty value is allowed.
pub fn defined(name: &'static str) -> Result<(), EnvironmentError> {
    env::var_os(name).map(|_| ()).ok_or(EnvironmentError { name, problem: "not set" })
}

/// Returns the value of a variable, or `None` if it is empty or not set.
#[must_use]
pub fn optional(name: &'static str) -> Option<String> {
    required(name).ok()
}

/// Returns the address and the client ID that employees sign in with (`SIGN_IN_ADDRESS`, `SIGN_IN_CLIENT`).
#[must_use]
pub fn sign_in() -> Option<(String, String)> {
    optional("SIGN_IN_ADDRESS").zip(optional("SIGN_IN_CLIENT"))
}

/// Returns a variable as a path, or `default`, the path in the Lambda layer.
#[must_use]
pub fn path(name: &'static str, default: &str) -> PathBuf {
    optional(name).map_or_else(|| PathBuf::from(default), PathBuf::from)
}

/// Reads the lock on evidence from `OBJECT_LOCK` and `OBJECT_LOCK_DAYS`. Returns `None` if it is `OFF` or not set.
pub fn object_lock() -> Result<Option<Lock>, EnvironmentError> {
    let wrong = |name| EnvironmentError { name, problem: "not a valid value" };
    let mode = match optional("OBJECT_LOCK").as_deref() {
        None | Some("OFF") => return Ok(None),
        Some("GOVERNANCE") => ObjectLockMode::Governance,
        Some("COMPLIANCE") => ObjectLockMode::Compliance,
        Some(_) => return Err(wrong("OBJECT_LOCK")),
    };
    let days = required("OBJECT_LOCK_DAYS")?.parse().map_err(|_| wrong("OBJECT_LOCK_DAYS"))?;
    Ok(Some(Lock { mode, days }))
}

/// Reads the workflow's limits from `CONCURRENCY` and `TOLERATED_FAILURE_PERCENTAGE`.
pub fn limits() -> Result<WorkflowLimits, EnvironmentError> {
    let number = |name| required(name)?.parse().map_err(|_| EnvironmentError { name, problem: "not a whole number" });
    Ok(WorkflowLimits {
        concurrency: number("CONCURRENCY")?,
        tolerated_failure_percentage: number("TOLERATED_FAILURE_PERCENTAGE")?,
        customers: None,
        dry_run: false,
    })
}

/// Reads the other origins that the page loads results from and uploads to. They are in `ORIGINS`, separated by spaces.
#[must_use]
pub fn origins() -> Vec<String> {
    optional("ORIGINS").unwrap_or_default().split_whitespace().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_names_the_missing_variable() {
        let error = required("BESPOKE_TEST_NEVER_SET").unwrap_err();
        assert_eq!(error.to_string(), "the environment variable BESPOKE_TEST_NEVER_SET is not set");
        assert_eq!(error.name(), ErrorName::ConfigInvalid);
        assert_eq!(path("BESPOKE_TEST_NEVER_SET", "/opt/bin/ffmpeg"), PathBuf::from("/opt/bin/ffmpeg"));
    }
}
