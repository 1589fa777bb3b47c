//! Builders for tests: the sample brands and a page's content.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use contracts::ProductId;
use contracts::brand::Brand;
use contracts::catalogue::ProductKind;
use contracts::choice::{Choice, Source};
use contracts::customer_page::{CustomerPage, PageOffer};
use contracts::facts::{Counterfactual, Need, ReasonFact, Share, SpendingCategory, Topic, Trend};

use crate::look::Look;

/// The sample brands, by their folder of assets.
pub const BRANDS: [&str; 2] = ["assets", "assets/brands/harbor"];

fn folder(assets: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(assets)
}

pub fn brand() -> Brand {
    brand_of(BRANDS[0])
}

fn brand_of(assets: &str) -> Brand {
    Brand::from_toml(&std::fs::read_to_string(folder(assets).join("brand.toml")).unwrap()).unwrap()
}

pub fn look_of(assets: &str) -> Look {
    let brand = brand_of(assets);
    let logo = brand.page.logo.as_ref().map(|logo| std::fs::read(folder(assets).join(logo)).unwrap());
    Look::new(brand, logo.as_deref())
}

pub fn look() -> Look {
    look_of(BRANDS[0])
}

pub fn id(text: &str) -> ProductId {
    ProductId::parse(text).unwrap()
}

/// Returns the content of a page with two offers. The first one depends on posts.
pub fn content() -> CustomerPage {
    let offer = |product: &str, name: &str, kind, need, starts_at, reasons| PageOffer {
        product: id(product),
        name: name.to_owned(),
        kind,
        need,
        summary: format!("{name} is a product."),
        address: "https://www.meridian.example/cards?a=1".to_owned(),
        starts_at: Some(starts_at),
        reasons,
        terms: vec!["Purchase APR: 19.24% to 27.24% variable.".to_owned()],
        disclosures: vec!["Subject to credit approval.".to_owned()],
    };
    let spending = |category| ReasonFact::Spending { category, share: Share::Notable, trend: Trend::Steady };
    let travel = "Travel <Card>";
    let offers = vec![
        offer(
            "travel-card",
            travel,
            ProductKind::CreditCard,
            Need::Travel,
            6.4,
            vec![
                spending(SpendingCategory::Travel),
                ReasonFact::Posts { topic: Topic::Travel, liked: true },
                ReasonFact::OpenNeed { need: Need::Travel },
            ],
        ),
        offer(
            "savings",
            "Goal Savings",
            ProductKind::Deposit,
            Need::Saving,
            31.0,
            vec![
                ReasonFact::GoesWith { product: id("checking") },
                ReasonFact::ServedNeed { need: Need::Saving, product: id("certificate") },
            ],
        ),
    ];
    let names = [
        ("travel-card", travel),
        ("savings", "Goal Savings"),
        ("checking", "Everyday Checking"),
        ("certificate", "Certificate"),
        ("cash-card", "Cash Card"),
    ];
    let after =
        |without, offers: &[&str]| Counterfactual { without, offers: offers.iter().map(|text| id(text)).collect() };
    CustomerPage {
        language: "en".to_owned(),
        first_name: "José <b>".to_owned(),
        offers,
        transcript: vec!["Hello José.".to_owned(), "The card is for trips.".to_owned()],
        disclosures: vec!["Member FDIC.".to_owned()],
        names: BTreeMap::from(names.map(|(product, name)| (id(product), name.to_owned()))),
        counterfactuals: vec![
            after(Choice::Source(Source::Posts), &["savings", "cash-card"]),
            after(Choice::Source(Source::Payments), &["travel-card", "savings"]),
            after(Choice::Kind(ProductKind::CreditCard), &["savings"]),
            after(Choice::Kind(ProductKind::Deposit), &["travel-card"]),
            after(Choice::Topic(Need::Travel), &["cash-card"]),
            after(Choice::Topic(Need::Saving), &[]),
            after(Choice::Product(id("travel-card")), &["savings"]),
        ],
        from_posts: true,
    }
}
