//! The `OpenAPI` 3.1 document, generated from the handlers and the types of the API. `docs/openapi.json` is a copy.

use http::Method;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::tag::{Tag, TagBuilder};
use utoipa::openapi::{
    ComponentsBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, RefOr, Schema, ServerBuilder,
};
use utoipa::{PartialSchema as _, ToSchema as _};

use crate::access::OPERATIONS;
use crate::problem::{ErrorNames, GatewayError, ProblemDetails};
use crate::{local, routes};

/// The name of the security scheme.
const TOKEN: &str = "token";

/// The tags that group operations, with their descriptions.
const TAGS: [(&str, &str); 7] = [
    ("recommendations", "Runs for one customer: the text, a narrated video, and the reasons for both."),
    ("campaigns", "Runs over all customers in a batch: the upload of the workbooks, dry runs, progress and outcomes."),
    (
        "schedules",
        "Campaigns that start by themselves, each over its own segment of customers and with its own options.",
    ),
    (
        "reviews",
        "Decisions before publication, and recalls after it. Only reviewers decide, and only compliance recalls.",
    ),
    ("compliance", "Erasures, objections to all contact, and letters about a customer."),
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
rows, sorted by customer id as text. On AWS, the bank can also put a batch into the bucket itself, as a folder below \
`incoming/`. Its last workbook then starts a run by itself. A local server has only uploads and its own data folder, which \
is the batch `local`.
- **Upload**: a batch that a caller sends through this API. Its id is also the name of the batch.
- **Run**: one request carried out, in up to seven **stages**. A **recommendation** is the run for one customer. A \
**campaign** is a run over all customers in a batch, with one recommendation for each.
- **Attempt**: one execution of a run. If it fails, a repeated request starts another attempt of the same run.
- **Dry run**: a campaign that only forecasts. It makes no results, and calls no model and no voice service.
- **Catalog**: the bank's approved products.
- **Lexicon**: the bank's words for spending categories and for the topics of posts.
- **Rules**: the lines that a product of each kind must and must not have, in the bank's country.
- **Phrasebook**: the sentences that the bank has approved.
- **Writer**: the component that makes the text, either from the phrasebook or with a language model.
- **Guard**: the checks that every text must pass before anyone sees it.
- **Service message**: a text without an offer, for a customer with a problem. It lists ways to get help. It \
always comes from the phrasebook.
- **Settings**: the server's configuration. Callers cannot change it. The settings decide which results need a review.
- **Brand**: the bank's look, sound and legal lines, part of the server's configuration.
- **Customer reference**: a keyed hash of the customer id. Apart from texts and videos, which may contain the first name, \
responses identify a customer only by this reference. It is the same in all runs, as long as the server keeps its keys. The \
API cannot turn a reference into an id: the export has both.
- **Consent**: a customer's answer in the workbooks, or a newer one that an operator imports with `bespoke consent`. Anything \
but a plain yes is a refusal.
- **Suppression**: an entry that forbids all contact with a customer. An opt-out is one.
- **Contact cap**: the setting for the minimum number of days between two published results for a customer. A day has 24 \
hours. A recalled result counts; a result in review does not. Of two concurrent runs, only one publishes. By default, there \
is no cap.
- **Review**: a person's check of a result before it is published.
- **Publish**: to release a result. Its text, its files and the reasons for its offers then appear in this API, and the \
export has a link for the customer. Publishing sends nothing to the customer.
- **Export**: the table of results with a link for each customer, for the bank's mailing system. See *Export*.
- **Notification**: a signed call by which the server informs the bank's system of an outcome. See *Notifications*.
- **Control group**: the customers whom a measured campaign holds out. They are ranked and recorded, and get nothing. This \
API counts them as `skipped`, with the reason `held-out`.
- **Evidence**: the audit record of why something was said to a customer, and of every check.
- **Operator**: a member of the bank's staff who works with the `bespoke` command or the AWS account, not through this API.
- **Stack**: one deployment on AWS. Its outputs are those of the stack in `CloudFormation`.

## A result

A result is *published* immediately, or is *in review* until a reviewer approves or rejects it. A review waits until it is \
decided, or until the customer may no longer be contacted. Compliance may *recall* a published result: its links stop \
working. The server checks consent and suppressions when it ranks products, when it publishes, and whenever it shows a result.

## Status and outcome

A run has a **status**, and each customer in it has an **outcome**. If a stage fails for one customer, that customer's outcome \
is `failed`, and the run goes on and ends as `done`. The status `failed` means that the run as a whole failed, so some or all \
customers have no outcome.

A campaign stops early if too many customers fail:

- A local server stops it after at least five failures, if more than `local.tolerated_failure_percentage` percent of the \
finished customers failed. Skipped customers do not count. The run ends as `done`, with a `stop_reason`.
- AWS stops it after at least five failures, if more than `ToleratedFailurePercentage` percent of all customers in the batch \
failed. That is a parameter of the stack. The run ends as `failed`, with the code `Run.Incomplete`.

## Retries

Each request that starts a run has an `Idempotency-Key` header. A request that gets an error starts no run, and does not use its \
key. A repeated request with the same key:

- gets status 200 and the same run if the run is in progress or `done`;
- gets status 202 and starts another attempt of the same run if the run is `failed`. The attempt keeps all finished \
work, tries customers whose outcome is `failed` again, and counts failures from zero;
- gets status 200 and the same run if the run is `failed` and no attempt can continue it, because the workbooks, the catalog or \
the settings have changed since. If the request omits `batch`, a newer batch has the same effect;
- gets status 400 and `Input.InvalidRequest` after 100 attempts;
- gets status 422 and `Input.KeyReused` if the request differs. Null, an omitted field and a default in this \
document are the same. `batch`, `categories`, `writer`, `words_per_minute` and `shape` are compared only if the repeated \
request has them. A local server treats an omitted `batch` as `local`.

So repeat a request after a lost response. After a `failed` run, read `reason.code` first:

1. If the code is one that can succeed when repeated, according to `ErrorName`, repeat the request after a minute, and double \
the wait after each further failure. So do for `Run.Crashed`, `Run.Incomplete`, and names from Step Functions or Lambda.
2. For `Run.Cancelled`, repeat the request if the run is still wanted.
3. For `Input.UnknownCustomer`, correct the id and use a new key. For `Config.Changed`, send the same request with a new key.
4. For any other code, let an operator remove the cause first, for example set the right password. Then repeat the request.
5. If the repeated request gets status 200 and the run is still `failed`, it cannot be continued. Send a new request with a new \
key.

A campaign that is `done` cannot be repeated. To try again for a customer whose outcome is `failed`, or whom \
a limit left out, send a new request with a new key. It starts a new run, which makes all its results anew. The contact cap, if \
the settings have one, skips the customers who already have a published result. Without it, a new run with the same limit \
selects the same customers again.

## Callers

A caller sees only the runs that they started. A request for another caller's run gets status 404, like an unknown one. \
Uploads and batches do not belong to a caller: any banker or campaign manager may start a run over any of them. A run that a \
schedule or a batch in the bucket started belongs to no caller. It appears only in reviews.

Each operation except those without a token needs a role, or gets status 403. Its description lists the roles that it accepts. \
A **banker** starts recommendations. A **campaign manager** uploads batches and starts campaigns. A **reviewer** decides on \
results, and approves only results of runs that another person started. **Compliance** recalls, erases and records objections. \
On AWS, the roles are the groups `bankers`, `campaign-managers`, `reviewers` and `compliance` in Cognito. On a local server, \
everyone with its token acts as the person who started it, with all roles.

## The three workbooks

- `customer_profile.xlsx` has one row per customer. Columns: `customer_id` (text; leading zeros count), `first_name`, `income` \
(dollars per year), `account_balance` (dollars), `products_held` (catalog ids or names, separated by `;` or `,`), and \
optionally `investment_advisor` (the adviser's name), `customer_since` (a day) and `language` (`en`, `es`, a tag such as \
`es-MX`, or the language's name). An empty or unknown language means the bank's own.
- `customer_transactions.xlsx` has the payments. Columns: `customer_id`, `date` (a date cell or text such as `2026-10-31`), \
`category`, `merchant`, `transaction_amount` (the amount that left the account; money that arrived is negative), `consent` and \
`consent_social_media`. The last two answer whether the bank may make a recommendation, and whether it may use the customer's \
posts. Yes is `yes`, `y`, `true` or `1`, in any case, in every row. A customer without a row has not consented.
- `twitter_data.xlsx` has the customers' posts. Columns: `customer_id`, `tweet` and optionally `created_at` (a day). It may have \
only a header row.

The columns are on the only sheet. Case, spaces and underscores in their names do not matter. The settings may map other names. \
All three workbooks have the same password, which an operator stores on the server. The setting `intake.allow_unprotected` \
admits workbooks without one.

A local server accepts at most 512 MiB per file, AWS 5 GB. Every server reads at \
most 2 GiB of unpacked data per workbook; a run over a larger one fails with `Input.TooLarge`.

## Notifications

If the setting `delivery.webhook.url` is set, the server sends a `POST` request to it for each outcome: at the end of a run, and \
immediately after a review decision, a recall, or an answer that a customer gives on their page. The JSON body has these fields:

- `run`: the id of the run.
- `reference`: the customer reference.
- `outcome`: `published`, `skipped`, `held-out`, `in-review`, `failed` or `recalled`. For an answer, it is `tell-me-more`, \
`call-me-back`, `not-for-me` or `opted-out`.
- `product`, only for `tell-me-more`, `call-me-back` and `not-for-me`: the id of the product.
- `because`, only for `not-for-me`: `have-one`, `no-use`, `terms`, `other-bank`, or `not-said` if the customer gave no reason.
- `record`: the digest of the record of that outcome, 64 hexadecimal digits. It identifies the record in the evidence, for an \
auditor. Clients may ignore it.

The headers follow Standard Webhooks: `webhook-id`, `webhook-timestamp` (Unix time in seconds) and `webhook-signature`. The \
signature is `v1,` and the base64 of the HMAC-SHA256 over `id.timestamp.body`; a request has one signature. The secret \
is the variable `BESPOKE_WEBHOOK_KEY` of a local server, or the secret in the stack's output `WebhookKey`; an operator gives it to the \
receiver. After the prefix `whsec_`, it is base64, and the HMAC's key is the decoded bytes. If the secret has no prefix, its own \
bytes are the key.

Respond with any 2xx status within 10 seconds (`delivery.webhook.deadline_seconds`). The server follows no redirects. It tries \
again after a network error, a 5xx status, or status 408, 409, 425 or 429, up to 8 attempts in total \
(`delivery.webhook.attempts`). A repeated notification has the same `webhook-id`. Its `webhook-timestamp` is the time of the \
attempt, so it does not order outcomes. Notifications may arrive out of order: `recalled` replaces `published`, and either \
replaces `in-review` and `failed`. In doubt, get the recommendation. If all attempts fail, the customer's outcome stays the \
same.

## Export

An operator makes the export with `bespoke export RUN`, or on AWS with the function in the stack's output `ExportFunction`. The \
API has none. The file is CSV in UTF-8 with a header row. Each row has `customer_id`, `reference`, `outcome`, `detail` (the reason \
for an outcome other than `published`), `link` and `expires` (a time). The customer's link opens a page with the video, forms for answers and choices, and an opt-out. The server checks consent, \
suppressions and recalls whenever someone opens it.

## Conventions

Times are RFC 3339 in UTC. Text lengths are in Unicode code points. Append the paths in responses, such as \
`/v1/campaigns/run-4c1f09a2b7d83e56`, to the server's address, which has no path of its own. In responses, a field without a \
value is absent, never null.

Within `/v1`, responses may gain fields, and lists of values may gain values. Clients must ignore unknown fields, and must treat \
every enumeration in a response as open. Requests with unknown fields or query parameters get status 400.

Campaigns, a campaign's customers and recommendations are listed in pages. Send `next` from a page as `after` to get the \
following page, with the same filter. Only the absence of `next` ends the list. A cursor does not expire. If the list changes \
between two requests, a page may omit an item, but never repeats one.

A run exists as soon as the response to its request arrives. To follow it, poll it every 2 seconds on a local server. On AWS, poll every \
10 seconds, because states are up to 10 seconds old. For that long after another attempt was started, AWS may still show the \
`failed` state of the attempt before it. To learn of a review decision, poll the recommendation every few minutes, or receive \
notifications.

A local server keeps runs and results until an operator deletes them. AWS deletes uploaded workbooks, results and runs after the \
days that the stack's parameters `IncomingDays` and `ResultDays` set. A deleted run gets status 404, and lists omit it.

After an erasure, a run for one customer gets status 404, and lists omit it. In a campaign, the customer stays listed and keeps \
the outcome. The content is then absent, and `reason.code` is `suppressed`.

Errors are problem details (RFC 9457). `error` names the cause, and `ErrorName` says where each name appears. For \
`Input.InvalidRequest`, the status tells the causes apart: the operation describes each. For status 400, `detail` names the \
invalid field, but not its value. To report a 5xx status to an operator, quote the time, the method and the path.

An unknown path gets status 404 with a problem. Any path may also respond with status 405 to a wrong method. A local server \
responds with 403 to requests from other web origins, and with 421 to another host name. It responds with 503 and \
`Start.Unavailable` to a new run while 100 runs are queued or running. It accepts 60 requests other than `GET` at once and then \
10 per second, over all callers, and more of those that only read. AWS accepts 100 requests at once and then 50 per second, over all callers.

On AWS, the gateway in front of the server sends some 4xx and 5xx responses itself, for example 401 and 429. Their body is a \
`GatewayError` with the content type `application/json`, and they have no `Retry-After` header. Then wait 1 second, and double \
the wait after each further response of this kind.";

/// Returns the document.
#[must_use]
pub fn document() -> OpenApi {
    let mut document = frame();
    let mut on_local_servers = local::documented().split_for_parts().1;
    for operation in operations(&mut on_local_servers) {
        remove_gateway_errors(operation);
    }
    document.merge(routes::documented().split_for_parts().1);
    document.merge(on_local_servers);
    add_roles(&mut document);
    if let Some(components) = &mut document.components {
        components.schemas.insert(ProblemDetails::name().into(), ProblemDetails::schema());
        components.schemas.insert(GatewayError::name().into(), GatewayError::schema());
        components.schemas.insert(ErrorNames::name().into(), ErrorNames::schema());
        components.schemas.values_mut().for_each(describe_nullable_properties);
    }
    document
}

/// Returns the operations of a document.
fn operations(document: &mut OpenApi) -> impl Iterator<Item = &mut Operation> {
    document
        .paths
        .paths
        .values_mut()
        .flat_map(|path| [&mut path.get, &mut path.post, &mut path.put, &mut path.delete])
        .flatten()
}

/// Removes the bodies that only the AWS gateway sends.
fn remove_gateway_errors(operation: &mut Operation) {
    for response in operation.responses.responses.values_mut() {
        if let RefOr::T(response) = response
            && response.content.contains_key("application/problem+json")
        {
            response.content.retain(|media_type, _| media_type == "application/problem+json");
        }
    }
}

/// Adds the callers that each operation accepts to its description, from the table that the server checks.
fn add_roles(document: &mut OpenApi) {
    for (method, template, access) in OPERATIONS {
        let Some(path) = document.paths.paths.get_mut(*template) else { continue };
        let operation = match *method {
            Method::GET => &mut path.get,
            Method::POST => &mut path.post,
            Method::PUT => &mut path.put,
            Method::DELETE => &mut path.delete,
            _ => continue,
        };
        if let Some(operation) = operation {
            let description = operation.description.take().unwrap_or_default();
            operation.description = Some(format!("{description}\n\n{}", access.sentence()));
        }
    }
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
            "On one machine, the token that `bespoke serve` prints. It lives as long as the server's folder.\n\nOn AWS, an ID \
             token of the Cognito user pool in the stack's output `Users`. A person signs in with an authorization code and \
             PKCE (RFC 7636), and with a second factor. The endpoints are `/oauth2/authorize` and `/oauth2/token` below the \
             output `SignInAddress`, the client id is the output `PageClient`, and the scope is `openid email`. `redirect_uri` is the \
             output `ApiAddress` followed by `/`, or exactly the stack's parameter `PageAddress`. A client at any other address \
             needs that parameter. `PageClient` has no secret, and PKCE uses `S256`. There is no sign-in for machines. An ID token lives 60 minutes, and the refresh token one day. A changed group takes effect in the \
             next ID token.",
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
