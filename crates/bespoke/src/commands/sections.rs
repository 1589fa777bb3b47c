//! Sections of human-readable reports: consent, facts, candidates and measurements of a video.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};
use contracts::catalogue::Catalogue;
use contracts::choice::Choice;
use contracts::consent::{ConsentAsRead, ControlAsRead, Question};
use contracts::facts::{Band, Candidate, Facts, Mood, Spending, Stance, Tenure};
use contracts::media::MediaFacts;
use contracts::text::counted;
use contracts::{ProductId, script};
use render::check::{Measure, measures};

/// Writes a heading.
pub(super) fn heading(text: &mut String, title: &str) {
    let bold = Style::new().bold();
    let _infallible = writeln!(text, "\n{bold}{title}{bold:#}");
}

/// Writes a name and a value, unless the value is empty.
pub(super) fn row(text: &mut String, name: &str, value: &str) {
    if !value.is_empty() {
        let _infallible = writeln!(text, "  {name:<16}{value}");
    }
}

/// Writes the answers to the consent questions as read from the workbooks.
pub(super) fn consent(text: &mut String, consent: &ConsentAsRead) {
    heading(text, "Consent as read");
    let question = |question| match question {
        Question::General => "recommendation",
        Question::SocialMedia => "use of posts",
    };
    for reading in &consent.readings {
        let rows = if reading.rows == 1 { "1 row".to_owned() } else { format!("{} rows", reading.rows) };
        let value = format!("{:?} in {rows} of {}, first in row {}", reading.value, reading.file, reading.row);
        row(text, question(reading.question), &value);
    }
    if let Some(ControlAsRead { answers, choices, .. }) = &consent.control {
        let choices: Vec<String> = choices.iter().map(Choice::word).collect();
        row(text, "switched off", &choices.join(", "));
        for answer in answers {
            let value =
                format!("{:?} since {}, row {} of control/consents.csv", answer.value, answer.as_of, answer.row);
            row(text, question(answer.question), &value);
        }
    }
}

/// Writes the facts that can influence an offer.
pub(super) fn facts(text: &mut String, facts: &Facts, catalogue: &Catalogue) {
    heading(text, "Facts");
    row(text, "language", facts.language.name());
    row(text, "spending", &facts.spending.iter().map(spending).collect::<Vec<_>>().join(", "));
    row(text, "recurring", &facts.recurring.iter().map(|category| category.words()).collect::<Vec<_>>().join(", "));
    row(text, "signs of", &facts.signs.iter().map(|sign| sign.words()).collect::<Vec<_>>().join(", "));
    let held = facts.products_held.iter().map(|id| product(catalogue, id));
    row(text, "holds", &held.collect::<Vec<_>>().join(", "));
    row(text, "income", facts.income.map_or("", Band::words));
    row(text, "balance", facts.balance.map_or("", Band::words));
    row(text, "customer for", facts.tenure.map_or("", Tenure::words));
    if let Some(Mood { sentiment, topics, .. }) = &facts.mood {
        let topics = topics.iter().map(|tone| format!("; {} about {}", tone.sentiment.words(), tone.topic.words()));
        row(text, "posts", &format!("{}{}", sentiment.words(), topics.collect::<String>()));
    }
}

fn spending(spent: &Spending) -> String {
    format!("{} {} {}", spent.category.words(), spent.share.words(), spent.trend.words())
}

fn product(catalogue: &Catalogue, id: &ProductId) -> String {
    catalogue.product(id).map_or_else(|| id.to_string(), |product| product.name.clone())
}

/// Writes every product in the catalog with its score and reasons.
pub(super) fn candidates(text: &mut String, facts: &Facts, catalogue: &Catalogue) {
    heading(text, "Products considered");
    let offered = match &facts.stance {
        Stance::Recommend { offers } => offers.as_slice(),
        Stance::Service { .. } => &[],
    };
    let green = Style::new().fg_color(Some(AnsiColor::Green.into()));
    let dim = Style::new().dimmed();
    for Candidate { product: id, score, reasons, excluded } in &facts.candidates {
        let is_offered = offered.iter().any(|offer| offer.product == *id);
        let (style, mark) = match excluded {
            _ if is_offered => (green, "✓"),
            Some(_) => (dim, "✗"),
            None => (Style::new(), "·"),
        };
        let _infallible = writeln!(text, "  {style}{mark} {:<46}{score:>6.2}{style:#}", product(catalogue, id));
        for reason in reasons {
            let _infallible = writeln!(text, "      {:+.2}  {}", reason.weight, reason.text);
        }
        if let Some(excluded) = excluded {
            let _infallible = writeln!(text, "      not offered: {excluded}");
        }
    }
}

/// Writes the result of each guard check.
pub(super) fn checks(text: &mut String, checks: &[script::GuardCheck]) {
    let green = Style::new().fg_color(Some(AnsiColor::Green.into()));
    let red = Style::new().fg_color(Some(AnsiColor::Red.into()));
    for script::GuardCheck { name, violations } in checks {
        let (style, word) = if violations.is_empty() { (green, "passes") } else { (red, "rejects") };
        let _infallible = writeln!(text, "  {style}{word:<8}{style:#} {name:<18} {}", violations.join("; "));
    }
}

/// Writes the measurements of a video next to the required values.
pub(super) fn media(text: &mut String, media: &MediaFacts) {
    let green = Style::new().fg_color(Some(AnsiColor::Green.into()));
    let red = Style::new().fg_color(Some(AnsiColor::Red.into()));
    for Measure { measure, found, wanted, fine } in &measures(media) {
        let name = measure.trim_start_matches("the ");
        let (style, mark) = if *fine { (green, "ok ") } else { (red, "out") };
        let _infallible = writeln!(text, "{style}{mark}{style:#}  {name:<40} {found:<22} {wanted}");
    }
    let captions = match media.captions.cues {
        0 => "captions not measured, because there is no caption file beside the video".to_owned(),
        cues => counted(cues, "caption", "captions"),
    };
    let _infallible = writeln!(text, "\n{:.1} s, {captions}", media.seconds);
    for warning in &media.warnings {
        let _infallible = writeln!(text, "note: {warning}");
    }
}
