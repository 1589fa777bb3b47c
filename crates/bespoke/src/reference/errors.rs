//! The reference page for errors.

use std::fmt::Write as _;

use contracts::ErrorName;
use contracts::error::{EXIT_INPUT, EXIT_NOTHING_TO_DO, EXIT_PARTLY, EXIT_REFUSED, EXIT_SERVICE, EXIT_USAGE};

use super::{NOTICE, cell};

const EXIT_CODES: [(u8, &str); 7] = [
    (0, "Done"),
    (EXIT_REFUSED, "The guard rejected text, or a run failed verification"),
    (EXIT_USAGE, "The command line or the settings are invalid"),
    (EXIT_INPUT, "The input is invalid"),
    (EXIT_NOTHING_TO_DO, "Nothing to do: no customer consented, may be contacted, or has a matching product"),
    (EXIT_SERVICE, "A service, a program or the disk failed"),
    (EXIT_PARTLY, "Partly done, in review, or stopped"),
];

/// Returns the page.
pub(super) fn page() -> String {
    let mut text = format!(
        "{NOTICE}\n\n# Errors\n\n\
         Every error has a stable name, which appears on the terminal, in `manifest.csv`, in the API and in the execution's \
         history on AWS. The runner and the workflow retry retryable errors automatically.\n\n\
         ## Exit codes\n\n| Code | Meaning |\n|---|---|\n"
    );
    for (code, meaning) in EXIT_CODES {
        let _infallible = writeln!(text, "| {code} | {meaning} |");
    }
    text.push_str("\n## Names\n\n| Name | Exit code | Retryable | Meaning | Remedy |\n|---|---|---|---|---|\n");
    for name in ErrorName::ALL {
        let retryable = if name.is_transient() { "yes" } else { "no" };
        let meaning = cell(name.meaning());
        let _infallible =
            writeln!(text, "| `{name}` | {} | {retryable} | {meaning} | {} |", name.exit_code(), remedy(*name));
    }
    text
}

/// Returns the remedy for an error.
const fn remedy(name: ErrorName) -> &'static str {
    match name {
        ErrorName::InputWrongPassword => "Set `EXCEL_PASSWORD` to the workbook's password.",
        ErrorName::InputMissingWorkbook => "Put all three workbooks into the folder or the batch.",
        ErrorName::InputNotAWorkbook => "Save the file as an `.xlsx` workbook.",
        ErrorName::InputNotProtected => "Set a password on the workbook, or set `intake.allow_unprotected`.",
        ErrorName::InputMissingColumn => "Add the column, or map the bank's name for it in `intake.columns`.",
        ErrorName::InputAmbiguous => {
            "Remove the other sheets, or choose one in `intake.sheets`. The message says what is ambiguous."
        }
        ErrorName::InputBadRow => "Correct the rows that the message lists, and import the table again.",
        ErrorName::InputTooManyBadRows => {
            "Correct the rows that `bespoke check` lists, or raise `intake.max_bad_rows`."
        }
        ErrorName::InputTooLarge => "Split the batch into smaller workbooks.",
        ErrorName::InputUnknownCustomer => "Check the id: ids are text, and `0001` is not `1`.",
        ErrorName::InputInvalidRequest => "Correct the option or field in the message.",
        ErrorName::InputKeyReused => "Send the changed request with a new key.",
        ErrorName::ConfigInvalid => "Correct the line or field in the message.",
        ErrorName::ConfigNotApproved => "Have another person approve it: `bespoke catalogue approve`.",
        ErrorName::AccessForbidden => {
            "Ask for the role that the message names, or have another person do it. On a machine with one user, see \
             `local.approve_own`."
        }
        ErrorName::ConfigChanged => "Start a new run.",
        ErrorName::SecretMissing => "Set the secret in the message.",
        ErrorName::SecretUnavailable => "Check the key file, or access to Secrets Manager.",
        ErrorName::StoreUnavailable => "Check the disk, or access to the bucket, and run again.",
        ErrorName::StoreNotFound => "Run the command again. To make all results again, add `--again`.",
        ErrorName::StoreConflict => "Run with `--again`.",
        ErrorName::SealBroken => "Use the keys that sealed the data. If bytes changed, restore a backup.",
        ErrorName::ConsentWithdrawn => "Nothing to do: Bespoke records the customer as skipped.",
        ErrorName::ControlIncomplete => {
            "Find out who changed `control/`, and restore the object. If the change was intended, run \
             `bespoke control --accept`."
        }
        ErrorName::WriterThrottled => "Set `writer.model.requests_per_minute`, or ask the service for a higher limit.",
        ErrorName::StartUnavailable => "Check access to Step Functions and EventBridge Scheduler, and try again.",
        ErrorName::StartNotNow => "Resume the schedule, or start the run again after the quiet hours.",
        ErrorName::NarrateEngineMissing => "Install the engine: `bespoke doctor` shows how.",
        ErrorName::NarrateThrottled => "Run again later, lower the concurrency, or ask for a higher quota.",
        ErrorName::NarrateFailed => "Run again, or choose another voice.",
        ErrorName::RenderEngineMissing => "Install ffmpeg: `bespoke doctor` shows how.",
        ErrorName::RenderFailed => "Check disk space and `video.deadline_seconds`, and run again.",
        ErrorName::RenderAssetBroken => "Replace the file in the message.",
        ErrorName::RenderMissingGlyph => "Add a font with the character to the brand.",
        ErrorName::RenderOutOfRange => "Check the measured value with `bespoke inspect`.",
        ErrorName::ReviewNotWaiting => "List the results in review: `bespoke review`.",
        ErrorName::ReviewChanged => "List the reviews again, and decide on what they show now.",
        ErrorName::ReviewOutdated => "Reject the result, and start a new run.",
        ErrorName::RecallNotPublished => "Check the id. A result in review can be rejected instead.",
        ErrorName::ForgetOnHold => "Remove the legal hold once the case has ended, and forget the customer then.",
        ErrorName::DeliveryFailed => "Check the webhook's server, and run `bespoke notify`.",
        ErrorName::EvidenceChanged | ErrorName::EvidenceMissing | ErrorName::EvidenceUnexpected => {
            "Find out who changed the store, and restore the object."
        }
        ErrorName::RunIncomplete | ErrorName::RunCancelled => "Run the same command again to continue.",
        ErrorName::RunCrashed => "See the log for the cause, correct it, and start the run again.",
        ErrorName::RunBusy => "Wait for the other process, or use another `--artifacts` folder.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_name_has_a_meaning() {
        for name in ErrorName::ALL {
            assert!(name.meaning().ends_with('.'), "{name}");
        }
    }
}
