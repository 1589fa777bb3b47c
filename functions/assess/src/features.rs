//! Derives facts from payments and accounts. The facts contain no amounts: only bands, signs, shares and trends of
//! spending, and categories with recurring payments. The categories come from a closed list.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use contracts::catalogue::{Product, ProductKind};
use contracts::facts::{Band, Share, Sign, Spending, SpendingCategory, Tenure, Trend};
use jiff::civil::Date;
use policy::customer::{Cents, Transaction};

use crate::lexicon::Lexicon;

/// The length, in days, of the current window, which ends on `as_of`. The earlier window before it has the same length.
pub const WINDOW_DAYS: i32 = 90;

const BOTH_WINDOWS_DAYS: i32 = 2 * WINDOW_DAYS;

/// The number of days of history that a trend requires: the current window and two thirds of the earlier one. With less
/// history, spending would appear to rise in every category for a new customer.
pub const MIN_TREND_HISTORY_DAYS: i32 = WINDOW_DAYS + 60;

/// The allowed intervals between recurring payments, in days: weekly, every two weeks, or monthly. The ranges leave
/// room for months of different lengths, and for weekends and bank holidays that shift payments.
const INTERVALS: [RangeInclusive<i32>; 3] = [6..=8, 13..=15, 26..=35];

/// The minimum number of payments that count as recurring.
const MIN_RECURRING_PAYMENTS: usize = 3;

/// A sign requires payments on at least this many days, because a single purchase is not enough evidence.
const MIN_SIGN_DAYS: usize = 2;

/// A sign of a business requires payments on at least this many days. If one of them is a payment that only a business
/// makes, [`MIN_SIGN_DAYS`] are enough.
const MIN_BUSINESS_DAYS: usize = 4;

/// Words in the bank's category names that identify payments of a kind that only a business makes. Consumers also buy
/// office supplies and software, so those are not listed.
const BUSINESS_ONLY: [&str; 6] =
    ["payroll", "supplier", "inventory", "merchant fee", "commercial rent", "business service"];

/// A payment in one of the lexicon's categories, within the 180 days up to `as_of`.
struct Payment<'a> {
    category: SpendingCategory,
    /// The days from the payment to `as_of`.
    age_days: i32,
    cents: i64,
    merchant: &'a str,
    /// Whether only a business makes such a payment.
    business_only: bool,
}

/// The payments that have a category in the lexicon. Other payments count only toward the length of the history, so not
/// even their total is visible.
pub struct Payments<'a> {
    counted: Vec<Payment<'a>>,
    /// The days of history, counted over all payments.
    history_days: i32,
}

impl<'a> Payments<'a> {
    /// Selects the payments in both windows that have a category in the lexicon.
    #[must_use]
    pub fn of(transactions: &'a [Transaction], as_of: Date, lexicon: &Lexicon) -> Self {
        let mut payments = Self { counted: Vec::new(), history_days: 0 };
        for Transaction { date, category: word, merchant, amount } in transactions {
            let age_days = days_between(*date, as_of);
            payments.history_days = payments.history_days.max(age_days.saturating_add(1));
            if (0..BOTH_WINDOWS_DAYS).contains(&age_days)
                && let Some(category) = lexicon.spending(word)
            {
                let word = word.to_lowercase();
                let business_only = BUSINESS_ONLY.iter().any(|only| word.contains(only));
                payments.counted.push(Payment { category, age_days, cents: amount.0, merchant, business_only });
            }
        }
        payments
    }

    /// Returns the spending by category in the current window, largest first, with ties in category order. Refunds are
    /// negative amounts. Categories whose net amount is not positive are left out.
    #[must_use]
    pub fn spending(&self) -> Vec<Spending> {
        // An i128 can hold the sum even if every row of a workbook has the largest possible amount.
        let mut recent = BTreeMap::<SpendingCategory, i128>::new();
        let mut earlier = BTreeMap::<SpendingCategory, i128>::new();
        for payment in &self.counted {
            let window = if payment.age_days < WINDOW_DAYS { &mut recent } else { &mut earlier };
            *window.entry(payment.category).or_default() += i128::from(payment.cents);
        }
        let mut spent: Vec<_> = recent.into_iter().filter(|(_, net)| *net > 0).collect();
        spent.sort_by_key(|(category, net)| (std::cmp::Reverse(*net), *category));
        let total = spent.iter().map(|(_, net)| net).sum();
        let describe = |(category, net): (SpendingCategory, i128)| {
            let before = earlier.get(&category).copied().unwrap_or_default().max(0);
            let trend = if self.history_days < MIN_TREND_HISTORY_DAYS { Trend::Steady } else { trend(net, before) };
            Spending { category, share: share(net, total), trend }
        };
        spent.into_iter().map(describe).collect()
    }

    /// Returns the sorted categories with recurring payments. A payee's payments in a category recur if there are at
    /// least three in the 180 days, all at regular intervals and within a fifth of their median amount.
    #[must_use]
    pub fn recurring(&self) -> Vec<SpendingCategory> {
        let mut by_payee = BTreeMap::<(SpendingCategory, &str), Vec<&Payment<'_>>>::new();
        for payment in self.counted.iter().filter(|payment| payment.cents > 0) {
            by_payee.entry((payment.category, payment.merchant)).or_default().push(payment);
        }
        let recurring = by_payee.into_iter().filter(|(_, payments)| is_recurring(payments));
        recurring.map(|((category, _), _)| category).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Returns the signs in the payments. A sign requires payments on at least two days, one of them in the current
    /// window. A sign of a business requires four days, unless one of the payments is of a kind that only a business
    /// makes. A mortgage that the customer holds is a sign of a home.
    #[must_use]
    pub fn signs<'p>(&self, mut held: impl Iterator<Item = &'p Product>) -> Vec<Sign> {
        let has_payments = |category| {
            let payments = || self.counted.iter().filter(|payment| payment.category == category && payment.cents > 0);
            let days: BTreeSet<i32> = payments().map(|payment| payment.age_days).collect();
            let is_weak = category == SpendingCategory::Business && !payments().any(|payment| payment.business_only);
            let fewest = if is_weak { MIN_BUSINESS_DAYS } else { MIN_SIGN_DAYS };
            days.len() >= fewest && days.first().is_some_and(|newest| *newest < WINDOW_DAYS)
        };
        let has_mortgage = held.any(|product| product.kind == ProductKind::Mortgage);
        let is_present = |sign: &Sign| match sign {
            Sign::Travel => has_payments(SpendingCategory::Travel),
            Sign::Home => has_mortgage || has_payments(SpendingCategory::Home),
            Sign::Business => has_payments(SpendingCategory::Business),
        };
        Sign::ALL.iter().copied().filter(is_present).collect()
    }
}

fn is_recurring(payments: &[&Payment<'_>]) -> bool {
    let mut amounts: Vec<i64> = payments.iter().map(|payment| payment.cents).collect();
    amounts.sort_unstable();
    let median = i128::from(amounts[amounts.len() / 2]);
    let is_near_median = |cents: &i64| (i128::from(*cents) - median).abs() * 5 <= median;
    let mut days: Vec<i32> = payments.iter().map(|payment| payment.age_days).collect();
    days.sort_unstable();
    let is_regular =
        |interval: &RangeInclusive<i32>| days.windows(2).all(|pair| interval.contains(&(pair[1] - pair[0])));
    payments.len() >= MIN_RECURRING_PAYMENTS && amounts.iter().all(is_near_median) && INTERVALS.iter().any(is_regular)
}

/// Returns the band for the time since `since`: less than a year, one to five years, or more. A future day counts as
/// new.
#[must_use]
pub fn tenure(since: Date, as_of: Date) -> Tenure {
    match days_between(since, as_of) {
        ..365 => Tenure::New,
        365..1826 => Tenure::Settled,
        1826.. => Tenure::Long,
    }
}

/// Returns the days from `date` to `as_of`; negative if `date` is later.
pub(crate) fn days_between(date: Date, as_of: Date) -> i32 {
    as_of.duration_since(date).as_hours().div_euclid(24).try_into().unwrap_or(i32::MAX)
}

/// Returns the band for a share. A share from a tenth to a quarter, both inclusive, is notable.
fn share(part: i128, total: i128) -> Share {
    if part * 4 > total {
        Share::Large
    } else if part * 10 >= total {
        Share::Notable
    } else {
        Share::Small
    }
}

/// Returns the trend. A change of at least a fifth is a rise or a fall.
fn trend(now: i128, before: i128) -> Trend {
    if now * 5 >= before * 6 {
        Trend::Rising
    } else if now * 5 <= before * 4 {
        Trend::Falling
    } else {
        Trend::Steady
    }
}

/// Returns the band for an annual income: below $40,000, below $100,000, below $250,000, or above.
///
/// The bounds are Bespoke's own, and only eligibility uses the band. The source of the income, which may be public
/// assistance, is unknown.
#[must_use]
pub const fn income_band(income: Cents) -> Band {
    band(income, [40_000, 100_000, 250_000])
}

/// Returns the band for the total balance across all accounts: below $5,000, below $50,000, below $500,000, or above. A
/// negative balance is in the lowest band.
#[must_use]
pub const fn balance_band(balance: Cents) -> Band {
    band(balance, [5_000, 50_000, 500_000])
}

/// Returns the band for an amount. `bounds` are the lowest amounts in the three upper bands, in whole currency units.
const fn band(amount: Cents, bounds: [i64; 3]) -> Band {
    let units = amount.0.div_euclid(100);
    if units < bounds[0] {
        Band::Low
    } else if units < bounds[1] {
        Band::Middle
    } else if units < bounds[2] {
        Band::Upper
    } else {
        Band::High
    }
}

#[cfg(test)]
mod tests {
    use contracts::facts::SpendingCategory::{Dining, Groceries, Travel};
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{AS_OF, lexicon, paid};

    fn spending(transactions: &[Transaction]) -> Vec<(SpendingCategory, Share, Trend)> {
        Payments::of(transactions, AS_OF, &lexicon())
            .spending()
            .into_iter()
            .map(|s| (s.category, s.share, s.trend))
            .collect()
    }

    #[test]
    fn spending_covers_ninety_days_largest_first() {
        let rows =
            [paid(0, "Groceries", 900), paid(89, "Travel", 3_000), paid(3, "Dining", 6_100), paid(90, "Home", 99)];
        let all_steady = [
            (Dining, Share::Large, Trend::Steady),
            (Travel, Share::Large, Trend::Steady),
            (Groceries, Share::Small, Trend::Steady),
        ];
        assert_eq!(spending(&rows), all_steady);
    }

    #[test]
    fn shares_of_a_tenth_and_a_quarter_are_notable() {
        let rows = [paid(1, "Groceries", 10), paid(1, "Dining", 25), paid(1, "Travel", 65)];
        let shares: Vec<_> = spending(&rows).into_iter().map(|(category, share, _)| (category, share)).collect();
        assert_eq!(shares, [(Travel, Share::Large), (Dining, Share::Notable), (Groceries, Share::Notable)]);
    }

    #[test]
    fn change_of_a_fifth_is_a_trend() {
        for (before, now, expected) in [
            (100, 120, Trend::Rising),
            (100, 119, Trend::Steady),
            (100, 81, Trend::Steady),
            (100, 80, Trend::Falling),
            (0, 10, Trend::Rising),
        ] {
            let rows = [paid(170, "Transfer", 1), paid(100, "Travel", before), paid(10, "Travel", now)];
            assert_eq!(spending(&rows), [(Travel, Share::Large, expected)], "{before} then {now}");
        }
    }

    #[test]
    fn short_history_has_no_trend() {
        assert_eq!(spending(&[paid(100, "Travel", 1), paid(5, "Travel", 900)])[0].2, Trend::Steady);
    }

    #[test]
    fn refund_never_makes_category_negative() {
        let rows = [paid(9, "Travel", 500), paid(5, "Travel", -500), paid(4, "Dining", 100), paid(2, "Home", -900)];
        assert_eq!(spending(&rows), [(Dining, Share::Large, Trend::Steady)]);
    }

    #[test]
    fn unlisted_categories_do_not_affect_spending() {
        let known = [paid(5, "Travel", 100), paid(5, "Dining", 100)];
        let mut with_unknown = known.to_vec();
        with_unknown.extend([paid(5, "Pharmacy", 9_000), paid(6, "Church", 9_000), paid(7, "", 1)]);
        assert_eq!(spending(&known), spending(&with_unknown));
    }

    #[test]
    fn payments_after_as_of_are_ignored() {
        assert_eq!(spending(&[paid(-1, "Travel", 100)]), []);
        assert_eq!(days_between(date(2026, 12, 31), date(2027, 1, 1)), 1);
    }

    fn recurring(transactions: &[Transaction]) -> Vec<SpendingCategory> {
        Payments::of(transactions, AS_OF, &lexicon()).recurring()
    }

    #[test]
    fn regular_payments_to_same_payee_recur() {
        let monthly = [paid(3, "Utilities", 90), paid(33, "Utilities", 100), paid(64, "Utilities", 110)];
        assert_eq!(recurring(&monthly), [SpendingCategory::Utilities]);
        assert_eq!(recurring(&monthly[..2]), [], "two payments do not recur");
        let mut other_payee = monthly.clone();
        other_payee[1].merchant = "Another".to_owned();
        assert_eq!(recurring(&other_payee), []);
        let mut uneven = monthly.clone();
        uneven[2].amount = Cents(200);
        assert_eq!(recurring(&uneven), []);
        assert_eq!(recurring(&[paid(3, "Utilities", 90), paid(20, "Utilities", 90), paid(64, "Utilities", 90)]), []);
        let weekly = [paid(1, "Church", 50), paid(8, "Church", 50), paid(15, "Church", 50)];
        assert_eq!(recurring(&weekly), [], "the lexicon does not list the category");
    }

    #[test]
    fn sign_requires_payments_on_two_days_one_of_them_recent() {
        let signs = |transactions: &[Transaction]| Payments::of(transactions, AS_OF, &lexicon()).signs([].into_iter());
        assert_eq!(signs(&[paid(3, "Payroll", 9), paid(99, "Suppliers", 9)]), [Sign::Business]);
        let supplies = [3, 30, 50, 99].map(|days| paid(days, "Business Supplies", 9));
        assert_eq!(signs(&supplies[..2]), [], "two purchases of office supplies");
        assert_eq!(signs(&supplies), [Sign::Business]);
        assert_eq!(signs(&[paid(3, "Travel", 9)]), []);
        assert_eq!(signs(&[paid(3, "Travel", 9), paid(3, "Hotels", 9)]), [], "one day");
        assert_eq!(signs(&[paid(95, "Home", 9), paid(99, "Home", 9)]), [], "long ago");
    }

    #[test]
    fn held_mortgage_is_a_sign_of_a_home() {
        let catalogue = crate::testing::catalogue();
        let mortgage = catalogue.products().iter().find(|product| product.kind == ProductKind::Mortgage);
        assert_eq!(Payments::of(&[], AS_OF, &lexicon()).signs(mortgage.into_iter()), [Sign::Home]);
    }

    #[test]
    fn tenure_has_three_bands() {
        let bands = [
            (date(2027, 1, 1), Tenure::New),
            (date(2025, 11, 1), Tenure::New),
            (date(2025, 10, 31), Tenure::Settled),
            (date(2021, 11, 1), Tenure::Settled),
            (date(2021, 10, 31), Tenure::Long),
            (date(1970, 1, 1), Tenure::Long),
        ];
        for (since, expected) in bands {
            assert_eq!(tenure(since, AS_OF), expected, "{since}");
        }
    }

    #[test]
    fn bands_include_their_lower_bound() {
        let bands =
            [(3_999_999, Band::Low), (4_000_000, Band::Middle), (10_000_000, Band::Upper), (25_000_000, Band::High)];
        for (cents, expected) in bands {
            assert_eq!(income_band(Cents(cents)), expected, "{cents}");
        }
        for (cents, expected) in
            [(-1, Band::Low), (500_000, Band::Middle), (5_000_000, Band::Upper), (50_000_000, Band::High)]
        {
            assert_eq!(balance_band(Cents(cents)), expected, "{cents}");
        }
    }

    proptest! {
        #[test]
        fn spending_survives_extreme_amounts_and_row_order(
            rows in prop::collection::vec((0..200_i32, 0..4_usize, any::<i64>()), 0..40),
        ) {
            let words = ["Travel", "Groceries", "Dining", "Pharmacy"];
            let mut rows: Vec<_> = rows.into_iter().map(|(days, word, amount)| {
                Transaction { amount: Cents(amount), ..paid(days, words[word], 0) }
            }).collect();
            let forward = spending(&rows);
            rows.reverse();
            prop_assert_eq!(forward, spending(&rows));
        }
    }
}
