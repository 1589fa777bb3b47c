//! Serves results behind short-lived tokens. A token represents an object in the store, so no URL contains a path.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use api::Problem;
use axum::body::Body;
use axum::http::{HeaderValue, Request, Response, StatusCode, header};
use contracts::evidence::{Evidence, Outcome};
use contracts::key::Artefact;
use contracts::{Digest, ObjectKey};
use jiff::Timestamp;
use policy::control;
use policy::recall::is_recalled;
use storage::store::{ObjectStore as _, SignedUrl};
use storage::vault::Vault;
use tower_http::services::ServeFile;

use runner::folder::FolderStore;

use crate::token;

/// The issued tokens, each with its object and its expiry time.
#[derive(Default)]
pub struct MediaTokens(Mutex<HashMap<String, (ObjectKey, Timestamp)>>);

impl MediaTokens {
    /// Issues a token for an object, valid for `seconds`. Returns an earlier token if more than half of its time is
    /// left. Frequent callers thus share a few tokens, and each token still expires at the announced time.
    pub fn issue(&self, key: &ObjectKey, seconds: u64) -> std::io::Result<SignedUrl> {
        let now = Timestamp::now();
        let half = SignedUrl::since(now, seconds / 2, String::new()).ends;
        let mut tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.retain(|_, (_, end)| *end > now);
        let fresh = tokens.iter().find(|(_, (other, end))| other == key && *end > half);
        if let Some((token, (_, ends))) = fresh {
            return Ok(SignedUrl { address: token.clone(), ends: *ends });
        }
        let link = SignedUrl::since(now, seconds, token::random()?);
        tokens.insert(link.address.clone(), (key.clone(), link.ends));
        Ok(link)
    }

    fn find(&self, token: &str, now: Timestamp) -> Option<ObjectKey> {
        let tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.get(token).filter(|(_, end)| *end > now).map(|(key, _)| key.clone())
    }
}

/// Returns a token's object, or the requested range of it, unless control data now forbids showing it.
pub async fn answer(
    tokens: &MediaTokens,
    token: &str,
    request: Request<Body>,
    store: &FolderStore,
    vault: &Vault,
) -> Result<Response<Body>, Problem> {
    let key = tokens.find(token, Timestamp::now()).ok_or_else(Problem::not_found)?;
    let ObjectKey::Customer(reference, run, artefact) = &key else { return Err(Problem::not_found()) };
    let evidence = ObjectKey::Customer(reference.clone(), run.clone(), Artefact::Evidence);
    let (recorded, from_posts) = match store.find(&evidence).await? {
        Some(evidence) => {
            let evidence: Evidence = serde_json::from_slice(&evidence).map_err(|_| Problem::not_found())?;
            let published = matches!(evidence.outcome, Outcome::Published { .. });
            (evidence.artefacts.get(artefact).copied().filter(|_| published), evidence.from_posts)
        }
        // A reviewer may see a result that is in review.
        None => match policy::review::find_pending(vault, run, reference).await? {
            Some(waiting) => (waiting.seen.artefacts.get(artefact).copied(), waiting.from_posts),
            None => (None, false),
        },
    };
    let control = control::read(vault, reference, Timestamp::now()).await?;
    let forbidden = control.forbids(from_posts).is_some() || is_recalled(store, run, reference).await?;
    if recorded.is_none() || forbidden {
        return Err(Problem::not_found());
    }
    // A file that does not match its record is never shown.
    if store.find(&key).await?.is_none_or(|bytes| Some(Digest::of(&bytes)) != recorded) {
        tracing::error!(%key, "the file does not match its recorded digest and is not shown");
        return Err(Problem::not_found());
    }
    let content_type = match artefact {
        Artefact::Video => "video/mp4",
        Artefact::Captions => "text/vtt; charset=utf-8",
        Artefact::Poster => "image/jpeg",
        Artefact::Preview => "image/gif",
        Artefact::Text => "text/plain; charset=utf-8",
        _ => return Err(Problem::not_found()),
    };
    let answered = ServeFile::new(store.path(&key)).try_call(request).await;
    let mut response = answered.map_err(|_| Problem::not_found())?;
    match response.status() {
        StatusCode::NOT_FOUND => Err(Problem::not_found()),
        StatusCode::RANGE_NOT_SATISFIABLE => {
            Err(Problem::with_status(StatusCode::RANGE_NOT_SATISFIABLE, "the range is beyond the end of the file"))
        }
        _ => {
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
            Ok(response.map(Body::new))
        }
    }
}

#[cfg(test)]
mod tests {
    use contracts::{CustomerRef, RunId};
    use jiff::SignedDuration;

    use super::*;

    fn key(artefact: Artefact) -> ObjectKey {
        ObjectKey::Customer(CustomerRef::parse("0".repeat(32)).unwrap(), RunId::parse("run-1").unwrap(), artefact)
    }

    #[test]
    fn fresh_token_is_shared_and_keeps_its_expiry_time() {
        let tokens = MediaTokens::default();
        let video = tokens.issue(&key(Artefact::Video), 900).unwrap();
        assert_eq!(tokens.issue(&key(Artefact::Video), 900).unwrap(), video, "the expiry time is the same");
        assert_ne!(tokens.issue(&key(Artefact::Text), 900).unwrap().address, video.address);
        let before = video.ends - SignedDuration::from_millis(1);
        assert_eq!(tokens.find(&video.address, before), Some(key(Artefact::Video)));
        assert_eq!(tokens.find(&video.address, video.ends), None);
        let ended = tokens.issue(&key(Artefact::Poster), 0).unwrap().address;
        tokens.issue(&key(Artefact::Preview), 900).unwrap();
        assert!(!tokens.0.lock().unwrap().contains_key(&ended), "expired tokens are removed");
        let later = tokens.issue(&key(Artefact::Video), 1_900).unwrap();
        assert_ne!(later.address, video.address, "less than half of its time is left");
    }
}
