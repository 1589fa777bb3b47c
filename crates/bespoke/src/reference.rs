//! The generated reference pages: commands, settings and errors.

/// Returns the file name and the text of each page.
#[must_use]
pub fn pages() -> Vec<(&'static str, String)> {
    Vec::new()
}
