//! The prices of voices, and the worst-case cost of one customer at outside services. The settings contain the prices
//! of models.

use contracts::request::Request;
use contracts::script::{Script, Usage, WrittenBy};
use contracts::settings::Settings;
use contracts::voice::{Engine, VoiceName};

use crate::local::TextSize;

/// The number of input tokens in one model call, measured on the sample customers with the shipped prompts.
pub const TOKENS_READ: u64 = 1_000;
/// The number of output tokens in one model call, measured in the same way.
pub const TOKENS_WRITTEN: u64 = 250;

/// The price of an outside voice.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VoicePrice {
    /// US dollars per million characters.
    usd_per_million: f64,
    /// How many times the service bills each character. Polly takes one call for the audio and one for the word times.
    calls: f64,
}

/// The price of Amazon Polly's neural voices (<https://aws.amazon.com/polly/pricing/>).
pub const POLLY: VoicePrice = VoicePrice { usd_per_million: 16.0, calls: 2.0 };
/// The price of `OpenAI`'s `tts-1` (<https://platform.openai.com/docs/pricing>).
const OPENAI: VoicePrice = VoicePrice { usd_per_million: 15.0, calls: 1.0 };

impl VoicePrice {
    /// Returns the price of this many characters in US dollars.
    #[must_use]
    pub fn of_characters(self, characters: f64) -> f64 {
        characters * self.calls * self.usd_per_million / 1e6
    }

    /// Returns the price of speaking a script once, in US dollars.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a script has a few thousand characters")]
    pub fn of_script(self, script: &Script) -> f64 {
        self.of_characters(script.spoken().chars().count() as f64)
    }
}

/// Returns the price of a voice, or `None` for voices that run on this machine. `engine_and_voice` has the format of
/// `made_by.voice` in the evidence, such as `polly neural Joanna`.
#[must_use]
pub fn voice_price(engine_and_voice: &str) -> Option<VoicePrice> {
    let prices = [("polly", POLLY), ("openai", OPENAI)];
    prices.into_iter().find(|(engine, _)| engine_and_voice.starts_with(engine)).map(|(_, price)| price)
}

/// Returns the tokens that the model used for a script, even if the guard rejected the model's text.
#[must_use]
pub fn usage(written_by: &WrittenBy) -> Usage {
    written_by.given().map(|given| given.usage).unwrap_or_default()
}

/// Returns the assumed worst-case cost of one customer on this machine, in US dollars. It covers two model calls of
/// average size, because the guard may send the first draft back. It also covers `OpenAI`'s voice if the request or the
/// settings select it, even if the request has no video.
#[must_use]
pub fn worst_case(settings: &Settings, request: &Request) -> f64 {
    let model = &settings.writer.model;
    let asks_model = model.enabled && request.writer.asks_a_model();
    let model = if asks_model { model.usage(2 * TOKENS_READ, 2 * TOKENS_WRITTEN).usd } else { 0.0 };
    let requested = request.voice.as_deref().map(VoiceName::parse).and_then(|voice| voice.engine);
    let engine = requested.or(settings.voice.engine.only());
    let voice = engine.and_then(|engine| voice_price(engine.as_str())).filter(|_| engine != Some(Engine::Polly));
    model + voice.map_or(0.0, |voice| voice.of_characters(TextSize::with_offers(3).characters))
}

/// Returns the assumed worst-case cost of one customer on AWS, in US dollars: two model calls, and the voice. If
/// neither the request nor the settings choose an engine, a run on AWS uses Polly.
#[must_use]
pub fn worst_case_on_aws(settings: &Settings, request: &Request) -> f64 {
    let requested = request.voice.as_deref().map(VoiceName::parse).and_then(|voice| voice.engine);
    let engine = requested.or(settings.voice.engine.only()).unwrap_or(Engine::Polly);
    let polly = engine == Engine::Polly && request.videos != Some(0);
    let polly = if polly { POLLY.of_characters(TextSize::with_offers(3).characters) } else { 0.0 };
    worst_case(settings, request) + polly
}

/// Returns the number of customers whose worst-case cost fits a budget in US dollars, or `None` if customers cost
/// nothing.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates at 0 and at the largest number"
)]
pub fn customers_within(budget_usd: f64, worst_case_usd: f64) -> Option<usize> {
    (worst_case_usd > 0.0).then(|| (budget_usd / worst_case_usd).floor().max(0.0) as usize)
}

#[cfg(test)]
mod tests {
    use contracts::model::WriterMode;

    use super::*;

    #[test]
    fn only_outside_voices_have_a_price() {
        assert_eq!(voice_price("espeak-ng 1.51 en-us"), None);
        assert_eq!(voice_price("kokoro af_heart"), None);
        let polly = voice_price("polly neural Joanna").unwrap();
        assert!((polly.of_characters(1e6) - 32.0).abs() < 1e-9, "two calls");
        assert!((voice_price("openai tts-1 alloy").unwrap().of_characters(1e6) - 15.0).abs() < 1e-9);
    }

    #[test]
    fn budget_covers_the_worst_case_of_each_customer() {
        let request = Request::for_tests();
        let usd = worst_case_on_aws(&Settings::default(), &request);
        assert!((usd - POLLY.of_characters(TextSize::with_offers(3).characters)).abs() < 1e-9, "Polly speaks");
        assert_eq!(customers_within(10.0 * usd + 0.001, usd), Some(10));
        assert_eq!(customers_within(0.5 * usd, usd), Some(0));
        let silent = Request { videos: Some(0), ..request };
        assert_eq!(customers_within(0.0, worst_case_on_aws(&Settings::default(), &silent)), None);
    }

    #[test]
    fn local_writer_and_voice_cost_nothing() {
        let request = Request::for_tests();
        assert!(worst_case(&Settings::default(), &request).abs() < f64::EPSILON);
        let mut settings = Settings::default();
        settings.writer.model.enabled = true;
        assert!(worst_case(&settings, &request).abs() < f64::EPSILON, "the phrasebook does not call a model");
        let request = Request { writer: WriterMode::Free, ..request };
        assert!((worst_case(&settings, &request) - 0.0006).abs() < 1e-9, "two calls of 0.0003");
    }
}
