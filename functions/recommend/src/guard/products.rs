//! Finds names of products and companies that the text must not mention.

use std::collections::HashSet;

use contracts::catalogue::{Product, ProductKind};

use super::context::GuardContext;
use super::mask::short_name;
use super::normal::{self, APPROVED, NAME, NormalizedText};
use super::own::OwnTerms;
use super::rules;

/// Companies that the text must not mention: the largest banks of the United States and well-known finance apps.
const OTHER_COMPANIES: &[&str] = &[
    "Affirm",
    "Ally",
    "American Express",
    "Amex",
    "Bank of America",
    "Barclays",
    "Capital One",
    "Cash App",
    "Charles Schwab",
    "Chase",
    "Chime",
    "Citi",
    "Citibank",
    "Citigroup",
    "Citizens Bank",
    "Coinbase",
    "Credit Karma",
    "Discover",
    "Fidelity",
    "Fifth Third",
    "Goldman Sachs",
    "HSBC",
    "JPMorgan",
    "KeyBank",
    "Klarna",
    "Merrill",
    "Morgan Stanley",
    "Navy Federal",
    "PNC",
    "PayPal",
    "Regions Bank",
    "Revolut",
    "Robinhood",
    "Rocket Mortgage",
    "Schwab",
    "SoFi",
    "Synchrony",
    "TD Bank",
    "Truist",
    "U.S. Bank",
    "USAA",
    "Vanguard",
    "Venmo",
    "Wells Fargo",
    "Zelle",
];

/// Returns a violation for each product or company that the text must not mention.
pub(super) fn check(
    normal: &NormalizedText,
    masked: &str,
    unapproved: &str,
    context: &GuardContext<'_>,
) -> Vec<String> {
    [
        other_products(normal, context),
        other_kinds(normal, context),
        invented_products(masked, unapproved, context),
        invented_names(normal, context),
        companies(masked),
    ]
    .concat()
}

/// Finds names of the bank's products that are not offered, with or without the bank's name in them.
fn other_products(normal: &NormalizedText, context: &GuardContext<'_>) -> Vec<String> {
    let bank: HashSet<String> = normal::words(&normal::fold(context.catalogue.bank())).into_iter().collect();
    let is_offered = |product: &Product| context.offered.iter().any(|offered| offered.id == product.id);
    let offered_names: Vec<Vec<String>> =
        context.offered.iter().map(|product| name_words(&product.name, &bank)).collect();
    let offered_kinds: HashSet<String> =
        context.offered.iter().flat_map(|product| normal::words(kind_words(product.kind))).collect();
    let is_mentioned = |product: &&Product| {
        let name = name_words(&product.name, &bank);
        if name.iter().all(|word| offered_kinds.contains(word)) {
            // The name consists only of words for the kind, as in "credit card".
            return false;
        }
        // Plurals also count: "Personal Loans", "Certificates of Deposit", "Home Equity Lines".
        let is_named = |words: &[String]| {
            let matches =
                |(word, part): (&String, &String)| word == part || word.strip_prefix(part.as_str()) == Some("s");
            words.len() == name.len() && words.iter().zip(&name).all(matches)
        };
        !offered_names.iter().any(|offered| rules::contains_words(offered, &name))
            && normal.readings.iter().any(|words| words.windows(name.len().max(1)).any(is_named))
    };
    let others = context.catalogue.products().iter().filter(|product| !is_offered(product));
    others.filter(is_mentioned).map(|product| format!("names {}, which is not offered", product.id)).collect()
}

/// Finds kinds of products that are neither offered nor held, such as `a mortgage` or `life insurance`.
fn other_kinds(normal: &NormalizedText, context: &GuardContext<'_>) -> Vec<String> {
    let offered = context
        .offered
        .iter()
        .flat_map(|product| [product.name.clone(), product.summary.clone(), product.approved_claims.join(" ")]);
    // Not every deposit product is a savings account.
    let is_named = |product: &&&Product| product.kind != ProductKind::Deposit || product.name.contains("Savings");
    let kinds = context.held.iter().chain(context.offered.iter().filter(is_named));
    let kinds = kinds.map(|product| kind_words(product.kind).to_owned());
    let known: Vec<String> = offered.chain(kinds).collect();
    let known = rules::KINDS.find(&NormalizedText::new(&known.join(". ")), &OwnTerms::default());
    let mut found = rules::KINDS.find(normal, &OwnTerms::default());
    found.retain(|kind| !known.contains(kind));
    found.sort_unstable();
    found.dedup();
    found.into_iter().map(|kind| format!("names \"{kind}\", which is not offered")).collect()
}

/// Returns everyday names for products of the kind, separated by periods. Empty for services.
const fn kind_words(kind: ProductKind) -> &'static str {
    match kind {
        ProductKind::Deposit => "savings account",
        ProductKind::Mortgage => "mortgage",
        ProductKind::CreditCard => "credit card",
        ProductKind::Loan => "loan",
        ProductKind::Investment => "brokerage. mutual fund. index fund. stocks. bonds. shares",
        ProductKind::Service => "",
    }
}

/// Finds products that the bank does not have: the bank's name or an offered product's name before a capitalized word.
fn invented_products(masked: &str, unapproved: &str, context: &GuardContext<'_>) -> Vec<String> {
    let is_capitalized =
        |word: &str| word.trim_start_matches(|sign: char| !sign.is_alphanumeric()).starts_with(char::is_uppercase);
    let mut found = Vec::new();
    if let Some(bank) = context.catalogue.bank().split_whitespace().next() {
        let offered = context.offered.iter().map(|product| product.name.as_str());
        let without_known = offered
            .chain([context.catalogue.bank()])
            .fold(masked.to_owned(), |text, name| text.replace(name, &APPROVED.to_string()));
        let words: Vec<&str> = without_known.split_whitespace().collect();
        let is_invented = |pair: &&[&str]| pair[0].eq_ignore_ascii_case(bank) && is_capitalized(pair[1]);
        let violation = |pair: &[&str]| format!("names a {bank} {}, which is not a product", pair[1]);
        found.extend(words.windows(2).filter(is_invented).map(violation));
    }
    let bank = context.catalogue.bank();
    let names = context.offered.iter().flat_map(|p| std::iter::once(p.name.as_str()).chain(short_name(p, bank)));
    for product in names {
        let longer_names = unapproved.match_indices(product).filter_map(|(at, name)| {
            let next = unapproved[at + name.len()..].strip_prefix(' ')?.split_whitespace().next()?;
            let starts_clause = ["I", "I'm", "I'd", "I'll", "I've", "I’m", "I’d", "I’ll", "I’ve"].contains(&next);
            (is_capitalized(next) && !starts_clause && !next.starts_with(NAME)).then_some(next)
        });
        found.extend(longer_names.map(|next| format!("names a {product} {next}, which is not a product")));
    }
    found
}

/// Nouns of financial products.
const PRODUCT_NOUNS: &[&str] = &[
    "account",
    "accounts",
    "card",
    "cards",
    "certificate",
    "certificates",
    "fund",
    "funds",
    "insurance",
    "loan",
    "loans",
    "mortgage",
    "mortgages",
    "portfolio",
    "portfolios",
];
/// Words that do not form a product name with such a noun.
const PLAIN_WORDS: &[&str] = &[
    "a", "all", "an", "another", "any", "best", "bank", "business", "checking", "credit", "current", "debit",
    "everyday", "existing", "first", "joint", "main", "many", "new", "next", "of", "one", "other", "own", "same",
    "savings", "second", "separate", "single", "the", "this", "these", "two", "which", "your", "that", "current",
    "usual",
];
/// The maximum number of words before the noun in a product's name.
const MAX_NAME_WORDS: usize = 3;

/// Finds names of products that the bank does not have after "our" or the bank's name, such as `our platinum card`.
fn invented_names(normal: &NormalizedText, context: &GuardContext<'_>) -> Vec<String> {
    let bank = normal::words(&normal::fold(context.catalogue.bank()));
    let own = OwnTerms::of(context.offered.iter().copied());
    let mut found = Vec::new();
    for words in &normal.readings {
        for (at, word) in words.iter().enumerate() {
            if word != "our" && Some(word) != bank.first() {
                continue;
            }
            let after = &words[at + 1..];
            let noun = after.iter().take(MAX_NAME_WORDS + 1).position(|word| PRODUCT_NOUNS.contains(&word.as_str()));
            let Some(noun) = noun.filter(|noun| *noun > 0) else { continue };
            let is_known = |offset: usize| PLAIN_WORDS.contains(&after[offset].as_str()) || own.cover(after, offset, 1);
            if !(0..noun).all(is_known) {
                found.push(format!("names \"{} {}\", which is not a product", word, after[..=noun].join(" ")));
            }
        }
    }
    found.sort();
    found.dedup();
    found
}

/// Finds capitalized company names. At the start of a sentence, a name that is also an English word, such as
/// `Discover`, counts only before certain words, as in "Discover is".
fn companies(masked: &str) -> Vec<String> {
    let is_mentioned = |company: &&&str| {
        masked.match_indices(**company).any(|(at, name)| {
            let before = &masked[..at];
            let after = &masked[at + name.len()..];
            let is_boundary = |c: Option<char>| !c.is_some_and(char::is_alphanumeric);
            let begins_sentence =
                before.trim_end().is_empty() || before.trim_end().ends_with(['.', '!', '?', ':', '\n', APPROVED]);
            let acts = [
                "is",
                "has",
                "was",
                "will",
                "would",
                "wont",
                "charges",
                "keeps",
                "takes",
                "makes",
                "wants",
                "customers",
            ];
            let next = after.split_whitespace().next().unwrap_or_default();
            let is_word =
                ["Affirm", "Ally", "Chase", "Chime", "Discover", "Fidelity"].contains(&name) && !acts.contains(&next);
            is_boundary(before.chars().next_back())
                && is_boundary(after.chars().next())
                && !(begins_sentence && is_word)
        })
    };
    OTHER_COMPANIES.iter().filter(is_mentioned).map(|company| format!("names {company}")).collect()
}

/// Returns a product's name as lowercase words. Drops leading words from the bank's name if that leaves at least two
/// words.
fn name_words(name: &str, bank: &HashSet<String>) -> Vec<String> {
    let words = normal::words(&normal::fold(name));
    let own_start = words.iter().position(|word| !bank.contains(word)).unwrap_or(0);
    let start = if words.len() - own_start >= 2 { own_start } else { 0 };
    words[start..].to_vec()
}
