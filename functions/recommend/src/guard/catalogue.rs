//! Checks the headlines and short claims of a catalog, which appear in the video's image. They must not say more than
//! the product's approved texts.

use contracts::Language;
use contracts::catalogue::{Catalogue, CatalogueProblem, Product};

use super::normal::NormalizedText;
use super::own::OwnTerms;
use super::{GuardCheck, check_of, numbers, phrase_checks};

/// Returns a problem for each headline and short claim in which the guard finds more than the approved texts say.
#[must_use]
pub fn check_catalogue(catalogue: &Catalogue) -> Vec<CatalogueProblem> {
    let mut problems = Vec::new();
    for product in catalogue.products() {
        problems.extend(check_product(product, catalogue.language(), ""));
        for (language, translated) in product.translated() {
            problems.extend(check_product(&translated, language, &format!("translations.{language}.")));
        }
    }
    problems
}

/// Returns the problems of a product in one language. `prefix` leads to the fields of that language.
fn check_product(product: &Product, language: Language, prefix: &str) -> Vec<CatalogueProblem> {
    let own = OwnTerms::of_all_texts(product);
    let headline = product.headline.iter().map(|text| ("headline".to_owned(), text));
    let claims = product.short_claims.iter().enumerate();
    let claims = claims.map(|(position, text)| (format!("short_claims[{position}]"), text));
    let mut problems = Vec::new();
    for (field, text) in headline.chain(claims) {
        let failed = failed(text, product, &own, language);
        problems.extend(failed.into_iter().map(|check| CatalogueProblem {
            product: Some(product.id.to_string()),
            field: format!("{prefix}{field}"),
            reason: format!(
                "says more than the approved texts: {} ({}); change it or approve a claim that says it",
                check.violations.join(", "),
                check.name
            ),
        }));
    }
    problems
}

/// The checks that apply to headlines and short claims. The other checks limit how a writer may word terms and
/// benefits, but here the bank itself chooses the wording.
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

fn failed(text: &str, product: &Product, own: &OwnTerms, language: Language) -> Vec<GuardCheck> {
    let normal = NormalizedText::new(text);
    let mut checks = phrase_checks(&normal, own, language);
    checks.retain(|check| CHECKS.contains(&check.name.as_str()));
    // A short text may contain only amounts that a claim or the terms contain in exactly the same form.
    let approved: Vec<String> = product.approved_claims.iter().chain(&product.rates_and_terms).cloned().collect();
    let approved = NormalizedText::new(&approved.join(". "));
    let mut amounts = numbers::amounts(&normal);
    let known = numbers::amounts(&approved);
    amounts.retain(|amount| !known.contains(amount));
    let figures = |text: &NormalizedText| -> Vec<String> {
        let is_figure = |token: &&str| token.contains(|c: char| c.is_ascii_digit());
        let tokens = text.folded.split_whitespace().filter(is_figure);
        tokens.map(|token| token.trim_end_matches(['.', ',', ';']).to_owned()).collect()
    };
    let known = figures(&approved);
    amounts.extend(figures(&normal).into_iter().filter(|figure| !known.contains(figure)));
    checks.push(check_of("amounts", amounts));
    checks.retain(|check| !check.violations.is_empty());
    checks
}
