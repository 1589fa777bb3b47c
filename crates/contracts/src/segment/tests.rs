use proptest::prelude::*;

use super::*;
use crate::CustomerRef;
use crate::consent::ConsentAsRead;
use crate::facts::{Offer, Spending, Stance};
use crate::vocabulary::Share;

fn segment(text: &str) -> CustomerSegment {
    CustomerSegment::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn error(text: &str) -> String {
    CustomerSegment::parse(text).unwrap_err().to_string()
}

/// A customer who holds a gold card, spends more on travel and the same on dining, and gets an offer for saving.
fn facts() -> Facts {
    let id = |text: &str| ProductId::parse(text).unwrap();
    let spending = |category, trend| Spending { category, share: Share::Notable, trend };
    let offer = Offer { product: id("saver"), score: 3.0, need: Need::Saving, grounds: Vec::new() };
    Facts {
        reference: CustomerRef::parse("0".repeat(32)).unwrap(),
        first_name: "Ana".to_owned(),
        adviser: None,
        language: crate::Language::Spanish,
        spending: vec![
            spending(SpendingCategory::Travel, Trend::Rising),
            spending(SpendingCategory::Dining, Trend::Steady),
        ],
        products_held: vec![id("gold-card")],
        income: None,
        balance: None,
        recurring: vec![SpendingCategory::Insurance],
        signs: vec![Sign::Business],
        tenure: None,
        stops: Vec::new(),
        mood: None,
        stance: Stance::Recommend { offers: vec![offer] },
        candidates: Vec::new(),
        counterfactuals: Vec::new(),
        consent: ConsentAsRead { readings: Vec::new(), read_at: jiff::Timestamp::UNIX_EPOCH, control: None },
    }
}

#[test]
fn each_fact_selects() {
    let facts = facts();
    for (holds, fails) in [
        ("need:saving", "need:travel"),
        ("offer:saver", "offer:gold-card"),
        ("holds:gold-card", "holds:saver"),
        ("spending:dining", "spending:home"),
        ("rising:travel", "rising:dining"),
        ("not falling:dining", "falling:dining"),
        ("recurring:insurance", "recurring:travel"),
        ("sign:business", "sign:home"),
    ] {
        assert!(segment(holds).contains(&facts), "{holds}");
        assert!(!segment(fails).contains(&facts), "{fails}");
    }
}

#[test]
fn and_binds_tighter_than_or() {
    let facts = facts();
    assert!(segment("need:saving or need:travel and sign:home").contains(&facts));
    assert!(!segment("(need:saving or need:travel) and sign:home").contains(&facts));
    assert!(segment("not (need:travel or sign:home) and holds:gold-card").contains(&facts));
}

#[test]
fn unknown_names_are_listed() {
    assert_eq!(
        error("need:travel and income:high"),
        "segment: unknown fact at character 17; use one of need, offer, holds, spending, rising, falling, recurring, \
         sign"
    );
    let message = error("sign:wealth");
    assert_eq!(message, "segment: unknown value of sign at character 6; use one of travel, home, business");
}

#[test]
fn protected_attributes_and_amounts_are_not_facts() {
    for fact in [
        "age:60",
        "gender:f",
        "religion:any",
        "zip:10115",
        "language:es",
        "balance:high",
        "topic:hardship",
        "post:fees",
    ] {
        assert!(matches!(CustomerSegment::parse(fact), Err(SegmentError::UnknownFact { position: 1 })), "{fact}");
    }
}

#[test]
fn malformed_segments_say_where() {
    for (text, expected) in [
        ("", "expected a fact, not or an opening parenthesis at character 1"),
        ("need", "expected a colon at character 5"),
        ("need:", "expected a value at character 6"),
        ("need:travel need:saving", "expected and, or, or the end at character 13"),
        ("(need:travel", "expected and, or, or a closing parenthesis at character 13"),
        ("need:travel and", "expected a fact, not or an opening parenthesis at character 16"),
    ] {
        assert_eq!(error(text), format!("segment: {expected}"), "{text:?}");
    }
    assert_eq!(CustomerSegment::parse(&"not ".repeat(100)), Err(SegmentError::TooLarge));
    assert_eq!(CustomerSegment::parse(&"(".repeat(100)), Err(SegmentError::TooLarge));
    assert_eq!(CustomerSegment::parse(&"x".repeat(2_001)), Err(SegmentError::TooLarge));
}

#[test]
fn message_never_repeats_the_text() {
    assert!(!error("customer:smith").contains("smith") && !error("need:smith").contains("smith"));
}

#[test]
fn unknown_product_is_named() {
    let nested = segment("need:saving and not (holds:gold-card or offer:no-such)");
    let is_known = |id: &ProductId| id.as_str() == "gold-card";
    assert_eq!(nested.ensure_known(&is_known).unwrap_err().to_string(), "segment: the catalog has no product no-such");
    assert_eq!(segment("holds:gold-card").ensure_known(&is_known), Ok(()));
}

fn any_segment() -> impl Strategy<Value = CustomerSegment> {
    let fact = prop_oneof![
        proptest::sample::select(Need::ALL).prop_map(SegmentFact::Need),
        proptest::sample::select(SpendingCategory::ALL).prop_map(SegmentFact::Rising),
        "p-[a-z0-9]{0,8}".prop_map(|id| SegmentFact::Holds(ProductId::parse(id).unwrap())),
    ];
    fact.prop_map(CustomerSegment::Fact).prop_recursive(4, 24, 3, |inner| {
        let several = proptest::collection::vec(inner.clone(), 2..4);
        prop_oneof![
            inner.prop_map(|segment| CustomerSegment::Not(Box::new(segment))),
            several.clone().prop_map(CustomerSegment::All),
            several.prop_map(CustomerSegment::Any),
        ]
    })
}

proptest! {
    #[test]
    fn written_segment_parses_as_itself(segment in any_segment()) {
        let text = segment.to_string();
        prop_assume!(text.chars().count() <= MAX_LENGTH);
        prop_assert_eq!(CustomerSegment::parse(&text), Ok(segment));
    }

    #[test]
    fn any_text_parses_or_is_refused(text in "(need|holds|not|and|or|[(): a-z]){0,40}") {
        let _parsed = CustomerSegment::parse(&text);
    }
}
