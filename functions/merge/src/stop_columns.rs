//! Reads the profile's stop columns, whose cells can only stop a message, and recognizes such columns by name. Keeps
//! only the stops, never a cell's content.

use std::collections::BTreeSet;

use contracts::facts::{Stop, plain_words};
use contracts::settings::StopSettings;
use jiff::civil::Date;
use unicode_normalization::UnicodeNormalization as _;

use crate::cell_rule::CellRule;
use crate::sheet::{SourceColumn, optional, plain_name};
use crate::value::Cell;

/// The age below which a customer is a minor, in years.
const ADULT_AGE: i16 = 18;
/// The maximum plausible age, in years.
const MAX_AGE: i16 = 130;

/// How a stop column is read.
#[derive(Clone, Copy)]
enum Kind {
    /// Any cell is a stop unless it is blank, a plain no or declared harmless in the settings.
    Flag(Stop),
    /// Certain words are a stop. A status of unknown words is unclear, which is a stop, too.
    Status,
    /// A date of birth is a stop if the customer may be a minor.
    BirthDate,
    /// An age is a stop if the customer may be a minor.
    Age,
}

use Kind::{Age, BirthDate, Flag, Status};
use Stop::{
    Closed, Collections, Deceased, DoNotContact, FraudCase, Minor, OpenApplication, OpenComplaint, Unclear, Vulnerable,
};

/// The number of stop columns.
pub const COUNT: usize = 53;

const KINDS: [(&str, Kind); COUNT] = [
    ("deceased", Flag(Deceased)),
    ("is_deceased", Flag(Deceased)),
    ("deceased_date", Flag(Deceased)),
    ("date_of_death", Flag(Deceased)),
    ("death_date", Flag(Deceased)),
    ("decedent", Flag(Deceased)),
    ("status", Status),
    ("customer_status", Status),
    ("client_status", Status),
    ("member_status", Status),
    ("account_status", Status),
    ("date_of_birth", BirthDate),
    ("birth_date", BirthDate),
    ("dob", BirthDate),
    ("fecha_de_nacimiento", BirthDate),
    ("age", Age),
    ("edad", Age),
    ("minor", Flag(Minor)),
    ("is_minor", Flag(Minor)),
    ("collections", Flag(Collections)),
    ("in_collections", Flag(Collections)),
    ("charge_off", Flag(Collections)),
    ("charged_off", Flag(Collections)),
    ("written_off", Flag(Collections)),
    ("delinquent", Flag(Collections)),
    ("past_due", Flag(Collections)),
    ("in_arrears", Flag(Collections)),
    ("in_default", Flag(Collections)),
    ("bankruptcy", Flag(Collections)),
    ("bankrupt", Flag(Collections)),
    ("foreclosure", Flag(Collections)),
    ("vulnerable", Flag(Vulnerable)),
    ("vulnerable_customer", Flag(Vulnerable)),
    ("vulnerability", Flag(Vulnerable)),
    ("hardship", Flag(Vulnerable)),
    ("open_complaint", Flag(OpenComplaint)),
    ("complaint", Flag(OpenComplaint)),
    ("open_dispute", Flag(OpenComplaint)),
    ("open_application", Flag(OpenApplication)),
    ("pending_application", Flag(OpenApplication)),
    ("fraud_case", Flag(FraudCase)),
    ("fraud", Flag(FraudCase)),
    ("fraud_flag", Flag(FraudCase)),
    ("do_not_contact", Flag(DoNotContact)),
    ("do_not_market", Flag(DoNotContact)),
    ("do_not_solicit", Flag(DoNotContact)),
    ("do_not_call", Flag(DoNotContact)),
    ("do_not_mail", Flag(DoNotContact)),
    ("do_not_email", Flag(DoNotContact)),
    ("dnc", Flag(DoNotContact)),
    ("opt_out", Flag(DoNotContact)),
    ("opted_out", Flag(DoNotContact)),
    ("unsubscribed", Flag(DoNotContact)),
];

/// The stop columns, in the order of `KINDS`.
pub const COLUMNS: [SourceColumn; COUNT] = {
    let mut columns = [optional(""); COUNT];
    let mut at = 0;
    while at < COUNT {
        columns[at] = optional(KINDS[at].0);
        at += 1;
    }
    columns
};

/// Beginnings of words or phrases in a status, grouped by the stop that they indicate.
const STATUS_WORDS: [(Stop, &str); 9] = [
    (
        Deceased,
        "deceas, decd, dead, died, death, decedent, estate, probate, passed away, passed on, rip, fallec, \
         difunt, muert, defunc, sucesion, obito",
    ),
    (Minor, "minor, under age, underage, under 18, child, juvenile, custodial, ward, menor, infant"),
    (
        Closed,
        "close, closing, terminat, cancel, ceased, exit, inactiv, dormant, churn, former, left, cerrad, baja, \
         terminad, inoperativ",
    ),
    (
        Collections,
        "collect, charge, chg off, delinq, default, bankrupt, insolv, foreclos, written, write, wrote off, \
         past due, pastdue, overdue, over due, arrear, non perform, nonperform, npl, nonaccrual, non accrual, \
         repo, recover, legal, litig, lawsuit, chapter, debt, garnish, levy, lien, judg, dpd, late, days, \
         special mention, substandard, doubtful, loss, settle, workout, cobran, mora, impag, vencid, quiebra, \
         castig, incobr, embarg, concurs, juicio, judicial, deud, adeud, atras, litigio",
    ),
    (
        Vulnerable,
        "vulnerab, hardship, incapac, power of attorney, poa, guardian, conservator, forbear, dementia, \
         special care, ill, hospital, dificultad, tutel",
    ),
    (
        FraudCase,
        "fraud, frozen, freez, block, suspen, restrict, hold, held, lock, stolen, lost, compromis, identity, \
         takeover, aml, sanction, ofac, scam, victim, bloque, congel, robad, robo, estaf, retenid, sancion, \
         restring",
    ),
    (OpenComplaint, "complain, disput, grievance, ombuds, escalat, queja, reclam, chargeback"),
    (OpenApplication, "pending, appli, in review, under review, onboard, pendiente, solicit, en tramite, prospect"),
    (
        DoNotContact,
        "do not, donot, dont, dnc, dnm, opt out, opted out, optout, optedout, unsubscr, no contact, no market, \
         no mail, no email, no call, no solicit, suppress, cease, gone away, no contact, no llamar, no molest, \
         no enviar, robinson",
    ),
];

/// Words in a status that are not a stop.
const HARMLESS: &str = "active, activated, activo, activa, open, opened, abierto, abierta, current, good, standing, normal, ok, \
    okay, live, enrolled, verified, regular, standard, gold, silver, platinum, premium, basic, bronze, diamond, \
    classic, new, existing, customer, client, member, account, cliente, cuenta, retail, personal, private, \
    preferred, primary, valid, in, al, dia, vigente, nuevo, nueva, buen, estado, performing, alive, living, \
    paid, full, time, on, accounts, relationship, priority, vip, loyal, returning";

/// Cell contents that mean no.
const NO: &str = ", no, n, false, f, 0, none, na, n/a, nil, null, never, off, resolved, negative, -, —, falso, ninguno, \
    ninguna, alive, living";

/// Beginnings of words or phrases in a column's name that suggest a stop. A final `$` requires the whole word.
const NAMES: &str = "deceas, decedent, death, dead$, died$, dod$, fallec, difunt, defuncion, muert, estate of, minor$, menor, \
    birthdate, birthday, birth date, birth day, birth year, birth dt, birth$, of birth, year born, dob$, age$, \
    edad$, nacimiento, collection, in collect, charge off, chargeoff, charged off, written off, write off, \
    delinq, bankrupt, insolv, foreclos, arrear, past due, overdue, days late, days past, dpd$, default date, \
    default status, default ind, loan default, defaulted, in default, default flag, cobranza, moros, mora$, \
    impag, quiebra, embarg, vulnerab, hardship, incapac, guardian, power of attorney, poa$, complain, \
    grievance, queja, reclam, dispute, open application, application status, pending application, solicitud, \
    fraud, scam, identity theft, estafa, do not, dont, donot, dnc$, dnm$, opt out, optout, opted out, unsubscr, \
    suppress, no contact, no call, no mail, no email, no market, contactable, robinson, no molest, \
    customer status, client status, account status";

/// The result of reading a row's stop columns.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ReadStops {
    /// The stops, sorted.
    pub stops: Vec<Stop>,
    /// The columns with unclear cells, each with the rule that the cell breaks and the unknown word, if there is one.
    pub unclear: Vec<(&'static str, CellRule, Option<String>)>,
}

const UNKNOWN_STATUS: CellRule =
    "a status that Bespoke does not know, so the customer gets no message; list it in intake.stops.harmless";
const UNREADABLE: CellRule = "unreadable, so the customer gets no message; correct it";
const BAD_BIRTH_DATE: CellRule = "not a date of birth, so the customer gets no message; write it as 1980-10-31";
const BAD_AGE: CellRule = "not an age, so the customer gets no message; write it in years";

/// Reads the stops in a profile row. `cells` are the cells in [`COLUMNS`], and `read_on` is the day of reading.
pub fn read_stops(cells: &[Cell<'_>], epoch_1904: bool, read_on: Date, settings: &StopSettings) -> ReadStops {
    let mut stops = BTreeSet::new();
    let mut unclear = Vec::new();
    for ((column, kind), cell) in KINDS.iter().zip(cells).filter(|(_, cell)| !cell.is_blank()) {
        let text = cell.text().map(|text| plain(&text));
        let found = match (kind, &text) {
            (Flag(_), Ok(text)) if listed(NO).any(|no| no == text) || is_harmless(text, settings) => Ok(Vec::new()),
            // An unreadable flag is a stop, because wrongly sending no message is the safer mistake.
            (Flag(stop), _) => Ok(vec![*stop]),
            (_, Err(_)) => Err((UNREADABLE, None)),
            (Status, Ok(text)) => status_stops(text, settings).ok_or_else(|| (UNKNOWN_STATUS, Some(text.clone()))),
            (BirthDate, Ok(text)) => latest_birth(cell, text, epoch_1904, read_on)
                .map(|born| if is_minor(born, read_on) { vec![Minor] } else { Vec::new() })
                .ok_or((BAD_BIRTH_DATE, None)),
            (Age, Ok(text)) => lowest_age(text)
                .map(|age| if age < ADULT_AGE { vec![Minor] } else { Vec::new() })
                .ok_or((BAD_AGE, None)),
        };
        match found {
            Ok(found) => stops.extend(found),
            Err((rule, word)) => {
                stops.insert(Unclear);
                unclear.push((*column, rule, word));
            }
        }
    }
    ReadStops { stops: stops.into_iter().collect(), unclear }
}

/// Returns whether a column's name suggests that it is a stop column.
pub fn suggests_stop(name: &str) -> bool {
    let mut words = String::new();
    let mut previous = ' ';
    for c in name.chars() {
        // `dateOfDeath` and `date_of_death` consist of the same words.
        if c.is_uppercase() && previous.is_lowercase() {
            words.push(' ');
        }
        words.push(c);
        previous = c;
    }
    let name = spaced(&plain(&words));
    // An account's age is not the customer's age.
    let of_account = ["account", "acct", "loan", "card", "relationship"].iter().any(|word| has(&name, word));
    listed(NAMES).any(|pattern| has(&name, pattern) && !(pattern == "age$" && of_account))
}

/// Returns whether the settings decline the column with this name.
pub fn is_declined(name: &str, settings: &StopSettings) -> bool {
    settings.declined.iter().any(|declined| plain_name(declined) == plain_name(name))
}

/// Returns whether a name says that the customer died, such as `Estate of Ann`.
pub fn names_deceased(name: &str) -> bool {
    let name = spaced(&plain(name));
    ["deceas", "estate of", "the late", "late mr", "late mrs", "fallecid", "difunt", "sucesion de"]
        .iter()
        .any(|pattern| has(&name, pattern))
}

/// Returns the words or phrases in a list.
fn listed(list: &str) -> impl Iterator<Item = &str> {
    list.split(", ")
}

/// Returns the text in lower case and in Unicode form NFKD, without accents or surrounding space.
fn plain(text: &str) -> String {
    let is_mark = |c: &char| ('\u{300}'..='\u{36f}').contains(c);
    text.nfkd().filter(|c| !is_mark(c)).flat_map(char::to_lowercase).collect::<String>().trim().to_owned()
}

/// Returns the words in the text, separated and surrounded by single spaces.
fn spaced(text: &str) -> String {
    format!(" {} ", plain_words(text).join(" "))
}

/// Returns whether the pattern occurs in `spaced` at the beginning of a word. A final `$` requires whole words.
fn has(spaced: &str, pattern: &str) -> bool {
    match pattern.strip_suffix('$') {
        Some(word) => spaced.contains(&format!(" {word} ")),
        None => spaced.contains(&format!(" {pattern}")),
    }
}

fn is_harmless(text: &str, settings: &StopSettings) -> bool {
    settings.harmless.iter().any(|harmless| plain(harmless) == *text)
}

/// Returns the stops that a status indicates. Returns `None` if it indicates none and is not known to be harmless.
fn status_stops(text: &str, settings: &StopSettings) -> Option<Vec<Stop>> {
    if is_harmless(text, settings) {
        return Some(Vec::new());
    }
    let words = plain_words(text);
    let status = spaced(text);
    let named = |patterns| listed(patterns).any(|pattern| has(&status, pattern));
    let stops: Vec<Stop> = STATUS_WORDS.iter().filter(|(_, patterns)| named(patterns)).map(|(stop, _)| *stop).collect();
    if !stops.is_empty() {
        return Some(stops);
    }
    (!words.is_empty() && words.iter().all(|word| listed(HARMLESS).any(|harmless| harmless == word))).then(Vec::new)
}

fn is_minor(born: Date, read_on: Date) -> bool {
    born.saturating_add(jiff::Span::new().years(ADULT_AGE)) > read_on
}

/// Returns the latest date of birth that the cell can mean, or `None` if it has no plausible meaning.
fn latest_birth(cell: &Cell<'_>, text: &str, epoch_1904: bool, read_on: Date) -> Option<Date> {
    let born = match cell {
        Cell::Date(date) => *date,
        Cell::Number(number) if number.fract() == 0.0 && (1900.0..=2100.0).contains(number) => year_end(text)?,
        Cell::Number(number) if number.fract() == 0.0 && *number >= 1e7 => packed_date(text)?,
        Cell::Number(number) => crate::value::serial_date(*number, epoch_1904)?,
        Cell::Text(_) => written_birth(text, read_on)?,
        _ => return None,
    };
    let oldest = read_on.saturating_sub(jiff::Span::new().years(MAX_AGE));
    (oldest..=read_on).contains(&born).then_some(born)
}

fn year_end(year: &str) -> Option<Date> {
    Date::new(year.parse().ok()?, 12, 31).ok()
}

/// Parses `19801031`.
fn packed_date(text: &str) -> Option<Date> {
    let part = |from: usize, to: usize| text.get(from..to)?.parse::<i16>().ok();
    (text.len() == 8).then_some(())?;
    date_of(part(0, 4)?, part(4, 6)?, part(6, 8)?)
}

fn date_of(year: i16, month: i16, day: i16) -> Option<Date> {
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

fn written_birth(text: &str, read_on: Date) -> Option<Date> {
    let day = text.split(['t', ' ']).next().unwrap_or_default();
    if let Ok(date) = day.parse() {
        return Some(date);
    }
    for format in ["%d %b %Y", "%d-%b-%Y", "%d %B %Y", "%B %d, %Y", "%b %d, %Y", "%B %d %Y", "%b %d %Y", "%d/%b/%Y"] {
        if let Ok(date) = Date::strptime(format, text) {
            return Some(date);
        }
    }
    let parts: Vec<i16> = day.split(['/', '.', '-']).map(str::parse).collect::<Result<_, _>>().ok()?;
    match *parts.as_slice() {
        [year] if day.len() == 4 => Date::new(year, 12, 31).ok(),
        [_] => packed_date(day),
        [year, month, day] if year >= 1000 => date_of(year, month, day),
        [first, second, year] => {
            let candidates = |year: i16| [date_of(year, first, second), date_of(year, second, first)];
            // A two-digit year can belong to two centuries. The later one is the safer guess, unless it is in the
            // future.
            let years = if year < 100 { [year + 2000, year + 1900] } else { [year, year] };
            years
                .into_iter()
                .find_map(|year| candidates(year).into_iter().flatten().filter(|born| *born <= read_on).max())
        }
        _ => None,
    }
}

/// Returns the lowest age that an entry such as `17`, `17 years` or `25-34` can mean.
fn lowest_age(text: &str) -> Option<i16> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (age, rest) = text.split_at(digits);
    let age: i16 = age.parse().ok()?;
    let rest = rest.trim();
    let is_fraction =
        |rest: &str| rest.strip_prefix(['.', ',']).is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit()));
    let is_range = |rest: &str| {
        rest.strip_prefix(['-', '–', '+']).is_some_and(|rest| rest.trim().bytes().all(|b| b.is_ascii_digit()))
    };
    let is_years = ["", "y", "yo", "yr", "yrs", "year", "years", "years old", "anos"].contains(&rest);
    ((is_years || is_fraction(rest) || is_range(rest)) && (0..=MAX_AGE).contains(&age)).then_some(age)
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use jiff::civil::date;

    use super::*;

    fn read(column: &str, cell: Cell<'_>) -> ReadStops {
        let mut cells = vec![Cell::Empty; COUNT];
        cells[COLUMNS.iter().position(|other| other.name == column).unwrap()] = cell;
        read_stops(&cells, false, date(2026, 10, 31), &StopSettings::default())
    }

    fn stops_of(column: &str, value: &str) -> Vec<Stop> {
        read(column, Cell::Text(Cow::Borrowed(value))).stops
    }

    #[test]
    fn cells_that_name_a_stop_are_stops() {
        for (column, value, stop) in [
            ("deceased", "Y", Deceased),
            ("date_of_death", "2025-01-01", Deceased),
            ("status", "Deceased", Deceased),
            ("status", "DECEDENT", Deceased),
            ("status", "Fallecido", Deceased),
            ("account_status", "Account closed 2024", Closed),
            ("account_status", "Charge Off", Collections),
            ("account_status", "charged-off", Collections),
            ("account_status", "Written off", Collections),
            ("account_status", "Past due", Collections),
            ("account_status", "Bankrupt (ch. 7)", Collections),
            ("account_status", "In arrears", Collections),
            ("account_status", "en cobranza", Collections),
            ("account_status", "En mora", Collections),
            ("status", "Do not contact", DoNotContact),
            ("status", "No contactar", DoNotContact),
            ("status", "Menor de edad", Minor),
            ("date_of_birth", "2010-05-01", Minor),
            ("date_of_birth", "05/01/2010", Minor),
            ("date_of_birth", "1 May 2010", Minor),
            ("date_of_birth", "1/5/10", Minor),
            ("age", "17", Minor),
            ("age", "17 years", Minor),
            ("age", "16-24", Minor),
            ("in_collections", "TRUE", Collections),
            ("vulnerable", "yes", Vulnerable),
            ("open_complaint", "1", OpenComplaint),
            ("open_application", "mortgage, pending", OpenApplication),
            ("fraud_case", "C-17", FraudCase),
            ("do_not_market", "Y", DoNotContact),
        ] {
            assert_eq!(stops_of(column, value), [stop], "{column}: {value}");
        }
    }

    #[test]
    fn harmless_cells_are_not_stops() {
        for (column, value) in [
            ("deceased", "No"),
            ("status", "Active"),
            ("status", "In good standing"),
            ("status", "Activo"),
            ("account_status", "Al día"),
            ("age", "18"),
            ("age", "65+"),
            ("date_of_birth", "1980-01-01"),
            ("date_of_birth", "31/12/1955"),
            ("date_of_birth", "12/31/55"),
            ("dob", "May 1, 1980"),
            ("opt_out", "0"),
        ] {
            assert_eq!(stops_of(column, value), [], "{column}: {value}");
        }
        for born in
            [Cell::Date(date(1955, 1, 1)), Cell::Number(29_221.0), Cell::Number(1980.0), Cell::Number(19_800_501.0)]
        {
            assert_eq!(read("dob", born.clone()).stops, [], "{born:?}");
        }
    }

    #[test]
    fn unreadable_cells_are_stops_and_are_reported() {
        for (column, value) in [
            ("date_of_birth", "unknown"),
            ("date_of_birth", "2062-01-01"),
            ("date_of_birth", "31/31/1980"),
            ("age", "adult"),
            ("age", "<18"),
            ("age", "18 months"),
            ("age", "1980"),
            ("status", "Zwrq"),
            ("status", "A"),
            ("status", "7"),
        ] {
            let read = read(column, Cell::Text(Cow::Borrowed(value)));
            assert_eq!((read.stops.as_slice(), read.unclear.len()), ([Unclear].as_slice(), 1), "{column}: {value}");
        }
        for cell in [Cell::Error, Cell::NoResult, Cell::Unreadable] {
            for column in ["age", "dob", "status"] {
                assert_eq!(read(column, cell.clone()).stops, [Unclear], "{column}: {cell:?}");
            }
            assert_eq!(read("deceased", cell).stops, [Deceased]);
        }
        assert_eq!(read("status", Cell::Text("Zwrq".into())).unclear[0].2.as_deref(), Some("zwrq"));
    }

    #[test]
    fn settings_can_declare_words_harmless() {
        let settings = StopSettings { harmless: vec!["A".to_owned(), "Tier 1".to_owned()], ..StopSettings::default() };
        let status = |value: &'static str| {
            let mut cells = vec![Cell::Empty; COUNT];
            cells[6] = Cell::Text(Cow::Borrowed(value));
            read_stops(&cells, false, date(2026, 10, 31), &settings).stops
        };
        assert_eq!(status("a"), []);
        assert_eq!(status("TIER 1"), []);
        assert_eq!(status("B"), [Unclear]);
    }

    #[test]
    fn column_names_suggest_stops() {
        for name in [
            "Deceased Flag",
            "dateOfDeath",
            "In Collections?",
            "DoNotMarket",
            "do-not-mail-flag",
            "Vulnerable Cust",
            "Complaint Count",
            "fraud_alert",
            "Is Minor",
            "Birth Date",
            "DOB (dd/mm)",
            "Age",
            "Opt-Out Marketing",
            "charge_off_date",
            "Days Past Due",
            "Fecha nacimiento",
            "Cliente fallecido",
            "Account Status Code",
            "DNC",
        ] {
            assert!(suggests_stop(name), "{name}");
        }
        for name in [
            "customer_id",
            "last_name",
            "city",
            "zip_code",
            "occupation",
            "gender",
            "marital_status",
            "Mortgage balance",
            "Account age",
            "Real estate value",
            "segment",
            "Birthplace",
            "stage",
            "page",
            "default_currency",
            "merchant",
            "consent",
            "Average balance",
            "language",
        ] {
            assert!(!suggests_stop(name), "{name}");
        }
    }
}
