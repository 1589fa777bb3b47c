//! Abbreviations that are read in full.

use std::sync::LazyLock;

use regex::Regex;

use super::postal::STREET;
use crate::spoken::grammar::{Class, Cursor, Reading, pattern};

/// Abbreviations with one meaning. Those listed with a period require it; for the others, it is optional.
#[rustfmt::skip]
const FIXED: &[(&str, &str)] = &[
    // Titles.
    ("dr.", "doctor"), ("mr", "mister"), ("mrs", "missus"), ("ms.", "miz"), ("prof.", "professor"), ("jr", "junior"), ("sr", "senior"),
    ("rev.", "reverend"), ("hon.", "honorable"), ("gov.", "governor"), ("sen.", "senator"), ("rep.", "representative"), ("pres.", "president"),
    ("capt.", "captain"), ("lt.", "lieutenant"), ("col.", "colonel"), ("gen.", "general"), ("sgt.", "sergeant"), ("cmdr.", "commander"), ("maj.", "major"), ("esq", "esquire"), ("supt.", "superintendent"),
    ("asst", "assistant"), ("cpl.", "corporal"), ("pvt.", "private"), ("adm.", "admiral"), ("amb.", "ambassador"), ("insp.", "inspector"), ("wm.", "william"), ("geo.", "george"), ("chas.", "charles"), ("secy", "secretary"), ("sec'y", "secretary"), ("treas.", "treasurer"), ("chmn", "chairman"), ("dir.", "director"), ("atty", "attorney"), ("attys", "attorneys"),
    // Companies.
    ("ass'n", "association"), ("dist.", "district"), ("div.", "division"), ("mfg", "manufacturing"), ("mfr", "manufacturer"), ("inst.", "institute"), ("comm'n", "commission"), ("fed.", "federal"), ("mgt", "management"), ("mkt.", "market"), ("mkts.", "markets"),
    ("inc", "incorporated"), ("corp.", "corporation"), ("ltd", "limited"), ("co.", "company"), ("bros.", "brothers"), ("assn.", "association"), ("assoc.", "associates"), ("dept", "department"),
    ("mgmt", "management"), ("mgr", "manager"), ("intl", "international"), ("int'l", "international"), ("nat'l", "national"), ("natl", "national"), ("gov't", "government"), ("govt", "government"), ("univ.", "university"), ("svc", "service"), ("svcs", "services"), ("admin.", "administration"), ("exec.", "executive"),
    // Banking.
    ("ckg", "checking"), ("svgs", "savings"), ("svg.", "savings"), ("ck.", "check"), ("chk.", "check"), ("chks.", "checks"), ("prin.", "principal"), ("int.", "interest"), ("xfer", "transfer"), ("xfers", "transfers"), ("desc.", "description"), ("pkg", "package"), ("msg", "message"), ("msgs", "messages"), ("encl", "enclosed"), ("enc.", "enclosed"),
    ("para.", "paragraph"), ("paras.", "paragraphs"), ("art.", "article"), ("sched.", "schedule"), ("exh.", "exhibit"), ("regs.", "regulations"), ("cust.", "customer"), ("indiv.", "individual"), ("jt.", "joint"), ("std.", "standard"), ("auth.", "authorized"), ("trans.", "transaction"), ("btwn", "between"), ("dtd", "dated"), ("fwd", "forward"), ("hrly", "hourly"), ("qtrly", "quarterly"), ("biwkly", "biweekly"), ("annl", "annual"), ("adj.", "adjustable"), ("purch.", "purchase"), ("withdrwl", "withdrawal"),
    ("acct", "account"), ("accts", "accounts"), ("addl", "additional"), ("add'l", "additional"), ("amt", "amount"), ("appt", "appointment"), ("approx", "approximately"), ("apps.", "applications"), ("avg", "average"), ("bal.", "balance"), ("bldg", "building"), ("cert.", "certificate"), ("chkg", "checking"),
    ("dep.", "deposit"), ("equiv.", "equivalent"), ("est.", "estimated"), ("excl", "excluding"), ("incl", "including"), ("info.", "information"), ("ins.", "insurance"), ("max", "maximum"), ("misc", "miscellaneous"), ("mtg", "mortgage"), ("orig.", "original"), ("pmt", "payment"), ("pmts", "payments"), ("pymt", "payment"),
    ("prev.", "previous"), ("qty", "quantity"), ("qtr", "quarter"), ("qtrs", "quarters"), ("rcvd", "received"), ("recd", "received"), ("rec'd", "received"), ("req.", "required"), ("reqd", "required"), ("req'd", "required"), ("sav.", "savings"), ("stmt", "statement"), ("stmts", "statements"), ("temp.", "temporary"), ("txn", "transaction"), ("txns", "transactions"), ("wkly", "weekly"), ("mthly", "monthly"), ("yrly", "yearly"), ("w/d", "withdrawal"),
    // Phrases.
    ("f/k/a", "formerly known as"), ("am/pm", "A.M P.M"), ("a.m./p.m", "A.M P.M"), ("conf.", "confirmation"), ("pts.", "points"), ("n/k/a", "now known as"), ("w/in", "within"), ("viz.", "namely"), ("cf.", "compare"), ("s/he", "she or he"),
    ("etc", "et cetera"), ("&c.", "et cetera"), ("vs", "versus"), ("v.", "versus"), ("e.g", "for example"), ("i.e", "that is"), ("et al.", "and others"), ("and/or", "and or"), ("w/o", "without"), ("w/", "with"), ("b/c", "because"), ("c/o", "care of"), ("n/a", "not applicable"), ("p.a", "per annum"), ("p.s", "P.S"), ("yoy", "year over year"), ("y/y", "year over year"), ("qoq", "quarter over quarter"), ("mom", "mom"),
    ("b2b", "B to B"), ("b2c", "B to C"), ("p2p", "P to P"), ("f2f", "face to face"), ("thru", "through"), ("ea.", "each"), ("attn", "attention"), ("cont.", "continued"), ("cont'd", "continued"), ("ph.d", "P.H.D"), ("phd", "P.H.D"), ("incl'd", "included"), ("ext.", "extension"), ("tel.", "telephone"), ("ph.", "phone"), ("fig.", "figure"), ("vol.", "volume"), ("ch.", "chapter"), ("sec.", "section"), ("pg.", "page"), ("pp.", "pages"), ("reg.", "regulation"), ("eff.", "effective"), ("exp.", "expires"), ("res.", "reservation"), ("tix", "tickets"), ("ref.", "reference"), ("messrs", "messieurs"), ("pls", "please"),
    // Places.
    ("rte", "route"), ("rt.", "route"), ("expy", "expressway"), ("fwy", "freeway"), ("tpke", "turnpike"), ("hts", "heights"), ("xing", "crossing"), ("plz", "plaza"), ("aly", "alley"), ("vlg", "village"), ("sta.", "station"),
    ("ave.", "avenue"), ("av.", "avenue"), ("blvd", "boulevard"), ("rd.", "road"), ("ln.", "lane"), ("pkwy", "parkway"), ("hwy", "highway"), ("sq.", "square"), ("ste.", "suite"), ("apt", "apartment"), ("apts", "apartments"), ("fl.", "floor"), ("rm.", "room"), ("ctr", "center"), ("ct.", "court"), ("pl.", "place"), ("ter.", "terrace"), ("cir.", "circle"), ("trl.", "trail"), ("mt.", "mount"), ("mtn", "mountain"), ("ft.", "fort"), ("pt.", "point"), ("jct.", "junction"), ("twp", "township"), ("cnty", "county"),
    ("u.s", "U.S"),
];

/// Abbreviations that are also words.
const WORDS: &[&str] = &[
    "add", "adj", "apps", "art", "bal", "cont", "dep", "dir", "eff", "est", "exp", "fed", "gen", "hon", "info", "ins",
    "max", "pres", "reg", "rep", "res", "sav", "temp", "trans", "v",
];

/// Returns whether `word`, in lower case and without its period, is a known abbreviation that is not also a word.
pub fn is_abbreviation(word: &str) -> bool {
    let full = ["mom", "pls", "thru", "tix"];
    let known = FIXED.iter().any(|(key, _)| key.strip_suffix('.').unwrap_or(key) == word);
    known && !WORDS.contains(&word) && !full.contains(&word)
}

static ABBREVIATION: LazyLock<Regex> = LazyLock::new(|| {
    let mut written: Vec<String> = FIXED
        .iter()
        .map(|(written, _)| match written.strip_suffix('.') {
            Some(stem) => format!(r"{}\.", regex::escape(stem)),
            None if written.ends_with('/') => regex::escape(written),
            None => format!(r"{}\b\.?", regex::escape(written)),
        })
        .collect();
    written.sort_by_key(|written| std::cmp::Reverse(written.len()));
    pattern(&format!(r"(?i:{})", written.join("|")))
});

/// Reads an abbreviation with one meaning: `acct.`, `Intl`, `w/o`.
pub fn fixed(at: &Cursor<'_>) -> Option<Reading> {
    let captures = at.captures(&ABBREVIATION).filter(|_| at.starts_word())?;
    let written = captures.get_match().as_str();
    let small = written.to_lowercase();
    let stem = small.trim_end_matches('.');
    let (key, said) = FIXED.iter().find(|(key, _)| key.trim_end_matches('.') == stem)?;
    let rest = at.after(at.pos + written.len());
    // "Inc" in "Inca" and "ave" in "avenue" are not abbreviations.
    if rest.starts_with(|c: char| c.is_alphabetic() || c == '\'') && !key.ends_with('/') {
        return None;
    }
    // At the end of a sentence, the period may end the sentence rather than abbreviate a word: "Ask the Fed."
    let could_be_word = WORDS.contains(&stem);
    if could_be_word && rest.is_empty() && stem != "max" {
        return None;
    }
    // "Max" without a period is a name, unless a number or an amount follows.
    if stem == "max"
        && !written.ends_with('.')
        && !rest.trim_start().starts_with(['$', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9'])
    {
        return None;
    }
    // Titles in capitals without a period are letters: "MS", "SR" in "SR 22".
    if written.chars().all(char::is_uppercase)
        && written.len() == 2
        && !written.contains('/')
        && !matches!(stem, "jr" | "mr" | "vs")
    {
        return None;
    }
    if stem == "v" && !(at.head().ends_with(' ') && rest.trim_start().starts_with(char::is_uppercase)) {
        return None;
    }
    Some(at.whole(Class::Abbreviation, &captures, *said))
}

static SAINT: LazyLock<Regex> = LazyLock::new(|| pattern(r"St\.(?P<next>\s[A-Z])?"));
static DRIVE: LazyLock<Regex> = LazyLock::new(|| pattern(r"Dr\.?\b\.?(?P<next>\s[A-Z])?"));
static NUMBER: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i:nos?)\.\s?(?:(?P<next>#?[A-Z]{0,3}-?\d)|of\b)"));
static MINIMUM: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i:min)\b\.?"));
static AFTER_HOUSE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\d{1,5} (?:[NSEW]{1,2}\.? )?(?:[\w'-]+ ){1,3}$").expect("the patterns of the grammar are valid")
});
static BARE_STREET: LazyLock<Regex> = LazyLock::new(|| pattern(&format!(r"{STREET}\.?(?P<end>)(?:[\s,]|$)")));
static AVENUE: LazyLock<Regex> = LazyLock::new(|| pattern(r"Ave\b"));
static PAGE: LazyLock<Regex> = LazyLock::new(|| pattern(r"p\.\s\d"));
static VERSION: LazyLock<Regex> = LazyLock::new(|| pattern(r"v\.\s\d"));
static CIRCA: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?P<word>ca?\.)\s(?:1\d|20)\d{2}\b"));
static REGULATION: LazyLock<Regex> = LazyLock::new(|| pattern(r"Reg\s[A-Z]{1,2}\b"));
static ESTABLISHED: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i:est)\.\s(?:1[5-9]|20)\d{2}\b"));
static MONTHS_UNIT: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i:mo|yr|wk|hr|sq)s?\."));
static DIRECTION: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?P<letters>N|S|E|W|NE|NW|SE|SW)\.?\s[A-Z0-9]"));

/// Reads abbreviations whose meaning depends on their neighbors: `St.`, `Dr.`, `No.`, `min.`
pub fn contextual(at: &Cursor<'_>) -> Option<Reading> {
    if !at.starts_word() {
        return None;
    }
    let in_address = AFTER_HOUSE.is_match(at.head());
    let before = at.head().strip_suffix(' ').and_then(|head| head.rsplit(' ').next()).unwrap_or_default();
    let after_name = before.starts_with(|c: char| c.is_uppercase() || c.is_ascii_digit());
    if let Some(captures) = at.captures(&SAINT) {
        let names_place = captures.name("next").is_some() && !in_address;
        let street = after_name && !names_place || in_address;
        return Some(at.read(Class::Abbreviation, 3, if street { "street" } else { "saint" }));
    }
    if let Some(captures) = at.captures(&DRIVE) {
        let length = 2 + usize::from(at.rest()[2..].starts_with('.'));
        let ends_name = after_name && length == 3 && captures.name("next").is_none();
        if in_address || ends_name {
            return Some(at.read(Class::Abbreviation, length, "drive"));
        }
        let titled = captures.name("next").is_some() || length == 3;
        return titled.then(|| at.read(Class::Abbreviation, length, "doctor"));
    }
    if in_address && let Some(captures) = at.captures(&BARE_STREET) {
        let end = captures.name("end")?.start();
        let word = at.rest()[..end].trim_end_matches('.');
        let full = match word {
            "Rd" => "road",
            "Ln" => "lane",
            "Ct" => "court",
            "Pl" => "place",
            "Sq" => "square",
            "Ter" => "terrace",
            "Cir" => "circle",
            "St" => "street",
            "Av" => "avenue",
            "Trl" => "trail",
            _ => return None,
        };
        return Some(at.read(Class::Abbreviation, end, full));
    }
    if at.captures(&NUMBER).is_some() {
        let many = at.rest()[2..].starts_with(['s', 'S']);
        return Some(at.read(Class::Abbreviation, 3 + usize::from(many), if many { "numbers" } else { "number" }));
    }
    if let Some(captures) = at.captures(&MINIMUM) {
        let written = captures.get_match().as_str();
        let rest = at.after(at.pos + written.len());
        let amount = rest.trim_start().starts_with(|c: char| "$€£".contains(c) || c.is_ascii_digit());
        return (written.ends_with('.') || amount).then(|| at.whole(Class::Abbreviation, &captures, "minimum"));
    }
    if at.captures(&AVENUE).is_some() && (after_name || in_address) {
        return Some(at.read(Class::Abbreviation, 3 + usize::from(at.rest()[3..].starts_with('.')), "avenue"));
    }
    if at.captures(&PAGE).is_some() {
        return Some(at.read(Class::Abbreviation, 2, "page"));
    }
    if at.captures(&VERSION).is_some() {
        return Some(at.read(Class::Abbreviation, 2, "version"));
    }
    if let Some(captures) = at.captures(&CIRCA) {
        return Some(at.read(Class::Abbreviation, captures["word"].len(), "circa"));
    }
    if at.captures(&REGULATION).is_some() {
        return Some(at.read(Class::Abbreviation, 3, "regulation"));
    }
    if at.captures(&ESTABLISHED).is_some() {
        return Some(at.read(Class::Abbreviation, 4, "established"));
    }
    if let Some(captures) = at.captures(&MONTHS_UNIT) {
        let written = captures.get_match().as_str().to_lowercase();
        let full = match &written[..2] {
            "mo" => "month",
            "yr" => "year",
            "wk" => "week",
            "hr" => "hour",
            _ => "square",
        };
        let many = if written.ends_with("s.") { "s" } else { "" };
        return Some(at.whole(Class::Abbreviation, &captures, format!("{full}{many}")));
    }
    let after_number = at.head().ends_with(' ') && at.word_before(1).bytes().all(|b| b.is_ascii_digit());
    let captures = at
        .captures(&DIRECTION)
        .filter(|_| after_number && at.last.is_some_and(|(class, _)| class == Class::Address))?;
    let letters = &captures["letters"];
    let length = letters.len() + usize::from(at.rest()[letters.len()..].starts_with('.'));
    let said: Vec<&str> = letters
        .chars()
        .map(|letter| match letter {
            'N' => "North",
            'S' => "South",
            'E' => "East",
            _ => "West",
        })
        .collect();
    Some(at.read(Class::Abbreviation, length, said.concat()))
}

static PHRASE: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?:&c\.|sq\.\s?ft\.?|et\sal\.|et\sseq\.|a/k/a\b|d/b/a\b)"));

/// Reads abbreviations that start with a symbol or contain a space.
pub fn dotted_phrase(at: &Cursor<'_>) -> Option<Reading> {
    let captures = at.captures(&PHRASE).filter(|_| at.starts_word())?;
    let said = match captures.get_match().as_str().chars().next()? {
        '&' => "et cetera",
        's' => "square feet",
        'a' => "A.K.A",
        'd' => "D.B.A",
        _ if captures.get_match().as_str().ends_with("seq.") => "and following",
        _ => "and others",
    };
    Some(at.whole(Class::Abbreviation, &captures, said))
}

#[cfg(test)]
mod tests {
    use super::super::testing::check;

    #[test]
    fn abbreviations_are_read_in_full() {
        check(&[
            ("Ask Dr. Lee of Elm Dr.", "Ask doctor Lee of Elm drive"),
            ("12 Elm Dr.", "twelve Elm drive"),
            ("max. $750", "maximum seven hundred fifty dollars"),
            ("min. $100", "minimum one hundred dollars"),
            ("min. balance", "minimum balance"),
            ("excl. tax", "excluding tax"),
            ("addl. fees", "additional fees"),
            ("Natl Bank", "national Bank"),
            ("Int'l transfers", "international transfers"),
            ("Gov. Ruiz", "governor Ruiz"),
            ("Lt. Diaz", "lieutenant Diaz"),
            ("b/c it pays", "because it pays"),
            ("w/o fees", "without fees"),
            ("fees, &c.", "fees, et cetera"),
            ("e.g. today", "for example today"),
            ("Smith & Co. Partners", "Smith and company Partners"),
            ("checks and/or cash", "checks and or cash"),
            ("Ave Maria", "Ave Maria"),
            ("5th St. and Park Ave", "fifth street and Park avenue"),
            ("no. of accounts", "number of accounts"),
            ("see p. 5", "see page five"),
            ("Max likes it", "Max likes it"),
            ("the Asst. Treas.", "the assistant treasurer"),
            ("btwn. Rte. 9 and Elm Expy", "between route nine and Elm expressway"),
            ("Ask the Fed.", "Ask the Fed"),
            ("Meridian Fed. Savings", "Meridian federal Savings"),
        ]);
    }
}
