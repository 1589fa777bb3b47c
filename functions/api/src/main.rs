//! The Lambda behind the HTTP API.

use api::{Deps, Material, Problem, Source};
use async_trait::async_trait;
use bespoke_aws::{Failure, Host, environment, host};
use lambda_http::request::RequestContext;
use lambda_http::{Body, Request, RequestExt as _, service_fn};

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    let host = OfHost(Host::start().await?);
    let (workflow, limits) = (host.0.workflow()?, environment::limits()?);
    let deps = Deps {
        vault: &host.0.vault,
        executions: &workflow,
        links: &host.0.bucket,
        source: &host,
        concurrency: limits.concurrency,
        tolerated_failure_percentage: limits.tolerated_failure_percentage,
    };
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

struct OfHost(Host);

#[async_trait]
impl Source for OfHost {
    async fn material(&self) -> Result<Material, Problem> {
        let read = async || {
            let lexicon = assess::Lexicon::from_toml(&self.0.lexicon().await?)?;
            let assets = render::assets_digest(&host::assets(), &host::brand()?)?;
            Ok(Material { settings: self.0.settings().await?, catalogue: self.0.catalogue().await?, lexicon, assets })
        };
        read().await.map_err(|failure: Failure| Problem::new(failure.name(), failure.to_string()))
    }
}
