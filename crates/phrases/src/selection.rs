//! Selects the lines for one customer's script.

use std::collections::BTreeSet;

use contracts::{Digest, ProductId};

use crate::approval::Approval;
use crate::book::Phrasebook;
use crate::line::{GroundKey, Line, LineKind, ServiceTopic, Tone};
use crate::wish::UnderstoodWish;

/// An approved line with its approval.
pub type LiveLine<'b> = (&'b Line, &'b Approval);

/// The tones of texts whose wish requests none. A brief text is written only on request.
const USUAL_TONES: [Tone; 3] = [Tone::Warm, Tone::Formal, Tone::Lively];

/// Selects approved lines for one customer. The same seed always selects the same lines. Across customers, each of `n`
/// suitable lines is selected about once in `n` scripts.
#[derive(Clone, Debug)]
pub struct Selector<'b> {
    live: Vec<LiveLine<'b>>,
    wish: UnderstoodWish,
    /// The tones of the text: those in the wish, or else one that the seed determines, so that all lines of a text
    /// agree.
    tones: Vec<Tone>,
    seed: Vec<u8>,
}

impl<'b> Selector<'b> {
    /// Creates a selector. `seed` identifies the customer, such as the customer reference.
    #[must_use]
    pub fn new(book: &'b Phrasebook, wish: UnderstoodWish, seed: &[u8]) -> Self {
        let usual = USUAL_TONES[number(seed, "tone") % USUAL_TONES.len()];
        let tones = if wish.tones.is_empty() { vec![usual] } else { wish.tones.clone() };
        Self { live: book.live().collect(), wish, tones, seed: seed.to_vec() }
    }

    /// Returns the suitable openings. If `adviser` is true, these are the lines that introduce the customer's adviser,
    /// otherwise the lines that introduce none. Lines that suit only an upbeat mood are left out unless `bright` is
    /// true. Lines that need the customer's name are left out unless `named` is true.
    #[must_use]
    pub fn openings(&self, adviser: bool, bright: bool, named: bool) -> Vec<LiveLine<'b>> {
        self.fitting(|kind| match kind {
            LineKind::Opening { adviser: introduces, bright: only_bright, named: only_named } => {
                *introduces == adviser && (bright || !only_bright) && (named || !only_named)
            }
            _ => false,
        })
    }

    /// Returns the suitable closings for a script with this number of offers: those that mention an adviser if
    /// `adviser` is true, otherwise those that mention none.
    #[must_use]
    pub fn closings(&self, adviser: bool, offers: usize) -> Vec<LiveLine<'b>> {
        self.fitting(|kind| match kind {
            LineKind::Closing { adviser: needs, offers: count } => *needs == adviser && count.fits(offers),
            _ => false,
        })
    }

    /// Returns whether the text should be brief.
    #[must_use]
    pub fn is_brief(&self) -> bool {
        self.tones.contains(&Tone::Brief)
    }

    /// Returns the lines that lead to the second offer or, if `last` is true, to the last of three offers.
    #[must_use]
    pub fn links(&self, last: bool) -> Vec<LiveLine<'b>> {
        self.fitting(|kind| matches!(kind, LineKind::Link { last: to_last } if *to_last == last))
    }

    /// Returns the reasons for `product` that cite the highest-ranked ground with suitable lines. Grounds that are not
    /// in `used` rank above those that are. Within each group, grounds that the wish emphasizes rank first, and then
    /// the order of `grounds` decides.
    #[must_use]
    pub fn reasons(&self, product: &ProductId, grounds: &[GroundKey], used: &BTreeSet<GroundKey>) -> Vec<LiveLine<'b>> {
        let mut order: Vec<&GroundKey> = grounds.iter().collect();
        order.sort_by_key(|ground| (used.contains(ground), !self.wish.emphases.contains(ground)));
        let is_casual = self.tones.iter().all(|tone| tone.is_casual());
        let of_ground = |ground: &&GroundKey| {
            let in_register = |wanted: bool| {
                self.fitting(|kind| {
                    matches!(kind, LineKind::Reason { product: p, ground: g, casual }
                        if p == product && g == *ground && *casual == wanted)
                })
            };
            // A casual text prefers casual lines. Any other text never has one.
            let casual = if is_casual { in_register(true) } else { Vec::new() };
            if casual.is_empty() { in_register(false) } else { casual }
        };
        order.iter().map(of_ground).find(|lines| !lines.is_empty()).unwrap_or_default()
    }

    /// Returns the service messages about `topic`.
    #[must_use]
    pub fn service(&self, topic: ServiceTopic) -> Vec<LiveLine<'b>> {
        self.fitting(|kind| matches!(kind, LineKind::Service { topic: other } if *other == topic))
    }

    /// Returns the openings for service messages.
    #[must_use]
    pub fn service_openings(&self) -> Vec<LiveLine<'b>> {
        self.fitting(|kind| matches!(kind, LineKind::ServiceOpening))
    }

    /// Returns the closings for service messages.
    #[must_use]
    pub fn service_closings(&self) -> Vec<LiveLine<'b>> {
        self.fitting(|kind| matches!(kind, LineKind::ServiceClosing))
    }

    /// Picks one of `lines` for a position in the script, such as `opening`. Returns `None` if there are none.
    #[must_use]
    pub fn pick(&self, place: &str, lines: &[LiveLine<'b>]) -> Option<LiveLine<'b>> {
        self.pick_again(place, 0, lines)
    }

    /// Picks like [`Self::pick`], but skips `attempt` lines, so consecutive attempts return different lines.
    #[must_use]
    pub fn pick_again(&self, place: &str, attempt: usize, lines: &[LiveLine<'b>]) -> Option<LiveLine<'b>> {
        lines.get(number(&self.seed, place).wrapping_add(attempt).checked_rem(lines.len())?).copied()
    }

    /// Returns the live lines that satisfy `fits` and whose tone, if any, is among those of the text. If no such line
    /// exists, returns all live lines that satisfy `fits`.
    fn fitting(&self, fits: impl Fn(&LineKind) -> bool) -> Vec<LiveLine<'b>> {
        let all: Vec<LiveLine<'b>> = self.live.iter().filter(|(line, _)| fits(&line.kind)).copied().collect();
        let has_tone = |tone: Option<Tone>| tone.is_none_or(|tone| self.tones.contains(&tone));
        let in_tone: Vec<LiveLine<'b>> = all.iter().filter(|(line, _)| has_tone(line.tone)).copied().collect();
        if in_tone.is_empty() { all } else { in_tone }
    }
}

/// Returns a number that depends only on the seed and the position in the script.
fn number(seed: &[u8], place: &str) -> usize {
    let [a, b, c, d, ..] = *Digest::of_parts([seed, place.as_bytes()]).as_bytes();
    usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::Timestamp;

    use super::*;
    use crate::Approvals;
    use crate::book::tests::SMALL;

    fn approved(text: &str) -> Phrasebook {
        let mut approvals = Approvals::default();
        for line in Phrasebook::parse(text, "").unwrap().lines() {
            let (line, digest) = (line.id.clone(), line.digest);
            approvals.record(Approval { item: line, digest, by: "reviewer".to_owned(), at: Timestamp::UNIX_EPOCH });
        }
        Phrasebook::parse(text, &approvals.to_csv()).unwrap()
    }

    fn many_openings() -> Phrasebook {
        let opening = |n| format!("[[opening]]\nid = \"more-{n}\"\nadviser = false\ntext = \"Hello number {n}.\"\n");
        let more: Vec<String> = (0..20).map(opening).collect();
        approved(&format!("{SMALL}{}", more.concat()))
    }

    #[test]
    fn selection_is_deterministic_and_uses_all_lines_across_customers() {
        let book = many_openings();
        let mut counts = BTreeMap::<&str, usize>::new();
        for customer in 0..10_000_u32 {
            let selector = Selector::new(&book, UnderstoodWish::default(), &customer.to_be_bytes());
            let (line, _) = selector.pick("opening", &selector.openings(false, false, true)).unwrap();
            assert_eq!(selector.pick("opening", &selector.openings(false, false, true)).unwrap().0.id, line.id);
            *counts.entry(line.id.as_str()).or_default() += 1;
        }
        assert_eq!(counts.len(), 21);
        assert!(counts.values().all(|count| (380..=580).contains(count)), "{counts:?}");
    }

    #[test]
    fn next_attempt_picks_another_line() {
        let book = many_openings();
        let selector = Selector::new(&book, UnderstoodWish::default(), b"1");
        let lines = selector.openings(false, false, true);
        let ids: BTreeSet<&str> =
            (0..lines.len()).map(|n| selector.pick_again("opening", n, &lines).unwrap().0.id.as_str()).collect();
        assert_eq!(ids.len(), lines.len());
    }

    #[test]
    fn unapproved_line_is_never_selected() {
        let book = Phrasebook::parse(SMALL, "").unwrap();
        let selector = Selector::new(&book, UnderstoodWish::default(), b"1");
        assert!(selector.openings(true, false, true).is_empty());
        assert_eq!(selector.pick("opening", &[]), None);
    }

    #[test]
    fn reason_prefers_emphasized_ground_and_avoids_used_ground() {
        let need = "[[reason]]\nid = \"r2\"\nproduct = \"everyday-checking\"\nground = \"need:everyday-banking\"\ntext = \"Paying is simple.\"\n";
        let book = approved(&format!("{SMALL}{need}"));
        let product = ProductId::parse("everyday-checking").unwrap();
        let grounds: Vec<GroundKey> =
            ["spending:groceries", "need:everyday-banking"].map(|text| text.parse().unwrap()).into();
        let pick = |emphases: &[GroundKey], used: &[GroundKey]| {
            let wish = UnderstoodWish { emphases: emphases.to_vec(), ..UnderstoodWish::default() };
            let selector = Selector::new(&book, wish, b"1");
            selector.reasons(&product, &grounds, &used.iter().cloned().collect())[0].0.id.clone()
        };
        assert_eq!(pick(&[], &[]), "r1");
        assert_eq!(pick(&grounds[1..], &[]), "r2");
        assert_eq!(pick(&[], &grounds[..1]), "r2");
    }

    #[test]
    fn wished_tone_is_preferred() {
        let book = many_openings();
        let wish = UnderstoodWish { tones: vec![Tone::Formal], ..UnderstoodWish::default() };
        let selector = Selector::new(&book, wish, b"1");
        assert_eq!(selector.openings(true, false, true).len(), 1, "no opening is formal, so the warm one fits");
    }

    #[test]
    fn lines_of_a_text_agree_in_tone() {
        let closing = |tone| {
            format!("[[closing]]\nid = \"{tone}\"\ntone = \"{tone}\"\nadviser = false\ntext = \"Bye, {tone}.\"\n")
        };
        let opening = |tone| {
            format!("[[opening]]\nid = \"open-{tone}\"\ntone = \"{tone}\"\nadviser = false\ntext = \"Hi, {tone}.\"\n")
        };
        let tones = Tone::ALL.map(Tone::as_str);
        let lines: String = tones.iter().map(|tone| closing(tone) + &opening(tone)).collect();
        let without_o2 =
            SMALL.replacen("adviser = false", "adviser = true", 1).replacen("Here is {bank}", "Here is {adviser}", 1);
        let book = approved(&format!("{without_o2}{lines}"));
        let mut seen = BTreeSet::new();
        for customer in 0..200_u32 {
            let selector = Selector::new(&book, UnderstoodWish::default(), &customer.to_be_bytes());
            let opening = selector.pick("opening", &selector.openings(false, false, true)).unwrap().0.tone;
            assert_eq!(selector.pick("closing", &selector.closings(false, 1)).unwrap().0.tone, opening);
            seen.insert(opening);
        }
        assert_eq!(seen, USUAL_TONES.map(Some).into(), "no text is brief without a wish");
    }

    #[test]
    fn casual_reason_suits_only_a_casual_text() {
        let casual = "[[reason]]\nid = \"r2\"\ncasual = true\nproduct = \"everyday-checking\"\nground = \"spending:groceries\"\ntext = \"It's easy.\"\n";
        let book = approved(&format!("{SMALL}{casual}"));
        let product = ProductId::parse("everyday-checking").unwrap();
        let grounds = ["spending:groceries".parse().unwrap()];
        for (tones, expected) in [
            (vec![Tone::Warm], "r2"),
            (vec![Tone::Lively], "r2"),
            (vec![Tone::Formal], "r1"),
            (vec![Tone::Brief], "r1"),
            (vec![Tone::Warm, Tone::Formal], "r1"),
        ] {
            let wish = UnderstoodWish { tones, ..UnderstoodWish::default() };
            let selector = Selector::new(&book, wish.clone(), b"1");
            let ids: Vec<&str> = selector
                .reasons(&product, &grounds, &BTreeSet::new())
                .iter()
                .map(|(line, _)| line.id.as_str())
                .collect();
            assert_eq!(ids, [expected], "{:?}", wish.tones);
        }
    }
}
