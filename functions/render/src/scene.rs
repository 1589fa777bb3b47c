//! The picture: what is shown when and where, as one ASS document and the places of the logo.

use contracts::brand::Brand;
use contracts::media::Shape;
use contracts::narration::{Narration, Timing};
use contracts::script::{OfferShown, Script};

use crate::ass::{Align, Colour, Document, Look, Text};
use crate::captions::Cue;
use crate::card;
use crate::error::Error;
use crate::font::{Fonts, Role, shown};
use crate::layout::{Frame, Rect, contain};

/// Seconds of the title card.
pub const TITLE_SECONDS: f64 = 2.5;
/// Seconds between the narration's end and the end card.
pub const BREATH_SECONDS: f64 = 0.7;
/// Frames a second.
pub const FRAME_RATE: u32 = 24;

/// Something on the picture, for who wants to know that nothing covers anything else.
#[derive(Clone, Debug, PartialEq)]
pub struct Placed {
    /// What it is.
    pub what: &'static str,
    /// Seconds from the start.
    pub start: f64,
    /// Seconds from the start.
    pub end: f64,
    /// Where.
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

/// One appearance of a logo.
#[derive(Clone, Debug, PartialEq)]
pub struct LogoShown {
    /// Which.
    pub emblem: Emblem,
    /// Where; whole px.
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

/// A colour over the whole frame, behind all text. The overlay filter draws it several times as fast as libass does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Veil {
    /// The colour.
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

/// The picture over the whole time.
#[derive(Clone, Debug)]
pub struct Scene {
    /// The ASS document.
    pub document: String,
    /// Everything that stands on the picture.
    pub placed: Vec<Placed>,
    /// The veils, in order; no two at once.
    pub veils: Vec<Veil>,
    /// The appearances of the logo, in order; no two at once.
    pub logos: Vec<LogoShown>,
    /// Seconds of the whole video: whole frames.
    pub seconds: f64,
    /// When the end card comes, seconds.
    pub end_card: f64,
    /// A moment that stands for the video: within the first offer, or on the title card.
    pub poster: f64,
}

/// The brand's colours.
#[derive(Clone, Copy, Debug)]
pub struct Palette {
    /// Cards and boxes.
    pub background: Colour,
    /// Text.
    pub ink: Colour,
    /// Lesser text.
    pub muted: Colour,
    /// Lines and the word being spoken.
    pub accent: Colour,
    /// The box behind captions.
    pub caption_box: Colour,
}

impl Palette {
    /// Reads the brand's colours; captions must have the contrast that WCAG 1.4.3 demands. Text is light on dark: so are the
    /// captions and the logo, and so the finished picture is looked at.
    pub fn of(brand: &Brand) -> Result<Self, Error> {
        let colours = &brand.colours;
        let palette = Self {
            background: Colour::parse(&colours.background, "colours.background")?,
            ink: Colour::parse(&colours.ink, "colours.ink")?,
            muted: Colour::parse(&colours.muted, "colours.muted")?,
            accent: Colour::parse(&colours.accent, "colours.accent")?,
            caption_box: Colour::parse(&colours.caption_box, "colours.caption_box")?,
        };
        let legible = [
            (Colour::WHITE.contrast(palette.caption_box), "colours.caption_box", "at least 4.5:1 from white"),
            (palette.accent.contrast(palette.caption_box), "colours.accent", "at least 4.5:1 from colours.caption_box"),
            (palette.ink.contrast(palette.background), "colours.ink", "at least 4.5:1 from colours.background"),
            (palette.muted.contrast(palette.background), "colours.muted", "at least 4.5:1 from colours.background"),
        ];
        for (colour, field) in [(palette.ink, "colours.ink"), (palette.muted, "colours.muted")] {
            if colour.luminance() < palette.background.luminance() {
                return Err(Error::Brand { field, expected: "lighter than colours.background" });
            }
        }
        match legible.into_iter().find(|(contrast, ..)| *contrast < 4.5) {
            Some((_, field, expected)) => Err(Error::Brand { field, expected }),
            None => Ok(palette),
        }
    }
}

/// What a picture is made of.
#[derive(Clone, Copy, Debug)]
pub struct Content<'a> {
    /// What is said and shown.
    pub script: &'a Script,
    /// When.
    pub narration: &'a Narration,
    /// The captions.
    pub cues: &'a [Cue],
    /// How the bank looks.
    pub brand: &'a Brand,
    /// The logo's size, px.
    pub logo: (u32, u32),
    /// The mark's size, px.
    pub mark: (u32, u32),
}

/// The document under work.
pub(crate) struct Stage<'a> {
    pub fonts: &'a Fonts,
    pub frame: Frame,
    pub palette: Palette,
    pub document: Document<'a>,
    pub placed: Vec<Placed>,
    pub veils: Vec<Veil>,
    pub logos: Vec<LogoShown>,
}

impl Stage<'_> {
    pub(crate) fn place(&mut self, what: &'static str, (start, end): (f64, f64), area: Rect) {
        self.placed.push(Placed { what, start, end, area });
    }

    pub(crate) fn veil(&mut self, (start, end): (f64, f64), opacity: f64, fades: (f64, f64)) {
        self.veils.push(Veil { colour: self.palette.background, opacity, start, end, fades });
    }

    pub(crate) fn logo(&mut self, emblem: Emblem, time: (f64, f64), area: Rect, opacity: f64, fade: f64) {
        let area = Rect { x: area.x.round(), y: area.y.round(), ..area };
        self.place("logo", time, area);
        self.logos.push(LogoShown { emblem, area, start: time.0, end: time.1, opacity, fade });
    }
}

/// Refuses a text with a sign that no font of the brand has.
pub fn check_glyphs(fonts: &Fonts, content: &Content<'_>) -> Result<(), Error> {
    let Content { script, narration, brand, .. } = *content;
    let spoken = narration.sentences.iter().flat_map(|sentence| &sentence.words).map(|word| (&word.text, "a caption"));
    let offers = script.offers.iter().flat_map(|offer| [&offer.name, &offer.category]).map(|text| (text, "an offer"));
    let lines = script.disclosures.iter().map(|text| (text, "a disclosure"));
    let fixed = [&brand.name, &brand.web, &brand.privacy_mark, &brand.voice_notice, &brand.opt_out];
    let fixed = fixed.into_iter().map(|text| (text, "the brand"));
    let name = std::iter::once((&script.first_name, "the title card"));
    for (text, place) in name.chain(spoken).chain(offers).chain(lines).chain(fixed) {
        if let Some(sign) = fonts.missing(&shown(text)) {
            return Err(Error::MissingGlyph { code: sign.into(), place });
        }
    }
    Ok(())
}

/// A time at the end of the frame that it falls into.
fn whole_frames(seconds: f64) -> f64 {
    (seconds * f64::from(FRAME_RATE)).ceil() / f64::from(FRAME_RATE)
}

/// Lays the picture out.
pub fn compose(fonts: &Fonts, content: &Content<'_>, shape: Shape) -> Result<Scene, Error> {
    let frame = Frame::of(shape);
    let palette = Palette::of(content.brand)?;
    let document = Document::new(fonts, frame.size);
    let mut stage = Stage { fonts, frame, palette, document, placed: Vec::new(), veils: Vec::new(), logos: Vec::new() };
    let spoken_end = TITLE_SECONDS + content.narration.seconds;
    let end_card = whole_frames(spoken_end + BREATH_SECONDS);

    card::title(&mut stage, content, TITLE_SECONDS);
    corner_logo(&mut stage, content.logo, (TITLE_SECONDS, end_card));
    captions(&mut stage, content);
    let first_offer = lower_thirds(&mut stage, content);
    let seconds = whole_frames(card::end(&mut stage, content, end_card));
    privacy_mark(&mut stage, content, seconds);

    let poster = first_offer.map_or(TITLE_SECONDS * 0.6, |(start, end)| f64::midpoint(start, end));
    let Stage { document, placed, veils, logos, .. } = stage;
    Ok(Scene { document: document.finish(), placed, veils, logos, seconds, end_card, poster })
}

fn corner_logo(stage: &mut Stage<'_>, logo: (u32, u32), time: (f64, f64)) {
    let (w, h) = contain(logo, stage.frame.corner_logo);
    let area = Rect { x: stage.frame.safe.right() - w, y: stage.frame.safe.y, w, h };
    stage.logo(Emblem::Logo, time, area, 0.7, 0.5);
}

fn privacy_mark(stage: &mut Stage<'_>, content: &Content<'_>, seconds: f64) {
    let Frame { safe, mark_em, corner_logo, .. } = stage.frame;
    let bar = 4.0;
    let indent = bar + 14.0;
    let room = safe.w - corner_logo.0 - 40.0 - indent;
    let (em, lines) = stage.fonts.fit(Role::Body, &shown(&content.brand.privacy_mark), mark_em, room, 2);
    let leading = em * 1.25;
    #[expect(clippy::cast_precision_loss, reason = "two lines at most")]
    let height = leading * lines.len() as f64;
    let time = (0.0, seconds);
    let widest = lines.iter().map(|line| stage.fonts.width(Role::Body, line, em)).fold(0.0, f64::max);
    // The two corners stand on one line.
    let top = safe.y + ((contain(content.logo, corner_logo).1 - height) / 2.0).max(0.0);
    stage.place("privacy mark", time, Rect { x: safe.x, y: top, w: indent + widest, h: height });
    let accent = Look::plain(stage.palette.accent).at(0.9).fading(0.6, 0.0);
    let mark = Rect { x: safe.x, y: top + 3.0, w: bar, h: height - 6.0 };
    stage.document.rectangle(6, time, mark, bar / 2.0, &accent);
    let look = Look { halo: true, ..Look::plain(stage.palette.ink).at(0.88).fading(0.6, 0.0) };
    let mut baseline = top + em * 0.95;
    for line in &lines {
        let text = Text { role: Role::Body, em, align: Align::Left, x: safe.x + indent, baseline, text: line };
        stage.document.text(6, time, &text, &look);
        baseline += leading;
    }
}

fn captions(stage: &mut Stage<'_>, content: &Content<'_>) {
    let Frame { safe, caption_em, caption_leading, caption_pad: (pad_x, pad_y), .. } = stage.frame;
    let middle = stage.frame.dimensions().0 / 2.0;
    for cue in content.cues {
        let time = (cue.start + TITLE_SECONDS, cue.end + TITLE_SECONDS);
        let texts: Vec<String> = cue.lines.iter().map(crate::captions::Line::text).collect();
        let widest = texts.iter().map(|text| stage.fonts.width(Role::Body, text, caption_em)).fold(0.0, f64::max);
        // Forty-two wide letters may be more than the frame holds.
        let scale = ((safe.w - 2.0 * pad_x) / widest.max(1.0)).min(1.0);
        let (em, leading) = (caption_em * scale, caption_leading * scale);
        #[expect(clippy::cast_precision_loss, reason = "two lines at most")]
        let height = leading * texts.len() as f64 + 2.0 * pad_y;
        let width = widest * scale + 2.0 * pad_x;
        let area = Rect { x: middle - width / 2.0, y: safe.bottom() - height, w: width, h: height };
        stage.place("captions", time, area);
        let panel = Look::plain(stage.palette.caption_box).at(0.86);
        stage.document.rectangle(3, time, area, 14.0, &panel);
        let look = Look::plain(Colour::WHITE);
        for (index, (line, text)) in cue.lines.iter().zip(&texts).enumerate() {
            #[expect(clippy::cast_precision_loss, reason = "two lines at most")]
            let top = area.y + pad_y + leading * index as f64;
            // Latin capitals are about 0.66 em high: this centres them in their line.
            let baseline = top + f64::midpoint(leading, 0.66 * em);
            let placed = Text { role: Role::Body, em, align: Align::Centre, x: middle, baseline, text };
            match content.narration.timing {
                Timing::Estimated => stage.document.text(4, time, &placed, &look),
                Timing::Exact => {
                    let mut at = 0;
                    let mut words = Vec::new();
                    for (index, piece) in line.pieces.iter().enumerate() {
                        at += usize::from(index > 0 && !piece.glued);
                        words.push((at, piece.start + TITLE_SECONDS, piece.end + TITLE_SECONDS));
                        at += piece.text.len();
                    }
                    stage.document.lit_text(4, time, &placed, &look, (&words, stage.palette.accent));
                }
            }
        }
    }
}

/// When a segment is heard, seconds from the start of the video.
fn heard(narration: &Narration, segment: usize) -> Option<(f64, f64)> {
    let mut own = narration.sentences.iter().filter(|sentence| sentence.segment == segment);
    let first = own.next()?;
    let last = own.next_back().unwrap_or(first);
    Some((first.start + TITLE_SECONDS, last.end + TITLE_SECONDS))
}

/// The lower thirds; returns when the first is shown.
fn lower_thirds(stage: &mut Stage<'_>, content: &Content<'_>) -> Option<(f64, f64)> {
    let mut first = None;
    let offers = content.script.segments.iter().enumerate().filter_map(|(index, segment)| {
        let offer = content.script.offers.iter().find(|offer| Some(&offer.product) == segment.product.as_ref())?;
        Some((offer, heard(content.narration, index)?))
    });
    for (offer, time) in offers {
        lower_third(stage, offer, time);
        first = first.or(Some(time));
    }
    first
}

fn lower_third(stage: &mut Stage<'_>, offer: &OfferShown, time: (f64, f64)) {
    const BAR: f64 = 10.0;
    const FADE_IN: f64 = 0.45;
    const FADE_OUT: f64 = 0.3;
    let Frame { safe, product_em, category_em, lower_third_gap, .. } = stage.frame;
    let (before_bar, indent, after, pad_y) = (20.0, 56.0, 48.0, 26.0);
    let room = (safe.w - indent - after).min(1300.0);
    let (em, name) = stage.fonts.fit(Role::Title, &shown(&offer.name), product_em, room, 2);
    let (small, category) = stage.fonts.fit(Role::Body, &shown(&offer.category), category_em, room, 1);
    let widest = |lines: &[String], role, em| lines.iter().map(|l| stage.fonts.width(role, l, em)).fold(0.0, f64::max);
    let width = widest(&name, Role::Title, em).max(widest(&category, Role::Body, small)) + indent + after;
    let (leading, gap) = (em * 1.16, 14.0);
    #[expect(clippy::cast_precision_loss, reason = "two lines at most")]
    let height = name.len() as f64 * leading + gap + small * 1.2 + 2.0 * pad_y;
    let area = Rect { x: safe.x, y: stage.frame.captions_top() - lower_third_gap - height, w: width, h: height };
    stage.place("lower third", time, area);

    let fading = |colour| Look { rise: 18.0, ..Look::plain(colour).fading(FADE_IN, FADE_OUT) };
    stage.document.rectangle(1, time, area, 16.0, &fading(stage.palette.background).at(0.82));
    let bar = Rect { x: area.x + before_bar, y: area.y + pad_y, w: BAR, h: area.h - 2.0 * pad_y };
    stage.document.rectangle(2, time, bar, BAR / 2.0, &fading(stage.palette.accent));
    let x = area.x + indent;
    let mut baseline = area.y + pad_y + em * 0.88;
    for line in &name {
        let text = Text { role: Role::Title, em, align: Align::Left, x, baseline, text: line };
        stage.document.text(2, time, &text, &fading(stage.palette.ink));
        baseline += leading;
    }
    let baseline = area.bottom() - pad_y - small * 0.25;
    for line in &category {
        let text = Text { role: Role::Body, em: small, align: Align::Left, x, baseline, text: line };
        stage.document.text(2, time, &text, &fading(stage.palette.muted));
    }
}
