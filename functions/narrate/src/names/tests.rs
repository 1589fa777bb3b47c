use contracts::Language;

use super::*;

fn said(first_name: &str) -> Option<String> {
    Names::new(first_name, None, Language::English)
        .said
        .map(|parts| parts.iter().map(|part| part.text.as_str()).collect::<Vec<_>>().join(" ").trim().to_owned())
}

#[test]
fn letters_of_latin_1_are_kept() {
    for name in ["José", "Zoë", "Benoît", "Smith"] {
        assert_eq!(reading(name).unwrap(), name);
    }
}

#[test]
fn listed_names_have_their_usual_pronunciation() {
    for (written, expected) in [
        ("علي", "Ali"),
        ("فاطمة", "Fatima"),
        ("משה", "Mosheh"),
        ("कृष्ण", "Krishna"),
        ("கார்த்திக்", "Kartik"),
        ("ประยุทธ์", "Prayoot"),
        ("花子", "Hanako"),
        ("Γιώργος", "Yorgos"),
        ("Niamh", "Neev"),
        ("NIAMH", "Neev"),
        ("عبد الله", "Abdullah"),
    ] {
        assert_eq!(said(written).as_deref(), Some(expected), "{written}");
    }
}

#[test]
fn unlisted_names_follow_their_script() {
    for (written, expected) in [
        ("李娜", "lee-nah"),
        ("कमला", "kamla"),
        ("मोहन", "mohan"),
        ("సురేష్", "suresh"),
        ("முத்து", "mutu"),
        ("Владимир", "Vladimir"),
        ("ניר", "neer"),
        ("سلام", "salam"),
        ("도윤", "doh-yoon"),
        ("ひろし", "hiroshi"),
        ("Doğan", "Doan"),
    ] {
        assert_eq!(said(written).as_deref(), Some(expected), "{written}");
    }
}

#[test]
fn capitals_are_no_abbreviation_in_a_name() {
    for (written, expected) in [
        ("ED", "Ed"),
        ("LI", "Li"),
        ("US", "Us"),
        ("CJ", "C.J"),
        ("LYNN", "Lynn"),
        ("JOSÉ", "José"),
        ("MARY-ANN", "Mary Ann"),
        ("O'NEIL", "O'Neil"),
    ] {
        assert_eq!(said(written).as_deref(), Some(expected), "{written}");
    }
}

#[test]
fn bank_list_wins_over_the_table() {
    let list = Pronunciations::from_toml("[words]\n\"علي\" = \"Alee\"\nTemperance = \"Tempy\"\n").unwrap();
    for (written, expected) in [("علي", "Alee"), ("Temperance", "Tempy")] {
        assert_eq!(Names::new(written, Some(&list), Language::English).said().unwrap(), [Spelling::plain(expected)]);
    }
}

#[test]
fn separate_accent_is_the_same_letter() {
    assert_eq!(said("Jose\u{301}").unwrap(), "José");
}

#[test]
fn layout_signs_are_silent() {
    assert_eq!(said("\u{202e}Ann\u{200d}a").unwrap(), "Anna");
}

#[test]
fn name_without_a_reading_is_silent() {
    for name in ["\u{e000}", "123", "..."] {
        assert_eq!(said(name), None, "{name}");
    }
}

#[test]
fn table_has_only_letters_that_engines_pronounce() {
    for (written, Spelling { text: said, .. }) in GIVEN_NAMES.iter() {
        let fits = said.chars().all(|c| c.is_ascii_alphabetic() || " '-".contains(c));
        assert!(fits && said.chars().any(char::is_alphabetic), "{written}: {said}");
    }
    // A third column that cannot be read would silently be ignored.
    for row in include_str!("given_names.tsv").lines().filter(|line| !line.starts_with('#')) {
        let mut columns = row.split('\t').skip(2);
        assert!(
            columns.next().is_none_or(|syllables| sound::of_syllables(syllables, Stress::First).is_some()),
            "{row}"
        );
        assert_eq!(columns.next(), None, "{row}");
    }
    // Without syllables, English spelling rules would read a name in a script that this crate cannot sound out.
    for (written, spelling) in GIVEN_NAMES.iter().filter(|(written, _)| !written.contains(' ')) {
        let is_latin = written.chars().all(|c| is_latin_1(c) || matches!(c, 'Ā'..='ɏ' | 'Ḁ'..='ỿ' | ' ' | '\'' | '-'));
        let sound = table(written).and_then(|spelling| spelling.sound);
        assert!(is_latin || sound.is_some(), "{written}: {}", spelling.text);
    }
    assert!(GIVEN_NAMES.len() > 400, "{}", GIVEN_NAMES.len());
}
