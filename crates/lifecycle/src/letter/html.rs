//! The letter as HTML: one document with inline styles and no scripts.

use std::fmt::Write as _;

use contracts::ProductId;
use contracts::consent::{ConsentAsRead, Question};
use contracts::evidence::{Evidence, HELD_OUT, Outcome};
use contracts::facts::{Candidate, Facts, Mood, Stance};
use contracts::html::escaped;
use contracts::key::Artefact;
use contracts::review::ReviewChoice;
use contracts::script::{CatalogueField, Script, SentenceSource, WrittenBy};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use policy::control::SuppressedBy;

use super::{Letter, Record};

const STYLE: &str = include_str!("letter.css");

/// Returns a time in a readable format, in UTC.
fn date(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%B %-d, %Y, %H:%M UTC").to_string()
}

/// Returns a table cell. A digest may wrap after any character; other text wraps between words.
fn cell_html(text: &str) -> String {
    let is_digest = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let class = if is_digest { " class=\"digest\"" } else { "" };
    format!("<td{class}>{}</td>", escaped(text))
}

/// An HTML document, to which sections are appended.
#[derive(Default)]
struct Page(String);

impl Page {
    fn heading(&mut self, title: &str) {
        let _infallible = writeln!(self.0, "<h2>{}</h2>", escaped(title));
    }

    fn subheading(&mut self, title: &str) {
        let _infallible = writeln!(self.0, "<h3>{}</h3>", escaped(title));
    }

    fn paragraph(&mut self, text: &str) {
        let _infallible = writeln!(self.0, "<p>{}</p>", escaped(text));
    }

    /// Writes terms and values. Leaves out empty values.
    fn terms(&mut self, terms: &[(&str, String)]) {
        self.0 += "<dl>\n";
        for (term, value) in terms.iter().filter(|(_, value)| !value.is_empty()) {
            let _infallible = writeln!(self.0, "<dt>{}</dt><dd>{}</dd>", escaped(term), escaped(value));
        }
        self.0 += "</dl>\n";
    }

    fn table(&mut self, caption: &str, columns: &[&str], rows: impl IntoIterator<Item = Vec<String>>) {
        let _infallible = writeln!(self.0, "<table>\n<caption>{}</caption>", escaped(caption));
        self.0 += "<thead><tr>";
        for name in columns {
            let _infallible = write!(self.0, "<th scope=\"col\">{}</th>", escaped(name));
        }
        self.0 += "</tr></thead>\n<tbody>\n";
        for row in rows {
            let cells: String = row.iter().map(|cell| cell_html(cell)).collect();
            let _infallible = writeln!(self.0, "<tr>{cells}</tr>");
        }
        self.0 += "</tbody>\n</table>\n";
    }

    fn code(&mut self, lines: &[String]) {
        let _infallible = writeln!(
            self.0,
            "<pre><code>{}</code></pre>",
            lines.iter().map(|line| escaped(line)).collect::<Vec<_>>().join("\n")
        );
    }
}

/// Returns the whole document.
pub(super) fn letter(letter: &Letter<'_>) -> String {
    let subject = &letter.subject;
    let title = format!("Evidence about customer {}", subject.customer);
    let mut page = Page::default();
    let _infallible = write!(
        page.0,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n<p class=\"meta\">{}</p>\n\
         <h1>{title}</h1>\n<p class=\"meta\">Run {}, prepared on {}</p>\n<div class=\"status\">\n",
        escaped(subject.bank),
        escaped(subject.run.as_str()),
        date(subject.now),
        title = escaped(&title),
    );
    for sentence in status(letter) {
        page.paragraph(&sentence);
    }
    page.0 += "</div>\n";
    consent(&mut page, letter);
    reasons(&mut page, letter);
    words(&mut page, letter);
    shown(&mut page, letter);
    review(&mut page, letter);
    since(&mut page, letter);
    verification(&mut page, letter);
    page.0 += "</main>\n</body>\n</html>\n";
    page.0
}

/// Returns the events and the current state, one fact per sentence.
pub(super) fn status(letter: &Letter<'_>) -> Vec<String> {
    let since = &letter.since;
    let mut status = vec![match &letter.record {
        Record::Final(evidence, _) => {
            let at = date(evidence.written_at);
            match &evidence.outcome {
                Outcome::Published { video: true } => {
                    format!("The bank published a recommendation with a video on {at}.")
                }
                Outcome::Published { video: false } => format!("The bank published a written recommendation on {at}."),
                Outcome::Skipped { skip } => {
                    let because = letter.record.skip(*skip).internal_reason();
                    format!("The bank sent nothing. On {at} it recorded the reason: {because}.")
                }
                Outcome::HeldOut => format!(
                    "The bank sent nothing. On {at} it recorded the reason: {HELD_OUT}. A keyed hash of the customer's \
                     reference chose the group, and nothing about the customer did."
                ),
                Outcome::InReview { why } => format!("On {at} the result was waiting for a reviewer (reason: {why})."),
                Outcome::NotStarted => "The run ended before it reached the customer.".to_owned(),
                Outcome::Failed { error, stage } => {
                    format!("The bank sent nothing. The stage {stage} failed: {error}.")
                }
            }
        }
        Record::Waiting(pending, _) => format!(
            "The bank has sent nothing. Since {} the result has been waiting for a reviewer (reason: {}).",
            date(pending.since),
            pending.why.words()
        ),
        Record::Failed(failure, _) => {
            format!(
                "The bank sent nothing. On {} the stage {} failed: {}.",
                date(failure.at),
                failure.stage,
                failure.error
            )
        }
        Record::Erased => "The run's only record of the customer is the erasure.".to_owned(),
    }];
    let was_published = letter.record.evidence().is_some_and(Evidence::is_published);
    for recalled in &since.recalls {
        let on = recalled.recall.as_ref().map_or_else(String::new, |recall| format!(" on {}", date(recall.at)));
        status.push(if was_published {
            format!("It was recalled{on}. The customer can no longer see it.")
        } else {
            format!("The result was recalled{on}, so it will not be published.")
        });
    }
    match &since.suppression {
        Some(suppression) if suppression.by == SuppressedBy::OptOut => {
            status.push(format!("The customer opted out on {} and is no longer contacted.", date(suppression.since)));
        }
        None if since.control.forbids(false).is_some() => {
            status.push("The customer must not be contacted now.".to_owned());
        }
        Some(_) | None => {}
    }
    if let Some(erasure) = &since.erased {
        status.push(format!("The customer's data was erased on {}.", date(erasure.at)));
        if letter.record.consent().is_none() {
            status.push(
                "The consent, the reasons and the wording were erased with it. Only the impersonal part of the record \
                 remains."
                    .to_owned(),
            );
        }
    }
    if !since.holds.is_empty() {
        status.push(format!("The customer's data is under a legal hold: {}.", since.holds.join(", ")));
    }
    status
}

const fn question(question: Question) -> &'static str {
    match question {
        Question::General => "Recommendations based on customer data",
        Question::SocialMedia => "Use of public posts",
    }
}

fn consent(page: &mut Page, letter: &Letter<'_>) {
    page.heading("Consent");
    let Some(ConsentAsRead { readings, read_at, control }) = letter.record.consent() else {
        page.paragraph("The consent record is not available.");
        return;
    };
    if let Some(request) = &letter.request {
        page.terms(&[
            ("Delivery", request.batch.to_string()),
            ("Read on", date(*read_at)),
            ("SHA-256 of its files", request.upload.to_string()),
        ]);
    }
    let rows = readings.iter().map(|reading| {
        let place = match reading.rows {
            1 => format!("row {}", reading.row),
            rows => format!("{rows} rows, the first of which is row {}", reading.row),
        };
        vec![question(reading.question).to_owned(), answer(&reading.value), reading.file.to_string(), place]
    });
    page.table("The customer's answers in the delivery", &["Question", "Answer", "File", "Rows"], rows);
    let newer = control.iter().flat_map(|control| &control.answers).collect::<Vec<_>>();
    if newer.is_empty() {
        page.paragraph("No newer answer was on record when the bank last checked before sending.");
        return;
    }
    let rows = newer.into_iter().map(|newer| {
        let place = format!("row {}", newer.row);
        vec![question(newer.question).to_owned(), answer(&newer.value), newer.as_of.to_string(), place]
    });
    let caption = "Newer answers in control/consents.csv when the bank last checked before sending";
    page.table(caption, &["Question", "Answer", "Date", "Row"], rows);
}

fn answer(value: &str) -> String {
    if value.is_empty() { "(blank)".to_owned() } else { value.to_owned() }
}

fn product(letter: &Letter<'_>, id: &ProductId) -> String {
    letter.subject.catalogue.product(id).map_or_else(|| id.to_string(), |product| product.name.clone())
}

fn reasons(page: &mut Page, letter: &Letter<'_>) {
    let Some(facts) = letter.record.facts() else { return };
    page.heading("Reasons for this message");
    match &facts.stance {
        Stance::Service { topic } => {
            page.paragraph(&format!("The customer got no offer, only a message about help with {}.", topic.words()));
        }
        Stance::Recommend { offers } => {
            for (place, offer) in offers.iter().enumerate() {
                page.subheading(&format!("{}. {}", place + 1, product(letter, &offer.product)));
                let candidate = facts.candidates.iter().find(|candidate| candidate.product == offer.product);
                let rows = candidate.into_iter().flat_map(|candidate| &candidate.reasons);
                let rows = rows.map(|reason| vec![reason.text.clone(), format!("{:+.2}", reason.weight)]);
                page.table(&format!("Score {:.2}", offer.score), &["Reason", "Weight"], rows);
            }
        }
    }
    facts_used(page, letter, facts);
    let offered = |candidate: &&Candidate| match &facts.stance {
        Stance::Recommend { offers } => offers.iter().any(|offer| offer.product == candidate.product),
        Stance::Service { .. } => false,
    };
    let others: Vec<&Candidate> = facts.candidates.iter().filter(|candidate| !offered(candidate)).collect();
    if !others.is_empty() {
        let rows = others.into_iter().map(|candidate| {
            let why = candidate.excluded.clone().unwrap_or_else(|| "ranked below the offers".to_owned());
            vec![product(letter, &candidate.product), format!("{:.2}", candidate.score), why]
        });
        page.table("Products considered and not offered", &["Product", "Score", "Reason"], rows);
    }
}

fn facts_used(page: &mut Page, letter: &Letter<'_>, facts: &Facts) {
    let spending = facts
        .spending
        .iter()
        .map(|spent| format!("{} ({}, {})", spent.category.words(), spent.share.words(), spent.trend.words()));
    let posts = facts.mood.as_ref().map_or_else(
        || "not used".to_owned(),
        |Mood { sentiment, topics, .. }| {
            let topics = topics.iter().map(|tone| format!(", {} about {}", tone.sentiment.words(), tone.topic.words()));
            format!("{} overall{}", sentiment.words(), topics.collect::<String>())
        },
    );
    page.subheading("Facts that could have influenced the choice");
    page.terms(&[
        ("Spending", spending.collect::<Vec<_>>().join("; ")),
        ("Regular payments", facts.recurring.iter().map(|category| category.words()).collect::<Vec<_>>().join(", ")),
        ("Signs of", facts.signs.iter().map(|sign| sign.words()).collect::<Vec<_>>().join(", ")),
        ("Products held", facts.products_held.iter().map(|id| product(letter, id)).collect::<Vec<_>>().join(", ")),
        ("Income", facts.income.map_or("", |band| band.words()).to_owned()),
        ("Balance", facts.balance.map_or("", |band| band.words()).to_owned()),
        ("Customer for", facts.tenure.map_or("", |tenure| tenure.words()).to_owned()),
        ("Reasons against credit", facts.stops.iter().map(|stop| stop.words()).collect::<Vec<_>>().join(", ")),
        ("Tone of posts", posts),
    ]);
}

fn words(page: &mut Page, letter: &Letter<'_>) {
    let Some(script) = letter.record.script() else { return };
    page.heading("The wording, and who approved it");
    page.paragraph(&writer(script));
    let rows = script.segments.iter().flat_map(|segment| &segment.parts).map(|part| {
        let (source, approved) = match &part.source {
            SentenceSource::Line { id, approved_by, approved_at, .. } => {
                (format!("phrasebook, line {id}"), format!("{approved_by}, {}", date(*approved_at)))
            }
            SentenceSource::Catalogue { product: id, field } => {
                (format!("catalog, {}, {}", product(letter, id), field_words(*field)), catalogue_version(letter))
            }
            SentenceSource::Brand { field } => (format!("brand file, {field}"), String::new()),
            SentenceSource::Free { by } => (format!("free text by {by}"), "see Review".to_owned()),
        };
        vec![part.text.clone(), source, approved]
    });
    // Versions before 0.2 recorded no sources.
    let unsourced = script.segments.iter().filter(|segment| segment.parts.is_empty());
    let unsourced = unsourced.map(|segment| vec![segment.text.clone(), "not recorded".to_owned(), String::new()]);
    page.table(
        "Every sentence that was spoken or written",
        &["Sentence", "Source", "Approved by"],
        rows.chain(unsourced),
    );
    let failed = script.verdict.failed();
    let checks = script.verdict.checks.len();
    page.paragraph(&if failed.is_empty() {
        format!("The text passed all {checks} automatic checks.")
    } else {
        format!("Of {checks} automatic checks, the text failed these: {}.", failed.join(", "))
    });
}

fn field_words(field: CatalogueField) -> String {
    match field {
        CatalogueField::Name => "name".to_owned(),
        CatalogueField::Summary => "summary".to_owned(),
        CatalogueField::ApprovedClaim(index) => format!("approved claim {}", index + 1),
        CatalogueField::SpokenDisclosure(index) => format!("spoken disclosure {}", index + 1),
    }
}

fn catalogue_version(letter: &Letter<'_>) -> String {
    match letter.record.evidence() {
        Some(evidence) if !evidence.catalogue_version.is_empty() => {
            format!("catalog version {}", evidence.catalogue_version)
        }
        _ => "the catalog of the run".to_owned(),
    }
}

fn writer(script: &Script) -> String {
    match &script.written_by {
        WrittenBy::Phrases { version, selected_by: None, .. } => {
            format!("A program chose approved lines from phrasebook version {version}. No model wrote any of the text.")
        }
        WrittenBy::Phrases { version, selected_by: Some(selection), .. } => format!(
            "The model {} chose among approved lines of phrasebook version {version}. It wrote no text itself.",
            selection.model
        ),
        WrittenBy::Template { .. } => "A fixed template wrote the text. No model wrote any of the text.".to_owned(),
        WrittenBy::Model { model, .. } => format!("The model {model} wrote the text."),
    }
}

fn shown(page: &mut Page, letter: &Letter<'_>) {
    let Some(evidence) = letter.record.evidence().filter(|evidence| evidence.is_published()) else { return };
    page.heading("What the customer was shown");
    let Evidence { media, made_by, artefacts, from_posts, .. } = evidence;
    let video = media.as_ref().map_or_else(String::new, |media| {
        format!("{:.0} seconds, {} × {}, {} captions", media.seconds, media.width, media.height, media.captions.cues)
    });
    let voice = made_by
        .as_ref()
        .and_then(|made| made.voice.clone())
        .map_or_else(String::new, |voice| format!("{voice}; the video says that the voice is synthetic"));
    let outside = made_by.iter().flat_map(|made| &made.outside);
    let outside = outside.map(|(service, fields)| format!("{service}: {}", fields.join(", "))).collect::<Vec<_>>();
    let none = || "no outside service".to_owned();
    page.terms(&[
        ("Video", video),
        ("Voice", voice),
        ("Posts", if *from_posts { "contributed to the message" } else { "not used" }.to_owned()),
        ("Data sent to", if outside.is_empty() { none() } else { outside.join("; ") }),
    ]);
    let shown = artefacts
        .iter()
        .filter(|(artefact, _)| Artefact::PUBLISHED.contains(artefact) && **artefact != Artefact::RenderRecord);
    let rows = shown.map(|(artefact, digest)| vec![artefact.file_name().to_owned(), digest.to_string()]);
    page.table("The files and their SHA-256 digests", &["File", "Digest"], rows);
}

fn review(page: &mut Page, letter: &Letter<'_>) {
    page.heading("Review");
    if let Record::Waiting(pending, _) = &letter.record {
        page.paragraph(&format!(
            "A reviewer must decide first. Reason for the review: {}. No decision has been made yet.",
            pending.why.words()
        ));
        return;
    }
    let Some(review) = letter.record.evidence().and_then(|evidence| evidence.review.as_ref()) else {
        let was_published = letter.record.evidence().is_some_and(Evidence::is_published);
        page.paragraph(if was_published {
            "The bank's settings did not require a person to review this result."
        } else {
            "No person reviewed anything, because there was no result to publish."
        });
        return;
    };
    let choice = match review.choice {
        ReviewChoice::Approve => "approved",
        ReviewChoice::Reject => "rejected",
    };
    let reason = letter.record.decision().and_then(|decision| decision.reason.clone()).unwrap_or_default();
    page.terms(&[
        ("Required because", review.why.words()),
        ("Decision", choice.to_owned()),
        ("Decided by", review.by.clone()),
        ("Decided on", date(review.at)),
        ("Reason", reason),
        ("SHA-256 of the reviewed text", review.seen.text.to_string()),
    ]);
    page.paragraph("The bank publishes only the text and the video that the reviewer saw, compared by their digests.");
}

fn since(page: &mut Page, letter: &Letter<'_>) {
    page.heading("Since then");
    let since = &letter.since;
    let mut rows = Vec::new();
    for recalled in &since.recalls {
        let what = if recalled.whole_run { "recall of the whole run" } else { "recall of this result" };
        let (at, details) = match &recalled.recall {
            Some(recall) => {
                let reason = recall.reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
                (date(recall.at), format!("by {}{reason}", recall.by))
            }
            None => (String::new(), "the details were erased".to_owned()),
        };
        rows.push(vec![what.to_owned(), at, details]);
    }
    if let Some(suppression) = &since.suppression {
        let what = match suppression.by {
            SuppressedBy::OptOut => "opt-out",
            SuppressedBy::Erasure | SuppressedBy::Staff => "no more contact",
        };
        let details = match suppression.by {
            SuppressedBy::OptOut => "through the customer's own link",
            SuppressedBy::Erasure => "recorded with the erasure",
            SuppressedBy::Staff => "an objection that staff recorded",
        };
        rows.push(vec![what.to_owned(), date(suppression.since), details.to_owned()]);
    } else if let Some(skip) = since.control.forbids(false) {
        rows.push(vec!["no contact now".to_owned(), String::new(), skip.because().to_owned()]);
    }
    for newer in &since.control.as_read.answers {
        let details = format!("{}: {}", question(newer.question), answer(&newer.value));
        rows.push(vec!["newer answer".to_owned(), newer.as_of.to_string(), details]);
    }
    if let Some(erasure) = &since.erased {
        let details = format!("the customer's key was destroyed, by Bespoke {}", erasure.program);
        rows.push(vec!["erasure".to_owned(), date(erasure.at), details]);
    }
    rows.extend(since.holds.iter().map(|hold| vec!["legal hold".to_owned(), String::new(), hold.clone()]));
    if rows.is_empty() {
        page.paragraph("Nothing: no recall, no opt-out, no newer answer, no erasure and no legal hold.");
    } else {
        page.table("What the records show on the day of this letter", &["Event", "Date", "Details"], rows);
    }
}

fn verification(page: &mut Page, letter: &Letter<'_>) {
    page.heading("How to verify this letter");
    let subject = &letter.subject;
    match &letter.head {
        Some(signed) => {
            page.paragraph(
                "This letter is a summary. The record behind it is covered by a signed head in the bank's transparency \
                 log. If you keep the public key and a head, you can detect any later change to the record.",
            );
            page.terms(&[
                ("Entry in the log", signed.size.map_or_else(String::new, |size| (size.saturating_sub(1)).to_string())),
                ("Signed on", date(signed.head.at)),
                ("Last link of the chain", signed.head.chain.to_string()),
                ("Customer in the record", subject.reference.to_string()),
                ("Version of Bespoke", signed.head.program.clone()),
            ]);
            page.code(&[
                format!("bespoke verify {} --key key.pem --head head.json", subject.run),
                format!("python3 verify.py artifacts {} --key key.pem --head head.json", subject.run),
            ]);
            page.paragraph(
                "Both commands need the bank's files, but none of its secrets. The second shares no code with Bespoke.",
            );
        }
        None => page.paragraph(
            "The run has not ended, so its record is not signed yet. Request the letter again after the run has ended.",
        ),
    }
}
