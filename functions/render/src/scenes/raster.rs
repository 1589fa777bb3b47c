//! Turns the elements of a scene into sprites.

use std::fmt::Write as _;

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree};

use crate::ass::Colour;
use crate::canvas::Palette;
use crate::error::Error;
use crate::font::{FontSet, Role, display_text};
use crate::layout::{Rect, fit_into};
use crate::scenes::SceneError;
use crate::scenes::kit::SceneKit;
use crate::scenes::sprite::{Sprite, resize};
use crate::scenes::template::{HorizontalAlign, TextBox, TextColor, VerticalAlign};

/// The distance between two baselines, as a multiple of the em square.
pub(crate) const fn leading(role: Role) -> f64 {
    match role {
        Role::Title => 1.12,
        Role::Body => 1.28,
    }
}

/// The height of Latin capitals, as a multiple of the em square.
const CAPITALS: f64 = 0.66;

/// Escapes a text for SVG.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            character => escaped.push(character),
        }
    }
    escaped
}

/// Returns the color of a text.
pub(crate) const fn text_color(palette: &Palette, color: TextColor) -> Colour {
    match color {
        TextColor::Ink => palette.ink,
        TextColor::Muted => palette.muted,
        TextColor::Accent => palette.accent,
        TextColor::OnPanel => palette.on_panel,
    }
}

/// The distance between two paragraphs, as a multiple of the em square.
const PARAGRAPH: f64 = 0.5;

/// Text that has been fitted into its box.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PlacedText {
    pub em: f64,
    /// The lines with the space above each, in layout pixels.
    pub lines: Vec<(String, f64)>,
    /// Whether the text had to be cut.
    pub is_cut: bool,
    /// The area that the lines take.
    pub area: Rect,
    /// The unused height of the box.
    pub unused: f64,
}

/// Returns the height of lines with the space above each.
fn height(lines: &[(String, f64)], em: f64, role: Role) -> f64 {
    lines.iter().map(|(_, above)| above + em * leading(role)).sum()
}

/// Breaks paragraphs into lines at one size. Also returns whether a paragraph had to be cut.
fn break_paragraphs(fonts: &FontSet, text_box: &TextBox, texts: &[String], em: f64) -> (Vec<(String, f64)>, bool) {
    let mut is_cut = false;
    let mut lines: Vec<(String, f64)> = Vec::new();
    for text in texts {
        let fitted = fonts.fit(text_box.role, text, (em, em), text_box.area.w, text_box.lines);
        is_cut |= fitted.is_cut;
        for (index, line) in fitted.lines.into_iter().enumerate() {
            let above = if index == 0 && !lines.is_empty() { em * PARAGRAPH } else { 0.0 };
            lines.push((line, above));
        }
    }
    (lines, is_cut)
}

/// Fits a text into its box, by its width and by its height. Line feeds separate paragraphs.
pub(crate) fn place_text(fonts: &FontSet, text_box: &TextBox, text: &str) -> PlacedText {
    let TextBox { area, role, size, min, .. } = *text_box;
    let texts: Vec<String> = text.split('\n').map(display_text).filter(|text| !text.is_empty()).collect();
    let mut em = size;
    let (mut lines, mut is_cut) = break_paragraphs(fonts, text_box, &texts, em);
    while (is_cut || height(&lines, em, role) > area.h + 0.5) && em > min {
        em = (em - size * 0.04).max(min);
        (lines, is_cut) = break_paragraphs(fonts, text_box, &texts, em);
    }
    while height(&lines, em, role) > area.h + 0.5 && lines.len() > 1 {
        lines.pop();
        if let Some((last, _)) = lines.last_mut() {
            while !last.is_empty() && fonts.width(role, &format!("{last}…"), em) > area.w {
                last.pop();
            }
            last.push('…');
        }
        is_cut = true;
    }
    let taken = height(&lines, em, role);
    let widest = lines.iter().map(|(line, _)| fonts.width(role, line, em)).fold(0.0, f64::max);
    let y = match text_box.valign {
        VerticalAlign::Top => area.y,
        VerticalAlign::Middle => area.y + (area.h - taken) / 2.0,
        VerticalAlign::Bottom => area.bottom() - taken,
    };
    let x = match text_box.align {
        HorizontalAlign::Left => area.x,
        HorizontalAlign::Center => area.x + (area.w - widest) / 2.0,
        HorizontalAlign::Right => area.right() - widest,
    };
    PlacedText { em, lines, is_cut, area: Rect { x, y, w: widest, h: taken }, unused: (area.h - taken).max(0.0) }
}

/// Divides paragraphs among as few pages as possible. Text shrinks to its minimum size before a page is added.
pub(crate) fn paginate(fonts: &FontSet, text_box: &TextBox, paragraphs: &[String]) -> Vec<String> {
    if !place_text(fonts, text_box, &paragraphs.join("\n")).is_cut {
        return vec![paragraphs.join("\n")];
    }
    let mut pages: Vec<String> = Vec::new();
    for paragraph in paragraphs {
        let longer = pages.last().map(|page| format!("{page}\n{paragraph}"));
        match longer.filter(|longer| !place_text(fonts, text_box, longer).is_cut) {
            Some(longer) => {
                pages.pop();
                pages.push(longer);
            }
            None => pages.extend(split_to_fit(fonts, text_box, paragraph)),
        }
    }
    pages
}

/// Splits a paragraph that is longer than a page at its spaces.
fn split_to_fit(fonts: &FontSet, text_box: &TextBox, paragraph: &str) -> Vec<String> {
    let mut pages = Vec::new();
    let mut page = String::new();
    for word in paragraph.split_whitespace() {
        let longer = if page.is_empty() { word.to_owned() } else { format!("{page} {word}") };
        if !page.is_empty() && place_text(fonts, text_box, &longer).is_cut {
            pages.push(std::mem::replace(&mut page, word.to_owned()));
        } else {
            page = longer;
        }
    }
    pages.push(page);
    pages
}

/// Returns the SVG source of a placed text.
pub(crate) fn text_source(text_box: &TextBox, placed: &PlacedText, color: &str) -> String {
    let TextBox { area, role, align, .. } = text_box;
    let (anchor, x) = match align {
        HorizontalAlign::Left => ("start", area.x),
        HorizontalAlign::Center => ("middle", area.x + area.w / 2.0),
        HorizontalAlign::Right => ("end", area.right()),
    };
    let family = match role {
        Role::Title => "title",
        Role::Body => "body",
    };
    let em = placed.em;
    let step = em * leading(*role);
    let mut source = String::new();
    let mut top = placed.area.y;
    for (line, above) in &placed.lines {
        let baseline = top + above + f64::midpoint(step, CAPITALS * em);
        let _ = write!(
            source,
            r#"<text x="{x:.2}" y="{baseline:.2}" font-family="{family}" font-size="{em:.2}" text-anchor="{anchor}" fill="{color}">{}</text>"#,
            escape(line)
        );
        top += above + step;
    }
    source
}

/// A rasterizer for SVG sources at the resolution of the video.
pub(crate) struct Rasterizer<'a> {
    kit: &'a SceneKit,
    options: Options<'a>,
    /// The size of the layout.
    size: (f64, f64),
    /// The number of frame pixels per layout pixel.
    pub scale: f64,
}

impl<'a> Rasterizer<'a> {
    pub(crate) fn new(kit: &'a SceneKit, size: (f64, f64), scale: f64) -> Self {
        let options = Options {
            font_family: "body".to_owned(),
            font_resolver: kit.fonts.resolver(),
            fontdb: kit.fonts.database(),
            style_sheet: Some(kit.palette.style_sheet()),
            // A template may not read files.
            image_href_resolver: resvg::usvg::ImageHrefResolver {
                resolve_data: Box::new(|_, _, _| None),
                resolve_string: Box::new(|_, _| None),
            },
            ..Options::default()
        };
        Self { kit, options, size, scale }
    }

    /// Draws SVG source. `file` is its name for errors. Returns `None` if nothing is visible.
    pub(crate) fn draw(&self, file: &str, defs: &str, source: &str) -> Result<Option<Sprite>, Error> {
        let (w, h) = self.size;
        let document = format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 {w} {h}" width="{w}" height="{h}">{defs}{source}</svg>"#
        );
        let fault = |error: resvg::usvg::Error| SceneError { file: file.to_owned(), reason: error.to_string() };
        let tree = Tree::from_str(&document, &self.options).map_err(fault)?;
        if !tree.root().has_children() {
            return Ok(None);
        }
        let bounds = tree.root().abs_layer_bounding_box();
        let pixels = |length: f32| f64::from(length) * self.scale;
        // Nothing outside the frame is drawn, except a margin that a movement may bring into view.
        let margin = 64.0 * self.scale;
        let clamp = |at: f64, side: f64| at.clamp(-margin, side * self.scale + margin);
        #[expect(clippy::cast_possible_truncation, reason = "clamped to the frame")]
        let edges = [
            clamp(pixels(bounds.left()).floor() - 2.0, w) as i32,
            clamp(pixels(bounds.top()).floor() - 2.0, h) as i32,
            clamp(pixels(bounds.right()).ceil() + 2.0, w) as i32,
            clamp(pixels(bounds.bottom()).ceil() + 2.0, h) as i32,
        ];
        let [left, top, right, bottom] = edges;
        let size = (u32::try_from(right - left), u32::try_from(bottom - top));
        let (Ok(width), Ok(height)) = size else { return Ok(None) };
        let Some(mut pixmap) = Pixmap::new(width, height) else { return Ok(None) };
        #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "pixels of a frame")]
        let transform =
            Transform::from_scale(self.scale as f32, self.scale as f32).post_translate(-(left as f32), -(top as f32));
        resvg::render(&tree, transform, &mut pixmap.as_mut());
        Ok(Some(Sprite::of(&pixmap, (left, top))))
    }

    /// Draws a text into its box.
    pub(crate) fn text(&self, text_box: &TextBox, placed: &PlacedText) -> Result<Option<Sprite>, Error> {
        let color = text_color(&self.kit.palette, text_box.color).web();
        self.draw("text", "", &text_source(text_box, placed, &color))
    }

    /// Scales an image into a box. Aligns it with the side nearest to the frame's edge, or centers it near the middle.
    pub(crate) fn image(&self, image: &Pixmap, area: Rect) -> Option<(Sprite, Rect)> {
        let (w, h) = fit_into((image.width(), image.height()), (area.w, area.h));
        let center = (area.x + area.w / 2.0) / self.size.0;
        let room = area.w - w;
        let x = area.x
            + if center < 0.4 {
                0.0
            } else if center > 0.6 {
                room
            } else {
                room / 2.0
            };
        let y = area.y + (area.h - h) / 2.0;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "pixels of a frame")]
        let pixels = |length: f64| (length * self.scale).round() as u32;
        let scaled = resize(image, (pixels(w).max(1), pixels(h).max(1)))?;
        #[expect(clippy::cast_possible_truncation, reason = "pixels of a frame")]
        let place = |length: f64| (length * self.scale).round() as i32;
        Some((Sprite::of(&scaled, (place(x), place(y))), Rect { x, y, w, h }))
    }

    /// Draws a product's drawing into a box. The drawing's own boxes for texts receive `texts`.
    pub(crate) fn art(
        &self,
        name: &str,
        area: Rect,
        texts: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Option<(Sprite, Rect)>, Error> {
        let source = self.kit.art(name)?;
        let file = format!("art/{name}.svg");
        let (defs, body, size) = art_source(&file, &source, self.kit, texts)?;
        let scale = (area.w / size.0).min(area.h / size.1);
        let (w, h) = (size.0 * scale, size.1 * scale);
        let (x, y) = (area.x + (area.w - w) / 2.0, area.y + (area.h - h) / 2.0);
        let placed = format!(r#"<g transform="translate({x:.3} {y:.3}) scale({scale:.5})">{body}</g>"#);
        Ok(self.draw(&file, &defs, &placed)?.map(|sprite| (sprite, Rect { x, y, w, h })))
    }
}

/// Returns the `defs` of a drawing, its elements with their texts filled in, and its size.
fn art_source(
    file: &str,
    source: &str,
    kit: &SceneKit,
    texts: &dyn Fn(&str) -> Option<String>,
) -> Result<(String, String, (f64, f64)), Error> {
    use resvg::usvg::roxmltree::{Document, Node};
    let fault = |reason: String| SceneError { file: file.to_owned(), reason };
    let document = Document::parse(source).map_err(|error| fault(error.to_string()))?;
    let root = document.root_element();
    let view = root.attribute("viewBox").unwrap_or_default();
    let view: Vec<f64> = view.split_whitespace().filter_map(|number| number.parse().ok()).collect();
    let [_, _, width, height] = view[..] else {
        return Err(fault("the svg element needs a viewBox of four numbers".to_owned()).into());
    };
    let mut edits = Vec::new();
    for node in document.descendants().filter(|node| node.has_attribute("data-size")) {
        let text_box = crate::scenes::template::text_box(&node).map_err(fault)?;
        let text = node.attribute("id").and_then(texts).unwrap_or_default();
        let placed = place_text(&kit.fonts, &text_box, &text);
        let color = text_color(&kit.palette, text_box.color).web();
        edits.push((node.range(), text_source(&text_box, &placed, &color)));
    }
    edits.sort_by_key(|(range, _)| std::cmp::Reverse(range.start));
    let (mut defs, mut body) = (String::new(), String::new());
    for node in root.children().filter(Node::is_element) {
        let range = node.range();
        let mut markup = source[range.clone()].to_owned();
        for (edit, text) in edits.iter().filter(|(edit, _)| edit.start >= range.start && edit.end <= range.end) {
            markup.replace_range(edit.start - range.start..edit.end - range.start, text);
        }
        if node.tag_name().name() == "defs" { defs.push_str(&markup) } else { body.push_str(&markup) }
    }
    Ok((defs, body, (width, height)))
}
