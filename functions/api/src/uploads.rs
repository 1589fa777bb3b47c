//! Uploads of a batch: by presigned addresses on AWS, which takes no large bodies through a function, and by this server
//! on one machine.

use axum::Json;
use axum::extract::{Path, Request, State};
use contracts::key::Workbook;
use contracts::{Batch, Digest, ErrorName, ObjectKey};
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::asked::{Caller, Json as Asked};
use crate::shown::LINK_SECONDS;
use crate::{Problem, Problems, Shared};

/// Nothing is asked.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UploadAsked {}

/// Where a workbook is to be put.
#[derive(Serialize, ToSchema)]
pub(crate) struct FilePlace {
    /// Which workbook.
    name: &'static str,
    /// Where to `PUT` it.
    put: String,
    /// When the address ends.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

/// An upload that can begin.
#[derive(Serialize, ToSchema)]
pub(crate) struct Upload {
    /// Its id, for a campaign.
    upload: String,
    files: Vec<FilePlace>,
}

/// Makes room for the three workbooks of a batch
///
/// They start nothing by themselves: a campaign names the upload.
#[utoipa::path(
    post, path = "/v1/uploads", operation_id = "startUpload", tag = "campaigns", request_body = UploadAsked,
    responses((status = 201, description = "Where to put the workbooks", body = Upload), Problems)
)]
pub(crate) async fn start(
    State(host): State<Shared>,
    _: Caller,
    Asked(UploadAsked {}): Asked<UploadAsked>,
) -> Result<(StatusCode, Json<Upload>), Problem> {
    let batch = Batch::through_api(&random()?).expect("hex digits");
    let expires_at = Timestamp::now() + SignedDuration::from_secs(LINK_SECONDS.cast_signed());
    let mut files = Vec::new();
    for workbook in Workbook::ALL {
        let put = host.links().upload_link(&ObjectKey::Incoming(batch.clone(), workbook), LINK_SECONDS).await?;
        files.push(FilePlace { name: workbook.file_name(), put, expires_at });
    }
    Ok((StatusCode::CREATED, Json(Upload { upload: batch.to_string(), files })))
}

/// Sixteen random hex digits: nobody guesses another's upload.
fn random() -> Result<String, Problem> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| Problem::new(ErrorName::StoreUnavailable, error.to_string()))?;
    Ok(Digest::from_bytes(bytes).short())
}

/// Takes a workbook of an upload, on one machine only
#[utoipa::path(
    put, path = "/v1/uploads/{upload}/{name}", operation_id = "putWorkbook", tag = "campaigns",
    params(
        ("upload" = String, Path, description = "The upload"),
        ("name" = String, Path, description = "The workbook: customer_profile.xlsx, customer_transactions.xlsx or twitter_data.xlsx"),
    ),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 204, description = "Taken"), Problems)
)]
pub(crate) async fn put(
    State(host): State<Shared>,
    _: Caller,
    Path((upload, name)): Path<(String, String)>,
    request: Request,
) -> Result<StatusCode, Problem> {
    let machine = host.machine().ok_or_else(Problem::not_found)?;
    let batch = Batch::parse(upload).ok().filter(Batch::is_through_api).ok_or_else(Problem::not_found)?;
    let workbook = Workbook::ALL.into_iter().find(|workbook| workbook.file_name() == name);
    let workbook = workbook.ok_or_else(Problem::not_found)?;
    machine.receive(&batch, workbook, request.into_body().into_data_stream()).await?;
    Ok(StatusCode::NO_CONTENT)
}
