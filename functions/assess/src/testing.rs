//! Builders for tests: the shipped catalog and lexicon, and customers.

use std::fmt;

use contracts::catalogue::Catalogue;
use contracts::consent::{ConsentAsRead, ConsentReading, Question, Refusal};
use contracts::key::Workbook;
use contracts::{CustomerId, CustomerRef, Language, ProductId};
use jiff::civil::{Date, date};
use jiff::{Timestamp, ToSpan};
use policy::consent::{SocialConsent, gate};
use policy::customer::{Cents, Customer, Posts, Profile, Transaction, Tweet};
use storage::vault::Keys;

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

/// Returns a payment of `cents`, `days` before [`AS_OF`].
pub fn paid(days: i32, category: &str, cents: i64) -> Transaction {
    let merchant = "Some Merchant".to_owned();
    Transaction { date: AS_OF - days.days(), category: category.to_owned(), merchant, amount: Cents(cents) }
}

pub fn social_consent() -> SocialConsent {
    gate(&readings("yes", "yes")).unwrap().social.unwrap()
}

fn readings(general: &str, social: &str) -> Vec<ConsentReading> {
    let reading = |question, value: &str| ConsentReading {
        question,
        value: value.to_owned(),
        file: Workbook::Transactions,
        row: 2,
        rows: 1,
        meaning: None,
    };
    vec![reading(Question::General, general), reading(Question::SocialMedia, social)]
}

/// Builds a customer. By default, the customer consents to everything, has a middle income, and spends nothing.
#[derive(Clone)]
pub struct CustomerBuilder {
    consent: ConsentAsRead,
    profile: Profile,
    transactions: Vec<Transaction>,
    tweets: Vec<Tweet>,
}

impl fmt::Debug for CustomerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(&self.clone().customer()).unwrap())
    }
}

impl CustomerBuilder {
    pub fn new() -> Self {
        let profile = Profile {
            first_name: "José".to_owned(),
            income: Some(Cents(6_000_000)),
            account_balance: Some(Cents(100_000)),
            products_held: Vec::new(),
            adviser: Some("Dana Reed".to_owned()),
            customer_since: None,
            language: None,
            stops: Vec::new(),
            probably_held: Vec::new(),
        };
        let consent = ConsentAsRead { readings: readings("yes", "yes"), read_at: Timestamp::UNIX_EPOCH, control: None };
        Self { consent, profile, transactions: vec![paid(179, "Transfer", 1)], tweets: Vec::new() }
    }

    pub fn consents(mut self, general: &str, social: &str) -> Self {
        self.consent.readings = readings(general, social);
        self
    }

    /// Sets the annual income and the balance, in whole dollars.
    pub fn has(mut self, income: i64, balance: i64) -> Self {
        self.profile.income = Some(Cents(income * 100));
        self.profile.account_balance = Some(Cents(balance * 100));
        self
    }

    /// Sets the tenure in days.
    pub fn customer_for_days(mut self, days: i32) -> Self {
        self.profile.customer_since = Some(AS_OF - days.days());
        self
    }

    pub fn prefers(mut self, language: Language) -> Self {
        self.profile.language = Some(language);
        self
    }

    pub fn holds(mut self, ids: &[&str]) -> Self {
        self.profile.products_held.extend(ids.iter().map(|id| product(id)));
        self
    }

    /// Adds steady spending: the same amount, in cents, in both windows.
    pub fn spends(self, category: &str, cents: i64) -> Self {
        self.spends_before_and_now(category, cents, cents)
    }

    /// Adds spending of different amounts, in cents, in the earlier and the current window.
    pub fn spends_before_and_now(mut self, category: &str, before: i64, now: i64) -> Self {
        self.transactions.extend([paid(120, category, before), paid(20, category, now)]);
        self
    }

    /// Adds a post of this age in days. 10,000 days or more means a post without a date.
    pub fn posted(mut self, days: i32, text: &str) -> Self {
        let created_on = (days < 10_000).then(|| AS_OF - days.days());
        self.tweets.push(Tweet { created_on, text: text.to_owned() });
        self
    }

    pub fn reference() -> CustomerRef {
        keys().reference(&CustomerId::parse("0042").unwrap())
    }

    /// Builds the customer with posts despite the consent cells, as a faulty earlier stage might.
    pub fn customer(mut self) -> Customer {
        let posts = Posts::granted(social_consent(), std::mem::take(&mut self.tweets));
        self.with_posts(posts)
    }

    /// Builds the customer without posts.
    pub fn customer_without_posts(self) -> Customer {
        self.with_posts(Posts::refused(Refusal::Blank))
    }

    fn with_posts(self, posts: Posts) -> Customer {
        Customer {
            reference: Self::reference(),
            id: CustomerId::parse("0042").unwrap(),
            consent: self.consent,
            profile: self.profile,
            transactions: self.transactions,
            as_of: AS_OF,
            posts,
        }
    }
}
