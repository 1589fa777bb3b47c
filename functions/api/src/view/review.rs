//! Reviews and recalls.

use contracts::review::ReviewChoice;
use contracts::{Digest, RunId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::deserialize::recorded_reason;
use super::names::OutcomeName;
use super::recommendation::{ConsideredProduct, Offer, Paragraph, ResultLinks};

/// A result that is waiting for a reviewer.
#[derive(Serialize, ToSchema)]
pub(crate) struct PendingReview {
    /// The id of the run. The id of the recommendation for a recall is `RUN~CUSTOMER_REF`.
    #[schema(value_type = String)]
    pub(crate) run: RunId,
    /// The customer reference: 32 hexadecimal digits.
    #[schema(pattern = "^[0-9a-f]{32}$")]
    pub(crate) customer_ref: String,
    /// The human-readable reason why the result needs a review.
    pub(crate) reason: String,
    /// The time at which the review was requested.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) waiting_since: Timestamp,
    /// The digest that identifies the text and the files in review: 64 hexadecimal digits. A decision must repeat it.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    pub(crate) content_digest: String,
    /// The human-readable reason why the content cannot be shown. Such a result can be rejected but not approved.
    /// Absent if the content can be shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) unavailable_reason: Option<&'static str>,
    /// Whether the caller may approve the result. If not, they may only reject it, because the content cannot be shown, or
    /// because they started the run.
    pub(crate) may_approve: bool,
    /// The text as it will be published. It has passed the guard. Absent if the content cannot be shown.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) text: Vec<Paragraph>,
    /// The disclosures that accompany the text. Absent if there are none, or if the content cannot be shown.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) disclosures: Vec<String>,
    /// The offered products with the reasons for each, best first. Absent for a service message, and if the content cannot be
    /// shown.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) offers: Vec<Offer>,
    /// Every product that the ranking considered: eligible products first, and within each group the best first. Absent if
    /// the content cannot be shown.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) candidates: Vec<ConsideredProduct>,
    /// Links to the video, its captions and its poster. Absent if the result has no video, or if the content cannot be
    /// shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) links: Option<ResultLinks>,
}

/// Results that are waiting for a reviewer.
#[derive(Serialize, ToSchema)]
pub(crate) struct PendingReviewList {
    /// At most 100 results. First come the results of runs that another person started, oldest first, then the results of
    /// the caller's own runs, oldest first. If `has_more` is true, older results may be among those left out. Several
    /// reviewers get the same results.
    pub(crate) items: Vec<PendingReview>,
    /// Whether more results are waiting. There are no further pages: decide these and list again.
    pub(crate) has_more: bool,
}

/// A reviewer's decision.
///
/// - `approve`: publish the result exactly as it was shown.
/// - `reject`: never publish the result.
#[derive(Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ReviewDecision {
    /// Publish the result as it was shown.
    Approve,
    /// Never publish the result.
    Reject,
}

impl From<ReviewDecision> for ReviewChoice {
    fn from(decision: ReviewDecision) -> Self {
        match decision {
            ReviewDecision::Approve => Self::Approve,
            ReviewDecision::Reject => Self::Reject,
        }
    }
}

impl From<ReviewChoice> for ReviewDecision {
    fn from(choice: ReviewChoice) -> Self {
        match choice {
            ReviewChoice::Approve => Self::Approve,
            ReviewChoice::Reject => Self::Reject,
        }
    }
}

/// The request to record a review decision.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DecisionRequest {
    /// The decision.
    pub(crate) decision: ReviewDecision,
    /// The `content_digest` of the review that the reviewer saw: 64 hexadecimal digits. The server responds with 409 if
    /// the content has changed.
    #[schema(value_type = String, pattern = "^[0-9a-f]{64}$")]
    pub(crate) content_digest: Digest,
    /// The reason for the record: one line of at most 500 code points, and not blank. Optional.
    #[schema(
        min_length = 1,
        max_length = 500,
        pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$"
    )]
    #[serde(default, deserialize_with = "recorded_reason")]
    pub(crate) reason: Option<String>,
}

/// The decision in effect after the request.
#[derive(Serialize, ToSchema)]
pub(crate) struct DecisionResult {
    /// The decision in effect: the first one that any reviewer made. Absent if the customer may no longer be contacted.
    /// In that case, no decision is recorded, and the run skips the customer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) decision: Option<ReviewDecision>,
    /// The customer's outcome. Absent until the run has recorded it: on AWS, within seconds after the response.
    /// To read it, repeat the request. A later recall does not change it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) outcome: Option<OutcomeName>,
}

/// The request to recall a published recommendation. Without a reason, send the empty object `{}`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RecallRequest {
    /// The reason for the record: one line of at most 500 code points, and not blank. Optional.
    #[schema(
        min_length = 1,
        max_length = 500,
        pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$"
    )]
    #[serde(default, deserialize_with = "recorded_reason")]
    pub(crate) reason: Option<String>,
}
