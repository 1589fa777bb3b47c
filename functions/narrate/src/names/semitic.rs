//! Arabic and Hebrew letters. These scripts leave out short vowels.
//!
//! Long vowels are read where a letter marks them. An "a" is inserted between the remaining pairs of consonants. The
//! table of given names covers names for which this is wrong.

/// The sound of a letter.
enum Sound {
    Consonant(&'static str),
    /// A vowel, or a consonant at the start of a word or after a vowel.
    Either(&'static str, &'static str),
    Vowel(&'static str),
    Silent,
}

/// Consonants: the letters and their sound.
const CONSONANTS: &[(&str, &str)] = &[
    // Hebrew.
    ("ב", "b"),
    ("ג", "g"),
    ("ד", "d"),
    ("הח", "h"),
    ("ז", "z"),
    ("טת", "t"),
    ("כךק", "k"),
    ("ל", "l"),
    ("מם", "m"),
    ("נן", "n"),
    ("ס", "s"),
    ("פ", "p"),
    ("ף", "f"),
    ("צץ", "tz"),
    ("ר", "r"),
    ("ש", "sh"),
    // Arabic, Persian and Urdu.
    ("ب", "b"),
    ("پ", "p"),
    ("تطٹ", "t"),
    ("ثسص", "s"),
    ("ج", "j"),
    ("چ", "ch"),
    ("حهہھۀ", "h"),
    ("خ", "kh"),
    ("دضڈ", "d"),
    ("ذزظ", "z"),
    ("ژ", "zh"),
    ("رڑ", "r"),
    ("ش", "sh"),
    ("غگ", "g"),
    ("ف", "f"),
    ("قكک", "k"),
    ("ل", "l"),
    ("م", "m"),
    ("نں", "n"),
];

fn sound(letter: char) -> Sound {
    match letter {
        'ا' | 'آ' | 'أ' | 'ى' | 'ٱ' | 'א' | 'ة' | 'ۃ' => Sound::Vowel("a"),
        'إ' => Sound::Vowel("i"),
        'ے' => Sound::Vowel("ay"),
        'و' | 'ؤ' => Sound::Either("w", "oo"),
        'ו' => Sound::Either("v", "o"),
        'ي' | 'ی' | 'ئ' | 'י' => Sound::Either("y", "ee"),
        _ => CONSONANTS
            .iter()
            .find(|(letters, _)| letters.contains(letter))
            .map_or(Sound::Silent, |(_, sound)| Sound::Consonant(sound)),
    }
}

/// Returns a word in Latin letters.
pub fn reading(word: &str) -> String {
    let letters: Vec<char> = word.chars().filter(|c| c.is_alphabetic()).collect();
    let mut out = String::new();
    let mut after_vowel = true;
    // Whether the last consonant follows a vowel and so closes a syllable.
    let mut closing = false;
    for (index, letter) in letters.iter().enumerate() {
        let last = index + 1 == letters.len();
        let next = letters.get(index + 1).map(|next| sound(*next));
        let next_is_vowel = matches!(next, Some(Sound::Vowel(_) | Sound::Either(..)));
        let next_ends = index + 2 == letters.len() && matches!(next, Some(Sound::Consonant(_)));
        let (text, is_vowel) = match sound(*letter) {
            // A guttural at the start of a word carries the word's vowel.
            Sound::Silent if matches!(letter, 'ع' | 'ע') && !next_is_vowel && (index == 0 || !after_vowel) => {
                ("a", true)
            }
            Sound::Silent => continue,
            Sound::Vowel(vowel) => (vowel, true),
            // The last letter of a Hebrew name such as "Dinah" is a vowel.
            Sound::Consonant("h") if last && *letter == 'ה' => ("ah", true),
            Sound::Consonant(consonant) => (consonant, false),
            Sound::Either("w", _) if after_vowel && next_ends && index > 0 => ("woo", true),
            Sound::Either("y", _) if after_vowel && next_ends && index > 0 => ("ye", true),
            Sound::Either(consonant, vowel) => {
                let is_consonant = index == 0 || after_vowel || next_is_vowel;
                (if is_consonant { consonant } else { vowel }, !is_consonant)
            }
        };
        if is_vowel && after_vowel && index > 0 && out.ends_with(text) {
            continue;
        }
        if !is_vowel && !after_vowel && (!closing || last) {
            out.push('a');
            after_vowel = true;
        }
        out.push_str(text);
        closing = !is_vowel && after_vowel && index > 0;
        after_vowel = is_vowel;
    }
    out
}
