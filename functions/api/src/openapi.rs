//! The document of the API (`OpenAPI` 3.1), made of the handlers and their types. `docs/openapi.json` is a copy.

use std::collections::BTreeMap;

use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, InfoBuilder, OpenApi, OpenApiBuilder, Ref, RefOr, Response, ResponseBuilder,
};
use utoipa::{IntoResponses, PartialSchema as _, ToSchema as _};

use crate::problem::Details;

/// The name of the token's scheme.
const TOKEN: &str = "token";

/// The document.
#[must_use]
pub fn document() -> OpenApi {
    let mut document = crate::routes().split_for_parts().1;
    if let Some(components) = &mut document.components {
        components.schemas.insert(Details::name().into(), Details::schema());
    }
    document
}

/// What the document holds besides routes and types.
pub(crate) fn frame() -> OpenApi {
    let token = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("On AWS the access token of the user pool; on one machine the token that the server prints."))
        .build();
    let info = InfoBuilder::new()
        .title("Bespoke")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some("Recommendations to a bank's customers: start, follow, see."))
        .license(Some(utoipa::openapi::LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build()))
        .build();
    OpenApiBuilder::new()
        .info(info)
        .components(Some(ComponentsBuilder::new().security_scheme(TOKEN, SecurityScheme::Http(token)).build()))
        .security(Some([SecurityRequirement::new(TOKEN, Vec::<String>::new())]))
        .build()
}

/// What every route may answer besides: a problem.
pub(crate) struct Problems;

impl IntoResponses for Problems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let problem = |description| {
            let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(Details::name()))).build();
            let response = ResponseBuilder::new().description(description).content("application/problem+json", content);
            RefOr::T(response.build())
        };
        BTreeMap::from([
            ("4XX".to_owned(), problem("The call is wrong, or not allowed")),
            ("5XX".to_owned(), problem("Something failed within")),
        ])
    }
}
