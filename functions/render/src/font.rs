//! The brand's fonts: finds the font that has a glyph for a character, and measures the width of text.
//!
//! libass scales a font as `VSFilter` and GDI do: the size in the document is `usWinAscent` + `usWinDescent` from the
//! OS/2 table, not the em square. This module measures in pixels of the em square, and [`Face::ass_size`] converts to
//! document sizes.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use contracts::brand::Brand;
use resvg::usvg::{FontResolver, fontdb};
use unicode_normalization::UnicodeNormalization;
use unicode_segmentation::UnicodeSegmentation;

use crate::error::Error;

/// The face of one font file.
#[derive(Debug)]
pub struct Face {
    names: Vec<String>,
    weight: u16,
    units: f64,
    ascent: f64,
    descent: f64,
    advances: HashMap<char, u16>,
}

impl Face {
    fn parse(data: &[u8]) -> Option<Self> {
        let face = ttf_parser::Face::parse(data, 0).ok()?;
        let ids =
            [ttf_parser::name_id::FAMILY, ttf_parser::name_id::TYPOGRAPHIC_FAMILY, ttf_parser::name_id::FULL_NAME];
        let names: Vec<String> = ids
            .iter()
            .flat_map(|id| face.names().into_iter().filter(move |name| name.name_id == *id))
            .filter_map(|name| name.to_string())
            .collect();
        let mut advances = HashMap::new();
        for subtable in
            face.tables().cmap.iter().flat_map(|cmap| cmap.subtables).filter(ttf_parser::cmap::Subtable::is_unicode)
        {
            subtable.codepoints(|code| {
                let character = char::from_u32(code);
                let glyph = subtable.glyph_index(code).filter(|glyph| glyph.0 != 0);
                if let (Some(character), Some(glyph)) = (character, glyph) {
                    advances.insert(character, face.glyph_hor_advance(glyph).unwrap_or(0));
                }
            });
        }
        let os2 = face.tables().os2;
        let windows = os2.map(|os2| (f64::from(os2.windows_ascender()), f64::from(-os2.windows_descender())));
        // If the OS/2 table lacks these values, libass falls back to the face's ascender and descender.
        let (ascent, descent) = windows
            .filter(|(ascent, descent)| ascent + descent > 0.0)
            .unwrap_or((f64::from(face.ascender()), f64::from(-face.descender())));
        let units = f64::from(face.units_per_em());
        Some(Self { weight: face.weight().to_number(), names, units, ascent, descent, advances })
    }

    /// Returns the family name by which libass finds the face.
    #[must_use]
    pub fn family(&self) -> &str {
        self.names.first().map_or("", String::as_str)
    }

    /// Returns the ASS font size for an em square of `em` pixels.
    #[must_use]
    pub fn ass_size(&self, em: f64) -> f64 {
        em * (self.ascent + self.descent) / self.units
    }

    /// Returns the distance in pixels from the top of libass's line to the baseline.
    #[must_use]
    pub fn ascent_px(&self, em: f64) -> f64 {
        em * self.ascent / self.units
    }
}

/// The purpose of a piece of text, which determines its font.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Names and titles.
    Title,
    /// All other text.
    Body,
}

/// Part of a text that is drawn in one face.
#[derive(Debug)]
pub struct FontRun<'a> {
    /// The face.
    pub face: &'a Face,
    /// The text.
    pub text: String,
}

/// The brand's fonts, in the order in which they are searched for a glyph.
#[derive(Debug)]
pub struct FontSet {
    faces: Vec<Face>,
    title: usize,
    body: usize,
    order: Vec<usize>,
    /// The same faces for drawing SVG.
    database: Arc<fontdb::Database>,
    ids: Vec<fontdb::ID>,
}

/// Text in the largest size at which it fits into a box.
#[derive(Clone, Debug, PartialEq)]
pub struct FittedText {
    /// The em square in pixels.
    pub em: f64,
    /// The lines.
    pub lines: Vec<String>,
    /// Whether the text had to be cut with an ellipsis.
    pub is_cut: bool,
}

impl FontSet {
    /// Loads every font in the brand's folder.
    pub fn load(assets: &Path, brand: &Brand) -> Result<Self, Error> {
        let folder = &brand.fonts.folder;
        let broken = |file: &str, reason: &str| Error::AssetBroken { file: file.to_owned(), reason: reason.to_owned() };
        let entries =
            std::fs::read_dir(assets.join(folder)).map_err(|error| broken(folder, &error.kind().to_string()))?;
        let mut files: Vec<_> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
        files.sort();
        let is_font = |path: &Path| {
            let extension = path.extension().and_then(|e| e.to_str()).unwrap_or("").to_ascii_lowercase();
            matches!(extension.as_str(), "ttf" | "otf")
        };
        let mut faces = Vec::new();
        let mut database = fontdb::Database::new();
        let mut ids = Vec::new();
        for path in files.iter().filter(|path| is_font(path)) {
            let file = format!("{folder}/{}", path.file_name().unwrap_or_default().to_string_lossy());
            let data = std::fs::read(path).map_err(|error| broken(&file, &error.kind().to_string()))?;
            faces.push(Face::parse(&data).ok_or_else(|| broken(&file, "not a font"))?);
            let loaded = database.load_font_source(fontdb::Source::Binary(Arc::new(data)));
            ids.push(*loaded.first().ok_or_else(|| broken(&file, "not a font"))?);
        }
        let find = |family: &str| {
            let has_name = |face: &Face| face.names.iter().any(|name| name.eq_ignore_ascii_case(family));
            let named = faces.iter().enumerate().filter(|(_, face)| has_name(face));
            // The document requests weight 400, and libass takes the nearest.
            named.min_by_key(|(_, face)| face.weight.abs_diff(400)).map(|(index, _)| index)
        };
        let need = |family: &str| {
            find(family).ok_or_else(|| broken(folder, &format!("no font has the family name {family:?}")))
        };
        let title = need(&brand.fonts.title)?;
        let body = need(&brand.fonts.body)?;
        let mut order: Vec<usize> = vec![body];
        order.extend(brand.fonts.fallback.iter().filter_map(|family| find(family)));
        order.extend(0..faces.len());
        Ok(Self { faces, title, body, order, database: Arc::new(database), ids })
    }

    /// Returns the face for a role.
    #[must_use]
    pub fn face(&self, role: Role) -> &Face {
        match role {
            Role::Title => &self.faces[self.title],
            Role::Body => &self.faces[self.body],
        }
    }

    /// Returns the face for drawing `character` in text with this role. Returns `None` if no font has a glyph.
    fn face_for(&self, role: Role, character: char) -> Option<&Face> {
        let preferred = self.face(role);
        if preferred.advances.contains_key(&character) {
            return Some(preferred);
        }
        self.order.iter().map(|&index| &self.faces[index]).find(|face| face.advances.contains_key(&character))
    }

    /// Splits text into runs that each use one face. A character without a glyph gets the role's face.
    #[must_use]
    pub fn font_runs(&self, role: Role, text: &str) -> Vec<FontRun<'_>> {
        let mut runs: Vec<FontRun<'_>> = Vec::new();
        for cluster in text.graphemes(true) {
            let face =
                cluster.chars().next().and_then(|character| self.face_for(role, character)).unwrap_or(self.face(role));
            match runs.last_mut() {
                // A space stays in the preceding run if that run's font has a space.
                Some(run)
                    if std::ptr::eq(run.face, face) || (cluster == " " && run.face.advances.contains_key(&' ')) =>
                {
                    run.text.push_str(cluster);
                }
                _ => runs.push(FontRun { face, text: cluster.to_owned() }),
            }
        }
        runs
    }

    /// Returns the width in pixels of text on one line. Ignores kerning, which hardly ever makes a line wider.
    #[must_use]
    pub fn width(&self, role: Role, text: &str, em: f64) -> f64 {
        let advance = |run: &FontRun<'_>| {
            let units: f64 = run.text.chars().map(|c| f64::from(run.face.advances.get(&c).copied().unwrap_or(0))).sum();
            units * em / run.face.units
        };
        self.font_runs(role, text).iter().map(advance).sum()
    }

    /// Returns the first character for which no font has a glyph.
    #[must_use]
    pub fn first_missing(&self, text: &str) -> Option<char> {
        text.chars().find(|&character| !character.is_whitespace() && self.face_for(Role::Body, character).is_none())
    }

    /// Breaks text into lines no wider than `max` pixels. Breaks at spaces, or within a word if the word alone is wider than
    /// a line.
    #[must_use]
    pub fn wrap(&self, role: Role, text: &str, em: f64, max: f64) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        let mut line = String::new();
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            let longer = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
            if self.width(role, &longer, em) <= max {
                line = longer;
                continue;
            }
            if !line.is_empty() {
                lines.push(std::mem::take(&mut line));
            }
            for cluster in word.graphemes(true) {
                if !line.is_empty() && self.width(role, &format!("{line}{cluster}"), em) > max {
                    lines.push(std::mem::take(&mut line));
                }
                line.push_str(cluster);
            }
        }
        if !line.is_empty() {
            lines.push(line);
        }
        lines
    }

    /// Returns the width of the widest word in pixels.
    fn widest_word(&self, role: Role, text: &str, em: f64) -> f64 {
        text.split(' ').map(|word| self.width(role, word, em)).fold(0.0, f64::max)
    }

    /// Breaks text into as many lines as [`FontSet::wrap`], but with nearly equal widths, so the last word is not alone
    /// on a line.
    #[must_use]
    pub fn wrap_evenly(&self, role: Role, text: &str, em: f64, max: f64) -> Vec<String> {
        let mut best = self.wrap(role, text, em, max);
        if best.len() < 2 {
            return best;
        }
        // Never break a word that fits on a line.
        let widest = self.widest_word(role, text, em);
        if widest > max {
            return best;
        }
        let mut low = (max * 0.4).max(widest - 4.0);
        let mut high = max;
        while high - low > 4.0 {
            let middle = f64::midpoint(low, high).max(widest);
            let lines = self.wrap(role, text, em, middle);
            if lines.len() > best.len() {
                low = middle;
            } else {
                high = middle;
                best = lines;
            }
        }
        best
    }

    /// Finds the largest size, `em` to `min` pixels, at which text fits on `lines` lines of `max` pixels. Text that is too
    /// long even at the smallest size is cut with an ellipsis.
    #[must_use]
    pub fn fit(&self, role: Role, text: &str, (em, min): (f64, f64), max: f64, lines: usize) -> FittedText {
        let mut size = em;
        loop {
            let mut wrapped = self.wrap(role, text, size, max);
            let breaks_a_word = size > min && self.widest_word(role, text, size) > max;
            if wrapped.len() <= lines && !breaks_a_word {
                return FittedText { em: size, lines: self.wrap_evenly(role, text, size, max), is_cut: false };
            }
            if size <= min {
                wrapped.truncate(lines);
                if let Some(last) = wrapped.last_mut() {
                    while !last.is_empty() && self.width(role, &format!("{last}…"), size) > max {
                        last.pop();
                    }
                    last.push('…');
                }
                return FittedText { em: size, lines: wrapped, is_cut: true };
            }
            size = (size - em * 0.04).max(min);
        }
    }

    /// Returns the font database for drawing SVG.
    pub(crate) fn database(&self) -> Arc<fontdb::Database> {
        self.database.clone()
    }

    /// Returns the font resolver for text in SVG. It maps the families `title` and `body` to the brand's fonts. If a font has
    /// no glyph for a character, it uses the same fallback font as captions do.
    pub(crate) fn resolver(&self) -> FontResolver<'_> {
        let select = |font: &resvg::usvg::Font| {
            let is_title = font.families().iter().any(|family| family.to_string().contains("title"));
            if is_title { self.title } else { self.body }
        };
        FontResolver {
            select_font: Box::new(move |font, _| self.ids.get(select(font)).copied()),
            select_fallback: Box::new(move |character, used, _| {
                let has_glyph = |index: &&usize| self.faces[**index].advances.contains_key(&character);
                let fitting = self.order.iter().filter(has_glyph).map(|index| self.ids[*index]);
                fitting.into_iter().find(|id| !used.contains(id))
            }),
        }
    }
}

/// Returns text in the form in which it is displayed: NFC, on one line, with single spaces. Removes control characters,
/// direction marks, and zero-width characters.
#[must_use]
pub fn display_text(text: &str) -> String {
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    let composed: String =
        text.nfc().map(|c| if c.is_whitespace() { ' ' } else { c }).filter(|c| !hidden(*c)).collect();
    composed.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}
