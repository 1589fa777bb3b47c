//! Uploads of a batch. On AWS, the addresses are presigned, because a function cannot accept large bodies. A local
//! server accepts the workbooks itself; see [`crate::local`].

use axum::Json;
use axum::extract::State;
use contracts::key::Workbook;
use contracts::{Batch, Digest, ErrorName, ObjectKey};
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};

use crate::backend::SharedBackend;
use crate::extract::Json as Body;
use crate::problem::{CreateUploadProblems, Problem};
use crate::results::LINK_SECONDS;
use crate::view::{CreateUploadRequest, Upload, UploadSlot};

/// Creates an upload
///
/// Returns an address for each of a batch's three workbooks. Send each workbook to its address with `PUT` within 15
/// minutes, in any order. Uploading the workbooks does not start a run: then start a campaign or a recommendation that
/// refers to the upload. An upload never counts as the newest complete batch. Repeating the request creates another upload.
#[utoipa::path(
    post, path = "/v1/uploads", operation_id = "createUpload", tag = "campaigns", request_body = CreateUploadRequest,
    responses((status = 201, description = "The upload", body = Upload), CreateUploadProblems)
)]
pub(super) async fn create(
    State(backend): State<SharedBackend>,
    Body(CreateUploadRequest {}): Body<CreateUploadRequest>,
) -> Result<(StatusCode, Json<Upload>), Problem> {
    let batch = Batch::through_api(&random_hex()?).expect("hex digits");
    let expires_at = Timestamp::now() + SignedDuration::from_secs(LINK_SECONDS.cast_signed());
    let mut files = Vec::new();
    for workbook in Workbook::ALL {
        let url = backend.links().upload_link(&ObjectKey::Incoming(batch.clone(), workbook), LINK_SECONDS).await?;
        files.push(UploadSlot { name: workbook.file_name(), url, expires_at });
    }
    Ok((StatusCode::CREATED, Json(Upload { id: batch.to_string(), files })))
}

/// Returns 16 random hex digits, so other callers cannot guess the id of an upload.
fn random_hex() -> Result<String, Problem> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| Problem::new(ErrorName::StoreUnavailable, error.to_string()))?;
    Ok(Digest::from_bytes(bytes).short())
}
