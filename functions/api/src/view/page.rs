//! Pages of lists.

use serde::Deserialize;
use utoipa::IntoParams;

/// The query for a list: which page to return.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageQuery {
    /// The cursor: the value of `next` from the previous page. Omit it for the first page.
    pub(crate) after: Option<String>,
    /// The maximum number of items on the page.
    #[param(minimum = 1, maximum = 100, default = 20)]
    pub(crate) limit: Option<usize>,
}
