//! Records of compliance.

use contracts::CustomerId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A request about one customer.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CustomerRequest {
    /// The bank's own customer id: text, including leading zeros.
    #[schema(value_type = String, min_length = 1, max_length = 64, example = "0001")]
    pub(crate) customer_id: CustomerId,
}

/// An erasure.
#[derive(Serialize, ToSchema)]
pub(crate) struct Erasure {
    /// The customer reference: 32 hexadecimal digits.
    pub(crate) customer_ref: String,
    /// The state of the erasure.
    pub(crate) state: ErasureState,
}

/// The state of an erasure.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ErasureState {
    /// The customer is erased.
    Done,
    /// The erasure follows within seconds.
    Requested,
}
