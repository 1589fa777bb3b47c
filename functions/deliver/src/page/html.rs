//! Writes HTML. Text is escaped unless it is written with [`Html::raw`].

use std::fmt::Write as _;

use contracts::html::escaped;

/// A growing document.
#[derive(Default)]
pub(super) struct Html(String);

impl Html {
    /// Opens an element. `tag` is its name with its attributes, which must already be escaped.
    pub fn open(&mut self, tag: &str) {
        let _infallible = writeln!(self.0, "<{tag}>");
    }

    pub fn close(&mut self, name: &str) {
        let _infallible = writeln!(self.0, "</{name}>");
    }

    /// Writes an element that holds only text. `tag` is its name with its attributes.
    pub fn element(&mut self, tag: &str, text: &str) {
        let name = tag.split(' ').next().unwrap_or_default();
        let _infallible = writeln!(self.0, "<{tag}>{}</{name}>", escaped(text));
    }

    /// Writes a submit button. `attributes` follow its type.
    pub fn button(&mut self, text: &str, attributes: &str) {
        let _infallible = writeln!(self.0, "<button type=\"submit\"{attributes}>{}</button>", escaped(text));
    }

    pub fn meta(&mut self, kind: &str, name: &str, content: &str) {
        let _infallible = writeln!(self.0, "<meta {kind}=\"{name}\" content=\"{}\">", escaped(content));
    }

    /// Writes a hidden field of a form.
    pub fn hidden(&mut self, name: &str, value: &str) {
        let _infallible = writeln!(self.0, "<input type=\"hidden\" name=\"{name}\" value=\"{}\">", escaped(value));
    }

    /// Writes HTML as it is.
    pub fn raw(&mut self, html: &str) {
        self.0 += html;
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn into_string(self) -> String {
        self.0
    }
}
