//! What payments and books tell, without amounts: spending by closed category, what comes again and again, and broad bands.

use std::collections::{BTreeMap, BTreeSet};

use contracts::catalogue::{Product, ProductKind};
use contracts::facts::{Band, Share, Sign, Spending, SpendingCategory, Tenure, Trend};
use jiff::civil::Date;
use policy::customer::{Cents, Transaction};

use crate::lexicon::Lexicon;

/// Days of the window whose spending is told, counted back from and including `as_of`, and of the window before it.
pub const WINDOW_DAYS: i32 = 90;

const BOTH_WINDOWS_DAYS: i32 = 2 * WINDOW_DAYS;

/// How many days of history there must be before a change is called a trend: the window, and two thirds of the one
/// before. With less, a new customer's every category would look as if it were rising.
pub const TREND_DAYS: i32 = WINDOW_DAYS + 60;

/// How often something is paid that comes again and again: weekly, fortnightly, monthly. Days from one payment to the next;
/// a month's are those of February less two and of other months plus four, because a payday or a bank holiday moves them.
const RHYTHMS: [std::ops::RangeInclusive<i32>; 3] = [6..=8, 13..=15, 26..=35];

/// How many payments make a rhythm.
const OFTEN: usize = 3;

/// On how many days a sign takes payments, so that one purchase is none.
const SIGN_DAYS: usize = 2;

/// One payment of a category of the lexicon, within the 180 days up to `as_of`.
struct Payment<'a> {
    category: SpendingCategory,
    days: i32,
    cents: i64,
    merchant: &'a str,
}

/// The payments that count: for which the lexicon has a category. The others are left out of everything alike, so that
/// not even their size shows.
pub struct Payments<'a> {
    counted: Vec<Payment<'a>>,
    /// How many days of history there are, of any payment.
    history: i32,
}

impl<'a> Payments<'a> {
    /// The payments up to `as_of`.
    #[must_use]
    pub fn of(transactions: &'a [Transaction], as_of: Date, lexicon: &Lexicon) -> Self {
        let mut payments = Self { counted: Vec::new(), history: 0 };
        for Transaction { date, category, merchant, amount } in transactions {
            let days = days_between(*date, as_of);
            payments.history = payments.history.max(days.saturating_add(1));
            if (0..BOTH_WINDOWS_DAYS).contains(&days)
                && let Some(category) = lexicon.spending(category)
            {
                payments.counted.push(Payment { category, days, cents: amount.0, merchant });
            }
        }
        payments
    }

    /// Spending by category over the 90 days, the largest first (ties by category). Refunds (negative amounts) reduce their
    /// category, at most to nothing.
    #[must_use]
    pub fn spending(&self) -> Vec<Spending> {
        // An i128 holds the sum of every amount that fits a workbook's rows.
        let (mut recent, mut before) = (BTreeMap::<SpendingCategory, i128>::new(), BTreeMap::<_, i128>::new());
        for payment in &self.counted {
            let window = if payment.days < WINDOW_DAYS { &mut recent } else { &mut before };
            *window.entry(payment.category).or_default() += i128::from(payment.cents);
        }
        let mut spent: Vec<_> = recent.into_iter().filter(|(_, net)| *net > 0).collect();
        spent.sort_by_key(|(category, net)| (std::cmp::Reverse(*net), *category));
        let total = spent.iter().map(|(_, net)| net).sum();
        let told = |(category, net): (SpendingCategory, i128)| {
            let earlier = before.get(&category).copied().unwrap_or_default().max(0);
            let trend = if self.history < TREND_DAYS { Trend::Steady } else { trend(net, earlier) };
            Spending { category, share: share(net, total), trend }
        };
        spent.into_iter().map(told).collect()
    }

    /// The categories in which the same payee is paid in a steady rhythm, three times at least and about the same each time
    /// (a fifth more or less than the middle amount), sorted.
    #[must_use]
    pub fn recurring(&self) -> Vec<SpendingCategory> {
        let mut paid = BTreeMap::<(SpendingCategory, &str), Vec<&Payment<'_>>>::new();
        for payment in self.counted.iter().filter(|payment| payment.cents > 0) {
            paid.entry((payment.category, payment.merchant)).or_default().push(payment);
        }
        let steady = paid.into_iter().filter(|(_, payments)| is_steady(payments));
        steady.map(|((category, _), _)| category).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// What payments on two days at least, one of them in the 90 days, are signs of; a mortgage held is a sign of a home.
    #[must_use]
    pub fn signs<'p>(&self, mut held: impl Iterator<Item = &'p Product>) -> Vec<Sign> {
        let paid_for = |category| {
            let payments = self.counted.iter().filter(|payment| payment.category == category && payment.cents > 0);
            let days: BTreeSet<i32> = payments.map(|payment| payment.days).collect();
            days.len() >= SIGN_DAYS && days.first().is_some_and(|days| *days < WINDOW_DAYS)
        };
        let mortgaged = held.any(|product| product.kind == ProductKind::Mortgage);
        let shows = |sign: &Sign| match sign {
            Sign::Travel => paid_for(SpendingCategory::Travel),
            Sign::Home => mortgaged || paid_for(SpendingCategory::Home),
            Sign::Business => paid_for(SpendingCategory::Business),
        };
        Sign::ALL.iter().copied().filter(shows).collect()
    }
}

fn is_steady(payments: &[&Payment<'_>]) -> bool {
    let mut amounts: Vec<i64> = payments.iter().map(|payment| payment.cents).collect();
    amounts.sort_unstable();
    let middle = i128::from(amounts[amounts.len() / 2]);
    let near = |cents: &i64| (i128::from(*cents) - middle).abs() * 5 <= middle;
    let mut days: Vec<i32> = payments.iter().map(|payment| payment.days).collect();
    days.sort_unstable();
    let in_rhythm =
        |rhythm: &std::ops::RangeInclusive<i32>| days.windows(2).all(|pair| rhythm.contains(&(pair[1] - pair[0])));
    payments.len() >= OFTEN && amounts.iter().all(near) && RHYTHMS.iter().any(in_rhythm)
}

/// The band of the time since `since`: under a year, one to five, five and more. A day that is yet to come counts as new.
#[must_use]
pub fn tenure(since: Date, as_of: Date) -> Tenure {
    match days_between(since, as_of) {
        ..365 => Tenure::New,
        365..1826 => Tenure::Settled,
        1826.. => Tenure::Long,
    }
}

/// Days from `date` to `as_of`; negative if `date` is later.
pub(crate) fn days_between(date: Date, as_of: Date) -> i32 {
    as_of.duration_since(date).as_hours().div_euclid(24).try_into().unwrap_or(i32::MAX)
}

/// A tenth to a quarter, both included, is notable.
fn share(part: i128, total: i128) -> Share {
    if part * 4 > total {
        Share::Large
    } else if part * 10 >= total {
        Share::Notable
    } else {
        Share::Small
    }
}

/// A fifth more or less, included, is a change.
fn trend(now: i128, before: i128) -> Trend {
    if now * 5 >= before * 6 {
        Trend::Rising
    } else if now * 5 <= before * 4 {
        Trend::Falling
    } else {
        Trend::Steady
    }
}

/// The band of a year's income: below $40,000, $100,000, $250,000, and from there on.
///
/// The bounds are this program's, for eligibility only. An income's source, which may be public assistance, is unknown.
#[must_use]
pub const fn income_band(income: Cents) -> Band {
    band(income, [40_000, 100_000, 250_000])
}

/// The band of the balance over all accounts: below $5,000, $50,000, $500,000, and from there on. An overdrawn customer
/// is in the lowest.
#[must_use]
pub const fn balance_band(balance: Cents) -> Band {
    band(balance, [5_000, 50_000, 500_000])
}

/// `bounds` in whole units of the currency, each the first amount of the next band.
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

    fn told(transactions: &[Transaction]) -> Vec<(SpendingCategory, Share, Trend)> {
        Payments::of(transactions, AS_OF, &lexicon())
            .spending()
            .into_iter()
            .map(|s| (s.category, s.share, s.trend))
            .collect()
    }

    #[test]
    fn shares_are_of_the_last_ninety_days_the_largest_first() {
        let rows =
            [paid(0, "Groceries", 900), paid(89, "Travel", 3_000), paid(3, "Dining", 6_100), paid(90, "Home", 99)];
        let all_steady = [
            (Dining, Share::Large, Trend::Steady),
            (Travel, Share::Large, Trend::Steady),
            (Groceries, Share::Small, Trend::Steady),
        ];
        assert_eq!(told(&rows), all_steady);
    }

    #[test]
    fn a_tenth_and_a_quarter_are_notable() {
        let rows = [paid(1, "Groceries", 10), paid(1, "Dining", 25), paid(1, "Travel", 65)];
        let shares: Vec<_> = told(&rows).into_iter().map(|(category, share, _)| (category, share)).collect();
        assert_eq!(shares, [(Travel, Share::Large), (Dining, Share::Notable), (Groceries, Share::Notable)]);
    }

    #[test]
    fn a_fifth_more_is_rising_and_a_fifth_less_is_falling() {
        for (before, now, expected) in [
            (100, 120, Trend::Rising),
            (100, 119, Trend::Steady),
            (100, 81, Trend::Steady),
            (100, 80, Trend::Falling),
            (0, 10, Trend::Rising),
        ] {
            let rows = [paid(170, "Transfer", 1), paid(100, "Travel", before), paid(10, "Travel", now)];
            assert_eq!(told(&rows), [(Travel, Share::Large, expected)], "{before} then {now}");
        }
    }

    #[test]
    fn a_customer_of_a_few_weeks_has_no_trend() {
        assert_eq!(told(&[paid(100, "Travel", 1), paid(5, "Travel", 900)])[0].2, Trend::Steady);
    }

    #[test]
    fn a_refund_reduces_its_category_and_never_below_nothing() {
        let rows = [paid(9, "Travel", 500), paid(5, "Travel", -500), paid(4, "Dining", 100), paid(2, "Home", -900)];
        assert_eq!(told(&rows), [(Dining, Share::Large, Trend::Steady)]);
    }

    #[test]
    fn what_the_lexicon_does_not_list_changes_nothing() {
        let known = [paid(5, "Travel", 100), paid(5, "Dining", 100)];
        let mut with_unknown = known.to_vec();
        with_unknown.extend([paid(5, "Pharmacy", 9_000), paid(6, "Church", 9_000), paid(7, "", 1)]);
        assert_eq!(told(&known), told(&with_unknown));
    }

    #[test]
    fn payments_after_the_day_of_reckoning_do_not_count() {
        assert_eq!(told(&[paid(-1, "Travel", 100)]), []);
        assert_eq!(days_between(date(2026, 12, 31), date(2027, 1, 1)), 1);
    }

    fn recurring(transactions: &[Transaction]) -> Vec<SpendingCategory> {
        Payments::of(transactions, AS_OF, &lexicon()).recurring()
    }

    #[test]
    fn what_is_paid_to_the_same_payee_in_a_rhythm_recurs() {
        let monthly = [paid(3, "Utilities", 90), paid(33, "Utilities", 100), paid(64, "Utilities", 110)];
        assert_eq!(recurring(&monthly), [SpendingCategory::Utilities]);
        assert_eq!(recurring(&monthly[..2]), [], "two are no rhythm");
        let mut elsewhere = monthly.clone();
        elsewhere[1].merchant = "Another".to_owned();
        assert_eq!(recurring(&elsewhere), []);
        let mut uneven = monthly.clone();
        uneven[2].amount = Cents(200);
        assert_eq!(recurring(&uneven), []);
        assert_eq!(recurring(&[paid(3, "Utilities", 90), paid(20, "Utilities", 90), paid(64, "Utilities", 90)]), []);
        let weekly = [paid(1, "Church", 50), paid(8, "Church", 50), paid(15, "Church", 50)];
        assert_eq!(recurring(&weekly), [], "what the lexicon does not list is not told");
    }

    #[test]
    fn a_sign_takes_payments_on_two_days_one_of_them_lately() {
        let signs = |transactions: &[Transaction]| Payments::of(transactions, AS_OF, &lexicon()).signs([].into_iter());
        assert_eq!(signs(&[paid(3, "Payroll", 9), paid(99, "Suppliers", 9)]), [Sign::Business]);
        assert_eq!(signs(&[paid(3, "Travel", 9)]), []);
        assert_eq!(signs(&[paid(3, "Travel", 9), paid(3, "Hotels", 9)]), [], "one day");
        assert_eq!(signs(&[paid(95, "Home", 9), paid(99, "Home", 9)]), [], "long ago");
    }

    #[test]
    fn a_mortgage_held_is_a_sign_of_a_home() {
        let catalogue = crate::testing::catalogue();
        let mortgage = catalogue.products().iter().find(|product| product.kind == ProductKind::Mortgage);
        assert_eq!(Payments::of(&[], AS_OF, &lexicon()).signs(mortgage.into_iter()), [Sign::Home]);
    }

    #[test]
    fn tenure_is_told_in_three_bands() {
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
    fn bands_begin_at_their_bounds() {
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
        fn no_amount_overflows_and_the_order_of_rows_does_not_matter(
            rows in prop::collection::vec((0..200_i32, 0..4_usize, any::<i64>()), 0..40),
        ) {
            let words = ["Travel", "Groceries", "Dining", "Pharmacy"];
            let mut rows: Vec<_> = rows.into_iter().map(|(days, word, amount)| {
                Transaction { amount: Cents(amount), ..paid(days, words[word], 0) }
            }).collect();
            let forward = told(&rows);
            rows.reverse();
            prop_assert_eq!(forward, told(&rows));
        }
    }
}
