//! Joins the rows of the three workbooks by customer, and applies the consent gate as it joins.
//!
//! **Invariant:** [`Join::finish`] returns no tweet of a customer without social consent, and no payment of a customer
//! without general consent. Such tweets are dropped as their rows are read.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use contracts::catalogue::Catalogue;
use contracts::consent::{ConsentAsRead, Permission, Question, Reading, Refusal, gate};
use contracts::customer::{Cents, Customer, CustomerRecord, Profile, Transaction, Tweet};
use contracts::key::Workbook;
use contracts::vault::Keys;
use contracts::{CustomerId, ProductId};
use jiff::Timestamp;
use jiff::civil::{Date, date};

use crate::report::{FileCount, IntakeReport, RowProblem};
use crate::sheet::{SheetRow, SourceColumn, optional, plain_name, required};
use crate::value::{Cell, CellRule};

/// Returns the columns that are read of a workbook. Other columns are never kept.
pub const fn columns(file: Workbook) -> &'static [SourceColumn] {
    match file {
        Workbook::Profile => &PROFILE,
        Workbook::Transactions => &TRANSACTIONS,
        Workbook::Tweets => &TWEETS,
    }
}

const PROFILE: [SourceColumn; 7] = [
    required("customer_id"),
    required("first_name"),
    required("income"),
    required("account_balance"),
    required("products_held"),
    optional("investment_advisor"),
    optional("customer_since"),
];

const TRANSACTIONS: [SourceColumn; 7] = [
    required("customer_id"),
    required("date"),
    required("category"),
    required("merchant"),
    required("transaction_amount"),
    required("consent"),
    required("consent_social_media"),
];

const TWEETS: [SourceColumn; 3] = [required("customer_id"), required("tweet"), optional("created_at")];

/// The most characters of a name.
const MAX_NAME: usize = 100;

const NO_PROFILE: CellRule = "no profile row has this id; ids are text, so 0042 is not 42";

/// A column and the rule that its cell breaks.
type BrokenCell = (&'static str, CellRule);

/// A customer as joined so far.
struct JoinedCustomer {
    profile: Profile,
    /// The distinct consent answers, of which a customer has few.
    answers: Vec<ConsentAnswer>,
    transactions: Vec<Transaction>,
    tweets: Vec<Tweet>,
    permission: Result<Permission, Refusal>,
}

/// One distinct answer to a consent question.
struct ConsentAnswer {
    question: Question,
    value: String,
    /// The first row with this answer.
    row: u32,
    /// How many rows have it.
    rows: u32,
}

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
    profiles: BTreeMap<CustomerId, Vec<(u32, Profile)>>,
    /// Customers whose profile cannot be used, with the reason.
    unusable_profiles: BTreeMap<CustomerId, CellRule>,
    customers: HashMap<CustomerId, JoinedCustomer>,
    newest_payment: Option<Date>,
    count: RowCount,
    report: IntakeReport,
}

impl<'a> Join<'a> {
    /// Returns a join without any rows.
    pub fn new(catalogue: &'a Catalogue, read_at: Timestamp) -> Self {
        let report = IntakeReport { program: env!("CARGO_PKG_VERSION"), read_at, ..IntakeReport::default() };
        Self {
            catalogue,
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

    /// Concludes a workbook after its last row.
    pub fn finish_workbook(&mut self, file: Workbook, sheet: String) {
        match file {
            Workbook::Profile => self.finish_profiles(&sheet),
            Workbook::Transactions => self.finish_transactions(),
            Workbook::Tweets => {}
        }
        let RowCount { read, set_aside, withheld } = std::mem::take(&mut self.count);
        let kept = read.saturating_sub(set_aside + withheld);
        self.report.files.push(FileCount { file, sheet, read, kept, set_aside, withheld });
    }

    fn add_profile(&mut self, row: &SheetRow<'_>) -> Result<(), BrokenCell> {
        let [id, first_name, income, balance, products, adviser, since] = row.cells else { unreachable_cells() };
        let id = id.customer_id().map_err(|rule| ("customer_id", rule))?;
        let first_name = match first_name.some_text() {
            Ok(name) if name.chars().count() <= MAX_NAME => Ok(name),
            Ok(_) => Err("longer than 100 characters; shorten it"),
            Err(rule) => Err(rule),
        };
        let first_name = match first_name {
            Ok(name) => name,
            Err(rule) => {
                self.unusable_profiles.insert(id, "the customer's profile row was set aside; correct that row");
                return Err(("first_name", rule));
            }
        };
        let mut remark = |column, rule| {
            let sheet = row.sheet.to_owned();
            self.report.remark(RowProblem { file: Workbook::Profile, sheet, row: row.number, column, rule });
        };
        let mut money = |column, cell: &Cell<'_>| -> Option<Cents> {
            if cell.is_blank() {
                return None;
            }
            cell.amount().map_err(|rule| remark(column, rule)).ok()
        };
        let income = money("income", income);
        let account_balance = money("account_balance", balance);
        let customer_since = match since.date(row.epoch_1904) {
            Ok(day) => Some(day),
            Err(_) if since.is_blank() => None,
            Err(rule) => {
                remark("customer_since", rule);
                None
            }
        };
        let (products_held, unknown) = products_held(self.catalogue, &products.text().unwrap_or_default());
        if unknown > 0 || *products == Cell::Error {
            remark("products_held", "names a product that the catalog lacks; correct the name or add the product");
        }
        let adviser = adviser.text().ok().filter(|name| !name.is_empty() && name.chars().count() <= MAX_NAME);
        let profile = Profile { first_name, income, account_balance, products_held, adviser, customer_since };
        self.profiles.entry(id).or_default().push((row.number, profile));
        Ok(())
    }

    /// Makes one customer of equal rows, and sets aside rows of one customer that contradict each other.
    fn finish_profiles(&mut self, sheet: &str) {
        for (id, rows) in std::mem::take(&mut self.profiles) {
            let mut rows = rows.into_iter();
            let Some((first, profile)) = rows.next() else { continue };
            let others: Vec<(u32, Profile)> = rows.collect();
            if others.iter().any(|(_, other)| *other != profile) {
                for row in std::iter::once(first).chain(others.into_iter().map(|(row, _)| row)) {
                    let rule = "contradicts another row of the same customer; keep one of them";
                    self.set_aside(Workbook::Profile, sheet, row, ("customer_id", rule));
                }
                let rule = "the customer's profile rows contradict each other; keep one of them";
                self.unusable_profiles.insert(id, rule);
                continue;
            }
            for (row, _) in others {
                self.report.remark(RowProblem {
                    file: Workbook::Profile,
                    sheet: sheet.to_owned(),
                    row,
                    column: "customer_id",
                    rule: "repeats an earlier row of the same customer; remove it",
                });
            }
            let customer = JoinedCustomer {
                profile,
                answers: Vec::new(),
                transactions: Vec::new(),
                tweets: Vec::new(),
                permission: Err(Refusal::Blank),
            };
            self.customers.insert(id, customer);
        }
    }

    /// Adds a payment and its answers to the consent questions. The answers count even if the payment cannot be used, so
    /// that no refusal is lost with a bad date.
    fn add_transaction(&mut self, row: &SheetRow<'_>) -> Result<(), BrokenCell> {
        let [id, day, category, merchant, amount, consent, social] = row.cells else { unreachable_cells() };
        let customer = find_customer(&mut self.customers, &self.unusable_profiles, id)?;
        for (question, answer) in [(Question::General, consent), (Question::SocialMedia, social)] {
            customer.add_answer(question, answer.answer(), row.number);
        }
        let transaction = Transaction {
            date: day.date(row.epoch_1904).map_err(|rule| ("date", rule))?,
            category: category.some_text().map_err(|rule| ("category", rule))?,
            merchant: merchant.text().map_err(|rule| ("merchant", rule))?,
            amount: amount.amount().map_err(|rule| ("transaction_amount", rule))?,
        };
        self.newest_payment = self.newest_payment.max(Some(transaction.date));
        customer.transactions.push(transaction);
        Ok(())
    }

    /// Applies the consent gate to each customer, now that all answers are known.
    fn finish_transactions(&mut self) {
        for customer in self.customers.values_mut() {
            customer.permission = gate(&customer.readings());
            match customer.permission {
                Ok(_) => customer.transactions.sort_unstable(),
                Err(_) => self.count.withheld += std::mem::take(&mut customer.transactions).len(),
            }
        }
    }

    /// Adds a tweet. Without social consent it does not look at the text.
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
                self.report.remark(RowProblem {
                    file: Workbook::Tweets,
                    sheet,
                    row: row.number,
                    column: "created_at",
                    rule,
                });
                None
            }
        };
        customer.tweets.push(Tweet { created_on, text });
        Ok(())
    }

    /// Returns the records, sorted by customer id, and the report.
    pub fn finish(mut self, keys: &Keys) -> (Vec<CustomerRecord>, IntakeReport) {
        // A customer who consented has a payment row. Without one readable payment, the date does not matter.
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
            let tweets = match permission.social {
                Ok(proof) => {
                    count.consented_to_posts += 1;
                    let mut tweets = customer.tweets;
                    tweets.sort_unstable();
                    Ok((proof, tweets))
                }
                Err(refusal) => {
                    *count.posts_refused.entry(refusal).or_default() += 1;
                    Err(refusal)
                }
            };
            let customer =
                Customer::new(reference, id, as_read, customer.profile, customer.transactions, as_of, tweets);
            records.push(CustomerRecord::Given(Box::new(customer)));
        }
        (records, self.report)
    }

    /// Returns the counts and the bad rows of the workbook that was finished last.
    pub fn bad_rows(&self) -> Option<(&FileCount, Vec<RowProblem>)> {
        let count = self.report.files.last()?;
        let problems = self.report.set_aside.iter().filter(|problem| problem.file == count.file);
        Some((count, problems.cloned().collect()))
    }

    fn set_aside(&mut self, file: Workbook, sheet: &str, row: u32, (column, rule): BrokenCell) {
        self.count.set_aside += 1;
        self.report.set_aside(RowProblem { file, sheet: sheet.to_owned(), row, column, rule });
    }
}

impl JoinedCustomer {
    fn add_answer(&mut self, question: Question, value: Cow<'_, str>, row: u32) {
        match self.answers.iter_mut().find(|answer| answer.question == question && answer.value == value) {
            Some(answer) => {
                answer.row = answer.row.min(row);
                answer.rows += 1;
            }
            None => self.answers.push(ConsentAnswer { question, value: value.into_owned(), row, rows: 1 }),
        }
    }

    /// Returns the names of what the customer lacks and a recommendation would use.
    fn gaps(&self) -> impl Iterator<Item = &'static str> {
        let Profile { income, account_balance, products_held, adviser, .. } = &self.profile;
        let gaps = [
            ("income", income.is_none()),
            ("account_balance", account_balance.is_none()),
            ("products_held", products_held.is_empty()),
            ("investment_advisor", adviser.is_none()),
            // The payments of customers without consent are already dropped, but their answers remain.
            ("transactions", self.answers.is_empty()),
        ];
        gaps.into_iter().filter(|(_, lacks)| *lacks).map(|(name, _)| name)
    }

    /// Returns the answers in a fixed order, so that the order of the rows does not matter.
    fn readings(&self) -> Vec<Reading> {
        let reading = |answer: &ConsentAnswer| Reading {
            question: answer.question,
            value: answer.value.clone(),
            file: Workbook::Transactions,
            row: answer.row,
            rows: answer.rows,
        };
        let mut readings: Vec<Reading> = self.answers.iter().map(reading).collect();
        readings.sort_by(|a, b| (a.question, &a.value).cmp(&(b.question, &b.value)));
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

/// Returns the catalog products that a cell names by id or by name, and how many unknown products it names.
fn products_held(catalogue: &Catalogue, text: &str) -> (Vec<ProductId>, usize) {
    let mut unknown = 0;
    let mut held = BTreeSet::new();
    for named in text.split([';', ',', '|']).map(plain_name).filter(|name| !name.is_empty()) {
        let is_named = |text: &str| plain_name(text) == named;
        match catalogue.products().iter().find(|product| is_named(product.id.as_str()) || is_named(&product.name)) {
            Some(product) => {
                held.insert(product.id.clone());
            }
            None => unknown += 1,
        }
    }
    (held.into_iter().collect(), unknown)
}

/// Panics: [`crate::sheet::read_sheet`] gives a row one cell for each column.
fn unreachable_cells() -> ! {
    unreachable!("a row has a cell for each column")
}
