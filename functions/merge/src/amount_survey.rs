//! Raises doubts about a workbook's amounts as a whole: their sign and their currencies.

use std::collections::{BTreeMap, BTreeSet};

use contracts::settings::SpendingSign;
use policy::customer::Cents;

use crate::amount::WrittenAmount;
use crate::cell_rule::CellRule;
use crate::value::Cell;

/// The minimum number of signed amounts in a workbook for their signs to look suspicious.
const MIN_AMOUNTS: u32 = 20;
/// The percentage of negative amounts above which spending is probably written as negative.
const MAX_NEGATIVE: u32 = 60;
/// The maximum number of characters in a currency code.
const MAX_CURRENCY: usize = 4;

/// Statistics about the amounts in the workbook being read.
#[derive(Default)]
pub struct AmountSurvey {
    /// The number of nonzero amounts in `transaction_amount` without a debit or credit mark.
    signed: u32,
    negative: u32,
    /// Whether any amount is nonzero.
    pub has_amount: bool,
    currencies: BTreeMap<&'static str, BTreeSet<String>>,
}

impl AmountSurvey {
    /// Adds an amount as read, before its sign is changed.
    pub fn add(&mut self, column: &'static str, amount: &WrittenAmount) {
        self.has_amount |= amount.cents.0 != 0;
        if !amount.is_marked && amount.cents.0 != 0 && column == "transaction_amount" {
            self.signed += 1;
            self.negative += u32::from(amount.cents.0 < 0);
        }
        if let Some(currency) = &amount.currency {
            self.add_currency(column, currency);
        }
    }

    /// Adds the currency of an amount.
    pub fn add_currency(&mut self, column: &'static str, currency: &str) {
        let currency = currency.trim().to_uppercase();
        let code = match currency.as_str() {
            "$" | "US$" => "USD",
            "€" => "EUR",
            "£" => "GBP",
            "¥" => "JPY",
            "₹" | "RS" | "RS." => "INR",
            "FR" | "FR." => "CHF",
            "CA$" | "C$" => "CAD",
            "A$" | "AU$" => "AUD",
            "ZŁ" => "PLN",
            other => other,
        };
        if !code.is_empty() {
            let code = code.chars().take(MAX_CURRENCY).collect();
            self.currencies.entry(column).or_default().insert(code);
        }
    }

    /// Returns the columns with several currencies.
    pub fn mixed(&self) -> impl Iterator<Item = (&'static str, Vec<String>)> {
        let mixed = self.currencies.iter().filter(|(_, currencies)| currencies.len() > 1);
        mixed.map(|(column, currencies)| (*column, currencies.iter().cloned().collect()))
    }

    /// Returns the percentage of negative amounts if it is suspiciously high.
    pub fn suspicious_sign(&self) -> Option<u32> {
        let percent = (self.negative * 100).checked_div(self.signed)?;
        (self.signed >= MIN_AMOUNTS && percent > MAX_NEGATIVE).then_some(percent)
    }
}

/// Returns the amount that a customer spent, read from the three amount columns. Spending is positive in the result.
/// The error is the column and the rule that its cell breaks.
pub fn read_spending(
    [amount, debit, credit]: [&Cell<'_>; 3],
    sign: Option<SpendingSign>,
    survey: &mut AmountSurvey,
) -> Result<Cents, (&'static str, CellRule)> {
    if !amount.is_blank() || (debit.is_blank() && credit.is_blank()) {
        let amount = amount.written_amount().map_err(|rule| ("transaction_amount", rule))?;
        survey.add("transaction_amount", &amount);
        let turned = sign == Some(SpendingSign::Negative) && !amount.is_marked;
        return Ok(if turned { Cents(-amount.cents.0) } else { amount.cents });
    }
    let mut read = |column, cell: &Cell<'_>| -> Result<i64, (&'static str, CellRule)> {
        if cell.is_blank() {
            return Ok(0);
        }
        let amount = cell.written_amount().map_err(|rule| (column, rule))?;
        survey.add(column, &amount);
        // Ignore the sign in these columns, because banks use it differently.
        Ok(amount.cents.0.abs())
    };
    let debit = read("debit_amount", debit)?;
    let credit = read("credit_amount", credit)?;
    if debit != 0 && credit != 0 {
        return Err(("debit_amount", "both a debit and a credit; keep one of them"));
    }
    Ok(Cents(debit - credit))
}
