//! The title card and the end card.

use crate::ass::{Align, Colour, DrawStyle, TextLine};
use crate::canvas::{Canvas, Emblem, Palette};
use crate::content::SceneContent;
use crate::font::{Role, display_text};
use crate::layout::{Frame, Rect, fit_into};

/// The minimum duration of an end card in seconds.
const MIN_SECONDS: f64 = 5.0;
/// The distance from the logo to the first product on the end card, in pixels.
const LOGO_GAP: f64 = 52.0;
/// The reading rate in words per second: 180 words per minute.
const READING_RATE: f64 = 3.0;

/// A centered line on the title card.
struct TitleLine<'a> {
    kind: &'static str,
    role: Role,
    em: f64,
    text: &'a str,
    colour: Colour,
}

/// Adds the title card, with the names of the customer and the bank.
pub(crate) fn title(canvas: &mut Canvas<'_>, content: &SceneContent<'_>, seconds: f64) {
    let Frame { safe, name_em, for_em, title_mark, .. } = canvas.frame;
    let (width, height) = canvas.frame.dimensions();
    let middle = width / 2.0;
    let time = (0.0, seconds);
    let fade_in = 0.5;
    let fade_out = 0.4;
    let middle_part = Rect { x: safe.x, y: height * 0.2, w: safe.w, h: height * 0.6 };
    let veil = canvas.panel_opacity(middle_part, canvas.palette.background, canvas.palette.muted, 0.5);
    canvas.veil(time, veil, (0.0, fade_out));

    let style = |colour| DrawStyle { rise: 24.0, ..DrawStyle::plain(colour).fading(fade_in, fade_out) };
    // Center the group of mark, "For", name, rule and bank in the frame.
    let name = display_text(&content.script.first_name);
    let (em, lines) = canvas.fonts.fit(Role::Title, &name, name_em, safe.w * 0.9, 1);
    let (mark_w, mark_h) = fit_into(content.mark, title_mark);
    // A name in smaller type gets extra space above, because its line is less full.
    let air = (name_em - em) * 0.22;
    let group = mark_h + for_em * 1.7 + air + em * 1.2 + 34.0 + for_em * 1.9;
    let mut y = (height - group) / 2.0;
    canvas.logo(Emblem::Mark, time, Rect { x: middle - mark_w / 2.0, y, w: mark_w, h: mark_h }, 1.0, 0.4);
    y += mark_h + for_em * 0.6;

    // Draws a line at `top` pixels and returns its bottom edge.
    let draw = |canvas: &mut Canvas<'_>, line: TitleLine<'_>, top: f64| {
        let TitleLine { kind, role, em, text, colour } = line;
        let width = canvas.fonts.width(role, text, em);
        canvas.place(kind, time, Rect { x: middle - width / 2.0, y: top, w: width, h: em * 1.2 });
        let text_line = TextLine { role, em, align: Align::Center, x: middle, baseline: top + em * 0.92, text };
        canvas.document.text(2, time, &text_line, &style(colour));
        top + em * 1.2
    };
    let Palette { ink, muted, accent, .. } = canvas.palette;
    let above = TitleLine { kind: "for", role: Role::Body, em: for_em, text: "For", colour: muted };
    y = draw(canvas, above, y) + air;
    let name = lines.first().map_or("", String::as_str);
    y = draw(canvas, TitleLine { kind: "name", role: Role::Title, em, text: name, colour: ink }, y);
    let rule = Rect { x: middle - 60.0, y: y + 24.0, w: 120.0, h: 4.0 };
    canvas.place("rule", time, rule);
    canvas.document.rectangle(2, time, rule, 2.0, &style(accent));
    let (em, lines) = canvas.fonts.fit(Role::Title, &display_text(&content.brand.name), for_em * 0.92, safe.w * 0.9, 1);
    let bank = lines.first().map_or("", String::as_str);
    draw(canvas, TitleLine { kind: "bank", role: Role::Title, em, text: bank, colour: ink }, rule.bottom() + 30.0);
}

/// One line in a column that has not been positioned yet.
#[derive(Clone, Debug)]
struct CardRow {
    role: Role,
    em: f64,
    text: String,
    /// The space above the line in pixels.
    above: f64,
    /// The height of the line in pixels.
    height: f64,
    colour: RowColour,
    /// Whether an accent bar precedes the line.
    bar: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RowColour {
    Ink,
    Muted,
    Accent,
}

/// Returns the height of a column of rows in pixels.
fn rows_height(rows: &[CardRow]) -> f64 {
    rows.iter().enumerate().map(|(i, row)| row.height + if i == 0 { 0.0 } else { row.above }).sum()
}

fn count_words(text: &str) -> usize {
    text.split_whitespace().count()
}

/// Returns the notices without duplicates: the script's disclosures, the opt-out and the voice notice.
fn notices(content: &SceneContent<'_>) -> Vec<String> {
    let mut notices: Vec<String> = Vec::new();
    let of_brand = [&content.brand.opt_out, &content.brand.voice_notice];
    for text in content.script.disclosures.iter().chain(of_brand) {
        let text = display_text(text);
        if !text.is_empty() && !notices.contains(&text) {
            notices.push(text);
        }
    }
    notices
}

fn notice_rows(canvas: &Canvas<'_>, notices: &[String], scale: f64) -> Vec<CardRow> {
    let em = canvas.frame.notice_em * scale;
    let mut rows = Vec::new();
    for notice in notices {
        let lines = canvas.fonts.wrap_evenly(Role::Body, notice, em, canvas.frame.end_notices.w);
        for (index, text) in lines.into_iter().enumerate() {
            let above = if index == 0 { em * 0.62 } else { 0.0 };
            rows.push(CardRow {
                role: Role::Body,
                em,
                text,
                above,
                height: em * 1.3,
                colour: RowColour::Muted,
                bar: false,
            });
        }
    }
    rows
}

/// Divides notices among as few cards as possible at a legible size.
fn notice_cards(canvas: &Canvas<'_>, notices: &[String]) -> Vec<Vec<CardRow>> {
    let room = canvas.frame.end_notices.h;
    for scale in [1.0, 0.95, 0.9, 0.85, 0.8] {
        let rows = notice_rows(canvas, notices, scale);
        if rows_height(&rows) <= room {
            return vec![rows];
        }
    }
    let mut cards: Vec<Vec<CardRow>> = vec![Vec::new()];
    for row in notice_rows(canvas, notices, 0.9) {
        let Some(card) = cards.last_mut() else { break };
        card.push(row);
        if rows_height(card) > room {
            let row = card.pop();
            cards.push(row.into_iter().collect());
        }
    }
    cards
}

fn offer_rows(canvas: &Canvas<'_>, content: &SceneContent<'_>, scale: f64) -> Vec<CardRow> {
    let Frame { end_product_em, end_offers, .. } = canvas.frame;
    let em = end_product_em * scale;
    let mut rows = Vec::new();
    for offer in &content.script.offers {
        let name = canvas.fonts.wrap_evenly(Role::Title, &display_text(&offer.name), em, end_offers.w - 28.0);
        for (index, text) in name.into_iter().enumerate() {
            let above = if index == 0 { em * 0.7 } else { 0.0 };
            rows.push(CardRow {
                role: Role::Title,
                em,
                text,
                above,
                height: em * 1.18,
                colour: RowColour::Ink,
                bar: true,
            });
        }
    }
    // Viewers can read the address but not click it, so the scheme is left out.
    let web = display_text(&content.brand.web);
    let web = web.trim_start_matches("https://").trim_start_matches("http://").trim_end_matches('/');
    let em = em * 0.76;
    let above = em * 1.3;
    for text in canvas.fonts.wrap(Role::Body, web, em, end_offers.w) {
        rows.push(CardRow {
            role: Role::Body,
            em,
            text,
            above,
            height: em * 1.25,
            colour: RowColour::Accent,
            bar: false,
        });
    }
    rows
}

/// Adds one end card, or as many as the notices need. Returns when the last one ends, in seconds.
pub(crate) fn end(canvas: &mut Canvas<'_>, content: &SceneContent<'_>, start: f64) -> f64 {
    let notices = notices(content);
    let cards = notice_cards(canvas, &notices);
    let logo = fit_into(content.logo, canvas.frame.end_logo);
    let room = canvas.frame.end_offers.h - logo.1 - LOGO_GAP;
    let scales = [1.0, 0.92, 0.84, 0.76, 0.68, 0.6, 0.52];
    let fitting =
        scales.into_iter().map(|scale| offer_rows(canvas, content, scale)).find(|rows| rows_height(rows) <= room);
    let offers = fitting.unwrap_or_else(|| offer_rows(canvas, content, 0.46));

    let offer_words: usize = offers.iter().map(|row| count_words(&row.text)).sum();
    #[expect(clippy::cast_precision_loss, reason = "words are few")]
    let seconds: Vec<f64> = cards
        .iter()
        .enumerate()
        .map(|(index, rows)| {
            let notice_words: usize = rows.iter().map(|row| count_words(&row.text)).sum();
            let read = notice_words + if index == 0 { offer_words } else { 0 };
            (read as f64 / READING_RATE).max(MIN_SECONDS)
        })
        .collect();
    let whole = (start, start + seconds.iter().sum::<f64>());

    let veil = canvas.panel_opacity(canvas.frame.safe, canvas.palette.background, canvas.palette.muted, 0.9);
    canvas.veil(whole, veil, (0.5, 0.0));
    let Frame { end_offers, end_notices, .. } = canvas.frame;
    let beside = end_notices.x > end_offers.right();
    let height = logo.1 + LOGO_GAP + rows_height(&offers);
    if beside {
        let tallest = cards.iter().map(|rows| rows_height(rows)).fold(height, f64::max);
        let x = f64::midpoint(end_offers.right(), end_notices.x);
        let line = Rect { x, y: end_offers.y + (end_offers.h - tallest) / 2.0, w: 2.0, h: tallest };
        canvas.place("rule", whole, line);
        canvas.document.rectangle(
            1,
            whole,
            line,
            1.0,
            &DrawStyle::plain(canvas.palette.muted).at(0.3).fading(0.6, 0.0),
        );
    }
    let top = if beside { end_offers.y + (end_offers.h - height) / 2.0 } else { end_offers.y };
    canvas.logo(Emblem::Logo, whole, Rect { x: end_offers.x, y: top, w: logo.0, h: logo.1 }, 1.0, 0.5);
    column(canvas, "offers", whole, (end_offers.x, top + logo.1 + LOGO_GAP), &offers);

    let mut now = start;
    for (rows, seconds) in cards.iter().zip(seconds) {
        let height = rows_height(rows);
        let top = if beside { end_notices.y + (end_notices.h - height) / 2.0 } else { end_notices.y };
        column(canvas, "notices", (now, now + seconds), (end_notices.x, top), rows);
        now += seconds;
    }
    now
}

/// Adds a column of rows.
fn column(canvas: &mut Canvas<'_>, kind: &'static str, time: (f64, f64), (x, top): (f64, f64), rows: &[CardRow]) {
    const BAR: f64 = 6.0;
    let mut y = top;
    let mut widest: f64 = 0.0;
    let mut bar: Option<Rect> = None;
    let mut bars = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        if index > 0 {
            y += row.above;
        }
        let indent = if row.bar { 28.0 } else { 0.0 };
        let colour = match row.colour {
            RowColour::Ink => canvas.palette.ink,
            RowColour::Muted => canvas.palette.muted,
            RowColour::Accent => canvas.palette.accent,
        };
        let baseline = y + f64::midpoint(row.height, row.em * 0.66);
        let text =
            TextLine { role: row.role, em: row.em, align: Align::Left, x: x + indent, baseline, text: &row.text };
        canvas.document.text(2, time, &text, &DrawStyle::plain(colour).fading(0.6, 0.0));
        widest = widest.max(indent + canvas.fonts.width(row.role, &row.text, row.em));
        if row.bar {
            // A title row with space above it starts the next product.
            let begins = row.role == Role::Title && row.above > 0.0;
            match bar.as_mut() {
                Some(bar) if !begins => bar.h = y + row.height - bar.y,
                _ => bars.extend(bar.replace(Rect { x, y, w: BAR, h: row.height })),
            }
        }
        y += row.height;
    }
    bars.extend(bar);
    for bar in bars {
        let bar = Rect { y: bar.y + 4.0, h: bar.h - 8.0, ..bar };
        canvas.document.rectangle(2, time, bar, BAR / 2.0, &DrawStyle::plain(canvas.palette.accent).fading(0.6, 0.0));
    }
    canvas.place(kind, time, Rect { x, y: top, w: widest, h: y - top });
}
