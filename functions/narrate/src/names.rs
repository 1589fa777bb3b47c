//! Writes foreign letters with those that an English voice knows, so that a name is spoken in any script.

use any_ascii::any_ascii_char;
use unicode_normalization::UnicodeNormalization as _;

/// A word in ASCII and the letters of Latin-1, which the engine's English voices say well (José, Zoë, François); nothing
/// if it holds a sign that has no reading.
///
/// Chinese characters become an English respelling of their pinyin, a word for each, because an English voice reads
/// pinyin's own letters wrongly ("Li" as "lie"). Scripts that leave vowels out get an "a" between consonants.
#[must_use]
pub fn latin(word: &str) -> Option<String> {
    let mut out = String::new();
    let mut without_vowels = false;
    for c in word.nfc() {
        match c {
            ' '..='~' | '€' | '£' | '¥' | '¢' | '°' | '§' | '×' | '÷' | 'À'..='Ö' | 'Ø'..='ö' | 'ø'..='ÿ' =>
            {
                out.push(c);
            }
            _ if is_formatting(c) => {}
            _ => {
                let reading = any_ascii_char(c);
                if reading.is_empty() {
                    return None;
                }
                if is_han(c) {
                    out.push(' ');
                    out.push_str(&pinyin_respelled(&reading.to_lowercase()));
                    out.push(' ');
                } else if matches!(c, '¼'..='¾' | '⅐'..='⅞') {
                    // "2½" is not "21/2".
                    out.push(' ');
                    out.push_str(reading.trim());
                    out.push(' ');
                } else if reading.len() > 3 && reading.starts_with(':') {
                    // An emoji's name: ":red_heart:".
                    out.push(' ');
                    out.push_str(&reading.replace([':', '_'], " "));
                    out.push(' ');
                } else {
                    without_vowels |= leaves_vowels_out(c);
                    out.push_str(reading);
                }
            }
        }
    }
    if without_vowels {
        out = voweled(&out);
    }
    Some(out.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Signs that steer the layout and are not spoken: joiners, marks of direction, variation selectors, soft hyphens.
#[must_use]
pub const fn is_formatting(c: char) -> bool {
    matches!(c,
        '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{1f3fb}'..='\u{1f3ff}' | '\u{e0100}'..='\u{e01ef}'
        | '\u{300}'..='\u{36f}' | '\u{64b}'..='\u{65f}' | '\u{5b0}'..='\u{5c7}' | '\u{640}')
}

const fn is_han(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{323af}')
}

const fn leaves_vowels_out(c: char) -> bool {
    matches!(c, '\u{590}'..='\u{6ff}' | '\u{750}'..='\u{77f}')
}

fn voweled(word: &str) -> String {
    let is_vowel = |c: char| matches!(c.to_ascii_lowercase(), 'a' | 'e' | 'i' | 'o' | 'u');
    let mut out = String::new();
    let mut before: Option<char> = None;
    for c in word.chars() {
        let between = |b: char| b.is_ascii_alphabetic() && c.is_ascii_alphabetic() && !is_vowel(b) && !is_vowel(c);
        if before.is_some_and(between) {
            out.push('a');
        }
        out.push(c);
        before = Some(c);
    }
    out
}

/// A syllable of pinyin (ISO 7098) as an English reader would spell its sound: "xiao" is "shyow".
fn pinyin_respelled(syllable: &str) -> String {
    const INITIALS: [&str; 21] =
        ["zh", "ch", "sh", "b", "p", "m", "f", "d", "t", "n", "l", "g", "k", "h", "j", "q", "x", "r", "z", "c", "s"];
    let initial = INITIALS.into_iter().find(|initial| syllable.starts_with(initial)).unwrap_or("");
    let rest = &syllable[initial.len()..];
    let sound = match initial {
        "zh" => "j",
        "q" => "ch",
        "x" => "sh",
        "c" => "ts",
        "z" => "dz",
        other => other,
    };
    let after_palatal = matches!(initial, "j" | "q" | "x");
    let ending = match rest {
        "a" => "ah",
        "e" => "uh",
        "i" if matches!(initial, "zh" | "ch" | "sh" | "r") => "ur",
        "i" if matches!(initial, "z" | "c" | "s") => "uh",
        "i" | "yi" => "ee",
        "u" if after_palatal => "yoo",
        "u" => "oo",
        "v" | "yu" => "yoo",
        "wu" => "woo",
        "ai" => "eye",
        "ei" => "ay",
        "ao" => "ow",
        "ou" => "oh",
        "an" => "ahn",
        "en" => "un",
        "er" => "ar",
        "ang" => "ahng",
        "eng" => "ung",
        "ong" => "oong",
        "ia" | "ya" => "yah",
        "ie" | "ye" => "yeh",
        "iao" | "yao" => "yow",
        "iu" | "you" => "yo",
        "ian" | "yan" => "yen",
        "iang" | "yang" => "yahng",
        "iong" | "yong" => "yoong",
        "ua" | "wa" => "wah",
        "o" | "uo" | "wo" => "waw",
        "uai" | "wai" => "why",
        "ui" | "wei" => "way",
        "uan" if after_palatal => "wen",
        "uan" | "wan" => "wahn",
        "yuan" => "ywen",
        "un" if after_palatal => "yoon",
        "un" => "oon",
        "yun" => "yoon",
        "wen" => "wun",
        "uang" | "wang" => "wahng",
        "ue" | "ve" | "yue" => "yweh",
        other => other,
    };
    format!("{sound}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_that_an_english_voice_knows_are_kept() {
        for name in ["José", "Zoë", "François", "Smith", "O'Neil"] {
            assert_eq!(latin(name).unwrap(), name);
        }
    }

    #[test]
    fn names_in_other_letters_get_a_reading() {
        assert_eq!(latin("Nguyễn").unwrap(), "Nguyen");
        assert_eq!(latin("Łukasz").unwrap(), "Lukasz");
        assert_eq!(latin("Đặng").unwrap(), "Dang");
        assert_eq!(latin("李娜").unwrap(), "lee nah");
        assert_eq!(latin("Иван").unwrap(), "Ivan");
        assert_eq!(latin("محمد").unwrap(), "mahamad");
    }

    #[test]
    fn a_letter_with_a_separate_accent_is_the_same_letter() {
        assert_eq!(latin("Jose\u{301}").unwrap(), "José");
    }

    #[test]
    fn layout_signs_are_silent_and_a_sign_without_a_reading_is_told() {
        assert_eq!(latin("\u{202e}Ann\u{200d}a").unwrap(), "Anna");
        assert_eq!(latin("\u{e000}"), None);
    }
}
