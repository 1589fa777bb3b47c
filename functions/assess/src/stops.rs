//! Collects a customer's stops from the profile, the balance, the payments and the posts.

use std::collections::BTreeSet;

use contracts::facts::Stop;
use policy::customer::{Cents, Customer};

use crate::features::days_between;
use crate::stop_phrases::StopPhrases;

/// Returns the customer's stops, sorted. `needs_person` adds the stop for posts that suggest danger to life. Ignores
/// payments that are more than `stop_days` days old.
#[must_use]
pub fn of(customer: &Customer, needs_person: bool, stop_days: i32) -> Vec<Stop> {
    let mut stops: BTreeSet<Stop> = customer.profile.stops.iter().copied().collect();
    if needs_person {
        stops.insert(Stop::NeedsPerson);
    }
    if customer.profile.account_balance.is_some_and(|balance| balance < Cents(0)) {
        stops.insert(Stop::NegativeBalance);
    }
    let is_recent = |day| days_between(day, customer.as_of) <= stop_days;
    for payment in customer.transactions.iter().filter(|payment| is_recent(payment.date)) {
        stops.extend(StopPhrases::get().payment_stops(&payment.category, &payment.merchant));
    }
    stops.into_iter().collect()
}
