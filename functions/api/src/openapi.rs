//! The `OpenAPI` 3.1 document, generated from the handlers and the types of the API. `docs/openapi.json` is a copy.

use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::tag::{Tag, TagBuilder};
use utoipa::openapi::{ComponentsBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder};
use utoipa::{PartialSchema as _, ToSchema as _};

use crate::problem::ProblemDetails;
use crate::{local, routes};

/// The name of the security scheme.
const TOKEN: &str = "token";

/// The tags that group operations, with their descriptions.
const TAGS: [(&str, &str); 5] = [
    ("recommendations", "Runs for one customer: a text, a narrated video, and the reasons for both."),
    ("campaigns", "Runs over all customers of a batch: the upload of the workbooks, dry runs, progress and outcomes."),
    ("reviews", "Decisions of reviewers before publication, and recalls after it. Other callers get status 403."),
    ("options", "The values that requests may use, and the product catalog."),
    ("local", "Operations that only a server on the caller's own machine offers (`bespoke serve`). AWS answers 404."),
];

/// Returns the document.
#[must_use]
pub fn document() -> OpenApi {
    let mut document = frame();
    document.merge(routes::documented().split_for_parts().1);
    document.merge(local::documented().split_for_parts().1);
    if let Some(components) = &mut document.components {
        components.schemas.insert(ProblemDetails::name().into(), ProblemDetails::schema());
    }
    document
}

/// Returns the document without operations and schemas.
fn frame() -> OpenApi {
    let token = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some(
            "On AWS, an access token of the Cognito user pool. On one machine, the token that `bespoke serve` prints.",
        ))
        .build();
    let info = InfoBuilder::new()
        .title("Bespoke")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Starts, follows and reviews narrated product recommendations for a bank's customers.\n\n\
             A **recommendation** is the run for one customer; a **campaign** is a run over all customers of a batch. A \
             batch is the three workbooks of one upload. The **guard** is the set of checks that every text must pass \
             before anyone sees it. A **review** is a person's look at a result before it is published; the settings \
             decide which results need one.\n\n\
             Responses name a customer by a **customer reference**, a keyed hash of the customer id. A caller sees only \
             the runs that they started.\n\n\
             Times are RFC 3339 in UTC. Errors are problem details (RFC 9457) with a stable name in `error`. Clients must \
             ignore unknown fields in responses.",
        ))
        .license(Some(LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build()))
        .build();
    let tags = TAGS.map(|(name, description)| TagBuilder::new().name(name).description(Some(description)).build());
    OpenApiBuilder::new()
        .info(info)
        .components(Some(ComponentsBuilder::new().security_scheme(TOKEN, SecurityScheme::Http(token)).build()))
        .security(Some([SecurityRequirement::new(TOKEN, Vec::<String>::new())]))
        .tags(Some(tags.into_iter().collect::<Vec<Tag>>()))
        .build()
}
