//! The narrate stage: speaks a customer's script, and says when each word is heard.
//!
//! **Invariant:** knows nothing of AWS, of Lambda and of other stages. No word of the script is written anywhere but
//! into the sealed results and the speech engine's input; messages name segments, sentences and words by number.

use std::collections::BTreeMap;

use contracts::key::{Artefact, RunPart};
use contracts::narration::{Narration, Timing};
use contracts::request::Request;
use contracts::script::Script;
use contracts::settings::{self, Settings};
use contracts::stage::CustomerTask;
use contracts::{Digest, ObjectKey};
use storage::secret::Secrets;
use storage::store::PutOutcome;
use storage::vault::{Owner, Vault, VaultError};

mod engines;
mod error;
mod espeak;
pub mod kokoro;
mod memory;
mod names;
pub mod narrator;
mod numbers;
pub mod openai;
mod pace;
mod phonemes;
pub mod polly;
mod pronunciations;
mod sentences;
mod sound;
pub mod spoken;
mod timing;

pub use engines::Engines;
use engines::Voice;
pub use error::{Error, VoiceFrom};
pub use espeak::{Espeak, engine_version, english_voices};
use memory::Remembering;
use narrator::Narrator;
use pace::Line;
pub use pronunciations::Pronunciations;
use spoken::Utterance;

/// What narrating needs.
pub struct Deps<'a> {
    /// Opens the script, seals the sound.
    pub vault: &'a Vault,
    /// The settings of the run.
    pub settings: &'a Settings,
    /// Who can speak.
    pub engines: &'a Engines,
    /// How the bank's words are said.
    pub pronunciations: &'a Pronunciations,
    /// Holds the key of the outside service.
    pub secrets: &'a dyn Secrets,
}

/// What is to be spoken, and how.
struct Order<'a> {
    lines: Vec<Line>,
    words_per_minute: u16,
    /// The voices to be tried, in order.
    voices: Vec<Voice>,
    /// A name that the text may hold.
    name: &'a str,
}

/// Speaks the script of one customer: writes `narration.wav`, then `cues.json`.
///
/// The rate is words as written ÷ minutes from the start of the first sentence to the end of the last. The loudness is
/// that of the mono sound: put on two channels, it measures 3 LU more (ITU-R BS.1770-4).
pub async fn run(task: CustomerTask, deps: &Deps<'_>) -> Result<CustomerTask, Error> {
    let (request, _) = deps.vault.read_json::<Request>(Owner::Run, &request_key(&task)).await?;
    let (script, script_digest) =
        deps.vault.read_json::<Script>(Owner::Customer(&task.reference), &key(&task, Artefact::Script)).await?;
    let inputs = inputs(&request, script_digest, deps);
    if found(&task, deps, &inputs).await? {
        return Ok(task);
    }
    let texts = script.segments.iter().map(|segment| segment.text.as_str());
    let order = Order {
        lines: lines(texts, deps.pronunciations)?,
        words_per_minute: request.words_per_minute,
        voices: engines::voices(request.voice.as_deref(), &deps.settings.voice, &request.engines),
        name: &script.first_name,
    };
    let (narration, wav) = speak(&order, deps.engines, &deps.settings.voice, deps.secrets).await?;
    write(&task, deps, &inputs, narration, wav).await?;
    Ok(task)
}

/// Speaks a text of one's own, a segment a paragraph, at the rate of the settings and with their voice or another: the
/// narration, and the WAV.
pub async fn speak_text(
    text: &str,
    voice: Option<&str>,
    settings: &settings::VoiceSettings,
    engines: &Engines,
    pronunciations: &Pronunciations,
    secrets: &dyn Secrets,
) -> Result<(Narration, Vec<u8>), Error> {
    let text = text.replace("\r\n", "\n");
    let paragraphs: Vec<&str> = text.split("\n\n").collect();
    let order = Order {
        lines: lines(paragraphs.into_iter(), pronunciations)?,
        words_per_minute: settings.words_per_minute,
        voices: engines::voices(voice, settings, &engines.of_this_machine()),
        name: "",
    };
    speak(&order, engines, settings, secrets).await
}

fn request_key(task: &CustomerTask) -> ObjectKey {
    ObjectKey::Run(task.run.clone(), RunPart::Request)
}

fn key(task: &CustomerTask, artefact: Artefact) -> ObjectKey {
    ObjectKey::Customer(task.reference.clone(), task.run.clone(), artefact)
}

/// The digest of all that determines the result: with the request, the engines that may speak and their order; not which
/// of them did, nor its version. A narration that is there stands when an engine is renewed or reached again, and says
/// who made it.
fn inputs(request: &Request, script: Digest, deps: &Deps<'_>) -> Digest {
    let (request, voice) = (Digest::of_json(request), Digest::of_json(&deps.settings.voice));
    let said = deps.pronunciations.digest();
    let parts = [b"narrate".as_slice(), env!("CARGO_PKG_VERSION").as_bytes(), request.as_bytes(), script.as_bytes()];
    Digest::of_parts(parts.into_iter().chain([voice.as_bytes().as_slice(), said.as_bytes()]))
}

/// Whether the narration is there. A sound without its cues, of a try that was cut off or of a writer at this moment,
/// carries them with it.
async fn found(task: &CustomerTask, deps: &Deps<'_>, inputs: &Digest) -> Result<bool, Error> {
    let owner = Owner::Customer(&task.reference);
    if deps.vault.find_json::<Narration>(owner, &key(task, Artefact::Cues), inputs).await?.is_some() {
        return Ok(true);
    }
    adopt(task, deps, inputs).await
}

/// The script's sentences, ready to be said.
fn lines<'a>(segments: impl Iterator<Item = &'a str>, pronunciations: &Pronunciations) -> Result<Vec<Line>, Error> {
    let mut lines = Vec::new();
    for (segment, text) in segments.enumerate() {
        for (index, sentence) in sentences::sentences(text).iter().enumerate() {
            let utterance = Utterance::of(sentence, pronunciations).map_err(|spoken::Unspeakable(word)| {
                Error::Unspeakable { segment: segment + 1, sentence: index + 1, word }
            })?;
            let place = format!("segment {}, sentence {}", segment + 1, index + 1);
            lines.extend(utterance.map(|utterance| Line { segment, place, utterance }));
        }
    }
    if lines.is_empty() { Err(Error::Nothing) } else { Ok(lines) }
}

/// Speaks with the first of the voices that can. What failed before it, and who was given the text, goes into the
/// narration's record.
async fn speak(
    order: &Order<'_>,
    engines: &Engines,
    settings: &settings::VoiceSettings,
    secrets: &dyn Secrets,
) -> Result<(Narration, Vec<u8>), Error> {
    if !(80..=220).contains(&order.words_per_minute) {
        return Err(Error::Rate);
    }
    let mut record = Record::default();
    let mut left = order.voices.len();
    for voice in &order.voices {
        left -= 1;
        match speak_as(voice, order, engines, settings, secrets, &mut record).await {
            Err(error) if error.is_of_engine() && left > 0 => {
                let why = contracts::error::chain(&error);
                tracing::warn!(engine = %voice.engine, why, "the engine does not speak; the next one does");
                record.instead_of.push(format!("{}: {why}", voice.engine));
            }
            spoken => return spoken,
        }
    }
    Err(Error::Nothing)
}

/// What led to the voice that spoke.
#[derive(Default)]
struct Record {
    instead_of: Vec<String>,
    outside: BTreeMap<String, Vec<String>>,
}

/// What a speech service is given.
const GIVEN: &str = "the spoken text, first name included";

async fn speak_as(
    voice: &Voice,
    order: &Order<'_>,
    engines: &Engines,
    settings: &settings::VoiceSettings,
    secrets: &dyn Secrets,
    record: &mut Record,
) -> Result<(Narration, Vec<u8>), Error> {
    let narrator = engines.open(voice, settings, secrets).await?;
    if let Some(service) = narrator.outside() {
        record.outside.insert(service, vec![GIVEN.to_owned()]);
    }
    let narrator = Remembering::new(narrator.as_ref(), &engines.memory, order.name);
    let take = pace::speak(&narrator, &order.lines, order.words_per_minute).await?;
    let (lines, mut narration) = (order.lines.clone(), narration(&narrator, record));
    let (narration, wav) = tokio::task::spawn_blocking(move || {
        let wav = finish(&lines, &take, &mut narration)?;
        Ok::<_, Error>((narration, wav))
    })
    .await??;
    let wanted = f64::from(order.words_per_minute);
    if (narration.words_per_minute / wanted - 1.0).abs() > 0.05 {
        tracing::warn!(wanted, reached = narration.words_per_minute, "the engine does not reach the speaking rate");
    }
    Ok((narration, wav))
}

/// The record of a narration whose sound is still to be made.
fn narration(narrator: &dyn Narrator, record: &Record) -> Narration {
    Narration {
        engine: narrator.engine().to_owned(),
        voice: narrator.voice().to_owned(),
        instead_of: record.instead_of.clone(),
        outside: record.outside.clone(),
        timing: Timing::Estimated,
        seconds: 0.0,
        words_per_minute: 0.0,
        loudness: 0.0,
        sentences: Vec::new(),
        audio: Digest::of(b""),
    }
}

/// Lays out the sound and levels it, and fills in what is known of it. The WAV carries the record, but for its digest.
fn finish(lines: &[Line], take: &pace::Take, narration: &mut Narration) -> Result<Vec<u8>, Error> {
    let laid = timing::lay(lines, take)?;
    let (samples, loudness) = sound::level(&laid.samples)?;
    let words: usize = laid.sentences.iter().map(|sentence| sentence.words.len()).sum();
    let spoken = match (laid.sentences.first(), laid.sentences.last()) {
        (Some(first), Some(last)) => last.end - first.start,
        _ => return Err(Error::Nothing),
    };
    #[expect(clippy::cast_precision_loss, reason = "some hundred words")]
    let words = words as f64;
    narration.words_per_minute = words * 60.0 / spoken;
    narration.timing = laid.timing;
    narration.seconds = sound::seconds(samples.len(), sound::RATE);
    narration.loudness = loudness;
    narration.sentences = laid.sentences;
    let note = serde_json::to_vec(&narration).expect("the types of contracts serialize to JSON");
    let wav = sound::wav(&samples, &note)?;
    narration.audio = Digest::of(&wav);
    Ok(wav)
}

/// Writes the sound first, then the cues that name it. Where another writer's sound is there, that one stands.
async fn write(
    task: &CustomerTask,
    deps: &Deps<'_>,
    inputs: &Digest,
    narration: Narration,
    wav: Vec<u8>,
) -> Result<(), Error> {
    let owner = Owner::Customer(&task.reference);
    match deps.vault.write(owner, &key(task, Artefact::NarrationAudio), inputs, &wav).await? {
        PutOutcome::AlreadyThere => adopt(task, deps, inputs).await.map(|_| ()),
        PutOutcome::Created => {
            deps.vault.write_json(owner, &key(task, Artefact::Cues), inputs, narration).await?;
            Ok(())
        }
    }
}

/// Writes the cues that the sound carries with it, if there is a sound.
async fn adopt(task: &CustomerTask, deps: &Deps<'_>, inputs: &Digest) -> Result<bool, Error> {
    let (owner, audio) = (Owner::Customer(&task.reference), key(task, Artefact::NarrationAudio));
    let Some(sealed) = deps.vault.store().find(&audio).await? else { return Ok(false) };
    let place = audio.to_string();
    let (wav, made_from) = deps.vault.open(owner, &place, &sealed).await?;
    if made_from != *inputs {
        return Err(VaultError::Conflict { place }.into());
    }
    let note = sound::note(&wav).unwrap_or_default();
    let mut narration: Narration = serde_json::from_slice(note).map_err(|error| VaultError::Malformed {
        place,
        line: error.line(),
        column: error.column(),
    })?;
    narration.audio = Digest::of(&wav);
    deps.vault.write_json(owner, &key(task, Artefact::Cues), inputs, narration).await?;
    Ok(true)
}
