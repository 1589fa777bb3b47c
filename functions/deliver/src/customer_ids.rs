//! Finds the bank's own customer ids for the references in a run.

use std::collections::HashMap;

use contracts::evidence::Manifest;
use contracts::key::{DatasetPart, RunPart};
use contracts::stage::IndexRow;
use contracts::{CustomerRef, DatasetId, ObjectKey, RunId};
use policy::customer::{CustomerRecord, open_record};
use storage::store::StoreError;
use storage::vault::{Vault, VaultError};

use crate::Error;

/// Reads a run's manifest. Fails if the run has not ended.
pub(crate) async fn read_manifest(run: &RunId, vault: &Vault) -> Result<Manifest, Error> {
    let key = ObjectKey::Run(run.clone(), RunPart::ManifestJson);
    let json = vault.store().find(&key).await?.ok_or_else(|| Error::NotEnded { run: run.clone() })?;
    serde_json::from_slice(&json).map_err(|source| Error::Malformed { key: key.to_string(), source })
}

/// Finds customer ids in a run's dataset.
pub(crate) struct CustomerIds {
    dataset: Option<DatasetId>,
    index: HashMap<CustomerRef, IndexRow>,
}

impl CustomerIds {
    /// Reads the index of the run that `manifest` belongs to.
    pub async fn new(manifest: &Manifest, run: &RunId, vault: &Vault) -> Result<Self, Error> {
        Ok(Self { dataset: manifest.dataset.clone(), index: read_index(run, vault).await? })
    }

    /// Reads the run's manifest and index. If the run has not ended yet, the result finds no ids.
    pub async fn of(run: &RunId, vault: &Vault) -> Result<Self, Error> {
        match read_manifest(run, vault).await {
            Ok(manifest) => Self::new(&manifest, run, vault).await,
            Err(Error::NotEnded { .. }) => Ok(Self { dataset: None, index: HashMap::new() }),
            Err(error) => Err(error),
        }
    }

    /// Returns a customer's id, or `None` if Bespoke has no record of it.
    pub async fn find(&self, reference: &CustomerRef, vault: &Vault) -> Result<Option<String>, Error> {
        match self.dataset.as_ref().zip(self.index.get(reference)) {
            Some((dataset, row)) => find_customer_id(dataset, row, vault).await,
            None => Ok(None),
        }
    }
}

async fn read_index(run: &RunId, vault: &Vault) -> Result<HashMap<CustomerRef, IndexRow>, Error> {
    let key = ObjectKey::Run(run.clone(), RunPart::Index);
    let index = vault.store().get(&key).await?;
    let rows = IndexRow::read_all(&index)
        .map_err(|_| VaultError::Broken { place: key.to_string(), reason: "not a valid customer index" })?;
    Ok(rows.into_iter().map(|row| (row.reference.clone(), row)).collect())
}

/// Reads a customer's id from their sealed row. Returns `None` if they refused or were erased, or if the dataset has
/// expired.
async fn find_customer_id(dataset: &DatasetId, row: &IndexRow, vault: &Vault) -> Result<Option<String>, Error> {
    let erasure = ObjectKey::Forgotten(row.reference.clone());
    if vault.store().find(&erasure).await?.is_some() {
        return Ok(None);
    }
    let key = ObjectKey::Dataset(dataset.clone(), DatasetPart::Customers);
    let bytes = match vault.store().get_range(&key, row.offset, row.length).await {
        Err(StoreError::NotFound { .. }) => return Ok(None),
        bytes => bytes?,
    };
    Ok(match open_record(vault, row, &bytes).await? {
        CustomerRecord::Given(customer) => Some(customer.id.reveal().to_owned()),
        CustomerRecord::Refused { .. } => None,
    })
}
