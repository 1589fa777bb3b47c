//! The Lambda behind the HTTP API.

use std::sync::Arc;

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    let host = api::aws::OnAws::start().await?;
    lambda_http::run(api::router(Arc::new(host))).await
}
