//! The narrate stage: speaks a customer's script and records when each word is heard.
//!
//! **Invariant:** this crate does not depend on AWS, Lambda or other stages. The words of a script go only to the
//! sealed results and the voice engine. Messages identify segments, sentences and words by number.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

use contracts::brand::Brand;
use contracts::key::{Artefact, RunPart};
use contracts::narration::{Narration, Timing};
use contracts::request::Request;
use contracts::script::Script;
use contracts::settings::{self, Settings};
use contracts::stage::CustomerTask;
use contracts::{Digest, Language, ObjectKey};
use policy::disclosure::Gate;
use storage::secret::Secrets;
use storage::shared::SharedStore;
use storage::store::PutOutcome;
use storage::vault::{Owner, Vault, VaultError};

mod cache;
mod engines;
mod error;
mod espeak;
pub mod kokoro;
mod lines;
mod names;
pub mod narrator;
pub mod openai;
mod pace;
mod phonemes;
pub mod polly;
mod pronunciations;
mod sentences;
mod sound;
mod speech_store;
pub mod spoken;
mod timing;

use cache::SharedVoice;
pub use engines::Engines;
use engines::VoiceChoice;
pub use error::{Error, VoiceSource};
pub use espeak::{Espeak, engine_version, espeak_voices};
use lines::Line;
use narrator::Narrator;
pub use pronunciations::Pronunciations;
use timing::Take;

/// The dependencies of the stage.
pub struct Deps<'a> {
    /// The vault, which opens the script and seals the audio.
    pub vault: &'a Vault,
    /// The settings of the run.
    pub settings: &'a Settings,
    /// The available voice engines.
    pub engines: &'a Engines,
    /// The bank's brand, whose legal lines are spoken last.
    pub brand: &'a Brand,
    /// The bank's list of pronunciations.
    pub pronunciations: &'a Pronunciations,
    /// The source of the outside voice service's key.
    pub secrets: &'a dyn Secrets,
}

/// The sentences to speak, and the voices to try.
struct SpeechJob<'a> {
    lines: Vec<Line>,
    words_per_minute: u16,
    /// The voices to try, in order.
    voices: Vec<VoiceChoice>,
    /// Whether the first name is left out because no voice can pronounce it.
    first_name_unspoken: bool,
    /// The store of shared speech.
    shared: Option<SharedStore<'a>>,
    /// The gate for the text.
    gate: Gate,
}

/// Speaks one customer's script: writes `narration.wav`, then `cues.json`.
///
/// The rate is the number of spoken words divided by the minutes from the start of the first sentence to the end of the
/// last; see the `pace` module. A first name without a pronunciation is left out, and the narration records that.
///
/// The loudness is that of the mono signal. Played on two channels, it measures 3 LU more (ITU-R BS.1770-4).
pub async fn run(task: CustomerTask, deps: &Deps<'_>) -> Result<CustomerTask, Error> {
    let (request, _) = deps.vault.read_json::<Request>(Owner::Run, &request_key(&task)).await?;
    let owner = Owner::Customer(&task.reference);
    let (script, script_digest) = deps.vault.read_json::<Script>(owner, &key(&task, Artefact::Script)).await?;
    let inputs = inputs(&request, script_digest, deps);
    if is_done(&task, deps, &inputs).await? {
        return Ok(task);
    }
    let job = SpeechJob {
        lines: lines::of_script(&script, deps.brand, deps.pronunciations)?,
        words_per_minute: request.words_per_minute,
        voices: engines::voices(request.voice.as_deref(), &deps.settings.voice, &request.engines, script.language),
        first_name_unspoken: !names::is_sayable(&script.first_name, deps.pronunciations, script.language),
        shared: Some(SharedStore::new(deps.vault, deps.settings.retention.speech_days)),
        gate: Gate::new(deps.vault, &task.reference, script.from_posts),
    };
    if job.first_name_unspoken {
        tracing::warn!(reference = %task.reference, "first name has no pronunciation; the voice leaves it out");
    }
    let (narration, wav) = speak(&job, deps.engines, &deps.settings.voice, deps.secrets).await?;
    write(&task, deps, &inputs, narration, wav).await?;
    Ok(task)
}

/// Text to speak, with the requested voice.
#[derive(Clone, Copy, Debug)]
pub struct SpeechText<'a> {
    /// The text, with one segment per paragraph.
    pub text: &'a str,
    /// The language of the text.
    pub language: Language,
    /// The voice. `None` for the one in the settings.
    pub voice: Option<&'a str>,
}

/// Speaks text without a customer, and returns the narration with its WAV. The rate comes from the settings.
pub async fn speak_text(
    SpeechText { text, language, voice }: SpeechText<'_>,
    settings: &settings::VoiceSettings,
    engines: &Engines,
    pronunciations: &Pronunciations,
    secrets: &dyn Secrets,
) -> Result<(Narration, Vec<u8>), Error> {
    let job = SpeechJob {
        lines: lines::of_text(text, Some(pronunciations), language)?,
        words_per_minute: settings.words_per_minute,
        voices: engines::voices(voice, settings, &engines.local(), language),
        first_name_unspoken: false,
        shared: None,
        gate: Gate::without_customer(),
    };
    speak(&job, engines, settings, secrets).await
}

/// Returns each sentence in the text with its spoken form.
pub fn spoken_sentences(
    text: &str,
    pronunciations: &Pronunciations,
    language: Language,
) -> Result<Vec<(String, String)>, Error> {
    let lines = lines::of_text(text, Some(pronunciations), language)?;
    let shown = |line: &Line| {
        let words: Vec<&str> = line.utterance.words().iter().map(|word| word.shown.as_str()).collect();
        words.join(" ")
    };
    Ok(lines.iter().map(|line| (shown(line), line.utterance.text())).collect())
}

fn request_key(task: &CustomerTask) -> ObjectKey {
    ObjectKey::Run(task.run.clone(), RunPart::Request)
}

fn key(task: &CustomerTask, artefact: Artefact) -> ObjectKey {
    ObjectKey::Customer(task.reference.clone(), task.run.clone(), artefact)
}

/// Returns the digest of everything that determines the result.
///
/// The request covers the candidate engines and their order, but not which one was used, nor its version. An existing
/// narration therefore stays valid when an engine is upgraded or becomes available again.
fn inputs(request: &Request, script: Digest, deps: &Deps<'_>) -> Digest {
    let request = Digest::of_json(request);
    let voice = Digest::of_json(&deps.settings.voice);
    let pronunciations = deps.pronunciations.digest();
    let brand = deps.brand.digest();
    Digest::of_parts([
        b"narrate".as_slice(),
        env!("CARGO_PKG_VERSION").as_bytes(),
        request.as_bytes(),
        script.as_bytes(),
        voice.as_bytes(),
        pronunciations.as_bytes(),
        brand.as_bytes(),
    ])
}

/// Returns whether the narration exists. If only its audio exists, writes the cues.
///
/// Audio without cues comes from an interrupted run or from a writer that is still working. The audio embeds its cues,
/// so this run can complete the narration.
async fn is_done(task: &CustomerTask, deps: &Deps<'_>, inputs: &Digest) -> Result<bool, Error> {
    let owner = Owner::Customer(&task.reference);
    if deps.vault.find_json::<Narration>(owner, &key(task, Artefact::Cues), inputs).await?.is_some() {
        return Ok(true);
    }
    adopt_sound(task, deps, inputs).await
}

/// Speaks with the first voice that works. The narration records earlier failures and every outside service that
/// received the text.
async fn speak(
    job: &SpeechJob<'_>,
    engines: &Engines,
    settings: &settings::VoiceSettings,
    secrets: &dyn Secrets,
) -> Result<(Narration, Vec<u8>), Error> {
    if !(80..=220).contains(&job.words_per_minute) {
        return Err(Error::RateOutOfRange);
    }
    let mut attempts = Attempts::default();
    let mut remaining = job.voices.len();
    for voice in &job.voices {
        remaining -= 1;
        match speak_with(voice, job, engines, settings, secrets, &mut attempts).await {
            Err(error) if error.is_of_engine() && remaining > 0 => {
                let reason = contracts::error::chain(&error);
                tracing::warn!(engine = %voice.engine, reason, "voice engine failed; trying the next one");
                attempts.failures.push(format!("{}: {reason}", voice.engine));
            }
            result => return result,
        }
    }
    Err(Error::EmptyScript)
}

/// The attempts that led to the narration.
#[derive(Default)]
struct Attempts {
    failures: Vec<String>,
    /// Outside services, with the data that each received.
    disclosures: BTreeMap<String, Vec<String>>,
}

/// The data that an outside voice service receives.
const DISCLOSED_DATA: &str = "the spoken text, first name included";

async fn speak_with(
    voice: &VoiceChoice,
    job: &SpeechJob<'_>,
    engines: &Engines,
    settings: &settings::VoiceSettings,
    secrets: &dyn Secrets,
    attempts: &mut Attempts,
) -> Result<(Narration, Vec<u8>), Error> {
    let narrator = engines.open(voice, settings, secrets, &job.gate).await?;
    let shared = SharedVoice { narrator: narrator.as_ref(), cache: &engines.cache, store: job.shared };
    let tempo = shared.tempo(job.words_per_minute).await?;
    let sent = AtomicBool::new(false);
    let spoken = shared.speak(&job.lines, &tempo, &sent).await;
    if let Some(service) = narrator.external_service().filter(|_| sent.into_inner()) {
        attempts.disclosures.insert(service, vec![DISCLOSED_DATA.to_owned()]);
    }
    let take = Take { speeches: spoken?, pauses: tempo.pauses(&job.lines), gain: tempo.gain() };
    let lines = job.lines.clone();
    let mut narration = narration(narrator.as_ref(), attempts);
    narration.first_name_unspoken = job.first_name_unspoken;
    let (narration, wav) = tokio::task::spawn_blocking(move || {
        let wav = finish(&lines, &take, &mut narration)?;
        Ok::<_, Error>((narration, wav))
    })
    .await??;
    let requested = f64::from(job.words_per_minute);
    if (narration.words_per_minute / requested - 1.0).abs() > 0.05 {
        let reached = narration.words_per_minute;
        tracing::warn!(requested, reached, "voice engine misses the requested rate by more than 5 %");
    }
    Ok((narration, wav))
}

/// Returns the record of a narration whose audio does not exist yet.
fn narration(narrator: &dyn Narrator, attempts: &Attempts) -> Narration {
    Narration {
        engine: narrator.engine().to_owned(),
        voice: narrator.voice().to_owned(),
        instead_of: attempts.failures.clone(),
        outside: attempts.disclosures.clone(),
        timing: Timing::Estimated,
        seconds: 0.0,
        words_per_minute: 0.0,
        loudness: 0.0,
        sentences: Vec::new(),
        audio: Digest::of(b""),
        first_name_unspoken: false,
    }
}

/// Assembles the audio at the voice's gain, completes `narration` and returns the WAV.
///
/// The WAV embeds the narration without the audio's digest.
fn finish(lines: &[Line], take: &Take, narration: &mut Narration) -> Result<Vec<u8>, Error> {
    let timeline = timing::assemble(lines, take)?;
    let (samples, loudness) = sound::apply_gain(&timeline.samples, take.gain)?;
    let words: f64 = lines.iter().map(Line::units).sum();
    let seconds = match (timeline.sentences.first(), timeline.sentences.last()) {
        (Some(first), Some(last)) => last.end - first.start,
        _ => return Err(Error::EmptyScript),
    };
    narration.words_per_minute = words * 60.0 / seconds;
    narration.timing = timeline.timing;
    narration.seconds = sound::seconds(samples.len(), sound::RATE);
    narration.loudness = loudness;
    narration.sentences = timeline.sentences;
    let note = serde_json::to_vec(&narration).expect("every type in the contracts crate serializes to JSON");
    let wav = sound::wav(&samples, &note)?;
    narration.audio = Digest::of(&wav);
    Ok(wav)
}

/// Writes the audio, then the cues that refer to it. If another writer's audio exists, keeps that audio.
async fn write(
    task: &CustomerTask,
    deps: &Deps<'_>,
    inputs: &Digest,
    narration: Narration,
    wav: Vec<u8>,
) -> Result<(), Error> {
    let owner = Owner::Customer(&task.reference);
    match deps.vault.write(owner, &key(task, Artefact::NarrationAudio), inputs, &wav).await? {
        PutOutcome::AlreadyExists => adopt_sound(task, deps, inputs).await.map(|_| ()),
        PutOutcome::Created => {
            deps.vault.write_json(owner, &key(task, Artefact::Cues), inputs, narration).await?;
            Ok(())
        }
    }
}

/// Writes the cues that are embedded in the stored audio. Returns false if there is no audio.
async fn adopt_sound(task: &CustomerTask, deps: &Deps<'_>, inputs: &Digest) -> Result<bool, Error> {
    let owner = Owner::Customer(&task.reference);
    let audio = key(task, Artefact::NarrationAudio);
    let Some(sealed) = deps.vault.store().find(&audio).await? else { return Ok(false) };
    let place = audio.to_string();
    let (wav, found_inputs) = deps.vault.open(owner, &place, &sealed).await?;
    if found_inputs != *inputs {
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
