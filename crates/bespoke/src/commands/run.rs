//! `bespoke run` and `bespoke demo`: one customer, or all of them.

use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use contracts::evidence::Outcome;
use contracts::key::Artefact;
use contracts::{CustomerId, ErrorName, ObjectKey};
use tokio_util::sync::CancellationToken;

use super::{Shared, deliver, here};
use crate::campaign::Limits;
use crate::cli::{Demo, Making, Run};
use crate::config::Config;
use crate::failure::Failure;
use crate::folder::FolderStore;
use crate::progress::{self, Lines};
use crate::project::{Folders, Lock};
use crate::report::{Report, copy_out};
use crate::runner::{RunReport, Runner};
use crate::sample::SAMPLE_PASSWORD;
use crate::secrets::LocalSecrets;
use crate::session::{Session, Wish};

pub(super) async fn demo(demo: Demo, config: Config, shared: Shared) -> Result<u8, Failure> {
    let wish = Wish { videos: (!demo.all).then_some(demo.videos), again: demo.again, ..Wish::default() };
    let secrets = LocalSecrets::of_folder(&demo.folders.artifacts).with_workbook_password(SAMPLE_PASSWORD);
    let done = execute(demo.folders, wish, config, secrets, shared).await?;
    shared.print(&done.report, || {
        let mut text = done.report.for_people(&here());
        text.push_str("Next: bespoke evidence --customer 0001   why it was said\n");
        text
    });
    Ok(done.report.exit_code())
}

pub(super) async fn one(run: Run, config: Config, shared: Shared) -> Result<u8, Failure> {
    let customer = Some(customer(run.customer)?);
    let wish = Wish { customer, ..wish(run.making, &config)? };
    let secrets = LocalSecrets::of_folder(&run.folders.artifacts);
    let done = execute(run.folders, wish, config, secrets, shared).await?;
    let copies = done.copy_out()?;
    shared.print(&done.report, || {
        let mut text = done.report.for_people(&here());
        for copy in &copies {
            let _infallible = writeln!(text, "{}", copy.display());
        }
        text
    });
    Ok(done.report.exit_code())
}

/// What is asked of a run, of whomever.
pub(super) fn wish(making: Making, config: &Config) -> Result<Wish, Failure> {
    if making.prompt.is_some() && !config.settings.writer.model.enabled {
        anstream::eprintln!(
            "note: --prompt is for the model, which is switched off: the template writer does not read it"
        );
    }
    Ok(Wish {
        customer: None,
        categories: making.categories,
        prompt: making.prompt.map(prompt).transpose()?,
        words_per_minute: making.rate,
        voice: making.voice,
        shape: making.shape,
        background: making.background,
        videos: making.no_video.then_some(0),
        again: making.again,
    })
}

/// A run that ended, and the folder it still holds.
struct Done {
    report: Report,
    run: RunReport,
    store: Arc<FolderStore>,
    artifacts: PathBuf,
    lock: Lock,
}

impl Done {
    /// Leaves the one customer's text and video under names that do not change from run to run.
    fn copy_out(&self) -> Result<Vec<PathBuf>, Failure> {
        let Some(customer) = self.run.customers.first() else { return Ok(Vec::new()) };
        let Outcome::Published { video } = customer.outcome else { return Ok(Vec::new()) };
        let mut copies = Vec::new();
        let made = [(Artefact::Text, true), (Artefact::Video, video)];
        for ((artefact, made), to) in made.into_iter().zip(outputs(&self.artifacts)) {
            if made {
                let key = ObjectKey::Customer(customer.reference.clone(), self.run.run.clone(), artefact);
                copy_out(&self.store.path(&key), &to, &self.lock.scratch)?;
                copies.push(to);
            }
        }
        Ok(copies)
    }
}

/// Where one customer's text and video are left for a person.
pub(super) fn outputs(artifacts: &Path) -> [PathBuf; 2] {
    ["recommendations.txt", "recommendations_video.mp4"].map(|name| artifacts.join("output").join(name))
}

async fn execute(
    folders: Folders,
    wish: Wish,
    config: Config,
    secrets: LocalSecrets,
    shared: Shared,
) -> Result<Done, Failure> {
    let begun = Instant::now();
    let (one, limits) = (wish.customer.is_some(), Limits::default());
    let session = Session::open(folders, wish, config, secrets, limits, |artifacts| {
        // Whatever comes of this run, another customer's result must not pass for this one's.
        if one { outputs(artifacts).iter().try_for_each(|to| remove(to)) } else { Ok(()) }
    })
    .await?;
    session.log(shared.verbose)?;
    let Session { runner, request, labels, store, lock, watched } = session;
    let watching = tokio::spawn(watch_for_signals(runner.cancel.clone()));
    let shown = tokio::spawn(progress::show(watched, labels.clone(), Lines::EachCustomer));
    let ended = runner.run(&request).await;
    watching.abort();
    let Runner { project, settings, vault, secrets, events, .. } = runner;
    drop(events);
    // The last bar is cleared before anything is printed; a watcher that panicked has nothing to clear.
    let _cleared = shown.await;
    let run = ended?;
    deliver::tell(&run.run, &settings, &vault, secrets.as_ref()).await;

    let seconds = begun.elapsed().as_secs_f64();
    let report =
        Report::of(&run, project.catalogue.bank(), seconds, &labels, &project.catalogue, &vault, &store).await?;
    Ok(Done { report, run, store, artifacts: project.folders.artifacts, lock })
}

fn remove(file: &Path) -> Result<(), Failure> {
    match std::fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Failure::file(ErrorName::StoreUnavailable, file)(error))
        }
        _ => Ok(()),
    }
}

fn customer(given: Option<String>) -> Result<CustomerId, Failure> {
    let id = match given {
        Some(id) => id,
        None if std::io::stdin().is_terminal() => ask("Customer id: ")?,
        None => {
            return Err(Failure::told(
                ErrorName::InputInvalidRequest,
                "no customer is named, and there is no terminal to ask at",
                "give --customer ID",
            ));
        }
    };
    CustomerId::parse(id.trim())
        .map_err(|error| Failure::told(ErrorName::InputInvalidRequest, error.to_string(), "give --customer ID"))
}

fn ask(question: &str) -> Result<String, Failure> {
    let mut answer = String::new();
    let asked = || {
        anstream::eprint!("{question}");
        std::io::stderr().flush()?;
        std::io::stdin().read_line(&mut answer)
    };
    let mut asked = asked;
    asked().map_err(Failure::file(ErrorName::InputInvalidRequest, Path::new("standard input")))?;
    Ok(answer)
}

/// The prompt itself, or the content of the file that `@` names.
fn prompt(given: String) -> Result<String, Failure> {
    match given.strip_prefix('@') {
        Some(path) => {
            let path = Path::new(path);
            std::fs::read_to_string(path).map_err(Failure::file(ErrorName::InputInvalidRequest, path))
        }
        None => Ok(given),
    }
}

/// The first signal stops the run cleanly; the second ends the process at once.
pub(super) async fn watch_for_signals(cancel: CancellationToken) {
    signal().await;
    anstream::eprintln!("stopping; once more to stop at once");
    cancel.cancel();
    signal().await;
    std::process::exit(i32::from(ErrorName::RunCancelled.exit_code()));
}

async fn signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminated) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminated.recv() => {}
            }
            return;
        }
    }
    // Without a handler there is no signal to wait for.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
