//! The picture's text and shapes as an ASS document for libass.
//!
//! Every event says its font, size, colour and place itself, so that nothing depends on a style, and text can say nothing
//! at all: what a customer or a catalogue wrote is escaped in [`escape`], the only way in.

use std::fmt::Write;

use crate::error::Error;
use crate::font::{Fonts, Role};

/// An opaque colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour {
    red: u8,
    green: u8,
    blue: u8,
}

impl Colour {
    /// White.
    pub const WHITE: Self = Self { red: 255, green: 255, blue: 255 };

    /// Reads `#rrggbb`; `field` names it if it is something else.
    pub fn parse(text: &str, field: &'static str) -> Result<Self, Error> {
        let number =
            text.strip_prefix('#').filter(|digits| digits.len() == 6).map(|digits| u32::from_str_radix(digits, 16));
        match number {
            Some(Ok(number)) => {
                let [_, red, green, blue] = number.to_be_bytes();
                Ok(Self { red, green, blue })
            }
            _ => Err(Error::Brand { field, expected: "a colour as #rrggbb" }),
        }
    }

    /// As ASS writes it: blue first.
    fn tag(self) -> String {
        format!("&H{:02X}{:02X}{:02X}&", self.blue, self.green, self.red)
    }

    /// As ffmpeg reads it.
    pub(crate) fn hex(self) -> String {
        format!("0x{:02X}{:02X}{:02X}", self.red, self.green, self.blue)
    }

    /// Relative luminance (WCAG 2.2).
    pub(crate) fn luminance(self) -> f64 {
        let linear = |part: u8| {
            let part = f64::from(part) / 255.0;
            if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(self.red) + 0.7152 * linear(self.green) + 0.0722 * linear(self.blue)
    }

    /// Contrast ratio (WCAG 2.2), 1 to 21.
    #[must_use]
    pub fn contrast(self, other: Self) -> f64 {
        let (a, b) = (self.luminance(), other.luminance());
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }
}

/// Makes a text harmless: no override block, no line break, no escape. libass skips the word joiner that parts a
/// backslash from what follows it.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            '{' => escaped.push_str("\\{"),
            '}' => escaped.push_str("\\}"),
            '\\' => escaped.push_str("\\\u{2060}"),
            sign if sign.is_control() => escaped.push(' '),
            sign => escaped.push(sign),
        }
    }
    escaped
}

/// Where the given x of a line lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// At its left end.
    Left,
    /// In its middle.
    Centre,
    /// At its right end.
    Right,
}

/// How something is drawn.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Its colour.
    pub colour: Colour,
    /// 0 is invisible, 1 opaque.
    pub opacity: f64,
    /// Seconds of fading in.
    pub fade_in: f64,
    /// Seconds of fading out.
    pub fade_out: f64,
    /// px by which it glides to its place from below while it fades in; negative comes from above.
    pub rise: f64,
    /// Whether a soft dark edge keeps it legible on a moving picture.
    pub halo: bool,
}

impl Look {
    /// Drawn plainly.
    #[must_use]
    pub const fn plain(colour: Colour) -> Self {
        Self { colour, opacity: 1.0, fade_in: 0.0, fade_out: 0.0, rise: 0.0, halo: false }
    }

    /// Fading in and out.
    #[must_use]
    pub const fn fading(self, fade_in: f64, fade_out: f64) -> Self {
        Self { fade_in, fade_out, ..self }
    }

    /// Less than opaque.
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
pub struct Text<'a> {
    /// What it is for.
    pub role: Role,
    /// The em square, px.
    pub em: f64,
    /// Where `x` lies.
    pub align: Align,
    /// px from the left.
    pub x: f64,
    /// The baseline, px from the top.
    pub baseline: f64,
    /// The words, unescaped.
    pub text: &'a str,
}

/// The document.
#[derive(Debug)]
pub struct Document<'a> {
    fonts: &'a Fonts,
    text: String,
}

/// `H:MM:SS.cc`.
fn stamp(seconds: f64) -> String {
    let hundredths = (std::time::Duration::from_secs_f64(seconds.max(0.0) + 0.005)).as_millis() / 10;
    format!(
        "{}:{:02}:{:02}.{:02}",
        hundredths / 360_000,
        hundredths / 6000 % 60,
        hundredths / 100 % 60,
        hundredths % 100
    )
}

impl<'a> Document<'a> {
    /// An empty document for a frame of this size.
    #[must_use]
    pub fn new(fonts: &'a Fonts, (width, height): (u32, u32)) -> Self {
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

    /// A line of text. `inside` may put tags before a word: it is asked for the tags of the word that starts at this byte.
    fn line(
        &mut self,
        layer: u8,
        (start, end): (f64, f64),
        text: &Text<'_>,
        look: &Look,
        inside: &dyn Fn(usize) -> String,
    ) {
        let runs = self.fonts.runs(text.role, text.text);
        let rise = runs.iter().map(|run| run.face.rise(text.em)).fold(0.0, f64::max);
        let align = match text.align {
            Align::Left => 7,
            Align::Centre => 8,
            Align::Right => 9,
        };
        let mut body = format!("{{{}}}", look.tags(align, text.x, text.baseline - rise));
        let mut at = 0;
        for run in &runs {
            let _ = write!(body, "{{\\fn{}\\fs{:.2}\\b0}}", run.face.family(), run.face.ass_size(text.em));
            for part in run.text.split_inclusive(' ') {
                body.push_str(&inside(at));
                body.push_str(&escape(part));
                at += part.len();
            }
        }
        self.event(layer, start, end, &body);
    }

    /// A line of text.
    pub fn text(&mut self, layer: u8, time: (f64, f64), text: &Text<'_>, look: &Look) {
        self.line(layer, time, text, look, &|_| String::new());
    }

    /// A line of text in which each word takes the colour `lit` while it is spoken. `words`: the byte at which the word
    /// starts, and its times.
    pub fn lit_text(
        &mut self,
        layer: u8,
        time: (f64, f64),
        text: &Text<'_>,
        look: &Look,
        (words, lit): (&[(usize, f64, f64)], Colour),
    ) {
        let tags = |at: usize| {
            let Some((_, from, to)) = words.iter().find(|(start, ..)| *start == at) else { return String::new() };
            let (from, to) = (((from - time.0) * 1000.0).max(0.0), ((to - time.0) * 1000.0).max(1.0));
            let (plain, lit) = (look.colour.tag(), lit.tag());
            // A change between two instants a millisecond apart is a switch.
            format!("{{\\1c{plain}\\t({from:.0},{:.0},\\1c{lit})\\t({to:.0},{:.0},\\1c{plain})}}", from + 1.0, to + 1.0)
        };
        self.line(layer, time, text, look, &tags);
    }

    /// A rectangle with round corners of `radius` px.
    pub fn rectangle(&mut self, layer: u8, time: (f64, f64), area: crate::layout::Rect, radius: f64, look: &Look) {
        let (w, h) = (area.w, area.h);
        let r = radius.min(w / 2.0).min(h / 2.0);
        // A quarter of a circle as a Bézier curve: its handles are 0.5523 r long.
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
        let body = format!("{{{}\\p1}}{path}{{\\p0}}", look.tags(7, area.x, area.y));
        self.event(layer, time.0, time.1, &body);
    }

    /// The finished document.
    #[must_use]
    pub fn finish(self) -> String {
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_can_give_an_order_to_libass() {
        let text = escape("{\\an8}a\\Nb\\hc\nd\r%{e}\u{0}");
        assert_eq!(text, "\\{\\\u{2060}an8\\}a\\\u{2060}Nb\\\u{2060}hc d %\\{e\\} ");
    }

    #[test]
    fn times_are_hundredths_of_a_second() {
        assert_eq!(stamp(0.0), "0:00:00.00");
        assert_eq!(stamp(3725.678), "1:02:05.68");
    }

    #[test]
    fn black_on_white_is_the_greatest_contrast() {
        let black = Colour::parse("#000000", "x").unwrap();
        assert!((black.contrast(Colour::WHITE) - 21.0).abs() < 1e-9);
        assert!(Colour::parse("red", "colours.ink").is_err());
        assert_eq!(Colour::parse("#e6b366", "x").unwrap().tag(), "&H66B3E6&");
    }
}
