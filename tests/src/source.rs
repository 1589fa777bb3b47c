//! Splits Rust source into code, comments and literals, and removes test code.

/// The part of Rust source that a character belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Code,
    Comment,
    Literal,
}

/// Returns the code without comments, literals and `#[cfg(test)]` items.
#[must_use]
pub fn code(source: &str) -> String {
    let characters = without_tests(&classify(source));
    characters.iter().map(|(c, kind)| if *kind == Kind::Code { *c } else { ' ' }).collect()
}

/// Returns the code and literals, without comments and `#[cfg(test)]` items. Outside literals, consecutive white space
/// becomes one space.
#[must_use]
pub fn code_and_literals(source: &str) -> String {
    let mut text = String::new();
    for (c, kind) in without_tests(&classify(source)) {
        let space = kind == Kind::Comment || (kind == Kind::Code && c.is_whitespace());
        if !space {
            text.push(c);
        } else if !text.ends_with(' ') {
            text.push(' ');
        }
    }
    text.trim().to_owned()
}

fn classify(source: &str) -> Vec<(char, Kind)> {
    let source: Vec<char> = source.chars().collect();
    let mut characters = Vec::with_capacity(source.len());
    while characters.len() < source.len() {
        let at = characters.len();
        let (end, kind) = match comment_end(&source, at) {
            Some(end) => (end, Kind::Comment),
            None => literal_end(&source, at).map_or((at + 1, Kind::Code), |end| (end, Kind::Literal)),
        };
        characters.extend(source[at..end].iter().map(|c| (*c, kind)));
    }
    characters
}

fn starts_with(source: &[char], text: &str) -> bool {
    text.chars().enumerate().all(|(index, c)| source.get(index) == Some(&c))
}

/// Returns the end of the comment that starts at `at`, or `None` if no comment starts there. Block comments nest.
fn comment_end(source: &[char], at: usize) -> Option<usize> {
    let rest = &source[at..];
    if starts_with(rest, "//") {
        return Some(at + rest.iter().position(|c| *c == '\n').unwrap_or(rest.len()));
    }
    if !starts_with(rest, "/*") {
        return None;
    }
    let mut depth = 0_usize;
    let mut end = at;
    while end < source.len() {
        if starts_with(&source[end..], "/*") {
            depth += 1;
            end += 2;
        } else if starts_with(&source[end..], "*/") {
            depth -= 1;
            end += 2;
            if depth == 0 {
                break;
            }
        } else {
            end += 1;
        }
    }
    Some(end)
}

/// Returns the end of the string or character literal that starts at `at`, or `None` if none starts there.
fn literal_end(source: &[char], at: usize) -> Option<usize> {
    let rest = &source[at..];
    // `r`, `b` and `c` start a literal only if they do not continue an identifier.
    let within_word = at > 0 && (source[at - 1].is_alphanumeric() || source[at - 1] == '_');
    if !within_word {
        let prefix = rest.iter().take_while(|c| matches!(c, 'b' | 'c' | 'r')).count();
        let hashes = rest[prefix..].iter().take_while(|c| **c == '#').count();
        let raw = rest[..prefix].contains(&'r');
        if raw && rest.get(prefix + hashes) == Some(&'"') {
            return Some(raw_string_end(source, at + prefix + hashes + 1, hashes));
        }
        if prefix > 0 && !raw && rest.get(prefix) == Some(&'"') {
            return Some(quoted_end(source, at + prefix + 1, '"'));
        }
    }
    match rest[0] {
        '"' => Some(quoted_end(source, at + 1, '"')),
        // `'a'` and `'\n'` are characters, but `'a` is a lifetime.
        '\'' if rest.get(1) == Some(&'\\') || rest.get(2) == Some(&'\'') => Some(quoted_end(source, at + 1, '\'')),
        _ => None,
    }
}

fn raw_string_end(source: &[char], start: usize, hashes: usize) -> usize {
    for at in start..source.len() {
        let closing = source[at + 1..].iter().take_while(|c| **c == '#').count();
        if source[at] == '"' && closing >= hashes {
            return at + 1 + hashes;
        }
    }
    source.len()
}

fn quoted_end(source: &[char], start: usize, quote: char) -> usize {
    let mut at = start;
    while at < source.len() {
        match source[at] {
            '\\' => at += 2,
            c if c == quote => return at + 1,
            _ => at += 1,
        }
    }
    source.len()
}

const TEST_ATTRIBUTE: &str = "#[cfg(test)]";

/// Removes each `#[cfg(test)]` item, up to its closing brace or its semicolon.
fn without_tests(characters: &[(char, Kind)]) -> Vec<(char, Kind)> {
    let mut kept = Vec::with_capacity(characters.len());
    let mut at = 0;
    while at < characters.len() {
        let attribute = characters[at..].iter().map(|(c, _)| *c).take(TEST_ATTRIBUTE.len());
        if characters[at].1 == Kind::Code && attribute.eq(TEST_ATTRIBUTE.chars()) {
            at = item_end(characters, at + TEST_ATTRIBUTE.len());
        } else {
            kept.push(characters[at]);
            at += 1;
        }
    }
    kept
}

fn item_end(characters: &[(char, Kind)], start: usize) -> usize {
    let mut depth = 0_usize;
    for (at, (c, kind)) in characters.iter().enumerate().skip(start) {
        if *kind != Kind::Code {
            continue;
        }
        match c {
            '{' | '(' | '[' => depth += 1,
            '}' | ')' | ']' => {
                depth = depth.saturating_sub(1);
                if *c == '}' && depth == 0 {
                    return at + 1;
                }
            }
            ';' if depth == 0 => return at + 1,
            _ => {}
        }
    }
    characters.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "//! Docs /* not open\nuse a; /* one /* two */ three */ fn f<'a>(x: &'a str) {\n    \
        g(\"a \\\" // b\", r#\"{\"c\"}\"#, b'}', '\\'');\n}\n#[cfg(test)]\nmod tests {\n    fn t() { h(\"}\"); }\n}\nfn after() {}\n";

    #[test]
    fn code_has_no_comments_literals_or_tests() {
        let code = code(SOURCE).split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(code, "use a; fn f<'a>(x: &'a str) { g( , , b , ); } fn after() {}");
    }

    #[test]
    fn literals_keep_their_white_space() {
        let text = code_and_literals(SOURCE);
        assert_eq!(
            text,
            "use a; fn f<'a>(x: &'a str) { g(\"a \\\" // b\", r#\"{\"c\"}\"#, b'}', '\\''); } fn after() {}"
        );
    }
}
