//! Simulated campaigns with planted effects. The control group is drawn as in a real run, by `policy::experiment`.

use std::collections::{BTreeMap, BTreeSet};

use contracts::CustomerRef;
use contracts::effect::EffectPlan;
use effect::{CustomerResult, Measurement, Verdict, measure};
use policy::experiment::assign;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use storage::vault::Keys;

/// The number of customers in a simulated campaign.
const CUSTOMERS: usize = 4_000;

/// The share of customers who adopt the product without a recommendation.
const BASE_RATE: f64 = 0.10;

/// Simulates a campaign in which the recommendation raises the rate by `effect`.
fn campaign(seed: u64, effect: f64) -> Measurement {
    let mut random = StdRng::seed_from_u64(seed);
    let keys = Keys::new([0; 32], random.random());
    let plan = EffectPlan {
        campaign: "simulation".to_owned(),
        holdout: 0.1,
        window_days: 30,
        shapes: Vec::new(),
        tones: Vec::new(),
    };
    let product = || BTreeSet::from(["card".to_owned()]);
    let customers: Vec<CustomerResult> = (0..CUSTOMERS)
        .map(|_| {
            let reference = CustomerRef::parse(hex::encode(random.random::<[u8; 16]>())).expect("32 hex digits");
            let held_out = assign(&plan, &keys, &reference).held_out;
            let rate = if held_out { BASE_RATE } else { BASE_RATE + effect };
            let adopted = if random.random_bool(rate) { product() } else { BTreeSet::new() };
            CustomerResult { held_out, offers: product(), adopted, levels: BTreeMap::new() }
        })
        .collect();
    measure(&customers)
}

/// Returns the number of seeds for which `condition` holds.
fn count(seeds: u64, effect: f64, condition: impl Fn(&Measurement) -> bool) -> usize {
    (0..seeds).filter(|seed| condition(&campaign(*seed, effect))).count()
}

#[test]
fn interval_holds_a_planted_effect() {
    let holds = count(100, 0.04, |measured| measured.uplift.low <= 0.04 && 0.04 <= measured.uplift.high);
    assert!(holds >= 93, "{holds}");
}

#[test]
fn no_effect_raises_few_false_alarms() {
    let alarms = count(100, 0.0, |measured| measured.verdict != Verdict::Unclear);
    assert!(alarms <= 7, "{alarms}");
}
