//! Builds ffmpeg's arguments from typed descriptions. No argument is passed through a shell. Values in a filter graph
//! are escaped for its two levels of quoting.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::canvas::FRAME_RATE;

/// Escapes the value of a filter option within a graph, once for the option and once for the graph (ffmpeg-filters,
/// "Notes on filtergraph escaping").
#[must_use]
pub fn escape(value: &str) -> String {
    let level = |text: &str, special: &[char]| {
        let mut escaped = String::with_capacity(text.len());
        for character in text.chars() {
            if special.contains(&character) {
                escaped.push('\\');
            }
            escaped.push(character);
        }
        escaped
    };
    level(&level(value, &['\\', '\'', ':']), &['\\', '\'', '[', ']', ',', ';'])
}

fn escape_path(path: &Path) -> String {
    escape(&path.to_string_lossy())
}

/// The arguments of one ffmpeg run. The last one is the output.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arguments(pub Vec<OsString>);

impl Arguments {
    fn text(&mut self, arguments: &[&str]) -> &mut Self {
        self.0.extend(arguments.iter().map(OsString::from));
        self
    }

    fn path(&mut self, path: &Path) -> &mut Self {
        self.0.push(path.as_os_str().to_owned());
        self
    }

    /// Adds an input file. The whitelist prevents a playlist from opening anything but files.
    fn input(&mut self, options: &[&str], path: &Path) -> &mut Self {
        self.text(&["-protocol_whitelist", "file"]).text(options).text(&["-i"]).path(path)
    }

    /// Adds raw frames on the standard input.
    fn frames(&mut self, pixels: &str, (w, h): (u32, u32)) -> &mut Self {
        self.text(&["-protocol_whitelist", "pipe", "-f", "rawvideo", "-pixel_format", pixels]);
        self.text(&["-video_size", &format!("{w}x{h}"), "-framerate", &FRAME_RATE.to_string()]);
        self.text(&["-color_range", "tv", "-colorspace", "bt709", "-i", "pipe:0"])
    }

    /// Discards the output, because it is only measured.
    fn discard_output(&mut self) -> &mut Self {
        self.text(&["-f", "null", "null"])
    }
}

/// The graph that creates the video from composed frames.
#[derive(Clone, Debug)]
pub struct VideoGraph<'a> {
    /// The background loop, with the frame's size and rate. If there is one, the composed frames have an alpha channel.
    pub background: Option<&'a Path>,
    /// The finished audio.
    pub sound: &'a Path,
    /// The ASS document with the captions. `None` if they are not drawn into the picture.
    pub document: Option<&'a Path>,
    /// The fonts folder.
    pub fonts: &'a Path,
    /// The frame size in pixels.
    pub size: (u32, u32),
    /// The length in seconds.
    pub seconds: f64,
    /// The times, in seconds, at which playback or a measurement may start. Each gets a key frame.
    pub moments: &'a [f64],
    /// The provenance in plain text, for the file's metadata.
    pub provenance: &'a str,
    /// x264's preset.
    pub preset: &'a str,
    /// x264's constant rate factor.
    pub crf: u8,
    /// The file to write.
    pub output: &'a Path,
}

impl VideoGraph<'_> {
    /// Returns the graph, from back to front: background, frames, captions.
    fn filters(&self) -> String {
        let mut graph = Vec::new();
        let mut last = "0:v";
        if self.background.is_some() {
            // Renumber the frames, because a looped file may repeat with irregular timestamps.
            graph.push(format!("[2:v]setpts=N/{FRAME_RATE}/TB[back]"));
            graph.push("[back][0:v]overlay=format=yuv420:shortest=1[laid]".to_owned());
            last = "laid";
        }
        if let Some(document) = self.document {
            let (document, fonts) = (escape_path(document), escape_path(self.fonts));
            graph.push(format!("[{last}]ass=filename={document}:fontsdir={fonts}[captioned]"));
            last = "captioned";
        }
        graph.push(format!(
            "[{last}]format=yuv420p,setparams=range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709[v]"
        ));
        graph.join(";")
    }

    /// Returns the arguments. The frames are read from the standard input.
    #[must_use]
    pub fn arguments(&self) -> Arguments {
        let mut all = Arguments::default();
        let pixels = if self.background.is_some() { "yuva420p" } else { "yuv420p" };
        all.frames(pixels, self.size).input(&[], self.sound);
        if let Some(background) = self.background {
            all.input(&["-stream_loop", "-1"], background);
        }
        all.text(&["-filter_complex", &self.filters(), "-map", "[v]", "-map", "1:a"]);
        // With 8x8 transforms, even the fastest preset produces High profile.
        all.text(&["-c:v", "libx264", "-preset", self.preset, "-crf", &self.crf.to_string(), "-profile:v", "high"]);
        if self.background.is_none() {
            // Drawn scenes have flat areas and clean edges.
            all.text(&["-tune", "animation"]);
        }
        all.text(&["-x264-params", "8x8dct=1"]);
        all.text(&["-pix_fmt", "yuv420p", "-r", &FRAME_RATE.to_string(), "-g", &(FRAME_RATE * 5).to_string()]);
        all.text(&["-color_range", "tv", "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"]);
        if !self.moments.is_empty() {
            let moments: Vec<String> = self.moments.iter().map(|at| format!("{at:.3}")).collect();
            all.text(&["-force_key_frames", &moments.join(",")]);
        }
        audio_options(&mut all, self.provenance);
        all.text(&["-movflags", "+faststart", "-t", &format!("{:.4}", self.seconds), "-f", "mp4", "-y"]);
        all.path(self.output);
        all
    }
}

/// The graph that encodes one scene from composed frames, without sound, so it can be joined with others.
#[derive(Clone, Debug)]
pub struct SceneGraph<'a> {
    /// The ASS document with the captions, if there are any.
    pub document: Option<&'a Path>,
    /// The fonts folder.
    pub fonts: &'a Path,
    /// The frame size in pixels.
    pub size: (u32, u32),
    /// x264's preset.
    pub preset: &'a str,
    /// x264's constant rate factor.
    pub crf: u8,
    /// The time, in seconds, of an extra key frame in a scene that is made for one customer. It allows a still without
    /// decoding everything before it. Such a scene is encoded with less CPU time, and takes a few percent more bytes.
    pub key_frame: Option<f64>,
    /// The file to write.
    pub output: &'a Path,
}

/// x264's parameters for scenes. `stitchable` makes the decoder's configuration independent of the content. Groups of
/// pictures are closed. The number of threads is fixed because it affects the bytes.
const STITCHABLE: &str =
    "stitchable=1:keyint=240:min-keyint=24:scenecut=0:open-gop=0:threads=2:lookahead-threads=1:8x8dct=1";

/// Further parameters for personal scenes: a coarser search for motion. They do not affect the decoder's configuration.
const QUICK: &str = "subme=1:me=dia";

impl SceneGraph<'_> {
    /// Returns the arguments. The frames are read from the standard input.
    #[must_use]
    pub fn arguments(&self) -> Arguments {
        let mut graph = "setparams=range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709".to_owned();
        if let Some(document) = self.document {
            let (document, fonts) = (escape_path(document), escape_path(self.fonts));
            graph = format!("ass=filename={document}:fontsdir={fonts},format=yuv420p,{graph}");
        }
        let timescale = crate::join::VIDEO_TIMESCALE.to_string();
        let mut all = Arguments::default();
        // Without this option, ffmpeg succeeds although the disk is full when it finishes the file.
        all.text(&["-xerror"]);
        all.frames("yuv420p", self.size).text(&["-vf", &graph, "-an"]);
        all.text(&["-c:v", "libx264", "-preset", self.preset, "-crf", &self.crf.to_string(), "-profile:v", "high"]);
        all.text(&["-level:v", "4.0", "-tune", "animation"]);
        if let Some(at) = self.key_frame {
            all.text(&["-x264-params", &format!("{STITCHABLE}:{QUICK}"), "-force_key_frames", &format!("{at:.3}")]);
        } else {
            all.text(&["-x264-params", STITCHABLE]);
        }
        all.text(&["-pix_fmt", "yuv420p", "-r", &FRAME_RATE.to_string()]);
        all.text(&["-color_range", "tv", "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"]);
        all.text(&["-map_metadata", "-1", "-fflags", "+bitexact", "-flags:v", "+bitexact"]);
        all.text(&["-video_track_timescale", &timescale, "-movie_timescale", &timescale, "-f", "mp4", "-y"]);
        all.path(self.output);
        all
    }
}

/// Adds the options that encode audio, with the provenance as metadata.
fn audio_options(all: &mut Arguments, provenance: &str) {
    // At this bit rate, the fast coder is as accurate as the slow one in half the time.
    all.text(&["-c:a", "aac", "-aac_coder", "fast", "-b:a", AUDIO_RATE, "-ar", "48000", "-ac", "2"]);
    all.text(&["-map_metadata", "-1", "-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact"]);
    all.text(&["-metadata", &format!("comment={provenance}")]);
}

/// The bit rate of audio, which is sufficient for speech over quiet music.
const AUDIO_RATE: &str = "128k";

/// Returns the arguments that encode finished audio for joined scenes.
#[must_use]
pub fn encode_sound(sound: &Path, seconds: f64, provenance: &str, output: &Path) -> Arguments {
    let mut all = Arguments::default();
    all.input(&[], sound).text(&["-map", "0:a"]);
    audio_options(&mut all, provenance);
    all.text(&["-t", &format!("{seconds:.4}"), "-movie_timescale", "48000", "-f", "mp4", "-y"]).path(output);
    all
}

/// Returns the arguments that write one frame of a scene as 8-bit luma, row by row, and as a JPEG if `poster` is given.
#[must_use]
pub(crate) fn scene_still(scene: &Path, at: f64, luma: &Path, poster: Option<&Path>) -> Arguments {
    let mut all = Arguments::default();
    all.input(&["-ss", &format!("{at:.3}")], scene);
    all.text(&["-map", "0:v", "-frames:v", "1", "-vf", "extractplanes=y", "-f", "rawvideo", "-y"]).path(luma);
    if let Some(poster) = poster {
        all.text(&["-map", "0:v"]);
        all.text(&["-frames:v", "1", "-q:v", "3", "-pix_fmt", "yuvj420p", "-f", "image2", "-update", "1", "-y"]);
        all.path(poster);
    }
    all
}

/// The maximum length of a background that is used, in seconds. It exceeds any video of 220 words.
pub(crate) const BACKGROUND_SECONDS: u32 = 180;

/// The length of the loop that is made from a still image, in seconds.
const STILL_SECONDS: u32 = 10;

/// The maximum number of pixels in an image that is decoded. It limits the memory that a file can demand.
const MAX_PIXELS: &str = "200000000";

/// The kind of frames that a background has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Motion {
    /// A video of progressive frames.
    Progressive,
    /// An interlaced video, whose frames consist of two fields.
    Interlaced {
        /// The order of the fields. `None` if the order is tagged on each frame.
        top_field_first: Option<bool>,
    },
    /// A single image.
    Still {
        /// The image's EXIF orientation, 1 to 8.
        orientation: u8,
    },
}

/// The colors of a background file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SourceColor<'a> {
    /// swscale's name for the matrix. `None` for RGB.
    pub matrix: Option<&'static str>,
    /// Whether black is 0 instead of 16, on a scale of 255.
    pub full_range: bool,
    /// Whether there is an alpha channel.
    pub alpha: bool,
    /// A table that converts R'G'B' to BT.709, if the primaries or the transfer differ.
    pub lut: Option<&'a Path>,
}

/// The conversion of a background to the frame's size, rate and colors.
#[derive(Clone, Copy, Debug)]
pub struct BackgroundGraph<'a> {
    /// The background file.
    pub source: &'a Path,
    /// The index of the video stream.
    pub stream: u32,
    /// The frame size in pixels.
    pub size: (u32, u32),
    /// The maximum length to convert, in seconds.
    pub seconds: u32,
    /// The kind of frames.
    pub motion: Motion,
    /// The colors of the file.
    pub color: SourceColor<'a>,
    /// The file to write.
    pub output: &'a Path,
}

impl<'a> BackgroundGraph<'a> {
    /// Describes a progressive video in BT.709.
    #[must_use]
    pub fn of_video(source: &'a Path, size: (u32, u32), seconds: u32, output: &'a Path) -> Self {
        let color = SourceColor { matrix: Some("bt709"), ..SourceColor::default() };
        Self { source, stream: 0, size, seconds, motion: Motion::Progressive, color, output }
    }

    /// Returns the filters. The image is scaled by its display aspect ratio to fill the frame, then cropped to its
    /// center.
    pub(crate) fn filters(&self) -> String {
        let (w, h) = self.size;
        let mut chain: Vec<String> = Vec::new();
        match self.motion {
            Motion::Progressive => {}
            Motion::Interlaced { top_field_first: None } => {
                chain.push("bwdif=mode=send_frame:deint=interlaced".to_owned());
            }
            Motion::Interlaced { top_field_first: Some(top) } => {
                let parity = if top { "tff" } else { "bff" };
                chain.push(format!("bwdif=mode=send_frame:parity={parity}:deint=all"));
            }
            Motion::Still { orientation } => chain.extend(upright(orientation).map(str::to_owned)),
        }
        let still = matches!(self.motion, Motion::Still { .. });
        if !still {
            chain.push(format!("fps={FRAME_RATE}"));
        }
        chain.push(format!("crop=w='min(iw,ih*{w}/{h}/sar)':h='min(ih,iw*sar*{h}/{w})'"));
        chain.extend(self.color_filters());
        if still {
            chain.push(format!("loop=loop={}:size=1:start=0", STILL_SECONDS * FRAME_RATE - 1));
            chain.push(format!("settb=1/{FRAME_RATE},setpts=N"));
        }
        chain.push("setparams=range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709".to_owned());
        format!("[0:{}]{}[v]", self.stream, chain.join(","))
    }

    /// Returns the filters that scale to the frame and convert to limited-range BT.709.
    fn color_filters(&self) -> Vec<String> {
        const FLAGS: &str = "flags=bicubic+accurate_rnd+full_chroma_int";
        const OUTPUT: &str = "out_color_matrix=bt709:out_range=tv";
        let (w, h) = self.size;
        let SourceColor { matrix, full_range, alpha, lut } = self.color;
        let range = if full_range { "pc" } else { "tv" };
        let input = matrix.map(|matrix| format!(":in_color_matrix={matrix}:in_range={range}")).unwrap_or_default();
        let mut filters = Vec::new();
        let mut scale = format!("scale={w}:{h}:{FLAGS}{input}");
        if alpha {
            // Transparent parts become black.
            filters.push(scale);
            filters.push("format=gbrap,premultiply=inplace=1,format=gbrp".to_owned());
            scale = format!("scale={FLAGS}");
        }
        if let Some(lut) = lut {
            filters.push(scale);
            filters.push(format!("format=gbrp16le,lut3d=file={}:interp=tetrahedral", escape_path(lut)));
            scale = format!("scale={FLAGS}");
        }
        filters.push(format!("{scale}:{OUTPUT}"));
        filters.push("setsar=1,format=yuv420p".to_owned());
        filters
    }

    /// Returns the arguments. They produce a file that is fast to decode. Any error in the source ends the conversion.
    #[must_use]
    pub fn arguments(&self) -> Arguments {
        let mut all = Arguments::default();
        all.text(&["-xerror"]);
        let seconds = self.seconds.to_string();
        match self.motion {
            Motion::Still { orientation: 1 } => all.input(&["-max_pixels", MAX_PIXELS], self.source),
            // The filters rotate the image.
            Motion::Still { .. } => all.input(&["-max_pixels", MAX_PIXELS, "-noautorotate"], self.source),
            _ => all.input(&["-max_pixels", MAX_PIXELS, "-t", &seconds], self.source),
        };
        all.text(&["-filter_complex", &self.filters(), "-map", "[v]", "-r", &FRAME_RATE.to_string()]);
        all.text(&["-c:v", "libx264", "-preset", "superfast", "-crf", "14"]);
        all.text(&["-tune", "fastdecode", "-g", &(FRAME_RATE * 2).to_string(), "-f", "mp4", "-y"]).path(self.output);
        all
    }
}

/// Returns the filters that rotate an image with this EXIF orientation upright.
fn upright(orientation: u8) -> Option<&'static str> {
    Some(match orientation {
        2 => "hflip",
        3 => "hflip,vflip",
        4 => "vflip",
        5 => "transpose=cclock_flip",
        6 => "transpose=clock",
        7 => "transpose=clock_flip",
        8 => "transpose=cclock",
        _ => return None,
    })
}

/// Returns the arguments that read all packets in a stream without decoding them.
#[must_use]
pub(crate) fn demux(video: &Path, stream: u32) -> Arguments {
    let mut all = Arguments::default();
    all.text(&["-xerror"]).input(&["-t", &BACKGROUND_SECONDS.to_string()], video);
    all.text(&["-map", &format!("0:{stream}"), "-c", "copy"]).discard_output();
    all
}

/// Returns the arguments that decode the first second of a video and detect whether its frames consist of two fields.
/// ffmpeg fails on the first error.
#[must_use]
pub(crate) fn detect_interlacing(video: &Path, stream: u32) -> Arguments {
    let mut all = Arguments::default();
    all.text(&["-xerror", "-err_detect", "explode"]).input(&["-max_pixels", MAX_PIXELS, "-t", "1"], video);
    all.text(&["-map", &format!("0:{stream}"), "-vf", "idet"]).discard_output();
    all
}

/// Returns the arguments that write the luma of a video's key frames, scaled to `size` pixels, row by row, frame after
/// frame. A sample has one byte, or two bytes in little-endian order if the depth exceeds 8 bits.
#[must_use]
pub(crate) fn sample_luma(video: &Path, stream: u32, (w, h): (u32, u32), output: &Path) -> Arguments {
    let mut all = Arguments::default();
    all.input(&["-skip_frame", "nokey", "-t", &BACKGROUND_SECONDS.to_string()], video);
    all.text(&["-map", &format!("0:{stream}"), "-vf", &format!("extractplanes=y,scale={w}:{h}:flags=area")]);
    all.text(&["-fps_mode", "passthrough", "-f", "rawvideo", "-y"]).path(output);
    all
}

/// Returns the arguments that encode frames from the standard input as for a video, and log the CPU time.
#[must_use]
pub(crate) fn benchmark_encode(size: (u32, u32), preset: &str, crf: u8) -> Arguments {
    let mut all = Arguments::default();
    all.text(&["-benchmark"]).frames("yuv420p", size);
    all.text(&["-map", "0:v", "-c:v", "libx264", "-preset", preset, "-crf", &crf.to_string()]);
    all.text(&["-tune", "animation", "-pix_fmt", "yuv420p"]).discard_output();
    all
}

/// Returns the arguments that write frames of `video` as 8-bit luma, row by row. Each entry in `moments` is a time in
/// seconds and the file to write.
#[must_use]
pub fn luma_frames(video: &Path, moments: &[(f64, PathBuf)]) -> Arguments {
    let mut all = Arguments::default();
    for (at, _) in moments {
        all.input(&["-ss", &format!("{at:.3}")], video);
    }
    for (index, (_, output)) in moments.iter().enumerate() {
        all.text(&[
            "-map",
            &format!("{index}:v:0"),
            "-frames:v",
            "1",
            "-vf",
            "extractplanes=y",
            "-f",
            "rawvideo",
            "-y",
        ]);
        all.path(output);
    }
    all
}

/// Returns the arguments that write the frame at `at` seconds of `video` as a JPEG.
#[must_use]
pub fn poster(video: &Path, at: f64, output: &Path) -> Arguments {
    let mut all = Arguments::default();
    all.input(&["-ss", &format!("{at:.3}")], video);
    all.text(&["-frames:v", "1", "-q:v", "3", "-pix_fmt", "yuvj420p", "-f", "image2", "-update", "1", "-y"])
        .path(output);
    all
}

/// Returns the arguments that write three seconds of `video`, starting at `from` seconds, as a GIF of at most 480
/// pixels in width and height, in 128 colors.
#[must_use]
pub fn preview(video: &Path, from: f64, output: &Path) -> Arguments {
    let mut all = Arguments::default();
    all.input(&["-ss", &format!("{from:.3}"), "-t", "3"], video);
    let graph = "[0:v]fps=10,scale=480:480:force_original_aspect_ratio=decrease:flags=bilinear,split[a][b];[a]palettegen=max_colors=128:\
                 stats_mode=diff[p];[b][p]paletteuse=dither=bayer:bayer_scale=4:diff_mode=rectangle";
    all.text(&["-filter_complex", graph, "-f", "gif", "-y"]).path(output);
    all
}

/// Returns the arguments that write silence of this length in seconds.
#[must_use]
pub(crate) fn silence(seconds: f64, output: &Path) -> Arguments {
    let mut all = Arguments::default();
    all.text(&["-f", "lavfi", "-i", "anullsrc=r=48000:cl=stereo", "-t", &format!("{seconds:.4}"), "-y"]).path(output);
    all
}

/// Returns the arguments that measure loudness and silences in stereo audio. With `peak`, they also measure the true
/// peak, which takes most of the time.
#[must_use]
pub fn measure_sound(sound: &Path, peak: bool) -> Arguments {
    let mut all = Arguments::default();
    let peak = if peak { "peak=true:" } else { "" };
    let filter =
        format!("aformat=channel_layouts=stereo,silencedetect=noise=-45dB:duration=0.4,ebur128={peak}framelog=verbose");
    all.input(&[], sound).text(&["-map", "0:a", "-af", &filter]).discard_output();
    all
}

/// Returns the arguments that find the pauses in finished audio: at least a fifth of a second in which no sample
/// exceeds −21 dBFS, so the ducked music counts as silence.
#[must_use]
pub fn find_pauses(video: &Path) -> Arguments {
    let mut all = Arguments::default();
    let filter = "aformat=channel_layouts=mono,silencedetect=noise=-21dB:duration=0.2";
    all.input(&[], video).text(&["-map", "0:a", "-af", filter]).discard_output();
    all
}

/// The graph that mixes voice and music, adjusts the loudness, limits the peaks and measures the result.
#[derive(Clone, Debug)]
pub struct SoundMix<'a> {
    /// The narration.
    pub voice: &'a Path,
    /// The music.
    pub music: &'a Path,
    /// The start of the narration in the video, in seconds.
    pub offset: f64,
    /// The length in seconds.
    pub seconds: f64,
    /// The music's gain over time, as an ffmpeg expression in `t`.
    pub music_gain: &'a str,
    /// The gain of the mix in dB.
    pub gain: f64,
    /// The file to write, a 32-bit float WAV.
    pub output: &'a Path,
}

impl SoundMix<'_> {
    /// Returns the arguments.
    #[must_use]
    pub fn arguments(&self) -> Arguments {
        let stereo = "aresample=48000,aformat=sample_fmts=fltp:channel_layouts=stereo";
        let seconds = self.seconds;
        let delay = (self.offset * 1000.0).round();
        // The music's gain changes once per block. Blocks of a hundredth of a second make the change smooth. At twice the
        // sample rate, the limiter sees most peaks between samples, and the finished file is measured at four times
        // (ITU-R BS.1770-4, annex 2). The limit of 0.78 is −2.2 dB, because AAC may overshoot by a few tenths.
        let graph = format!(
            "[0:a]{stereo},adelay={delay}:all=1,apad,atrim=end={seconds:.4}[voice];\
             [1:a]{stereo},atrim=end={seconds:.4},asetnsamples=n=480:p=0,volume=eval=frame:volume='{}',\
             afade=t=in:d=1,afade=t=out:st={:.4}:d=3[music];\
             [voice][music]amix=inputs=2:normalize=0:duration=first,volume={:.3}dB,aresample=96000,\
             alimiter=limit=0.78:attack=4:release=60:level=disabled,aresample=48000,ebur128=framelog=verbose[out]",
            self.music_gain,
            (seconds - 3.0).max(0.0),
            self.gain
        );
        let mut all = Arguments::default();
        all.input(&[], self.voice).input(&["-stream_loop", "-1"], self.music);
        all.text(&["-filter_complex", &graph, "-map", "[out]", "-c:a", "pcm_f32le", "-f", "wav", "-y"])
            .path(self.output);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn video_arguments() -> String {
        let graph = VideoGraph {
            provenance: "The voice is synthetic.",
            background: Some(Path::new("-loop.mp4")),
            sound: Path::new("sound.wav"),
            document: Some(Path::new("/it's [a]:b,c;d/picture.ass")),
            fonts: Path::new("fonts"),
            size: (1920, 1080),
            seconds: 20.0,
            moments: &[],
            preset: "veryfast",
            crf: 21,
            output: Path::new("out.mp4"),
        };
        let arguments: Vec<_> = graph.arguments().0.iter().map(|a| a.to_string_lossy().into_owned()).collect();
        arguments.join(" ")
    }

    #[test]
    fn path_is_escaped_for_the_graph() {
        assert_eq!(escape("it's [a]:b,c;d\\e"), "it\\\\\\'s \\[a\\]\\\\:b\\,c\\;d\\\\\\\\e");
        assert!(video_arguments().contains("filename=/it\\\\\\'s \\[a\\]\\\\:b\\,c\\;d/picture.ass:fontsdir=fonts"));
    }

    #[test]
    fn all_four_color_fields_are_tagged() {
        let all = video_arguments();
        for field in ["-color_range tv", "-colorspace bt709", "-color_primaries bt709", "-color_trc bt709"] {
            assert!(all.contains(field), "{all}");
        }
    }
}
