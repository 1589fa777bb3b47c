//! Divides the spoken words into readable captions (cues).
//!
//! The rules are those of Netflix's timed text guide (English) and the BBC's subtitle guidelines: at most two lines of
//! 42 columns, 5/6 to 7 seconds, at most 20 characters per second, and breaks between phrases. A cue starts with its
//! first word. Dynamic programming finds the division into cues with the lowest total cost.

use contracts::media::CaptionFacts;
use contracts::narration::Narration;
use serde::Serialize;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use crate::font::display_text;

/// The maximum number of columns in a line. A Han character takes two.
pub const MAX_COLUMNS: usize = 42;
/// The minimum duration of a cue in seconds.
pub const MIN_SECONDS: f64 = 5.0 / 6.0;
/// The maximum duration of a cue in seconds.
pub const MAX_SECONDS: f64 = 7.0;
/// The maximum number of characters per second.
pub const MAX_RATE: f64 = 20.0;
/// The time in seconds for which a cue remains visible after its last word if no cue follows.
const HOLD_SECONDS: f64 = 0.4;
/// The minimum gap between two cues, in seconds. A shorter gap is closed, so the box does not flicker.
const MIN_GAP_SECONDS: f64 = 0.35;
/// English and Spanish words that should not end a line, because they belong to the next word.
const NO_LINE_END: [&str; 80] = [
    "a", "an", "the", "and", "or", "but", "nor", "of", "to", "in", "on", "at", "for", "with", "by", "from", "as",
    "than", "into", "about", "per", "if", "that", "which", "who", "whose", "when", "while", "where", "your", "our",
    "its", "their", "his", "her", "my", "this", "these", "those", "each", "every", "no", "is", "are", "be", "was",
    "were", "has", "have", "had", "can", "may", "will", "would", "should", "you", "we", "it", "they", "not", "el",
    "la", "los", "las", "un", "una", "de", "del", "y", "que", "en", "con", "por", "para", "su", "sus", "es", "son",
    "al", "se",
];
/// Titles that precede a name. They end with a period but do not end a sentence.
const TITLES: [&str; 5] = ["Mr.", "Mrs.", "Ms.", "Dr.", "St."];

/// A word, or part of a word that is too long for a line.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Piece {
    /// The displayed text.
    pub text: String,
    /// The start, in seconds from the start of the narration, scene or video.
    pub start: f64,
    /// The end, in seconds from the start of the narration, scene or video.
    pub end: f64,
    /// Whether it continues the previous piece without a space.
    pub glued: bool,
    /// Whether a name continues with the next piece, so no break should follow.
    pub keeps_next: bool,
    /// The index of the piece's sentence.
    pub sentence: usize,
    /// The index of the piece's segment in the script.
    pub segment: usize,
}

/// A line of a cue.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    /// The line's words.
    pub pieces: Vec<Piece>,
}

impl Cue {
    /// Returns the caption shifted by `seconds`.
    #[must_use]
    pub fn later(&self, seconds: f64) -> Self {
        let mut cue = self.clone();
        cue.start += seconds;
        cue.end += seconds;
        for piece in cue.lines.iter_mut().flat_map(|line| &mut line.pieces) {
            piece.start += seconds;
            piece.end += seconds;
        }
        cue
    }
}

impl Line {
    /// Returns the line's text.
    #[must_use]
    pub fn text(&self) -> String {
        joined(&self.pieces)
    }
}

/// One caption.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cue {
    /// The start, in seconds from the start of the narration, scene or video.
    pub start: f64,
    /// The end, in seconds from the start of the narration, scene or video.
    pub end: f64,
    /// One or two lines.
    pub lines: Vec<Line>,
}

/// A cue in a caption file: its times in seconds, and its lines.
pub(crate) struct TimedText {
    pub start: f64,
    pub end: f64,
    pub lines: Vec<String>,
}

/// Measures captions, which must be in the order in which they are displayed.
#[expect(clippy::cast_precision_loss, reason = "characters are few")]
pub(crate) fn facts(cues: &[TimedText]) -> CaptionFacts {
    let seconds = |cue: &TimedText| cue.end - cue.start;
    let rate = |cue: &TimedText| cue.lines.iter().map(|line| line.chars().count()).sum::<usize>() as f64 / seconds(cue);
    let max = |values: &mut dyn Iterator<Item = f64>| values.fold(0.0, f64::max);
    CaptionFacts {
        cues: cues.len(),
        most_lines: cues.iter().map(|cue| cue.lines.len()).max().unwrap_or_default(),
        most_columns: cues.iter().flat_map(|cue| &cue.lines).map(|line| line.width()).max().unwrap_or_default(),
        shortest_seconds: cues.iter().map(seconds).reduce(f64::min).unwrap_or_default(),
        longest_seconds: max(&mut cues.iter().map(seconds)),
        fastest_rate: max(&mut cues.iter().map(rate)),
        sync: None,
        overlapping: cues.windows(2).filter(|pair| pair[1].start < pair[0].end - 1e-3).count(),
    }
}

/// Joins pieces into one string.
fn joined(pieces: &[Piece]) -> String {
    let mut text = String::new();
    for (index, piece) in pieces.iter().enumerate() {
        if index > 0 && !piece.glued {
            text.push(' ');
        }
        text.push_str(&piece.text);
    }
    text
}

/// Counts the columns that pieces take on one line.
fn columns(pieces: &[Piece]) -> usize {
    pieces.iter().enumerate().map(|(i, piece)| piece.text.width() + usize::from(i > 0 && !piece.glued)).sum()
}

/// Splits a word into parts that each fit on a line.
fn split_to_width(word: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    for cluster in word.graphemes(true) {
        if parts.last().is_some_and(|part| !part.is_empty() && part.width() + cluster.width() > MAX_COLUMNS) {
            parts.push(String::new());
        }
        if let Some(part) = parts.last_mut() {
            part.push_str(cluster);
        }
    }
    parts
}

#[expect(clippy::cast_precision_loss, reason = "counts of words and characters are small")]
fn pieces(narration: &Narration, names: &[&str]) -> Vec<Piece> {
    let mut all: Vec<Piece> = Vec::new();
    let mut now = 0.0_f64;
    for (index, sentence) in narration.sentences.iter().enumerate() {
        for word in &sentence.words {
            let text = display_text(&word.text);
            let cut: Vec<(String, bool)> = text
                .split(' ')
                .filter(|word| !word.is_empty())
                .flat_map(|word| split_to_width(word).into_iter().enumerate().map(|(i, part)| (part, i > 0)))
                .collect();
            // Keep the times monotonic, even if the engine's times are not.
            let start = if word.start.is_finite() { word.start.max(now) } else { now };
            let end = if word.end.is_finite() { word.end.max(start) } else { start };
            let step = (end - start) / cut.len().max(1) as f64;
            for (i, (text, glued)) in cut.into_iter().enumerate() {
                let start = start + step * i as f64;
                all.push(Piece {
                    text,
                    start,
                    end: start + step,
                    glued,
                    keeps_next: false,
                    sentence: index,
                    segment: sentence.segment,
                });
            }
            now = start;
        }
    }
    for name in names {
        keep_together(&mut all, name);
    }
    all
}

/// Marks every occurrence of a name, so it is not broken across lines.
fn keep_together(pieces: &mut [Piece], name: &str) {
    let name = display_text(name);
    let words: Vec<String> = name.split(' ').map(bare_word).filter(|word| !word.is_empty()).collect();
    if words.len() < 2 {
        return;
    }
    let found: Vec<String> = pieces.iter().map(|piece| bare_word(&piece.text)).collect();
    for start in (0..found.len()).filter(|start| found[*start..].starts_with(&words)) {
        for piece in &mut pieces[start..start + words.len() - 1] {
            piece.keeps_next = true;
        }
    }
}

/// Returns a word in lowercase without surrounding punctuation and without a possessive ending.
fn bare_word(word: &str) -> String {
    let word = word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    word.strip_suffix("'s").or(word.strip_suffix("’s")).unwrap_or(&word).to_owned()
}

/// Returns whether a piece belongs to the next one, as an article does.
fn leans_on_next(piece: &Piece) -> bool {
    TITLES.contains(&piece.text.as_str()) || NO_LINE_END.contains(&piece.text.to_lowercase().as_str())
}

/// Returns the cost of a break after the last piece in `pieces`.
fn break_cost(pieces: &[Piece]) -> f64 {
    let Some((piece, before)) = pieces.split_last() else { return 0.0 };
    if piece.keeps_next {
        return 300.0;
    }
    if leans_on_next(piece) {
        let two = before.last().is_some_and(leans_on_next);
        return if two { 150.0 } else { 90.0 };
    }
    let text = piece.text.trim_end_matches(['"', '\'', '”', '’', ')']);
    if text.ends_with(['.', '!', '?', '…', '。', '！', '？']) {
        0.0
    } else if text.ends_with([',', ';', ':', '—', '–', '，', '、']) {
        5.0
    } else {
        30.0
    }
}

/// Finds the best way to arrange pieces on one or two lines. Returns the index at which the second line starts, and the
/// cost. Returns `None` if the pieces do not fit.
#[expect(clippy::cast_precision_loss, reason = "columns are small")]
fn best_lines(pieces: &[Piece]) -> Option<(usize, f64)> {
    if columns(pieces) <= MAX_COLUMNS {
        return Some((pieces.len(), 0.0));
    }
    let cost = |at: usize| {
        let first = columns(&pieces[..at]);
        let second = columns(&pieces[at..]);
        let fits = first <= MAX_COLUMNS && second <= MAX_COLUMNS;
        let uneven = first.abs_diff(second) as f64 * 0.4 + if first > second { 2.0 } else { 0.0 };
        let last = &pieces[at - 1];
        // Within a phrase, a line break costs as much as a break between two cues. Other line breaks cost less.
        let weight = if last.keeps_next || leans_on_next(last) { 1.0 } else { 0.4 };
        fits.then(|| 6.0 + uneven + break_cost(&pieces[..at]) * weight)
    };
    let options = (1..pieces.len()).filter_map(|at| cost(at).map(|cost| (at, cost)));
    options.min_by(|a, b| a.1.total_cmp(&b.1))
}

/// Returns when a cue with these pieces ends, in seconds, if the next cue starts at `next`.
#[expect(clippy::cast_precision_loss, reason = "characters are few")]
fn cue_end(pieces: &[Piece], next: f64) -> f64 {
    let start = pieces[0].start;
    let last = pieces[pieces.len() - 1].end;
    let to_read = start + joined(pieces).chars().count() as f64 / MAX_RATE;
    let end = (last + HOLD_SECONDS).max(start + MIN_SECONDS).max(to_read);
    let end = if next - end < MIN_GAP_SECONDS { next } else { end };
    end.min(next).min(start + MAX_SECONDS)
}

/// Returns the cost of a cue with these pieces if the next cue starts at `next`. Returns `None` if they do not fit.
#[expect(clippy::cast_precision_loss, reason = "characters are few")]
fn cue_cost(pieces: &[Piece], next: f64) -> Option<f64> {
    let (_, line_cost) = best_lines(pieces)?;
    let seconds = cue_end(pieces, next) - pieces[0].start;
    let spoken = pieces[pieces.len() - 1].end - pieces[0].start;
    let characters = joined(pieces).chars().count() as f64;
    let mut cost = 12.0 + line_cost + break_cost(pieces);
    if spoken > MAX_SECONDS {
        cost += 1000.0 * (1.0 + spoken - MAX_SECONDS);
    }
    if seconds < MIN_SECONDS - 1e-9 {
        cost += 900.0;
    }
    if characters > seconds * MAX_RATE + 1e-6 {
        cost += 600.0 + characters - seconds * MAX_RATE;
    }
    if characters < 14.0 {
        cost += 15.0;
    }
    for pair in pieces.windows(2) {
        if pair[0].segment != pair[1].segment {
            cost += 400.0;
        } else if pair[0].sentence != pair[1].sentence {
            cost += 40.0;
        }
        // A long pause belongs between two cues, not inside one.
        cost += 60.0 * (pair[1].start - pair[0].end - 0.6).clamp(0.0, 3.0);
    }
    Some(cost)
}

/// Divides the narration into cues. Keeps each of `names` on one line if it fits.
#[must_use]
pub fn cues(narration: &Narration, names: &[&str]) -> Vec<Cue> {
    let pieces = pieces(narration, names);
    let next_start = |index: usize| {
        let last = pieces.last().map_or(0.0, |piece| piece.end);
        pieces.get(index).map_or(last.max(narration.seconds), |piece| piece.start)
    };
    // best[i]: the lowest cost of all cues before piece i, and the first piece of the last of these cues.
    let mut best: Vec<(f64, usize)> = vec![(0.0, 0)];
    for end in 1..=pieces.len() {
        let mut choice = (f64::INFINITY, end - 1);
        for start in (0..end).rev() {
            let Some(cost) = cue_cost(&pieces[start..end], next_start(end)) else { break };
            if best[start].0 + cost < choice.0 {
                choice = (best[start].0 + cost, start);
            }
        }
        best.push(choice);
    }
    let mut cuts = Vec::new();
    let mut end = pieces.len();
    while end > 0 {
        cuts.push((best[end].1, end));
        end = best[end].1;
    }
    cuts.reverse();
    let divided = cuts.into_iter().map(|(start, end)| {
        let part = &pieces[start..end];
        let second = best_lines(part).map_or(part.len(), |(at, _)| at);
        let split = [&part[..second], &part[second..]];
        let lines = split.into_iter().filter(|l| !l.is_empty()).map(|l| Line { pieces: l.to_vec() }).collect();
        Cue { start: part[0].start, end: cue_end(part, next_start(end)), lines }
    });
    divided.collect()
}

#[cfg(test)]
#[expect(clippy::cast_precision_loss, reason = "characters are few")]
mod tests {
    use contracts::Digest;
    use contracts::narration::{Sentence, Sharing, Timing, Word};
    use proptest::prelude::*;

    use super::*;

    /// Builds a narration at `rate` characters per second, with `pause` seconds between sentences.
    fn narration(sentences: &[&str], rate: f64, pause: f64) -> Narration {
        let mut now = 0.0;
        let mut all = Vec::new();
        for (segment, sentence) in sentences.iter().enumerate() {
            let start = now;
            let words = sentence.split_whitespace().map(|text| {
                let begin = now;
                now += (text.chars().count() + 1) as f64 / rate;
                Word { text: text.to_owned(), start: begin, end: now }
            });
            let words: Vec<Word> = words.collect();
            all.push(Sentence { segment, start, end: now, words, sharing: Sharing::Personal });
            now += pause;
        }
        Narration {
            engine: "test".to_owned(),
            voice: "test".to_owned(),
            instead_of: Vec::new(),
            first_name_unspoken: false,
            outside: std::collections::BTreeMap::new(),
            timing: Timing::Exact,
            seconds: now,
            words_per_minute: 140.0,
            loudness: -20.0,
            sentences: all,
            audio: Digest::of(b""),
        }
    }

    fn check_structure(cues: &[Cue]) {
        for cue in cues {
            assert!((1..=2).contains(&cue.lines.len()), "{cue:?}");
            assert!(cue.lines.iter().all(|line| columns(&line.pieces) <= MAX_COLUMNS), "{cue:?}");
            assert!(cue.end - cue.start <= MAX_SECONDS + 1e-6, "{cue:?}");
            assert!((cue.start - cue.lines[0].pieces[0].start).abs() < 0.1, "{cue:?}");
        }
        assert!(cues.windows(2).all(|pair| pair[0].end <= pair[1].start + 1e-9), "{cues:?}");
    }

    fn check_times(cues: &[Cue]) {
        for cue in cues {
            let seconds = cue.end - cue.start;
            let characters: usize = cue.lines.iter().map(|line| line.text().chars().count()).sum();
            assert!(seconds >= MIN_SECONDS - 1e-6, "{cue:?}");
            assert!(characters as f64 <= seconds * MAX_RATE + 1e-6, "{cue:?}");
        }
    }

    fn texts(cues: &[Cue]) -> Vec<String> {
        cues.iter().map(|cue| cue.lines.iter().map(Line::text).collect::<Vec<_>>().join(" / ")).collect()
    }

    #[test]
    fn sentence_is_broken_at_commas() {
        let text = "Because you travel often, a card that gives something back on every trip may suit you well, \
                    and there is no fee abroad.";
        let cues = cues(&narration(&[text], 14.0, 0.3), &[]);
        check_structure(&cues);
        check_times(&cues);
        assert!(texts(&cues).iter().all(|text| text.ends_with([',', '.'])), "{:?}", texts(&cues));
    }

    #[test]
    fn names_stay_on_one_line() {
        let names = ["Meridian Bank", "Meridian Travel Rewards Card", "Mary Ann"];
        let text = "Hello Mary Ann, if you think about it for a while, the new Meridian Travel Rewards Card's benefits are \
                    yours, and Meridian Bank would be glad to tell you much more about all of it on the way.";
        // Moves the names through all positions in a line.
        for shift in 0..40 {
            let text = format!("{} {text}", "o".repeat(shift + 1));
            let cues = cues(&narration(&[&text], 14.0, 0.3), &names);
            check_structure(&cues);
            let lines: Vec<String> = cues.iter().flat_map(|cue| &cue.lines).map(Line::text).collect();
            for name in names {
                assert!(lines.iter().any(|line| line.contains(name)), "{name}: {lines:#?}");
            }
        }
    }

    #[test]
    fn name_longer_than_a_line_is_broken() {
        let name = "Meridian Premier Everyday Interest Checking and Family Savings Account";
        let cues = cues(&narration(&[&format!("The {name} is here.")], 14.0, 0.3), &[name]);
        check_structure(&cues);
        assert!(texts(&cues).join(" ").replace(" / ", " ").contains(name), "{:?}", texts(&cues));
    }

    #[test]
    fn lines_do_not_end_with_articles() {
        let text = "One thing to know is a card that pays you back, which is a good way to save on a trip, and there is a \
                    second card for the days when you stay at home and just want to put a little money to the side";
        for shift in 0..40 {
            let text = format!("{} {text}.", "o".repeat(shift + 1));
            let cues = cues(&narration(&[&text], 14.0, 0.3), &[]);
            for line in cues.iter().flat_map(|cue| &cue.lines).map(Line::text) {
                let last = line.rsplit(' ').next().unwrap_or_default();
                assert!(!["a", "the", "is"].contains(&last), "{:#?}", texts(&cues));
            }
        }
    }

    #[test]
    fn short_sentences_stay_readable() {
        let cues =
            cues(&narration(&["Hello José.", "Here is what may suit you.", "Yes.", "Thank you."], 14.0, 0.0), &[]);
        check_structure(&cues);
        check_times(&cues);
    }

    #[test]
    fn long_word_is_split_without_losing_characters() {
        let long = "Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichenverordnung";
        let cues = cues(&narration(&[&format!("The {long} is here.")], 14.0, 0.3), &[]);
        check_structure(&cues);
        let text: String = texts(&cues).join(" ").replace(" / ", "");
        assert!(text.replace(' ', "").contains(long), "{text}");
    }

    #[test]
    fn han_characters_take_two_columns() {
        let cues = cues(&narration(&[&"李".repeat(60)], 5.0, 0.3), &[]);
        check_structure(&cues);
        assert!(cues.iter().flat_map(|cue| &cue.lines).all(|line| line.text().chars().count() <= 21));
    }

    #[test]
    fn empty_narration_has_no_cues() {
        assert!(cues(&narration(&[], 14.0, 0.3), &[]).is_empty());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn ordinary_speech_satisfies_every_rule(
            sentences in prop::collection::vec(prop::collection::vec("[a-z]{1,12}[,]?", 2..24), 1..6),
            rate in 9.0..16.0_f64,
            pause in 0.15..0.8_f64,
        ) {
            let texts: Vec<String> = sentences.iter().map(|words| format!("{}.", words.join(" "))).collect();
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            let cues = cues(&narration(&texts, rate, pause), &[]);
            check_structure(&cues);
            check_times(&cues);
        }

        #[test]
        fn cues_contain_all_words_in_order(
            sentence in "\\PC{1,200}",
            rate in 0.5..400.0_f64,
        ) {
            let cues = cues(&narration(&[&sentence], rate, 0.0), &[]);
            check_structure(&cues);
            let kept: String = cues.iter().flat_map(|c| &c.lines).flat_map(|l| &l.pieces).map(|p| p.text.as_str()).collect();
            prop_assert_eq!(kept, display_text(&sentence).replace(' ', ""));
        }
    }
}
