//! Opens a file on the desktop.

use std::path::Path;

use contracts::ErrorName;
use runner::failure::Failure;

/// Opens a file with the desktop's default program for it.
pub(super) fn open(file: &Path) -> Result<(), Failure> {
    let openers = ["xdg-open", "open"];
    let help = || format!("open {}", file.display());
    let Some(opener) = openers.into_iter().find_map(|name| which::which(name).ok()) else {
        let message = "this machine has no desktop to open the file";
        return Err(Failure::new(ErrorName::RenderEngineMissing, message, help()));
    };
    let ended = std::process::Command::new(&opener).arg(file).status();
    let status = ended.map_err(Failure::file(ErrorName::RenderEngineMissing, &opener))?;
    if status.success() {
        return Ok(());
    }
    Err(Failure::new(ErrorName::RenderEngineMissing, format!("{}: {status}", opener.display()), help()))
}
