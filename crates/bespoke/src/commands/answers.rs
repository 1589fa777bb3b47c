//! `bespoke answers`: lists the answers that customers gave on their pages.

use std::fmt::Write as _;

use contracts::ErrorName;
use deliver::answers::{self, AnswerRow};
use runner::failure::Failure;

use super::context::{Context, open_artifacts, run_id};
use super::export::write;
use crate::cli::control::AnswersArgs;

pub(super) async fn execute(args: AnswersArgs, context: Context) -> Result<u8, Failure> {
    let run = run_id(args.run)?;
    let (_, vault, _) = open_artifacts(&args.artifacts).await?;
    let rows = answers::answers(&run, &vault).await?;
    if let Some(file) = &args.out {
        let invalid =
            || Failure::new(ErrorName::InputInvalidRequest, "--out is not the path of a file", "specify a file");
        let name = file.file_name().and_then(|name| name.to_str()).ok_or_else(invalid)?;
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
        write(folder.unwrap_or_else(|| ".".as_ref()), name, &answers::to_csv(&rows))?;
    }
    context.print(&rows, || to_text(&rows));
    Ok(0)
}

fn to_text(rows: &[AnswerRow]) -> String {
    if rows.is_empty() {
        return "no answers yet\n".to_owned();
    }
    let mut text = String::new();
    for AnswerRow { customer_id, reference, answer, product, because, at } in rows {
        let customer = if customer_id.is_empty() { reference } else { customer_id };
        let because = if because.is_empty() { String::new() } else { format!("  because: {because}") };
        let _infallible = writeln!(text, "{customer:<12}  {answer:<13} {product:<24} {at}{because}");
    }
    text
}
