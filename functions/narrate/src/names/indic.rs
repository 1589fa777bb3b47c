//! Indian scripts, whose Unicode blocks share one layout (ISCII). A consonant includes an "a" unless a sign says
//! otherwise.

use super::sound::{Stress, of_letters};

/// The first code points of the blocks, and whether a final "a" is silent.
const BLOCKS: [(u32, bool); 9] = [
    (0x900, true),
    (BENGALI, true),
    (0xa00, true),
    (0xa80, true),
    (0xb00, false),
    (TAMIL, false),
    (0xc00, false),
    (0xc80, false),
    (0xd00, false),
];
const BENGALI: u32 = 0x980;
const TAMIL: u32 = 0xb80;
const SINHALA: std::ops::Range<u32> = 0xd80..0xe00;

/// The consonants from offset 0x15 on, as an English reader would spell them.
const CONSONANTS: [&str; 37] = [
    "k", "k", "g", "g", "ng", "ch", "ch", "j", "j", "ny", "t", "t", "d", "d", "n", "t", "t", "d", "d", "n", "n", "p",
    "f", "b", "b", "m", "y", "r", "r", "l", "l", "zh", "v", "sh", "sh", "s", "h",
];
/// The independent vowels from offset 0x05 on.
const VOWELS: [&str; 16] = ["a", "aa", "i", "ee", "u", "oo", "ri", "li", "e", "e", "ey", "ai", "o", "o", "o", "au"];
/// The vowel signs from offset 0x3e on.
const VOWEL_SIGNS: [&str; 15] = ["aa", "i", "ee", "u", "oo", "ri", "ri", "e", "e", "ey", "ai", "o", "o", "o", "au"];

pub fn is_indic(c: char) -> bool {
    (0x900..0xe00).contains(&u32::from(c))
}

struct Unit {
    consonant: &'static str,
    /// `None` means the inherent "a". An empty text means no vowel.
    vowel: Option<&'static str>,
}

/// Returns a word in Latin letters.
pub fn reading(word: &str) -> String {
    spelled(word, "a").replace("aa", "a").replace("ey", "e")
}

/// Returns the phonemes of a word. The inherent vowel is short, as in "sun"; Bengali says it like "o".
pub fn sound(word: &str) -> Option<String> {
    let first = u32::from(word.chars().find(|c| is_indic(*c))?);
    let bengali = (BENGALI..BENGALI + 0x80).contains(&first);
    let letters = spelled(word, if bengali { "o" } else { "uh" });
    let letters = if bengali {
        letters.replace("sh", "s").replace('s', "sh").replace("au", "ou")
    } else {
        short_i(&letters.replace("zh", "l"))
    };
    of_letters(&letters, if bengali { Stress::First } else { Stress::Long })
}

/// Marks each short "i" before a consonant. At the end of a word and before a vowel, it sounds like a long one.
fn short_i(letters: &str) -> String {
    let is_vowel = |c: char| matches!(c, 'a' | 'e' | 'i' | 'o' | 'u');
    let mut out = String::with_capacity(letters.len());
    let mut before = None;
    for (at, c) in letters.char_indices() {
        out.push(c);
        let next = letters[at + c.len_utf8()..].chars().next();
        if c == 'i' && !before.is_some_and(is_vowel) && next.is_some_and(|next| next != 'y' && !is_vowel(next)) {
            out.push('h');
        }
        before = Some(c);
    }
    out
}

/// Returns a word in Latin letters, with `inherent` for the vowel that a consonant includes.
fn spelled(word: &str, inherent: &str) -> String {
    let Some(first) = word.chars().find(|c| is_indic(*c)) else { return String::new() };
    if SINHALA.contains(&u32::from(first)) {
        return sinhala(word);
    }
    let start = u32::from(first) / 0x80 * 0x80;
    let silent_end = BLOCKS.iter().find(|(block, _)| *block == start).is_some_and(|(_, silent)| *silent);
    let mut units: Vec<Unit> = Vec::new();
    for c in word.chars() {
        let Some(offset) = u32::from(c).checked_sub(start).and_then(|offset| usize::try_from(offset).ok()) else {
            continue;
        };
        match offset {
            0x01 | 0x02 | 0x70 => units.push(Unit { consonant: "n", vowel: Some("") }),
            // The first letter "a" is as short as the inherent one.
            0x05 if units.is_empty() => units.push(Unit { consonant: "", vowel: None }),
            0x05..=0x14 => units.push(Unit { consonant: "", vowel: Some(VOWELS[offset - 0x05]) }),
            // Bengali says this letter like "j".
            0x2f if start == BENGALI => units.push(Unit { consonant: "j", vowel: None }),
            0x15..=0x39 => units.push(Unit { consonant: CONSONANTS[offset - 0x15], vowel: None }),
            0x3e..=0x4c => {
                if let Some(last) = units.last_mut() {
                    last.vowel = Some(VOWEL_SIGNS[offset - 0x3e]);
                }
            }
            0x4d => {
                if let Some(last) = units.last_mut() {
                    last.vowel = Some("");
                }
            }
            // Consonants without a vowel, in Malayalam.
            0x7a..=0x7f => {
                units.push(Unit { consonant: ["n", "n", "r", "l", "l", "k"][offset - 0x7a], vowel: Some("") });
            }
            0x58..=0x5f => {
                units.push(Unit { consonant: ["k", "k", "g", "z", "r", "r", "f", "y"][offset - 0x58], vowel: None });
            }
            _ => {}
        }
    }
    if start == TAMIL {
        soften(&mut units);
    }
    written(&units, &Vowels { inherent, silent_end, dropped: start != BENGALI })
}

/// Makes consonants between vowels voiced, because Tamil writes voiced and voiceless consonants alike.
fn soften(units: &mut [Unit]) {
    for index in 0..units.len() {
        let after_vowel = index > 0 && units[index - 1].vowel != Some("");
        let after_nasal = index > 0 && !after_vowel && matches!(units[index - 1].consonant, "n" | "m" | "ng" | "ny");
        let closes = units[index].vowel == Some("");
        units[index].consonant = match units[index].consonant {
            "k" if after_nasal => "g",
            "p" if after_nasal => "b",
            "t" if after_nasal => "d",
            "ch" if after_nasal => "j",
            "k" if after_vowel && !closes => "g",
            "p" if after_vowel && !closes => "b",
            "ch" if index == 0 || after_vowel => "s",
            other => other,
        };
    }
}

/// How a script says the vowel that a consonant includes.
struct Vowels<'a> {
    inherent: &'a str,
    /// Whether it is silent at the end of a word.
    silent_end: bool,
    /// Whether it is silent between a closed and an open syllable.
    dropped: bool,
}

fn written(units: &[Unit], vowels: &Vowels<'_>) -> String {
    let inherent = vowels.inherent;
    let mut out = String::new();
    for (index, unit) in units.iter().enumerate() {
        let doubled = index > 0 && units[index - 1].vowel == Some("") && units[index - 1].consonant == unit.consonant;
        if !doubled {
            out.push_str(unit.consonant);
        }
        let last = index + 1 == units.len();
        let in_cluster = index > 0 && units[index - 1].vowel == Some("") && units[index - 1].consonant != "n";
        let has_vowel_before = index > 0 && units[index - 1].vowel != Some("");
        let open = |at: usize| units.get(at).is_some_and(|next| next.vowel.is_some_and(|vowel| !vowel.is_empty()));
        let closed = units.get(index + 1).is_some_and(|next| next.vowel == Some("") && next.consonant != "n");
        let vowel_follows = open(index + 1) || closed && open(index + 2);
        match unit.vowel {
            Some(vowel) => out.push_str(vowel),
            None if !vowels.silent_end => out.push_str(inherent),
            None if last => out.push_str(if in_cluster || index == 0 { inherent } else { "" }),
            // Hindi drops the "a" between a closed and an open syllable: "Kamla" is written "Kamala".
            None if vowels.dropped && has_vowel_before && vowel_follows && index > 0 => {}
            None => out.push_str(inherent),
        }
    }
    out
}

/// Reads Sinhala, which has its own layout.
fn sinhala(word: &str) -> String {
    let mut out = String::new();
    let mut letters = word.chars().peekable();
    while let Some(letter) = letters.next() {
        let text = any_ascii::any_ascii_char(letter);
        out.push_str(if text == "c" { "ch" } else { text });
        let is_consonant = matches!(letter, '\u{d9a}'..='\u{dc6}');
        let next = letters.peek().copied();
        if is_consonant && !next.is_some_and(|next| matches!(next, '\u{dca}' | '\u{dcf}'..='\u{ddf}')) {
            out.push('a');
        }
    }
    out
}
