//! The closed table of errors that the workflow or a person acts on.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! error_names {
    ($($(#[$doc:meta])* $variant:ident => $text:literal, $exit:expr, transient: $transient:literal;)*) => {
        /// The stable name of an error, as it stands in an execution's history, in `manifest.csv` and on the terminal.
        ///
        /// The names and their exit codes are documented in the README; a name is never given another meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum ErrorName {
            $($(#[$doc])* #[serde(rename = $text)] $variant,)*
        }

        impl ErrorName {
            /// Every name there is.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name as text, `Area.Reason`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// The exit code of the command that ends with this error.
            #[must_use]
            pub const fn exit_code(self) -> u8 {
                match self { $(Self::$variant => $exit,)* }
            }

            /// Whether the same call may succeed when it is made again.
            #[must_use]
            pub const fn is_transient(self) -> bool {
                match self { $(Self::$variant => $transient,)* }
            }
        }
    };
}

/// Exit code of a text that the guard refuses, and of a run that does not verify.
pub const EXIT_REFUSED: u8 = 1;
/// Exit code of a command line that cannot be understood, or of settings that cannot be used.
pub const EXIT_USAGE: u8 = 2;
/// Exit code of bad input.
pub const EXIT_INPUT: u8 = 3;
/// Exit code when there was nothing to do: no consent.
pub const EXIT_NOTHING_TO_DO: u8 = 4;
/// Exit code of a service, a program or a disk that failed.
pub const EXIT_SERVICE: u8 = 5;
/// Exit code of a run that was done in part, or of which something is held for review.
pub const EXIT_PARTLY: u8 = 6;

error_names! {
    /// The password does not open the workbook.
    InputWrongPassword => "Input.WrongPassword", EXIT_INPUT, transient: false;
    /// A workbook of the batch is not there.
    InputMissingWorkbook => "Input.MissingWorkbook", EXIT_INPUT, transient: false;
    /// The file is no `.xlsx` workbook, or a damaged one.
    InputNotAWorkbook => "Input.NotAWorkbook", EXIT_INPUT, transient: false;
    /// The workbook has no password, and the settings demand one.
    InputNotProtected => "Input.NotProtected", EXIT_INPUT, transient: false;
    /// A column or sheet that is needed is not there.
    InputMissingColumn => "Input.MissingColumn", EXIT_INPUT, transient: false;
    /// The workbooks can be read in more than one way.
    InputAmbiguous => "Input.Ambiguous", EXIT_INPUT, transient: false;
    /// More rows are bad than the settings allow.
    InputTooManyBadRows => "Input.TooManyBadRows", EXIT_INPUT, transient: false;
    /// The workbook is larger than the limits allow.
    InputTooLarge => "Input.TooLarge", EXIT_INPUT, transient: false;
    /// No customer of the batch has the id that was asked for.
    InputUnknownCustomer => "Input.UnknownCustomer", EXIT_INPUT, transient: false;
    /// The request, or the payload of a stage, is not what the stage takes.
    InputInvalidRequest => "Input.InvalidRequest", EXIT_USAGE, transient: false;
    /// The settings, the catalogue, the lexicon or the brand cannot be used.
    ConfigInvalid => "Config.Invalid", EXIT_USAGE, transient: false;
    /// The catalogue or the settings are no longer those with which the run was started.
    ConfigChanged => "Config.Changed", EXIT_INPUT, transient: false;
    /// A secret that is needed is not set.
    SecretMissing => "Secret.Missing", EXIT_USAGE, transient: false;
    /// The secrets cannot be reached.
    SecretUnavailable => "Secret.Unavailable", EXIT_SERVICE, transient: true;
    /// The store cannot be reached, refuses, or is full.
    StoreUnavailable => "Store.Unavailable", EXIT_SERVICE, transient: true;
    /// An object that an earlier stage must have written is not there.
    StoreNotFound => "Store.NotFound", EXIT_SERVICE, transient: false;
    /// Under the final key lies a result that was made from other inputs.
    StoreConflict => "Store.Conflict", EXIT_SERVICE, transient: false;
    /// A sealed object cannot be opened: another key, or changed bytes, or a forgotten customer.
    SealBroken => "Seal.Broken", EXIT_SERVICE, transient: false;
    /// The model service asks for patience for longer than one call can wait.
    WriterThrottled => "Writer.Throttled", EXIT_SERVICE, transient: true;
    /// The workflow's service cannot be reached or refuses.
    StartUnavailable => "Start.Unavailable", EXIT_SERVICE, transient: true;
    /// The speech engine is not installed.
    NarrateEngineMissing => "Narrate.EngineMissing", EXIT_SERVICE, transient: false;
    /// The speech engine failed.
    NarrateFailed => "Narrate.Failed", EXIT_SERVICE, transient: true;
    /// ffmpeg is not installed, or lacks what the graph needs.
    RenderEngineMissing => "Render.EngineMissing", EXIT_SERVICE, transient: false;
    /// ffmpeg failed, was killed, or ran out of time or disk.
    RenderFailed => "Render.Failed", EXIT_SERVICE, transient: true;
    /// A background, font, logo or piece of music is missing or cannot be read.
    RenderAssetBroken => "Render.AssetBroken", EXIT_INPUT, transient: false;
    /// No shipped font has a sign that the text needs.
    RenderMissingGlyph => "Render.MissingGlyph", EXIT_INPUT, transient: false;
    /// The finished video is not what it must be; the message names the measure.
    RenderOutOfRange => "Render.OutOfRange", EXIT_SERVICE, transient: false;
    /// Nothing waits for review where something was to be decided.
    ReviewNotWaiting => "Review.NotWaiting", EXIT_INPUT, transient: false;
    /// A retention hold forbids that a customer is forgotten.
    ForgetOnHold => "Forget.OnHold", EXIT_PARTLY, transient: false;
    /// A notice to the bank's own system did not arrive.
    DeliveryFailed => "Delivery.Failed", EXIT_SERVICE, transient: false;
    /// A record, or a file that a record names, is not what was written.
    EvidenceChanged => "Evidence.Changed", EXIT_REFUSED, transient: false;
    /// A record, or a file that a record names, is not there, and nothing says why.
    EvidenceMissing => "Evidence.Missing", EXIT_REFUSED, transient: false;
    /// There is a record or a file of the run that no record names.
    EvidenceUnexpected => "Evidence.Unexpected", EXIT_REFUSED, transient: false;
    /// A customer of the run ended in no outcome.
    RunIncomplete => "Run.Incomplete", EXIT_PARTLY, transient: false;
    /// The person who started the run stopped it.
    RunCancelled => "Run.Cancelled", EXIT_PARTLY, transient: false;
    /// Another process works on the same folder.
    RunBusy => "Run.Busy", EXIT_SERVICE, transient: false;
}

impl fmt::Display for ErrorName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An error with a name of the closed table. Its message never holds a secret, a cell's content, a prompt or a
/// customer id, because it lands in an execution's history.
pub trait NamedError: std::error::Error + Send + Sync + 'static {
    /// The error's name.
    fn name(&self) -> ErrorName;

    /// What the reader can do about it: a sentence fragment without a full stop, or nothing.
    fn help(&self) -> Option<String> {
        None
    }
}

/// The whole chain of an error's causes on one line, outermost first, joined by `: `.
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
    fn a_name_reads_the_same_as_text_and_as_json() {
        for name in ErrorName::ALL {
            assert_eq!(serde_json::to_value(name).unwrap(), name.as_str());
            assert!(name.as_str().split_once('.').is_some(), "{name}");
        }
    }
}
