//! `bespoke catalogue check`

use std::fmt::Write;
use std::path::Path;

use contracts::catalogue::{Catalogue, CatalogueError, CatalogueProblem};
use contracts::{Digest, ErrorName, NamedError, ProductId};
use jiff::Zoned;
use serde::Serialize;

use super::Shared;
use crate::failure::Failure;

/// What `--json` prints.
#[derive(Default, Serialize)]
struct Told {
    usable: bool,
    bank: Option<String>,
    version: Option<String>,
    digest: Option<Digest>,
    products: usize,
    /// Products that are not offered today.
    outside_their_dates: Vec<ProductId>,
    problems: Vec<CatalogueProblem>,
}

pub(super) fn check(file: &Path, shared: Shared) -> Result<u8, Failure> {
    let bytes = std::fs::read(file).map_err(Failure::file(ErrorName::ConfigInvalid, file))?;
    let (told, failure) = match Catalogue::from_json(&bytes) {
        Ok(catalogue) => (told(&catalogue), None),
        Err(error) => {
            let problems = match &error {
                CatalogueError::Problems(problems) => problems.clone(),
                CatalogueError::Json(error) => {
                    vec![CatalogueProblem { product: None, field: String::new(), reason: error.to_string() }]
                }
            };
            (Told { problems, ..Told::default() }, Some(error))
        }
    };
    shared.print(&told, || {
        let mut text = String::new();
        for problem in &told.problems {
            let _infallible = writeln!(text, "{}: {problem}", file.display());
        }
        if let (Some(bank), Some(version)) = (&told.bank, &told.version) {
            let products = told.products;
            let _infallible = writeln!(text, "{bank}, version {version}: {products} products, and nothing is wrong");
        }
        for product in &told.outside_their_dates {
            let _infallible = writeln!(text, "{product} is not offered today, by its dates");
        }
        text
    });
    Ok(failure.map_or(0, |failure| failure.name().exit_code()))
}

fn told(catalogue: &Catalogue) -> Told {
    let today = Zoned::now().date();
    let outside = catalogue.products().iter().filter(|product| !product.is_valid_on(today));
    Told {
        usable: true,
        bank: Some(catalogue.bank().to_owned()),
        version: Some(catalogue.version().to_owned()),
        digest: Some(catalogue.digest()),
        products: catalogue.products().len(),
        outside_their_dates: outside.map(|product| product.id.clone()).collect(),
        problems: Vec::new(),
    }
}
