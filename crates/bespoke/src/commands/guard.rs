//! `bespoke guard`: checks any text with the guard.

use std::fmt::Write as _;
use std::io::Read as _;
use std::path::Path;

use contracts::catalogue::{Catalogue, Product};
use contracts::error::EXIT_REFUSED;
use contracts::script::GuardCheck;
use contracts::text::counted;
use contracts::{ErrorName, ProductId};
use recommend::guard::{GuardContext, check_text, word_count};
use runner::failure::Failure;
use runner::project;
use serde::Serialize;

use super::context::Context;
use super::sections;
use crate::cli::tools::GuardArgs;

/// The maximum size of the text in bytes, far beyond any text that a video could narrate.
const MAX_BYTES: u64 = 1 << 20;

/// The command's output.
#[derive(Serialize)]
struct GuardReport<'a> {
    passed: bool,
    words: usize,
    products: Vec<&'a ProductId>,
    checks: &'a [GuardCheck],
}

pub(super) fn execute(args: &GuardArgs, context: Context) -> Result<u8, Failure> {
    let catalogue = project::catalogue(&args.data, args.catalogue.as_ref())?;
    let language = args.language;
    let catalogue = catalogue.in_language(language);
    let offered = offered(&catalogue, &args.products)?;
    let text = read(&args.file)?;
    let guard = GuardContext {
        language,
        offered: offered.clone(),
        held: Vec::new(),
        catalogue: &catalogue,
        names: args.names.iter().map(|name| name.as_str().into()).collect(),
        posts: None,
        instructions: recommend::PROMPTS.to_vec(),
    };
    let verdict = check_text(&text, &guard);
    let report = GuardReport {
        passed: verdict.passed(),
        words: word_count(&text),
        products: offered.iter().map(|product| &product.id).collect(),
        checks: &verdict.checks,
    };
    context.print(&report, || to_text(&report));
    Ok(if report.passed { 0 } else { EXIT_REFUSED })
}

/// Returns the products with these ids, or all products if no ids are given.
fn offered<'a>(catalogue: &'a Catalogue, ids: &[String]) -> Result<Vec<&'a Product>, Failure> {
    if ids.is_empty() {
        return Ok(catalogue.products().iter().collect());
    }
    let find = |id: &String| {
        catalogue.products().iter().find(|product| product.id.as_str() == id.trim()).ok_or_else(|| {
            let ids: Vec<&str> = catalogue.products().iter().map(|product| product.id.as_str()).collect();
            let help = format!("choose from: {}", ids.join(", "));
            Failure::new(ErrorName::InputInvalidRequest, format!("{id:?} is not a product in the catalog"), help)
        })
    };
    ids.iter().map(find).collect()
}

/// Reads the text from a file or from standard input.
fn read(file: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    let read = if file == Path::new("-") {
        std::io::stdin().take(MAX_BYTES + 1).read_to_string(&mut text)
    } else {
        std::fs::File::open(file).and_then(|file| file.take(MAX_BYTES + 1).read_to_string(&mut text))
    };
    read.map_err(Failure::file(ErrorName::InputInvalidRequest, file))?;
    if text.len() as u64 > MAX_BYTES {
        let message = format!("{}: longer than {MAX_BYTES} bytes", file.display());
        return Err(Failure::new(ErrorName::InputInvalidRequest, message, "check a shorter text"));
    }
    Ok(text)
}

fn to_text(report: &GuardReport<'_>) -> String {
    let mut text = String::new();
    sections::checks(&mut text, report.checks);
    let refused = report.checks.iter().filter(|check| !check.violations.is_empty()).count();
    let words = counted(report.words, "word", "words");
    let verb = if report.words == 1 { "passes" } else { "pass" };
    let all = report.checks.len();
    let _infallible = if report.passed {
        writeln!(text, "\n{words} {verb} all {all} checks")
    } else {
        writeln!(text, "\n{words}, rejected by {refused} of {all} checks")
    };
    text
}
