//! The sound of names in scripts that `any_ascii` writes with consistent letters, and of Latin letters that English lacks.

use super::sound::{Stress, of_letters};

/// Returns the phonemes of a word with its reading, or `None` if English spelling rules fit it best.
pub fn sound(word: &str, reading: &str) -> Option<String> {
    let first = word.chars().find(|c| c.is_alphabetic())?;
    match first {
        // Cyrillic, whose "y" before a vowel is a glide.
        '\u{400}'..='\u{52f}' => of_letters(reading, Stress::Penultimate),
        // Armenian.
        '\u{530}'..='\u{58f}' => of_letters(reading, Stress::Last),
        // Georgian, Ethiopic and Japanese kana.
        '\u{10a0}'..='\u{10ff}' | '\u{1200}'..='\u{139f}' | '\u{3040}'..='\u{30ff}' => {
            of_letters(reading, Stress::First)
        }
        _ if word.chars().any(is_turkish) => of_letters(&turkish(word)?, Stress::Last),
        _ if word.chars().any(is_slavic) => of_letters(&slavic(word)?, Stress::Penultimate),
        _ => None,
    }
}

const fn is_turkish(c: char) -> bool {
    matches!(c, 'ğ' | 'Ğ' | 'ı' | 'İ' | 'ş' | 'Ş')
}

const fn is_slavic(c: char) -> bool {
    matches!(
        c,
        'ą' | 'ć'
            | 'č'
            | 'đ'
            | 'ě'
            | 'ę'
            | 'ł'
            | 'ń'
            | 'ň'
            | 'ř'
            | 'ś'
            | 'š'
            | 'ť'
            | 'ů'
            | 'ź'
            | 'ż'
            | 'ž'
            | 'Ć'
            | 'Č'
            | 'Ł'
            | 'Ś'
            | 'Š'
            | 'Ź'
            | 'Ż'
            | 'Ž'
            | 'Đ'
            | 'Ř'
    )
}

fn turkish(word: &str) -> Option<String> {
    // After "g" and "k", the front vowel brings a glide: "Gülşen".
    let word = word.to_lowercase().replace("gü", "gyü").replace("kü", "kyü");
    spelled(&word, |c| {
        Some(match c {
            'c' => "j",
            'ç' => "ch",
            'ş' => "sh",
            'ğ' => "",
            'ı' | 'ö' | 'ő' => "uh",
            'ü' => "u",
            'j' => "zh",
            _ => return None,
        })
    })
}

fn slavic(word: &str) -> Option<String> {
    let word = word.to_lowercase().replace("cz", "č").replace("sz", "š").replace("rz", "ž").replace("ch", "h");
    spelled(&word, |c| {
        Some(match c {
            'c' => "ts",
            'j' => "y",
            'w' => "v",
            'ł' => "w",
            'č' | 'ć' => "ch",
            'š' | 'ś' => "sh",
            'ž' | 'ź' | 'ż' => "zh",
            'ř' => "rzh",
            'đ' => "j",
            'ą' => "on",
            'ę' => "en",
            'ě' => "ye",
            'ů' => "oo",
            'ń' | 'ň' => "n",
            'ť' => "t",
            _ => return None,
        })
    })
}

/// Spells a word with the sounds of its own letters, and other letters without their accents.
fn spelled(word: &str, own: impl Fn(char) -> Option<&'static str>) -> Option<String> {
    let mut out = String::new();
    for c in word.chars().flat_map(char::to_lowercase) {
        match own(c) {
            Some(sound) => out.push_str(sound),
            None => out.extend(any_ascii::any_ascii_char(c).chars().filter(char::is_ascii_alphabetic)),
        }
    }
    (!out.is_empty()).then_some(out)
}
