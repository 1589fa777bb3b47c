//! QR codes as SVG.

use std::fmt::Write as _;

use qrcodegen::{QrCode, QrCodeEcc};

use crate::layout::Rect;

/// The width of the light margin in modules, as the standard requires.
const MARGIN: i32 = 4;

/// Returns a QR code that fills a square at the top left of an area. Returns `None` if the text is too long for a code.
pub(crate) fn qr_code(text: &str, area: Rect) -> Option<String> {
    let code = QrCode::encode_text(text, QrCodeEcc::Medium).ok()?;
    let modules = code.size() + 2 * MARGIN;
    let side = area.w.min(area.h);
    let mut path = String::new();
    for y in 0..code.size() {
        for x in (0..code.size()).filter(|x| code.get_module(*x, y)) {
            let _ = write!(path, "M{} {}h1v1h-1z", x + MARGIN, y + MARGIN);
        }
    }
    Some(format!(
        r##"<g transform="translate({} {}) scale({})"><rect width="{modules}" height="{modules}" rx="1.6" fill="#ffffff"/><path d="{path}" fill="#101418" shape-rendering="crispEdges"/></g>"##,
        area.x,
        area.y,
        side / f64::from(modules),
    ))
}
