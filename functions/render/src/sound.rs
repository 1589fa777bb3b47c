//! How loud the music is under and between the words.

use contracts::narration::Narration;

/// The music's loudness under speech, relative to it, LU. The demand is 20; the rest is for a loud moment of the music.
const UNDER_SPEECH: f64 = -24.0;
/// The music's loudness where nobody speaks, relative to speech, LU.
const ALONE: f64 = -11.0;
/// Seconds of going down before speech and of coming back after it.
const DOWN: f64 = 0.7;
const UP: f64 = 1.4;
/// Pauses shorter than this stay ducked, seconds: music that comes and goes between sentences is restless.
const PAUSE: f64 = 3.0;

/// When somebody speaks, seconds from the start of the narration, pauses closed.
fn spans(narration: &Narration) -> Vec<(f64, f64)> {
    let mut spans: Vec<(f64, f64)> = Vec::new();
    for sentence in &narration.sentences {
        match spans.last_mut() {
            Some(last) if sentence.start - last.1 < PAUSE => last.1 = last.1.max(sentence.end),
            _ => spans.push((sentence.start, sentence.end)),
        }
    }
    spans
}

/// The music's gain as an expression in `t`, for a narration that starts at `offset` seconds and has `voice` LUFS, and
/// music of `music` LUFS.
#[must_use]
pub fn music_gain(narration: &Narration, offset: f64, voice: f64, music: f64) -> String {
    let factor = |relative: f64| 10_f64.powf((voice + relative - music) / 20.0);
    let (low, high) = (factor(UNDER_SPEECH), factor(ALONE));
    let spans: Vec<String> = spans(narration)
        .iter()
        .map(|(start, end)| {
            let (start, end) = (start + offset, end + offset);
            format!("clip((t-{:.3})/{DOWN},0,1)*clip(({:.3}-t)/{UP},0,1)", start - DOWN, end + UP)
        })
        .collect();
    let ducked = if spans.is_empty() { "0".to_owned() } else { spans.join("+") };
    format!("{high:.5}+({low:.5}-{high:.5})*min(1,{ducked})")
}

#[cfg(test)]
mod tests {
    use contracts::Digest;
    use contracts::narration::{Sentence, Timing};

    use super::*;

    fn narration(times: &[(f64, f64)]) -> Narration {
        let sentence = |&(start, end): &(f64, f64)| Sentence { segment: 0, start, end, words: Vec::new() };
        Narration {
            engine: String::new(),
            voice: String::new(),
            instead_of: Vec::new(),
            first_name_unspoken: false,
            outside: std::collections::BTreeMap::new(),
            timing: Timing::Estimated,
            seconds: 20.0,
            words_per_minute: 140.0,
            loudness: -20.0,
            sentences: times.iter().map(sentence).collect(),
            audio: Digest::of(b""),
        }
    }

    #[test]
    fn music_stays_down_between_sentences() {
        assert_eq!(spans(&narration(&[(0.0, 2.0), (2.6, 5.0), (9.0, 10.0)])), [(0.0, 5.0), (9.0, 10.0)]);
    }

    #[test]
    fn music_is_24_lu_below_the_voice_while_it_speaks() {
        let gain = music_gain(&narration(&[(0.0, 5.0)]), 2.5, -20.0, -20.0);
        // -24 dB and -11 dB as factors.
        assert_eq!(gain, "0.28184+(0.06310-0.28184)*min(1,clip((t-1.800)/0.7,0,1)*clip((8.900-t)/1.4,0,1))");
    }
}
