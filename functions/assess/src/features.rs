//! What payments and books tell, without amounts: spending by closed category, and broad bands.

use std::collections::BTreeMap;

use contracts::customer::{Cents, Transaction};
use contracts::facts::{Band, Share, Spending, SpendingCategory, Trend};
use jiff::civil::Date;

use crate::lexicon::Lexicon;

/// Days of the window whose spending is told, counted back from and including `as_of`, and of the window before it.
pub const WINDOW_DAYS: i32 = 90;

const BOTH_WINDOWS_DAYS: i32 = 2 * WINDOW_DAYS;

/// How many days of history there must be before a change is called a trend: the window, and two thirds of the one
/// before. With less, a new customer's every category would look as if it were rising.
pub const TREND_DAYS: i32 = WINDOW_DAYS + 60;

/// Spending by category over the 90 days up to `as_of`, the largest first (ties by category).
///
/// Refunds (negative amounts) reduce their category, at most to nothing. Payments for which the lexicon has no category
/// are left out of the categories and of the total alike, so that not even their size shows.
#[must_use]
pub fn spending(transactions: &[Transaction], as_of: Date, lexicon: &Lexicon) -> Vec<Spending> {
    // An i128 holds the sum of every amount that fits a workbook's rows.
    let (mut recent, mut before) = (BTreeMap::<SpendingCategory, i128>::new(), BTreeMap::<_, i128>::new());
    let mut history = 0;
    for transaction in transactions {
        let days = days_between(transaction.date, as_of);
        history = history.max(days + 1);
        let window = match days {
            0..WINDOW_DAYS => &mut recent,
            WINDOW_DAYS..BOTH_WINDOWS_DAYS => &mut before,
            _ => continue,
        };
        if let Some(category) = lexicon.spending(&transaction.category) {
            *window.entry(category).or_default() += i128::from(transaction.amount.0);
        }
    }
    let mut spent: Vec<_> = recent.into_iter().filter(|(_, net)| *net > 0).collect();
    spent.sort_by_key(|(category, net)| (std::cmp::Reverse(*net), *category));
    let total = spent.iter().map(|(_, net)| net).sum();
    let told = |(category, net): (SpendingCategory, i128)| {
        let earlier = before.get(&category).copied().unwrap_or_default().max(0);
        let trend = if history < TREND_DAYS { Trend::Steady } else { trend(net, earlier) };
        Spending { category, share: share(net, total), trend }
    };
    spent.into_iter().map(told).collect()
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
        spending(transactions, AS_OF, &lexicon()).into_iter().map(|s| (s.category, s.share, s.trend)).collect()
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
