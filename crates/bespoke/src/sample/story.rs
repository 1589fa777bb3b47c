//! A customer as a story, and the rows it becomes.

use jiff::ToSpan;
use rand::Rng;
use rand::rngs::StdRng;

use super::{LAST_DAY, ProfileRow, Rows, TransactionRow, TweetRow};

/// The days that the payments of a story cover.
const DAYS: i64 = 180;

/// Something a customer pays for again and again.
#[derive(Clone, Copy, Debug)]
pub struct Habit {
    /// The bank's word for it.
    pub category: &'static str,
    /// Who is paid.
    pub merchants: &'static [&'static str],
    /// The least and the most, dollars.
    pub amount: (u32, u32),
    /// How many payments in the older half of the days.
    pub early: usize,
    /// How many in the newer half.
    pub late: usize,
    /// Whether it is a bill: paid to the first of the merchants every 30 days, always the same amount.
    pub bill: bool,
}

/// All that is told of one customer.
#[derive(Clone, Debug)]
pub struct Story {
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
    /// The answers that stand in the customer's rows, in turn.
    pub consent: &'static [&'static str],
    pub social: &'static [&'static str],
    pub habits: &'static [Habit],
    /// Posts, and how many days before the last day they were written.
    pub tweets: &'static [(i64, &'static str)],
}

/// For how many days customer number `number` has been one: up to twelve years, and nothing to do with who they are.
fn customer_for(number: usize) -> i64 {
    i64::try_from(number * 397 % 4_383).unwrap_or_default()
}

impl Story {
    /// Adds the story's rows as those of customer number `number`. `payments` cuts or stretches its habits to that many.
    pub fn tell(&self, number: usize, payments: Option<usize>, random: &mut StdRng, rows: &mut Rows) {
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
            customer_since: LAST_DAY.saturating_sub(customer_for(number).days()),
        });
        let mut told = self.payments(random);
        if let Some(payments) = payments {
            let all = told.clone();
            told = all.into_iter().cycle().take(payments).collect();
        }
        told.sort_by_key(|(days_ago, ..)| std::cmp::Reverse(*days_ago));
        for (at, (days_ago, habit, merchant, cents)) in told.into_iter().enumerate() {
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
            let created_at = LAST_DAY.saturating_sub(days_ago.days());
            let (customer_id, tweet) = (customer_id.clone(), (*tweet).to_owned());
            rows.tweets.push(TweetRow { customer_id, tweet, created_at });
        }
    }

    /// Days before the last day, habit, merchant and cents of each payment. The first one is on the last day.
    fn payments(&self, random: &mut StdRng) -> Vec<(i64, Habit, &'static str, u32)> {
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
