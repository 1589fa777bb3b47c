//! Percentages and basis points.

use std::sync::LazyLock;

use regex::Regex;

use super::number::{self, NUMBER};
use super::{described, fraction};
use crate::spoken::grammar::{Class, Cursor, Reading, pattern};

static RATE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(
        r"(?:(?P<number>{NUMBER})(?P<fraction>[\s-]\d{{1,2}}/\d{{1,2}}|[½¼¾⅓⅔⅛⅜⅝⅞])?|(?P<only>\d/\d{{1,2}}|[½¼¾⅓⅔⅛⅜⅝⅞]))(?P<gap>\s?|-)(?P<unit>%|(?:bps?|pct|pp)\b\.?)"
    ))
});

/// Nouns before which the unit is singular: "fifty basis point increase".
const CHANGES: &[&str] = &[
    "adjustment",
    "change",
    "cut",
    "decline",
    "decrease",
    "discount",
    "drop",
    "fee",
    "gap",
    "hike",
    "improvement",
    "increase",
    "increment",
    "increments",
    "jump",
    "margin",
    "move",
    "premium",
    "reduction",
    "rise",
    "spread",
];

/// Reads `4.25%`, `2 1/2%`, `½%`, `25bps`.
pub fn rate(at: &Cursor<'_>) -> Option<Reading> {
    let captures = at.captures(&RATE)?;
    let number = captures.name("number").or_else(|| captures.name("only"))?;
    let value = match (captures.name("only"), captures.name("fraction")) {
        (Some(only), _) => fraction::words(only.as_str())?,
        (None, Some(part)) => {
            format!("{} and {}", number::amount(number.as_str())?, fraction::words(part.as_str())?)
        }
        (None, None) => number::amount(number.as_str())?,
    };
    let unit = captures.name("unit")?;
    let end = at.pos + captures.get_match().end();
    let is_singular = number.as_str() == "1"
        || &captures["gap"] == "-"
        || described::after_article(at, end)
        || CHANGES.contains(&at.word_after(end, 1).as_str());
    let spoken_unit = match unit.as_str().trim_end_matches('.') {
        "%" | "pct" => "percent",
        "pp" if is_singular => "percentage point",
        "pp" => "percentage points",
        _ if is_singular => "basis point",
        _ => "basis points",
    };
    let value_end = captures.name("fraction").map_or(number.end(), |part| part.end());
    // Each whitespace-separated token in the text gets its own spoken piece: "2" and "1/2%".
    let mut pieces = Vec::new();
    match captures.name("fraction").filter(|part| part.as_str().starts_with(' ')) {
        Some(part) => {
            let (whole, rest) = value.split_once(" and ")?;
            pieces.push((at.pos..at.pos + number.end(), format!("{whole} and")));
            pieces.push((at.pos + part.start() + 1..end, format!("{rest} {spoken_unit}")));
        }
        None if &captures["gap"] == " " => {
            pieces.push((at.pos..at.pos + value_end, value));
            pieces.push((at.pos + unit.start()..end, spoken_unit.to_owned()));
        }
        None => pieces.push((at.pos..end, format!("{value} {spoken_unit}"))),
    }
    Some(Reading { class: Class::Percent, end, pieces })
}

#[cfg(test)]
mod tests {
    use super::super::testing::check;

    #[test]
    fn rates_are_read_exactly() {
        check(&[
            ("4.25% APY", "four point two five percent A.P.Y"),
            ("0.05%", "zero point zero five percent"),
            ("a fee of .5%", "a fee of zero point five percent"),
            ("4.25 %", "four point two five percent"),
            ("100%", "one hundred percent"),
            ("2½%", "two and one half percent"),
            ("3 1/4%", "three and one quarter percent"),
            ("½%", "one half percent"),
            ("It fell by −0.25%.", "It fell by minus zero point two five percent"),
            ("+0.25%", "plus zero point two five percent"),
            ("50bps", "fifty basis points"),
            ("75 bps", "seventy-five basis points"),
            ("1 bp", "one basis point"),
            ("a 25 bps cut", "a twenty-five basis point cut"),
            ("a 10 to 15 bps rise", "a ten to fifteen basis point rise"),
            ("40 bps increase", "forty basis point increase"),
            ("a rise of 40 bps", "a rise of forty basis points"),
            ("a 2 pp drop", "a two percentage point drop"),
        ]);
    }

    #[test]
    fn rates_next_to_symbols_keep_every_digit() {
        check(&[
            ("3.5%-APR", "three point five percent A.P.R"),
            ("a 4.25%-APY account", "a four point two five percent A.P.Y account"),
            ("Prime+2.49%", "Prime plus two point four nine percent"),
            ("Prime + 2.49%", "Prime plus two point four nine percent"),
            ("Prime - 0.5%", "Prime minus zero point five percent"),
            ("20%-off coupon", "twenty percent off coupon"),
            ("a 0.5-point cut", "a zero point five point cut"),
        ]);
    }

    #[test]
    fn ranges_of_rates_name_both_ends() {
        check(&[
            ("3-5%", "three to five percent"),
            ("3%-5%", "three percent to five percent"),
            ("18.99% - 27.49% APR", "eighteen point nine nine percent to twenty-seven point four nine percent A.P.R"),
            ("18.99%–27.49%", "eighteen point nine nine percent to twenty-seven point four nine percent"),
        ]);
    }
}
