//! The Lambda function behind the HTTP API, and the one behind customers' links.

use std::sync::Arc;

use api::aws::{AwsBackend, behind_edge};
use bespoke_aws::environment;

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    let backend = AwsBackend::start().await?;
    let router = api::router(Arc::new(backend));
    // Only the function behind customers' links is reached through the edge.
    let router = match environment::optional("EDGE_KEY") {
        Some(key) => behind_edge(router, &key),
        None => router,
    };
    lambda_http::run(router).await
}
