//! The template of a sample customer, and the rows made from it.

use jiff::ToSpan;
use rand::Rng;
use rand::rngs::StdRng;

use super::{LAST_DAY, ProfileRow, SampleRows, TransactionRow, TweetRow};

/// The number of days that the payments cover.
const DAYS: i64 = 180;

/// A recurring kind of payment.
#[derive(Clone, Copy, Debug)]
pub struct SpendingHabit {
    /// The bank's category for the payments.
    pub category: &'static str,
    /// The possible payees.
    pub merchants: &'static [&'static str],
    /// The minimum and maximum amount in dollars.
    pub amount: (u32, u32),
    /// The number of payments in the older half of the days.
    pub early: usize,
    /// The number of payments in the newer half of the days.
    pub late: usize,
    /// Whether it is a bill: the same amount every 30 days, to the first merchant in the list.
    pub bill: bool,
}

/// A sample customer: profile, answers, habits and posts.
#[derive(Clone, Debug)]
pub struct CustomerTemplate {
    pub first_name: &'static str,
    pub last_name: &'static str,
    pub age: u8,
    pub gender: &'static str,
    pub marital_status: &'static str,
    /// City and zip code.
    pub home: (&'static str, &'static str),
    pub occupation: &'static str,
    pub income: u32,
    pub balance: u32,
    pub products: &'static [&'static str],
    pub adviser: &'static str,
    /// The preferred language, as a bank writes it. Empty if the bank's own applies.
    pub language: &'static str,
    /// The answers to the general consent question. The payment rows cycle through them.
    pub consent: &'static [&'static str],
    /// The answers to the social-media consent question. The payment rows cycle through them too.
    pub social: &'static [&'static str],
    pub habits: &'static [SpendingHabit],
    /// The posts. Each one has its age in days, counted back from the last day.
    pub tweets: &'static [(i64, &'static str)],
}

/// Returns the number of days since customer `number` joined the bank: up to twelve years, whatever the template.
fn days_as_customer(number: usize) -> i64 {
    i64::try_from(number * 397 % 4_383).unwrap_or_default()
}

impl CustomerTemplate {
    /// Adds the rows of customer `number`. If `payments` is given, drops or repeats payments until there are that many.
    pub fn add_rows(&self, number: usize, payments: Option<usize>, random: &mut StdRng, rows: &mut SampleRows) {
        let customer_id = format!("{number:04}");
        rows.profiles.push(ProfileRow {
            customer_id: customer_id.clone(),
            first_name: self.first_name.to_owned(),
            last_name: self.last_name.to_owned(),
            age: self.age,
            gender: self.gender.to_owned(),
            marital_status: self.marital_status.to_owned(),
            city: self.home.0.to_owned(),
            zip_code: self.home.1.to_owned(),
            occupation: self.occupation.to_owned(),
            income: f64::from(self.income),
            account_balance: f64::from(self.balance),
            products_held: self.products.join("; "),
            investment_advisor: self.adviser.to_owned(),
            customer_since: LAST_DAY.saturating_sub(days_as_customer(number).days()),
            language: self.language.to_owned(),
        });
        let mut payments_made = self.payments(random);
        if let Some(count) = payments {
            payments_made = payments_made.iter().copied().cycle().take(count).collect();
        }
        payments_made.sort_by_key(|(days_ago, ..)| std::cmp::Reverse(*days_ago));
        for (at, (days_ago, habit, merchant, cents)) in payments_made.into_iter().enumerate() {
            rows.transactions.push(TransactionRow {
                customer_id: customer_id.clone(),
                date: LAST_DAY.saturating_sub(days_ago.days()),
                category: habit.category.to_owned(),
                merchant: merchant.to_owned(),
                transaction_amount: f64::from(cents) / 100.0,
                consent: self.consent[at % self.consent.len()].to_owned(),
                consent_social_media: self.social[at % self.social.len()].to_owned(),
            });
        }
        for (days_ago, tweet) in self.tweets {
            rows.tweets.push(TweetRow {
                customer_id: customer_id.clone(),
                tweet: (*tweet).to_owned(),
                created_at: LAST_DAY.saturating_sub(days_ago.days()),
            });
        }
    }

    /// Returns each payment's age in days, habit, merchant and amount in cents. The first payment is on the last day.
    fn payments(&self, random: &mut StdRng) -> Vec<(i64, SpendingHabit, &'static str, u32)> {
        let half = DAYS / 2;
        let mut payments = Vec::new();
        for habit in self.habits {
            if habit.bill {
                let cents = random.random_range(habit.amount.0 * 100..=habit.amount.1 * 100);
                payments.extend((2..DAYS).step_by(30).map(|days_ago| (days_ago, *habit, habit.merchants[0], cents)));
                continue;
            }
            for (times, from) in [(habit.late, 0), (habit.early, half)] {
                for _ in 0..times {
                    let days_ago = if payments.is_empty() { 0 } else { random.random_range(from..from + half) };
                    let merchant = habit.merchants[random.random_range(0..habit.merchants.len())];
                    let cents = random.random_range(habit.amount.0 * 100..=habit.amount.1 * 100);
                    payments.push((days_ago, *habit, merchant, cents));
                }
            }
        }
        payments
    }
}
