//! The rules of a market: the lines that each kind of product must show, and the words that it must not use.
//!
//! Each rule pack is a file under `rules/`, with a version and the source of each rule. The brand file chooses the
//! pack.

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use crate::Digest;
use crate::catalogue::{Catalogue, CatalogueProblem, Product, ProductKind};

/// The kind of institution, which determines the market's rules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Institution {
    /// A bank in the United States.
    #[default]
    UsBank,
    /// A federally insured credit union in the United States.
    UsCreditUnion,
    /// A bank in the European Union.
    Eu,
    /// A bank in the United Kingdom.
    Uk,
}

impl Institution {
    /// All institutions.
    pub const ALL: [Self; 4] = [Self::UsBank, Self::UsCreditUnion, Self::Eu, Self::Uk];

    /// Returns the name as the brand file writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UsBank => "us-bank",
            Self::UsCreditUnion => "us-credit-union",
            Self::Eu => "eu",
            Self::Uk => "uk",
        }
    }

    /// Returns the text of the market's rules.
    const fn pack(self) -> &'static str {
        match self {
            Self::UsBank => include_str!("../../../rules/us-bank/pack.toml"),
            Self::UsCreditUnion => include_str!("../../../rules/us-credit-union/pack.toml"),
            Self::Eu => include_str!("../../../rules/eu/pack.toml"),
            Self::Uk => include_str!("../../../rules/uk/pack.toml"),
        }
    }

    /// Returns the digest of the market's rules, which an approval names.
    #[must_use]
    pub fn rules_digest(self) -> Digest {
        Digest::of(self.pack().as_bytes())
    }

    /// Returns the market's rules.
    ///
    /// # Panics
    /// Never: a test parses every pack.
    #[must_use]
    pub fn rules(self) -> &'static RulePack {
        static PACKS: LazyLock<[RulePack; 4]> = LazyLock::new(|| {
            Institution::ALL.map(|institution| toml::from_str(institution.pack()).expect("the packs are valid"))
        });
        let [us_bank, us_credit_union, eu, uk] = &*PACKS;
        match self {
            Self::UsBank => us_bank,
            Self::UsCreditUnion => us_credit_union,
            Self::Eu => eu,
            Self::Uk => uk,
        }
    }
}

impl fmt::Display for Institution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Institution {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|institution| institution.as_str() == text);
        found.ok_or_else(|| {
            format!("unknown institution {text:?}; expected one of {}", Self::ALL.map(Self::as_str).join(", "))
        })
    }
}

/// The rules of one market.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RulePack {
    /// The version.
    pub version: String,
    /// Lines that a product must disclose.
    #[serde(default)]
    required: Vec<RequiredLine>,
    /// Lines that the brand must disclose alongside a product.
    #[serde(default)]
    required_of_brand: Vec<RequiredLine>,
    /// Words that a product's texts must not contain, unless a negation precedes them.
    #[serde(default)]
    forbidden: Vec<ForbiddenWords>,
}

/// A line that certain kinds of products must show: any one of `lines`, as a whole sentence.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct RequiredLine {
    kinds: Vec<ProductKind>,
    lines: Vec<String>,
    source: String,
}

/// Words that the texts of certain kinds of products must not contain, unless a negation precedes them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct ForbiddenWords {
    kinds: Vec<ProductKind>,
    words: Vec<String>,
    source: String,
}

/// Words in a product's name that reveal its kind.
const KIND_WORDS: [(&str, &[&str]); 4] = [
    ("deposit", &["savings", "checking", "certificate of deposit", "share certificate", "money market"]),
    ("credit-card", &["credit card"]),
    ("mortgage", &["mortgage", "home equity"]),
    ("loan", &["loan", "line of credit"]),
];

impl RequiredLine {
    fn applies_to(&self, offered: &[&Product]) -> bool {
        offered.iter().any(|product| self.kinds.contains(&product.kind))
    }

    /// Returns whether the shown strings contain the line as a whole sentence. Part of a sentence does not count: "is
    /// not a Member FDIC institution" contains the words, but says the opposite.
    fn is_shown(&self, shown: &[String], bank: &str) -> bool {
        let lines: Vec<String> = self.lines.iter().map(|line| plain(&line.replace("{bank}", bank))).collect();
        shown.iter().any(|text| sentences(text).any(|sentence| lines.contains(&plain(sentence))))
    }

    fn problem(&self) -> String {
        format!("lacks the line \"{}\" ({})", self.lines.first().map_or("", String::as_str), self.source)
    }
}

impl RulePack {
    /// Returns the problems of a catalog according to these rules.
    #[must_use]
    pub fn check(&self, catalogue: &Catalogue) -> Vec<CatalogueProblem> {
        let mut problems = Vec::new();
        for product in catalogue.products() {
            self.check_product(product, "", catalogue.bank(), &mut problems);
            for (language, translated) in product.translated() {
                self.check_product(&translated, &format!("translations.{language}."), catalogue.bank(), &mut problems);
            }
        }
        problems
    }

    /// Adds the problems of a product in one language. `prefix` is the path to the fields in that language.
    fn check_product(&self, product: &Product, prefix: &str, bank: &str, problems: &mut Vec<CatalogueProblem>) {
        let mut add = |field: &str, reason: String| {
            let product = Some(product.id.to_string());
            problems.push(CatalogueProblem { product, field: format!("{prefix}{field}"), reason });
        };
        for problem in self.missing_lines(&product.disclosures, &[product], bank) {
            add("disclosures", problem);
        }
        for rule in self.forbidden.iter().filter(|rule| rule.kinds.contains(&product.kind)) {
            for (field, text) in texts(product) {
                if let Some(words) = rule.words.iter().find(|words| contains_unnegated(text, words)) {
                    add(field, format!("must not say \"{words}\" ({})", rule.source));
                }
            }
        }
        if let Some(kind) = evaded_kind(product) {
            add("kind", format!("the name suggests a {kind}, and the kind service evades its rules; correct the kind"));
        }
    }

    /// Returns a problem for each required line of the products that is not among the shown lines.
    #[must_use]
    pub fn missing_lines(&self, shown: &[String], offered: &[&Product], bank: &str) -> Vec<String> {
        missing(&self.required, shown, offered, bank)
    }

    /// Returns a problem for each line that the brand must show alongside the products but does not.
    #[must_use]
    pub fn missing_brand_lines(&self, shown: &[String], offered: &[&Product], bank: &str) -> Vec<String> {
        missing(&self.required_of_brand, shown, offered, bank)
    }

    /// Returns whether a line belongs only to kinds of products that are not offered.
    #[must_use]
    pub fn is_out_of_place(&self, line: &str, offered: &[&Product], bank: &str) -> bool {
        let line = [line.to_owned()];
        let mut rules = self.required.iter().filter(|rule| rule.is_shown(&line, bank)).peekable();
        rules.peek().is_some() && !rules.any(|rule| rule.applies_to(offered))
    }
}

fn missing(rules: &[RequiredLine], shown: &[String], offered: &[&Product], bank: &str) -> Vec<String> {
    let is_missing = |rule: &&RequiredLine| rule.applies_to(offered) && !rule.is_shown(shown, bank);
    rules.iter().filter(is_missing).map(RequiredLine::problem).collect()
}

/// Returns the texts of a product with the names of their fields.
fn texts(product: &Product) -> impl Iterator<Item = (&'static str, &String)> {
    let lists = [
        ("approved_claims", &product.approved_claims),
        ("short_claims", &product.short_claims),
        ("rates_and_terms", &product.rates_and_terms),
        ("disclosures", &product.disclosures),
        ("spoken_disclosures", &product.spoken_disclosures),
    ];
    let of_lists = lists.into_iter().flat_map(|(field, texts)| texts.iter().map(move |text| (field, text)));
    let figure = product.figure.iter().flat_map(|figure| {
        [("figure.value", &figure.value), ("figure.label", &figure.label), ("figure.terms", &figure.terms)]
    });
    let name = product.customer_name.iter().map(|text| ("customer_name", text));
    let headline = product.headline.iter().map(|text| ("headline", text));
    [("name", &product.name), ("summary", &product.summary)]
        .into_iter()
        .chain(name)
        .chain(headline)
        .chain(of_lists)
        .chain(figure)
}

/// Returns whether the text contains the words with no negation among the three words before them. For example, an
/// investment should say "Not insured by NCUA".
fn contains_unnegated(text: &str, words: &str) -> bool {
    let text = plain(text);
    text.match_indices(words).any(|(at, _)| {
        let before: Vec<&str> = text[..at].split_whitespace().rev().take(3).collect();
        !before.iter().any(|word| ["not", "no", "nor", "neither", "never"].contains(word))
    })
}

/// Returns the kind that a product's name reveals, if the catalog lists the product as a service.
fn evaded_kind(product: &Product) -> Option<&'static str> {
    let name = plain(&product.name);
    let shown = KIND_WORDS.into_iter().filter(|_| product.kind == ProductKind::Service);
    shown.into_iter().find(|(_, words)| words.iter().any(|word| name.contains(word))).map(|(kind, _)| kind)
}

/// Splits text at the ends of sentences, and at characters that separate lines.
fn sentences(text: &str) -> impl Iterator<Item = &str> {
    text.split(". ").flat_map(|part| part.split(['\n', '•', '|', ';']))
}

/// Returns a sentence in lower case, with single spaces and without punctuation at its ends.
fn plain(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    text.trim_matches(|c: char| !c.is_alphanumeric()).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalogue(kind: &str, name: &str, disclosure: &str) -> Catalogue {
        let file = serde_json::json!({ "bank": "Harbor", "version": "1", "products": [{
            "id": "p", "name": name, "category": "Consumer and Small Business Banking", "kind": kind,
            "summary": "A product.", "approved_claims": [], "rates_and_terms": [], "disclosures": [disclosure],
            "needs": ["saving"],
        }]});
        Catalogue::from_json(file.to_string().as_bytes()).unwrap()
    }

    fn problems(institution: Institution, kind: &str, name: &str, disclosure: &str) -> Vec<String> {
        let problems = institution.rules().check(&catalogue(kind, name, disclosure));
        problems.into_iter().map(|problem| problem.reason).collect()
    }

    #[test]
    fn every_rule_has_a_source_and_every_pack_a_version() {
        for institution in Institution::ALL {
            let pack = institution.rules();
            assert!(!pack.version.is_empty(), "{institution}");
            let required = pack.required.iter().chain(&pack.required_of_brand).map(|rule| &rule.source);
            let sources: Vec<&String> = required.chain(pack.forbidden.iter().map(|rule| &rule.source)).collect();
            assert!(sources.len() >= 2 && sources.iter().all(|source| !source.is_empty()), "{institution}");
            assert_eq!(institution.as_str().parse(), Ok(institution));
        }
    }

    #[test]
    fn required_line_must_be_a_whole_sentence_without_negation() {
        let deposit = |line| problems(Institution::UsBank, "deposit", "Goal", line);
        for good in ["Member FDIC", "Member FDIC.", "Fees apply. Member FDIC.", "Harbor, Member FDIC"] {
            assert_eq!(deposit(good), Vec::<String>::new(), "{good}");
        }
        for bad in ["Harbor is not a Member FDIC institution.", "Not Member FDIC", "Ask if we are Member FDIC", "x"] {
            assert_eq!(deposit(bad).len(), 1, "{bad}");
        }
    }

    #[test]
    fn credit_union_must_show_its_own_line_and_never_a_banks() {
        let deposit = |line| problems(Institution::UsCreditUnion, "deposit", "Goal", line);
        assert_eq!(deposit("Federally insured by NCUA."), Vec::<String>::new());
        assert_eq!(deposit("Member FDIC.").len(), 2, "the right line is missing, and the wrong one is present");
        let investment = |line| problems(Institution::UsCreditUnion, "investment", "Fund", line);
        assert_eq!(investment("Not insured by NCUA. May lose value."), Vec::<String>::new());
        assert_eq!(investment("Insured by NCUA.").len(), 1);
        assert_eq!(problems(Institution::UsBank, "investment", "Fund", "Member FDIC.").len(), 1);
    }

    #[test]
    fn european_credit_requires_warning_and_personalization_notice() {
        let warning = "Caution! Borrowing money costs money.";
        assert_eq!(problems(Institution::Eu, "loan", "Plan", "Terms apply.").len(), 1);
        assert_eq!(problems(Institution::Eu, "loan", "Plan", warning), Vec::<String>::new());
        let catalogue = catalogue("loan", "Plan", warning);
        let offered: Vec<&Product> = catalogue.products().iter().collect();
        let rules = Institution::Eu.rules();
        assert_eq!(rules.missing_brand_lines(&[], &offered, "Harbor").len(), 1);
        let notice = ["This offer was personalised by automated processing of your data.".to_owned()];
        assert_eq!(rules.missing_brand_lines(&notice, &offered, "Harbor"), Vec::<String>::new());
        assert_eq!(problems(Institution::Uk, "investment", "Fund", "Terms apply.").len(), 1);
        assert_eq!(problems(Institution::Uk, "investment", "Fund", "Your capital is at risk."), Vec::<String>::new());
    }

    #[test]
    fn service_kind_that_evades_the_rules_is_found() {
        for name in ["Harbor Savings", "Everyday Checking", "Home Equity Line", "Boat Loan"] {
            assert_eq!(problems(Institution::UsBank, "service", name, "Terms apply.").len(), 1, "{name}");
        }
        assert_eq!(problems(Institution::UsBank, "service", "Merchant Services", "Terms apply."), Vec::<String>::new());
    }

    #[test]
    fn product_name_obeys_the_pack() {
        let warning = "Your home may be repossessed if you do not keep up repayments on your mortgage.";
        let of_name = |name| problems(Institution::Uk, "mortgage", name, warning);
        assert_eq!(of_name("Pre-Approved Mortgage").len(), of_name("Fixed Mortgage").len() + 1);
    }

    #[test]
    fn pictures_texts_obey_the_pack() {
        let mut file = serde_json::to_value(catalogue("investment", "Fund", "Terms apply.").products()).unwrap();
        file[0]["headline"] = "Insured by NCUA".into();
        file[0]["approved_claims"] = ["A claim.".to_owned()].to_vec().into();
        file[0]["short_claims"] = ["Insured by the NCUA".to_owned()].to_vec().into();
        let file = serde_json::json!({ "bank": "Harbor", "version": "1", "products": file });
        let catalogue = Catalogue::from_json(file.to_string().as_bytes()).unwrap();
        let problems = Institution::UsBank.rules().check(&catalogue);
        let fields: Vec<&str> = problems.iter().map(|problem| problem.field.as_str()).collect();
        assert_eq!(fields, ["headline", "short_claims"]);
    }
}
