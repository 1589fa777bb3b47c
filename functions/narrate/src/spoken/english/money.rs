//! Amounts of money.

use std::sync::LazyLock;

use regex::Regex;

use super::described::{self, DETERMINERS, NOT_DESCRIBED};
use super::number::{self, NUMBER, SCALES};
use crate::spoken::grammar::{Class, Cursor, Reading, pattern};

/// A currency: its symbols, its code, and its unit and subunit, each in the singular and plural.
struct Currency {
    signs: &'static [&'static str],
    code: &'static str,
    unit: (&'static str, &'static str),
    part: Option<(&'static str, &'static str)>,
}

const CENTS: Option<(&str, &str)> = Some(("cent", "cents"));

#[rustfmt::skip]
const CURRENCIES: &[Currency] = &[
    Currency { signs: &["US$"], code: "USD", unit: ("U.S dollar", "U.S dollars"), part: CENTS },
    Currency { signs: &["$"], code: "USD", unit: ("dollar", "dollars"), part: CENTS },
    Currency { signs: &["€"], code: "EUR", unit: ("euro", "euros"), part: CENTS },
    Currency { signs: &["£"], code: "GBP", unit: ("pound", "pounds"), part: Some(("penny", "pence")) },
    Currency { signs: &["¥"], code: "JPY", unit: ("yen", "yen"), part: None },
    Currency { signs: &["C$", "CA$", "CAD$"], code: "CAD", unit: ("Canadian dollar", "Canadian dollars"), part: CENTS },
    Currency { signs: &["A$", "AU$"], code: "AUD", unit: ("Australian dollar", "Australian dollars"), part: CENTS },
    Currency { signs: &["NZ$"], code: "NZD", unit: ("New Zealand dollar", "New Zealand dollars"), part: CENTS },
    Currency { signs: &["HK$"], code: "HKD", unit: ("Hong Kong dollar", "Hong Kong dollars"), part: CENTS },
    Currency { signs: &["S$", "SG$"], code: "SGD", unit: ("Singapore dollar", "Singapore dollars"), part: CENTS },
    Currency { signs: &["NT$"], code: "TWD", unit: ("Taiwan dollar", "Taiwan dollars"), part: CENTS },
    Currency { signs: &["MX$", "Mex$"], code: "MXN", unit: ("Mexican peso", "Mexican pesos"), part: Some(("centavo", "centavos")) },
    Currency { signs: &["R$"], code: "BRL", unit: ("Brazilian real", "Brazilian reais"), part: Some(("centavo", "centavos")) },
    Currency { signs: &["₩"], code: "KRW", unit: ("won", "won"), part: None },
    Currency { signs: &["₹", "Rs.", "Rs"], code: "INR", unit: ("rupee", "rupees"), part: Some(("paisa", "paise")) },
    Currency { signs: &["₽"], code: "RUB", unit: ("ruble", "rubles"), part: Some(("kopek", "kopeks")) },
    Currency { signs: &["₺"], code: "TRY", unit: ("lira", "lira"), part: Some(("kurush", "kurush")) },
    Currency { signs: &["₪"], code: "ILS", unit: ("shekel", "shekels"), part: Some(("agora", "agorot")) },
    Currency { signs: &["₫"], code: "VND", unit: ("dong", "dong"), part: None },
    Currency { signs: &["₱"], code: "PHP", unit: ("Philippine peso", "Philippine pesos"), part: Some(("centavo", "centavos")) },
    Currency { signs: &["₦"], code: "NGN", unit: ("naira", "naira"), part: Some(("kobo", "kobo")) },
    Currency { signs: &["₴"], code: "UAH", unit: ("hryvnia", "hryvnias"), part: Some(("kopek", "kopeks")) },
    Currency { signs: &["฿"], code: "THB", unit: ("baht", "baht"), part: Some(("satang", "satang")) },
    Currency { signs: &["₿"], code: "BTC", unit: ("bitcoin", "bitcoin"), part: None },
    Currency { signs: &["zł"], code: "PLN", unit: ("zloty", "zlotys"), part: Some(("grosh", "groszy")) },
    Currency { signs: &["Fr."], code: "CHF", unit: ("Swiss franc", "Swiss francs"), part: Some(("centime", "centimes")) },
    Currency { signs: &["CN¥"], code: "CNY", unit: ("yuan", "yuan"), part: None },
    Currency { signs: &[], code: "SEK", unit: ("Swedish krona", "Swedish kronor"), part: None },
    Currency { signs: &[], code: "NOK", unit: ("Norwegian krone", "Norwegian kroner"), part: None },
    Currency { signs: &[], code: "DKK", unit: ("Danish krone", "Danish kroner"), part: None },
    Currency { signs: &[], code: "ZAR", unit: ("rand", "rand"), part: CENTS },
    Currency { signs: &[], code: "AED", unit: ("dirham", "dirhams"), part: None },
    Currency { signs: &[], code: "SAR", unit: ("riyal", "riyals"), part: None },
    Currency { signs: &[], code: "RMB", unit: ("yuan", "yuan"), part: None },
    Currency { signs: &["Kč"], code: "CZK", unit: ("Czech koruna", "Czech korunas"), part: None },
    Currency { signs: &[], code: "HUF", unit: ("forint", "forints"), part: None },
    Currency { signs: &[], code: "RON", unit: ("leu", "lei"), part: None },
    Currency { signs: &[], code: "COP", unit: ("Colombian peso", "Colombian pesos"), part: None },
    Currency { signs: &[], code: "ARS", unit: ("Argentine peso", "Argentine pesos"), part: None },
    Currency { signs: &[], code: "CLP", unit: ("Chilean peso", "Chilean pesos"), part: None },
    Currency { signs: &[], code: "DOP", unit: ("Dominican peso", "Dominican pesos"), part: None },
    Currency { signs: &["S/"], code: "PEN", unit: ("sol", "soles"), part: None },
    Currency { signs: &[], code: "GTQ", unit: ("quetzal", "quetzals"), part: None },
    Currency { signs: &[], code: "IDR", unit: ("rupiah", "rupiah"), part: None },
    Currency { signs: &["RM"], code: "MYR", unit: ("ringgit", "ringgit"), part: None },
    Currency { signs: &[], code: "EGP", unit: ("Egyptian pound", "Egyptian pounds"), part: None },
    Currency { signs: &[], code: "KES", unit: ("Kenyan shilling", "Kenyan shillings"), part: None },
    Currency { signs: &[], code: "JMD", unit: ("Jamaican dollar", "Jamaican dollars"), part: CENTS },
];

/// Nouns that an amount without an article describes: "a monthly $5 fee", "$200 bonus".
const DESCRIBED: &[&str] = &[
    "allowance",
    "award",
    "bill",
    "bills",
    "bonus",
    "bonuses",
    "cap",
    "charge",
    "charges",
    "copay",
    "coupon",
    "coupons",
    "credit",
    "credits",
    "deductible",
    "discount",
    "discounts",
    "fee",
    "fees",
    "fine",
    "fines",
    "gift",
    "grant",
    "grants",
    "incentive",
    "limit",
    "loan",
    "loans",
    "maximum",
    "minimum",
    "overdraft",
    "penalty",
    "prize",
    "rebate",
    "rebates",
    "reward",
    "surcharge",
    "threshold",
    "voucher",
    "vouchers",
];

/// Nouns that an amount describes only after a word such as "the" or "each".
const DESCRIBED_AFTER_DETERMINER: &[&str] = &[
    "account",
    "balance",
    "balances",
    "bill",
    "card",
    "cards",
    "check",
    "checks",
    "deposit",
    "deposits",
    "donation",
    "donations",
    "fund",
    "hold",
    "increase",
    "introductory",
    "investment",
    "match",
    "mortgage",
    "offer",
    "payment",
    "payments",
    "purchase",
    "purchases",
    "refund",
    "refunds",
    "requirement",
    "savings",
    "statement",
    "transfer",
    "transfers",
    "welcome",
    "withdrawal",
    "withdrawals",
    "wire",
];

/// Adjectives that may come between an amount and the noun that it describes.
const BETWEEN: &[&str] = &[
    "annual",
    "cash",
    "introductory",
    "late",
    "maintenance",
    "maximum",
    "minimum",
    "monthly",
    "one-time",
    "opening",
    "origination",
    "overdraft",
    "quarterly",
    "service",
    "sign-up",
    "statement",
    "transfer",
    "weekly",
    "welcome",
    "wire",
    "yearly",
];

static AMOUNT: LazyLock<Regex> = LazyLock::new(|| {
    let mut signs: Vec<String> =
        CURRENCIES.iter().flat_map(|currency| currency.signs).map(|sign| regex::escape(sign)).collect();
    signs.sort_by_key(|sign| std::cmp::Reverse(sign.len()));
    let signs = signs.join("|");
    let letters = "(?:[kKmMbBtT]|MM|mm|bn|tn|mn|mil)";
    pattern(&format!(
        r"(?P<sign>{signs})\s?(?P<minus>-)?(?P<number>\d{{1,3}}(?: \d{{3}})+(?:\.\d+)?|{NUMBER})(?P<fraction>\s\d/\d\b|[½¼¾⅓⅔⅛⅜⅝⅞])?(?:\s?(?P<letters>{letters})\b|[\s-](?P<scale>{SCALES})\b)?(?:\s?[-–—]\s?(?:(?:{signs})\s?)?(?P<to>{NUMBER})(?:\s?(?P<to_letters>{letters})\b|[\s-](?P<to_scale>{SCALES})\b)?(?P<to_end>))?(?P<many>'?s\b)?"
    ))
});

/// Reads `$1,250.50`, `$25K`, `$1.2 million`, `$10K-25K`, `C$500`, `$-25.00`, `$25 000`.
pub fn amount(at: &Cursor<'_>) -> Option<Reading> {
    let captures = at.captures(&AMOUNT)?;
    if !at.starts_word() {
        return None;
    }
    let currency = CURRENCIES.iter().find(|currency| currency.signs.contains(&&captures["sign"]))?;
    let group = |name: &str| captures.name(name).map(|group| group.as_str());
    let number = captures.name("number")?;
    if let Some(many) = captures.name("many") {
        let count = number::plural(&number::amount(number.as_str())?);
        let said = format!("{} of {}", count.trim_start_matches("one "), currency.unit.1);
        return captures.name("to").is_none().then(|| at.read(Class::Money, many.end(), said));
    }
    let minus = if captures.name("minus").is_some() { "minus " } else { "" };
    let scale_of = |letters: &str, word: &str| -> Option<String> {
        group(letters).and_then(number::scale).map(str::to_owned).or_else(|| group(word).map(str::to_owned))
    };
    let scale = scale_of("letters", "scale");
    let digits: String = number.as_str().replace(' ', "");
    let range = captures.name("to").filter(|_| is_range(at, &captures));
    if let Some(to) = range {
        let to_scale = scale_of("to_letters", "to_scale");
        let end = at.pos + captures.name("to_end")?.start();
        let unit = if is_described(at, end) { currency.unit.0 } else { currency.unit.1 };
        let from = with_scale(&number::amount(&digits)?, scale.as_deref());
        let to_said = with_scale(&number::amount(to.as_str())?, to_scale.as_deref());
        let first_end = group("scale").and(captures.name("scale")).map_or(number.end(), |scale| scale.end());
        return Some(Reading {
            class: Class::Money,
            end,
            pieces: vec![
                (at.pos..at.pos + first_end, format!("{minus}{from} to")),
                (at.pos + to.start()..end, format!("{to_said} {unit}")),
            ],
        });
    }
    // The end of the amount without the range.
    let last = ["scale", "letters", "fraction", "number"].iter().find_map(|name| captures.name(name))?;
    let end = at.pos + last.end();
    let described = is_described(at, end);
    let said = match (&scale, group("fraction")) {
        (None, None) => exact(currency, &digits, described)?,
        (_, fraction) => {
            let fraction = match fraction {
                Some(text) => Some(super::fraction::words(text)?),
                None => None,
            };
            let unit = if described { currency.unit.0 } else { currency.unit.1 };
            let whole = number::amount(&digits)? + &fraction.map_or(String::new(), |said| format!(" and {said}"));
            if let Some(scale) = captures.name("scale") {
                // The scale is a separate written word, followed by the unit.
                let scale_start = at.pos + scale.start();
                return Some(Reading {
                    class: Class::Money,
                    end,
                    pieces: vec![
                        (at.pos..scale_start - 1, format!("{minus}{whole}")),
                        (scale_start..end, format!("{} {unit}", scale.as_str())),
                    ],
                });
            }
            format!("{} {unit}", with_scale(&whole, scale.as_deref()))
        }
    };
    Some(Reading { class: Class::Money, end, pieces: vec![(at.pos..end, format!("{minus}{said}"))] })
}

/// Returns whether the second number in a match belongs to a range, rather than to a date, a percentage or another
/// currency.
fn is_range(at: &Cursor<'_>, captures: &regex::Captures<'_>) -> bool {
    let Some(end) = captures.name("to_end") else { return false };
    let rest = at.after(at.pos + end.start());
    let matched = &captures[0];
    let sign = &captures["sign"];
    let repeated = matched[sign.len()..].contains(sign);
    let scaled = ["to_letters", "to_scale"].iter().any(|name| captures.name(name).is_some());
    let first_scaled = ["letters", "scale"].iter().any(|name| captures.name(name).is_some());
    // "$5-$10" contains its unit twice. "$1-$2 million" contains the scale once.
    if repeated && (!scaled || first_scaled) {
        return false;
    }
    let number_ends = !rest.starts_with(|c: char| c.is_alphanumeric() || c == '%' || c == '/');
    let mut after = rest.chars();
    let goes_on = matches!(after.next(), Some('.' | ',' | '-')) && after.next().is_some_and(|c| c.is_ascii_digit());
    number_ends && !goes_on
}

fn with_scale(amount: &str, scale: Option<&str>) -> String {
    scale.map_or_else(|| amount.to_owned(), |scale| format!("{amount} {scale}"))
}

/// Returns an amount without a scale, in units and subunits.
fn exact(currency: &Currency, digits: &str, described: bool) -> Option<String> {
    let (whole, decimals) = number::parse(digits)?;
    // Outside the United States, "€1.000" is a thousand.
    if decimals.len() == 3 && currency.code != "USD" {
        return None;
    }
    let name = |(one, many): (&str, &str), count: u64| if described || count == 1 { one } else { many }.to_owned();
    let units = || format!("{} {}", number::cardinal(whole), name(currency.unit, whole));
    match (decimals.len(), currency.part) {
        (0, _) => Some(units()),
        (2, _) if decimals == "00" => Some(units()),
        (2, Some(part)) => {
            let count: u64 = decimals.parse().ok()?;
            let cents = format!("{} {}", number::cardinal(count), name(part, count));
            Some(if whole == 0 { cents } else { format!("{} and {cents}", units()) })
        }
        _ => Some(format!("{} {}", number::amount(digits)?, name(currency.unit, 2))),
    }
}

static JOINED_RATE: LazyLock<Regex> = LazyLock::new(|| pattern(r"-(?:an?|per|each|off|plus)\b"));
static JOINED_NOUN: LazyLock<Regex> = LazyLock::new(|| pattern(r"-[A-Za-z]"));
static OTHER_AMOUNT: LazyLock<Regex> =
    LazyLock::new(|| pattern(&format!(r"(?:\s(?:or|and|to)\s|\s?[-–—]\s?)\$?{NUMBER}\s(?P<noun>[a-z-]+)")));

/// Returns whether the amount that ends at `end` describes a noun: "a two hundred dollar bonus".
fn is_described(at: &Cursor<'_>, end: usize) -> bool {
    let rest = at.after(end);
    if JOINED_RATE.is_match(rest) {
        return matches!(at.word_before(1).as_str(), "a" | "an");
    }
    if JOINED_NOUN.is_match(rest) {
        return true;
    }
    let before = at.word_before(1);
    if let Some(other) = OTHER_AMOUNT.captures(rest) {
        return matches!(before.as_str(), "a" | "an") && !NOT_DESCRIBED.contains(&&other["noun"]);
    }
    if !described::noun_follows(at, end) {
        return false;
    }
    let noun = at.word_after(end, 1);
    if described::follows_article(at) {
        return !NOT_DESCRIBED.contains(&noun.as_str());
    }
    let after_adjective = at.word_after(end, 2);
    let between = BETWEEN.contains(&noun.as_str()) && !after_adjective.is_empty();
    let head = if between { &after_adjective } else { &noun };
    let determined = between || DETERMINERS.contains(&before.as_str());
    DESCRIBED.contains(&head.as_str()) || determined && DESCRIBED_AFTER_DETERMINER.contains(&head.as_str())
}

static ACCOUNTING: LazyLock<Regex> = LazyLock::new(|| pattern(&format!(r"\$\((?P<number>{NUMBER})\)")));

/// Reads a negative amount in accounting notation: `$(12.50)`.
pub fn accounting(at: &Cursor<'_>) -> Option<Reading> {
    let captures = at.captures(&ACCOUNTING)?;
    let currency = CURRENCIES.iter().find(|currency| currency.signs.contains(&"$"))?;
    Some(at.whole(Class::Money, &captures, format!("minus {}", exact(currency, &captures["number"], false)?)))
}

static CENTS_SIGN: LazyLock<Regex> = LazyLock::new(|| pattern(&format!(r"(?P<number>{NUMBER})\s?¢")));

/// Reads `50¢`.
pub fn cents(at: &Cursor<'_>) -> Option<Reading> {
    let captures = at.captures(&CENTS_SIGN)?;
    let number = captures.name("number")?;
    let end = at.pos + captures.get_match().end();
    let one = is_described(at, end) || number.as_str() == "1";
    let said = format!("{} {}", number::amount(number.as_str())?, if one { "cent" } else { "cents" });
    Some(at.whole(Class::Money, &captures, said))
}

static CODE: LazyLock<Regex> = LazyLock::new(|| {
    let codes: Vec<&str> = CURRENCIES.iter().map(|currency| currency.code).collect();
    let codes = codes.join("|");
    let signs = "[€£¥₹₩$]|zł";
    pattern(&format!(
        r"(?:(?P<before>{codes})\s?(?P<first>{NUMBER})(?:\s(?P<first_scale>{SCALES})\b|(?P<letters>[kKmMbB]|bn|mn)\b)?|(?P<second>{NUMBER})(?:\s(?P<second_scale>{SCALES})\b)?\s?(?P<after>(?:{codes})\b|{signs}))"
    ))
});

/// Reads `USD 500`, `500 EUR`, `30€`.
pub fn code(at: &Cursor<'_>) -> Option<Reading> {
    let captures = at.captures(&CODE)?;
    if !at.starts_word() {
        return None;
    }
    let key = captures.name("before").or_else(|| captures.name("after"))?;
    // "30 $5 cards": the symbol belongs to the next number.
    if captures.name("after").is_some() && at.after(at.pos + key.end()).starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let currency =
        CURRENCIES.iter().find(|currency| currency.code == key.as_str() || currency.signs.contains(&key.as_str()))?;
    let number = captures.name("first").or_else(|| captures.name("second"))?;
    let scale = captures.name("first_scale").or_else(|| captures.name("second_scale")).map(|scale| scale.as_str());
    let scale = scale.or_else(|| captures.name("letters").and_then(|letters| number::scale(letters.as_str())));
    let end = at.pos + captures.get_match().end();
    let described = is_described(at, end);
    let below_one = number::parse(number.as_str())?.0 == 0;
    let said = match scale {
        // "0.92 EUR" is not read as a number of cents.
        None if below_one => format!("{} {}", number::amount(number.as_str())?, currency.unit.1),
        None => exact(currency, number.as_str(), described)?,
        Some(scale) => {
            let unit = if described { currency.unit.0 } else { currency.unit.1 };
            format!("{} {scale} {unit}", number::amount(number.as_str())?)
        }
    };
    Some(at.whole(Class::Money, &captures, said))
}

#[cfg(test)]
mod tests {
    use super::super::testing::check;

    #[test]
    fn amounts_are_exact() {
        check(&[
            ("a $100-off coupon", "a one hundred dollar off coupon"),
            ("a $20-a-month plan", "a twenty dollar a month plan"),
            ("GBP 5m", "five million pounds"),
            ("$1,250.50", "one thousand two hundred fifty dollars and fifty cents"),
            ("$1", "one dollar"),
            ("$1.00", "one dollar"),
            ("$0.01", "one cent"),
            ("$.50", "fifty cents"),
            ("$0", "zero dollars"),
            ("$1.234", "one point two three four dollars"),
            ("$(12.50)", "minus twelve dollars and fifty cents"),
            ("-$25K", "minus twenty-five thousand dollars"),
            ("$-7.25", "minus seven dollars and twenty-five cents"),
            ("$2.5M", "two point five million dollars"),
            ("$ 40", "forty dollars"),
            ("$75 000", "seventy-five thousand dollars"),
            ("$3M+", "three million dollars plus"),
            ("$4,200+ in savings", "four thousand two hundred dollars plus in savings"),
            ("$1.2 million", "one point two million dollars"),
            ("$6.5-million", "six point five million dollars"),
            ("$2 1/2 million", "two and one half million dollars"),
            ("$100s", "hundreds of dollars"),
            ("Savings of $1,250.50.", "Savings of one thousand two hundred fifty dollars and fifty cents"),
        ]);
    }

    #[test]
    fn ranges_name_both_ends() {
        check(&[
            ("$5-$10", "five dollars to ten dollars"),
            ("$5-10", "five to ten dollars"),
            ("$10K-25K", "ten thousand to twenty-five thousand dollars"),
            ("$1-2 million", "one to two million dollars"),
            ("$1-$2 million", "one to two million dollars"),
            ("$1.5 million – $2 million", "one point five million dollars to two million dollars"),
            ("$5/$8", "five dollars eight dollars"),
        ]);
    }

    #[test]
    fn rates_per_unit_are_said() {
        check(&[
            ("$12/mo", "twelve dollars per month"),
            ("$9 / year", "nine dollars per year"),
            ("$2,000 /month", "two thousand dollars per month"),
            ("$7-a-month plan", "seven dollars a month plan"),
            ("$1.5 million-a-year", "one point five million dollars a year"),
            ("25¢/gallon", "twenty-five cents per gallon"),
            ("$4 per check", "four dollars per check"),
        ]);
    }

    #[test]
    fn amount_before_a_noun_is_singular() {
        check(&[
            ("Get a $300 bonus.", "Get a three hundred dollar bonus"),
            ("a $2.1 billion portfolio", "a two point one billion dollar portfolio"),
            ("a $500-minimum plan", "a five hundred dollar minimum plan"),
            ("a $25 or $50 gift card", "a twenty-five dollar or fifty dollar gift card"),
            ("a $10-$20 balance tier", "a ten dollar to twenty dollar balance tier"),
            ("$1,000 minimum deposit", "one thousand dollar minimum deposit"),
            ("$100† bonus", "one hundred dollar bonus"),
            ("the $95 annual fee", "the ninety-five dollar annual fee"),
            ("no $12 monthly fee", "no twelve dollar monthly fee"),
            ("each $100 purchase", "each one hundred dollar purchase"),
            ("each $100 spent", "each one hundred dollars spent"),
            ("costs $12 monthly", "costs twelve dollars monthly"),
            ("earn $200 when you open", "earn two hundred dollars when you open"),
            ("a $9.99 plan", "a nine dollar and ninety-nine cent plan"),
        ]);
    }

    #[test]
    fn other_currencies_keep_their_names() {
        check(&[
            ("€30", "thirty euros"),
            ("€12.50", "twelve euros and fifty cents"),
            ("£1.20", "one pound and twenty pence"),
            ("¥2,000", "two thousand yen"),
            ("C$20", "twenty Canadian dollars"),
            ("US$1,200", "one thousand two hundred U.S dollars"),
            ("a US$50 limit", "a fifty U.S dollar limit"),
            ("US$3.5 million", "three point five million U.S dollars"),
            ("A$1", "one Australian dollar"),
            ("HK$80", "eighty Hong Kong dollars"),
            ("₩5,000", "five thousand won"),
            ("₹100", "one hundred rupees"),
            ("CHF 50", "fifty Swiss francs"),
            ("USD 500", "five hundred U.S dollars"),
            ("20 EUR", "twenty euros"),
            ("15€", "fifteen euros"),
            ("50¢", "fifty cents"),
        ]);
    }
}
