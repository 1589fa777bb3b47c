//! `bespoke voices`: which engines and voices there are, and what is installed.

use std::fmt::Write as _;

use contracts::voice::Engine;
use narrate::{kokoro, openai, polly};
use serde::Serialize;

use super::Shared;
use crate::cli::voice::{Voices, VoicesCommand};
use crate::config::Config;
use crate::doctor::programs;
use crate::failure::Failure;
use crate::voices;

#[derive(Serialize)]
struct Line {
    engine: Engine,
    /// Whether a run on this machine can use it now.
    usable: bool,
    state: String,
    /// The default one first.
    voices: Vec<String>,
}

pub(super) async fn execute(asked: Voices, config: &Config, shared: Shared) -> Result<u8, Failure> {
    match asked.command {
        None => list(config, shared).await,
        Some(VoicesCommand::Install { optional }) => {
            let folder = voices::folder();
            match voices::install(&folder).await {
                Ok(0) => anstream::eprintln!("voices: Kokoro is installed in {}", folder.display()),
                Ok(_) => anstream::eprintln!("voices: Kokoro was installed in {}", folder.display()),
                Err(failure) if optional => {
                    anstream::eprintln!("voices: {failure}");
                    anstream::eprintln!("voices: Kokoro is not installed; espeak-ng speaks instead");
                }
                Err(failure) => return Err(failure),
            }
            Ok(0)
        }
    }
}

async fn list(config: &Config, shared: Shared) -> Result<u8, Failure> {
    let owned = |voices: &[&str]| voices.iter().map(|voice| (*voice).to_owned()).collect();
    let installed = kokoro::Files::find(&voices::folder()).is_some();
    let (state, espeak) = match narrate::english_voices(&programs().espeak).await {
        Ok(voices) => ("installed".to_owned(), voices),
        Err(error) => (contracts::error::chain(&error), Vec::new()),
    };
    let openai = &config.settings.voice.openai;
    let lines = [
        Line {
            engine: Engine::Kokoro,
            usable: installed,
            state: if installed { "installed".to_owned() } else { "not installed: bespoke voices install".to_owned() },
            voices: owned(&kokoro::VOICES),
        },
        Line { engine: Engine::Espeak, usable: !espeak.is_empty(), state, voices: espeak },
        Line { engine: Engine::Polly, usable: false, state: "on AWS alone".to_owned(), voices: owned(&polly::VOICES) },
        Line {
            engine: Engine::Openai,
            usable: openai.enabled,
            state: if openai.enabled {
                format!("switched on: the spoken text goes to {}", openai.base_url)
            } else {
                "switched off: voice.openai.enabled".to_owned()
            },
            voices: owned(&openai::VOICES),
        },
    ];
    shared.print(&lines, || {
        let mut text = String::new();
        for line in &lines {
            let _infallible = writeln!(text, "{:<8} {}", line.engine, line.state);
            for row in textwrap::wrap(&line.voices.join(" "), 90) {
                let _infallible = writeln!(text, "         {row}");
            }
        }
        text.push_str(
            "\nA run takes the first of kokoro and espeak that is there; --voice ENGINE:NAME names another.\n",
        );
        text
    });
    Ok(0)
}
