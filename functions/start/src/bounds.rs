//! The bounds of a campaign, and their record beside its run.

use async_trait::async_trait;
use contracts::error::chain;
use contracts::executions::{Execution, Executions, ExecutionsError, StartOutcome};
use contracts::key::RunPart;
use contracts::request::Request;
use contracts::settings::Settings;
use contracts::stage::WorkflowInput;
use contracts::{ObjectKey, RunId};
use cost::prices::{customers_within, worst_case_on_aws};
use serde::{Deserialize, Serialize};
use storage::vault::{Owner, Vault, VaultError};

/// The upper bounds for a campaign. An absent bound means no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CampaignBounds {
    /// The number of customers who may get a recommendation, counted in the dataset's order.
    pub customers: Option<usize>,
    /// The maximum number of customers in progress at the same time.
    pub concurrency: Option<usize>,
    /// The budget for models and outside voice services in US dollars.
    pub budget_usd: Option<f64>,
}

/// The bounds of a campaign on AWS: `runs/<run>/campaign.json`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct CampaignRecord {
    /// Whether the campaign is a dry run.
    pub dry_run: bool,
    /// The bounds.
    pub bounds: CampaignBounds,
}

/// The executions of a campaign with bounds.
pub struct BoundedExecutions<'a> {
    /// The executions of the workflow.
    pub executions: &'a dyn Executions,
    /// The vault with the run's request and settings.
    pub vault: &'a Vault,
    /// The bounds.
    pub record: CampaignRecord,
}

impl BoundedExecutions<'_> {
    /// Stores the record, so that the page can show it. Returns the number of customers that the bounds allow, or `None`
    /// for all.
    async fn record(&self, run: &RunId) -> Result<Option<usize>, VaultError> {
        let json = serde_json::to_vec(&self.record).expect("numbers serialize to JSON");
        self.vault.store().put(&ObjectKey::Campaign(run.clone()), json.into()).await?;
        let CampaignBounds { customers, budget_usd, .. } = self.record.bounds;
        let Some(budget_usd) = budget_usd else { return Ok(customers) };
        let place = ObjectKey::Run(run.clone(), RunPart::Settings);
        let json = self.vault.store().get(&place).await?;
        let settings: Settings = serde_json::from_slice(&json).map_err(|error| VaultError::Malformed {
            place: place.to_string(),
            line: error.line(),
            column: error.column(),
        })?;
        let key = ObjectKey::Run(run.clone(), RunPart::Request);
        let (request, _): (Request, _) = self.vault.read_json(Owner::Run, &key).await?;
        let within = customers_within(budget_usd, worst_case_on_aws(&settings, &request));
        Ok(customers.into_iter().chain(within).min())
    }
}

#[async_trait]
impl Executions for BoundedExecutions<'_> {
    /// Starts the execution with the number of customers that the bounds allow.
    async fn start(&self, name: &str, input: &WorkflowInput) -> Result<StartOutcome, ExecutionsError> {
        let limit = self.record(&input.run).await.map_err(|error| ExecutionsError {
            name: name.to_owned(),
            action: "start",
            reason: chain(&error),
        })?;
        self.executions.start(name, &WorkflowInput { limit, ..input.clone() }).await
    }

    async fn find(&self, name: &str) -> Result<Option<Execution>, ExecutionsError> {
        self.executions.find(name).await
    }
}
