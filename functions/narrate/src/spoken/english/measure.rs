//! Numbers with units.

use std::sync::LazyLock;

use regex::Regex;

use super::described;
use super::number::{self, NUMBER};
use crate::spoken::grammar::{Class, Cursor, Reading, pattern};

/// Units: as written without a period, in the singular and in the plural.
#[rustfmt::skip]
const UNITS: &[(&str, &str, &str)] = &[
    ("mins", "minute", "minutes"), ("min", "minute", "minutes"), ("secs", "second", "seconds"), ("sec", "second", "seconds"),
    ("hrs", "hour", "hours"), ("hr", "hour", "hours"), ("h", "hour", "hours"), ("mos", "month", "months"), ("mo", "month", "months"), ("mth", "month", "months"), ("mths", "month", "months"),
    ("yrs", "year", "years"), ("yr", "year", "years"), ("wks", "week", "weeks"), ("wk", "week", "weeks"), ("ms", "millisecond", "milliseconds"),
    ("sq ft", "square foot", "square feet"), ("sq. ft", "square foot", "square feet"), ("ft", "foot", "feet"), ("yds", "yard", "yards"), ("yd", "yard", "yards"),
    ("mi", "mile", "miles"), ("mph", "mile per hour", "miles per hour"), ("mpg", "mile per gallon", "miles per gallon"),
    ("lbs", "pound", "pounds"), ("lb", "pound", "pounds"), ("oz", "ounce", "ounces"), ("gal", "gallon", "gallons"),
    ("kg", "kilogram", "kilograms"), ("km", "kilometer", "kilometers"), ("cm", "centimeter", "centimeters"), ("mm", "millimeter", "millimeters"),
    ("kWh", "kilowatt hour", "kilowatt hours"), ("kW", "kilowatt", "kilowatts"), ("MW", "megawatt", "megawatts"),
    ("KB", "kilobyte", "kilobytes"), ("MB", "megabyte", "megabytes"), ("GB", "gigabyte", "gigabytes"), ("TB", "terabyte", "terabytes"), ("Mbps", "megabit per second", "megabits per second"),
    ("pts", "point", "points"), ("pt", "point", "points"), ("pct", "percent", "percent"), ("txns", "transaction", "transactions"), ("txn", "transaction", "transactions"),
    ("°F", "degree Fahrenheit", "degrees Fahrenheit"), ("°C", "degree Celsius", "degrees Celsius"), ("°", "degree", "degrees"),
    ("GHz", "gigahertz", "gigahertz"), ("MHz", "megahertz", "megahertz"), ("kHz", "kilohertz", "kilohertz"), ("Hz", "hertz", "hertz"),
    ("L", "liter", "liters"), ("mL", "milliliter", "milliliters"), ("ml", "milliliter", "milliliters"),
    ("in", "inch", "inches"), ("pk", "pack", "packs"), ("cu. ft", "cubic foot", "cubic feet"), ("cu ft", "cubic foot", "cubic feet"), ("cu. yd", "cubic yard", "cubic yards"), ("cu yd", "cubic yard", "cubic yards"),
    ("sq. mi", "square mile", "square miles"), ("sq mi", "square mile", "square miles"), ("sq. yd", "square yard", "square yards"), ("sq yd", "square yard", "square yards"),
    ("sq. in", "square inch", "square inches"), ("sq. m", "square meter", "square meters"), ("sq m", "square meter", "square meters"), ("sq. km", "square kilometer", "square kilometers"), ("sq km", "square kilometer", "square kilometers"),
    ("sq. yds", "square yard", "square yards"), ("cu. yds", "cubic yard", "cubic yards"), ("ozs", "ounce", "ounces"), ("pgs", "page", "pages"), ("pcs", "piece", "pieces"), ("pkgs", "package", "packages"), ("qtrs", "quarter", "quarters"), ("sqft", "square foot", "square feet"), ("sq.-ft", "square foot", "square feet"), ("sq-ft", "square foot", "square feet"), ("° F", "degree Fahrenheit", "degrees Fahrenheit"), ("° C", "degree Celsius", "degrees Celsius"), ("ft²", "square foot", "square feet"), ("mi²", "square mile", "square miles"), ("m²", "square meter", "square meters"), ("km²", "square kilometer", "square kilometers"), ("m³", "cubic meter", "cubic meters"), ("ft³", "cubic foot", "cubic feet"),
    ("fl. oz", "fluid ounce", "fluid ounces"), ("fl oz", "fluid ounce", "fluid ounces"), ("qts", "quart", "quarts"), ("qt", "quart", "quarts"), ("gals", "gallon", "gallons"), ("tsp", "teaspoon", "teaspoons"), ("tbsp", "tablespoon", "tablespoons"), ("bbls", "barrel", "barrels"), ("bbl", "barrel", "barrels"), ("bu", "bushel", "bushels"),
    ("km/h", "kilometer per hour", "kilometers per hour"), ("kph", "kilometer per hour", "kilometers per hour"), ("rpm", "revolution per minute", "revolutions per minute"), ("hp", "horsepower", "horsepower"), ("psi", "pound per square inch", "pounds per square inch"),
    ("mg", "milligram", "milligrams"), ("kgs", "kilogram", "kilograms"), ("kms", "kilometer", "kilometers"), ("kwh", "kilowatt hour", "kilowatt hours"), ("GW", "gigawatt", "gigawatts"), ("MWh", "megawatt hour", "megawatt hours"), ("dB", "decibel", "decibels"), ("BTUs", "B.T.U", "B.T.U's"), ("BTU", "B.T.U", "B.T.U's"),
    ("Gbps", "gigabit per second", "gigabits per second"), ("Kbps", "kilobit per second", "kilobits per second"), ("kbps", "kilobit per second", "kilobits per second"), ("PB", "petabyte", "petabytes"), ("kB", "kilobyte", "kilobytes"), ("MP", "megapixel", "megapixels"), ("ac", "acre", "acres"), ("wpm", "word per minute", "words per minute"),
    ("px", "pixel", "pixels"), ("dpi", "dot per inch", "dots per inch"), ("doz", "dozen", "dozen"), ("ppl", "person", "people"),
];

/// Returns the pattern of all units, longer ones first.
fn units() -> String {
    let mut units: Vec<String> = UNITS.iter().map(|(unit, ..)| regex::escape(unit)).collect();
    units.sort_by_key(|unit| std::cmp::Reverse(unit.len()));
    units.join("|")
}

/// Returns the words of a unit, or `None` if it is unknown.
pub fn unit_words(unit: &str, singular: bool) -> Option<&'static str> {
    let (_, one, many) = UNITS.iter().find(|(written, ..)| *written == unit)?;
    Some(if singular { one } else { many })
}

static MEASURED: LazyLock<Regex> = LazyLock::new(|| {
    let units = units();
    pattern(&format!(r"(?P<number>{NUMBER})(?P<gap>\s?|-)(?P<unit>{units})(?P<end>)(?:[^\w']|$)"))
});
static HEIGHT: LazyLock<Regex> = LazyLock::new(|| pattern("(?P<feet>\\d{1,2})'\\s?(?P<inches>\\d{1,2})\""));
static TENOR: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?P<months>\d{1,2})M(?P<end>)\s(?:Term\s)?(?:SOFR|LIBOR|EURIBOR|T-bill|Treasury)"));
static TIMES: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(r"(?P<number>{NUMBER})\s?(?P<sign>[xX×])(?P<end>)(?:(?:\s?(?P<by>\d))|[^\w]|$)"))
});

/// Nouns that a measure can describe.
const DESCRIBED: &[&str] = &[
    "arm",
    "bond",
    "call",
    "cd",
    "cds",
    "certificate",
    "contract",
    "delay",
    "draw",
    "drive",
    "fixed",
    "hold",
    "lease",
    "limit",
    "loan",
    "loans",
    "lock",
    "mortgage",
    "mortgages",
    "note",
    "notes",
    "notice",
    "period",
    "plan",
    "rate",
    "term",
    "terms",
    "treasury",
    "turnaround",
    "wait",
    "walk",
    "warranty",
    "window",
];

/// Reads `48 hrs`, `12-mo.`, `5GB`, `1.5x`, `3×`.
pub fn measured(at: &Cursor<'_>) -> Option<Reading> {
    if !at.starts_word() {
        return None;
    }
    if let Some(captures) = at.captures(&HEIGHT) {
        let count = |name: &str, one: &str, many: &str| {
            let value: u64 = captures[name].parse().ok()?;
            Some(format!("{} {}", number::cardinal(value), if value == 1 { one } else { many }))
        };
        let said = format!("{} {}", count("feet", "foot", "feet")?, count("inches", "inch", "inches")?);
        return Some(at.whole(Class::Measure, &captures, said));
    }
    if let Some(captures) = at.captures(&TENOR) {
        let said = format!("{} month", number::amount(&captures["months"])?);
        return Some(at.read(Class::Measure, captures.name("end")?.start(), said));
    }
    if let Some(captures) = at.captures(&TIMES) {
        let number = number::plain(&captures["number"])?;
        let sign = captures.name("sign")?;
        let joint = if captures.name("by").is_some() && &captures["sign"] != "×" { "by" } else { "times" };
        let end = at.pos + sign.end();
        if at.rest()[..sign.start()].ends_with(' ') {
            let pieces =
                vec![(at.pos..at.pos + sign.start() - 1, number), (at.pos + sign.start()..end, joint.to_owned())];
            return Some(Reading { class: Class::Measure, end, pieces });
        }
        return Some(Reading { class: Class::Measure, end, pieces: vec![(at.pos..end, format!("{number} {joint}"))] });
    }
    let captures = at.captures(&MEASURED)?;
    let number = captures.name("number")?;
    let unit = captures.name("unit")?;
    let (value, decimals) = number::parse(number.as_str())?;
    let end = at.pos + unit.end() + period(at.after(at.pos + unit.end()), unit.as_str());
    if unit.as_str() == "in" && !is_inch(&captures["gap"], at.after(at.pos + unit.end())) {
        return None;
    }
    // "a 30 yr. fixed mortgage"
    let described = DESCRIBED.contains(&at.word_after(end, 1).as_str())
        || described::after_article(at, end)
        || !unit.as_str().ends_with('s') && described::after_determiner(at, end);
    let singular = &captures["gap"] == "-" || value == 1 && decimals.is_empty() || described;
    let words = unit_words(unit.as_str(), singular)?;
    let number_said = number::plain(number.as_str())?;
    let pieces = if &captures["gap"] == " " {
        vec![(at.pos..at.pos + number.end(), number_said), (at.pos + unit.start()..end, words.to_owned())]
    } else {
        vec![(at.pos..end, format!("{number_said} {words}"))]
    };
    Some(Reading { class: Class::Measure, end, pieces })
}

/// Returns whether "in" is an inch: with a period ("6 in. of snow") or a hyphen ("a 15-in screen", not "3-in-1").
fn is_inch(gap: &str, rest: &str) -> bool {
    rest.starts_with('.') || gap == "-" && !rest.starts_with('-')
}

/// Returns the length of the period that belongs to an abbreviated unit.
fn period(rest: &str, unit: &str) -> usize {
    usize::from(rest.starts_with('.') && unit.ends_with(char::is_alphabetic))
}

static UNIT: LazyLock<Regex> = LazyLock::new(|| {
    let units = units();
    pattern(&format!(r"(?P<unit>{units})(?P<end>)(?:[^\w']|$)"))
});

static SCALE_BEFORE: LazyLock<Regex> = LazyLock::new(|| after(r"\d (?:thousand|million|billion|trillion) $"));
static MIXED_BEFORE: LazyLock<Regex> = LazyLock::new(|| after(r"\d(?:[\s-]\d+/\d+|[½⅓⅔¼¾⅛⅜⅝⅞])\s?$"));

/// Compiles a pattern that ends at the cursor.
fn after(source: &str) -> Regex {
    Regex::new(source).expect("the patterns of the grammar are valid")
}

/// Reads a unit after a quantity that another rule has read: `1/2 hr.`, `$500/mo.`.
pub fn unit(at: &Cursor<'_>) -> Option<Reading> {
    let captures = at.captures(&UNIT)?;
    let (class, end) = at.last?;
    let gap = &at.head()[end..];
    if matches!(at.word_before(1).as_str(), "per" | "each" | "every") && gap == " " {
        let unit = captures.name("unit")?;
        let length = unit.end() + period(&at.rest()[unit.end()..], unit.as_str());
        return Some(at.read(Class::Measure, length, unit_words(unit.as_str(), true)?));
    }
    let scaled = class == Class::Word && SCALE_BEFORE.is_match(at.head());
    if !(matches!(class, Class::Fraction | Class::Cardinal) || scaled) || !matches!(gap, "" | " " | "-") {
        return None;
    }
    let unit = captures.name("unit")?;
    if unit.as_str() == "in" && !is_inch(gap, &at.rest()[unit.end()..]) {
        return None;
    }
    let length = unit.end() + period(&at.rest()[unit.end()..], unit.as_str());
    let part_of_one = class == Class::Fraction && !MIXED_BEFORE.is_match(at.head());
    let singular = part_of_one || gap == "-";
    Some(at.read(Class::Measure, length, unit_words(unit.as_str(), singular)?))
}

#[cfg(test)]
mod tests {
    use super::super::testing::check;

    #[test]
    fn units_are_said_in_full() {
        check(&[
            ("10 min.", "ten minutes"),
            ("24 hrs", "twenty-four hours"),
            ("1 hr", "one hour"),
            ("9 mos.", "nine months"),
            ("18-mo. term", "eighteen month term"),
            ("1-3 hrs", "one to three hours"),
            ("a 30-min. call", "a thirty minute call"),
            ("1,500 sq. ft.", "one thousand five hundred square feet"),
            ("5GB", "five gigabytes"),
            ("72°F", "seventy-two degrees Fahrenheit"),
            ("30 yr. fixed", "thirty year fixed"),
            ("twice per yr", "twice per year"),
            ("1/2 hr.", "one half hour"),
            ("2 1/2 lbs", "two and one half pounds"),
            ("3 million km", "three million kilometers"),
            ("2x points", "two times points"),
            ("2.5x", "two point five times"),
            ("5× points", "five times points"),
            ("6'2\"", "six feet two inches"),
            ("1M SOFR", "one month so fur"),
            ("1.5 GHz", "one point five gigahertz"),
            ("2.5 L", "two point five liters"),
            ("a 12 ft. fence", "a twelve foot fence"),
            ("a 12 ft. or longer fence", "a twelve feet or longer fence"),
            ("the 5 lb. package", "the five pound package"),
            ("a 1,800 sq. ft. home", "a one thousand eight hundred square foot home"),
            ("12 ft. of fence", "twelve feet of fence"),
            ("a 15-in. screen", "a fifteen inch screen"),
            ("a 500-sq.-ft. studio", "a five hundred square foot studio"),
            ("72° F", "seventy-two degrees Fahrenheit"),
            ("6 in. of snow", "six inches of snow"),
            ("up 6 in 2026", "up six in twenty twenty-six"),
            ("3 cu. yd. of soil", "three cubic yards of soil"),
            ("80 km/h", "eighty kilometers per hour"),
            ("150 m²", "one hundred fifty square meters"),
        ]);
    }
}
