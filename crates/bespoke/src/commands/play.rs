//! `bespoke play`: shows a customer's result, or reads it aloud with the desktop's voice.

use std::path::{Path, PathBuf};

use contracts::key::Artefact;
use contracts::{CustomerId, ErrorName, RunId};

use runner::config::Config;
use runner::failure::Failure;
use runner::project::{Project, vault};
use runner::secrets::LocalSecrets;

use super::context::Context;
use super::open::open;
use crate::cli::voice::PlayArgs;

pub(super) async fn execute(args: PlayArgs, config: &Config, context: Context) -> Result<u8, Failure> {
    let wrong =
        |message: String| Failure::new(ErrorName::InputInvalidRequest, message, "look up the run in artifacts/runs");
    let run = RunId::parse(args.run).map_err(|error| wrong(error.to_string()))?;
    let customers = args.folders.artifacts.join("customers");
    let folder = match args.customer {
        Some(id) => {
            let id = CustomerId::parse(id).map_err(|error| wrong(error.to_string()))?;
            let project = Project::load(args.folders.into(), config.settings.language)?;
            let vault = vault(project.store()?.into(), &LocalSecrets::of_folder(&project.folders.artifacts)).await?;
            customers.join(vault.keys().reference(&id).as_str()).join(run.as_str())
        }
        None => only(&customers, &run)?,
    };
    let text = folder.join(Artefact::Text.file_name());
    if !text.is_file() {
        return Err(wrong(format!("{}: there is no published result here", folder.display())));
    }
    if args.aloud {
        let text = std::fs::read_to_string(&text).map_err(Failure::file(ErrorName::StoreUnavailable, &text))?;
        aloud::speak(&text)?;
        return Ok(0);
    }
    let video = folder.join(Artefact::Video.file_name());
    let shown = if video.is_file() { video } else { text };
    context.print(&shown, || format!("{}\n", shown.display()));
    open(&shown)?;
    Ok(0)
}

/// Returns the folder of the only customer with a published result.
fn only(customers: &Path, run: &RunId) -> Result<PathBuf, Failure> {
    let entries = std::fs::read_dir(customers).map_err(Failure::file(ErrorName::InputInvalidRequest, customers))?;
    let folders = entries.filter_map(Result::ok).map(|entry| entry.path().join(run.as_str()));
    let mut published: Vec<PathBuf> =
        folders.filter(|folder| folder.join(Artefact::Text.file_name()).is_file()).collect();
    match (published.pop(), published.len()) {
        (Some(folder), 0) => Ok(folder),
        (found, more) => {
            let found = usize::from(found.is_some()) + more;
            let message = match found {
                0 => format!("{run}: no customer has a published result"),
                found => format!("{run}: {found} customers have published results"),
            };
            Err(Failure::new(ErrorName::InputInvalidRequest, message, "use --customer ID, or specify another run"))
        }
    }
}

#[cfg(not(feature = "aloud"))]
mod aloud {
    use super::{ErrorName, Failure};

    pub(super) fn speak(_text: &str) -> Result<(), Failure> {
        let help =
            "rebuild it with \"cargo build --release -p bespoke --features aloud\"; on Debian it needs libspeechd-dev";
        Err(Failure::new(ErrorName::NarrateEngineMissing, "this build of bespoke does not support --aloud", help))
    }
}

#[cfg(feature = "aloud")]
mod aloud {
    use std::sync::mpsc;
    use std::time::{Duration, Instant};

    use tts::Tts;

    use super::{ErrorName, Failure};

    /// The interval between checks of whether the voice is still speaking.
    const POLL: Duration = Duration::from_millis(200);
    /// The slowest speech rate: 40 words per minute.
    const SECONDS_PER_WORD: f64 = 1.5;
    /// The maximum time to wait for the desktop's speech to start.
    const START: Duration = Duration::from_secs(15);

    /// Speaks on a separate thread. If there is no sound server, the desktop's speech may never end. Then the thread
    /// ends with the process.
    pub(super) fn speak(text: &str) -> Result<(), Failure> {
        let words = u32::try_from(text.split_whitespace().count()).unwrap_or(u32::MAX);
        let deadline = START + Duration::from_secs_f64(f64::from(words) * SECONDS_PER_WORD);
        let (ended, wait) = mpsc::channel();
        let text = text.to_owned();
        std::thread::spawn(move || {
            // After the deadline, the receiver no longer exists.
            let _late = ended.send(say(&text, deadline));
        });
        let failed = |message: String| {
            let help = "start a speech service; on Debian: apt-get install speech-dispatcher";
            Failure::new(ErrorName::NarrateFailed, message, help)
        };
        match wait.recv_timeout(deadline) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(failed(format!("failed to read the text aloud: {error}"))),
            Err(_) => Err(failed(format!("the desktop's voice did not finish within {} s", deadline.as_secs()))),
        }
    }

    fn say(text: &str, deadline: Duration) -> Result<(), tts::Error> {
        let started = Instant::now();
        let mut voice = Tts::default()?;
        voice.speak(text, true)?;
        // Speech starts with a delay.
        std::thread::sleep(POLL);
        while started.elapsed() < deadline && voice.is_speaking()? {
            std::thread::sleep(POLL);
        }
        Ok(())
    }
}
