//! Fills the slots of each scene. A scene is shared if all of its contents are public.

use std::collections::BTreeMap;

use contracts::brand::Brand;
use contracts::catalogue::ProductPicture;
use contracts::narration::{Sentence, Timing};
use contracts::script::OfferShown;

use crate::content::SceneContent;
use crate::film::beats::{Beat, Legal};
use crate::film::{END_MOTION_SECONDS, MIN_END_SECONDS, OUTRO_SECONDS, up_to_frame};
use crate::scenes::SceneKind;
use crate::scenes::kit::SceneKit;
use crate::scenes::public::Public;
use crate::scenes::raster::{paginate, place_text};
use crate::scenes::spec::{Edge, Joints, Picture, Scene, SceneFrame, SharedScene, Slots};
use crate::scenes::stage::{COVER_SECONDS, READING_RATE};
use crate::scenes::template::LayerKind;
use crate::scenes::timeline::SceneTiming;

type PublicSlots = Slots<Public<String>, Public<Picture>>;
type PersonalSlots = Slots<String, Picture>;

/// The slots that differ between the two parts of a closing.
const FAREWELL_CHANGES: [&str; 4] = ["adviser", "adviser-title", "monogram", "mark"];

/// Returns a product's texts for the picture. Scripts from older versions contain only its name.
pub(super) fn picture_of(offer: &OfferShown) -> ProductPicture {
    offer.picture.clone().unwrap_or_else(|| ProductPicture {
        customer_name: offer.name.clone(),
        headline: offer.name.clone(),
        art: "account".to_owned(),
        figure: None,
        claims: Vec::new(),
        disclosures: Vec::new(),
    })
}

/// Returns the scene of a beat.
pub(super) fn scene(content: &SceneContent<'_>, beat: &Beat<'_>) -> Scene {
    let changes = if beat.kind == SceneKind::Closing && [beat.joints.start, beat.joints.end].contains(&Edge::Cut) {
        FAREWELL_CHANGES.to_vec()
    } else {
        Vec::new()
    };
    let frame = SceneFrame {
        kind: beat.kind,
        start: beat.start,
        timing: beat.timing.clone(),
        joints: beat.joints,
        changes,
        early_figure: beat.early_figure,
        precision: content.narration.timing,
    };
    let sentences = Public::sentences(&beat.sentences);
    let names = names(content.brand, beat.offer.map(|(_, offer)| offer));
    match (public_slots(content, beat), sentences) {
        (Some(slots), Some(sentences)) => Scene::Shared(SharedScene::new(frame, slots, sentences, &names)),
        (slots, _) => {
            let slots = slots.map_or_else(|| personal_slots(content, beat), without_proof);
            let mut names = names.into_inner();
            names.push(content.script.first_name.clone());
            names.extend(content.script.adviser.clone());
            Scene::personal(frame, slots, beat.sentences.clone(), &names)
        }
    }
}

/// Returns the names that captions keep on one line: those of the bank and of the product.
fn names(brand: &Brand, offer: Option<&OfferShown>) -> Public<Vec<String>> {
    let bank = Public::of_brand(brand, |brand| brand.name.clone());
    let Some(offer) = offer else { return Public::all(vec![bank]) };
    let product = Public::of_product(&picture_of(offer), |picture| picture.customer_name.clone());
    Public::all(vec![bank, product])
}

fn without_proof((texts, pictures): PublicSlots) -> PersonalSlots {
    let texts = texts.into_iter().map(|(slot, text)| (slot, text.into_inner()));
    let pictures = pictures.into_iter().map(|(slot, picture)| (slot, picture.into_inner()));
    (texts.collect(), pictures.collect())
}

/// Returns the contents of a scene, or `None` if it shows personal data.
fn public_slots(content: &SceneContent<'_>, beat: &Beat<'_>) -> Option<PublicSlots> {
    let brand = content.brand;
    let of_brand = |take: fn(&Brand) -> String| Public::of_brand(brand, take);
    let mut texts = BTreeMap::from([("privacy", of_brand(|brand| brand.privacy_mark.clone()))]);
    let mut pictures = BTreeMap::from([("logo", Public::of_brand(brand, |_| Picture::Logo))]);
    match beat.kind {
        SceneKind::Opening => return None,
        SceneKind::Offer => {
            let (index, offer) = beat.offer?;
            if beat.is_mark {
                let position = Public::position(index + 1, content.script.offers.len());
                pictures.insert("progress", position.map(|(current, count)| Picture::Progress { current, count }));
                return Some((texts, pictures));
            }
            offer_slots(brand, &picture_of(offer), beat, (&mut texts, &mut pictures));
        }
        SceneKind::Service => {
            texts.insert("headline", of_brand(|brand| brand.service_headline.clone()));
            texts.insert("bank", of_brand(|brand| brand.name.clone()));
            pictures.insert("mark", Public::of_brand(brand, |_| Picture::Mark));
        }
        SceneKind::Closing => {
            if beat.is_farewell {
                return None;
            }
            texts.insert("adviser", of_brand(|brand| brand.name.clone()));
            texts.insert("web", of_brand(|brand| shown_address(&brand.web).to_owned()));
            texts.insert("action", of_brand(|brand| brand.action.clone()));
            texts.insert("note", Public::sentences(&beat.notes)?.map(|sentences| spoken(&sentences)));
            pictures.insert("mark", Public::of_brand(brand, |_| Picture::Mark));
            pictures.insert("qr", Public::of_brand(brand, |brand| Picture::Qr(brand.web.clone())));
        }
        SceneKind::End => {}
    }
    Some((texts, pictures))
}

/// Returns the text of sentences.
fn spoken(sentences: &[Sentence]) -> String {
    let words = sentences.iter().flat_map(|sentence| &sentence.words).map(|word| word.text.as_str());
    words.collect::<Vec<_>>().join(" ")
}

/// Returns the contents of an opening or a closing.
fn personal_slots(content: &SceneContent<'_>, beat: &Beat<'_>) -> PersonalSlots {
    let brand = content.brand;
    let mut texts = BTreeMap::from([("privacy", brand.privacy_mark.clone())]);
    let mut pictures = BTreeMap::from([("logo", Picture::Logo)]);
    if beat.kind == SceneKind::Opening {
        opening(content, &mut texts, &mut pictures);
        return (texts, pictures);
    }
    let adviser = content.script.adviser.as_ref().filter(|_| beat.is_farewell);
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
    texts.insert("note", spoken(&beat.notes));
    pictures.insert("qr", Picture::Qr(brand.web.clone()));
    (texts, pictures)
}

fn opening(
    content: &SceneContent<'_>,
    texts: &mut BTreeMap<&'static str, String>,
    pictures: &mut BTreeMap<&'static str, Picture>,
) {
    /// The texts and drawings of up to three offers.
    const SLOTS: [(&str, &str); 3] = [("idea-1", "art-1"), ("idea-2", "art-2"), ("idea-3", "art-3")];
    texts.insert("for", content.script.language.words().title_card.to_owned());
    texts.insert("name", content.script.first_name.clone());
    texts.insert("bank", content.brand.name.clone());
    pictures.insert("mark", Picture::Mark);
    // A single idea is centered.
    let first = usize::from(content.script.offers.len() == 1);
    for ((idea, art), offer) in SLOTS.into_iter().skip(first).zip(&content.script.offers) {
        let picture = picture_of(offer);
        texts.insert(idea, picture.customer_name.clone());
        pictures.insert(art, art_picture(content.brand, &picture).into_inner());
    }
}

fn art_picture(brand: &Brand, picture: &ProductPicture) -> Public<Picture> {
    let bank = Public::of_brand(brand, |brand| brand.name.clone());
    let product = Public::of_product(picture, |picture| (picture.art.clone(), picture.customer_name.clone()));
    product.with(bank, |(name, product), bank| Picture::Art { name, product, bank })
}

type PublicSlotsMut<'a> =
    (&'a mut BTreeMap<&'static str, Public<String>>, &'a mut BTreeMap<&'static str, Public<Picture>>);

/// Fills the slots of an offer. The figure and the claims belong to the part about the product.
fn offer_slots(brand: &Brand, picture: &ProductPicture, beat: &Beat<'_>, (texts, pictures): PublicSlotsMut<'_>) {
    let of_product = |take: fn(&ProductPicture) -> String| Public::of_product(picture, take);
    pictures.insert("art", art_picture(brand, picture));
    if picture.customer_name != picture.headline {
        texts.insert("product", of_product(|picture| picture.customer_name.clone()));
    }
    texts.insert("headline", of_product(|picture| picture.headline.clone()));
    texts.insert("note", of_product(|picture| picture.disclosures.join(" ")));
    if beat.timing.product.is_none() {
        return;
    }
    let claims: Vec<Public<String>> = Public::of_product(picture, |picture| picture.claims.clone()).each().collect();
    let claims = beat.claims.iter().filter_map(|index| claims.get(*index)).cloned();
    for (slot, claim) in ["claim-1", "claim-2", "claim-3"].into_iter().zip(claims) {
        texts.insert(slot, claim.map(|claim| claim.trim_end_matches('.').to_owned()));
    }
    let figure = Public::of_product(picture, |picture| {
        let parts = picture.figure.iter().flat_map(|figure| [&figure.value, &figure.label, &figure.terms]);
        parts.cloned().collect::<Vec<_>>()
    });
    texts.extend(["figure-value", "figure-label", "figure-terms"].into_iter().zip(figure.each()));
}

/// Returns the first letters of a name's first and last words.
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

#[expect(clippy::cast_precision_loss, reason = "words are few")]
fn reading_seconds(text: &str) -> f64 {
    text.split_whitespace().count() as f64 / READING_RATE
}

/// Returns whether a scene shows all legal lines of its product, completely and long enough to read.
fn shows_legal_lines(kit: &SceneKit, beat: &Beat<'_>) -> bool {
    let Some((_, offer)) = beat.offer.filter(|_| beat.timing.product.is_some()) else { return false };
    let note = picture_of(offer).disclosures.join(" ");
    let (template, timeline) = kit.scene(SceneKind::Offer);
    let Some(LayerKind::Text(text_box)) = template.layer("note").map(|layer| &layer.kind) else { return false };
    let enter = match (beat.joints.start, timeline.of("note")) {
        (Edge::Cut, _) | (_, None) => 0.0,
        (_, Some(enter)) => beat.timing.resolve(&enter.at).unwrap_or(f64::INFINITY) + 1.0,
    };
    let seconds = beat.timing.seconds - COVER_SECONDS - enter;
    seconds >= reading_seconds(&note).max(MIN_END_SECONDS) && !place_text(&kit.fonts, text_box, &note).is_cut
}

/// The legal lines at the end of a video: `Ok` if they can be shared, otherwise `Err`.
type LegalLines = Result<Vec<Public<String>>, Vec<String>>;

/// Returns the legal lines of the end card, then the opt-out and the voice notice. A product's lines are left out if its
/// own scene shows them. All other lines of products start with the products' names.
fn end_lines(content: &SceneContent<'_>, is_shown: impl Fn(&OfferShown) -> bool) -> LegalLines {
    let offers = &content.script.offers;
    let mut lines: Vec<Public<String>> = Vec::new();
    let of_brand = |take: fn(&Brand) -> Vec<String>| Public::of_brand(content.brand, take).each();
    let brand: Vec<Public<String>> = of_brand(|brand| brand.disclosures.clone()).collect();
    for line in &content.script.disclosures {
        let owners: Vec<ProductPicture> =
            offers.iter().map(picture_of).filter(|picture| picture.disclosures.contains(line)).collect();
        if let Some(own) = brand.iter().find(|own| own.get() == line) {
            lines.push(own.clone());
        } else if owners.is_empty() {
            // Scripts from older versions do not contain the sources of their lines.
            return Err(legal_lines(content));
        } else if !offers.iter().all(|offer| !picture_of(offer).disclosures.contains(line) || is_shown(offer)) {
            let names =
                owners.iter().map(|picture| Public::of_product(picture, |picture| picture.customer_name.clone()));
            let names = Public::all(names.collect()).map(|names| names.join(", "));
            let own = owners.iter().flat_map(|picture| Public::of_product(picture, |p| p.disclosures.clone()).each());
            let own = own.into_iter().find(|own| own.get() == line);
            lines.extend(own.map(|own| names.with(own, |names, line| format!("{names}: {line}"))));
        }
    }
    for line in of_brand(|brand| vec![brand.opt_out.clone(), brand.voice_notice.clone()]) {
        if !line.get().trim().is_empty() && !lines.contains(&line) {
            lines.push(line);
        }
    }
    Ok(lines)
}

/// Returns all legal lines of a video, each with the products that it belongs to, then the opt-out and the voice notice.
pub(crate) fn legal_lines(content: &SceneContent<'_>) -> Vec<String> {
    let script = content.script;
    let mut lines: Vec<String> = script.disclosures.iter().map(|line| script.named_disclosure(line)).collect();
    for line in [&content.brand.opt_out, &content.brand.voice_notice] {
        if !line.trim().is_empty() && !lines.contains(line) {
            lines.push(line.clone());
        }
    }
    lines
}

/// Returns as many end cards as the legal lines need. The last one ends after the last word, and no card before it can be
/// read.
pub(super) fn end_cards(kit: &SceneKit, content: &SceneContent<'_>, beats: &[Beat<'_>], legal: &Legal) -> Vec<Scene> {
    let brand = content.brand;
    let is_shown = |offer: &OfferShown| {
        let is_of = |beat: &&Beat<'_>| beat.offer.is_some_and(|(_, own)| own.product == offer.product);
        beats.iter().filter(is_of).any(|beat| shows_legal_lines(kit, beat))
    };
    let lines = end_lines(content, is_shown);
    let pages = |lines: &[String]| {
        let (template, _) = kit.scene(SceneKind::End);
        match template.layer("notices").map(|layer| &layer.kind) {
            Some(LayerKind::Text(text_box)) => paginate(&kit.fonts, text_box, lines),
            _ => vec![lines.join("\n")],
        }
    };
    let plain: Vec<String> = match &lines {
        Ok(lines) => lines.iter().map(|line| line.get().clone()).collect(),
        Err(lines) => lines.clone(),
    };
    let pages = pages(&plain);
    let of_brand = |take: fn(&Brand) -> String| Public::of_brand(brand, take);
    let count = pages.len();
    let mut now = legal.start;
    let spoken_until = legal.sentences.last().map_or(0.0, |last| legal.start + last.end + OUTRO_SECONDS);
    let mut scenes = Vec::new();
    for (index, page) in pages.into_iter().enumerate() {
        let to_read = reading_seconds(&page).max(MIN_END_SECONDS) + END_MOTION_SECONDS;
        let is_last = index + 1 == count;
        let seconds = up_to_frame(if is_last { to_read.max(spoken_until - now) } else { to_read });
        let frame = SceneFrame {
            kind: SceneKind::End,
            start: now,
            timing: SceneTiming { seconds, ..SceneTiming::default() },
            joints: Joints { start: Edge::Covered, end: if is_last { Edge::Faded } else { Edge::Covered } },
            changes: Vec::new(),
            early_figure: false,
            precision: Timing::Estimated,
        };
        now += seconds;
        let mut texts = BTreeMap::from([
            ("privacy", of_brand(|brand| brand.privacy_mark.clone())),
            ("action", of_brand(|brand| brand.action.clone())),
            ("web", of_brand(|brand| shown_address(&brand.web).to_owned())),
        ]);
        let pictures = BTreeMap::from([
            ("logo-large", Public::of_brand(brand, |_| Picture::Logo)),
            ("qr", Public::of_brand(brand, |brand| Picture::Qr(brand.web.clone()))),
        ]);
        // A single page contains all lines, and their sources are known.
        let whole = lines.as_ref().ok().filter(|_| count == 1);
        scenes.push(if let (Some(lines), Some(none)) = (whole, Public::sentences(&[])) {
            texts.insert("notices", Public::all(lines.clone()).map(|lines| lines.join("\n")));
            Scene::Shared(SharedScene::new(frame, (texts, pictures), none, &names(brand, None)))
        } else {
            let (mut texts, pictures) = without_proof((texts, pictures));
            texts.insert("notices", page);
            Scene::personal(frame, (texts, pictures), Vec::new(), &[])
        });
    }
    scenes
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
