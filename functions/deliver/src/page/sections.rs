//! The sections of a customer's page.

use contracts::ProductId;
use contracts::brand::Brand;
use contracts::choice::{Answer, Choice, DeclineReason, word};
use contracts::customer_page::PageOffer;
use contracts::html::escaped;

use super::html::Html;
use super::words::{Words, fill};
use super::{ResultPage, listed_choices, why};

/// Whether a choice belongs to a group.
type IsMember = fn(&Choice) -> bool;

impl ResultPage<'_> {
    pub(super) fn title(&self, words: &Words) -> String {
        fill(words.title, &[("name", &self.content.first_name), ("bank", &self.look.brand.name)])
    }

    pub(super) fn video(&self, body: &mut Html, words: &Words, title: &str) {
        if !self.video {
            return;
        }
        video(body, self.token, &self.look.brand_in(&self.content.language), words, title);
        let chapters = || self.content.offers.iter().filter_map(|offer| Some((offer, offer.starts_at?)));
        if chapters().next().is_some() {
            body.open(&format!(r#"nav class="chapters" aria-label="{}""#, escaped(words.chapters)));
            body.open("ol");
            for (offer, start) in chapters() {
                // A link cannot seek in the video on this page without a script, so it opens the video file at that
                // time.
                let seconds = whole_seconds(start);
                body.raw(&format!(
                    "<li><a href=\"{}/video#t={seconds}\"><span>{}:{:02}</span> {}</a></li>\n",
                    self.token,
                    seconds / 60,
                    seconds % 60,
                    escaped(&offer.name)
                ));
            }
            body.close("ol");
            body.close("nav");
        }
    }

    pub(super) fn offers(&self, body: &mut Html, words: &Words) {
        body.element(r#"h2 class="eyebrow" id="offers""#, words.your_offers);
        for (index, offer) in self.content.offers.iter().enumerate() {
            self.offer(body, words, index + 1, offer);
        }
    }

    fn offer(&self, body: &mut Html, words: &Words, number: usize, offer: &PageOffer) {
        body.open(&format!(r#"article id="offer-{number}""#));
        body.element("h3", &offer.name);
        body.element(r#"p class="summary""#, &offer.summary);
        for line in &offer.disclosures {
            body.element(r#"p class="legal""#, line);
        }
        self.why(body, words, offer);
        self.answers(body, words, number, offer);
        if !offer.terms.is_empty() {
            body.open("details");
            body.element("summary", words.terms);
            for block in &offer.terms {
                body.element("p", block);
            }
            body.close("details");
        }
        body.close("article");
    }

    fn why(&self, body: &mut Html, words: &Words, offer: &PageOffer) {
        body.open(r#"div class="why""#);
        let (against, supporting): (Vec<_>, Vec<_>) = offer.reasons.iter().partition(|fact| fact.is_against());
        for (title, facts) in [(words.why_this, supporting), (words.why_not, against)] {
            if facts.is_empty() {
                continue;
            }
            body.element("h4", title);
            body.open("ul");
            for fact in facts {
                body.element("li", &why::reason(fact, self.content, words));
            }
            body.close("ul");
        }
        for sentence in why::depends_on(offer, self.content, words) {
            body.element(r#"p class="without""#, &sentence);
        }
        body.close("div");
    }

    fn has_answered(&self, product: &ProductId, answer: Answer) -> bool {
        self.state.answers.contains(&(Some(product.clone()), answer))
    }

    fn answers(&self, body: &mut Html, words: &Words, number: usize, offer: &PageOffer) {
        if self.state.choices.contains(&Choice::Product(offer.product.clone())) {
            body.element(r#"p class="done" role="status""#, words.declined);
            return;
        }
        let has_called = self.has_answered(&offer.product, Answer::CallMeBack);
        if has_called {
            body.element(r#"p class="done" role="status""#, words.call_asked);
        }
        let described = format!(r#" aria-describedby="about-{number}""#);
        body.element(&format!(r#"span hidden id="about-{number}""#), &offer.name);
        body.open(r#"div class="actions""#);
        let mut buttons = vec![(Answer::TellMeMore, words.tell_me_more, "main")];
        if !has_called {
            buttons.push((Answer::CallMeBack, words.call_me_back, "plain"));
        }
        for (answer, label, class) in buttons {
            self.open_form(body, offer, answer);
            body.button(label, &format!(r#" class="{class}"{described}"#));
            body.close("form");
        }
        body.close("div");
        body.open("details");
        body.element("summary", words.not_for_me);
        self.open_form(body, offer, Answer::NotForMe);
        body.element(&format!(r#"label for="because-{number}""#), words.because);
        body.open(&format!(r#"select id="because-{number}" name="because""#));
        for reason in DeclineReason::ALL {
            body.element(&format!(r#"option value="{}""#, word(&reason)), (words.decline_reason)(reason));
        }
        body.close("select");
        body.button(words.decline, &format!(r#" class="plain"{described}"#));
        body.close("form");
        body.close("details");
    }

    fn open_form(&self, body: &mut Html, offer: &PageOffer, answer: Answer) {
        body.open(&format!(r#"form method="post" action="{}/answer""#, self.token));
        body.hidden("product", offer.product.as_str());
        body.hidden("answer", &word(&answer));
    }

    pub(super) fn transcript(&self, body: &mut Html, words: &Words) {
        body.open(r#"details class="section""#);
        body.element("summary", words.transcript);
        self.paragraphs(body);
        body.close("details");
    }

    /// Writes the transcript unfolded, for a page without offers.
    pub(super) fn transcript_open(&self, body: &mut Html, words: &Words) {
        body.element("h2", words.transcript);
        self.paragraphs(body);
    }

    fn paragraphs(&self, body: &mut Html) {
        for paragraph in &self.content.transcript {
            body.element("p", paragraph);
        }
    }

    pub(super) fn choices(&self, body: &mut Html, words: &Words) {
        let listed = listed_choices(self.content, self.state);
        let labeled: Vec<(&Choice, String)> =
            listed.iter().filter_map(|choice| Some((choice, why::label(choice, words)?))).collect();
        if labeled.is_empty() {
            return;
        }
        body.open(r#"section id="choices""#);
        body.element("h2", words.choices);
        body.element("p", words.choices_text);
        if listed.iter().any(|choice| self.state.choices.contains(choice) && !matches!(choice, Choice::Product(_))) {
            body.element(r#"p class="done" role="status""#, words.choices_saved);
        }
        body.open(&format!(r#"form method="post" action="{}/choices""#, self.token));
        let groups: [(&str, IsMember); 3] = [
            (words.sources, |choice| matches!(choice, Choice::Source(_))),
            (words.kinds, |choice| matches!(choice, Choice::Kind(_))),
            (words.topics, |choice| matches!(choice, Choice::Topic(_))),
        ];
        for (legend, is_member) in groups {
            let members: Vec<_> = labeled.iter().filter(|(choice, _)| is_member(choice)).collect();
            if members.is_empty() {
                continue;
            }
            body.open("fieldset");
            body.element("legend", legend);
            for (choice, label) in members {
                self.checkbox(body, words, choice, label);
            }
            body.close("fieldset");
        }
        body.button(words.choices_save, r#" class="plain""#);
        body.close("form");
        body.element(r#"p class="hint""#, &fill(words.choices_hint, &[("bank", &self.look.brand.name)]));
        body.close("section");
    }

    fn checkbox(&self, body: &mut Html, words: &Words, choice: &Choice, label: &str) {
        let value = choice.word();
        let is_off = self.state.choices.contains(choice);
        let effect = if is_off { Some(words.is_off.to_owned()) } else { why::effect(choice, self.content, words) };
        let state = if is_off { " checked disabled" } else { "" };
        body.open(r#"div class="choice""#);
        body.open(&format!(
            r#"input type="checkbox" id="{value}" name="choice" value="{value}" aria-describedby="{value}-effect"{state}"#
        ));
        body.element(&format!(r#"label for="{value}""#), label);
        body.element(&format!(r#"p id="{value}-effect""#), &effect.unwrap_or_default());
        body.close("div");
    }

    pub(super) fn how_we_choose(&self, body: &mut Html, words: &Words) {
        body.open(r#"details class="section""#);
        body.element("summary", words.how);
        for paragraph in words.how_text {
            body.element("p", &fill(paragraph, &[("bank", &self.look.brand.name)]));
        }
        body.close("details");
    }

    pub(super) fn notes(&self, body: &mut Html, words: &Words) {
        body.open(r#"section class="notes""#);
        body.element("h2", words.notes);
        for line in &self.content.disclosures {
            body.element("p", line);
        }
        body.element("p", &self.look.brand_in(&self.content.language).opt_out);
        body.close("section");
    }

    pub(super) fn stop(&self, body: &mut Html, words: &Words) {
        stop(body, self.token, words);
    }
}

fn video(body: &mut Html, token: &str, brand: &Brand, words: &Words, title: &str) {
    // The picture already shows captions. The track adds captions that the viewer can switch on.
    body.raw(&format!(
        "<video controls preload=\"metadata\" poster=\"{token}/poster\" aria-label=\"{}\">\n\
         <source src=\"{token}/video\" type=\"video/mp4\">\n\
         <track kind=\"captions\" src=\"{token}/captions\" srclang=\"{}\" label=\"{}\">\n\
         <track kind=\"chapters\" src=\"{token}/chapters\" srclang=\"{}\">\n{}\n</video>\n",
        escaped(title),
        words.lang,
        words.language,
        words.lang,
        words.no_video,
    ));
    body.element(r#"p class="note""#, &fill(words.voice_note, &[("notice", &brand.voice_notice)]));
}

fn stop(body: &mut Html, token: &str, words: &Words) {
    body.element("h2", words.stop);
    body.element("p", words.stop_text);
    body.open(&format!("form method=\"post\" action=\"{token}/opt-out\""));
    body.button(words.stop_button, r#" class="plain""#);
    body.close("form");
}

/// Returns the title and the body of the page for a text that an older version published.
pub(super) fn of_text(token: &str, text: &str, has_video: bool, brand: &Brand, words: &Words) -> (String, Html) {
    let blocks: Vec<&str> = text.split("\n\n").collect();
    let (title, rest) = blocks.split_first().map_or(("", [].as_slice()), |(first, rest)| (*first, rest));
    let title = title.lines().next().unwrap_or_default();
    let mut body = Html::default();
    body.element("h1", title);
    if has_video {
        video(&mut body, token, brand, words, title);
        body.element("h2", words.transcript);
    }
    for block in rest {
        text_block(&mut body, block);
    }
    stop(&mut body, token, words);
    (title.to_owned(), body)
}

/// Writes a block of the text: a heading if its last line underlines it, otherwise a paragraph.
fn text_block(body: &mut Html, block: &str) {
    let lines: Vec<&str> = block.trim_end().lines().collect();
    match lines.split_last() {
        Some((line, heading)) if !heading.is_empty() && is_underline(line) => body.element("h2", &heading.join(" ")),
        Some(_) => {
            // Lines of prose are long, so short lines are a list.
            let is_prose = lines.first().is_some_and(|line| line.len() > 50);
            let lines: Vec<String> = lines.into_iter().map(escaped).collect();
            body.raw(&format!("<p>{}</p>\n", lines.join(if is_prose { " " } else { "<br>\n" })));
        }
        None => {}
    }
}

fn is_underline(line: &str) -> bool {
    line.len() > 2 && (line.bytes().all(|b| b == b'-') || line.bytes().all(|b| b == b'='))
}

/// Returns a time in the video as whole seconds, rounded down so that no word is cut off.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a video is shorter than an hour")]
pub(super) fn whole_seconds(at: f64) -> u64 {
    at.max(0.0).floor() as u64
}
