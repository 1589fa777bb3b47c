//! Routes that only the local server has: result files and workbook uploads. On AWS, the bucket handles both.

use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, BodyDataStream};
use axum::extract::{FromRef, Path, Request, State};
use axum::response::IntoResponse;
use contracts::Batch;
use contracts::key::Workbook;
use http::{Response, StatusCode};
use utoipa::openapi::{KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat, Type};
use utoipa::{PartialSchema, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access;
use crate::backend::{Backend, SharedBackend};
use crate::problem::{MediaProblems, Problem, WorkbookProblems};
use crate::security_headers::secure;
use crate::view::WorkbookName;

/// The files of a local server.
#[async_trait]
pub trait LocalFiles: Send + Sync + 'static {
    /// Serves the file behind a link's token, or the requested range of it.
    async fn serve(&self, token: &str, request: Request) -> Result<Response<Body>, Problem>;

    /// Stores one of an upload's workbooks.
    async fn receive(&self, upload: &Batch, workbook: Workbook, body: BodyDataStream) -> Result<(), Problem>;
}

/// The state of the local routes.
#[derive(Clone)]
pub(crate) struct LocalState {
    backend: SharedBackend,
    files: Arc<dyn LocalFiles>,
}

impl FromRef<LocalState> for SharedBackend {
    fn from_ref(state: &LocalState) -> Self {
        state.backend.clone()
    }
}

/// Returns the routes of a local server. Merge it with [`crate::router`].
pub fn router(backend: Arc<dyn Backend>, files: Arc<dyn LocalFiles>) -> Router {
    let (router, _) = documented().split_for_parts();
    let router = access::guarded(router, backend.clone());
    let router = router.method_not_allowed_fallback(async || Problem::method_not_allowed());
    secure(router, backend.as_ref()).with_state(LocalState { backend, files })
}

/// Returns the routes that the `OpenAPI` document describes.
pub(crate) fn documented() -> OpenApiRouter<LocalState> {
    OpenApiRouter::new().routes(routes!(get_media)).routes(routes!(upload_workbook))
}

/// The bytes of a file, at least one.
struct FileBytes;

impl PartialSchema for FileBytes {
    fn schema() -> RefOr<Schema> {
        let binary = SchemaFormat::KnownFormat(KnownFormat::Binary);
        ObjectBuilder::new().schema_type(Type::String).format(Some(binary)).min_length(Some(1)).into()
    }
}

impl ToSchema for FileBytes {}

/// Returns a result file
///
/// Local servers only. The token in the path comes from a link and replaces the bearer token. Each request checks
/// consent, suppressions and recalls again. `HEAD` also works. A response that has begun is not cut off when the link
/// expires.
#[utoipa::path(
    get, path = "/v1/media/{token}", operation_id = "getMedia", tag = "local", security(()),
    params(
        ("token" = String, Path, description = "The token of a link"),
        ("Range" = Option<String>, Header, description = "The bytes to return, such as `bytes=0-1023`. Omit it for the whole file.", nullable = false)
    ),
    responses(
        (status = 200, description = "The file: MP4, WebVTT, JPEG, GIF or plain text", body = inline(FileBytes), content_type = "*/*",
            headers(("Accept-Ranges" = String, description = "Always `bytes`"))),
        (status = 206, description = "The requested range of the file", body = inline(FileBytes), content_type = "*/*",
            headers(("Content-Range" = String, description = "The range, such as `bytes 0-1023/146515`"))),
        MediaProblems
    )
)]
async fn get_media(
    State(state): State<LocalState>,
    Path(token): Path<String>,
    request: Request,
) -> Result<impl IntoResponse, Problem> {
    state.files.serve(&token, request).await
}

/// Uploads a workbook
///
/// Local servers only. `POST /v1/uploads` returns this path; on AWS, it returns presigned URLs instead. A workbook that
/// was uploaded earlier is replaced.
#[utoipa::path(
    put, path = "/v1/uploads/{upload}/{workbook}", operation_id = "uploadWorkbook", tag = "local",
    params(
        ("upload" = String, Path, description = "The id of the upload"),
        ("workbook" = WorkbookName, Path, description = "The file name of the workbook"),
    ),
    request_body(content = inline(FileBytes), description = "The workbook, at most 512 MiB", content_type = "application/octet-stream"),
    responses((status = 204, description = "The workbook was stored."), WorkbookProblems)
)]
async fn upload_workbook(
    State(state): State<LocalState>,
    Path((upload, name)): Path<(String, String)>,
    request: Request,
) -> Result<StatusCode, Problem> {
    let batch = Batch::parse(upload).ok().filter(Batch::is_through_api).ok_or_else(Problem::not_found)?;
    let workbook = Workbook::ALL.into_iter().find(|workbook| workbook.file_name() == name);
    let workbook = workbook.ok_or_else(Problem::not_found)?;
    state.files.receive(&batch, workbook, request.into_body().into_data_stream()).await?;
    Ok(StatusCode::NO_CONTENT)
}
