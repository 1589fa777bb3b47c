//! `bespoke keys` rotates the data key.

use std::path::Path;

use contracts::text::counted;
use runner::failure::Failure;
use runner::project::Lock;
use runner::rotation::reseal;
use runner::secrets::LocalSecrets;
use serde_json::json;
use storage::vault::Keys;

use super::context::Context;
use crate::cli::tools::KeysCommand;

pub(super) async fn execute(command: KeysCommand, context: Context) -> Result<u8, Failure> {
    match command {
        KeysCommand::Rotate { artifacts } => rotate(&artifacts, context).await,
        KeysCommand::Retire => retire(context),
    }
}

async fn rotate(artifacts: &Path, context: Context) -> Result<u8, Failure> {
    // No run may read the keys while they change.
    let _lock = Lock::take(artifacts)?;
    let secrets = LocalSecrets::of_folder(artifacts);
    let began = secrets.begin_rotation()?;
    let resealed = reseal(artifacts, &Keys::from_secrets(&secrets).await?)?;
    context.print(&json!({ "new_key": began, "resealed": resealed }), || {
        let key = if began { "created a new data key" } else { "resumed an interrupted rotation of the data key" };
        format!(
            "{key}, and sealed {} in {} with it\n\
             Repeat this for every other artifacts folder and restored backup, then run: bespoke keys retire\n",
            counted(resealed, "object", "objects"),
            artifacts.display()
        )
    });
    Ok(0)
}

fn retire(context: Context) -> Result<u8, Failure> {
    let retired = LocalSecrets::new(LocalSecrets::default_key_file()).end_rotation()?;
    context.print(&json!({ "retired": retired }), || {
        if retired { "deleted the old data key\n".to_owned() } else { "there was no old data key\n".to_owned() }
    });
    Ok(0)
}
