//! Offer rates by protected group, compared by the four-fifths rule (29 CFR 1607.4(D)).
//!
//! **Invariant:** works on decisions that were made before, and nothing leads from here back into ranking. What it returns
//! are numbers of groups; a group too small to judge has no numbers but its size.

use std::collections::{BTreeMap, BTreeSet};

use contracts::ProductId;
use jiff::civil::Date;
use serde::Serialize;

/// The fewest customers by which a group is judged: by custom of statistics, not by the rule, which only says that small
/// numbers prove nothing.
pub const FEWEST: usize = 30;

/// The ratio of rates below which a difference is regarded as evidence of adverse impact.
pub const FOUR_FIFTHS: f64 = 0.8;

/// Standard deviations beyond which a difference is not put down to chance: the upper end of "two or three" (Castaneda v.
/// Partida, 430 U.S. 482, 496 n. 17), because many groups and products are compared.
pub const DEVIATIONS: f64 = 3.0;

/// One customer: the groups that they belong to, by attribute, and what they were offered.
#[derive(Debug, Default)]
pub struct Case {
    /// Group by attribute.
    pub groups: BTreeMap<&'static str, String>,
    /// What they were offered.
    pub offered: BTreeSet<ProductId>,
}

/// What is said of a group's rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The highest rate, with which the others are compared.
    Highest,
    /// At least four fifths of the highest.
    WithinFourFifths,
    /// Less than four fifths, by a difference that may be chance.
    MayBeChance,
    /// Less than four fifths, by more than chance explains: somebody must look.
    BelowFourFifths,
}

/// A group's rate of one selection.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rate {
    /// The group.
    pub group: String,
    /// How many of it were offered.
    pub offered: usize,
    /// Their share of the group, 0 to 1.
    pub rate: f64,
    /// The rate divided by the highest.
    pub ratio: f64,
    /// The distance from the highest rate, in standard deviations of the difference of two proportions.
    pub deviations: f64,
    /// What is said of it.
    pub verdict: Verdict,
}

/// The rates at which something is offered to the groups of one attribute.
#[derive(Clone, Debug, Serialize)]
pub struct Selection {
    /// A product, or any at all.
    pub offer: Option<ProductId>,
    /// The groups that can be judged.
    pub rates: Vec<Rate>,
}

/// All that is said of one attribute.
#[derive(Clone, Debug, Serialize)]
pub struct Attribute {
    /// The column.
    pub name: &'static str,
    /// Customers by group, of the groups that can be judged.
    pub groups: BTreeMap<String, usize>,
    /// Customers by group, of the groups that are too small.
    pub too_few: BTreeMap<String, usize>,
    /// Any offer first, then product by product.
    pub selections: Vec<Selection>,
}

impl Attribute {
    /// The rates of this attribute with this verdict, and what they are of.
    pub fn with(&self, verdict: Verdict) -> impl Iterator<Item = (&Selection, &Rate)> {
        let all =
            self.selections.iter().flat_map(|selection| selection.rates.iter().map(move |rate| (selection, rate)));
        all.filter(move |(_, rate)| rate.verdict == verdict)
    }
}

/// Compares the groups of every attribute. A selection that nobody of the judged groups got is left out.
#[must_use]
pub fn compare(cases: &[Case]) -> Vec<Attribute> {
    let names: BTreeSet<&'static str> = cases.iter().flat_map(|case| case.groups.keys().copied()).collect();
    let products: BTreeSet<&ProductId> = cases.iter().flat_map(|case| &case.offered).collect();
    let offers: Vec<Option<&ProductId>> = std::iter::once(None).chain(products.into_iter().map(Some)).collect();
    names.into_iter().map(|name| attribute(name, cases, &offers)).collect()
}

fn attribute(name: &'static str, cases: &[Case], offers: &[Option<&ProductId>]) -> Attribute {
    let mut members = BTreeMap::<&String, Vec<&Case>>::new();
    for case in cases {
        if let Some(group) = case.groups.get(name) {
            members.entry(group).or_default().push(case);
        }
    }
    let (judged, small): (BTreeMap<_, _>, BTreeMap<_, _>) =
        members.into_iter().partition(|(_, members)| members.len() >= FEWEST);
    let sizes = |groups: &BTreeMap<&String, Vec<&Case>>| {
        groups.iter().map(|(group, members)| ((*group).clone(), members.len())).collect()
    };
    let (groups, too_few) = (sizes(&judged), sizes(&small));
    let selections = offers.iter().filter_map(|offer| {
        let counted = judged.iter().map(|(group, members)| {
            let got = |case: &&&Case| offer.map_or(!case.offered.is_empty(), |offer| case.offered.contains(offer));
            ((*group).clone(), members.iter().filter(got).count(), members.len())
        });
        let rates = rates(&counted.collect::<Vec<_>>())?;
        Some(Selection { offer: offer.cloned(), rates })
    });
    let selections = selections.collect();
    Attribute { name, groups, too_few, selections }
}

/// The rates of groups, each with how many were offered of how many; nothing if nobody was.
#[expect(clippy::cast_precision_loss, reason = "customers are counted in millions at most")]
fn rates(counted: &[(String, usize, usize)]) -> Option<Vec<Rate>> {
    let share = |offered: usize, all: usize| offered as f64 / all as f64;
    let highest = counted.iter().max_by(|a, b| share(a.1, a.2).total_cmp(&share(b.1, b.2)))?;
    let top = share(highest.1, highest.2);
    if top <= 0.0 {
        return None;
    }
    let rate = |(group, offered, all): &(String, usize, usize)| {
        let rate = share(*offered, *all);
        // The pooled estimate of a two-proportion test.
        let pooled = share(offered + highest.1, all + highest.2);
        let spread = (pooled * (1.0 - pooled) * (1.0 / *all as f64 + 1.0 / highest.2 as f64)).sqrt();
        let deviations = if spread > 0.0 { (top - rate) / spread } else { 0.0 };
        let verdict = match rate / top {
            _ if group == &highest.0 => Verdict::Highest,
            ratio if ratio >= FOUR_FIFTHS => Verdict::WithinFourFifths,
            _ if deviations < DEVIATIONS => Verdict::MayBeChance,
            _ => Verdict::BelowFourFifths,
        };
        Rate { group: group.clone(), offered: *offered, rate, ratio: rate / top, deviations, verdict }
    };
    Some(counted.iter().map(rate).collect())
}

/// The group that a cell of a protected column puts a customer into. Ages are grouped so that 62, from which Regulation B
/// speaks of the elderly (12 CFR 1002.2(o)), is a bound; zip codes by the region of their first three digits.
#[must_use]
pub fn group(column: &str, cell: &str, today: Date) -> String {
    match column {
        "age" => age_band(cell.trim().parse::<f64>().ok()),
        "date_of_birth" => {
            age_band(cell.get(..10).and_then(|day| day.parse::<Date>().ok()).map(|born| years(born, today)))
        }
        "zip_code" | "zip" | "postal_code" => format!("{}…", cell.trim().chars().take(3).collect::<String>()),
        _ => cell.trim().to_lowercase().chars().take(40).collect(),
    }
}

fn years(born: Date, today: Date) -> f64 {
    let had_birthday = (today.month(), today.day()) >= (born.month(), born.day());
    f64::from(today.year() - born.year() - i16::from(!had_birthday))
}

fn age_band(age: Option<f64>) -> String {
    let band = match age {
        Some(..25.0) => "under 25",
        Some(25.0..40.0) => "25 to 39",
        Some(40.0..62.0) => "40 to 61",
        Some(62.0..) => "62 and over",
        Some(_) | None => "not told",
    };
    band.to_owned()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn cases(groups: &[(&str, usize, usize)]) -> Vec<Case> {
        let card = ProductId::parse("card").unwrap();
        let case = |group: &str, offered: bool| Case {
            groups: BTreeMap::from([("gender", group.to_owned())]),
            offered: offered.then(|| card.clone()).into_iter().collect(),
        };
        groups.iter().flat_map(|(group, offered, all)| (0..*all).map(move |at| case(group, at < *offered))).collect()
    }

    fn verdicts(groups: &[(&str, usize, usize)]) -> Vec<Verdict> {
        let attributes = compare(&cases(groups));
        attributes[0].selections[1].rates.iter().map(|rate| rate.verdict).collect()
    }

    #[test]
    fn less_than_four_fifths_of_the_highest_rate_is_found() {
        assert_eq!(verdicts(&[("a", 500, 1_000), ("b", 300, 1_000)]), [Verdict::Highest, Verdict::BelowFourFifths]);
        assert_eq!(verdicts(&[("a", 500, 1_000), ("b", 400, 1_000)]), [Verdict::Highest, Verdict::WithinFourFifths]);
    }

    #[test]
    fn a_small_difference_in_numbers_may_be_chance() {
        assert_eq!(verdicts(&[("a", 5, 40), ("b", 3, 40)]), [Verdict::Highest, Verdict::MayBeChance]);
    }

    #[test]
    fn the_ratio_and_the_deviations_are_those_of_two_proportions() {
        let attributes = compare(&cases(&[("a", 60, 100), ("b", 40, 100)]));
        let low = &attributes[0].selections[1].rates[1];
        // (0.6 - 0.4) / sqrt(0.5 * 0.5 * (1/100 + 1/100))
        assert!((low.ratio - 2.0 / 3.0).abs() < 1e-12 && (low.deviations - 2.828_427).abs() < 1e-6, "{low:?}");
    }

    #[test]
    fn a_group_too_small_to_judge_is_said_to_be_so_and_has_no_rate() {
        let attributes = compare(&cases(&[("a", 50, 100), ("b", 50, 100), ("c", 0, 29)]));
        assert_eq!(attributes[0].too_few, BTreeMap::from([("c".to_owned(), 29)]));
        assert!(attributes[0].selections.iter().all(|selection| selection.rates.iter().all(|rate| rate.group != "c")));
    }

    #[test]
    fn nothing_offered_to_anybody_is_no_disparity() {
        assert!(compare(&cases(&[("a", 0, 100), ("b", 0, 100)]))[0].selections.is_empty());
    }

    #[test]
    fn ages_and_zip_codes_are_grouped_and_other_cells_compared_whatever_their_case() {
        let today = date(2026, 11, 24);
        let groups = [
            ("age", "61.0", "40 to 61"),
            ("age", "62", "62 and over"),
            ("age", "old", "not told"),
            ("date_of_birth", "1964-11-24", "62 and over"),
            ("date_of_birth", "1964-11-25", "40 to 61"),
            ("zip_code", "97205", "972…"),
            ("gender", " Female ", "female"),
        ];
        for (column, cell, expected) in groups {
            assert_eq!(group(column, cell, today), expected, "{column} {cell}");
        }
    }
}
