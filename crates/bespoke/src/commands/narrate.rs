//! `bespoke narrate`: narrates text into an audio file, so the bank can hear a voice before its customers do.

mod show;

use std::io::Read as _;
use std::path::Path;

use contracts::brand::Brand;
use contracts::{ErrorName, narration};
use narrate::{Pronunciations, SpeechText, speak_text};
use runner::config::Config;
use runner::failure::Failure;
use runner::programs::{Programs, engines, http_client};
use runner::secrets::LocalSecrets;
use serde::Serialize;

use super::context::Context;
use crate::cli::voice::NarrateArgs;

/// The command's output.
#[derive(Serialize)]
struct Spoken<'a> {
    file: &'a Path,
    engine: &'a str,
    voice: &'a str,
    instead_of: &'a [String],
    seconds: f64,
    words_per_minute: f64,
    loudness: f64,
    timing: narration::Timing,
}

pub(super) async fn execute(args: NarrateArgs, config: &Config, context: Context) -> Result<u8, Failure> {
    if let Some(file) = &args.show {
        let show = show::ShowFile { file, language: args.language };
        return show.list(&pronunciations(&args.assets)?, context);
    }
    let (Some(file), Some(out)) = (&args.text, &args.out) else {
        unreachable!("clap requires --text and --out unless --show is given");
    };
    let text = read(file)?;
    let mut voice = config.settings.voice.clone();
    voice.words_per_minute = args.rate.unwrap_or(voice.words_per_minute);
    let engines = engines(&Programs::find(), &config.settings, http_client()?);
    let pronunciations = pronunciations(&args.assets)?;
    let secrets = LocalSecrets::new(LocalSecrets::default_key_file());
    let language = args.language.unwrap_or(config.settings.language);
    let speech = SpeechText { text: &text, language, voice: args.voice.as_deref() };
    let (narration, wav) = speak_text(speech, &voice, &engines, &pronunciations, &secrets).await?;
    std::fs::write(out, wav).map_err(Failure::file(ErrorName::StoreUnavailable, out))?;
    if let Some(cues) = &args.cues {
        let json = serde_json::to_vec_pretty(&narration).expect("every type in the contracts crate serializes to JSON");
        std::fs::write(cues, json).map_err(Failure::file(ErrorName::StoreUnavailable, cues))?;
    }
    let spoken = Spoken {
        file: out,
        engine: &narration.engine,
        voice: &narration.voice,
        instead_of: &narration.instead_of,
        seconds: narration.seconds,
        words_per_minute: narration.words_per_minute,
        loudness: narration.loudness,
        timing: narration.timing,
    };
    context.print(&spoken, || {
        let failures = narration.instead_of.iter();
        let failed: String = failures.flat_map(|failure| [failure, "; used the next voice engine\n"]).collect();
        let Spoken { file, engine, voice, seconds, words_per_minute, loudness, .. } = &spoken;
        let file = file.display();
        format!(
            "{failed}{file}: {seconds:.1} s, {words_per_minute:.0} words/min, {loudness:.1} LUFS, {engine}, {voice}\n"
        )
    });
    Ok(0)
}

/// Reads a text file, or standard input if the file is `-`.
fn read(file: &Path) -> Result<String, Failure> {
    let text = if file == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        std::fs::read_to_string(file)
    };
    text.map_err(Failure::file(ErrorName::InputInvalidRequest, file))
}

/// Reads the bank's pronunciations. Returns an empty list if `brand.toml` cannot be read.
fn pronunciations(assets: &Path) -> Result<Pronunciations, Failure> {
    let brand = match std::fs::read_to_string(assets.join("brand.toml")) {
        Ok(text) => Brand::from_toml(&text)?,
        Err(_) => return Ok(Pronunciations::default()),
    };
    Ok(Pronunciations::read(assets, &brand)?)
}
