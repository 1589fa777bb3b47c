//! Splits the text of a segment into sentences.
//!
//! A sentence ends at a word that ends with a mark, if the next word can start a sentence. After an abbreviation, the
//! following word decides: a title never ends a sentence, a unit ends one before a capital, and so on.

use contracts::Language;

use crate::spoken::{self, spanish_abbreviation};

/// Marks that end a sentence.
const ENDS: [char; 7] = ['.', '!', '?', '…', '。', '！', '？'];

/// Abbreviations that precede a name, a number or a date.
#[rustfmt::skip]
const BEFORE_NAME: &[&str] = &[
    "adm", "apt", "approx", "art", "assoc", "ave", "av", "bldg", "blvd", "ca", "capt", "cf", "ch", "cir", "cmdr", "col", "cpl", "ct", "dept", "dr",
    "e.g", "est", "ext", "fig", "fl", "fr", "ft", "gen", "gov", "hon", "hwy", "i.e", "lt", "maj", "max", "messrs", "min", "mlle", "mme",
    "mr", "mrs", "ms", "mt", "no", "nos", "p", "pg", "pp", "pkwy", "pl", "pres", "prof", "pt", "pvt", "rd", "ref", "reg", "rep", "rev", "rm", "rt", "rte",
    "sec", "sen", "sgt", "sq", "sr", "st", "ste", "supt", "tel", "v", "vol", "vs",
];

/// Months and weekdays. Within a sentence, a number or another month or weekday may follow them.
const DATES: &[&str] = &[
    "jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep", "sept", "oct", "nov", "dec", "mon", "tue", "tues", "wed",
    "thu", "thur", "thurs", "fri", "sat", "sun",
];

/// Abbreviations that occur both within a sentence and at its end. The sentence ends only if the next word usually
/// starts one.
#[rustfmt::skip]
const EITHER: &[&str] = &[
    "a.m", "p.m", "am", "pm", "assn", "bros", "co", "corp", "d.c", "d.b.a", "e.u", "etc", "inc", "jr", "l.a", "l.p",
    "ala", "ariz", "ark", "calif", "colo", "conn", "fla", "ill", "ind", "kan", "ky", "mass", "mich", "minn", "mont", "neb", "nev", "okla", "penn", "pa",
    "tenn", "tex", "va", "vt", "wis", "wyo", "llc", "ltd", "n.a", "n.c", "n.h", "n.j", "n.m", "r.i", "s.c", "s.d", "w.va", "n.y", "p.c", "p.o", "ph.d", "u.k", "u.n", "u.s", "u.s.a", "a.k.a", "al",
];

/// Units of time. Before an abbreviation, as in "5 yr. CD", they do not end a sentence.
const UNITS: &[&str] = &["yr", "yrs", "mo", "mos", "wk", "wks", "hr", "hrs"];

/// Words that usually start a sentence.
#[rustfmt::skip]
const STARTERS: &[&str] = &[
    "a", "after", "all", "also", "an", "and", "any", "apply", "are", "as", "ask", "at", "before", "but", "by", "call", "can", "come", "consider", "contact",
    "deposit", "do", "don't", "each", "earn", "enjoy", "every", "fees", "find", "for", "from", "get", "give", "have", "he", "hello", "hi", "here", "how", "however",
    "if", "in", "it", "it's", "its", "join", "keep", "learn", "let", "let's", "limits", "log", "make", "many", "member", "more", "most", "my", "new", "no", "not",
    "now", "offer", "on", "once", "one", "open", "or", "our", "pay", "please", "rates", "read", "restrictions", "save", "see", "she", "sign", "so", "some", "speak", "start", "stop", "subject", "take",
    "talk", "terms", "thank", "thanks", "that", "the", "their", "then", "there", "these", "they", "this", "those", "to", "today", "try", "until", "use", "visit",
    "we", "we'll", "we're", "welcome", "what", "when", "where", "while", "who", "why", "with", "you", "you'll", "you're", "your",
];

/// Returns the sentences in `text`, with their words separated by single spaces.
#[must_use]
pub fn sentences(text: &str, language: Language) -> Vec<String> {
    let words: Vec<String> = text.split_whitespace().flat_map(split_ideographic).collect();
    let mut sentences: Vec<String> = Vec::new();
    let mut current: Vec<&str> = Vec::new();
    for (index, word) in words.iter().enumerate() {
        current.push(word);
        let next = words.get(index + 1).map(String::as_str);
        if next.is_none_or(|next| ends_sentence(&current, next, language)) {
            let sentence = current.join(" ");
            // Marks on their own belong to the sentence before them.
            match sentences.last_mut() {
                Some(before) if !sentence.chars().any(char::is_alphanumeric) => {
                    before.push(' ');
                    before.push_str(&sentence);
                }
                _ => sentences.push(sentence),
            }
            current.clear();
        }
    }
    sentences
}

/// Splits after the full stops in scripts that are written without spaces.
fn split_ideographic(word: &str) -> Vec<String> {
    word.split_inclusive(['。', '！', '？']).map(str::to_owned).collect()
}

/// Returns whether the last of `words` ends a sentence, given the word `next`.
fn ends_sentence(words: &[&str], next: &str, language: Language) -> bool {
    let Some(word) = words.last() else { return false };
    // Closing quotes, brackets and footnote numbers may follow the mark.
    let closing = |c: char| {
        matches!(c, ')' | ']' | '}' | '"' | '\'' | '”' | '’' | '»' | '*' | '†' | '‡' | '¹' | '²' | '³' | '⁴'..='⁹')
    };
    let body = word.trim_end_matches(closing);
    let Some(mark) = body.chars().next_back().filter(|mark| ENDS.contains(mark)) else { return false };
    let start = next.trim_start_matches(|c: char| !c.is_alphanumeric() && !"$€£¥₩₹#@".contains(c));
    let Some(first) = start.chars().next() else { return true };
    if mark != '.' {
        return mark != '…' || !first.is_lowercase();
    }
    let core = body.trim_end_matches('.').trim_start_matches(|c: char| !c.is_alphanumeric());
    // In "Mon.–Thurs." and "Mr./Mrs.", the last part decides.
    let core = core.rsplit(['/', '–', '—', '-']).next().unwrap_or(core);
    let small = core.to_lowercase();
    let is_number = core.ends_with(|c: char| c.is_ascii_digit() || c == '%');
    // "eStatements" can start a sentence, like a capital.
    let camel = first.is_lowercase() && start.chars().nth(1).is_some_and(char::is_uppercase);
    if first.is_lowercase() && !camel {
        return false;
    }
    let next_word = start.trim_end_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    let starter = STARTERS.contains(&next_word.as_str()) || camel;
    let digit = first.is_ascii_digit() || "$€£¥₩₹#".contains(first);
    if is_number {
        return true;
    }
    match language {
        Language::English => {}
        Language::Spanish => return ends_spanish_sentence(core, &small, &next_word, digit),
    }
    if DATES.contains(&small.as_str()) {
        let date_follows = digit || DATES.contains(&next_word.as_str());
        return !date_follows && (starter || !matches!(small.as_str(), "mon" | "tue" | "wed" | "thu" | "fri"));
    }
    // "5 yr. CD", but "in 5 yrs. Our rates"
    let letters = start.trim_end_matches(|c: char| !c.is_alphanumeric()).trim_end_matches('s');
    let abbreviation_follows = letters.len() > 1 && letters.chars().all(|c| c.is_ascii_uppercase());
    if UNITS.contains(&small.as_str()) && abbreviation_follows {
        return false;
    }
    if BEFORE_NAME.contains(&small.as_str()) {
        let street = matches!(
            small.as_str(),
            "st" | "ave" | "rd" | "blvd" | "dr" | "ct" | "pl" | "hwy" | "pkwy" | "ste" | "apt" | "sq"
        );
        return street && starter && words.len() > 1 && words[words.len() - 2].starts_with(char::is_uppercase);
    }
    if EITHER.contains(&small.as_str()) || spoken::is_abbreviation(&small) {
        return starter && !digit;
    }
    // Initials: "J. P. Morgan". A single letter at the end of a phrase is not an initial: "Choose plan B. We help."
    let is_initial = core.chars().count() == 1 && core.starts_with(|c: char| c.is_uppercase() && c != 'I');
    let initials =
        core.contains('.') && core.split('.').all(|part| part.chars().count() == 1) && core.chars().count() == 3;
    if is_initial || initials {
        return starter;
    }
    true
}

/// Returns whether a word that ends with a period ends a Spanish sentence. `small` is the word in lower case, `next_word`
/// the one after it, and `digit` whether a number follows.
fn ends_spanish_sentence(core: &str, small: &str, next_word: &str, digit: bool) -> bool {
    let is_short_month =
        ["ene", "feb", "mar", "abr", "jun", "jul", "ago", "sep", "sept", "oct", "nov", "dic"].contains(&small);
    let is_short_day = ["lun", "mié", "jue", "vie", "sáb", "dom"].contains(&small);
    if is_short_month || is_short_day || matches!(small, "no" | "nos") {
        return !digit;
    }
    if spanish_abbreviation::is_before_name(small) {
        return false;
    }
    // "EE. UU." and "S. A." continue, but "a. m." may end a sentence.
    if matches!((small, next_word), ("ee", "uu") | ("s", "a" | "r") | ("c", "v")) {
        return false;
    }
    let zones = ["et", "est", "edt", "ct", "cst", "cdt", "mt", "mst", "mdt", "pt", "pst", "pdt"];
    if matches!(small, "m" | "a.m" | "p.m") && zones.contains(&next_word) {
        return false;
    }
    if spanish_abbreviation::is_within_sentence(small) {
        return !digit;
    }
    // Initials: "J. P. Ruiz", "U.S. Bank".
    !core.split('.').all(|part| part.chars().count() == 1 && part.chars().all(char::is_uppercase))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_found() {
        for (text, expected) in [
            ("Hello José.  Ask Dr. J. Smith at\nMeridian! Is 4.25% APY, e.g. on savings, fair? Yes.", 4),
            ("Minimum to open: $250. 50 transfers are free.", 2),
            ("Open one in 2027. 403(b)s are not covered.", 2),
            ("Save up to $900. eChecks are free.", 2),
            ("It pays 3.75% A.P.R. Loans only.", 2),
            ("Good news! your account is open.", 2),
            ("Go to meridian.example. Then sign in.", 2),
            ("Fees apply.² See below.", 2),
            ("Earn more… Save more.", 2),
            ("Fees change.(See terms.) Apply.", 2),
            ("Starts Feb. 3, 2027. Apply today.", 2),
            ("We are open until 9 p.m. Call us.", 2),
            ("We serve the U.S. Your card works there.", 2),
            ("Choose plan B. We help.", 2),
            ("你好。谢谢！", 2),
            ("Equal Housing Lender", 1),
        ] {
            let found = sentences(text, Language::English);
            assert_eq!(found.len(), expected, "{found:?}");
        }
    }

    #[test]
    fn abbreviations_do_not_end_a_sentence() {
        for text in [
            "Offer ends Nov. 30, 2026.",
            "Open at 8 a.m. Pacific on weekdays.",
            "Our Washington, D.C. Office is open.",
            "Jones & Co. Advisers is here.",
            "See Sec. 12 for details.",
            "Ask Gov. Diaz or Rev. Jones.",
            "Pay by Oct. 9.",
            "A. B. Carter called.",
            "We are at 12 Elm St. Dallas.",
            "It takes approx. 5 days.",
            "See No. 4 of the list.",
            "Meridian Bank, N.A. Dallas Branch.",
            "Mon.–Thurs. 9–5",
            "Dear Mr./Mrs. Lee",
            "Take Rte. 9 north.",
            "a 5 yr. CD",
            "Our Asst. Mgr. Lee",
            "Boston, Mass. 02110",
        ] {
            assert_eq!(sentences(text, Language::English), [text]);
        }
    }

    #[test]
    fn ends_of_spanish_sentences_are_found() {
        for (text, expected) in [
            ("Hola, la Sra. Ruiz le espera. ¿Tiene un minuto? Sí.", 3),
            ("Mínimo para abrir: $25. 200 transacciones incluidas.", 2),
            ("Abrimos de 9 a. m. a 5 p. m. Llámenos.", 2),
            ("Vence el 30 de nov. de 2026. Aplique hoy.", 2),
            ("Vivimos en EE. UU. y en México.", 1),
            ("Banco Uno, S. A. de C. V. le saluda.", 1),
            ("Vea la pág. 4, el art. 5 y el núm. 6.", 1),
            ("Hay ahorro, crédito, etc. Pregunte hoy.", 2),
            ("Ahora no. Luego sí.", 2),
            ("J. P. Ruiz llamó.", 1),
            ("Visite meridian.example. Saludos, Ana.", 2),
        ] {
            let found = sentences(text, Language::Spanish);
            assert_eq!(found.len(), expected, "{found:?}");
        }
    }

    #[test]
    fn blank_text_has_no_sentence() {
        assert!(sentences(" \n ", Language::English).is_empty());
    }
}
