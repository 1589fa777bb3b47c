//! What a run made for its customer, as the caller may see it.

use std::collections::BTreeMap;

use contracts::control;
use contracts::evidence::{Evidence, FailureRecord, Outcome};
use contracts::key::Artefact;
use contracts::store::ObjectStore;
use contracts::vault::VaultError;
use contracts::{CustomerRef, ObjectKey, RunId};
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Deps, Problem};

/// How long a link to a result is good, seconds.
const LINK_SECONDS: u64 = 15 * 60;

/// The files that a caller is shown, by the name of their link.
const SHOWN: [(&str, Artefact); 4] = [
    ("video", Artefact::Video),
    ("captions", Artefact::Captions),
    ("poster", Artefact::Poster),
    ("preview", Artefact::Preview),
];

/// The outcome, and if something is published, the text and links to the rest.
#[derive(Default, Serialize)]
pub struct Results {
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Outcome>,
    /// Why nothing is shown although something is published.
    #[serde(skip_serializing_if = "Option::is_none")]
    withheld: Option<&'static str>,
    /// What happened, if it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    links: BTreeMap<&'static str, String>,
}

impl Results {
    /// Whether the customer's part has ended.
    pub const fn is_there(&self) -> bool {
        self.result.is_some()
    }
}

/// Reads the results; nothing as long as the customer's part has not ended.
pub async fn of(run: &RunId, reference: &CustomerRef, deps: &Deps<'_>) -> Result<Results, Problem> {
    let store = deps.vault().store();
    let key = |artefact| ObjectKey::Customer(reference.clone(), run.clone(), artefact);
    if let Some(evidence) = find::<Evidence>(store, &key(Artefact::Evidence)).await? {
        let result = Some(evidence.outcome.clone());
        let Outcome::Published { video } = evidence.outcome else {
            return Ok(Results { result, ..Results::default() });
        };
        let control = control::read(store, reference, Timestamp::now()).await?;
        if let Some(skip) = control.forbids(evidence.from_posts) {
            return Ok(Results { result, withheld: Some(skip.because()), ..Results::default() });
        }
        let Some(text) = store.find(&key(Artefact::Text)).await? else {
            let withheld = Some("what was published was taken away");
            return Ok(Results { result, withheld, ..Results::default() });
        };
        let text = Some(String::from_utf8_lossy(&text).into_owned());
        let mut links = BTreeMap::new();
        for (name, artefact) in SHOWN.into_iter().filter(|_| video) {
            links.insert(name, deps.links.link(&key(artefact), LINK_SECONDS).await?);
        }
        return Ok(Results { result, text, links, ..Results::default() });
    }
    Ok(match find::<FailureRecord>(store, &key(Artefact::Failure)).await? {
        Some(FailureRecord { error, stage, message, .. }) => {
            Results { result: Some(Outcome::Failed { error, stage }), message: Some(message), ..Results::default() }
        }
        None => Results::default(),
    })
}

async fn find<T: DeserializeOwned>(store: &dyn ObjectStore, key: &ObjectKey) -> Result<Option<T>, Problem> {
    let Some(bytes) = store.find(key).await? else { return Ok(None) };
    let found = serde_json::from_slice(&bytes).map_err(|error| VaultError::Malformed {
        place: key.to_string(),
        line: error.line(),
        column: error.column(),
    })?;
    Ok(Some(found))
}
