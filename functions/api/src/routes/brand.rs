//! The bank's brand on the page for staff: its colors as a stylesheet, and pictures drawn in these colors.

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use contracts::brand::{Brand, Colours};
use http::header;

use crate::backend::SharedBackend;
use crate::problem::Problem;

/// The colors of the page's head. The sample bank's colors replace those that are not of the form `#rrggbb`.
struct Palette<'a> {
    ground: &'a str,
    ink: &'a str,
    muted: &'a str,
    accent: &'a str,
}

impl<'a> Palette<'a> {
    fn of(colours: &'a Colours) -> Self {
        let color = |given: &'a str, default: &'static str| if is_color(given) { given } else { default };
        Self {
            ground: color(&colours.background, "#0a2138"),
            ink: color(&colours.ink, "#ffffff"),
            muted: color(&colours.muted, "#c9dbe0"),
            accent: color(&colours.accent, "#e6b366"),
        }
    }

    fn stylesheet(&self) -> String {
        let Self { ground, ink, muted, accent } = self;
        format!(":root {{ --ground: {ground}; --on-ground: {ink}; --on-ground-muted: {muted}; --accent: {accent}; }}\n")
    }

    /// Returns the picture behind the head: circles in the brand's colors.
    fn backdrop(&self) -> String {
        let Self { ink, accent, .. } = self;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 520 520\"><g fill=\"none\" stroke=\"{ink}\" \
             opacity=\".17\"><circle cx=\"260\" cy=\"260\" r=\"258\"/><circle cx=\"260\" cy=\"260\" r=\"200\"/>\
             <circle cx=\"260\" cy=\"260\" r=\"142\"/></g><path d=\"M260 2a258 258 0 0 1 258 258\" fill=\"none\" \
             stroke=\"{accent}\" stroke-width=\"1.6\"/></svg>"
        )
    }

    /// Returns the bank's mark: its initial in a ring.
    fn mark(&self, name: &str) -> String {
        self.mark_on("", name)
    }

    /// Returns the browser's icon: the mark on a tile in the ground's color.
    fn icon(&self, name: &str) -> String {
        let tile = format!("<rect width=\"112\" height=\"112\" rx=\"24\" fill=\"{}\"/>", self.ground);
        self.mark_on(&tile, name)
    }

    fn mark_on(&self, tile: &str, name: &str) -> String {
        let Self { ink, accent, .. } = self;
        let initial: String = name.chars().find(|character| character.is_alphanumeric()).into_iter().collect();
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 112 112\">{tile}<circle cx=\"56\" cy=\"56\" r=\"50\" \
             fill=\"none\" stroke=\"{accent}\" stroke-width=\"5\"/><text x=\"56\" y=\"76\" fill=\"{ink}\" \
             font-family=\"Georgia, serif\" font-size=\"58\" text-anchor=\"middle\">{initial}</text></svg>"
        )
    }
}

fn is_color(text: &str) -> bool {
    text.strip_prefix('#').is_some_and(|hex| hex.len() == 6 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

pub(super) async fn stylesheet(State(backend): State<SharedBackend>) -> Result<Response, Problem> {
    respond("text/css; charset=utf-8", &backend.brand().await?, |palette, _| palette.stylesheet())
}

pub(super) async fn backdrop(State(backend): State<SharedBackend>) -> Result<Response, Problem> {
    respond("image/svg+xml", &backend.brand().await?, |palette, _| palette.backdrop())
}

pub(super) async fn mark(State(backend): State<SharedBackend>) -> Result<Response, Problem> {
    respond("image/svg+xml", &backend.brand().await?, |palette, brand| palette.mark(&brand.name))
}

pub(super) async fn icon(State(backend): State<SharedBackend>) -> Result<Response, Problem> {
    respond("image/svg+xml", &backend.brand().await?, |palette, brand| palette.icon(&brand.name))
}

/// Returns a file that is drawn in the brand's colors. The browser must revalidate it, as it does the page's other files.
#[expect(clippy::unnecessary_wraps, reason = "the handlers return it")]
fn respond(
    media_type: &'static str,
    brand: &Brand,
    draw: impl FnOnce(&Palette<'_>, &Brand) -> String,
) -> Result<Response, Problem> {
    let content = draw(&Palette::of(&brand.colours), brand);
    Ok(([(header::CONTENT_TYPE, media_type), (header::CACHE_CONTROL, "no-cache")], content).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn brand(path: &str) -> Brand {
        let path = format!("{}/../../assets/{path}", env!("CARGO_MANIFEST_DIR"));
        Brand::from_toml(&std::fs::read_to_string(path).unwrap()).unwrap()
    }

    #[test]
    fn page_has_the_colors_and_the_initial_of_each_brand() {
        let harbor = brand("brands/harbor/brand.toml");
        let palette = Palette::of(&harbor.colours);
        assert_eq!(
            palette.stylesheet(),
            ":root { --ground: #f8f5ef; --on-ground: #17222e; --on-ground-muted: #454f5c; --accent: #9c2f1b; }\n"
        );
        assert!(palette.backdrop().contains("#9c2f1b") && palette.mark(&harbor.name).contains(">H</text>"));
        let icon = palette.icon(&harbor.name);
        assert!(icon.contains("fill=\"#f8f5ef\"") && icon.contains(">H</text>"), "{icon}");
        let meridian = brand("brand.toml");
        assert!(Palette::of(&meridian.colours).mark(&meridian.name).contains(">M</text>"));
    }

    #[test]
    fn invalid_color_never_reaches_the_stylesheet() {
        let mut colours = brand("brand.toml").colours;
        colours.background = "red; } body { display: none".to_owned();
        colours.ink = "#12345g".to_owned();
        let stylesheet = Palette::of(&colours).stylesheet();
        assert!(stylesheet.starts_with(":root { --ground: #0a2138; --on-ground: #ffffff;"), "{stylesheet}");
    }
}
