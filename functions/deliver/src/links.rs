//! A customer's link: `<link_base>/<token>`.
//!
//! The token is 256 random bits and is kept nowhere; `links/<digest>.json` says whose it is. Opening it asks everything
//! afresh: whether it has expired, whether the customer may still be contacted, whether the result was taken back, whether
//! it is there. Whatever the reason, a link that is dead looks the same, and tells nothing of anybody.
//!
//! A GET never changes anything: mail scanners open every link. The opt-out is a POST, by a button of the page.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use contracts::brand::Brand;
use contracts::delivery::LinkRecord;
use contracts::key::Artefact;
use contracts::settings::DeliverySettings;
use contracts::{CustomerRef, Digest, ObjectKey, RunId};
use jiff::{SignedDuration, Timestamp};
use policy::control::{SuppressedBy, Suppression};
use storage::store::ObjectStore;

use crate::{Error, Published, page, published};

/// The random bytes of a token.
const TOKEN: usize = 32;

/// What a page may load: nothing but its own stylesheet and media, which may be redirected to the bucket.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self' https:; media-src 'self' https:; \
    form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The headers of every page: no cache may keep it, no address of it goes elsewhere, nothing else is loaded. The policy of
/// referrers is the strictest with which a browser says from where the opt-out's button was pressed.
pub const HEADERS: [(&str, &str); 6] = [
    ("content-type", "text/html; charset=utf-8"),
    ("cache-control", "no-store"),
    ("content-security-policy", POLICY),
    ("referrer-policy", "same-origin"),
    ("x-content-type-options", "nosniff"),
    ("x-robots-tag", "noindex, nofollow"),
];

/// The stylesheet of the pages, which lies beside them as `style.css`.
pub const STYLE: &str = include_str!("style.css");

/// The icon of the pages, SVG, which lies beside them as `icon.svg`: without one a browser asks for a file that is not there.
pub const ICON: &str = include_str!("icon.svg");

/// A link that was just made. Its address is told once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// The whole address.
    pub address: String,
    /// When it ends.
    pub expires: Timestamp,
}

/// A page, and the HTTP status that goes with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// 200, or 404 for a link that is dead.
    pub status: u16,
    /// The page.
    pub html: String,
}

/// A file of a result, by the last part of its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// `video`: MP4.
    Video,
    /// `captions`: WebVTT. To be sent from the page's own address: a browser takes no captions from another.
    Captions,
    /// `poster`: JPEG.
    Poster,
}

impl Part {
    /// The part of this name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        match name {
            "video" => Some(Self::Video),
            "captions" => Some(Self::Captions),
            "poster" => Some(Self::Poster),
            _ => None,
        }
    }

    /// Its media type.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Video => "video/mp4",
            Self::Captions => "text/vtt; charset=utf-8",
            Self::Poster => "image/jpeg",
        }
    }

    const fn artefact(self) -> Artefact {
        match self {
            Self::Video => Artefact::Video,
            Self::Captions => Artefact::Captions,
            Self::Poster => Artefact::Poster,
        }
    }
}

/// Makes a link to what a run published to a customer; nothing if the settings name no place for links.
///
/// # Panics
/// Never: the operating system gives random bytes, and a record is plain fields.
pub async fn make(
    run: &RunId,
    reference: &CustomerRef,
    settings: &DeliverySettings,
    store: &dyn ObjectStore,
    now: Timestamp,
) -> Result<Option<Made>, Error> {
    if settings.link_base.is_empty() {
        return Ok(None);
    }
    let mut bytes = [0; TOKEN];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    let token = BASE64.encode(bytes);
    let days = SignedDuration::from_hours(24 * i64::from(settings.link_days));
    let expires = now.checked_add(days).unwrap_or(Timestamp::MAX);
    let record = LinkRecord { run: run.clone(), reference: reference.clone(), made: now, expires };
    let json = serde_json::to_vec(&record).expect("plain fields");
    store.put_new(&place(&token), json.into()).await?;
    Ok(Some(Made { address: format!("{}/{token}", settings.link_base.trim_end_matches('/')), expires }))
}

/// The page behind a token. Changes nothing.
pub async fn open(token: &str, brand: &Brand, store: &dyn ObjectStore, now: Timestamp) -> Result<Answer, Error> {
    Ok(match shown(token, store, now).await? {
        Some((_, Published { video, text })) => {
            Answer { status: 200, html: page::recommendation(token, &text, video, brand) }
        }
        None => dead(brand, ""),
    })
}

/// Where a file of the result behind a token lies; nothing if the link is dead, or the result has no video.
pub async fn part(
    token: &str,
    part: Part,
    store: &dyn ObjectStore,
    now: Timestamp,
) -> Result<Option<ObjectKey>, Error> {
    let shown = shown(token, store, now).await?.filter(|(_, published)| published.video);
    Ok(shown.map(|(LinkRecord { run, reference, .. }, _)| ObjectKey::Customer(reference, run, part.artefact())))
}

/// Puts the customer behind a token on the suppression list. That works as long as the link is on record, also when it
/// shows nothing any more, and as often as somebody presses the button.
///
/// # Panics
/// Never: a suppression is plain fields.
pub async fn opt_out(token: &str, brand: &Brand, store: &dyn ObjectStore, now: Timestamp) -> Result<Answer, Error> {
    let Some(LinkRecord { reference, .. }) = record(token, store).await? else {
        return Ok(dead(brand, "../"));
    };
    let suppression = Suppression { by: SuppressedBy::OptOut, since: now };
    let json = serde_json::to_vec(&suppression).expect("plain fields");
    store.put_new(&ObjectKey::Suppression(reference.clone()), json.into()).await?;
    tracing::info!(%reference, "opted out");
    Ok(Answer { status: 200, html: page::opted_out(brand) })
}

fn dead(brand: &Brand, root: &str) -> Answer {
    Answer { status: 404, html: page::dead(brand, root) }
}

fn place(token: &str) -> ObjectKey {
    ObjectKey::Link(Digest::of(token.as_bytes()))
}

async fn record(token: &str, store: &dyn ObjectStore) -> Result<Option<LinkRecord>, Error> {
    let key = place(token);
    let Some(bytes) = store.find(&key).await? else { return Ok(None) };
    serde_json::from_slice(&bytes).map(Some).map_err(|source| Error::Malformed { key: key.to_string(), source })
}

async fn shown(token: &str, store: &dyn ObjectStore, now: Timestamp) -> Result<Option<(LinkRecord, Published)>, Error> {
    let Some(record) = record(token, store).await?.filter(|record| now < record.expires) else { return Ok(None) };
    let published = published(&record.run, &record.reference, store, now).await?;
    Ok(published.ok().map(|published| (record, published)))
}
