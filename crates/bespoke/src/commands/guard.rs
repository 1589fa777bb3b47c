//! `bespoke guard`: what the guard says of any text.

use std::fmt::Write as _;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anstyle::{AnsiColor, Style};
use clap::Args;
use contracts::catalogue::{Catalogue, Product};
use contracts::error::EXIT_REFUSED;
use contracts::script::GuardCheck;
use contracts::{ErrorName, ProductId};
use recommend::guard::{GuardContext, check_text, word_count};
use serde::Serialize;

use super::Shared;
use crate::failure::Failure;
use crate::project;

/// Texts longer than this are none that anybody would speak.
const LONGEST: u64 = 1 << 20;

/// `bespoke guard`
#[derive(Debug, Args)]
pub struct Guard {
    /// The text; - reads it from standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The products that the text may offer, by id, with commas between [default: all of the catalogue]
    #[arg(long, value_name = "IDS", value_delimiter = ',')]
    pub products: Vec<String>,
    /// A name that the program would fill in, such as the customer's or the adviser's; may be given several times
    #[arg(long = "name", value_name = "NAME")]
    pub names: Vec<String>,
    /// The folder of the workbooks, for the catalogue beside them
    #[arg(long, value_name = "DIR", default_value = "data", env = "BESPOKE_DATA")]
    pub data: PathBuf,
    /// The product catalogue [default: catalogue.json beside the workbooks, or else data/catalogue.json]
    #[arg(long, value_name = "FILE", env = "BESPOKE_CATALOGUE")]
    pub catalogue: Option<PathBuf>,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Told<'a> {
    passed: bool,
    words: usize,
    products: Vec<&'a ProductId>,
    checks: &'a [GuardCheck],
}

pub(super) fn execute(guard: &Guard, shared: Shared) -> Result<u8, Failure> {
    let catalogue = project::catalogue(&guard.data, guard.catalogue.as_ref())?;
    let offered = offered(&catalogue, &guard.products)?;
    let text = read(&guard.file)?;
    let context = GuardContext {
        offered: offered.clone(),
        catalogue: &catalogue,
        names: guard.names.iter().map(|name| name.as_str().into()).collect(),
        posts: None,
        instructions: recommend::PROMPTS.to_vec(),
    };
    let verdict = check_text(&text, &context);
    let told = Told {
        passed: verdict.passed(),
        words: word_count(&text),
        products: offered.iter().map(|product| &product.id).collect(),
        checks: &verdict.checks,
    };
    shared.print(&told, || for_people(&told));
    Ok(if told.passed { 0 } else { EXIT_REFUSED })
}

fn offered<'a>(catalogue: &'a Catalogue, ids: &[String]) -> Result<Vec<&'a Product>, Failure> {
    if ids.is_empty() {
        return Ok(catalogue.products().iter().collect());
    }
    let find = |id: &String| {
        catalogue.products().iter().find(|product| product.id.as_str() == id.trim()).ok_or_else(|| {
            let there: Vec<&str> = catalogue.products().iter().map(|product| product.id.as_str()).collect();
            let help = format!("there are: {}", there.join(", "));
            Failure::told(ErrorName::InputInvalidRequest, format!("{id:?} is no product of the catalogue"), help)
        })
    };
    ids.iter().map(find).collect()
}

fn read(file: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    let read = if file == Path::new("-") {
        std::io::stdin().take(LONGEST + 1).read_to_string(&mut text)
    } else {
        std::fs::File::open(file).and_then(|file| file.take(LONGEST + 1).read_to_string(&mut text))
    };
    read.map_err(Failure::file(ErrorName::InputInvalidRequest, file))?;
    if text.len() as u64 > LONGEST {
        let message = format!("{}: is longer than {LONGEST} bytes", file.display());
        return Err(Failure::told(ErrorName::InputInvalidRequest, message, "give it one text at a time"));
    }
    Ok(text)
}

fn for_people(told: &Told<'_>) -> String {
    let (good, bad) =
        (Style::new().fg_color(Some(AnsiColor::Green.into())), Style::new().fg_color(Some(AnsiColor::Red.into())));
    let mut text = String::new();
    for GuardCheck { name, violations } in told.checks {
        let (style, word) = if violations.is_empty() { (good, "passes") } else { (bad, "refuses") };
        let found = violations.join("; ");
        let _infallible = writeln!(text, "  {style}{word:<8}{style:#} {name:<18} {found}");
    }
    let failed = told.checks.iter().filter(|check| !check.violations.is_empty()).count();
    let (words, all) = (told.words, told.checks.len());
    let _infallible = if told.passed {
        writeln!(text, "\n{words} words pass all {all} checks")
    } else {
        writeln!(text, "\n{words} words, refused by {failed} of {all} checks")
    };
    text
}
