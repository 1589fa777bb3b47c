//! `bespoke pin` copies the public key and the newest signed head, which a verifier must keep.

use std::path::Path;

use contracts::text::counted;
use contracts::{Digest, ErrorName, ObjectKey};
use runner::failure::Failure;
use runner::folder::FolderStore;
use serde::Serialize;
use storage::store::ObjectStore as _;
use transparency::checkpoint::Checkpoint;
use transparency::log;
use transparency::merkle::{Tree, is_consistent};
use transparency::signer::{PublicKey, Signer as _};

use super::context::Context;
use crate::cli::campaign::PinArgs;

/// The file names in the folder.
const KEY: &str = "key.pem";
const HEAD: &str = "head.json";

/// The report of `bespoke pin`.
#[derive(Serialize)]
struct PinReport {
    /// The id of the public key.
    key: String,
    /// The number of entries that the head covers.
    size: u64,
    /// The root of the tree.
    root: Digest,
    /// The size of the head that the folder contained before.
    extends: Option<u64>,
    /// The consistency proof from that head to the new one.
    proof: Vec<Digest>,
}

pub(super) async fn execute(args: &PinArgs, context: Context) -> Result<u8, Failure> {
    let artifacts = &args.artifacts;
    if !artifacts.is_dir() {
        let message = format!("{}: not found", artifacts.display());
        return Err(Failure::new(ErrorName::EvidenceMissing, message, "specify the folder with --artifacts"));
    }
    let store = FolderStore::open(artifacts).map_err(Failure::file(ErrorName::StoreUnavailable, artifacts))?;
    let size = log::size(&store).await?;
    let Some(index) = size.checked_sub(1) else {
        let message = format!("{}: the log has no entries", artifacts.display());
        return Err(Failure::new(ErrorName::EvidenceMissing, message, "repeat the command after a run has ended"));
    };
    let newest = store.get(&ObjectKey::LogEntry(index)).await?;
    let tree = read_head(&newest).ok_or_else(|| broken(&ObjectKey::LogEntry(index).to_string()))?.tree;

    let key_file = args.out.join(KEY);
    let head_file = args.out.join(HEAD);
    let own = runner::signing::LocalSigner::of_folder(artifacts);
    let key = match read(&key_file)? {
        Some(pem) => key_from_pem(&key_file, &pem)?,
        None => own.public_key().await?,
    };
    let (extends, proof) = match read(&head_file)? {
        Some(earlier) => {
            let earlier = head_from_file(&head_file, earlier.as_bytes(), &key)?;
            let proof = prove(&store, earlier.tree, tree, &args.artifacts).await?;
            (Some(earlier.tree.size), proof)
        }
        None => (None, Vec::new()),
    };
    if !read_head(&newest).is_some_and(|head| head.is_signed_by(&key)) {
        return Err(broken(&format!("{}: not signed with {}", ObjectKey::LogEntry(index), key_file.display())));
    }
    std::fs::create_dir_all(&args.out).map_err(Failure::file(ErrorName::StoreUnavailable, &args.out))?;
    write(&key_file, key.to_pem().as_bytes())?;
    write(&head_file, &newest)?;
    let report = PinReport { key: key.id(), size, root: tree.root, extends, proof };
    context.print(&report, || to_text(&report, &args.out));
    Ok(0)
}

/// Returns the proof that the log has only grown since an earlier head. Fails if the log was rewritten or shortened.
async fn prove(store: &FolderStore, earlier: Tree, newest: Tree, artifacts: &Path) -> Result<Vec<Digest>, Failure> {
    let proof = if earlier.size <= newest.size {
        log::prove_consistency(store, earlier.size, newest.size).await?
    } else {
        Vec::new()
    };
    if is_consistent(earlier, newest, &proof) {
        return Ok(proof);
    }
    let message = format!("{}: the log does not extend the head that you kept", artifacts.display());
    Err(Failure::new(
        ErrorName::EvidenceChanged,
        message,
        "keep the earlier head: someone rewrote or shortened the log",
    ))
}

/// Reads a public key from a file.
pub(super) fn key_from_pem(file: &Path, pem: &str) -> Result<PublicKey, Failure> {
    PublicKey::from_pem(pem).ok_or_else(|| {
        let message = format!("{}: not an Ed25519 public key in PEM", file.display());
        Failure::new(ErrorName::InputInvalidRequest, message, "use the key.pem that bespoke pin writes")
    })
}

/// Reads a pinned head from a file. The head must be signed with the key.
pub(super) fn head_from_file(file: &Path, bytes: &[u8], key: &PublicKey) -> Result<Checkpoint, Failure> {
    let refused = |problem: &str| {
        let message = format!("{}: {problem}", file.display());
        Failure::new(
            ErrorName::InputInvalidRequest,
            message,
            "use the head.json and key.pem that bespoke pin wrote together",
        )
    };
    let head = read_head(bytes).ok_or_else(|| refused("not a signed head"))?;
    if !head.is_signed_by(key) {
        return Err(refused("not signed with the public key"));
    }
    Ok(head)
}

/// Reads a head from an entry of the log, or from the text of a checkpoint.
fn read_head(bytes: &[u8]) -> Option<Checkpoint> {
    match log::LogEntry::from_bytes(bytes) {
        Some(entry) => Checkpoint::parse(&entry.checkpoint),
        None => Checkpoint::parse(std::str::from_utf8(bytes).ok()?),
    }
}

fn read(path: &Path) -> Result<Option<String>, Failure> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::file(ErrorName::StoreUnavailable, path)(error)),
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    std::fs::write(path, bytes).map_err(Failure::file(ErrorName::StoreUnavailable, path))
}

fn broken(what: &str) -> Failure {
    Failure::new(ErrorName::EvidenceChanged, what.to_owned(), "restore the log from a copy")
}

fn to_text(report: &PinReport, out: &Path) -> String {
    let PinReport { key, size, extends, .. } = report;
    let extends = extends.map_or_else(String::new, |earlier| format!(", which extends the earlier head of {earlier}"));
    let size = counted(*size, "entry", "entries");
    let out = out.display();
    format!(
        "pinned a head of {size}{extends}, signed with key {key}\n\
         verify a run with it: bespoke verify RUN --key {out}/{KEY} --head {out}/{HEAD}\n"
    )
}
