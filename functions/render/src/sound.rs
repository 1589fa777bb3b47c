//! The choice of the music, and its loudness under speech and between sentences.

use contracts::brand::Brand;
use contracts::narration::Narration;
use contracts::script::{Script, WrittenBy};
use contracts::tone::Tone;

/// The music's loudness under speech, relative to the speech, in LU: audible in pauses, but far below the words.
const UNDER_SPEECH: f64 = -15.0;
/// The music's loudness without speech, relative to the speech, in LU. In a video at -16 LUFS, this is -20 LUFS.
const ALONE: f64 = -4.0;
/// The duration, in seconds, of the music's fade before speech.
const FADE_DOWN: f64 = 0.7;
/// The duration, in seconds, of the music's return after speech.
const FADE_UP: f64 = 1.4;
/// The minimum pause, in seconds, in which the music returns. Music that swells between sentences is distracting.
const MIN_PAUSE: f64 = 3.0;

/// Returns the brand's music for the tone in which the letter was requested. A service message may concern trouble, so it
/// always has the brand's default music.
#[must_use]
pub fn music_of<'a>(brand: &'a Brand, script: &Script) -> &'a str {
    let wish = match &script.written_by {
        WrittenBy::Phrases { wish, .. } if !script.offers.is_empty() => wish.tones.first(),
        _ => None,
    };
    let tone = Tone::ALL.into_iter().find(|tone| wish.is_some_and(|wish| wish == tone.as_str()));
    tone.and_then(|tone| brand.moods.get(&tone)).unwrap_or(&brand.music)
}

/// Returns the spans of speech, in seconds from the start of the narration, with short pauses closed.
fn speech_spans(narration: &Narration) -> Vec<(f64, f64)> {
    let mut spans: Vec<(f64, f64)> = Vec::new();
    for sentence in &narration.sentences {
        match spans.last_mut() {
            Some(last) if sentence.start - last.1 < MIN_PAUSE => last.1 = last.1.max(sentence.end),
            _ => spans.push((sentence.start, sentence.end)),
        }
    }
    spans
}

/// Returns the music's gain as an ffmpeg expression in `t`. The narration starts at `offset` seconds. `voice` and
/// `music` are their loudness in LUFS.
#[must_use]
pub fn music_gain(narration: &Narration, offset: f64, voice: f64, music: f64) -> String {
    let factor = |relative: f64| 10_f64.powf((voice + relative - music) / 20.0);
    let low = factor(UNDER_SPEECH);
    let high = factor(ALONE);
    let spans: Vec<String> = speech_spans(narration)
        .iter()
        .map(|(start, end)| {
            let start = start + offset;
            let end = end + offset;
            format!("clip((t-{:.3})/{FADE_DOWN},0,1)*clip(({:.3}-t)/{FADE_UP},0,1)", start - FADE_DOWN, end + FADE_UP)
        })
        .collect();
    let ducked = if spans.is_empty() { "0".to_owned() } else { spans.join("+") };
    format!("{high:.5}+({low:.5}-{high:.5})*min(1,{ducked})")
}

#[cfg(test)]
mod tests {
    use contracts::Digest;
    use contracts::narration::{Sentence, Sharing, Timing};

    use super::*;

    fn narration(times: &[(f64, f64)]) -> Narration {
        let sentence = |&(start, end): &(f64, f64)| Sentence {
            segment: 0,
            start,
            end,
            words: Vec::new(),
            sharing: Sharing::Personal,
        };
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
    fn music_stays_ducked_in_short_pauses() {
        assert_eq!(speech_spans(&narration(&[(0.0, 2.0), (2.6, 5.0), (9.0, 10.0)])), [(0.0, 5.0), (9.0, 10.0)]);
    }

    #[test]
    fn tone_of_the_letter_picks_the_music() {
        let brand = Brand::from_toml(include_str!("../../../assets/brand.toml")).unwrap();
        let catalogue = include_bytes!("../../../data/catalogue.json");
        let catalogue = contracts::catalogue::Catalogue::from_json(catalogue).unwrap();
        let products: Vec<_> = catalogue.products().iter().take(1).collect();
        let music = |offers: usize, tones: &[&str]| {
            let customer = crate::preview::SampleCustomer::default();
            let mut script = crate::preview::sample_script(&brand, "Meridian", &products[..offers], &customer);
            script.written_by = WrittenBy::Phrases {
                book: Digest::of(b""),
                language: "en-US".to_owned(),
                version: "1".to_owned(),
                wish: contracts::script::WishAsUnderstood {
                    tones: tones.iter().map(ToString::to_string).collect(),
                    ..Default::default()
                },
                selected_by: None,
                instead_of_model: None,
            };
            music_of(&brand, &script).to_owned()
        };
        assert_eq!(music(1, &["lively"]), "music/meridian-bright.flac");
        assert_eq!(music(1, &["formal", "warm"]), "music/meridian-still.flac");
        assert_eq!(music(1, &["warm"]), "music/meridian-calm.flac");
        assert_eq!(music(1, &[]), "music/meridian-calm.flac");
        assert_eq!(music(0, &["lively"]), "music/meridian-calm.flac", "a service message");
    }

    #[test]
    fn music_is_15_lu_below_speech() {
        let gain = music_gain(&narration(&[(0.0, 5.0)]), 1.0, -20.0, -20.0);
        // These are -15 dB and -4 dB as factors.
        assert_eq!(gain, "0.63096+(0.17783-0.63096)*min(1,clip((t-0.300)/0.7,0,1)*clip((7.400-t)/1.4,0,1))");
    }
}
