//! The canvas on which cards and scenes are drawn: the document, the palette, and a record of everything on the picture.

use contracts::brand::Brand;

use crate::ass::{Colour, Document};
use crate::background_luma::BackgroundLuma;
use crate::error::Error;
use crate::font::FontSet;
use crate::layout::{Frame, Rect};

/// Frames per second.
pub const FRAME_RATE: u32 = 24;

/// Something on the picture. Placements show that nothing covers anything else.
#[derive(Clone, Debug, PartialEq)]
pub struct Placement {
    /// The kind of element, as in "lower third".
    pub kind: &'static str,
    /// Seconds from the start.
    pub start: f64,
    /// Seconds from the start.
    pub end: f64,
    /// The area, px of the layout.
    pub area: Rect,
}

/// One of the brand's two pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Emblem {
    /// The mark with the bank's name.
    Logo,
    /// The mark alone.
    Mark,
}

/// One appearance of an emblem.
#[derive(Clone, Debug, PartialEq)]
pub struct LogoPlacement {
    /// The emblem.
    pub emblem: Emblem,
    /// The area, px of the layout. Its left and upper edges are whole numbers.
    pub area: Rect,
    /// Seconds from the start.
    pub start: f64,
    /// Seconds from the start.
    pub end: f64,
    /// 1 is opaque.
    pub opacity: f64,
    /// Seconds of fading in and out.
    pub fade: f64,
}

/// A color over the whole frame, behind all text. The overlay filter draws it several times as fast as libass.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Veil {
    /// The color.
    pub colour: Colour,
    /// 1 is opaque.
    pub opacity: f64,
    /// Seconds from the start.
    pub start: f64,
    /// Seconds from the start.
    pub end: f64,
    /// Seconds of fading in and out.
    pub fades: (f64, f64),
}

/// A gradient that darkens the background from the upper edge of the frame down.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scrim {
    /// The color.
    pub colour: Colour,
    /// The opacity at the upper edge; 1 is opaque.
    pub opacity: f64,
    /// The lower edge of the part with full opacity, px of the layout.
    pub solid: f64,
    /// The lower edge, at which the gradient ends, px of the layout.
    pub height: f64,
}

/// The contrast that text over the background gets. It exceeds the required 4.5, because compression lowers it.
const CONTRAST: f64 = 5.5;

/// The relative luminance of a gray, 0 to 1 (WCAG 2.2).
fn luminance(level: f64) -> f64 {
    if level <= 0.04045 { level / 12.92 } else { ((level + 0.055) / 1.055).powf(2.4) }
}

/// The contrast of ink of some opacity with a gray background (WCAG 2.2), if the ink is lighter.
fn ink_contrast(ink: f64, opacity: f64, background: f64) -> f64 {
    let visible = opacity * ink + (1.0 - opacity) * background;
    (luminance(visible) + 0.05) / (luminance(background) + 0.05)
}

/// Finds the end of the range of `x`, 0 to 1, in which a condition holds that holds at 0.
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

/// Returns the least opacity, at least `least`, at which ink of a gray level has the contrast over a background.
pub(crate) fn ink_opacity(ink: f64, background: f64, least: f64) -> f64 {
    1.0 - bisect(|transparency| ink_contrast(ink, 1.0 - transparency, background) >= CONTRAST).min(1.0 - least)
}

/// Returns the least opacity, at least `least`, of a panel of a gray level, at which ink has the contrast over it.
pub(crate) fn panel_opacity(panel: f64, ink: f64, background: f64, least: f64) -> f64 {
    let legible = |transparency: f64| {
        ink_contrast(ink, 1.0, (1.0 - transparency) * panel + transparency * background) >= CONTRAST
    };
    1.0 - bisect(legible).min(1.0 - least)
}

/// The brand's colors.
#[derive(Clone, Copy, Debug)]
pub struct Palette {
    /// Cards and boxes.
    pub background: Colour,
    /// Text.
    pub ink: Colour,
    /// Secondary text.
    pub muted: Colour,
    /// Rules and the word being spoken.
    pub accent: Colour,
    /// The box behind captions.
    pub caption_box: Colour,
}

impl Palette {
    /// Parses the brand's colors. Fails if text does not have the contrast that WCAG 1.4.3 demands. Text must be light on
    /// dark, as captions and logo are, because the checks of the finished picture assume it.
    pub fn of(brand: &Brand) -> Result<Self, Error> {
        let colours = &brand.colours;
        let palette = Self {
            background: Colour::parse(&colours.background, "colours.background")?,
            ink: Colour::parse(&colours.ink, "colours.ink")?,
            muted: Colour::parse(&colours.muted, "colours.muted")?,
            accent: Colour::parse(&colours.accent, "colours.accent")?,
            caption_box: Colour::parse(&colours.caption_box, "colours.caption_box")?,
        };
        let contrasts = [
            (
                Colour::WHITE.contrast(palette.caption_box),
                "colours.caption_box",
                "at a contrast of at least 4.5:1 with white",
            ),
            (
                palette.accent.contrast(palette.caption_box),
                "colours.accent",
                "at a contrast of at least 4.5:1 with colours.caption_box",
            ),
            (
                palette.ink.contrast(palette.background),
                "colours.ink",
                "at a contrast of at least 4.5:1 with colours.background",
            ),
            (
                palette.muted.contrast(palette.background),
                "colours.muted",
                "at a contrast of at least 4.5:1 with colours.background",
            ),
        ];
        for (colour, field) in [(palette.ink, "colours.ink"), (palette.muted, "colours.muted")] {
            if colour.luminance() < palette.background.luminance() {
                return Err(Error::Brand { field, expected: "lighter than colours.background" });
            }
        }
        match contrasts.into_iter().find(|(contrast, ..)| *contrast < 4.5) {
            Some((_, field, expected)) => Err(Error::Brand { field, expected }),
            None => Ok(palette),
        }
    }
}

/// A picture under construction.
pub(crate) struct Canvas<'a> {
    pub fonts: &'a FontSet,
    pub frame: Frame,
    pub palette: Palette,
    pub background: &'a BackgroundLuma,
    pub document: Document<'a>,
    pub placements: Vec<Placement>,
    pub veils: Vec<Veil>,
    pub logos: Vec<LogoPlacement>,
}

impl Canvas<'_> {
    /// Returns the opacity, at least `least`, that a panel of the background color needs in an area to make `ink` legible.
    pub(crate) fn panel_opacity(&self, area: Rect, panel: Colour, ink: Colour, least: f64) -> f64 {
        let level = self.background.level(area, self.frame.dimensions());
        panel_opacity(panel.luma(), ink.luma(), level, least)
    }

    /// Records something on the picture.
    pub(crate) fn place(&mut self, kind: &'static str, (start, end): (f64, f64), area: Rect) {
        self.placements.push(Placement { kind, start, end, area });
    }

    /// Covers the whole frame with the background color.
    pub(crate) fn veil(&mut self, (start, end): (f64, f64), opacity: f64, fades: (f64, f64)) {
        self.veils.push(Veil { colour: self.palette.background, opacity, start, end, fades });
    }

    /// Shows an emblem.
    pub(crate) fn logo(&mut self, emblem: Emblem, time: (f64, f64), area: Rect, opacity: f64, fade: f64) {
        let area = Rect { x: area.x.round(), y: area.y.round(), ..area };
        self.place("logo", time, area);
        self.logos.push(LogoPlacement { emblem, area, start: time.0, end: time.1, opacity, fade });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panel_is_as_opaque_as_the_background_demands() {
        assert!((panel_opacity(0.1, 1.0, 0.2, 0.5) - 0.5).abs() < 1e-6, "a dark background needs no more");
        let on_white = panel_opacity(0.1, 1.0, 1.0, 0.5);
        assert!((0.6..0.75).contains(&on_white), "{on_white}");
        assert!(ink_contrast(1.0, 1.0, on_white * 0.1 + (1.0 - on_white)) >= CONTRAST - 0.01);
        assert!(panel_opacity(0.1, 1.0, 0.7, 0.0) < on_white);
    }

    #[test]
    fn ink_is_as_opaque_as_the_background_demands() {
        assert!((ink_opacity(1.0, 0.1, 0.7) - 0.7).abs() < 1e-6);
        let on_gray = ink_opacity(1.0, 0.35, 0.7);
        assert!((0.7..=1.0).contains(&on_gray) && ink_contrast(1.0, on_gray, 0.35) >= CONTRAST - 0.01, "{on_gray}");
        assert!((ink_opacity(1.0, 0.9, 0.7) - 1.0).abs() < 1e-6, "no opacity suffices");
    }
}
