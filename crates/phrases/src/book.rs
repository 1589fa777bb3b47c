//! A phrasebook: the lines in one language, with their approvals.

use std::collections::{BTreeMap, BTreeSet};

use contracts::{Digest, ErrorName, Language, NamedError, ProductId};
use serde::Deserialize;
use thiserror::Error;
use unicode_segmentation::UnicodeSegmentation as _;

use crate::approval::{Approval, Approvals};
use crate::line::{GroundKey, Line, LineKind, OfferCount, ServiceTopic, Tone};
use crate::template::{Slot, Template, TemplateError};
use crate::wish::Wishes;

/// An error that makes a phrasebook unusable.
#[derive(Debug, Error)]
pub enum BookError {
    /// The file is not valid TOML, or lacks required fields.
    #[error("phrasebook: {0}")]
    Toml(#[from] toml::de::Error),
    /// The list of approvals cannot be read.
    #[error("approvals: {0}")]
    Approvals(#[from] csv::Error),
    /// A line's text cannot be used.
    #[error("line {id}: {source}")]
    Line {
        /// The line's id.
        id: String,
        /// The reason.
        source: TemplateError,
    },
    /// A line has a slot that lines of its kind must not have.
    #[error("line {id}: a {kind} line must not have the slot {{{slot}}}", slot = .slot.as_str())]
    Slot {
        /// The line's id.
        id: String,
        /// The line's kind.
        kind: &'static str,
        /// The slot.
        slot: Slot,
    },
    /// There is no phrasebook in the bank's language for this catalog.
    #[error("phrases/{0}.toml: not found; the packaged phrasebooks are approved for the sample catalog only")]
    Missing(Language),
    /// A phrasebook's language differs from its file name.
    #[error("phrases/{file}.toml: the field `language` is {found:?}, not \"{file}\"")]
    OtherLanguage {
        /// The language in the file's name.
        file: Language,
        /// The language in the file.
        found: String,
    },
    /// Two lines have the same id.
    #[error("line {id}: the id is used twice")]
    DuplicateId {
        /// The id.
        id: String,
    },
}

impl NamedError for BookError {
    fn name(&self) -> ErrorName {
        ErrorName::ConfigInvalid
    }

    fn help(&self) -> Option<String> {
        let help = match self {
            Self::Missing(_) => {
                "put the bank's own phrasebook beside the catalog and have it approved: `bespoke phrases approve`"
            }
            Self::OtherLanguage { .. } => "rename the file, or correct its language",
            Self::Toml(_) | Self::Approvals(_) | Self::Line { .. } | Self::Slot { .. } | Self::DuplicateId { .. } => {
                "`bespoke phrases check` lists every problem in the phrasebook"
            }
        };
        Some(help.to_owned())
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BookFile {
    language: String,
    version: String,
    author: String,
    counts: Counts,
    /// The word that replaces a name that cannot be spoken or shown.
    no_name: String,
    /// The word that replaces such a name on the title card.
    no_name_on_card: String,
    /// The title of an adviser if the brand does not define one.
    adviser_title: String,
    /// The word that replaces a product's name at the start of its summary, after a reason that names the product. If
    /// it is missing or not approved, the summary keeps the name.
    #[serde(default)]
    it: Option<String>,
    #[serde(default)]
    grounds: BTreeMap<GroundKey, String>,
    #[serde(default)]
    wishes: Wishes,
    #[serde(default)]
    opening: Vec<OpeningLine>,
    #[serde(default)]
    reason: Vec<ReasonLine>,
    #[serde(default)]
    link: Vec<LinkLine>,
    #[serde(default)]
    closing: Vec<ClosingLine>,
    #[serde(default)]
    service: Vec<ServiceLine>,
    #[serde(default)]
    service_opening: Vec<PlainLine>,
    #[serde(default)]
    service_closing: Vec<PlainLine>,
}

/// The phrases for one, two and three offers, such as "two ideas".
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Counts {
    one: String,
    two: String,
    three: String,
}

macro_rules! line_file {
    ($name:ident { $($field:ident: $type:ty),* $(,)? }) => {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct $name {
            id: String,
            text: String,
            #[serde(default)]
            tone: Option<Tone>,
            #[serde(default)]
            author: Option<String>,
            $($field: $type,)*
        }
    };
}

line_file!(OpeningLine { adviser: bool, bright: Option<bool>, named: Option<bool> });
line_file!(ReasonLine { product: ProductId, ground: GroundKey, casual: Option<bool> });
line_file!(LinkLine { last: Option<bool> });
line_file!(PlainLine {});
line_file!(ClosingLine { adviser: bool, offers: Option<OfferCount> });
line_file!(ServiceLine { topic: ServiceTopic });

/// The ids of the phrasebook's words that fill slots or replace names. Each word needs an approval, like a line.
mod word {
    pub const NO_NAME: &str = "word.no_name";
    pub const NO_NAME_ON_CARD: &str = "word.no_name_on_card";
    pub const ADVISER_TITLE: &str = "word.adviser_title";
    pub const IT: &str = "word.it";
    pub const COUNTS: [&str; 3] = ["word.counts.one", "word.counts.two", "word.counts.three"];
}

/// The lines of one language with their approvals.
#[derive(Clone, Debug)]
pub struct Phrasebook {
    language: String,
    version: String,
    no_name: String,
    no_name_on_card: String,
    adviser_title: String,
    it: Option<String>,
    counts: Counts,
    grounds: BTreeMap<GroundKey, String>,
    wishes: Wishes,
    lines: Vec<Line>,
    /// The indices of the lines that may be used.
    live: Vec<usize>,
    approvals: Approvals,
    digest: Digest,
}

impl Phrasebook {
    /// Reads a book (TOML) and its approvals (CSV).
    pub fn parse(book: &str, approvals: &str) -> Result<Self, BookError> {
        let digest = Digest::of_parts([book.as_bytes(), approvals.as_bytes()]);
        let file: BookFile = toml::from_str(book)?;
        let approvals = Approvals::parse(approvals)?;
        let mut lines = Vec::new();
        let mut add = |id: String, text: &str, tone, author: Option<String>, kind: LineKind| {
            let template = Template::parse(text).map_err(|source| BookError::Line { id: id.clone(), source })?;
            if let Some(slot) = template.slots().find(|slot| !may_have(&kind, *slot)) {
                return Err(BookError::Slot { id, kind: kind.name(), slot });
            }
            let author = author.unwrap_or_else(|| file.author.clone());
            lines.push(Line::new(&file.language, id, kind, tone, template, author));
            Ok(())
        };
        for line in file.opening {
            let kind = LineKind::Opening {
                adviser: line.adviser,
                bright: line.bright.unwrap_or_default(),
                named: line.named.unwrap_or_default(),
            };
            add(line.id, &line.text, line.tone, line.author, kind)?;
        }
        for line in file.reason {
            let casual = line.casual.unwrap_or_default();
            let kind = LineKind::Reason { product: line.product, ground: line.ground, casual };
            add(line.id, &line.text, line.tone, line.author, kind)?;
        }
        for line in file.link {
            let kind = LineKind::Link { last: line.last.unwrap_or_default() };
            add(line.id, &line.text, line.tone, line.author, kind)?;
        }
        for line in file.closing {
            let kind = LineKind::Closing { adviser: line.adviser, offers: line.offers.unwrap_or_default() };
            add(line.id, &line.text, line.tone, line.author, kind)?;
        }
        for line in file.service {
            add(line.id, &line.text, line.tone, line.author, LineKind::Service { topic: line.topic })?;
        }
        let plain =
            [(file.service_opening, LineKind::ServiceOpening), (file.service_closing, LineKind::ServiceClosing)];
        for (list, kind) in plain {
            for line in list {
                add(line.id, &line.text, line.tone, line.author, kind.clone())?;
            }
        }
        if let Some(it) = &file.it {
            add(word::IT.to_owned(), it, None, None, LineKind::Word)?;
        }
        let [one, two, three] = word::COUNTS;
        for (id, text) in [
            (word::NO_NAME, &file.no_name),
            (word::NO_NAME_ON_CARD, &file.no_name_on_card),
            (word::ADVISER_TITLE, &file.adviser_title),
            (one, &file.counts.one),
            (two, &file.counts.two),
            (three, &file.counts.three),
        ] {
            add(id.to_owned(), text, None, None, LineKind::Word)?;
        }
        let mut ids = BTreeSet::new();
        if let Some(twice) = lines.iter().find(|line| !ids.insert(line.id.as_str())) {
            return Err(BookError::DuplicateId { id: twice.id.clone() });
        }
        let approved: BTreeSet<&str> =
            lines.iter().filter(|line| approvals.for_line(line).is_some()).map(|line| line.id.as_str()).collect();
        let is_live = |line: &Line| {
            approved.contains(line.id.as_str()) && words_of(line).iter().all(|word| approved.contains(word))
        };
        let live = lines.iter().enumerate().filter(|(_, line)| is_live(line)).map(|(position, _)| position).collect();
        Ok(Self {
            language: file.language,
            version: file.version,
            no_name: file.no_name,
            no_name_on_card: file.no_name_on_card,
            it: file.it.filter(|_| approved.contains(word::IT)),
            adviser_title: file.adviser_title,
            counts: file.counts,
            grounds: file.grounds,
            wishes: file.wishes,
            lines,
            live,
            approvals,
            digest,
        })
    }

    /// Returns the language, a BCP 47 tag.
    #[must_use]
    pub fn language(&self) -> &str {
        &self.language
    }

    /// Returns the version, as the phrasebook states it.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Returns the words in the lines that may be used and in the wishes, in lower case.
    #[must_use]
    pub fn vocabulary(&self) -> BTreeSet<String> {
        let lines = self.live().map(|(line, _)| line.text.as_str());
        let wishes = self.wishes().words();
        lines.chain(wishes).flat_map(|text| text.unicode_words().map(str::to_lowercase)).collect()
    }

    /// Returns the digest of the phrasebook and its approvals.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// Returns the word that replaces a name that cannot be spoken or shown.
    #[must_use]
    pub fn no_name(&self) -> &str {
        &self.no_name
    }

    /// Returns the word that replaces such a name on the title card.
    #[must_use]
    pub fn no_name_on_card(&self) -> &str {
        &self.no_name_on_card
    }

    /// Returns the title of an adviser if the brand does not define one.
    #[must_use]
    pub fn adviser_title(&self) -> &str {
        &self.adviser_title
    }

    /// Returns the word that replaces a product's name at the start of its summary, such as "It". `None` if the
    /// phrasebook has none, or if it is not approved.
    #[must_use]
    pub fn it(&self) -> Option<&str> {
        self.it.as_deref()
    }

    /// Returns the phrase for a number of offers, such as "two ideas". Zero counts as one, and more than three as
    /// three.
    #[must_use]
    pub fn count(&self, offers: usize) -> &str {
        match offers {
            0 | 1 => &self.counts.one,
            2 => &self.counts.two,
            _ => &self.counts.three,
        }
    }

    /// Returns the spoken name of a ground.
    #[must_use]
    pub fn ground(&self, key: &GroundKey) -> Option<&str> {
        self.grounds.get(key).map(String::as_str)
    }

    /// Returns the words that express wishes.
    #[must_use]
    pub const fn wishes(&self) -> &Wishes {
        &self.wishes
    }

    /// Returns all lines, approved or not, grouped by kind in the phrasebook's order.
    #[must_use]
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// Returns the line with this id.
    #[must_use]
    pub fn line(&self, id: &str) -> Option<&Line> {
        self.lines.iter().find(|line| line.id == id)
    }

    /// Returns the lines that may be used, each with its approval.
    pub fn live(&self) -> impl Iterator<Item = (&Line, &Approval)> {
        let lines = self.live.iter().map(|position| &self.lines[*position]);
        lines.filter_map(|line| Some((line, self.approvals.recorded(&line.id)?)))
    }

    /// Returns the approval of the line with this id, or `None` if the line may not be used. A line may be used if
    /// exactly this line is approved, and every word that fills one of its slots is approved too.
    #[must_use]
    pub fn live_approval(&self, id: &str) -> Option<&Approval> {
        self.live().find(|(line, _)| line.id == id).map(|(_, approval)| approval)
    }

    /// Returns the approvals.
    #[must_use]
    pub const fn approvals(&self) -> &Approvals {
        &self.approvals
    }
}

/// Returns the ids of the words that may be said or shown with the line. The line may be used only if they are approved
/// too.
fn words_of(line: &Line) -> Vec<&'static str> {
    let of_slot = |slot| match slot {
        Slot::FirstName => &[word::NO_NAME][..],
        Slot::AdviserTitle => &[word::ADVISER_TITLE],
        Slot::Count => &word::COUNTS,
        Slot::Adviser | Slot::Bank | Slot::Web | Slot::Product => &[],
    };
    let mut words: Vec<&str> = line.text.slots().flat_map(of_slot).copied().collect();
    // The title card comes before the opening, so its word may be shown with any opening.
    if matches!(line.kind, LineKind::Opening { .. } | LineKind::ServiceOpening) {
        words.push(word::NO_NAME_ON_CARD);
    }
    words
}

/// Returns whether a line of this kind may have the slot.
fn may_have(kind: &LineKind, slot: Slot) -> bool {
    match slot {
        Slot::FirstName => kind.may_be_personal(),
        Slot::Adviser | Slot::AdviserTitle => match kind {
            LineKind::Opening { adviser, .. } | LineKind::Closing { adviser, .. } => *adviser,
            LineKind::ServiceOpening | LineKind::ServiceClosing => true,
            LineKind::Reason { .. } | LineKind::Link { .. } | LineKind::Service { .. } | LineKind::Word => false,
        },
        Slot::Count => matches!(kind, LineKind::Opening { .. } | LineKind::Closing { .. }),
        Slot::Product => matches!(kind, LineKind::Reason { .. }),
        Slot::Bank | Slot::Web => !matches!(kind, LineKind::Word),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A small phrasebook without approvals.
    pub(crate) const SMALL: &str = r#"
language = "en"
version = "1"
author = "writer@bank.example"
no_name = "there"
no_name_on_card = "you"
adviser_title = "adviser"
counts = { one = "one idea", two = "two ideas", three = "three ideas" }
[grounds]
"spending:groceries" = "groceries"
[[opening]]
id = "o1"
tone = "warm"
adviser = true
text = "Hello {first_name}. I am {adviser} of {bank}, with {count}."
[[opening]]
id = "o2"
adviser = false
text = "Hello {first_name}. Here is {bank}."
[[reason]]
id = "r1"
product = "everyday-checking"
ground = "spending:groceries"
text = "{product} keeps groceries in one place."
[[link]]
id = "l1"
text = "Here is another idea."
[[closing]]
id = "c1"
adviser = true
text = "Call {adviser} at any time."
[[service]]
id = "s1"
topic = "fees"
text = "Charges should be clear."
"#;

    #[test]
    fn phrasebook_is_parsed() {
        let book = Phrasebook::parse(SMALL, "").unwrap();
        assert_eq!(book.lines().iter().filter(|line| line.kind != LineKind::Word).count(), 6);
        assert_eq!(book.count(2), "two ideas");
        assert_eq!(book.live().count(), 0, "an unapproved line is not live");
        assert_eq!(book.line("l1").unwrap().author, "writer@bank.example");
    }

    #[test]
    fn only_openings_and_closings_may_be_personal() {
        for (from, to) in [
            ("Here is another idea.", "Another idea, {first_name}."),
            ("{product} keeps", "{adviser} keeps"),
            ("Charges should be clear.", "{first_name}, charges should be clear."),
            ("Hello {first_name}. Here is {bank}.", "Hello {first_name}. I am {adviser}."),
        ] {
            let error = Phrasebook::parse(&SMALL.replace(from, to), "").unwrap_err();
            assert!(matches!(error, BookError::Slot { .. }), "{to}: {error}");
        }
    }

    #[test]
    fn word_that_fills_a_slot_needs_its_own_approval() {
        let approve_all_but = |without: &str| {
            let mut approvals = Approvals::default();
            for line in Phrasebook::parse(SMALL, "").unwrap().lines().iter().filter(|line| line.id != without) {
                let at = jiff::Timestamp::UNIX_EPOCH;
                let (line, digest) = (line.id.clone(), line.digest);
                approvals.record(Approval { item: line, digest, by: "reviewer".to_owned(), at });
            }
            Phrasebook::parse(SMALL, &approvals.to_csv()).unwrap()
        };
        let is_live = |without: &str, id: &str| approve_all_but(without).live_approval(id).is_some();
        assert!(is_live("", "o1") && is_live("", "o2"));
        for word in word::COUNTS {
            assert!(!is_live(word, "o1"), "{word}");
            assert!(is_live(word, "o2"), "{word}");
        }
        for word in [word::NO_NAME, word::NO_NAME_ON_CARD] {
            assert!(!is_live(word, "o1") && !is_live(word, "o2"), "{word}");
            assert!(is_live(word, "r1"), "{word}");
        }
        let changed = SMALL.replace("no_name = \"there\"", "no_name = \"buddy\"");
        let stale = Phrasebook::parse(&changed, &approve_all_but("").approvals().to_csv()).unwrap();
        assert_eq!(stale.live_approval("o2"), None, "the approval was for another word");
    }

    #[test]
    fn id_is_unique() {
        let error = Phrasebook::parse(&SMALL.replace("id = \"o2\"", "id = \"r1\""), "").unwrap_err();
        assert_eq!(error.to_string(), "line r1: the id is used twice");
    }

    #[test]
    fn unknown_field_is_refused() {
        assert!(Phrasebook::parse(&SMALL.replace("topic = ", "subject = "), "").is_err());
    }
}
