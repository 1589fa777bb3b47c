//! `bespoke serve`: serves the page and the API on this machine.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use contracts::ErrorName;
use runner::config::Config;
use runner::failure::Failure;
use runner::intake;
use runner::logs::{self, CustomerFailures};
use runner::secrets::LocalSecrets;
use serde_json::json;
use server::{Server, Setup};
use tokio_util::sync::CancellationToken;

use super::context::Context;
use super::{open, signals};
use crate::cli::tools::ServeArgs;
use crate::sample::SAMPLE_PASSWORD;

pub(super) async fn execute(args: ServeArgs, config: Config, context: Context) -> Result<u8, Failure> {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    restart_with_one_arena();
    let mut secrets = LocalSecrets::of_folder(&args.folders.artifacts);
    if args.folders.data == Path::new("data") {
        // The password of the sample data is public. A password in the environment takes precedence.
        secrets = secrets.with_workbook_password(SAMPLE_PASSWORD);
    }
    let artifacts = args.folders.artifacts.clone();
    let stop = CancellationToken::new();
    let setup = Setup {
        folders: args.folders.into(),
        settings: config.settings,
        secrets: Arc::new(secrets),
        port: args.port,
        stop: stop.clone(),
        reader: intake::this_program(),
    };
    let server = Server::start(setup).await?;
    logs::start(&artifacts, "serve", context.verbose, CustomerFailures::LoggedOnly)?;
    let page = server.page();
    let report = json!({ "address": format!("http://{}", server.address), "token": server.token, "page": page, "user": server.user.name });
    context.print(&report, || {
        let user = &server.user.name;
        format!(
            "{} is served at\n  {page}\nAnyone with this address acts as {user}, with all roles. Press Ctrl-C to stop.\n",
            server.bank
        )
    });
    // A program at the other end of a pipe may be waiting for the address.
    let _flushed = std::io::stdout().flush();
    if args.open {
        open_page(&page, &artifacts)?;
    }
    let signals = tokio::spawn(signals::watch(stop));
    let ended = server.serve().await;
    signals.abort();
    ended.map(|()| 0)
}

/// Restarts the process in place with one allocation arena, unless the environment sets the number of arenas. By
/// default, glibc creates up to eight arenas per core and keeps freed memory in each of them. The server's memory then
/// grew by two thirds in ten minutes (`make bench`). glibc reads the number only at startup.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn restart_with_one_arena() {
    use std::os::unix::process::CommandExt as _;

    const ARENAS: &str = "MALLOC_ARENA_MAX";
    if std::env::var_os(ARENAS).is_some() {
        return;
    }
    if let Ok(program) = std::env::current_exe() {
        // `exec` returns only if it fails. In that case, the server just uses more memory.
        let error = std::process::Command::new(program).args(std::env::args_os().skip(1)).env(ARENAS, "1").exec();
        tracing::debug!(%error, "failed to restart with one arena; the server may use more memory");
    }
}

/// Opens the page through a file that only this user can read. The page's address contains the token, and every user on
/// the machine can see the arguments of a process.
fn open_page(page: &str, artifacts: &Path) -> Result<(), Failure> {
    let path: PathBuf = artifacts.join("page.html");
    let write = || -> std::io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(artifacts)?;
        write!(file, "<!doctype html><meta charset=\"utf-8\"><meta http-equiv=\"refresh\" content=\"0;url={page}\">")?;
        file.persist(&path)?;
        Ok(())
    };
    write().map_err(Failure::file(ErrorName::StoreUnavailable, &path))?;
    // The server also works without a desktop.
    if let Err(failure) = open::open(&path) {
        anstream::eprintln!("note: {failure}; open the address yourself");
    }
    Ok(())
}
