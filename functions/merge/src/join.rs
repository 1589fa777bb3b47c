//! Joins the rows of the three workbooks by customer, and applies the consent gate while joining.
//!
//! **Invariant:** [`Join::finish`] returns no tweets for a customer without social consent, and no payments for a
//! customer without general consent. Such tweets are dropped as their rows are read. Refusals and stops count even if
//! their row is unusable, for every customer that the row could refer to.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use contracts::{CustomerId, Language};
use contracts::catalogue::Catalogue;
use contracts::consent::{ConsentAsRead, ConsentReading, Meaning, Question, Refusal};
use contracts::facts::Stop;
use contracts::key::Workbook;
use contracts::settings::{IntakeSettings, plain_answer};
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

/// The maximum number of rows that an error lists.
const MAX_LISTED_ROWS: usize = 100;

/// The maximum number of distinct unknown answers that a check lists per column. A column with more of them is probably
/// not a consent column.
const MAX_UNKNOWN_ANSWERS: usize = 10;

/// The maximum number of distinct unknown words that are counted.
const MAX_UNKNOWN_WORDS: usize = 1_000;

/// The maximum number of characters of an unknown word.
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

/// A join in progress. The profiles come first, then the transactions, then the tweets.
pub struct Join<'a> {
    catalogue: &'a Catalogue,
    intake: &'a IntakeSettings,
    /// The latest possible payment date: the day on which the workbooks are read, in the earliest time zone.
    last_day: Date,
    profiles: BTreeMap<CustomerId, Vec<ProfileRow>>,
    /// The customers, grouped by the normalized form that similar ids share. `None` until the first row needs it.
    near_ids: Option<HashMap<String, Vec<CustomerId>>>,
    /// The refusals and stops in profile rows that were set aside, with the normalized form of each row's id.
    restrictions: Vec<(String, Restrictions)>,
    /// Refusals in the current workbook that could belong to any customer.
    unassigned: Vec<Place>,
    /// Stops in the profile workbook that could belong to any customer.
    unassigned_stops: Vec<Place>,
    /// Statuses and products that are unknown, with the number of rows.
    unknown_words: BTreeMap<(&'static str, String), u32>,
    /// The names of the sheets in the current workbook.
    sheets: Vec<String>,
    /// Whether any workbook has the column for each question.
    has_questions: [bool; 2],
    dates: DateSurvey,
    /// The amounts of the current workbook.
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
        // The earliest time zone is 14 hours ahead of UTC.
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

    /// Finishes a workbook after its last row. Returns the errors that only the workbook as a whole reveals.
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

    fn add_profile(&mut self, row: &SheetRow<'_>) -> Result<(), BrokenCell> {
        let [id, first_name, income, balance, products, adviser, since, language, ..] = row.cells else { unreachable_cells() };
        let place = self.place(row);
        let answers: Vec<ConsentAnswer> = answers(Workbook::Profile, row).collect();
        let stops = self.read_stops(row, first_name);
        let broken = match id.customer_id() {
            Err(rule) => ("customer_id", rule),
            Ok(id) => match first_name.some_text() {
                Ok(name) if name.chars().count() <= MAX_NAME => {
                    let profile = self.read_profile(row, name, [income, balance, products, adviser, since, language], stops);
                    self.profiles.entry(id).or_default().push((place, profile, answers));
                    return Ok(());
                }
                unusable => {
                    self.unusable_profiles.insert(id, "the customer's profile row was set aside; correct that row");
                    ("first_name", unusable.err().unwrap_or("longer than 100 characters; shorten it"))
                }
            },
        };
        // Another row may make this customer usable. It must not hide the refusals and stops of this row.
        let refusals: Vec<ConsentAnswer> =
            answers.into_iter().filter(|answer| is_refusal(self.intake, answer)).collect();
        if let Some(near) = id.near_id() {
            self.restrictions.push((near, Restrictions { refusals, stops }));
        } else {
            if refusals.iter().any(|answer| !answer.value.is_empty()) {
                self.unassigned.push(place);
            }
            // Ignore unclear cells here: a row of totals has cells that cannot be read as a status or an age.
            if stops.iter().any(|stop| *stop != Stop::Unclear) {
                self.unassigned_stops.push(place);
            }
        }
        Err(broken)
    }

    /// Reads the stops of a profile row, and reports its unclear cells.
    fn read_stops(&mut self, row: &SheetRow<'_>, first_name: &Cell<'_>) -> Vec<Stop> {
        let read_on = self.report.read_at.to_zoned(TimeZone::UTC).date();
        let cells = &row.cells[PROFILE_FACTS.len()..];
        let read = read_stops(cells, row.epoch_1904, read_on, &self.intake.stops);
        for (column, rule, word) in read.unclear {
            self.remark(Workbook::Profile, row, column, rule);
            if let Some(word) = word {
                self.add_unknown_word(column, &word);
            }
        }
        let mut stops = read.stops;
        if first_name.text().is_ok_and(|name| names_deceased(&name)) && !stops.contains(&Stop::Deceased) {
            stops.push(Stop::Deceased);
            stops.sort_unstable();
        }
        stops
    }

    /// Reads the cells of a usable profile row. Cells that are not usable are reported and ignored.
    fn read_profile(
        &mut self,
        row: &SheetRow<'_>,
        first_name: String,
        [income, balance, products, adviser, since, language]: [&Cell<'_>; 6],
        stops: Vec<Stop>,
    ) -> Profile {
        let file = Workbook::Profile;
        let mut money = |column, cell: &Cell<'_>| -> Option<Cents> {
            if cell.is_blank() {
                return None;
            }
            let amount = cell.written_amount().map_err(|rule| self.remark(file, row, column, rule)).ok()?;
            self.amounts.add(column, &amount);
            // As a payment, a credit is negative; as a balance, it is positive.
            Some(if amount.is_marked { Cents(-amount.cents.0) } else { amount.cents })
        };
        let income = money("income", income);
        let account_balance = money("account_balance", balance);
        let customer_since = match since.date(row.epoch_1904) {
            Ok(day) => Some(day),
            Err(_) if since.is_blank() => None,
            Err(rule) => {
                self.remark(file, row, "customer_since", rule);
                None
            }
        };
        let products = products.text().unwrap_or_else(|rule| {
            self.remark(file, row, "products_held", rule);
            String::new()
        });
        let held = held_products(self.catalogue, &products);
        if !held.unknown.is_empty() {
            let rule = "names a product that is not in the catalog; correct the name or add the product";
            self.remark(file, row, "products_held", rule);
        }
        for entry in held.unknown {
            self.add_unknown_word("products_held", &entry);
        }
        let adviser = adviser.text().unwrap_or_else(|rule| {
            self.remark(file, row, "investment_advisor", rule);
            String::new()
        });
        let adviser = Some(adviser).filter(|name| !name.is_empty() && name.chars().count() <= MAX_NAME);
        let adviser = adviser.filter(|name| {
            let is_placeholder = is_placeholder(name);
            if is_placeholder {
                self.remark(file, row, "investment_advisor", "a placeholder, not a name; leave the cell blank");
            }
            !is_placeholder
        });
        let first_name = if is_name(&first_name) {
            first_name
        } else {
            self.remark(file, row, "first_name", "not a first name, so the greeting omits it; correct it");
            String::new()
        };
        Profile {
            first_name,
            income,
            account_balance,
            products_held: held.named,
            adviser,
            customer_since,
            language: self.read_language(row, language),
            stops,
            probably_held: held.likely,
        }
    }

    /// Reads the preferred language. Reports a language that the program does not speak; the bank's default then applies.
    fn read_language(&mut self, row: &SheetRow<'_>, cell: &Cell<'_>) -> Option<Language> {
        if cell.is_blank() {
            return None;
        }
        let text = cell.text();
        let language = text.as_deref().ok().and_then(Language::from_cell);
        if language.is_none() {
            let rule = "not a language that the program speaks, so the bank's own applies; correct it or leave it blank";
            self.remark(Workbook::Profile, row, "language", rule);
            if let Ok(word) = text {
                self.add_unknown_word("language", &word);
            }
        }
        language
    }

    fn remark(&mut self, file: Workbook, row: &SheetRow<'_>, column: &'static str, rule: CellRule) {
        let sheet = row.sheet.to_owned();
        self.report.remark(RowProblem { file, sheet, row: row.number, column, rule });
    }

    fn add_unknown_word(&mut self, column: &'static str, word: &str) {
        let key = (column, word.chars().take(MAX_WORD).collect());
        if self.unknown_words.len() < MAX_UNKNOWN_WORDS || self.unknown_words.contains_key(&key) {
            *self.unknown_words.entry(key).or_default() += 1;
        }
    }

    /// Returns the most common unknown words of each column.
    pub fn unknown_words(&self) -> Vec<UnknownAnswer> {
        let mut words: Vec<UnknownAnswer> = Vec::new();
        for column in self.unknown_words.keys().map(|(column, _)| *column).collect::<BTreeSet<_>>() {
            let own = self.unknown_words.iter().filter(|((other, _), _)| *other == column);
            let mut own: Vec<UnknownAnswer> = own
                .map(|((_, word), rows)| UnknownAnswer {
                    file: Workbook::Profile,
                    column,
                    answer: word.clone(),
                    rows: *rows,
                })
                .collect();
            own.sort_by_key(|word| std::cmp::Reverse(word.rows));
            words.extend(own.into_iter().take(MAX_UNKNOWN_ANSWERS));
        }
        words
    }

    /// Combines identical rows into one customer, and sets aside contradictory rows about the same customer.
    fn finish_profiles(&mut self) {
        for (id, rows) in std::mem::take(&mut self.profiles) {
            let mut rows = rows.into_iter();
            let Some((first, profile, first_answers)) = rows.next() else { continue };
            let others: Vec<ProfileRow> = rows.collect();
            if others.iter().any(|(_, other, _)| *other != profile) {
                let all = std::iter::once((first, profile, first_answers)).chain(others);
                for (place, profile, answers) in all {
                    let refusals = answers.into_iter().filter(|answer| is_refusal(self.intake, answer)).collect();
                    self.restrictions.push((near_id(id.reveal()), Restrictions { refusals, stops: profile.stops }));
                    let rule = "contradicts another row of the same customer; keep one of them";
                    self.set_aside_at(Workbook::Profile, place, ("customer_id", rule));
                }
                let rule = "the customer's profile rows contradict each other; keep one of them";
                self.unusable_profiles.insert(id, rule);
                continue;
            }
            let mut customer = JoinedCustomer {
                profile,
                answers: Vec::new(),
                transactions: Vec::new(),
                bare_serials: Vec::new(),
                has_payment_rows: false,
                tweets: Vec::new(),
                permission: Err(Refusal::Blank),
            };
            for answer in first_answers {
                customer.add_answer(answer);
            }
            for ((sheet, row), _, answers) in others {
                for answer in answers {
                    customer.add_answer(answer);
                }
                self.report.remark(RowProblem {
                    file: Workbook::Profile,
                    sheet: self.sheets.get(sheet).cloned().unwrap_or_default(),
                    row,
                    column: "customer_id",
                    rule: "repeats an earlier row of the same customer; remove it",
                });
            }
            self.customers.insert(id, customer);
        }
        for (near, restrictions) in std::mem::take(&mut self.restrictions) {
            self.for_each_near(&near, |customer| {
                restrictions.refusals.iter().for_each(|answer| customer.add_answer(answer.clone()));
                customer.add_stops(&restrictions.stops);
            });
        }
    }

    fn add_unassigned(&mut self, place: Place) {
        if self.unassigned.last() != Some(&place) {
            self.unassigned.push(place);
        }
    }

    /// Applies `change` to every customer whose id differs only in details that are easily lost, such as leading zeros,
    /// spaces or case.
    fn for_each_near(&mut self, near: &str, mut change: impl FnMut(&mut JoinedCustomer)) {
        let customers = &mut self.customers;
        let index = self.near_ids.get_or_insert_with(|| {
            let mut index: HashMap<String, Vec<CustomerId>> = HashMap::new();
            for id in customers.keys() {
                index.entry(near_id(id.reveal())).or_default().push(id.clone());
            }
            index
        });
        for id in index.get(near).into_iter().flatten() {
            if let Some(customer) = customers.get_mut(id) {
                change(customer);
            }
        }
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

    /// Applies the refusals in a payment row whose id matches no customer.
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

    /// Applies the consent gate to each customer, now that all answers are known.
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

    /// Determines the meaning of each answer from the settings and the other answers in its column.
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
        // A customer who consented has a payment row. If no payment is readable, the date does not matter.
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
                    records.push(CustomerRecord::Refused { reference, refusal, as_read });
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

/// Panics. It is never called, because [`crate::sheet::read_sheets`] passes one cell per column in each row.
fn unreachable_cells() -> ! {
    unreachable!("a row has a cell for each column")
}
