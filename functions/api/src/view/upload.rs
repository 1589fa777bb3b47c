//! Uploads of a batch.

use contracts::key::Workbook;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

/// The schema of a workbook's file name: one of the three.
pub(crate) struct WorkbookName;

impl PartialSchema for WorkbookName {
    fn schema() -> RefOr<Schema> {
        let names = Workbook::ALL.map(Workbook::file_name);
        ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names)).into()
    }
}

impl ToSchema for WorkbookName {}

/// The request for an upload: an empty JSON object.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateUploadRequest {}

/// The address for one workbook in an upload.
#[derive(Serialize, ToSchema)]
pub(crate) struct UploadSlot {
    /// The file name of the workbook, which also identifies its content.
    #[schema(inline, value_type = WorkbookName)]
    pub(crate) name: &'static str,
    /// The address to which the client sends the file with `PUT`. A path without a host belongs to this server and
    /// requires the bearer token. A full URL is presigned and does not.
    pub(crate) url: String,
    /// The time at which the address expires: 15 minutes after the request. A local server also accepts the file later.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) expires_at: Timestamp,
}

/// An upload of a batch's three workbooks. It has no status. While a workbook is missing, a request to start a run over
/// it gets status 409. A second `PUT` replaces a workbook. AWS deletes the workbooks, by default after 14 days.
#[derive(Serialize, ToSchema)]
pub(crate) struct Upload {
    /// The id of the upload, for a campaign's `upload` field. It is also the name of the batch.
    pub(crate) id: String,
    /// One slot for each of the three workbooks.
    pub(crate) files: Vec<UploadSlot>,
}
