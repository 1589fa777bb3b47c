//! The inputs from which a scene is composed.

use contracts::brand::Brand;
use contracts::narration::Narration;
use contracts::script::Script;

use crate::background_luma::BackgroundLuma;
use crate::error::Error;
use crate::font::{FontSet, display_text};

/// The inputs from which a scene is composed.
#[derive(Clone, Copy, Debug)]
pub struct SceneContent<'a> {
    /// The spoken and the displayed text.
    pub script: &'a Script,
    /// The times of the spoken words.
    pub narration: &'a Narration,
    /// The bank's brand.
    pub brand: &'a Brand,
    /// The brightness of the background.
    pub background: &'a BackgroundLuma,
}

/// Fails if any text contains a character for which none of the brand's fonts has a glyph.
pub fn check_glyphs(fonts: &FontSet, content: &SceneContent<'_>) -> Result<(), Error> {
    let SceneContent { script, narration, brand, .. } = *content;
    let spoken = narration.sentences.iter().flat_map(|sentence| &sentence.words).map(|word| (&word.text, "a caption"));
    let pictures = script.offers.iter().filter_map(|offer| offer.picture.as_ref());
    let pictures = pictures.flat_map(|picture| {
        let figure = picture.figure.iter().flat_map(|figure| [&figure.value, &figure.label, &figure.terms]);
        [&picture.customer_name, &picture.headline].into_iter().chain(&picture.claims).chain(figure)
    });
    let offers = script.offers.iter().map(|offer| &offer.name).chain(pictures).map(|text| (text, "an offer"));
    let lines = script.disclosures.iter().map(|text| (text, "a disclosure"));
    let fixed = [&brand.name, &brand.web, &brand.privacy_mark, &brand.voice_notice, &brand.opt_out];
    let words = [&brand.action, &brand.service_headline].into_iter().chain(&brand.adviser_title);
    let fixed = fixed.into_iter().chain(words).map(|text| (text, "the brand"));
    let name = std::iter::once((&script.first_name, "the opening"));
    let adviser = script.adviser.iter().map(|text| (text, "the closing"));
    for (text, place) in name.chain(adviser).chain(spoken).chain(offers).chain(lines).chain(fixed) {
        if let Some(character) = fonts.first_missing(&display_text(text)) {
            return Err(Error::MissingGlyph { code: character.into(), place });
        }
    }
    Ok(())
}
