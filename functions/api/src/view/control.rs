//! Records of compliance.

use contracts::{CustomerId, RunId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A request about one customer.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CustomerRequest {
    /// The customer's id exactly as in the workbooks, including leading zeros.
    #[schema(value_type = String, max_length = 64, example = "0001", pattern = r"^[^\s\x00-\x1f\x7f-\x9f]([^\x00-\x1f\x7f-\x9f]{0,62}[^\s\x00-\x1f\x7f-\x9f])?$")]
    pub(crate) customer_id: CustomerId,
}

/// A request for a letter about one customer.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LetterRequest {
    /// The customer's id exactly as in the workbooks, including leading zeros.
    #[schema(value_type = String, max_length = 64, example = "0001", pattern = r"^[^\s\x00-\x1f\x7f-\x9f]([^\x00-\x1f\x7f-\x9f]{0,62}[^\s\x00-\x1f\x7f-\x9f])?$")]
    pub(crate) customer_id: CustomerId,
    /// The run. Without it, the letter is about the customer's newest run.
    #[schema(value_type = Option<String>)]
    pub(crate) run: Option<RunId>,
}

/// A letter about one customer.
#[derive(Serialize, ToSchema)]
pub(crate) struct Letter {
    /// The run that the letter is about.
    #[schema(value_type = String)]
    pub(crate) run: RunId,
    /// The customer reference: 32 hexadecimal digits.
    #[schema(pattern = "^[0-9a-f]{32}$")]
    pub(crate) customer_ref: String,
    /// The letter: an HTML document that needs no other file and prints well. It contains personal data.
    pub(crate) html: String,
}

/// An erasure.
#[derive(Serialize, ToSchema)]
pub(crate) struct Erasure {
    /// The customer reference: 32 hexadecimal digits.
    #[schema(pattern = "^[0-9a-f]{32}$")]
    pub(crate) customer_ref: String,
    /// The state of the erasure.
    pub(crate) state: ErasureState,
}

/// A customer's objection to all contact.
#[derive(Serialize, ToSchema)]
pub(crate) struct Objection {
    /// The customer reference: 32 hexadecimal digits.
    #[schema(pattern = "^[0-9a-f]{32}$")]
    pub(crate) customer_ref: String,
    /// Whether a run has read a batch with this customer. If not, the id may have a typing error.
    pub(crate) known: bool,
}

/// The state of an erasure.
///
/// - `done`: the key is destroyed, and the results are deleted.
/// - `requested`: the erasure follows within seconds. Only on AWS.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ErasureState {
    /// The key is destroyed, and the results are deleted.
    Done,
    /// The erasure follows within seconds.
    Requested,
}
