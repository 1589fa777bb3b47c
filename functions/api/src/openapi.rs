//! The `OpenAPI` 3.1 document, generated from the handlers and the types of the API. `docs/openapi.json` is a copy.

use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::tag::{Tag, TagBuilder};
use utoipa::openapi::{
    ComponentsBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, RefOr, Schema, ServerBuilder,
};
use utoipa::{PartialSchema as _, ToSchema as _};

use crate::problem::ProblemDetails;
use crate::{local, routes};

/// The name of the security scheme.
const TOKEN: &str = "token";

/// The tags that group operations, with their descriptions.
const TAGS: [(&str, &str); 6] = [
    ("recommendations", "Runs for one customer: the text, a narrated video, and the reasons for both."),
    ("campaigns", "Runs over all customers in a batch: the upload of the workbooks, dry runs, progress and outcomes."),
    (
        "reviews",
        "Decisions before publication, and recalls after it. Only reviewers decide, and only compliance recalls.",
    ),
    ("compliance", "Erasures, and objections to all contact."),
    ("options", "The values that requests may use, and the product catalog."),
    (
        "local",
        "Operations that only a server on the caller's own machine offers (`bespoke serve`). AWS answers with status 404.",
    ),
];

/// The general description. It must make sense to readers who do not have the code.
const DESCRIPTION: &str = "\
Starts, follows and reviews narrated product recommendations for a bank's customers.

## Terms

- **Batch**: the three workbooks of one delivery. It is *complete* once all three exist. Its **dataset** is their joined \
rows, sorted by customer id as text.
- **Upload**: a batch that a caller sends through this API. Its id is also the name of the batch.
- **Run**: one request carried out. A **recommendation** is the run for one customer; a **campaign** is a run over all \
customers in a batch.
- **Settings**: the server's configuration, `bespoke.toml`. Callers cannot change it. The settings decide which results \
need a review.
- **Brand**: the bank's look, sound and legal lines, part of the server's configuration.
- **Customer reference**: a keyed hash of the customer id. Responses identify a customer only by this reference.
- **Consent**: a customer's answer in the workbooks, or a newer one that the bank imports. Anything but a plain yes is a refusal.
- **Suppression**: an entry that forbids all contact with a customer. An opt-out is one.
- **Guard**: the checks that every text must pass before anyone sees it.
- **Service message**: a text without an offer, for a customer with a problem. It lists ways to get help. It \
always comes from the phrasebook.
- **Review**: a person's check of a result before it is published.
- **Publish**: to make the text and video available to the caller through the links of this API. Publishing sends nothing \
to the customer. The bank's export then creates a link for the customer.
- **Evidence**: the audit record of why something was said to a customer, and of every check.

## A result

A result is *published* immediately, or is *in review* until a reviewer approves or rejects it. A reviewer may *recall* a \
published result: its links stop working. The server checks consent and suppressions when it ranks products, when it \
publishes, and whenever it shows a result.

## Callers

A caller sees only the runs that they started. A request for another caller's run gets status 404, like an unknown one.

Each operation needs a role, or gets status 403. A **banker** starts recommendations. A **campaign manager** uploads batches and \
starts campaigns. A **reviewer** decides on results of runs that another person started. **Compliance** recalls, erases and records objections. On AWS, \
the roles are the groups `bankers`, `campaign-managers`, `reviewers` and `compliance` in Cognito. On a local server, everyone with \
its token acts as the person who started it, with all roles.

## The three workbooks

- `customer_profile.xlsx` holds one row per customer with the name, income, products held and so on.
- `customer_transactions.xlsx` holds the payments and the consent answers.
- `twitter_data.xlsx` holds the customers' posts.

`data/README.md#columns` lists the columns. A local server accepts at most 512 MiB per file. Every server reads at \
most 2 GiB of unpacked data; a run over a larger workbook fails with `Input.TooLarge`.

## Conventions

Times are RFC 3339 in UTC. Text lengths are in Unicode code points. Errors are problem details (RFC 9457) with a \
stable name in `error`. Clients must ignore unknown fields in responses. Requests with unknown fields get status 400.

Any path may also respond with status 405 to a wrong method. A local server responds with 403 to requests from other web \
origins, and with 421 to another host name. On AWS, the gateway itself sends some 401, 429 and 503 responses. Their body is JSON \
with a `message`, and they have no `Retry-After` header.";

/// Returns the document.
#[must_use]
pub fn document() -> OpenApi {
    let mut document = frame();
    document.merge(routes::documented().split_for_parts().1);
    document.merge(local::documented().split_for_parts().1);
    if let Some(components) = &mut document.components {
        components.schemas.insert(ProblemDetails::name().into(), ProblemDetails::schema());
        components.schemas.values_mut().for_each(describe_nullable_properties);
    }
    document
}

/// For each property that is a nullable reference, moves the description from the reference to the property.
fn describe_nullable_properties(schema: &mut RefOr<Schema>) {
    let RefOr::T(Schema::Object(object)) = schema else { return };
    for property in object.properties.values_mut() {
        let RefOr::T(Schema::OneOf(alternatives)) = property else { continue };
        for alternative in &mut alternatives.items {
            if let RefOr::Ref(reference) = alternative
                && !reference.description.is_empty()
            {
                alternatives.description = Some(std::mem::take(&mut reference.description));
            }
        }
    }
}

/// Returns the document without operations and schemas.
fn frame() -> OpenApi {
    let token = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some(
            "On AWS, an ID token of the Cognito user pool. On one machine, the token that `bespoke serve` prints.",
        ))
        .build();
    let info = InfoBuilder::new()
        .title("Bespoke")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(DESCRIPTION))
        .license(Some(LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build()))
        .build();
    let server = ServerBuilder::new()
        .url("http://127.0.0.1:5000")
        .description(Some("A local server (`bespoke serve`). On AWS, use the stack's output `ApiAddress`."))
        .build();
    let tags = TAGS.map(|(name, description)| TagBuilder::new().name(name).description(Some(description)).build());
    OpenApiBuilder::new()
        .info(info)
        .servers(Some([server]))
        .components(Some(ComponentsBuilder::new().security_scheme(TOKEN, SecurityScheme::Http(token)).build()))
        .security(Some([SecurityRequirement::new(TOKEN, Vec::<String>::new())]))
        .tags(Some(tags.into_iter().collect::<Vec<Tag>>()))
        .build()
}
