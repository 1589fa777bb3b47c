//! The real catalogue and lexicon, and a builder of customers.

use std::fmt;

use contracts::catalogue::Catalogue;
use contracts::consent::{ConsentAsRead, Question, Reading, Refusal, SocialConsent, gate};
use contracts::customer::{Cents, Customer, Profile, Transaction, Tweet};
use contracts::key::Workbook;
use contracts::vault::Keys;
use contracts::{CustomerId, CustomerRef, ProductId};
use jiff::civil::{Date, date};
use jiff::{Timestamp, ToSpan};

use crate::lexicon::Lexicon;

pub const AS_OF: Date = date(2026, 10, 31);

pub fn catalogue() -> Catalogue {
    let json = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/catalogue.json"));
    Catalogue::from_json(json).unwrap()
}

pub fn lexicon() -> Lexicon {
    let text = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/lexicon.toml"));
    Lexicon::from_toml(text).unwrap()
}

pub fn keys() -> Keys {
    Keys::new([1; 32], [2; 32])
}

pub fn product(id: &str) -> ProductId {
    ProductId::parse(id).unwrap()
}

/// A payment `days` before [`AS_OF`], in cents.
pub fn paid(days: i32, category: &str, cents: i64) -> Transaction {
    let merchant = "Some Merchant".to_owned();
    Transaction { date: AS_OF - days.days(), category: category.to_owned(), merchant, amount: Cents(cents) }
}

pub fn social_consent() -> SocialConsent {
    gate(&readings("yes", "yes")).unwrap().social.unwrap()
}

fn readings(general: &str, social: &str) -> Vec<Reading> {
    let reading = |question, value: &str| Reading {
        question,
        value: value.to_owned(),
        file: Workbook::Transactions,
        row: 2,
        rows: 1,
        meaning: None,
    };
    vec![reading(Question::General, general), reading(Question::SocialMedia, social)]
}

/// A customer under construction: consents to all, earns a middle income, and nothing else is known.
#[derive(Clone)]
pub struct Person {
    consent: ConsentAsRead,
    profile: Profile,
    transactions: Vec<Transaction>,
    tweets: Vec<Tweet>,
}

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(&self.clone().customer()).unwrap())
    }
}

impl Person {
    pub fn new() -> Self {
        let profile = Profile {
            first_name: "José".to_owned(),
            income: Some(Cents(6_000_000)),
            account_balance: Some(Cents(100_000)),
            products_held: Vec::new(),
            adviser: Some("Dana Reed".to_owned()),
            customer_since: None,
        };
        let consent = ConsentAsRead { readings: readings("yes", "yes"), read_at: Timestamp::UNIX_EPOCH, control: None };
        Self { consent, profile, transactions: vec![paid(179, "Transfer", 1)], tweets: Vec::new() }
    }

    pub fn consents(mut self, general: &str, social: &str) -> Self {
        self.consent.readings = readings(general, social);
        self
    }

    /// A year's income and the balance, in whole dollars.
    pub fn has(mut self, income: i64, balance: i64) -> Self {
        self.profile.income = Some(Cents(income * 100));
        self.profile.account_balance = Some(Cents(balance * 100));
        self
    }

    /// A customer for this many days.
    pub fn since(mut self, days: i32) -> Self {
        self.profile.customer_since = Some(AS_OF - days.days());
        self
    }

    pub fn holds(mut self, ids: &[&str]) -> Self {
        self.profile.products_held.extend(ids.iter().map(|id| product(id)));
        self
    }

    /// As much in both windows: steady.
    pub fn spends(self, category: &str, cents: i64) -> Self {
        self.spent(category, cents, cents)
    }

    /// Before, and now.
    pub fn spent(mut self, category: &str, before: i64, now: i64) -> Self {
        self.transactions.extend([paid(120, category, before), paid(20, category, now)]);
        self
    }

    pub fn wrote(mut self, days: i32, text: &str) -> Self {
        let created_on = (days < 10_000).then(|| AS_OF - days.days());
        self.tweets.push(Tweet { created_on, text: text.to_owned() });
        self
    }

    pub fn reference() -> CustomerRef {
        keys().reference(&CustomerId::parse("0042").unwrap())
    }

    /// The record with its posts in it whatever the consent cells say, as a faulty earlier stage might leave it.
    pub fn customer(self) -> Customer {
        let id = CustomerId::parse("0042").unwrap();
        let tweets = Ok((social_consent(), self.tweets));
        Customer::new(Self::reference(), id, self.consent, self.profile, self.transactions, AS_OF, tweets)
    }

    /// The record without any post.
    pub fn customer_without_posts(self) -> Customer {
        let id = CustomerId::parse("0042").unwrap();
        let tweets = Err(Refusal::Blank);
        Customer::new(Self::reference(), id, self.consent, self.profile, self.transactions, AS_OF, tweets)
    }
}
