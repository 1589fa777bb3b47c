use std::collections::{BTreeMap, BTreeSet};

use contracts::Language;
use contracts::catalogue::Catalogue;
use contracts::facts::{Facts, Ground, Mood, Need, SpendingCategory, Stance, Trend};
use contracts::script::SegmentKind;
use phrases::Phrasebooks;
use proptest::prelude::*;

use super::*;
use crate::fixtures::{self, line_ids};
use crate::guard::{self, word_count};
use crate::proof::prove;

fn script_with_wish(facts: &Facts, catalogue: &Catalogue, wish: Option<&str>) -> Script {
    let brand = fixtures::brand();
    let book = fixtures::book();
    let brief = Brief::new(facts, catalogue, &brand, book).unwrap();
    PhraseWriter::new(&brief, wish).write(&fixtures::keys(), None).unwrap()
}

fn script(facts: &Facts, catalogue: &Catalogue) -> Script {
    script_with_wish(facts, catalogue, None)
}

fn with_service(topic: Topic) -> Facts {
    Facts { stance: Stance::Service { topic }, ..fixtures::facts("José") }
}

#[test]
fn parts_are_in_order_and_catalogue_text_is_verbatim() {
    let script = script(&fixtures::facts("José"), &fixtures::catalogue());
    assert!(script.verdict.passed(), "{:?}", script.verdict);
    let kinds: Vec<_> = script.segments.iter().map(|segment| serde_json::to_value(segment.kind).unwrap()).collect();
    assert_eq!(kinds, ["greeting", "offer", "offer", "offer", "closing"]);

    let text = script.spoken();
    assert!(script.segments[0].text.contains("José") && script.segments[0].text.contains("Dana Whitfield"), "{text}");
    assert!(text.contains("The Meridian Voyager Card is a card for trips."));
    assert!(text.contains("Free online bill pay comes with a guaranteed 4.25% annual percentage yield."));
    let disclosure = "Meridian Bank is an Equal Housing Lender.";
    assert!(script.segments[3].text.ends_with(disclosure), "it stands with the mortgage: {}", script.segments[3].text);
    assert_eq!(text.matches(disclosure).count(), 1);
    for (segment, offer) in script.segments[1..4].iter().zip(&script.offers) {
        assert_eq!(segment.product.as_ref(), Some(&offer.product));
        assert!(segment.text.contains(&offer.name), "{}", segment.text);
    }
}

#[test]
fn product_without_a_reason_is_presented_in_catalogue_text() {
    let script = script(&fixtures::facts("José"), &fixtures::catalogue());
    assert!(script.segments[2].text.contains(" Meridian Goal Savings. An account for money"), "{script:?}");
}

fn with_offers(products: &[&str]) -> Facts {
    let catalogue = fixtures::shipped_catalogue();
    let offers = products.iter().map(|id| {
        let need = catalogue.product(&fixtures::id(id)).unwrap().needs[0];
        fixtures::offer(id, need, Vec::new())
    });
    Facts { stance: Stance::Recommend { offers: offers.collect() }, ..fixtures::facts("José") }
}

/// Tests that the warning about investments cannot be taken for one about the deposit after it.
#[test]
fn spoken_disclosure_stands_with_its_own_product() {
    let catalogue = fixtures::shipped_catalogue();
    for order in [["guided-investing", "high-yield-savings"], ["certificate-of-deposit", "retirement-ira"]] {
        for wish in [None, Some("brief"), Some("lively")] {
            let script = script_with_wish(&with_offers(&order), &catalogue, wish);
            assert!(script.verdict.passed(), "{:?}", script.verdict);
            for segment in &script.segments {
                let product = segment.product.as_ref().and_then(|id| catalogue.product(id));
                let own = product.map(|product| product.spoken_disclosures.clone()).unwrap_or_default();
                assert_eq!(segment.text.contains("may lose value"), !own.is_empty(), "{}", segment.text);
                assert!(own.iter().all(|line| segment.text.ends_with(line.as_str())), "{}", segment.text);
            }
            let names = script.offers.iter().filter_map(|offer| offer.picture.as_ref());
            for (name, product) in names.map(|picture| &picture.customer_name).zip(&order) {
                let warning = &catalogue.product(&fixtures::id(product)).unwrap().spoken_disclosures;
                assert!(warning.iter().all(|line| line.contains(name.as_str())), "{warning:?} names {name}");
            }
        }
    }
}

#[test]
fn product_is_named_once_and_then_called_it() {
    let catalogue = fixtures::shipped_catalogue();
    for number in 0..30 {
        let facts = with_offers(&["cash-back-card", "personal-loan", "everyday-checking"]);
        let facts = Facts { reference: fixtures::reference(number), ..facts };
        let script = script(&facts, &catalogue);
        for (segment, offer) in script.segments[1..4].iter().zip(&script.offers) {
            let name = &offer.picture.as_ref().unwrap().customer_name;
            assert_eq!(segment.text.matches(name.as_str()).count(), 1, "{}", segment.text);
            assert!(segment.parts.iter().any(|part| part.text.starts_with("It ")), "{}", segment.text);
        }
        let proof = prove(&script, &facts, fixtures::books(), &catalogue, &fixtures::brand());
        assert!(proof.is_complete(), "{:?}", proof.problems);
    }
}

#[test]
fn brief_letter_is_shorter() {
    let catalogue = fixtures::shipped_catalogue();
    let mut totals = (0, 0);
    for (number, window) in (0u32..).zip(catalogue.products().windows(3)) {
        let ids: Vec<&str> = window.iter().map(|product| product.id.as_str()).collect();
        let facts = Facts { reference: fixtures::reference(number), ..with_offers(&ids) };
        let words = |wish| word_count(&script_with_wish(&facts, &catalogue, wish).spoken());
        let (brief, formal) = (words(Some("Keep it brief.")), words(Some("Formal.")));
        assert!(brief < formal, "{brief} and {formal} words");
        totals = (totals.0 + brief, totals.1 + formal);
    }
    assert!(totals.0 * 4 <= totals.1 * 3, "brief and formal letters have {totals:?} words");
}

#[test]
fn letter_has_contractions_only_if_it_is_warm_or_lively() {
    let catalogue = fixtures::shipped_catalogue();
    for number in 0..30 {
        let facts = with_offers(&["cash-back-card", "guided-investing", "high-yield-savings"]);
        let facts = Facts { reference: fixtures::reference(number), adviser: None, ..facts };
        for (wish, casual) in [("warm", true), ("lively", true), ("formal", false), ("brief", false)] {
            let text = script_with_wish(&facts, &catalogue, Some(wish)).spoken();
            assert_eq!(text.contains('\''), casual, "{wish}: {text}");
        }
    }
}

/// Tests that every opening names the number of ideas and the bank.
#[test]
fn opening_announces_the_ideas_and_the_bank() {
    for line in fixtures::book().lines().iter().filter(|line| matches!(line.kind, LineKind::Opening { .. })) {
        assert!(line.text.has(Slot::Count) && line.text.has(Slot::Bank), "{}", line.id);
    }
}

#[test]
fn reason_cites_the_strongest_unused_ground() {
    let travel = Ground::Spending { category: SpendingCategory::Travel, trend: Trend::Rising };
    let dining = Ground::Spending { category: SpendingCategory::Dining, trend: Trend::Rising };
    let offers = vec![
        fixtures::offer("travel-rewards-card", Need::Travel, vec![travel.clone()]),
        fixtures::offer("cash-back-card", Need::Rewards, vec![dining]),
        fixtures::offer("high-yield-savings", Need::Saving, vec![travel]),
    ];
    let facts = Facts { stance: Stance::Recommend { offers }, ..fixtures::facts("José") };
    let catalogue = fixtures::shipped_catalogue();
    let grounds = |script: &Script| -> Vec<String> {
        let lines = line_ids(script).into_iter().filter_map(|id| fixtures::book().line(id));
        lines
            .filter_map(|line| match &line.kind {
                LineKind::Reason { ground, .. } => Some(ground.to_string()),
                _ => None,
            })
            .collect()
    };
    let plain = script(&facts, &catalogue);
    assert_eq!(grounds(&plain), ["spending:travel", "spending:dining", "need:saving"]);
    // The emphasis prefers another ground for the same offer.
    let wished = script_with_wish(&facts, &catalogue, Some("Please emphasize cash back and be formal, sir."));
    assert_eq!(grounds(&wished)[1], "need:rewards");
    let WrittenBy::Phrases { wish, .. } = &wished.written_by else { panic!("{:?}", wished.written_by) };
    assert_eq!(wish.tones, ["formal"]);
    assert_eq!(wish.unread, 1);
    assert!(line_ids(&wished)[0].contains("formal") && !wished.spoken().contains("sir"), "{}", wished.spoken());
}

#[test]
fn opening_introduces_an_adviser_only_if_the_name_is_known() {
    let named = script(&fixtures::facts("José"), &fixtures::catalogue());
    assert!(named.segments[0].text.contains("Dana Whitfield"), "{}", named.segments[0].text);
    let facts = Facts { adviser: None, ..fixtures::facts("4412") };
    let unnamed = script(&facts, &fixtures::catalogue());
    assert!(!unnamed.segments[0].text.contains("adviser"), "{}", unnamed.segments[0].text);
    assert!(unnamed.segments[0].text.contains(" there"), "{}", unnamed.segments[0].text);
    assert_eq!(unnamed.first_name, "you");
    for number in 0..60 {
        let facts = Facts { reference: fixtures::reference(number), ..facts.clone() };
        let opening = script(&facts, &fixtures::catalogue()).segments[0].text.clone();
        assert!(!opening.starts_with("Dear") && !opening.starts_with("Good day"), "{opening}");
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
fn service_message_offers_no_products() {
    for topic in Topic::ALL {
        for number in 0..6 {
            let facts = Facts { reference: fixtures::reference(number), ..with_service(*topic) };
            let script = script(&facts, &fixtures::shipped_catalogue());
            assert!(script.verdict.passed(), "{topic:?}: {:?}", script.verdict);
            assert!(script.offers.is_empty());
            assert!(script.segments.iter().all(|segment| segment.product.is_none()));
            assert!(script.segments.iter().any(|segment| segment.kind == SegmentKind::Service));
        }
    }
}

#[test]
fn letter_depends_only_on_the_customer() {
    let letter = |number| {
        script(&Facts { reference: fixtures::reference(number), ..fixtures::facts("José") }, &fixtures::catalogue())
            .spoken()
    };
    assert_eq!(letter(1), letter(1));
    let letters: BTreeSet<String> = (0..20).map(letter).collect();
    assert!(letters.len() >= 15, "{} of 20 differ", letters.len());
}

#[test]
fn line_that_echoes_a_post_is_replaced() {
    let facts = fixtures::facts("José");
    let first = script(&facts, &fixtures::catalogue());
    let closing = first.segments.last().unwrap().text.clone();
    let mood = Some(fixtures::mood(Sentiment::Positive, &[&closing]));
    let second = script(&Facts { mood, ..facts }, &fixtures::catalogue());
    assert!(second.verdict.passed(), "{:?}", second.verdict);
    assert_ne!(second.segments.last().unwrap().text, closing);
}

/// A phrasebook in which the customer's name can complete a forbidden phrase.
const ODD_BOOK: &str = r#"
language = "en"
version = "1"
author = "writer@bank.example"
no_name = "there"
no_name_on_card = "you"
adviser_title = "adviser"
counts = { one = "one idea", two = "two ideas", three = "three ideas" }
[[opening]]
id = "opening"
adviser = false
text = "{first_name} fees, {first_name} interest: this is a short letter from your bank about three useful things."
[[closing]]
id = "closing"
adviser = false
text = "You are pre-approved, as the bank's counsel agreed. Come and see us when it suits you, and ask us anything."
"#;

fn approved(text: &str) -> Phrasebook {
    let mut approvals = phrases::Approvals::default();
    for line in Phrasebook::parse(text, "").unwrap().lines() {
        let (line, digest) = (line.id.clone(), line.digest);
        approvals.record(phrases::Approval {
            item: line,
            digest,
            by: "reviewer".to_owned(),
            at: jiff::Timestamp::UNIX_EPOCH,
        });
    }
    Phrasebook::parse(text, &approvals.to_csv()).unwrap()
}

#[test]
fn approval_does_not_cover_a_name_that_changes_the_lines_meaning() {
    let (brand, catalogue, book) = (fixtures::brand(), fixtures::catalogue(), approved(ODD_BOOK));
    let failed = |name: &str| {
        let facts = Facts { adviser: None, ..fixtures::facts(name) };
        let brief = Brief::new(&facts, &catalogue, &brand, &book).unwrap();
        assert_eq!(brief.name.as_deref(), Some(name));
        let script = PhraseWriter::new(&brief, None).write(&fixtures::keys(), None).unwrap();
        script.verdict.failed().into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(failed("Ana"), Vec::<String>::new(), "the approval overrides the findings about the line's own words");
    assert_ne!(failed("No"), Vec::<String>::new(), "\"No fees, No interest\" was not approved");
}

#[test]
fn approval_does_not_cover_free_text_with_the_same_words() {
    let (brand, catalogue, book) = (fixtures::brand(), fixtures::catalogue(), approved(ODD_BOOK));
    let facts = Facts { adviser: None, ..fixtures::facts("Ana") };
    let brief = Brief::new(&facts, &catalogue, &brand, &book).unwrap();
    let writer = PhraseWriter::new(&brief, None);
    let mut draft = writer.draft(0).unwrap();
    let text = "You are pre-approved.".to_owned();
    let source = SentenceSource::Free { by: "model".to_owned() };
    draft.offers[0].reason = Some(Sentence { masked: text.clone(), said: text, source });
    let script = compose::compose(&brief, &draft, &fixtures::keys(), Vec::new(), writer.written_by(None, None));
    assert!(script.verdict.failed().contains(&"approval"), "{:?}", script.verdict.failed());
}

/// Checks that the guard accepts each approved line on its own words, so that none depends on its approval to pass.
#[test]
fn guard_accepts_every_line_of_the_sample_phrasebooks() {
    for (language, book) in Phrasebooks::packaged().iter() {
        let shipped = fixtures::shipped_catalogue();
        let catalogue = shipped.in_language(language);
        let guard = |line: &phrases::Line, text: &str, product: Option<&Product>| {
            let held = match &line.kind {
                LineKind::Reason { ground: GroundKey::Holds(id), .. } => catalogue.product(id),
                _ => None,
            };
            let names = &phrases::check::sample_names();
            guard::check_line(text, guard::LineCheck { language, product, held, names, catalogue: &catalogue })
        };
        let findings = phrases::check::check(book, &catalogue, guard);
        // The Spanish phrasebook has fewer lines than a large campaign needs.
        let few = |finding: &phrases::check::Finding| {
            language != Language::default() && finding.line.is_none() && finding.message.starts_with("found ")
        };
        let serious: Vec<String> = findings.iter().filter(|found| !few(found)).map(ToString::to_string).collect();
        assert!(serious.is_empty(), "{language}: {}", serious.join("\n"));
        assert!(findings.iter().all(|finding| finding.severity == phrases::check::Severity::Warning), "{language}");
    }
}

/// Tests a credit union that has the sample's products, but rules of its own.
#[test]
fn credit_union_shows_its_own_lines_in_every_letter() {
    let text = include_str!("../../../../data/catalogue.json");
    let text = text.replace("Meridian Bank", "Harbor Credit Union").replace("Meridian", "Harbor");
    let union = Catalogue::from_json(text.replace("Member FDIC", "Federally insured by NCUA").as_bytes()).unwrap();
    let institution = contracts::institution::Institution::UsCreditUnion;
    let name = "Harbor Credit Union".to_owned();
    let brand = contracts::brand::Brand { institution, name, ..fixtures::brand() };
    contracts::brand::ensure_rules(&union, &brand).unwrap();
    assert!(contracts::brand::ensure_rules(&fixtures::shipped_catalogue(), &brand).is_err());
    let mut generator = fixtures::Generator::default();
    let keys = fixtures::keys();
    for number in 0..40 {
        let facts = generator.facts(number, &union);
        let brief = Brief::new(&facts, &union, &brand, fixtures::book()).unwrap();
        let script = PhraseWriter::new(&brief, None).write(&keys, None).unwrap();
        assert!(script.verdict.passed(), "{:?}\n{}", script.verdict, script.spoken());
        let sells_deposit = brief.offers().iter().any(|(_, p)| p.kind == contracts::catalogue::ProductKind::Deposit);
        let shown = script.disclosures.join(" ");
        assert_eq!(shown.contains("Federally insured by NCUA"), sells_deposit, "{shown}");
        assert!(!shown.contains("Member FDIC"), "{shown}");
    }
}

#[test]
fn phrasebook_without_approvals_produces_no_text() {
    let brand = fixtures::brand();
    let catalogue = fixtures::catalogue();
    let book = Phrasebook::parse(include_str!("../../../../data/phrases/en.toml"), "").unwrap();
    let facts = fixtures::facts("José");
    let brief = Brief::new(&facts, &catalogue, &brand, &book).unwrap();
    let missing = PhraseWriter::new(&brief, None).write(&fixtures::keys(), None).unwrap_err();
    assert_eq!(missing, NoLine { kind: "opening" });
}

#[test]
fn script_with_three_offers_takes_about_a_minute() {
    let catalogue = fixtures::shipped_catalogue();
    for (number, window) in (0u32..).zip(catalogue.products().windows(3)) {
        let offers = window.iter().map(|p| fixtures::offer(p.id.as_str(), p.needs[0], Vec::new())).collect();
        let facts = Facts {
            stance: Stance::Recommend { offers },
            reference: fixtures::reference(number),
            ..fixtures::facts("José")
        };
        let script = script(&facts, &catalogue);
        let words = word_count(&script.spoken());
        assert!((120..=210).contains(&words), "{words} words:\n{}", script.spoken());
    }
}

#[test]
fn forged_sentences_fail_verification() {
    type Forgery = fn(&mut Script);

    let facts = fixtures::facts("José");
    let (catalogue, brand) = (fixtures::catalogue(), fixtures::brand());
    let genuine = script(&facts, &catalogue);
    assert!(prove(&genuine, &facts, fixtures::books(), &catalogue, &brand).is_complete());
    let forgeries: [(Forgery, &str); 5] = [
        (|script| script.segments[0].text.push('!'), "does not equal its joined parts"),
        (
            |script| {
                script.segments[0].parts[0].text.push('!');
                script.segments[0].text.push('!');
            },
            "not filled with the values of its slots",
        ),
        (
            |script| {
                let last = script.segments[1].parts.last_mut().unwrap();
                let text = std::mem::replace(&mut last.text, "It pays 9%.".to_owned());
                script.segments[1].text = script.segments[1].text.replace(&text, "It pays 9%.");
            },
            "the text is not",
        ),
        (
            |script| {
                let SentenceSource::Line { approved_by, .. } = &mut script.segments[0].parts[0].source else { return };
                *approved_by = "someone".to_owned();
            },
            "has a different approval",
        ),
        (
            |script| {
                let SentenceSource::Line { digest, .. } = &mut script.segments[0].parts[0].source else { return };
                *digest = contracts::Digest::of(b"another line");
            },
            "differs from the phrasebook's line",
        ),
    ];
    for (forge, expected) in forgeries {
        let mut forged = genuine.clone();
        forge(&mut forged);
        let proof = prove(&forged, &facts, fixtures::books(), &catalogue, &brand);
        assert!(proof.problems.iter().any(|problem| problem.contains(expected)), "{expected}: {:?}", proof.problems);
    }
}

/// Writes letters for ten thousand customers and verifies every sentence. If a kind has at least 20 suitable lines,
/// none of them may be in more than 5% of the letters. The guard is slow here, so it checks only every fiftieth
/// letter.
#[test]
fn ten_thousand_letters_are_verified_and_varied() {
    const LETTERS: u32 = 10_000;
    let (catalogue, brand, book) = (fixtures::shipped_catalogue(), fixtures::brand(), fixtures::book());
    let mut generator = fixtures::Generator::default();
    let mut counts = BTreeMap::<String, usize>::new();
    let keys = fixtures::keys();
    for number in 0..LETTERS {
        let facts = generator.facts(number, &catalogue);
        let brief = Brief::new(&facts, &catalogue, &brand, book).unwrap();
        // A brief letter is written only on request.
        let wish = (number % 10 == 5).then_some("Keep it brief.");
        let writer = PhraseWriter::new(&brief, wish);
        let script = if number % 50 == 0 {
            let script = writer.write(&keys, None).unwrap();
            assert!(script.verdict.passed(), "{:?}\n{}", script.verdict, script.spoken());
            script
        } else {
            compose::unjudged(&brief, &writer.draft(0).unwrap(), writer.written_by(None, None))
        };
        let proof = prove(&script, &facts, fixtures::books(), &catalogue, &brand);
        assert!(proof.is_complete(), "{:?}", proof.problems);
        assert!(script.segments.iter().all(|segment| !segment.parts.is_empty()));
        assert!(word_count(&script.spoken()) <= guard::MAX_WORDS);
        assert!(!script.spoken().contains(".."), "{}", script.spoken());
        for id in line_ids(&script) {
            *counts.entry(id.to_owned()).or_default() += 1;
        }
    }
    let limit = usize::try_from(LETTERS).unwrap() / 20;
    let often: Vec<_> = counts.iter().filter(|(_, count)| **count > limit).collect();
    assert!(often.is_empty(), "{often:?}");
    let is_of_offers = |line: &&phrases::Line| !line.kind.name().starts_with("service");
    let of_offers: Vec<&str> = book.lines().iter().filter(is_of_offers).map(|line| line.id.as_str()).collect();
    let unused: Vec<&&str> = of_offers.iter().filter(|id| !counts.contains_key(**id)).collect();
    assert!(
        unused.len() * 10 <= of_offers.len(),
        "{} of {} lines are unused: {unused:?}",
        unused.len(),
        of_offers.len()
    );
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
    fn phrasebook_text_passes_the_guard_for_any_facts(
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
            reference: fixtures::reference(number),
            stance: Stance::Recommend { offers },
            adviser,
            mood: sentiment.map(|sentiment| Mood { topics: Vec::new(), ..fixtures::mood(sentiment, &[]) }),
            ..fixtures::facts(&first_name)
        };
        let script = script(&facts, &catalogue);
        let text = script.spoken();
        prop_assert!(script.verdict.passed(), "{:?}\n{text}", script.verdict);
        prop_assert!(prove(&script, &facts, fixtures::books(), &catalogue, &fixtures::brand()).is_complete());
        prop_assert_eq!(script.offers.len(), picks.len());
        prop_assert!(word_count(&text) <= guard::MAX_WORDS);
        let markup = ['{', '}', '<', '>', '\\', '`'];
        prop_assert!(!text.contains(markup), "{text}");
        prop_assert!(!script.first_name.is_empty() && !script.first_name.contains(markup));
        // The text has no doubled period or space, and no space before a period.
        prop_assert!(!text.contains("..") && !text.contains("  ") && !text.contains(" ."), "{text}");
    }
}

/// Writes Spanish letters for many customers. Each passes the guard, has a verified source for every sentence, and
/// contains the catalog's own translations.
#[test]
fn letters_in_spanish_pass_the_guard_and_are_proven() {
    let (shipped, brand) = (fixtures::shipped_catalogue(), fixtures::brand());
    let books = Phrasebooks::packaged();
    let language = Language::Spanish;
    let (catalogue, spoken) = (shipped.in_language(language), brand.in_language(language));
    let mut generator = fixtures::Generator::default();
    for number in 0..200 {
        let facts = Facts { language, ..generator.facts(number, &shipped) };
        let brief = Brief::new(&facts, &catalogue, &spoken, books.get(language).unwrap()).unwrap();
        let script = PhraseWriter::new(&brief, None).write(&fixtures::keys(), None).unwrap();
        assert!(script.verdict.passed(), "{:?}\n{}", script.verdict, script.spoken());
        assert_eq!(script.language, language);
        let proof = prove(&script, &facts, &books, &shipped, &brand);
        assert!(proof.is_complete(), "{:?}", proof.problems);
        let english = Facts { language: Language::English, ..facts.clone() };
        assert!(!prove(&script, &english, &books, &shipped, &brand).is_complete(), "the facts decide the language");
        for offer in &script.offers {
            let own = shipped.product(&offer.product).unwrap();
            assert_ne!(offer.name, own.name, "an offer shows its translation");
        }
    }
}
