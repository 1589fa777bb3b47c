//! The closed lists of values in the API.

use contracts::evidence::Outcome;
use contracts::executions::{Execution, ExecutionState};
use serde::Serialize;
use utoipa::ToSchema;

/// A line of business. The list is the same on every server.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents `contracts::catalogue::Category`")]
pub(crate) enum CategoryName {
    #[schema(rename = "Consumer and Small Business Banking")]
    ConsumerAndSmallBusiness,
    #[schema(rename = "Consumer Lending")]
    ConsumerLending,
    #[schema(rename = "Corporate and Investment Banking")]
    CorporateAndInvestment,
    #[schema(rename = "Wealth and Investment Management")]
    Wealth,
    #[schema(rename = "Commercial Banking")]
    Commercial,
}

/// The author of the text.
///
/// - `phrases`: the program or a model, by selecting approved sentences.
/// - `model`: a model, in its own words.
/// - `template`: the former template writer. Only results of version 0.1.0 have it.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
#[expect(dead_code, reason = "documents `contracts::script::WrittenBy`")]
pub(crate) enum AuthorName {
    Phrases,
    Model,
    Template,
}

/// The aspect ratio of a video, width to height.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documents `contracts::media::Shape`")]
pub(crate) enum ShapeName {
    #[schema(rename = "16:9")]
    Wide,
    #[schema(rename = "9:16")]
    Tall,
    #[schema(rename = "1:1")]
    Square,
}

/// The writer of the text.
///
/// - `phrases`: the program selects approved sentences.
/// - `select`: a model selects among the approved sentences.
/// - `free`: a model writes the text. A reviewer must approve it, unless the settings waive that.
///
/// A model never writes a service message. The phrasebook replaces `select` and `free` if no model is enabled, or if the
/// model gives no usable text. The request still succeeds, and `written_by.fallback_reason` says why.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
#[expect(dead_code, reason = "documents `contracts::model::WriterMode`")]
pub(crate) enum WriterName {
    Phrases,
    Select,
    Free,
}

/// A step of the pipeline, in order of execution.
///
/// - `merge`: reads the batch's workbooks and joins them by customer.
/// - `assess`: checks consent and ranks products.
/// - `recommend`: writes the text and checks it with the guard.
/// - `narrate`: turns the text into speech.
/// - `render`: makes the video.
/// - `publish`: reads consent again and publishes the result, or submits it for review.
/// - `finalize`: records one outcome for each customer.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
#[expect(dead_code, reason = "documents `contracts::stage::Stage`")]
pub(crate) enum StageName {
    Merge,
    Assess,
    Recommend,
    Narrate,
    Render,
    Publish,
    Finalize,
}

/// The legal kind of a product. It determines which rules and disclosures apply.
///
/// - `deposit`: an insured deposit (Regulation DD).
/// - `credit-card`: a credit card (Regulation Z).
/// - `loan`: other credit that is not secured by a home (Regulation Z).
/// - `mortgage`: credit that is secured by a home.
/// - `investment`: not a deposit, not insured, may lose value.
/// - `service`: neither a deposit nor credit.
#[derive(ToSchema)]
#[schema(as = ProductKind, rename_all = "kebab-case")]
#[expect(dead_code, reason = "documents `contracts::catalogue::ProductKind`")]
pub(crate) enum ProductKindName {
    Deposit,
    CreditCard,
    Loan,
    Mortgage,
    Investment,
    Service,
}

/// A program or service that turns text into speech.
///
/// - `kokoro`: a neural voice model that runs on the server itself.
/// - `espeak`: the espeak-ng program on the server itself. It is fast but sounds robotic.
/// - `polly`: Amazon Polly in the bank's own AWS account.
/// - `openai`: an outside service that uses OpenAI's protocol. It is off by default.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
#[expect(dead_code, reason = "documents `contracts::voice::Engine`")]
pub(crate) enum VoiceEngine {
    Kokoro,
    Espeak,
    Polly,
    Openai,
}

/// The outcome of one customer's part of a run.
///
/// - `published`: the text was published, and the video if one was requested.
/// - `skipped`: the customer gets no message. The reason says why.
/// - `in-review`: a reviewer must approve the result before it is published. After the decision, the outcome is
///   `published` or `skipped`.
/// - `failed`: a stage failed for this customer. To try again, see *Retries*.
/// - `recalled`: the result was published and then recalled. It stays `recalled` if the customer withdraws consent or is
///   suppressed later.
///
/// A later withdrawal of consent does not change the outcome `published`, but hides the content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum OutcomeName {
    /// The text is published, and the video if one was requested.
    Published,
    /// The customer gets no message.
    Skipped,
    /// The result is waiting for a reviewer.
    InReview,
    /// A stage failed.
    Failed,
    /// The result was published and recalled.
    Recalled,
}

impl From<&Outcome> for OutcomeName {
    fn from(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Published { .. } => Self::Published,
            Outcome::Skipped { .. } | Outcome::HeldOut => Self::Skipped,
            Outcome::InReview { .. } => Self::InReview,
            // Evidence never says that a customer was not started.
            Outcome::NotStarted | Outcome::Failed { .. } => Self::Failed,
        }
    }
}

/// The status of a run.
///
/// - `waiting`: the run is queued, and no stage has started. AWS does not queue runs, so there a new run has the status
///   `running`. On AWS, `waiting` means that Step Functions knows no execution of the run: the start was interrupted, or
///   the run failed more than 90 days ago. Do not poll such a run; repeat the request to start it.
/// - `running`: a stage has started.
/// - `done`: the run went through all customers, or a local server stopped it early for the reason in `stop_reason`. A
///   customer's outcome may be `failed` or `in-review`.
/// - `failed`: the run as a whole failed, for example because a workbook could not be read. `reason` says why. Customers
///   without an outcome then stay without one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum RunStatus {
    /// No stage has started.
    Waiting,
    /// A stage has started.
    Running,
    /// The run went through all customers, or stopped early.
    Done,
    /// The run as a whole failed.
    Failed,
}

impl RunStatus {
    /// Derives the status from the latest execution, or from the presence of a result if no execution is known.
    pub(crate) fn new(execution: Option<&Execution>, has_started: bool, has_result: bool) -> Self {
        match execution.map(|execution| execution.state) {
            Some(ExecutionState::Running) if has_started => Self::Running,
            Some(ExecutionState::Succeeded) => Self::Done,
            Some(ExecutionState::Failed) => Self::Failed,
            // Step Functions forgets an execution after 90 days.
            None if has_result => Self::Done,
            Some(ExecutionState::Running) | None => Self::Waiting,
        }
    }
}
