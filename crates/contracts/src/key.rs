//! Where each object lies. No key is built from strings anywhere else.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Batch, CustomerRef, DatasetId, Digest, RunId};

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
    /// The newest answers to the consent questions; changes at any time, read afresh.
    Consents,
    /// The approved product catalogue.
    Catalogue,
    /// The words by which spending categories and topics are told.
    Lexicon,
    /// The settings, on AWS.
    Settings,
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
            Self::Consents => f.write_str("control/consents.csv"),
            Self::Catalogue => f.write_str("config/catalogue.json"),
            Self::Lexicon => f.write_str("config/lexicon.toml"),
            Self::Settings => f.write_str("config/bespoke.toml"),
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
    /// What a caller started.
    Started(Digest, Kind),
    /// The steps of a run: of one customer, or of the run as a whole.
    Progress(RunId, Option<CustomerRef>),
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Incoming => f.write_str("incoming/"),
            Self::Customers => f.write_str("customers/"),
            Self::Customer(reference) => write!(f, "customers/{reference}/"),
            Self::Started(caller, kind) => write!(f, "runs/started/{caller}/{}/", kind.folder()),
            Self::Progress(run, Some(reference)) => write!(f, "customers/{reference}/{run}/progress/"),
            Self::Progress(run, None) => write!(f, "runs/{run}/progress/"),
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
