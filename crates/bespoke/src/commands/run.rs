//! `bespoke run` and `bespoke demo`: carry out a run for one customer or for all customers.

use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use contracts::evidence::Outcome;
use contracts::key::Artefact;
use contracts::request::RunOptions;
use contracts::terminal::printable;
use contracts::text::counted;
use contracts::{CustomerId, ErrorName, ObjectKey};
use phrases::Phrasebook;
use runner::config::Config;
use runner::copies::{output_files, record_owner};
use runner::failure::Failure;
use runner::folder::{FolderStore, create_private};
use runner::follow_up::notify_if_configured;
use runner::limits::RunLimits;
use runner::logs::CustomerFailures;
use runner::project::{Folders, Lock, catalogue, phrasebooks};
use runner::run::{RunReport, Runner};
use runner::secrets::LocalSecrets;
use runner::session::{LocalRequest, Session, SessionSetup};

use super::context::{Context, print_warning};
use super::signals;
use crate::cli::run::{DemoArgs, RecommendationArgs, RunArgs};
use crate::progress::{self, Lines};
use crate::sample::SAMPLE_PASSWORD;
use crate::summary::{RunSummary, SummaryInput};

pub(super) async fn demo(args: DemoArgs, config: Config, context: Context) -> Result<u8, Failure> {
    let options = RunOptions { videos: (!args.all).then_some(args.videos), is_demo: true, ..RunOptions::default() };
    let request = LocalRequest { options, again: args.again, ..LocalRequest::default() };
    let secrets = LocalSecrets::of_folder(&args.folders.artifacts).with_workbook_password(SAMPLE_PASSWORD);
    let limits = RunLimits::default();
    let setup = SessionSetup { folders: args.folders.into(), request, config, secrets, limits };
    let finished = Box::pin(execute(setup, context)).await?;
    context.print(&finished.summary, || {
        let mut text = finished.summary.to_text();
        text.push_str("Next: bespoke evidence --customer 0001   shows why the bank said this\n");
        text
    });
    Ok(finished.summary.exit_code())
}

pub(super) async fn one(args: RunArgs, config: Config, context: Context) -> Result<u8, Failure> {
    let customer = customer(args.customer)?;
    let folders = Folders::from(args.folders);
    let request = LocalRequest { customer: Some(customer), ..local_request(args.options, &config, &folders)? };
    let secrets = LocalSecrets::of_folder(&folders.artifacts);
    let limits = RunLimits::default();
    let setup = SessionSetup { folders, request, config, secrets, limits };
    let finished = Box::pin(execute(setup, context)).await?;
    let copies = finished.copy_results()?;
    context.print(&finished.summary, || {
        let mut text = finished.summary.to_text();
        for copy in &copies {
            let _infallible = writeln!(text, "{}", copy.display());
        }
        text
    });
    Ok(finished.summary.exit_code())
}

/// Returns the request for the options on the command line.
pub(super) fn local_request(
    args: RecommendationArgs,
    config: &Config,
    folders: &Folders,
) -> Result<LocalRequest, Failure> {
    let prompt = args.prompt.map(prompt).transpose()?;
    if let Some(prompt) = &prompt {
        let catalogue = catalogue(&folders.data, folders.catalogue.as_ref())?;
        let books = phrasebooks(folders, &catalogue, config.settings.language)?;
        // The bank's staff write the wish in the bank's language.
        if let Some(book) = books.get(config.settings.language) {
            print_understood(prompt, book);
        }
    }
    let mode = args.writer.unwrap_or(config.settings.writer.mode);
    if mode.asks_a_model() && !config.settings.writer.model.enabled {
        anstream::eprintln!("note: writer {mode} needs writer.model.enabled = true; the phrasebook is used instead");
    }
    let options = RunOptions {
        categories: args.categories,
        prompt,
        writer: args.writer,
        words_per_minute: args.rate,
        voice: args.voice,
        shape: args.shape,
        videos: args.no_video.then_some(0),
        ..RunOptions::default()
    };
    Ok(LocalRequest { options, background: args.background, again: args.again, ..LocalRequest::default() })
}

/// Prints the parts of a prompt that the phrasebook understood. Other words are only counted, because they may contain
/// a name.
fn print_understood(prompt: &str, book: &Phrasebook) {
    let wish = book.wishes().read(prompt);
    let tones = wish.tones.iter().map(|tone| tone.as_str().to_owned());
    let emphases =
        wish.emphases.iter().map(|ground| book.ground(ground).map_or_else(|| ground.to_string(), str::to_owned));
    let understood: Vec<String> = tones.chain(emphases).collect();
    let understood = if understood.is_empty() { "nothing".to_owned() } else { understood.join(", ") };
    let ignored = match wish.ignored.len() {
        0 => String::new(),
        words => format!("; not understood: {}", counted(words, "word", "words")),
    };
    anstream::eprintln!("note: understood from --prompt: {}{ignored}", printable(&understood));
}

/// A finished run, with the folder still locked.
struct FinishedRun {
    summary: RunSummary,
    run: RunReport,
    store: Arc<FolderStore>,
    artifacts: PathBuf,
    lock: Lock,
}

impl FinishedRun {
    /// Copies the customer's text and video to the paths under `output/`. Every run uses the same paths.
    fn copy_results(&self) -> Result<Vec<PathBuf>, Failure> {
        let Some(customer) = self.run.customers.first() else { return Ok(Vec::new()) };
        let Outcome::Published { video } = customer.outcome else { return Ok(Vec::new()) };
        record_owner(&self.artifacts, &customer.reference)?;
        let mut copies = Vec::new();
        let results = [(Artefact::Text, true), (Artefact::Video, video)];
        for ((artefact, exists), to) in results.into_iter().zip(output_files(&self.artifacts)) {
            if exists {
                let key = ObjectKey::Customer(customer.reference.clone(), self.run.run.clone(), artefact);
                copy_whole(&self.store.path(&key), &to, &self.lock.scratch)?;
                copies.push(to);
            }
        }
        Ok(copies)
    }
}

async fn execute(setup: SessionSetup, context: Context) -> Result<FinishedRun, Failure> {
    let started = Instant::now();
    let one_customer = setup.request.customer.is_some();
    let session = Session::open(setup, |artifacts| {
        // If this run fails, copies of another customer's results must not be mistaken for its own.
        if one_customer { output_files(artifacts).iter().try_for_each(|copy| remove(copy)) } else { Ok(()) }
    })
    .await?;
    session.begin(context.verbose, CustomerFailures::Printed).await?;
    let Session { runner, request, labels, store, lock, events } = session;
    let signals = tokio::spawn(signals::watch(runner.cancel.clone()));
    let progress = tokio::spawn(progress::show(events, labels.clone(), Lines::EachCustomer));
    let ended = runner.run(&request).await;
    signals.abort();
    let Runner { project, services, events, .. } = runner;
    drop(events);
    // The display removes its bars before the command prints. If the display panicked, there are no bars.
    let _cleared = progress.await;
    let run = ended?;
    print_warning(notify_if_configured(&run.run, &services.settings, &services.vault, services.secrets.as_ref()).await);

    let input = SummaryInput {
        run: &run,
        seconds: started.elapsed().as_secs_f64(),
        labels: &labels,
        catalogue: &project.catalogue,
        vault: &services.vault,
        store: &store,
    };
    let summary = RunSummary::read(&input).await?;
    Ok(FinishedRun { summary, run, store, artifacts: project.folders.artifacts, lock })
}

/// Copies a finished file. The copy appears in full or not at all.
fn copy_whole(from: &Path, to: &Path, scratch: &Path) -> Result<(), Failure> {
    if !from.is_file() {
        let message = format!("{}: the published file is missing", from.display());
        return Err(Failure::new(ErrorName::StoreNotFound, message, "make it again with --again"));
    }
    let copy = || {
        if let Some(folder) = to.parent() {
            create_private(folder)?;
        }
        let file = tempfile::NamedTempFile::new_in(scratch)?;
        std::fs::copy(from, file.path())?;
        file.persist(to)?;
        Ok(())
    };
    copy().map_err(Failure::file(ErrorName::StoreUnavailable, to))
}

fn remove(file: &Path) -> Result<(), Failure> {
    match std::fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Failure::file(ErrorName::StoreUnavailable, file)(error))
        }
        _ => Ok(()),
    }
}

/// Returns the given customer id, or asks for it at the terminal.
fn customer(given: Option<String>) -> Result<CustomerId, Failure> {
    let id = match given {
        Some(id) => id,
        None if std::io::stdin().is_terminal() => ask("Customer id: ")?,
        None => {
            return Err(Failure::new(
                ErrorName::InputInvalidRequest,
                "no customer id was given, and there is no terminal to ask for one",
                "use --customer ID",
            ));
        }
    };
    CustomerId::parse(id.trim())
        .map_err(|error| Failure::new(ErrorName::InputInvalidRequest, error.to_string(), "use --customer ID"))
}

fn ask(question: &str) -> Result<String, Failure> {
    let read = || {
        anstream::eprint!("{question}");
        std::io::stderr().flush()?;
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer)?;
        Ok(answer)
    };
    read().map_err(Failure::file(ErrorName::InputInvalidRequest, Path::new("standard input")))
}

/// Returns the prompt, or the contents of the file after `@`.
fn prompt(given: String) -> Result<String, Failure> {
    match given.strip_prefix('@') {
        Some(path) => {
            let path = Path::new(path);
            std::fs::read_to_string(path).map_err(Failure::file(ErrorName::InputInvalidRequest, path))
        }
        None => Ok(given),
    }
}
