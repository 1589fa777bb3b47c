//! `bespoke evidence`: shows a compliance officer why the bank said something to a customer.

use std::fmt::Write as _;

use anstyle::Style;
use contracts::catalogue::Catalogue;
use contracts::evidence::{Evidence, HELD_OUT, Outcome, PersonalEvidence};
use contracts::facts::Stance;
use contracts::key::Artefact;
use contracts::review::{Decision, ReviewChoice, ReviewRecord};
use contracts::script::{InsteadOfModel, Script, SentenceSource, Usage, WrittenBy};
use contracts::{CustomerId, ErrorName};
use jiff::Timestamp;
use lifecycle::letter::{self, Letter, Subject};
use policy::evidence;
use runner::config::Config;
use runner::failure::Failure;
use runner::project::{Project, vault};
use runner::secrets::LocalSecrets;
use serde::Serialize;
use serde_json::json;

use super::context::{Context, run_id};
use super::sections;
use crate::cli::tools::EvidenceArgs;

/// The evidence about one customer, with its personal part decrypted.
#[derive(Serialize)]
struct OpenedEvidence {
    #[serde(flatten)]
    evidence: Evidence,
    opened: PersonalEvidence,
    /// The events so far, including those after the evidence was written, and the restrictions that apply today.
    status: Vec<String>,
}

pub(super) async fn execute(args: EvidenceArgs, config: &Config, context: Context) -> Result<u8, Failure> {
    let project = Project::load(args.folders.into(), config.settings.language)?;
    let secrets = LocalSecrets::of_folder(&project.folders.artifacts);
    let vault = vault(project.store()?.into(), &secrets).await?;
    let id = CustomerId::parse(args.customer.clone())
        .map_err(|error| Failure::new(ErrorName::InputUnknownCustomer, error.to_string(), "check the id"))?;
    let reference = vault.keys().reference(&id);
    // The letter also covers results without evidence: in review, failed or erased.
    let records: &[Artefact] = match &args.report {
        Some(_) => &letter::RECORDS,
        None => &[Artefact::Evidence],
    };
    let run = match args.run {
        Some(run) => run_id(run)?,
        None => letter::newest_run(vault.store(), &reference, records).await?.ok_or_else(no_evidence)?,
    };
    let subject = Subject {
        customer: &args.customer,
        reference: &reference,
        run: &run,
        bank: &project.brand.name,
        catalogue: &project.catalogue,
        now: Timestamp::now(),
    };
    let letter = Letter::read(&vault, subject).await?;
    if let Some(file) = &args.report {
        std::fs::write(file, letter.html()).map_err(Failure::file(ErrorName::StoreUnavailable, file))?;
        let report = json!({ "run": run, "reference": reference, "report": file });
        context.print(&report, || format!("wrote {}: it contains personal data, so keep it safe\n", file.display()));
        return Ok(0);
    }
    let evidence = evidence::find(vault.store(), &reference, &run).await?.ok_or_else(no_evidence)?;
    let opened = evidence::open_personal(&vault, &evidence).await?;
    let opened = OpenedEvidence { evidence, opened, status: letter.status() };
    context.print(&opened, || opened.to_text(&args.customer, &project.catalogue));
    Ok(0)
}

fn no_evidence() -> Failure {
    Failure::new(
        ErrorName::InputUnknownCustomer,
        "no run has evidence about that customer",
        "check the id, --run and --artifacts",
    )
}

impl OpenedEvidence {
    fn to_text(&self, customer: &str, catalogue: &Catalogue) -> String {
        let Self { evidence, opened, status } = self;
        let bold = Style::new().bold();
        let dim = Style::new().dimmed();
        let mut text = String::new();
        let _infallible = writeln!(text, "{bold}{customer}{bold:#}  {dim}{}{dim:#}", evidence.run);
        for sentence in status {
            let _infallible = writeln!(text, "{sentence}");
        }
        self.outcome(&mut text);
        sections::consent(&mut text, &opened.consent);
        if let Some(facts) = &opened.facts {
            sections::facts(&mut text, facts, catalogue);
            if let Stance::Service { topic } = &facts.stance {
                sections::row(&mut text, "offers", &format!("none (service message about {})", topic.words()));
            }
            sections::candidates(&mut text, facts, catalogue);
        }
        if let Some(script) = &opened.script {
            written_by(&mut text, script);
        }
        self.voice(&mut text);
        if let Some(script) = &opened.script {
            sections::heading(&mut text, "Guard checks");
            sections::checks(&mut text, &script.verdict.checks);
            sections::heading(&mut text, "Text");
            let _infallible = writeln!(text, "{}", textwrap::indent(&textwrap::fill(&script.spoken(), 96), "  "));
        }
        if let Some(media) = &evidence.media {
            sections::heading(&mut text, "Video");
            sections::media(&mut text, media);
        }
        if let Some(review) = &evidence.review {
            reviewed(&mut text, review, opened.decision.as_ref());
        }
        let _infallible = writeln!(text, "\n{dim}--json prints the full record with its digests{dim:#}");
        text
    }

    fn outcome(&self, text: &mut String) {
        let evidence = &self.evidence;
        let outcome = match &evidence.outcome {
            Outcome::Published { video: true } => "published, with a video".to_owned(),
            Outcome::Published { video: false } => "published, text only".to_owned(),
            Outcome::Skipped { skip } => format!("skipped: {}", skip.because()),
            Outcome::HeldOut => format!("held out: {HELD_OUT}"),
            Outcome::InReview { why } => format!("in review: {why}"),
            Outcome::NotStarted => "not started".to_owned(),
            Outcome::Failed { error, stage } => format!("failed: {error} in {stage}"),
        };
        sections::heading(text, "Outcome");
        sections::row(text, "outcome", &outcome);
        sections::row(text, "written", &evidence.written_at.to_string());
        sections::row(text, "reference", evidence.reference.as_str());
        sections::row(text, "catalog", &format!("version {}", evidence.catalogue_version));
        sections::row(text, "program", &format!("version {}", evidence.program));
        sections::row(text, "posts", if evidence.from_posts { "used" } else { "not used" });
        let files: Vec<&str> = evidence.artefacts.keys().map(|artefact| artefact.file_name()).collect();
        sections::row(text, "files", &files.join(", "));
    }

    /// Writes the voice that was used and the external services that received data.
    fn voice(&self, text: &mut String) {
        let Some(made_by) = &self.evidence.made_by else { return };
        sections::row(text, "voice", made_by.voice.as_deref().unwrap_or_default());
        for failed in &made_by.voice_instead_of {
            sections::row(text, "not used", failed);
        }
        for (service, fields) in &made_by.outside {
            sections::row(text, "sent to", &format!("{service}: {}", fields.join(", ")));
        }
    }
}

/// Writes whether the phrasebook or a model wrote the text, and the source of every sentence.
fn written_by(text: &mut String, script: &Script) {
    sections::heading(text, "Written by");
    match &script.written_by {
        WrittenBy::Phrases { book, version, selected_by, instead_of_model, .. } => {
            sections::row(text, "writer", &format!("phrasebook version {version} ({})", book.short()));
            if let Some(selection) = selected_by {
                let selected = format!("{} via {}", selection.model, selection.given.service);
                sections::row(text, "selected by", &selected);
                usage(text, selection.given.usage);
            }
            if let Some(InsteadOfModel { why, given }) = instead_of_model {
                sections::row(text, "model not used", why);
                if let Some(given) = given {
                    usage(text, given.usage);
                }
            }
        }
        WrittenBy::Template { instead_of_model: None } => sections::row(text, "writer", "the template"),
        WrittenBy::Template { instead_of_model: Some(InsteadOfModel { why, given }) } => {
            sections::row(text, "writer", &format!("the template, because the model was not used: {why}"));
            if let Some(given) = given {
                usage(text, given.usage);
            }
        }
        WrittenBy::Model { model, service, repaired, usage: used, .. } => {
            let repaired = if *repaired { ", after the guard rejected its first draft" } else { "" };
            sections::row(text, "writer", &format!("{model} via {service}{repaired}"));
            usage(text, *used);
        }
    }
    for part in script.segments.iter().flat_map(|segment| &segment.parts) {
        let source = match &part.source {
            SentenceSource::Line { id, approved_by, approved_at, .. } => {
                format!("line {id}, approved by {approved_by} at {approved_at}")
            }
            SentenceSource::Catalogue { product, field } => format!("catalog, {product}, {field}"),
            SentenceSource::Brand { field } => format!("brand, {field}"),
            SentenceSource::Free { by } => format!("free text by {by}"),
        };
        sections::row(text, "sentence", &source);
    }
}

fn usage(text: &mut String, usage: Usage) {
    let Usage { tokens_read, tokens_written, usd } = usage;
    sections::row(
        text,
        "model usage",
        &format!("{tokens_read} input tokens, {tokens_written} output tokens, ${usd:.4}"),
    );
}

/// Writes why a result was sent to review, and the reviewer's decision.
fn reviewed(text: &mut String, review: &ReviewRecord, decision: Option<&Decision>) {
    sections::heading(text, "Review");
    sections::row(text, "review reason", &review.why.words());
    let choice = match review.choice {
        ReviewChoice::Approve => "approved",
        ReviewChoice::Reject => "rejected",
    };
    sections::row(text, "decision", &format!("{choice} by {} at {}", review.by, review.at));
    sections::row(
        text,
        "reviewer's note",
        decision.and_then(|decision| decision.reason.as_deref()).unwrap_or_default(),
    );
}
