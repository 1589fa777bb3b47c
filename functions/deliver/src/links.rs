//! Customers' links: `<link_base>/<token>`.
//!
//! A token is 256 random bits. It is not stored; `links/<digest>.json` records the customer and the run. Opening a link
//! checks everything again: the expiry, whether the customer may be contacted, recalls, and whether the files exist. A
//! dead link looks the same for every reason, so it reveals nothing about the customer.
//!
//! A GET changes nothing, because mail scanners open every link. The opt-out is a POST from a button on the page.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use bytes::Bytes;
use contracts::brand::Brand;
use contracts::delivery::LinkRecord;
use contracts::key::Artefact;
use contracts::settings::DeliverySettings;
use contracts::{CustomerRef, Digest, ObjectKey, RunId};
use jiff::{SignedDuration, Timestamp};
use policy::control::{SuppressedBy, Suppression};
use storage::store::ObjectStore;

use crate::{Error, PublishedContent, is_as_published, page, published};

/// The length of a token in bytes.
const TOKEN_BYTES: usize = 32;

/// The content security policy of a page. It allows only the page's own stylesheet, and media files, whose URLs may
/// redirect to the bucket.
const POLICY: &str = "default-src 'none'; style-src 'sha256-xUtMvpw0rdvJrrciQieYwBDkv7rL6MKXQi+Sktb66zs='; \
    img-src 'self' https: data:; media-src 'self' https:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The headers of every page. They forbid caching, indexing and content from other origins. The referrer policy is the
/// strictest one under which browsers still send the `Origin` header with the opt-out form.
pub const HEADERS: [(&str, &str); 6] = [
    ("content-type", "text/html; charset=utf-8"),
    ("cache-control", "no-store"),
    ("content-security-policy", POLICY),
    ("referrer-policy", "same-origin"),
    ("x-content-type-options", "nosniff"),
    ("x-robots-tag", "noindex, nofollow"),
];

/// A new link. Its address cannot be retrieved later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewLink {
    /// The full address.
    pub address: String,
    /// The time at which the link expires.
    pub expires: Timestamp,
}

/// A page with its HTTP status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkPage {
    /// 200, or 404 for a dead link.
    pub status: u16,
    /// The page.
    pub html: String,
}

/// A media file of a result, identified by the last segment of its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaFile {
    /// `video`: MP4.
    Video,
    /// `captions`: WebVTT. It must come from the page's own origin, because browsers reject captions from other
    /// origins.
    Captions,
    /// `poster`: JPEG.
    Poster,
}

impl MediaFile {
    /// Parses the last segment of a path.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "video" => Some(Self::Video),
            "captions" => Some(Self::Captions),
            "poster" => Some(Self::Poster),
            _ => None,
        }
    }

    /// Returns the media type.
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

/// Creates a link to a customer's published result. Returns `None` if the settings have no base address for links.
///
/// # Panics
/// Never: the operating system provides random bytes, and a link record serializes to JSON.
pub async fn create(
    run: &RunId,
    reference: &CustomerRef,
    settings: &DeliverySettings,
    store: &dyn ObjectStore,
    now: Timestamp,
) -> Result<Option<NewLink>, Error> {
    if settings.link_base.is_empty() {
        return Ok(None);
    }
    let mut bytes = [0; TOKEN_BYTES];
    getrandom::fill(&mut bytes).expect("the operating system provides random bytes");
    let token = BASE64.encode(bytes);
    let lifetime = SignedDuration::from_hours(24 * i64::from(settings.link_days));
    let expires = now.checked_add(lifetime).unwrap_or(Timestamp::MAX);
    let record = LinkRecord { run: run.clone(), reference: reference.clone(), made: now, expires };
    let json = serde_json::to_vec(&record).expect("a link record serializes to JSON");
    store.put_new(&record_key(&token), json.into()).await?;
    Ok(Some(NewLink { address: format!("{}/{token}", settings.link_base.trim_end_matches('/')), expires }))
}

/// Returns the page for a token. Changes nothing.
pub async fn open(token: &str, brand: &Brand, store: &dyn ObjectStore, now: Timestamp) -> Result<LinkPage, Error> {
    Ok(match find_content(token, store, now).await? {
        Some((_, PublishedContent { video, text, .. })) => {
            LinkPage { status: 200, html: page::recommendation(token, &text, video, brand) }
        }
        None => dead_link(brand),
    })
}

/// Returns a media file for a token with its key, or `None` if the link is dead, the result has no video, or the file is not
/// the one that was published.
pub async fn media(
    token: &str,
    file: MediaFile,
    store: &dyn ObjectStore,
    now: Timestamp,
) -> Result<Option<(ObjectKey, Bytes)>, Error> {
    let content = find_content(token, store, now).await?.filter(|(_, content)| content.video);
    let Some((LinkRecord { run, reference, .. }, content)) = content else { return Ok(None) };
    let key = ObjectKey::Customer(reference, run, file.artefact());
    let Some(bytes) = store.find(&key).await? else { return Ok(None) };
    Ok(is_as_published(&key, file.artefact(), &bytes, &content.files).then_some((key, bytes)))
}

/// Adds the token's customer to the suppressions, and returns the page that confirms it. This works for as long as the
/// link is on record, even after it has expired. It can be repeated.
///
/// # Panics
/// Never: a suppression serializes to JSON.
pub async fn opt_out(token: &str, brand: &Brand, store: &dyn ObjectStore, now: Timestamp) -> Result<LinkPage, Error> {
    let Some(LinkRecord { reference, .. }) = find_record(token, store).await? else {
        return Ok(dead_link(brand));
    };
    let suppression = Suppression { by: SuppressedBy::OptOut, since: now };
    let json = serde_json::to_vec(&suppression).expect("a suppression serializes to JSON");
    store.put_new(&ObjectKey::Suppression(reference.clone()), json.into()).await?;
    tracing::info!(%reference, "a customer opted out through their link");
    Ok(LinkPage { status: 200, html: page::opted_out(brand) })
}

fn dead_link(brand: &Brand) -> LinkPage {
    LinkPage { status: 404, html: page::dead(brand) }
}

fn record_key(token: &str) -> ObjectKey {
    ObjectKey::Link(Digest::of(token.as_bytes()))
}

pub(crate) async fn find_record(token: &str, store: &dyn ObjectStore) -> Result<Option<LinkRecord>, Error> {
    let key = record_key(token);
    let Some(bytes) = store.find(&key).await? else { return Ok(None) };
    serde_json::from_slice(&bytes).map(Some).map_err(|source| Error::Malformed { key: key.to_string(), source })
}

async fn find_content(
    token: &str,
    store: &dyn ObjectStore,
    now: Timestamp,
) -> Result<Option<(LinkRecord, PublishedContent)>, Error> {
    let record = find_record(token, store).await?.filter(|record| now < record.expires);
    let Some(record) = record else { return Ok(None) };
    let content = published(&record.run, &record.reference, store, now).await?;
    Ok(content.ok().map(|content| (record, content)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policy_allows_only_the_embedded_stylesheet() {
        let digest = base64::engine::general_purpose::STANDARD.encode(Digest::of(page::STYLE.as_bytes()).as_bytes());
        assert!(POLICY.contains(&format!("style-src 'sha256-{digest}'")), "{digest}");
    }
}
