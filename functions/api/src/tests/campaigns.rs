//! The status and the counts of campaigns.

use contracts::evidence::Manifest;
use contracts::key::RunPart;

use super::*;
use crate::view::{CampaignCounts, CampaignProgress, StageStatus};

impl Api {
    /// Starts a campaign as `rita` and returns its id.
    async fn campaign(&self) -> RunId {
        let request = Request::post("/v1/campaigns").header("subject", "rita").header("idempotency-key", "k");
        let (status, started) = self.call(request.header(header::CONTENT_TYPE, "application/json"), "{}").await;
        assert_eq!(status, StatusCode::ACCEPTED, "{started}");
        RunId::parse(started["id"].as_str().unwrap()).unwrap()
    }

    async fn shown(&self, run: &RunId) -> Value {
        let (status, campaign) = self.get("rita", &format!("/v1/campaigns/{run}")).await;
        assert_eq!(status, StatusCode::OK, "{campaign}");
        campaign
    }

    /// Writes the index of a batch with this many customers, as `merge` does.
    async fn write_index(&self, run: &RunId, customers: usize) {
        let row = |number| format!("{},0,1,{}\n", reference(number), Digest::of(b"row"));
        let index = format!("reference,offset,length,digest\n{}", (0..customers).map(row).collect::<String>());
        self.bank.store.put(&ObjectKey::Run(run.clone(), RunPart::Index), index.into()).await.unwrap();
    }

    fn set_local(&self, progress: CampaignProgress, customers: Option<usize>) {
        self.bank.is_local.store(true, Ordering::Relaxed);
        let bounds = CampaignBounds { customers, ..CampaignBounds::default() };
        let state = CampaignState { bounds, progress: Some(progress), ..CampaignState::default() };
        *self.bank.campaign.lock().unwrap() = Some(state);
    }
}

fn reference(number: usize) -> CustomerRef {
    CustomerRef::parse(format!("{number:032x}")).unwrap()
}

fn stage_started() -> RunEvent {
    RunEvent::of_stage(1, Timestamp::UNIX_EPOCH, Stage::Merge, StageStatus::Running)
}

#[tokio::test]
async fn queued_run_is_waiting_wherever_it_is_shown() {
    let api = Api::new().await;
    let campaign = api.campaign().await;
    let (run, _) = api.started_by("rita", "k2").await;
    api.bank.is_local.store(true, Ordering::Relaxed);
    for status in ["waiting", "running"] {
        assert_eq!(api.shown(&campaign).await["status"], status);
        for path in ["/v1/campaigns", "/v1/recommendations"] {
            let (_, page) = api.get("rita", path).await;
            assert_eq!(page["items"][0]["status"], status, "{path}");
        }
        let (_, shown) = api.get("rita", &format!("/v1/recommendations/{run}")).await;
        assert_eq!(shown["status"], status);
        api.bank.events.lock().unwrap().push(stage_started());
    }
}

#[tokio::test]
async fn customer_in_a_local_campaign_has_the_campaigns_status_and_no_stages() {
    let api = Api::new().await;
    let run = api.campaign().await;
    api.write_index(&run, 1).await;
    api.bank.is_local.store(true, Ordering::Relaxed);
    api.bank.events.lock().unwrap().push(stage_started());
    for (state, status) in [(ExecutionState::Running, "running"), (ExecutionState::Succeeded, "done")] {
        api.bank.workflow.end(run.as_str(), state, None);
        let (_, shown) = api.get("rita", &format!("/v1/recommendations/{run}~{}", reference(0))).await;
        assert_eq!((&shown["status"], &shown["stages"]), (&json!(status), &json!([])));
        assert!(shown.get("started_at").is_none(), "{shown}");
    }
}

#[tokio::test]
async fn customers_beyond_the_limit_have_the_status_waiting() {
    let api = Api::new().await;
    let run = api.campaign().await;
    api.write_index(&run, 5).await;
    let counts = CampaignCounts { published: 1, waiting: 1, ..CampaignCounts::default() };
    api.set_local(CampaignProgress { customers: 2, counts, ..CampaignProgress::default() }, Some(2));
    let shown = api.shown(&run).await;
    assert_eq!((&shown["customers"], &shown["counts"]["waiting"]), (&json!(5), &json!(4)));
}

#[tokio::test]
async fn on_a_local_server_decisions_after_the_end_change_the_counts() {
    let api = Api::new().await;
    let run = api.campaign().await;
    api.write_index(&run, 1).await;
    let counts = CampaignCounts { in_review: 1, ..CampaignCounts::default() };
    let own = CampaignProgress {
        customers: 1,
        counts,
        rate_per_minute: Some(2.0),
        spent_usd: Some(0.5),
        ..CampaignProgress::default()
    };
    api.set_local(own, None);
    assert_eq!(api.shown(&run).await["rate_per_minute"], 2.0);
    let manifest = Manifest {
        run: run.clone(),
        dataset: None,
        customers: 1,
        counts: BTreeMap::from([("published".to_owned(), 1)]),
        entries: Vec::new(),
        chain: Digest::of(b""),
        seal: None,
    };
    let json = serde_json::to_vec(&manifest).unwrap();
    api.bank.store.put(&ObjectKey::Run(run.clone(), RunPart::ManifestJson), json.into()).await.unwrap();
    api.bank.workflow.end(run.as_str(), ExecutionState::Failed, Some("Store.Unavailable"));
    assert_eq!(api.shown(&run).await["counts"]["in_review"], 1, "the manifest may be that of an earlier attempt");
    api.bank.workflow.end(run.as_str(), ExecutionState::Succeeded, None);
    let shown = api.shown(&run).await;
    assert_eq!((&shown["counts"]["published"], &shown["counts"]["in_review"]), (&json!(1), &json!(0)));
    assert_eq!(shown["spent_usd"], 0.5);
    assert!(shown.get("rate_per_minute").is_none(), "{shown}");
}
