//! The Lambda behind the HTTP API.

use api::{Deps, Problem};
use bespoke_aws::{Host, environment};
use lambda_http::request::RequestContext;
use lambda_http::{Body, Request, RequestExt as _, service_fn};
use start::OfHost;

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    let source = OfHost::new(Host::start().await?);
    let host = source.host();
    let (executions, limits) = (host.workflow()?, environment::limits()?);
    let start = start::Deps { vault: &host.vault, source: &source, executions: &executions, limits };
    let deps = Deps { start, links: &host.bucket };
    lambda_http::run(service_fn(async |request: Request| {
        let answer = match caller(&request) {
            Some(caller) => api::handle(request.map(|body| body.as_ref().to_vec()), &caller, &deps).await,
            None => Problem::unauthorized().response(),
        };
        Ok::<_, lambda_http::Error>(answer.map(Body::from))
    }))
    .await
}

/// The subject of the token that the gateway's authorizer has checked.
fn caller(request: &Request) -> Option<String> {
    let RequestContext::ApiGatewayV2(context) = request.request_context_ref()? else { return None };
    context.authorizer.as_ref()?.jwt.as_ref()?.claims.get("sub").cloned()
}
