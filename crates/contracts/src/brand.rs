//! The brand: the bank's visual identity, music and legal text (`assets/brand.toml`).

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::catalogue::{Catalogue, CatalogueError, CatalogueProblem, Product};
use crate::institution::Institution;
use crate::language::{self, Language};
use crate::tone::Tone;
use crate::{ErrorName, NamedError};

/// An invalid brand.
#[derive(Debug, Error)]
#[error("brand.toml: {0}")]
pub struct BrandError(#[from] toml::de::Error);

impl NamedError for BrandError {
    fn name(&self) -> ErrorName {
        ErrorName::ConfigInvalid
    }
}

/// The bank's visual identity, music and legal text. Paths are relative to the assets folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Brand {
    /// The kind of institution, which determines the rules for its products.
    #[serde(default)]
    pub institution: Institution,
    /// The bank's name.
    pub name: String,
    /// The sender for customers who have no adviser, such as "your Meridian adviser".
    pub default_adviser: String,
    /// The title of the bank's advisers, such as "relationship manager". If `None`, the phrasebook's title applies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adviser_title: Option<String>,
    /// The address for more information; shown on the end card.
    pub web: String,
    /// The privacy mark in the video: "uses only data you agreed to share".
    pub privacy_mark: String,
    /// The notice that the voice is synthetic, shown on the end card.
    pub voice_notice: String,
    /// The instructions for opting out.
    pub opt_out: String,
    /// The lines that appear on every end card and in every script.
    pub disclosures: Vec<String>,
    /// The words above the web address at the end of a video.
    #[serde(default = "default_action")]
    pub action: String,
    /// The headline shown in the video of a service message.
    #[serde(default = "default_service_headline")]
    pub service_headline: String,
    /// The folder of scene templates.
    #[serde(default = "default_scenes")]
    pub scenes: String,
    /// The backdrop of the scenes.
    #[serde(default)]
    pub ground: Ground,
    /// How scenes move.
    #[serde(default)]
    pub motion: MotionTokens,
    /// The radius of rounded corners in pixels of a 1080p frame.
    #[serde(default = "default_corner")]
    pub corner: u32,
    /// The colors.
    pub colours: Colours,
    /// The font families, as named in the font files.
    pub fonts: Fonts,
    /// The background loops, such as `backgrounds/calm.mp4`.
    #[serde(default)]
    pub backgrounds: Vec<String>,
    /// The music under the voice.
    pub music: String,
    /// Other music for letters in these tones. Service messages always have `music`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub moods: BTreeMap<Tone, String>,
    /// The logo with the bank's name, for dark backgrounds: a PNG with transparency.
    pub logo: String,
    /// The square logo mark: a PNG with transparency.
    pub mark: String,
    /// The files for the customer's page.
    #[serde(default, skip_serializing_if = "PageFiles::is_default")]
    pub page: PageFiles,
    /// The file with pronunciations of the bank's own words: `pronunciations.toml`. `None` if the voice engines need
    /// none.
    #[serde(default)]
    pub pronunciations: Option<String>,
    /// The language of all texts outside `translations`.
    #[serde(default, skip_serializing_if = "language::is_default")]
    pub language: Language,
    /// The brand's texts in other languages.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub translations: BTreeMap<Language, BrandTexts>,
}

/// The brand's texts in another language. They correspond to the brand's own fields of the same names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BrandTexts {
    /// The sender for customers who have no adviser.
    pub default_adviser: String,
    /// The title of the bank's advisers. If `None`, the phrasebook's title applies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adviser_title: Option<String>,
    /// The privacy mark.
    pub privacy_mark: String,
    /// The notice that the voice is synthetic.
    pub voice_notice: String,
    /// The instructions for opting out.
    pub opt_out: String,
    /// The lines that appear on every end card and in every script.
    pub disclosures: Vec<String>,
    /// The words above the web address at the end of a video.
    pub action: String,
    /// The headline shown in the video of a service message.
    pub service_headline: String,
    /// The address for more information in this language. The brand's own address if `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub web: Option<String>,
}

/// The colors, as `#rrggbb`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Colours {
    /// The background of cards and boxes.
    pub background: String,
    /// Text.
    pub ink: String,
    /// Secondary text.
    pub muted: String,
    /// Lines, and the word being spoken.
    pub accent: String,
    /// The box behind captions.
    pub caption_box: String,
    /// Panels, in the second brand color.
    pub panel: String,
    /// The color that covers the picture between scenes. Derived from `background` and `panel` if `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cover: Option<String>,
    /// The word being spoken in captions. `accent` if `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caption_word: Option<String>,
}

/// The files that the customer's page uses, with paths relative to the assets folder. A page without a logo shows the
/// bank's name, and one without fonts uses the reader's own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PageFiles {
    /// The logo for the color `background`: an SVG file, whose text may use the font family `title`.
    pub logo: Option<String>,
    /// The font of headings: a WOFF2 file of at most 30 KB.
    pub title_font: Option<String>,
    /// The font of all other text: a WOFF2 file of at most 30 KB.
    pub body_font: Option<String>,
    /// The bolder font of buttons and labels: a WOFF2 file of at most 30 KB.
    pub strong_font: Option<String>,
}

impl PageFiles {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

fn default_action() -> String {
    "Find out more".to_owned()
}

fn default_service_headline() -> String {
    "We are here to help".to_owned()
}

fn default_scenes() -> String {
    "scenes".to_owned()
}

const fn default_corner() -> u32 {
    28
}

/// The backdrop of the scenes, if the request contains no background.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ground {
    /// The templates' own still backdrop.
    #[default]
    Still,
    /// The first of `backgrounds`, which loops.
    Loop,
}

/// How scenes move: durations in milliseconds, and the easing curve.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MotionTokens {
    /// The duration for small elements.
    pub fast: u32,
    /// The duration for most elements.
    pub normal: u32,
    /// The duration for large elements.
    pub slow: u32,
    /// The easing curve.
    pub easing: Easing,
    /// The transition between scenes.
    pub cover: Cover,
}

impl Default for MotionTokens {
    fn default() -> Self {
        Self { fast: 300, normal: 550, slow: 1100, easing: Easing::OutCubic, cover: Cover::Wipe }
    }
}

/// An easing curve: how the speed of a movement changes over time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Easing {
    /// At a constant speed.
    Linear,
    /// Fast at first, then slower.
    #[default]
    OutCubic,
    /// Very fast at first, then much slower.
    OutQuint,
    /// Slightly too far, then back.
    OutBack,
}

/// How a color covers the picture between two scenes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cover {
    /// From left to right.
    #[default]
    Wipe,
    /// From bottom to top.
    Rise,
    /// By becoming opaque.
    Fade,
}

/// The font families.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fonts {
    /// The folder with the font files.
    pub folder: String,
    /// Titles.
    pub title: String,
    /// All other text.
    pub body: String,
    /// The fallback families for glyphs that the others lack, in order of preference.
    pub fallback: Vec<String>,
}

impl Brand {
    /// Parses a brand.
    pub fn from_toml(text: &str) -> Result<Self, BrandError> {
        Ok(toml::from_str(text)?)
    }

    /// Returns whether the brand has texts in this language.
    #[must_use]
    pub fn has_texts_in(&self, language: Language) -> bool {
        language == self.language || self.translations.contains_key(&language)
    }

    /// Returns the brand in this language. If there is no translation, returns the brand's own texts; a run addresses
    /// customers only in languages for which [`Self::has_texts_in`] is true.
    #[must_use]
    pub fn in_language(&self, language: Language) -> Cow<'_, Self> {
        let Some(texts) = self.translations.get(&language).filter(|_| language != self.language) else {
            return Cow::Borrowed(self);
        };
        let texts = texts.clone();
        Cow::Owned(Self {
            default_adviser: texts.default_adviser,
            adviser_title: texts.adviser_title,
            privacy_mark: texts.privacy_mark,
            voice_notice: texts.voice_notice,
            opt_out: texts.opt_out,
            disclosures: texts.disclosures,
            action: texts.action,
            service_headline: texts.service_headline,
            web: texts.web.unwrap_or_else(|| self.web.clone()),
            ..self.clone()
        })
    }

    /// Returns the web address as it is spoken: the host without the scheme and `www.`.
    #[must_use]
    pub fn spoken_web(&self) -> &str {
        let address = self.web.split_once("://").map_or(self.web.as_str(), |(_, address)| address);
        let host = address.split(['/', '?', '#']).next().unwrap_or_default();
        host.strip_prefix("www.").unwrap_or(host)
    }

    /// Returns the digest of the whole brand.
    #[must_use]
    pub fn digest(&self) -> crate::Digest {
        crate::Digest::of_json(self)
    }
}

/// Fails if the catalog or the brand breaks the rules of the institution's market.
pub fn ensure_rules(catalogue: &Catalogue, brand: &Brand) -> Result<(), CatalogueError> {
    let rules = brand.institution.rules();
    let mut problems = rules.check(catalogue);
    let products: Vec<&Product> = catalogue.products().iter().collect();
    let own = std::iter::once(("disclosures of brand.toml".to_owned(), &brand.disclosures));
    let translated = brand.translations.iter();
    let translated = translated
        .map(|(language, texts)| (format!("translations.{language}.disclosures of brand.toml"), &texts.disclosures));
    for (field, lines) in own.chain(translated) {
        let missing = rules.missing_brand_lines(lines, &products, &brand.name);
        problems.extend(missing.into_iter().map(|reason| CatalogueProblem {
            product: None,
            field: field.clone(),
            reason,
        }));
    }
    if problems.is_empty() { Ok(()) } else { Err(CatalogueError::Problems(problems)) }
}
