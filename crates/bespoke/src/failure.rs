//! What ends a command early, and how it is told: what, where, why, what to do, and the exit code.

use std::path::{Path, PathBuf};

use contracts::error::chain;
use contracts::{ErrorName, NamedError};
use thiserror::Error;

/// Why a command ended early.
#[derive(Debug, Error)]
pub enum Failure {
    /// A stage, the store, a secret, the settings: whatever has a name of its own.
    #[error("{}", chain(.0.as_ref()))]
    Named(Box<dyn NamedError>),
    /// A file of this machine cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// The name under which it is told.
        name: ErrorName,
        /// Why.
        source: std::io::Error,
    },
    /// Something that the person asked for cannot be done.
    #[error("{message}")]
    Told {
        /// The name under which it is told.
        name: ErrorName,
        /// What happened.
        message: String,
        /// What to do.
        help: Option<String>,
    },
}

impl Failure {
    /// A failure with a name, a message and what to do.
    #[must_use]
    pub fn told(name: ErrorName, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Told { name, message: message.into(), help: Some(help.into()) }
    }

    /// A file that cannot be read or written, told as `name`.
    pub fn file(name: ErrorName, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { path, name, source }
    }

    /// Its name in the closed table.
    #[must_use]
    pub fn name(&self) -> ErrorName {
        match self {
            Self::Named(error) => error.name(),
            Self::File { name, .. } | Self::Told { name, .. } => *name,
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Named(error) => error.help(),
            Self::File { .. } => None,
            Self::Told { help, .. } => help.clone(),
        }
    }

    /// Prints it on standard error.
    pub fn print(&self) {
        use anstyle::{AnsiColor, Style};
        let red = Style::new().bold().fg_color(Some(AnsiColor::Red.into()));
        let cyan = Style::new().bold().fg_color(Some(AnsiColor::Cyan.into()));
        anstream::eprintln!("{red}error[{}]{red:#}: {}", self.name(), chain(self));
        if let Some(help) = self.help() {
            anstream::eprintln!("  {cyan}help{cyan:#}: {help}");
        }
    }
}

impl<E: NamedError> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Named(Box::new(error))
    }
}
