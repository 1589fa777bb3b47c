//! Decides the outcome of a customer's part of the run.

use std::collections::BTreeMap;

use contracts::Digest;
use contracts::customer_page::{CustomerPage, PageSources};
use contracts::evidence::{MadeBy, Outcome, PersonalEvidence, PhrasebookUsed};
use contracts::facts::{Assessment, Facts, Skip};
use contracts::key::Artefact;
use contracts::media::MediaFacts;
use contracts::narration::Narration;
use contracts::request::Request;
use contracts::review::{Decision, PendingReview, ReviewChoice, ReviewReason, ReviewRecord, ReviewedDigests};
use contracts::script::{FREE_TEXT, OfferShown, Script, WrittenBy};
use contracts::text::recommendation_text;
use jiff::tz::TimeZone;
use policy::contact_cap;
use policy::review::{find_decision, review_reason};

use crate::Deps;
use crate::artefacts::{check_media, read_narration, write_words};
use crate::contact::{Blocked, find_block, is_outdated};
use crate::error::Error;
use crate::place::{Place, json};

/// The sealed artifacts that stages pass to each other.
pub const SEALED: [Artefact; 4] = [Artefact::Facts, Artefact::Script, Artefact::NarrationAudio, Artefact::Cues];

/// An outcome, with all the data that goes into its evidence.
pub struct Ending {
    pub outcome: Outcome,
    pub artefacts: BTreeMap<Artefact, Digest>,
    pub made_by: Option<MadeBy>,
    pub media: Option<MediaFacts>,
    pub from_posts: bool,
    pub review: Option<ReviewRecord>,
    pub personal: PersonalEvidence,
}

/// The state of a customer's part of the run after [`decide`].
#[expect(clippy::large_enum_variant, reason = "one value exists at a time, and the caller immediately takes it apart")]
pub enum Disposition {
    /// The outcome is final.
    Final(Ending),
    /// A reviewer must decide first.
    InReview(PendingReview),
}

/// Decides the outcome. If a result is to be published, checks its artifacts and writes its text.
pub async fn decide(deps: &Deps<'_>, place: Place<'_>, request: &Request, video: bool) -> Result<Disposition, Error> {
    let (assessment, digest) = deps.vault.read_json(place.owner(), &place.key(Artefact::Facts)).await?;
    let artefacts = BTreeMap::from([(Artefact::Facts, digest)]);
    match assessment {
        Assessment::Skip { skip, consent } => Ok(Disposition::Final(Ending {
            outcome: Outcome::Skipped { skip: skip.plain() },
            artefacts,
            made_by: None,
            media: None,
            from_posts: false,
            review: None,
            personal: PersonalEvidence {
                consent,
                skip: (skip != skip.plain()).then_some(skip),
                facts: None,
                script: None,
                decision: None,
            },
        })),
        Assessment::Proceed(facts) => proceed(deps, place, request, video, facts, artefacts).await,
        Assessment::HeldOut(facts) => hold_out(deps, place, request, facts, artefacts).await.map(Disposition::Final),
    }
}

/// Returns the ending for a customer in the control group: their ranking, and no text, speech, video or link.
async fn hold_out(
    deps: &Deps<'_>,
    place: Place<'_>,
    request: &Request,
    mut facts: Facts,
    artefacts: BTreeMap<Artefact, Digest>,
) -> Result<Ending, Error> {
    // The reasons that exclude a treated customer also exclude a customer in the control group, so the groups stay
    // comparable.
    if let Some(blocked) = find_block(deps, place, request, &mut facts).await? {
        return skip(deps, place, blocked, facts, None).await;
    }
    Ok(Ending {
        outcome: Outcome::HeldOut,
        artefacts,
        made_by: None,
        media: None,
        from_posts: facts.mood.is_some(),
        review: None,
        personal: PersonalEvidence {
            consent: facts.consent.clone(),
            skip: None,
            facts: Some(facts),
            script: None,
            decision: None,
        },
    })
}

/// Returns the ending for a customer who withdrew consent while a stage was running. Returns `None` if contact is
/// allowed again, or if the assessment had already excluded the customer.
pub async fn withdrawn(deps: &Deps<'_>, place: Place<'_>, request: &Request) -> Result<Option<Ending>, Error> {
    let (assessment, _) = deps.vault.read_json(place.owner(), &place.key(Artefact::Facts)).await?;
    let Assessment::Proceed(mut facts) = assessment else { return Ok(None) };
    match find_block(deps, place, request, &mut facts).await? {
        Some(blocked) => skip(deps, place, blocked, facts, None).await.map(Some),
        None => Ok(None),
    }
}

async fn proceed(
    deps: &Deps<'_>,
    place: Place<'_>,
    request: &Request,
    video: bool,
    mut facts: Facts,
    artefacts: BTreeMap<Artefact, Digest>,
) -> Result<Disposition, Error> {
    // Check this first: if the customer has opted out in the meantime, later artifacts may be missing.
    if let Some(blocked) = find_block(deps, place, request, &mut facts).await? {
        return Ok(Disposition::Final(skip(deps, place, blocked, facts, None).await?));
    }
    let result = collect(deps, place, video, artefacts).await?;
    let decision = match find_review(deps, place, &result, &facts).await? {
        Review::NotNeeded => None,
        Review::Pending(pending) => return Ok(Disposition::InReview(pending)),
        Review::Decided(decided) => Some(decided),
    };
    // Check again as late as possible.
    let blocked = find_block(deps, place, request, &mut facts).await?;
    let by_decision = match decision.as_ref().map(|decided| decided.decision.choice) {
        Some(ReviewChoice::Reject) => Some(Skip::Rejected),
        // A review may take days, and a newer upload may contain different data about the customer.
        Some(ReviewChoice::Approve) if is_outdated(deps, place).await? => Some(Skip::Outdated),
        Some(ReviewChoice::Approve) | None => None,
    };
    if let Some(blocked) = blocked.or(by_decision.map(Blocked::because)) {
        return Ok(Disposition::Final(skip(deps, place, blocked, facts, decision).await?));
    }
    let days = request.at_most_every_days;
    if !contact_cap::reserve(deps.vault.store(), place.reference, place.run, days, deps.now).await? {
        let blocked = Blocked::because(Skip::HeardLately);
        return Ok(Disposition::Final(skip(deps, place, blocked, facts, decision).await?));
    }
    publish(deps, place, result, facts, decision).await.map(Disposition::Final)
}

/// A result that has passed all checks of its artifacts and can be published or reviewed.
struct Collected {
    script: Script,
    text: String,
    video: bool,
    artefacts: BTreeMap<Artefact, Digest>,
    made_by: MadeBy,
    media: Option<MediaFacts>,
    narration: Option<Narration>,
}

/// Reads and checks the artifacts of the earlier stages.
async fn collect(
    deps: &Deps<'_>,
    place: Place<'_>,
    video: bool,
    mut artefacts: BTreeMap<Artefact, Digest>,
) -> Result<Collected, Error> {
    let (script, digest): (Script, _) = deps.vault.read_json(place.owner(), &place.key(Artefact::Script)).await?;
    artefacts.insert(Artefact::Script, digest);
    if !script.verdict.passed() {
        return Err(Error::NotPassed { key: place.key(Artefact::Script).to_string() });
    }
    check_products(deps, place, &script)?;
    let mut made_by = made_by(&script.written_by);
    let mut media = None;
    let mut narration = None;
    if video {
        let spoken = read_narration(deps.vault, place, &mut artefacts).await?;
        made_by.voice = Some(format!("{} {}", spoken.engine, spoken.voice));
        made_by.voice_instead_of.clone_from(&spoken.instead_of);
        for (service, fields) in &spoken.outside {
            made_by.outside.entry(service.clone()).or_default().extend(fields.iter().cloned());
        }
        narration = Some(spoken);
        media = Some(check_media(deps.vault, place, &mut artefacts).await?);
    }
    let text = recommendation_text(&script, deps.catalogue, deps.brand, place.run, video);
    Ok(Collected { script, text, video, artefacts, made_by, media, narration })
}

async fn publish(
    deps: &Deps<'_>,
    place: Place<'_>,
    result: Collected,
    facts: Facts,
    decision: Option<Decided>,
) -> Result<Ending, Error> {
    let Collected { script, text, video, mut artefacts, made_by, media, narration } = result;
    let page = CustomerPage::of(PageSources {
        facts: &facts,
        script: &script,
        narration: narration.as_ref(),
        catalogue: deps.catalogue,
        brand: deps.brand,
    });
    for (artefact, content) in [(Artefact::Text, text.into_bytes()), (Artefact::Page, json(&page))] {
        artefacts.insert(artefact, write_words(deps.vault, place, artefact, content).await?);
    }
    let from_posts = facts.mood.is_some();
    let (review, decision) = split_decision(decision);
    let consent = facts.consent.clone();
    Ok(Ending {
        outcome: Outcome::Published { video },
        artefacts,
        made_by: Some(made_by),
        media,
        from_posts,
        review,
        personal: PersonalEvidence { consent, skip: None, facts: Some(facts), script: Some(script), decision },
    })
}

/// The state of a result's review.
enum Review {
    NotNeeded,
    Pending(PendingReview),
    Decided(Decided),
}

/// A decision, the reason for the review, and the digest of the sealed decision.
struct Decided {
    why: ReviewReason,
    decision: Decision,
    sealed: Digest,
}

/// Determines whether the result needs a review, and finds the decision if there is one. Fails if the decision was made
/// about different text or a different video.
async fn find_review(deps: &Deps<'_>, place: Place<'_>, result: &Collected, facts: &Facts) -> Result<Review, Error> {
    let Some(why) = find_review_reason(deps, place, &result.script).await? else { return Ok(Review::NotNeeded) };
    let seen =
        ReviewedDigests { text: Digest::of(result.text.as_bytes()), artefacts: reviewed_files(&result.artefacts) };
    match find_decision(deps.vault, place.run, place.reference).await? {
        Some((decision, sealed)) if decision.seen == seen => Ok(Review::Decided(Decided { why, decision, sealed })),
        Some(_) => Err(Error::NotAsReviewed { key: place.decision().to_string() }),
        None => Ok(Review::Pending(PendingReview {
            run: place.run.clone(),
            reference: place.reference.clone(),
            why,
            since: deps.now,
            video: result.video,
            from_posts: facts.mood.is_some(),
            seen,
        })),
    }
}

/// Returns the files among `artefacts` that a reviewer sees.
fn reviewed_files(artefacts: &BTreeMap<Artefact, Digest>) -> BTreeMap<Artefact, Digest> {
    let media = [Artefact::Video, Artefact::Captions, Artefact::Poster, Artefact::Preview];
    artefacts
        .iter()
        .filter(|(artefact, _)| media.contains(artefact))
        .map(|(&artefact, &digest)| (artefact, digest))
        .collect()
}

/// Returns the reason why the result needs a review, or `None` if it does not.
async fn find_review_reason(deps: &Deps<'_>, place: Place<'_>, script: &Script) -> Result<Option<ReviewReason>, Error> {
    if let Some(review) = &script.text_review {
        return Ok(Some(match review.why.as_str() {
            FREE_TEXT => ReviewReason::FreeText,
            why => ReviewReason::TemplateText { what: why.to_owned() },
        }));
    }
    let keys = deps.vault.keys();
    let store = deps.vault.store();
    Ok(review_reason(deps.settings.review, place.run, place.reference, keys, store).await?)
}

/// Splits a decision into its plain part and its sealed part, as the evidence stores them.
fn split_decision(decision: Option<Decided>) -> (Option<ReviewRecord>, Option<Decision>) {
    match decision {
        Some(Decided { why, decision, sealed }) => (Some(ReviewRecord::of(why, &decision, sealed)), Some(decision)),
        None => (None, None),
    }
}

/// Returns the ending of a result that must not be published. If posts contributed and the customer has withdrawn
/// consent to use them, the evidence contains neither facts nor text, and [`crate::outcome::settle`] deletes the
/// artifacts.
async fn skip(
    deps: &Deps<'_>,
    place: Place<'_>,
    blocked: Blocked,
    facts: Facts,
    decision: Option<Decided>,
) -> Result<Ending, Error> {
    let Blocked { skip, posts_withdrawn } = blocked;
    let mut artefacts = BTreeMap::new();
    for artefact in SEALED {
        if let Some(sealed) = deps.vault.store().find(&place.key(artefact)).await? {
            artefacts.insert(artefact, Digest::of(&sealed));
        }
    }
    let mut script: Option<Script> = None;
    if artefacts.contains_key(&Artefact::Script) {
        script = Some(deps.vault.read_json(place.owner(), &place.key(Artefact::Script)).await?.0);
    }
    // Even without a result, the evidence lists the model service that received facts.
    let made_by = script.as_ref().map(|script| made_by(&script.written_by));
    let (review, decision) = split_decision(decision);
    let consent = facts.consent.clone();
    let mut personal = PersonalEvidence { consent, skip: None, facts: Some(facts), script, decision };
    if posts_withdrawn {
        artefacts.clear();
        personal.facts = None;
        personal.script = None;
    }
    Ok(Ending {
        outcome: Outcome::Skipped { skip },
        artefacts,
        made_by,
        media: None,
        from_posts: false,
        review,
        personal,
    })
}

/// Checks that every product in the script matches the catalog and may be offered today.
fn check_products(deps: &Deps<'_>, place: Place<'_>, script: &Script) -> Result<(), Error> {
    let catalogue = deps.catalogue.in_language(script.language);
    let as_in_catalogue = |offer: &&OfferShown| {
        catalogue.product(&offer.product).is_some_and(|product| {
            product.name == offer.name
                && product.category.name() == offer.category
                && product.rates_and_terms == offer.rates_and_terms
        })
    };
    if let Some(offer) = script.offers.iter().find(|offer| !as_in_catalogue(offer)) {
        let key = place.key(Artefact::Script).to_string();
        return Err(Error::OtherProduct { key, product: offer.product.clone() });
    }
    let today = deps.now.to_zoned(TimeZone::UTC).date();
    let offered_today =
        |offer: &&OfferShown| deps.catalogue.product(&offer.product).is_some_and(|product| product.is_valid_on(today));
    match script.offers.iter().find(|offer| !offered_today(offer)) {
        Some(offer) => Err(Error::Expired { product: offer.product.clone() }),
        None => Ok(()),
    }
}

/// Returns the writer of the text, and the model service that received data. The caller adds the voice.
fn made_by(written_by: &WrittenBy) -> MadeBy {
    let (writer, phrasebook) = match written_by {
        WrittenBy::Phrases { book, language, version, selected_by, .. } => {
            let phrasebook = PhrasebookUsed {
                digest: *book,
                language: language.clone(),
                version: version.clone(),
                selected_by: selected_by.as_ref().map(|selection| selection.model.clone()),
            };
            ("phrases".to_owned(), Some(phrasebook))
        }
        WrittenBy::Template { .. } => ("template".to_owned(), None),
        WrittenBy::Model { model, .. } => (model.clone(), None),
    };
    // A model service whose answer was rejected still received the facts.
    let given = written_by.given();
    MadeBy {
        writer,
        phrasebook,
        instead_of_model: written_by.instead_of_model().map(|instead| instead.why.clone()),
        usage: given.as_ref().map(|given| given.usage),
        outside: given.map(|given| (given.service, given.fields)).into_iter().collect(),
        voice: None,
        voice_instead_of: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use contracts::script::{InsteadOfModel, LineSelection, SentData, Usage, WishAsUnderstood};

    use super::*;

    #[test]
    fn rejected_model_text_still_records_its_service() {
        let given = SentData {
            service: "https://model.example/v1".to_owned(),
            fields: vec!["offers".to_owned()],
            usage: Usage::default(),
        };
        let instead = InsteadOfModel { why: "the guard found: rates".to_owned(), given: Some(given) };
        let made_by = made_by(&WrittenBy::Template { instead_of_model: Some(instead) });
        assert_eq!(made_by.writer, "template");
        assert_eq!(made_by.outside["https://model.example/v1"], ["offers"]);
        assert_eq!(made_by.instead_of_model.as_deref(), Some("the guard found: rates"));
        assert_eq!(made_by.usage, Some(Usage::default()));
    }

    #[test]
    fn evidence_records_the_phrasebook_and_the_selecting_model() {
        let given = SentData {
            service: "https://model.example/v1".to_owned(),
            fields: vec!["offers".to_owned()],
            usage: Usage::default(),
        };
        let selection = LineSelection { model: "small".to_owned(), given, prompt: Digest::of(b"prompt") };
        let made_by = made_by(&WrittenBy::Phrases {
            book: Digest::of(b"book"),
            language: "en".to_owned(),
            version: "7".to_owned(),
            wish: WishAsUnderstood::default(),
            selected_by: Some(selection),
            instead_of_model: None,
        });
        assert_eq!((made_by.writer.as_str(), made_by.instead_of_model), ("phrases", None));
        let phrasebook = made_by.phrasebook.unwrap();
        assert_eq!((phrasebook.version.as_str(), phrasebook.selected_by.as_deref()), ("7", Some("small")));
        assert_eq!(made_by.outside["https://model.example/v1"], ["offers"]);
    }
}
