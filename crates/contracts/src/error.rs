//! The closed list of errors that the workflow or a person can act on.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! error_names {
    ($($(#[doc = $doc:literal])* $variant:ident => $text:literal, $exit:expr, transient: $transient:literal;)*) => {
        /// The stable name of an error, as it appears in an execution's history, in `manifest.csv` and on the terminal.
        ///
        /// The reference documents names and exit codes. A name never changes its meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum ErrorName {
            $($(#[doc = $doc])* #[serde(rename = $text)] $variant,)*
        }

        impl ErrorName {
            /// All names.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Returns the name as text, `Area.Reason`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// Returns the meaning as one or more sentences.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),*).trim_ascii(),)* }
            }

            /// Returns the exit code of a command that fails with this error.
            #[must_use]
            pub const fn exit_code(self) -> u8 {
                match self { $(Self::$variant => $exit,)* }
            }

            /// Returns whether the same call may succeed on a retry.
            #[must_use]
            pub const fn is_transient(self) -> bool {
                match self { $(Self::$variant => $transient,)* }
            }
        }
    };
}

/// The exit code if the guard rejects text, a run fails verification, or a person lacks permission.
pub const EXIT_REFUSED: u8 = 1;
/// The exit code for an invalid command line or invalid settings.
pub const EXIT_USAGE: u8 = 2;
/// The exit code for bad input.
pub const EXIT_INPUT: u8 = 3;
/// The exit code if there was nothing to do, for example because the customer did not consent.
pub const EXIT_NOTHING_TO_DO: u8 = 4;
/// The exit code for a failed service, program or disk.
pub const EXIT_SERVICE: u8 = 5;
/// The exit code for a run that is partly done, or has results in review.
pub const EXIT_PARTLY: u8 = 6;

error_names! {
    /// The password is wrong for the workbook.
    InputWrongPassword => "Input.WrongPassword", EXIT_INPUT, transient: false;
    /// A workbook is missing from the batch.
    InputMissingWorkbook => "Input.MissingWorkbook", EXIT_INPUT, transient: false;
    /// The file is not an `.xlsx` workbook, or is damaged.
    InputNotAWorkbook => "Input.NotAWorkbook", EXIT_INPUT, transient: false;
    /// The workbook has no password, but the settings require one.
    InputNotProtected => "Input.NotProtected", EXIT_INPUT, transient: false;
    /// A required column or sheet is missing.
    InputMissingColumn => "Input.MissingColumn", EXIT_INPUT, transient: false;
    /// The workbooks can be read in more than one way.
    InputAmbiguous => "Input.Ambiguous", EXIT_INPUT, transient: false;
    /// A table has a bad row, so nothing was imported.
    InputBadRow => "Input.BadRow", EXIT_INPUT, transient: false;
    /// The workbooks have more bad rows than the settings allow.
    InputTooManyBadRows => "Input.TooManyBadRows", EXIT_INPUT, transient: false;
    /// The workbook is larger than the limits allow.
    InputTooLarge => "Input.TooLarge", EXIT_INPUT, transient: false;
    /// The batch has no customer with this id, or the customer has been erased.
    InputUnknownCustomer => "Input.UnknownCustomer", EXIT_INPUT, transient: false;
    /// The request is invalid.
    InputInvalidRequest => "Input.InvalidRequest", EXIT_USAGE, transient: false;
    /// The idempotency key of an API request was used for a different request.
    InputKeyReused => "Input.KeyReused", EXIT_USAGE, transient: false;
    /// The settings, the bank's materials, such as the catalog, or a control list are invalid.
    ConfigInvalid => "Config.Invalid", EXIT_USAGE, transient: false;
    /// An input, such as the catalog or the settings, changed since the run started.
    ConfigChanged => "Config.Changed", EXIT_INPUT, transient: false;
    /// No person other than the author has approved the catalog, the lexicon or a rule pack in its current form.
    ConfigNotApproved => "Config.NotApproved", EXIT_USAGE, transient: false;
    /// The person's roles do not permit this, or the person started the run and so cannot approve its results.
    AccessForbidden => "Access.Forbidden", EXIT_REFUSED, transient: false;
    /// The customer withdrew consent or was erased during the run, so no more of their data may be sent anywhere.
    ConsentWithdrawn => "Consent.Withdrawn", EXIT_NOTHING_TO_DO, transient: false;
    /// A control record that the ledger lists is missing or changed, so a withdrawal may have been deleted.
    ControlIncomplete => "Control.Incomplete", EXIT_REFUSED, transient: false;
    /// A required secret is missing or malformed.
    SecretMissing => "Secret.Missing", EXIT_USAGE, transient: false;
    /// The secret store cannot be reached.
    SecretUnavailable => "Secret.Unavailable", EXIT_SERVICE, transient: true;
    /// The store cannot be reached, refuses the request, or is full.
    StoreUnavailable => "Store.Unavailable", EXIT_SERVICE, transient: true;
    /// An object that an earlier stage should have written is missing.
    StoreNotFound => "Store.NotFound", EXIT_SERVICE, transient: false;
    /// The object key already holds a result from different inputs.
    StoreConflict => "Store.Conflict", EXIT_SERVICE, transient: false;
    /// A sealed object cannot be opened: the key differs, the bytes have changed, or the customer has been erased.
    SealBroken => "Seal.Broken", EXIT_SERVICE, transient: false;
    /// The model service has been throttling requests for longer than one call can wait.
    WriterThrottled => "Writer.Throttled", EXIT_SERVICE, transient: true;
    /// The workflow service refuses the request or cannot be reached.
    StartUnavailable => "Start.Unavailable", EXIT_SERVICE, transient: true;
    /// The schedule is paused, or no run may start in its quiet hours.
    StartNotNow => "Start.NotNow", EXIT_NOTHING_TO_DO, transient: false;
    /// The voice engine is not installed.
    NarrateEngineMissing => "Narrate.EngineMissing", EXIT_SERVICE, transient: false;
    /// The speech service has been throttling requests for longer than one call can wait.
    NarrateThrottled => "Narrate.Throttled", EXIT_SERVICE, transient: true;
    /// The voice engine failed.
    NarrateFailed => "Narrate.Failed", EXIT_SERVICE, transient: true;
    /// ffmpeg is not installed, or lacks a required feature.
    RenderEngineMissing => "Render.EngineMissing", EXIT_SERVICE, transient: false;
    /// ffmpeg failed, was killed, or ran out of time or disk.
    RenderFailed => "Render.Failed", EXIT_SERVICE, transient: true;
    /// A background, font, logo or music file is missing or cannot be read.
    RenderAssetBroken => "Render.AssetBroken", EXIT_INPUT, transient: false;
    /// No shipped font has a glyph that the text needs.
    RenderMissingGlyph => "Render.MissingGlyph", EXIT_INPUT, transient: false;
    /// A measurement of the finished video is out of range. The message says which one.
    RenderOutOfRange => "Render.OutOfRange", EXIT_SERVICE, transient: false;
    /// No result is in review, so there is nothing to decide.
    ReviewNotWaiting => "Review.NotWaiting", EXIT_INPUT, transient: false;
    /// The result in review is not the one that the reviewer saw.
    ReviewChanged => "Review.Changed", EXIT_INPUT, transient: false;
    /// The catalog or the brand has changed since the result in review was made, so it can only be rejected.
    ReviewOutdated => "Review.Outdated", EXIT_INPUT, transient: false;
    /// The recommendation was not published, so there is nothing to recall.
    RecallNotPublished => "Recall.NotPublished", EXIT_INPUT, transient: false;
    /// A legal hold forbids the erasure.
    ForgetOnHold => "Forget.OnHold", EXIT_PARTLY, transient: false;
    /// The bank's system did not accept a notification.
    DeliveryFailed => "Delivery.Failed", EXIT_SERVICE, transient: false;
    /// A record, or a file that it refers to, has changed since it was written.
    EvidenceChanged => "Evidence.Changed", EXIT_REFUSED, transient: false;
    /// A record, or a file that it refers to, is missing, and no record explains why.
    EvidenceMissing => "Evidence.Missing", EXIT_REFUSED, transient: false;
    /// The run has a record or file that no other record refers to.
    EvidenceUnexpected => "Evidence.Unexpected", EXIT_REFUSED, transient: false;
    /// A customer in the run has no outcome, for example because the run stopped after too many failures.
    RunIncomplete => "Run.Incomplete", EXIT_PARTLY, transient: false;
    /// The command or the server was stopped during the run. On AWS, an operator stopped the execution.
    RunCancelled => "Run.Cancelled", EXIT_PARTLY, transient: false;
    /// The server crashed twice during the run, and does not try again.
    RunCrashed => "Run.Crashed", EXIT_SERVICE, transient: false;
    /// Another process is using the same folder.
    RunBusy => "Run.Busy", EXIT_SERVICE, transient: false;
}

impl fmt::Display for ErrorName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An error with a name from the closed list. Its message appears in an execution's history, so it must not contain a
/// secret, a cell's content, a prompt or a customer id.
pub trait NamedError: std::error::Error + Send + Sync + 'static {
    /// Returns the error's name.
    fn name(&self) -> ErrorName;

    /// Returns advice on how to fix the error, if there is any: a sentence fragment without a period.
    fn help(&self) -> Option<String> {
        None
    }
}

/// Returns an error and all its causes on one line, outermost first, joined by `: `.
#[must_use]
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_is_the_same_as_text_and_json() {
        for name in ErrorName::ALL {
            assert_eq!(serde_json::to_value(name).unwrap(), name.as_str());
            assert!(name.as_str().split_once('.').is_some(), "{name}");
        }
    }
}
