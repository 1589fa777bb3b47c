//! Plans the film: divides a script into scenes, and determines the content and timing of each.

use std::collections::BTreeMap;

use contracts::catalogue::ProductPicture;
use contracts::narration::{Narration, Sentence};
use contracts::script::{CatalogueField, OfferShown, Segment, SegmentKind, SentenceSource};

use crate::canvas::{FRAME_RATE, Placement, VOICE_START};
use crate::caption_track;
use crate::content::SceneContent;
use crate::error::Error;
use crate::layout::Frame;
use crate::scenes::SceneKind;
use crate::scenes::kit::SceneKit;
use crate::scenes::raster::paginate;
use crate::scenes::stage::{DrawOptions, DrawnScene, Joints, Picture, READING_RATE, SceneSpec, draw};
use crate::scenes::template::LayerKind;
use crate::scenes::timeline::SceneTiming;

/// The pause between the narration and the end card in seconds.
const PAUSE_SECONDS: f64 = 0.7;
/// The minimum duration of an end card in seconds.
const MIN_END_SECONDS: f64 = 5.0;
/// The time that an end card takes to appear and to fade out, in seconds.
const END_MOTION_SECONDS: f64 = 1.2;

/// The visual content of a whole video.
#[derive(Debug)]
pub struct Film {
    /// The captions as an ASS document.
    pub document: String,
    /// All text and pictures.
    pub placements: Vec<Placement>,
    /// The content of each scene.
    pub specs: Vec<SceneSpec>,
    /// The scenes in order, without gaps.
    pub scenes: Vec<DrawnScene>,
    /// The length of the video in seconds. It is a whole number of frames.
    pub seconds: f64,
    /// The start of the first end card in seconds.
    pub end_card: f64,
    /// The time of the poster in seconds: within the first offer, or in the opening.
    pub poster: f64,
    /// The start of the preview in seconds: the moment at which the whole name is visible.
    pub preview: f64,
}

/// Rounds a time to a whole number of frames.
fn to_frame(seconds: f64) -> f64 {
    (seconds * f64::from(FRAME_RATE)).round() / f64::from(FRAME_RATE)
}

/// Rounds a time up to a whole number of frames.
fn up_to_frame(seconds: f64) -> f64 {
    (seconds * f64::from(FRAME_RATE) - 1e-6).ceil() / f64::from(FRAME_RATE)
}

/// Divides the script into scenes and draws them.
pub fn compose(kit: &SceneKit, content: &SceneContent<'_>, frame: &Frame, options: DrawOptions) -> Result<Film, Error> {
    let specs = specs(kit, content);
    let scenes: Vec<DrawnScene> = specs.iter().map(|spec| draw(kit, spec, options)).collect::<Result<_, _>>()?;
    let mut placements: Vec<Placement> = scenes.iter().flat_map(DrawnScene::placements).collect();
    let captions = caption_track::compose(&kit.fonts, &kit.palette, content, frame);
    placements.extend(captions.placements);
    let seconds = specs.last().map_or(0.0, |spec| spec.start + spec.timing.seconds);
    let end_card = specs.iter().find(|spec| spec.kind == SceneKind::End).map_or(seconds, |spec| spec.start);
    let poster = poster(&specs, &scenes);
    let preview = scenes.first().and_then(|scene| scene.entered("name")).unwrap_or(0.0);
    Ok(Film { document: captions.document, placements, specs, scenes, seconds, end_card, poster, preview })
}

/// Returns the moment at which the most elements of the first offer are visible, or the end of the opening.
fn poster(specs: &[SceneSpec], scenes: &[DrawnScene]) -> f64 {
    let mut offers = specs.iter().zip(scenes).filter(|(spec, _)| spec.kind != SceneKind::Opening);
    offers.next().map(|(_, scene)| scene).or(scenes.first()).map_or(0.0, DrawnScene::fullest)
}

/// Returns the scenes of a script.
fn specs(kit: &SceneKit, content: &SceneContent<'_>) -> Vec<SceneSpec> {
    let mut parts = parts(content);
    let spoken_end = VOICE_START + content.narration.seconds;
    let end_card = up_to_frame(spoken_end + PAUSE_SECONDS);
    let starts: Vec<f64> = parts.iter().map(|part| part.start).chain([end_card]).collect();
    let mut specs = Vec::new();
    for (index, part) in parts.drain(..).enumerate() {
        let seconds = starts[index + 1] - starts[index];
        let (texts, pictures) = slots(content, &part);
        specs.push(SceneSpec {
            kind: part.kind,
            start: part.start,
            timing: part.timing(seconds),
            texts,
            pictures,
            joints: Joints { covered_start: index > 0, covered_end: true },
        });
    }
    specs.extend(end_cards(kit, content, end_card));
    specs
}

/// A part of the narration that one scene accompanies.
struct Part<'a> {
    kind: SceneKind,
    start: f64,
    sentences: Vec<&'a Sentence>,
    offer: Option<(usize, &'a OfferShown)>,
    /// The claims to show. Each has its index in the catalog and the time at which it enters, in seconds of the narration.
    claims: Vec<(usize, f64)>,
    /// The spoken disclosures.
    notes: Vec<String>,
}

impl Part<'_> {
    fn timing(&self, seconds: f64) -> SceneTiming {
        let local = |at: f64| at + VOICE_START - self.start;
        let words = self.sentences.iter().flat_map(|sentence| &sentence.words);
        SceneTiming {
            seconds,
            sentences: self.sentences.iter().map(|sentence| local(sentence.start)).collect(),
            claims: self.claims.iter().map(|(_, at)| local(*at)).collect(),
            words: words.map(|word| (word.text.clone(), local(word.start))).collect(),
        }
    }
}

/// Divides the narration into parts. The first one is always the opening.
fn parts<'a>(content: &SceneContent<'a>) -> Vec<Part<'a>> {
    let SceneContent { script, narration, .. } = *content;
    let empty =
        |kind, start| Part { kind, start, sentences: Vec::new(), offer: None, claims: Vec::new(), notes: Vec::new() };
    let mut parts = vec![empty(SceneKind::Opening, 0.0)];
    let mut last_end: f64 = 0.0;
    let mut notes = Vec::new();
    for (index, segment) in script.segments.iter().enumerate() {
        let sentences = sentences_of(narration, index);
        let (Some(first), Some(last)) = (sentences.first(), sentences.last()) else { continue };
        let offer =
            script.offers.iter().enumerate().find(|(_, offer)| Some(&offer.product) == segment.product.as_ref());
        let kind = match segment.kind {
            SegmentKind::Greeting => SceneKind::Opening,
            SegmentKind::Offer => SceneKind::Offer,
            SegmentKind::Service => SceneKind::Service,
            SegmentKind::Closing | SegmentKind::Disclosure => SceneKind::Closing,
        };
        // Skip a product that the script does not describe.
        let kind = if kind == SceneKind::Offer && offer.is_none() { SceneKind::Service } else { kind };
        let continues = matches!(kind, SceneKind::Opening | SceneKind::Closing)
            && parts.last().is_some_and(|part: &Part<'_>| part.kind == kind);
        if !continues {
            let start = to_frame(VOICE_START + f64::midpoint(last_end, first.start)).max(1.0);
            parts.push(empty(kind, start));
        }
        last_end = last.end;
        if segment.kind == SegmentKind::Disclosure {
            notes.push(segment.text.clone());
        }
        let Some(part) = parts.last_mut() else { continue };
        if kind == SceneKind::Closing {
            part.notes.clone_from(&notes);
        }
        part.claims = offer.map_or_else(Vec::new, |(_, offer)| claims(segment, &sentences, offer));
        part.sentences.extend(sentences);
        part.offer = offer;
    }
    parts
}

fn sentences_of(narration: &Narration, segment: usize) -> Vec<&Sentence> {
    narration.sentences.iter().filter(|sentence| sentence.segment == segment).collect()
}

/// Returns the claims that a scene shows, each with the time at which it enters. A spoken claim enters with its sentence. A
/// claim that is not spoken enters after the last sentence has begun, if viewers have time to read it.
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
    let Some(last) = sentences.last() else { return claims };
    let available = offer.picture.as_ref().map_or(0, |picture| picture.claims.len());
    let mut at = last.start + AFTER;
    for index in 0..available {
        let is_spoken = claims.iter().any(|(spoken, _)| *spoken == index);
        if !is_spoken && claims.len() < SHOWN && at + TO_READ <= last.end {
            claims.push((index, at));
            at += AFTER;
        }
    }
    claims
}

/// Returns the text that the video shows for a product. Scripts from older versions have only its name.
fn picture_of(offer: &OfferShown) -> ProductPicture {
    offer.picture.clone().unwrap_or_else(|| ProductPicture {
        customer_name: offer.name.clone(),
        headline: offer.name.clone(),
        art: "account".to_owned(),
        figure: None,
        claims: Vec::new(),
        disclosures: Vec::new(),
    })
}

type Slots = (BTreeMap<&'static str, String>, BTreeMap<&'static str, Picture>);

/// Returns the text and pictures for a scene's slots.
fn slots(content: &SceneContent<'_>, part: &Part<'_>) -> Slots {
    let brand = content.brand;
    let mut texts = BTreeMap::from([("privacy", brand.privacy_mark.clone())]);
    let mut pictures = BTreeMap::from([("logo", Picture::Logo)]);
    match part.kind {
        SceneKind::Opening => opening(content, &mut texts, &mut pictures),
        SceneKind::Offer => {
            if let Some((index, offer)) = part.offer {
                let count = content.script.offers.len();
                offer_slots(content, offer, &part.claims, (&mut texts, &mut pictures));
                if count > 1 {
                    pictures.insert("progress", Picture::Progress { current: index + 1, count });
                }
            }
        }
        SceneKind::Service => {
            texts.insert("headline", brand.service_headline.clone());
            texts.insert("bank", brand.name.clone());
            pictures.insert("mark", Picture::Mark);
        }
        SceneKind::Closing => {
            let adviser = content.script.adviser.as_ref();
            match adviser {
                Some(name) => {
                    texts.insert("monogram", monogram(name));
                    texts.insert("adviser-title", brand.adviser_title.clone().unwrap_or_else(|| brand.name.clone()));
                }
                None => {
                    pictures.insert("mark", Picture::Mark);
                }
            }
            texts.insert("adviser", adviser.unwrap_or(&brand.name).clone());
            texts.insert("web", shown_address(&brand.web).to_owned());
            texts.insert("action", brand.action.clone());
            texts.insert("note", part.notes.join(" "));
            pictures.insert("qr", Picture::Qr(brand.web.clone()));
        }
        SceneKind::End => {}
    }
    (texts, pictures)
}

fn opening(
    content: &SceneContent<'_>,
    texts: &mut BTreeMap<&'static str, String>,
    pictures: &mut BTreeMap<&'static str, Picture>,
) {
    /// The slots for the text and drawings of up to three offers.
    const SLOTS: [(&str, &str); 3] = [("idea-1", "art-1"), ("idea-2", "art-2"), ("idea-3", "art-3")];
    texts.insert("for", "For".to_owned());
    texts.insert("name", content.script.first_name.clone());
    texts.insert("bank", content.brand.name.clone());
    pictures.insert("mark", Picture::Mark);
    // A single idea is placed in the middle.
    let first = usize::from(content.script.offers.len() == 1);
    for ((idea, art), offer) in SLOTS.into_iter().skip(first).zip(&content.script.offers) {
        let picture = picture_of(offer);
        texts.insert(idea, picture.customer_name.clone());
        pictures.insert(art, art_picture(content, &picture));
    }
}

fn art_picture(content: &SceneContent<'_>, picture: &ProductPicture) -> Picture {
    Picture::Art { name: picture.art.clone(), product: picture.customer_name.clone(), bank: content.brand.name.clone() }
}

fn offer_slots(
    content: &SceneContent<'_>,
    offer: &OfferShown,
    shown: &[(usize, f64)],
    (texts, pictures): (&mut BTreeMap<&'static str, String>, &mut BTreeMap<&'static str, Picture>),
) {
    let picture = picture_of(offer);
    pictures.insert("art", art_picture(content, &picture));
    if picture.customer_name != picture.headline {
        texts.insert("product", picture.customer_name);
    }
    texts.insert("headline", picture.headline);
    let claims = shown.iter().filter_map(|(index, _)| picture.claims.get(*index));
    for (slot, claim) in ["claim-1", "claim-2", "claim-3"].into_iter().zip(claims) {
        texts.insert(slot, claim.trim_end_matches('.').to_owned());
    }
    if let Some(figure) = picture.figure {
        texts.insert("figure-value", figure.value);
        texts.insert("figure-label", figure.label);
        texts.insert("figure-terms", figure.terms);
    }
    texts.insert("note", picture.disclosures.join(" "));
}

/// Returns the first letters of up to two words of a name.
fn monogram(name: &str) -> String {
    use unicode_segmentation::UnicodeSegmentation as _;
    let words: Vec<&str> = name.split_whitespace().filter(|word| word.starts_with(char::is_alphabetic)).collect();
    let first = words.first().into_iter();
    let last = words.last().filter(|_| words.len() > 1).into_iter();
    first.chain(last).filter_map(|word| word.graphemes(true).next()).collect::<String>().to_uppercase()
}

/// Returns an address without its scheme. Viewers can read it but not click it.
fn shown_address(web: &str) -> &str {
    web.trim_start_matches("https://").trim_start_matches("http://").trim_start_matches("www.").trim_end_matches('/')
}

/// Returns the legal lines, each with the products that it applies to, followed by the opt-out and the voice notice.
pub(crate) fn legal_lines(content: &SceneContent<'_>) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in &content.script.disclosures {
        let products = content.script.offers.iter().map(picture_of);
        let products = products.filter(|picture| picture.disclosures.contains(line));
        let names: Vec<String> = products.map(|picture| picture.customer_name).collect();
        let line = if names.is_empty() { line.clone() } else { format!("{}: {line}", names.join(", ")) };
        lines.push(line);
    }
    for line in [&content.brand.opt_out, &content.brand.voice_notice] {
        if !line.trim().is_empty() && !lines.contains(line) {
            lines.push(line.clone());
        }
    }
    lines
}

/// Returns as many end cards as the legal lines need.
fn end_cards(kit: &SceneKit, content: &SceneContent<'_>, start: f64) -> Vec<SceneSpec> {
    let brand = content.brand;
    let lines = legal_lines(content);
    let (template, _) = kit.scene(SceneKind::End);
    let pages = match template.layer("notices").map(|layer| &layer.kind) {
        Some(LayerKind::Text(text_box)) => paginate(&kit.fonts, text_box, &lines),
        _ => vec![lines.join("\n")],
    };
    let names: Vec<String> = content.script.offers.iter().map(|offer| picture_of(offer).customer_name).collect();
    let count = pages.len();
    let mut now = start;
    let mut specs = Vec::new();
    for (index, page) in pages.into_iter().enumerate() {
        let mut texts = BTreeMap::from([
            ("privacy", brand.privacy_mark.clone()),
            ("action", brand.action.clone()),
            ("web", shown_address(&brand.web).to_owned()),
            ("notices", page),
        ]);
        if !names.is_empty() {
            texts.insert("products", names.join("\n"));
        }
        #[expect(clippy::cast_precision_loss, reason = "words are few")]
        let words = texts["notices"].split_whitespace().count() as f64;
        let seconds = up_to_frame((words / READING_RATE).max(MIN_END_SECONDS) + END_MOTION_SECONDS);
        let pictures = BTreeMap::from([("logo-large", Picture::Logo), ("qr", Picture::Qr(brand.web.clone()))]);
        let timing = SceneTiming { seconds, ..SceneTiming::default() };
        let joints = Joints { covered_start: true, covered_end: index + 1 < count };
        specs.push(SceneSpec { kind: SceneKind::End, start: now, timing, texts, pictures, joints });
        now += seconds;
    }
    specs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn monogram_is_the_first_letter_of_the_first_and_last_word() {
        assert_eq!(monogram("Helen Marsh"), "HM");
        assert_eq!(monogram("dana van der Berg"), "DB");
        assert_eq!(monogram("李娜"), "李");
        assert_eq!(monogram("  "), "");
    }

    #[test]
    fn address_is_shown_without_scheme() {
        assert_eq!(shown_address("https://www.meridian.example/"), "meridian.example");
    }
}
