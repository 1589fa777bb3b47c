//! Where each object lies. No key is built from strings anywhere else.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{BackgroundName, Batch, CustomerRef, DatasetId, Digest, RunId};

/// One of the three workbooks of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Workbook {
    /// Who the customers are.
    Profile,
    /// What they spent, and what they consented to.
    Transactions,
    /// What they wrote.
    Tweets,
}

impl Workbook {
    /// All three, in the order in which they are read.
    pub const ALL: [Self; 3] = [Self::Profile, Self::Transactions, Self::Tweets];

    /// The file's name within its batch.
    #[must_use]
    pub const fn file_name(self) -> &'static str {
        match self {
            Self::Profile => "customer_profile.xlsx",
            Self::Transactions => "customer_transactions.xlsx",
            Self::Tweets => "twitter_data.xlsx",
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
    /// `customers.jsonl`: one sealed record a line.
    Customers,
    /// `index.csv`: reference, offset, length and digest of each line.
    Index,
    /// `report.json`: what was read, kept and set aside. No personal data.
    Report,
}

/// What one run makes for one customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Artefact {
    /// `facts.json`, sealed: an [`crate::facts::Assessment`].
    Facts,
    /// `script.json`, sealed: a [`crate::script::Script`].
    Script,
    /// `narration.wav`, sealed: mono, 16 bit, 48 kHz.
    NarrationAudio,
    /// `cues.json`, sealed: a [`crate::narration::Narration`]; written after the sound.
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
    /// `evidence.json`: an [`crate::evidence::Evidence`]; written last, so that it exists only when all else does.
    Evidence,
    /// `failure.json`: the last failure of a run that may be tried again; an [`crate::evidence::FailureRecord`].
    Failure,
}

impl Artefact {
    /// All of them.
    pub const ALL: [Self; 12] = [
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
        Self::Evidence,
        Self::Failure,
    ];

    /// The files of a published result, in the order in which they are removed: `render.json` goes first, because it names
    /// the others.
    pub const PUBLISHED: [Self; 6] =
        [Self::RenderRecord, Self::Video, Self::Captions, Self::Poster, Self::Preview, Self::Text];

    /// The file's name below `customers/<ref>/<run>/`.
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
            Self::Evidence => "evidence.json",
            Self::Failure => "failure.json",
        }
    }
}

/// What a run makes as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RunPart {
    /// `request.json`, sealed with the run's key: a [`crate::request::Request`].
    Request,
    /// `index.csv`: the lines of the dataset's index that the run is for; the item source of the map over customers.
    Index,
    /// `manifest.csv`: one line a customer.
    ManifestCsv,
    /// `manifest.json`: counts and the chain of evidence digests.
    ManifestJson,
}

/// What a caller started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The run of one customer.
    Recommendation,
    /// The run of a whole batch.
    Campaign,
}

impl Kind {
    const fn folder(self) -> &'static str {
        match self {
            Self::Recommendation => "recommendations",
            Self::Campaign => "campaigns",
        }
    }
}

/// Where a notice to the bank's own system stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NoticeState {
    /// It arrived.
    Sent,
    /// It was given up: a dead letter.
    Dead,
}

impl NoticeState {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Dead => "dead",
        }
    }
}

/// What is kept for a number of days and then deleted, each by its own rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Area {
    /// `incoming/`: uploaded workbooks.
    Incoming,
    /// `datasets/`: joined rows, sealed.
    Datasets,
    /// `customers/`: what was made, and its evidence.
    Customers,
    /// `runs/`: requests, indexes and manifests.
    Runs,
    /// `recalled/`: what was taken back.
    Recalled,
    /// `links/`: customers' links.
    Links,
    /// `notices/`: what became of notices.
    Notices,
    /// `turns/`: which run told a customer something when.
    Turns,
}

impl Area {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Incoming,
        Self::Datasets,
        Self::Customers,
        Self::Runs,
        Self::Recalled,
        Self::Links,
        Self::Notices,
        Self::Turns,
    ];

    /// Its prefix.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Incoming => "incoming/",
            Self::Datasets => "datasets/",
            Self::Customers => "customers/",
            Self::Runs => "runs/",
            Self::Recalled => "recalled/",
            Self::Links => "links/",
            Self::Notices => "notices/",
            Self::Turns => "turns/",
        }
    }
}

/// The place of one object in the bucket or the folder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectKey {
    /// An uploaded workbook; expires within days.
    Incoming(Batch, Workbook),
    /// Which dataset the upload with this digest became: tells at once that the same files came twice.
    Upload(Digest),
    /// A part of a dataset.
    Dataset(DatasetId, DatasetPart),
    /// What a run made for a customer.
    Customer(CustomerRef, RunId, Artefact),
    /// What a run made as a whole.
    Run(RunId, RunPart),
    /// That a caller, named by a keyed digest, started a run: empty. Its time is when.
    Started(Digest, Kind, RunId),
    /// A step of a run, of one customer or of the whole: a [`crate::progress::Step`].
    Progress(RunId, Option<CustomerRef>, crate::progress::StepName),
    /// A customer's own key, wrapped by the data key. Destroying it forgets the customer.
    CustomerKey(CustomerRef),
    /// References of customers who must not be contacted; changes at any time, read afresh.
    Suppressions,
    /// One more who must not be contacted: written by an opt-out or an erasure, an object each, so that no two writers
    /// meet in one list. A [`crate::control::Suppression`].
    Suppression(CustomerRef),
    /// A customer's turns to be told something, counted from 1: a [`crate::turn::Turn`].
    Turn(CustomerRef, u32),
    /// Who must be kept for now, and why: read before anything of a customer is destroyed.
    Holds,
    /// That a customer was forgotten: a [`crate::control::Forgotten`].
    Forgotten(CustomerRef),
    /// A result that waits for a person: a [`crate::review::Waiting`].
    Review(RunId, CustomerRef),
    /// The workflow's task that waits for the same person.
    ReviewTask(RunId, CustomerRef),
    /// What the person decided, sealed with the customer's key: a [`crate::review::Decision`].
    Decision(RunId, CustomerRef),
    /// That a run, or one customer's part of it, was taken back; sealed with the run's key, or the customer's: a [`crate::recall::Recall`].
    Recall(RunId, Option<CustomerRef>),
    /// What a run had published to a customer and was taken back: moved aside, not deleted.
    Recalled(CustomerRef, RunId, Artefact),
    /// A customer's link, by the digest of its token: a [`crate::delivery::LinkRecord`].
    Link(Digest),
    /// What became of a notice to the bank's own system, by the notice's id: a [`crate::delivery::NoticeRecord`].
    Notice(NoticeState, RunId, Digest),
    /// The newest answers to the consent questions; changes at any time, read afresh.
    Consents,
    /// The approved product catalogue.
    Catalogue,
    /// The approved phrases.
    Phrasebook,
    /// The approvals of the phrases.
    PhraseApprovals,
    /// The words by which spending categories and topics are told.
    Lexicon,
    /// The settings, on AWS.
    Settings,
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
            Self::Run(run, part) => {
                let name = match part {
                    RunPart::Request => "request.json",
                    RunPart::Index => "index.csv",
                    RunPart::ManifestCsv => "manifest.csv",
                    RunPart::ManifestJson => "manifest.json",
                };
                write!(f, "runs/{run}/{name}")
            }
            Self::Started(caller, kind, run) => write!(f, "{}{run}.json", Prefix::Started(*caller, *kind)),
            Self::Progress(run, reference, step) => {
                write!(f, "{}{step}.json", Prefix::Progress(run.clone(), reference.clone()))
            }
            Self::CustomerKey(reference) => write!(f, "control/keys/{reference}.key"),
            Self::Suppressions => f.write_str("control/suppressions.csv"),
            Self::Suppression(reference) => write!(f, "control/suppressions/{reference}.json"),
            Self::Turn(reference, number) => write!(f, "{}{number}.json", Prefix::Turns(reference.clone())),
            Self::Holds => f.write_str("control/holds.csv"),
            Self::Forgotten(reference) => write!(f, "control/forgotten/{reference}.json"),
            Self::Review(run, reference) => write!(f, "control/reviews/{run}/{reference}.json"),
            Self::ReviewTask(run, reference) => write!(f, "control/reviews/{run}/{reference}.task"),
            Self::Decision(run, reference) => write!(f, "control/decisions/{run}/{reference}.json"),
            Self::Recall(run, None) => write!(f, "control/recalls/{run}/run.json"),
            Self::Recall(run, Some(reference)) => write!(f, "control/recalls/{run}/{reference}.json"),
            Self::Recalled(reference, run, artefact) => {
                write!(f, "recalled/{reference}/{run}/{}", artefact.file_name())
            }
            Self::Link(digest) => write!(f, "links/{digest}.json"),
            Self::Notice(state, run, id) => write!(f, "notices/{}/{run}/{}.json", state.as_str(), id.short()),
            Self::Consents => f.write_str("control/consents.csv"),
            Self::Catalogue => f.write_str("config/catalogue.json"),
            Self::Phrasebook => f.write_str("config/phrases/en.toml"),
            Self::PhraseApprovals => f.write_str("config/phrases/en.approvals.csv"),
            Self::Lexicon => f.write_str("config/lexicon.toml"),
            Self::Settings => f.write_str("config/bespoke.toml"),
            Self::Background(name) => write!(f, "{}{name}", Prefix::Backgrounds),
        }
    }
}

impl ObjectKey {
    /// The batch and the workbook that an object of an upload is; nothing if the key is not one of an upload.
    #[must_use]
    pub fn incoming(key: &str) -> Option<(Batch, Workbook)> {
        let (batch, name) = key.strip_prefix("incoming/")?.split_once('/')?;
        let workbook = Workbook::ALL.into_iter().find(|workbook| workbook.file_name() == name)?;
        Some((Batch::parse(batch).ok()?, workbook))
    }

    /// The run that a caller started, by the key of a [`ObjectKey::Started`].
    #[must_use]
    pub fn started(key: &str) -> Option<RunId> {
        RunId::parse(key.rsplit_once('/')?.1.strip_suffix(".json")?).ok()
    }

    /// Whose result waits, and of which run; nothing if the key is not one of a [`Self::Review`].
    #[must_use]
    pub fn review_of(key: &str) -> Option<(RunId, CustomerRef)> {
        let (run, name) = key.strip_prefix("control/reviews/")?.split_once('/')?;
        Some((RunId::parse(run).ok()?, CustomerRef::parse(name.strip_suffix(".json")?).ok()?))
    }

    /// Which of the customer's turns an object is; nothing if it is none.
    #[must_use]
    pub fn turn_of(key: &str, reference: &CustomerRef) -> Option<u32> {
        key.strip_prefix(&Prefix::Turns(reference.clone()).to_string())?.strip_suffix(".json")?.parse().ok()
    }

    /// The run of the record of a recall, of all of it or of one customer's part.
    #[must_use]
    pub fn recall_of(key: &str) -> Option<RunId> {
        let (run, _) = key.strip_prefix("control/recalls/")?.split_once('/')?;
        RunId::parse(run).ok()
    }

    /// Whom an object is about, where it is one of a customer's own or says that they were forgotten.
    #[must_use]
    pub fn customer_of(key: &str) -> Option<CustomerRef> {
        let prefixes = ["customers/", "recalled/", "control/forgotten/", "control/suppressions/"];
        let within = prefixes.into_iter().find_map(|prefix| key.strip_prefix(prefix))?;
        CustomerRef::parse(within.split(['/', '.']).next()?).ok()
    }

    /// The run to which an object of `reference` belongs, made by it or taken back from it.
    #[must_use]
    pub fn run_of(key: &str, reference: &CustomerRef) -> Option<RunId> {
        let (owner, rest) =
            key.strip_prefix("customers/").or_else(|| key.strip_prefix("recalled/"))?.split_once('/')?;
        (owner == reference.as_str()).then_some(())?;
        RunId::parse(rest.split_once('/')?.0).ok()
    }

    /// The run whose evidence for `reference` an object is; nothing if the key is not one of such evidence.
    #[must_use]
    pub fn evidence_of(key: &str, reference: &CustomerRef) -> Option<RunId> {
        let within = key.strip_prefix(&Prefix::Customer(reference.clone()).to_string())?;
        let run = within.strip_suffix(Artefact::Evidence.file_name())?.strip_suffix('/')?;
        RunId::parse(run).ok()
    }
}

/// What can be listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Prefix {
    /// Every upload.
    Incoming,
    /// All that every run made for every customer.
    Customers,
    /// All that every run made for a customer.
    Customer(CustomerRef),
    /// A customer's turns to be told something.
    Turns(CustomerRef),
    /// What a caller started.
    Started(Digest, Kind),
    /// The steps of a run: of one customer, or of the run as a whole.
    Progress(RunId, Option<CustomerRef>),
    /// What waits for a person: of one run, or of all.
    Reviews(Option<RunId>),
    /// Who opted out or was forgotten, one object each.
    Suppressions,
    /// Who was forgotten.
    Forgotten,
    /// All that was taken back from a customer.
    Recalled(CustomerRef),
    /// The notices of a run in one state, or of all runs.
    Notices(NoticeState, Option<RunId>),
    /// The bank's own backgrounds.
    Backgrounds,
    /// Everything in an area.
    Area(Area),
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Incoming => f.write_str("incoming/"),
            Self::Customers => f.write_str("customers/"),
            Self::Customer(reference) => write!(f, "customers/{reference}/"),
            Self::Turns(reference) => write!(f, "turns/{reference}/"),
            Self::Started(caller, kind) => write!(f, "runs/started/{caller}/{}/", kind.folder()),
            Self::Progress(run, Some(reference)) => write!(f, "customers/{reference}/{run}/progress/"),
            Self::Progress(run, None) => write!(f, "runs/{run}/progress/"),
            Self::Reviews(None) => f.write_str("control/reviews/"),
            Self::Reviews(Some(run)) => write!(f, "control/reviews/{run}/"),
            Self::Suppressions => f.write_str("control/suppressions/"),
            Self::Forgotten => f.write_str("control/forgotten/"),
            Self::Recalled(reference) => write!(f, "recalled/{reference}/"),
            Self::Notices(state, None) => write!(f, "notices/{}/", state.as_str()),
            Self::Notices(state, Some(run)) => write!(f, "notices/{}/{run}/", state.as_str()),
            Self::Backgrounds => f.write_str("config/backgrounds/"),
            Self::Area(area) => f.write_str(area.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_run_that_somebody_started_is_read_off_its_key() {
        let run = RunId::parse("run-4c1f09a2b7d83e56").unwrap();
        let key = ObjectKey::Started(Digest::of(b"ann"), Kind::Campaign, run.clone());
        assert_eq!(ObjectKey::started(&key.to_string()), Some(run));
    }

    #[test]
    fn whose_an_object_is_is_read_off_its_key() {
        let (run, who) = (RunId::parse("run-1").unwrap(), CustomerRef::parse("0".repeat(32)).unwrap());
        let review = ObjectKey::Review(run.clone(), who.clone());
        assert_eq!(ObjectKey::review_of(&review.to_string()), Some((run.clone(), who.clone())));
        let task = ObjectKey::ReviewTask(run.clone(), who.clone());
        assert_eq!(ObjectKey::review_of(&task.to_string()), None);
        for key in [ObjectKey::Forgotten(who.clone()), ObjectKey::Suppression(who.clone())] {
            assert_eq!(ObjectKey::customer_of(&key.to_string()), Some(who.clone()), "{key}");
        }
        for key in [
            ObjectKey::Customer(who.clone(), run.clone(), Artefact::Video),
            ObjectKey::Recalled(who.clone(), run.clone(), Artefact::Video),
        ] {
            assert_eq!(ObjectKey::customer_of(&key.to_string()), Some(who.clone()), "{key}");
            assert_eq!(ObjectKey::run_of(&key.to_string(), &who), Some(run.clone()), "{key}");
        }
        assert_eq!(ObjectKey::run_of(&format!("customers/{}/run-1/x", "1".repeat(32)), &who), None);
        assert_eq!(ObjectKey::turn_of(&ObjectKey::Turn(who.clone(), 12).to_string(), &who), Some(12));
    }

    #[test]
    fn an_uploads_key_is_read_back_and_nothing_else_is() {
        let batch = Batch::parse("2026-11-20").unwrap();
        for workbook in Workbook::ALL {
            let key = ObjectKey::Incoming(batch.clone(), workbook).to_string();
            assert_eq!(ObjectKey::incoming(&key), Some((batch.clone(), workbook)));
        }
        for other in ["incoming/a/b/customer_profile.xlsx", "incoming/a/other.xlsx", "datasets/a/customer_profile.xlsx"]
        {
            assert_eq!(ObjectKey::incoming(other), None, "{other}");
        }
    }
}
