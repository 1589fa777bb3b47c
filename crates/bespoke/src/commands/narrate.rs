//! `bespoke narrate`: speaks a text to a file, to hear a voice before it speaks to customers.

use std::io::Read as _;
use std::path::Path;

use contracts::brand::Brand;
use contracts::{ErrorName, narration};
use narrate::{Pronunciations, speak_text};
use serde::Serialize;

use super::Shared;
use crate::cli::voice::Narrate;
use crate::config::Config;
use crate::doctor::{engines, programs};
use crate::failure::Failure;
use crate::secrets::LocalSecrets;

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

pub(super) async fn execute(asked: Narrate, config: &Config, shared: Shared) -> Result<u8, Failure> {
    let text = if asked.text == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        std::fs::read_to_string(&asked.text)
    };
    let text = text.map_err(Failure::file(ErrorName::InputInvalidRequest, &asked.text))?;
    let mut voice = config.settings.voice.clone();
    voice.words_per_minute = asked.rate.unwrap_or(voice.words_per_minute);
    let http = outbound::client().map_err(|error| {
        Failure::told(ErrorName::ConfigInvalid, contracts::error::chain(&error), "check the proxy variables")
    })?;
    let engines = engines(&programs(), &config.settings, http);
    let pronunciations = pronunciations(&asked.assets)?;
    let secrets = LocalSecrets::new(LocalSecrets::default_key_file());
    let asked_voice = asked.voice.as_deref();
    let (narration, wav) = speak_text(&text, asked_voice, &voice, &engines, &pronunciations, &secrets).await?;
    std::fs::write(&asked.out, wav).map_err(Failure::file(ErrorName::StoreUnavailable, &asked.out))?;
    if let Some(cues) = &asked.cues {
        let json = serde_json::to_vec_pretty(&narration).expect("the types of contracts serialize to JSON");
        std::fs::write(cues, json).map_err(Failure::file(ErrorName::StoreUnavailable, cues))?;
    }
    let spoken = Spoken {
        file: &asked.out,
        engine: &narration.engine,
        voice: &narration.voice,
        instead_of: &narration.instead_of,
        seconds: narration.seconds,
        words_per_minute: narration.words_per_minute,
        loudness: narration.loudness,
        timing: narration.timing,
    };
    shared.print(&spoken, || {
        let failed: String = narration.instead_of.iter().fold(String::new(), |text, why| text + "not " + why + "\n");
        let Spoken { file, engine, voice, seconds, words_per_minute, loudness, .. } = &spoken;
        let file = file.display();
        format!(
            "{failed}{file}: {seconds:.1} s, {words_per_minute:.0} words/min, {loudness:.1} LUFS, {engine}, {voice}\n"
        )
    });
    Ok(0)
}

/// The bank's pronunciations, if there is a bank's folder here at all.
fn pronunciations(assets: &Path) -> Result<Pronunciations, Failure> {
    let brand = match std::fs::read_to_string(assets.join("brand.toml")) {
        Ok(text) => Brand::from_toml(&text)?,
        Err(_) => return Ok(Pronunciations::default()),
    };
    Ok(Pronunciations::read(assets, &brand)?)
}
