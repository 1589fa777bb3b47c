//! The Lambda of the merge stage.

use bespoke_aws::{Host, environment, secrets};
use contracts::stage::{MergeInput, Stage};
use contracts::{ErrorName, NamedError as _};
use jiff::Timestamp;
use storage::secret::SecretName;

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    let host = Host::start().await?;
    environment::required(secrets::variable(SecretName::WorkbookPassword))?;
    host.serve_stage(Stage::Merge, async |input: MergeInput| {
        let settings = host.settings().await?;
        let catalogue = host.catalogue().await?;
        let deps = merge::Deps {
            vault: &host.vault,
            secrets: &host.secrets,
            settings: &settings,
            catalogue: &catalogue,
            now: Timestamp::now(),
        };
        let mut merged = merge::run(input.clone(), &deps).await;
        // The password may have been rotated since this process fetched it.
        let wrong_password = merged.as_ref().is_err_and(|error| error.name() == ErrorName::InputWrongPassword);
        if wrong_password && host.secrets.renew(SecretName::WorkbookPassword).await? {
            merged = merge::run(input, &deps).await;
        }
        Ok(merged?)
    })
    .await
}
