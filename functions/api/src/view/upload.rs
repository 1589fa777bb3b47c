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
        let description = Some("The file name of a workbook. See *The three workbooks* for their content.");
        ObjectBuilder::new().schema_type(Type::String).description(description).enum_values(Some(names)).into()
    }
}

impl ToSchema for WorkbookName {}

/// The request for an upload: the empty object `{}`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateUploadRequest {}

/// The address for one workbook in an upload.
#[derive(Serialize, ToSchema)]
pub(crate) struct UploadSlot {
    /// The file name of the workbook.
    #[schema(value_type = WorkbookName)]
    pub(crate) name: &'static str,
    /// The address for the file, as the body of a `PUT` request. Any `Content-Type` is allowed, and no other
    /// header is needed. Send a `Content-Length`: S3 rejects `Transfer-Encoding: chunked`. Use the address unchanged.
    ///
    /// - A local server returns a path. Send the bearer token. Success is status 204.
    /// - AWS returns a presigned URL of S3. Do not send the bearer token: S3 rejects it with status 400. Success is
    ///   status 200. Errors are in S3's XML format, such as status 403 after `expires_at`.
    #[schema(example = "/v1/uploads/upload-0123456789abcdef/customer_profile.xlsx")]
    pub(crate) url: String,
    /// The time by which the `PUT` must begin: 15 minutes after the response. After that, create a new upload. A local server
    /// also accepts the file later.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) expires_at: Timestamp,
}

/// An upload of a batch's three workbooks. It has no status: a request to start a run over it gets status 409 while a
/// workbook is missing. A second `PUT` replaces a workbook, but does not change a run that has already read it. An unused
/// upload does no harm. AWS deletes a workbook some days after it arrived, by default 14. A local server keeps it.
#[derive(Serialize, ToSchema)]
pub(crate) struct Upload {
    /// The id of the upload. Send it as `upload` for a campaign, or as `batch` for a recommendation.
    #[schema(example = "upload-0123456789abcdef")]
    pub(crate) id: String,
    /// One slot for each of the three workbooks.
    pub(crate) files: Vec<UploadSlot>,
}
