//! The video's text and shapes as an ASS document for libass.
//!
//! Every event sets its own font, size, color and position, so no event depends on a style. All text from a customer or
//! a catalog goes through [`escape`], so it cannot contain commands.

use std::fmt::Write;

use crate::error::Error;
use crate::font::{FontSet, Role};
use crate::frame_rate::FRAME_RATE;
use crate::layout::Rect;

/// An opaque color.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour {
    red: u8,
    green: u8,
    blue: u8,
}

impl Colour {
    /// White.
    pub const WHITE: Self = Self { red: 255, green: 255, blue: 255 };

    /// Parses `#rrggbb`. `field` is the setting's name for the error.
    pub fn parse(text: &str, field: &'static str) -> Result<Self, Error> {
        let number =
            text.strip_prefix('#').filter(|digits| digits.len() == 6).map(|digits| u32::from_str_radix(digits, 16));
        match number {
            Some(Ok(number)) => {
                let [_, red, green, blue] = number.to_be_bytes();
                Ok(Self { red, green, blue })
            }
            _ => Err(Error::Brand { field, expected: "a color as #rrggbb" }),
        }
    }

    /// Returns the color in ASS notation, with blue first.
    fn tag(self) -> String {
        format!("&H{:02X}{:02X}{:02X}&", self.blue, self.green, self.red)
    }

    /// Returns the color in CSS notation.
    pub(crate) fn web(self) -> String {
        format!("#{:02x}{:02x}{:02x}", self.red, self.green, self.blue)
    }

    /// Returns red, green and blue.
    pub(crate) const fn rgb(self) -> [u8; 3] {
        [self.red, self.green, self.blue]
    }

    /// Returns the color mixed with a share, 0 to 1, of another color.
    #[must_use]
    pub(crate) fn mixed(self, other: Self, share: f64) -> Self {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between two bytes")]
        let mix = |one: u8, two: u8| (f64::from(one) * (1.0 - share) + f64::from(two) * share).round() as u8;
        Self { red: mix(self.red, other.red), green: mix(self.green, other.green), blue: mix(self.blue, other.blue) }
    }

    /// Returns the luma (ITU-R BT.709), 0 to 1.
    pub(crate) fn luma(self) -> f64 {
        (0.2126 * f64::from(self.red) + 0.7152 * f64::from(self.green) + 0.0722 * f64::from(self.blue)) / 255.0
    }

    /// Returns the relative luminance (WCAG 2.2), 0 to 1.
    pub(crate) fn luminance(self) -> f64 {
        let linear = |part: u8| {
            let part = f64::from(part) / 255.0;
            if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(self.red) + 0.7152 * linear(self.green) + 0.0722 * linear(self.blue)
    }

    /// Returns the contrast ratio between two colors (WCAG 2.2), 1 to 21.
    #[must_use]
    pub fn contrast(self, other: Self) -> f64 {
        let a = self.luminance();
        let b = other.luminance();
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }
}

/// Escapes text so it contains no override block, line break or escape sequence. A word joiner after each backslash
/// separates it from the next character; libass ignores the joiner.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '{' => escaped.push_str("\\{"),
            '}' => escaped.push_str("\\}"),
            '\\' => escaped.push_str("\\\u{2060}"),
            character if character.is_control() => escaped.push(' '),
            character => escaped.push(character),
        }
    }
    escaped
}

/// The point of a line that is placed at the given x coordinate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// The left end.
    Left,
    /// The middle.
    Center,
    /// The right end.
    Right,
}

/// The style of text or a shape.
#[derive(Clone, Copy, Debug)]
pub struct DrawStyle {
    /// The color.
    pub colour: Colour,
    /// The opacity: 0 is invisible, 1 opaque.
    pub opacity: f64,
    /// The duration of the fade-in in seconds.
    pub fade_in: f64,
    /// The duration of the fade-out in seconds.
    pub fade_out: f64,
    /// The distance in pixels by which the element moves up while it fades in. If negative, it moves down.
    pub rise: f64,
    /// Whether a soft dark edge keeps the element legible on moving video.
    pub halo: bool,
}

impl DrawStyle {
    /// Returns an opaque style without fades.
    #[must_use]
    pub const fn plain(colour: Colour) -> Self {
        Self { colour, opacity: 1.0, fade_in: 0.0, fade_out: 0.0, rise: 0.0, halo: false }
    }

    /// Sets the durations of the fades in seconds.
    #[must_use]
    pub const fn fading(self, fade_in: f64, fade_out: f64) -> Self {
        Self { fade_in, fade_out, ..self }
    }

    /// Sets the opacity.
    #[must_use]
    pub const fn at(self, opacity: f64) -> Self {
        Self { opacity, ..self }
    }

    fn tags(&self, align: u8, x: f64, y: f64) -> String {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0 to 255")]
        let alpha = ((1.0 - self.opacity.clamp(0.0, 1.0)) * 255.0).round() as u8;
        let mut tags = format!("\\an{align}\\1c{}\\1a&H{alpha:02X}&\\shad0", self.colour.tag());
        if self.halo {
            tags.push_str("\\bord1.6\\3c&H000000&\\3a&H70&\\blur2.4");
        } else {
            tags.push_str("\\bord0");
        }
        if self.rise == 0.0 {
            let _ = write!(tags, "\\pos({x:.1},{y:.1})");
        } else {
            let from = y + self.rise;
            let _ = write!(tags, "\\move({x:.1},{from:.1},{x:.1},{y:.1},0,{:.0})", self.fade_in * 1000.0);
        }
        if self.fade_in > 0.0 || self.fade_out > 0.0 {
            let _ = write!(tags, "\\fad({:.0},{:.0})", self.fade_in * 1000.0, self.fade_out * 1000.0);
        }
        tags
    }
}

/// A line of text to draw.
#[derive(Clone, Copy, Debug)]
pub struct TextLine<'a> {
    /// The font role.
    pub role: Role,
    /// The em square in pixels.
    pub em: f64,
    /// The point of the line that is placed at `x`.
    pub align: Align,
    /// The distance from the left edge of the frame in pixels.
    pub x: f64,
    /// The distance of the baseline from the top edge of the frame in pixels.
    pub baseline: f64,
    /// The unescaped text.
    pub text: &'a str,
}

/// The words of a line, and the color that each word has while it is spoken.
#[derive(Clone, Copy, Debug)]
pub struct Highlight<'a> {
    /// The words.
    pub words: &'a [TimedWord],
    /// The color of the word being spoken.
    pub colour: Colour,
}

/// The time at which a word of a line is spoken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TimedWord {
    /// The byte offset of the word in the line.
    pub offset: usize,
    /// The start, in seconds from the start of the video.
    pub start: f64,
    /// The end, in seconds from the start of the video.
    pub end: f64,
}

/// An ASS document under construction.
#[derive(Debug)]
pub struct Document<'a> {
    fonts: &'a FontSet,
    text: String,
}

/// Formats the first frame at or after a time in seconds as `H:MM:SS.cc`. Rounding down to hundredths keeps the frame, so a
/// scene and a single encode show an element in the same frames.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a time is not negative, and short")]
fn stamp(seconds: f64) -> String {
    let frame = (seconds.max(0.0) * f64::from(FRAME_RATE) - 1e-6).ceil() as u64;
    let hundredths = frame * 100 / u64::from(FRAME_RATE);
    format!(
        "{}:{:02}:{:02}.{:02}",
        hundredths / 360_000,
        hundredths / 6000 % 60,
        hundredths / 100 % 60,
        hundredths % 100
    )
}

impl<'a> Document<'a> {
    /// Creates an empty document for a frame of this size in pixels.
    #[must_use]
    pub fn new(fonts: &'a FontSet, (width, height): (u32, u32)) -> Self {
        let text = format!(
            "[Script Info]\nScriptType: v4.00+\nPlayResX: {width}\nPlayResY: {height}\nWrapStyle: 2\n\
             ScaledBorderAndShadow: yes\nYCbCr Matrix: TV.709\n\n[V4+ Styles]\n\
             Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, \
             Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, \
             MarginR, MarginV, Encoding\n\
             Style: Base,{},40,&H00FFFFFF,&H00FFFFFF,&H00000000,&H00000000,0,0,0,0,100,100,0,0,1,0,0,7,0,0,0,1\n\n\
             [Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n",
            fonts.face(Role::Body).family()
        );
        Self { fonts, text }
    }

    fn event(&mut self, layer: u8, start: f64, end: f64, text: &str) {
        let _ = writeln!(self.text, "Dialogue: {layer},{},{},Base,,0,0,0,,{text}", stamp(start), stamp(end));
    }

    /// Adds a line of text. `word_tags` returns the tags to insert before the word that starts at a byte offset.
    fn line(
        &mut self,
        layer: u8,
        (start, end): (f64, f64),
        text: &TextLine<'_>,
        style: &DrawStyle,
        word_tags: &dyn Fn(usize) -> String,
    ) {
        let runs = self.fonts.font_runs(text.role, text.text);
        let ascent = runs.iter().map(|run| run.face.ascent_px(text.em)).fold(0.0, f64::max);
        let align = match text.align {
            Align::Left => 7,
            Align::Center => 8,
            Align::Right => 9,
        };
        let mut body = format!("{{{}}}", style.tags(align, text.x, text.baseline - ascent));
        let mut at = 0;
        for run in &runs {
            let _ = write!(body, "{{\\fn{}\\fs{:.2}\\b0}}", run.face.family(), run.face.ass_size(text.em));
            for part in run.text.split_inclusive(' ') {
                body.push_str(&word_tags(at));
                body.push_str(&escape(part));
                at += part.len();
            }
        }
        self.event(layer, start, end, &body);
    }

    /// Adds a line of text.
    pub fn text(&mut self, layer: u8, time: (f64, f64), text: &TextLine<'_>, style: &DrawStyle) {
        self.line(layer, time, text, style, &|_| String::new());
    }

    /// Adds a line of text in which each word is highlighted while it is spoken.
    pub fn highlighted_text(
        &mut self,
        layer: u8,
        time: (f64, f64),
        text: &TextLine<'_>,
        style: &DrawStyle,
        highlight: &Highlight<'_>,
    ) {
        let tags = |at: usize| {
            let Some(word) = highlight.words.iter().find(|word| word.offset == at) else { return String::new() };
            let from = ((word.start - time.0) * 1000.0).max(0.0);
            let to = ((word.end - time.0) * 1000.0).max(1.0);
            let plain = style.colour.tag();
            let lit = highlight.colour.tag();
            // A transition of one millisecond acts as a switch.
            format!("{{\\1c{plain}\\t({from:.0},{:.0},\\1c{lit})\\t({to:.0},{:.0},\\1c{plain})}}", from + 1.0, to + 1.0)
        };
        self.line(layer, time, text, style, &tags);
    }

    /// Adds a rectangle whose rounded corners have a radius of `radius` pixels.
    pub fn rectangle(&mut self, layer: u8, time: (f64, f64), area: Rect, radius: f64, style: &DrawStyle) {
        let Rect { w, h, .. } = area;
        let r = radius.min(w / 2.0).min(h / 2.0);
        // The Bézier curve for a quarter circle has handles of 0.5523 r.
        let k = r * (1.0 - 0.5523);
        let path = if r <= 0.0 {
            format!("m 0 0 l {w:.1} 0 {w:.1} {h:.1} 0 {h:.1}")
        } else {
            format!(
                "m {r:.1} 0 l {a:.1} 0 b {b:.1} 0 {w:.1} {k:.1} {w:.1} {r:.1} l {w:.1} {c:.1} b {w:.1} {d:.1} {b:.1} {h:.1} \
                 {a:.1} {h:.1} l {r:.1} {h:.1} b {k:.1} {h:.1} 0 {d:.1} 0 {c:.1} l 0 {r:.1} b 0 {k:.1} {k:.1} 0 {r:.1} 0",
                a = w - r,
                b = w - k,
                c = h - r,
                d = h - k,
            )
        };
        let body = format!("{{{}\\p1}}{path}{{\\p0}}", style.tags(7, area.x, area.y));
        self.event(layer, time.0, time.1, &body);
    }

    /// Returns the finished document.
    #[must_use]
    pub fn finish(self) -> String {
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaped_text_contains_no_commands() {
        let text = escape("{\\an8}a\\Nb\\hc\nd\r%{e}\u{0}");
        assert_eq!(text, "\\{\\\u{2060}an8\\}a\\\u{2060}Nb\\\u{2060}hc d %\\{e\\} ");
    }

    #[test]
    fn times_are_those_of_frames() {
        assert_eq!(stamp(0.0), "0:00:00.00");
        // Frames 208 and 209 start at 8.667 and 8.708 seconds.
        assert_eq!(stamp(208.0 / 24.0), "0:00:08.66");
        assert_eq!(stamp(208.0 / 24.0 + 0.001), "0:00:08.70");
        assert_eq!(stamp(3725.678), "1:02:05.70");
    }

    #[test]
    fn black_on_white_has_a_contrast_of_21() {
        let black = Colour::parse("#000000", "x").unwrap();
        assert!((black.contrast(Colour::WHITE) - 21.0).abs() < 1e-9);
        assert!(Colour::parse("red", "colours.ink").is_err());
        assert_eq!(Colour::parse("#e6b366", "x").unwrap().tag(), "&H66B3E6&");
    }
}
