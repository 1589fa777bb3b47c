//! Foreign text on a terminal. A model's answer, a sheet's name or a file can contain escape sequences that move the
//! cursor, rename the window or make the terminal send input as if the user had typed it.

use std::borrow::Cow;

/// Returns the text without control characters, apart from line breaks, tabs and sequences that set colors. Also removes the
/// marks that reverse the direction of text.
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let style = color_sequence(rest);
        match (is_plain(c), style) {
            (true, _) => shown.push(c),
            (false, Some(style)) => shown.push_str(style),
            (false, None) => {}
        }
        rest = &rest[style.map_or(c.len_utf8(), str::len)..];
    }
    Cow::Owned(shown)
}

fn is_plain(c: char) -> bool {
    let turns_direction = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    matches!(c, '\n' | '\t') || !(c.is_control() || turns_direction)
}

/// Returns the sequence at the start of the text that sets colors or weight (ECMA-48, SGR), if there is one.
fn color_sequence(text: &str) -> Option<&str> {
    let parameters = text.strip_prefix("\u{1b}[")?;
    let end = parameters.find(|c: char| !(c.is_ascii_digit() || c == ';'))?;
    (parameters[end..].starts_with('m')).then(|| &text[..=(2 + end)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_removed_and_colors_stay() {
        for (text, shown) in [
            ("plain\n\ttext é 李", "plain\n\ttext é 李"),
            ("\u{1b}[1mbold\u{1b}[0m", "\u{1b}[1mbold\u{1b}[0m"),
            ("\u{1b}[31;1mred\u{1b}[m", "\u{1b}[31;1mred\u{1b}[m"),
            ("a\u{1b}[2Jb", "a[2Jb"),
            ("a\u{1b}]0;title\u{7}b", "a]0;titleb"),
            ("a\u{9b}2Jb", "a2Jb"),
            ("a\rb\u{8}c", "abc"),
            ("a\u{202e}fdp.exe", "afdp.exe"),
            ("\u{1b}", ""),
            ("\u{1b}[12", "[12"),
        ] {
            assert_eq!(printable(text), shown, "{text:?}");
        }
    }
}
