//! The look of the customer's page: the brand's colors in a light and a dark scheme, its fonts and its logo.
//!
//! All text has a contrast of at least 4.5:1 with its background (WCAG 2.2, success criterion 1.4.3), whatever colors
//! the brand has.

use std::borrow::Cow;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use contracts::brand::Brand;
use contracts::{Digest, Language};

/// The part of the stylesheet that all brands share.
const SHEET: &str = include_str!("page/style.css");

/// The minimum contrast of text.
const CONTRAST: f64 = 4.5;

/// A font file of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageFont {
    /// The font for headings.
    Title,
    /// The font for all other text.
    Body,
    /// The bolder font for buttons and labels.
    Strong,
}

impl PageFont {
    const ALL: [Self; 3] = [Self::Title, Self::Body, Self::Strong];

    /// Parses the last segment of a path, such as `title.woff2`.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|font| font.file_name() == name)
    }

    /// Returns the path of the file, relative to the assets folder. `None` if the brand has no such font.
    #[must_use]
    pub fn path(self, brand: &Brand) -> Option<&str> {
        match self {
            Self::Title => brand.page.title_font.as_deref(),
            Self::Body => brand.page.body_font.as_deref(),
            Self::Strong => brand.page.strong_font.as_deref(),
        }
    }

    const fn file_name(self) -> &'static str {
        match self {
            Self::Title => "title.woff2",
            Self::Body => "body.woff2",
            Self::Strong => "strong.woff2",
        }
    }

    /// Returns the family and the weight as the stylesheet names them.
    const fn family(self) -> (&'static str, u32) {
        match self {
            Self::Title => ("title", 400),
            Self::Body => ("body", 400),
            Self::Strong => ("body", 600),
        }
    }
}

/// The brand as the page shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// The brand.
    pub brand: Brand,
    /// The logo as SVG. Empty if the brand has none.
    logo: String,
}

impl Look {
    /// Creates the look. `logo` is the content of the brand's SVG logo.
    #[must_use]
    pub fn new(brand: Brand, logo: Option<&[u8]>) -> Self {
        // HTML can embed only the element itself, so drop an XML declaration before it.
        let logo = String::from_utf8_lossy(logo.unwrap_or_default());
        let logo = logo.find("<svg").map_or("", |start| &logo[start..]);
        Self { brand, logo: logo.trim_end().to_owned() }
    }

    /// Returns the brand with its texts in a language, a BCP 47 tag. Falls back to the brand's own texts.
    pub(crate) fn brand_in(&self, language: &str) -> Cow<'_, Brand> {
        Language::from_tag(language).map_or(Cow::Borrowed(&self.brand), |language| self.brand.in_language(language))
    }

    /// Returns the logo as SVG, or an empty string.
    pub(crate) fn logo(&self) -> &str {
        &self.logo
    }

    /// Returns the stylesheet of a page whose fonts are in `folder`, relative to the page.
    pub(crate) fn stylesheet(&self, folder: &str) -> String {
        let mut css = String::new();
        for font in PageFont::ALL.into_iter().filter(|font| font.path(&self.brand).is_some()) {
            let (family, weight) = font.family();
            let _infallible = writeln!(
                css,
                "@font-face {{ font-family: {family}; font-weight: {weight}; font-display: swap; \
                 src: url({folder}/{}) format(\"woff2\"); }}",
                font.file_name()
            );
        }
        let schemes = Schemes::of(&self.brand);
        let radius = f64::from(self.brand.corner) / 2.4;
        let _infallible = writeln!(
            css,
            ":root {{ color-scheme: light dark; --radius: {radius:.0}px; {} {} }}\n\
             @media (prefers-color-scheme: dark) {{ :root {{ {} }} }}",
            schemes.band, schemes.light, schemes.dark
        );
        css + SHEET
    }

    /// Returns the colors of the light scheme, for e-mails.
    pub(crate) fn colors(&self) -> MailColors {
        let schemes = Schemes::of(&self.brand);
        let Scheme { paper, ink, muted, rule, accent, on_accent, surface, .. } = schemes.light;
        let Band { ground, ink: band_ink } = schemes.band;
        MailColors { paper, ink, muted, rule, accent, on_accent, surface, band: ground, band_ink }
    }
}

/// Returns the content security policy of a page with this stylesheet. It allows the stylesheet, the page's own files,
/// and forms that lead to `origins`. It also allows images and media from any HTTPS address, because their URLs may
/// redirect to the bucket.
pub(crate) fn content_policy(stylesheet: &str, origins: &[String]) -> String {
    let digest = BASE64.encode(Digest::of(stylesheet.as_bytes()).as_bytes());
    let mut forms = "'self'".to_owned();
    for origin in origins {
        let _infallible = write!(forms, " {origin}");
    }
    format!(
        "default-src 'none'; style-src 'sha256-{digest}'; font-src 'self'; img-src 'self' https: data:; \
         media-src 'self' https:; form-action {forms}; base-uri 'none'; frame-ancestors 'none'"
    )
}

/// The colors of an e-mail.
pub(crate) struct MailColors {
    pub paper: Color,
    pub ink: Color,
    pub muted: Color,
    pub rule: Color,
    pub accent: Color,
    pub on_accent: Color,
    pub surface: Color,
    pub band: Color,
    pub band_ink: Color,
}

/// A color in sRGB, 0 to 255 for each channel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Color([f64; 3]);

impl Color {
    const BLACK: Self = Self([0.0; 3]);
    const WHITE: Self = Self([255.0; 3]);

    /// Parses `#rrggbb`. Returns black for anything else; rendering a video with the brand checks its colors.
    fn parse(text: &str) -> Self {
        let channel = |at: usize| text.get(at..at + 2).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (channel(1), channel(3), channel(5)) {
            (Some(red), Some(green), Some(blue)) => Self([red, green, blue].map(f64::from)),
            _ => Self::BLACK,
        }
    }

    /// Returns the color moved toward another by a share from 0 to 1.
    fn toward(self, other: Self, share: f64) -> Self {
        let mut mixed = self.0;
        for (channel, target) in mixed.iter_mut().zip(other.0) {
            *channel += (target - *channel) * share;
        }
        Self(mixed)
    }

    /// Returns the relative luminance (WCAG 2.2), from the color as it is displayed.
    fn luminance(self) -> f64 {
        let linear = self.0.map(|channel| {
            let value = channel.round() / 255.0;
            if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    }

    /// Returns the contrast ratio of two colors, 1 to 21 (WCAG 2.2).
    fn contrast(self, other: Self) -> f64 {
        let (a, b) = (self.luminance(), other.luminance());
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    /// Returns the color, moved toward black until it is dark enough for a dark scheme.
    fn darkened(self) -> Self {
        let steps = (0..=20).map(|step| self.toward(Self::BLACK, f64::from(step) / 20.0));
        steps.into_iter().find(|color| color.luminance() <= 0.04).unwrap_or(Self::BLACK)
    }

    /// Returns the color, moved toward black or white until it is legible on each background.
    fn legible_on(self, grounds: &[Self]) -> Self {
        let is_legible = |color: Self| grounds.iter().all(|ground| color.contrast(*ground) >= CONTRAST);
        let dark_ground = grounds.iter().all(|ground| ground.luminance() < 0.18);
        let end = if dark_ground { Self::WHITE } else { Self::BLACK };
        let steps = (0..=20).map(|step| self.toward(end, f64::from(step) / 20.0));
        steps.into_iter().find(|color| is_legible(*color)).unwrap_or(end)
    }
}

impl std::fmt::Display for Color {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0 to 255")]
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("#")?;
        self.0.iter().try_for_each(|channel| write!(f, "{:02x}", channel.round().clamp(0.0, 255.0) as u8))
    }
}

/// The band at the top. It has the brand's own background color in both schemes, because the logo is made for it.
struct Band {
    ground: Color,
    ink: Color,
}

impl std::fmt::Display for Band {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "--band: {}; --band-ink: {};", self.ground, self.ink)
    }
}

/// The colors of one scheme.
struct Scheme {
    paper: Color,
    surface: Color,
    ink: Color,
    muted: Color,
    rule: Color,
    accent: Color,
    on_accent: Color,
    tint: Color,
}

impl Scheme {
    fn new(paper: Color, surface: Color, ink: Color, accent: Color) -> Self {
        // A tint of the accent would look like a warning if the accent is red.
        let tint = surface.toward(ink, 0.06);
        let grounds = [paper, surface, tint];
        let ink = ink.legible_on(&grounds);
        let accent = accent.legible_on(&grounds);
        let on_accent = if accent.contrast(Color::WHITE) >= CONTRAST { Color::WHITE } else { Color::BLACK };
        Self {
            paper,
            surface,
            ink,
            muted: ink.toward(paper, 0.3).legible_on(&grounds),
            // This line only separates, so it needs less than the 3:1 of a control's boundary (WCAG 1.4.11).
            rule: paper.toward(ink, 0.18),
            accent,
            on_accent,
            tint,
        }
    }
}

impl std::fmt::Display for Scheme {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { paper, surface, ink, muted, rule, accent, on_accent, tint } = self;
        write!(
            f,
            "--paper: {paper}; --surface: {surface}; --ink: {ink}; --muted: {muted}; --rule: {rule}; \
             --accent: {accent}; --on-accent: {on_accent}; --tint: {tint};"
        )
    }
}

struct Schemes {
    band: Band,
    light: Scheme,
    dark: Scheme,
}

impl Schemes {
    fn of(brand: &Brand) -> Self {
        let colours = &brand.colours;
        let [ground, ink, accent, panel] =
            [&colours.background, &colours.ink, &colours.accent, &colours.panel].map(|color| Color::parse(color));
        let is_dark = ground.luminance() < 0.18;
        let (light, dark) = if is_dark {
            let paper = Color::WHITE.toward(ground, 0.04);
            let light = Scheme::new(paper, Color::WHITE, ground, panel);
            let paper = ground.darkened();
            (light, Scheme::new(paper, paper.toward(Color::WHITE, 0.07), ink, accent))
        } else {
            let paper = ink.toward(Color::BLACK, 0.35).darkened();
            let dark = Scheme::new(paper, paper.toward(Color::WHITE, 0.07), ground, accent);
            (Scheme::new(ground, ground.toward(Color::WHITE, 0.7), ink, accent), dark)
        };
        Self { band: Band { ground, ink: ink.legible_on(&[ground]) }, light, dark }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::brand;

    fn worst_contrast(scheme: &Scheme) -> f64 {
        let Scheme { paper, surface, ink, muted, accent, on_accent, tint, .. } = scheme;
        let grounds = [paper, surface, tint];
        let on_grounds =
            [ink, muted, accent].into_iter().flat_map(|color| grounds.map(|ground| color.contrast(*ground)));
        on_grounds.chain([on_accent.contrast(*accent)]).fold(21.0, f64::min)
    }

    proptest! {
        #[test]
        fn every_brand_is_legible_in_both_schemes(colors in prop::array::uniform4(0_u32..0x100_0000)) {
            let mut brand = brand();
            let [background, ink, accent, panel] = colors.map(|color| format!("#{color:06x}"));
            brand.colours = contracts::brand::Colours { background, ink, accent, panel, ..brand.colours };
            let Schemes { band, light, dark } = Schemes::of(&brand);
            prop_assert!(band.ink.contrast(band.ground) >= CONTRAST);
            prop_assert!(worst_contrast(&light) >= CONTRAST, "light: {light}");
            prop_assert!(worst_contrast(&dark) >= CONTRAST, "dark: {dark}");
        }
    }

    #[test]
    fn policy_allows_only_the_embedded_stylesheet_and_named_form_targets() {
        let look = Look::new(brand(), None);
        let css = look.stylesheet("_");
        let policy = content_policy(&css, &["https://www.meridian.example".to_owned()]);
        let digest = BASE64.encode(Digest::of(css.as_bytes()).as_bytes());
        assert!(policy.contains(&format!("style-src 'sha256-{digest}';")), "{policy}");
        assert!(policy.contains("form-action 'self' https://www.meridian.example;"), "{policy}");
        assert!(!policy.contains("script") && !policy.contains("unsafe"), "{policy}");
    }
}
