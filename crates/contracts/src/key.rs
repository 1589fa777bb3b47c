//! The keys of all objects. All code builds keys from these types, never from strings.

mod prefix;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::choice::{Answer, Choice, word};
use crate::language::Language;
use crate::{BackgroundName, Batch, CustomerRef, DatasetId, Digest, ProductId, RunId, ScheduleName};

pub use prefix::Prefix;

/// One of the three workbooks in a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Workbook {
    /// The profile: names, income, balance, products held.
    Profile,
    /// The transactions, usually with the consent answers.
    Transactions,
    /// The posts.
    Tweets,
}

impl Workbook {
    /// All three, in reading order.
    pub const ALL: [Self; 3] = [Self::Profile, Self::Transactions, Self::Tweets];

    /// Returns the file's name within its batch.
    #[must_use]
    pub const fn file_name(self) -> &'static str {
        match self {
            Self::Profile => "customer_profile.xlsx",
            Self::Transactions => "customer_transactions.xlsx",
            Self::Tweets => "twitter_data.xlsx",
        }
    }

    /// Returns the name in settings: `profile`, `transactions` or `tweets`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Profile => "profile",
            Self::Transactions => "transactions",
            Self::Tweets => "tweets",
        }
    }
}

impl fmt::Display for Workbook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.file_name())
    }
}

/// A part of a dataset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DatasetPart {
    /// `customers.jsonl`: one sealed record per line.
    Customers,
    /// `index.csv`: reference, offset, length and digest of each record.
    Index,
    /// `report.json`: the rows that were read, kept and set aside. No personal data.
    Report,
}

/// An artifact: a file that a run makes for a customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Artefact {
    /// `facts.json`, sealed: an [`crate::facts::Assessment`].
    Facts,
    /// `script.json`, sealed: a [`crate::script::Script`].
    Script,
    /// `narration.wav`, sealed: mono, 16 bit, 24 kHz.
    NarrationAudio,
    /// `cues.json`, sealed: a [`crate::narration::Narration`]; written after the narration.
    Cues,
    /// `recommendation.mp4`, published.
    Video,
    /// `recommendation.vtt`, published.
    Captions,
    /// `poster.jpg`, published.
    Poster,
    /// `preview.gif`, published.
    Preview,
    /// `render.json`: a [`crate::media::RenderRecord`]; written after the media.
    RenderRecord,
    /// `recommendation.txt`, published.
    Text,
    /// `recommendation.json`, published: a [`crate::customer_page::CustomerPage`], the content of the customer's page.
    Page,
    /// `evidence.json`: an [`crate::evidence::Evidence`]. It is written after all other files of the result.
    Evidence,
    /// `failure.json`: an [`crate::evidence::FailureRecord`], the customer's last failure in the run. A later success
    /// removes it.
    Failure,
}

impl Artefact {
    /// All artifacts.
    pub const ALL: [Self; 13] = [
        Self::Facts,
        Self::Script,
        Self::NarrationAudio,
        Self::Cues,
        Self::Video,
        Self::Captions,
        Self::Poster,
        Self::Preview,
        Self::RenderRecord,
        Self::Text,
        Self::Page,
        Self::Evidence,
        Self::Failure,
    ];

    /// The files of a published result, in the order of removal. `render.json` goes first, because it refers to the
    /// others.
    pub const PUBLISHED: [Self; 7] =
        [Self::RenderRecord, Self::Video, Self::Captions, Self::Poster, Self::Preview, Self::Page, Self::Text];

    /// Returns the file's name under `customers/<ref>/<run>/`.
    #[must_use]
    pub const fn file_name(self) -> &'static str {
        match self {
            Self::Facts => "facts.json",
            Self::Script => "script.json",
            Self::NarrationAudio => "narration.wav",
            Self::Cues => "cues.json",
            Self::Video => "recommendation.mp4",
            Self::Captions => "recommendation.vtt",
            Self::Poster => "poster.jpg",
            Self::Preview => "preview.gif",
            Self::RenderRecord => "render.json",
            Self::Text => "recommendation.txt",
            Self::Page => "recommendation.json",
            Self::Evidence => "evidence.json",
            Self::Failure => "failure.json",
        }
    }
}

/// A file about a run as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RunPart {
    /// `request.json`, sealed with the data key: a [`crate::request::Request`].
    Request,
    /// `forecast.json`: the forecast of a dry run.
    Forecast,
    /// `settings.json`, on AWS only: the settings when the run started. Every stage of the run uses these.
    Settings,
    /// `index.csv`: the index rows of the run's customers. The workflow's map iterates over them.
    Index,
    /// `manifest.csv`: one line per customer.
    ManifestCsv,
    /// `manifest.json`: counts, and the chain of evidence digests.
    ManifestJson,
    /// `head.json`: a copy of the log entry with the run's newest [`crate::evidence::Head`].
    Head,
}

impl RunPart {
    /// Returns the file's name under `runs/<run>/`.
    #[must_use]
    pub const fn file_name(self) -> &'static str {
        match self {
            Self::Request => "request.json",
            Self::Forecast => "forecast.json",
            Self::Settings => "settings.json",
            Self::Index => "index.csv",
            Self::ManifestCsv => "manifest.csv",
            Self::ManifestJson => "manifest.json",
            Self::Head => "head.json",
        }
    }
}

/// The kind of run that a person started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RunKind {
    /// A run for one customer.
    Recommendation,
    /// A run for a whole batch.
    Campaign,
    /// A run that a person started on the command line.
    Command,
}

impl RunKind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Recommendation, Self::Campaign, Self::Command];

    const fn folder(self) -> &'static str {
        match self {
            Self::Recommendation => "recommendations",
            Self::Campaign => "campaigns",
            Self::Command => "commands",
        }
    }
}

/// The state of a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NotificationState {
    /// The bank's system accepted it.
    Sent,
    /// Bespoke stopped trying to deliver it: a dead letter.
    Dead,
}

impl NotificationState {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Dead => "dead",
        }
    }
}

/// An area of the store with its own retention rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Area {
    /// `incoming/`: uploaded workbooks.
    Incoming,
    /// `datasets/`: joined rows, sealed.
    Datasets,
    /// `customers/`: artifacts and evidence.
    Customers,
    /// `runs/`: requests, indexes and manifests.
    Runs,
    /// `recalled/`: recalled files.
    Recalled,
    /// `links/`: customer links.
    Links,
    /// `notices/`: records of notifications.
    Notifications,
    /// `contacts/`: contact-cap reservations.
    ContactReservations,
    /// `speech/`: spoken sentences without personal data.
    Speech,
    /// `scenes/`: encoded scenes without personal data.
    Scenes,
    /// `effect/`: customers' reactions.
    Effect,
}

impl Area {
    /// All areas.
    pub const ALL: [Self; 11] = [
        Self::Incoming,
        Self::Datasets,
        Self::Customers,
        Self::Runs,
        Self::Recalled,
        Self::Links,
        Self::Notifications,
        Self::ContactReservations,
        Self::Speech,
        Self::Scenes,
        Self::Effect,
    ];

    /// Returns the key prefix.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Incoming => "incoming/",
            Self::Datasets => "datasets/",
            Self::Customers => "customers/",
            Self::Runs => "runs/",
            Self::Recalled => "recalled/",
            Self::Links => "links/",
            Self::Notifications => "notices/",
            Self::ContactReservations => "contacts/",
            Self::Speech => "speech/",
            Self::Scenes => "scenes/",
            Self::Effect => "effect/",
        }
    }
}

/// A part of the ledger of control data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LedgerPart {
    /// The records of the customers whose references begin with one hexadecimal digit, 0 to 15.
    Customers(u8),
    /// The lists.
    Lists,
}

impl LedgerPart {
    /// Returns all parts.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..16).map(Self::Customers).chain([Self::Lists])
    }

    /// Returns the part with the records of a customer.
    ///
    /// # Panics
    /// Never: a reference consists of hexadecimal digits.
    #[must_use]
    pub fn of(reference: &CustomerRef) -> Self {
        Self::Customers(u8::from_str_radix(&reference.as_str()[..1], 16).expect("a hexadecimal digit"))
    }
}

impl fmt::Display for LedgerPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Customers(digit) => write!(f, "{digit:x}"),
            Self::Lists => f.write_str("lists"),
        }
    }
}

/// The key of one object in the store.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectKey {
    /// An uploaded workbook. Expires after `retention.incoming_days`.
    Incoming(Batch, Workbook),
    /// The dataset built from the upload with this digest. It lets intake recognize a repeated upload.
    Upload(Digest),
    /// A part of a dataset.
    Dataset(DatasetId, DatasetPart),
    /// An artifact that a run made for a customer.
    Customer(CustomerRef, RunId, Artefact),
    /// A file about a run as a whole.
    Run(RunId, RunPart),
    /// An empty object. It records that a person, identified by a keyed digest, started a run. Its modification time is
    /// the time of the start.
    Started(Digest, RunKind, RunId),
    /// One of the places in a run with a limit. Contains the reference of the customer who has it.
    Admission(RunId, usize),
    /// An object that records that a customer has one of the places.
    Admitted(RunId, CustomerRef),
    /// An object that records that all places are taken.
    AdmissionsFull(RunId),
    /// An empty object whose key records how a customer's part of a run ended, as [`crate::evidence::Outcome::word`].
    Ended(RunId, CustomerRef, &'static str),
    /// The limits of a campaign that a caller started.
    Campaign(RunId),
    /// The decision of a dry run for a customer, sealed with the data key: a [`crate::stage::DryRunDecision`].
    DryRun(RunId, CustomerRef),
    /// A step in a run, for one customer or for the run as a whole: a [`crate::progress::Step`].
    Progress(RunId, Option<CustomerRef>, crate::progress::StepName),
    /// A customer's key, wrapped by the data key. Destroying it erases the customer's data.
    CustomerKey(CustomerRef),
    /// The list of customers who must not be contacted. It can change at any time, so it is read again for each
    /// decision.
    Suppressions,
    /// One customer who must not be contacted: a `policy::control::Suppression`. Each opt-out, objection or erasure
    /// writes an object of its own, so two writers never compete for one list.
    Suppression(CustomerRef),
    /// One choice of a customer: a [`crate::choice::ChoiceRecord`]. Written once, and never removed through a link.
    Choice(CustomerRef, Choice),
    /// A customer's answer, about a product or about all of them: a [`crate::choice::AnswerRecord`].
    Answer(RunId, CustomerRef, Option<ProductId>, Answer),
    /// A customer's contact-cap reservation, counted from 1: a `policy::contact_cap::ContactReservation`.
    ContactReservation(CustomerRef, u32),
    /// A part of the ledger of control data: a `policy::ledger::Ledger`.
    Ledger(LedgerPart),
    /// The list of legal holds. It is read before a customer's data is destroyed.
    Holds,
    /// The request of a member of staff to erase a customer, which invokes the erasure on AWS: a
    /// `policy::control::ErasureRequest`.
    ErasureRequest(CustomerRef),
    /// The record that a customer was erased: a `policy::control::ErasureRecord`.
    Forgotten(CustomerRef),
    /// A result in review: a [`crate::review::PendingReview`].
    Review(RunId, CustomerRef),
    /// An empty object that ends a review without a decision, because the customer may no longer be contacted. On AWS,
    /// creating it invokes `publish`, just as creating a decision does.
    ReviewEnded(RunId, CustomerRef),
    /// A reviewer's decision, sealed with the customer's key: a [`crate::review::Decision`].
    Decision(RunId, CustomerRef),
    /// The recall of a run, or of one customer's part of it: a [`crate::recall::Recall`]. The recall of a run is sealed
    /// with the data key, that of a customer's part with the customer's key.
    Recall(RunId, Option<CustomerRef>),
    /// A published file that was recalled. Recalled files are moved here, not deleted.
    Recalled(CustomerRef, RunId, Artefact),
    /// A customer's link, keyed by the digest of its token: a [`crate::delivery::LinkRecord`].
    Link(Digest),
    /// The result of a notification, keyed by its id: a [`crate::delivery::NotificationRecord`].
    Notification(NotificationState, RunId, Digest),
    /// Speech that all customers share, keyed by the digest of everything that determines it; sealed with the data key.
    /// Expires a set time after its last use.
    Speech(Digest),
    /// The video of a scene that all customers share, keyed by the digest of everything that determines it; sealed with
    /// the data key. Expires a set time after its last use.
    Scene(Digest),
    /// A customer's reaction, keyed by a keyed digest of its identity: a [`crate::effect::Reaction`]. Sealed with the
    /// customer's key.
    Reaction(CustomerRef, Digest),
    /// An entry of the transparency log, counted from 0: a `transparency::log::LogEntry`. Written once.
    LogEntry(u64),
    /// The list of newer consent answers. It can change at any time, so it is read again for each decision.
    Consents,
    /// The catalog of approved products.
    Catalogue,
    /// The approvals of the catalog and the rules.
    CatalogueApprovals,
    /// The phrasebook in a language.
    Phrasebook(Language),
    /// The approvals of that phrasebook's lines.
    PhraseApprovals(Language),
    /// The lexicon: the words that map to spending categories and topics.
    Lexicon,
    /// The settings on AWS that new runs start with.
    Settings,
    /// A schedule: a [`crate::schedule::Schedule`] as TOML.
    Schedule(ScheduleName),
    /// One of the bank's own backgrounds.
    Background(BackgroundName),
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Incoming(batch, workbook) => write!(f, "incoming/{batch}/{}", workbook.file_name()),
            Self::Upload(digest) => write!(f, "datasets/uploads/{digest}.json"),
            Self::Dataset(dataset, part) => {
                let name = match part {
                    DatasetPart::Customers => "customers.jsonl",
                    DatasetPart::Index => "index.csv",
                    DatasetPart::Report => "report.json",
                };
                write!(f, "datasets/{dataset}/{name}")
            }
            Self::Customer(reference, run, artefact) => {
                write!(f, "customers/{reference}/{run}/{}", artefact.file_name())
            }
            Self::Run(run, part) => write!(f, "runs/{run}/{}", part.file_name()),
            Self::Admission(run, place) => write!(f, "runs/{run}/admitted/{place}.txt"),
            Self::Admitted(run, reference) => write!(f, "runs/{run}/admitted/{reference}.json"),
            Self::Ended(run, reference, word) => {
                write!(f, "runs/{run}/ended/{}/{reference}-{word}.txt", &reference.as_str()[..1])
            }
            Self::DryRun(run, reference) => write!(f, "runs/{run}/dry-run/{reference}.json"),
            Self::Campaign(run) => write!(f, "runs/{run}/campaign.json"),
            Self::AdmissionsFull(run) => write!(f, "runs/{run}/admitted/full.json"),
            Self::Started(caller, kind, run) => write!(f, "{}{run}.json", Prefix::Started(*caller, *kind)),
            Self::Progress(run, reference, step) => {
                write!(f, "{}{step}.json", Prefix::Progress(run.clone(), reference.clone()))
            }
            Self::CustomerKey(reference) => write!(f, "control/keys/{reference}.key"),
            Self::Suppressions => f.write_str("control/suppressions.csv"),
            Self::Suppression(reference) => write!(f, "control/suppressions/{reference}.json"),
            Self::Choice(reference, choice) => {
                write!(f, "{}{}.json", Prefix::Choices(reference.clone()), choice.word())
            }
            Self::Answer(run, reference, product, answer) => {
                let prefix = Prefix::Answers(run.clone(), Some(reference.clone()));
                let product = product.as_ref().map_or("_all", ProductId::as_str);
                write!(f, "{prefix}{product}.{}.json", word(answer))
            }
            Self::ContactReservation(reference, number) => {
                write!(f, "{}{number}.json", Prefix::ContactReservations(reference.clone()))
            }
            Self::Ledger(part) => write!(f, "control/ledger/{part}.json"),
            Self::Holds => f.write_str("control/holds.csv"),
            Self::ErasureRequest(reference) => write!(f, "control/erasures/{reference}.json"),
            Self::Forgotten(reference) => write!(f, "control/forgotten/{reference}.json"),
            Self::Review(run, reference) => write!(f, "control/reviews/{run}/{reference}.json"),
            Self::ReviewEnded(run, reference) => write!(f, "control/reviews/{run}/{reference}.ended"),
            Self::Decision(run, reference) => write!(f, "control/decisions/{run}/{reference}.json"),
            Self::Recall(run, None) => write!(f, "control/recalls/{run}/run.json"),
            Self::Recall(run, Some(reference)) => write!(f, "control/recalls/{run}/{reference}.json"),
            Self::Recalled(reference, run, artefact) => {
                write!(f, "recalled/{reference}/{run}/{}", artefact.file_name())
            }
            Self::Link(digest) => write!(f, "links/{digest}.json"),
            Self::Notification(state, run, id) => write!(f, "notices/{}/{run}/{}.json", state.as_str(), id.short()),
            Self::Speech(digest) => write!(f, "{}{digest}", Area::Speech.as_str()),
            Self::Scene(digest) => write!(f, "{}{digest}", Area::Scenes.as_str()),
            Self::Reaction(reference, digest) => {
                write!(f, "{}{digest}.json", Prefix::Reactions(reference.clone()))
            }
            Self::LogEntry(index) => write!(f, "{}{index:012}.json", Prefix::Log),
            Self::Consents => f.write_str("control/consents.csv"),
            Self::Catalogue => f.write_str("config/catalogue.json"),
            Self::CatalogueApprovals => f.write_str("config/catalogue.approvals.csv"),
            Self::Phrasebook(language) => write!(f, "config/phrases/{language}.toml"),
            Self::PhraseApprovals(language) => write!(f, "config/phrases/{language}.approvals.csv"),
            Self::Lexicon => f.write_str("config/lexicon.toml"),
            Self::Settings => f.write_str("config/bespoke.toml"),
            Self::Schedule(name) => write!(f, "{}{name}.toml", Prefix::Schedules),
            Self::Background(name) => write!(f, "{}{name}", Prefix::Backgrounds),
        }
    }
}

impl ObjectKey {
    /// Parses the key of an uploaded workbook. Returns `None` for other keys.
    #[must_use]
    pub fn incoming(key: &str) -> Option<(Batch, Workbook)> {
        let (batch, name) = key.strip_prefix("incoming/")?.split_once('/')?;
        let workbook = Workbook::ALL.into_iter().find(|workbook| workbook.file_name() == name)?;
        Some((Batch::parse(batch).ok()?, workbook))
    }

    /// Returns the name in the key of a [`Self::Schedule`]. Returns `None` for other keys.
    #[must_use]
    pub fn schedule_of(key: &str) -> Option<ScheduleName> {
        ScheduleName::parse(key.strip_prefix("schedules/")?.strip_suffix(".toml")?).ok()
    }

    /// Returns the run in the key of an [`ObjectKey::Started`].
    #[must_use]
    pub fn started(key: &str) -> Option<RunId> {
        RunId::parse(key.rsplit_once('/')?.1.strip_suffix(".json")?).ok()
    }

    /// Returns the run and the customer in the key of a [`Self::Review`]. Returns `None` for other keys.
    #[must_use]
    pub fn review_of(key: &str) -> Option<(RunId, CustomerRef)> {
        let (run, name) = key.strip_prefix("control/reviews/")?.split_once('/')?;
        Some((RunId::parse(run).ok()?, CustomerRef::parse(name.strip_suffix(".json")?).ok()?))
    }

    /// Returns the run and the customer in the key of a [`Self::Decision`] or a [`Self::ReviewEnded`]. Returns `None` for
    /// other keys.
    #[must_use]
    pub fn decided_of(key: &str) -> Option<(RunId, CustomerRef)> {
        let (within, suffix) = match key.strip_prefix("control/decisions/") {
            Some(within) => (within, ".json"),
            None => (key.strip_prefix("control/reviews/")?, ".ended"),
        };
        let (run, name) = within.split_once('/')?;
        Some((RunId::parse(run).ok()?, CustomerRef::parse(name.strip_suffix(suffix)?).ok()?))
    }

    /// Returns the customer and the outcome in the key of a [`Self::Ended`]. Returns `None` for other keys.
    #[must_use]
    pub fn ended_of(key: &str) -> Option<(CustomerRef, &str)> {
        let name = key.strip_prefix("runs/")?.rsplit_once('/')?.1.strip_suffix(".txt")?;
        let (reference, word) = name.split_once('-')?;
        Some((CustomerRef::parse(reference).ok()?, word))
    }

    /// Returns the number in the key of a customer's [`Self::ContactReservation`]. Returns `None` for other keys.
    #[must_use]
    pub fn contact_reservation_of(key: &str, reference: &CustomerRef) -> Option<u32> {
        key.strip_prefix(&Prefix::ContactReservations(reference.clone()).to_string())?
            .strip_suffix(".json")?
            .parse()
            .ok()
    }

    /// Parses the key of a [`Self::Reaction`]. Returns `None` for other keys.
    #[must_use]
    pub fn reaction(key: &str) -> Option<Self> {
        let (reference, name) = key.strip_prefix(Area::Effect.as_str())?.split_once('/')?;
        let digest = Digest::try_from(name.strip_suffix(".json")?.to_owned()).ok()?;
        Some(Self::Reaction(CustomerRef::parse(reference).ok()?, digest))
    }

    /// Returns the index in the key of a [`Self::LogEntry`]. Returns `None` for other keys.
    #[must_use]
    pub fn log_entry_of(key: &str) -> Option<u64> {
        let index = key.strip_prefix("log/")?.strip_suffix(".json")?.parse().ok()?;
        (Self::LogEntry(index).to_string() == key).then_some(index)
    }

    /// Returns the run in the key of a [`Self::Recall`]. Returns `None` for other keys.
    #[must_use]
    pub fn recall_of(key: &str) -> Option<RunId> {
        let (run, _) = key.strip_prefix("control/recalls/")?.split_once('/')?;
        RunId::parse(run).ok()
    }

    /// Returns the choice in the key of one of a customer's [`Self::Choice`] objects. Returns `None` for other keys.
    #[must_use]
    pub fn choice_of(key: &str, reference: &CustomerRef) -> Option<Choice> {
        let name = key.strip_prefix(&Prefix::Choices(reference.clone()).to_string())?;
        Choice::parse(name.strip_suffix(".json")?)
    }

    /// Parses the key of an [`Self::Answer`]. Returns `None` for other keys.
    #[must_use]
    pub fn answer_of(key: &str) -> Option<Self> {
        let mut parts = key.strip_prefix("control/answers/")?.strip_suffix(".json")?.split('/');
        let (run, reference, name) = (parts.next()?, parts.next()?, parts.next()?);
        let (product, answer) = name.split_once('.')?;
        let product = match product {
            "_all" => None,
            product => Some(ProductId::parse(product).ok()?),
        };
        let answer = crate::choice::from_word(answer)?;
        let key = Self::Answer(RunId::parse(run).ok()?, CustomerRef::parse(reference).ok()?, product, answer);
        parts.next().is_none().then_some(key)
    }

    /// Parses the key of a dataset's index. Returns `None` for other keys.
    #[must_use]
    pub fn dataset_index(key: &str) -> Option<Self> {
        let dataset = key.strip_prefix("datasets/")?.strip_suffix("/index.csv")?;
        Some(Self::Dataset(DatasetId::parse(dataset).ok()?, DatasetPart::Index))
    }

    /// Returns the customer in the key of an artifact, a recalled file, a reaction, a suppression, an erasure request
    /// or an erasure record.
    #[must_use]
    pub fn customer_of(key: &str) -> Option<CustomerRef> {
        let prefixes =
            ["customers/", "recalled/", "effect/", "control/forgotten/", "control/erasures/", "control/suppressions/"];
        let within = prefixes.into_iter().find_map(|prefix| key.strip_prefix(prefix))?;
        CustomerRef::parse(within.split(['/', '.']).next()?).ok()
    }

    /// Returns the run in the key of an artifact or a recalled file of `reference`. Returns `None` for other keys.
    #[must_use]
    pub fn run_of(key: &str, reference: &CustomerRef) -> Option<RunId> {
        let (owner, rest) =
            key.strip_prefix("customers/").or_else(|| key.strip_prefix("recalled/"))?.split_once('/')?;
        (owner == reference.as_str()).then_some(())?;
        RunId::parse(rest.split_once('/')?.0).ok()
    }

    /// Returns the run in the key of evidence about `reference`. Returns `None` for other keys.
    #[must_use]
    pub fn evidence_of(key: &str, reference: &CustomerRef) -> Option<RunId> {
        let within = key.strip_prefix(&Prefix::Customer(reference.clone()).to_string())?;
        let run = within.strip_suffix(Artefact::Evidence.file_name())?.strip_suffix('/')?;
        RunId::parse(run).ok()
    }
}

#[cfg(test)]
mod tests;
