//! Results by short-lived tokens. A token stands for an object of the store, so that no address holds a path.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use api::Problem;
use axum::body::Body;
use axum::http::{HeaderValue, Request, Response, StatusCode, header};
use contracts::evidence::{Evidence, Outcome};
use contracts::key::Artefact;
use contracts::recall::is_recalled;
use contracts::store::ObjectStore as _;
use contracts::{ObjectKey, control};
use jiff::Timestamp;
use tower_http::services::ServeFile;

use crate::folder::FolderStore;

/// What the tokens that were given stand for, and until when.
#[derive(Default)]
pub struct Tokens(Mutex<HashMap<String, (ObjectKey, Instant)>>);

impl Tokens {
    /// A token for an object, good for `seconds` at most: one that was given before, as long as half of its time is left.
    pub fn give(&self, key: &ObjectKey, seconds: u64) -> std::io::Result<String> {
        let (now, life) = (Instant::now(), Duration::from_secs(seconds));
        let mut tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.retain(|_, (_, end)| *end > now);
        let fresh = tokens.iter().find(|(_, (other, end))| other == key && *end > now + life / 2);
        if let Some((token, _)) = fresh {
            return Ok(token.clone());
        }
        let token = super::random()?;
        tokens.insert(token.clone(), (key.clone(), now + life));
        Ok(token)
    }

    fn find(&self, token: &str) -> Option<ObjectKey> {
        let tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.get(token).filter(|(_, end)| *end > Instant::now()).map(|(key, _)| key.clone())
    }
}

/// The object that a token stands for, or the part of it that is asked for, unless what `control/` says now forbids it.
pub async fn answer(
    tokens: &Tokens,
    token: &str,
    request: Request<Body>,
    store: &FolderStore,
) -> Result<Response<Body>, Problem> {
    let key = tokens.find(token).ok_or_else(Problem::not_found)?;
    let ObjectKey::Customer(reference, run, artefact) = &key else { return Err(Problem::not_found()) };
    let evidence = ObjectKey::Customer(reference.clone(), run.clone(), Artefact::Evidence);
    let (shown, from_posts) = match store.find(&evidence).await? {
        Some(evidence) => {
            let evidence: Evidence = serde_json::from_slice(&evidence).map_err(|_| Problem::not_found())?;
            (matches!(evidence.outcome, Outcome::Published { .. }), evidence.from_posts)
        }
        // What waits is looked at by whoever decides about it.
        None => match publish::review::find(store, run, reference).await? {
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

    use super::*;

    fn key(artefact: Artefact) -> ObjectKey {
        ObjectKey::Customer(CustomerRef::parse("0".repeat(32)).unwrap(), RunId::parse("run-1").unwrap(), artefact)
    }

    #[test]
    fn a_token_is_given_again_while_it_is_fresh_and_ends() {
        let tokens = Tokens::default();
        let video = tokens.give(&key(Artefact::Video), 900).unwrap();
        assert_eq!(tokens.give(&key(Artefact::Video), 900).unwrap(), video);
        assert_ne!(tokens.give(&key(Artefact::Text), 900).unwrap(), video);
        assert_eq!(tokens.find(&video), Some(key(Artefact::Video)));
        let ended = tokens.give(&key(Artefact::Poster), 0).unwrap();
        assert_eq!(tokens.find(&ended), None);
        tokens.give(&key(Artefact::Preview), 900).unwrap();
        assert!(!tokens.0.lock().unwrap().contains_key(&ended), "what has ended is not kept");
    }
}
