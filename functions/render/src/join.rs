//! Joins encoded scenes and the finished audio into one MP4 file, without re-encoding.
//!
//! Every scene is an MP4 file with one H.264 track of progressive frames in closed GOPs. All scenes of a video share
//! one decoder configuration. [`Clip::read`] parses such a file, and [`join`] refuses scenes that one decoder could not
//! play in sequence. ffmpeg's concat demuxer would join them without a warning, and some players would show broken
//! pictures.

use mp4_atom::{
    Codec, Decode as _, Edts, Elst, ElstEntry, Encode as _, FourCC, Ftyp, Moov, Stbl, Stco, Stsc, StscEntry, Stsd,
    Stss, Stsz, StszSamples, Stts, SttsEntry, Trak,
};
use thiserror::Error;

use crate::frame_rate::FRAME_RATE;

/// The timescale of a joined file's movie header. One unit is one audio sample, so both track durations are whole
/// numbers of units.
const MOVIE_TIMESCALE: u32 = 48_000;
/// The timescale of a scene's video track, which `graph` sets.
pub(crate) const VIDEO_TIMESCALE: u32 = 24_000;
/// The duration of a frame in the video track's timescale.
const FRAME_UNITS: u32 = VIDEO_TIMESCALE / FRAME_RATE;
/// The video frames in one chunk of a joined file. A chunk is half a second long, so players can start early.
const CHUNK_FRAMES: usize = 12;

/// A reason why files cannot be joined.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum JoinError {
    /// The file is not an MP4 file with one track of the expected kind.
    #[error("{name}: not readable: {reason}")]
    Unreadable {
        /// The name of the scene.
        name: String,
        /// The reason.
        reason: String,
    },
    /// The scene does not match the first one, or lacks a property that all scenes must have.
    #[error("{name}: its {what} differs from that of {first}; encode it again with the same settings")]
    Unlike {
        /// The name of the scene.
        name: String,
        /// The differing property.
        what: &'static str,
        /// The name of the first scene.
        first: String,
    },
}

/// One MP4 sample: a video frame, or an AAC packet of 1,024 audio samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sample {
    at: usize,
    size: u32,
    duration: u32,
    /// The composition offset: presentation time minus decoding time, in the track's timescale.
    delay: i64,
    is_key: bool,
}

/// A file with one track.
#[derive(Clone, Debug)]
pub(crate) struct Clip<'a> {
    name: String,
    bytes: &'a [u8],
    moov: Moov,
    samples: Vec<Sample>,
    /// The file's user data, which contains its text metadata.
    user_data: Option<&'a [u8]>,
}

/// Returns the boxes of a file or of a box's body, each with its kind and its bytes including the header.
fn boxes(mut rest: &[u8]) -> Option<Vec<([u8; 4], &[u8])>> {
    let mut found = Vec::new();
    while !rest.is_empty() {
        let (size, after) = rest.split_first_chunk::<4>()?;
        let kind = *after.first_chunk::<4>()?;
        let size = match u32::from_be_bytes(*size) {
            0 => rest.len(),
            // A 64-bit size, which only boxes over 4 GB need. Not supported.
            1 => return None,
            size => size as usize,
        };
        if size < 8 {
            return None;
        }
        let (one, others) = rest.split_at_checked(size)?;
        found.push((kind, one));
        rest = others;
    }
    Some(found)
}

/// Expands run lengths to at most `limit` values.
fn expand<T: Copy>(runs: impl Iterator<Item = (u32, T)>, limit: usize) -> Vec<T> {
    runs.flat_map(|(count, value)| std::iter::repeat_n(value, count as usize)).take(limit).collect()
}

impl<'a> Clip<'a> {
    /// Parses a file with one track. `name` is the file's name in errors.
    pub(crate) fn read(name: &str, bytes: &'a [u8]) -> Result<Self, JoinError> {
        let unreadable = |reason: &str| JoinError::Unreadable { name: name.to_owned(), reason: reason.to_owned() };
        let all = boxes(bytes).ok_or_else(|| unreadable("truncated, or with an invalid box size"))?;
        let raw = all.iter().find(|(kind, _)| kind == b"moov").ok_or_else(|| unreadable("no moov box"))?.1;
        let moov = Moov::decode(&mut &raw[..]).map_err(|error| unreadable(&error.to_string()))?;
        let inner = boxes(&raw[8..]).unwrap_or_default();
        let user_data = inner.iter().find(|(kind, _)| kind == b"udta").map(|(_, data)| *data);
        let [track] = moov.trak.as_slice() else { return Err(unreadable("does not have exactly one track")) };
        let samples = samples(&track.mdia.minf.stbl, bytes.len()).ok_or_else(|| unreadable("inconsistent tables"))?;
        Ok(Self { name: name.to_owned(), bytes, samples, user_data, moov })
    }

    /// Returns the number of video frames or audio packets.
    pub(crate) fn len(&self) -> usize {
        self.samples.len()
    }

    fn track(&self) -> &Trak {
        &self.moov.trak[0]
    }

    fn stsd(&self) -> &Stsd {
        &self.track().mdia.minf.stbl.stsd
    }

    /// Returns the time at which presentation starts, in the track's timescale.
    fn start(&self) -> u64 {
        let edits = self.track().edts.as_ref().and_then(|edts| edts.elst.as_ref());
        edits.and_then(|elst| elst.entries.first()).and_then(|entry| entry.media_time).unwrap_or(0)
    }

    /// Fails if this clip cannot follow `first` in one track.
    fn check_like(&self, first: &Self) -> Result<(), JoinError> {
        let unlike = |what| JoinError::Unlike { name: self.name.clone(), what, first: first.name.clone() };
        let (Some(own), Some(wanted)) = (avc(self.stsd()), avc(first.stsd())) else {
            return Err(JoinError::Unreadable { name: self.name.clone(), reason: "not one H.264 track".to_owned() });
        };
        if own.avcc != wanted.avcc {
            return Err(unlike("decoder configuration"));
        }
        if own.visual != wanted.visual || own.pasp != wanted.pasp || own.colr != wanted.colr {
            return Err(unlike("frame size or color"));
        }
        let has_constant_rate = self.samples.iter().all(|sample| sample.duration == FRAME_UNITS);
        if !has_constant_rate || self.track().mdia.mdhd.timescale != VIDEO_TIMESCALE {
            return Err(unlike("frame duration"));
        }
        if self.start() != first.start()
            || self.samples.first().map(|sample| sample.delay) != first.samples.first().map(|sample| sample.delay)
        {
            return Err(unlike("delay"));
        }
        if !self.samples.first().is_some_and(|sample| sample.is_key) {
            return Err(unlike("first frame"));
        }
        Ok(())
    }
}

fn avc(stsd: &Stsd) -> Option<&mp4_atom::Avc1> {
    match stsd.codecs.as_slice() {
        [Codec::Avc1(avc)] => Some(avc),
        _ => None,
    }
}

/// Reads the sample tables. Returns `None` if they contradict each other or point beyond the end of the file.
fn samples(table: &Stbl, length: usize) -> Option<Vec<Sample>> {
    let sizes = match &table.stsz.samples {
        StszSamples::Different { sizes } => sizes.clone(),
        StszSamples::Identical { count, size } => {
            // Each sample has at least one byte in the file.
            (*count as usize <= length).then(|| vec![*size; *count as usize])?
        }
    };
    let count = sizes.len();
    let durations = expand(table.stts.entries.iter().map(|run| (run.sample_count, run.sample_delta)), count);
    let delays = match &table.ctts {
        Some(ctts) => expand(ctts.entries.iter().map(|run| (run.sample_count, run.sample_offset)), count),
        None => vec![0; count],
    };
    let chunks: Vec<u64> = match (&table.stco, &table.co64) {
        (Some(stco), _) => stco.entries.iter().map(|at| u64::from(*at)).collect(),
        (None, Some(co64)) => co64.entries.clone(),
        (None, None) => return None,
    };
    if durations.len() != count || delays.len() != count {
        return None;
    }
    let mut all = Vec::with_capacity(count);
    for (index, chunk) in (1_u32..).zip(&chunks) {
        let run = table.stsc.entries.iter().rev().find(|run| run.first_chunk <= index)?;
        let mut at = usize::try_from(*chunk).ok()?;
        for _ in 0..run.samples_per_chunk {
            let number = all.len();
            let size = *sizes.get(number)?;
            let is_key = table.stss.as_ref().is_none_or(|stss| {
                u32::try_from(number + 1).is_ok_and(|number| stss.entries.binary_search(&number).is_ok())
            });
            all.push(Sample { at, size, duration: durations[number], delay: delays[number], is_key });
            at = at.checked_add(size as usize).filter(|end| *end <= length)?;
        }
    }
    (all.len() == count).then_some(all)
}

/// Returns the lengths of runs of equal values.
fn runs<T: PartialEq>(values: impl Iterator<Item = T>) -> Vec<(u32, T)> {
    let mut runs: Vec<(u32, T)> = Vec::new();
    for value in values {
        match runs.last_mut() {
            Some((count, last)) if *last == value => *count += 1,
            _ => runs.push((1, value)),
        }
    }
    runs
}

/// The samples and chunks of one track in the joined file.
struct TrackPlan<'a> {
    samples: Vec<(&'a Clip<'a>, Sample)>,
    /// The number of samples in each chunk.
    chunks: Vec<usize>,
}

impl TrackPlan<'_> {
    /// Fills the tables of a track. The offsets of the chunks come from `offsets`.
    fn fill(&self, table: &mut Stbl, offsets: &[u32]) {
        let samples = || self.samples.iter().map(|(_, sample)| sample);
        let durations = runs(samples().map(|sample| sample.duration)).into_iter();
        table.stts = Stts {
            entries: durations.map(|(sample_count, sample_delta)| SttsEntry { sample_count, sample_delta }).collect(),
        };
        if let Some(ctts) = &mut table.ctts {
            let delays = runs(samples().map(|sample| sample.delay)).into_iter();
            ctts.entries = delays
                .map(|(sample_count, sample_offset)| mp4_atom::CttsEntry { sample_count, sample_offset })
                .collect();
        }
        if table.stss.is_some() {
            let keys = (1_u32..).zip(samples()).filter(|(_, sample)| sample.is_key).map(|(number, _)| number);
            table.stss = Some(Stss { entries: keys.collect() });
        }
        table.stsz = Stsz { samples: StszSamples::Different { sizes: samples().map(|sample| sample.size).collect() } };
        let mut first_chunk = 1;
        let mut entries = Vec::new();
        for (count, samples) in runs(self.chunks.iter().map(|count| u32::try_from(*count).unwrap_or(u32::MAX))) {
            entries.push(StscEntry { first_chunk, samples_per_chunk: samples, sample_description_index: 1 });
            first_chunk += count;
        }
        table.stsc = Stsc { entries };
        table.stco = Some(Stco { entries: offsets.to_vec() });
        table.co64 = None;
    }

    fn bytes_of(&self, samples: std::ops::Range<usize>) -> impl Iterator<Item = &[u8]> {
        self.samples[samples].iter().map(|(clip, sample)| &clip.bytes[sample.at..sample.at + sample.size as usize])
    }
}

/// Joins scenes in order and adds the audio. The result can be played while it is downloaded. Fails if a scene does not
/// match the first one.
pub(crate) fn join(scenes: &[Clip<'_>], audio: &Clip<'_>) -> Result<Vec<u8>, JoinError> {
    let unreadable =
        |name: &str, reason: &str| JoinError::Unreadable { name: name.to_owned(), reason: reason.to_owned() };
    let first = scenes.first().ok_or_else(|| unreadable("video", "no scenes"))?;
    scenes.iter().try_for_each(|scene| scene.check_like(first))?;
    let frames: Vec<(&Clip<'_>, Sample)> =
        scenes.iter().flat_map(|scene| scene.samples.iter().map(move |sample| (scene, *sample))).collect();
    let packets: Vec<(&Clip<'_>, Sample)> = audio.samples.iter().map(|sample| (audio, *sample)).collect();
    let (video_chunks, audio_chunks) = chunks(frames.len(), audio);
    let video = TrackPlan { samples: frames, chunks: video_chunks };
    let sound = TrackPlan { samples: packets, chunks: audio_chunks };

    let mut moov = first.moov.clone();
    moov.mvhd.timescale = MOVIE_TIMESCALE;
    moov.meta = None;
    moov.udta = None;
    let units = video.samples.len() as u64 * u64::from(FRAME_UNITS);
    let movie_duration = units * u64::from(MOVIE_TIMESCALE / VIDEO_TIMESCALE);
    let track = &mut moov.trak[0];
    track.tkhd.track_id = 1;
    track.tkhd.duration = movie_duration;
    track.mdia.mdhd.duration = units;
    let edit = ElstEntry { segment_duration: movie_duration, media_time: Some(first.start()), media_rate: 1.into() };
    track.edts = Some(Edts { elst: Some(Elst { entries: vec![edit] }) });
    if let [Codec::Avc1(avc)] = track.mdia.minf.stbl.stsd.codecs.as_mut_slice() {
        // The bit rate of the first scene does not apply to the whole video.
        avc.btrt = None;
    }
    let mut heard = audio.track().clone();
    heard.tkhd.track_id = 2;
    moov.mvhd.duration = movie_duration.max(heard.tkhd.duration);
    moov.mvhd.next_track_id = 3;
    moov.trak.push(heard);

    let brands = Ftyp {
        major_brand: FourCC::new(b"isom"),
        minor_version: 0x200,
        compatible_brands: [b"isom", b"iso2", b"avc1", b"mp41"].map(FourCC::new).into(),
    };
    let mut file = Vec::new();
    brands.encode(&mut file).map_err(|error| unreadable("video", &error.to_string()))?;
    // Offsets have a fixed size, so a header with zeros has the same length as one with the final offsets.
    let length = movie_header(&mut moov, audio.user_data, &video, &sound, 0)?.len();
    let start = file.len() + length + 8;
    file.extend(movie_header(&mut moov, audio.user_data, &video, &sound, start)?);
    let media: u64 = video.samples.iter().chain(&sound.samples).map(|(_, sample)| u64::from(sample.size)).sum();
    let size = u32::try_from(media + 8).map_err(|_| unreadable("video", "more than 4 GB"))?;
    file.extend(size.to_be_bytes());
    file.extend(b"mdat");
    interleaved(&video, &sound, |plan, samples| plan.bytes_of(samples).for_each(|bytes| file.extend(bytes)));
    Ok(file)
}

/// Divides both tracks into alternating chunks of about the same duration.
fn chunks(frames: usize, audio: &Clip<'_>) -> (Vec<usize>, Vec<usize>) {
    let timescale = u64::from(audio.track().mdia.mdhd.timescale.max(1));
    let mut video = Vec::new();
    let mut sound = Vec::new();
    let mut heard = 0;
    let mut heard_until = 0;
    for start in (0..frames).step_by(CHUNK_FRAMES) {
        let count = CHUNK_FRAMES.min(frames - start);
        video.push(count);
        let is_last = start + count == frames;
        let until = (start + count) as u64 * timescale / u64::from(FRAME_RATE);
        let before = heard;
        while heard < audio.len() && (is_last || heard_until < until) {
            heard_until += u64::from(audio.samples[heard].duration);
            heard += 1;
        }
        if heard > before {
            sound.push(heard - before);
        }
    }
    (video, sound)
}

/// Calls `each` for the chunks of both tracks in the order of the file.
fn interleaved<'a>(
    video: &'a TrackPlan<'a>,
    sound: &'a TrackPlan<'a>,
    mut each: impl FnMut(&'a TrackPlan<'a>, std::ops::Range<usize>),
) {
    let mut at = [0, 0];
    for index in 0..video.chunks.len().max(sound.chunks.len()) {
        for (plan, at) in [video, sound].into_iter().zip(&mut at) {
            if let Some(count) = plan.chunks.get(index) {
                each(plan, *at..*at + count);
                *at += count;
            }
        }
    }
}

/// Returns the moov box of a file whose media start at `start`, with the user data of the audio.
fn movie_header(
    moov: &mut Moov,
    user_data: Option<&[u8]>,
    video: &TrackPlan<'_>,
    sound: &TrackPlan<'_>,
    start: usize,
) -> Result<Vec<u8>, JoinError> {
    let too_long = || JoinError::Unreadable { name: "video".to_owned(), reason: "more than 4 GB".to_owned() };
    let mut at = u32::try_from(start).map_err(|_| too_long())?;
    let mut offsets = [Vec::new(), Vec::new()];
    let mut overflow = false;
    interleaved(video, sound, |plan, samples| {
        let track = usize::from(!std::ptr::eq(plan, video));
        offsets[track].push(at);
        let size: u32 = plan.samples[samples].iter().map(|(_, sample)| sample.size).sum();
        (at, overflow) = match at.checked_add(size) {
            Some(next) => (next, overflow),
            None => (at, true),
        };
    });
    if overflow {
        return Err(too_long());
    }
    for ((track, plan), offsets) in moov.trak.iter_mut().zip([video, sound]).zip(&offsets) {
        plan.fill(&mut track.mdia.minf.stbl, offsets);
    }
    let mut bytes = Vec::new();
    moov.encode(&mut bytes)
        .map_err(|error| JoinError::Unreadable { name: "video".to_owned(), reason: error.to_string() })?;
    bytes.extend(user_data.unwrap_or_default());
    let size = u32::try_from(bytes.len()).map_err(|_| too_long())?;
    bytes[..4].copy_from_slice(&size.to_be_bytes());
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};
    use std::process::Command;

    use super::*;
    use crate::graph::{SceneGraph, encode_sound};

    fn ffmpeg(arguments: &[&str]) -> Vec<u8> {
        let output = Command::new("ffmpeg").args(["-v", "warning", "-nostdin", "-y"]).args(arguments).output().unwrap();
        let log = String::from_utf8_lossy(&output.stderr);
        // A WAV file does not state its channel layout.
        let warnings: Vec<&str> = log.lines().filter(|line| !line.starts_with("Guessed Channel Layout")).collect();
        assert!(output.status.success() && warnings.is_empty(), "ffmpeg {arguments:?}: {log}");
        output.stdout
    }

    /// Encodes a moving test pattern as a scene.
    fn scene(folder: &Path, name: &str, frames: u32, change: impl FnOnce(&mut Vec<String>)) -> PathBuf {
        let output = folder.join(name);
        let graph = SceneGraph {
            document: None,
            fonts: folder,
            size: (320, 180),
            preset: "veryfast",
            crf: 21,
            key_frame: None,
            output: &output,
        };
        let all: Vec<String> = graph.arguments().0.iter().map(|part| part.to_string_lossy().into_owned()).collect();
        // This replaces the raw frames on standard input.
        let codec = all.iter().position(|part| part == "-vf").unwrap();
        let source = format!("testsrc2=size=320x180:rate=24,trim=end_frame={frames},hue=h={}", frames * 7);
        let mut arguments = vec!["-f".to_owned(), "lavfi".to_owned(), "-i".to_owned(), source];
        arguments.extend(all[codec..].iter().cloned());
        change(&mut arguments);
        ffmpeg(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
        output
    }

    fn replace(arguments: &mut [String], from: &str, to: &str) {
        let mut changed = 0;
        for argument in arguments {
            if argument.contains(from) {
                *argument = argument.replace(from, to);
                changed += 1;
            }
        }
        assert!(changed > 0, "{from}");
    }

    fn sound(folder: &Path, seconds: f64) -> Vec<u8> {
        let wav = folder.join("sound.wav");
        ffmpeg(&[
            "-f",
            "lavfi",
            "-i",
            &format!("sine=frequency=330:duration={seconds}"),
            "-ac",
            "2",
            wav.to_str().unwrap(),
        ]);
        let output = folder.join("sound.mp4");
        let arguments = encode_sound(&wav, seconds, "The voice is synthetic.", &output).0;
        ffmpeg(&arguments.iter().map(|part| part.to_str().unwrap()).collect::<Vec<_>>());
        std::fs::read(output).unwrap()
    }

    /// Returns a line for each packet or frame of a file's stream, with its times and its digest.
    fn digests(file: &Path, stream: &str, decode: bool) -> Vec<String> {
        let file = file.to_str().unwrap();
        let mut arguments = vec!["-i", file, "-map", stream];
        if !decode {
            arguments.extend(["-c", "copy"]);
        }
        arguments.extend(["-f", "framemd5", "-"]);
        let text = String::from_utf8(ffmpeg(&arguments)).unwrap();
        text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
    }

    fn content(lines: &[String]) -> Vec<&str> {
        lines.iter().map(|line| line.rsplit(',').next().unwrap().trim()).collect()
    }

    #[test]
    fn joined_scenes_match_ffmpegs_join_and_separate_decoding() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let lengths = [30, 9, 300, 3, 77];
        let files: Vec<PathBuf> =
            lengths.iter().map(|frames| scene(folder, &format!("{frames}.mp4"), *frames, |_| {})).collect();
        let frames: u32 = lengths.iter().sum();
        let seconds = f64::from(frames) / 24.0;
        let sound = sound(folder, seconds);
        let bytes: Vec<Vec<u8>> = files.iter().map(|file| std::fs::read(file).unwrap()).collect();
        let clips: Vec<Clip<'_>> = bytes.iter().map(|bytes| Clip::read("scene", bytes).unwrap()).collect();
        let file = folder.join("joined.mp4");
        std::fs::write(&file, join(&clips, &Clip::read("sound", &sound).unwrap()).unwrap()).unwrap();

        let list = folder.join("list.txt");
        let lines = lengths.iter().map(|n| format!("file {n}.mp4\nduration {:.6}\n", f64::from(*n) / 24.0));
        std::fs::write(&list, format!("ffconcat version 1.0\n{}", lines.collect::<String>())).unwrap();
        let reference = folder.join("reference.mp4");
        let copied = ["-map", "0:v", "-map", "1:a", "-c", "copy", "-video_track_timescale", "24000"];
        let inputs = ["-f", "concat", "-safe", "0", "-auto_convert", "0", "-i", list.to_str().unwrap(), "-i"];
        let sound_file = folder.join("sound.mp4");
        let end = ["-movie_timescale", "48000", "-movflags", "+faststart", reference.to_str().unwrap()];
        ffmpeg(&[&inputs[..], &[sound_file.to_str().unwrap()], &copied, &end].concat());
        assert_eq!(digests(&file, "0:v", false), digests(&reference, "0:v", false), "packets with their times");
        assert_eq!(digests(&file, "0:a", false), digests(&reference, "0:a", false));

        let joined = digests(&file, "0:v", true);
        assert_eq!(joined.len(), frames as usize);
        let alone: Vec<String> = files.iter().flat_map(|file| digests(file, "0:v", true)).collect();
        assert_eq!(content(&joined), content(&alone), "every frame as in its scene");
        // The sound is not changed, so no join can be heard.
        assert_eq!(content(&digests(&file, "0:a", true)), content(&digests(&sound_file, "0:a", true)));
        let head = boxes(&std::fs::read(&file).unwrap()).unwrap().iter().map(|(kind, _)| *kind).collect::<Vec<_>>();
        assert_eq!(head, [*b"ftyp", *b"moov", *b"mdat"], "the header comes first");
    }

    #[test]
    fn scene_that_does_not_match_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let first = std::fs::read(scene(folder, "first.mp4", 24, |_| {})).unwrap();
        let sound = sound(folder, 2.0);
        let refused = |name: &str, change: fn(&mut Vec<String>)| {
            let other = std::fs::read(scene(folder, "other.mp4", 24, change)).unwrap();
            let clips = [Clip::read("scene 1", &first).unwrap(), Clip::read(name, &other).unwrap()];
            join(&clips, &Clip::read("sound", &sound).unwrap()).unwrap_err().to_string()
        };
        let why = refused("scene 2", |all| replace(all, "veryfast", "medium"));
        assert_eq!(
            why,
            "scene 2: its decoder configuration differs from that of scene 1; encode it again with the same settings"
        );
        let why = refused("scene 3", |all| replace(all, "8x8dct=1", "8x8dct=1:bframes=0"));
        assert!(why.starts_with("scene 3: its decoder configuration"), "{why}");
        let why = refused("scene 4", |all| replace(all, "testsrc2=size=320x180", "testsrc2=size=640x360"));
        assert!(why.starts_with("scene 4: its decoder configuration"), "{why}");
        let why = refused("scene 5", |all| {
            replace(all, "rate=24", "rate=12");
            let rate = all.iter().rposition(|part| part == "24").unwrap();
            all[rate] = "12".to_owned();
        });
        assert!(why.starts_with("scene 5: its "), "{why}");
    }

    #[test]
    fn damaged_scene_is_unreadable() {
        let folder = tempfile::tempdir().unwrap();
        let whole = std::fs::read(scene(folder.path(), "scene.mp4", 24, |_| {})).unwrap();
        assert_eq!(Clip::read("scene", &whole).unwrap().len(), 24);
        for length in [0, 7, 40, whole.len() / 2, whole.len() - 1] {
            assert!(Clip::read("scene", &whole[..length]).is_err(), "{length} bytes");
        }
        let at = whole.windows(4).position(|kind| kind == b"stsz").unwrap();
        let mut changed = whole.clone();
        changed[at + 12..at + 16].copy_from_slice(&u32::MAX.to_be_bytes());
        assert!(Clip::read("scene", &changed).is_err(), "a count beyond the file");
    }
}
