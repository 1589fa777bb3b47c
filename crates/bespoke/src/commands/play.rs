//! `bespoke play`: shows what a run made for a customer, or says it with the desktop's own voice.

use std::path::{Path, PathBuf};

use contracts::key::Artefact;
use contracts::{CustomerId, ErrorName, RunId};

use super::Shared;
use crate::cli::voice::Play;
use crate::failure::Failure;
use crate::project::{Project, vault};
use crate::secrets::LocalSecrets;

pub(super) async fn execute(asked: Play, shared: Shared) -> Result<u8, Failure> {
    let wrong = |message: String| Failure::told(ErrorName::InputInvalidRequest, message, "see artifacts/runs");
    let run = RunId::parse(asked.run).map_err(|error| wrong(error.to_string()))?;
    let customers = asked.folders.artifacts.join("customers");
    let folder = match asked.customer {
        Some(id) => {
            let id = CustomerId::parse(id).map_err(|error| wrong(error.to_string()))?;
            let project = Project::load(asked.folders)?;
            let vault = vault(project.store()?.into(), &LocalSecrets::of_folder(&project.folders.artifacts)).await?;
            customers.join(vault.keys().reference(&id).as_str()).join(run.as_str())
        }
        None => only(&customers, &run)?,
    };
    let text = folder.join(Artefact::Text.file_name());
    if !text.is_file() {
        return Err(wrong(format!("{}: nothing was published there", folder.display())));
    }
    if asked.aloud {
        let text = std::fs::read_to_string(&text).map_err(Failure::file(ErrorName::StoreUnavailable, &text))?;
        aloud::speak(&text)?;
        return Ok(0);
    }
    let video = folder.join(Artefact::Video.file_name());
    let shown = if video.is_file() { video } else { text };
    shared.print(&shown, || format!("{}\n", shown.display()));
    open(&shown)?;
    Ok(0)
}

/// The folder of the one customer to whom the run published something.
fn only(customers: &Path, run: &RunId) -> Result<PathBuf, Failure> {
    let entries = std::fs::read_dir(customers).map_err(Failure::file(ErrorName::InputInvalidRequest, customers))?;
    let folders = entries.filter_map(Result::ok).map(|entry| entry.path().join(run.as_str()));
    let mut published: Vec<PathBuf> =
        folders.filter(|folder| folder.join(Artefact::Text.file_name()).is_file()).collect();
    match (published.pop(), published.len()) {
        (Some(folder), 0) => Ok(folder),
        (found, more) => {
            let found = usize::from(found.is_some()) + more;
            let message = format!("{run}: {found} customers were published to");
            Err(Failure::told(ErrorName::InputInvalidRequest, message, "give --customer ID, or another run"))
        }
    }
}

/// Opens a file with the desktop's own program for it.
pub(super) fn open(file: &Path) -> Result<(), Failure> {
    let openers = ["xdg-open", "open"];
    let Some(opener) = openers.into_iter().find_map(|name| which::which(name).ok()) else {
        let message = "there is no desktop here to open it with";
        return Err(Failure::told(ErrorName::RenderEngineMissing, message, format!("open {}", file.display())));
    };
    let ended = std::process::Command::new(&opener).arg(file).status();
    let status = ended.map_err(Failure::file(ErrorName::RenderEngineMissing, &opener))?;
    if status.success() {
        return Ok(());
    }
    let message = format!("{}: {status}", opener.display());
    Err(Failure::told(ErrorName::RenderEngineMissing, message, format!("open {}", file.display())))
}

#[cfg(not(feature = "aloud"))]
mod aloud {
    use super::{ErrorName, Failure};

    pub(super) fn speak(_text: &str) -> Result<(), Failure> {
        let help =
            "build it with \"cargo build --release -p bespoke --features aloud\"; on Debian it needs libspeechd-dev";
        Err(Failure::told(ErrorName::NarrateEngineMissing, "this bespoke was built without --aloud", help))
    }
}

#[cfg(feature = "aloud")]
mod aloud {
    use std::sync::mpsc;
    use std::time::{Duration, Instant};

    use tts::Tts;

    use super::{ErrorName, Failure};

    /// How often the voice is asked whether it still speaks.
    const POLL: Duration = Duration::from_millis(200);
    /// Nobody speaks more slowly than 40 words a minute.
    const SECONDS_A_WORD: f64 = 1.5;
    /// How long the desktop's speech may take to start.
    const START: Duration = Duration::from_secs(15);

    /// Speaks on a thread of its own: with no sound server the desktop's speech never ends, and may never begin. Then
    /// the thread is left behind, and ends with the process.
    pub(super) fn speak(text: &str) -> Result<(), Failure> {
        let words = u32::try_from(text.split_whitespace().count()).unwrap_or(u32::MAX);
        let deadline = START + Duration::from_secs_f64(f64::from(words) * SECONDS_A_WORD);
        let (ended, wait) = mpsc::channel();
        let text = text.to_owned();
        std::thread::spawn(move || {
            // Nobody listens any more once the deadline has passed.
            let _late = ended.send(say(&text, deadline));
        });
        let failed = |message: String| {
            let help = "is a speech service running? On Debian: apt-get install speech-dispatcher";
            Failure::told(ErrorName::NarrateFailed, message, help)
        };
        match wait.recv_timeout(deadline) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(failed(format!("the desktop's voice: {error}"))),
            Err(_) => Err(failed(format!("the desktop's voice did not end within {} s", deadline.as_secs()))),
        }
    }

    fn say(text: &str, deadline: Duration) -> Result<(), tts::Error> {
        let begun = Instant::now();
        let mut voice = Tts::default()?;
        voice.speak(text, true)?;
        // Speech starts a moment after it was asked for.
        std::thread::sleep(POLL);
        while begun.elapsed() < deadline && voice.is_speaking()? {
            std::thread::sleep(POLL);
        }
        Ok(())
    }
}
