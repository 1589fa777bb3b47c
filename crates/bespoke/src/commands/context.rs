//! Helpers that the commands share: printing, and parsing runs, customers and names from the command line.

use std::path::Path;
use std::sync::Arc;

use anstyle::{AnsiColor, Style};
use contracts::error::chain;
use contracts::table::is_formula;
use contracts::terminal::printable;
use contracts::{CustomerId, CustomerRef, ErrorName, RunId};
use runner::failure::Failure;
use runner::folder::FolderStore;
use runner::follow_up::NotificationWarning;
use runner::os_user::OsUser;
use runner::project::vault;
use runner::secrets::LocalSecrets;
use serde::Serialize;
use storage::vault::{Keys, Vault};

/// The global options of the command line.
#[derive(Clone, Copy, Debug)]
pub struct Context {
    /// Whether to print JSON.
    pub json: bool,
    /// The verbosity of standard error.
    pub verbose: u8,
}

impl Context {
    /// Prints a report: as JSON if the user asked for JSON, otherwise as rendered by `to_text`.
    pub(super) fn print<T: Serialize>(self, report: &T, to_text: impl FnOnce() -> String) {
        if self.json {
            let json = serde_json::to_string_pretty(report).expect("reports serialize to JSON");
            anstream::println!("{json}");
        } else {
            anstream::print!("{}", printable(&to_text()));
        }
    }
}

/// Prints a failure and its remedy to standard error.
pub fn print_failure(failure: &Failure) {
    let red = Style::new().bold().fg_color(Some(AnsiColor::Red.into()));
    let cyan = Style::new().bold().fg_color(Some(AnsiColor::Cyan.into()));
    anstream::eprintln!("{red}error[{}]{red:#}: {}", failure.name(), printable(&chain(failure)));
    if let Some(help) = failure.help() {
        anstream::eprintln!("  {cyan}help{cyan:#}: {}", printable(&help));
    }
}

/// Prints the warning about notifications, if there is one.
pub(super) fn print_warning(warning: Option<NotificationWarning>) {
    if let Some(NotificationWarning { name, message }) = warning {
        anstream::eprintln!("warning[{name}]: {}", printable(&message));
    }
}

/// Returns the name for the record: the operating system's name for the user, and the person named by `--by`.
pub(super) fn person(on_behalf_of: Option<&str>) -> Result<String, Failure> {
    let is_bad =
        |person: &&str| person.trim().is_empty() || person.contains(char::is_control) || is_formula(person.trim());
    if on_behalf_of.as_ref().is_some_and(is_bad) {
        let message = "the name after --by is blank, has a control character, or could be a formula";
        return Err(Failure::new(ErrorName::InputInvalidRequest, message, "use --by NAME, or leave it out"));
    }
    Ok(OsUser::current()?.on_behalf_of(on_behalf_of))
}

/// Parses a run id from the command line.
pub(super) fn run_id(run: String) -> Result<RunId, Failure> {
    RunId::parse(run).map_err(|error| {
        Failure::new(ErrorName::InputInvalidRequest, error.to_string(), "look up the run in artifacts/runs")
    })
}

/// Returns the customer reference for a customer id from the command line.
pub(super) fn reference(customer: String, keys: &Keys) -> Result<CustomerRef, Failure> {
    let id = CustomerId::parse(customer).map_err(|error| {
        Failure::new(ErrorName::InputInvalidRequest, error.to_string(), "ids are text: 0001 is not 1")
    })?;
    Ok(keys.reference(&id))
}

/// Opens the artifacts folder as a store, and a vault over it with the keys that sealed its objects.
pub(super) async fn open_artifacts(artifacts: &Path) -> Result<(Arc<FolderStore>, Vault, LocalSecrets), Failure> {
    let store = FolderStore::open(artifacts).map_err(Failure::file(ErrorName::StoreUnavailable, artifacts))?;
    let store = Arc::new(store);
    let secrets = LocalSecrets::of_folder(artifacts);
    let vault = vault(store.clone(), &secrets).await?;
    Ok((store, vault, secrets))
}
