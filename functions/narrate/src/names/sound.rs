//! Turns the reading of a name into phonemes, so the local voices pronounce it correctly.
//!
//! English spelling rules misread names: they spell "Shtefan" letter by letter and rhyme "Jyun" with "dye". A reading
//! comes in two notations: syllables as newspapers write them ("SHTEH-fahn"), or Latin letters with the values that
//! most scripts give them ("kandha", where "a" is always the vowel of "father"). Both become espeak-ng's mnemonics.

/// The stressed syllable of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stress {
    First,
    Penultimate,
    Last,
    /// The last long vowel that does not end the name, or else the first vowel, as in Indian languages.
    Long,
    /// The syllable at this index.
    At(usize),
}

/// Consonants and their mnemonics, longer ones first. American English pronounces "t" between vowels as a flap, which
/// sounds like another letter in most languages. The mnemonic `t2` never becomes a flap, so "Natia" does not sound like
/// "Nadia".
const CONSONANTS: [(&str, &str); 40] = [
    ("shch", "StS"),
    ("tch", "tS"),
    ("sh", "S"),
    ("ch", "tS"),
    ("zh", "Z"),
    ("kh", "x"),
    ("gh", "g"),
    ("th", "T"),
    ("dh", "D"),
    ("ph", "f"),
    ("dz", "dz"),
    ("ts", "ts"),
    ("tz", "ts"),
    ("ng", "N"),
    ("ck", "k"),
    ("bb", "b"),
    ("dd", "d"),
    ("kk", "k"),
    ("ll", "l"),
    ("mm", "m"),
    ("nn", "n"),
    ("pp", "p"),
    ("ss", "s"),
    ("tt", "t2"),
    ("x", "ks"),
    ("q", "k"),
    ("c", "k"),
    ("j", "dZ"),
    ("y", "j"),
    ("b", "b"),
    ("d", "d"),
    ("f", "f"),
    ("g", "g"),
    ("h", "h"),
    ("k", "k"),
    ("l", "l"),
    ("m", "m"),
    ("n", "n"),
    ("p", "p"),
    ("r", "r"),
];
const MORE_CONSONANTS: [(&str, &str); 5] = [("s", "s"), ("t", "t2"), ("v", "v"), ("w", "w"), ("z", "z")];

/// Vowels in newspaper syllables, longer ones first.
const SPELLED_VOWELS: [(&str, &str); 26] = [
    ("euh", "U"),
    ("why", "waI"),
    ("eye", "aI"),
    ("igh", "aI"),
    ("air", "Er"),
    ("ear", "i:r"),
    ("ah", "A:"),
    ("eh", "E"),
    ("ih", "I"),
    ("oh", "oU"),
    ("uh", "V"),
    ("ay", "eI"),
    ("ee", "i:"),
    ("oo", "u:"),
    ("ow", "aU"),
    ("aw", "O:"),
    ("oy", "OI"),
    ("ar", "A:r"),
    ("er", "3:"),
    ("or", "O:r"),
    ("ur", "3:"),
    ("a", "a"),
    ("e", "E"),
    ("i", "I"),
    ("o", "A:"),
    ("u", "V"),
];

/// Vowels in Latin letters, longer ones first.
const LETTER_VOWELS: [(&str, &str); 19] = [
    ("aa", "A:"),
    ("ah", "A:"),
    ("ai", "aI"),
    ("ay", "aI"),
    ("au", "aU"),
    ("ee", "i:"),
    ("ei", "eI"),
    ("ey", "eI"),
    ("oo", "u:"),
    ("ou", "oU"),
    ("uh", "V"),
    ("ih", "I"),
    ("a", "A:"),
    ("e", "E"),
    ("i", "i:"),
    ("o", "oU"),
    ("u", "u:"),
    ("ə", "@"),
    ("ɔ", "O:"),
];

/// A sound: its mnemonic, and whether it is a long vowel, a short vowel or a consonant.
struct Sound {
    mnemonic: &'static str,
    vowel: bool,
    long: bool,
}

/// Returns the phonemes of syllables such as "SHTEH-fahn". `stress` applies if no syllable is in capitals.
pub fn of_syllables(syllables: &str, stress: Stress) -> Option<String> {
    let mut sounds = Vec::new();
    let mut stressed = None;
    let parts = syllables.split(['-', ' ']).filter(|part| !part.is_empty());
    for (index, syllable) in parts.enumerate() {
        if syllable.chars().all(|c| c.is_ascii_uppercase()) {
            stressed = Some(index);
        }
        let found = sounds_of(&syllable.to_lowercase(), &SPELLED_VOWELS)?;
        // Between words, an "n" before "g" or "k" stays an "n".
        if found.first().is_some_and(|sound| sound.mnemonic.starts_with(['g', 'k']))
            && let Some(last) = sounds.last_mut().filter(|last: &&mut Sound| last.mnemonic == "n")
        {
            last.mnemonic = "n||";
        }
        // Each syllable has one vowel, so the stressed syllable is the stressed vowel.
        if found.iter().filter(|sound| sound.vowel).count() != 1 {
            return None;
        }
        sounds.extend(found);
    }
    joined(&sounds, stressed.map_or(stress, Stress::At))
}

/// Returns the phonemes of Latin letters such as "kandha".
pub fn of_letters(letters: &str, stress: Stress) -> Option<String> {
    joined(&sounds_of(&letters.to_lowercase(), &LETTER_VOWELS)?, stress)
}

fn sounds_of(text: &str, vowels: &[(&str, &'static str)]) -> Option<Vec<Sound>> {
    let mut sounds: Vec<Sound> = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix(['\'', '-', ' ']) {
            rest = after;
            continue;
        }
        // A "y" between vowels or before one is a consonant: "maya" is not "may-a".
        let is_vowel = |text: &str| text.starts_with(['a', 'e', 'i', 'o', 'u']);
        let vowel = vowels.iter().find(|(spelling, _)| {
            let after = rest.strip_prefix(*spelling);
            let glide = spelling.len() > 1 && spelling.ends_with(['y', 'h', 'w']) && spelling != &"eye";
            after.is_some_and(|after| !(glide && is_vowel(after)))
        });
        if let Some((spelling, mnemonic)) = vowel {
            let long = spelling.len() > 1 && !matches!(*mnemonic, "V" | "I" | "U") || *spelling == "o";
            sounds.push(Sound { mnemonic, vowel: true, long });
            rest = &rest[spelling.len()..];
            continue;
        }
        let (spelling, mnemonic) =
            CONSONANTS.iter().chain(&MORE_CONSONANTS).find(|(spelling, _)| rest.starts_with(spelling))?;
        rest = &rest[spelling.len()..];
        // A "y" that is not followed by a vowel is a vowel itself.
        if *spelling == "y" && !is_vowel(rest) && !rest.starts_with('w') {
            sounds.push(Sound { mnemonic: "i:", vowel: true, long: false });
        } else if *spelling == "ng" && is_vowel(rest) {
            sounds.push(Sound { mnemonic: "Ng", vowel: false, long: false });
        } else {
            sounds.push(Sound { mnemonic, vowel: false, long: false });
        }
    }
    Some(sounds)
}

/// Joins sounds, with the stress mark before the stressed vowel. Returns `None` if there is no vowel.
fn joined(sounds: &[Sound], stress: Stress) -> Option<String> {
    let vowels: Vec<bool> = sounds.iter().filter(|sound| sound.vowel).map(|sound| sound.long).collect();
    let last = vowels.len().checked_sub(1)?;
    let stressed = match stress {
        Stress::First => 0,
        Stress::Penultimate => last.saturating_sub(1),
        Stress::Last => last,
        Stress::Long if vowels[last] && sounds.last().is_some_and(|sound| !sound.vowel) => last,
        Stress::Long => vowels[..last].iter().rposition(|long| *long).unwrap_or(0),
        Stress::At(index) => index.min(last),
    };
    let mut out = String::new();
    let mut vowel = 0;
    for (index, sound) in sounds.iter().enumerate() {
        if sound.vowel {
            if vowel == stressed {
                out.push('\'');
            }
            vowel += 1;
        }
        // Two vowels in a row would merge.
        if sound.vowel && index > 0 && sounds[index - 1].vowel {
            out.push('|');
        }
        out.push_str(sound.mnemonic);
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn syllables_sound_as_newspapers_write_them() {
        for (syllables, expected) in [
            ("SHTEH-fahn", "St2'EfA:n"),
            ("hoh-SAY", "hoUs'eI"),
            ("min-JOON", "mIndZ'u:n"),
            ("chyahng", "tSj'A:N"),
            ("gwaw", "gw'O:"),
            ("jyen-GWAW", "dZjEn||gw'O:"),
            ("EUHN-jee", "'UndZi:"),
        ] {
            assert_eq!(of_syllables(syllables, Stress::First).as_deref(), Some(expected), "{syllables}");
        }
        assert_eq!(of_syllables("psst", Stress::First), None);
        assert_eq!(of_syllables("", Stress::First), None);
    }

    #[test]
    fn letters_have_one_value() {
        for (letters, stress, expected) in [
            ("kanda", Stress::Last, "kA:nd'A:"),
            ("giorgi", Stress::First, "g'i:|oUrgi:"),
            ("maya", Stress::First, "m'A:jA:"),
            ("shota", Stress::First, "S'oUt2A:"),
            ("sunita", Stress::Penultimate, "su:n'i:t2A:"),
            ("sendihl", Stress::First, "s'EndIl"),
            ("tanakɔn", Stress::Last, "t2A:nA:k'O:n"),
        ] {
            assert_eq!(of_letters(letters, stress).as_deref(), Some(expected), "{letters}");
        }
    }
}
