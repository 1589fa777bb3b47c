//! The error that makes a command fail, with its name, message and remedy. The name determines the exit code.

use std::path::{Path, PathBuf};

use contracts::error::chain;
use contracts::{ErrorName, NamedError};
use thiserror::Error;

/// The reason why a command failed.
#[derive(Debug, Error)]
pub enum Failure {
    /// An error from a stage, the store, a secret or the settings. It has its own name.
    #[error("{}", chain(.0.as_ref()))]
    Named(Box<dyn NamedError>),
    /// A file on this machine cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// The error's name.
        name: ErrorName,
        /// The cause.
        source: std::io::Error,
    },
    /// The command cannot do what the caller requested.
    #[error("{message}")]
    Refused {
        /// The error's name.
        name: ErrorName,
        /// The message.
        message: String,
        /// The remedy.
        help: Option<String>,
    },
}

impl Failure {
    /// Returns a failure with a name, a message and a remedy.
    #[must_use]
    pub fn new(name: ErrorName, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Refused { name, message: message.into(), help: Some(help.into()) }
    }

    /// Returns a function that turns an I/O error for `path` into a failure called `name`.
    pub fn file(name: ErrorName, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { path, name, source }
    }

    /// Returns the error's name from the closed list.
    #[must_use]
    pub fn name(&self) -> ErrorName {
        match self {
            Self::Named(error) => error.name(),
            Self::File { name, .. } | Self::Refused { name, .. } => *name,
        }
    }

    /// Returns the remedy, or `None` if there is none to suggest.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Named(error) => error.help(),
            Self::File { .. } => None,
            Self::Refused { help, .. } => help.clone(),
        }
    }
}

impl<E: NamedError> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Named(Box::new(error))
    }
}
