//! Results by short-lived tokens. A token stands for an object of the store, so that no address holds a path.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use api::Problem;
use axum::body::Body;
use axum::http::{HeaderValue, Request, Response, StatusCode, header};
use contracts::ObjectKey;
use contracts::evidence::{Evidence, Outcome};
use contracts::key::Artefact;
use jiff::Timestamp;
use policy::control;
use policy::recall::is_recalled;
use storage::store::{Link, ObjectStore as _};
use tower_http::services::ServeFile;

use crate::folder::FolderStore;

/// What the tokens that were given stand for, and until when.
#[derive(Default)]
pub struct Tokens(Mutex<HashMap<String, (ObjectKey, Timestamp)>>);

impl Tokens {
    /// A token for an object, good for `seconds` at most: one that was given before, as long as half of its time is left.
    /// Whoever asks often is given few, and each ends when it was said to.
    pub fn give(&self, key: &ObjectKey, seconds: u64) -> std::io::Result<Link> {
        let now = Timestamp::now();
        let half = Link::since(now, seconds / 2, String::new()).ends;
        let mut tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.retain(|_, (_, end)| *end > now);
        let fresh = tokens.iter().find(|(_, (other, end))| other == key && *end > half);
        if let Some((token, (_, ends))) = fresh {
            return Ok(Link { address: token.clone(), ends: *ends });
        }
        let link = Link::since(now, seconds, super::random()?);
        tokens.insert(link.address.clone(), (key.clone(), link.ends));
        Ok(link)
    }

    fn find(&self, token: &str, now: Timestamp) -> Option<ObjectKey> {
        let tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.get(token).filter(|(_, end)| *end > now).map(|(key, _)| key.clone())
    }
}

/// The object that a token stands for, or the part of it that is asked for, unless what `control/` says now forbids it.
pub async fn answer(
    tokens: &Tokens,
    token: &str,
    request: Request<Body>,
    store: &FolderStore,
) -> Result<Response<Body>, Problem> {
    let key = tokens.find(token, Timestamp::now()).ok_or_else(Problem::not_found)?;
    let ObjectKey::Customer(reference, run, artefact) = &key else { return Err(Problem::not_found()) };
    let evidence = ObjectKey::Customer(reference.clone(), run.clone(), Artefact::Evidence);
    let (shown, from_posts) = match store.find(&evidence).await? {
        Some(evidence) => {
            let evidence: Evidence = serde_json::from_slice(&evidence).map_err(|_| Problem::not_found())?;
            (matches!(evidence.outcome, Outcome::Published { .. }), evidence.from_posts)
        }
        // What waits is looked at by whoever decides about it.
        None => match policy::review::find_pending(store, run, reference).await? {
            Some(waiting) => (true, waiting.from_posts),
            None => (false, false),
        },
    };
    let control = control::read(store, reference, Timestamp::now()).await?;
    let forbidden = control.forbids(from_posts).is_some() || is_recalled(store, run, reference).await?;
    if !shown || forbidden {
        return Err(Problem::not_found());
    }
    let kind = match artefact {
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
            Err(Problem::with_status(StatusCode::RANGE_NOT_SATISFIABLE, "the range lies beyond the end"))
        }
        _ => {
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
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
    fn a_token_is_given_again_while_it_is_fresh_and_ends_when_it_was_said_to() {
        let tokens = Tokens::default();
        let video = tokens.give(&key(Artefact::Video), 900).unwrap();
        assert_eq!(tokens.give(&key(Artefact::Video), 900).unwrap(), video, "with the end that it had");
        assert_ne!(tokens.give(&key(Artefact::Text), 900).unwrap().address, video.address);
        let before = video.ends - SignedDuration::from_millis(1);
        assert_eq!(tokens.find(&video.address, before), Some(key(Artefact::Video)));
        assert_eq!(tokens.find(&video.address, video.ends), None);
        let ended = tokens.give(&key(Artefact::Poster), 0).unwrap().address;
        tokens.give(&key(Artefact::Preview), 900).unwrap();
        assert!(!tokens.0.lock().unwrap().contains_key(&ended), "what has ended is not kept");
        let later = tokens.give(&key(Artefact::Video), 1_900).unwrap();
        assert_ne!(later.address, video.address, "less than half of the time is left");
    }
}
