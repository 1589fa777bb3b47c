//! Scene templates: SVG files whose top-level elements are layers.
//!
//! A rectangle whose `id` names a slot is a box for a text or a picture and is not drawn itself. Every other element is
//! drawn as it is. The elements before the first one with an `id` are the ground.

use std::ops::Range;

use contracts::media::Shape;
use resvg::usvg::roxmltree::{Document, Node};

use crate::font::Role;
use crate::layout::Rect;
use crate::scenes::SceneError;

/// The slots for texts.
pub const TEXT_SLOTS: [&str; 25] = [
    "for",
    "name",
    "bank",
    "idea-1",
    "idea-2",
    "idea-3",
    "product",
    "headline",
    "claim-1",
    "claim-2",
    "claim-3",
    "figure-value",
    "figure-label",
    "figure-terms",
    "note",
    "monogram",
    "adviser",
    "adviser-title",
    "action",
    "web",
    "voice",
    "notices",
    "privacy",
    "bank-name",
    "art-name",
];

/// The slots for pictures.
pub const PICTURE_SLOTS: [&str; 9] = ["logo", "logo-large", "mark", "art", "art-1", "art-2", "art-3", "qr", "progress"];

/// The horizontal alignment of a text in its box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HorizontalAlign {
    /// At the left edge.
    Left,
    /// In the middle.
    Center,
    /// At the right edge.
    Right,
}

/// The vertical alignment of a text in its box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerticalAlign {
    /// At the top edge.
    Top,
    /// In the middle.
    Middle,
    /// At the bottom edge.
    Bottom,
}

/// The color of a text, by its name in the brand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextColor {
    /// Main text.
    Ink,
    /// Secondary text.
    Muted,
    /// Emphasis.
    Accent,
    /// Text on a panel.
    OnPanel,
}

/// A box for a text.
#[derive(Clone, Debug, PartialEq)]
pub struct TextBox {
    /// The area in layout pixels.
    pub area: Rect,
    /// The font.
    pub role: Role,
    /// The largest em square in layout pixels.
    pub size: f64,
    /// The smallest em square. Text that is too long even at this size is cut with an ellipsis.
    pub min: f64,
    /// The maximum number of lines.
    pub lines: usize,
    /// The horizontal alignment.
    pub align: HorizontalAlign,
    /// The vertical alignment.
    pub valign: VerticalAlign,
    /// The color.
    pub color: TextColor,
}

/// The content of a layer.
#[derive(Clone, Debug, PartialEq)]
pub enum LayerKind {
    /// A drawing in the template, as SVG source.
    Drawing(String),
    /// A text.
    Text(TextBox),
    /// A picture that fits into a box.
    Picture(Rect),
}

/// A layer in a template.
#[derive(Clone, Debug, PartialEq)]
pub struct TemplateLayer {
    /// The element's id.
    pub id: String,
    /// The slot without which the layer is left out.
    pub needs: Option<String>,
    /// The text slot below which the layer moves up if that text needs less than its box.
    pub below: Option<String>,
    /// The content.
    pub kind: LayerKind,
}

/// A scene template in one shape.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    /// The width and height in layout pixels.
    pub size: (f64, f64),
    /// The `defs` elements, as SVG source.
    pub defs: String,
    /// The ground, as SVG source.
    pub ground: String,
    /// The layers, from back to front.
    pub layers: Vec<TemplateLayer>,
}

/// Returns the ending of a template's file name for a shape.
#[must_use]
pub const fn shape_suffix(shape: Shape) -> &'static str {
    match shape {
        Shape::Wide => "16x9",
        Shape::Tall => "9x16",
        Shape::Square => "1x1",
    }
}

/// Replaces the `rx` attribute of every element that has `data-corner`.
fn with_corners(source: &str, document: &Document<'_>, corner: u32) -> String {
    let rounded = document.descendants().filter(|node| node.has_attribute("data-corner"));
    let mut edits: Vec<Range<usize>> =
        rounded.filter_map(|node| node.attribute_node("rx")).map(|rx| rx.range_value()).collect();
    edits.sort_by_key(|range| std::cmp::Reverse(range.start));
    let mut text = source.to_owned();
    for range in edits {
        text.replace_range(range, &corner.to_string());
    }
    text
}

impl Template {
    /// Parses a template. `file` is its name for errors, `corner` the brand's corner radius in layout pixels.
    pub fn parse(file: &str, source: &str, corner: u32) -> Result<Self, SceneError> {
        let broken = |reason: String| SceneError { file: file.to_owned(), reason };
        let parse = |text: &str| Document::parse(text).map(|_| ()).map_err(|error| broken(error.to_string()));
        parse(source)?;
        let document = Document::parse(source).map_err(|error| broken(error.to_string()))?;
        let source = with_corners(source, &document, corner);
        let document = Document::parse(&source).map_err(|error| broken(error.to_string()))?;
        let root = document.root_element();
        let view: Vec<f64> =
            root.attribute("viewBox").unwrap_or_default().split_whitespace().filter_map(|n| n.parse().ok()).collect();
        let [_, _, width, height] = view[..] else {
            return Err(broken("the svg element needs a viewBox of four numbers".to_owned()));
        };
        let mut template =
            Self { size: (width, height), defs: String::new(), ground: String::new(), layers: Vec::new() };
        for node in root.children().filter(Node::is_element) {
            let markup = &source[node.range()];
            match (node.tag_name().name(), node.attribute("id")) {
                ("defs" | "style" | "title" | "desc" | "metadata", _) => {
                    if node.tag_name().name() == "defs" {
                        template.defs.push_str(markup);
                    }
                }
                (_, None) if template.layers.is_empty() => template.ground.push_str(markup),
                (_, id) => {
                    let id = id.map_or_else(|| format!("layer-{}", template.layers.len() + 1), str::to_owned);
                    let kind = layer_kind(&node, &id, markup).map_err(|reason| broken(format!("{id}: {reason}")))?;
                    let attribute = |name: &str| node.attribute(name).map(str::to_owned);
                    let (needs, below) = (attribute("data-if"), attribute("data-below"));
                    template.layers.push(TemplateLayer { id, needs, below, kind });
                }
            }
        }
        Ok(template)
    }

    /// Returns the layer with an id.
    #[must_use]
    pub fn layer(&self, id: &str) -> Option<&TemplateLayer> {
        self.layers.iter().find(|layer| layer.id == id)
    }
}

fn layer_kind(node: &Node<'_, '_>, id: &str, markup: &str) -> Result<LayerKind, String> {
    if TEXT_SLOTS.contains(&id) {
        return text_box(node).map(LayerKind::Text);
    }
    if PICTURE_SLOTS.contains(&id) {
        return area_of(node).map(LayerKind::Picture);
    }
    Ok(LayerKind::Drawing(markup.to_owned()))
}

fn number(node: &Node<'_, '_>, name: &str, default: Option<f64>) -> Result<f64, String> {
    match (node.attribute(name), default) {
        (Some(text), _) => text.parse().map_err(|_| format!("{name} must be a number")),
        (None, Some(default)) => Ok(default),
        (None, None) => Err(format!("needs the attribute {name}")),
    }
}

fn area_of(node: &Node<'_, '_>) -> Result<Rect, String> {
    let get = |name, default| number(node, name, default);
    Ok(Rect { x: get("x", Some(0.0))?, y: get("y", Some(0.0))?, w: get("width", None)?, h: get("height", None)? })
}

/// Reads a text box from a rectangle with `data-` attributes.
pub(crate) fn text_box(node: &Node<'_, '_>) -> Result<TextBox, String> {
    let size = number(node, "data-size", None)?;
    let word = |name: &str, default: &'static str| node.attribute(name).unwrap_or(default).to_owned();
    let unknown = |name: &str, value: &str| Err(format!("{name} cannot be {value}"));
    let role = match &*word("data-font", "body") {
        "title" => Role::Title,
        "body" => Role::Body,
        other => return unknown("data-font", other),
    };
    let align = match &*word("data-align", "left") {
        "left" => HorizontalAlign::Left,
        "center" => HorizontalAlign::Center,
        "right" => HorizontalAlign::Right,
        other => return unknown("data-align", other),
    };
    let valign = match &*word("data-valign", "top") {
        "top" => VerticalAlign::Top,
        "middle" => VerticalAlign::Middle,
        "bottom" => VerticalAlign::Bottom,
        other => return unknown("data-valign", other),
    };
    let color = match &*word("data-color", "ink") {
        "ink" => TextColor::Ink,
        "muted" => TextColor::Muted,
        "accent" => TextColor::Accent,
        "on-panel" => TextColor::OnPanel,
        other => return unknown("data-color", other),
    };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
    let lines = number(node, "data-lines", Some(1.0))?.clamp(1.0, 99.0) as usize;
    let min = number(node, "data-min", Some(size / 2.0))?;
    Ok(TextBox { area: area_of(node)?, role, size, min, lines, align, valign, color })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SVG: &str = r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1920 1080">
        <defs><linearGradient id="g"/></defs>
        <rect class="fill-ground" width="1920" height="1080"/>
        <rect id="panel" data-if="figure-value" x="1" y="2" width="3" height="4" rx="9" data-corner="brand"/>
        <rect id="headline" x="96" y="240" width="900" height="220" data-size="92" data-lines="2" data-font="title"/>
        <rect id="art" x="1000" y="200" width="640" height="420"/>
    </svg>"#;

    #[test]
    fn elements_become_ground_drawings_texts_and_pictures() {
        let template = Template::parse("offer.16x9.svg", SVG, 40).unwrap();
        assert!(template.ground.contains("fill-ground") && template.defs.contains("linearGradient"));
        assert_eq!(template.size, (1920.0, 1080.0));
        let ids: Vec<_> = template.layers.iter().map(|layer| layer.id.as_str()).collect();
        assert_eq!(ids, ["panel", "headline", "art"]);
        let LayerKind::Drawing(panel) = &template.layers[0].kind else { panic!("a drawing") };
        assert!(panel.contains(r#"rx="40""#), "{panel}");
        assert_eq!(template.layers[0].needs.as_deref(), Some("figure-value"));
        let LayerKind::Text(text) = &template.layers[1].kind else { panic!("a text") };
        assert_eq!((text.lines, text.role, text.min), (2, Role::Title, 46.0));
    }

    #[test]
    fn faulty_attribute_is_named_with_its_file_and_element() {
        let faulty = SVG.replace(r#"data-font="title""#, r#"data-font="fancy""#);
        let error = Template::parse("offer.16x9.svg", &faulty, 0).unwrap_err();
        assert_eq!(error.to_string(), "offer.16x9.svg: headline: data-font cannot be fancy");
        let faulty = SVG.replace(r#"data-size="92""#, "");
        let error = Template::parse("offer.16x9.svg", &faulty, 0).unwrap_err();
        assert_eq!(error.to_string(), "offer.16x9.svg: headline: needs the attribute data-size");
        assert!(Template::parse("x.svg", "<svg", 0).is_err());
    }
}
