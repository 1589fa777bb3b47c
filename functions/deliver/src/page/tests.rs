//! Tests of the pages' HTML.

use std::collections::BTreeSet;

use contracts::choice::Choice;
use scraper::{Html as Document, Selector};

use super::*;
use crate::testing::{BRANDS, content, id, look, look_of};

/// The maximum size of a page without media, in bytes.
const MAX_BYTES: usize = 60_000;

fn page_with(state: &PageState, look: &Look) -> Rendered {
    recommendation(&ResultPage { token: "TOKEN", content: &content(), video: true, state, look })
}

fn page() -> Document {
    Document::parse_document(&page_with(&PageState::default(), &look()).html)
}

fn texts(document: &Document, selector: &str) -> Vec<String> {
    let selector = Selector::parse(selector).unwrap();
    let text = |element: scraper::ElementRef<'_>| element.text().collect::<String>().trim().to_owned();
    document.select(&selector).map(text).collect()
}

fn attributes(document: &Document, selector: &str, name: &str) -> Vec<String> {
    let selector = Selector::parse(selector).unwrap();
    document.select(&selector).filter_map(|element| element.attr(name)).map(str::to_owned).collect()
}

#[test]
fn page_parses_without_errors_in_both_brands() {
    for assets in BRANDS {
        let html = page_with(&PageState::default(), &look_of(assets)).html;
        assert_eq!(Document::parse_document(&html).errors, Vec::<String>::new(), "{assets}");
    }
}

#[test]
fn page_and_fonts_stay_below_60_kb() {
    for assets in BRANDS {
        let look = look_of(assets);
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(assets);
        let files = [&look.brand.page.title_font, &look.brand.page.body_font, &look.brand.page.strong_font];
        let fonts: usize =
            files.iter().map(|file| std::fs::read(folder.join(file.as_ref().unwrap())).unwrap().len()).sum();
        let mut content = content();
        // Three offers are the most that a run makes by default; these are long texts.
        content.offers.push(content.offers[0].clone());
        for offer in &mut content.offers {
            offer.terms = vec!["Purchase APR: 19.24% to 27.24% variable. ".repeat(12)];
        }
        content.transcript = vec!["The card earns points on trips. ".repeat(12); 6];
        let state = PageState::default();
        let page = ResultPage { token: "TOKEN", content: &content, video: true, state: &state, look: &look };
        let html = recommendation(&page).html.len();
        assert!(html + fonts < MAX_BYTES, "{assets}: {html} + {fonts}");
    }
}

#[test]
fn video_comes_first_and_each_offer_has_a_chapter() {
    let document = page();
    assert_eq!(texts(&document, "main > *")[0], "For José <b>, from Meridian Bank");
    let second = Selector::parse("main > :nth-child(2)").unwrap();
    assert_eq!(document.select(&second).next().unwrap().value().name(), "video");
    assert_eq!(attributes(&document, "track", "kind"), ["captions", "chapters"]);
    assert_eq!(attributes(&document, ".chapters a", "href"), ["TOKEN/video#t=6", "TOKEN/video#t=31"]);
    assert_eq!(texts(&document, ".chapters a"), ["0:06 Travel <Card>", "0:31 Goal Savings"]);
    assert_eq!(
        chapter_track(&content()),
        "WEBVTT\n\n00:00:06.000 --> 00:00:31.000\nTravel &lt;Card&gt;\n\n\
         00:00:31.000 --> 99:59:59.000\nGoal Savings\n"
    );
}

#[test]
fn reasons_and_counterfactuals_use_the_customers_words() {
    let document = page();
    assert_eq!(
        texts(&document, "#offer-1 .why li"),
        ["You often spend on travel.", "Your posts speak well of travel.", "You hold no product of ours for travel.",]
    );
    assert_eq!(
        texts(&document, "#offer-1 .why .without"),
        ["Without your posts, this offer would not be here.", "Without your payments, this offer would still be here."]
    );
    assert_eq!(texts(&document, "#offer-2 .why h4"), ["Why this is here", "What spoke against it"]);
    assert_eq!(texts(&document, "#source-posts-effect"), ["You would see Goal Savings and Cash Card."]);
    assert_eq!(texts(&document, "#source-payments-effect"), ["You would still see the same offers."]);
    assert_eq!(texts(&document, "#topic-saving-effect"), ["You would see no offer."]);
}

#[test]
fn forms_are_plain_posts_below_the_token() {
    let document = page();
    let actions: BTreeSet<String> = attributes(&document, "form", "action").into_iter().collect();
    assert_eq!(actions, ["TOKEN/answer", "TOKEN/choices", "TOKEN/opt-out"].map(str::to_owned).into());
    assert!(attributes(&document, "form", "method").iter().all(|method| method == "post"));
    assert_eq!(
        attributes(&document, "#because-1 option", "value"),
        ["have-one", "no-use", "terms", "other-bank", "not-said"]
    );
    // The page has no script, no content from other origins, and no style attribute, which the policy would block.
    assert_eq!(texts(&document, "script, iframe, object, link[rel=stylesheet]"), Vec::<String>::new());
    assert_eq!(attributes(&document, "[style]", "style"), Vec::<String>::new());
    for address in ["src", "href", "poster"].map(|name| attributes(&document, &format!("[{name}]"), name)).concat() {
        assert!(address.starts_with("TOKEN/") || address.starts_with("data:") || address.starts_with('#'), "{address}");
    }
}

#[test]
fn every_control_has_a_name() {
    let document = page();
    let labeled: BTreeSet<String> = attributes(&document, "label", "for").into_iter().collect();
    let controls: BTreeSet<String> =
        attributes(&document, "select, input:not([type=hidden])", "id").into_iter().collect();
    assert_eq!(labeled, controls);
    assert!(texts(&document, "button, summary, legend").iter().all(|text| !text.is_empty()));
    assert_eq!(texts(&document, "h1").len(), 1);
}

#[test]
fn preview_card_is_the_same_for_everyone() {
    let document = page();
    let card = attributes(&document, "meta[property^=og]", "content").join("\n");
    for personal in ["José", "Travel", "Goal", "TOKEN"] {
        assert!(!card.contains(personal), "{card}");
    }
    assert!(card.contains("A message from Meridian Bank"));
}

#[test]
fn answers_so_far_are_shown() {
    let state = PageState {
        answers: BTreeSet::from([(Some(id("savings")), Answer::CallMeBack)]),
        choices: BTreeSet::from([Choice::Product(id("travel-card")), Choice::Topic(contracts::facts::Need::Saving)]),
    };
    let document = Document::parse_document(&page_with(&state, &look()).html);
    assert_eq!(texts(&document, "#offer-1 .done"), ["You said that this is not for you. We will not offer it again."]);
    assert_eq!(attributes(&document, "#offer-1 form", "action"), Vec::<String>::new());
    assert_eq!(texts(&document, "#offer-2 .done"), ["You asked for a call. We will be in touch."]);
    assert_eq!(texts(&document, "#offer-2 .actions button"), ["Tell me more"]);
    assert_eq!(texts(&document, "#topic-saving-effect"), ["Switched off"]);
    assert_eq!(attributes(&document, "input[disabled]", "id"), ["topic-saving"]);
}

#[test]
fn page_reveals_no_score_amount_or_protected_attribute() {
    let html = page_with(&PageState::default(), &look()).html;
    let body = texts(&Document::parse_document(&html), "main .why, main fieldset").join("\n").to_lowercase();
    for word in ["$", "score", "points", "income", "balance", "band", "%"] {
        assert!(!body.contains(word), "{word} in {body}");
    }
    assert!(!body.bytes().any(|byte| byte.is_ascii_digit()), "{body}");
}

#[test]
fn form_targets_are_in_the_policy() {
    let policy = page_with(&PageState::default(), &look()).policy;
    assert!(policy.contains("form-action 'self' https://www.meridian.example;"), "{policy}");
    assert_eq!(origin("https://www.bank.example:8443/a?b#c").as_deref(), Some("https://www.bank.example:8443"));
    for address in ["javascript://x", "https://", "https://a b/", "https://a;script-src", "www.bank.example"] {
        assert_eq!(origin(address), None, "{address}");
    }
}

#[test]
fn page_without_a_result_speaks_each_language_of_the_bank() {
    let meridian = look();
    for page in
        [dead(Level::Top, &meridian), opted_out(&meridian), confirm_opt_out(&meridian), choices_saved(&meridian)]
    {
        let document = Document::parse_document(&page.html);
        let headings = |selector: &str| document.select(&Selector::parse(selector).unwrap()).count();
        assert_eq!((headings("section[lang=en] > h1"), headings("section[lang=es] > h2")), (1, 1), "{}", page.html);
    }
    let mut monolingual = meridian;
    monolingual.brand.translations.clear();
    assert!(!dead(Level::Top, &monolingual).html.contains("lang=\"es\""));
}
