//! The caption file: WebVTT (W3C), with the same cues as the video image.

use std::fmt::Write;

use crate::captions::{Cue, TimedText};

/// Formats seconds as `HH:MM:SS.mmm`.
fn stamp(seconds: f64) -> String {
    let millis = std::time::Duration::from_secs_f64(seconds.max(0.0) + 0.0005).as_millis();
    format!("{:02}:{:02}:{:02}.{:03}", millis / 3_600_000, millis / 60_000 % 60, millis / 1000 % 60, millis % 1000)
}

fn escape(text: &str) -> String {
    // `>` is escaped too, so text cannot contain the arrow of a timing line.
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Writes the cues as WebVTT.
#[must_use]
pub fn document(cues: &[Cue]) -> String {
    let mut text = String::from("WEBVTT\n");
    for (index, cue) in cues.iter().enumerate() {
        let lines: Vec<String> = cue.lines.iter().map(|line| escape(&line.text())).collect();
        let start = stamp(cue.start);
        let end = stamp(cue.end);
        let _ = write!(text, "\n{}\n{start} --> {end}\n{}\n", index + 1, lines.join("\n"));
    }
    text
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
        let text = document(&[cue("Hello.", 2.6, 3.75)]);
        assert_eq!(text, "WEBVTT\n\n1\n00:00:02.600 --> 00:00:03.750\nHello.\n");
    }

    #[test]
    fn markup_and_arrows_are_escaped() {
        let text = document(&[cue("<b>&amp;</b> --> x", 0.0, 3661.5)]);
        assert!(text.contains("&lt;b&gt;&amp;amp;&lt;/b&gt; --&gt; x"), "{text}");
        assert!(text.contains("01:01:01.500"), "{text}");
    }
}
