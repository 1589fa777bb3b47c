//! Chinese characters. An English voice misreads pinyin ("Li" as "lie"), so its syllables are respelled.

pub const fn is_han(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{323af}')
}

/// Returns whether a name in Chinese characters is Japanese, judging by characters that only Japanese uses, or by its
/// ending.
///
/// The reading of such names is not Chinese and cannot be derived, so it comes only from the table.
pub fn is_japanese(name: &str) -> bool {
    const ONLY_JAPANESE: &str =
        "々恵桜沢辺浜竜広亜栄弥渋稲実穂咲菜斎塩歩巻剣検険気楽薫徳鉄売読訳図団囲圧仏仮価倹児処勧匁匂峠畑込";
    const ENDINGS: [char; 6] = ['子', '郎', '彦', '介', '奈', '衛'];
    let mut characters = name.chars();
    let all_han = name.chars().all(is_han);
    let ending = name.chars().count() > 1 && characters.next_back().is_some_and(|last| ENDINGS.contains(&last));
    all_han && (ending || name.chars().any(|c| ONLY_JAPANESE.contains(c)))
}

/// Returns a pinyin syllable (ISO 7098) as an English reader would spell it: "xiao" becomes "shyow".
pub fn respelled(syllable: &str) -> String {
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
        "iu" | "you" => "yoh",
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
        "ue" | "ve" => "weh",
        "yue" => "yweh",
        other => other,
    };
    format!("{sound}{ending}")
}
