//! The title card and the end card.

use crate::ass::{Align, Look, Text};
use crate::font::{Role, shown};
use crate::layout::{Frame, Rect, contain};
use crate::scene::{Content, Emblem, Palette, Stage};

/// The least time of an end card, seconds.
const MIN_SECONDS: f64 = 5.0;
/// From the logo to the first product on the end card, px.
const LOGO_GAP: f64 = 52.0;
/// Words a second that a viewer reads: 180 a minute.
const READING_RATE: f64 = 3.0;

/// The title card: for whom, and from whom.
pub(crate) fn title(stage: &mut Stage<'_>, content: &Content<'_>, seconds: f64) {
    let Frame { safe, name_em, for_em, title_mark, .. } = stage.frame;
    let (width, height) = stage.frame.dimensions();
    let middle = width / 2.0;
    let time = (0.0, seconds);
    let (fade_in, fade_out) = (0.5, 0.4);
    stage.veil(time, 0.5, (0.0, fade_out));

    let look = |colour| Look { rise: 24.0, ..Look::plain(colour).fading(fade_in, fade_out) };
    // The group of mark, "For", name, rule and bank stands in the middle of the frame.
    let name = shown(&content.script.first_name);
    let (em, lines) = stage.fonts.fit(Role::Title, &name, name_em, safe.w * 0.9, 1);
    let (mark_w, mark_h) = contain(content.mark, title_mark);
    // A name that had to shrink keeps the distance that a large one has by its own line.
    let air = (name_em - em) * 0.22;
    let group = mark_h + for_em * 1.7 + air + em * 1.2 + 34.0 + for_em * 1.9;
    let mut y = (height - group) / 2.0;
    stage.logo(Emblem::Mark, time, Rect { x: middle - mark_w / 2.0, y, w: mark_w, h: mark_h }, 1.0, 0.4);
    y += mark_h + for_em * 0.6;

    let line = |stage: &mut Stage<'_>, what, role, em: f64, text: &str, top: f64, colour| {
        let width = stage.fonts.width(role, text, em);
        stage.place(what, time, Rect { x: middle - width / 2.0, y: top, w: width, h: em * 1.2 });
        let placed = Text { role, em, align: Align::Centre, x: middle, baseline: top + em * 0.92, text };
        stage.document.text(2, time, &placed, &look(colour));
        top + em * 1.2
    };
    let Palette { ink, muted, accent, .. } = stage.palette;
    y = line(stage, "for", Role::Body, for_em, "For", y, muted) + air;
    y = line(stage, "name", Role::Title, em, lines.first().map_or("", String::as_str), y, ink);
    let rule = Rect { x: middle - 60.0, y: y + 24.0, w: 120.0, h: 4.0 };
    stage.place("rule", time, rule);
    stage.document.rectangle(2, time, rule, 2.0, &look(accent));
    let (em, lines) = stage.fonts.fit(Role::Title, &shown(&content.brand.name), for_em * 0.92, safe.w * 0.9, 1);
    line(stage, "bank", Role::Title, em, lines.first().map_or("", String::as_str), rule.bottom() + 30.0, ink);
}

/// One line of a column, laid out but not yet placed.
#[derive(Clone, Debug)]
struct Row {
    role: Role,
    em: f64,
    text: String,
    /// Space above, px.
    above: f64,
    /// The line's own height, px.
    height: f64,
    colour: Shade,
    /// Whether an accent bar stands before it.
    bar: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shade {
    Ink,
    Muted,
    Accent,
}

fn rows_height(rows: &[Row]) -> f64 {
    rows.iter().enumerate().map(|(i, row)| row.height + if i == 0 { 0.0 } else { row.above }).sum()
}

fn words(text: &str) -> usize {
    text.split_whitespace().count()
}

/// What the notices' column says: the script's disclosures, then how to stop, then whose voice it is; nothing twice.
fn notices(content: &Content<'_>) -> Vec<String> {
    let mut notices: Vec<String> = Vec::new();
    let own = [&content.brand.opt_out, &content.brand.voice_notice];
    for text in content.script.disclosures.iter().chain(own) {
        let text = shown(text);
        if !text.is_empty() && !notices.contains(&text) {
            notices.push(text);
        }
    }
    notices
}

fn notice_rows(stage: &Stage<'_>, notices: &[String], scale: f64) -> Vec<Row> {
    let em = stage.frame.notice_em * scale;
    let mut rows = Vec::new();
    for notice in notices {
        let lines = stage.fonts.wrap_evenly(Role::Body, notice, em, stage.frame.end_notices.w);
        for (index, text) in lines.into_iter().enumerate() {
            let above = if index == 0 { em * 0.62 } else { 0.0 };
            rows.push(Row { role: Role::Body, em, text, above, height: em * 1.3, colour: Shade::Muted, bar: false });
        }
    }
    rows
}

/// Spreads notices over as few cards as hold them at a legible size.
fn notice_cards(stage: &Stage<'_>, notices: &[String]) -> Vec<Vec<Row>> {
    let room = stage.frame.end_notices.h;
    for scale in [1.0, 0.95, 0.9, 0.85, 0.8] {
        let rows = notice_rows(stage, notices, scale);
        if rows_height(&rows) <= room {
            return vec![rows];
        }
    }
    let mut cards: Vec<Vec<Row>> = vec![Vec::new()];
    for row in notice_rows(stage, notices, 0.9) {
        let Some(card) = cards.last_mut() else { break };
        card.push(row);
        if rows_height(card) > room {
            let row = card.pop();
            cards.push(row.into_iter().collect());
        }
    }
    cards
}

fn offer_rows(stage: &Stage<'_>, content: &Content<'_>, scale: f64) -> Vec<Row> {
    let Frame { end_product_em, end_offers, .. } = stage.frame;
    let em = end_product_em * scale;
    let mut rows = Vec::new();
    for offer in &content.script.offers {
        let name = stage.fonts.wrap_evenly(Role::Title, &shown(&offer.name), em, end_offers.w - 28.0);
        for (index, text) in name.into_iter().enumerate() {
            let above = if index == 0 { em * 0.7 } else { 0.0 };
            rows.push(Row { role: Role::Title, em, text, above, height: em * 1.18, colour: Shade::Ink, bar: true });
        }
    }
    // The address is read, not followed: without its scheme.
    let web = shown(&content.brand.web);
    let web = web.trim_start_matches("https://").trim_start_matches("http://").trim_end_matches('/');
    let em = em * 0.76;
    let above = em * 1.3;
    for text in stage.fonts.wrap(Role::Body, web, em, end_offers.w) {
        rows.push(Row { role: Role::Body, em, text, above, height: em * 1.25, colour: Shade::Accent, bar: false });
    }
    rows
}

/// The end card, or as many of them as the notices need. Returns the time at which the last one ends, seconds.
pub(crate) fn end(stage: &mut Stage<'_>, content: &Content<'_>, start: f64) -> f64 {
    let notices = notices(content);
    let cards = notice_cards(stage, &notices);
    let logo = contain(content.logo, stage.frame.end_logo);
    let room = stage.frame.end_offers.h - logo.1 - LOGO_GAP;
    let scales = [1.0, 0.92, 0.84, 0.76, 0.68, 0.6, 0.52];
    let fitting =
        scales.into_iter().map(|scale| offer_rows(stage, content, scale)).find(|rows| rows_height(rows) <= room);
    let offers = fitting.unwrap_or_else(|| offer_rows(stage, content, 0.46));

    let offer_words: usize = offers.iter().map(|row| words(&row.text)).sum();
    #[expect(clippy::cast_precision_loss, reason = "words are few")]
    let seconds: Vec<f64> = cards
        .iter()
        .enumerate()
        .map(|(index, rows)| {
            let own: usize = rows.iter().map(|row| words(&row.text)).sum();
            let read = own + if index == 0 { offer_words } else { 0 };
            (read as f64 / READING_RATE).max(MIN_SECONDS)
        })
        .collect();
    let whole = (start, start + seconds.iter().sum::<f64>());

    stage.veil(whole, 0.9, (0.5, 0.0));
    let Frame { end_offers, end_notices, .. } = stage.frame;
    let beside = end_notices.x > end_offers.right();
    let height = logo.1 + LOGO_GAP + rows_height(&offers);
    if beside {
        let tallest = cards.iter().map(|rows| rows_height(rows)).fold(height, f64::max);
        let x = f64::midpoint(end_offers.right(), end_notices.x);
        let line = Rect { x, y: end_offers.y + (end_offers.h - tallest) / 2.0, w: 2.0, h: tallest };
        stage.place("rule", whole, line);
        stage.document.rectangle(1, whole, line, 1.0, &Look::plain(stage.palette.muted).at(0.3).fading(0.6, 0.0));
    }
    let top = if beside { end_offers.y + (end_offers.h - height) / 2.0 } else { end_offers.y };
    stage.logo(Emblem::Logo, whole, Rect { x: end_offers.x, y: top, w: logo.0, h: logo.1 }, 1.0, 0.5);
    column(stage, "offers", whole, (end_offers.x, top + logo.1 + LOGO_GAP), &offers);

    let mut now = start;
    for (rows, seconds) in cards.iter().zip(seconds) {
        let height = rows_height(rows);
        let top = if beside { end_notices.y + (end_notices.h - height) / 2.0 } else { end_notices.y };
        column(stage, "notices", (now, now + seconds), (end_notices.x, top), rows);
        now += seconds;
    }
    now
}

fn column(stage: &mut Stage<'_>, what: &'static str, time: (f64, f64), (x, top): (f64, f64), rows: &[Row]) {
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
            Shade::Ink => stage.palette.ink,
            Shade::Muted => stage.palette.muted,
            Shade::Accent => stage.palette.accent,
        };
        let baseline = y + f64::midpoint(row.height, row.em * 0.66);
        let text = Text { role: row.role, em: row.em, align: Align::Left, x: x + indent, baseline, text: &row.text };
        stage.document.text(2, time, &text, &Look::plain(colour).fading(0.6, 0.0));
        widest = widest.max(indent + stage.fonts.width(row.role, &row.text, row.em));
        if row.bar {
            // A title row with space above it begins another product.
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
        stage.document.rectangle(2, time, bar, BAR / 2.0, &Look::plain(stage.palette.accent).fading(0.6, 0.0));
    }
    stage.place(what, time, Rect { x, y: top, w: widest, h: y - top });
}
