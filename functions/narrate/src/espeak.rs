//! The engine espeak-ng, as a program: its licence, the GPL, forbids linking it into this one.

use std::io::Cursor;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::Error;
use crate::error::VoiceFrom;
use crate::narrator::{Narrator, Speech};
use crate::spoken::Utterance;

/// The voice when none is named.
pub const DEFAULT_VOICE: &str = "en-us";

/// How long the program may take for one sentence. It needs some milliseconds.
const DEADLINE: Duration = Duration::from_secs(10);

/// The program's own speed, in its words a minute, that counts as pace 1.
const USUAL_SPEED: f64 = 145.0;

/// How much of the program's error output goes into an error.
const STDERR_CHARS: usize = 200;

/// The program with one of its voices.
#[derive(Debug)]
pub struct Espeak {
    program: PathBuf,
    engine: String,
    voice: String,
}

impl Espeak {
    /// Asks the program for its version and whether it has the voice: one of its English voices, alone or with a
    /// variant: `en-us`, `en-us+f3`.
    pub async fn new(program: &Path, voice: &str, from: VoiceFrom) -> Result<Self, Error> {
        let engine = engine_version(program).await?;
        let available = english_voices(program).await?;
        let (base, variant) = voice.split_once('+').map_or((voice, None), |(base, variant)| (base, Some(variant)));
        let known = available.iter().any(|name| name == base)
            && match variant {
                Some(variant) => variants(program).await?.iter().any(|name| name == variant),
                None => true,
            };
        if !known {
            return Err(Error::UnknownVoice { from, available });
        }
        Ok(Self { program: program.to_owned(), engine, voice: voice.to_owned() })
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

    /// The program takes 80 to 450; above 360 its own speech is cut short to be faster, and hard to follow.
    fn paces(&self) -> RangeInclusive<f64> {
        80.0 / USUAL_SPEED..=360.0 / USUAL_SPEED
    }

    fn rounds(&self) -> usize {
        5
    }

    async fn say(&self, sentence: &Utterance, pace: f64, at: &str) -> Result<Speech, Error> {
        let paces = self.paces();
        let speed = (pace.clamp(*paces.start(), *paces.end()) * USUAL_SPEED).round();
        // The text goes in by the standard input and without `-m`, so that none of it is an option or SSML; that no
        // phoneme markup is left in it is the utterance's own invariant.
        let speed = speed.to_string();
        let arguments = ["-v", &self.voice, "-s", &speed, "-b", "1", "-z", "--stdin", "--stdout"];
        let wav = ask(&self.program, &arguments, sentence.text().as_bytes(), at).await?;
        read_stream(wav).map_err(|reason| Error::EngineOutput { place: at.to_owned(), reason })
    }
}

/// The program's name and version: `espeak-ng 1.51`.
pub async fn engine_version(espeak: &Path) -> Result<String, Error> {
    let said = ask(espeak, &["--version"], b"", "its version").await?;
    // "eSpeak NG text-to-speech: 1.51  Data at: /usr/lib/…": the path is the machine's own affair.
    let said = String::from_utf8_lossy(&said);
    let version = said.split_once(": ").and_then(|(_, rest)| rest.split_whitespace().next()).unwrap_or("unknown");
    Ok(format!("espeak-ng {version}"))
}

/// The names of the English voices that are installed. Those of MBROLA are listed by the program even when their data
/// is not there, so they are left out.
pub async fn english_voices(program: &Path) -> Result<Vec<String>, Error> {
    let said = ask(program, &["--voices=en"], b"", "its voices").await?;
    let said = String::from_utf8_lossy(&said);
    let mut names: Vec<String> = rows(&said)
        .filter(|row| !row.file.starts_with("mb/") && !row.file.starts_with("!v/"))
        .map(|row| row.language.to_owned())
        .collect();
    names.sort_by_key(|name| (name != "en-us", name.clone()));
    names.dedup();
    Ok(names)
}

async fn variants(program: &Path) -> Result<Vec<String>, Error> {
    let said = ask(program, &["--voices=variant"], b"", "its variants").await?;
    let said = String::from_utf8_lossy(&said);
    Ok(rows(&said).filter_map(|row| row.file.strip_prefix("!v/").map(str::to_owned)).collect())
}

struct VoiceRow<'a> {
    language: &'a str,
    file: &'a str,
}

/// The rows of `Pty Language Age/Gender VoiceName File …`.
fn rows(table: &str) -> impl Iterator<Item = VoiceRow<'_>> {
    table.lines().skip(1).filter_map(|line| {
        let mut columns = line.split_whitespace().skip(1);
        Some(VoiceRow { language: columns.next()?, file: columns.nth(2)? })
    })
}

/// Runs the program once: `input` in, its output out. It is killed when it takes too long or nobody waits any more.
pub(crate) async fn ask(program: &Path, arguments: &[&str], input: &[u8], place: &str) -> Result<Vec<u8>, Error> {
    let io = |source| Error::EngineIo { place: place.to_owned(), source };
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|source| Error::EngineMissing { program: program.display().to_string(), source })?;
    let mut stdin = child.stdin.take();
    let feed = async {
        let Some(mut stdin) = stdin.take() else { return Ok(()) };
        match stdin.write_all(input).await {
            // A program that ends before it has read all says why by its exit code.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
    };
    let talk = async { tokio::try_join!(feed, child.wait_with_output()) };
    let ((), output) = tokio::time::timeout(DEADLINE, talk)
        .await
        .map_err(|_| Error::EngineSlow { place: place.to_owned(), seconds: DEADLINE.as_secs() })?
        .map_err(io)?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr).trim().chars().take(STDERR_CHARS).collect();
        return Err(Error::EngineFailed { place: place.to_owned(), status: output.status.to_string(), stderr });
    }
    Ok(output.stdout)
}

/// Reads a WAV that was written to a pipe: the sizes in its header are placeholders, because a pipe cannot be rewound
/// to fill them in.
fn read_stream(mut wav: Vec<u8>) -> Result<Speech, String> {
    const HEADER: usize = 44;
    if wav.len() < HEADER || !wav.starts_with(b"RIFF") || &wav[36..40] != b"data" {
        return Err("it is no WAV".to_owned());
    }
    let data = u32::try_from((wav.len() - HEADER) & !1).map_err(|_| "it is too long".to_owned())?;
    wav[4..8].copy_from_slice(&(data + 36).to_le_bytes());
    wav[40..44].copy_from_slice(&data.to_le_bytes());
    let reader = hound::WavReader::new(Cursor::new(wav)).map_err(|error| error.to_string())?;
    let spec = reader.spec();
    if spec.channels != 1 || spec.bits_per_sample != 16 {
        return Err(format!("it has {} channels of {} bits", spec.channels, spec.bits_per_sample));
    }
    let samples = reader.into_samples::<i16>().map(|sample| sample.map(|sample| f32::from(sample) / 32_768.0));
    let samples = samples.collect::<Result<Vec<f32>, _>>().map_err(|error| error.to_string())?;
    Ok(Speech { samples, rate: spec.sample_rate, words: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn a_wav(sizes: u32) -> Vec<u8> {
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
    fn a_wav_with_placeholder_sizes_is_read_to_its_real_end() {
        let speech = read_stream(a_wav(0x7fff_f000)).unwrap();
        assert_eq!(speech.samples, [0.0, 0.5, -0.5]);
        assert_eq!(speech.rate, 22_050);
    }

    #[test]
    fn what_is_no_wav_is_refused() {
        assert!(read_stream(b"espeak: not found".to_vec()).is_err());
        assert!(read_stream(Vec::new()).is_err());
    }
}
