//! Turns a written sentence into what is said, word by word: each written word keeps its spoken form.

use any_ascii::any_ascii_char;

use crate::names::{is_formatting, latin};
use crate::numbers::{self, Around};
use crate::pronunciations::Pronunciations;

/// A word as it is written, and how it is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// As written, with its marks; joined by spaces the words give the sentence.
    pub shown: String,
    /// What is said: letters of ASCII and Latin-1, apostrophes, inner hyphens, full stops between single letters, and
    /// commas within long forms. Never a sign that an engine could take for markup.
    pub said: String,
    /// The pause after it: one of `,;:.?!`.
    pub pause: Option<char>,
}

/// A sentence ready to be said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Utterance {
    words: Vec<Word>,
}

/// The word that cannot be said, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unspeakable(pub usize);

impl Utterance {
    /// Reads a sentence. Nothing, if it holds only marks.
    pub fn of(sentence: &str, pronunciations: &Pronunciations) -> Result<Option<Self>, Unspeakable> {
        let shown = shown_words(sentence);
        let cores: Vec<_> = shown.iter().map(|word| core(word)).collect();
        let shouted = is_shouted(&cores);
        let mut words = Vec::new();
        for (index, written) in shown.iter().enumerate() {
            let before = index.checked_sub(1).map_or("", |at| cores[at]).to_lowercase();
            let after = cores.get(index + 1).copied().unwrap_or_default().to_lowercase();
            let around = Around { before: &before, after: &after };
            let known = pronunciations.get(cores[index]);
            let said = known.or_else(|| say(written, cores[index], around, shouted)).ok_or(Unspeakable(index + 1))?;
            words.push(Word { shown: written.clone(), said, pause: pause(written, cores[index]) });
        }
        if let Some(last) = words.last_mut() {
            last.pause = last.pause.filter(|mark| "?!".contains(*mark)).or(Some('.'));
        }
        Ok(if words.is_empty() { None } else { Some(Self { words }) })
    }

    /// The words, at least one.
    #[must_use]
    pub fn words(&self) -> &[Word] {
        &self.words
    }

    /// What an engine is given.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        for word in &self.words {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(&word.said);
            text.extend(word.pause);
        }
        text
    }
}

/// The written words. What holds only marks, such as a dash, stays with its neighbour: it is seen and not heard.
fn shown_words(sentence: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut opening = String::new();
    let mut parts = sentence.split_whitespace().peekable();
    while let Some(part) = parts.next() {
        let compares = relation(part).is_some() && parts.peek().is_some_and(|next| begins_number(next));
        if compares || !part.chars().all(is_mark) {
            words.push(format!("{opening}{part}"));
            opening.clear();
        } else if let Some(last) = words.last_mut() {
            last.push(' ');
            last.push_str(part);
        } else {
            opening.push_str(part);
            opening.push(' ');
        }
    }
    words
}

/// Signs that are seen and not heard, unless a number or an address gives them a meaning.
fn is_mark(c: char) -> bool {
    is_formatting(c)
        || matches!(
            c,
            '.' | ','
                | ';'
                | ':'
                | '!'
                | '?'
                | '…'
                | '"'
                | '\''
                | '“'
                | '”'
                | '„'
                | '‘'
                | '’'
                | '«'
                | '»'
                | '‹'
                | '›'
        )
        || matches!(
            c,
            '(' | ')' | '[' | ']' | '{' | '}' | '<' | '>' | '-' | '‐'
                ..='―' | '−' | '_' | '*' | '†' | '‡' | '^' | '`' | '~'
        )
        // Numbers of footnotes.
        || matches!(c, '¹' | '²' | '³' | '⁰' | '⁴'..='⁹')
        || matches!(
            c,
            '•' | '·'
                | '|'
                | '¦'
                | '/'
                | '\\'
                | '®'
                | '™'
                | '©'
                | '℠'
                | '¡'
                | '¿'
                | '¨'
                | '´'
                | '¸'
                | '¯'
                | '¬'
                | '¶'
        )
        || (!c.is_ascii() && {
            // "→" reads "->", "、" reads ",".
            let reading = any_ascii_char(c);
            !reading.is_empty() && reading.chars().all(is_mark)
        })
}

/// A word without the marks around it; a bracket stays where it is the word's own, as in "401(k)".
fn core(written: &str) -> &str {
    if relation(written).is_some() {
        return written;
    }
    let start = written.trim_start_matches(is_mark);
    let number = start.trim_start_matches(OF_NUMBERS);
    let start = if begins_number(number) {
        let own = written[..written.len() - number.len()].trim_end_matches(OF_NUMBERS).len();
        let start = &written[own..];
        if start.starts_with("..") { start.trim_start_matches('.') } else { start }
    } else {
        start
    };
    let telephone = written.starts_with('(') && start.starts_with(|c: char| c.is_ascii_digit()) && start.contains(')');
    let end = start.trim_end_matches(is_mark);
    if start[end.len()..].starts_with(')') && end.contains('(') && !telephone { &start[..=end.len()] } else { end }
}

/// Signs that belong to a number when they stand right before it: a minus, a point without a zero, a comparison.
const OF_NUMBERS: [char; 10] = ['-', '−', '.', '<', '>', '=', '≤', '≥', '~', '≈'];

fn begins_number(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit() || "$€£¥½¼¾⅓⅔⅛⅜⅝⅞".contains(c))
}

/// How a sign that compares, or gives a number roughly, is said.
fn relation(sign: &str) -> Option<&'static str> {
    Some(match sign {
        "<" => "less than",
        ">" => "more than",
        "≤" | "<=" => "at most",
        "≥" | ">=" => "at least",
        "~" | "≈" => "about",
        "±" => "plus or minus",
        _ => return None,
    })
}

/// The pause that the marks after a word ask for.
fn pause(written: &str, core: &str) -> Option<char> {
    let end = written.rfind(core).map_or(written.len(), |at| at + core.len());
    written[end..].chars().find_map(|mark| match mark {
        ',' | '、' | '，' | ')' | '—' | '–' | '―' | '…' | '•' | '|' => Some(','),
        ';' | '；' => Some(';'),
        ':' | '：' => Some(':'),
        '?' | '？' => Some('?'),
        '!' | '！' => Some('!'),
        // A hyphen that stands alone is a dash.
        '-' if written[end..].contains(" -") => Some(','),
        _ => None,
    })
}

/// Whether a sentence is written in capitals, as some disclosures are, so that capitals tell no abbreviation.
fn is_shouted(cores: &[&str]) -> bool {
    let words: Vec<_> = cores.iter().filter(|core| core.chars().filter(|c| c.is_alphabetic()).count() > 1).collect();
    words.len() >= 3 && words.iter().filter(|core| !core.chars().any(char::is_lowercase)).count() * 2 > words.len()
}

fn say(written: &str, core: &str, around: Around<'_>, shouted: bool) -> Option<String> {
    if let Some(said) = title(written, core, around).or_else(|| relation(core)) {
        return Some(said.to_owned());
    }
    let number = core.trim_start_matches(['<', '>', '=', '≤', '≥', '~', '≈', '±']);
    if let Some(compared) = relation(&core[..core.len() - number.len()]) {
        return Some(format!("{compared} {}", say(number, number, around, shouted)?));
    }
    let core = &core.replace('−', "-");
    if let Some(said) = numbers::with_fraction(core) {
        return Some(said);
    }
    let plain = latin(core)?;
    if let Some(said) = numbers::say(&plain, around).or_else(|| numbers::scale_after_money(&plain, around.before)) {
        return Some(said);
    }
    let say_one = |part| numbers::say(part, Around::default()).unwrap_or_else(|| say_part(part, shouted));
    let said: Vec<_> = plain.split(' ').map(say_one).filter(|part| !part.is_empty()).collect();
    let said = said.join(" ");
    said.chars().any(char::is_alphabetic).then_some(said)
}

/// Abbreviations that are read in full.
fn title(written: &str, core: &str, around: Around<'_>) -> Option<&'static str> {
    let dotted = written[written.rfind(core)? + core.len()..].starts_with('.');
    let small = core.to_lowercase();
    let before_digit = around.after.starts_with(|c: char| c.is_ascii_digit());
    let after_digit = around.before.ends_with(|c: char| c.is_ascii_digit());
    Some(match (small.as_str(), dotted) {
        ("dr", true) => "doctor",
        ("mr", _) => "mister",
        ("mrs", _) => "missus",
        ("ms", true) => "miz",
        ("prof", true) => "professor",
        ("jr", _) => "junior",
        ("sr", _) => "senior",
        ("inc", _) => "incorporated",
        ("corp", true) => "corporation",
        ("ltd", _) => "limited",
        ("dept", _) => "department",
        ("acct", _) => "account",
        ("approx", _) => "approximately",
        ("etc", _) => "et cetera",
        ("vs", _) => "versus",
        ("e.g", _) => "for example",
        ("i.e", _) => "that is",
        ("and/or", _) => "and or",
        ("w/o", _) => "without",
        ("no", true) if before_digit => "number",
        ("am" | "a.m", _) if after_digit => "A.M",
        ("pm" | "p.m", _) if after_digit => "P.M",
        _ => return numbers::month(core).filter(|_| before_digit),
    })
}

/// Says a part that no rule for numbers knows: letters, digits and signs in a row.
fn say_part(part: &str, shouted: bool) -> String {
    // An address is said without its scheme, as everyone does.
    let part = part.trim_start_matches("https://").trim_start_matches("http://");
    let pieces: Vec<_> = part.split('.').filter(|piece| !piece.is_empty()).collect();
    if pieces.len() > 1 && pieces.iter().all(|piece| piece.len() == 1 && piece.bytes().all(|b| b.is_ascii_alphabetic()))
    {
        return pieces.join(".");
    }
    let mut said: Vec<String> = Vec::new();
    let mut rest = part;
    while let Some(first) = rest.chars().next() {
        let kind = kind_of(first);
        let end = rest.find(|c| kind_of(c) != kind).unwrap_or(rest.len());
        let end = if kind == Kind::Sign { first.len_utf8() } else { end };
        let (run, after) = rest.split_at(end);
        match kind {
            Kind::Letters => said.push(say_letters(run.trim_matches('\''), shouted)),
            Kind::Digits => said.push(numbers::number_or_digits(run)),
            Kind::Sign => {
                let between = !said.is_empty() && after.starts_with(|c: char| c.is_alphanumeric());
                said.extend(sign(first, between, after).map(str::to_owned));
            }
        }
        rest = after;
    }
    said.retain(|piece| !piece.is_empty());
    said.join(" ")
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Letters,
    Digits,
    Sign,
}

fn kind_of(c: char) -> Kind {
    match c {
        '0'..='9' => Kind::Digits,
        '\'' => Kind::Letters,
        _ if c.is_alphabetic() => Kind::Letters,
        _ => Kind::Sign,
    }
}

fn sign(c: char, between: bool, after: &str) -> Option<&'static str> {
    Some(match c {
        '&' => "and",
        '+' => "plus",
        '=' => "equals",
        '@' => "at",
        '%' => "percent",
        '$' => "dollar",
        '€' => "euro",
        '£' => "pound",
        '¥' => "yen",
        '¢' => "cent",
        '°' => "degrees",
        '§' => "section",
        '×' => "times",
        '÷' => "divided by",
        '#' if after.starts_with(|c: char| c.is_ascii_digit()) => "number",
        '#' => "hash",
        '.' if between => "dot",
        '/' if between => "slash",
        '\\' if between => "backslash",
        _ => return None,
    })
}

/// Capital letters are an abbreviation: read letter by letter if it is known to be, or cannot be read as a word.
fn say_letters(run: &str, shouted: bool) -> String {
    let (capitals, many) = match run.strip_suffix("'s").or_else(|| run.strip_suffix('s')) {
        Some(stem) if stem.len() > 1 && !SAID_AS_WORDS.iter().any(|(word, _)| *word == run) => (stem, true),
        Some(_) | None => (run, false),
    };
    if let Some((_, said)) = SAID_AS_WORDS.iter().find(|(word, _)| word.eq_ignore_ascii_case(run)) {
        return (*said).to_owned();
    }
    if capitals.len() < 2 || !capitals.bytes().all(|b| b.is_ascii_uppercase()) {
        return if run.len() > 1 && !run.chars().any(char::is_lowercase) { run.to_lowercase() } else { run.to_owned() };
    }
    let has_vowel = capitals.bytes().any(|b| b"AEIOUY".contains(&b));
    let is_word = shouted && ["ARM", "IT", "US"].contains(&capitals);
    let spelled = SPELLED.contains(&capitals) && !is_word
        || (!shouted && (capitals.len() == 2 && capitals != "NO" || !has_vowel));
    match (spelled, many) {
        (true, false) => dotted(capitals),
        (true, true) => spelled_many(capitals),
        (false, _) => run.to_lowercase(),
    }
}

/// "F.D.I.C": with full stops between them the engine says letters, and "A" as the letter, not the article.
fn dotted(letters: &str) -> String {
    letters.chars().map(String::from).collect::<Vec<_>>().join(".")
}

/// "CDs" as "see dees": the engine reads "C.D's" as three letters.
fn spelled_many(letters: &str) -> String {
    const NAMES: [&str; 26] = [
        "eh",
        "bee",
        "see",
        "dee",
        "ee",
        "eff",
        "jee",
        "aitch",
        "eye",
        "jay",
        "kay",
        "el",
        "em",
        "en",
        "oh",
        "pea",
        "cue",
        "are",
        "ess",
        "tea",
        "you",
        "vee",
        "double you",
        "ex",
        "why",
        "zee",
    ];
    let names: Vec<_> = letters.bytes().map(|b| NAMES[usize::from(b - b'A')]).collect();
    format!("{}s", names.join(" "))
}

const SPELLED: &[&str] = &[
    "ABA", "ACH", "AI", "APR", "APY", "ARM", "ATM", "AUM", "CD", "CEO", "CFO", "CFP", "CFPB", "CPA", "DBA", "DDA",
    "EIN", "EFT", "EMV", "ETF", "EU", "FAQ", "FDIC", "FHA", "FSA", "HOA", "HSA", "ID", "IPO", "IRA", "IRS", "ITIN",
    "IT", "LLC", "LLP", "LTV", "NA", "NCUA", "NSF", "OTC", "PDF", "PO", "POS", "QR", "RMD", "ROI", "SBA", "SEC", "SMS",
    "SSN", "TV", "UK", "UI", "US", "USA", "USD", "USDA", "VA",
];

const SAID_AS_WORDS: &[(&str, &str)] = &[
    ("FICO", "fye co"),
    ("HELOC", "hee lock"),
    ("HELOCs", "hee locks"),
    ("NASDAQ", "nasdaq"),
    ("OK", "okay"),
    ("SIPC", "sip ick"),
    ("SWIFT", "swift"),
    ("www", "w.w.w"),
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(sentence: &str) -> String {
        Utterance::of(sentence, &Pronunciations::default()).unwrap().unwrap().text()
    }

    #[test]
    fn money_shares_and_abbreviations_are_said_in_words() {
        assert_eq!(
            text("Earn 4.25% APY on $1,250.50."),
            "Earn four point two five percent A.P.Y on one thousand two hundred fifty dollars and fifty cents."
        );
        assert_eq!(text("Your 401(k) & IRAs at AT&T."), "Your four oh one k and eye are ehs at A.T and T.");
        assert_eq!(text("Meridian Bank, N.A. Member FDIC."), "Meridian Bank, N.A Member F.D.I.C.");
        assert_eq!(
            text("Save $1.2 million by March 5, 2026!"),
            "Save one point two million dollars by March fifth, twenty twenty-six!"
        );
        assert_eq!(text("Call (800) 555-0199 today"), "Call eight hundred, five five five, zero one nine nine today.");
        assert_eq!(
            text("Compare CDs with a HELOC, e.g. today."),
            "Compare see dees with a hee lock, for example today."
        );
    }

    #[test]
    fn an_address_is_said_dot_by_dot() {
        assert_eq!(
            text("See https://www.meridian.example/travel."),
            "See w.w.w dot meridian dot example slash travel."
        );
        assert_eq!(text("Ask help@meridian.example"), "Ask help at meridian dot example.");
    }

    #[test]
    fn signs_before_a_number_are_part_of_it() {
        assert_eq!(text("A fee of .5% or $.50."), "A fee of zero point five percent or fifty cents.");
        assert_eq!(
            text("It fell by −0.25% (-$5)."),
            "It fell by minus zero point two five percent minus five dollars."
        );
        assert_eq!(
            text("Rates <5%, >=4% or ±1%."),
            "Rates less than five percent, at least four percent or plus or minus one percent."
        );
        assert_eq!(text("Balances ≥ $500 in ~3 days"), "Balances at least five hundred dollars in about three days.");
        assert_eq!(text("And ...5 more > all <b>"), "And five more all b.");
        assert_eq!(
            text("At 2½% APY¹ from Jan. 5, 9 am."),
            "At two and one half percent A.P.Y from January fifth, nine A.M."
        );
        assert_eq!(text("APR 5%, Apr 5."), "A.P.R five percent, April fifth.");
        assert_eq!(text("A 2½-year CD at −1½%."), "A two one half year C.D at minus one and one half percent.");
    }

    #[test]
    fn a_sentence_in_capitals_is_read_as_words() {
        assert_eq!(text("NOT FDIC INSURED • MAY LOSE VALUE"), "not F.D.I.C insured, may lose value.");
        assert_eq!(text("IT IS NOT A DEPOSIT. US BANKS"), "it is not A deposit us banks.");
    }

    #[test]
    fn each_word_keeps_its_written_form_and_a_dash_stays_with_its_neighbour() {
        let utterance = Utterance::of("“Travel” — from $5, José!", &Pronunciations::default()).unwrap().unwrap();
        let shown: Vec<_> = utterance.words().iter().map(|word| word.shown.as_str()).collect();
        assert_eq!(shown, ["“Travel” —", "from", "$5,", "José!"]);
        assert_eq!(utterance.text(), "Travel, from five dollars, José!");
    }

    #[test]
    fn what_looks_like_markup_is_said_not_obeyed() {
        assert_eq!(
            text("[[h@'loU]] <break time=\"3s\"/> {\\an8} &lt; hello"),
            "h at loU break time equals three s an eight and lt; hello."
        );
    }

    #[test]
    fn a_word_that_nobody_can_say_is_told_by_its_place() {
        assert_eq!(Utterance::of("Hello \u{e000}\u{e001} there", &Pronunciations::default()), Err(Unspeakable(2)));
        assert_eq!(Utterance::of(" — … ", &Pronunciations::default()), Ok(None));
    }

    proptest! {
        #[test]
        fn an_engine_never_sees_markup_and_no_word_is_lost(sentence in "\\PC{0,60}") {
            if let Ok(Some(utterance)) = Utterance::of(&sentence, &Pronunciations::default()) {
                let text = utterance.text();
                prop_assert!(text.chars().all(|c| c.is_alphabetic() || " '-.,;:?!".contains(c)), "{text:?}");
                prop_assert!(text.chars().all(|c| u32::from(c) < 0x100), "beyond Latin-1: {text:?}");
                let shown: Vec<_> = utterance.words().iter().map(|word| word.shown.as_str()).collect();
                prop_assert_eq!(shown.join(" "), sentence.split_whitespace().collect::<Vec<_>>().join(" "));
                prop_assert!(utterance.words().iter().all(|word| word.said.chars().any(char::is_alphabetic)));
            }
        }
    }
}
