//! Joins the rows of the three workbooks by customer, and applies the consent gate while joining.
//!
//! **Invariant:** [`Join::finish`] returns no tweets for a customer without social consent, and no payments for a
//! customer without general consent. Such tweets are dropped as their rows are read. A refusal or stop in an unusable
//! row counts for every customer that the row could refer to.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use contracts::catalogue::Catalogue;
use contracts::consent::{ConsentAsRead, ConsentReading, Meaning, Question, Refusal};
use contracts::facts::Stop;
use contracts::key::Workbook;
use contracts::settings::{IntakeSettings, plain_answer};
use contracts::{CustomerId, Language};
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use policy::consent::{Permission, built_in_meaning, gate};
use policy::customer::{Cents, Customer, CustomerRecord, Posts, Profile, Transaction, Tweet};
use storage::vault::Keys;

use crate::amount_survey::{AmountSurvey, read_spending};
use crate::answers::{ConsentAnswer, ConsentColumn, QUESTIONS, answers, column_of, is_refusal, own_meaning};
use crate::category::usual_category;
use crate::cell_rule::CellRule;
use crate::columns::{PROFILE_FACTS, columns};
use crate::date_survey::DateSurvey;
use crate::error::Error;
use crate::likely_products::held_products;
use crate::names::{MAX_NAME, is_name, is_placeholder};
use crate::report::{ColumnWarning, FileCount, IntakeReport, RowProblem, UnknownAnswer};
use crate::sheet::{SheetRow, SheetSummary};
use crate::stop_columns::{names_deceased, read_stops};
use crate::value::{Cell, SPELLED_DATE, near_id};

mod profiles;

/// The maximum number of rows that an error lists.
const MAX_LISTED_ROWS: usize = 100;

/// The maximum number of distinct unknown answers that a check lists per column. A column with more of them is probably
/// not a consent column.
const MAX_UNKNOWN_ANSWERS: usize = 10;

/// The maximum number of distinct unknown words, and of distinct categories, that are counted.
const MAX_UNKNOWN_WORDS: usize = 1_000;

/// The maximum number of characters in an unknown word. Longer words are cut.
const MAX_WORD: usize = 40;

const NO_PROFILE: CellRule = "no profile row has this id; ids are text, so 0042 is not 42";

/// A column and the rule that its cell breaks.
type BrokenCell = (&'static str, CellRule);

/// A usable row of the profile workbook.
type ProfileRow = (Place, Profile, Vec<ConsentAnswer>);

/// A customer whose rows are being joined.
struct JoinedCustomer {
    profile: Profile,
    /// The distinct consent answers. There are only a few per customer.
    answers: Vec<ConsentAnswer>,
    transactions: Vec<Transaction>,
    /// The index, sheet and row of each transaction whose date is a number without a date format.
    bare_serials: Vec<(usize, Place)>,
    has_payment_rows: bool,
    tweets: Vec<Tweet>,
    permission: Result<Permission, Refusal>,
}

/// The refusals and stops in a profile row that was set aside.
#[derive(Default)]
struct Restrictions {
    refusals: Vec<ConsentAnswer>,
    stops: Vec<Stop>,
}

/// The place of a row: the index of its sheet's name, and its number.
type Place = (usize, u32);

/// Row counts of the workbook being read.
#[derive(Default)]
struct RowCount {
    read: usize,
    set_aside: usize,
    withheld: usize,
}

/// A join in progress. Add the profiles first, then the transactions, then the tweets.
pub struct Join<'a> {
    catalogue: &'a Catalogue,
    intake: &'a IntakeSettings,
    /// The latest possible payment date: the day of reading in the time zone furthest ahead of UTC.
    last_day: Date,
    profiles: BTreeMap<CustomerId, Vec<ProfileRow>>,
    /// The customers, grouped by the normalized form that similar ids share. `None` until the first row needs it.
    near_ids: Option<HashMap<String, Vec<CustomerId>>>,
    /// The refusals and stops in profile rows that were set aside, with the normalized form of each row's id.
    restrictions: Vec<(String, Restrictions)>,
    /// The rows in the current workbook with a refusal that could belong to any customer.
    unassigned: Vec<Place>,
    /// The rows in the profile workbook with a stop that could belong to any customer.
    unassigned_stops: Vec<Place>,
    /// Unknown statuses, products and languages, with their column and the number of rows.
    unknown_words: BTreeMap<(&'static str, String), u32>,
    /// The names of the sheets in the current workbook.
    sheets: Vec<String>,
    /// Whether any workbook so far has the column for each consent question.
    has_questions: [bool; 2],
    dates: DateSurvey,
    /// The amounts in the current workbook.
    amounts: AmountSurvey,
    /// The categories of the payments, with the number of payments.
    categories: BTreeMap<String, u32>,
    /// Customers whose profile is unusable, with the reason.
    unusable_profiles: BTreeMap<CustomerId, CellRule>,
    customers: HashMap<CustomerId, JoinedCustomer>,
    newest_payment: Option<Date>,
    count: RowCount,
    report: IntakeReport,
}

impl<'a> Join<'a> {
    /// Returns a join without any rows.
    pub fn new(catalogue: &'a Catalogue, intake: &'a IntakeSettings, read_at: Timestamp) -> Self {
        let report = IntakeReport { program: env!("CARGO_PKG_VERSION"), read_at, ..IntakeReport::default() };
        // The time zone furthest ahead is 14 hours ahead of UTC.
        let last_day = read_at.checked_add(14.hours()).unwrap_or(read_at).to_zoned(TimeZone::UTC).date();
        Self {
            catalogue,
            intake,
            last_day,
            near_ids: None,
            restrictions: Vec::new(),
            unassigned: Vec::new(),
            unassigned_stops: Vec::new(),
            unknown_words: BTreeMap::new(),
            sheets: Vec::new(),
            has_questions: [false; 2],
            dates: DateSurvey::default(),
            amounts: AmountSurvey::default(),
            categories: BTreeMap::new(),
            profiles: BTreeMap::new(),
            unusable_profiles: BTreeMap::new(),
            customers: HashMap::new(),
            newest_payment: None,
            count: RowCount::default(),
            report,
        }
    }

    /// Adds one row of a workbook.
    pub fn add_row(&mut self, file: Workbook, row: &SheetRow<'_>) {
        self.count.read += 1;
        let added = match file {
            Workbook::Profile => self.add_profile(row),
            Workbook::Transactions => self.add_transaction(row),
            Workbook::Tweets => self.add_tweet(row),
        };
        if let Err(broken) = added {
            self.set_aside(file, row.sheet, row.number, broken);
        }
    }

    /// Finishes a workbook after its last row. Returns the errors that only show once the whole workbook has been read.
    pub fn finish_workbook(&mut self, file: Workbook, summary: &SheetSummary) -> Vec<Error> {
        let sheet = summary.name();
        self.warn_of_columns(file, summary);
        for (has, (_, column)) in self.has_questions.iter_mut().zip(QUESTIONS) {
            let at = columns(file).iter().position(|known| known.name == column);
            *has |= at.is_some_and(|at| summary.present.get(at) == Some(&true));
        }
        let mut errors = Vec::new();
        match file {
            Workbook::Profile => {
                self.finish_profiles();
                errors.extend(mixed_currencies(file, &sheet, &std::mem::take(&mut self.amounts)));
            }
            Workbook::Transactions => errors.extend(self.finish_transactions(summary)),
            Workbook::Tweets => {}
        }
        let unassigned =
            [("refusals", std::mem::take(&mut self.unassigned)), ("stops", std::mem::take(&mut self.unassigned_stops))];
        for (what, places) in unassigned.into_iter().filter(|(_, places)| !places.is_empty()) {
            let rows = places.iter().take(MAX_LISTED_ROWS).map(|(_, row)| *row).collect();
            errors.push(Error::Unassigned { file, sheet: sheet.clone(), what, count: places.len(), rows });
        }
        self.sheets.clear();
        let RowCount { read, set_aside, withheld } = std::mem::take(&mut self.count);
        let kept = read.saturating_sub(set_aside + withheld);
        self.report.files.push(FileCount { file, sheet, read, kept, set_aside, withheld });
        errors
    }

    fn warn(&mut self, file: Workbook, sheet: String, column: &'static str, warning: impl Into<String>) {
        self.report.warnings.push(ColumnWarning { file, sheet, column, warning: warning.into() });
    }

    fn warn_of_columns(&mut self, file: Workbook, summary: &SheetSummary) {
        for column in &summary.stale_columns {
            let warning = "has formulas, and the workbook asks for a recalculation, so their stored results may be stale; \
                           open it in a spreadsheet program and save it";
            self.warn(file, summary.name(), column, warning);
        }
        if let Some(format) = &summary.id_format {
            let warning = format!("number cells with the format {format} are read as shown, with their leading zeros");
            self.warn(file, summary.name(), "customer_id", warning);
        }
    }

    /// Returns the location of a row, and stores its sheet's name.
    fn place(&mut self, row: &SheetRow<'_>) -> Place {
        if self.sheets.last().is_none_or(|last| last != row.sheet) {
            self.sheets.push(row.sheet.to_owned());
        }
        (self.sheets.len() - 1, row.number)
    }

    /// Adds a payment and its answers to the consent questions. The answers count even if the payment is unusable, so a
    /// bad date cannot hide a refusal.
    fn add_transaction(&mut self, row: &SheetRow<'_>) -> Result<(), BrokenCell> {
        let [id, day, category, merchant, amount, debit, credit, currency, ..] = row.cells else { unreachable_cells() };
        if let Ok(currency) = currency.text() {
            self.amounts.add_currency("transaction_amount", &currency);
        }
        let place = self.place(row);
        let date = day.date(row.epoch_1904);
        self.dates.add(day, date.as_ref().ok());
        let customer = match find_customer(&mut self.customers, &self.unusable_profiles, id) {
            Ok(customer) => customer,
            Err(broken) => {
                self.add_refusals_without_customer(id, row, place);
                return Err(broken);
            }
        };
        answers(Workbook::Transactions, row).for_each(|answer| customer.add_answer(answer));
        customer.has_payment_rows = true;
        let date = date.map_err(|rule| ("date", rule))?;
        if date > self.last_day {
            return Err(("date", "in the future; correct the date"));
        }
        let category = category.some_text().map_err(|rule| ("category", rule))?;
        let amount = read_spending([amount, debit, credit], self.intake.spending, &mut self.amounts)?;
        let transaction = Transaction {
            date,
            category: usual_category(category, amount),
            merchant: merchant.text().map_err(|rule| ("merchant", rule))?,
            amount,
        };
        if self.categories.len() < MAX_UNKNOWN_WORDS || self.categories.contains_key(&transaction.category) {
            *self.categories.entry(transaction.category.clone()).or_default() += 1;
        }
        if matches!(day, Cell::Number(_)) {
            customer.bare_serials.push((customer.transactions.len(), place));
        }
        customer.transactions.push(transaction);
        Ok(())
    }

    /// Applies the refusals in a payment row whose id matches no customer to all customers with a similar id.
    fn add_refusals_without_customer(&mut self, id: &Cell<'_>, row: &SheetRow<'_>, place: Place) {
        for answer in answers(Workbook::Transactions, row) {
            if !is_refusal(self.intake, &answer) {
                continue;
            }
            match id.near_id() {
                Some(near) => self.for_each_near(&near, |customer| customer.add_answer(answer.clone())),
                None if !answer.value.is_empty() => self.add_unassigned(place),
                None => {}
            }
        }
    }

    /// Checks the payments as a whole, then applies the consent gate to each customer, now that all answers are known.
    fn finish_transactions(&mut self, summary: &SheetSummary) -> Vec<Error> {
        let file = Workbook::Transactions;
        let mut missing: Vec<&'static str> = Vec::new();
        let has = |column: &str| {
            let at = columns(file).iter().position(|known| known.name == column);
            at.is_some_and(|at| summary.present.get(at) == Some(&true))
        };
        let has_both = has("debit_amount") && has("credit_amount");
        if !has("transaction_amount") && !has_both {
            missing.push("transaction_amount");
        }
        missing
            .extend(QUESTIONS.iter().zip(self.has_questions).filter(|(_, has)| !has).map(|((_, column), _)| *column));
        if !missing.is_empty() {
            return vec![Error::MissingColumn { file, sheet: summary.name(), missing, found: summary.headers.clone() }];
        }
        let dates = std::mem::take(&mut self.dates);
        if dates.spelled > 0 {
            self.set_aside_bare_serials();
        }
        for warning in dates.warnings() {
            self.warn(file, summary.name(), "date", warning);
        }
        let has_payments = self.customers.values().any(|customer| !customer.transactions.is_empty());
        let amounts = std::mem::take(&mut self.amounts);
        if has_payments && !amounts.has_amount {
            let warning =
                "every amount is 0; if they are formulas, open the workbook in a spreadsheet program and save it";
            self.warn(file, summary.name(), "transaction_amount", warning);
        }
        let payments = self.customers.values().flat_map(|customer| &customer.transactions);
        self.newest_payment = payments.map(|payment| payment.date).max();
        let mut errors = self.set_meanings(summary);
        errors.extend(mixed_currencies(file, &summary.name(), &amounts));
        if let Some(percent) = amounts.suspicious_sign()
            && self.intake.spending.is_none()
        {
            errors.push(Error::UnclearSign { file, sheet: summary.name(), percent });
        }
        for customer in self.customers.values_mut() {
            customer.permission = gate(&customer.readings());
            match customer.permission {
                Ok(_) => customer.transactions.sort_unstable(),
                Err(_) => self.count.withheld += std::mem::take(&mut customer.transactions).len(),
            }
        }
        errors
    }

    /// Sets aside the payments whose date is a number without a date format.
    fn set_aside_bare_serials(&mut self) {
        let mut places = Vec::new();
        for customer in self.customers.values_mut() {
            for (at, place) in std::mem::take(&mut customer.bare_serials).into_iter().rev() {
                customer.transactions.remove(at);
                places.push(place);
            }
        }
        places.sort_unstable();
        for place in places {
            self.set_aside_at(Workbook::Transactions, place, ("date", SPELLED_DATE));
        }
    }

    /// Determines the meaning of each answer from the settings and the other answers in its column. Returns an error
    /// for each column with codes whose meaning is unknown.
    fn set_meanings(&mut self, summary: &SheetSummary) -> Vec<Error> {
        let mut consent_columns: BTreeMap<(Question, Workbook), ConsentColumn> = BTreeMap::new();
        for answer in self.customers.values().flat_map(|customer| &customer.answers) {
            consent_columns.entry((answer.question, answer.file)).or_default().add(self.intake, &answer.value);
        }
        let mut errors = Vec::new();
        for ((question, file), column) in &consent_columns {
            if column.only_integers && column.has_unknown_code {
                let sheet = match file {
                    Workbook::Transactions => summary.name(),
                    _ => self.report.files.first().map(|count| count.sheet.clone()).unwrap_or_default(),
                };
                errors.push(Error::CodedConsent { file: *file, sheet, column: column_of(*question) });
            }
        }
        let intake = self.intake;
        for answer in self.customers.values_mut().flat_map(|customer| &mut customer.answers) {
            answer.meaning = own_meaning(intake, &answer.value);
            let is_one = plain_answer(&answer.value) == "1";
            let binary = consent_columns.get(&(answer.question, answer.file)).is_some_and(|column| column.only_binary);
            if answer.meaning.is_none() && is_one && !binary {
                answer.meaning = Some(Meaning::Unclear);
            }
        }
        errors
    }

    /// Returns each column's answers that are neither yes nor no, most common first. Skips a column that has so many of
    /// them that it is probably not a consent column.
    pub fn unknown_answers(&self) -> Vec<UnknownAnswer> {
        let mut unknown: BTreeMap<(Workbook, Question, &str), u32> = BTreeMap::new();
        for answer in self.customers.values().flat_map(|customer| &customer.answers) {
            let meaning = answer.meaning.or_else(|| built_in_meaning(&answer.value));
            if meaning == Some(Meaning::Unclear) {
                *unknown.entry((answer.file, answer.question, answer.value.as_str())).or_default() += answer.rows;
            }
        }
        let mut answers: Vec<UnknownAnswer> = Vec::new();
        for (file, question) in unknown.keys().map(|(file, question, _)| (*file, *question)).collect::<BTreeSet<_>>() {
            let own = unknown.iter().filter(|((other, asked, _), _)| *other == file && *asked == question);
            let mut own: Vec<UnknownAnswer> = own
                .map(|((.., answer), rows)| UnknownAnswer {
                    file,
                    column: column_of(question),
                    answer: (*answer).to_owned(),
                    rows: *rows,
                })
                .collect();
            own.sort_by_key(|answer| std::cmp::Reverse(answer.rows));
            if own.len() <= MAX_UNKNOWN_ANSWERS {
                answers.extend(own);
            }
        }
        answers
    }

    /// Returns the categories of the payments, most common first.
    pub fn categories(&self) -> Vec<(String, u32)> {
        let mut categories: Vec<(String, u32)> =
            self.categories.iter().map(|(category, rows)| (category.clone(), *rows)).collect();
        categories.sort_by_key(|(_, rows)| std::cmp::Reverse(*rows));
        categories
    }

    /// Adds a tweet. Ignores the text if the customer has not given social consent.
    fn add_tweet(&mut self, row: &SheetRow<'_>) -> Result<(), BrokenCell> {
        let [id, text, created_at] = row.cells else { unreachable_cells() };
        let customer = find_customer(&mut self.customers, &self.unusable_profiles, id)?;
        let Ok(Permission { social: Ok(_), .. }) = customer.permission else {
            self.count.withheld += 1;
            return Ok(());
        };
        let text = text.some_text().map_err(|rule| ("tweet", rule))?;
        let created_on = match created_at.date(row.epoch_1904) {
            Ok(day) => Some(day),
            Err(_) if created_at.is_blank() => None,
            Err(rule) => {
                let sheet = row.sheet.to_owned();
                let problem = RowProblem { file: Workbook::Tweets, sheet, row: row.number, column: "created_at", rule };
                self.report.remark(problem);
                None
            }
        };
        customer.tweets.push(Tweet { created_on, text });
        Ok(())
    }

    /// Returns the records, sorted by customer id, and the report.
    pub fn finish(mut self, keys: &Keys) -> (Vec<CustomerRecord>, IntakeReport) {
        // Without a readable payment, use a fixed date, so the dataset does not depend on the day of reading.
        let as_of = self.newest_payment.unwrap_or(date(1970, 1, 1));
        let read_at = self.report.read_at;
        let count = &mut self.report.customers;
        let mut records = Vec::with_capacity(self.customers.len());
        let mut customers: Vec<(CustomerId, JoinedCustomer)> = self.customers.into_iter().collect();
        customers.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        for (id, customer) in customers {
            count.all += 1;
            for gap in customer.gaps() {
                *count.without.entry(gap).or_default() += 1;
            }
            let reference = keys.reference(&id);
            let as_read = ConsentAsRead { readings: customer.readings(), read_at, control: None };
            let permission = match customer.permission {
                Ok(permission) => permission,
                Err(refusal) => {
                    *count.refused.entry(refusal).or_default() += 1;
                    records.push(CustomerRecord::Refused { reference, refusal, as_read: Box::new(as_read) });
                    continue;
                }
            };
            count.consented += 1;
            let posts = match permission.social {
                Ok(proof) => {
                    count.consented_to_posts += 1;
                    let mut tweets = customer.tweets;
                    tweets.sort_unstable();
                    Posts::granted(proof, tweets)
                }
                Err(refusal) => {
                    *count.posts_refused.entry(refusal).or_default() += 1;
                    Posts::refused(refusal)
                }
            };
            let customer = Customer {
                reference,
                id,
                consent: as_read,
                profile: customer.profile,
                transactions: customer.transactions,
                as_of,
                posts,
            };
            records.push(CustomerRecord::Given(Box::new(customer)));
        }
        (records, self.report)
    }

    /// Returns the counts and the bad rows of the most recently finished workbook.
    pub fn bad_rows(&self) -> Option<(&FileCount, Vec<RowProblem>)> {
        let count = self.report.files.last()?;
        let problems = self.report.set_aside.iter().filter(|problem| problem.file == count.file);
        Some((count, problems.cloned().collect()))
    }

    fn set_aside_at(&mut self, file: Workbook, (sheet, row): Place, broken: BrokenCell) {
        let sheet = self.sheets.get(sheet).cloned().unwrap_or_default();
        self.set_aside(file, &sheet, row, broken);
    }

    fn set_aside(&mut self, file: Workbook, sheet: &str, row: u32, (column, rule): BrokenCell) {
        self.count.set_aside += 1;
        self.report.set_aside(RowProblem { file, sheet: sheet.to_owned(), row, column, rule });
    }
}

impl JoinedCustomer {
    fn add_answer(&mut self, answer: ConsentAnswer) {
        let key = |answer: &ConsentAnswer| (answer.question, answer.file);
        match self.answers.iter_mut().find(|known| key(known) == key(&answer) && known.value == answer.value) {
            Some(known) => {
                known.row = known.row.min(answer.row);
                known.rows += answer.rows;
            }
            None => self.answers.push(answer),
        }
    }

    fn add_stops(&mut self, stops: &[Stop]) {
        self.profile.stops.extend_from_slice(stops);
        self.profile.stops.sort_unstable();
        self.profile.stops.dedup();
    }

    /// Returns the names of the data that a recommendation would use but the customer lacks.
    fn gaps(&self) -> impl Iterator<Item = &'static str> {
        let Profile { income, account_balance, products_held, adviser, .. } = &self.profile;
        let gaps = [
            ("income", income.is_none()),
            ("account_balance", account_balance.is_none()),
            ("products_held", products_held.is_empty()),
            ("investment_advisor", adviser.is_none()),
            // The payments of customers without consent have already been dropped.
            ("transactions", !self.has_payment_rows),
        ];
        gaps.into_iter().filter(|(_, lacks)| *lacks).map(|(name, _)| name)
    }

    /// Returns the answers in a fixed order, so the order of the rows does not matter.
    fn readings(&self) -> Vec<ConsentReading> {
        let reading = |answer: &ConsentAnswer| ConsentReading {
            question: answer.question,
            value: answer.value.clone(),
            file: answer.file,
            row: answer.row,
            rows: answer.rows,
            meaning: answer.meaning,
        };
        let mut readings: Vec<ConsentReading> = self.answers.iter().map(reading).collect();
        readings.sort_by(|a, b| (a.question, &a.value, a.file).cmp(&(b.question, &b.value, b.file)));
        readings
    }
}

fn find_customer<'c>(
    customers: &'c mut HashMap<CustomerId, JoinedCustomer>,
    unusable_profiles: &BTreeMap<CustomerId, CellRule>,
    id: &Cell<'_>,
) -> Result<&'c mut JoinedCustomer, BrokenCell> {
    let id = id.customer_id().map_err(|rule| ("customer_id", rule))?;
    let rule = || unusable_profiles.get(&id).copied().unwrap_or(NO_PROFILE);
    customers.get_mut(&id).ok_or_else(|| ("customer_id", rule()))
}

fn mixed_currencies(file: Workbook, sheet: &str, amounts: &AmountSurvey) -> Vec<Error> {
    let error = |(column, currencies)| Error::MixedCurrencies { file, sheet: sheet.to_owned(), column, currencies };
    amounts.mixed().map(error).collect()
}

/// Panics. Never called, because the readers pass one cell per column in each row.
fn unreachable_cells() -> ! {
    unreachable!("a row has a cell for each column")
}
