//! The `OpenAPI` 3.1 document, generated from the handlers and the types of the API. `docs/openapi.json` is a copy.

use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::tag::{Tag, TagBuilder};
use utoipa::openapi::{
    ComponentsBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, RefOr, Schema, ServerBuilder,
};
use utoipa::{PartialSchema as _, ToSchema as _};

use crate::problem::{ErrorNames, GatewayError, ProblemDetails};
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
        "Operations that only a local server offers. On AWS, S3 takes their place, and these paths get status 404.",
    ),
];

/// The general description. It must make sense to readers who do not have the code.
const DESCRIPTION: &str = "\
Starts, follows and reviews narrated product recommendations for a bank's customers.

The server runs on AWS, or on one machine as a **local server** (`bespoke serve`). Both offer the same operations, apart from \
those tagged `local`. A description says where they differ.

## Terms

- **Batch**: the three workbooks of one delivery. It is *complete* once all three exist. Its **dataset** is their joined \
rows, sorted by customer id as text. On AWS, the bank can also put a batch into the bucket itself, as a folder below `incoming/`.
- **Upload**: a batch that a caller sends through this API. Its id is also the name of the batch.
- **Run**: one request carried out, in up to seven **stages**. A **recommendation** is the run for one customer. A \
**campaign** is a run over all customers in a batch, with one recommendation for each.
- **Dry run**: a campaign that only forecasts. It makes no results.
- **Catalog**: the bank's approved products.
- **Phrasebook**: the sentences that the bank has approved.
- **Writer**: the component that makes the text, either from the phrasebook or with a language model.
- **Guard**: the checks that every text must pass before anyone sees it.
- **Service message**: a text without an offer, for a customer with a problem. It lists ways to get help. It \
always comes from the phrasebook.
- **Settings**: the server's configuration. Callers cannot change it. The settings decide which results need a review.
- **Brand**: the bank's look, sound and legal lines, part of the server's configuration.
- **Customer reference**: a keyed hash of the customer id. Responses identify a customer only by this reference. It is the \
same in all runs, as long as the server keeps its keys.
- **Consent**: a customer's answer in the workbooks, or a newer one that the bank imports. Anything but a plain yes is a refusal.
- **Suppression**: an entry that forbids all contact with a customer. An opt-out is one.
- **Contact cap**: the setting for the minimum number of days between two results for a customer. By default, there is none.
- **Review**: a person's check of a result before it is published.
- **Publish**: to make the text and video available to the caller through the links of this API. Publishing sends nothing \
to the customer.
- **Export**: the table of published results with a link for each customer, for the bank's mailing system.
- **Notification**: a signed call by which the server informs the bank's system of an outcome.
- **Evidence**: the audit record of why something was said to a customer, and of every check.
- **Operator**: a member of the bank's staff who works with the `bespoke` command or the AWS account, not through this API.
- **Stack**: one deployment on AWS.

## A result

A result is *published* immediately, or is *in review* until a reviewer approves or rejects it. Compliance may *recall* a \
published result: its links stop working. The server checks consent and suppressions when it ranks products, when it \
publishes, and whenever it shows a result.

## Status and outcome

A run has a **status**, and each customer in it has an **outcome**. If a stage fails for one customer, that customer's outcome \
is `failed`, and the run goes on and ends as `done`. The status `failed` means that the run as a whole failed, so some or all \
customers have no outcome.

A run stops early if too many customers fail: at least five, and more than the percentage in the settings. A \
local server then ends the run as `done`, with a `stop_reason`. AWS ends it as `failed`, with the code `Run.Incomplete`.

## Retries

Each request that starts a run has an `Idempotency-Key` header. A repeated request with the same key:

- returns the same run with status 200 if the run is in progress or `done`;
- starts another attempt of the same run with status 202 if the run is `failed`. The attempt keeps all finished work. After 100 \
attempts, the response has status 400. If the workbooks, the catalog or the settings have changed since, no attempt can \
continue the run: it returns as `failed` with status 200;
- gets status 422 and `Input.KeyReused` if the request differs. Null, an omitted field and its default are the same.

So repeat the request after a lost response or a `failed` run. To try again for a customer whose outcome is `failed`, or whom \
a limit left out, send a new request with a new key. It starts a new run, which makes all its results anew. The contact cap, if the settings \
have one, skips the customers who already have a result.

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

`data/README.md#columns` lists the columns. A local server accepts at most 512 MiB per file, AWS 5 GB. Every server reads at \
most 2 GiB of unpacked data; a run over a larger workbook fails with `Input.TooLarge`.

## Conventions

Times are RFC 3339 in UTC. Text lengths are in Unicode code points. Paths in responses, such as `/v1/campaigns/run-4c1f09a2b7d83e56`, \
are relative to the server's address. In responses, a field without a value is absent, never null.

Within `/v1`, responses may gain fields, and lists of values may gain values. Clients must ignore unknown fields, and must not fail \
on unknown values. Requests with unknown fields get status 400.

Lists have pages. Send `next` from a page as `after` to get the following page. Pages are read one by one: a change between two \
requests may hide an item, but does not repeat one.

To follow a run, poll it every 2 seconds on a local server. On AWS, poll every 10 seconds, because states are up to 10 seconds old.

Errors are problem details (RFC 9457). The status and the name in `error` together identify the cause.

Any path may also respond with status 405 to a wrong method. A local server responds with 403 to requests from other web \
origins, and with 421 to another host name. It responds with 503 to a new run while 100 runs are queued or running. On AWS, the gateway in \
front of the server sends some 401, 429, 500 and 503 responses. Their body is a `GatewayError`, and they have no `Retry-After` header.";

/// Returns the document.
#[must_use]
pub fn document() -> OpenApi {
    let mut document = frame();
    document.merge(routes::documented().split_for_parts().1);
    document.merge(local::documented().split_for_parts().1);
    if let Some(components) = &mut document.components {
        components.schemas.insert(ProblemDetails::name().into(), ProblemDetails::schema());
        components.schemas.insert(GatewayError::name().into(), GatewayError::schema());
        components.schemas.insert(ErrorNames::name().into(), ErrorNames::schema());
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
