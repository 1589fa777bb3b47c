//! What came of a recommendation, as its caller may see it.
//!
//! **Invariant:** a text is shown once the guard has passed it, and nothing that was made for a customer is shown once
//! `control/`, read afresh, forbids it.

use contracts::catalogue::{Catalogue, Category};
use contracts::evidence::{Evidence, FailureRecord, Outcome};
use contracts::executions::Execution;
use contracts::facts::{Facts, Skip, Stance};
use contracts::key::Artefact;
use contracts::media::MediaFacts;
use contracts::review::Waiting;
use contracts::script::{Script, WrittenBy};
use contracts::{CustomerRef, ErrorName, ObjectKey, ProductId, RunId};
use jiff::Timestamp;
use policy::control;
use policy::recall::is_recalled;
use serde::Serialize;
use serde::de::DeserializeOwned;
use storage::store::{Link, ObjectStore, StoreError};
use storage::vault::{Owner, VaultError};
use utoipa::ToSchema;

use crate::events::{Event, StageStanding};
use crate::recommendations::{CategoryName, Place, Standing};
use crate::{Problem, Shared, events};

/// How long a link to a result is good, seconds.
pub(crate) const LINK_SECONDS: u64 = 15 * 60;

/// How it ended, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum OutcomeWord {
    /// The text is published, and the video if one was asked for.
    Published,
    /// Nothing was said.
    Skipped,
    /// A person must look first.
    Held,
    /// A stage failed.
    Failed,
    /// It was published, and taken back.
    Recalled,
}

impl OutcomeWord {
    pub(crate) const fn of(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Published { .. } => Self::Published,
            Outcome::Skipped { .. } => Self::Skipped,
            Outcome::Held { .. } => Self::Held,
            Outcome::Failed { .. } => Self::Failed,
        }
    }
}

/// Why nothing was published, or why what was published is not shown.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Reason {
    /// A stable name: of an error, or of why nothing was said.
    code: String,
    /// In words.
    message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<String>,
}

impl Reason {
    fn of_skip(skip: Skip) -> Self {
        let code = serde_json::to_value(skip).ok().and_then(|skip| skip["reason"].as_str().map(str::to_owned));
        let help = match skip {
            Skip::NoConsent(_) => Some("they get nothing until they agree, and the bank's workbook says so"),
            Skip::Suppressed => Some("whoever keeps the list of suppressions can take them off it"),
            Skip::NoSuitableOffer => Some("choose more lines of business"),
            Skip::PostsWithdrawn(_) => Some("start another: it is made without their posts"),
            Skip::HeardLately => Some("offers.at_most_every_days says how many days there must be between two"),
            Skip::Rejected | Skip::Recalled => None,
        };
        Self { code: code.unwrap_or_default(), message: skip.because().to_owned(), help: help.map(str::to_owned) }
    }

    fn of_hold(why: String) -> Self {
        Self { code: "held".to_owned(), message: why, help: Some("a person must look at it first".to_owned()) }
    }

    pub(crate) fn of_error(error: &str, message: Option<String>) -> Self {
        let help = match ErrorName::ALL.iter().find(|name| name.as_str() == error) {
            Some(ErrorName::InputUnknownCustomer) => Some("ids are text, as the workbooks write them: 0001 is not 1"),
            Some(ErrorName::InputWrongPassword) => Some("the workbooks' password is EXCEL_PASSWORD"),
            Some(ErrorName::ConfigChanged) => Some("start another"),
            Some(name) if name.is_transient() => Some("start another; what was made is found again"),
            _ => None,
        };
        let message = message.unwrap_or_else(|| "the run ended early".to_owned());
        Self { code: error.to_owned(), message, help: help.map(str::to_owned) }
    }
}

/// A part of the text.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Paragraph {
    /// The product's name, above its offer.
    #[serde(skip_serializing_if = "Option::is_none")]
    heading: Option<String>,
    /// What is said.
    body: String,
    /// Rates and terms, as the catalogue has them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    terms: Vec<String>,
}

/// A product that is offered.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Offered {
    #[schema(value_type = String)]
    product_id: ProductId,
    name: String,
    #[schema(value_type = Option<CategoryName>)]
    category: Option<Category>,
    score: f64,
    /// Why, the weightiest first, each with what it adds to the score.
    reasons: Vec<String>,
}

/// A product that was considered.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Considered {
    #[schema(value_type = String)]
    product_id: ProductId,
    name: String,
    score: f64,
    /// Whether it could be offered.
    eligible: bool,
    /// Why not, or what its score is made of.
    why: String,
    /// Whether it is offered.
    offered: bool,
}

/// A check of the guard.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CheckShown {
    check: String,
    passed: bool,
}

/// Who wrote the reasons.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Wrote {
    /// `phrases`, `model` or `template`.
    by: &'static str,
    /// The model.
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    /// Why the template wrote although the model is switched on.
    #[serde(skip_serializing_if = "Option::is_none")]
    instead_of_model: Option<String>,
}

/// Addresses of the results.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ResultLinks {
    #[serde(skip_serializing_if = "Option::is_none")]
    video: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    captions: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    poster: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    preview: Option<String>,
    /// The text as a file, with rates, terms and disclosures.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// When the first of the addresses ends; ask again for others.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

impl ResultLinks {
    /// No address yet.
    pub(crate) const fn none() -> Self {
        Self { video: None, captions: None, poster: None, preview: None, text: None, expires_at: Timestamp::MAX }
    }

    /// Adds the address of a result; what is none is left out.
    pub(crate) fn add(&mut self, artefact: Artefact, Link { address, ends }: Link) {
        let place = match artefact {
            Artefact::Video => &mut self.video,
            Artefact::Captions => &mut self.captions,
            Artefact::Poster => &mut self.poster,
            Artefact::Preview => &mut self.preview,
            Artefact::Text => &mut self.text,
            _ => return,
        };
        *place = Some(address);
        self.expires_at = self.expires_at.min(ends);
    }
}

/// What was measured of the video.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Measured {
    seconds: f64,
    width: u32,
    height: u32,
    loudness_lufs: f64,
    true_peak_dbtp: f64,
    /// Remarks, such as a length outside the aim.
    warnings: Vec<String>,
}

/// A recommendation.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Recommendation {
    id: String,
    state: Standing,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<OutcomeWord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
    customer_ref: String,
    #[schema(value_type = Vec<CategoryName>)]
    categories: Vec<Category>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    started_at: Option<Timestamp>,
    /// All seven; none of a campaign's customer that has ended.
    stages: Vec<StageStanding>,
    #[serde(flatten)]
    made: Made,
}

/// What was made; nothing as long as there is nothing that may be shown.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct Made {
    /// The text, once the guard has passed it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    text: Vec<Paragraph>,
    /// What must be shown with it, as the catalogue and the brand have it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    disclosures: Vec<String>,
    /// What is offered, best first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    offers: Vec<Offered>,
    /// Every product that was considered, best first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    candidates: Vec<Considered>,
    /// What the guard looked at.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    checks: Vec<CheckShown>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wrote: Option<Wrote>,
    #[serde(skip_serializing_if = "Option::is_none")]
    links: Option<ResultLinks>,
    #[serde(skip_serializing_if = "Option::is_none")]
    media: Option<Measured>,
}

/// What is recorded of the customer's part.
enum Record {
    Ended(Box<Evidence>),
    /// A person must look first; evidence is written once they have.
    Waits(Waiting),
    Failed(FailureRecord),
}

impl Record {
    fn outcome(&self) -> OutcomeWord {
        match self {
            Self::Ended(evidence) => OutcomeWord::of(&evidence.outcome),
            Self::Waits(_) => OutcomeWord::Held,
            Self::Failed(_) => OutcomeWord::Failed,
        }
    }
}

fn key(place: &Place, artefact: Artefact) -> ObjectKey {
    ObjectKey::Customer(place.reference.clone(), place.run.clone(), artefact)
}

async fn record(place: &Place, store: &dyn ObjectStore) -> Result<Option<Record>, Problem> {
    if let Some(evidence) = find::<Evidence>(store, &key(place, Artefact::Evidence)).await? {
        return Ok(Some(Record::Ended(Box::new(evidence))));
    }
    if let Some(waiting) = policy::review::find_pending(store, &place.run, &place.reference).await? {
        return Ok(Some(Record::Waits(waiting)));
    }
    Ok(find(store, &key(place, Artefact::Failure)).await?.map(Record::Failed))
}

/// The evidence of one customer's part of a run, if it has ended.
pub(crate) async fn evidence(run: &RunId, reference: &CustomerRef, host: &Shared) -> Result<Option<Evidence>, Problem> {
    let key = ObjectKey::Customer(reference.clone(), run.clone(), Artefact::Evidence);
    find(host.vault().store(), &key).await
}

/// How it ended, and why in a few words, if it has.
pub(crate) async fn ended(place: &Place, host: &Shared) -> Result<Option<(OutcomeWord, Option<String>)>, Problem> {
    let record = record(place, host.vault().store()).await?;
    Ok(record.map(|record| {
        let why = match &record {
            Record::Waits(waiting) => Some(waiting.why.words()),
            Record::Failed(failure) => Some(format!("{} in {}", failure.error, failure.stage)),
            Record::Ended(evidence) => match &evidence.outcome {
                Outcome::Published { .. } => None,
                Outcome::Skipped { skip } => Some(skip.because().to_owned()),
                Outcome::Held { why } => Some(why.clone()),
                Outcome::Failed { error, stage } => Some(format!("{error} in {stage}")),
            },
        };
        (record.outcome(), why)
    }))
}

/// All that may be shown.
pub(crate) async fn recommendation(
    place: &Place,
    execution: Option<&Execution>,
    events: &[Event],
    host: &Shared,
) -> Result<Recommendation, Problem> {
    let store = host.vault().store();
    let record = record(place, store).await?;
    let state = Standing::of(execution, events::begun(events), record.is_some());
    let mut reason = match &record {
        Some(Record::Ended(evidence)) => match &evidence.outcome {
            Outcome::Published { .. } => None,
            Outcome::Skipped { skip } => Some(Reason::of_skip(*skip)),
            Outcome::Held { why } => Some(Reason::of_hold(why.clone())),
            Outcome::Failed { error, .. } => Some(Reason::of_error(error.as_str(), None)),
        },
        Some(Record::Waits(waiting)) => Some(Reason::of_hold(waiting.why.words())),
        Some(Record::Failed(failure)) => Some(Reason::of_error(failure.error.as_str(), Some(failure.message.clone()))),
        None => execution.and_then(|execution| {
            execution.error.as_ref().map(|error| Reason::of_error(error, execution.message.clone()))
        }),
    };
    let mut outcome = record.as_ref().map(Record::outcome);
    let mut made = Made::default();
    let from_posts = matches!(&record, Some(Record::Ended(evidence)) if evidence.from_posts);
    let control = control::read(store, &place.reference, Timestamp::now()).await?;
    match (control.forbids(from_posts), &record) {
        (Some(skip), Some(_)) => {
            reason = reason.or_else(|| Some(Reason::of_skip(skip)));
        }
        (Some(_), None) | (None, Some(Record::Waits(_) | Record::Failed(_))) => {}
        // Taken back: the files lie aside, and nothing of it is shown.
        (None, Some(Record::Ended(_))) if is_recalled(store, &place.run, &place.reference).await? => {
            (outcome, reason) = (Some(OutcomeWord::Recalled), Some(Reason::of_skip(Skip::Recalled)));
        }
        // Posts may have had a part in what is being made.
        (None, None) if control.withdraws_posts() => {}
        // What is made after it was taken back is not published.
        (None, None) if is_recalled(store, &place.run, &place.reference).await? => {}
        (None, None) => made = passed(place, host).await?,
        (None, Some(Record::Ended(evidence))) => made = of_evidence(place, evidence, host).await?,
    }
    Ok(Recommendation {
        id: place.id(),
        state,
        outcome,
        reason,
        customer_ref: place.reference.to_string(),
        categories: place.request.categories.clone(),
        started_at: events.first().map(|event| event.at),
        stages: if events.is_empty() && record.is_some() { Vec::new() } else { events::stages(events) },
        made,
    })
}

/// The text of a run that goes on, once the guard has passed it.
async fn passed(place: &Place, host: &Shared) -> Result<Made, Problem> {
    let owner = Owner::Customer(&place.reference);
    let script: Script = match host.vault().read_json(owner, &key(place, Artefact::Script)).await {
        Ok((script, _)) => script,
        // Not written yet, or gone with its key.
        Err(VaultError::Store(StoreError::NotFound { .. }) | VaultError::Broken { .. }) => {
            return Ok(Made::default());
        }
        Err(error) => return Err(error.into()),
    };
    let mut made = Made::default();
    // What is held waits for whoever reviews it.
    if script.verdict.passed() && script.held.is_none() {
        made.say(&script);
    }
    Ok(made)
}

/// What the evidence tells, and links to what is published.
async fn of_evidence(place: &Place, evidence: &Evidence, host: &Shared) -> Result<Made, Problem> {
    let mut made = Made::default();
    let personal = match policy::evidence::open_personal(host.vault(), evidence).await {
        Ok(personal) => personal,
        // The customer was forgotten.
        Err(VaultError::Broken { .. }) => return Ok(made),
        Err(error) => return Err(error.into()),
    };
    let Outcome::Published { video } = evidence.outcome else {
        // What was refused is for those who review it. That it was refused, and by which checks, is not its text.
        if let (Outcome::Held { .. }, Some(script)) = (&evidence.outcome, &personal.script) {
            made.judge(script);
        }
        return Ok(made);
    };
    if host.vault().store().find(&key(place, Artefact::Text)).await?.is_none() {
        // What was published was taken away.
        return Ok(made);
    }
    if let Some(script) = &personal.script {
        made.say(script);
    }
    if let Some(facts) = &personal.facts {
        made.explain(facts, &host.catalogue().await?);
    }
    made.media = evidence.media.as_ref().map(Measured::of);
    made.links = Some(links(place, video, host).await?);
    Ok(made)
}

async fn links(place: &Place, video: bool, host: &Shared) -> Result<ResultLinks, Problem> {
    let of_video = [Artefact::Video, Artefact::Captions, Artefact::Poster, Artefact::Preview];
    let mut links = ResultLinks::none();
    for artefact in [Artefact::Text].into_iter().chain(of_video.into_iter().filter(|_| video)) {
        links.add(artefact, host.links().link(&key(place, artefact), LINK_SECONDS).await?);
    }
    Ok(links)
}

impl Made {
    /// The text and its disclosures.
    pub(crate) fn words(self) -> (Vec<Paragraph>, Vec<String>) {
        (self.text, self.disclosures)
    }

    /// Adds a text that the guard has passed.
    pub(crate) fn say(&mut self, script: &Script) {
        let paragraph = |segment: &contracts::script::Segment| {
            let offer = segment.product.as_ref().and_then(|id| script.offers.iter().find(|offer| offer.product == *id));
            Paragraph {
                heading: offer.map(|offer| offer.name.clone()),
                body: segment.text.clone(),
                terms: offer.map(|offer| offer.rates_and_terms.clone()).unwrap_or_default(),
            }
        };
        self.text = script.segments.iter().map(paragraph).collect();
        self.disclosures.clone_from(&script.disclosures);
        self.judge(script);
    }

    /// Adds who wrote, and what the guard said.
    fn judge(&mut self, script: &Script) {
        let check = |check: &contracts::script::Check| CheckShown {
            check: check.name.clone(),
            passed: check.violations.is_empty(),
        };
        self.checks = script.verdict.checks.iter().map(check).collect();
        let instead_of_model = script.written_by.instead_of_model().map(|instead| instead.why.clone());
        self.wrote = Some(match &script.written_by {
            WrittenBy::Phrases { selected_by, .. } => Wrote {
                by: "phrases",
                model: selected_by.as_ref().map(|selection| selection.model.clone()),
                instead_of_model,
            },
            WrittenBy::Template { .. } => Wrote { by: "template", model: None, instead_of_model },
            WrittenBy::Model { model, .. } => Wrote { by: "model", model: Some(model.clone()), instead_of_model },
        });
    }

    /// Adds why these offers.
    fn explain(&mut self, facts: &Facts, catalogue: &Catalogue) {
        let name =
            |id: &ProductId| catalogue.product(id).map_or_else(|| id.to_string(), |product| product.name.clone());
        let reasons = |id: &ProductId| -> Vec<String> {
            let candidate = facts.candidates.iter().find(|candidate| candidate.product == *id);
            let mut reasons: Vec<_> = candidate.into_iter().flat_map(|candidate| &candidate.reasons).collect();
            reasons.sort_by(|a, b| b.weight.abs().total_cmp(&a.weight.abs()));
            reasons.iter().map(|reason| format!("{} {:+.2}", reason.text, reason.weight)).collect()
        };
        let offers = match &facts.stance {
            Stance::Recommend { offers } => offers.as_slice(),
            Stance::Service { .. } => &[],
        };
        self.offers = offers
            .iter()
            .map(|offer| Offered {
                product_id: offer.product.clone(),
                name: name(&offer.product),
                category: catalogue.product(&offer.product).map(|product| product.category),
                score: offer.score,
                reasons: reasons(&offer.product),
            })
            .collect();
        self.candidates = facts
            .candidates
            .iter()
            .map(|candidate| Considered {
                product_id: candidate.product.clone(),
                name: name(&candidate.product),
                score: candidate.score,
                eligible: candidate.excluded.is_none(),
                why: candidate.excluded.clone().unwrap_or_else(|| reasons(&candidate.product).join("; ")),
                offered: offers.iter().any(|offer| offer.product == candidate.product),
            })
            .collect();
    }
}

impl Measured {
    fn of(media: &MediaFacts) -> Self {
        Self {
            seconds: media.seconds,
            width: media.width,
            height: media.height,
            loudness_lufs: media.loudness,
            true_peak_dbtp: media.true_peak,
            warnings: media.warnings.clone(),
        }
    }
}

pub(crate) async fn find<T: DeserializeOwned>(store: &dyn ObjectStore, key: &ObjectKey) -> Result<Option<T>, Problem> {
    let Some(bytes) = store.find(key).await? else { return Ok(None) };
    let found = serde_json::from_slice(&bytes).map_err(|error| VaultError::Malformed {
        place: key.to_string(),
        line: error.line(),
        column: error.column(),
    })?;
    Ok(Some(found))
}
