//! Proportions, and the interval for the difference of two independent proportions.

use serde::Serialize;

/// The critical value of a two-sided 95% interval: the 97.5th percentile of the standard normal distribution.
pub const Z_95: f64 = 1.959_963_984_540_054;

/// The 80th percentile of the standard normal distribution.
const Z_POWER_80: f64 = 0.841_621_233_572_914;

/// Critical values for one to nine simultaneous intervals with a familywise error rate of at most 5%, by Bonferroni's
/// correction: the quantiles at 1 − 0.025/m.
const Z_FAMILY: [f64; 9] = [
    Z_95,
    2.241_402_727_604_945,
    2.393_979_799_818_51,
    2.497_705_474_412_374,
    2.575_829_303_548_901,
    2.638_257_273_476_751,
    2.690_109_527_158_866,
    2.734_368_786_533_176,
    2.772_921_294_608_662,
];

/// Returns the critical value for `comparisons` intervals with 95% simultaneous confidence. A campaign has at most
/// nine: three pairs of shapes and six pairs of tones. More get the value for nine, which is then too small.
#[must_use]
pub fn z_for(comparisons: usize) -> f64 {
    Z_FAMILY[comparisons.clamp(1, Z_FAMILY.len()) - 1]
}

/// The share of a group's customers who adopted a product.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Proportion {
    /// The number of customers who adopted; at most `customers`.
    pub adopters: u32,
    /// The number of customers in the group.
    pub customers: u32,
}

impl Proportion {
    /// Adds one customer, who adopted if `adopted` is true.
    pub fn count(&mut self, adopted: bool) {
        self.customers += 1;
        self.adopters += u32::from(adopted);
    }

    /// Returns the share, 0 to 1. Returns 0 if there are no customers.
    #[must_use]
    pub fn rate(self) -> f64 {
        if self.customers == 0 { 0.0 } else { f64::from(self.adopters) / f64::from(self.customers) }
    }

    /// Returns the score interval of Wilson (1927), J. Am. Stat. Assoc. 22:209–212, as the lower and the upper limit.
    /// If there are no customers, it is 0 to 1.
    #[must_use]
    pub fn score_interval(self, z: f64) -> (f64, f64) {
        if self.customers == 0 {
            return (0.0, 1.0);
        }
        let n = f64::from(self.customers);
        let rate = self.rate();
        let denominator = 1.0 + z * z / n;
        let center = (rate + z * z / (2.0 * n)) / denominator;
        let half = z / denominator * (rate * (1.0 - rate) / n + z * z / (4.0 * n * n)).sqrt();
        ((center - half).clamp(0.0, rate), (center + half).clamp(rate, 1.0))
    }
}

/// The difference of two proportions, first minus second, with an interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// The first proportion.
    pub first: Proportion,
    /// The second proportion.
    pub second: Proportion,
    /// The difference of the rates, −1 to 1.
    pub estimate: f64,
    /// The lower limit of the interval.
    pub low: f64,
    /// The upper limit of the interval.
    pub high: f64,
}

impl Difference {
    /// Returns the difference with the hybrid score interval: method 10 of Newcombe (1998), "Interval estimation for
    /// the difference between independent proportions: comparison of eleven methods", Statistics in Medicine
    /// 17:873–890.
    #[must_use]
    pub fn new(first: Proportion, second: Proportion, z: f64) -> Self {
        let (first_low, first_high) = first.score_interval(z);
        let (second_low, second_high) = second.score_interval(z);
        let (p, q) = (first.rate(), second.rate());
        let estimate = p - q;
        let low = estimate - (p - first_low).hypot(second_high - q);
        let high = estimate + (first_high - p).hypot(q - second_low);
        Self { first, second, estimate, low: low.max(-1.0), high: high.min(1.0) }
    }

    /// Returns whether the interval excludes 0.
    #[must_use]
    pub fn excludes_zero(self) -> bool {
        self.low > 0.0 || self.high < 0.0
    }
}

/// Returns the smallest uplift that can be detected with 80% power in groups of these sizes, if the second group's rate
/// is `rate`: (z₀.₉₇₅ + z₀.₈) √(p(1−p)(1/n₁ + 1/n₂)), Fleiss (1981), Statistical Methods for Rates and Proportions,
/// chapter 3. Returns `None` if a group is empty.
#[must_use]
pub fn detectable_uplift(rate: f64, first: u32, second: u32) -> Option<f64> {
    if first == 0 || second == 0 {
        return None;
    }
    let spread = (rate * (1.0 - rate) * (1.0 / f64::from(first) + 1.0 / f64::from(second))).sqrt();
    Some((Z_95 + Z_POWER_80) * spread)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn of(adopters: u32, customers: u32) -> Proportion {
        Proportion { adopters, customers }
    }

    /// Table II of Newcombe (1998), method 10.
    #[test]
    fn intervals_equal_the_published_examples() {
        let examples = [
            (of(56, 70), of(48, 80), 0.0524, 0.3339),
            (of(9, 10), of(3, 10), 0.1705, 0.8090),
            (of(6, 7), of(2, 7), 0.0582, 0.8062),
            (of(5, 56), of(0, 29), -0.0381, 0.1926),
            (of(0, 10), of(0, 20), -0.1611, 0.2775),
            (of(0, 10), of(0, 10), -0.2775, 0.2775),
            (of(10, 10), of(0, 20), 0.6791, 1.0),
            (of(10, 10), of(0, 10), 0.6075, 1.0),
        ];
        for (first, second, low, high) in examples {
            let difference = Difference::new(first, second, Z_95);
            assert!((difference.low - low).abs() < 5e-5 && (difference.high - high).abs() < 5e-5, "{difference:?}");
        }
    }

    #[test]
    fn detectable_uplift_follows_the_formula() {
        // 2.8016 · √(0.1 · 0.9 · (1/9000 + 1/1000))
        let uplift = detectable_uplift(0.1, 9_000, 1_000).unwrap();
        assert!((uplift - 0.028_016).abs() < 1e-5, "{uplift}");
        assert_eq!(detectable_uplift(0.1, 0, 10), None);
    }

    fn proportion() -> impl Strategy<Value = Proportion> {
        (0_u32..5_000).prop_flat_map(|customers| (0..=customers).prop_map(move |adopters| of(adopters, customers)))
    }

    proptest! {
        #[test]
        fn interval_contains_the_estimate_and_stays_in_range(first in proportion(), second in proportion()) {
            let difference = Difference::new(first, second, Z_95);
            prop_assert!(difference.low <= difference.estimate && difference.estimate <= difference.high);
            prop_assert!(difference.low >= -1.0 && difference.high <= 1.0);
        }

        #[test]
        fn swapping_the_groups_mirrors_the_interval(first in proportion(), second in proportion()) {
            let one = Difference::new(first, second, Z_95);
            let other = Difference::new(second, first, Z_95);
            prop_assert!((one.low + other.high).abs() < 1e-12 && (one.high + other.low).abs() < 1e-12);
        }

        #[test]
        fn more_customers_with_equal_rates_narrow_the_interval(
            first in proportion(), second in proportion(), factor in 2_u32..20,
        ) {
            let times = |group: Proportion| of(group.adopters * factor, group.customers * factor);
            let few = Difference::new(first, second, Z_95);
            let many = Difference::new(times(first), times(second), Z_95);
            prop_assert!(many.high - many.low <= few.high - few.low + 1e-12);
        }

        #[test]
        fn more_comparisons_widen_the_interval(first in proportion(), second in proportion(), many in 2_usize..10) {
            let single = Difference::new(first, second, z_for(1));
            let family = Difference::new(first, second, z_for(many));
            prop_assert!(family.low <= single.low && single.high <= family.high);
        }
    }
}
