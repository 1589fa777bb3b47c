//! The Lambda behind the HTTP API.

use api::{Deps, Material, Problem};
use bespoke_aws::{Failure, Host, environment, host};
use lambda_http::request::RequestContext;
use lambda_http::{Body, Request, RequestExt as _, service_fn};

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    let host = Host::start().await?;
    let (workflow, limits) = (host.workflow()?, environment::limits()?);
    let deps = Deps {
        vault: &host.vault,
        executions: &workflow,
        links: &host.bucket,
        concurrency: limits.concurrency,
        tolerated_failure_percentage: limits.tolerated_failure_percentage,
    };
    let answer = async |request: Request| {
        let Some(caller) = caller(&request) else { return Ok(Problem::unauthorized().response().map(Body::from)) };
        let request = request.map(|body| body.as_ref().to_vec());
        let read = async || material(&host).await.map_err(|failure| Problem::new(failure.name(), failure.to_string()));
        Ok::<_, lambda_http::Error>(api::handle(request, &caller, &deps, read).await.map(Body::from))
    };
    lambda_http::run(service_fn(answer)).await
}

/// The subject of the token that the gateway's authorizer has checked.
fn caller(request: &Request) -> Option<String> {
    let RequestContext::ApiGatewayV2(context) = request.request_context_ref()? else { return None };
    context.authorizer.as_ref()?.jwt.as_ref()?.claims.get("sub").cloned()
}

async fn material(host: &Host) -> Result<Material, Failure> {
    Ok(Material {
        settings: host.settings().await?,
        catalogue: host.catalogue().await?,
        lexicon: assess::Lexicon::from_toml(&host.lexicon().await?)?,
        assets: render::assets_digest(&host::assets(), &host::brand()?)?,
    })
}
