//! Identifiers: account numbers, registrations, forms and kinds of accounts. Never amounts.

use std::sync::LazyLock;

use regex::Regex;

use super::{number, postal};
use crate::spoken::grammar::{Class, Cursor, Reading, pattern};

static BUYDOWN: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?P<digits>\d(?:-\d){1,2})\s[Bb]uy-?down"));
static COLLEGE_PLANS: LazyLock<Regex> = LazyLock::new(|| pattern(r"529'?s\b"));
static SSN: LazyLock<Regex> = LazyLock::new(|| pattern(r"\d{3}-\d{2}-\d{4}\b"));
static EIN: LazyLock<Regex> = LazyLock::new(|| pattern(r"\d{2}-\d{7}\b"));
static ZIP_PLUS_FOUR: LazyLock<Regex> = LazyLock::new(|| pattern(r"\d{5}-\d{4}\b"));
static CARD: LazyLock<Regex> = LazyLock::new(|| pattern(r"\d{4}([ -])\d{4}[ -]\d{4}[ -]\d{1,4}\b"));
static ACCOUNT_KIND: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?P<number>\d{1,4})\((?P<letter>[A-Za-z])\)(?:\((?P<part>\d{1,2})\))?(?P<many>'?s\b)?"));
static SHORT_KIND: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?P<number>401|403|457)(?P<letter>[kKbB])(?P<many>'?s)?\b"));
static ADJUSTABLE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?P<first>\d{1,2})/(?P<second>\d{1,2})(?P<end>)(?:-(?:year|yr|month)\b|[\s-](?:(?:[A-Z]+\s)?ARMs?\b|adjustable|hybrid|interest-only))",
    )
});
static FORM: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?P<number>\d{2,4})(?P<letters>-?[A-Z]{1,4}\b)?(?P<many>'?s\b)?"));
static TAX_FORM: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?P<number>1040|1098|1099|1095|1065|1041|1120|5498|8949)(?P<letters>-?[A-Z]{1,4}\b)?(?P<many>'?s\b)?")
});
static EXCHANGE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?P<number>1031|529|1035)(?P<end>)\s(?:[Ee]xchange|[Pp]lan|[Aa]ccount|college|savings)")
});

/// Reads identifiers that have a known form: `123-45-6789`, `401(k)`, `501(c)(3)`, `5/1 ARM`, `Form 1040`, `529 plan`.
pub fn known_form(at: &Cursor<'_>) -> Option<Reading> {
    if !at.starts_word() {
        return None;
    }
    if let Some(captures) = at.captures(&ZIP_PLUS_FOUR) {
        return Some(at.whole(Class::Identifier, &captures, postal::zip_code(captures.get_match().as_str())));
    }
    if let Some(captures) = at.captures(&SSN).or_else(|| at.captures(&EIN)) {
        return Some(at.whole(Class::Identifier, &captures, grouped(captures.get_match().as_str())));
    }
    if let Some(captures) = at.captures(&CARD) {
        let mut start = at.pos;
        let mut pieces = Vec::new();
        let groups: Vec<&str> = captures.get_match().as_str().split([' ', '-']).collect();
        for (index, group) in groups.iter().enumerate() {
            let comma = if index + 1 < groups.len() { "," } else { "" };
            pieces.push((start..start + group.len(), number::digits(group) + comma));
            start += group.len() + 1;
        }
        return Some(Reading { class: Class::Identifier, end: at.pos + captures.get_match().end(), pieces });
    }
    if let Some(captures) = at.captures(&ACCOUNT_KIND).or_else(|| at.captures(&SHORT_KIND)) {
        let number = number::digits(&captures["number"]).replace("zero", "oh");
        let part = captures
            .name("part")
            .map_or(Some(String::new()), |part| Some(format!(" {}", number::plain(part.as_str())?)))?;
        let many = if captures.name("many").is_some() { "'s" } else { "" };
        let letter = captures["letter"].to_lowercase();
        return Some(at.whole(Class::Word, &captures, format!("{number} {letter}{part}{many}")));
    }
    if let Some(captures) = at.captures(&ADJUSTABLE) {
        let said = format!("{} {}", number::plain(&captures["first"])?, number::plain(&captures["second"])?);
        return Some(at.read(Class::Word, captures.name("end")?.start(), said));
    }
    if let Some(captures) = at.captures(&EXCHANGE) {
        return Some(at.read(Class::Word, captures["number"].len(), number::pairs(&captures["number"])));
    }
    if let Some(captures) = at.captures(&BUYDOWN) {
        let digits = &captures["digits"];
        return Some(at.read(Class::Word, digits.len(), number::digits(digits)));
    }
    if let Some(captures) = at.captures(&COLLEGE_PLANS) {
        return Some(at.whole(Class::Word, &captures, number::plural(&number::pairs("529"))));
    }
    let before = at.word_before(1);
    let named = at.head().trim_end().ends_with('§')
        || matches!(
            before.as_str(),
            "form" | "forms" | "schedule" | "section" | "sec" | "publication" | "regulation" | "rule"
        );
    let captures = if named { at.captures(&FORM) } else { at.captures(&TAX_FORM) }?;
    let digits = &captures["number"];
    // "Section 1.1" does not have this form.
    if at.after(at.pos + captures.get_match().end()).starts_with(['.', ',', '%'])
        && !ends_clause(at.after(at.pos + captures.get_match().end()))
    {
        return None;
    }
    let letters = captures.name("letters").map_or(String::new(), |letters| {
        let letters = letters.as_str().trim_start_matches('-');
        format!(" {}", letters.chars().map(String::from).collect::<Vec<_>>().join("."))
    });
    let said = number::pairs(digits);
    let said =
        if captures.name("many").is_some() && letters.is_empty() { number::plural(&said) } else { said + &letters };
    Some(at.whole(Class::Word, &captures, said))
}

fn ends_clause(rest: &str) -> bool {
    !rest[1..].starts_with(|c: char| c.is_ascii_digit()) && !rest.starts_with('%')
}

/// Returns the groups of an identifier digit by digit, with a pause between groups.
fn grouped(text: &str) -> String {
    let groups = text.split(['-', ' ', '/', '.']).filter(|group| !group.is_empty());
    groups.map(spelled).collect::<Vec<_>>().join(", ")
}

/// Returns digits one by one and letters by name: "A.B one two".
fn spelled(text: &str) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let digits = first.is_ascii_digit();
        let end = rest.find(|c: char| c.is_ascii_digit() != digits).unwrap_or(rest.len());
        let (run, after) = rest.split_at(end);
        parts.push(if digits {
            number::dictated(run)
        } else {
            run.to_uppercase().chars().map(String::from).collect::<Vec<_>>().join(".")
        });
        rest = after;
    }
    parts.join(" ")
}

/// Words that precede an identifier, each with the minimum number of digits that the identifier must have.
const CONTEXT: &[(&str, usize)] = &[
    ("aba", 3),
    ("application", 5),
    ("batch", 3),
    ("client", 5),
    ("customer", 5),
    ("docket", 3),
    ("employee", 4),
    ("escrow", 5),
    ("file", 4),
    ("lockbox", 3),
    ("merchant", 5),
    ("parcel", 3),
    ("receipt", 4),
    ("terminal", 4),
    ("trace", 4),
    ("transaction", 5),
    ("wire", 5),
    ("account", 4),
    ("acct", 4),
    ("box", 2),
    ("card", 4),
    ("case", 4),
    ("cert", 3),
    ("certificate", 3),
    ("check", 4),
    ("code", 4),
    ("codes", 4),
    ("confirmation", 4),
    ("crd", 3),
    ("cvv", 3),
    ("ein", 3),
    ("fdic", 4),
    ("id", 3),
    ("ids", 3),
    ("invoice", 4),
    ("itin", 3),
    ("licence", 4),
    ("license", 4),
    ("loan", 4),
    ("member", 5),
    ("membership", 4),
    ("nmls", 3),
    ("nmlsr", 3),
    ("order", 4),
    ("otp", 3),
    ("passcode", 3),
    ("pin", 3),
    ("policy", 4),
    ("ref", 3),
    ("reference", 3),
    ("routing", 4),
    ("serial", 3),
    ("ssn", 3),
    ("ticket", 4),
    ("tin", 3),
    ("tracking", 4),
    ("transit", 4),
    ("username", 3),
    ("sku", 3),
    ("vin", 5),
    ("imei", 5),
    ("isbn", 5),
    ("upc", 5),
    ("iban", 5),
    ("claim", 4),
    ("zip", 5),
];

/// Words before an identifier that also precede counted things: "order 10,000 checks".
const COUNTED: &[&str] = &[
    "account", "card", "check", "client", "customer", "employee", "file", "loan", "member", "merchant", "order", "wire",
];

/// Words that show that the number before them is an identifier, not a count: "check 1042 cleared".
const VERBS: &[&str] = &[
    "and", "bounced", "clears", "cleared", "for", "from", "has", "in", "is", "of", "on", "or", "posted", "to", "was",
    "will",
];

/// Words between the context and the identifier: "account number is 1234".
const FILLERS: &[&str] =
    &["number", "numbers", "no", "nos", "num", "id", "code", "is", "are", "was", "in", "with", "nr"];

static ID: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?P<id>(?:[A-Z]{1,8}-?|[a-z]{1,4}-?)?\d+(?:-?[A-Z0-9]+)*)\b"));

/// Reads identifiers by the words before them: `ending in 1234`, `NMLS ID 123456`, `acct. no. 1234`.
pub fn by_context(at: &Cursor<'_>) -> Option<Reading> {
    let captures = at.captures(&ID).filter(|_| at.starts_word())?;
    let id = &captures["id"];
    let has_letters = id.bytes().any(|b| b.is_ascii_alphabetic());
    let digits = if has_letters { id.len() } else { id.bytes().filter(u8::is_ascii_digit).count() };
    let rest = at.after(at.pos + id.len());
    let marked = at.head().trim_end().ends_with(['#', '№']);
    let before = at.word_before(1);
    let is_context = |word: &str| {
        CONTEXT.iter().any(|(known, _)| *known == word) || matches!(word, "ending" | "ends" | "digits" | "four" | "4")
    };
    // The context is the nearest known word. Only fillers may separate it from the number.
    let mut context = 1;
    while context < 4 && !is_context(&at.word_before(context)) && FILLERS.contains(&at.word_before(context).as_str()) {
        context += 1;
    }
    let word = at.word_before(context);
    let is_year = id.len() == 4 && (id.starts_with("19") || id.starts_with("20"));
    let head = at.head();
    let last_four = word == "four" || word == "4";
    let ending = last_four && at.word_before(context + 1) == "last"
        || matches!(word.as_str(), "ending" | "ends" | "digits")
            && (matches!(before.as_str(), "in" | "with" | "are" | "is") || before == word && word != "ends");
    let of_period =
        ["year", "quarter", "month", "period", "fiscal"].iter().any(|period| head.to_lowercase().contains(period));
    if ending && digits >= 3 {
        return (!is_year || !of_period).then(|| at.whole(Class::Identifier, &captures, grouped(id)));
    }
    let known = CONTEXT.iter().find(|(known, _)| *known == word);
    let numbered = context > 1 && before != "is" && before != "are" && before != "in" && before != "with";
    let enough = match known {
        Some((_, least)) => digits >= if numbered || marked { 2 } else { *least },
        None => digits >= 4 && (marked || matches!(before.as_str(), "no" | "number") && !is_year && id.len() > 3),
    };
    // Counted things and dates are not identifiers: "order 10,000 checks", "account 2026-05-01".
    let is_amount = rest.starts_with([',', '.']) && !ends_clause(rest) || rest.starts_with(['%', '/', ':']);
    let counted = known.is_some_and(|(word, _)| COUNTED.contains(word))
        && !marked
        && !numbered
        && rest.starts_with(' ')
        && rest[1..].starts_with(char::is_lowercase)
        && !VERBS.contains(&at.word_after(at.pos + id.len(), 1).as_str());
    (enough && !is_amount && !counted || is_code(id)).then(|| at.whole(Class::Identifier, &captures, grouped(id)))
}

static DATE: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?:\d{4}-\d{1,2}-\d{1,2}|\d{1,2}-\d{1,2}-(?:\d{4}|\d{2}))$"));

/// Returns whether the form alone marks an identifier: three groups of digits, or a long mix of digits and capitals.
fn is_code(id: &str) -> bool {
    let groups = id.split('-').count();
    let only_digits = id.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    let digits = id.bytes().filter(u8::is_ascii_digit).count();
    let capitals = id.bytes().filter(u8::is_ascii_uppercase).count();
    groups >= 3 && only_digits && digits >= 5 && !DATE.is_match(id) || digits >= 3 && capitals >= 3 && id.len() >= 9
}

static GROUPED_CODE: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?P<first>\d{3,4})\s(?P<second>\d{3,4})(?:\s(?P<third>\d{3,4}))?\b"));

/// Reads a code in groups: `OTP 719 204`.
pub fn grouped_code(at: &Cursor<'_>) -> Option<Reading> {
    let captures = at.captures(&GROUPED_CODE).filter(|_| at.starts_word())?;
    let numbered = matches!(at.word_before(1).as_str(), "no" | "number")
        && CONTEXT.iter().any(|(context, _)| *context == at.word_before(2));
    let known = numbered
        || matches!(
            at.word_before(1).as_str(),
            "otp" | "code" | "passcode" | "account" | "acct" | "reference" | "ref" | "routing" | "is"
        );
    let coded = at.word_before(1) != "is" || ["otp", "code", "passcode"].contains(&at.word_before(2).as_str());
    let group = |name: &str| captures.name(name).map(|group| number::digits(group.as_str()) + ",").unwrap_or_default();
    let parts = [("first", group("first")), ("second", group("second")), ("third", group("third"))];
    let mut reading = (known && coded).then(|| at.parts(Class::Identifier, &captures, &parts))?;
    if let Some(last) = reading.pieces.last_mut() {
        last.1 = last.1.trim_end_matches(',').to_owned();
    }
    Some(reading)
}

static MASKED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?P<mask>[xX*]{3}-[xX*]{2}-|(?:[xX*]{4}[ -]){1,3}|[xX]+-?|\*+\s?|[•●]+\s?|[.…]{2,}\s?)(?P<digits>\d{3,6})\b",
    )
});

/// Reads masked identifiers: `*1234`, `x1234`, `••••1234`.
pub fn masked(at: &Cursor<'_>) -> Option<Reading> {
    let captures = at.captures(&MASKED).filter(|_| at.starts_word())?;
    let mask = &captures["mask"];
    let before = at.word_before(1);
    if mask.starts_with(['.', '…'])
        && !matches!(
            before.as_str(),
            "account" | "acct" | "card" | "checking" | "ending" | "in" | "loan" | "savings" | "with"
        )
    {
        return None;
    }
    let digits = number::digits(&captures["digits"]);
    let named = mask.starts_with(['x', 'X']) && !matches!(before.as_str(), "in" | "with");
    Some(at.whole(Class::Identifier, &captures, if named { format!("ending in {digits}") } else { digits }))
}

#[cfg(test)]
mod tests {
    use super::super::testing::check;

    #[test]
    fn account_numbers_are_said_digit_by_digit() {
        check(&[
            ("ending in 9876", "ending in nine eight seven six"),
            ("your card ending in 2026", "your card ending in two zero two six"),
            ("the year ending in 2026", "the year ending in twenty twenty-six"),
            ("account *5678", "account five six seven eight"),
            ("card x5678", "card ending in five six seven eight"),
            ("account ending in x5678", "account ending in five six seven eight"),
            ("NMLS ID 654321", "N.M.L.S I.D six five four, three two one"),
            ("NMLS #654321", "N.M.L.S number six five four, three two one"),
            ("NMLS# 654321", "N.M.L.S number six five four, three two one"),
            ("SSN 987-65-4321", "S.S.N nine eight seven, six five, four three two one"),
            ("EIN 12-3456789", "E.I.N one two, three four five, six seven eight nine"),
            ("acct. no. 5678", "account number five six seven eight"),
            ("routing number 021000021", "routing number zero two one, zero zero zero, zero two one"),
            ("last four 5678", "last four five six seven eight"),
            ("last 4: 5678", "last four: five six seven eight"),
            ("tracking no. 9400 1112", "tracking number nine four zero zero, one one one two"),
            ("check 2231 cleared", "check two two three one cleared"),
            ("SSN XXX-XX-5678", "S.S.N ending in five six seven eight"),
            ("ZIP 10001-0042", "zip one zero zero zero one dash zero zero four two"),
            ("ZIP code 10001", "zip code one zero zero zero one"),
            ("Reference AB-12345", "Reference A.B, one two three four five"),
            ("code 482910", "code four eight two, nine one zero"),
            ("OTP 719 204", "O.T.P seven one nine, two zero four"),
            ("SWIFT code MERIUS33", "swift code M.E.R.I.U.S three three"),
            ("order 50 checks", "order fifty checks"),
            ("No. 5 in savings", "number five in savings"),
            ("SKU 88-120-7", "S.K.U eight eight, one two zero, seven"),
            ("part 44-310-92", "part four four, three one zero, nine two"),
            ("Confirmation #A1B2C3", "Confirmation number A one B two C three"),
            ("on 2027-03-15", "on March fifteenth, twenty twenty-seven"),
        ]);
    }

    #[test]
    fn forms_and_kinds_are_said_as_people_say_them() {
        check(&[
            ("Form 1099-INT", "Form ten ninety-nine I.N.T"),
            ("Form 1040", "Form ten forty"),
            ("your 1099s", "your ten ninety-nines"),
            ("a 1035 exchange", "a ten thirty-five exchange"),
            ("529s", "five twenty-nines"),
            ("a 2-1 buydown", "a two one buydown"),
            ("§ 1031", "section ten thirty-one"),
            ("a 529 plan", "a five twenty-nine plan"),
            ("a 5/1 ARM", "a five one arm"),
            ("401(k)", "four oh one k"),
            ("an SBA 7(a) loan", "an S.B.A seven a loan"),
            ("403b", "four oh three b"),
            ("401(k)s", "four oh one k's"),
            ("a 501(c)(4) group", "a five oh one c four group"),
            ("Form W-2", "Form W two"),
        ]);
    }
}
