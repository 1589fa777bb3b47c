//! `assets/brand.toml`: how the bank looks and what it always says.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{ErrorName, NamedError};

/// Why a brand cannot be used.
#[derive(Debug, Error)]
#[error("brand.toml: {0}")]
pub struct BrandError(#[from] toml::de::Error);

impl NamedError for BrandError {
    fn name(&self) -> ErrorName {
        ErrorName::ConfigInvalid
    }
}

/// How the bank looks and what it always says. Paths are relative to the assets folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Brand {
    /// The bank's name.
    pub name: String,
    /// Who speaks for the bank when a customer has no adviser of their own: "your Meridian adviser".
    pub default_adviser: String,
    /// The title of the bank's advisers, such as "relationship manager"; the phrasebook's word if none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adviser_title: Option<String>,
    /// Where to read more; shown on the end card.
    pub web: String,
    /// The mark on the picture: "uses only data you agreed to share".
    pub privacy_mark: String,
    /// Says that the voice is synthetic; shown on the end card.
    pub voice_notice: String,
    /// How to have no more of these.
    pub opt_out: String,
    /// Lines for every end card and text.
    pub disclosures: Vec<String>,
    /// Colours.
    pub colours: Colours,
    /// Font families, as the font files name themselves.
    pub fonts: Fonts,
    /// Background loops by shape, the first the default: `backgrounds/calm.mp4`.
    pub backgrounds: Vec<String>,
    /// Music under the voice.
    pub music: String,
    /// The logo with the bank's name, a PNG with transparency, for dark ground.
    pub logo: String,
    /// The logo's mark alone, square, a PNG with transparency.
    pub mark: String,
    /// How the bank's words are said: `pronunciations.toml`. None, if the rules say them all well.
    #[serde(default)]
    pub pronunciations: Option<String>,
}

/// Colours as `#rrggbb`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Colours {
    /// Cards and boxes.
    pub background: String,
    /// Text.
    pub ink: String,
    /// Lesser text.
    pub muted: String,
    /// Lines and the word being spoken.
    pub accent: String,
    /// The box behind captions.
    pub caption_box: String,
    /// The second brand colour: panels.
    pub panel: String,
}

/// Font families.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fonts {
    /// The folder of font files.
    pub folder: String,
    /// Titles.
    pub title: String,
    /// Everything else.
    pub body: String,
    /// For signs that the others lack, the first that has one being used.
    pub fallback: Vec<String>,
}

impl Brand {
    /// Reads a brand.
    pub fn from_toml(text: &str) -> Result<Self, BrandError> {
        Ok(toml::from_str(text)?)
    }

    /// Returns the web address as it is said: the host without scheme and `www.`.
    #[must_use]
    pub fn spoken_web(&self) -> &str {
        let address = self.web.split_once("://").map_or(self.web.as_str(), |(_, address)| address);
        let host = address.split(['/', '?', '#']).next().unwrap_or_default();
        host.strip_prefix("www.").unwrap_or(host)
    }

    /// The digest of all of it.
    #[must_use]
    pub fn digest(&self) -> crate::Digest {
        crate::Digest::of_json(self)
    }
}
