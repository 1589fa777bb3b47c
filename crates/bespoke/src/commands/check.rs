//! `bespoke check`: lists every problem that a run would find in the three workbooks.

use std::collections::BTreeMap;
use std::fmt::Write;

use anstyle::{AnsiColor, Style};
use assess::Lexicon;
use contracts::consent::Refusal;
use contracts::key::Workbook;
use contracts::text::counted;
use contracts::{ErrorName, NamedError};
use jiff::Timestamp;
use merge::{
    CheckResult, CustomerCount, FileCount, IntakeLimits, IntakeReport, ProblemGroup, RowProblem, UnknownAnswer,
};
use runner::config::Config;
use runner::failure::Failure;
use runner::intake::{self, IntakeGuard};
use runner::project::{catalogue, lexicon, workbook_not_found, workbook_path};
use runner::secrets::LocalSecrets;
use serde::Serialize;
use storage::secret::{SecretName, Secrets};
use thiserror::Error;

use super::context::{Context, print_failure};
use crate::cli::tools::CheckArgs;

/// The maximum number of problem groups that the terminal shows.
const MAX_ROWS: usize = 20;
/// The maximum number of unknown categories that are listed.
const MAX_CATEGORIES: usize = 10;

/// The command's output.
#[derive(Serialize)]
struct CheckReport<'a> {
    usable: bool,
    errors: Vec<ErrorLine>,
    report: &'a IntakeReport,
    unknown_answers: &'a [UnknownAnswer],
    unknown_words: &'a [UnknownAnswer],
    unknown_categories: Option<&'a UnknownCategories>,
}

/// Payments in categories that neither the lexicon nor Bespoke recognizes.
#[derive(Debug, Serialize, Error)]
#[error("customer_transactions.xlsx: {percent} % of the payments have an unknown category and are ignored")]
struct UnknownCategories {
    /// The share of payments, in percent.
    percent: u32,
    /// The most common unknown categories, with the number of payments. They are cell contents.
    words: Vec<(String, u32)>,
}

impl UnknownCategories {
    /// Returns `None` if there are no payments.
    fn of(categories: &[(String, u32)], lexicon: &Lexicon) -> Option<Self> {
        let is_known = |word: &str| lexicon.spending(word).is_some() || merge::is_ignored_category(word);
        let unknown: Vec<&(String, u32)> = categories.iter().filter(|(word, _)| !is_known(word)).collect();
        let rows = |of: &mut dyn Iterator<Item = u32>| of.map(u64::from).sum::<u64>();
        let all = rows(&mut categories.iter().map(|(_, rows)| *rows));
        let percent = (rows(&mut unknown.iter().map(|(_, rows)| *rows)) * 100).checked_div(all)?;
        let words = unknown.into_iter().take(MAX_CATEGORIES).cloned().collect();
        Some(Self { percent: u32::try_from(percent).unwrap_or(100), words })
    }
}

impl NamedError for UnknownCategories {
    fn name(&self) -> ErrorName {
        ErrorName::InputAmbiguous
    }

    fn help(&self) -> Option<String> {
        Some(
            "add the bank's categories to lexicon.toml, or raise intake.max_unknown_categories in bespoke.toml; \
             data/lexicon.toml shows the format"
                .to_owned(),
        )
    }
}

#[derive(Serialize)]
struct ErrorLine {
    error: ErrorName,
    message: String,
    help: Option<String>,
}

pub(super) async fn execute(args: CheckArgs, config: Config, context: Context) -> Result<u8, Failure> {
    let catalogue = catalogue(&args.data, args.catalogue.as_ref())?;
    let mut files = Vec::new();
    let mut failures = Vec::new();
    for workbook in Workbook::ALL {
        let path = workbook_path(&args.data, workbook);
        match std::fs::read(&path) {
            Ok(bytes) => files.push((workbook, bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                failures.push(workbook_not_found(&path, &args.data));
            }
            Err(error) => failures.push(Failure::file(ErrorName::InputMissingWorkbook, &path)(error)),
        }
    }
    let password = if files.iter().any(|(_, bytes)| merge::is_encrypted(bytes)) {
        let secrets = LocalSecrets::new(LocalSecrets::default_key_file());
        Some(secrets.get(SecretName::WorkbookPassword).await?)
    } else {
        None
    };
    let program = intake::this_program();
    let settings = &config.settings;
    let guard = IntakeGuard { program: program.as_deref(), artifacts: None, settings, catalogue: &catalogue };
    guard.read(&files, password.as_ref()).await?;
    let max_unknown = config.settings.intake.max_unknown_categories;
    let read = tokio::task::spawn_blocking(move || {
        let intake = &config.settings.intake;
        merge::check(&files, password.as_ref(), intake, &catalogue, Timestamp::now(), &IntakeLimits::default())
    });
    let CheckResult { report, errors, unknown_answers, unknown_words, categories } =
        read.await.map_err(merge::Error::from)?;
    failures.extend(errors.into_iter().map(Failure::from));
    let lexicon = lexicon(&args.data, None).ok();
    let categories = lexicon.and_then(|lexicon| UnknownCategories::of(&categories, &lexicon));
    if let Some(UnknownCategories { percent, words }) = &categories
        && f64::from(*percent) > max_unknown * 100.0
    {
        failures.push(UnknownCategories { percent: *percent, words: words.clone() }.into());
    }

    let line =
        |failure: &Failure| ErrorLine { error: failure.name(), message: failure.to_string(), help: failure.help() };
    let printed = CheckReport {
        usable: failures.is_empty(),
        errors: failures.iter().map(line).collect(),
        report: &report,
        unknown_answers: &unknown_answers,
        unknown_words: &unknown_words,
        unknown_categories: categories.as_ref(),
    };
    context.print(&printed, || {
        let mut text = String::new();
        tables(&mut text, &report);
        doubts(&mut text, &report, &unknown_answers);
        words(&mut text, &unknown_words);
        unknown_categories(&mut text, categories.as_ref());
        if failures.is_empty() && report.customers.consented == 0 {
            let style = Style::new().bold().fg_color(Some(AnsiColor::Red.into()));
            let _infallible = writeln!(
                text,
                "\n{style}No customer has consented, so a run would make no results.{style:#} Check the consent columns; \
                 [intake.consent] in bespoke.toml maps the bank's own words."
            );
        } else if failures.is_empty() {
            let _infallible = writeln!(text, "\nNext: bespoke run --data {} --customer ID", args.data.display());
        }
        text
    });
    if !context.json {
        failures.iter().for_each(print_failure);
    }
    Ok(failures.first().map_or(0, |failure| failure.name().exit_code()))
}

fn tables(text: &mut String, report: &IntakeReport) {
    let bold = Style::new().bold();
    if !report.files.is_empty() {
        let _infallible = writeln!(
            text,
            "{bold}{:<28}{:<20}{:>10}{:>10}{:>10}{:>10}{bold:#}",
            "workbook", "sheet", "rows", "kept", "set aside", "withheld"
        );
    }
    for FileCount { file, sheet, read, kept, set_aside, withheld } in &report.files {
        let file = file.file_name();
        let sheet: String = sheet.chars().take(18).collect();
        let _infallible = writeln!(text, "{file:<28}{sheet:<20}{read:>10}{kept:>10}{set_aside:>10}{withheld:>10}");
    }
    let CustomerCount { all, consented, consented_to_posts, refused, posts_refused, without } = &report.customers;
    if *all > 0 {
        let _infallible = write!(
            text,
            "\n{bold}{}{bold:#}: {consented} consented, {consented_to_posts} of them to the use of posts\n",
            counted(*all, "customer", "customers")
        );
        reasons(text, "refused", refused);
        reasons(text, "posts refused", posts_refused);
        for (what, customers) in without {
            let _infallible = writeln!(text, "  {customers:>8} without {what}");
        }
    }
    let rows: usize = report.files.iter().map(|file| file.set_aside).sum();
    problems(text, "Rows set aside", rows, &report.set_aside);
    problems(text, "Cells or rows ignored", report.remarks.len(), &report.remarks);
}

fn reasons(text: &mut String, what: &str, refusals: &BTreeMap<Refusal, usize>) {
    for (refusal, customers) in refusals {
        let _infallible = writeln!(text, "  {customers:>8} {what}: {}", refusal.because());
    }
}

/// Writes the warnings about whole columns, and the consent answers that are neither yes nor no.
fn doubts(text: &mut String, report: &IntakeReport, unknown_answers: &[UnknownAnswer]) {
    let bold = Style::new().bold();
    if !report.warnings.is_empty() {
        let _infallible = writeln!(text, "\n{bold}Warnings{bold:#}");
    }
    for warning in &report.warnings {
        let _infallible = writeln!(text, "  {warning}");
    }
    if !unknown_answers.is_empty() {
        let _infallible = writeln!(
            text,
            "\n{bold}Unknown consent answers, which count as refusals{bold:#} (known are yes, y, true, no, n and false, and 1 \
             and 0 in a column of nothing else; [intake.consent] in bespoke.toml adds words)"
        );
    }
    for answer in unknown_answers {
        let _infallible = writeln!(text, "  {answer}");
    }
}

/// Writes the statuses and products that Bespoke does not recognize.
fn words(text: &mut String, words: &[UnknownAnswer]) {
    let bold = Style::new().bold();
    if !words.is_empty() {
        let _infallible = writeln!(
            text,
            "\n{bold}Unknown words{bold:#} (a customer with an unknown status gets no message, unless intake.stops.harmless \
             lists it; products similar to an unknown one are not offered)"
        );
    }
    for word in words {
        let _infallible = writeln!(text, "  {word}");
    }
}

/// Writes the share of payments whose category is unknown, and the most common unknown categories.
fn unknown_categories(text: &mut String, categories: Option<&UnknownCategories>) {
    let Some(UnknownCategories { percent, words }) = categories.filter(|unknown| !unknown.words.is_empty()) else {
        return;
    };
    let bold = Style::new().bold();
    let _infallible = writeln!(
        text,
        "\n{bold}Unknown categories: {percent} % of the payments{bold:#} (lexicon.toml lists the known ones)"
    );
    for (word, rows) in words {
        let _infallible = writeln!(text, "  {rows:>8} {word:?}");
    }
}

fn problems(text: &mut String, what: &str, all: usize, problems: &[RowProblem]) {
    if all == 0 {
        return;
    }
    let bold = Style::new().bold();
    let _infallible = writeln!(text, "\n{bold}{what}: {all}{bold:#}");
    let groups = ProblemGroup::of(problems);
    for group in groups.iter().take(MAX_ROWS) {
        let _infallible = writeln!(text, "  {}, sheet {:?}, {group}", group.first.file, group.first.sheet);
    }
    let shown: usize = groups.iter().take(MAX_ROWS).map(|group| group.rows.len()).sum();
    if all > shown {
        let _infallible = writeln!(text, "  and {} more; --json lists up to 10,000", all - shown);
    }
}
