//! Recognizes posts and payments that must stop the bank from selling, using the phrases in `data/lexicons/`.
//!
//! The files are compiled into the program, so a bank cannot weaken them by accident. Their digest is part of the
//! lexicon's digest, and therefore of every run.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use contracts::Digest;
use contracts::facts::{Stop, plain_words};
use serde::Deserialize;
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

const ENGLISH: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/lexicons/posts.en.toml"));
const SPANISH: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/lexicons/posts.es.toml"));
const LANGUAGES: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/lexicons/languages.toml"));
const PAYMENTS: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/lexicons/payments.toml"));

static STOP_PHRASES: LazyLock<StopPhrases> = LazyLock::new(StopPhrases::shipped);

/// Emoji that express mourning.
const MOURNING: [char; 4] = ['🕊', '🪦', '⚰', '🕯'];

/// A post that contains no known words still counts as readable if it has at most this many words, because they may be
/// names, places or exclamations.
const MAX_UNKNOWN_WORDS: usize = 3;

/// A kind of trouble that a post may mention.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trouble {
    /// Danger to life.
    Danger,
    /// A death, a miscarriage, a separation.
    Loss,
    /// Money trouble.
    Hardship,
    /// Theft and deception.
    Fraud,
    /// Physical or mental illness.
    Health,
    /// Courts, police, immigration.
    Law,
    /// Violence, burglary, disaster.
    Crime,
    /// A complaint about a bank.
    Complaint,
    /// Sarcasm about one's own trouble.
    Sarcasm,
    /// Words of farewell.
    Farewell,
}

/// The findings about one post that show whether the bank must stop selling.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is an independent finding about one post")]
pub struct PostStops {
    /// The kinds of trouble that the phrases indicate.
    pub troubles: BTreeSet<Trouble>,
    /// Whether the post is in a language that the program cannot read.
    pub unreadable: bool,
    /// Whether the post shows general distress, and is not excused.
    pub distress: bool,
    /// Whether the post is about money, work, health or a similar topic, and is not excused.
    pub sensitive: bool,
    /// Whether the post is about weather, traffic, sports or a similar topic, and mentions nothing serious.
    pub everyday: bool,
    /// Whether the post is about a work of fiction, or about trouble that has passed.
    pub excused: bool,
    /// The post's words without harmless idioms. `None` if the post contains no such idiom.
    pub without_idioms: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PostFile {
    sets: BTreeMap<String, String>,
    stops: BTreeMap<Trouble, Vec<String>>,
    context: ContextFile,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ContextFile {
    #[serde(rename = "ordinary")]
    idioms: Vec<String>,
    everyday: Vec<String>,
    fiction: Vec<String>,
    sensitive: Vec<String>,
    own: Vec<String>,
    recovery: Vec<String>,
    past: Vec<String>,
    negation: String,
    grave: Vec<String>,
    distress: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LanguageFile {
    english: String,
    spanish: String,
    other: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PaymentFile {
    sets: BTreeMap<String, String>,
    payments: BTreeMap<Stop, Vec<String>>,
}

/// The phrases in one language.
struct LanguagePhrases {
    /// The phrases that indicate each kind of trouble.
    stops: BTreeMap<Trouble, Phrases>,
    /// Harmless idioms that contain words for trouble.
    idioms: Phrases,
    /// Weather, traffic, sports and similar topics.
    everyday: Phrases,
    /// Works of fiction.
    fiction: Phrases,
    /// Money, work, health and similar topics.
    sensitive: Phrases,
    /// Phrases that show that the author means their own life.
    own: Phrases,
    /// Phrases for an end to trouble.
    recovery: Phrases,
    /// Phrases for the past.
    past: Phrases,
    /// Words that negate what follows.
    negation: Element,
    /// Serious topics, which a post about an everyday topic must not mention.
    grave: Phrases,
    /// General distress.
    distress: Phrases,
}

/// All stop phrases.
pub struct StopPhrases {
    languages: [LanguagePhrases; 2],
    /// Common words in English but not in Spanish, and common words in Spanish but not in English.
    own_words: [BTreeSet<String>; 2],
    /// Common words in the languages that the program can read.
    readable_words: BTreeSet<String>,
    /// Common words in other languages.
    unreadable_words: BTreeSet<String>,
    payments: BTreeMap<Stop, Phrases>,
    /// The sets of words in both languages by name.
    classes: Vec<(String, Element)>,
    digest: Digest,
}

impl StopPhrases {
    /// Returns the phrases that are compiled into the program.
    #[must_use]
    pub fn get() -> &'static Self {
        &STOP_PHRASES
    }

    /// Parses the files that are compiled into the program.
    ///
    /// # Panics
    /// Panics if a file is malformed. A test ensures that none is.
    #[expect(clippy::expect_used, reason = "the files are part of the program, and a test parses them")]
    fn shipped() -> Self {
        let post_file = |text| toml::from_str::<PostFile>(text).expect("a valid post-phrase file");
        let languages: LanguageFile = toml::from_str(LANGUAGES).expect("a valid language file");
        let payments: PaymentFile = toml::from_str(PAYMENTS).expect("a valid payment-phrase file");
        let words = |list: &str| list.split('|').map(str::to_owned).collect::<BTreeSet<String>>();
        let english = words(&languages.english);
        let spanish = words(&languages.spanish);
        let own_words = [&english - &spanish, &spanish - &english];
        let readable_words = &english | &spanish;
        let unreadable_words = words(&languages.other).difference(&readable_words).cloned().collect();
        let phrases = |list: Vec<String>| Phrases::parse(&list, &payments.sets);
        let files = [ENGLISH, SPANISH].map(post_file);
        let named_sets = files.iter().flat_map(|file| &file.sets);
        Self {
            classes: named_sets.map(|(name, list)| (name.clone(), Element::parse(list, &BTreeMap::new()))).collect(),
            languages: files.each_ref().map(LanguagePhrases::parse),
            own_words,
            readable_words,
            unreadable_words,
            payments: payments.payments.into_iter().map(|(stop, list)| (stop, phrases(list))).collect(),
            digest: Digest::of_parts([ENGLISH, SPANISH, LANGUAGES, PAYMENTS].map(str::as_bytes)),
        }
    }

    /// Returns the digest of the files.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// Returns the names of the sets that contain `word`, such as `family`.
    pub fn classes<'a>(&'a self, word: &'a str) -> impl Iterator<Item = &'a str> + 'a {
        self.classes.iter().filter(|(_, words)| words.matches(word)).map(|(name, _)| name.as_str())
    }

    /// Returns the stops that a payment's category or payee triggers.
    #[must_use]
    pub fn payment_stops(&self, category: &str, payee: &str) -> Vec<Stop> {
        let texts = [folded_words(category), folded_words(payee)];
        let is_named = |phrases: &Phrases| texts.iter().any(|words| phrases.find(words).next().is_some());
        self.payments.iter().filter(|(_, phrases)| is_named(phrases)).map(|(stop, _)| *stop).collect()
    }

    /// Returns the findings about a post. Ignores links and mentions.
    #[must_use]
    pub fn read_post(&self, text: &str) -> PostStops {
        let without_links_and_mentions = without_links_and_mentions(text);
        let all_words = folded_words(&without_links_and_mentions);
        let unreadable = self.is_unreadable(&without_links_and_mentions, &all_words);
        let mut found = PostStops { unreadable, ..PostStops::default() };
        // Words that suggest danger count even within an idiom.
        let mut words = all_words.clone();
        for language in &self.languages {
            language.blank_idioms(&mut words);
        }
        if words != all_words {
            found.without_idioms =
                Some(words.iter().filter(|word| !word.is_empty()).cloned().collect::<Vec<_>>().join(" "));
        }
        let any = |pick: fn(&LanguagePhrases) -> &Phrases, words: &[String]| {
            self.languages.iter().any(|language| pick(language).find(words).next().is_some())
        };
        let is_own = any(|language| &language.own, &words);
        let is_fiction = any(|language| &language.fiction, &all_words) && !is_own;
        let is_over = any(|language| &language.recovery, &words) && any(|language| &language.past, &words);
        found.excused = is_fiction || is_over;
        for language in &self.languages {
            for (trouble, phrases) in &language.stops {
                let is_excused = match trouble {
                    Trouble::Danger => false,
                    Trouble::Hardship | Trouble::Law | Trouble::Health | Trouble::Complaint => found.excused,
                    Trouble::Loss | Trouble::Fraud | Trouble::Crime | Trouble::Sarcasm | Trouble::Farewell => {
                        is_fiction
                    }
                };
                let counts = |at: usize| *trouble == Trouble::Danger || !language.is_negated(&words, at);
                let searched = if *trouble == Trouble::Danger { &all_words } else { &words };
                if !is_excused && phrases.find(searched).any(counts) {
                    found.troubles.insert(*trouble);
                }
            }
        }
        if without_links_and_mentions.contains(MOURNING) && !is_fiction {
            found.troubles.insert(Trouble::Loss);
        }
        found.distress = !found.excused && any(|language| &language.distress, &words);
        found.sensitive = !found.excused && any(|language| &language.sensitive, &words);
        found.everyday = any(|language| &language.everyday, &all_words) && !any(|language| &language.grave, &words);
        found
    }

    /// Returns whether a post is in Spanish. VADER knows only English, so it cannot score such a post.
    #[must_use]
    pub fn is_spanish(&self, text: &str) -> bool {
        let words = folded_words(text);
        let [english, spanish] =
            self.own_words.each_ref().map(|own| words.iter().filter(|word| own.contains(*word)).count());
        spanish > english || spanish == english && text.contains(['¡', '¿', 'ñ', 'Ñ'])
    }

    /// Returns whether a post is in a language that the program cannot read.
    fn is_unreadable(&self, text: &str, words: &[String]) -> bool {
        let letters = text.chars().filter(|c| c.is_alphabetic());
        let (latin, foreign): (Vec<char>, Vec<char>) = letters.partition(|letter| is_latin(*letter));
        if foreign.len() > latin.len() {
            return true;
        }
        let readable = words.iter().filter(|word| self.readable_words.contains(*word)).count();
        let unreadable = words.iter().filter(|word| self.unreadable_words.contains(*word)).count();
        unreadable > readable || (readable == 0 && words.len() > MAX_UNKNOWN_WORDS)
    }
}

/// Returns whether a letter is in the Latin script. A post in Latin script can still be in a language that the program
/// cannot read, such as German, Polish or Vietnamese.
const fn is_latin(letter: char) -> bool {
    matches!(letter, 'a'..='z' | 'A'..='Z' | '\u{aa}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}' | '\u{ff21}'..='\u{ff5a}')
}

impl LanguagePhrases {
    fn parse(file: &PostFile) -> Self {
        let phrases = |list: &[String]| Phrases::parse(list, &file.sets);
        let ContextFile { idioms, everyday, fiction, sensitive, own, recovery, past, negation, grave, distress } =
            &file.context;
        Self {
            stops: file.stops.iter().map(|(trouble, list)| (*trouble, phrases(list))).collect(),
            idioms: phrases(idioms),
            everyday: phrases(everyday),
            fiction: phrases(fiction),
            sensitive: phrases(sensitive),
            own: phrases(own),
            recovery: phrases(recovery),
            past: phrases(past),
            negation: Element::parse(negation, &file.sets),
            grave: phrases(grave),
            distress: phrases(distress),
        }
    }

    /// Blanks out the words of harmless idioms.
    fn blank_idioms(&self, words: &mut [String]) {
        let spans: Vec<_> = self.idioms.find_spans(words).collect();
        for (start, end) in spans {
            words[start..end].iter_mut().for_each(String::clear);
        }
    }

    /// Returns whether one of the two words before `at` negates what follows.
    fn is_negated(&self, words: &[String], at: usize) -> bool {
        words[at.saturating_sub(2)..at].iter().any(|word| self.negation.matches(word))
    }
}

/// A list of phrases, indexed by the first character of their first word.
struct Phrases {
    phrases: Vec<Vec<Element>>,
    by_first: BTreeMap<char, Vec<usize>>,
}

impl Phrases {
    fn parse(list: &[String], sets: &BTreeMap<String, String>) -> Self {
        let parse = |phrase: &String| phrase.split_whitespace().map(|word| Element::parse(word, sets)).collect();
        let phrases: Vec<Vec<Element>> = list.iter().map(parse).collect();
        let mut by_first = BTreeMap::<char, BTreeSet<usize>>::new();
        for (index, phrase) in phrases.iter().enumerate() {
            let Some(Element::Word(words)) = phrase.first() else { continue };
            for first in words.iter().filter_map(|word| word.text.chars().next()) {
                by_first.entry(first).or_default().insert(index);
            }
        }
        let by_first = by_first.into_iter().map(|(first, indexes)| (first, indexes.into_iter().collect())).collect();
        Self { phrases, by_first }
    }

    /// Returns the start of each match.
    fn find<'a>(&'a self, words: &'a [String]) -> impl Iterator<Item = usize> + 'a {
        self.find_spans(words).map(|(start, _)| start)
    }

    /// Returns the start and the end of each match.
    fn find_spans<'a>(&'a self, words: &'a [String]) -> impl Iterator<Item = (usize, usize)> + 'a {
        words.iter().enumerate().flat_map(move |(start, word)| {
            let candidates = word.chars().next().and_then(|first| self.by_first.get(&first));
            let candidates = candidates.into_iter().flatten();
            candidates.filter_map(move |index| Some((start, match_end(&self.phrases[*index], words, start)?)))
        })
    }
}

/// Matches a phrase at `start` and returns where the match ends.
fn match_end(phrase: &[Element], words: &[String], start: usize) -> Option<usize> {
    let Some((first, rest)) = phrase.split_first() else { return Some(start) };
    match first {
        Element::Gap(longest) => (start..=(start + longest).min(words.len())).find_map(|at| match_end(rest, words, at)),
        Element::Word(_) => {
            first.matches(words.get(start)?).then_some(())?;
            match_end(rest, words, start + 1)
        }
    }
}

/// A part of a phrase.
enum Element {
    /// One of these words.
    Word(Vec<Word>),
    /// At most this many words of any kind.
    Gap(usize),
}

struct Word {
    text: String,
    is_stem: bool,
}

impl Element {
    /// Parses a part of a phrase. An unknown set has no words, so its part never matches.
    fn parse(part: &str, sets: &BTreeMap<String, String>) -> Self {
        match part {
            "." => return Self::Gap(1),
            ".." => return Self::Gap(3),
            _ => {}
        }
        let mut words = Vec::new();
        for alternative in part.split('|') {
            let set = alternative.strip_prefix('{').and_then(|name| name.strip_suffix('}'));
            let listed = set.map_or(alternative, |name| sets.get(name).map_or("", String::as_str));
            words.extend(listed.split('|').filter(|word| !word.is_empty()).map(|word| {
                let stem = word.strip_suffix('*');
                Word { text: stem.unwrap_or(word).to_owned(), is_stem: stem.is_some() }
            }));
        }
        Self::Word(words)
    }

    fn matches(&self, word: &str) -> bool {
        match self {
            Self::Gap(_) => true,
            Self::Word(words) => words
                .iter()
                .any(|known| if known.is_stem { word.starts_with(known.text.as_str()) } else { word == known.text }),
        }
    }
}

fn without_links_and_mentions(text: &str) -> String {
    let tokens = text.split_whitespace().filter(|token| !token.contains("://") && !token.starts_with('@'));
    tokens.collect::<Vec<_>>().join(" ")
}

/// Returns the words of a post, lowercased and stripped of accents, without links and mentions.
#[must_use]
pub fn post_words(text: &str) -> Vec<String> {
    folded_words(&without_links_and_mentions(text))
}

/// Returns the words in `text`, in lower case and without accents.
fn folded_words(text: &str) -> Vec<String> {
    plain_words(&text.nfkd().filter(|c| !is_combining_mark(*c)).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shipped_files_are_valid() {
        let stop_phrases = StopPhrases::get();
        assert_eq!(stop_phrases.payments.len(), 6);
        for text in [ENGLISH, SPANISH] {
            let file: PostFile = toml::from_str(text).unwrap();
            let ContextFile { idioms, everyday, fiction, own, recovery, past, grave, distress, .. } = &file.context;
            let context = [idioms, everyday, fiction, own, recovery, past, grave, distress];
            for phrase in file.stops.values().chain(context).flatten() {
                assert!(!phrase.starts_with('.'), "{phrase:?} starts with a gap");
                for part in phrase.split_whitespace().flat_map(|part| part.split('|')) {
                    if let Some(set) = part.strip_prefix('{') {
                        assert!(file.sets.contains_key(set.trim_end_matches('}')), "{phrase:?}: unknown set");
                    }
                    let is_plain = part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
                    let is_known = is_plain
                        || part.is_empty()
                        || part.starts_with('{')
                        || part.ends_with('*')
                        || part.starts_with('.');
                    assert!(is_known || !part.is_ascii() || part == "son-in-law", "{phrase:?}: {part:?}");
                }
            }
        }
    }

    #[test]
    fn gaps_stems_and_sets_match() {
        let sets = BTreeMap::from([("family".to_owned(), "mom|dad".to_owned())]);
        let phrases = Phrases::parse(&["lost my . {family}".to_owned(), "evict*".to_owned()], &sets);
        let is_found = |text: &str| phrases.find(&folded_words(text)).next().is_some();
        assert!(is_found("We LOST my dear Mom") && is_found("lost my dad") && is_found("Évicted!"));
        assert!(!is_found("lost my very dear mom") && !is_found("lost mom"));
    }

    #[test]
    fn payments_that_show_trouble_are_stops() {
        let stop_phrases = StopPhrases::get();
        assert_eq!(stop_phrases.payment_stops("Bank Fees", "OVERDRAFT FEE 35"), [Stop::Overdraft]);
        assert_eq!(stop_phrases.payment_stops("Debt Collection", "x"), [Stop::DebtCollection]);
        assert_eq!(stop_phrases.payment_stops("Services", "Hillside Funeral Home"), [Stop::Funeral]);
        assert_eq!(stop_phrases.payment_stops("Groceries", "Corner Market"), []);
    }
}
