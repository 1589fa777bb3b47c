//! Captions: the spoken words cut into cues that can be read.
//!
//! The rules are those of Netflix's timed text guide (English) and the BBC's subtitle guidelines: at most two lines of 42
//! columns, 5/6 to 7 seconds, at most 20 characters a second, broken where the sentence breathes. A cue starts with its
//! first word. Of all ways to cut the narration, the one with the least sum of costs is taken, by dynamic programming.

use contracts::media::CaptionFacts;
use contracts::narration::Narration;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use crate::font::shown;

/// The most columns of a line; a Han character takes two.
pub const MAX_COLUMNS: usize = 42;
/// The least time of a cue, seconds.
pub const MIN_SECONDS: f64 = 5.0 / 6.0;
/// The most time of a cue, seconds.
pub const MAX_SECONDS: f64 = 7.0;
/// The most characters a second.
pub const MAX_RATE: f64 = 20.0;
/// How long a cue stays after its last word if nothing follows, seconds.
const HOLD: f64 = 0.4;
/// A pause shorter than this between two cues is closed, so that the box does not flicker, seconds.
const FLICKER: f64 = 0.35;
/// Words that should not end a line: what they belong to follows.
const LEANING: [&str; 34] = [
    "a", "an", "the", "and", "or", "but", "of", "to", "in", "on", "at", "for", "with", "by", "from", "as", "that",
    "which", "who", "your", "our", "its", "this", "these", "is", "are", "be", "can", "may", "will", "you", "we", "it",
    "not",
];

/// A word, or a part of one that is too long for a line.
#[derive(Clone, Debug, PartialEq)]
pub struct Piece {
    /// As shown.
    pub text: String,
    /// Seconds from the start of the narration.
    pub start: f64,
    /// Seconds from the start of the narration.
    pub end: f64,
    /// Whether it continues the piece before it without a space.
    pub glued: bool,
    /// The index of its sentence.
    pub sentence: usize,
    /// The index of its segment in the script.
    pub segment: usize,
}

/// A line of a cue.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Its words.
    pub pieces: Vec<Piece>,
}

impl Line {
    /// The line's text.
    #[must_use]
    pub fn text(&self) -> String {
        joined(&self.pieces)
    }
}

/// A caption.
#[derive(Clone, Debug, PartialEq)]
pub struct Cue {
    /// Seconds from the start of the narration.
    pub start: f64,
    /// Seconds from the start of the narration.
    pub end: f64,
    /// One or two lines.
    pub lines: Vec<Line>,
}

/// A caption as it is read: its times in seconds, and its lines.
pub(crate) struct Read {
    pub start: f64,
    pub end: f64,
    pub lines: Vec<String>,
}

/// Measures captions, in the order in which they are shown.
#[expect(clippy::cast_precision_loss, reason = "characters are few")]
pub(crate) fn facts(cues: &[Read]) -> CaptionFacts {
    let seconds = |cue: &Read| cue.end - cue.start;
    let rate = |cue: &Read| cue.lines.iter().map(|line| line.chars().count()).sum::<usize>() as f64 / seconds(cue);
    let most = |figures: &mut dyn Iterator<Item = f64>| figures.fold(0.0, f64::max);
    CaptionFacts {
        cues: cues.len(),
        most_lines: cues.iter().map(|cue| cue.lines.len()).max().unwrap_or_default(),
        most_columns: cues.iter().flat_map(|cue| &cue.lines).map(|line| line.width()).max().unwrap_or_default(),
        shortest_seconds: cues.iter().map(seconds).reduce(f64::min).unwrap_or_default(),
        longest_seconds: most(&mut cues.iter().map(seconds)),
        fastest_rate: most(&mut cues.iter().map(rate)),
        sync: None,
        overlapping: cues.windows(2).filter(|pair| pair[1].start < pair[0].end - 1e-3).count(),
    }
}

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

fn columns(pieces: &[Piece]) -> usize {
    pieces.iter().enumerate().map(|(i, piece)| piece.text.width() + usize::from(i > 0 && !piece.glued)).sum()
}

/// Cuts a word into parts of at most a line.
fn parts(word: &str) -> Vec<String> {
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
fn pieces(narration: &Narration) -> Vec<Piece> {
    let mut all: Vec<Piece> = Vec::new();
    let mut now = 0.0_f64;
    for (index, sentence) in narration.sentences.iter().enumerate() {
        for word in &sentence.words {
            let text = shown(&word.text);
            let cut: Vec<(String, bool)> = text
                .split(' ')
                .filter(|word| !word.is_empty())
                .flat_map(|word| parts(word).into_iter().enumerate().map(|(i, part)| (part, i > 0)))
                .collect();
            // Times never run backwards, whatever the engine said.
            let start = if word.start.is_finite() { word.start.max(now) } else { now };
            let end = if word.end.is_finite() { word.end.max(start) } else { start };
            let step = (end - start) / cut.len().max(1) as f64;
            for (i, (text, glued)) in cut.into_iter().enumerate() {
                let start = start + step * i as f64;
                all.push(Piece { text, start, end: start + step, glued, sentence: index, segment: sentence.segment });
            }
            now = start;
        }
    }
    all
}

/// What it costs to break after `piece`.
fn break_cost(piece: &Piece) -> f64 {
    let text = piece.text.trim_end_matches(['"', '\'', '”', '’', ')']);
    if text.ends_with(['.', '!', '?', '…', '。', '！', '？']) {
        0.0
    } else if text.ends_with([',', ';', ':', '—', '–', '，', '、']) {
        5.0
    } else if LEANING.contains(&text.to_lowercase().as_str()) {
        55.0
    } else {
        30.0
    }
}

/// The best way to put pieces on one or two lines: where the second starts, and what it costs.
#[expect(clippy::cast_precision_loss, reason = "columns are small")]
fn lines(pieces: &[Piece]) -> Option<(usize, f64)> {
    if columns(pieces) <= MAX_COLUMNS {
        return Some((pieces.len(), 0.0));
    }
    let cost = |at: usize| {
        let (first, second) = (columns(&pieces[..at]), columns(&pieces[at..]));
        let fits = first <= MAX_COLUMNS && second <= MAX_COLUMNS;
        let uneven = first.abs_diff(second) as f64 * 0.4 + if first > second { 2.0 } else { 0.0 };
        fits.then(|| 6.0 + uneven + break_cost(&pieces[at - 1]) * 0.4)
    };
    let options = (1..pieces.len()).filter_map(|at| cost(at).map(|cost| (at, cost)));
    options.min_by(|a, b| a.1.total_cmp(&b.1))
}

/// When a cue of these pieces ends, if the next one starts at `next`.
#[expect(clippy::cast_precision_loss, reason = "characters are few")]
fn end_of(pieces: &[Piece], next: f64) -> f64 {
    let (start, last) = (pieces[0].start, pieces[pieces.len() - 1].end);
    let to_read = start + joined(pieces).chars().count() as f64 / MAX_RATE;
    let end = (last + HOLD).max(start + MIN_SECONDS).max(to_read);
    let end = if next - end < FLICKER { next } else { end };
    end.min(next).min(start + MAX_SECONDS)
}

#[expect(clippy::cast_precision_loss, reason = "characters are few")]
fn cue_cost(pieces: &[Piece], next: f64) -> Option<f64> {
    let (_, line_cost) = lines(pieces)?;
    let seconds = end_of(pieces, next) - pieces[0].start;
    let spoken = pieces[pieces.len() - 1].end - pieces[0].start;
    let characters = joined(pieces).chars().count() as f64;
    let mut cost = 12.0 + line_cost + break_cost(&pieces[pieces.len() - 1]);
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
        // A long pause belongs between cues, not into one.
        cost += 60.0 * (pair[1].start - pair[0].end - 0.6).clamp(0.0, 3.0);
    }
    Some(cost)
}

/// Cuts the narration into cues.
#[must_use]
pub fn cues(narration: &Narration) -> Vec<Cue> {
    let pieces = pieces(narration);
    let after = |index: usize| {
        let last = pieces.last().map_or(0.0, |piece| piece.end);
        // After the narration the picture stands for a moment, before the end card comes.
        pieces.get(index).map_or(last.max(narration.seconds) + HOLD, |piece| piece.start)
    };
    // best[i]: the least cost of all cues before piece i, and where the last of them starts.
    let mut best: Vec<(f64, usize)> = vec![(0.0, 0)];
    for end in 1..=pieces.len() {
        let mut choice = (f64::INFINITY, end - 1);
        for start in (0..end).rev() {
            let Some(cost) = cue_cost(&pieces[start..end], after(end)) else { break };
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
    let made = cuts.into_iter().map(|(start, end)| {
        let part = &pieces[start..end];
        let second = lines(part).map_or(part.len(), |(at, _)| at);
        let split = [&part[..second], &part[second..]];
        let lines = split.into_iter().filter(|l| !l.is_empty()).map(|l| Line { pieces: l.to_vec() }).collect();
        Cue { start: part[0].start, end: end_of(part, after(end)), lines }
    });
    made.collect()
}

#[cfg(test)]
#[expect(clippy::cast_precision_loss, reason = "characters are few")]
mod tests {
    use contracts::Digest;
    use contracts::narration::{Sentence, Timing, Word};
    use proptest::prelude::*;

    use super::*;

    /// Sentences spoken at `rate` characters a second, with `pause` seconds between them.
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
            all.push(Sentence { segment, start, end: now, words });
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

    fn lint(cues: &[Cue]) {
        for cue in cues {
            assert!((1..=2).contains(&cue.lines.len()), "{cue:?}");
            assert!(cue.lines.iter().all(|line| columns(&line.pieces) <= MAX_COLUMNS), "{cue:?}");
            assert!(cue.end - cue.start <= MAX_SECONDS + 1e-6, "{cue:?}");
            assert!((cue.start - cue.lines[0].pieces[0].start).abs() < 0.1, "{cue:?}");
        }
        assert!(cues.windows(2).all(|pair| pair[0].end <= pair[1].start + 1e-9), "{cues:?}");
    }

    fn lint_times(cues: &[Cue]) {
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
    fn a_sentence_is_broken_where_it_breathes() {
        let text = "Because you travel often, a card that gives something back on every trip may suit you well, \
                    and there is no fee abroad.";
        let cues = cues(&narration(&[text], 14.0, 0.3));
        lint(&cues);
        lint_times(&cues);
        assert!(texts(&cues).iter().all(|text| text.ends_with([',', '.'])), "{:?}", texts(&cues));
    }

    #[test]
    fn a_short_sentence_is_not_flashed() {
        let cues = cues(&narration(&["Hello José.", "Here is what may suit you.", "Yes.", "Thank you."], 14.0, 0.0));
        lint(&cues);
        lint_times(&cues);
    }

    #[test]
    fn a_word_longer_than_a_line_is_cut_and_nothing_is_lost() {
        let long = "Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichenverordnung";
        let cues = cues(&narration(&[&format!("The {long} is here.")], 14.0, 0.3));
        lint(&cues);
        let text: String = texts(&cues).join(" ").replace(" / ", "");
        assert!(text.replace(' ', "").contains(long), "{text}");
    }

    #[test]
    fn han_characters_count_two_columns() {
        let cues = cues(&narration(&[&"李".repeat(60)], 5.0, 0.3));
        lint(&cues);
        assert!(cues.iter().flat_map(|cue| &cue.lines).all(|line| line.text().chars().count() <= 21));
    }

    #[test]
    fn nothing_spoken_gives_no_cue() {
        assert!(cues(&narration(&[], 14.0, 0.3)).is_empty());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn speech_at_an_ordinary_rate_keeps_every_rule(
            sentences in prop::collection::vec(prop::collection::vec("[a-z]{1,12}[,]?", 2..24), 1..6),
            rate in 9.0..16.0_f64,
            pause in 0.15..0.8_f64,
        ) {
            let texts: Vec<String> = sentences.iter().map(|words| format!("{}.", words.join(" "))).collect();
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            let cues = cues(&narration(&texts, rate, pause));
            lint(&cues);
            lint_times(&cues);
        }

        #[test]
        fn any_text_at_any_rate_keeps_its_words_and_its_order(
            sentence in "\\PC{1,200}",
            rate in 0.5..400.0_f64,
        ) {
            let cues = cues(&narration(&[&sentence], rate, 0.0));
            lint(&cues);
            let kept: String = cues.iter().flat_map(|c| &c.lines).flat_map(|l| &l.pieces).map(|p| p.text.as_str()).collect();
            prop_assert_eq!(kept, shown(&sentence).replace(' ', ""));
        }
    }
}
