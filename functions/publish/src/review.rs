//! What waits for a person, what they are shown, and what they decide.

use contracts::brand::Brand;
use contracts::catalogue::Catalogue;
use contracts::facts::Skip;
use contracts::key::{Artefact, Prefix};
use contracts::review::{Choice, Decision, Waiting};
use contracts::script::{RefusedText, Script};
use contracts::{CustomerRef, Digest, ObjectKey, RunId};
use jiff::Timestamp;
use policy::control;
use storage::store::{ObjectStore, StoreError};
use storage::vault::{Owner, Vault};

use crate::{Error, recommendation_text};

/// The longest name of a person, in characters.
const LONGEST_NAME: usize = 80;
/// The longest reason, in characters.
const LONGEST_REASON: usize = 500;

/// What a reviewer is shown.
#[derive(Clone, Debug)]
pub struct Shown {
    /// What waits, and why. Its files lie under their final keys.
    pub waiting: Waiting,
    /// The text as it will be published.
    pub text: String,
    /// What the text was made of. The guard has passed it.
    pub script: Script,
}

impl Shown {
    /// What the model wrote and the guard refused, if that is why it waits. It can never be published.
    #[must_use]
    pub fn refused(&self) -> Option<&RefusedText> {
        self.script.held.as_ref()?.refused.as_ref()
    }
}

/// What came of a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// The decision that stands: this one, or that of whoever was first. Nothing if the customer may not be shown anything
    /// any more, which needs no decision.
    pub standing: Result<Decision, Skip>,
    /// The token of the workflow's task that waits for it, on AWS.
    pub task: Option<String>,
}

/// Everything that waits, of one run or of all, the oldest first.
pub async fn waiting(store: &dyn ObjectStore, run: Option<&RunId>) -> Result<Vec<Waiting>, Error> {
    let mut all = Vec::new();
    for (run, reference) in listed(store, run).await? {
        // Decided since it was listed, if it is not there.
        all.extend(find(store, &run, &reference).await?);
    }
    all.sort_by_key(|waiting| waiting.since);
    Ok(all)
}

/// Whose results wait, of one run or of all, the oldest first as far as the store tells its objects' times; nothing of them
/// is read.
pub async fn listed(store: &dyn ObjectStore, run: Option<&RunId>) -> Result<Vec<(RunId, CustomerRef)>, Error> {
    let mut listed = store.list(&Prefix::Reviews(run.cloned())).await?;
    listed.sort_by_key(|listed| listed.modified);
    Ok(listed.iter().filter_map(|listed| ObjectKey::review_of(&listed.key)).collect())
}

/// What waits of one customer's part of a run.
pub async fn find(store: &dyn ObjectStore, run: &RunId, reference: &CustomerRef) -> Result<Option<Waiting>, Error> {
    let key = ObjectKey::Review(run.clone(), reference.clone());
    let Some(bytes) = store.find(&key).await? else { return Ok(None) };
    serde_json::from_slice(&bytes).map(Some).map_err(|source| Error::Malformed { key: key.to_string(), source })
}

/// What there is to look at. Fails if the text would not be published as it was recorded, because the catalogue or the
/// brand changed, or if it is no text that the guard has passed.
pub async fn show(waiting: Waiting, vault: &Vault, catalogue: &Catalogue, brand: &Brand) -> Result<Shown, Error> {
    let Waiting { run, reference, .. } = &waiting;
    let key = ObjectKey::Customer(reference.clone(), run.clone(), Artefact::Script);
    let (script, _): (Script, _) = vault.read_json(Owner::Customer(reference), &key).await?;
    let text = recommendation_text(&script, catalogue, brand, run, waiting.video);
    if Digest::of(text.as_bytes()) != waiting.seen.text || !script.verdict.passed() {
        return Err(Error::NotAsReviewed { key: ObjectKey::Review(run.clone(), reference.clone()).to_string() });
    }
    Ok(Shown { waiting, text, script })
}

/// What a person says of what they looked at.
#[derive(Clone, Copy, Debug)]
pub struct Verdict<'a> {
    /// [`digest`] of what they looked at.
    pub shown: &'a Digest,
    /// What they decided.
    pub choice: Choice,
    /// Their name, up to 80 characters.
    pub by: &'a str,
    /// Why, up to 500 characters.
    pub reason: Option<&'a str>,
}

/// Records what a person decided about what waits, once: whoever is first decides. `control/` is asked again, and whom it
/// forbids to contact needs no decision. Whoever calls this lets the outcome follow: on one machine by [`crate::run`], on
/// AWS by telling the workflow's task to go on ([`contracts::executions::Tasks`]). What has changed since it was looked at is
/// looked at again.
pub async fn decide(
    run: &RunId,
    reference: &CustomerRef,
    verdict: Verdict<'_>,
    vault: &Vault,
    now: Timestamp,
) -> Result<Decided, Error> {
    let Verdict { shown, choice, by, reason } = verdict;
    check_name(by)?;
    reason.map_or(Ok(()), check_reason)?;
    let store = vault.store();
    let waiting = find(store, run, reference).await?.ok_or_else(|| Error::NotWaiting { run: run.clone() })?;
    let inputs = digest(&waiting);
    if inputs != *shown {
        return Err(Error::NotAsReviewed { key: ObjectKey::Review(run.clone(), reference.clone()).to_string() });
    }
    let forbidden = control::read(store, reference, now).await?.forbids(waiting.from_posts);
    let standing = if let Some(skip) = forbidden {
        Err(skip)
    } else {
        let (by, reason) = (by.to_owned(), reason.map(ToOwned::to_owned));
        let decision = Decision { choice, by, at: now, reason, seen: waiting.seen };
        let key = ObjectKey::Decision(run.clone(), reference.clone());
        Ok(vault.write_json(Owner::Customer(reference), &key, &inputs, decision).await?)
    };
    // After the decision: a task that comes to wait in between finds the decision itself.
    Ok(Decided { standing, task: task(store, run, reference).await? })
}

/// Of what there is to look at: text and media.
#[must_use]
pub fn digest(waiting: &Waiting) -> Digest {
    Digest::of_json(&waiting.seen)
}

/// Remembers the workflow's task that waits, and tells whether it waits in vain because a decision lies there already.
pub async fn await_decision(run: &RunId, reference: &CustomerRef, token: &str, vault: &Vault) -> Result<bool, Error> {
    let key = ObjectKey::ReviewTask(run.clone(), reference.clone());
    vault.store().put(&key, token.to_owned().into()).await?;
    let waits = find(vault.store(), run, reference).await?.is_some();
    Ok(!waits || decision(vault, run, reference).await?.is_some())
}

async fn task(store: &dyn ObjectStore, run: &RunId, reference: &CustomerRef) -> Result<Option<String>, StoreError> {
    let token = store.find(&ObjectKey::ReviewTask(run.clone(), reference.clone())).await?;
    Ok(token.and_then(|token| String::from_utf8(token.to_vec()).ok()))
}

/// The decision about one customer's part of a run, if there is one.
pub(crate) async fn decision(vault: &Vault, run: &RunId, reference: &CustomerRef) -> Result<Option<Decision>, Error> {
    let key = ObjectKey::Decision(run.clone(), reference.clone());
    if vault.store().find(&key).await?.is_none() {
        return Ok(None);
    }
    Ok(Some(vault.read_json(Owner::Customer(reference), &key).await?.0))
}

/// Whether a person's name can be put on record.
pub(crate) fn check_name(name: &str) -> Result<(), Error> {
    check_words("the name", name, LONGEST_NAME)
}

/// Whether a reason can be put on record: 1 to 500 characters, not spaces alone, none of them a control character.
pub fn check_reason(reason: &str) -> Result<(), Error> {
    check_words("the reason", reason, LONGEST_REASON)
}

fn check_words(what: &'static str, text: &str, longest: usize) -> Result<(), Error> {
    let sound = !text.trim().is_empty() && text.chars().count() <= longest && !text.contains(char::is_control);
    if sound { Ok(()) } else { Err(Error::Words { what, longest }) }
}
