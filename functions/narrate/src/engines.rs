//! Lists the voices to try, and opens a voice engine.

use std::path::PathBuf;
use std::sync::Arc;

use contracts::voice::{Engine, VoiceName};
use contracts::{Language, settings};
use policy::disclosure::{Gate, SpeechService};
use storage::secret::{ExposeSecret as _, SecretName, Secrets};
use tokio::sync::OnceCell;

use crate::cache::SpeechCache;
use crate::error::{Error, VoiceSource};
use crate::espeak::{self, Espeak};
use crate::kokoro::{self, Kokoro, Model};
use crate::narrator::Narrator;
use crate::openai::{self, Openai};
use crate::polly::{self, Polly};

/// The engines on a machine or in a deployment.
///
/// One value serves all customers. It loads the model only once, and caches the sentences that many customers hear.
pub struct Engines {
    espeak: PathBuf,
    kokoro: Option<kokoro::Files>,
    polly: Option<Arc<dyn SpeechService>>,
    http: outbound::Client,
    concurrency: usize,
    model: OnceCell<Arc<Model>>,
    pub(crate) cache: SpeechCache,
}

impl Engines {
    /// Creates the engines from the espeak-ng program and an HTTP client for the OpenAI-compatible speech service.
    ///
    /// `espeak` is a path, or a name that is looked up in `PATH`.
    #[must_use]
    pub fn new(espeak: PathBuf, http: outbound::Client) -> Self {
        let concurrency = std::thread::available_parallelism().map_or(1, usize::from);
        let cache = SpeechCache::default();
        Self { espeak, kokoro: None, polly: None, http, concurrency, model: OnceCell::new(), cache }
    }

    /// Adds Kokoro if its files are installed.
    #[must_use]
    pub fn with_kokoro(self, files: Option<kokoro::Files>) -> Self {
        Self { kokoro: files, ..self }
    }

    /// Adds Polly. `service` turns SSML into audio.
    #[must_use]
    pub fn with_polly(self, service: Arc<dyn SpeechService>) -> Self {
        Self { polly: Some(service), ..self }
    }

    /// Sets how many sentences Kokoro synthesizes in parallel. The default is one per core.
    #[must_use]
    pub fn with_concurrency(self, sentences: usize) -> Self {
        Self { concurrency: sentences, ..self }
    }

    /// Returns the engines for a local run: Kokoro if it is installed, then espeak-ng.
    #[must_use]
    pub fn local(&self) -> Vec<Engine> {
        self.kokoro.as_ref().map(|_| Engine::Kokoro).into_iter().chain([Engine::Espeak]).collect()
    }

    pub(crate) async fn open(
        &self,
        voice: &VoiceChoice,
        settings: &settings::VoiceSettings,
        secrets: &dyn Secrets,
        gate: &Gate,
    ) -> Result<Box<dyn Narrator>, Error> {
        let name = voice.name.as_deref();
        let language = voice.language;
        Ok(match voice.engine {
            Engine::Espeak => {
                let name = name.unwrap_or(espeak::default_voice(language));
                Box::new(Espeak::new(&self.espeak, name, language, voice.source).await?)
            }
            Engine::Kokoro => {
                let model = self.model.get_or_try_init(|| self.load()).await?.clone();
                let name = name.unwrap_or(kokoro::default_voice(language));
                Box::new(Kokoro::new(model, &self.espeak, name, voice.source).await?)
            }
            Engine::Polly => {
                let service = self.polly.clone().ok_or(Error::EngineUnavailable(Engine::Polly))?;
                let name = name.unwrap_or(polly::default_voice(language));
                Box::new(Polly::new(service, gate.clone(), name, voice.source)?)
            }
            Engine::Openai => {
                let key = if settings.openai.enabled { secrets.find(SecretName::ModelKey).await? } else { None };
                let key = key.filter(|key| !key.expose_secret().trim().is_empty());
                let name = name.unwrap_or(openai::VOICES[0]);
                let narrator = Openai::new(self.http.clone(), gate.clone(), key, &settings.openai, name, voice.source)?;
                Box::new(narrator.speaking(language))
            }
        })
    }

    async fn load(&self) -> Result<Arc<Model>, Error> {
        let files = self.kokoro.clone().ok_or(Error::EngineUnavailable(Engine::Kokoro))?;
        let concurrency = self.concurrency;
        Ok(Arc::new(tokio::task::spawn_blocking(move || Model::load(files, concurrency)).await??))
    }
}

/// A voice to try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoiceChoice {
    /// The engine that has the voice.
    pub engine: Engine,
    /// The voice. `None` selects the engine's default.
    pub name: Option<String>,
    /// The language to speak.
    pub language: Language,
    /// The source of the choice, for error messages.
    pub source: VoiceSource,
}

/// Returns the voices to try, in order.
///
/// If the request or the settings name an engine or a voice, that is the only candidate: if it fails, the narration
/// fails. Otherwise, the candidates are the default voices of `engines`, which the run's request lists. A voice that
/// does not speak the language gives way to its engine's default voice.
#[must_use]
pub fn voices(
    requested: Option<&str>,
    settings: &settings::VoiceSettings,
    engines: &[Engine],
    language: Language,
) -> Vec<VoiceChoice> {
    let requested = requested.map(VoiceName::parse).filter(|voice| *voice != VoiceName::default());
    let source = if requested.is_some() { VoiceSource::Request } else { VoiceSource::Settings };
    let voice = requested.unwrap_or_else(|| {
        let set = settings.names.get(&language).unwrap_or(&settings.name);
        let VoiceName { engine, name } = VoiceName::parse(set);
        VoiceName { engine: engine.or(settings.engine.only()), name }
    });
    let engine_by_name = || voice.name.as_deref().map(|name| settings.engine.only().unwrap_or_else(|| owner(name)));
    match voice.engine.or_else(engine_by_name) {
        Some(engine) => {
            let name = voice.name.filter(|name| speaks(engine, name, language));
            vec![VoiceChoice { engine, name, language, source }]
        }
        None => engines.iter().map(|engine| VoiceChoice { engine: *engine, name: None, language, source }).collect(),
    }
}

/// Returns whether a voice may speak the language. Returns true for an unknown voice, which the engine itself rejects.
fn speaks(engine: Engine, voice: &str, language: Language) -> bool {
    let own = match engine {
        Engine::Kokoro => kokoro::language_of(voice),
        Engine::Espeak => espeak::language_of(voice),
        Engine::Polly => polly::language_of(voice),
        // Each of the service's voices speaks every language.
        Engine::Openai => None,
    };
    own.is_none_or(|own| own == language)
}

/// Returns the engine that has a voice with this name. Unknown names are assigned to espeak-ng, which checks them
/// itself.
fn owner(name: &str) -> Engine {
    let voices: [(Engine, &[&str]); 3] =
        [(Engine::Kokoro, &kokoro::VOICES), (Engine::Polly, &polly::VOICES), (Engine::Openai, &openai::VOICES)];
    voices.into_iter().find(|(_, voices)| voices.contains(&name)).map_or(Engine::Espeak, |(engine, _)| engine)
}

#[cfg(test)]
mod tests {
    use contracts::settings::EngineChoice;

    use super::*;

    fn choices(requested: Option<&str>, engine: EngineChoice, name: &str) -> Vec<String> {
        let settings = settings::VoiceSettings { engine, name: name.to_owned(), ..settings::VoiceSettings::default() };
        let voices = voices(requested, &settings, &[Engine::Polly, Engine::Espeak], Language::English).into_iter();
        voices.map(|voice| format!("{}:{}", voice.engine, voice.name.unwrap_or_default())).collect()
    }

    #[test]
    fn default_is_the_run_engines_in_order() {
        assert_eq!(choices(None, EngineChoice::Auto, ""), ["polly:", "espeak:"]);
        assert_eq!(choices(Some(""), EngineChoice::Auto, ""), ["polly:", "espeak:"]);
    }

    #[test]
    fn voice_of_another_language_gives_way_to_its_engines_default() {
        let choice = |requested: Option<&str>, settings: &settings::VoiceSettings| {
            let choices = voices(requested, settings, &[Engine::Kokoro], Language::Spanish);
            format!("{}:{}", choices[0].engine, choices[0].name.clone().unwrap_or_default())
        };
        let settings = settings::VoiceSettings { name: "af_bella".to_owned(), ..settings::VoiceSettings::default() };
        assert_eq!(choice(None, &settings), "kokoro:");
        for (requested, chosen) in [
            ("af_bella", "kokoro:"),
            ("em_alex", "kokoro:em_alex"),
            ("espeak:en-us+f3", "espeak:"),
            ("espeak:es-419+f3", "espeak:es-419+f3"),
            ("Joanna", "polly:"),
            ("Mia", "polly:Mia"),
            ("openai:nova", "openai:nova"),
        ] {
            assert_eq!(choice(Some(requested), &settings), chosen, "{requested}");
        }
        let names = [(Language::Spanish, "polly:Lupe".to_owned())].into();
        assert_eq!(choice(None, &settings::VoiceSettings { names, ..settings }), "polly:Lupe");
    }

    #[test]
    fn named_engine_or_voice_is_the_only_choice() {
        assert_eq!(choices(None, EngineChoice::Kokoro, ""), ["kokoro:"]);
        assert_eq!(choices(None, EngineChoice::Auto, "Ruth"), ["polly:Ruth"]);
        assert_eq!(choices(Some("af_bella"), EngineChoice::Auto, ""), ["kokoro:af_bella"]);
        assert_eq!(choices(Some("openai:alloy"), EngineChoice::Kokoro, "af_sky"), ["openai:alloy"]);
        assert_eq!(choices(Some("en-us+f3"), EngineChoice::Auto, "af_sky"), ["espeak:en-us+f3"]);
    }
}
