//! The uplift of a campaign: overall, by product, phrase set, shape and voice, and between arms.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::proportion::{Difference, Proportion, Z_95, detectable_uplift, z_for};
use crate::reading::{Caution, Verdict, cautions};

/// A property that results are broken down by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dimension {
    /// The product. A customer counts for each product that they were offered, or would have been offered.
    Product,
    /// The phrase set: the tone, or the version of the phrasebook.
    PhraseSet,
    /// The shape of the video.
    Shape,
    /// The voice.
    Voice,
}

impl Dimension {
    /// Returns the dimension's name, as a table heading.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Product => "Product",
            Self::PhraseSet => "Phrase set",
            Self::Shape => "Shape",
            Self::Voice => "Voice",
        }
    }
}

/// The result for one customer in a campaign. It does not identify the customer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CustomerResult {
    /// Whether the customer is in the control group.
    pub held_out: bool,
    /// The products that the ranking chose.
    pub offers: BTreeSet<String>,
    /// The products among `offers` that the customer adopted within the window.
    pub adopted: BTreeSet<String>,
    /// The customer's level in each dimension other than the product. A customer in the control group has a level only
    /// in dimensions that the plan randomized.
    pub levels: BTreeMap<Dimension, String>,
}

/// A comparison, at one level of a dimension, of the treated customers and their controls.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LevelComparison {
    /// The dimension.
    pub dimension: Dimension,
    /// The level, such as a product or `9:16`.
    pub level: String,
    /// The rate of the treated customers at this level minus the rate of the controls. The interval is a plain 95%
    /// interval: exploratory, and not corrected for the number of levels.
    pub uplift: Difference,
    /// Whether the comparison is randomized: the plan assigned the level at random, or, for a product, both groups were
    /// ranked before the split took effect. If not, the treated customers may differ from the controls for other
    /// reasons.
    pub randomized: bool,
    /// Reasons to interpret the numbers with caution.
    pub cautions: Vec<Caution>,
}

/// The comparison of two arms among the treated customers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ArmComparison {
    /// The dimension that the plan compares.
    pub dimension: Dimension,
    /// The first arm.
    pub first: String,
    /// The second arm.
    pub second: String,
    /// First minus second. The intervals have 95% simultaneous confidence across all arm comparisons.
    pub difference: Difference,
    /// The sign of the difference, according to the interval.
    pub verdict: Verdict,
    /// Reasons to interpret the numbers with caution.
    pub cautions: Vec<Caution>,
}

/// The measured effect of a campaign.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Measurement {
    /// The primary comparison, fixed in advance: customers who adopted any product chosen for them, treated minus
    /// control.
    pub uplift: Difference,
    /// The sign of the difference, according to the interval.
    pub verdict: Verdict,
    /// Reasons to interpret the numbers with caution.
    pub cautions: Vec<Caution>,
    /// The smallest uplift that groups of these sizes would detect with 80% power. `None` if a group is empty.
    pub detectable: Option<f64>,
    /// The exploratory comparisons by product, phrase set, shape and voice.
    pub levels: Vec<LevelComparison>,
    /// The comparisons between the plan's arms.
    pub arms: Vec<ArmComparison>,
}

/// Measures the effect. Every customer counts in the group that they were assigned to, even if a later stage failed for
/// them (intention to treat).
#[must_use]
pub fn measure(customers: &[CustomerResult]) -> Measurement {
    let groups = groups(customers, |customer| Some(!customer.adopted.is_empty()));
    let uplift = Difference::new(groups.treated, groups.control, Z_95);
    Measurement {
        uplift,
        verdict: Verdict::of(uplift),
        cautions: cautions(uplift),
        detectable: detectable_uplift(groups.control.rate(), groups.treated.customers, groups.control.customers),
        levels: levels(customers),
        arms: arms(customers),
    }
}

/// The two groups of a comparison.
#[derive(Clone, Copy, Default)]
struct Groups {
    treated: Proportion,
    control: Proportion,
}

/// Counts the customers in each group. Leaves out a customer if `adopted` returns `None`.
fn groups(customers: &[CustomerResult], adopted: impl Fn(&CustomerResult) -> Option<bool>) -> Groups {
    let mut groups = Groups::default();
    for customer in customers {
        if let Some(adopted) = adopted(customer) {
            let group = if customer.held_out { &mut groups.control } else { &mut groups.treated };
            group.count(adopted);
        }
    }
    groups
}

fn levels(customers: &[CustomerResult]) -> Vec<LevelComparison> {
    let products: BTreeSet<&String> = customers.iter().flat_map(|customer| &customer.offers).collect();
    let by_product = products.into_iter().map(|product| {
        let groups = groups(customers, |one| one.offers.contains(product).then(|| one.adopted.contains(product)));
        // Both groups were ranked in the same way before the split took effect.
        compare_level(Dimension::Product, product, groups, true)
    });
    let others = [Dimension::PhraseSet, Dimension::Shape, Dimension::Voice];
    let by_level = others.into_iter().flat_map(|dimension| {
        let randomized = is_randomized(customers, dimension);
        treated_levels(customers, dimension).into_iter().map(move |name| {
            let at_level = |one: &CustomerResult| one.levels.get(&dimension) == Some(name);
            // If the control group has no levels, compare with the whole control group.
            let groups = groups(customers, |one| {
                (at_level(one) || (one.held_out && !randomized)).then_some(!one.adopted.is_empty())
            });
            compare_level(dimension, name, groups, randomized)
        })
    });
    by_product.chain(by_level).collect()
}

fn compare_level(dimension: Dimension, level: &str, groups: Groups, randomized: bool) -> LevelComparison {
    let uplift = Difference::new(groups.treated, groups.control, Z_95);
    LevelComparison { dimension, level: level.to_owned(), uplift, randomized, cautions: cautions(uplift) }
}

/// Returns whether the plan assigned levels in this dimension at random, as it then does for the control group too.
fn is_randomized(customers: &[CustomerResult], dimension: Dimension) -> bool {
    customers.iter().any(|customer| customer.held_out && customer.levels.contains_key(&dimension))
}

fn treated_levels(customers: &[CustomerResult], dimension: Dimension) -> BTreeSet<&String> {
    let treated = customers.iter().filter(|customer| !customer.held_out);
    treated.filter_map(|customer| customer.levels.get(&dimension)).collect()
}

fn arms(customers: &[CustomerResult]) -> Vec<ArmComparison> {
    let mut pairs = Vec::new();
    for dimension in [Dimension::PhraseSet, Dimension::Shape] {
        if is_randomized(customers, dimension) {
            let levels: Vec<&String> = treated_levels(customers, dimension).into_iter().collect();
            for (index, first) in levels.iter().enumerate() {
                pairs.extend(levels[index + 1..].iter().map(|second| (dimension, *first, *second)));
            }
        }
    }
    let z = z_for(pairs.len());
    let compare = |(dimension, first, second): (Dimension, &String, &String)| {
        let count = |level: &String| {
            groups(customers, |one| (one.levels.get(&dimension) == Some(level)).then_some(!one.adopted.is_empty()))
                .treated
        };
        let difference = Difference::new(count(first), count(second), z);
        ArmComparison {
            dimension,
            first: first.clone(),
            second: second.clone(),
            difference,
            verdict: Verdict::of(difference),
            cautions: cautions(difference),
        }
    };
    pairs.into_iter().map(compare).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn customer(held_out: bool, adopted: bool, shape: Option<&str>) -> CustomerResult {
        let card = || BTreeSet::from(["card".to_owned()]);
        CustomerResult {
            held_out,
            offers: card(),
            adopted: if adopted { card() } else { BTreeSet::new() },
            levels: shape.map(|shape| (Dimension::Shape, shape.to_owned())).into_iter().collect(),
        }
    }

    fn many(number: usize, one: &CustomerResult) -> Vec<CustomerResult> {
        vec![one.clone(); number]
    }

    #[test]
    fn uplift_is_treated_minus_control() {
        let customers = [
            many(300, &customer(false, true, None)),
            many(700, &customer(false, false, None)),
            many(20, &customer(true, true, None)),
            many(80, &customer(true, false, None)),
        ]
        .concat();
        let measured = measure(&customers);
        assert_eq!(measured.uplift.first, Proportion { adopters: 300, customers: 1_000 });
        assert_eq!(measured.uplift.second, Proportion { adopters: 20, customers: 100 });
        assert!((measured.uplift.estimate - 0.1).abs() < 1e-12);
        assert_eq!(measured.verdict, Verdict::Higher);
        assert_eq!(measured.levels.len(), 1, "one product, and no other level");
        assert_eq!(measured.levels[0].uplift, measured.uplift);
    }

    #[test]
    fn drawn_level_is_compared_with_the_controls_at_that_level() {
        let customers = [
            many(10, &customer(false, true, Some("16:9"))),
            many(10, &customer(false, false, Some("9:16"))),
            many(3, &customer(true, false, Some("16:9"))),
            many(4, &customer(true, true, Some("9:16"))),
        ]
        .concat();
        let measured = measure(&customers);
        let of = |level: &str| measured.levels.iter().find(|one| one.level == level).unwrap();
        assert_eq!(of("16:9").uplift.second, Proportion { adopters: 0, customers: 3 });
        assert_eq!(of("9:16").uplift.second, Proportion { adopters: 4, customers: 4 });
        assert!(of("9:16").randomized);
        let [arm] = measured.arms.as_slice() else { panic!("one pair of arms") };
        assert_eq!((arm.first.as_str(), arm.second.as_str(), arm.difference.estimate), ("16:9", "9:16", 1.0));
    }

    #[test]
    fn level_without_a_draw_is_compared_with_the_whole_control_group() {
        let customers =
            [many(10, &customer(false, true, Some("16:9"))), many(7, &customer(true, false, None))].concat();
        let measured = measure(&customers);
        let shape = measured.levels.iter().find(|one| one.dimension == Dimension::Shape).unwrap();
        assert_eq!((shape.uplift.second.customers, shape.randomized), (7, false));
        assert!(measured.arms.is_empty());
    }

    #[test]
    fn empty_campaign_has_no_verdict() {
        let measured = measure(&[]);
        assert_eq!((measured.verdict, measured.detectable), (Verdict::Unclear, None));
        assert_eq!(measured.cautions, [Caution::NoCustomers]);
    }
}
