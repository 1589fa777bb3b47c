//! Thai and Lao letters. Some vowels are written before their consonant, and some are not written at all.

use any_ascii::any_ascii_char;

/// Returns a word in Latin letters.
pub fn reading(word: &str) -> String {
    let sounds = sounds(word);
    let is_vowel = |sound: &str| sound.starts_with(['a', 'e', 'i', 'o', 'u']);
    let mut out = String::new();
    // Whether the unwritten vowel before the last consonant is that of a closed syllable.
    let mut filled = false;
    for (index, sound) in sounds.iter().enumerate() {
        if is_vowel(sound) {
            out.push_str(sound);
            continue;
        }
        let last = index + 1 == sounds.len();
        let before = index.checked_sub(1).map(|at| sounds[at].as_str());
        let after_vowel = before.is_none_or(is_vowel);
        // A second consonant at the end is silent, and so is the second one of a doubled consonant.
        let closed = index > 1 && !after_vowel && (filled || is_vowel(&sounds[index - 2]));
        // In "Thanakorn" and "Supaporn", the last two consonants are a syllable of their own.
        if closed && last && sound == "r" {
            out.push_str("orn");
            continue;
        }
        if closed && (last || before == Some(sound.as_str())) {
            continue;
        }
        let cluster = matches!(sound.as_str(), "r" | "l" | "w") && !last && is_vowel(&sounds[index + 1]);
        filled = false;
        if !after_vowel && !closed && !cluster {
            // The unwritten vowel of an open syllable is "a", that of a closed one is "o".
            let opens = !last && is_vowel(&sounds[index + 1]);
            out.push(if opens { 'a' } else { 'o' });
            filled = !opens;
        }
        out.push_str(if last { closing(sound) } else { sound });
    }
    out
}

/// Returns a reading with its open "o" marked: the ending "orn" has no "r", and its vowel is that of "dawn".
pub fn open_o(reading: &str) -> String {
    reading.strip_suffix("orn").map_or_else(|| reading.to_owned(), |stem| format!("{stem}ɔn"))
}

/// Returns the sound of a consonant at the end of a word.
fn closing(sound: &str) -> &str {
    match sound {
        "r" | "l" => "n",
        "s" | "ch" | "j" | "d" => "t",
        "b" | "f" => "p",
        "g" => "k",
        other => other,
    }
}

/// Returns the sound of each letter in spoken order.
fn sounds(word: &str) -> Vec<String> {
    let word = word.replace("รร", "\u{e31}น");
    let mut letters: Vec<char> = Vec::new();
    let mut lead: Option<char> = None;
    for c in word.chars() {
        match c {
            // The sign of a silent letter.
            '\u{e4c}' | '\u{ecc}' => {
                letters.pop();
            }
            'เ' | 'แ' | 'โ' | 'ใ' | 'ไ' | 'ເ' | 'ແ' | 'ໂ' | 'ໃ' | 'ໄ' => lead = Some(c),
            // Marks of tone and length.
            '\u{e47}'..='\u{e4b}' | '\u{e4d}' | '\u{e4e}' | '\u{ec8}'..='\u{ecb}' => {}
            _ => {
                // A silent "h" raises the tone of the consonant after it.
                if letters.last().is_some_and(|last| matches!(last, 'ห' | 'ຫ'))
                    && matches!(c, 'ม' | 'น' | 'ล' | 'ร' | 'ว' | 'ย' | 'ง' | 'ญ')
                {
                    letters.pop();
                }
                letters.push(c);
                letters.extend(lead.take());
            }
        }
    }
    let sound = |(index, c): (usize, &char)| match c {
        'อ' | 'ອ' if index > 0 => "o".to_owned(),
        'อ' | 'ອ' => String::new(),
        _ => {
            let text: String = any_ascii_char(*c).chars().filter(char::is_ascii_alphabetic).collect();
            match text.as_str() {
                "ph" => "p".to_owned(),
                "th" => "t".to_owned(),
                "kh" => "k".to_owned(),
                _ => text,
            }
        }
    };
    letters.iter().enumerate().map(sound).filter(|sound| !sound.is_empty()).collect()
}
