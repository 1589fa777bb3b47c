//! `bespoke reference`: writes the generated reference pages.

use contracts::ErrorName;
use runner::failure::Failure;
use serde_json::json;

use super::context::Context;
use crate::cli::tools::ReferenceArgs;
use crate::reference;

pub(super) fn execute(args: &ReferenceArgs, context: Context) -> Result<u8, Failure> {
    let mut files = Vec::new();
    for (name, page) in reference::pages() {
        let path = args.out.join(name);
        std::fs::write(&path, page).map_err(Failure::file(ErrorName::StoreUnavailable, &path))?;
        files.push(path);
    }
    context.print(&json!({ "files": files }), || {
        let lines: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
        lines.join("\n") + "\n"
    });
    Ok(0)
}
