//! Runs the merge stage alone, as the command does, for `make bench`. It reads the workbooks in one folder and writes
//! the sealed dataset into another, with its own keys.
//!
//! Usage: `EXCEL_PASSWORD=… intake DATA OUT`

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use contracts::catalogue::Catalogue;
use contracts::key::RunPart;
use contracts::request::Request;
use contracts::settings::Settings;
use contracts::stage::MergeInput;
use contracts::{Digest, ObjectKey};
use jiff::Timestamp;
use runner::folder::FolderStore;
use runner::secrets::LocalSecrets;
use storage::vault::{Keys, Owner, Vault};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, data, out] = arguments.as_slice() else { return Err("usage: intake DATA OUT".into()) };
    let settings = Settings::default();
    let secrets = LocalSecrets::new(Path::new(out).join("keys.toml"));
    let catalogue = Catalogue::from_json(&std::fs::read("data/catalogue.json")?)?;
    let request = Request::for_tests();
    let store = FolderStore::open(Path::new(out))?.mount(&format!("incoming/{}", request.batch), Path::new(data));
    let vault = Vault::new(Arc::new(store), Keys::from_secrets(&secrets).await?);
    let request = Request {
        upload: merge::upload_digest(vault.store(), &request.batch).await?,
        catalogue: catalogue.digest(),
        settings: settings.digest(),
        ..request
    };
    let run = request.run_id();
    let key = ObjectKey::Run(run.clone(), RunPart::Request);
    vault.write_json(Owner::Run, &key, &Digest::of_json(&request), request.clone()).await?;
    let now = Timestamp::now();
    let deps = merge::Deps { vault: &vault, secrets: &secrets, settings: &settings, catalogue: &catalogue, now };
    let output = merge::run(MergeInput { run, batch: request.batch }, &deps).await?;
    anstream::println!("{} customers", output.customers);
    Ok(())
}
