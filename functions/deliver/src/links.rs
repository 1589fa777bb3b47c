//! Customers' links: `<link_base>/<token>`.
//!
//! A token is 256 random bits. It is not stored; `links/<digest>.json` records the customer and the run. Opening a link
//! checks everything again: the expiry, whether the customer may be contacted, recalls, and whether the files exist. A
//! dead link looks the same whatever the reason, so it reveals nothing about the customer.
//!
//! A GET never records an answer, a choice or an opt-out, because mail scanners open every link. Answers, choices and
//! the opt-out are POST requests, from forms on the page or from a mail program's own button (RFC 8058). No other site
//! can forge them, because it would need the token.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use bytes::Bytes;
use contracts::choice::Choice;
use contracts::delivery::LinkRecord;
use contracts::key::Artefact;
use contracts::settings::DeliverySettings;
use contracts::{CustomerRef, Digest, ObjectKey, RunId};
use jiff::{SignedDuration, Timestamp};
use policy::control::{SuppressedBy, Suppression};
use storage::store::ObjectStore;
use storage::vault::Vault;

use crate::answers::{self, AnswerForm, OfferAnswer};
use crate::look::Look;
use crate::page::{self, Level, PageState, Rendered, ResultPage};
use crate::{Error, PublishedContent, is_as_published, published};

/// The length of a token in bytes.
const TOKEN_BYTES: usize = 32;

/// The content security policy of responses other than pages, which load nothing.
const POLICY: &str = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'";

/// The headers of every response. They forbid caching, indexing and content from other origins. A page replaces the
/// content security policy with its own. The referrer policy is the strictest one under which browsers still send the
/// `Origin` header with a form.
pub const HEADERS: [(&str, &str); 5] = [
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
    /// The content security policy, which names the digest of the page's stylesheet.
    pub policy: String,
}

impl LinkPage {
    fn new(status: u16, Rendered { html, policy }: Rendered) -> Self {
        Self { status, html, policy }
    }
}

/// The response to a form or to a one-click request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkReply {
    /// A page.
    Page(LinkPage),
    /// The address to open next, relative to the form's address, or absolute for a product's page.
    SeeOther(String),
}

/// The result of a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkOutcome {
    /// The response.
    pub reply: LinkReply,
    /// The run and the customer of a newly recorded answer, so that the bank can be notified.
    pub recorded: Option<(RunId, CustomerRef)>,
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
    /// `preview`: GIF.
    Preview,
}

impl MediaFile {
    /// Parses the last segment of a path.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "video" => Some(Self::Video),
            "captions" => Some(Self::Captions),
            "poster" => Some(Self::Poster),
            "preview" => Some(Self::Preview),
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
            Self::Preview => "image/gif",
        }
    }

    const fn artefact(self) -> Artefact {
        match self {
            Self::Video => Artefact::Video,
            Self::Captions => Artefact::Captions,
            Self::Poster => Artefact::Poster,
            Self::Preview => Artefact::Preview,
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

/// Returns the page for a token. Does not change anything.
pub async fn open(token: &str, look: &Look, vault: &Vault, now: Timestamp) -> Result<LinkPage, Error> {
    let Some((record, content)) = find_content(token, vault, now).await? else {
        return Ok(dead_link(Level::Top, look));
    };
    let PublishedContent { video, text, page, choices, .. } = content;
    let Some(content) = page else { return Ok(LinkPage::new(200, page::text_only(token, &text, video, look))) };
    let answers = answers::given(&record.run, &record.reference, vault.store()).await?;
    let state = PageState { answers, choices };
    let result = ResultPage { token, content: &content, video, state: &state, look };
    Ok(LinkPage::new(200, page::recommendation(&result)))
}

/// Returns the chapters of the video for a token as WebVTT. Returns `None` if the link is dead, or if the result has no
/// video or no page.
pub async fn chapters(token: &str, vault: &Vault, now: Timestamp) -> Result<Option<String>, Error> {
    let content = find_content(token, vault, now).await?.filter(|(_, content)| content.video);
    Ok(content.and_then(|(_, content)| content.page).map(|page| page::chapter_track(&page)))
}

/// Returns the page that asks the customer to confirm an opt-out. Does not change anything. The page is the same for
/// every token.
#[must_use]
pub fn confirm_opt_out(look: &Look) -> LinkPage {
    LinkPage::new(200, page::confirm_opt_out(look))
}

/// Records an answer to one of the offers, once. A declined product is not offered again in later runs.
pub async fn answer(
    token: &str,
    form: &AnswerForm,
    look: &Look,
    vault: &Vault,
    now: Timestamp,
) -> Result<LinkOutcome, Error> {
    let Some((link, content)) = find_content(token, vault, now).await? else { return Ok(dead_form(look)) };
    let offers = content.page.map(|page| page.offers).unwrap_or_default();
    let Some(position) = offers.iter().position(|offer| offer.product == form.product) else {
        return Ok(dead_form(look));
    };
    let recorded = answers::record(&link, form, vault, now).await?;
    let next = match form.answer {
        OfferAnswer::TellMeMore => offers[position].address.clone(),
        OfferAnswer::CallMeBack | OfferAnswer::NotForMe(_) => format!("../{token}#offer-{}", position + 1),
    };
    Ok(LinkOutcome { reply: LinkReply::SeeOther(next), recorded: recorded.then_some((link.run, link.reference)) })
}

/// Records the customer's choices. No form removes a choice. A repeated choice has no further effect.
pub async fn choose(
    token: &str,
    choices: &BTreeSet<Choice>,
    look: &Look,
    vault: &Vault,
    now: Timestamp,
) -> Result<LinkOutcome, Error> {
    let Some((link, _)) = find_content(token, vault, now).await? else { return Ok(dead_form(look)) };
    answers::narrow(&link, choices, vault, now).await?;
    let reply = match find_content(token, vault, now).await? {
        Some(_) => LinkReply::SeeOther(format!("../{token}#choices")),
        // The result used posts, which the customer has now switched off.
        None => LinkReply::Page(LinkPage::new(200, page::choices_saved(look))),
    };
    Ok(LinkOutcome { reply, recorded: None })
}

/// Returns a media file for a token with its key. Returns `None` if the link is dead, the result has no video, or the
/// file is not the one that was published.
pub async fn media(
    token: &str,
    file: MediaFile,
    vault: &Vault,
    now: Timestamp,
) -> Result<Option<(ObjectKey, Bytes)>, Error> {
    let content = find_content(token, vault, now).await?.filter(|(_, content)| content.video);
    let Some((LinkRecord { run, reference, .. }, content)) = content else { return Ok(None) };
    let key = ObjectKey::Customer(reference, run, file.artefact());
    let Some(bytes) = vault.store().find(&key).await? else { return Ok(None) };
    Ok(is_as_published(&key, file.artefact(), &bytes, &content.files).then_some((key, bytes)))
}

/// Adds the token's customer to the suppressions, and returns the page that confirms it. Works as long as the link is
/// on record, even after it has expired. Repeating the request is harmless. A mail program may send it without showing
/// the page (RFC 8058).
///
/// # Panics
/// Never: a suppression serializes to JSON.
pub async fn opt_out(token: &str, look: &Look, vault: &Vault, now: Timestamp) -> Result<LinkOutcome, Error> {
    let Some(link) = find_record(token, vault.store()).await? else { return Ok(dead_form(look)) };
    let suppression = Suppression { by: SuppressedBy::OptOut, since: now };
    let json = serde_json::to_vec(&suppression).expect("a suppression serializes to JSON");
    let key = ObjectKey::Suppression(link.reference.clone());
    answers::restrict(&link.reference, key, json.into(), vault).await?;
    let recorded = answers::record_opt_out(&link, vault.store(), now).await?;
    tracing::info!(reference = %link.reference, "a customer opted out through their link");
    let reply = LinkReply::Page(LinkPage::new(200, page::opted_out(look)));
    Ok(LinkOutcome { reply, recorded: recorded.then_some((link.run, link.reference)) })
}

fn dead_link(level: Level, look: &Look) -> LinkPage {
    LinkPage::new(404, page::dead(level, look))
}

fn dead_form(look: &Look) -> LinkOutcome {
    LinkOutcome { reply: LinkReply::Page(dead_link(Level::Below, look)), recorded: None }
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
    vault: &Vault,
    now: Timestamp,
) -> Result<Option<(LinkRecord, PublishedContent)>, Error> {
    let record = find_record(token, vault.store()).await?.filter(|record| now < record.expires);
    let Some(record) = record else { return Ok(None) };
    let content = published(&record.run, &record.reference, vault, now).await?;
    Ok(content.ok().map(|content| (record, content)))
}
