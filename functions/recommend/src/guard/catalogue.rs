//! Checks the short texts of a catalog that appear in the picture: headlines and short claims. They must not say more than
//! the approved texts of the product.

use contracts::catalogue::{Catalogue, CatalogueProblem, Product};

use super::normal::NormalizedText;
use super::own::OwnTerms;
use super::{GuardCheck, check_of, numbers, phrase_checks};

/// Returns a problem for each headline and short claim in which the guard finds more than the approved texts say.
#[must_use]
pub fn check_catalogue(catalogue: &Catalogue) -> Vec<CatalogueProblem> {
    let mut problems = Vec::new();
    for product in catalogue.products() {
        let own = OwnTerms::of_all_texts(product);
        let headline = product.headline.iter().map(|text| ("headline".to_owned(), text));
        let claims = product.short_claims.iter().enumerate();
        let claims = claims.map(|(position, text)| (format!("short_claims[{position}]"), text));
        for (field, text) in headline.chain(claims) {
            let failed = failed(text, product, &own);
            problems.extend(failed.into_iter().map(|check| CatalogueProblem {
                product: Some(product.id.to_string()),
                field: field.clone(),
                reason: format!(
                    "says more than the approved texts: {} ({}); change it or approve a claim that says it",
                    check.violations.join(", "),
                    check.name
                ),
            }));
        }
    }
    problems
}

/// The checks of short texts. The others judge a writer's wording of terms and benefits, which the bank itself decides here.
const CHECKS: &[&str] = &[
    "abuse",
    "approval",
    "crime",
    "gambling",
    "money-transfer",
    "politics",
    "protected-class",
    "secrets",
    "shame",
    "superlatives",
    "surveillance",
    "threats",
    "urgency",
];

fn failed(text: &str, product: &Product, own: &OwnTerms) -> Vec<GuardCheck> {
    let normal = NormalizedText::new(text);
    let mut checks = phrase_checks(&normal, own);
    checks.retain(|check| CHECKS.contains(&check.name.as_str()));
    // An amount may stand in a short claim only as it stands in an approved text.
    let approved: Vec<String> = product.approved_claims.iter().chain(&product.rates_and_terms).cloned().collect();
    let known = numbers::amounts(&NormalizedText::new(&approved.join(". ")));
    let mut amounts = numbers::amounts(&normal);
    amounts.retain(|amount| !known.contains(amount));
    checks.push(check_of("amounts", amounts));
    checks.retain(|check| !check.violations.is_empty());
    checks
}
