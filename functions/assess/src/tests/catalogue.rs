//! Tests of `data/catalogue.json` beyond the validation by [`contracts::catalogue::Catalogue`].

use std::collections::BTreeMap;

use contracts::catalogue::{Category, Product, ProductKind};
use contracts::facts::plain_words;

use crate::testing::catalogue;

/// Returns a product's name and everything else that a video may say about it.
fn spoken(product: &Product) -> Vec<&str> {
    let claims = product.approved_claims.iter().chain(&product.spoken_disclosures).map(String::as_str);
    [product.name.as_str(), &product.summary].into_iter().chain(claims).collect()
}

#[test]
fn every_category_has_products() {
    let catalogue = catalogue();
    let mut count = BTreeMap::<Category, usize>::new();
    for product in catalogue.products() {
        *count.entry(product.category).or_default() += 1;
    }
    assert_eq!(catalogue.products().len(), 23);
    assert!(count[&Category::ConsumerAndSmallBusiness] >= 7, "{count:?}");
    assert!(Category::ALL.iter().all(|category| count[category] >= 3), "{count:?}");
}

#[test]
fn spoken_text_has_no_numbers_promises_or_proxies() {
    let banned = [
        "best",
        "lowest",
        "highest",
        "guarantee",
        "guaranteed",
        "free",
        "risk",
        "safest",
        "instant",
        "instantly",
        "hurry",
        "limited",
        "exclusive",
        "preapproved",
        "prequalified",
        "approved",
        "qualify",
        "qualified",
        "eligible",
        "percent",
        "apr",
        "apy",
        "yield",
        "always",
        "never",
        "top",
        "unbeatable",
        "deserve",
        "now",
        "today",
        "age",
        "aged",
        "senior",
        "seniors",
        "young",
        "family",
        "families",
        "married",
        "wife",
        "husband",
        "children",
        "religious",
        "ethnic",
        "immigrant",
        "disability",
        "neighborhood",
    ];
    // A product's own name, and an honest mention of risk.
    let allowed = [("high-yield-savings", "yield"), ("guided-investing", "risk")];
    for product in catalogue().products() {
        for text in spoken(product) {
            assert!(!text.contains(|c: char| c.is_numeric() || "%$&<>{}[]*#@/\\".contains(c)), "{text}");
            for word in plain_words(text) {
                let is_allowed = allowed.contains(&(product.id.as_str(), word.as_str()));
                assert!(is_allowed || !banned.contains(&word.as_str()), "{}: {word}: {text}", product.id);
            }
        }
    }
}

#[test]
fn spoken_text_consists_of_short_sentences() {
    for product in catalogue().products() {
        assert!((2..=3).contains(&product.approved_claims.len()), "{}", product.id);
        for text in spoken(product).into_iter().skip(1) {
            let words = text.split_whitespace().count();
            assert!(text.ends_with('.') && text.matches('.').count() == 1, "{text}");
            assert!((4..=25).contains(&words), "{words}: {text}");
            assert!(text.starts_with(char::is_uppercase), "{text}");
        }
        assert!(product.summary.contains(&product.name), "{}", product.summary);
    }
}

#[test]
fn disclosures_are_short_and_match_kind() {
    for product in catalogue().products() {
        assert!((1..=2).contains(&product.disclosures.len()), "{}", product.id);
        assert!(product.disclosures.iter().all(|line| line.chars().count() <= 90), "{}", product.id);
        let all = product.disclosures.join(" ");
        let required = match product.kind {
            ProductKind::Deposit => "Member FDIC.",
            ProductKind::CreditCard | ProductKind::Loan => "Subject to credit approval.",
            ProductKind::Mortgage => "Equal Housing Lender. Subject to credit approval.",
            ProductKind::Investment => "Not FDIC insured. May lose value. No bank guarantee.",
            ProductKind::Service => ".",
        };
        assert!(all.contains(required), "{}: {all}", product.id);
        assert!(product.kind == ProductKind::Deposit || !all.contains("Member FDIC"), "{}", product.id);
    }
}

#[test]
fn rates_have_required_terms() {
    for product in catalogue().products() {
        let block = product.rates_and_terms.join(" ");
        if block.contains("APY") {
            // Reg DD, 12 CFR 1030.8(c): date, minimum balance, opening deposit, effect of fees.
            for term in ["Annual Percentage Yield", "accurate as of", "Minimum to open", "Fees"] {
                assert!(block.contains(term), "{}: {term}", product.id);
            }
        }
        if product.kind == ProductKind::CreditCard {
            // Reg Z, 12 CFR 1026.16(b): the rate, the fact that it varies, and the annual fee.
            assert!(block.contains("Variable APR") && block.contains("Annual fee"), "{}", product.id);
        }
        if block.contains("monthly payments") {
            // Reg Z, 12 CFR 1026.24(d): amount, repayment terms and APR together.
            assert!(block.contains("APR") && block.contains("Example: $"), "{}", product.id);
        }
    }
}
