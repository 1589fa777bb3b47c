//! What is paid to others for a customer: a model by the tokens, an outside voice by the characters.

use contracts::request::Request;
use contracts::script::{Script, Usage, WrittenBy};
use contracts::settings::Settings;
use contracts::voice::{Engine, VoiceName};

/// Tokens of one call to the model, read and written, as measured on the sample customers with the shipped prompts.
pub const TOKENS: (u64, u64) = (1_000, 250);

/// What an outside voice costs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PriceOfVoice {
    /// US dollars a million characters.
    usd_per_million: f64,
    /// How often each character is billed: Polly is asked for the sound and, in a second call, for the words' times.
    calls: f64,
}

/// Amazon Polly's neural voices (<https://aws.amazon.com/polly/pricing/>).
pub const POLLY: PriceOfVoice = PriceOfVoice { usd_per_million: 16.0, calls: 2.0 };
/// `OpenAI`'s `tts-1` (<https://platform.openai.com/docs/pricing>).
const OPENAI: PriceOfVoice = PriceOfVoice { usd_per_million: 15.0, calls: 1.0 };

impl PriceOfVoice {
    /// US dollars for so many characters.
    #[must_use]
    pub fn of_characters(self, characters: f64) -> f64 {
        characters * self.calls * self.usd_per_million / 1e6
    }

    /// US dollars for speaking a script once.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "some thousand characters")]
    pub fn of(self, script: &Script) -> f64 {
        self.of_characters(script.spoken().chars().count() as f64)
    }
}

/// The price of the voice that a record names as engine and voice; nothing for the voices of this machine.
#[must_use]
pub fn price_of_voice(engine_and_voice: &str) -> Option<PriceOfVoice> {
    let prices = [("polly", POLLY), ("openai", OPENAI)];
    prices.into_iter().find(|(engine, _)| engine_and_voice.starts_with(engine)).map(|(_, price)| price)
}

/// What the model used for a script, whether or not its text was taken.
#[must_use]
pub fn usage(written_by: &WrittenBy) -> Usage {
    written_by.given().map(|given| given.usage).unwrap_or_default()
}

/// What one customer may cost on this machine, US dollars: two calls of the model, since the guard may send the first text
/// back, and the outside voice, if one is wanted by name.
#[must_use]
pub fn expected(settings: &Settings, request: &Request) -> f64 {
    let (read, written) = TOKENS;
    let asks_a_model = settings.writer.model.enabled && request.writer.asks_a_model();
    let model = if asks_a_model { settings.writer.model.usage(2 * read, 2 * written).usd } else { 0.0 };
    let asked = request.voice.as_deref().map(VoiceName::parse).and_then(|voice| voice.engine);
    let engine = asked.or(settings.voice.engine.only());
    let voice = engine.and_then(|engine| price_of_voice(engine.as_str())).filter(|_| engine != Some(Engine::Polly));
    model + voice.map_or(0.0, |voice| voice.of_characters(super::machine::Text::of(3).characters))
}

#[cfg(test)]
mod tests {
    use contracts::model::WriterMode;

    use super::*;

    #[test]
    fn only_outside_voices_have_a_price_and_polly_is_asked_twice() {
        assert_eq!(price_of_voice("espeak-ng 1.51 en-us"), None);
        assert_eq!(price_of_voice("kokoro af_heart"), None);
        let polly = price_of_voice("polly neural Joanna").unwrap();
        assert!((polly.of_characters(1e6) - 32.0).abs() < 1e-9);
        assert!((price_of_voice("openai tts-1 alloy").unwrap().of_characters(1e6) - 15.0).abs() < 1e-9);
    }

    #[test]
    fn without_a_model_and_an_outside_voice_nothing_is_spent() {
        assert!(expected(&Settings::default(), &request()).abs() < f64::EPSILON);
        let mut settings = Settings::default();
        settings.writer.model.enabled = true;
        assert!(expected(&settings, &request()).abs() < f64::EPSILON, "approved phrases ask no model");
        let request = Request { writer: WriterMode::Free, ..request() };
        assert!((expected(&settings, &request) - 0.0006).abs() < 1e-9, "two calls of 0.0003");
    }

    fn request() -> Request {
        Request::for_tests()
    }
}
