//! Events on the pages behind customers' links: first-party, without cookies.
//!
//! Events are recorded only for runs whose request contains an effect plan. The first event of each kind counts. Each
//! is an object of its own, sealed with the customer's key, so erasing the customer erases it. A process without a data
//! key, such as the function behind customers' links on AWS, does not record events.
//!
//! Programs that open links before the person does are filtered:
//!
//! 1. A `HEAD` request or a prefetch (`Sec-Purpose`, `Purpose`, `X-Moz`) does not count, nor does a request with no user
//!    agent or with one from `scanners.txt`.
//! 2. An event within [`FIRST_SECONDS`] of the link's creation does not count, nor does an action on a page that has no
//!    recorded opening.
//! 3. An event within [`HUMAN_SECONDS`] of the opening shows that a program opened the page: the opening is deleted.
//! 4. A share of the video that could not have been played since the opening does not count.

use std::sync::LazyLock;

use contracts::delivery::LinkRecord;
use contracts::effect::{PageEvent, Reaction};
use contracts::key::RunPart;
use contracts::request::Request;
use contracts::{CustomerRef, Digest, ErrorName, NamedError as _, ObjectKey, RunId};
use jiff::{SignedDuration, Timestamp};
use policy::evidence;
use storage::store::PutOutcome;
use storage::vault::{Owner, Vault, VaultError};

use crate::Error;
use crate::links::find_record;

/// The number of seconds after a link's creation in which no customer can have received it.
pub const FIRST_SECONDS: i64 = 5;

/// The minimum number of seconds between opening the page and doing anything on it.
pub const HUMAN_SECONDS: i64 = 1;

/// The highest playback rate of a video, as a multiple of the normal speed.
const FASTEST_RATE: f64 = 4.0;

/// The script that reports plays and clicks. The page works without it.
pub const SCRIPT: &str = include_str!("play.js");

/// The sources that the content security policy of a page with the script must allow, by directive.
pub const SCRIPT_POLICY: [(&str, &str); 2] =
    [("script-src", "'sha256-JcDlwk4/Q1LoXLvduanGRY5z1QfCvUKcPjJmxR1J1aE='"), ("connect-src", "'self'")];

/// Parts of the user agents of known scanners, in lower case.
static SCANNERS: LazyLock<Vec<&str>> = LazyLock::new(|| {
    let lines = include_str!("scanners.txt").lines().map(str::trim);
    lines.filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
});

/// The parts of a request that show whether a person sent it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Visitor<'a> {
    /// Whether the method is `HEAD`.
    pub is_head: bool,
    /// The values of the headers that announce a prefetch or a preview: `Sec-Purpose`, `Purpose` and `X-Moz`.
    pub purposes: [Option<&'a str>; 3],
    /// The `User-Agent` header.
    pub agent: Option<&'a str>,
}

impl Visitor<'_> {
    /// Returns whether the request may come from a person. Browsers always send a user agent.
    #[must_use]
    pub fn is_person(&self) -> bool {
        let agent = self.agent.unwrap_or_default().to_lowercase();
        !self.is_head
            && self.purposes.iter().all(|purpose| purpose.is_none_or(str::is_empty))
            && !agent.trim().is_empty()
            && !SCANNERS.iter().any(|part| agent.contains(part))
    }
}

/// The result of recording an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// The event counts.
    Counted,
    /// An event of this kind was recorded before.
    Repeated,
    /// A program sent the event, or it came too fast for a person.
    Scanner,
    /// The run has no effect plan, the link is unknown or has expired, the customer was erased, or this process has no
    /// data key.
    NotMeasured,
}

/// Records an event on the page behind a token.
pub async fn record(
    token: &str,
    event: PageEvent,
    visitor: &Visitor<'_>,
    vault: &Vault,
    now: Timestamp,
) -> Result<Recorded, Error> {
    if !visitor.is_person() {
        return Ok(Recorded::Scanner);
    }
    let link = find_record(token, vault.store()).await?;
    let Some(link) = link.filter(|link| now < link.expires || event == PageEvent::OptedOut) else {
        return Ok(Recorded::NotMeasured);
    };
    if !is_measured(&link.run, vault).await? || is_erased(&link.reference, vault).await? {
        return Ok(Recorded::NotMeasured);
    }
    let page = Page { link: &link, vault };
    match page.pace(event, now).await? {
        Pace::Human => page.write(event, now).await,
        Pace::TooFast => Ok(Recorded::Scanner),
        Pace::ByProgram => {
            vault.store().delete(&page.key(PageEvent::Opened)).await?;
            Ok(Recorded::Scanner)
        }
    }
}

/// Returns whether events on the page behind a token are recorded. If so, the page needs the script.
pub async fn is_recorded(token: &str, vault: &Vault) -> Result<bool, Error> {
    match find_record(token, vault.store()).await? {
        Some(link) => is_measured(&link.run, vault).await,
        None => Ok(false),
    }
}

/// Returns the content security policy of a page with the script, given the page's own policy.
#[must_use]
pub fn policy_with_script(policy: &str) -> String {
    let mut policy = policy.to_owned();
    for (directive, source) in SCRIPT_POLICY {
        let start = format!("{directive} ");
        if policy.contains(&start) {
            policy = policy.replacen(&start, &format!("{start}{source} "), 1);
        } else {
            policy = format!("{policy}; {directive} {source}");
        }
    }
    policy
}

/// Returns a page with the script.
#[must_use]
pub fn with_script(html: &str) -> String {
    html.replacen("</body>", &format!("<script>{SCRIPT}</script>\n</body>"), 1)
}

/// Returns whether a run has an effect plan.
async fn is_measured(run: &RunId, vault: &Vault) -> Result<bool, Error> {
    let key = ObjectKey::Run(run.clone(), RunPart::Request);
    match vault.read_json::<Request>(Owner::Run, &key).await {
        Ok((request, _)) => Ok(request.effect.is_some()),
        // An erasure deletes the request of a run for only that customer. Without a data key, no request can be read.
        Err(error) if matches!(error.name(), ErrorName::StoreNotFound | ErrorName::SecretMissing) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

async fn is_erased(reference: &CustomerRef, vault: &Vault) -> Result<bool, Error> {
    Ok(vault.store().find(&ObjectKey::Forgotten(reference.clone())).await?.is_some())
}

/// The timing of an event.
enum Pace {
    /// A person could have caused the event.
    Human,
    /// Too early for a person. The opening may still be a person's.
    TooFast,
    /// So soon after the opening that a program must have opened the page.
    ByProgram,
}

/// The page behind a link.
struct Page<'a> {
    link: &'a LinkRecord,
    vault: &'a Vault,
}

impl Page<'_> {
    fn reaction(&self, event: PageEvent, at: Timestamp) -> Reaction {
        Reaction::Page { run: self.link.run.clone(), event, at }
    }

    fn key(&self, event: PageEvent) -> ObjectKey {
        key(&self.link.reference, &self.reaction(event, Timestamp::UNIX_EPOCH), self.vault)
    }

    async fn pace(&self, event: PageEvent, now: Timestamp) -> Result<Pace, Error> {
        if now.duration_since(self.link.made) < SignedDuration::from_secs(FIRST_SECONDS) {
            return Ok(Pace::TooFast);
        }
        if event == PageEvent::Opened {
            return Ok(Pace::Human);
        }
        let Some(opened) = self.opened_at().await? else { return Ok(Pace::TooFast) };
        let since = now.duration_since(opened);
        if since < SignedDuration::from_secs(HUMAN_SECONDS) {
            return Ok(Pace::ByProgram);
        }
        let Some(share) = event.share_played() else { return Ok(Pace::Human) };
        let record = evidence::find(self.vault.store(), &self.link.reference, &self.link.run).await?;
        let seconds = record.and_then(|record| record.media).map_or(0.0, |media| media.seconds);
        Ok(if since.as_secs_f64() * FASTEST_RATE < share * seconds { Pace::TooFast } else { Pace::Human })
    }

    async fn opened_at(&self) -> Result<Option<Timestamp>, Error> {
        match read(&self.link.reference, &self.key(PageEvent::Opened), self.vault).await? {
            Some(Reaction::Page { at, .. }) => Ok(Some(at)),
            Some(Reaction::Adopted { .. }) | None => Ok(None),
        }
    }

    async fn write(&self, event: PageEvent, now: Timestamp) -> Result<Recorded, Error> {
        Ok(match write(&self.link.reference, &self.reaction(event, now), self.vault).await? {
            PutOutcome::Created => Recorded::Counted,
            PutOutcome::AlreadyExists => Recorded::Repeated,
        })
    }
}

/// Returns the key of a reaction. It reveals nothing about the reaction.
#[must_use]
pub fn key(reference: &CustomerRef, reaction: &Reaction, vault: &Vault) -> ObjectKey {
    let identity = format!("{reference} {}", reaction.identity());
    ObjectKey::Reaction(reference.clone(), vault.keys().keyed_digest("reaction", identity.as_bytes()))
}

/// Writes a reaction once, sealed with the customer's key.
///
/// # Panics
/// Never: a reaction serializes to JSON.
pub async fn write(reference: &CustomerRef, reaction: &Reaction, vault: &Vault) -> Result<PutOutcome, VaultError> {
    let json = serde_json::to_vec(reaction).expect("a reaction serializes to JSON");
    let inputs = Digest::of(reaction.identity().as_bytes());
    vault.write(Owner::Customer(reference), &key(reference, reaction, vault), &inputs, &json).await
}

/// Reads a reaction. Returns `None` if there is none.
async fn read(reference: &CustomerRef, key: &ObjectKey, vault: &Vault) -> Result<Option<Reaction>, VaultError> {
    match vault.read_json(Owner::Customer(reference), key).await {
        Ok((reaction, _)) => Ok(Some(reaction)),
        Err(error) if error.name() == ErrorName::StoreNotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
