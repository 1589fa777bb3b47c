//! The video image over time: one ASS document, and the positions of veils and logos.

use contracts::media::Shape;
use contracts::narration::{Narration, Timing};
use contracts::script::OfferShown;

use crate::ass::{Align, Colour, Document, DrawStyle, Highlight, TextLine, TimedWord};
use crate::canvas::{
    Canvas, Emblem, FRAME_RATE, LogoPlacement, Palette, Placement, Scrim, Veil, ink_opacity, panel_opacity,
};
use crate::card;
use crate::content::SceneContent;
use crate::error::Error;
use crate::font::{FontSet, Role, display_text};
use crate::layout::{Frame, Rect, fit_into};

/// The duration of the title card in seconds.
pub const TITLE_SECONDS: f64 = 2.5;
/// The pause between the narration and the end card in seconds.
pub const PAUSE_SECONDS: f64 = 0.7;

/// The video image over the whole video.
#[derive(Clone, Debug)]
pub struct Scene {
    /// The ASS document.
    pub document: String,
    /// All elements in the video image.
    pub placements: Vec<Placement>,
    /// The gradient behind the corner marks, if the background is bright.
    pub scrim: Option<Scrim>,
    /// The veils in order. They never overlap in time.
    pub veils: Vec<Veil>,
    /// The appearances of the emblems in order. They never overlap in time.
    pub logos: Vec<LogoPlacement>,
    /// The length of the video in seconds. It is a whole number of frames.
    pub seconds: f64,
    /// The start of the end card in seconds.
    pub end_card: f64,
    /// The time of the poster in seconds: within the first offer, or on the title card.
    pub poster: f64,
}

/// Rounds a time up to a whole number of frames.
fn round_up_to_frame(seconds: f64) -> f64 {
    (seconds * f64::from(FRAME_RATE)).ceil() / f64::from(FRAME_RATE)
}

/// Composes the scene.
pub fn compose(fonts: &FontSet, content: &SceneContent<'_>, shape: Shape) -> Result<Scene, Error> {
    let frame = Frame::of(shape);
    let palette = Palette::of(content.brand)?;
    let document = Document::new(fonts, frame.size);
    let mut canvas = Canvas {
        fonts,
        frame,
        palette,
        background: content.background,
        document,
        placements: Vec::new(),
        veils: Vec::new(),
        logos: Vec::new(),
    };
    let spoken_end = TITLE_SECONDS + content.narration.seconds;
    let end_card = round_up_to_frame(spoken_end + PAUSE_SECONDS);

    card::title(&mut canvas, content, TITLE_SECONDS);
    let mark = PrivacyMark::lay_out(&canvas, content);
    let logo = corner_logo_area(&canvas, content.logo);
    let scrim = scrim(&canvas, logo, mark.area);
    let opacity = |area, least| ink_opacity(1.0, level_under(&canvas, scrim, area), least);
    let logo_opacity = opacity(logo, 0.7);
    let mark_opacity = opacity(mark.area, 0.88);
    canvas.logo(Emblem::Logo, (TITLE_SECONDS, end_card), logo, logo_opacity, 0.5);
    captions(&mut canvas, content);
    let first_offer = lower_thirds(&mut canvas, content);
    let seconds = round_up_to_frame(card::end(&mut canvas, content, end_card));
    mark.draw(&mut canvas, seconds, mark_opacity);

    let poster = first_offer.map_or(TITLE_SECONDS * 0.6, |(start, end)| f64::midpoint(start, end));
    let Canvas { document, placements, veils, logos, .. } = canvas;
    Ok(Scene { document: document.finish(), placements, scrim, veils, logos, seconds, end_card, poster })
}

/// Returns the area of the logo in the top right corner.
fn corner_logo_area(canvas: &Canvas<'_>, logo: (u32, u32)) -> Rect {
    let (w, h) = fit_into(logo, canvas.frame.corner_logo);
    Rect { x: (canvas.frame.safe.right() - w).round(), y: canvas.frame.safe.y, w, h }
}

/// Returns the gradient that the corner marks need over a bright background.
fn scrim(canvas: &Canvas<'_>, logo: Rect, mark: Rect) -> Option<Scrim> {
    let frame = canvas.frame.dimensions();
    let level = canvas.background.level(logo, frame).max(canvas.background.level(mark, frame));
    let colour = canvas.palette.background;
    let opacity = panel_opacity(colour.luma(), 1.0, level, 0.0);
    let solid = logo.bottom().max(mark.bottom()) + 0.25 * logo.h;
    (opacity > 0.0).then_some(Scrim { colour, opacity, solid, height: 2.2 * solid })
}

/// Returns the luma of the background with the scrim in an area at the top edge, 0 to 1.
fn level_under(canvas: &Canvas<'_>, scrim: Option<Scrim>, area: Rect) -> f64 {
    let level = canvas.background.level(area, canvas.frame.dimensions());
    scrim.map_or(level, |scrim| scrim.opacity * scrim.colour.luma() + (1.0 - scrim.opacity) * level)
}

/// The privacy mark in the top left corner.
struct PrivacyMark {
    em: f64,
    lines: Vec<String>,
    area: Rect,
}

impl PrivacyMark {
    const BAR_WIDTH: f64 = 4.0;
    const INDENT: f64 = Self::BAR_WIDTH + 14.0;
    /// The distance between two baselines in em.
    const LEADING: f64 = 1.25;

    fn lay_out(canvas: &Canvas<'_>, content: &SceneContent<'_>) -> Self {
        let Frame { safe, mark_em, corner_logo, .. } = canvas.frame;
        let room = safe.w - corner_logo.0 - 40.0 - Self::INDENT;
        let (em, lines) = canvas.fonts.fit(Role::Body, &display_text(&content.brand.privacy_mark), mark_em, room, 2);
        #[expect(clippy::cast_precision_loss, reason = "two lines at most")]
        let h = em * Self::LEADING * lines.len() as f64;
        let widest = lines.iter().map(|line| canvas.fonts.width(Role::Body, line, em)).fold(0.0, f64::max);
        // Align the mark vertically with the center of the logo in the other corner.
        let y = safe.y + ((fit_into(content.logo, corner_logo).1 - h) / 2.0).max(0.0);
        Self { em, lines, area: Rect { x: safe.x, y, w: Self::INDENT + widest, h } }
    }

    fn draw(&self, canvas: &mut Canvas<'_>, seconds: f64, opacity: f64) {
        let Self { em, area, .. } = *self;
        let time = (0.0, seconds);
        canvas.place("privacy mark", time, area);
        let accent = DrawStyle::plain(canvas.palette.accent).at(0.9).fading(0.6, 0.0);
        let bar = Rect { x: area.x, y: area.y + 3.0, w: Self::BAR_WIDTH, h: area.h - 6.0 };
        canvas.document.rectangle(6, time, bar, Self::BAR_WIDTH / 2.0, &accent);
        let style = DrawStyle { halo: true, ..DrawStyle::plain(canvas.palette.ink).at(opacity).fading(0.6, 0.0) };
        let mut baseline = area.y + em * 0.95;
        for text in &self.lines {
            let line = TextLine { role: Role::Body, em, align: Align::Left, x: area.x + Self::INDENT, baseline, text };
            canvas.document.text(6, time, &line, &style);
            baseline += em * Self::LEADING;
        }
    }
}

fn captions(canvas: &mut Canvas<'_>, content: &SceneContent<'_>) {
    let Frame { safe, captions_bottom, caption_em, caption_leading, caption_pad: (pad_x, pad_y), .. } = canvas.frame;
    let middle = canvas.frame.dimensions().0 / 2.0;
    for cue in content.cues {
        let time = (cue.start + TITLE_SECONDS, cue.end + TITLE_SECONDS);
        let texts: Vec<String> = cue.lines.iter().map(crate::captions::Line::text).collect();
        let widest = texts.iter().map(|text| canvas.fonts.width(Role::Body, text, caption_em)).fold(0.0, f64::max);
        // A line of 42 wide letters may be wider than the frame.
        let scale = ((safe.w - 2.0 * pad_x) / widest.max(1.0)).min(1.0);
        let em = caption_em * scale;
        let leading = caption_leading * scale;
        #[expect(clippy::cast_precision_loss, reason = "two lines at most")]
        let height = leading * texts.len() as f64 + 2.0 * pad_y;
        let width = widest * scale + 2.0 * pad_x;
        let area = Rect { x: middle - width / 2.0, y: captions_bottom - height, w: width, h: height };
        canvas.place("captions", time, area);
        let caption_box = canvas.palette.caption_box;
        let opacity = canvas.panel_opacity(area, caption_box, canvas.palette.accent, 0.86);
        let panel = DrawStyle::plain(caption_box).at(opacity);
        canvas.document.rectangle(3, time, area, 14.0, &panel);
        let style = DrawStyle::plain(Colour::WHITE);
        for (index, (line, text)) in cue.lines.iter().zip(&texts).enumerate() {
            #[expect(clippy::cast_precision_loss, reason = "two lines at most")]
            let top = area.y + pad_y + leading * index as f64;
            // Latin capitals are about 0.66 em high. This centers them in their line.
            let baseline = top + f64::midpoint(leading, 0.66 * em);
            let text_line = TextLine { role: Role::Body, em, align: Align::Center, x: middle, baseline, text };
            match content.narration.timing {
                Timing::Estimated => canvas.document.text(4, time, &text_line, &style),
                Timing::Exact => {
                    let mut offset = 0;
                    let mut words = Vec::new();
                    for (index, piece) in line.pieces.iter().enumerate() {
                        offset += usize::from(index > 0 && !piece.glued);
                        let start = piece.start + TITLE_SECONDS;
                        words.push(TimedWord { offset, start, end: piece.end + TITLE_SECONDS });
                        offset += piece.text.len();
                    }
                    let highlight = Highlight { words: &words, colour: canvas.palette.accent };
                    canvas.document.highlighted_text(4, time, &text_line, &style, &highlight);
                }
            }
        }
    }
}

/// Returns when a segment is spoken, in seconds from the start of the video.
fn spoken_time(narration: &Narration, segment: usize) -> Option<(f64, f64)> {
    let mut sentences = narration.sentences.iter().filter(|sentence| sentence.segment == segment);
    let first = sentences.next()?;
    let last = sentences.next_back().unwrap_or(first);
    Some((first.start + TITLE_SECONDS, last.end + TITLE_SECONDS))
}

/// Adds the lower thirds. Returns when the first one appears.
fn lower_thirds(canvas: &mut Canvas<'_>, content: &SceneContent<'_>) -> Option<(f64, f64)> {
    let mut first = None;
    let offers = content.script.segments.iter().enumerate().filter_map(|(index, segment)| {
        let offer = content.script.offers.iter().find(|offer| Some(&offer.product) == segment.product.as_ref())?;
        Some((offer, spoken_time(content.narration, index)?))
    });
    for (offer, time) in offers {
        lower_third(canvas, offer, time);
        first = first.or(Some(time));
    }
    first
}

fn lower_third(canvas: &mut Canvas<'_>, offer: &OfferShown, time: (f64, f64)) {
    const BAR_WIDTH: f64 = 10.0;
    const FADE_IN: f64 = 0.45;
    const FADE_OUT: f64 = 0.3;
    const BAR_INDENT: f64 = 20.0;
    const TEXT_INDENT: f64 = 56.0;
    const PAD_RIGHT: f64 = 48.0;
    const PAD_Y: f64 = 26.0;
    let Frame { safe, product_em, category_em, lower_third_gap, .. } = canvas.frame;
    let room = (safe.w - TEXT_INDENT - PAD_RIGHT).min(1300.0);
    let (em, name) = canvas.fonts.fit(Role::Title, &display_text(&offer.name), product_em, room, 2);
    let (category_em, category) = canvas.fonts.fit(Role::Body, &display_text(&offer.category), category_em, room, 1);
    let widest = |lines: &[String], role, em| lines.iter().map(|l| canvas.fonts.width(role, l, em)).fold(0.0, f64::max);
    let width =
        widest(&name, Role::Title, em).max(widest(&category, Role::Body, category_em)) + TEXT_INDENT + PAD_RIGHT;
    let leading = em * 1.16;
    let gap = 14.0;
    #[expect(clippy::cast_precision_loss, reason = "two lines at most")]
    let height = name.len() as f64 * leading + gap + category_em * 1.2 + 2.0 * PAD_Y;
    let area = Rect { x: safe.x, y: canvas.frame.captions_top() - lower_third_gap - height, w: width, h: height };
    canvas.place("lower third", time, area);

    let fading = |colour| DrawStyle { rise: 18.0, ..DrawStyle::plain(colour).fading(FADE_IN, FADE_OUT) };
    let Palette { background, muted, .. } = canvas.palette;
    let opacity = canvas.panel_opacity(area, background, muted, 0.82);
    canvas.document.rectangle(1, time, area, 16.0, &fading(background).at(opacity));
    let bar = Rect { x: area.x + BAR_INDENT, y: area.y + PAD_Y, w: BAR_WIDTH, h: area.h - 2.0 * PAD_Y };
    canvas.document.rectangle(2, time, bar, BAR_WIDTH / 2.0, &fading(canvas.palette.accent));
    let x = area.x + TEXT_INDENT;
    let mut baseline = area.y + PAD_Y + em * 0.88;
    for line in &name {
        let text = TextLine { role: Role::Title, em, align: Align::Left, x, baseline, text: line };
        canvas.document.text(2, time, &text, &fading(canvas.palette.ink));
        baseline += leading;
    }
    let baseline = area.bottom() - PAD_Y - category_em * 0.25;
    for line in &category {
        let text = TextLine { role: Role::Body, em: category_em, align: Align::Left, x, baseline, text: line };
        canvas.document.text(2, time, &text, &fading(muted));
    }
}
