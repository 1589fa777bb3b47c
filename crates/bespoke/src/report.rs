//! The report of a run: for each customer the outcome, the offers and why, seconds, and where the files are.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use anstyle::{AnsiColor, Style};
use contracts::catalogue::Catalogue;
use contracts::evidence::{Evidence, Outcome};
use contracts::facts::{Facts, Stance};
use contracts::key::{Artefact, DatasetPart};
use contracts::{DatasetId, ErrorName, ObjectKey, RunId};
use serde::Serialize;
use storage::store::ObjectStore as _;
use storage::vault::{Vault, VaultError};

use crate::failure::Failure;
use crate::folder::FolderStore;
use crate::progress::{Labels, label};
use crate::runner::{CustomerReport, RunReport};

/// A run, as `--json` prints it.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The bank.
    pub bank: String,
    /// The run.
    pub run: RunId,
    /// Its customers, in the dataset's order.
    pub customers: Vec<Line>,
    /// Rows of the workbooks that could not be used.
    pub rows_set_aside: u64,
    /// Seconds that the whole took.
    pub seconds: f64,
}

/// A customer, as `--json` prints it.
#[derive(Debug, Serialize)]
pub struct Line {
    /// The customer's id, or the start of the reference where the id is not known.
    pub customer: String,
    /// The first name, of customers who consented.
    pub first_name: Option<String>,
    /// How it ended.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// More about how it ended, in words.
    pub because: Option<String>,
    /// The offers, best first.
    pub offers: Vec<OfferLine>,
    /// Seconds of work.
    pub seconds: f64,
    /// Seconds of video.
    pub video_seconds: Option<f64>,
    /// The files for a person to open.
    pub files: Vec<PathBuf>,
}

/// An offer, as `--json` prints it.
#[derive(Debug, Serialize)]
pub struct OfferLine {
    /// The product's name.
    pub product: String,
    /// Its score.
    pub score: f64,
    /// Why, the weightiest first.
    pub why: Vec<String>,
}

impl Report {
    /// Opens what a run left and tells it.
    pub async fn of(
        run: &RunReport,
        bank: &str,
        seconds: f64,
        labels: &Labels,
        catalogue: &Catalogue,
        vault: &Vault,
        store: &FolderStore,
    ) -> Result<Self, Failure> {
        let mut customers = Vec::new();
        for customer in &run.customers {
            customers.push(line(&run.run, customer, labels, catalogue, vault, store).await?);
        }
        let rows_set_aside = rows_set_aside(store, &run.dataset).await?;
        Ok(Self { bank: bank.to_owned(), run: run.run.clone(), customers, rows_set_aside, seconds })
    }

    /// The exit code that the outcomes amount to.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        use contracts::error::{EXIT_NOTHING_TO_DO, EXIT_PARTLY};
        let failed = self.customers.iter().find_map(|line| match &line.outcome {
            Outcome::Failed { error, .. } => Some(*error),
            Outcome::Published { .. } | Outcome::Skipped { .. } | Outcome::Held { .. } => None,
        });
        let published = self.customers.iter().any(|line| matches!(line.outcome, Outcome::Published { .. }));
        let held = self.customers.iter().any(|line| matches!(line.outcome, Outcome::Held { .. }));
        match failed {
            Some(error) if self.customers.len() == 1 => error.exit_code(),
            Some(_) => EXIT_PARTLY,
            None if held => EXIT_PARTLY,
            None if !published => EXIT_NOTHING_TO_DO,
            None => 0,
        }
    }

    /// The report for a person at a terminal. Paths are told from `here`.
    #[must_use]
    pub fn for_people(&self, here: &Path) -> String {
        let (bold, dim) = (Style::new().bold(), Style::new().dimmed());
        let mut text = String::new();
        let _infallible = writeln!(text, "{bold}{}{bold:#} {dim}{}{dim:#}", self.bank, self.run);
        for line in &self.customers {
            line.write(&mut text, here);
        }
        let count = |word: &str| self.customers.iter().filter(|line| line.outcome.word() == word).count();
        let videos = self.customers.iter().filter(|line| line.video_seconds.is_some()).count();
        let counts: Vec<String> = [("published", count("published")), ("skipped", count("skipped"))]
            .into_iter()
            .chain([("held for review", count("held")), ("failed", count("failed"))])
            .filter(|(_, count)| *count > 0)
            .map(|(word, count)| format!("{count} {word}"))
            .collect();
        let _infallible =
            writeln!(text, "\n{bold}{}{bold:#}, {videos} with a video, in {:.0} s", counts.join(", "), self.seconds);
        if count("held") > 0 {
            let _infallible = writeln!(text, "Next: bespoke review {}   what waits for a person", self.run);
        }
        if self.rows_set_aside > 0 {
            let rows = self.rows_set_aside;
            let _infallible = writeln!(text, "{rows} rows of the workbooks were set aside: bespoke check lists them");
        }
        text
    }
}

impl Line {
    fn write(&self, text: &mut String, here: &Path) {
        let colour = match self.outcome {
            Outcome::Published { .. } => AnsiColor::Green,
            Outcome::Skipped { .. } => AnsiColor::Yellow,
            Outcome::Held { .. } => AnsiColor::Cyan,
            Outcome::Failed { .. } => AnsiColor::Red,
        };
        let (word, bold, dim) =
            (Style::new().fg_color(Some(colour.into())), Style::new().bold(), Style::new().dimmed());
        let name = self.first_name.as_ref().map_or(String::new(), |name| format!("{name}  "));
        let video = self.video_seconds.map_or(String::new(), |seconds| format!(", video of {seconds:.0} s"));
        let because = self.because.as_deref().map_or(String::new(), |because| format!(": {because}"));
        let _infallible = writeln!(
            text,
            "\n  {bold}{}{bold:#}  {name}{word}{}{word:#}{because}{video}  {dim}{:.1} s{dim:#}",
            self.customer,
            self.outcome.word(),
            self.seconds
        );
        for offer in &self.offers {
            let _infallible = writeln!(text, "    • {}  {dim}{}{dim:#}", offer.product, offer.why.join("; "));
        }
        for file in &self.files {
            let shown = file.strip_prefix(here).unwrap_or(file);
            let _infallible = writeln!(text, "    {}", shown.display());
        }
    }
}

/// Reads the evidence of one customer of one run, if it is there.
pub async fn read_evidence(vault: &Vault, key: &ObjectKey) -> Result<Option<Evidence>, Failure> {
    let Some(bytes) = vault.store().find(key).await? else { return Ok(None) };
    let evidence = serde_json::from_slice(&bytes).map_err(|error| VaultError::Malformed {
        place: key.to_string(),
        line: error.line(),
        column: error.column(),
    })?;
    Ok(Some(evidence))
}

/// How many rows the report of the dataset counts as set aside.
async fn rows_set_aside(store: &FolderStore, dataset: &DatasetId) -> Result<u64, Failure> {
    let report = store.get(&ObjectKey::Dataset(dataset.clone(), DatasetPart::Report)).await?;
    let report: serde_json::Value = serde_json::from_slice(&report).unwrap_or_default();
    Ok(report["files"].as_array().into_iter().flatten().filter_map(|file| file["set_aside"].as_u64()).sum())
}

async fn line(
    run: &RunId,
    customer: &CustomerReport,
    labels: &Labels,
    catalogue: &Catalogue,
    vault: &Vault,
    store: &FolderStore,
) -> Result<Line, Failure> {
    let key = |artefact| ObjectKey::Customer(customer.reference.clone(), run.clone(), artefact);
    let evidence = read_evidence(vault, &key(Artefact::Evidence)).await?;
    let because = match &customer.outcome {
        Outcome::Published { .. } => None,
        Outcome::Skipped { skip } => Some(skip.because().to_owned()),
        Outcome::Held { why } => Some(why.clone()),
        Outcome::Failed { error, stage } => {
            let message = customer.message.as_deref().unwrap_or_default();
            Some(format!("{error} in {stage}: {message}"))
        }
    };
    let mut line = Line {
        customer: label(labels, &customer.reference).to_owned(),
        first_name: None,
        outcome: customer.outcome.clone(),
        because,
        offers: Vec::new(),
        seconds: customer.seconds,
        video_seconds: None,
        files: Vec::new(),
    };
    let Some(evidence) = evidence else {
        // What waits for review has none yet.
        if matches!(line.outcome, Outcome::Failed { .. }) {
            line.files.push(store.path(&key(Artefact::Failure)));
        }
        return Ok(line);
    };
    if let Some(facts) = policy::evidence::open_personal(vault, &evidence).await?.facts {
        line.because = line.because.or_else(|| service(&facts));
        line.offers = offers(&facts, catalogue);
        line.first_name = Some(facts.first_name);
    }
    line.video_seconds = evidence.media.map(|media| media.seconds);
    let shown = [Artefact::Video, Artefact::Captions, Artefact::Poster, Artefact::Preview, Artefact::Text];
    let published = matches!(line.outcome, Outcome::Published { .. });
    line.files = shown
        .into_iter()
        .filter(|artefact| published && evidence.artefacts.contains_key(artefact))
        .chain([Artefact::Evidence])
        .map(|artefact| store.path(&key(artefact)))
        .collect();
    Ok(line)
}

fn service(facts: &Facts) -> Option<String> {
    match &facts.stance {
        Stance::Recommend { .. } => None,
        Stance::Service { topic } => Some(format!("a service message about {}, nothing is sold", topic.words())),
    }
}

fn offers(facts: &Facts, catalogue: &Catalogue) -> Vec<OfferLine> {
    let Stance::Recommend { offers } = &facts.stance else { return Vec::new() };
    offers
        .iter()
        .map(|offer| {
            let candidate = facts.candidates.iter().find(|candidate| candidate.product == offer.product);
            let mut reasons = candidate.map(|candidate| candidate.reasons.clone()).unwrap_or_default();
            reasons.sort_by(|a, b| b.weight.abs().total_cmp(&a.weight.abs()));
            OfferLine {
                product: catalogue
                    .product(&offer.product)
                    .map_or_else(|| offer.product.to_string(), |product| product.name.clone()),
                score: offer.score,
                why: reasons.iter().map(|reason| format!("{} {:+.1}", reason.text, reason.weight)).collect(),
            }
        })
        .collect()
}

/// Copies a finished file to a place that a person looks at, whole or not at all.
pub fn copy_out(from: &Path, to: &Path, scratch: &Path) -> Result<(), Failure> {
    if !from.is_file() {
        let message = format!("{}: was published, and is gone", from.display());
        return Err(Failure::told(ErrorName::StoreNotFound, message, "--again makes it anew"));
    }
    let copy = || {
        if let Some(folder) = to.parent() {
            crate::folder::create_private(folder)?;
        }
        let file = tempfile::NamedTempFile::new_in(scratch)?;
        std::fs::copy(from, file.path())?;
        file.persist(to)?;
        Ok(())
    };
    copy().map_err(Failure::file(ErrorName::StoreUnavailable, to))
}
