//! The Lambda function behind the HTTP API.

use std::sync::Arc;

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    let backend = api::aws::AwsBackend::start().await?;
    lambda_http::run(api::router(Arc::new(backend))).await
}
