//! The render stage: turns a script and its narration into a captioned video, a caption file, a poster and a preview.
//!
//! **Invariant:** this crate does not depend on AWS, Lambda or another stage. Personal data is written to disk only in
//! a private folder, which the stage deletes when it ends. Personal data never appears in a message.
//!
//! The work is done by plain functions in these modules:
//!
//! - [`captions`] divides the words into cues, and [`ass`] writes them for libass.
//! - [`film`] divides the script into [`scenes`], which are composed frame by frame.
//! - [`sound`] computes the music's gain.
//! - [`graph`] builds ffmpeg's arguments.
//! - [`measure`] and [`check`] examine the result.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use contracts::brand::Brand;
use contracts::key::{Artefact, RunPart};
use contracts::media::RenderRecord;
use contracts::narration::Narration;
use contracts::request::Request;
use contracts::script::Script;
use contracts::settings::Settings;
use contracts::stage::CustomerTask;
use contracts::{CustomerRef, Digest, ObjectKey};
use policy::experiment::assign_in;
use storage::store::PutOutcome;
use storage::vault::{Owner, Vault, VaultError};
use tokio_util::sync::CancellationToken;

pub mod ass;
mod background;
mod background_folder;
pub mod background_luma;
pub mod canvas;
mod caption_track;
pub mod captions;
pub mod check;
mod color;
pub mod content;
mod encoding_cost;
mod error;
mod ffmpeg;
mod file_digest;
pub mod film;
pub mod font;
mod frame_rate;
pub mod graph;
mod job;
mod join;
pub mod layout;
pub mod measure;
pub mod preview;
mod probe_cache;
pub mod provenance;
mod scene_maker;
pub mod scenes;
pub mod sound;
mod tool_check;
pub mod vtt;

pub use background_folder::background_digests;
pub use encoding_cost::measure_encoding_cost;
pub use error::Error;
pub use ffmpeg::Tools;
pub use file_digest::file_digest;
pub use measure::inspect;
pub use probe_cache::ProbeCache;
pub use tool_check::{ToolVersions, probe_tools};

use background::Asset;
use background_folder::LocalCopies;
use job::{Inputs, RenderJob, RenderOutput};
use scene_maker::SceneStore;

/// Returns the digest of the brand and of every file in `folder` that it refers to. A request records it as its assets.
pub fn assets_digest(folder: &Path, brand: &Brand) -> Result<Digest, Error> {
    let broken = |path: &Path| {
        let file = path.strip_prefix(folder).unwrap_or(path).display().to_string();
        move |error: std::io::Error| Error::AssetBroken { file, reason: error.to_string() }
    };
    let mut paths = picture_files(folder, brand)?;
    let others = [&brand.music].into_iter().chain(brand.moods.values()).chain(&brand.backgrounds);
    paths.extend(others.chain(&brand.pronunciations).map(|file| folder.join(file)));
    paths.sort();
    paths.dedup();
    let mut digests = vec![brand.digest()];
    for path in &paths {
        digests.push(file_digest(path).map_err(broken(path))?);
    }
    Ok(Digest::of_json(&digests))
}

/// Returns the brand's files that affect the appearance of scenes: templates, timelines, drawings, fonts and logos. The
/// files are sorted.
fn picture_files(folder: &Path, brand: &Brand) -> Result<Vec<PathBuf>, Error> {
    let broken = |path: &Path| {
        let file = path.strip_prefix(folder).unwrap_or(path).display().to_string();
        move |error: std::io::Error| Error::AssetBroken { file, reason: error.to_string() }
    };
    let mut paths = vec![folder.join(&brand.logo), folder.join(&brand.mark)];
    let scenes = folder.join(&brand.scenes);
    for folder in [scenes.join("art"), scenes, folder.join(&brand.fonts.folder)] {
        for entry in std::fs::read_dir(&folder).map_err(broken(&folder))? {
            paths.push(entry.map_err(broken(&folder))?.path());
        }
    }
    paths.retain(|path| !path.is_dir());
    paths.sort();
    Ok(paths)
}

/// The dependencies of the stage.
pub struct Deps<'a> {
    /// The vault.
    pub vault: &'a Vault,
    /// The settings of the run.
    pub settings: &'a Settings,
    /// The bank's brand.
    pub brand: &'a Brand,
    /// The folder to which the brand's paths are relative.
    pub assets: &'a Path,
    /// The caller's own background. `None` to use the request's background or the brand's.
    pub background: Option<&'a Path>,
    /// The folder for fetched and prepared backgrounds. The stage creates it. It contains no personal data.
    pub prepared: &'a Path,
    /// An existing private folder, in which the stage creates its own folder.
    pub scratch: &'a Path,
    /// Facts about the brand's files from earlier renders in this process.
    pub cache: &'a Arc<ProbeCache>,
    /// The paths of ffmpeg and ffprobe.
    pub tools: &'a Tools,
    /// Cancels the render.
    pub cancel: &'a CancellationToken,
    /// Receives the progress, 0 to 1.
    pub progress: &'a (dyn Fn(f64) + Send + Sync),
}

/// Renders one customer's video. Returns immediately if an earlier call with the same inputs has finished.
pub async fn run(task: CustomerTask, deps: &Deps<'_>) -> Result<CustomerTask, Error> {
    let inputs = read_inputs(&task, deps).await?;
    if is_finished(&task, deps, &inputs.digest).await? {
        return Ok(task);
    }
    let digest = inputs.digest;
    let shape = inputs.request.shape;
    let output = render_once(&task, deps, inputs).await?;
    write_outputs(&task, deps, digest, shape, output).await?;
    (deps.progress)(1.0);
    Ok(task)
}

fn key(task: &CustomerTask, artefact: Artefact) -> ObjectKey {
    ObjectKey::Customer(task.reference.clone(), task.run.clone(), artefact)
}

async fn read_inputs(task: &CustomerTask, deps: &Deps<'_>) -> Result<Inputs, Error> {
    let owner = Owner::Customer(&task.reference);
    let request = ObjectKey::Run(task.run.clone(), RunPart::Request);
    let (request, _): (Request, _) = deps.vault.read_json(Owner::Run, &request).await?;
    let (script, script_digest): (Script, _) = deps.vault.read_json(owner, &key(task, Artefact::Script)).await?;
    let cues_key = key(task, Artefact::Cues);
    let (narration, cues_digest): (Narration, _) = deps.vault.read_json(owner, &cues_key).await?;
    let (audio, _) = deps.vault.read(owner, &key(task, Artefact::NarrationAudio)).await?;
    if Digest::of(&audio) != narration.audio {
        let reason = "does not belong to narration.wav";
        return Err(VaultError::Broken { place: cues_key.to_string(), reason }.into());
    }
    // The request contains the digests of the brand's files and of the other backgrounds.
    let parts = [
        Digest::of_json(&request),
        script_digest,
        cues_digest,
        narration.audio,
        Digest::of_json(&deps.settings.video),
        deps.brand.digest(),
        Digest::of(env!("CARGO_PKG_VERSION").as_bytes()),
    ];
    let digest = Digest::of_parts(parts.iter().map(|part| part.as_bytes().as_slice()));
    // The digest of the request covers the plan that assigns the shape.
    let shape = assign_in(&request, deps.vault.keys(), &task.reference).shape.unwrap_or(request.shape);
    Ok(Inputs { request: Request { shape, ..request }, script, narration, audio, digest })
}

/// Returns whether the record for these inputs exists. Fails if a record for other inputs exists.
async fn is_finished(task: &CustomerTask, deps: &Deps<'_>, digest: &Digest) -> Result<bool, Error> {
    let at = key(task, Artefact::RenderRecord);
    let Some(bytes) = deps.vault.store().find(&at).await? else { return Ok(false) };
    let record: RenderRecord = deps.vault.open_authenticated(&at, &bytes)?;
    if record.inputs == *digest { Ok(true) } else { Err(VaultError::Conflict { place: at.to_string() }.into()) }
}

/// Renders the video, or reuses the video that an earlier attempt stored. In both cases, the video at the final key is the
/// one that is measured.
async fn render_once(task: &CustomerTask, deps: &Deps<'_>, inputs: Inputs) -> Result<RenderOutput, Error> {
    let video = key(task, Artefact::Video);
    let existing = deps.vault.store().find(&video).await?;
    let inputs = Arc::new(inputs);
    let output = run_job(task, deps, inputs.clone(), existing.clone()).await?;
    if existing.is_some() {
        return Ok(output);
    }
    match deps.vault.store().put_new(&video, output.video.clone()).await? {
        PutOutcome::Created => Ok(output),
        PutOutcome::AlreadyExists => {
            let existing = deps.vault.store().get(&video).await?;
            run_job(task, deps, inputs, Some(existing)).await
        }
    }
}

/// Runs the blocking job and forwards its progress. Dropping the future cancels the job.
async fn run_job(
    task: &CustomerTask,
    deps: &Deps<'_>,
    inputs: Arc<Inputs>,
    finished: Option<Bytes>,
) -> Result<RenderOutput, Error> {
    let background = find_background(&task.reference, deps, &inputs.request).await?;
    let folder = tempfile::Builder::new().prefix("render-").permissions(owner_only()).tempdir_in(deps.scratch);
    let folder = folder.map_err(Error::Scratch)?;
    let absolute = |path: &Path| std::path::absolute(path).map_err(Error::Scratch);
    let assets = absolute(deps.assets)?;
    let cancel = deps.cancel.child_token();
    let _stop_when_dropped = cancel.clone().drop_guard();
    let (sender, mut shares) = tokio::sync::mpsc::unbounded_channel();
    let job = RenderJob {
        shape: inputs.request.shape,
        brand: deps.brand.in_language(inputs.script.language).into_owned(),
        inputs,
        video: deps.settings.video.clone(),
        background,
        prepared: absolute(deps.prepared)?,
        cache: deps.cache.clone(),
        store: SceneStore {
            vault: deps.vault.clone(),
            runtime: tokio::runtime::Handle::current(),
            days: deps.settings.retention.scene_days,
        },
        runner: ffmpeg::FfmpegRunner {
            tools: deps.tools.clone(),
            scratch: absolute(folder.path())?,
            fonts: assets.join(&deps.brand.fonts.folder),
            cancel,
            deadline: Instant::now() + Duration::from_secs(deps.settings.video.deadline_seconds),
        },
        assets,
        progress: sender,
    };
    let task = tokio::task::spawn_blocking(move || {
        let output = job.run(finished.as_deref());
        // The folder lives as long as the job, even if the caller has stopped waiting.
        let closed = folder.close().map_err(Error::Scratch);
        output.and_then(|output| closed.map(|()| output))
    });
    // The channel closes when the job ends.
    while let Some(share) = shares.recv().await {
        (deps.progress)(share);
    }
    task.await
        .unwrap_or_else(|error| Err(Error::Failed { program: "ffmpeg", doing: "rendering", reason: error.to_string() }))
}

/// Returns the background that replaces the brand's, if any.
async fn find_background(customer: &CustomerRef, deps: &Deps<'_>, request: &Request) -> Result<Option<Asset>, Error> {
    let (path, name) = match (deps.background, request.background_of(customer)) {
        (Some(path), _) => (path.to_owned(), path.file_name().unwrap_or_default().to_string_lossy().into_owned()),
        (None, Some((name, digest))) => {
            let copies = LocalCopies { folder: deps.prepared, scratch: deps.scratch };
            let path = background_folder::fetch(deps.vault.store(), &copies, name, digest).await?;
            (path, ObjectKey::Background(name.clone()).to_string())
        }
        (None, None) => return Ok(None),
    };
    Ok(Some(Asset { path: std::path::absolute(path).map_err(Error::Scratch)?, name }))
}

#[cfg(unix)]
fn owner_only() -> std::fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o700)
}

/// Writes the files that accompany the video, and the record last.
async fn write_outputs(
    task: &CustomerTask,
    deps: &Deps<'_>,
    inputs: Digest,
    shape: contracts::media::Shape,
    output: RenderOutput,
) -> Result<(), Error> {
    let mut files = BTreeMap::from([(Artefact::Video, Digest::of(&output.video))]);
    let others = [
        (Artefact::Captions, Bytes::from(output.captions)),
        (Artefact::Poster, Bytes::from(output.poster)),
        (Artefact::Preview, Bytes::from(output.preview)),
    ];
    for (artefact, bytes) in others {
        let digest = put_new(deps, &key(task, artefact), bytes).await?;
        files.insert(artefact, digest);
    }
    let record = RenderRecord { inputs, shape, files, media: output.media };
    let at = key(task, Artefact::RenderRecord);
    if deps.vault.store().put_new(&at, deps.vault.authenticate(&at, &record)).await? == PutOutcome::AlreadyExists {
        is_finished(task, deps, &inputs).await?;
    }
    Ok(())
}

/// Writes an object unless it exists. Returns the digest of the stored object.
async fn put_new(deps: &Deps<'_>, at: &ObjectKey, bytes: Bytes) -> Result<Digest, Error> {
    let own = Digest::of(&bytes);
    match deps.vault.store().put_new(at, bytes).await? {
        PutOutcome::Created => Ok(own),
        PutOutcome::AlreadyExists => Ok(Digest::of(&deps.vault.store().get(at).await?)),
    }
}
