//! That each trigger starts once, in whatever order and however often its events come.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use assess::Lexicon;
use async_trait::async_trait;
use contracts::catalogue::Catalogue;
use contracts::executions::ExecutionsError;
use contracts::settings::Settings;
use contracts::voice::Engine;
use contracts::{ErrorName, NamedError as _};
use storage::store::{MemoryStore, ObjectStore as _};
use storage::vault::Keys;

use super::*;

/// Names are given once, as Step Functions gives them.
#[derive(Default)]
struct Machine(Mutex<BTreeMap<String, Execution>>);

impl Machine {
    fn names(&self) -> Vec<String> {
        self.0.lock().unwrap().keys().cloned().collect()
    }

    fn end(&self, name: &str, state: State, stopped: Timestamp) {
        let mut executions = self.0.lock().unwrap();
        let execution = executions.get_mut(name).unwrap();
        (execution.state, execution.stopped) = (state, Some(stopped));
    }
}

#[async_trait]
impl Executions for Machine {
    async fn start(&self, name: &str, input: &WorkflowInput) -> Result<Begun, ExecutionsError> {
        let mut executions = self.0.lock().unwrap();
        if executions.contains_key(name) {
            return Ok(Begun::NameTaken);
        }
        let execution =
            Execution { run: input.run.clone(), state: State::Running, stopped: None, error: None, message: None };
        executions.insert(name.to_owned(), execution);
        Ok(Begun::Started)
    }

    async fn find(&self, name: &str) -> Result<Option<Execution>, ExecutionsError> {
        // Others come between a look and a start.
        tokio::task::yield_now().await;
        Ok(self.0.lock().unwrap().get(name).cloned())
    }
}

struct Bank {
    store: Arc<MemoryStore>,
    vault: Vault,
    machine: Machine,
}

#[async_trait]
impl Source for Bank {
    async fn material(&self) -> Result<Material, Error> {
        let data = |name: &str| std::fs::read(format!("{}/../../data/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap();
        Ok(Material {
            settings: Settings::default(),
            catalogue: Catalogue::from_json(&data("catalogue.json")).unwrap(),
            phrases: Digest::of(b"phrases"),
            lexicon: Lexicon::from_toml(&String::from_utf8(data("lexicon.toml")).unwrap()).unwrap(),
            assets: Digest::of(b"assets"),
            backgrounds: std::collections::BTreeMap::new(),
            engines: vec![Engine::Polly, Engine::Espeak],
        })
    }
}

impl Bank {
    fn new() -> Self {
        let store = Arc::new(MemoryStore::default());
        Self { vault: Vault::new(store.clone(), Keys::new([1; 32], [2; 32])), store, machine: Machine::default() }
    }

    async fn put(&self, batch: &str, workbook: Workbook, content: &str) {
        let key = ObjectKey::Incoming(Batch::parse(batch).unwrap(), workbook);
        self.store.put(&key, content.to_owned().into()).await.unwrap();
    }

    async fn upload(&self, batch: &str) {
        for workbook in Workbook::ALL {
            self.put(batch, workbook, &format!("{batch} {workbook}")).await;
        }
    }

    fn deps(&self) -> Deps<'_> {
        let limits = Limits { concurrency: 2, tolerated_failure_percentage: 5 };
        Deps { vault: &self.vault, source: self, executions: &self.machine, limits }
    }

    async fn event(&self, event: Event) -> Outcome {
        run(event, &self.deps()).await.unwrap()
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn uploaded(batch: &str, workbook: Workbook, second: i64) -> Event {
    let key = ObjectKey::Incoming(Batch::parse(batch).unwrap(), workbook).to_string();
    Event::Uploaded { key, at: at(second) }
}

fn started(outcome: Outcome) -> Started {
    let Outcome::Started(started) = outcome else { panic!("{outcome:?}") };
    started
}

#[tokio::test]
async fn a_batch_starts_once_whatever_the_order_of_its_files_and_however_often_they_are_announced() {
    let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    for order in orders {
        let bank = Bank::new();
        for (position, index) in order.into_iter().enumerate() {
            let workbook = Workbook::ALL[index];
            bank.put("b", workbook, "rows").await;
            for _ in 0..2 {
                let outcome = bank.event(uploaded("b", workbook, 0)).await;
                match outcome {
                    Outcome::Waiting { missing } => assert_eq!(missing.len(), 2 - position),
                    outcome => assert!(position == 2 && matches!(outcome, Outcome::Started(_)), "{outcome:?}"),
                }
            }
        }
        assert_eq!(bank.machine.names().len(), 1, "{order:?}");
    }
}

#[tokio::test]
async fn events_at_the_same_time_start_one_execution_of_one_run() {
    let bank = Bank::new();
    bank.upload("b").await;
    let deps = bank.deps();
    let event = |workbook| run(uploaded("b", workbook, 0), &deps);
    let (a, b, c) = tokio::join!(event(Workbook::Profile), event(Workbook::Transactions), event(Workbook::Tweets));
    let all = [a, b, c].map(|outcome| started(outcome.unwrap()));
    assert_eq!(bank.machine.names().len(), 1);
    assert!(all.iter().all(|started| started.run == all[0].run));
    assert_eq!(all.iter().filter(|started| !started.already).count(), 1, "{all:?}");
}

#[tokio::test]
async fn a_batch_that_failed_runs_again_when_it_is_uploaded_again_and_not_when_an_old_event_comes_late() {
    let bank = Bank::new();
    bank.upload("b").await;
    let first = started(bank.event(uploaded("b", Workbook::Tweets, 0)).await);
    bank.machine.end(&first.execution, State::Failed, at(10));

    let late = started(bank.event(uploaded("b", Workbook::Profile, 5)).await);
    assert_eq!((late.execution, late.already), (first.execution.clone(), true));
    let again = started(bank.event(uploaded("b", Workbook::Profile, 20)).await);
    assert_eq!((again.run, again.already), (first.run, false), "the same run goes on from where it stopped");
    assert_ne!(again.execution, first.execution);

    bank.machine.end(&again.execution, State::Succeeded, at(30));
    assert!(started(bank.event(uploaded("b", Workbook::Profile, 40)).await).already, "what succeeded is done");
}

#[tokio::test]
async fn a_repaired_batch_is_another_run() {
    let bank = Bank::new();
    bank.upload("b").await;
    let first = started(bank.event(uploaded("b", Workbook::Tweets, 0)).await);
    bank.put("b", Workbook::Tweets, "repaired").await;
    let second = started(bank.event(uploaded("b", Workbook::Tweets, 1)).await);
    assert!(!second.already && second.run != first.run && second.execution != first.execution);
}

#[tokio::test]
async fn a_schedule_starts_once_each_time_over_the_newest_complete_batch() {
    let bank = Bank::new();
    bank.upload("old").await;
    let weekly = |second| Event::Schedule { name: "campaign".to_owned(), at: at(second), batch: None };
    let first = started(bank.event(weekly(0)).await);
    assert!(started(bank.event(weekly(0)).await).already);
    let next = started(bank.event(weekly(7 * 86_400)).await);
    assert!(!next.already && next.run != first.run);
    assert_eq!(first.execution, "schedule-campaign-20270115T080000Z-0");
}

#[tokio::test]
async fn a_schedule_without_a_batch_is_an_error_with_a_name() {
    let bank = Bank::new();
    bank.put("half", Workbook::Tweets, "rows").await;
    let event = Event::Schedule { name: "campaign".to_owned(), at: at(0), batch: None };
    let error = run(event, &bank.deps()).await.unwrap_err();
    assert_eq!(error.name(), ErrorName::InputMissingWorkbook);
}

#[tokio::test]
async fn a_call_starts_once_for_its_key() {
    let bank = Bank::new();
    bank.upload("b").await;
    let only = Some(bank.vault.keys().reference(&contracts::CustomerId::parse("0001").unwrap()));
    let wish = || Wish { only: only.clone(), ..Wish::default() };
    let (key, caller) = (Digest::of(b"key"), Digest::of(b"caller"));
    let first = call(key, caller, None, wish(), &bank.deps()).await.unwrap();
    let again = call(key, caller, None, wish(), &bank.deps()).await.unwrap();
    let other = call(Digest::of(b"other"), caller, None, wish(), &bank.deps()).await.unwrap();
    assert_eq!((first.already, again.already, other.already), (false, true, false));
    assert_eq!(first.run, again.run);
    assert_ne!(first.run, other.run);

    bank.machine.end(&first.execution, State::Failed, Timestamp::UNIX_EPOCH);
    let more = Wish { prompt: Some("Be brief.".to_owned()), ..wish() };
    let taken = call(key, caller, None, more, &bank.deps()).await.unwrap();
    assert_eq!((taken.run, taken.already), (first.run.clone(), true), "the key stands for the first request");
    let retried = call(key, caller, None, wish(), &bank.deps()).await.unwrap();
    assert_eq!((retried.run, retried.already), (first.run, false));
}

#[tokio::test]
async fn half_a_batch_is_reported_after_its_time() {
    let bank = Bank::new();
    bank.upload("whole").await;
    bank.put("half", Workbook::Tweets, "rows").await;
    // In memory all objects are as old as can be.
    let Outcome::Looked { incomplete } = bank.event(Event::LookForIncomplete).await else { panic!() };
    assert_eq!(incomplete.len(), 1);
    assert_eq!(incomplete[0].batch.as_str(), "half");
    assert_eq!(incomplete[0].missing, [Workbook::Profile, Workbook::Transactions]);
}

#[tokio::test]
async fn a_batch_uploaded_through_the_api_starts_nothing_by_itself_and_is_not_the_newest() {
    let bank = Bank::new();
    let through_api = Batch::through_api("4c1f09a2").unwrap();
    bank.upload(through_api.as_str()).await;
    assert_eq!(bank.event(uploaded(through_api.as_str(), Workbook::Tweets, 0)).await, Outcome::Ignored);
    let weekly = || Event::Schedule { name: "campaign".to_owned(), at: at(0), batch: None };
    assert!(run(weekly(), &bank.deps()).await.is_err());
    let named = call(Digest::of(b"key"), Digest::of(b"ann"), Some(through_api), Wish::default(), &bank.deps()).await;
    assert!(!named.unwrap().already, "by name it is a batch as any other");
}

#[tokio::test]
async fn other_objects_are_left_alone() {
    let bank = Bank::new();
    for key in ["incoming/b/", "incoming/b/notes.txt", "incoming/customer_profile.xlsx", "config/bespoke.toml"] {
        let outcome = bank.event(Event::Uploaded { key: key.to_owned(), at: at(0) }).await;
        assert_eq!(outcome, Outcome::Ignored, "{key}");
    }
}

#[test]
fn a_name_of_an_execution_is_one_that_step_functions_takes() {
    let mut request = Request::for_tests();
    let triggers = [
        Trigger::Upload,
        Trigger::Schedule { name: "n".repeat(40), at: at(0) },
        Trigger::Call { key: Digest::of(b"k"), caller: Digest::of(b"c") },
    ];
    for trigger in triggers {
        request.trigger = trigger;
        let name = execution_name(&request, 99);
        assert!(name.len() <= 80 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'), "{name}");
    }
}
