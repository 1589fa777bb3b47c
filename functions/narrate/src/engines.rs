//! Which engine speaks: the one that was chosen, or the first of the run's engines that can.

use std::path::PathBuf;
use std::sync::Arc;

use contracts::settings;
use contracts::speech::SpeechService;
use contracts::voice::{Engine, VoiceName};
use storage::secret::{ExposeSecret as _, SecretName, Secrets};
use tokio::sync::OnceCell;

use crate::error::VoiceFrom;
use crate::kokoro::{self, Kokoro, Model};
use crate::memory::Memory;
use crate::narrator::Narrator;
use crate::openai::{self, Openai};
use crate::polly::{self, Polly};
use crate::{Error, Espeak, espeak};

/// The engines of a machine or a deployment. Kept across customers: the model is loaded once, and what many customers
/// hear is spoken once.
pub struct Engines {
    espeak: PathBuf,
    kokoro: Option<kokoro::Files>,
    polly: Option<Arc<dyn SpeechService>>,
    http: reqwest::Client,
    at_once: usize,
    model: OnceCell<Arc<Model>>,
    pub(crate) memory: Memory,
}

impl Engines {
    /// With the program espeak-ng (a path, or a name that is looked for in `PATH`), and a client for the outside service.
    #[must_use]
    pub fn new(espeak: PathBuf, http: reqwest::Client) -> Self {
        let at_once = std::thread::available_parallelism().map_or(1, usize::from);
        Self { espeak, kokoro: None, polly: None, http, at_once, model: OnceCell::new(), memory: Memory::default() }
    }

    /// With Kokoro, if its files are there.
    #[must_use]
    pub fn with_kokoro(self, files: Option<kokoro::Files>) -> Self {
        Self { kokoro: files, ..self }
    }

    /// With a service that speaks SSML.
    #[must_use]
    pub fn with_polly(self, service: Arc<dyn SpeechService>) -> Self {
        Self { polly: Some(service), ..self }
    }

    /// Speaks at most so many sentences at once on this machine; without it, one for each core.
    #[must_use]
    pub fn speaking_at_once(self, sentences: usize) -> Self {
        Self { at_once: sentences, ..self }
    }

    /// The engines that a run on this machine is started with: Kokoro if it is installed, and espeak-ng.
    #[must_use]
    pub fn of_this_machine(&self) -> Vec<Engine> {
        self.kokoro.as_ref().map(|_| Engine::Kokoro).into_iter().chain([Engine::Espeak]).collect()
    }

    pub(crate) async fn open(
        &self,
        voice: &Voice,
        settings: &settings::VoiceSettings,
        secrets: &dyn Secrets,
    ) -> Result<Box<dyn Narrator>, Error> {
        let name = voice.name.as_deref();
        Ok(match voice.engine {
            Engine::Espeak => {
                Box::new(Espeak::new(&self.espeak, name.unwrap_or(espeak::DEFAULT_VOICE), voice.from).await?)
            }
            Engine::Kokoro => {
                let model = self.model.get_or_try_init(|| self.load()).await?.clone();
                Box::new(Kokoro::new(model, &self.espeak, name.unwrap_or(kokoro::VOICES[0]), voice.from).await?)
            }
            Engine::Polly => {
                let service = self.polly.clone().ok_or(Error::NotHere(Engine::Polly))?;
                Box::new(Polly::new(service, name.unwrap_or(polly::VOICES[0]), voice.from)?)
            }
            Engine::Openai => {
                let key = if settings.openai.enabled { secrets.find(SecretName::ModelKey).await? } else { None };
                let key = key.filter(|key| !key.expose_secret().trim().is_empty());
                let name = name.unwrap_or(openai::VOICES[0]);
                Box::new(Openai::new(self.http.clone(), key, &settings.openai, name, voice.from)?)
            }
        })
    }

    async fn load(&self) -> Result<Arc<Model>, Error> {
        let files = self.kokoro.clone().ok_or(Error::NotHere(Engine::Kokoro))?;
        let at_once = self.at_once;
        Ok(Arc::new(tokio::task::spawn_blocking(move || Model::load(files, at_once)).await??))
    }
}

/// A voice that is to speak.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Voice {
    pub engine: Engine,
    /// The engine's default if none.
    pub name: Option<String>,
    pub from: VoiceFrom,
}

/// The voices to be tried, in order. Who names an engine or a voice has decided: that one, or a named failure. Otherwise
/// the engines that the run was started with.
#[must_use]
pub fn voices(asked: Option<&str>, settings: &settings::VoiceSettings, engines: &[Engine]) -> Vec<Voice> {
    let asked = asked.map(VoiceName::parse).filter(|asked| *asked != VoiceName::default());
    let from = if asked.is_some() { VoiceFrom::Request } else { VoiceFrom::Settings };
    let wished = asked.unwrap_or_else(|| {
        let name = Some(settings.name.clone()).filter(|name| !name.is_empty());
        VoiceName { engine: settings.engine.only(), name }
    });
    let of_name = || wished.name.as_deref().map(|name| settings.engine.only().unwrap_or_else(|| owner(name)));
    match wished.engine.or_else(of_name) {
        Some(engine) => vec![Voice { engine, name: wished.name, from }],
        None => engines.iter().map(|engine| Voice { engine: *engine, name: None, from }).collect(),
    }
}

/// The engine that has a voice of this name; espeak-ng, which knows its own best, if no other has.
fn owner(name: &str) -> Engine {
    let voices: [(Engine, &[&str]); 3] =
        [(Engine::Kokoro, &kokoro::VOICES), (Engine::Polly, &polly::VOICES), (Engine::Openai, &openai::VOICES)];
    voices.into_iter().find(|(_, voices)| voices.contains(&name)).map_or(Engine::Espeak, |(engine, _)| engine)
}

#[cfg(test)]
mod tests {
    use contracts::settings::EngineChoice;

    use super::*;

    fn planned(asked: Option<&str>, engine: EngineChoice, name: &str) -> Vec<String> {
        let settings = settings::VoiceSettings { engine, name: name.to_owned(), ..settings::VoiceSettings::default() };
        let voices = voices(asked, &settings, &[Engine::Polly, Engine::Espeak]).into_iter();
        voices.map(|voice| format!("{}:{}", voice.engine, voice.name.unwrap_or_default())).collect()
    }

    #[test]
    fn who_names_nothing_gets_the_engines_that_the_run_was_started_with_in_their_order() {
        assert_eq!(planned(None, EngineChoice::Auto, ""), ["polly:", "espeak:"]);
        assert_eq!(planned(Some(""), EngineChoice::Auto, ""), ["polly:", "espeak:"]);
    }

    #[test]
    fn who_names_an_engine_or_a_voice_gets_that_or_a_failure() {
        assert_eq!(planned(None, EngineChoice::Kokoro, ""), ["kokoro:"]);
        assert_eq!(planned(None, EngineChoice::Auto, "Ruth"), ["polly:Ruth"]);
        assert_eq!(planned(Some("af_bella"), EngineChoice::Auto, ""), ["kokoro:af_bella"]);
        assert_eq!(planned(Some("openai:alloy"), EngineChoice::Kokoro, "af_sky"), ["openai:alloy"]);
        assert_eq!(planned(Some("en-us+f3"), EngineChoice::Auto, "af_sky"), ["espeak:en-us+f3"]);
    }
}
