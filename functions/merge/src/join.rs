//! Joins the rows of the three workbooks by customer, and applies the gate of consent as it joins.
//!
//! **Invariant:** no tweet of a customer without social consent, and no payment of one without general consent, is in what
//! [`Joining::finish`] returns; such tweets are dropped as their rows are read.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use contracts::catalogue::Catalogue;
use contracts::consent::{ConsentAsRead, ConsentReading, Question, Refusal};
use contracts::key::Workbook;
use contracts::{CustomerId, ProductId};
use jiff::Timestamp;
use jiff::civil::{Date, date};
use policy::consent::{Permission, gate};
use policy::customer::{Cents, Customer, CustomerRecord, Posts, Profile, Transaction, Tweet};
use storage::vault::Keys;

use crate::report::{FileCount, Problem, Report};
use crate::sheet::{Column, Row, optional, plain_name, required};
use crate::value::{Cell, Rule};

/// What is read of a workbook. Whatever else it has is never kept.
pub const fn columns(file: Workbook) -> &'static [Column] {
    match file {
        Workbook::Profile => &PROFILE,
        Workbook::Transactions => &TRANSACTIONS,
        Workbook::Tweets => &TWEETS,
    }
}

const PROFILE: [Column; 7] = [
    required("customer_id"),
    required("first_name"),
    required("income"),
    required("account_balance"),
    required("products_held"),
    optional("investment_advisor"),
    optional("customer_since"),
];

const TRANSACTIONS: [Column; 7] = [
    required("customer_id"),
    required("date"),
    required("category"),
    required("merchant"),
    required("transaction_amount"),
    required("consent"),
    required("consent_social_media"),
];

const TWEETS: [Column; 3] = [required("customer_id"), required("tweet"), optional("created_at")];

/// The most characters of a name that are believed.
const NAME: usize = 100;

/// A column and the rule that its cell breaks.
type Broken = (&'static str, Rule);

struct Person {
    profile: Profile,
    /// The few distinct answers.
    answers: Vec<Said>,
    transactions: Vec<Transaction>,
    tweets: Vec<Tweet>,
    permission: Result<Permission, Refusal>,
}

/// An answer to a consent question: the first row that gives it, and how many do.
struct Said {
    question: Question,
    value: String,
    row: u32,
    rows: u32,
}

/// Rows of one workbook in numbers, as they come.
#[derive(Default)]
struct Count {
    read: usize,
    set_aside: usize,
    withheld: usize,
}

/// The join under way: profiles first, then transactions, then tweets.
pub struct Joining<'a> {
    catalogue: &'a Catalogue,
    profiles: BTreeMap<CustomerId, Vec<(u32, Profile)>>,
    /// Customers whose profile cannot be used, by why.
    without_profile: BTreeMap<CustomerId, Rule>,
    people: HashMap<CustomerId, Person>,
    newest: Option<Date>,
    count: Count,
    report: Report,
}

impl<'a> Joining<'a> {
    /// Nothing read yet.
    pub fn new(catalogue: &'a Catalogue, read_at: Timestamp) -> Self {
        let report = Report { program: env!("CARGO_PKG_VERSION"), read_at, ..Report::default() };
        Self {
            catalogue,
            profiles: BTreeMap::new(),
            without_profile: BTreeMap::new(),
            people: HashMap::new(),
            newest: None,
            count: Count::default(),
            report,
        }
    }

    /// One row of a workbook.
    pub fn row(&mut self, file: Workbook, row: &Row<'_>) {
        self.count.read += 1;
        let taken = match file {
            Workbook::Profile => self.profile(row),
            Workbook::Transactions => self.transaction(row),
            Workbook::Tweets => self.tweet(row),
        };
        if let Err(broken) = taken {
            self.set_aside(file, row.sheet, row.number, broken);
        }
    }

    /// After the last row of a workbook.
    pub fn done(&mut self, file: Workbook, sheet: String) {
        match file {
            Workbook::Profile => self.profiles_done(&sheet),
            Workbook::Transactions => self.transactions_done(),
            Workbook::Tweets => {}
        }
        self.close(file, sheet);
    }

    fn profile(&mut self, row: &Row<'_>) -> Result<(), Broken> {
        let [id, first_name, income, balance, products, adviser, since] = row.cells else { unreachable_cells() };
        let id = id.customer_id().map_err(|rule| ("customer_id", rule))?;
        let name = first_name
            .some_text()
            .and_then(|name| if name.chars().count() > NAME { Err("more than 100 characters") } else { Ok(name) });
        let first_name = match name {
            Ok(name) => name,
            Err(rule) => {
                self.without_profile.insert(id, "the customer's profile row was set aside");
                return Err(("first_name", rule));
            }
        };
        let mut remark = |column, rule| {
            let sheet = row.sheet.to_owned();
            self.report.remark(Problem { file: Workbook::Profile, sheet, row: row.number, column, rule });
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
            remark("products_held", "names a product that the catalogue does not have");
        }
        let adviser = adviser.text().ok().filter(|name| !name.is_empty() && name.chars().count() <= NAME);
        let profile = Profile { first_name, income, account_balance, products_held, adviser, customer_since };
        self.profiles.entry(id).or_default().push((row.number, profile));
        Ok(())
    }

    /// Rows that say the same are one customer, rows that contradict each other none.
    fn profiles_done(&mut self, sheet: &str) {
        for (id, rows) in std::mem::take(&mut self.profiles) {
            let mut rows = rows.into_iter();
            let Some((first, profile)) = rows.next() else { continue };
            let others: Vec<(u32, Profile)> = rows.collect();
            if others.iter().all(|(_, other)| *other == profile) {
                for (row, _) in others {
                    let rule = "says what an earlier row of the same customer says";
                    let problem =
                        Problem { file: Workbook::Profile, sheet: sheet.to_owned(), row, column: "customer_id", rule };
                    self.report.remark(problem);
                }
                let person = Person {
                    profile,
                    answers: Vec::new(),
                    transactions: Vec::new(),
                    tweets: Vec::new(),
                    permission: Err(Refusal::Blank),
                };
                self.people.insert(id, person);
            } else {
                for row in std::iter::once(first).chain(others.into_iter().map(|(row, _)| row)) {
                    let rule = "contradicts another row of the same customer";
                    self.set_aside(Workbook::Profile, sheet, row, ("customer_id", rule));
                }
                self.without_profile.insert(id, "the customer's profile rows contradict each other");
            }
        }
    }

    /// A payment's answers to the consent questions count even if the payment itself cannot be used, so that no refusal is
    /// lost with a bad date.
    fn transaction(&mut self, row: &Row<'_>) -> Result<(), Broken> {
        let [id, day, category, merchant, amount, consent, social] = row.cells else { unreachable_cells() };
        let person = find(&mut self.people, &self.without_profile, id)?;
        for (question, answer) in [(Question::General, consent), (Question::SocialMedia, social)] {
            let value = answer.answer();
            match person.answers.iter_mut().find(|said| said.question == question && said.value == value) {
                Some(said) => {
                    said.row = said.row.min(row.number);
                    said.rows += 1;
                }
                None => person.answers.push(Said { question, value: value.into_owned(), row: row.number, rows: 1 }),
            }
        }
        let transaction = Transaction {
            date: day.date(row.epoch_1904).map_err(|rule| ("date", rule))?,
            category: category.some_text().map_err(|rule| ("category", rule))?,
            merchant: merchant.text().map_err(|rule| ("merchant", rule))?,
            amount: amount.amount().map_err(|rule| ("transaction_amount", rule))?,
        };
        self.newest = self.newest.max(Some(transaction.date));
        person.transactions.push(transaction);
        Ok(())
    }

    /// All answers are in, and the gate decides.
    fn transactions_done(&mut self) {
        for person in self.people.values_mut() {
            person.permission = gate(&person.readings());
            match person.permission {
                Ok(_) => person.transactions.sort_unstable(),
                Err(_) => self.count.withheld += std::mem::take(&mut person.transactions).len(),
            }
        }
    }

    /// Without social consent a post's text is not looked at.
    fn tweet(&mut self, row: &Row<'_>) -> Result<(), Broken> {
        let [id, text, created_at] = row.cells else { unreachable_cells() };
        let person = find(&mut self.people, &self.without_profile, id)?;
        let Ok(Permission { social: Ok(_), .. }) = person.permission else {
            self.count.withheld += 1;
            return Ok(());
        };
        let text = text.some_text().map_err(|rule| ("tweet", rule))?;
        let created_on = match created_at.date(row.epoch_1904) {
            Ok(day) => Some(day),
            Err(rule) => {
                if !created_at.is_blank() {
                    let (file, sheet) = (Workbook::Tweets, row.sheet.to_owned());
                    self.report.remark(Problem { file, sheet, row: row.number, column: "created_at", rule });
                }
                None
            }
        };
        person.tweets.push(Tweet { created_on, text });
        Ok(())
    }

    /// The records, sorted by customer id, and the report.
    pub fn finish(mut self, keys: &Keys) -> (Vec<CustomerRecord>, Report) {
        // Whoever consented has a payment row; if none of all could be read, no day is "as of" anything.
        let as_of = self.newest.unwrap_or(date(1970, 1, 1));
        let read_at = self.report.read_at;
        let count = &mut self.report.customers;
        let mut records = Vec::with_capacity(self.people.len());
        let mut people: Vec<(CustomerId, Person)> = self.people.into_iter().collect();
        people.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        for (id, person) in people {
            count.all += 1;
            for gap in person.gaps() {
                *count.without.entry(gap).or_default() += 1;
            }
            let reference = keys.reference(&id);
            let as_read = ConsentAsRead { readings: person.readings(), read_at, control: None };
            let permission = match person.permission {
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
                    let mut tweets = person.tweets;
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
                profile: person.profile,
                transactions: person.transactions,
                as_of,
                posts,
            };
            records.push(CustomerRecord::Given(Box::new(customer)));
        }
        (records, self.report)
    }

    /// How many rows of the workbook that was closed last are bad, of how many, and what is wrong with them.
    pub fn bad_rows(&self) -> Option<(&FileCount, Vec<Problem>)> {
        let count = self.report.files.last()?;
        let problems = self.report.set_aside.iter().filter(|problem| problem.file == count.file);
        Some((count, problems.cloned().collect()))
    }

    fn set_aside(&mut self, file: Workbook, sheet: &str, row: u32, (column, rule): Broken) {
        self.count.set_aside += 1;
        self.report.set_aside(Problem { file, sheet: sheet.to_owned(), row, column, rule });
    }

    fn close(&mut self, file: Workbook, sheet: String) {
        let Count { read, set_aside, withheld } = std::mem::take(&mut self.count);
        self.report.files.push(FileCount {
            file,
            sheet,
            read,
            kept: read.saturating_sub(set_aside + withheld),
            set_aside,
            withheld,
        });
    }
}

impl Person {
    /// What a customer lacks that a recommendation would use.
    fn gaps(&self) -> impl Iterator<Item = &'static str> {
        let Profile { income, account_balance, products_held, adviser, .. } = &self.profile;
        let gaps = [
            ("income", income.is_none()),
            ("account_balance", account_balance.is_none()),
            ("products_held", products_held.is_empty()),
            ("investment_advisor", adviser.is_none()),
            // Also of those without consent, whose payments were counted and dropped.
            ("transactions", self.answers.is_empty()),
        ];
        gaps.into_iter().filter(|(_, lacks)| *lacks).map(|(what, _)| what)
    }

    /// The answers, sorted, so that any order of the rows gives the same.
    fn readings(&self) -> Vec<ConsentReading> {
        let reading = |said: &Said| ConsentReading {
            question: said.question,
            value: said.value.clone(),
            file: Workbook::Transactions,
            row: said.row,
            rows: said.rows,
        };
        let mut readings: Vec<ConsentReading> = self.answers.iter().map(reading).collect();
        readings.sort_by(|a, b| (a.question, &a.value).cmp(&(b.question, &b.value)));
        readings
    }
}

fn find<'p>(
    people: &'p mut HashMap<CustomerId, Person>,
    without_profile: &BTreeMap<CustomerId, Rule>,
    id: &Cell<'_>,
) -> Result<&'p mut Person, Broken> {
    let id = id.customer_id().map_err(|rule| ("customer_id", rule))?;
    let rule = || without_profile.get(&id).copied();
    people
        .get_mut(&id)
        .ok_or_else(|| ("customer_id", rule().unwrap_or("no profile row has this id; ids are text, so 0042 is not 42")))
}

/// The catalogue's products that a cell names by id or by name, and how many it names that the catalogue does not have.
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

/// A row has as many cells as its table has columns; [`crate::sheet::read_sheet`] sees to it.
fn unreachable_cells() -> ! {
    unreachable!("a row has a cell for each column that was looked for")
}
