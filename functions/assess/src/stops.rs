//! Collects a customer's stops from the profile, the balance, the payments and the posts.

use std::collections::BTreeSet;

use contracts::facts::Stop;
use policy::customer::{Cents, Customer};

use crate::features::days_between;
use crate::stop_words::StopWords;

/// The age, in days, after which a payment no longer stops an offer.
pub const PAYMENTS_AGE_OUT_DAYS: i32 = 180;

/// Returns the customer's stops, sorted. A stop that needs a person comes first.
#[must_use]
pub fn of(customer: &Customer, needs_person: bool) -> Vec<Stop> {
    let mut stops: BTreeSet<Stop> = customer.profile.stops.iter().copied().collect();
    if needs_person {
        stops.insert(Stop::NeedsPerson);
    }
    if customer.profile.account_balance.is_some_and(|balance| balance < Cents(0)) {
        stops.insert(Stop::NegativeBalance);
    }
    let is_recent = |day| days_between(day, customer.as_of) <= PAYMENTS_AGE_OUT_DAYS;
    for payment in customer.transactions.iter().filter(|payment| is_recent(payment.date)) {
        stops.extend(StopWords::get().payment_stops(&payment.category, &payment.merchant));
    }
    stops.into_iter().collect()
}
