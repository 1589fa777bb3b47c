//! Assigns customers to the control group and to the arms of an effect plan.
//!
//! **Invariant:** an assignment depends only on the effect plan, the reference key and the customer. It is the same in
//! every run with the same plan, and only holders of the key can predict it.

use contracts::CustomerRef;
use contracts::effect::{ASSIGNMENT, Assignment, EffectPlan};
use contracts::facts::{Facts, Stance};
use contracts::request::Request;
use storage::vault::Keys;

/// Returns a customer's assignment under the plan. The control group and each kind of arm are assigned independently.
#[must_use]
pub fn assign(plan: &EffectPlan, keys: &Keys, reference: &CustomerRef) -> Assignment {
    let share = |purpose: &str| {
        let text = format!("{purpose}\n{}\n{reference}", plan.campaign);
        unit_interval(keys.keyed_digest(ASSIGNMENT, text.as_bytes()).as_bytes())
    };
    Assignment {
        held_out: share("holdout") < plan.holdout,
        shape: pick(&plan.shapes, share("shape")),
        tone: pick(&plan.tones, share("tone")),
    }
}

/// Returns a customer's assignment in a run. If the run has no effect plan, no customer is held out and there are no
/// arms.
#[must_use]
pub fn assign_in(request: &Request, keys: &Keys, reference: &CustomerRef) -> Assignment {
    request.effect.as_ref().map(|plan| assign(plan, keys, reference)).unwrap_or_default()
}

/// Returns whether an assessed customer is held out. A customer who gets a service message is never held out, because
/// the message helps them and offers nothing.
#[must_use]
pub fn is_held_out(request: &Request, keys: &Keys, facts: &Facts) -> bool {
    matches!(facts.stance, Stance::Recommend { .. }) && assign_in(request, keys, &facts.reference).held_out
}

/// Returns a number in [0, 1) from the first 53 bits of a digest.
#[expect(clippy::cast_precision_loss, reason = "53 bits fit into the mantissa")]
fn unit_interval(digest: &[u8; 32]) -> f64 {
    let bits = digest[..8].iter().fold(0_u64, |bits, byte| (bits << 8) | u64::from(*byte));
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

/// Returns the list's value at a fraction of its length, or `None` if it is empty.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a list of at most four arms, and a share in [0, 1)"
)]
fn pick<T: Copy>(values: &[T], share: f64) -> Option<T> {
    values.get((share * values.len() as f64) as usize).copied()
}

#[cfg(test)]
mod tests {
    use contracts::media::Shape;
    use contracts::tone::Tone;

    use super::*;

    fn plan(campaign: &str) -> EffectPlan {
        EffectPlan {
            campaign: campaign.to_owned(),
            holdout: 0.1,
            window_days: 30,
            shapes: vec![Shape::Wide, Shape::Tall],
            tones: vec![Tone::Warm, Tone::Formal],
        }
    }

    fn customers() -> Vec<CustomerRef> {
        let keys = Keys::new([0; 32], [9; 32]);
        (0..20_000_u32)
            .map(|n| {
                let digest = keys.keyed_digest("test", &n.to_be_bytes()).to_string();
                CustomerRef::parse(&digest[..32]).unwrap()
            })
            .collect()
    }

    fn count(assignments: &[Assignment], condition: impl Fn(&Assignment) -> bool) -> usize {
        assignments.iter().filter(|assignment| condition(assignment)).count()
    }

    #[test]
    fn groups_have_their_sizes_and_are_independent() {
        let keys = Keys::new([0; 32], [1; 32]);
        let all: Vec<Assignment> = customers().iter().map(|one| assign(&plan("spring"), &keys, one)).collect();
        // Four standard deviations of 20,000 draws are 170 for a tenth and 283 for a half.
        let held_out = count(&all, |one| one.held_out);
        assert!((1_830..=2_170).contains(&held_out), "{held_out}");
        let tall = count(&all, |one| one.shape == Some(Shape::Tall));
        assert!((9_717..=10_283).contains(&tall), "{tall}");
        let warm_and_tall = count(&all, |one| one.shape == Some(Shape::Tall) && one.tone == Some(Tone::Warm));
        assert!((4_755..=5_245).contains(&warm_and_tall), "{warm_and_tall}");
        let held_out_and_tall = count(&all, |one| one.held_out && one.shape == Some(Shape::Tall));
        assert!((880..=1_120).contains(&held_out_and_tall), "{held_out_and_tall}");
    }

    #[test]
    fn assignment_is_stable_within_a_campaign_and_new_in_the_next() {
        let keys = Keys::new([0; 32], [1; 32]);
        let customers = customers();
        let of = |campaign: &str, keys: &Keys| -> Vec<bool> {
            customers.iter().map(|one| assign(&plan(campaign), keys, one).held_out).collect()
        };
        let spring = of("spring", &keys);
        assert_eq!(spring, of("spring", &keys));
        for other in [of("autumn", &keys), of("spring", &Keys::new([0; 32], [2; 32]))] {
            let both = spring.iter().zip(&other).filter(|(a, b)| **a && **b).count();
            assert!((140..=260).contains(&both), "a new draw shares a hundredth, not {both}");
        }
    }

    #[test]
    fn larger_holdout_keeps_the_earlier_control_group() {
        let keys = Keys::new([0; 32], [1; 32]);
        let larger = EffectPlan { holdout: 0.2, ..plan("spring") };
        for one in customers() {
            assert!(!assign(&plan("spring"), &keys, &one).held_out || assign(&larger, &keys, &one).held_out);
        }
    }
}
