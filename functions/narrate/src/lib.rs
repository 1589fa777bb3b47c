//! The narrate stage: speaks a customer's script, and says when each word is heard.
//!
//! **Invariant:** knows nothing of AWS, of Lambda and of other stages. No word of the script is written anywhere but
//! into the sealed results and the speech engine's input; messages name segments, sentences and words by number.

use std::path::Path;

use contracts::key::{Artefact, RunPart};
use contracts::narration::Narration;
use contracts::request::Request;
use contracts::script::Script;
use contracts::settings::Settings;
use contracts::stage::CustomerTask;
use contracts::store::Written;
use contracts::vault::{Owner, Vault};
use contracts::{Digest, ObjectKey};

mod error;
mod espeak;
mod names;
pub mod narrator;
mod numbers;
mod pace;
mod sentences;
mod sound;
pub mod spoken;
mod timing;

pub use error::{Error, VoiceFrom};
pub use espeak::{Espeak, engine_version};
use narrator::Narrator;
use pace::Line;
use spoken::Utterance;

/// What narrating needs.
pub struct Deps<'a> {
    /// Opens the script, seals the sound.
    pub vault: &'a Vault,
    /// The settings of the run.
    pub settings: &'a Settings,
    /// The program espeak-ng: a path, or a name that is looked for in `PATH`.
    pub espeak: &'a Path,
}

/// Speaks the script of one customer: writes `narration.wav`, then `cues.json`.
///
/// The rate is words as written ÷ minutes from the start of the first sentence to the end of the last. The loudness is
/// that of the mono sound: put on two channels, it measures 3 LU more (ITU-R BS.1770-4).
pub async fn run(task: CustomerTask, deps: &Deps<'_>) -> Result<CustomerTask, Error> {
    let (request, _) = deps.vault.read_json::<Request>(Owner::Run, &request_key(&task)).await?;
    let (script, script_digest) =
        deps.vault.read_json::<Script>(Owner::Customer(&task.reference), &key(&task, Artefact::Script)).await?;
    let inputs = inputs(&request, script_digest, deps.settings);
    if found(&task, deps, &inputs).await?.is_some() {
        return Ok(task);
    }
    let lines = lines(&script)?;
    let narrator = narrator(&request, deps).await?;
    let (narration, wav) = narrate(&narrator, lines, request.words_per_minute).await?;
    write(&task, deps, &inputs, narration, wav).await?;
    Ok(task)
}

fn request_key(task: &CustomerTask) -> ObjectKey {
    ObjectKey::Run(task.run.clone(), RunPart::Request)
}

fn key(task: &CustomerTask, artefact: Artefact) -> ObjectKey {
    ObjectKey::Customer(task.reference.clone(), task.run.clone(), artefact)
}

/// The digest of all that determines the result. The engine's version is not in it: a narration that is there stands
/// when the machine's engine is renewed, and names the version that made it.
fn inputs(request: &Request, script: Digest, settings: &Settings) -> Digest {
    let request = Digest::of_json(request);
    let parts = [b"narrate".as_slice(), env!("CARGO_PKG_VERSION").as_bytes(), request.as_bytes(), script.as_bytes()];
    Digest::of_parts(parts.into_iter().chain([settings.voice.name.as_bytes()]))
}

async fn found(task: &CustomerTask, deps: &Deps<'_>, inputs: &Digest) -> Result<Option<Narration>, Error> {
    Ok(deps.vault.find_json(Owner::Customer(&task.reference), &key(task, Artefact::Cues), inputs).await?)
}

/// The script's sentences, ready to be said.
fn lines(script: &Script) -> Result<Vec<Line>, Error> {
    let mut lines = Vec::new();
    for (segment, part) in script.segments.iter().enumerate() {
        for (index, sentence) in sentences::sentences(&part.text).iter().enumerate() {
            let utterance = Utterance::of(sentence).map_err(|spoken::Unspeakable(word)| Error::Unspeakable {
                segment: segment + 1,
                sentence: index + 1,
                word,
            })?;
            let place = format!("segment {}, sentence {}", segment + 1, index + 1);
            lines.extend(utterance.map(|utterance| Line { segment, place, utterance }));
        }
    }
    if lines.is_empty() { Err(Error::Nothing) } else { Ok(lines) }
}

async fn narrator(request: &Request, deps: &Deps<'_>) -> Result<Espeak, Error> {
    let (voice, from) = match &request.voice {
        Some(voice) => (voice, VoiceFrom::Request),
        None => (&deps.settings.voice.name, VoiceFrom::Settings),
    };
    Espeak::new(deps.espeak, voice, from).await
}

/// Speaks the lines with any engine: the narration, and the WAV.
async fn narrate(
    narrator: &dyn Narrator,
    lines: Vec<Line>,
    words_per_minute: u16,
) -> Result<(Narration, Vec<u8>), Error> {
    if !(80..=220).contains(&words_per_minute) {
        return Err(Error::Rate);
    }
    let take = pace::speak(narrator, &lines, words_per_minute).await?;
    let (engine, voice) = (narrator.engine().to_owned(), narrator.voice().to_owned());
    let (narration, wav) = tokio::task::spawn_blocking(move || finish(&lines, &take, engine, voice)).await??;
    let wanted = f64::from(words_per_minute);
    if (narration.words_per_minute / wanted - 1.0).abs() > 0.05 {
        tracing::warn!(wanted, reached = narration.words_per_minute, "the engine does not reach the speaking rate");
    }
    Ok((narration, wav))
}

fn finish(lines: &[Line], take: &pace::Take, engine: String, voice: String) -> Result<(Narration, Vec<u8>), Error> {
    let laid = timing::lay(lines, take)?;
    let (samples, loudness) = sound::level(&laid.samples)?;
    let wav = sound::wav(&samples)?;
    let words: usize = laid.sentences.iter().map(|sentence| sentence.words.len()).sum();
    let spoken = match (laid.sentences.first(), laid.sentences.last()) {
        (Some(first), Some(last)) => last.end - first.start,
        _ => return Err(Error::Nothing),
    };
    #[expect(clippy::cast_precision_loss, reason = "some hundred words")]
    let words_per_minute = words as f64 * 60.0 / spoken;
    let narration = Narration {
        engine,
        voice,
        timing: laid.timing,
        seconds: sound::seconds(samples.len(), sound::RATE),
        words_per_minute,
        loudness,
        sentences: laid.sentences,
        audio: Digest::of(&wav),
    };
    Ok((narration, wav))
}

/// Writes the sound first, then the cues that name it. A sound that lies there from an earlier, broken try, or from a
/// writer at the same moment, is adopted if it is as long as ours, so that the times hold for it.
async fn write(
    task: &CustomerTask,
    deps: &Deps<'_>,
    inputs: &Digest,
    mut narration: Narration,
    wav: Vec<u8>,
) -> Result<Narration, Error> {
    let owner = Owner::Customer(&task.reference);
    let audio = key(task, Artefact::NarrationAudio);
    if deps.vault.write(owner, &audio, inputs, &wav).await? == Written::AlreadyThere {
        let (there, _) = deps.vault.read(owner, &audio).await?;
        if there.len() != wav.len() {
            return Err(Error::OtherSound { place: audio.to_string() });
        }
        narration.audio = Digest::of(&there);
    }
    Ok(deps.vault.write_json(owner, &key(task, Artefact::Cues), inputs, narration).await?)
}
