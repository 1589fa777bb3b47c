//! Divides the narration into beats, each accompanied by one scene.
//!
//! A beat does not depend on its position: its length and the times within it depend only on its own sentences and
//! pauses. The reason for an offer and the part about the product are separate beats, and so is the part of a closing
//! that contains a customer's data. So each beat can be shared, even if the others differ.

use contracts::narration::{Narration, Sentence, Sharing};
use contracts::script::{CatalogueField, OfferShown, Script, Segment, SegmentKind, SentenceSource};

use crate::canvas::{FRAME_RATE, VOICE_START};
use crate::content::SceneContent;
use crate::film::{to_frame, up_to_frame};
use crate::scenes::SceneKind;
use crate::scenes::spec::{Edge, Joints};
use crate::scenes::stage::{COVER_SECONDS, READING_RATE};
use crate::scenes::timeline::SceneTiming;

/// The frames between the start of an offer and its first word.
const LEAD_OF_OFFER: i64 = 6;
/// The same for a beat that continues the picture of the previous one.
const LEAD_IN_SEGMENT: i64 = 4;
/// The frames of a chapter mark, which shows the position among the offers.
const MARK: i64 = 9;
/// The frames between the start of any other beat and its first word. So an offer ends at the same time, whether it is
/// followed by another offer or by the closing.
const LEAD: i64 = MARK + LEAD_OF_OFFER;
/// The minimum length of a beat whose picture the next beat continues: the time that its elements need to enter.
const MIN_SECONDS: f64 = 1.6;
/// Samples of the sound per second. Times within a beat are whole samples, so equal beats have equal times.
const SAMPLES: f64 = 48_000.0;

/// A part of the narration that is accompanied by one scene.
#[derive(Debug)]
pub(super) struct Beat<'a> {
    pub kind: SceneKind,
    /// The start in seconds of the video.
    pub start: f64,
    /// The times within the beat.
    pub timing: SceneTiming,
    pub joints: Joints,
    /// The sentences with times within the beat.
    pub sentences: Vec<Sentence>,
    /// The offer, and its position among the offers.
    pub offer: Option<(usize, &'a OfferShown)>,
    /// The shown claims by their index in the catalog.
    pub claims: Vec<usize>,
    /// The spoken disclosures of the closing.
    pub notes: Vec<Sentence>,
    /// Whether the beat says farewell in the adviser's name.
    pub is_farewell: bool,
    /// Whether the beat is silent and only shows the position among the offers.
    pub is_mark: bool,
    /// Whether the figure enters before a cut.
    pub early_figure: bool,
}

/// A beat whose times are not known yet.
struct Draft<'a> {
    kind: SceneKind,
    sentences: Vec<&'a Sentence>,
    offer: Option<(usize, &'a OfferShown)>,
    /// The shown claims, each with its time in the narration.
    claims: Vec<(usize, f64)>,
    /// The start of the part about the product, in seconds of the narration.
    product: Option<f64>,
    notes: Vec<Sentence>,
    /// Whether the beat continues the picture of the previous one.
    continues: bool,
    is_farewell: bool,
}

impl Draft<'_> {
    fn span(&self) -> f64 {
        let first = self.sentences.first().map_or(0.0, |sentence| sentence.start);
        self.sentences.last().map_or(0.0, |sentence| sentence.end) - first
    }
}

/// Divides the narration into beats without gaps. The first beat is always the opening, and the last ends at `end`.
pub(super) fn divide<'a>(content: &SceneContent<'a>, end: f64) -> Vec<Beat<'a>> {
    let drafts = drafts(content.script, content.narration);
    let count = content.script.offers.len();
    let starts: Vec<Start> = starts(&drafts, count);
    let mut beats = Vec::new();
    for (index, draft) in drafts.iter().enumerate() {
        let Start { at, mark } = starts[index];
        if let Some(mark) = mark {
            beats.push(chapter_mark(mark, at - mark, draft.offer));
        }
        let (next, continues) = match (starts.get(index + 1), drafts.get(index + 1)) {
            (Some(next), Some(draft)) => (next.mark.unwrap_or(next.at), draft.continues),
            _ => (end, false),
        };
        let joints = Joints {
            start: match index {
                0 => Edge::Open,
                _ if draft.continues => Edge::Cut,
                _ => Edge::Covered,
            },
            end: if continues { Edge::Cut } else { Edge::Covered },
        };
        beats.push(beat(draft, at, next - at, joints));
    }
    for index in 1..beats.len() {
        advance_figure(&mut beats[index - 1..=index]);
    }
    beats
}

/// Lets the figure of a product enter while the reason is given, if the part about the product alone is too short to read
/// its terms, and both together are long enough.
fn advance_figure(pair: &mut [Beat<'_>]) {
    /// The times, in seconds after the start of the reason, at which the figure starts to enter and is fully visible.
    const ENTERS: f64 = 1.3;
    const IS_THERE: f64 = 2.1;
    let [reason, product] = pair else { return };
    let Some((_, offer)) = product.offer.filter(|_| product.joints.start == Edge::Cut) else { return };
    let Some(figure) = offer.picture.as_ref().and_then(|picture| picture.figure.as_ref()) else { return };
    let words = [&figure.value, &figure.label, &figure.terms].map(|text| text.split_whitespace().count());
    #[expect(clippy::cast_precision_loss, reason = "words are few")]
    let to_read = words.iter().sum::<usize>() as f64 / READING_RATE;
    let alone = product.timing.seconds - 2.0 * COVER_SECONDS;
    let together = reason.timing.seconds - IS_THERE + product.timing.seconds - COVER_SECONDS;
    if alone < to_read && together >= to_read {
        reason.early_figure = true;
        reason.timing.product = Some(ENTERS);
        product.early_figure = true;
    }
}

/// Rounds a time within a beat to whole samples, because floating-point differences of equal times can differ in their
/// last digits.
fn to_sample(seconds: f64) -> f64 {
    (seconds * SAMPLES).round() / SAMPLES
}

/// Returns a sentence with times within a scene that starts at `start` seconds of the video.
fn within(sentence: &Sentence, start: f64) -> Sentence {
    let local = |at: f64| to_sample(at + VOICE_START - start);
    let words = sentence.words.iter().map(|word| {
        let mut word = word.clone();
        (word.start, word.end) = (local(word.start), local(word.end));
        word
    });
    Sentence {
        segment: 0,
        start: local(sentence.start),
        end: local(sentence.end),
        words: words.collect(),
        sharing: sentence.sharing,
    }
}

/// The sentences that are spoken over the end card, and its start.
pub(super) struct Legal {
    /// The start of the end card in seconds of the video.
    pub start: f64,
    /// The sentences with times within the end card.
    pub sentences: Vec<Sentence>,
}

/// Returns the bank's legal lines, which follow the last segment of the script. The end card starts shortly before them.
/// Without any, it starts `pause` seconds after the narration.
#[expect(clippy::cast_precision_loss, reason = "frames of a video")]
pub(super) fn legal(content: &SceneContent<'_>, pause: f64) -> Legal {
    let count = content.script.segments.len();
    let spoken = content.narration.sentences.iter().filter(|sentence| sentence.segment >= count);
    let lead = LEAD_OF_OFFER as f64 / f64::from(FRAME_RATE);
    let start = spoken.clone().next().map_or_else(
        || up_to_frame(VOICE_START + content.narration.seconds + pause),
        |first| to_frame(VOICE_START + first.start - lead),
    );
    Legal { start, sentences: spoken.map(|sentence| within(sentence, start)).collect() }
}

fn beat<'a>(draft: &Draft<'a>, start: f64, seconds: f64, joints: Joints) -> Beat<'a> {
    let local = |at: f64| to_sample(at + VOICE_START - start);
    let sentences: Vec<Sentence> = draft.sentences.iter().map(|sentence| within(sentence, start)).collect();
    let words = sentences.iter().flat_map(|sentence| &sentence.words);
    let timing = SceneTiming {
        seconds: to_sample(seconds),
        sentences: sentences.iter().map(|sentence| sentence.start).collect(),
        product: draft.product.map(local),
        claims: draft.claims.iter().map(|(_, at)| local(*at)).collect(),
        words: words.map(|word| (word.text.clone(), word.start)).collect(),
    };
    Beat {
        kind: draft.kind,
        start,
        timing,
        joints,
        sentences,
        offer: draft.offer,
        claims: draft.claims.iter().map(|(index, _)| *index).collect(),
        notes: draft.notes.clone(),
        is_farewell: draft.is_farewell,
        is_mark: false,
        early_figure: false,
    }
}

fn chapter_mark(start: f64, seconds: f64, offer: Option<(usize, &OfferShown)>) -> Beat<'_> {
    Beat {
        kind: SceneKind::Offer,
        start,
        timing: SceneTiming { seconds: to_sample(seconds), ..SceneTiming::default() },
        joints: Joints { start: Edge::Covered, end: Edge::Covered },
        sentences: Vec::new(),
        offer,
        claims: Vec::new(),
        notes: Vec::new(),
        is_farewell: false,
        is_mark: true,
        early_figure: false,
    }
}

/// The start of a beat, and of the chapter mark before it, in seconds of the video.
#[derive(Clone, Copy)]
struct Start {
    at: f64,
    mark: Option<f64>,
}

/// Returns the start of each beat. The first one starts with the video, and lasts at least one second.
#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "frames of a video")]
fn starts(drafts: &[Draft<'_>], offers: usize) -> Vec<Start> {
    let rate = f64::from(FRAME_RATE);
    let mut last_end: Option<f64> = None;
    let mut starts = Vec::new();
    for (index, draft) in drafts.iter().enumerate() {
        let first = draft.sentences.first().map_or(0.0, |sentence| to_frame(VOICE_START + sentence.start));
        let gap = last_end.map_or(i64::MAX, |end: f64| ((first - end) * rate + 1e-6).floor() as i64);
        let is_offer = draft.kind == SceneKind::Offer;
        let is_marked = is_offer && !draft.continues && offers > 1 && gap >= LEAD;
        let lead = match (draft.continues, is_offer) {
            (true, _) => LEAD_IN_SEGMENT,
            (false, true) => LEAD_OF_OFFER,
            (false, false) => LEAD,
        };
        let at = first - lead.min(gap.max(0)) as f64 / rate;
        let at = if index == 0 { 0.0 } else { to_frame(at.max(1.0)) };
        starts.push(Start { at, mark: is_marked.then(|| to_frame(at - MARK as f64 / rate)).filter(|_| index > 0) });
        last_end = draft.sentences.last().map(|sentence| VOICE_START + sentence.end).or(last_end);
    }
    starts
}

fn drafts<'a>(script: &'a Script, narration: &'a Narration) -> Vec<Draft<'a>> {
    let empty = |kind| Draft {
        kind,
        sentences: Vec::new(),
        offer: None,
        claims: Vec::new(),
        product: None,
        notes: Vec::new(),
        continues: false,
        is_farewell: false,
    };
    let mut drafts: Vec<Draft<'a>> = vec![empty(SceneKind::Opening)];
    let mut notes: Vec<Sentence> = Vec::new();
    for (index, segment) in script.segments.iter().enumerate() {
        let sentences: Vec<&Sentence> =
            narration.sentences.iter().filter(|sentence| sentence.segment == index).collect();
        if sentences.is_empty() {
            continue;
        }
        let offer =
            script.offers.iter().enumerate().find(|(_, offer)| Some(&offer.product) == segment.product.as_ref());
        let kind = match segment.kind {
            SegmentKind::Greeting => SceneKind::Opening,
            SegmentKind::Offer => SceneKind::Offer,
            SegmentKind::Service => SceneKind::Service,
            SegmentKind::Closing | SegmentKind::Disclosure => SceneKind::Closing,
        };
        // The scene cannot show a product that the script does not describe.
        let kind = if kind == SceneKind::Offer && offer.is_none() { SceneKind::Service } else { kind };
        if segment.kind == SegmentKind::Disclosure {
            notes.extend(sentences.iter().map(|sentence| (*sentence).clone()));
        }
        if let (SceneKind::Offer, Some((_, shown))) = (kind, offer) {
            let claims = claims(segment, &sentences, shown);
            let parts = offer_parts(segment, &sentences);
            drafts.extend(parts.into_iter().enumerate().map(|(number, (sentences, product))| {
                let claims = if product.is_some() { claims.clone() } else { Vec::new() };
                Draft { sentences, offer, claims, product, continues: number > 0, ..empty(kind) }
            }));
            continue;
        }
        let continues_scene = matches!(kind, SceneKind::Opening | SceneKind::Closing)
            && drafts.last().is_some_and(|draft| draft.kind == kind);
        if !continues_scene {
            drafts.push(empty(kind));
        }
        if let Some(draft) = drafts.last_mut() {
            draft.sentences.extend(sentences);
            draft.notes.clone_from(&notes);
        }
    }
    split_closing(&mut drafts, script.adviser.is_some());
    drafts
}

/// Moves the last sentences of a closing to their own beat if they contain a customer's data and the ones before do not.
fn split_closing(drafts: &mut Vec<Draft<'_>>, has_adviser: bool) {
    let Some(closing) = drafts.last_mut().filter(|draft| draft.kind == SceneKind::Closing && has_adviser) else {
        return;
    };
    closing.is_farewell = true;
    let shared = closing.sentences.iter().take_while(|sentence| sentence.sharing == Sharing::Shared).count();
    if shared == 0 || shared == closing.sentences.len() {
        return;
    }
    let farewell = closing.sentences.split_off(shared);
    if closing.span() < MIN_SECONDS {
        closing.sentences.extend(farewell);
        return;
    }
    closing.is_farewell = false;
    let draft = Draft {
        kind: SceneKind::Closing,
        sentences: farewell,
        offer: None,
        claims: Vec::new(),
        product: None,
        notes: closing.notes.clone(),
        continues: true,
        is_farewell: true,
    };
    drafts.push(draft);
}

type OfferPart<'a> = (Vec<&'a Sentence>, Option<f64>);

/// Divides the sentences of an offer: one part for each line, and one for the catalog's texts, with the time at which it
/// starts.
fn offer_parts<'a>(segment: &Segment, sentences: &[&'a Sentence]) -> Vec<OfferPart<'a>> {
    let mut parts: Vec<OfferPart<'a>> = Vec::new();
    let mut remaining = sentences;
    for (index, part) in segment.parts.iter().enumerate() {
        let is_product = matches!(part.source, SentenceSource::Catalogue { .. });
        let is_last = index + 1 == segment.parts.len();
        let words = part.text.split_whitespace().count();
        let mut counted = 0;
        let take = remaining.iter().take_while(|sentence| {
            let is_within = counted < words;
            counted += sentence.words.len();
            is_within
        });
        let count = if is_last { remaining.len() } else { take.count() };
        let (own, rest) = remaining.split_at(count);
        remaining = rest;
        let Some(first) = own.first() else { continue };
        let continues_product = is_product && parts.last().is_some_and(|(_, product)| product.is_some());
        match parts.last_mut() {
            Some((before, product)) if continues_product || (product.is_none() && span(before) < MIN_SECONDS) => {
                before.extend(own);
                if is_product && product.is_none() {
                    *product = Some(first.start);
                }
            }
            _ => parts.push((own.to_vec(), is_product.then_some(first.start))),
        }
    }
    if parts.is_empty() {
        // If there are no sources, assume that the second sentence is the one about the product.
        let second = sentences.get(1).or(sentences.first()).map(|sentence| sentence.start);
        return vec![(sentences.to_vec(), second)];
    }
    // A line after the catalog's texts belongs to the same beat.
    let product = parts.iter().position(|(_, product)| product.is_some());
    if let Some(product) = product {
        let rest: Vec<&Sentence> = parts.drain(product + 1..).flat_map(|(sentences, _)| sentences).collect();
        parts[product].0.extend(rest);
    } else if let Some((last, product)) = parts.last_mut() {
        *product = last.first().map(|sentence| sentence.start);
    }
    parts
}

fn span(sentences: &[&Sentence]) -> f64 {
    let first = sentences.first().map_or(0.0, |sentence| sentence.start);
    sentences.last().map_or(0.0, |sentence| sentence.end) - first
}

/// Returns the claims that a scene shows, each with its time in the narration. A spoken claim enters with its sentence.
/// A claim that is not spoken enters after the last sentence about the product has begun, if there is time to read it.
fn claims(segment: &Segment, sentences: &[&Sentence], offer: &OfferShown) -> Vec<(usize, f64)> {
    const SHOWN: usize = 2;
    const AFTER: f64 = 1.4;
    const TO_READ: f64 = 1.8;
    let mut claims: Vec<(usize, f64)> = Vec::new();
    let mut words_before = 0;
    for part in &segment.parts {
        if let SentenceSource::Catalogue { field: CatalogueField::ApprovedClaim(index), .. } = part.source {
            let mut passed = 0;
            let sentence = sentences.iter().find(|sentence| {
                passed += sentence.words.len();
                passed > words_before
            });
            claims.extend(sentence.map(|sentence| (index, sentence.start)));
        }
        words_before += part.text.split_whitespace().count();
    }
    // The legal lines of the product follow the segment's own text.
    let mut passed = 0;
    let own = sentences.iter().take_while(|sentence| {
        let is_own = words_before == 0 || passed < words_before;
        passed += sentence.words.len();
        is_own
    });
    let (Some(own), Some(last)) = (own.last(), sentences.last()) else { return claims };
    let available = offer.picture.as_ref().map_or(0, |picture| picture.claims.len());
    let mut at = own.start + AFTER;
    for index in 0..available {
        let is_spoken = claims.iter().any(|(spoken, _)| *spoken == index);
        if !is_spoken && claims.len() < SHOWN && at + TO_READ <= last.end {
            claims.push((index, at));
            at += AFTER;
        }
    }
    claims
}
