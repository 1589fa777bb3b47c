//! Describes a comparison in plain language.

use std::fmt::Write as _;

use serde::Serialize;

use crate::proportion::{Difference, Proportion};

/// The number of customers in a group below which a report warns.
pub const FEW_CUSTOMERS: u32 = 100;

/// The number of adopters, or of customers who did not adopt, in a group below which a report warns. It is the usual
/// minimum for the normal approximation of a proportion.
pub const FEW_ADOPTERS: u32 = 5;

/// The sign of a difference, according to its interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The whole interval is above 0.
    Higher,
    /// The whole interval is below 0.
    Lower,
    /// The interval contains 0.
    Unclear,
}

impl Verdict {
    /// Returns the sign of a difference, according to its interval.
    #[must_use]
    pub fn of(difference: Difference) -> Self {
        if difference.low > 0.0 {
            Self::Higher
        } else if difference.high < 0.0 {
            Self::Lower
        } else {
            Self::Unclear
        }
    }
}

/// A reason to interpret a comparison with caution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Caution {
    /// A group is empty.
    NoCustomers,
    /// A group has fewer than [`FEW_CUSTOMERS`] customers.
    FewCustomers,
    /// A group has fewer than [`FEW_ADOPTERS`] adopters, or fewer than that many customers who did not adopt.
    FewAdopters,
}

impl Caution {
    /// Returns the warning as a sentence.
    #[must_use]
    pub fn words(self) -> String {
        match self {
            Self::NoCustomers => "One of the groups is empty, so there is nothing to compare.".to_owned(),
            Self::FewCustomers => {
                format!("Small numbers: one of the groups has fewer than {FEW_CUSTOMERS} customers.")
            }
            Self::FewAdopters => format!(
                "Small numbers: in one of the groups, fewer than {FEW_ADOPTERS} customers adopted or did not adopt."
            ),
        }
    }
}

/// Returns the reasons to interpret a difference with caution. An empty group hides all other reasons.
#[must_use]
pub fn cautions(difference: Difference) -> Vec<Caution> {
    let groups = [difference.first, difference.second];
    if groups.iter().any(|group| group.customers == 0) {
        return vec![Caution::NoCustomers];
    }
    let few_adopters =
        |group: &Proportion| group.adopters < FEW_ADOPTERS || group.customers - group.adopters < FEW_ADOPTERS;
    let mut cautions = Vec::new();
    if groups.iter().any(|group| group.customers < FEW_CUSTOMERS) {
        cautions.push(Caution::FewCustomers);
    }
    if groups.iter().any(few_adopters) {
        cautions.push(Caution::FewAdopters);
    }
    cautions
}

/// Describes the primary comparison, with one fact per sentence.
#[must_use]
pub fn primary(difference: Difference) -> String {
    let Difference { first: treated, second: control, estimate, low, high } = difference;
    let mut text = format!(
        "Of 100 treated customers, {} adopted a product that was chosen for them. Of 100 in the control group, {} did.",
        per_hundred(treated.rate()),
        per_hundred(control.rate()),
    );
    let range = format!("between {} and {} points", points(low), points(high));
    let _infallible = match Verdict::of(difference) {
        Verdict::Higher => write!(
            text,
            " The recommendation raised adoption by about {} points. The data fit a true effect {range}.",
            points(estimate)
        ),
        Verdict::Lower => write!(
            text,
            " Adoption was lower with the recommendation, by about {} points. The data fit a true effect {range}.",
            points(-estimate)
        ),
        Verdict::Unclear => {
            write!(text, " The data show no clear effect: they fit a true effect {range}, a range that includes 0.")
        }
    };
    text
}

/// Describes a comparison of two arms in one sentence.
#[must_use]
pub fn arms(first: &str, second: &str, difference: Difference) -> String {
    let Difference { estimate, low, high, .. } = difference;
    let range = format!("between {} and {} points", points(low), points(high));
    match Verdict::of(difference) {
        Verdict::Higher => {
            format!("Adoption was {} points higher with {first} than with {second} ({range}).", points(estimate))
        }
        Verdict::Lower => {
            format!("Adoption was {} points higher with {second} than with {first} ({range}).", points(-estimate))
        }
        Verdict::Unclear => format!("The data show no clear difference between {first} and {second} ({range})."),
    }
}

/// Formats a share as percentage points with one decimal and a true minus sign: 0.042 becomes `4.2`.
#[must_use]
pub fn points(share: f64) -> String {
    let rounded = format!("{:.1}", (share * 100.0).abs());
    if share < 0.0 && rounded != "0.0" { format!("−{rounded}") } else { rounded }
}

fn per_hundred(rate: f64) -> String {
    format!("{:.1}", rate * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proportion::Z_95;

    fn difference(first: (u32, u32), second: (u32, u32)) -> Difference {
        let of = |(adopters, customers)| Proportion { adopters, customers };
        Difference::new(of(first), of(second), Z_95)
    }

    #[test]
    fn reading_states_rates_effect_and_range() {
        assert_eq!(
            primary(difference((1_260, 9_000), (100, 1_000))),
            "Of 100 treated customers, 14.0 adopted a product that was chosen for them. Of 100 in the control group, \
             10.0 did. The recommendation raised adoption by about 4.0 points. The data fit a true effect between 1.9 \
             and 5.9 points."
        );
        let unclear = primary(difference((105, 1_000), (10, 100)));
        assert!(unclear.contains("no clear effect") && unclear.contains("−"), "{unclear}");
        let lower = primary(difference((50, 1_000), (300, 1_000)));
        assert!(lower.contains("Adoption was lower with the recommendation, by about 25.0 points"), "{lower}");
    }

    #[test]
    fn arms_name_the_better_one() {
        assert!(arms("warm", "formal", difference((300, 1_000), (200, 1_000))).contains("higher with warm than"));
        assert!(arms("warm", "formal", difference((200, 1_000), (300, 1_000))).contains("higher with formal than"));
        assert!(arms("warm", "formal", difference((200, 1_000), (200, 1_000))).contains("no clear difference"));
    }

    #[test]
    fn small_numbers_are_cautioned() {
        assert_eq!(cautions(difference((50, 1_000), (10, 99))), [Caution::FewCustomers]);
        assert_eq!(cautions(difference((50, 1_000), (4, 100))), [Caution::FewAdopters]);
        assert_eq!(cautions(difference((997, 1_000), (50, 100))), [Caution::FewAdopters]);
        assert_eq!(cautions(difference((50, 1_000), (10, 100))), []);
    }
}
