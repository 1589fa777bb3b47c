//! Tests that each trigger starts one execution, regardless of the order and number of its events.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use assess::Lexicon;
use async_trait::async_trait;
use contracts::catalogue::Catalogue;
use contracts::executions::ExecutionsError;
use contracts::key::{Prefix, RunKind};
use contracts::schedule::{Schedule, TimersError};
use contracts::voice::Engine;
use contracts::{CustomerId, ErrorName, NamedError as _};
use storage::store::{MemoryStore, ObjectStore as _};
use storage::vault::Keys;

use super::*;

/// A workflow that accepts each name once, as Step Functions does.
#[derive(Default)]
struct Workflow(Mutex<BTreeMap<String, Execution>>, Mutex<Vec<WorkflowInput>>);

impl Workflow {
    fn names(&self) -> Vec<String> {
        self.0.lock().unwrap().keys().cloned().collect()
    }

    fn end(&self, name: &str, state: ExecutionState, stopped: Timestamp) {
        let mut executions = self.0.lock().unwrap();
        let execution = executions.get_mut(name).unwrap();
        execution.state = state;
        execution.stopped = Some(stopped);
    }
}

#[async_trait]
impl Executions for Workflow {
    async fn start(&self, name: &str, input: &WorkflowInput) -> Result<StartOutcome, ExecutionsError> {
        let mut executions = self.0.lock().unwrap();
        if executions.contains_key(name) {
            return Ok(StartOutcome::NameTaken);
        }
        let execution = Execution {
            run: input.run.clone(),
            state: ExecutionState::Running,
            stopped: None,
            error: None,
            message: None,
        };
        executions.insert(name.to_owned(), execution);
        self.1.lock().unwrap().push(input.clone());
        Ok(StartOutcome::Started)
    }

    async fn find(&self, name: &str) -> Result<Option<Execution>, ExecutionsError> {
        // Let other tasks run between a lookup and a start.
        tokio::task::yield_now().await;
        Ok(self.0.lock().unwrap().get(name).cloned())
    }
}

/// The timers that are set, with their expressions.
#[derive(Default)]
struct SetTimers {
    expressions: Mutex<BTreeMap<String, String>>,
    /// Another version of a schedule, which someone writes while its timer is set.
    rewrite: Mutex<Option<(Arc<MemoryStore>, ObjectKey, &'static str)>>,
}

#[async_trait]
impl Timers for SetTimers {
    async fn set(&self, name: &ScheduleName, schedule: &Schedule) -> Result<(), TimersError> {
        let rewrite = self.rewrite.lock().unwrap().take();
        if let Some((store, key, text)) = rewrite {
            store.put(&key, text.into()).await.unwrap();
        }
        self.expressions.lock().unwrap().insert(name.to_string(), schedule.when.to_string());
        Ok(())
    }

    async fn remove(&self, name: &ScheduleName) -> Result<(), TimersError> {
        self.expressions.lock().unwrap().remove(name.as_str());
        Ok(())
    }
}

struct Bank {
    store: Arc<MemoryStore>,
    vault: Vault,
    workflow: Workflow,
    timers: SetTimers,
}

#[async_trait]
impl Source for Bank {
    async fn material(&self) -> Result<Material, Error> {
        let data = |name: &str| std::fs::read(format!("{}/../../data/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap();
        Ok(Material {
            institution: contracts::institution::Institution::UsBank,
            approvals: phrases::materials::packaged_approvals(),
            settings: Settings::default(),
            catalogue: Catalogue::from_json(&data("catalogue.json")).unwrap(),
            phrases: Digest::of(b"phrases"),
            languages: contracts::Languages::default(),
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
        let vault = Vault::new(store.clone(), Keys::new([1; 32], [2; 32]));
        Self { vault, store, workflow: Workflow::default(), timers: SetTimers::default() }
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
        let limits =
            WorkflowLimits { concurrency: 2, tolerated_failure_percentage: 5, customers: None, dry_run: false };
        Deps { vault: &self.vault, source: self, executions: &self.workflow, limits }
    }

    async fn handle(&self, event: StartEvent) -> Result<EventOutcome, Error> {
        run(event, &self.deps(), &self.timers, at(0)).await
    }

    async fn event(&self, event: StartEvent) -> EventOutcome {
        self.handle(event).await.unwrap()
    }

    async fn put_schedule(&self, name: &str, text: &str) {
        self.store.put(&schedule_key(name), text.to_owned().into()).await.unwrap();
    }

    async fn request(&self, run: &RunId) -> Request {
        let key = ObjectKey::Run(run.clone(), RunPart::Request);
        self.vault.read_json(Owner::Run, &key).await.unwrap().0
    }
}

const MONDAYS: &str = "when = \"cron(0 8 ? * MON *)\"\n";

fn schedule_name(name: &str) -> ScheduleName {
    ScheduleName::parse(name).unwrap()
}

fn schedule_key(name: &str) -> ObjectKey {
    ObjectKey::Schedule(schedule_name(name))
}

fn due(name: &str, second: i64) -> StartEvent {
    StartEvent::Schedule { name: schedule_name(name), at: at(second), batch: None }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn uploaded(batch: &str, workbook: Workbook, second: i64) -> StartEvent {
    let key = ObjectKey::Incoming(Batch::parse(batch).unwrap(), workbook).to_string();
    StartEvent::Uploaded { key, at: at(second) }
}

fn started(outcome: EventOutcome) -> StartedRun {
    let EventOutcome::Started(started) = outcome else { panic!("{outcome:?}") };
    started
}

#[tokio::test]
async fn batch_starts_once_for_any_order_of_events() {
    let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    for order in orders {
        let bank = Bank::new();
        for (position, index) in order.into_iter().enumerate() {
            let workbook = Workbook::ALL[index];
            bank.put("b", workbook, "rows").await;
            for _ in 0..2 {
                let outcome = bank.event(uploaded("b", workbook, 0)).await;
                match outcome {
                    EventOutcome::Waiting { missing } => assert_eq!(missing.len(), 2 - position),
                    outcome => assert!(position == 2 && matches!(outcome, EventOutcome::Started(_)), "{outcome:?}"),
                }
            }
        }
        assert_eq!(bank.workflow.names().len(), 1, "{order:?}");
    }
}

#[tokio::test]
async fn concurrent_events_start_one_execution() {
    let bank = Bank::new();
    bank.upload("b").await;
    let deps = bank.deps();
    let event = |workbook| run(uploaded("b", workbook, 0), &deps, &bank.timers, at(0));
    let (a, b, c) = tokio::join!(event(Workbook::Profile), event(Workbook::Transactions), event(Workbook::Tweets));
    let all = [a, b, c].map(|outcome| started(outcome.unwrap()));
    assert_eq!(bank.workflow.names().len(), 1);
    assert!(all.iter().all(|started| started.run == all[0].run));
    assert_eq!(all.iter().filter(|started| !started.already).count(), 1, "{all:?}");
}

#[tokio::test]
async fn failed_batch_restarts_on_new_upload_only() {
    let bank = Bank::new();
    bank.upload("b").await;
    let first = started(bank.event(uploaded("b", Workbook::Tweets, 0)).await);
    bank.workflow.end(&first.execution, ExecutionState::Failed, at(10));

    let late = started(bank.event(uploaded("b", Workbook::Profile, 5)).await);
    assert_eq!((late.execution, late.already), (first.execution.clone(), true));
    let again = started(bank.event(uploaded("b", Workbook::Profile, 20)).await);
    assert_eq!((again.run, again.already), (first.run, false), "a new attempt of the same run");
    assert_ne!(again.execution, first.execution);

    bank.workflow.end(&again.execution, ExecutionState::Succeeded, at(30));
    assert!(
        started(bank.event(uploaded("b", Workbook::Profile, 40)).await).already,
        "a successful run is not restarted"
    );
}

#[tokio::test]
async fn changed_batch_is_new_run() {
    let bank = Bank::new();
    bank.upload("b").await;
    let first = started(bank.event(uploaded("b", Workbook::Tweets, 0)).await);
    bank.put("b", Workbook::Tweets, "changed").await;
    let second = started(bank.event(uploaded("b", Workbook::Tweets, 1)).await);
    assert!(!second.already && second.run != first.run && second.execution != first.execution);
}

#[tokio::test]
async fn schedule_starts_once_per_due_time() {
    let bank = Bank::new();
    bank.upload("old").await;
    bank.put_schedule("campaign", MONDAYS).await;
    let first = started(bank.event(due("campaign", 0)).await);
    assert!(started(bank.event(due("campaign", 0)).await).already);
    let next = started(bank.event(due("campaign", 7 * 86_400)).await);
    assert!(!next.already && next.run != first.run);
    assert_eq!(first.execution, "schedule-campaign-20270115T080000Z-0");
}

#[tokio::test]
async fn schedule_without_complete_batch_fails() {
    let bank = Bank::new();
    bank.put("half", Workbook::Tweets, "rows").await;
    bank.put_schedule("campaign", MONDAYS).await;
    let error = bank.handle(due("campaign", 0)).await.unwrap_err();
    assert_eq!(error.name(), ErrorName::InputMissingWorkbook);
}

#[tokio::test]
async fn schedules_start_with_their_own_options() {
    let bank = Bank::new();
    bank.upload("may").await;
    bank.upload("june").await;
    let listed = bank.vault.keys().reference(&CustomerId::parse("0001").unwrap());
    let creator = Digest::of(b"ann");
    let travel = "segment = \"need:travel\"\nshape = \"9:16\"\nbatch = \"may\"\nmax_customers = 3\n";
    bank.put_schedule("travel", &format!("{MONDAYS}{travel}")).await;
    let vip = format!("customers = [\"{listed}\"]\ncreated_by = \"{creator}\"\nvideo = false\nbudget_usd = 0.0\n");
    bank.put_schedule("vip", &format!("{MONDAYS}{vip}")).await;
    bank.put_schedule("all", MONDAYS).await;

    let mut runs = Vec::new();
    for name in ["travel", "vip", "all"] {
        runs.push(started(bank.event(due(name, 0)).await).run);
    }
    let [travel, vip, all] = [&runs[0], &runs[1], &runs[2]];
    let request = bank.request(travel).await;
    assert_eq!(request.schedule, Some(schedule_name("travel")));
    assert_eq!(request.segment.unwrap().to_string(), "need:travel");
    assert_eq!((request.batch.as_str(), request.shape.as_str(), request.videos), ("may", "9:16", None));
    let request = bank.request(vip).await;
    assert_eq!((request.customers.len(), request.customers.contains(&listed), request.videos), (1, true, Some(0)));
    assert!(matches!(request.trigger, Trigger::Schedule { caller, .. } if caller == Some(creator)));
    let request = bank.request(all).await;
    assert_eq!((request.segment, request.customers.len(), request.batch.as_str()), (None, 0, "may"));

    let limits: Vec<_> = bank.workflow.1.lock().unwrap().iter().map(|input| input.limit).collect();
    assert_eq!(limits, [Some(3), None, None], "customers without a cost fit any budget");
    let started_by = bank.store.list(&Prefix::Started(creator, RunKind::Campaign)).await.unwrap();
    assert_eq!(started_by.len(), 1, "the creator may not approve the results of the schedule's runs");
    let record = bank.store.get(&ObjectKey::Campaign(vip.clone())).await.unwrap();
    assert_eq!(serde_json::from_slice::<CampaignRecord>(&record).unwrap().bounds.budget_usd, Some(0.0));
}

#[tokio::test]
async fn schedule_does_not_start_if_paused_deleted_quiet_or_invalid() {
    let bank = Bank::new();
    bank.upload("b").await;
    bank.put_schedule("paused", &format!("{MONDAYS}paused = true\n")).await;
    assert_eq!(bank.event(due("paused", 0)).await, EventOutcome::Ignored);
    // It is 08:00 in UTC, and 20:00 or later in Auckland.
    let quiet = "when = \"cron(0 9 ? * * *)\"\ntime_zone = \"Pacific/Auckland\"\nquiet_hours = { from = \"20:00\", to = \"08:00\" }\n";
    bank.put_schedule("late", quiet).await;
    bank.put_schedule("invalid", "when = \"weekly\"\n").await;
    bank.put_schedule("unknown", &format!("{MONDAYS}segment = \"holds:no-such\"\n")).await;
    for (name, expected) in [
        ("late", ErrorName::StartNotNow),
        ("invalid", ErrorName::ConfigInvalid),
        ("unknown", ErrorName::ConfigInvalid),
        ("deleted", ErrorName::InputInvalidRequest),
    ] {
        assert_eq!(bank.handle(due(name, 0)).await.unwrap_err().name(), expected, "{name}");
    }
    assert!(bank.workflow.names().is_empty());
    let by_hand = StartEvent::Schedule { name: schedule_name("repair"), at: at(0), batch: Batch::parse("b").ok() };
    assert!(!started(bank.event(by_hand).await).already, "an operator who names a batch needs no file");
}

#[tokio::test]
async fn timer_follows_the_file_whatever_the_event() {
    let bank = Bank::new();
    let changed = || StartEvent::ScheduleChanged { name: schedule_name("travel") };
    let set = || bank.timers.expressions.lock().unwrap().get("travel").cloned();
    bank.put_schedule("travel", MONDAYS).await;
    assert_eq!(bank.event(changed()).await, EventOutcome::TimerSet { schedule: schedule_name("travel") });
    assert_eq!(set().as_deref(), Some("cron(0 8 ? * MON *)"));

    // The file changes while its timer is set.
    *bank.timers.rewrite.lock().unwrap() =
        Some((bank.store.clone(), schedule_key("travel"), "when = \"rate(2 days)\"\n"));
    bank.event(changed()).await;
    assert_eq!(set().as_deref(), Some("rate(2 days)"));

    bank.put_schedule("travel", "when = \"never\"\n").await;
    assert_eq!(bank.handle(changed()).await.unwrap_err().name(), ErrorName::ConfigInvalid);
    bank.store.delete(&schedule_key("travel")).await.unwrap();
    for _ in 0..2 {
        assert_eq!(bank.event(changed()).await, EventOutcome::TimerRemoved { schedule: schedule_name("travel") });
        assert_eq!(set(), None);
    }
}

#[tokio::test]
async fn call_starts_once_per_key() {
    let bank = Bank::new();
    bank.upload("b").await;
    let only = Some(bank.vault.keys().reference(&contracts::CustomerId::parse("0001").unwrap()));
    let options = || RunOptions { only: only.clone(), ..RunOptions::default() };
    let key = Digest::of(b"key");
    let caller = Digest::of(b"caller");
    let first = call(key, caller, None, options(), &bank.deps()).await.unwrap();
    let again = call(key, caller, None, options(), &bank.deps()).await.unwrap();
    let other = call(Digest::of(b"other"), caller, None, options(), &bank.deps()).await.unwrap();
    assert_eq!((first.already, again.already, other.already), (false, true, false));
    assert_eq!(first.run, again.run);
    assert_ne!(first.run, other.run);

    bank.workflow.end(&first.execution, ExecutionState::Failed, Timestamp::UNIX_EPOCH);
    let different = RunOptions { prompt: Some("Be brief.".to_owned()), ..options() };
    let refused = call(key, caller, None, different, &bank.deps()).await.unwrap();
    assert_eq!((refused.run, refused.already), (first.run.clone(), true), "the key belongs to the first request");
    let retried = call(key, caller, None, options(), &bank.deps()).await.unwrap();
    assert_eq!((retried.run, retried.already), (first.run, false));
}

#[tokio::test]
async fn incomplete_batch_is_reported_after_grace_period() {
    let bank = Bank::new();
    bank.upload("whole").await;
    bank.put("half", Workbook::Tweets, "rows").await;
    // Objects in memory have the oldest possible time.
    let EventOutcome::Checked { incomplete } = bank.event(StartEvent::CheckIncomplete).await else { panic!() };
    assert_eq!(incomplete.len(), 1);
    assert_eq!(incomplete[0].batch.as_str(), "half");
    assert_eq!(incomplete[0].missing, [Workbook::Profile, Workbook::Transactions]);
}

#[tokio::test]
async fn api_upload_starts_only_if_a_call_names_it() {
    let bank = Bank::new();
    let through_api = Batch::through_api("4c1f09a2").unwrap();
    bank.upload(through_api.as_str()).await;
    assert_eq!(bank.event(uploaded(through_api.as_str(), Workbook::Tweets, 0)).await, EventOutcome::Ignored);
    bank.put_schedule("campaign", MONDAYS).await;
    assert!(bank.handle(due("campaign", 0)).await.is_err());
    let named =
        call(Digest::of(b"key"), Digest::of(b"ann"), Some(through_api), RunOptions::default(), &bank.deps()).await;
    assert!(!named.unwrap().already, "a call that names the batch starts it");
}

#[tokio::test]
async fn other_objects_are_ignored() {
    let bank = Bank::new();
    for key in ["incoming/b/", "incoming/b/notes.txt", "incoming/customer_profile.xlsx", "config/bespoke.toml"] {
        let outcome = bank.event(StartEvent::Uploaded { key: key.to_owned(), at: at(0) }).await;
        assert_eq!(outcome, EventOutcome::Ignored, "{key}");
    }
}

#[test]
fn execution_names_are_valid_in_step_functions() {
    let mut request = Request::for_tests();
    let triggers = [
        Trigger::Upload,
        Trigger::Schedule { name: "n".repeat(40), at: at(0), caller: None },
        Trigger::Call { key: Digest::of(b"k"), caller: Digest::of(b"c") },
    ];
    for trigger in triggers {
        request.trigger = trigger;
        let name = execution_name(&request, 99);
        assert!(name.len() <= 80 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'), "{name}");
    }
}
