//! The palette, and the record of every element in the video image.

use contracts::brand::Brand;
pub use contracts::narration::VOICE_START;

use crate::ass::Colour;
use crate::error::Error;
pub use crate::frame_rate::FRAME_RATE;
use crate::layout::Rect;

/// An element in the video image. Placements make it possible to check that elements do not overlap.
#[derive(Clone, Debug, PartialEq)]
pub struct Placement {
    /// The kind of element, such as "lower third".
    pub kind: &'static str,
    /// The start, in seconds from the start of the video.
    pub start: f64,
    /// The end, in seconds from the start of the video.
    pub end: f64,
    /// The area, in pixels of the layout.
    pub area: Rect,
}

/// The target contrast between text and the background. It exceeds the required 4.5, because compression reduces contrast.
const CONTRAST: f64 = 5.5;

/// Returns the relative luminance of a gray level, 0 to 1 (WCAG 2.2).
fn luminance(level: f64) -> f64 {
    if level <= 0.04045 { level / 12.92 } else { ((level + 0.055) / 1.055).powf(2.4) }
}

/// Returns the contrast (WCAG 2.2) between partly opaque ink and a darker gray background.
fn ink_contrast(ink: f64, opacity: f64, background: f64) -> f64 {
    let visible = opacity * ink + (1.0 - opacity) * background;
    (luminance(visible) + 0.05) / (luminance(background) + 0.05)
}

/// Finds the largest `x`, 0 to 1, up to which a condition is true. The condition must be true at 0.
fn bisect(holds: impl Fn(f64) -> bool) -> f64 {
    let mut low = 0.0;
    let mut high = 1.0;
    for _ in 0..24 {
        let middle = f64::midpoint(low, high);
        if holds(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}

/// Returns the minimum opacity, at least `least`, that a veil in the background color needs over a video to make all text
/// legible. `brightest` is the luma of the video's bright parts.
pub(crate) fn veil_opacity(palette: &Palette, brightest: f64, least: f64) -> f64 {
    let ground = palette.background.luma();
    let legible = |text: Colour, video: f64, transparency: f64| {
        let under = (1.0 - transparency) * ground + transparency * video;
        let (one, other) = (luminance(text.luma()) + 0.05, luminance(under) + 0.05);
        one.max(other) / one.min(other) >= CONTRAST
    };
    // Light text is least legible over bright parts of the video, and dark text over dark parts.
    let video = if palette.ink.luma() > ground { brightest } else { 0.0 };
    let all = |transparency: f64| {
        [palette.ink, palette.muted, palette.accent].into_iter().all(|text| legible(text, video, transparency))
    };
    1.0 - bisect(all).min(1.0 - least)
}

/// Returns the minimum opacity, at least `least`, at which text on a gray panel has the target contrast.
pub(crate) fn panel_opacity(panel: f64, ink: f64, background: f64, least: f64) -> f64 {
    let legible = |transparency: f64| {
        ink_contrast(ink, 1.0, (1.0 - transparency) * panel + transparency * background) >= CONTRAST
    };
    1.0 - bisect(legible).min(1.0 - least)
}

/// The brand's colors.
#[derive(Clone, Copy, Debug)]
pub struct Palette {
    /// The background of scenes.
    pub background: Colour,
    /// Text.
    pub ink: Colour,
    /// Secondary text.
    pub muted: Colour,
    /// Lines, figures and product names.
    pub accent: Colour,
    /// Panels.
    pub panel: Colour,
    /// Text on panels: whichever of the text and background colors contrasts more.
    pub on_panel: Colour,
    /// The color that covers the frame between scenes.
    pub cover: Colour,
    /// Shapes and cards, in a color between the background and the panels.
    pub shade: Colour,
    /// Large shapes, in a color closer to the background than `shade`.
    pub tint: Colour,
    /// The box behind captions.
    pub caption_box: Colour,
    /// The word being spoken.
    pub caption_word: Colour,
}

impl Palette {
    /// Parses the brand's colors. Fails if text does not have the contrast that WCAG 1.4.3 requires.
    pub fn of(brand: &Brand) -> Result<Self, Error> {
        let colours = &brand.colours;
        let background = Colour::parse(&colours.background, "colours.background")?;
        let ink = Colour::parse(&colours.ink, "colours.ink")?;
        let accent = Colour::parse(&colours.accent, "colours.accent")?;
        let panel = Colour::parse(&colours.panel, "colours.panel")?;
        let or = |text: &Option<String>, field, other| match text {
            Some(text) => Colour::parse(text, field),
            None => Ok(other),
        };
        let shade = background.mixed(panel, 0.34);
        let palette = Self {
            background,
            ink,
            muted: Colour::parse(&colours.muted, "colours.muted")?,
            accent,
            panel,
            on_panel: if ink.contrast(panel) >= background.contrast(panel) { ink } else { background },
            cover: or(&colours.cover, "colours.cover", shade)?,
            shade,
            tint: background.mixed(panel, 0.15),
            caption_box: Colour::parse(&colours.caption_box, "colours.caption_box")?,
            caption_word: or(&colours.caption_word, "colours.caption_word", accent)?,
        };
        palette.check()?;
        Ok(palette)
    }

    fn check(&self) -> Result<(), Error> {
        let on = |text: Colour, ground: Colour, field, expected| (text.contrast(ground), field, expected);
        let contrasts = [
            on(Colour::WHITE, self.caption_box, "colours.caption_box", "at a contrast of at least 4.5:1 with white"),
            on(
                self.caption_word,
                self.caption_box,
                "colours.caption_word",
                "at a contrast of at least 4.5:1 with colours.caption_box",
            ),
            on(self.ink, self.background, "colours.ink", "at a contrast of at least 4.5:1 with colours.background"),
            on(self.muted, self.background, "colours.muted", "at a contrast of at least 4.5:1 with colours.background"),
            on(
                self.accent,
                self.background,
                "colours.accent",
                "at a contrast of at least 4.5:1 with colours.background",
            ),
            on(
                self.muted,
                self.shade,
                "colours.muted",
                "at a contrast of at least 4.5:1 with colours.background mixed with a third of colours.panel",
            ),
            on(
                self.accent,
                self.shade,
                "colours.accent",
                "at a contrast of at least 4.5:1 with colours.background mixed with a third of colours.panel",
            ),
            on(self.muted, self.cover, "colours.cover", "at a contrast of at least 4.5:1 with colours.muted"),
            on(
                self.on_panel,
                self.panel,
                "colours.panel",
                "at a contrast of at least 4.5:1 with colours.ink or colours.background",
            ),
        ];
        match contrasts.into_iter().find(|(contrast, ..)| *contrast < 4.5) {
            Some((_, field, expected)) => Err(Error::Brand { field, expected }),
            None => Ok(()),
        }
    }

    /// Returns the style sheet that gives templates the brand's colors.
    pub(crate) fn style_sheet(&self) -> String {
        let colors = [
            ("ground", self.background),
            ("ink", self.ink),
            ("muted", self.muted),
            ("accent", self.accent),
            ("panel", self.panel),
            ("on-panel", self.on_panel),
            ("cover", self.cover),
            ("shade", self.shade),
            ("tint", self.tint),
        ];
        let rules = colors.into_iter().map(|(name, color)| {
            let color = color.web();
            format!(".fill-{name}{{fill:{color}}}.stroke-{name}{{stroke:{color}}}.stop-{name}{{stop-color:{color}}}")
        });
        rules.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panel_is_no_more_opaque_than_the_background_requires() {
        assert!((panel_opacity(0.1, 1.0, 0.2, 0.5) - 0.5).abs() < 1e-6, "a dark background needs no more");
        let on_white = panel_opacity(0.1, 1.0, 1.0, 0.5);
        assert!((0.6..0.75).contains(&on_white), "{on_white}");
        assert!(ink_contrast(1.0, 1.0, on_white * 0.1 + (1.0 - on_white)) >= CONTRAST - 0.01);
        assert!(panel_opacity(0.1, 1.0, 0.7, 0.0) < on_white);
    }
}
