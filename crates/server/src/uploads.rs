//! Uploads of workbooks. The server writes a request's body to a temporary file as it arrives, and moves the file into
//! place once it is complete.

use std::path::Path;
use std::time::Duration;

use api::Problem;
use axum::body::BodyDataStream;
use axum::http::StatusCode;
use contracts::ErrorName;
use futures::StreamExt as _;
use tempfile::NamedTempFile;
use tokio::io::AsyncWriteExt as _;

/// The maximum size of a workbook in bytes. A workbook with a million rows has about a tenth of that size.
const MAX_BYTES: u64 = 512 * 1024 * 1024;

/// The time within which the next chunk of a body must arrive.
const CHUNK_TIMEOUT: Duration = Duration::from_secs(30);

/// Receives a file and stores it at `path`, whose folder exists only if the upload has been started.
pub async fn receive(path: &Path, body: BodyDataStream) -> Result<(), Problem> {
    let folder = path.parent().filter(|folder| folder.is_dir()).ok_or_else(Problem::not_found)?;
    let failed = |error: std::io::Error| Problem::new(ErrorName::StoreUnavailable, error.to_string());
    // Only the owner can read the temporary file. It is deleted unless it is moved into place.
    let part = NamedTempFile::new_in(folder).map_err(failed)?;
    let mut file = tokio::fs::File::from_std(part.reopen().map_err(failed)?);
    write(body, &mut file, MAX_BYTES).await?;
    file.sync_data().await.map_err(failed)?;
    part.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

async fn write(mut body: BodyDataStream, file: &mut tokio::fs::File, max_bytes: u64) -> Result<(), Problem> {
    let failed = |error: std::io::Error| Problem::new(ErrorName::StoreUnavailable, error.to_string());
    let mut length = 0;
    loop {
        let late = |_| Problem::with_status(StatusCode::REQUEST_TIMEOUT, "the rest of the body did not arrive");
        let Some(chunk) = tokio::time::timeout(CHUNK_TIMEOUT, body.next()).await.map_err(late)? else { break };
        let chunk = chunk.map_err(|_| Problem::invalid("the body ended early"))?;
        length += chunk.len() as u64;
        if length > max_bytes {
            return Err(Problem::new(
                ErrorName::InputTooLarge,
                format!("a workbook may have at most {max_bytes} bytes"),
            ));
        }
        file.write_all(&chunk).await.map_err(failed)?;
    }
    if length == 0 {
        return Err(Problem::invalid("the body is empty"));
    }
    file.flush().await.map_err(failed)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    #[tokio::test]
    async fn workbook_appears_complete_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("customer_profile.xlsx");
        let body = |text: &'static str| Body::from(text).into_data_stream();
        receive(&path, body("rows")).await.unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"rows");
        assert!(receive(&path, body("")).await.is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"rows", "the earlier file is kept");

        let part = NamedTempFile::new_in(folder.path()).unwrap();
        let mut file = tokio::fs::File::from_std(part.reopen().unwrap());
        assert!(write(body("more than there may be"), &mut file, 8).await.is_err());
        drop(part);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(receive(&folder.path().join("none/customer_profile.xlsx"), body("rows")).await.is_err());
    }
}
