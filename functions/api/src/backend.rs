//! The interface to the system that executes runs (a port in the ports-and-adapters sense). Its adapters are the workflow
//! on AWS and the local server on one machine.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use axum::body::Bytes;
use contracts::brand::Brand;
use contracts::catalogue::Catalogue;
use contracts::executions::Executions;
use contracts::settings::Settings;
use contracts::stage::WorkflowLimits;
use contracts::{Batch, CustomerRef, Digest, RunId};
use http::request::Parts;
use serde::Serialize;
use serde_json::Value;
pub use start::CampaignBounds;
use start::Source;
use storage::store::UrlSigner;
use storage::vault::Vault;

use crate::problem::Problem;
use crate::role::Identity;
use crate::view::{CampaignProgress, RunEvent, VoiceOption};

/// The state of the router.
pub(crate) type SharedBackend = Arc<dyn Backend>;

/// The system behind the API.
#[async_trait]
pub trait Backend: Send + Sync + 'static {
    /// Returns the person who sent a request, or `None` if the request is not authenticated.
    fn identify(&self, request: &Parts) -> Option<Identity>;

    /// Completes a result after its review. `decided` is whether a decision is on record. If not, the review ended because
    /// the customer may no longer be contacted.
    async fn complete_review(&self, run: &RunId, reference: &CustomerRef, decided: bool) -> Result<(), Problem>;

    /// Completes a recall: removes copies of the files with these digests and notifies the bank's system.
    async fn complete_recall(&self, run: &RunId, files: BTreeSet<Digest>) -> Result<(), Problem>;

    /// Notifies the bank's system about a customer's answers in a run.
    async fn complete_answer(&self, run: &RunId, reference: &CustomerRef) -> Result<(), Problem>;

    /// Returns whether this process erases customers itself. Otherwise, the stored request invokes a function that erases them.
    fn erases(&self) -> bool;

    /// Completes an erasure by this process. Removes copies of the files with these digests, and all other copies of the
    /// customer's files.
    async fn complete_erasure(&self, customer: &CustomerRef, files: BTreeSet<Digest>) -> Result<(), Problem>;

    /// Returns the vault that holds all objects.
    fn vault(&self) -> &Vault;

    /// Returns the source of the materials for a new run.
    fn source(&self) -> &dyn Source;

    /// Reads the current product catalog.
    async fn catalogue(&self) -> Result<Catalogue, Problem>;

    /// Reads the bank's brand.
    async fn brand(&self) -> Result<Brand, Problem>;

    /// Reads a file of the brand. `path` comes from the brand, relative to the assets folder.
    async fn brand_file(&self, path: &str) -> Result<Bytes, Problem>;

    /// Reads the settings in effect.
    async fn settings(&self) -> Result<Settings, Problem>;

    /// Returns the executions of recommendations.
    fn executions(&self) -> &dyn Executions;

    /// Returns the workflow's limits.
    fn limits(&self) -> WorkflowLimits;

    /// Returns the executions and limits for a campaign within `bounds`. A dry run makes only a forecast.
    ///
    /// Fails if this backend does not support one of the bounds or dry runs.
    fn campaign_executions(
        &self,
        bounds: CampaignBounds,
        dry_run: bool,
    ) -> Result<(Box<dyn Executions + '_>, WorkflowLimits), Problem>;

    /// Returns this backend's own record of a campaign, or `None` if it does not keep one.
    async fn campaign_state(&self, run: &RunId) -> Result<Option<CampaignState>, Problem>;

    /// Returns this backend's event log, or `None` if the API must derive events from `progress/` objects.
    fn event_log(&self) -> Option<&dyn EventLog>;

    /// Returns the issuer of addresses for results and uploads.
    fn links(&self) -> &dyn UrlSigner;

    /// Returns the service where staff sign in, or `None` if callers use the server's own token instead.
    fn sign_in(&self) -> Option<&SignIn> {
        None
    }

    /// Returns the batch for requests that do not specify one. `None` means the newest complete batch.
    fn default_batch(&self) -> Option<Batch>;

    /// Returns how to enable the model if its key is set although the settings disable it. `None` also if this backend does
    /// not read the key.
    async fn model_hint(&self) -> Option<String> {
        None
    }

    /// Lists the voices, installed voices first.
    async fn voices(&self) -> Vec<VoiceOption>;

    /// Returns the other origins from which the page may load results and to which it may upload workbooks.
    fn origins(&self) -> &[String];

    /// Returns whether the backend runs on the caller's own machine.
    fn is_local(&self) -> bool;
}

/// The service where staff sign in, using an authorization code with PKCE (RFC 7636).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SignIn {
    /// The origin of the service.
    pub address: String,
    /// The page's client id.
    pub client: String,
}

/// A log of the events of each single-customer run. Event numbers survive a restart.
#[async_trait]
pub trait EventLog: Send + Sync {
    /// Returns a run's events with numbers above `after`.
    async fn events(&self, run: &RunId, after: u64) -> Result<Vec<RunEvent>, Problem>;

    /// Waits until a run has an event with a number above `after`. Returns false if the server stops first.
    async fn wait(&self, run: &RunId, after: u64) -> bool;
}

/// A backend's own record of a campaign.
#[derive(Clone, Debug, Default)]
pub struct CampaignState {
    /// Whether the campaign is a dry run.
    pub dry_run: bool,
    /// The bounds that the campaign was started with.
    pub bounds: CampaignBounds,
    /// The progress. `None` for a dry run, or if the campaign has not run since a local server started.
    pub progress: Option<CampaignProgress>,
    /// The forecast of a dry run, a JSON object.
    pub forecast: Option<Value>,
    /// The decisions in a dry run, one per customer.
    pub decisions: Vec<DryRunDecision>,
    /// The reason why the campaign stopped early.
    pub stop_reason: Option<String>,
}

/// The decision of a dry run for one customer.
#[derive(Clone, Debug)]
pub struct DryRunDecision {
    /// The customer.
    pub reference: CustomerRef,
    /// The reason why the customer would be skipped or held out. `None` if they would get a recommendation.
    pub skip_reason: Option<String>,
}
