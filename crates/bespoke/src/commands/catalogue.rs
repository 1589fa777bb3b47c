//! `bespoke catalogue check`: lists every problem in a catalog.

use std::fmt::Write;
use std::path::Path;

use contracts::catalogue::{Catalogue, CatalogueError, CatalogueProblem};
use contracts::institution::Institution;
use contracts::{Digest, ErrorName, NamedError, ProductId};
use jiff::Zoned;
use runner::failure::Failure;
use serde::Serialize;

use super::context::Context;

/// The report of a check.
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
        let problems = institution.rules().check(&catalogue);
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
            let products = report.products;
            let _infallible = writeln!(text, "{bank}, version {version}: {products} products, no problems");
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
