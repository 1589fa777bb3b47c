//! Tests that render complete short videos with the real programs and assets.

use std::f64::consts::TAU;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use crate::common::{assets, brand, narration, script};
use contracts::brand::Brand;
use contracts::key::{Artefact, RunPart};
use contracts::media::RenderRecord;
use contracts::narration::{Narration, Timing};
use contracts::request::Request;
use contracts::script::Script;
use contracts::settings::Settings;
use contracts::stage::CustomerTask;
use contracts::{BackgroundName, CustomerId, Digest, NamedError, ObjectKey, RunId};
use render::{Deps, Error, Tools, background_digests, run};
use storage::store::{MemoryStore, ObjectStore as _};
use storage::vault::{Keys, Owner, Vault};
use tokio_util::sync::CancellationToken;

/// Synthesizes audio that resembles speech: a buzz that swells with each word.
fn speech(narration: &Narration) -> Vec<u8> {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 48_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut bytes = std::io::Cursor::new(Vec::new());
    let mut writer = hound::WavWriter::new(&mut bytes, spec).unwrap();
    let words: Vec<_> = narration.sentences.iter().flat_map(|sentence| &sentence.words).collect();
    for sample in 0..(narration.seconds * 48_000.0) as usize {
        let now = sample as f64 / 48_000.0;
        let word = words.iter().find(|word| (word.start..word.end).contains(&now));
        let swell = word.map_or(0.0, |word| ((now - word.start) / (word.end - word.start) * TAU / 2.0).sin());
        let buzz: f64 = (1..8).map(|n| (now * 140.0 * f64::from(n) * TAU).sin() / f64::from(n)).sum();
        writer.write_sample((buzz * swell * 4000.0) as i16).unwrap();
    }
    writer.finalize().unwrap();
    bytes.into_inner()
}

/// A bank with one customer.
pub struct Bench {
    pub store: Arc<MemoryStore>,
    pub vault: Vault,
    pub task: CustomerTask,
    scratch: tempfile::TempDir,
    prepared: tempfile::TempDir,
    pub settings: Settings,
    brand: Brand,
    pub tools: Tools,
    cancel: CancellationToken,
}

impl Bench {
    pub async fn new() -> Self {
        let store = Arc::new(MemoryStore::default());
        let vault = Vault::new(store.clone(), Keys::new([1; 32], [2; 32]));
        let reference = vault.keys().reference(&CustomerId::parse("0001").unwrap());
        let task = CustomerTask { run: RunId::parse("run-1").unwrap(), reference };
        let settings = Settings::from_toml("[video]\npreset = \"ultrafast\"\ncrf = 30\n").unwrap();
        let tools = Tools { ffmpeg: "ffmpeg".into(), ffprobe: "ffprobe".into() };
        let bench = Self {
            store,
            vault,
            task,
            scratch: tempfile::tempdir().unwrap(),
            prepared: tempfile::tempdir().unwrap(),
            settings,
            brand: brand(),
            tools,
            cancel: CancellationToken::new(),
        };
        let script = script("José", &["Meridian Travel Card"], &["Subject to credit approval."]);
        let narration = narration(&script, Timing::Exact);
        bench.replace_script(script, narration).await;
        let inputs = Digest::of(b"inputs");
        let request = ObjectKey::Run(bench.task.run.clone(), RunPart::Request);
        bench.vault.write_json(Owner::Run, &request, &inputs, Request::for_tests()).await.unwrap();
        bench
    }

    /// Replaces the script and its narration, and gives the customer both if there are none.
    pub async fn replace_script(&self, script: Script, mut narration: Narration) {
        let audio = speech(&narration);
        narration.audio = Digest::of(&audio);
        for artefact in [Artefact::NarrationAudio, Artefact::Cues, Artefact::Script] {
            self.store.delete(&self.key(artefact)).await.unwrap();
        }
        let owner = Owner::Customer(&self.task.reference);
        let inputs = Digest::of(b"inputs");
        self.vault.write(owner, &self.key(Artefact::NarrationAudio), &inputs, &audio).await.unwrap();
        self.vault.write_json(owner, &self.key(Artefact::Cues), &inputs, narration).await.unwrap();
        self.vault.write_json(owner, &self.key(Artefact::Script), &inputs, script).await.unwrap();
    }

    /// Replaces the request.
    async fn replace_request(&self, request: Request) {
        let key = ObjectKey::Run(self.task.run.clone(), RunPart::Request);
        self.store.delete(&key).await.unwrap();
        self.vault.write_json(Owner::Run, &key, &Digest::of(b"inputs"), request).await.unwrap();
    }

    pub fn key(&self, artefact: Artefact) -> ObjectKey {
        ObjectKey::Customer(self.task.reference.clone(), self.task.run.clone(), artefact)
    }

    pub async fn run(
        &self,
        assets: &Path,
        background: Option<&Path>,
        progress: &(dyn Fn(f64) + Send + Sync),
    ) -> Result<(), Error> {
        let deps = Deps {
            vault: &self.vault,
            settings: &self.settings,
            brand: &self.brand,
            assets,
            background,
            prepared: self.prepared.path(),
            scratch: self.scratch.path(),
            cache: &Arc::default(),
            tools: &self.tools,
            cancel: &self.cancel,
            progress,
        };
        run(self.task.clone(), &deps).await.map(|task| assert_eq!(task, self.task))
    }

    pub async fn fails(&self, background: Option<&Path>) -> Error {
        let error = self.run(&assets(), background, &|_| {}).await.unwrap_err();
        assert_eq!(std::fs::read_dir(self.scratch.path()).unwrap().count(), 0, "the scratch folder is empty");
        assert!(!self.store.objects().contains_key(&self.key(Artefact::RenderRecord).to_string()));
        error
    }

    pub fn object(&self, artefact: Artefact) -> bytes::Bytes {
        self.store.objects()[&self.key(artefact).to_string()].clone()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn video_is_rendered_once() {
    let bench = Bench::new().await;
    let shares = Mutex::new(Vec::new());
    bench.run(&assets(), None, &|share| shares.lock().unwrap().push(share)).await.unwrap();

    let shares = shares.into_inner().unwrap();
    assert!(shares.is_sorted() && shares.len() > 4 && shares.last() == Some(&1.0), "{shares:?}");
    assert_eq!(std::fs::read_dir(bench.scratch.path()).unwrap().count(), 0);
    let record: RenderRecord = serde_json::from_slice(&bench.object(Artefact::RenderRecord)).unwrap();
    for (artefact, digest) in &record.files {
        assert_eq!(*digest, Digest::of(&bench.object(*artefact)), "{artefact:?}");
    }
    assert_eq!(record.files.len(), 4);
    assert_eq!((record.media.width, record.media.height), (1920, 1080));
    assert!((-17.0..=-15.0).contains(&record.media.loudness), "{:?}", record.media);
    assert_eq!(record.media.warnings.len(), 1, "short: {:?}", record.media);
    let captions = String::from_utf8(bench.object(Artefact::Captions).to_vec()).unwrap();
    assert_eq!(captions.matches(" --> ").count(), record.media.captions.cues);
    assert!(record.media.areas_with_text >= 4, "{:?}", record.media);
    assert!(captions.contains("José"));
    assert!(bench.object(Artefact::Poster).starts_with(&[0xff, 0xd8]));
    assert!(bench.object(Artefact::Preview).starts_with(b"GIF89a"));

    // ffprobe also finds the statement that the video is synthetic.
    let video = bench.scratch.path().join("made.mp4");
    std::fs::write(&video, bench.object(Artefact::Video)).unwrap();
    let arguments = ["-v", "error", "-export_xmp", "1", "-show_entries", "format_tags=xmp,comment", "-of", "flat"];
    let output = std::process::Command::new("ffprobe").args(arguments).arg(&video).output().unwrap();
    let tags = String::from_utf8(output.stdout).unwrap();
    std::fs::remove_file(&video).unwrap();
    let term = &record.media.source_type;
    assert_eq!(*term, "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia");
    assert!(tags.contains(term) && tags.contains("comment=\"The voice is synthetic."), "{tags}");

    // A second call finds the result and does not need ffmpeg.
    let before = bench.store.objects();
    let nowhere = Bench { tools: Tools { ffmpeg: "no-such".into(), ffprobe: "no-such".into() }, ..bench };
    nowhere.run(&assets(), None, &|_| {}).await.unwrap();
    assert_eq!(nowhere.store.objects(), before);

    // If a call stops after it stored the video but before it stored the record, the next call reuses the video.
    let tools = Tools { ffmpeg: "ffmpeg".into(), ffprobe: "ffprobe".into() };
    let bench = Bench { tools, ..nowhere };
    bench.store.delete(&bench.key(Artefact::RenderRecord)).await.unwrap();
    bench.run(&assets(), None, &|_| {}).await.unwrap();
    assert_eq!(bench.store.objects(), before);
}

#[tokio::test]
async fn resolution_changes_only_the_scale() {
    let picture = |bench: &Bench, height: usize| {
        let path = bench.scratch.path().join("poster.jpg");
        std::fs::write(&path, bench.object(Artefact::Poster)).unwrap();
        let arguments =
            ["-v", "error", "-i", path.to_str().unwrap(), "-vf", "scale=64:36:flags=area", "-f", "rawvideo"];
        let output = std::process::Command::new("ffmpeg").args(arguments).args(["-pix_fmt", "gray", "-"]).output();
        std::fs::remove_file(&path).unwrap();
        let media: RenderRecord = serde_json::from_slice(&bench.object(Artefact::RenderRecord)).unwrap();
        assert_eq!((media.media.width as usize, media.media.height as usize), (height * 16 / 9, height));
        output.unwrap().stdout
    };
    let mut pictures = Vec::new();
    for resolution in [360, 180] {
        let mut bench = Bench::new().await;
        bench.settings.video.resolution = resolution;
        bench.run(&assets(), None, &|_| {}).await.unwrap();
        pictures.push(picture(&bench, resolution as usize));
    }
    assert_eq!(pictures[0].len(), 64 * 36);
    let apart: u32 = pictures[0].iter().zip(&pictures[1]).map(|(a, b)| u32::from(a.abs_diff(*b))).sum();
    assert!(apart / (64 * 36) < 6, "a mean difference of {} of 255", f64::from(apart) / (64.0 * 36.0));
}

#[tokio::test]
async fn error_names_the_broken_asset() {
    let bench = Bench::new().await;
    let error = bench.fails(Some(Path::new("no-such-file.mp4"))).await;
    assert_eq!(error.name().as_str(), "Render.AssetBroken");
    assert_eq!(error.to_string(), "no-such-file.mp4: not found");

    let file: PathBuf = assets().join("brand.toml");
    let error = bench.fails(Some(&file)).await;
    assert_eq!(error.name().as_str(), "Render.AssetBroken", "{error}");

    let mut bench = bench;
    bench.brand.music = "music/none.flac".to_owned();
    assert_eq!(bench.fails(None).await.to_string(), "music/none.flac: not found");
    bench.brand.fonts.title = "No Such Family".to_owned();
    assert_eq!(bench.fails(None).await.to_string(), "fonts: no font has the family name \"No Such Family\"");
    bench.brand = brand();

    bench.tools.ffmpeg = "no-such-program".into();
    assert_eq!(bench.fails(None).await.name().as_str(), "Render.EngineMissing");
}

/// Makes a video with ffmpeg and returns its path.
fn make_video(folder: &Path, name: &str, arguments: &[&str]) -> PathBuf {
    let path = folder.join(name);
    let made = std::process::Command::new("ffmpeg").args(["-v", "error", "-y"]).args(arguments).arg(&path).status();
    assert!(made.unwrap().success(), "{name}");
    path
}

#[tokio::test]
async fn unusual_background_is_used_and_unusable_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let pattern = |size: &str, rate: u32, seconds: u32| format!("testsrc2=size={size}:rate={rate}:duration={seconds}");
    let x264 = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"];
    let made = |name: &str, source: &str, more: &[&str]| {
        make_video(folder.path(), name, &[&["-f", "lavfi", "-i", source], &x264[..], more].concat())
    };
    let short = made("short.mp4", &pattern("640x360", 24, 5), &[]);
    // This video is stored upright and displayed rotated.
    let turned = ["-i", short.to_str().unwrap(), "-c", "copy", "-metadata:s:v", "rotate=90"];
    let turned = make_video(folder.path(), "turned.mp4", &turned);
    let used = [
        made("portrait.mp4", &pattern("270x480", 30, 2), &[]),
        made("large.mp4", &pattern("3840x2160", 25, 1), &[]),
        made("variable.mkv", &pattern("640x360", 30, 3), &["-vf", "select='not(mod(n,3))+lt(n,20)'", "-vsync", "vfr"]),
        made("hdr.mp4", &pattern("640x360", 24, 1), &["-color_trc", "smpte2084"]),
        short,
        turned,
    ];
    for background in &used {
        let mut bench = Bench::new().await;
        bench.settings.video.resolution = 180;
        bench.run(&assets(), Some(background), &|_| {}).await.unwrap_or_else(|error| panic!("{background:?}: {error}"));
        let prepared: Vec<_> = std::fs::read_dir(bench.prepared.path()).unwrap().map(|file| file.unwrap()).collect();
        assert_eq!(prepared.len(), 1, "one prepared copy");
    }

    let sound = make_video(folder.path(), "sound.mp4", &["-f", "lavfi", "-i", "sine=duration=1"]);
    let playlist = folder.path().join("playlist.mp4");
    std::fs::write(&playlist, format!("ffconcat version 1.0\nfile {}\n", used[0].display())).unwrap();
    let mut cut = std::fs::read(&used[0]).unwrap();
    cut.truncate(cut.len() / 2);
    let broken = folder.path().join("broken.mp4");
    std::fs::write(&broken, cut).unwrap();
    let bench = Bench::new().await;
    for (background, reason) in [(&sound, "contains no video"), (&playlist, ""), (&broken, "")] {
        let error = bench.fails(Some(background)).await;
        assert_eq!(error.name().as_str(), "Render.AssetBroken", "{background:?}: {error}");
        assert!(error.to_string().ends_with(reason), "{error}");
    }
}

#[tokio::test]
async fn bright_background_keeps_text_legible() {
    let folder = tempfile::tempdir().unwrap();
    let white = ["-f", "lavfi", "-i", "color=c=white:size=640x360:rate=24:duration=1", "-pix_fmt", "yuv420p"];
    let white = make_video(folder.path(), "white.mp4", &white);
    let mut bench = Bench::new().await;
    // Contrast is measured only from this resolution up.
    bench.settings.video.resolution = 540;
    bench.run(&assets(), Some(&white), &|_| {}).await.unwrap();
    let record: RenderRecord = serde_json::from_slice(&bench.object(Artefact::RenderRecord)).unwrap();
    // The privacy mark and the logo in each sampled frame are also measured.
    assert!(record.media.areas_with_text >= 10, "{:?}", record.media);
    assert!(record.media.contrast.unwrap() >= 4.5, "{:?}", record.media);

    let poster = folder.path().join("poster.jpg");
    std::fs::write(&poster, bench.object(Artefact::Poster)).unwrap();
    let luma = ["-vf", "format=gray,scale=1:9:flags=area", "-f", "rawvideo", "-"];
    let rows = std::process::Command::new("ffmpeg").args(["-v", "error", "-i"]).arg(&poster).args(luma).output();
    let rows = rows.unwrap().stdout;
    assert!(rows[1] < 140, "the background color covers the white: {rows:?}");
}

fn in_folder(name: &str) -> ObjectKey {
    ObjectKey::Background(BackgroundName::parse(name).unwrap())
}

#[tokio::test]
async fn background_from_the_folder_is_fetched_once_and_pinned() {
    let folder = tempfile::tempdir().unwrap();
    let video_of_color = |colour: &str| {
        let source = format!("color=c={colour}:size=320x180:rate=25:duration=2");
        let path =
            make_video(folder.path(), &format!("{colour}.mp4"), &["-f", "lavfi", "-i", &source, "-pix_fmt", "yuv420p"]);
        std::fs::read(path).unwrap()
    };
    let mut bench = Bench::new().await;
    bench.settings.video.resolution = 180;
    bench.store.put(&in_folder("sea.mp4"), video_of_color("red").into()).await.unwrap();
    let digests = background_digests(&*bench.store, &bench.settings.video).await.unwrap();
    assert_eq!(digests.len(), 1);
    let request = Request { backgrounds: digests, ..Request::for_tests() };
    bench.replace_request(request.clone()).await;
    bench.run(&assets(), None, &|_| {}).await.unwrap();
    assert_eq!(std::fs::read_dir(bench.prepared.path()).unwrap().count(), 2, "the fetched copy and the prepared copy");
    let poster = folder.path().join("poster.jpg");
    std::fs::write(&poster, bench.object(Artefact::Poster)).unwrap();
    let mean = ["-vf", "scale=1:1:flags=area", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"];
    let mean_color = std::process::Command::new("ffmpeg").args(["-v", "error", "-i"]).arg(&poster).args(mean).output();
    let mean_color = mean_color.unwrap().stdout;
    assert!(mean_color[0] > mean_color[2], "red shows through the veil: {mean_color:?}");

    // While the local copy exists, replacing or removing the file has no effect. Without the copy, the run fails.
    bench.store.put(&in_folder("sea.mp4"), video_of_color("green").into()).await.unwrap();
    for artefact in [Artefact::RenderRecord, Artefact::Video, Artefact::Poster, Artefact::Preview, Artefact::Captions] {
        bench.store.delete(&bench.key(artefact)).await.unwrap();
    }
    let before = bench.prepared;
    bench.prepared = tempfile::tempdir().unwrap();
    let changed = "config/backgrounds/sea.mp4: changed after the run started";
    let error = bench.fails(None).await;
    assert_eq!((error.name().as_str(), error.to_string().as_str()), ("Config.Changed", changed));
    bench.store.delete(&in_folder("sea.mp4")).await.unwrap();
    assert_eq!(bench.fails(None).await.to_string(), changed);
    bench.prepared = before;
    bench.run(&assets(), None, &|_| {}).await.unwrap();
}

#[tokio::test]
async fn error_names_the_key_of_a_broken_background() {
    let mut bench = Bench::new().await;
    bench.settings.video.resolution = 180;
    let video = bench.settings.video.clone();
    assert!(background_digests(&*bench.store, &video).await.unwrap().is_empty());

    bench.store.put(&in_folder("broken.mp4"), "no video".into()).await.unwrap();
    let digests = background_digests(&*bench.store, &video).await.unwrap();
    bench.replace_request(Request { backgrounds: digests, ..Request::for_tests() }).await;
    let error = bench.fails(None).await;
    assert_eq!(error.name().as_str(), "Render.AssetBroken");
    assert!(error.to_string().starts_with("config/backgrounds/broken.mp4: "), "{error}");

    let other = Settings::from_toml("[video]\nbackground = \"other.mp4\"\n").unwrap().video;
    let error = background_digests(&*bench.store, &other).await.unwrap_err();
    assert_eq!(
        (error.name().as_str(), error.to_string().as_str()),
        ("Render.AssetBroken", "config/backgrounds/other.mp4: not found")
    );
    bench.store.put(&in_folder("other.mp4"), "another".into()).await.unwrap();
    let names: Vec<_> = background_digests(&*bench.store, &other).await.unwrap().into_keys().collect();
    assert_eq!(names, [BackgroundName::parse("other.mp4").unwrap()], "only the background in the settings is recorded");
    assert_eq!(background_digests(&*bench.store, &video).await.unwrap().len(), 2);
}

/// Makes an ffmpeg that runs a shell line before it renders the video.
pub fn ffmpeg_with_fault(folder: &Path, line: &str) -> Tools {
    use std::os::unix::fs::PermissionsExt as _;
    let path = folder.join("ffmpeg");
    std::fs::write(&path, format!("#!/bin/sh\ncase \"$*\" in *8x8dct*) {line};; esac\nexec ffmpeg \"$@\"\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    Tools { ffmpeg: path, ffprobe: "ffprobe".into() }
}

#[tokio::test]
async fn killed_ffmpeg_and_full_disk_have_named_errors() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new().await;
    bench.settings.video.resolution = 180;
    // A limit on the file size acts like a full disk: a write fails partway.
    for (line, reason) in [("kill -9 $$", "signal: 9"), ("ulimit -f 8; trap '' XFSZ", "File too large")] {
        bench.tools = ffmpeg_with_fault(folder.path(), line);
        let error = bench.fails(None).await;
        assert_eq!(error.name().as_str(), "Render.Failed");
        assert!(error.to_string().contains(reason), "{error}");
    }
    bench.tools = Tools { ffmpeg: "ffmpeg".into(), ffprobe: "ffprobe".into() };
    bench.run(&assets(), None, &|_| {}).await.unwrap();
}

#[tokio::test]
async fn canceled_render_leaves_no_files() {
    let bench = Bench::new().await;
    bench.cancel.cancel();
    assert_eq!(bench.fails(None).await.name().as_str(), "Run.Cancelled");
}

#[tokio::test]
async fn hanging_program_is_killed_at_the_deadline() {
    let mut bench = Bench::new().await;
    bench.settings.video.deadline_seconds = 0;
    let error = bench.fails(None).await;
    assert_eq!(error.name().as_str(), "Render.Failed");
    assert!(error.to_string().contains("timed out while"), "{error}");
}
