//! Offer rates by protected group, compared by the four-fifths rule (29 CFR 1607.4(D)).
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

/// One customer's groups and offers.
#[derive(Debug, Default)]
pub struct CustomerOffers {
    /// The customer's group, by attribute.
    pub groups: BTreeMap<&'static str, String>,
    /// The products offered to the customer.
    pub offered: BTreeSet<ProductId>,
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

/// The rate at which a group's customers get an offer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GroupRate {
    /// The group.
    pub group: String,
    /// The number of customers in the group who got the offer.
    pub offered: usize,
    /// Their share of the group, 0 to 1.
    pub rate: f64,
    /// The rate divided by the highest.
    pub ratio: f64,
    /// The difference from the highest rate, in standard deviations of the difference of two proportions.
    pub deviations: f64,
    /// The verdict.
    pub verdict: RateVerdict,
}

/// The rates at which the groups of one attribute get an offer.
#[derive(Clone, Debug, Serialize)]
pub struct OfferRates {
    /// The product. `None` means any product.
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
    /// The rates for any offer, then for each product.
    pub selections: Vec<OfferRates>,
}

impl AttributeComparison {
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
    let offers: Vec<Option<&ProductId>> = std::iter::once(None).chain(products.into_iter().map(Some)).collect();
    names.into_iter().map(|name| compare_attribute(name, customers, &offers)).collect()
}

fn compare_attribute(
    name: &'static str,
    customers: &[CustomerOffers],
    offers: &[Option<&ProductId>],
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
    let selections = offers.iter().filter_map(|offer| {
        let counted = judged.iter().map(|(group, members)| {
            let got_offer = |customer: &&&CustomerOffers| match offer {
                Some(product) => customer.offered.contains(product),
                None => !customer.offered.is_empty(),
            };
            ((*group).clone(), members.iter().filter(got_offer).count(), members.len())
        });
        let rates = rates(&counted.collect::<Vec<_>>())?;
        Some(OfferRates { offer: offer.cloned(), rates })
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
    let rate = |(group, offered, all): &(String, usize, usize)| {
        let rate = share(*offered, *all);
        // The pooled estimate of a two-proportion test.
        let pooled = share(offered + highest.1, all + highest.2);
        let spread = (pooled * (1.0 - pooled) * (1.0 / *all as f64 + 1.0 / highest.2 as f64)).sqrt();
        let deviations = if spread > 0.0 { (top - rate) / spread } else { 0.0 };
        let verdict = match rate / top {
            _ if group == &highest.0 => RateVerdict::Highest,
            ratio if ratio >= FOUR_FIFTHS => RateVerdict::WithinFourFifths,
            _ if deviations < SIGNIFICANT_DEVIATIONS => RateVerdict::MayBeChance,
            _ => RateVerdict::BelowFourFifths,
        };
        GroupRate { group: group.clone(), offered: *offered, rate, ratio: rate / top, deviations, verdict }
    };
    Some(counted.iter().map(rate).collect())
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
