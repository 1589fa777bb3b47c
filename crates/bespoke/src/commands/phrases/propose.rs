//! `bespoke phrases propose` asks a model for new reasons, checks them, and adds them to the phrasebook without an approval.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use contracts::ErrorName;
use contracts::Language;
use contracts::catalogue::{Catalogue, Product};
use contracts::error::EXIT_NOTHING_TO_DO;
use contracts::text::counted;
use phrases::check::{MIN_REASONS, Severity, check, grounds};
use phrases::{GroundKey, Line, LineKind, Phrasebook};
use recommend::guard::check_reason;
use recommend::{ProposalRequest, propose};
use runner::config::Config;
use runner::failure::Failure;
use runner::programs::http_client;
use runner::project;
use runner::secrets::LocalSecrets;
use serde::Serialize;

use super::{OpenedBook, guard_findings, replace_file};
use crate::cli::phrases::ProposeArgs;
use crate::commands::context::Context;

/// The report of the proposals.
#[derive(Serialize)]
struct ProposeReport {
    /// The models that proposed lines.
    models: BTreeSet<String>,
    /// The lines that passed all checks and are now waiting for approval.
    filed: Vec<ProposedLine>,
    /// The lines that did not pass, which are not in the phrasebook.
    refused: Vec<RefusedLine>,
}

#[derive(Serialize)]
struct ProposedLine {
    id: String,
    text: String,
}

#[derive(Serialize)]
struct RefusedLine {
    product: String,
    ground: String,
    text: String,
    because: Vec<String>,
}

pub(super) async fn execute(args: &ProposeArgs, config: &Config, context: Context) -> Result<u8, Failure> {
    let catalogue = project::catalogue(&args.data, args.catalogue.as_ref())?;
    let OpenedBook { mut book, approvals } = OpenedBook::open(&args.file)?;
    if Language::from_tag(book.language()) != Some(Language::English) {
        let message = format!("{}: a model proposes lines only in English", args.file.display());
        return Err(Failure::new(
            ErrorName::InputInvalidRequest,
            message,
            "let a person write lines in other languages",
        ));
    }
    let mut toml = std::fs::read_to_string(&args.file).map_err(Failure::file(ErrorName::ConfigInvalid, &args.file))?;
    let csv = if approvals.exists() {
        std::fs::read_to_string(&approvals).map_err(Failure::file(ErrorName::ConfigInvalid, &approvals))?
    } else {
        String::new()
    };
    let secrets = LocalSecrets::new(LocalSecrets::default_key_file());
    let http = http_client()?;
    let mut report = ProposeReport { models: BTreeSet::new(), filed: Vec::new(), refused: Vec::new() };
    for (product, ground) in places(args, &book, &catalogue)? {
        let existing = existing(&book, product, &ground);
        let name = book.ground(&ground).map_or_else(|| ground.to_string(), str::to_owned);
        let request = ProposalRequest { product, ground: &name, existing, count: args.lines };
        let proposal = propose(&request, &config.settings.writer, &secrets, &http).await;
        let proposal = proposal.map_err(|error| {
            let help = "set writer.model in bespoke.toml, and check it with `bespoke doctor`";
            Failure::new(ErrorName::ConfigInvalid, error.to_string(), help)
        })?;
        for text in proposal.lines {
            let id = free_id(&book, product, &ground);
            let candidate = Candidate { id: &id, text: &text, product, ground: &ground };
            let longer = format!("{}\n\n{}", toml.trim_end_matches('\n'), candidate.entry(&proposal.model));
            match candidate.judge(&longer, &csv, &catalogue) {
                Ok(accepted) => {
                    toml = longer;
                    book = accepted;
                    report.filed.push(ProposedLine { id, text });
                }
                Err(because) => {
                    let (product, ground) = (product.id.to_string(), ground.to_string());
                    report.refused.push(RefusedLine { product, ground, text, because });
                }
            }
        }
        report.models.insert(proposal.model);
    }
    if !report.filed.is_empty() {
        replace_file(&args.file, &toml)?;
    }
    context.print(&report, || to_text(&report));
    Ok(if report.filed.is_empty() { EXIT_NOTHING_TO_DO } else { 0 })
}

/// Returns the products and grounds to request lines for: those in the arguments, or all that have too few lines.
fn places<'a>(
    args: &ProposeArgs,
    book: &Phrasebook,
    catalogue: &'a Catalogue,
) -> Result<Vec<(&'a Product, GroundKey)>, Failure> {
    let is_wanted = |product: &&Product| args.product.as_ref().is_none_or(|id| product.id.as_str() == id);
    let products = catalogue.products().iter().filter(is_wanted);
    let all = products.flat_map(|product| grounds(product).into_iter().map(move |ground| (product, ground)));
    let is_chosen = |(product, ground): &(&Product, GroundKey)| match &args.ground {
        Some(wanted) => ground.to_string() == *wanted,
        None => args.product.is_some() || existing(book, product, ground).len() < MIN_REASONS,
    };
    let places: Vec<_> = all.filter(is_chosen).collect();
    if places.is_empty() {
        let help = "specify a product with --product, and optionally one of its grounds with --ground";
        let message =
            "every product and ground has enough lines, or the catalog has no such product or ground".to_owned();
        return Err(Failure::new(ErrorName::InputInvalidRequest, message, help));
    }
    Ok(places)
}

fn is_reason(kind: &LineKind, product: &Product, ground: &GroundKey) -> bool {
    matches!(kind, LineKind::Reason { product: p, ground: g, .. } if *p == product.id && g == ground)
}

fn existing<'b>(book: &'b Phrasebook, product: &Product, ground: &GroundKey) -> Vec<&'b str> {
    let lines = book.lines().iter().filter(|line| is_reason(&line.kind, product, ground));
    lines.map(|line| line.text.as_str()).collect()
}

/// Returns an unused line ID.
fn free_id(book: &Phrasebook, product: &Product, ground: &GroundKey) -> String {
    let place = ground.to_string().replace(':', "-");
    let ids = (1_u32..).map(|number| format!("reason.{}.{place}.proposed-{number:02}", product.id));
    ids.into_iter().find(|id| book.line(id).is_none()).unwrap_or_default()
}

/// A proposed line.
struct Candidate<'a> {
    id: &'a str,
    text: &'a str,
    product: &'a Product,
    ground: &'a GroundKey,
}

impl Candidate<'_> {
    /// Returns the line as an entry of the phrasebook. A JSON string is also a TOML string.
    fn entry(&self, model: &str) -> String {
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        format!(
            "[[reason]]\nid = {}\nproduct = {}\nground = {}\nauthor = {}\ntext = {}\n",
            quoted(self.id),
            quoted(self.product.id.as_str()),
            quoted(&self.ground.to_string()),
            quoted(&format!("model {model}")),
            quoted(self.text)
        )
    }

    /// Returns the phrasebook with the line, or everything that is wrong with the line. `toml` and `csv` are the
    /// phrasebook with the line, and its approvals.
    fn judge(&self, toml: &str, csv: &str, catalogue: &Catalogue) -> Result<Phrasebook, Vec<String>> {
        let book = Phrasebook::parse(toml, csv).map_err(|error| vec![error.to_string()])?;
        let guard = |line: &Line, filled: &str, product: Option<&Product>| {
            // The other lines have already been checked.
            if line.id == self.id {
                guard_findings(line, filled, product, (Language::English, catalogue))
            } else {
                Vec::new()
            }
        };
        let findings = check(&book, catalogue, guard).into_iter();
        let own = findings.filter(|finding| finding.line.as_deref() == Some(self.id));
        let is_unapproved = |message: &str| message.starts_with("the line is not approved");
        let errors = own.filter(|finding| finding.severity == Severity::Error && !is_unapproved(&finding.message));
        let mut because: Vec<String> = errors.map(|finding| finding.message).collect();
        let held = match self.ground {
            GroundKey::Holds(id) => catalogue.product(id),
            GroundKey::Spending(_) | GroundKey::Need(_) => None,
        };
        let said = self.text.replace("{product}", &self.product.name).replace("{bank}", catalogue.bank());
        for check in check_reason(&said, self.product, held, catalogue, &recommend::PROMPTS) {
            because.extend(check.violations.iter().map(|violation| format!("{}: {violation}", check.name)));
        }
        because.sort();
        because.dedup();
        if because.is_empty() { Ok(book) } else { Err(because) }
    }
}

fn to_text(report: &ProposeReport) -> String {
    let mut text = String::new();
    for line in &report.filed {
        let _infallible = writeln!(text, "{}  not approved\n    {}", line.id, line.text);
    }
    for line in &report.refused {
        let because = line.because.join("; ");
        let _infallible =
            writeln!(text, "refused for {} on {}: {because}\n    {}", line.product, line.ground, line.text);
    }
    let (filed, refused) = (report.filed.len(), report.refused.len());
    let _infallible =
        writeln!(text, "added {} without an approval; refused {refused}", counted(filed, "line", "lines"));
    if filed > 0 {
        text.push_str(
            "next: bespoke phrases approve LINE... approves lines; no customer hears a line before it is approved\n",
        );
    }
    text
}
