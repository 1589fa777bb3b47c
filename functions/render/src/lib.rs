//! The render stage: from a script and its narration to a captioned video, its caption file, a poster and a preview.
//!
//! **Invariant:** knows no AWS, no Lambda and no other stage. What is personal touches the disk only within a folder that
//! is readable by its owner alone and gone when the stage ends, and never reaches a message.
//!
//! The kernels are plain: [`captions`] cuts the words into cues, [`scene`] lays out the picture with the measures of
//! [`layout`] and [`font`] and writes it with [`ass`], [`sound`] says how loud the music is, [`graph`] turns it all into
//! arguments, [`measure`] and [`check`] look at the result.

use std::collections::BTreeMap;
use std::path::Path;
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
use storage::store::{PutOutcome, StoreError};
use storage::vault::{Owner, Vault, VaultError};
use tokio_util::sync::CancellationToken;

pub mod ass;
mod backgrounds;
pub mod captions;
mod card;
pub mod check;
mod doctor;
mod error;
mod ffmpeg;
pub mod font;
pub mod graph;
mod job;
mod known;
pub mod layout;
pub mod mark;
pub mod measure;
mod rehearsal;
pub mod scene;
pub mod sound;
pub mod vtt;

pub use backgrounds::backgrounds;
pub use doctor::{Found, probe_tools};
pub use error::Error;
pub use ffmpeg::Tools;
pub use known::Known;
pub use measure::inspect;
pub use rehearsal::encoding;

use job::{Asset, Job, Made};

/// The digest of the brand and of every file that it names, in `folder`: what a request names as its assets.
pub fn assets_digest(folder: &Path, brand: &Brand) -> Result<Digest, Error> {
    let broken = |path: &Path| {
        let file = path.strip_prefix(folder).unwrap_or(path).display().to_string();
        move |error: std::io::Error| Error::AssetBroken { file, reason: error.to_string() }
    };
    let mut paths = vec![folder.join(&brand.logo), folder.join(&brand.music)];
    paths.extend(brand.backgrounds.iter().chain(&brand.pronunciations).map(|file| folder.join(file)));
    let fonts = folder.join(&brand.fonts.folder);
    for entry in std::fs::read_dir(&fonts).map_err(broken(&fonts))? {
        paths.push(entry.map_err(broken(&fonts))?.path());
    }
    paths.sort();
    let mut digests = vec![brand.digest()];
    for path in paths.iter().filter(|path| !path.is_dir()) {
        digests.push(Digest::of(&std::fs::read(path).map_err(broken(path))?));
    }
    Ok(Digest::of_json(&digests))
}

/// What the stage is given.
pub struct Deps<'a> {
    /// Objects, sealed and plain.
    pub vault: &'a Vault,
    /// The settings of the run.
    pub settings: &'a Settings,
    /// How the bank looks.
    pub brand: &'a Brand,
    /// The folder to which the brand's paths are relative.
    pub assets: &'a Path,
    /// The caller's own background; without it, one of those that the request names.
    pub background: Option<&'a Path>,
    /// Where backgrounds are kept as they were fetched, and as they were prepared for a frame; made if it is not there. Holds
    /// nothing personal.
    pub prepared: &'a Path,
    /// An existing private folder, in which the stage makes one of its own.
    pub scratch: &'a Path,
    /// What is known of the brand's files from earlier renders of this process.
    pub known: &'a Arc<Known>,
    /// ffmpeg and ffprobe.
    pub tools: &'a Tools,
    /// Stops the render.
    pub cancel: &'a CancellationToken,
    /// Hears how much is done, 0 to 1.
    pub progress: &'a (dyn Fn(f64) + Send + Sync),
}

/// What the stage reads.
struct Inputs {
    request: Request,
    script: Script,
    narration: Narration,
    audio: zeroize::Zeroizing<Vec<u8>>,
    digest: Digest,
}

/// Makes the video of one customer, or finds it made.
pub async fn run(task: CustomerTask, deps: &Deps<'_>) -> Result<CustomerTask, Error> {
    let inputs = read(&task, deps).await?;
    if finished(&task, deps, &inputs.digest).await? {
        return Ok(task);
    }
    let digest = inputs.digest;
    let shape = inputs.request.shape;
    let made = make(&task, deps, inputs).await?;
    write(&task, deps, digest, shape, made).await?;
    (deps.progress)(1.0);
    Ok(task)
}

fn key(task: &CustomerTask, artefact: Artefact) -> ObjectKey {
    ObjectKey::Customer(task.reference.clone(), task.run.clone(), artefact)
}

async fn read(task: &CustomerTask, deps: &Deps<'_>) -> Result<Inputs, Error> {
    let owner = Owner::Customer(&task.reference);
    let request = ObjectKey::Run(task.run.clone(), RunPart::Request);
    let (request, _): (Request, _) = deps.vault.read_json(Owner::Run, &request).await?;
    let (script, script_digest): (Script, _) = deps.vault.read_json(owner, &key(task, Artefact::Script)).await?;
    let cues_key = key(task, Artefact::Cues);
    let (narration, cues_digest): (Narration, _) = deps.vault.read_json(owner, &cues_key).await?;
    let (audio, _) = deps.vault.read(owner, &key(task, Artefact::NarrationAudio)).await?;
    if Digest::of(&audio) != narration.audio {
        let reason = "tells the times of another sound than narration.wav";
        return Err(VaultError::Broken { place: cues_key.to_string(), reason }.into());
    }
    // The request names the brand's files and all other backgrounds by their digests.
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
    Ok(Inputs { request, script, narration, audio, digest })
}

/// Whether the record of these inputs is there already.
async fn finished(task: &CustomerTask, deps: &Deps<'_>, digest: &Digest) -> Result<bool, Error> {
    let at = key(task, Artefact::RenderRecord);
    let Some(bytes) = deps.vault.store().find(&at).await? else { return Ok(false) };
    let place = at.to_string();
    let record: RenderRecord = serde_json::from_slice(&bytes).map_err(|error| VaultError::Malformed {
        place: place.clone(),
        line: error.line(),
        column: error.column(),
    })?;
    if record.inputs == *digest { Ok(true) } else { Err(VaultError::Conflict { place }.into()) }
}

/// Renders, or adopts the video of an earlier writer; either way the video under the final key is the one measured.
async fn make(task: &CustomerTask, deps: &Deps<'_>, inputs: Inputs) -> Result<Made, Error> {
    let video = key(task, Artefact::Video);
    let there = deps.vault.store().find(&video).await?;
    let inputs = Arc::new(inputs);
    let made = work(task, deps, inputs.clone(), there.clone()).await?;
    if there.is_some() {
        return Ok(made);
    }
    match deps.vault.store().put_new(&video, made.video.clone()).await? {
        PutOutcome::Created => Ok(made),
        PutOutcome::AlreadyThere => {
            let there = deps.vault.store().get(&video).await?;
            work(task, deps, inputs, Some(there)).await
        }
    }
}

/// The blocking work, with its progress told and its end forced when this future is dropped.
async fn work(
    task: &CustomerTask,
    deps: &Deps<'_>,
    inputs: Arc<Inputs>,
    finished: Option<Bytes>,
) -> Result<Made, Error> {
    let background = background(&task.reference, deps, &inputs.request).await?;
    let folder = tempfile::Builder::new().prefix("render-").permissions(private()).tempdir_in(deps.scratch);
    let folder = folder.map_err(Error::Scratch)?;
    let absolute = |path: &Path| std::path::absolute(path).map_err(Error::Scratch);
    let assets = absolute(deps.assets)?;
    let cancel = deps.cancel.child_token();
    let _stop_when_dropped = cancel.clone().drop_guard();
    let (sender, mut shares) = tokio::sync::mpsc::unbounded_channel();
    let job = Job {
        shape: inputs.request.shape,
        inputs,
        video: deps.settings.video.clone(),
        brand: deps.brand.clone(),
        background,
        prepared: absolute(deps.prepared)?,
        known: deps.known.clone(),
        runner: ffmpeg::Runner {
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
        let made = job.make(finished.as_deref());
        // The folder lives as long as the work, also when nobody waits for it any more.
        let closed = folder.close().map_err(Error::Scratch);
        made.and_then(|made| closed.map(|()| made))
    });
    // The channel ends when the job does.
    while let Some(share) = shares.recv().await {
        (deps.progress)(share);
    }
    task.await.unwrap_or_else(|error| {
        Err(Error::Failed { program: "ffmpeg", doing: "being watched", reason: error.to_string() })
    })
}

/// The background that is not the brand's.
async fn background(customer: &CustomerRef, deps: &Deps<'_>, request: &Request) -> Result<Option<Asset>, Error> {
    let (path, name) = match (deps.background, request.background_of(customer)) {
        (Some(path), _) => (path.to_owned(), "the background that was given".to_owned()),
        (None, Some((name, digest))) => {
            let path = backgrounds::fetched(deps, name, digest).await?;
            (path, ObjectKey::Background(name.clone()).to_string())
        }
        (None, None) => return Ok(None),
    };
    Ok(Some(Asset { path: std::path::absolute(path).map_err(Error::Scratch)?, name }))
}

#[cfg(unix)]
fn private() -> std::fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o700)
}

/// Writes what goes with the video, and the record last.
async fn write(
    task: &CustomerTask,
    deps: &Deps<'_>,
    inputs: Digest,
    shape: contracts::media::Shape,
    made: Made,
) -> Result<(), Error> {
    let mut files = BTreeMap::from([(Artefact::Video, Digest::of(&made.video))]);
    let others = [
        (Artefact::Captions, Bytes::from(made.captions)),
        (Artefact::Poster, Bytes::from(made.poster)),
        (Artefact::Preview, Bytes::from(made.preview)),
    ];
    for (artefact, bytes) in others {
        let digest = put(deps, &key(task, artefact), bytes).await?;
        files.insert(artefact, digest);
    }
    let record = RenderRecord { inputs, shape, files, media: made.media };
    let at = key(task, Artefact::RenderRecord);
    let json = serde_json::to_vec_pretty(&record).map_err(|error| StoreError::Unavailable {
        key: at.to_string(),
        action: "write",
        reason: error.to_string(),
    })?;
    if deps.vault.store().put_new(&at, json.into()).await? == PutOutcome::AlreadyThere {
        finished(task, deps, &inputs).await?;
    }
    Ok(())
}

/// Writes under a final key and gives the digest of what then stands there.
async fn put(deps: &Deps<'_>, at: &ObjectKey, bytes: Bytes) -> Result<Digest, Error> {
    let own = Digest::of(&bytes);
    match deps.vault.store().put_new(at, bytes).await? {
        PutOutcome::Created => Ok(own),
        PutOutcome::AlreadyThere => Ok(Digest::of(&deps.vault.store().get(at).await?)),
    }
}
