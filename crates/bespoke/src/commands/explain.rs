//! `bespoke explain`: what a customer would be offered now and why, without making anything or asking a model.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};
use assess::{Rules, assess};
use contracts::catalogue::Catalogue;
use contracts::consent::ControlAsRead;
use contracts::consent::{ConsentAsRead, Question};
use contracts::facts::{Assessment, Band, Candidate, Facts, Mood, Sentiment, Share, Spending, Stance, Trend};
use contracts::{CustomerId, CustomerRef, Digest, ErrorName, ProductId};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use policy::control::{self, Control};
use serde::Serialize;
use storage::vault::Keys;

use super::Shared;
use crate::cli::Explain;
use crate::config::Config;
use crate::failure::Failure;
use crate::folder::FolderStore;
use crate::project::{Books, catalogue, lexicon};
use crate::secrets::LocalSecrets;

/// What `--json` prints.
#[derive(Serialize)]
struct Told {
    customer: String,
    reference: CustomerRef,
    catalogue: Digest,
    catalogue_version: String,
    #[serde(flatten)]
    assessment: Assessment,
}

pub(super) async fn execute(asked: Explain, config: Config, shared: Shared) -> Result<u8, Failure> {
    let folders = asked.folders;
    let catalogue = catalogue(&folders.data, folders.catalogue.as_ref())?;
    let lexicon = lexicon(&folders.data, folders.lexicon.as_ref())?;
    let secrets = LocalSecrets::of_folder(&folders.artifacts);
    let books = Books::read(&folders.data, &secrets).await?;
    let keys = Keys::from_secrets(&secrets).await?;
    let customer = asked.customer;
    let unknown = || {
        let message = "the workbooks have no customer with that id";
        Failure::told(ErrorName::InputUnknownCustomer, message, "ids are text: 0001 is not 1")
    };
    let reference = keys.reference(&CustomerId::parse(customer.clone()).map_err(|_| unknown())?);
    let control = if folders.artifacts.is_dir() {
        let store = FolderStore::open(&folders.artifacts)
            .map_err(Failure::file(ErrorName::StoreUnavailable, &folders.artifacts))?;
        control::read(&store, &reference, Timestamp::now()).await?
    } else {
        Control::default()
    };
    let settings = config.settings;
    let categories = if asked.categories.is_empty() { settings.offers.categories.clone() } else { asked.categories };
    let told = tokio::task::spawn_blocking(move || -> Result<_, merge::Error> {
        let (Books { files, password }, now) = (&books, Timestamp::now());
        let (records, _) = merge::join(files, password.as_ref(), &settings.intake, &catalogue, &keys, now)?;
        let (at_most, today) = (settings.offers.at_most, now.to_zoned(TimeZone::UTC).date());
        let rules =
            Rules { catalogue: &catalogue, lexicon: &lexicon, keys: &keys, categories: &categories, at_most, today };
        let record = records.into_iter().find(|record| *record.reference() == reference);
        let assessment = record.map(|record| assess(record, &control, &rules));
        let told = assessment.map(|assessment| Told {
            customer,
            reference,
            catalogue: catalogue.digest(),
            catalogue_version: catalogue.version().to_owned(),
            assessment,
        });
        Ok((told, catalogue))
    });
    let (told, catalogue) = told.await.map_err(merge::Error::from)??;
    let told = told.ok_or_else(unknown)?;
    shared.print(&told, || for_people(&told, &catalogue));
    Ok(0)
}

fn for_people(told: &Told, catalogue: &Catalogue) -> String {
    let mut text = String::new();
    let bold = Style::new().bold();
    let Told { customer, assessment, .. } = told;
    match assessment {
        Assessment::Skip { skip, consent } => {
            let _infallible = writeln!(text, "{bold}{customer}{bold:#}  would get nothing: {}", skip.because());
            tell_consent(&mut text, consent);
        }
        Assessment::Proceed(facts) => {
            let what = match &facts.stance {
                Stance::Recommend { offers } => format!("would be offered {}", offers.len()),
                Stance::Service { topic } => {
                    format!("would be sent a service message about {}, and sold nothing", topic.words())
                }
            };
            let _infallible = writeln!(text, "{bold}{customer}{bold:#}  {}  {what}", facts.first_name);
            tell_consent(&mut text, &facts.consent);
            tell_facts(&mut text, facts, catalogue);
            tell_candidates(&mut text, facts, catalogue);
        }
    }
    text
}

fn heading(text: &mut String, what: &str) {
    let bold = Style::new().bold();
    let _infallible = writeln!(text, "\n{bold}{what}{bold:#}");
}

fn row(text: &mut String, what: &str, value: &str) {
    if !value.is_empty() {
        let _infallible = writeln!(text, "  {what:<16}{value}");
    }
}

fn tell_consent(text: &mut String, consent: &ConsentAsRead) {
    heading(text, "Consent");
    let question = |question| match question {
        Question::General => "recommendation",
        Question::SocialMedia => "use of posts",
    };
    for reading in &consent.readings {
        let value =
            format!("{:?} in {} of {}, first in row {}", reading.value, rows(reading.rows), reading.file, reading.row);
        row(text, question(reading.question), &value);
    }
    if let Some(ControlAsRead { answers, .. }) = &consent.control {
        for answer in answers {
            let value =
                format!("{:?} since {}, row {} of control/consents.csv", answer.value, answer.as_of, answer.row);
            row(text, question(answer.question), &value);
        }
    }
}

fn rows(number: u32) -> String {
    if number == 1 { "1 row".to_owned() } else { format!("{number} rows") }
}

fn tell_facts(text: &mut String, facts: &Facts, catalogue: &Catalogue) {
    heading(text, "Facts");
    let spending = |spent: &Spending| {
        let share = match spent.share {
            Share::Small => "small",
            Share::Notable => "notable",
            Share::Large => "large",
        };
        let trend = match spent.trend {
            Trend::Rising => "rising",
            Trend::Steady => "steady",
            Trend::Falling => "falling",
        };
        format!("{} {share} {trend}", spent.category.words())
    };
    row(text, "spending", &facts.spending.iter().map(spending).collect::<Vec<_>>().join(", "));
    row(text, "recurring", &facts.recurring.iter().map(|category| category.words()).collect::<Vec<_>>().join(", "));
    row(text, "signs of", &facts.signs.iter().map(|sign| sign.words()).collect::<Vec<_>>().join(", "));
    let held = facts.products_held.iter().map(|id| name(catalogue, id));
    row(text, "holds", &held.collect::<Vec<_>>().join(", "));
    row(text, "income", facts.income.map_or("", band));
    row(text, "balance", facts.balance.map_or("", band));
    row(text, "customer for", facts.tenure.map_or("", contracts::facts::Tenure::words));
    if let Some(Mood { sentiment, topics, .. }) = &facts.mood {
        let topics = topics.iter().map(|tone| format!("; {} about {}", tone_of(tone.sentiment), tone.topic.words()));
        row(text, "posts", &format!("{}{}", tone_of(*sentiment), topics.collect::<String>()));
    }
}

const fn band(band: Band) -> &'static str {
    match band {
        Band::Low => "low",
        Band::Middle => "middle",
        Band::Upper => "upper",
        Band::High => "high",
    }
}

const fn tone_of(sentiment: Sentiment) -> &'static str {
    match sentiment {
        Sentiment::Negative => "negative",
        Sentiment::Neutral => "neutral",
        Sentiment::Positive => "positive",
    }
}

fn name(catalogue: &Catalogue, id: &ProductId) -> String {
    catalogue.product(id).map_or_else(|| id.to_string(), |product| product.name.clone())
}

fn tell_candidates(text: &mut String, facts: &Facts, catalogue: &Catalogue) {
    heading(text, "Candidates");
    let offered = match &facts.stance {
        Stance::Recommend { offers } => offers.as_slice(),
        Stance::Service { .. } => &[],
    };
    let (green, dim) = (Style::new().fg_color(Some(AnsiColor::Green.into())), Style::new().dimmed());
    for Candidate { product, score, reasons, excluded } in &facts.candidates {
        let is_offered = offered.iter().any(|offer| offer.product == *product);
        let (style, sign) = match excluded {
            _ if is_offered => (green, "✓"),
            Some(_) => (dim, "✗"),
            None => (Style::new(), "·"),
        };
        let _infallible = writeln!(text, "  {style}{sign} {:<46}{score:>6.2}{style:#}", name(catalogue, product));
        for reason in reasons {
            let _infallible = writeln!(text, "      {:+.2}  {}", reason.weight, reason.text);
        }
        if let Some(excluded) = excluded {
            let _infallible = writeln!(text, "      not offered: {excluded}");
        }
    }
}
