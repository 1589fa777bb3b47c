//! `bespoke serve`: the page and the API on this machine.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use contracts::ErrorName;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::Shared;
use super::run::watch_for_signals;
use crate::cli::Serve;
use crate::config::Config;
use crate::failure::Failure;
use crate::logs;
use crate::sample::SAMPLE_PASSWORD;
use crate::secrets::LocalSecrets;
use crate::serve::{Server, Setup};

pub(super) async fn execute(asked: Serve, config: Config, shared: Shared) -> Result<u8, Failure> {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    begin_again_with_one_arena();
    let mut secrets = LocalSecrets::of_folder(&asked.folders.artifacts);
    if asked.folders.data == Path::new("data") {
        // The sample's, which is no secret; what the environment has goes before it.
        secrets = secrets.with_workbook_password(SAMPLE_PASSWORD);
    }
    let artifacts = asked.folders.artifacts.clone();
    let stop = CancellationToken::new();
    let setup = Setup {
        folders: asked.folders,
        settings: config.settings,
        secrets: Arc::new(secrets),
        port: asked.port,
        stop: stop.clone(),
    };
    let server = Server::start(setup).await?;
    logs::start(&artifacts, "serve", shared.verbose)?;
    let page = server.page();
    let told = json!({ "address": format!("http://{}", server.address), "token": server.token, "page": page });
    shared.print(&told, || {
        format!("{} is served at\n  {page}\nWhoever has this address may use it. Ctrl-C stops.\n", server.bank)
    });
    // Whoever waits for the address through a pipe must not wait for more.
    let _flushed = std::io::stdout().flush();
    if asked.open {
        open(&page, &artifacts)?;
    }
    let watching = tokio::spawn(watch_for_signals(stop));
    let ended = server.serve().await;
    watching.abort();
    ended.map(|()| 0)
}

/// Begins anew, as the same process, with one place to allocate from: glibc has one for each few threads, keeps in each what
/// was freed there, and reads how many it may have only at the start. A server whose runs and answers go through many threads
/// grew by two thirds in ten minutes (`make bench`); with one it does not. Whoever has set the number keeps it.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn begin_again_with_one_arena() {
    use std::os::unix::process::CommandExt as _;

    const ARENAS: &str = "MALLOC_ARENA_MAX";
    if std::env::var_os(ARENAS).is_some() {
        return;
    }
    if let Ok(program) = std::env::current_exe() {
        // It comes back only if it failed, and then the server merely takes more memory.
        let error = std::process::Command::new(program).args(std::env::args_os().skip(1)).env(ARENAS, "1").exec();
        tracing::debug!(%error, "the server begins with the allocator's own number of arenas");
    }
}

/// Opens the page by way of a file that only this user can read: what a program is started with, everybody on the machine
/// can see, and the address holds the token.
fn open(page: &str, artifacts: &Path) -> Result<(), Failure> {
    let path: PathBuf = artifacts.join("page.html");
    let write = || -> std::io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(artifacts)?;
        write!(file, "<!doctype html><meta charset=\"utf-8\"><meta http-equiv=\"refresh\" content=\"0;url={page}\">")?;
        file.persist(&path)?;
        Ok(())
    };
    write().map_err(Failure::file(ErrorName::StoreUnavailable, &path))?;
    // The server serves whether or not there is a desktop.
    if let Err(failure) = super::play::open(&path) {
        anstream::eprintln!("note: {failure}: open the address yourself");
    }
    Ok(())
}
