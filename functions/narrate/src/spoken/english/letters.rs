//! Words in capitals: abbreviations that are read letter by letter, and those that are read as words.

use std::sync::LazyLock;

use regex::Regex;

use crate::spoken::grammar::{Class, Cursor, Reading, pattern};

/// Words in capitals that have their own pronunciation.
#[rustfmt::skip]
const KNOWN: &[(&str, &str)] = &[
    ("FICO", "fye co"), ("HELOC", "hee lock"), ("HELOCs", "hee locks"), ("NASDAQ", "nasdaq"), ("OK", "okay"),
    ("SIPC", "sip ick"), ("SWIFT", "swift"), ("SaaS", "sass"), ("FinTech", "fin tech"), ("SOFR", "so fur"),
    ("LIBOR", "lye bore"), ("FINRA", "fin rah"), ("NACHA", "nah cha"), ("ERISA", "uh rissa"), ("FAFSA", "faff sa"),
    ("GAAP", "gap"), ("REIT", "reet"), ("REITs", "reets"), ("HIPAA", "hippa"), ("COBRA", "cobra"), ("NATO", "nato"),
    ("NASA", "nasa"), ("OPEC", "oh peck"), ("OSHA", "oh sha"), ("RESPA", "resspa"), ("TILA", "till a"), ("TARP", "tarp"),
    ("SEP", "sep"), ("SIMPLE", "simple"), ("ROTH", "rawth"), ("FOMO", "foe moe"), ("CAPTCHA", "captcha"), ("EBITDA", "ee bit dah"),
    ("ARM", "arm"), ("ARMs", "arms"), ("HUD", "hud"), ("FEMA", "feema"), ("FinCEN", "fin sen"), ("OFAC", "oh fack"), ("CUSIP", "cue sip"), ("TRID", "trid"), ("MERS", "merz"), ("CARES", "cares"), ("SECURE", "secure"),
    ("TANF", "tan if"), ("MAGI", "maggie"), ("FIFO", "fye foe"), ("LIFO", "lye foe"), ("SALT", "salt"), ("HOEPA", "hoe eepa"), ("EURIBOR", "your i bore"), ("SONIA", "sonia"), ("REMIC", "rem ick"), ("LEED", "lead"), ("AMBER", "amber"), ("RICO", "reeko"), ("NAFTA", "nafta"), ("DACA", "dahka"),
    ("PIN", "pin"), ("FYE", "fiscal year end"), ("FY", "fiscal year"), ("PINs", "pins"), ("SIM", "sim"), ("ZIP", "zip"), ("GIF", "gif"), ("JPEG", "jay peg"), ("RAM", "ram"),
    ("SNAP", "snap"), ("WIC", "wick"), ("CIP", "sip"), ("COVID", "covid"), ("FIRE", "fire"), ("LASER", "laser"), ("UNICEF", "unicef"),
    ("UNESCO", "unesco"), ("IKEA", "ikea"), ("VISA", "visa"), ("PAC", "pack"), ("FAQs", "eff eh cues"), ("aka", "A.K.A"), ("asap", "A.S.A.P"), ("ATMs", "eh tea ems"),
];

/// English words that are often written in capitals for emphasis.
#[rustfmt::skip]
const EMPHASIZED: &[&str] = &[
    "A", "ADD", "ALL", "ALWAYS", "AM", "AN", "AND", "ANY", "APPLY", "ARE", "AS", "ASK", "AT", "BACK", "BANK", "BE", "BEST", "BIG", "BONUS", "BOTH", "BUT",
    "BUY", "BY", "CALL", "CAN", "CARD", "CASH", "CHAT", "CITY", "CLICK", "DAILY", "DAY", "DAYS", "DEAL", "DEBIT", "DO", "DON'T", "DUE", "EACH",
    "EARN", "EASY", "END", "ENDS", "EVEN", "EVER", "EVERY", "EXTRA", "FAST", "FEE", "FEES", "FIRST", "FOR", "FREE", "FROM", "FULL", "GET", "GIFT", "GIVE",
    "GO", "GOLD", "GOOD", "GREAT", "GROW", "HAD", "HAS", "HAVE", "HE", "HELP", "HER", "HERE", "HIGH", "HIS", "HOME", "HOT", "HOW", "I", "IF", "IN",
    "INTO", "IS", "ITS", "JOIN", "JUST", "KEEP", "LAST", "LATE", "LESS", "LET", "LIFE", "LIKE", "LIMIT", "LINE", "LIVE", "LOAN", "LOANS",
    "LONG", "LOOK", "LOSE", "LOST", "LOVE", "LOW", "MAIN", "MAKE", "MANY", "MAX", "MAY", "ME", "MEMBER", "MIN", "MISS", "MONEY", "MONTH", "MORE", "MOST", "MUST",
    "MY", "NEED", "NET", "NEVER", "NEW", "NEWS", "NEXT", "NO", "NON", "NONE", "NOT", "NOTE", "NOW", "OF", "OFF", "OFFER", "OFFERS", "OLD", "ON",
    "ONCE", "ONE", "ONLY", "OPEN", "OR", "OTHER", "OUR", "OUT", "OVER", "OWN", "PAID", "PAY", "PER", "PLAN", "PLUS", "RATE", "RATES", "READ", "REAL",
    "RISK", "SAFE", "SALE", "SAVE", "SEE", "SEND", "SHE", "SHOP", "SIGN", "SIX", "SO", "SOME", "SOON", "SPEND", "START", "STAY", "STOP", "SURE",
    "TAKE", "TAP", "TAX", "TEN", "TERM", "TERMS", "THAN", "THANK", "THAT", "THE", "THEM", "THEN", "THEY", "THIS", "THREE", "TIME", "TIP", "TIPS", "TO",
    "TODAY", "TOO", "TOP", "TRY", "TWO", "UNTIL", "UP", "UPON", "USE", "VALUE", "VERY", "VIP'S", "WANT", "WAS", "WAY", "WE", "WEEK", "WELL", "WERE",
    "WHAT", "WHEN", "WHO", "WHY", "WILL", "WIN", "WITH", "WOW", "YEAR", "YES", "YET", "YOU", "YOUR", "ZERO",
];

/// Abbreviations that are read letter by letter even if the whole sentence is in capitals.
#[rustfmt::skip]
const SPELLED: &[&str] = &[
    "AARP", "ABA", "ACA", "ACH", "AI", "APR", "APY", "ATM", "AUM", "CD", "CEO", "CFO", "CFP", "CFPB", "CIO", "COO", "CPA", "CVV", "DBA", "DDA",
    "DIY", "DTI", "EFT", "EIN", "EMV", "ESG", "ETA", "ETF", "EU", "EV", "FAQ", "FBI", "FDIC", "FHA", "FSA", "FX", "HOA", "HR", "HSA", "ID", "IMF", "IPO", "IRA",
    "IRS", "IT", "ITIN", "IVR", "KYC", "LLC", "LLP", "LTV", "MFA", "NA", "NAV", "NCUA", "NDA", "NFC", "NMLS", "NSF", "OCC", "OTC", "OTP", "PDF", "PMI", "PO", "POA", "POD", "POS",
    "QR", "RMD", "ROI", "SBA", "SEC", "SMS", "SSA", "SSI", "SSN", "SUV", "TIN", "TOD", "TSA", "TV", "UI", "UK", "UPS", "URL", "US", "USA", "USAA", "USB", "USD", "USDA", "USPS", "VA",
    "VIP", "VPN", "YTD",
];

/// Abbreviations that are read as words in a sentence in capitals.
const WORDS_IN_CAPITALS: &[&str] = &["IT", "TIN", "US", "POD", "AI"];

static CAPITALS: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?P<letters>[A-Z]{2,})(?P<many>'?s)?(?P<end>)(?:[^A-Za-z]|$)"));
static WORD: LazyLock<Regex> = LazyLock::new(|| pattern(r"[A-Za-z]+(?:'s\b)?"));
static DOTTED: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?P<letters>[A-Za-z](?:\.[A-Za-z])+)(?P<end>\b)\.?(?P<many>'?s\b)?"));

/// Returns whether a sentence is written in capitals, as some disclosures are.
pub fn is_shouted(text: &str) -> bool {
    let words: Vec<&str> =
        text.split(' ').filter(|word| word.chars().filter(|c| c.is_alphabetic()).count() > 1).collect();
    let capitals: Vec<&str> = words
        .iter()
        .map(|word| word.trim_matches(|c: char| !c.is_alphabetic()))
        .filter(|word| !word.chars().any(char::is_lowercase))
        .collect();
    // A list of abbreviations is not a sentence in capitals.
    let has_word = capitals.iter().any(|word| EMPHASIZED.contains(word) || word.len() > 4 && !SPELLED.contains(word));
    words.len() >= 3 && capitals.len() * 2 > words.len() && has_word
}

/// Reads an abbreviation with its own pronunciation: `FICO`, `HELOC`.
pub fn known_word(at: &Cursor<'_>) -> Option<Reading> {
    let captures = at.captures(&WORD).filter(|_| at.starts_word())?;
    let written = captures.get_match().as_str();
    let (stem, owner) = written.strip_suffix("'s").map_or((written, ""), |stem| (stem, "'s"));
    let (_, said) = KNOWN.iter().find(|(known, _)| *known == stem)?;
    Some(at.whole(Class::Word, &captures, format!("{said}{owner}")))
}

/// Reads capitals letter by letter, unless they are an ordinary word in capitals.
pub fn capitals(at: &Cursor<'_>) -> Option<Reading> {
    let captures = at.captures(&CAPITALS)?;
    if at.head().ends_with(char::is_alphabetic) && !at.head().ends_with(char::is_lowercase) {
        return None;
    }
    let letters = &captures["letters"];
    let many = captures.name("many");
    let length = captures.name("end")?.start();
    // The letters on both sides of "AT&T" are read letter by letter.
    let joined = at.head().ends_with('&') || at.rest()[length..].starts_with('&');
    let is_word = if joined {
        false
    } else if at.shouted {
        let vowel = letters.bytes().any(|b| b"AEIOUY".contains(&b));
        let spelled = SPELLED.contains(&letters) && !WORDS_IN_CAPITALS.contains(&letters);
        !spelled && vowel
    } else {
        EMPHASIZED.contains(&letters) || letters.len() > 5 && letters.bytes().any(|b| b"AEIOU".contains(&b))
    };
    if is_word {
        let written = &at.rest()[..length];
        return Some(at.read(Class::Word, length, written.to_lowercase()));
    }
    let dotted = spelled(letters);
    let said = match many.map(|many| many.as_str()) {
        None => dotted,
        // "CD's" refers to one CD and "CDs" to several, but both sound the same.
        Some(_) => many_letters(letters),
    };
    Some(at.read(Class::Word, length, said))
}

/// Returns the plural of letters, written as names of letters. Engines would read "C.D's" as three letters.
fn many_letters(letters: &str) -> String {
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
    // The plural "ares" would be read as a different word.
    if letters.ends_with('R') {
        return format!("{}'s", spelled(letters));
    }
    let names: Vec<_> = letters.bytes().map(|b| NAMES[usize::from(b - b'A')]).collect();
    format!("{}s", names.join(" "))
}

/// Reads letters with periods: `U.S.`, `A.P.Y.`, `N.A.`
pub fn dotted(at: &Cursor<'_>) -> Option<Reading> {
    let captures = at.captures(&DOTTED).filter(|_| at.starts_word())?;
    let letters: String = captures["letters"].chars().filter(|c| *c != '.').collect();
    if captures.name("many").is_some() {
        return Some(at.whole(Class::Word, &captures, many_letters(&letters.to_uppercase())));
    }
    let said = captures["letters"].to_uppercase();
    Some(at.read(Class::Word, captures["letters"].len(), said))
}

/// Returns the letters of a word one by one: "A.P.Y".
pub fn spelled(letters: &str) -> String {
    letters.chars().map(String::from).collect::<Vec<_>>().join(".")
}

/// Reads part of an address: short parts without a vowel are spelled out.
pub fn in_address(run: &str) -> String {
    if let Some((_, said)) = KNOWN.iter().find(|(known, _)| known.eq_ignore_ascii_case(run)) {
        return (*said).to_owned();
    }
    // "irs.gov" is read like "IRS". A list of words keeps "it" and "pod" whole.
    let capitals = run.to_ascii_uppercase();
    if run == "edu" || SPELLED.contains(&capitals.as_str()) && !WORDS_IN_CAPITALS.contains(&capitals.as_str()) {
        return spelled(&capitals);
    }
    let vowel = run.bytes().any(|b| b"aeiouyAEIOUY".contains(&b));
    let capitals = run.len() > 1 && run.bytes().all(|b| b.is_ascii_uppercase());
    if run.len() > 1 && !vowel || capitals && run.len() < 5 || matches!(run, "uk" | "us" | "eu" | "ai" | "io") {
        return spelled(&run.to_uppercase());
    }
    if run.len() == 1 { run.to_owned() } else { run.to_lowercase() }
}

#[cfg(test)]
mod tests {
    use super::super::testing::check;

    #[test]
    fn capitals_are_letters_unless_they_are_listed() {
        check(&[
            ("Your KYC and ESG files", "Your K.Y.C and E.S.G files"),
            ("AT&T", "A.T and T"),
            ("USAA, AARP and UPS", "U.S.A.A, A.A.R.P and U.P.S"),
            ("an OTP by SMS", "an O.T.P by S.M.S"),
            ("a HELOC or CDs", "a hee lock or see dees"),
            ("APRs vary", "A.P.R's vary"),
            ("the A.P.Y.", "the A.P.Y"),
            ("Meridian Bank, N.A.", "Meridian Bank, N.A"),
            ("It is FREE and NEW.", "It is free and new"),
            ("a LIMITED offer", "a limited offer"),
            ("HUD and two ARMs", "hud and two arms"),
        ]);
    }

    #[test]
    fn sentence_in_capitals_is_read_as_words() {
        check(&[
            ("NOT FDIC INSURED • MAY LOSE VALUE", "not F.D.I.C insured, may lose value"),
            ("IT IS NOT A DEPOSIT. US BANKS", "it is not A deposit us banks"),
        ]);
    }
}
