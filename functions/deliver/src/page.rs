//! The HTML pages behind customers' links. They work without a script, at any width, by keyboard and with screen
//! readers. Each form is a plain POST to a path below the customer's token, which no other site knows.

mod html;
mod sections;
#[cfg(test)]
mod tests;
mod why;
pub(crate) mod words;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use contracts::ProductId;
use contracts::choice::{Answer, Choice, Source};
use contracts::customer_page::CustomerPage;
use contracts::html::escaped;

use crate::look::{Look, content_policy};
use html::Html;
use words::{Words, fill};

pub(crate) use why::list;

/// The customer's answers and choices so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct PageState {
    /// The answers so far.
    pub answers: BTreeSet<(Option<ProductId>, Answer)>,
    /// The choices so far.
    pub choices: BTreeSet<Choice>,
}

/// A finished page.
pub(crate) struct Rendered {
    pub html: String,
    pub policy: String,
}

/// The page of one result.
pub(crate) struct ResultPage<'a> {
    /// The token, which is also the path of the page's own files.
    pub token: &'a str,
    /// The content.
    pub content: &'a CustomerPage,
    /// Whether there is a video.
    pub video: bool,
    /// The customer's answers and choices.
    pub state: &'a PageState,
    /// The bank's look.
    pub look: &'a Look,
}

/// Returns the page for a result.
pub(crate) fn recommendation(page: &ResultPage<'_>) -> Rendered {
    let words = Words::of(&page.content.language);
    let title = page.title(words);
    let mut body = Html::default();
    body.element("h1", &title);
    page.video(&mut body, words, &title);
    if page.content.offers.is_empty() {
        page.transcript_open(&mut body, words);
    } else {
        page.offers(&mut body, words);
        page.transcript(&mut body, words);
    }
    page.choices(&mut body, words);
    page.how_we_choose(&mut body, words);
    page.notes(&mut body, words);
    page.stop(&mut body, words);
    let origins = page.content.offers.iter().filter_map(|offer| origin(&offer.address));
    let origins: BTreeSet<String> = origins.collect();
    whole(
        &Shell { level: Level::Top, title: &title, look: page.look, words, origins: origins.into_iter().collect() },
        &body,
    )
}

/// Returns the page for a result from an older version, which has only its text.
pub(crate) fn text_only(token: &str, text: &str, video: bool, look: &Look) -> Rendered {
    let words = Words::of("en");
    let (title, body) = sections::of_text(token, text, video, &look.brand, words);
    whole(&Shell { level: Level::Top, title: &title, look, words, origins: Vec::new() }, &body)
}

/// Returns the page that confirms an opt-out.
pub(crate) fn opted_out(look: &Look) -> Rendered {
    notice(Level::Below, look, |words| words.stopped, |body, words| sentence(body, look, words.stopped_text))
}

/// Returns the page that asks to confirm an opt-out. Mail programs open the address of `List-Unsubscribe` here.
pub(crate) fn confirm_opt_out(look: &Look) -> Rendered {
    notice(
        Level::Below,
        look,
        |words| words.stop,
        |body, words| {
            sentence(body, look, words.stop_text);
            // The action is relative to the page's address, `/l/<token>/unsubscribe`.
            body.open(r#"form method="post" action="opt-out""#);
            body.button(words.stop_button, "");
            body.close("form");
        },
    )
}

/// Returns the page for a customer whose choices hide the result that they were reading.
pub(crate) fn choices_saved(look: &Look) -> Rendered {
    notice(Level::Below, look, |words| words.choices, |body, words| sentence(body, look, words.choices_saved_gone))
}

/// Returns the page for a dead link.
pub(crate) fn dead(level: Level, look: &Look) -> Rendered {
    notice(level, look, |words| words.dead, |body, words| sentence(body, look, words.dead_text))
}

/// Returns a page without a result. It has a section in each of the bank's languages, its own first, because only a result
/// says which language the customer reads.
fn notice(
    level: Level,
    look: &Look,
    title: fn(&Words) -> &'static str,
    content: impl Fn(&mut Html, &Words),
) -> Rendered {
    let brand = &look.brand;
    let others = brand.translations.keys().filter(|language| **language != brand.language);
    let own = Words::of(brand.language.tag());
    let mut body = Html::default();
    for (heading, words) in std::iter::once(("h1", own)).chain(others.map(|language| ("h2", Words::of(language.tag()))))
    {
        body.open(&format!(r#"section lang="{}""#, words.lang));
        body.element(heading, title(words));
        content(&mut body, words);
        body.close("section");
    }
    whole(&Shell { level, title: title(own), look, words: own, origins: Vec::new() }, &body)
}

fn sentence(body: &mut Html, look: &Look, text: &str) {
    body.element("p", &fill(text, &[("bank", &look.brand.name), ("web", &look.brand.web)]));
}

/// The depth of a page's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// `/l/<token>`.
    Top,
    /// `/l/<token>/<action>`.
    Below,
}

impl Level {
    /// Returns the path of the brand's files. It contains no token, so a browser can reuse the files for all links.
    const fn files(self) -> &'static str {
        match self {
            Self::Top => "_",
            Self::Below => "../_",
        }
    }
}

/// Everything around the content of a page.
struct Shell<'a> {
    level: Level,
    title: &'a str,
    look: &'a Look,
    words: &'a Words,
    /// The origins that forms may lead to.
    origins: Vec<String>,
}

fn whole(shell: &Shell<'_>, body: &Html) -> Rendered {
    let Shell { level, title, look, words, origins } = shell;
    let css = look.stylesheet(level.files());
    let policy = content_policy(&css, origins);
    let bank = ("bank", look.brand.name.as_str());
    let mut page = Html::default();
    page.raw("<!doctype html>\n");
    page.open(&format!(r#"html lang="{}""#, words.lang));
    page.open("head");
    page.raw("<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    page.element("title", title);
    // A preview in a chat shows these lines. They are the same for every customer.
    page.meta("property", "og:title", &fill(words.card_title, &[bank]));
    page.meta("property", "og:description", words.card_text);
    page.meta("property", "og:site_name", &look.brand.name);
    page.meta("property", "og:type", "website");
    page.raw(&format!("<link rel=\"icon\" href=\"{ICON}\">\n<style>{css}</style>\n"));
    page.close("head");
    page.open("body");
    page.open("header");
    if look.logo().is_empty() {
        page.element("p", &look.brand.name);
    } else {
        page.open(&format!(r#"div class="logo" role="img" aria-label="{}""#, escaped(&look.brand.name)));
        page.raw(look.logo());
        page.close("div");
    }
    page.close("header");
    page.open("main");
    page.raw(body.as_str());
    page.close("main");
    page.close("body");
    page.close("html");
    Rendered { html: page.into_string(), policy }
}

/// The pages' icon. It keeps browsers from requesting `/favicon.ico`, which does not exist.
const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E\
    %3Ccircle cx='8' cy='8' r='8' fill='%230b4f5c'/%3E%3Cpath d='M6 4.5v7l6-3.5z' fill='%23fff'/%3E%3C/svg%3E";

/// Returns the chapters of a video as WebVTT: one for each offer that has a start time, lasting until the next one.
pub(crate) fn chapter_track(content: &CustomerPage) -> String {
    let offers: Vec<(f64, &str)> =
        content.offers.iter().filter_map(|offer| Some((offer.starts_at?, offer.name.as_str()))).collect();
    let mut track = "WEBVTT\n".to_owned();
    for (index, (start, name)) in offers.iter().enumerate() {
        let end = offers.get(index + 1).map_or("99:59:59.000".to_owned(), |(next, _)| vtt_time(*next));
        // A cue ends at an empty line, and `-->` is not allowed in it.
        let name = name.split_whitespace().collect::<Vec<_>>().join(" ").replace("-->", "→");
        let _infallible = write!(track, "\n{} --> {end}\n{}\n", vtt_time(*start), escaped(&name));
    }
    track
}

fn vtt_time(at: f64) -> String {
    let seconds = sections::whole_seconds(at);
    format!("{:02}:{:02}:{:02}.000", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// Returns the origin of a web address, such as `https://bank.example`.
fn origin(address: &str) -> Option<String> {
    let (scheme, rest) = address.split_once("://")?;
    let host = rest.split(['/', '?', '#']).next()?;
    let is_plain = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':'));
    (matches!(scheme, "https" | "http") && !host.is_empty() && is_plain).then(|| format!("{scheme}://{host}"))
}

/// Returns the choices that the page lists: those that the customer can still make, and those already made.
fn listed_choices(content: &CustomerPage, state: &PageState) -> BTreeSet<Choice> {
    let possible = content.counterfactuals.iter().map(|each| each.without.clone());
    let mut listed: BTreeSet<Choice> = possible.chain(state.choices.iter().cloned()).collect();
    if content.offers.is_empty() && content.from_posts {
        listed.insert(Choice::Source(Source::Posts));
    }
    listed
}
