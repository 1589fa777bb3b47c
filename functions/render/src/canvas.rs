//! The canvas on which cards and scenes are drawn: the document, the palette, and a record of everything on the picture.

use contracts::brand::Brand;

use crate::ass::{Colour, Document};
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
    pub document: Document<'a>,
    pub placements: Vec<Placement>,
    pub veils: Vec<Veil>,
    pub logos: Vec<LogoPlacement>,
}

impl Canvas<'_> {
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
