//! The caption file: WebVTT (W3C), with the cues of the video image and those of the end card, which shows its words itself.

use std::fmt::Write;

use crate::captions::{Cue, TimedText};

/// Formats seconds as `HH:MM:SS.mmm`.
fn stamp(seconds: f64) -> String {
    let millis = std::time::Duration::from_secs_f64(seconds.max(0.0) + 0.0005).as_millis();
    format!("{:02}:{:02}:{:02}.{:03}", millis / 3_600_000, millis / 60_000 % 60, millis / 1000 % 60, millis % 1000)
}

/// The comment before the captions of the end card. They are not part of the image.
const END_CARD: &str = "NOTE The end card shows the words of the following captions.";

fn escape(text: &str) -> String {
    // `>` is escaped too, so text cannot contain the arrow of a timing line.
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Writes the cues as WebVTT. `end_card` is the start of the end card in seconds.
#[must_use]
pub fn document(cues: &[Cue], end_card: f64) -> String {
    let mut text = String::from("WEBVTT\n");
    let first_of_card = cues.iter().position(|cue| cue.start >= end_card);
    for (index, cue) in cues.iter().enumerate() {
        if first_of_card == Some(index) {
            let _ = write!(text, "\n{END_CARD}\n");
        }
        let lines: Vec<String> = cue.lines.iter().map(|line| escape(&line.text())).collect();
        let start = stamp(cue.start);
        let end = stamp(cue.end);
        let _ = write!(text, "\n{}\n{start} --> {end}\n{}\n", index + 1, lines.join("\n"));
    }
    text
}

/// Reads the cues that the image shows: all except those of the end card.
pub(crate) fn read_of_image(text: &str) -> Vec<TimedText> {
    read(text.split(END_CARD).next().unwrap_or_default())
}

/// Reads the times and lines in a caption file. Skips blocks that are not cues. Markup within a line counts as text,
/// because Bespoke never writes any.
pub(crate) fn read(text: &str) -> Vec<TimedText> {
    let seconds = |stamp: &str| -> Option<f64> {
        stamp.trim().split(':').try_fold(0.0, |sum, part| Some(sum * 60.0 + part.parse::<f64>().ok()?))
    };
    let unescaped = |line: &str| line.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    let text = text.replace("\r\n", "\n");
    let blocks = text.split("\n\n").filter_map(|block| {
        let mut lines = block.lines().skip_while(|line| !line.contains(" --> "));
        let (start, rest) = lines.next()?.split_once(" --> ")?;
        let end = rest.split_whitespace().next()?;
        Some(TimedText { start: seconds(start)?, end: seconds(end)?, lines: lines.map(unescaped).collect() })
    });
    blocks.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::captions::{Line, Piece};

    fn cue(text: &str, start: f64, end: f64) -> Cue {
        let piece =
            Piece { text: text.to_owned(), start, end, glued: false, keeps_next: false, sentence: 0, segment: 0 };
        Cue { start, end, lines: vec![Line { pieces: vec![piece] }] }
    }

    #[test]
    fn cues_use_the_time_of_the_video() {
        let text = document(&[cue("Hello.", 2.6, 3.75)], 9.0);
        assert_eq!(text, "WEBVTT\n\n1\n00:00:02.600 --> 00:00:03.750\nHello.\n");
    }

    #[test]
    fn markup_and_arrows_are_escaped() {
        let text = document(&[cue("<b>&amp;</b> --> x", 0.0, 3661.5)], 9.0);
        assert!(text.contains("&lt;b&gt;&amp;amp;&lt;/b&gt; --&gt; x"), "{text}");
        assert!(text.contains("01:01:01.500"), "{text}");
    }

    #[test]
    fn image_lacks_the_captions_of_the_end_card() {
        let text = document(&[cue("Goodbye.", 2.0, 3.0), cue("Terms apply.", 9.0, 11.0)], 9.0);
        let starts = |cues: Vec<TimedText>| cues.iter().map(|cue| cue.start).collect::<Vec<_>>();
        assert_eq!((starts(read(&text)), starts(read_of_image(&text))), (vec![2.0, 9.0], vec![2.0]), "{text}");
    }
}
