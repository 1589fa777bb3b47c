//! `bespoke catalogue`: lists every problem in a catalog, and approves it.

use std::fmt::Write;
use std::path::Path;

use contracts::catalogue::{Catalogue, CatalogueError, CatalogueProblem};
use contracts::institution::Institution;
use contracts::text::counted;
use contracts::{Digest, ErrorName, NamedError, ProductId};
use jiff::{Timestamp, Unit, Zoned};
use phrases::materials::{Material, materials};
use phrases::{Approval, Approvals};
use recommend::guard::check_catalogue;
use runner::failure::Failure;
use serde::Serialize;

use super::context::{Context, person};
use super::phrases::write_approvals;
use crate::cli::tools::CatalogueApproveArgs;

/// The output of `check`.
#[derive(Default, Serialize)]
struct CatalogueReport {
    usable: bool,
    bank: Option<String>,
    version: Option<String>,
    digest: Option<Digest>,
    products: usize,
    /// Products whose offer dates do not include today.
    outside_their_dates: Vec<ProductId>,
    problems: Vec<CatalogueProblem>,
}

pub(super) fn check(file: &Path, institution: Institution, context: Context) -> Result<u8, Failure> {
    let bytes = std::fs::read(file).map_err(Failure::file(ErrorName::ConfigInvalid, file))?;
    let under_rules = |catalogue: Catalogue| {
        let mut problems = institution.rules().check(&catalogue);
        problems.extend(check_catalogue(&catalogue));
        if problems.is_empty() { Ok(catalogue) } else { Err(CatalogueError::Problems(problems)) }
    };
    let (report, failure) = match Catalogue::from_json(&bytes).and_then(under_rules) {
        Ok(catalogue) => (report(&catalogue), None),
        Err(error) => {
            let problems = match &error {
                CatalogueError::Problems(problems) => problems.clone(),
                CatalogueError::Json(error) => {
                    vec![CatalogueProblem { product: None, field: String::new(), reason: error.to_string() }]
                }
            };
            (CatalogueReport { problems, ..CatalogueReport::default() }, Some(error))
        }
    };
    context.print(&report, || {
        let mut text = String::new();
        for problem in &report.problems {
            let _infallible = writeln!(text, "{}: {problem}", file.display());
        }
        if let (Some(bank), Some(version)) = (&report.bank, &report.version) {
            let products = counted(report.products, "product", "products");
            let _infallible = writeln!(text, "{bank}, version {version}: {products}, no problems");
        }
        for product in &report.outside_their_dates {
            let _infallible = writeln!(text, "{product} is not offered today because of its dates");
        }
        text
    });
    Ok(failure.map_or(0, |failure| failure.name().exit_code()))
}

fn report(catalogue: &Catalogue) -> CatalogueReport {
    let today = Zoned::now().date();
    let outside = catalogue.products().iter().filter(|product| !product.is_valid_on(today));
    CatalogueReport {
        usable: true,
        bank: Some(catalogue.bank().to_owned()),
        version: Some(catalogue.version().to_owned()),
        digest: Some(catalogue.digest()),
        products: catalogue.products().len(),
        outside_their_dates: outside.map(|product| product.id.clone()).collect(),
        problems: Vec::new(),
    }
}

/// The output of `approve`.
#[derive(Serialize)]
struct ApproveReport {
    by: String,
    approved: Vec<String>,
}

pub(super) fn approve(args: &CatalogueApproveArgs, context: Context) -> Result<u8, Failure> {
    let CatalogueApproveArgs { file, institution, by } = args;
    let read = |path: &Path| std::fs::read_to_string(path).map_err(Failure::file(ErrorName::ConfigInvalid, path));
    let catalogue = Catalogue::from_json(read(file)?.as_bytes())?;
    let problems = institution.rules().check(&catalogue);
    if !problems.is_empty() {
        return Err(CatalogueError::Problems(problems).into());
    }
    let list = file.with_extension("approvals.csv");
    let existing = if list.exists() { read(&list)? } else { String::new() };
    let mut approvals = Approvals::parse(&existing).map_err(|error| {
        Failure::new(ErrorName::ConfigInvalid, format!("{}: {error}", list.display()), "repair the CSV file")
    })?;
    let by = person(by.as_deref())?;
    let at = Timestamp::now().round(Unit::Second).unwrap_or(Timestamp::UNIX_EPOCH);
    let refused = |message: String, help: &str| Failure::new(ErrorName::AccessForbidden, message, help);
    let mut approved = Vec::new();
    for Material { item, digest, author } in materials(&catalogue, *institution) {
        if author.as_ref().is_some_and(|author| author.trim().is_empty()) {
            let message = format!("{} does not name its author", file.display());
            return Err(refused(message, "add the field \"author\" to the catalog, after \"version\""));
        }
        approvals.record(Approval { item: item.clone(), digest, by: by.clone(), at });
        if approvals.for_item(&item, &digest, author.as_deref().unwrap_or_default()).is_none() {
            let message = format!("{by} wrote {} and cannot approve it", file.display());
            return Err(refused(message, "ask another person to approve it"));
        }
        approved.push(item);
    }
    write_approvals(&list, &approvals)?;
    let report = ApproveReport { by, approved };
    context.print(&report, || {
        format!("{} approved by {} in {}\n", report.approved.join(" and "), report.by, list.display())
    });
    Ok(0)
}
