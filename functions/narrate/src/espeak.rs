//! The espeak-ng engine. It runs as a separate program because its license, the GPL, does not permit linking it here.

use std::io::Cursor;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use async_trait::async_trait;
use contracts::Language;
use storage::child::{child_environment, launched};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::error::{Error, VoiceSource};
use crate::narrator::{Narrator, Order, Speech};
use crate::sound::trim;
use crate::spoken::Utterance;

/// Returns the default voice of a language.
pub const fn default_voice(language: Language) -> &'static str {
    match language {
        Language::English => "en-us",
        Language::Spanish => "es-419",
    }
}

/// Returns the language of a voice such as `en-us+f3`, or `None` if Bespoke does not support that language.
pub fn language_of(voice: &str) -> Option<Language> {
    Language::from_tag(voice.split('+').next().unwrap_or_default())
}

/// The time limit for one sentence. The program usually needs a few milliseconds.
const DEADLINE: Duration = Duration::from_secs(10);

/// The program's speed at pace 1, in its own words per minute.
const NORMAL_SPEED: f64 = 145.0;

/// The program's lowest speed.
const MIN_SPEED: f64 = 80.0;

/// Returns the pause between words, in the program's units, that compensates for a speed below the program's minimum.
///
/// Measured at the program's minimum speed: the first unit makes speech 10 % longer, and each further one 4.5 %.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small number")]
fn word_gap(speed: f64) -> u32 {
    let longer = MIN_SPEED / speed - 1.0;
    if longer < 0.05 { 0 } else { 1 + ((longer - 0.1).max(0.0) / 0.045).round() as u32 }
}

/// The maximum number of characters that an error quotes from the program's error output.
const MAX_STDERR_CHARS: usize = 200;

/// The program with one of its voices.
#[derive(Debug)]
pub struct Espeak {
    program: PathBuf,
    engine: String,
    voice: String,
    language: Language,
}

impl Espeak {
    /// Checks that the program exists and has the voice in the language, optionally with a variant, such as `en-us+f3`.
    pub async fn new(program: &Path, voice: &str, language: Language, source: VoiceSource) -> Result<Self, Error> {
        let engine = engine_version(program).await?;
        let available = espeak_voices(program, language).await?;
        let (base, variant) = voice.split_once('+').map_or((voice, None), |(base, variant)| (base, Some(variant)));
        let known = available.iter().any(|name| name == base)
            && match variant {
                Some(variant) => variants(program).await?.iter().any(|name| name == variant),
                None => true,
            };
        if !known {
            return Err(Error::UnknownVoice { from: source, available });
        }
        Ok(Self { program: program.to_owned(), engine, voice: voice.to_owned(), language })
    }
}

#[async_trait]
impl Narrator for Espeak {
    fn engine(&self) -> &str {
        &self.engine
    }

    fn voice(&self) -> &str {
        &self.voice
    }

    fn language(&self) -> Language {
        self.language
    }

    /// The program accepts speeds from 80 to 450. Above 360, it drops sounds and is hard to follow. Below 80, pauses
    /// between the words slow it down further.
    fn paces(&self) -> RangeInclusive<f64> {
        60.0 / NORMAL_SPEED..=360.0 / NORMAL_SPEED
    }

    fn max_rounds(&self) -> usize {
        5
    }

    /// Speaks the sentence, because the program takes next to no time.
    async fn estimate_seconds(&self, sentence: &Utterance, location: &str) -> Result<f64, Error> {
        Ok(trim(self.speak(Order { sentence, pace: 1.0, location }).await?).seconds())
    }

    async fn speak(&self, order: Order<'_>) -> Result<Speech, Error> {
        let Order { sentence, pace, location } = order;
        let paces = self.paces();
        let speed = (pace.clamp(*paces.start(), *paces.end()) * NORMAL_SPEED).round();
        // Passing the text on standard input, without `-m`, prevents the program from interpreting it as options or
        // SSML. The only phoneme markup in an utterance is that of names, which this crate writes itself.
        let gap = word_gap(speed).to_string();
        let speed = speed.max(MIN_SPEED).to_string();
        let arguments = ["-v", &self.voice, "-s", &speed, "-g", &gap, "-b", "1", "-z", "--stdin", "--stdout"];
        let wav = run_program(&self.program, &arguments, sentence.phonetic_text().as_bytes(), location).await?;
        parse_wav(wav).map_err(|reason| Error::EngineOutput { place: location.to_owned(), reason })
    }
}

/// Returns the program's name and version, such as `espeak-ng 1.51`.
pub async fn engine_version(espeak: &Path) -> Result<String, Error> {
    let output = run_program(espeak, &["--version"], b"", "its version").await?;
    // The output is "eSpeak NG text-to-speech: 1.51  Data at: /usr/lib/…". The path differs between machines.
    let output = String::from_utf8_lossy(&output);
    let version = output.split_once(": ").and_then(|(_, rest)| rest.split_whitespace().next()).unwrap_or("unknown");
    Ok(format!("espeak-ng {version}"))
}

/// Returns the names of the installed voices for a language, default voice first.
///
/// Leaves out MBROLA voices, because the program lists them even if their data is missing.
pub async fn espeak_voices(program: &Path, language: Language) -> Result<Vec<String>, Error> {
    let output = run_program(program, &[&format!("--voices={language}")], b"", "its voices").await?;
    let output = String::from_utf8_lossy(&output);
    let mut names: Vec<String> = rows(&output)
        .filter(|row| !row.file.starts_with("mb/") && !row.file.starts_with("!v/"))
        .map(|row| row.language.to_owned())
        .collect();
    names.sort_by_key(|name| (name != default_voice(language), name.clone()));
    names.dedup();
    Ok(names)
}

async fn variants(program: &Path) -> Result<Vec<String>, Error> {
    let output = run_program(program, &["--voices=variant"], b"", "its variants").await?;
    let output = String::from_utf8_lossy(&output);
    Ok(rows(&output).filter_map(|row| row.file.strip_prefix("!v/").map(str::to_owned)).collect())
}

struct VoiceRow<'a> {
    language: &'a str,
    file: &'a str,
}

/// Parses the rows of `Pty Language Age/Gender VoiceName File …`.
fn rows(table: &str) -> impl Iterator<Item = VoiceRow<'_>> {
    table.lines().skip(1).filter_map(|line| {
        let mut columns = line.split_whitespace().skip(1);
        Some(VoiceRow { language: columns.next()?, file: columns.nth(2)? })
    })
}

/// Runs the program once with `input`, and returns its output.
///
/// Kills the program if it exceeds the time limit or if the caller drops the future.
pub(crate) async fn run_program(
    program: &Path,
    arguments: &[&str],
    input: &[u8],
    location: &str,
) -> Result<Vec<u8>, Error> {
    let io = |source| Error::EngineIo { place: location.to_owned(), source };
    let (launcher, before) = launched(program);
    let mut child = Command::new(launcher)
        .args(before)
        .args(arguments)
        .env_clear()
        .envs(child_environment())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|source| Error::EngineMissing { program: program.display().to_string(), source })?;
    let mut stdin = child.stdin.take();
    let write_input = async {
        let Some(mut stdin) = stdin.take() else { return Ok(()) };
        match stdin.write_all(input).await {
            // A program that exits before it has read all input reports the reason in its exit status.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
    };
    let exchange = async { tokio::try_join!(write_input, child.wait_with_output()) };
    let ((), output) = tokio::time::timeout(DEADLINE, exchange)
        .await
        .map_err(|_| Error::EngineSlow { place: location.to_owned(), seconds: DEADLINE.as_secs() })?
        .map_err(io)?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr).trim().chars().take(MAX_STDERR_CHARS).collect();
        return Err(Error::EngineFailed { place: location.to_owned(), status: output.status.to_string(), stderr });
    }
    Ok(output.stdout)
}

/// Parses a WAV file from a pipe. The sizes in its header are placeholders, because a program cannot go back in a pipe
/// to fill them in.
fn parse_wav(mut wav: Vec<u8>) -> Result<Speech, String> {
    const HEADER: usize = 44;
    if wav.len() < HEADER || !wav.starts_with(b"RIFF") || &wav[36..40] != b"data" {
        return Err("not a WAV".to_owned());
    }
    let data = u32::try_from((wav.len() - HEADER) & !1).map_err(|_| "too long".to_owned())?;
    wav[4..8].copy_from_slice(&(data + 36).to_le_bytes());
    wav[40..44].copy_from_slice(&data.to_le_bytes());
    let reader = hound::WavReader::new(Cursor::new(wav)).map_err(|error| error.to_string())?;
    let spec = reader.spec();
    if spec.channels != 1 || spec.bits_per_sample != 16 {
        return Err(format!(
            "expected one channel of 16 bits, found {} of {} bits",
            spec.channels, spec.bits_per_sample
        ));
    }
    let samples = reader.into_samples::<i16>().map(|sample| sample.map(|sample| f32::from(sample) / 32_768.0));
    let samples = samples.collect::<Result<Vec<f32>, _>>().map_err(|error| error.to_string())?;
    Ok(Speech { samples, rate: spec.sample_rate, words: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wav_with_sizes(sizes: u32) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: 22_050,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut writer = hound::WavWriter::new(&mut bytes, spec).unwrap();
        for sample in [0, 16_384, -16_384] {
            writer.write_sample::<i16>(sample).unwrap();
        }
        writer.finalize().unwrap();
        let mut bytes = bytes.into_inner();
        bytes[4..8].copy_from_slice(&sizes.to_le_bytes());
        bytes[40..44].copy_from_slice(&sizes.to_le_bytes());
        bytes
    }

    #[test]
    fn placeholder_sizes_are_ignored() {
        let speech = parse_wav(wav_with_sizes(0x7fff_f000)).unwrap();
        assert_eq!(speech.samples, [0.0, 0.5, -0.5]);
        assert_eq!(speech.rate, 22_050);
    }

    #[test]
    fn output_other_than_wav_is_rejected() {
        assert!(parse_wav(b"espeak: not found".to_vec()).is_err());
        assert!(parse_wav(Vec::new()).is_err());
    }
}
