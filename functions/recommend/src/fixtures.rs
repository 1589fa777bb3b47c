//! Builders for this crate's tests.

use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use contracts::brand::Brand;
use contracts::catalogue::Catalogue;
use contracts::consent::ConsentAsRead;
use contracts::facts::{
    Facts, Ground, Mood, Need, Offer, Sentiment, Share, Spending, SpendingCategory, Stance, Topic, TopicTone, Trend,
    five_word_runs,
};
use contracts::script::{Script, SentenceSource};
use contracts::{CustomerId, CustomerRef, ProductId};
use jiff::Timestamp;
use phrases::{Phrasebook, Phrasebooks};
use serde_json::json;
use storage::secret::{SecretError, SecretName, SecretString, Secrets};
use storage::store::MemoryStore;
use storage::vault::{Keys, Vault};

pub(crate) fn keys() -> Keys {
    Keys::new([1; 32], [2; 32])
}

pub(crate) fn vault() -> Vault {
    Vault::new(Arc::new(MemoryStore::default()), keys())
}

/// Returns the catalog in `data`.
pub(crate) fn shipped_catalogue() -> Catalogue {
    Catalogue::from_json(include_bytes!("../../../data/catalogue.json")).unwrap()
}

/// Returns the brand in `assets`.
pub(crate) fn brand() -> Brand {
    Brand::from_toml(include_str!("../../../assets/brand.toml")).unwrap()
}

/// Returns the phrasebook in `data`.
pub(crate) fn books() -> &'static Phrasebooks {
    static BOOKS: LazyLock<Phrasebooks> = LazyLock::new(|| Phrasebooks::from(Phrasebook::packaged()));
    &BOOKS
}

/// Returns the packaged phrasebook in English.
pub(crate) fn book() -> &'static Phrasebook {
    static BOOK: LazyLock<Phrasebook> = LazyLock::new(Phrasebook::packaged);
    &BOOK
}

/// Returns a catalog with a card, a mortgage and two deposits. One deposit has a claim that no writer may make.
pub(crate) fn catalogue() -> Catalogue {
    let product = |id: &str, name: &str, kind: &str, summary: &str, claims: &[&str], lines: &[&str]| {
        json!({
            "id": id, "name": name, "category": "Consumer and Small Business Banking", "kind": kind, "summary": summary,
            "approved_claims": claims, "rates_and_terms": ["19.99% APR."], "disclosures": lines, "needs": ["saving"],
        })
    };
    let free = "Free online bill pay comes with a guaranteed 4.25% annual percentage yield.";
    let mut mortgage = product(
        "home-mortgage",
        "Meridian Home Mortgage",
        "mortgage",
        "A loan for buying a home",
        &[],
        &["Equal Housing Lender."],
    );
    mortgage["spoken_disclosures"] = json!(["Meridian Bank is an Equal Housing Lender."]);
    let file = json!({ "bank": "Meridian Bank", "version": "test", "products": [
        product("voyager-card", "Meridian Voyager Card", "credit-card",
            "The Meridian Voyager Card is a card for trips.", &["It works in many countries."], &["Terms apply."]),
        product("savings", "Meridian Goal Savings", "deposit",
            "An account for money you set aside.", &[free], &["Member FDIC."]),
        product("checking", "Meridian Everyday Checking", "deposit",
            "An account for daily money.", &["You can pay bills in one place."], &["Member FDIC."]),
        mortgage,
    ]});
    Catalogue::from_json(file.to_string().as_bytes()).unwrap()
}

pub(crate) fn id(text: &str) -> ProductId {
    ProductId::parse(text).unwrap()
}

pub(crate) fn offer(product: &str, need: Need, grounds: Vec<Ground>) -> Offer {
    Offer { product: id(product), score: 1.0, need, grounds }
}

pub(crate) fn mood(sentiment: Sentiment, posts: &[&str]) -> Mood {
    let runs = posts.iter().flat_map(|post| five_word_runs(post));
    Mood {
        sentiment,
        topics: vec![TopicTone { topic: Topic::Travel, sentiment }],
        five_word_runs: runs.map(|run| keys().keyed_digest("tweet-run", run.as_bytes())).collect(),
    }
}

/// Returns the facts of a customer who is offered the card, the savings account and the mortgage from [`catalogue`].
pub(crate) fn facts(first_name: &str) -> Facts {
    let travel = Ground::Spending { category: SpendingCategory::Travel, trend: Trend::Rising };
    Facts {
        language: contracts::Language::English,
        reference: keys().reference(&CustomerId::parse("0001").unwrap()),
        first_name: first_name.to_owned(),
        adviser: Some("Dana Whitfield".to_owned()),
        spending: vec![Spending { category: SpendingCategory::Travel, share: Share::Notable, trend: Trend::Rising }],
        products_held: vec![id("checking")],
        income: None,
        balance: None,
        recurring: Vec::new(),
        signs: Vec::new(),
        stops: Vec::new(),
        tenure: None,
        mood: Some(mood(Sentiment::Positive, &["cannot wait to see the sea again with my dog"])),
        stance: Stance::Recommend {
            offers: vec![
                offer("voyager-card", Need::Travel, vec![travel]),
                offer("savings", Need::Saving, vec![Ground::Holds { product: id("checking") }]),
                offer("home-mortgage", Need::HomePurchase, vec![Ground::Need { need: Need::HomePurchase }]),
            ],
        },
        candidates: Vec::new(),
        counterfactuals: Vec::new(),
        consent: ConsentAsRead { readings: Vec::new(), read_at: Timestamp::UNIX_EPOCH, control: None },
    }
}

/// Returns the reference of the customer with this number.
pub(crate) fn reference(number: u32) -> CustomerRef {
    keys().reference(&CustomerId::parse(number.to_string()).unwrap())
}

/// Generates the same customers in every test run.
#[derive(Default)]
pub(crate) struct Generator(u64);

impl Generator {
    /// Returns a number below `limit`.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        let digest = contracts::Digest::of(&self.0.to_be_bytes());
        self.0 += 1;
        let [a, b, c, d, ..] = *digest.as_bytes();
        usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap() % limit
    }

    pub(crate) fn one<'t, T>(&mut self, list: &'t [T]) -> &'t T {
        &list[self.below(list.len())]
    }

    /// Returns the facts about a customer with one to three offers, each on grounds that its product has.
    pub(crate) fn facts(&mut self, number: u32, catalogue: &Catalogue) -> Facts {
        let first_name = *self.one(&["José", "Ana", "李娜", "O'Neil", "{\\an8}", "Łucja", "Bill", "Grace"]);
        let adviser = *self.one(&[Some("Dana Whitfield"), Some("J. R. Lee Jr."), None]);
        let sentiment = *self.one(&[None, Some(Sentiment::Positive), Some(Sentiment::Neutral)]);
        let count = 1 + self.below(3);
        let mut offers: Vec<Offer> = Vec::new();
        while offers.len() < count {
            let product = self.one(catalogue.products());
            if offers.iter().any(|offer| offer.product == product.id) {
                continue;
            }
            let mut grounds = Vec::new();
            if !product.spending.is_empty() && self.below(2) == 0 {
                grounds.push(Ground::Spending { category: *self.one(&product.spending), trend: Trend::Rising });
            }
            if !product.eligibility.holds_any.is_empty() {
                grounds.push(Ground::Holds { product: self.one(&product.eligibility.holds_any).clone() });
            }
            offers.push(offer(product.id.as_str(), *self.one(&product.needs), grounds));
        }
        // A customer holds the products that their offers complement.
        let held = offers.iter().flat_map(|offer| &offer.grounds).filter_map(|ground| match ground {
            Ground::Holds { product } => Some(product.clone()),
            _ => None,
        });
        Facts {
            products_held: held.collect(),
            language: contracts::Language::English,
            reference: reference(number),
            first_name: first_name.to_owned(),
            adviser: adviser.map(str::to_owned),
            mood: sentiment.map(|sentiment| Mood { topics: Vec::new(), ..mood(sentiment, &[]) }),
            stance: Stance::Recommend { offers },
            ..self::facts("José")
        }
    }
}

/// A secret store that has at most the model's key.
pub(crate) struct ModelKey(pub Option<&'static str>);

#[async_trait]
impl Secrets for ModelKey {
    async fn find(&self, name: SecretName) -> Result<Option<SecretString>, SecretError> {
        Ok(self.0.filter(|_| name == SecretName::ModelKey).map(SecretString::from))
    }
}

/// Returns the ids of the lines in a script.
pub fn line_ids(script: &Script) -> Vec<&str> {
    let parts = script.segments.iter().flat_map(|segment| &segment.parts);
    parts
        .filter_map(|part| match &part.source {
            SentenceSource::Line { id, .. } => Some(id.as_str()),
            _ => None,
        })
        .collect()
}
