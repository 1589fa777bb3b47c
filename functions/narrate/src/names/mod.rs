//! Spells names and foreign words in letters that an English voice can read.
//!
//! The first available reading of a name is used: from the bank's list, the table of common given names, or the rules
//! for its script. A name without a reading is left out, and the narration greets the customer without it.

mod greek;
mod indic;
mod latin;
mod pinyin;
mod semitic;
mod sound;
mod spanish;
mod thai;

use std::collections::HashMap;
use std::sync::LazyLock;

use any_ascii::any_ascii_char;
use contracts::Language;
use unicode_normalization::UnicodeNormalization as _;

use crate::pronunciations::Pronunciations;
use sound::Stress;

/// The pronunciation of a word in a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spelling {
    /// Letters that an English voice can read.
    pub text: String,
    /// The phonemes in espeak-ng's mnemonics, for voices that accept them. `None` if the letters are enough.
    pub sound: Option<String>,
}

impl Spelling {
    fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), sound: None }
    }
}

/// The table of common given names, keyed by normalized spelling.
static GIVEN_NAMES: LazyLock<HashMap<String, Spelling>> = LazyLock::new(|| {
    let rows = include_str!("given_names.tsv").lines().filter(|line| !line.starts_with('#'));
    let entry = |row: &'static str| {
        let mut columns = row.split('\t');
        let written = folded(&normalized(columns.next()?));
        let text = columns.next()?.to_owned();
        let sound = columns.next().and_then(|syllables| sound::of_syllables(syllables, Stress::First));
        Some((written, Spelling { text, sound }))
    };
    rows.filter_map(entry).collect()
});

/// A customer's first name.
pub struct Names {
    written: String,
    said: Option<Vec<Spelling>>,
}

impl Names {
    /// Finds the reading of a first name in a language.
    pub fn new(first_name: &str, pronunciations: Option<&Pronunciations>, language: Language) -> Self {
        let written = normalized(first_name);
        if language == Language::Spanish {
            let said = written.split(' ').map(|part| spanish::name(part, pronunciations)).collect();
            return Self { written, said };
        }
        let said: Option<Vec<Spelling>> = match table(&written) {
            // One entry covers all words of the name.
            Some(said) if written.contains(' ') => {
                let parts = written.split(' ').count();
                let mut words: Vec<Spelling> = match said.sound {
                    Some(_) => vec![said],
                    None => said.text.split(' ').map(Spelling::plain).collect(),
                };
                words.resize(parts, Spelling::plain(""));
                Some(words)
            }
            _ => written.split(' ').map(|part| name(part, pronunciations)).collect(),
        };
        Self { written, said }
    }

    /// Returns the name as it appears in a normalized text.
    #[must_use]
    pub fn written(&self) -> &str {
        &self.written
    }

    /// Returns the reading of each written word in the name, or `None` if the name cannot be pronounced.
    #[must_use]
    pub fn said(&self) -> Option<&[Spelling]> {
        self.said.as_deref()
    }

    /// Returns the phonemes of a spoken word of the name, possibly with a possessive ending.
    #[must_use]
    pub fn sound(&self, said: &str) -> Option<String> {
        let (stem, ending) = said.strip_suffix("'s").map_or((said, ""), |stem| (stem, "z"));
        let part = self.said.iter().flatten().find(|part| part.text == stem)?;
        Some(format!("{}{ending}", part.sound.as_deref()?))
    }
}

/// Returns whether a first name can be pronounced. A missing name needs no pronunciation.
#[must_use]
pub fn is_sayable(first_name: &str, pronunciations: &Pronunciations, language: Language) -> bool {
    first_name.trim().is_empty() || Names::new(first_name, Some(pronunciations), language).said.is_some()
}

/// Normalizes a name in the same way as the text that contains it.
fn normalized(name: &str) -> String {
    let composed = name.nfc().filter(|c| !is_formatting(*c)).map(|c| if matches!(c, '’' | '‘') { '\'' } else { c });
    composed.collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns the pronunciations in the table.
#[cfg(test)]
pub fn given_names() -> impl Iterator<Item = &'static str> {
    GIVEN_NAMES.values().map(|spelling| spelling.text.as_str())
}

fn table(name: &str) -> Option<Spelling> {
    let mut found = GIVEN_NAMES.get(&folded(name)).cloned()?;
    // If a script writes every vowel, its rules give the right sound. The table then only improves the spelling.
    let phonetic = |c: char| {
        indic::is_indic(c)
            || matches!(c, '\u{370}'..='\u{3ff}' | '\u{10a0}'..='\u{10ff}' | '\u{530}'..='\u{58f}' | '\u{3040}'..='\u{30ff}' | '\u{ac00}'..='\u{d7a3}')
    };
    if found.sound.is_none() && name.chars().any(phonetic) {
        found.sound = by_rules(name).and_then(|spelling| spelling.sound);
    }
    Some(found)
}

/// Unifies Arabic letters that Persian and Urdu write differently.
fn folded(name: &str) -> String {
    let fold = |c: char| match c {
        'ی' => 'ي',
        'ک' => 'ك',
        'ہ' | 'ھ' | 'ة' | 'ۃ' => 'ه',
        'أ' | 'إ' | 'آ' | 'ٱ' => 'ا',
        _ => c,
    };
    name.chars().map(fold).collect()
}

/// Returns the pronunciation of one part of a name.
fn name(part: &str, pronunciations: Option<&Pronunciations>) -> Option<Spelling> {
    if let Some(said) = pronunciations.and_then(|list| list.get(part, Language::English)) {
        return Some(Spelling::plain(said));
    }
    let cased = in_title_case(part);
    if let Some(said) = table(part).or_else(|| table(&cased)) {
        return Some(said);
    }
    let consonants = part.len() <= 3
        && part.len() > 1
        && part.bytes().all(|b| b.is_ascii_alphabetic() && !b"AEIOUYaeiouy".contains(&b));
    if consonants && part.chars().all(char::is_uppercase) {
        return Some(Spelling::plain(part.chars().map(String::from).collect::<Vec<_>>().join(".")));
    }
    // Initials: "A.J.".
    let initials: Vec<&str> = part.split('.').filter(|piece| !piece.is_empty()).collect();
    if part.contains('.')
        && initials.iter().all(|piece| piece.len() == 1 && piece.bytes().all(|b| b.is_ascii_alphabetic()))
        && !initials.is_empty()
    {
        return Some(Spelling::plain(initials.join(".").to_uppercase()));
    }
    let pieces: Option<Vec<Spelling>> =
        cased.split(['-', '\'', '.']).filter(|piece| !piece.is_empty()).map(piece).collect();
    let pieces = pieces?;
    let sounds: Option<Vec<&str>> = pieces.iter().map(|piece| piece.sound.as_deref()).collect();
    let texts: Vec<&str> = pieces.iter().map(|piece| piece.text.as_str()).collect();
    let text = texts.join(if part.contains('\'') { "'" } else { " " });
    if !text.chars().any(char::is_alphabetic) {
        return None;
    }
    // Phonemes belong to one word, so its parts stay together.
    Some(match sounds {
        Some(sounds) => Spelling { text: text.replace(' ', "-"), sound: Some(sounds.concat()) },
        None => Spelling::plain(text),
    })
}

fn piece(piece: &str) -> Option<Spelling> {
    if piece.chars().any(|c| c.is_ascii_digit()) {
        return None;
    }
    spelling(piece)
}

/// Converts a name in capitals to an initial capital and lowercase letters. Leaves scripts without case unchanged.
fn in_title_case(part: &str) -> String {
    let letters = part.chars().filter(|c| c.is_alphabetic()).count();
    if letters < 2 || part.chars().any(char::is_lowercase) || !part.chars().any(char::is_uppercase) {
        return part.to_owned();
    }
    let mut out = String::new();
    let mut starts = true;
    for c in part.chars() {
        if starts {
            out.push(c);
        } else {
            out.extend(c.to_lowercase());
        }
        starts = !c.is_alphabetic();
    }
    out
}

/// Returns a word in any script in letters that an English voice can read, or `None` if it has no reading.
#[must_use]
pub fn reading(word: &str) -> Option<String> {
    spelling(word).map(|spelling| spelling.text)
}

/// Returns the pronunciation of a word in any script, or `None` if it has no reading.
fn spelling(word: &str) -> Option<Spelling> {
    if let Some(said) = table(word) {
        return Some(said);
    }
    by_rules(word)
}

/// Returns the pronunciation of a word by the rules for its script.
fn by_rules(word: &str) -> Option<Spelling> {
    let first = word.chars().find(|c| c.is_alphabetic())?;
    let (said, sound) = match first {
        _ if indic::is_indic(first) => (indic::reading(word), indic::sound(word)),
        '\u{590}'..='\u{6ff}' | '\u{750}'..='\u{77f}' | '\u{8a0}'..='\u{8ff}' | '\u{fb1d}'..='\u{fefc}' => {
            let said = semitic::reading(word);
            let stress = if first < '\u{600}' { Stress::Last } else { Stress::Long };
            let sound = sound::of_letters(&said, stress);
            (said, sound)
        }
        '\u{e00}'..='\u{eff}' => {
            let said = thai::reading(word);
            let sound = sound::of_letters(&thai::open_o(&said), Stress::Last);
            (said, sound)
        }
        '\u{370}'..='\u{3ff}' | '\u{1f00}'..='\u{1fff}' => greek::reading(word),
        _ if pinyin::is_japanese(word) => return None,
        _ if pinyin::is_han(first) => {
            let said = letters(word);
            let sound = sound::of_syllables(&said, Stress::Last);
            (said, sound)
        }
        '\u{ac00}'..='\u{d7a3}' => (hangul(word, false), sound::of_syllables(&hangul(word, true), Stress::First)),
        _ => {
            let said = letters(word);
            let sound = latin::sound(word, &said);
            (said, sound)
        }
    };
    let text = said.split_whitespace().collect::<Vec<_>>().join(" ");
    let fits = text.chars().all(|c| is_latin_1(c) || matches!(c, ' ' | '\'' | '-'));
    (fits && text.chars().any(char::is_alphabetic)).then_some(Spelling { text, sound })
}

/// Returns the pronunciation of a Latin letter that plain letters would misrepresent.
fn own_sound(c: char) -> Option<&'static str> {
    Some(match c {
        'ł' => "w",
        'Ł' => "W",
        'ş' | 'ș' | 'ś' | 'š' => "sh",
        'Ş' | 'Ș' | 'Ś' | 'Š' => "Sh",
        'ć' | 'č' => "ch",
        'Ć' | 'Č' => "Ch",
        'ż' | 'ź' | 'ž' => "zh",
        'Ż' | 'Ź' | 'Ž' => "Zh",
        _ => return None,
    })
}

/// Spells a word in Latin letters, one letter at a time.
fn letters(word: &str) -> String {
    let mut out = String::new();
    for c in word.chars() {
        match c {
            _ if is_latin_1(c) || c == '\'' => out.push(c),
            _ if pinyin::is_han(c) => {
                out.push(' ');
                out.push_str(&pinyin::respelled(&any_ascii_char(c).to_lowercase()));
                out.push(' ');
            }
            'ğ' => {}
            _ if own_sound(c).is_some() => out.push_str(own_sound(c).unwrap_or_default()),
            _ => out.extend(any_ascii_char(c).chars().filter(char::is_ascii_alphabetic)),
        }
    }
    // Armenian writes "u" with two letters.
    if word.chars().any(|c| matches!(c, '\u{530}'..='\u{58f}')) {
        return out.replace("ow", "oo").replace("Ow", "Oo");
    }
    let is_cyrillic = word.chars().any(|c| matches!(c, '\u{400}'..='\u{4ff}'));
    if is_cyrillic {
        let out = out.replace("iya", "ia");
        return out.strip_suffix("iy").map_or(out.clone(), |stem| format!("{stem}y"));
    }
    // Long vowels in Japanese: "yuuki" becomes "yuki".
    let is_kana = word.chars().any(|c| matches!(c, '\u{3040}'..='\u{30ff}'));
    if is_kana { out.to_lowercase().replace("uu", "u").replace("ou", "o").replace("oo", "o") } else { out }
}

/// Returns Korean syllables as an English reader would spell them. `exact` keeps the "h" that marks a vowel's sound.
fn hangul(word: &str, exact: bool) -> String {
    const INITIALS: [&str; 19] =
        ["g", "kk", "n", "d", "tt", "r", "m", "b", "pp", "s", "ss", "", "j", "j", "ch", "k", "t", "p", "h"];
    const VOWELS: [&str; 21] = [
        "ah", "eh", "yah", "yeh", "uh", "eh", "yuh", "yeh", "oh", "wah", "weh", "weh", "yoh", "oo", "wuh", "weh",
        "wee", "yoo", "oo", "wee", "ee",
    ];
    const FINALS: [&str; 28] = [
        "", "k", "k", "k", "n", "n", "n", "t", "l", "k", "m", "l", "l", "l", "p", "l", "m", "p", "p", "t", "t", "ng",
        "t", "t", "k", "t", "p", "t",
    ];
    let syllable = |c: char| {
        let Some(index) = u32::from(c).checked_sub(0xac00).filter(|index| *index < 11_172) else {
            return String::new();
        };
        let index = usize::try_from(index).unwrap_or_default();
        let ending = FINALS[index % 28];
        let vowel = VOWELS[index / 28 % 21];
        // This vowel is nearest to that of "book", which plain letters cannot express.
        let vowel = if exact && index / 28 % 21 == 18 { "euh" } else { vowel };
        // "h" only closes an open syllable: "seo" is "suh", "min" is "meen".
        let vowel = if exact || ending.is_empty() { vowel } else { vowel.trim_end_matches('h') };
        format!("{}{vowel}{ending}", INITIALS[index / 588])
    };
    word.chars().map(syllable).collect::<Vec<_>>().join("-").trim_matches('-').to_owned()
}

const fn is_latin_1(c: char) -> bool {
    c.is_ascii_alphabetic() || matches!(c, 'À'..='Ö' | 'Ø'..='ö' | 'ø'..='ÿ')
}

/// Returns the name of a symbol such as an emoji.
#[must_use]
pub fn sign(c: char) -> Option<String> {
    let name = any_ascii_char(c).trim();
    let words: String = name.chars().map(|c| if c.is_ascii_alphabetic() { c } else { ' ' }).collect();
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    (name.len() > 3 && name.starts_with(':') && !words.is_empty()).then_some(words)
}

/// Returns whether a symbol is displayed but never spoken on its own.
#[must_use]
pub fn is_mark(c: char) -> bool {
    if is_formatting(c) || c.is_ascii_punctuation() {
        return true;
    }
    !c.is_alphanumeric() && {
        let name = any_ascii_char(c);
        !name.is_empty() && name.chars().all(|c| c.is_ascii_punctuation() || c == ' ')
    }
}

/// Returns whether a character only affects the layout: joiners, direction marks, variation selectors, combining marks.
#[must_use]
pub const fn is_formatting(c: char) -> bool {
    matches!(c,
        '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{1f3fb}'..='\u{1f3ff}' | '\u{e0100}'..='\u{e01ef}'
        | '\u{300}'..='\u{36f}' | '\u{64b}'..='\u{65f}' | '\u{670}' | '\u{5b0}'..='\u{5c7}' | '\u{640}')
}

#[cfg(test)]
mod tests;
