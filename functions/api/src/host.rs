//! The port to whatever runs the recommendations: the workflow on AWS, or the server on one machine.

use std::collections::BTreeSet;

use async_trait::async_trait;
use axum::body::{Body, BodyDataStream};
use contracts::brand::Brand;
use contracts::catalogue::Catalogue;
use contracts::executions::Executions;
use contracts::key::Workbook;
use contracts::settings::Settings;
use contracts::stage::WorkflowLimits;
use contracts::{Batch, CustomerRef, Digest, RunId};
use http::request::Parts;
use http::{Request, Response};
use start::Source;
use storage::store::UrlSigner;
use storage::vault::Vault;

use crate::campaigns::{Bounds, Known};
use crate::events::Event;
use crate::options::Voice;
use crate::problem::Problem;

/// What answers are made of.
#[async_trait]
pub trait Host: Send + Sync + 'static {
    /// The subject whom the gateway, or the server's own token, vouches for; nothing for a call that nobody vouches for.
    fn caller(&self, request: &Parts) -> Option<String>;

    /// The name under which the caller may decide about what waits for a person; nothing if they may not.
    fn reviewer(&self, request: &Parts) -> Option<String>;

    /// Lets the outcome of a decision follow. `task` is that of the workflow which waits for it.
    async fn follow(&self, run: &RunId, reference: &CustomerRef, task: Option<String>) -> Result<(), Problem>;

    /// Lets a recall follow: what is kept elsewhere of the files of these digests goes, and the bank's own system is told.
    async fn recalled(&self, run: &RunId, files: BTreeSet<Digest>) -> Result<(), Problem>;

    /// Where objects lie, sealed.
    fn vault(&self) -> &Vault;

    /// What a new run is started with.
    fn source(&self) -> &dyn Source;

    /// The approved products, as they are now.
    async fn catalogue(&self) -> Result<Catalogue, Problem>;

    /// How the bank looks.
    async fn brand(&self) -> Result<Brand, Problem>;

    /// The settings in force.
    async fn settings(&self) -> Result<Settings, Problem>;

    /// What executes runs.
    fn executions(&self) -> &dyn Executions;

    /// Of the workflow.
    fn limits(&self) -> WorkflowLimits;

    /// Makes addresses of results and for uploads.
    fn links(&self) -> &dyn UrlSigner;

    /// The batch that is meant when none is named; the newest complete one if nothing.
    fn batch(&self) -> Option<Batch>;

    /// The voices, those that can speak now first.
    async fn voices(&self) -> Vec<Voice>;

    /// Where else than from this server the page may load results from, and put uploads to: origins, for its policy.
    fn origins(&self) -> &[String];

    /// What only a server on one machine does; nothing on AWS.
    fn machine(&self) -> Option<&dyn Machine>;
}

/// What only a server on one machine does: it sees its runs as they go, and it is its own bucket.
#[async_trait]
pub trait Machine: Send + Sync {
    /// The events of a run after number `after`.
    async fn events(&self, run: &RunId, after: u64) -> Result<Vec<Event>, Problem>;

    /// Waits until the run has an event after number `after`. False if there will be none, because the server stops.
    async fn more(&self, run: &RunId, after: u64) -> bool;

    /// What executes a campaign within these bounds, or only looks what it would take.
    fn bounded(&self, bounds: Bounds, dry_run: bool) -> Box<dyn Executions + '_>;

    /// What is known of a campaign.
    async fn campaign(&self, run: &RunId) -> Result<Option<Known>, Problem>;

    /// A result, by the token of its link; of it the part that the request asks for.
    async fn media(&self, token: &str, request: Request<Body>) -> Result<Response<Body>, Problem>;

    /// Takes a workbook of an upload.
    async fn receive(&self, upload: &Batch, workbook: Workbook, body: BodyDataStream) -> Result<(), Problem>;
}
