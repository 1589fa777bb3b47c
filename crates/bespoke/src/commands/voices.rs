//! `bespoke voices`: lists the engines and voices, or installs them.

use std::fmt::Write as _;
use std::path::Path;

use contracts::Language;
use contracts::voice::Engine;
use narrate::{kokoro, openai, polly};
use runner::config::Config;
use runner::failure::Failure;
use runner::programs::{Programs, voices_folder};
use serde::Serialize;

use super::context::Context;
use crate::cli::voice::{VoicesArgs, VoicesCommand};
use crate::voices;

/// One engine in the list.
#[derive(Serialize)]
struct EngineLine {
    engine: Engine,
    /// Whether a run on this machine can use the engine now.
    usable: bool,
    state: String,
    /// The voices, default voice first.
    voices: Vec<String>,
}

pub(super) async fn execute(args: VoicesArgs, config: &Config, context: Context) -> Result<u8, Failure> {
    match args.command {
        None => list(config, context).await,
        Some(VoicesCommand::Install { optional }) => {
            let folder = voices_folder();
            match voices::install(&folder).await {
                Ok(0) => anstream::eprintln!("voices: Kokoro is installed in {}", folder.display()),
                Ok(_) => anstream::eprintln!("voices: installed Kokoro in {}", folder.display()),
                Err(failure) if optional => {
                    anstream::eprintln!("voices: {failure}");
                    anstream::eprintln!("voices: Kokoro is not installed; espeak-ng is used instead");
                }
                Err(failure) => return Err(failure),
            }
            Ok(0)
        }
    }
}

/// Returns espeak-ng's voices for all supported languages.
async fn espeak_voices(program: &Path) -> Result<Vec<String>, narrate::Error> {
    let mut voices = Vec::new();
    for language in Language::ALL {
        voices.extend(narrate::espeak_voices(program, language).await?);
    }
    Ok(voices)
}

async fn list(config: &Config, context: Context) -> Result<u8, Failure> {
    let owned = |voices: &[&str]| voices.iter().map(|voice| (*voice).to_owned()).collect();
    let installed = kokoro::Files::find(&voices_folder()).is_some();
    let (state, espeak) = match espeak_voices(&Programs::find().espeak).await {
        Ok(voices) => ("installed".to_owned(), voices),
        Err(error) => (contracts::error::chain(&error), Vec::new()),
    };
    let openai = &config.settings.voice.openai;
    let lines = [
        EngineLine {
            engine: Engine::Kokoro,
            usable: installed,
            state: if installed { "installed".to_owned() } else { "not installed: bespoke voices install".to_owned() },
            voices: owned(&kokoro::VOICES),
        },
        EngineLine { engine: Engine::Espeak, usable: !espeak.is_empty(), state, voices: espeak },
        EngineLine {
            engine: Engine::Polly,
            usable: false,
            state: "only on AWS".to_owned(),
            voices: owned(&polly::VOICES),
        },
        EngineLine {
            engine: Engine::Openai,
            usable: openai.enabled,
            state: if openai.enabled {
                format!("enabled: the spoken text goes to {}", openai.base_url)
            } else {
                "disabled: set voice.openai.enabled".to_owned()
            },
            voices: owned(&openai::VOICES),
        },
    ];
    context.print(&lines, || {
        let mut text = String::new();
        for line in &lines {
            let _infallible = writeln!(text, "{:<8} {}", line.engine, line.state);
            for row in textwrap::wrap(&line.voices.join(" "), 90) {
                let _infallible = writeln!(text, "         {row}");
            }
        }
        text.push_str(
            "\nA run uses kokoro if it is installed, otherwise espeak; --voice ENGINE:NAME chooses another. Each customer hears a \
             voice of their language.\n",
        );
        text
    });
    Ok(0)
}
