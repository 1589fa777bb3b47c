//! Raises doubts about a column's dates as a whole.

use jiff::civil::Date;

use crate::value::{Cell, DateOrder, date_order, spells_date};

/// The minimum number of date cells for their days to look suspicious.
const MIN_SUSPICIOUS_DATES: u32 = 30;

/// Statistics about a column's dates.
#[derive(Default)]
pub struct DateSurvey {
    dates: u32,
    /// One bit for each day of the month that occurs.
    days: u32,
    day_first: u32,
    month_first: u32,
    /// The number of cells whose number looks like a date written in digits, such as 103126.
    pub spelled: u32,
}

impl DateSurvey {
    /// Adds a cell and the date that was read from it.
    pub fn add(&mut self, cell: &Cell<'_>, date: Option<&Date>) {
        match (cell, date) {
            (Cell::Text(text), _) => match date_order(text) {
                Some(DateOrder::DayFirst) => self.day_first += 1,
                Some(DateOrder::MonthFirst) => self.month_first += 1,
                None => {}
            },
            (Cell::Number(number), _) if spells_date(*number) => self.spelled += 1,
            (_, Some(date)) => {
                self.dates += 1;
                self.days |= 1 << date.day().unsigned_abs();
            }
            _ => {}
        }
    }

    /// Returns a warning for each doubt, as a phrase that ends with the remedy.
    pub fn warnings(&self) -> impl Iterator<Item = &'static str> {
        // Bits 13 and above are days that cannot be months.
        let may_be_months = self.dates > 0 && self.days >> 13 == 0;
        let texts = self.day_first + self.month_first > 0;
        let many = self.dates >= MIN_SUSPICIOUS_DATES && self.days.count_ones() > 1;
        let warnings = [
            (
                self.day_first > 0 && self.month_first > 0,
                "some dates in text put the day first and others the month; write all dates as 2026-10-31",
            ),
            (
                texts && may_be_months,
                "has text such as 31/10/2026, and no date cell is after the 12th of a month, so day and month of the date \
                 cells are probably swapped; import the column again with the right order",
            ),
            (
                !texts && may_be_months && many,
                "no date is after the 12th of a month, so day and month are probably swapped; import the column again with \
                 the right order",
            ),
            (self.spelled > 0, "has numbers that look like dates, such as 103126; format the column as dates"),
        ];
        warnings.into_iter().filter(|(applies, _)| *applies).map(|(_, warning)| warning)
    }
}
