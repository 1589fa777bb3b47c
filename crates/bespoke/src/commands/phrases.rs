//! `bespoke phrases`: checks, lists and approves the lines of a phrasebook.

mod propose;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use contracts::catalogue::{Catalogue, Product};
use contracts::text::counted;
use contracts::{Digest, ErrorName, Language};
use jiff::{Timestamp, Unit};
use phrases::check::{Finding, Severity, check, sample_names};
use phrases::{Approval, Approvals, GroundKey, Line, LineKind, Phrasebook};
use recommend::guard::{LineCheck, check_line};
use runner::config::Config;
use runner::failure::Failure;
use runner::project;
use serde::Serialize;

use super::context::{Context, person};
use crate::cli::phrases::{ApproveArgs, CheckArgs, ListArgs, PhrasesCommand};

pub(super) async fn execute(
    command: PhrasesCommand,
    config: impl FnOnce() -> Result<Config, Failure>,
    context: Context,
) -> Result<u8, Failure> {
    match command {
        PhrasesCommand::Check(args) => check_book(&args, context),
        PhrasesCommand::List(args) => list(&args, context),
        PhrasesCommand::Approve(args) => approve(&args, context),
        PhrasesCommand::Propose(args) => Box::pin(propose::execute(&args, &config()?, context)).await,
    }
}

/// A phrasebook and the path of its approvals file.
struct OpenedBook {
    book: Phrasebook,
    approvals: PathBuf,
}

impl OpenedBook {
    fn open(file: &Path) -> Result<Self, Failure> {
        let read = |path: &Path| std::fs::read_to_string(path).map_err(Failure::file(ErrorName::ConfigInvalid, path));
        let approvals = file.with_extension("approvals.csv");
        let csv = if approvals.exists() { read(&approvals)? } else { String::new() };
        Ok(Self { book: Phrasebook::parse(&read(file)?, &csv)?, approvals })
    }
}

/// The output of `check`.
#[derive(Serialize)]
struct CheckReport<'a> {
    usable: bool,
    language: &'a str,
    version: &'a str,
    digest: Digest,
    /// The number of lines by kind.
    lines: BTreeMap<&'static str, usize>,
    approved: usize,
    findings: &'a [Finding],
}

fn check_book(args: &CheckArgs, context: Context) -> Result<u8, Failure> {
    let OpenedBook { book, .. } = OpenedBook::open(&args.file)?;
    let catalogue = project::catalogue(&args.data, args.catalogue.as_ref())?;
    let language = Language::from_tag(book.language()).unwrap_or_default();
    let catalogue = catalogue.in_language(language);
    let guard = |line: &Line, text: &str, product: Option<&Product>| {
        guard_findings(line, text, product, (language, &catalogue))
    };
    let findings = check(&book, &catalogue, guard);
    let mut lines = BTreeMap::new();
    for line in book.lines() {
        *lines.entry(line.kind.name()).or_default() += 1;
    }
    let usable = findings.iter().all(|finding| finding.severity == Severity::Warning);
    let report = CheckReport {
        usable,
        language: book.language(),
        version: book.version(),
        digest: book.digest(),
        lines,
        approved: book.live().count(),
        findings: &findings,
    };
    context.print(&report, || {
        let mut text = String::new();
        for finding in &findings {
            let severity = if finding.severity == Severity::Error { "error" } else { "warning" };
            let _infallible = writeln!(text, "{severity}: {finding}");
        }
        let by_kind: Vec<String> = report.lines.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        let errors = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
        let _infallible = writeln!(
            text,
            "{} version {}: {} ({}), {} of them approved; {}, {}",
            report.language,
            report.version,
            counted(report.lines.values().sum::<usize>(), "line", "lines"),
            by_kind.join(", "),
            report.approved,
            counted(errors, "error", "errors"),
            counted(findings.len() - errors, "warning", "warnings")
        );
        text
    });
    Ok(if usable { 0 } else { ErrorName::ConfigInvalid.exit_code() })
}

/// Returns the guard's findings about a line whose slots have been filled in.
fn guard_findings(
    line: &Line,
    text: &str,
    product: Option<&Product>,
    (language, catalogue): (Language, &Catalogue),
) -> Vec<String> {
    let held = match &line.kind {
        LineKind::Reason { ground: GroundKey::Holds(id), .. } => catalogue.product(id),
        _ => None,
    };
    check_line(text, LineCheck { language, product, held, names: &sample_names(), catalogue })
}

/// A line in the list.
#[derive(Serialize)]
struct ListedLine<'a> {
    id: &'a str,
    kind: &'static str,
    author: &'a str,
    approval: Option<&'a Approval>,
    text: &'a str,
}

fn list(args: &ListArgs, context: Context) -> Result<u8, Failure> {
    let OpenedBook { book, .. } = OpenedBook::open(&args.file)?;
    let is_about_product = |line: &&Line| {
        args.product
            .as_ref()
            .is_none_or(|id| matches!(&line.kind, LineKind::Reason { product, .. } if product.as_str() == id))
    };
    let listed: Vec<ListedLine<'_>> = book
        .lines()
        .iter()
        .filter(is_about_product)
        .filter(|line| args.kind.as_ref().is_none_or(|kind| line.kind.name() == kind))
        .map(|line| ListedLine {
            id: &line.id,
            kind: line.kind.name(),
            author: &line.author,
            approval: book.approvals().for_line(line),
            text: line.text.as_str(),
        })
        .filter(|line| !args.unapproved || line.approval.is_none())
        .collect();
    context.print(&listed, || {
        let mut text = String::new();
        for line in &listed {
            let approval = line.approval.map_or_else(|| "not approved".to_owned(), |a| format!("approved by {}", a.by));
            let _infallible = writeln!(text, "{}  {approval}\n    {}", line.id, line.text);
        }
        let _infallible = writeln!(text, "{}", counted(listed.len(), "line", "lines"));
        text
    });
    Ok(0)
}

/// The output of `approve`.
#[derive(Serialize)]
struct ApproveReport {
    by: String,
    approved: Vec<String>,
}

fn approve(args: &ApproveArgs, context: Context) -> Result<u8, Failure> {
    let OpenedBook { book, approvals: file } = OpenedBook::open(&args.file)?;
    let by = person(args.by.as_deref())?;
    let refused = |message: String, help: &str| Failure::new(ErrorName::InputInvalidRequest, message, help);
    let lines: Vec<&Line> = if args.all {
        book.lines().iter().filter(|line| book.approvals().for_line(line).is_none()).collect()
    } else {
        let find = |id: &String| {
            let unknown =
                || refused(format!("the phrasebook has no line {id}"), "`bespoke phrases list` shows all lines");
            book.line(id).ok_or_else(unknown)
        };
        args.lines.iter().map(find).collect::<Result<_, _>>()?
    };
    let mut approvals = book.approvals().clone();
    let at = Timestamp::now().round(Unit::Second).unwrap_or(Timestamp::UNIX_EPOCH);
    for line in &lines {
        approvals.record(Approval { item: line.id.clone(), digest: line.digest, by: by.clone(), at });
        if approvals.for_line(line).is_none() {
            let message = format!("{by} wrote line {} and cannot approve it", line.id);
            return Err(refused(message, "have another person approve it, with --by NAME"));
        }
    }
    write_approvals(&file, &approvals)?;
    let report = ApproveReport { by, approved: lines.iter().map(|line| line.id.clone()).collect() };
    context.print(&report, || {
        let lines = counted(lines.len(), "line", "lines");
        format!("{lines} approved by {} in {}\n", report.by, file.display())
    });
    Ok(0)
}

/// Atomically replaces the approvals file.
pub(super) fn write_approvals(path: &Path, approvals: &Approvals) -> Result<(), Failure> {
    replace_file(path, &approvals.to_csv())
}

/// Atomically replaces a file. The file keeps its permissions, so other people can still read it.
fn replace_file(path: &Path, content: &str) -> Result<(), Failure> {
    let write = || {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        match std::fs::metadata(path) {
            Ok(existing) => file.as_file().set_permissions(existing.permissions())?,
            // The process's umask could hide the approvals from other people who work with them.
            #[cfg(unix)]
            Err(_) => file.as_file().set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))?,
            #[cfg(not(unix))]
            Err(_) => {}
        }
        file.write_all(content.as_bytes())?;
        file.persist(path)?;
        Ok(())
    };
    write().map_err(Failure::file(ErrorName::ConfigInvalid, path))
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn approvals_file_keeps_its_permissions() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("en.approvals.csv");
        for mode in [0o644, 0o660, 0o600] {
            std::fs::write(&path, "").unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            write_approvals(&path, &Approvals::default()).unwrap();
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, mode);
        }
        std::fs::remove_file(&path).unwrap();
        write_approvals(&path, &Approvals::default()).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_ne!(mode & 0o044, 0, "a new approvals file must be readable by others: {mode:o}");
    }
}
