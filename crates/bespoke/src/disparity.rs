//! Rates by protected group, compared by the four-fifths rule (29 CFR 1607.4(D)): with the highest group, and with the rest.
//!
//! **Invariant:** this module reads decisions that have already been made, and ranking never reads its results. It
//! returns only counts per group. For a group that is too small to judge, it returns only the size.

use std::collections::{BTreeMap, BTreeSet};

use contracts::ProductId;
use jiff::civil::Date;
use serde::Serialize;

/// The minimum size of a group that is judged. The number is a statistical convention; the rule itself only warns about
/// small numbers.
pub const MIN_GROUP_SIZE: usize = 30;

/// The ratio of rates below which a difference is evidence of adverse impact.
pub const FOUR_FIFTHS: f64 = 0.8;

/// The number of standard deviations at which a difference no longer counts as chance.
///
/// This is the upper end of "two or three" (Castaneda v. Partida, 430 U.S. 482, 496 n. 17), because the report compares
/// many groups and products.
pub const SIGNIFICANT_DEVIATIONS: f64 = 3.0;

/// One customer's groups, offers and results.
#[derive(Debug, Default)]
pub struct CustomerOffers {
    /// The customer's group, by attribute.
    pub groups: BTreeMap<&'static str, String>,
    /// The products offered to the customer.
    pub offered: BTreeSet<ProductId>,
    /// The customer's results, where they are known.
    pub results: CustomerResults,
}

/// The results of a customer. Each is `None` if it is unknown, or if the customer does not count toward its rate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CustomerResults {
    /// Whether a run reached the customer.
    pub reached: Option<bool>,
    /// Whether a customer whom the run reached did not opt out.
    pub stayed: Option<bool>,
    /// Whether a customer whom the run reached adopted an offered product.
    pub benefited: Option<bool>,
}

/// The meaning of a rate. For each, a higher rate is better for the group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// Customers who get an offer, of all who consented.
    Offered,
    /// Customers whom the run reached, of all who consented.
    Reached,
    /// Customers who did not opt out, of those whom the run reached.
    Stayed,
    /// Customers who adopted an offered product, of those whom the run reached.
    Benefited,
}

impl Measure {
    /// Returns a phrase for the customers whom the rate counts.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Offered => "any offer",
            Self::Reached => "reached by the run",
            Self::Stayed => "stayed in contact",
            Self::Benefited => "adopted an offered product",
        }
    }

    /// Returns whether a customer counts as a success. `None` if the customer does not count at all.
    fn of(self, customer: &CustomerOffers, offer: Option<&ProductId>) -> Option<bool> {
        match self {
            Self::Offered => Some(match offer {
                Some(product) => customer.offered.contains(product),
                None => !customer.offered.is_empty(),
            }),
            Self::Reached => customer.results.reached,
            Self::Stayed => customer.results.stayed,
            Self::Benefited => customer.results.benefited,
        }
    }
}

/// The verdict on a group's rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RateVerdict {
    /// The highest rate, with which the others are compared.
    Highest,
    /// At least four fifths of the highest rate.
    WithinFourFifths,
    /// Less than four fifths, but the difference may be due to chance.
    MayBeChance,
    /// Less than four fifths, and chance does not explain the difference. A person must review it.
    BelowFourFifths,
}

/// A group's rate: the share of its customers who count as a success.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GroupRate {
    /// The group.
    pub group: String,
    /// The number of customers in the group who count as a success, such as those who got the offer.
    pub offered: usize,
    /// Their share of the group's customers who count toward the rate, 0 to 1.
    pub rate: f64,
    /// The rate divided by the highest.
    pub ratio: f64,
    /// The difference from the highest rate, in standard deviations of the difference of two proportions.
    pub deviations: f64,
    /// The verdict on the comparison with the highest rate.
    pub verdict: RateVerdict,
    /// The comparison with all other groups together.
    pub rest: RestComparison,
}

/// The comparison of a group's rate with the rate of all other customers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct RestComparison {
    /// The rate of the others, 0 to 1.
    pub rate: f64,
    /// The group's rate divided by the others'.
    pub ratio: f64,
    /// The difference of the others' rate from the group's, in standard deviations.
    pub deviations: f64,
    /// The verdict. Never [`RateVerdict::Highest`].
    pub verdict: RateVerdict,
}

impl GroupRate {
    /// Returns whether a person must review the rate: it is below four fifths of the highest rate or of the rest's, and
    /// chance does not explain it.
    #[must_use]
    pub fn is_finding(&self) -> bool {
        self.verdict == RateVerdict::BelowFourFifths || self.rest.verdict == RateVerdict::BelowFourFifths
    }
}

/// The rates of the groups of one attribute.
#[derive(Clone, Debug, Serialize)]
pub struct OfferRates {
    /// The meaning of the rates.
    pub measure: Measure,
    /// The product. `None` means any product, or a measure other than an offer.
    pub offer: Option<ProductId>,
    /// The groups that can be judged.
    pub rates: Vec<GroupRate>,
}

/// The comparison of one attribute's groups.
#[derive(Clone, Debug, Serialize)]
pub struct AttributeComparison {
    /// The column in the profile workbook.
    pub name: &'static str,
    /// The number of customers in each group that can be judged.
    pub groups: BTreeMap<String, usize>,
    /// The number of customers in each group that is too small.
    pub too_few: BTreeMap<String, usize>,
    /// The rates for any offer, for each product, then for the results of a run.
    pub selections: Vec<OfferRates>,
}

impl AttributeComparison {
    /// Returns the rates that a person must review, each together with its offer.
    pub fn findings(&self) -> impl Iterator<Item = (&OfferRates, &GroupRate)> {
        let all =
            self.selections.iter().flat_map(|selection| selection.rates.iter().map(move |rate| (selection, rate)));
        all.filter(|(_, rate)| rate.is_finding())
    }

    /// Returns the rates with this verdict, each together with its offer.
    pub fn with_verdict(&self, verdict: RateVerdict) -> impl Iterator<Item = (&OfferRates, &GroupRate)> {
        let all =
            self.selections.iter().flat_map(|selection| selection.rates.iter().map(move |rate| (selection, rate)));
        all.filter(move |(_, rate)| rate.verdict == verdict)
    }
}

/// Compares the groups for every attribute. Leaves out offers that no judged group got.
#[must_use]
pub fn compare(customers: &[CustomerOffers]) -> Vec<AttributeComparison> {
    let names: BTreeSet<&'static str> = customers.iter().flat_map(|customer| customer.groups.keys().copied()).collect();
    let products: BTreeSet<&ProductId> = customers.iter().flat_map(|customer| &customer.offered).collect();
    let offers = std::iter::once(None).chain(products.into_iter().map(Some)).map(|offer| (Measure::Offered, offer));
    let results = [Measure::Reached, Measure::Stayed, Measure::Benefited].map(|measure| (measure, None));
    let measures: Vec<(Measure, Option<&ProductId>)> = offers.chain(results).collect();
    names.into_iter().map(|name| compare_attribute(name, customers, &measures)).collect()
}

fn compare_attribute(
    name: &'static str,
    customers: &[CustomerOffers],
    measures: &[(Measure, Option<&ProductId>)],
) -> AttributeComparison {
    let mut members = BTreeMap::<&String, Vec<&CustomerOffers>>::new();
    for customer in customers {
        if let Some(group) = customer.groups.get(name) {
            members.entry(group).or_default().push(customer);
        }
    }
    let (judged, small): (BTreeMap<_, _>, BTreeMap<_, _>) =
        members.into_iter().partition(|(_, members)| members.len() >= MIN_GROUP_SIZE);
    let sizes = |groups: &BTreeMap<&String, Vec<&CustomerOffers>>| {
        groups.iter().map(|(group, members)| ((*group).clone(), members.len())).collect()
    };
    let selections = measures.iter().filter_map(|(measure, offer)| {
        let counted = judged.iter().map(|(group, members)| {
            let counted: Vec<bool> = members.iter().filter_map(|customer| measure.of(customer, *offer)).collect();
            ((*group).clone(), counted.iter().filter(|success| **success).count(), counted.len())
        });
        // Fewer of a group's customers may count for a result than for an offer.
        let counted: Vec<_> = counted.filter(|(.., all)| *all >= MIN_GROUP_SIZE).collect();
        Some(OfferRates { measure: *measure, offer: offer.cloned(), rates: rates(&counted)? })
    });
    let selections = selections.collect();
    AttributeComparison { name, groups: sizes(&judged), too_few: sizes(&small), selections }
}

/// Returns the rates of groups, given each group's name, offers and size. Returns `None` if no group got the offer.
#[expect(clippy::cast_precision_loss, reason = "customers are counted in millions at most")]
fn rates(counted: &[(String, usize, usize)]) -> Option<Vec<GroupRate>> {
    let share = |offered: usize, all: usize| offered as f64 / all as f64;
    let highest = counted.iter().max_by(|a, b| share(a.1, a.2).total_cmp(&share(b.1, b.2)))?;
    let top = share(highest.1, highest.2);
    if top <= 0.0 {
        return None;
    }
    let total = counted.iter().fold((0, 0), |total, (_, offered, all)| (total.0 + offered, total.1 + all));
    let rate = |(group, offered, all): &(String, usize, usize)| {
        let rate = share(*offered, *all);
        let deviations = deviations((*offered, *all), (highest.1, highest.2));
        let verdict = if group == &highest.0 { RateVerdict::Highest } else { verdict(rate / top, deviations) };
        let rest = compare_with_rest((*offered, *all), (total.0 - offered, total.1 - all));
        GroupRate { group: group.clone(), offered: *offered, rate, ratio: rate / top, deviations, verdict, rest }
    };
    Some(counted.iter().map(rate).collect())
}

/// Compares a group with all other customers. If there are no others, or none of them is a success, the group counts as
/// within four fifths.
#[expect(clippy::cast_precision_loss, reason = "customers are counted in millions at most")]
fn compare_with_rest(group: (usize, usize), rest: (usize, usize)) -> RestComparison {
    let rate = if rest.1 == 0 { 0.0 } else { rest.0 as f64 / rest.1 as f64 };
    if rate <= 0.0 {
        return RestComparison { rate, ratio: 1.0, deviations: 0.0, verdict: RateVerdict::WithinFourFifths };
    }
    let ratio = group.0 as f64 / group.1 as f64 / rate;
    let deviations = deviations(group, rest);
    RestComparison { rate, ratio, deviations, verdict: verdict(ratio, deviations) }
}

/// Returns how far the first group's rate is below the second's, in standard deviations of the difference of two
/// proportions with a pooled estimate. Each group has its successes and its size.
#[expect(clippy::cast_precision_loss, reason = "customers are counted in millions at most")]
fn deviations(group: (usize, usize), other: (usize, usize)) -> f64 {
    let share = |(successes, all): (usize, usize)| successes as f64 / all as f64;
    let pooled = share((group.0 + other.0, group.1 + other.1));
    let spread = (pooled * (1.0 - pooled) * (1.0 / group.1 as f64 + 1.0 / other.1 as f64)).sqrt();
    if spread > 0.0 { (share(other) - share(group)) / spread } else { 0.0 }
}

fn verdict(ratio: f64, deviations: f64) -> RateVerdict {
    if ratio >= FOUR_FIFTHS {
        RateVerdict::WithinFourFifths
    } else if deviations < SIGNIFICANT_DEVIATIONS {
        RateVerdict::MayBeChance
    } else {
        RateVerdict::BelowFourFifths
    }
}

/// Returns the group of a customer who has this cell in a protected column.
///
/// One age band starts at 62, the age at which Regulation B considers a person elderly (12 CFR 1002.2(o)). Zip codes
/// are grouped by their first three digits.
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
        Some(_) | None => "not stated",
    };
    band.to_owned()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    /// Returns customers for each group, given its name, offers and size.
    fn customers(groups: &[(&str, usize, usize)]) -> Vec<CustomerOffers> {
        let card = ProductId::parse("card").unwrap();
        let customer = |group: &str, offered: bool| CustomerOffers {
            groups: BTreeMap::from([("gender", group.to_owned())]),
            offered: offered.then(|| card.clone()).into_iter().collect(),
            results: CustomerResults::default(),
        };
        groups
            .iter()
            .flat_map(|(group, offered, all)| (0..*all).map(move |at| customer(group, at < *offered)))
            .collect()
    }

    fn verdicts(groups: &[(&str, usize, usize)]) -> Vec<RateVerdict> {
        let attributes = compare(&customers(groups));
        attributes[0].selections[1].rates.iter().map(|rate| rate.verdict).collect()
    }

    #[test]
    fn rate_below_four_fifths_is_found() {
        assert_eq!(
            verdicts(&[("a", 500, 1_000), ("b", 300, 1_000)]),
            [RateVerdict::Highest, RateVerdict::BelowFourFifths]
        );
        assert_eq!(
            verdicts(&[("a", 500, 1_000), ("b", 400, 1_000)]),
            [RateVerdict::Highest, RateVerdict::WithinFourFifths]
        );
    }

    #[test]
    fn differences_in_small_groups_may_be_due_to_chance() {
        assert_eq!(verdicts(&[("a", 5, 40), ("b", 3, 40)]), [RateVerdict::Highest, RateVerdict::MayBeChance]);
    }

    #[test]
    fn ratio_and_deviations_compare_two_proportions() {
        let attributes = compare(&customers(&[("a", 60, 100), ("b", 40, 100)]));
        let low = &attributes[0].selections[1].rates[1];
        // (0.6 - 0.4) / sqrt(0.5 * 0.5 * (1/100 + 1/100))
        assert!((low.ratio - 2.0 / 3.0).abs() < 1e-12 && (low.deviations - 2.828_427).abs() < 1e-6, "{low:?}");
    }

    #[test]
    fn small_group_has_no_rate() {
        let attributes = compare(&customers(&[("a", 50, 100), ("b", 50, 100), ("c", 0, 29)]));
        assert_eq!(attributes[0].too_few, BTreeMap::from([("c".to_owned(), 29)]));
        assert!(attributes[0].selections.iter().all(|selection| selection.rates.iter().all(|rate| rate.group != "c")));
    }

    #[test]
    fn no_disparity_is_reported_without_offers() {
        assert!(compare(&customers(&[("a", 0, 100), ("b", 0, 100)]))[0].selections.is_empty());
    }

    #[test]
    fn group_is_compared_with_the_rest_too() {
        // The 40 customers in the highest group are too few to tell; the 1,000 in the second group are not.
        let attributes = compare(&customers(&[("top", 24, 40), ("many", 500, 1_000), ("low", 350, 1_000)]));
        let low = attributes[0].selections[1].rates.iter().find(|rate| rate.group == "low").unwrap();
        let rest = 524.0 / 1_040.0;
        assert!((low.rest.rate - rest).abs() < 1e-12 && (low.rest.ratio - 0.35 / rest).abs() < 1e-12, "{low:?}");
        assert_eq!(low.rest.verdict, RateVerdict::BelowFourFifths);
        assert!(low.is_finding());
        let top = attributes[0].selections[1].rates.iter().find(|rate| rate.group == "top").unwrap();
        assert!(!top.is_finding() && top.verdict == RateVerdict::Highest && top.rest.ratio > 1.0);
    }

    #[test]
    fn results_of_a_run_are_compared_where_known() {
        let mut cases = customers(&[("a", 100, 100), ("b", 100, 100)]);
        for (number, case) in cases.iter_mut().enumerate() {
            let is_first = case.groups["gender"] == "a";
            let reached = number % 2 == 0;
            let stayed = is_first || number % 8 == 0;
            case.results =
                CustomerResults { reached: Some(reached), stayed: reached.then_some(stayed), benefited: None };
        }
        let attributes = compare(&cases);
        let of = |measure: Measure| attributes[0].selections.iter().find(|selection| selection.measure == measure);
        assert!(of(Measure::Reached).unwrap().rates.iter().all(|rate| !rate.is_finding()));
        let stayed = of(Measure::Stayed).unwrap();
        assert_eq!(stayed.rates.iter().map(GroupRate::is_finding).collect::<Vec<_>>(), [false, true]);
        assert!(of(Measure::Benefited).is_none(), "unknown results are not compared");
    }

    #[test]
    fn ages_and_zip_codes_are_banded_and_case_is_ignored() {
        let today = date(2026, 11, 24);
        let groups = [
            ("age", "61.0", "40 to 61"),
            ("age", "62", "62 and over"),
            ("age", "old", "not stated"),
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
