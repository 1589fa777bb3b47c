use std::collections::BTreeSet;

use contracts::catalogue::Catalogue;
use contracts::facts::{Facts, Mood, Need, SpendingCategory, Stance, Trend};
use contracts::script::SegmentKind;
use proptest::prelude::*;

use super::*;
use crate::fixtures;
use crate::guard::{MAX_WORDS, word_count};

fn script(facts: &Facts, catalogue: &Catalogue) -> Script {
    let brand = fixtures::brand();
    let brief = Brief::new(facts, catalogue, &brand).unwrap();
    write(&brief, &fixtures::keys(), None)
}

fn with_service(topic: Topic) -> Facts {
    Facts { stance: Stance::Service { topic }, ..fixtures::facts("José") }
}

fn reference(number: u32) -> CustomerRef {
    fixtures::keys().reference(&contracts::CustomerId::parse(number.to_string()).unwrap())
}

#[test]
fn parts_are_in_order_with_verbatim_catalogue_texts() {
    let script = script(&fixtures::facts("José"), &fixtures::catalogue());
    assert!(script.verdict.passed(), "{:?}", script.verdict);
    let kinds: Vec<_> = script.segments.iter().map(|segment| serde_json::to_value(segment.kind).unwrap()).collect();
    assert_eq!(kinds, ["greeting", "offer", "offer", "offer", "disclosure", "closing"]);

    let text = script.spoken();
    assert!(script.segments[0].text.contains("José"));
    assert!(script.segments[5].text.ends_with("Dana Whitfield."));
    assert!(text.contains("The Meridian Voyager Card is a card for trips."));
    assert!(text.contains("Free online bill pay comes with a guaranteed 4.25% annual percentage yield."));
    assert!(script.segments[4].text == "Meridian Bank is an Equal Housing Lender.");
    for (segment, offer) in script.segments[1..4].iter().zip(&script.offers) {
        assert_eq!(segment.product.as_ref(), Some(&offer.product));
        assert!(segment.text.contains(&offer.name), "{}", segment.text);
    }
}

#[test]
fn disclosures_are_complete_and_unique() {
    let script = script(&fixtures::facts("José"), &fixtures::catalogue());
    let unique: BTreeSet<&String> = script.disclosures.iter().collect();
    assert_eq!(unique.len(), script.disclosures.len());
    for line in ["Terms apply.", "Member FDIC.", "Equal Housing Lender."] {
        assert!(script.disclosures.iter().any(|shown| shown == line), "{line}");
    }
    assert!(fixtures::brand().disclosures.iter().all(|line| script.disclosures.contains(line)));
}

#[test]
fn service_message_offers_nothing() {
    for topic in Topic::ALL {
        for number in 0..6 {
            let facts = Facts { reference: reference(number), ..with_service(*topic) };
            let script = script(&facts, &fixtures::shipped_catalogue());
            assert!(script.verdict.passed(), "{topic:?}: {:?}", script.verdict);
            assert!(script.offers.is_empty());
            assert!(script.segments.iter().all(|segment| segment.product.is_none()));
            assert!(script.segments.iter().any(|segment| segment.kind == SegmentKind::Service));
        }
    }
}

#[test]
fn letter_depends_on_customer_only() {
    let letter = |number| {
        script(&Facts { reference: reference(number), ..fixtures::facts("José") }, &fixtures::catalogue()).spoken()
    };
    assert_eq!(letter(1), letter(1));
    let letters: BTreeSet<String> = (0..20).map(letter).collect();
    assert!(letters.len() >= 15, "{} of 20 differ", letters.len());
}

#[test]
fn variant_that_echoes_post_is_replaced() {
    let facts = fixtures::facts("José");
    let first = script(&facts, &fixtures::catalogue());
    let opening = first.segments[0].text.clone();
    let mood = Some(fixtures::mood(Sentiment::Positive, &[&opening]));
    let second = script(&Facts { mood, ..facts }, &fixtures::catalogue());
    assert!(second.verdict.passed());
    assert_ne!(second.segments[0].text, opening);
}

#[test]
fn three_offers_fill_a_minute() {
    let catalogue = fixtures::shipped_catalogue();
    for (number, window) in (0u32..).zip(catalogue.products().windows(3)) {
        let offers = window.iter().map(|p| fixtures::offer(p.id.as_str(), p.needs[0], Vec::new())).collect();
        let facts =
            Facts { stance: Stance::Recommend { offers }, reference: reference(number), ..fixtures::facts("José") };
        let script = script(&facts, &catalogue);
        let words = word_count(&script.spoken());
        assert!((130..=210).contains(&words), "{words} words:\n{}", script.spoken());
    }
}

fn grounds() -> impl Strategy<Value = Vec<Ground>> {
    let spending = prop::sample::select(SpendingCategory::ALL)
        .prop_map(|category| Ground::Spending { category, trend: Trend::Rising });
    let need = prop::sample::select(Need::ALL).prop_map(|need| Ground::Need { need });
    let holds = Just(Ground::Holds { product: fixtures::id("everyday-checking") });
    prop::collection::vec(prop_oneof![spending, need, holds], 0..3)
}

fn name() -> impl Strategy<Value = String> {
    const ODD_NAMES: &str = "José|李娜|{\\an8}|%{x}|<script>|ANNE-MARIE|O'Neil|Guaranteed|Christian|";
    const RULE_WORDS: &str = "No|May|Will|Grant|Rich|Chase|An|Ann Best|Bill Free";
    let names = ODD_NAMES.split('|').chain(RULE_WORDS.split('|')).collect::<Vec<_>>();
    prop_oneof![prop::sample::select(names).prop_map(str::to_owned), ".{0,50}"]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn templates_pass_guard_for_any_facts(
        picks in prop::sample::subsequence((0..fixtures::shipped_catalogue().products().len()).collect::<Vec<_>>(), 1..=3),
        needs in prop::collection::vec(prop::sample::select(Need::ALL), 3),
        grounds in prop::collection::vec(grounds(), 3),
        first_name in name(),
        adviser in prop::option::of(name()),
        sentiment in prop::option::of(prop::sample::select(&[Sentiment::Negative, Sentiment::Neutral, Sentiment::Positive])),
        number in 0u32..1_000_000,
    ) {
        let catalogue = fixtures::shipped_catalogue();
        let offers = picks.iter().zip(needs).zip(grounds).map(|((at, need), grounds)| {
            fixtures::offer(catalogue.products()[*at].id.as_str(), need, grounds)
        }).collect();
        let facts = Facts {
            reference: reference(number),
            stance: Stance::Recommend { offers },
            adviser,
            mood: sentiment.map(|sentiment| Mood { topics: Vec::new(), ..fixtures::mood(sentiment, &[]) }),
            ..fixtures::facts(&first_name)
        };
        let script = script(&facts, &catalogue);
        let text = script.spoken();
        prop_assert!(script.verdict.passed(), "{:?}\n{text}", script.verdict);
        prop_assert_eq!(script.offers.len(), picks.len());
        prop_assert!(word_count(&text) <= MAX_WORDS);
        let markup = ['{', '}', '<', '>', '\\', '`'];
        prop_assert!(!text.contains(markup), "{text}");
        prop_assert!(!script.first_name.is_empty() && !script.first_name.contains(markup));
        // The text has no doubled period or space and no space before a period.
        prop_assert!(!text.contains("..") && !text.contains("  ") && !text.contains(" ."), "{text}");
    }
}
