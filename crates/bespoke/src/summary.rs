//! The summary of a run: each customer's outcome, offers with reasons, time and files.

use std::fmt::Write;
use std::path::PathBuf;

use anstyle::{AnsiColor, Style};
use contracts::catalogue::Catalogue;
use contracts::evidence::{HELD_OUT, Outcome};
use contracts::facts::{Facts, Stance};
use contracts::key::{Artefact, DatasetPart};
use contracts::text::counted;
use contracts::{DatasetId, ObjectKey, RunId};
use policy::evidence;
use runner::failure::Failure;
use runner::folder::FolderStore;
use runner::run::{CustomerReport, RunReport};
use runner::session::Labels;
use serde::Serialize;
use storage::store::ObjectStore as _;
use storage::vault::Vault;

use crate::paths::relative;
use crate::progress::label;

/// The summary of a run. `--json` prints these fields.
#[derive(Debug, Serialize)]
pub struct RunSummary {
    /// The bank's name.
    pub bank: String,
    /// The run.
    pub run: RunId,
    /// The run's customers, in the dataset's order.
    pub customers: Vec<CustomerSummary>,
    /// Workbook rows that merge set aside.
    pub rows_set_aside: u64,
    /// Elapsed seconds.
    pub seconds: f64,
}

/// The summary of one customer.
#[derive(Debug, Serialize)]
pub struct CustomerSummary {
    /// The customer's id, or the start of the reference if the id is unknown.
    pub customer: String,
    /// The first name, if the customer consented.
    pub first_name: Option<String>,
    /// The outcome.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// The human-readable reason for the outcome.
    pub because: Option<String>,
    /// The offers, best first.
    pub offers: Vec<OfferSummary>,
    /// The seconds that the work took.
    pub seconds: f64,
    /// The length of the video in seconds.
    pub video_seconds: Option<f64>,
    /// The files to open.
    pub files: Vec<PathBuf>,
}

/// The summary of one offer.
#[derive(Debug, Serialize)]
pub struct OfferSummary {
    /// The product's name.
    pub product: String,
    /// The product's score.
    pub score: f64,
    /// The reasons, largest weight first.
    pub why: Vec<String>,
}

/// The data that a summary is built from.
pub struct SummaryInput<'a> {
    /// The run that has ended.
    pub run: &'a RunReport,
    /// Elapsed seconds.
    pub seconds: f64,
    /// The ids of the customers.
    pub labels: &'a Labels,
    /// The catalog of the run.
    pub catalogue: &'a Catalogue,
    /// The vault, which opens the evidence.
    pub vault: &'a Vault,
    /// The artifacts folder.
    pub store: &'a FolderStore,
}

impl RunSummary {
    /// Reads the results of a run and summarizes them.
    pub async fn read(input: &SummaryInput<'_>) -> Result<Self, Failure> {
        let mut customers = Vec::new();
        for customer in &input.run.customers {
            customers.push(CustomerSummary::read(customer, input).await?);
        }
        Ok(Self {
            bank: input.catalogue.bank().to_owned(),
            run: input.run.run.clone(),
            customers,
            rows_set_aside: rows_set_aside(input.store, &input.run.dataset).await?,
            seconds: input.seconds,
        })
    }

    /// Returns the exit code for the outcomes.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        use contracts::error::{EXIT_NOTHING_TO_DO, EXIT_PARTLY};
        let failed = self.customers.iter().find_map(|customer| match &customer.outcome {
            Outcome::Failed { error, .. } => Some(*error),
            Outcome::Published { .. }
            | Outcome::Skipped { .. }
            | Outcome::HeldOut
            | Outcome::InReview { .. }
            | Outcome::NotStarted => None,
        });
        let published = self.customers.iter().any(|customer| matches!(customer.outcome, Outcome::Published { .. }));
        let held = self.customers.iter().any(|customer| matches!(customer.outcome, Outcome::InReview { .. }));
        match failed {
            Some(error) if self.customers.len() == 1 => error.exit_code(),
            Some(_) => EXIT_PARTLY,
            None if held => EXIT_PARTLY,
            None if !published => EXIT_NOTHING_TO_DO,
            None => 0,
        }
    }

    /// Formats the summary for the terminal, with paths relative to the current folder.
    #[must_use]
    pub fn to_text(&self) -> String {
        let bold = Style::new().bold();
        let dim = Style::new().dimmed();
        let mut text = String::new();
        let _infallible = writeln!(text, "{bold}{}{bold:#} {dim}{}{dim:#}", self.bank, self.run);
        for customer in &self.customers {
            customer.write(&mut text);
        }
        let count = |word: &str| self.customers.iter().filter(|customer| customer.outcome.word() == word).count();
        let videos = self.customers.iter().filter(|customer| customer.video_seconds.is_some()).count();
        let held = count("in-review");
        let counts: Vec<String> = [("published", count("published")), ("skipped", count("skipped"))]
            .into_iter()
            .chain([("held out", count("held-out")), ("in review", held), ("failed", count("failed"))])
            .filter(|(_, count)| *count > 0)
            .map(|(word, count)| format!("{count} {word}"))
            .collect();
        let _infallible =
            writeln!(text, "\n{bold}{}{bold:#}, {videos} with a video, in {:.0} s", counts.join(", "), self.seconds);
        if held > 0 {
            let _infallible = writeln!(text, "Next: bespoke review {}   lists the results in review", self.run);
        }
        if self.rows_set_aside > 0 {
            let rows = counted(self.rows_set_aside, "row", "rows");
            let _infallible = writeln!(text, "set aside {rows} from the workbooks; details: bespoke check");
        }
        text
    }
}

impl CustomerSummary {
    async fn read(customer: &CustomerReport, input: &SummaryInput<'_>) -> Result<Self, Failure> {
        let run = &input.run.run;
        let key = |artefact| ObjectKey::Customer(customer.reference.clone(), run.clone(), artefact);
        let because = match &customer.outcome {
            Outcome::Published { .. } | Outcome::NotStarted => None,
            Outcome::Skipped { skip } => Some(skip.because().to_owned()),
            Outcome::HeldOut => Some(HELD_OUT.to_owned()),
            Outcome::InReview { why } => Some(why.clone()),
            Outcome::Failed { error, stage } => {
                let message = customer.message.as_deref().unwrap_or_default();
                Some(format!("{error} in {stage}: {message}"))
            }
        };
        let mut summary = Self {
            customer: label(input.labels, &customer.reference).to_owned(),
            first_name: None,
            outcome: customer.outcome.clone(),
            because,
            offers: Vec::new(),
            seconds: customer.seconds,
            video_seconds: None,
            files: Vec::new(),
        };
        let Some(evidence) = evidence::find(input.vault.store(), &customer.reference, run).await? else {
            // A result in review has no evidence yet.
            if matches!(summary.outcome, Outcome::Failed { .. }) {
                summary.files.push(input.store.path(&key(Artefact::Failure)));
            }
            return Ok(summary);
        };
        if let Some(facts) = evidence::open_personal(input.vault, &evidence).await?.facts {
            summary.because = summary.because.or_else(|| service(&facts));
            summary.offers = offers(&facts, input.catalogue);
            summary.first_name = Some(facts.first_name);
        }
        summary.video_seconds = evidence.media.map(|media| media.seconds);
        let shown = [Artefact::Video, Artefact::Captions, Artefact::Poster, Artefact::Preview, Artefact::Text];
        let published = matches!(summary.outcome, Outcome::Published { .. });
        summary.files = shown
            .into_iter()
            .filter(|artefact| published && evidence.artefacts.contains_key(artefact))
            .chain([Artefact::Evidence])
            .map(|artefact| input.store.path(&key(artefact)))
            .collect();
        Ok(summary)
    }

    fn write(&self, text: &mut String) {
        let color = match self.outcome {
            Outcome::Published { .. } => AnsiColor::Green,
            Outcome::Skipped { .. } | Outcome::HeldOut | Outcome::NotStarted => AnsiColor::Yellow,
            Outcome::InReview { .. } => AnsiColor::Cyan,
            Outcome::Failed { .. } => AnsiColor::Red,
        };
        let word = Style::new().fg_color(Some(color.into()));
        let bold = Style::new().bold();
        let dim = Style::new().dimmed();
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
            let _infallible = writeln!(text, "    {}", relative(file).display());
        }
    }
}

/// Returns the number of rows that merge set aside.
async fn rows_set_aside(store: &FolderStore, dataset: &DatasetId) -> Result<u64, Failure> {
    let report = store.get(&ObjectKey::Dataset(dataset.clone(), DatasetPart::Report)).await?;
    let report: serde_json::Value = serde_json::from_slice(&report).unwrap_or_default();
    Ok(report["files"].as_array().into_iter().flatten().filter_map(|file| file["set_aside"].as_u64()).sum())
}

fn service(facts: &Facts) -> Option<String> {
    match &facts.stance {
        Stance::Recommend { .. } => None,
        Stance::Service { topic } => Some(format!("a service message about {}, without an offer", topic.words())),
    }
}

fn offers(facts: &Facts, catalogue: &Catalogue) -> Vec<OfferSummary> {
    let Stance::Recommend { offers } = &facts.stance else { return Vec::new() };
    offers
        .iter()
        .map(|offer| {
            let candidate = facts.candidates.iter().find(|candidate| candidate.product == offer.product);
            let mut reasons = candidate.map(|candidate| candidate.reasons.clone()).unwrap_or_default();
            reasons.sort_by(|a, b| b.weight.abs().total_cmp(&a.weight.abs()));
            OfferSummary {
                product: catalogue
                    .product(&offer.product)
                    .map_or_else(|| offer.product.to_string(), |product| product.name.clone()),
                score: offer.score,
                why: reasons.iter().map(|reason| format!("{} {:+.1}", reason.text, reason.weight)).collect(),
            }
        })
        .collect()
}
