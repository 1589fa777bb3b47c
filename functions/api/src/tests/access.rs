//! Tests which roles may call which operations.

use super::*;

const B: &str = "banker";
const M: &str = "campaign-manager";
const R: &str = "reviewer";
const C: &str = "compliance";

/// Every operation that needs a sign-in, with the roles that may call it.
const MATRIX: &[(&str, &str, &[&str])] = &[
    ("post", "/v1/recommendations", &[B]),
    ("get", "/v1/recommendations", &[B]),
    ("get", "/v1/recommendations/{id}", &[B, M]),
    ("get", "/v1/recommendations/{id}/events", &[B, M]),
    ("post", "/v1/recommendations/{id}/recall", &[C]),
    ("post", "/v1/uploads", &[M]),
    ("put", "/v1/uploads/{upload}/{workbook}", &[M]),
    ("post", "/v1/campaigns", &[M]),
    ("get", "/v1/campaigns", &[M]),
    ("get", "/v1/campaigns/{id}", &[M]),
    ("get", "/v1/campaigns/{id}/customers", &[M]),
    ("get", "/v1/schedules", &[M]),
    ("put", "/v1/schedules/{name}", &[M]),
    ("get", "/v1/schedules/{name}", &[M]),
    ("delete", "/v1/schedules/{name}", &[M]),
    ("post", "/v1/schedules/{name}/pause", &[M]),
    ("post", "/v1/schedules/{name}/resume", &[M]),
    ("get", "/v1/reviews", &[R]),
    ("post", "/v1/reviews/{run}/{customer_ref}", &[R]),
    ("post", "/v1/erasures", &[C]),
    ("post", "/v1/suppressions", &[C]),
    ("post", "/v1/letters", &[C]),
    ("get", "/v1/options", &[B, M, R, C]),
    ("get", "/v1/catalogue", &[B, M, R, C]),
];

/// A store of local files that contains none.
struct NoFiles;

#[async_trait]
impl LocalFiles for NoFiles {
    async fn serve(&self, _: &str, _: Request<Body>) -> Result<Response<Body>, Problem> {
        Err(Problem::not_found())
    }

    async fn receive(&self, _: &Batch, _: Workbook, _: BodyDataStream) -> Result<(), Problem> {
        Ok(())
    }
}

/// Returns the operations of the `OpenAPI` document that need a sign-in.
fn documented() -> BTreeSet<(String, String)> {
    let document = serde_json::to_value(document()).unwrap();
    let paths = document["paths"].as_object().unwrap().iter();
    let operations = paths.flat_map(|(path, methods)| {
        let methods = methods.as_object().unwrap().iter();
        let signed_in = methods.filter(|(_, operation)| operation["security"] != json!([{}]));
        signed_in.map(|(method, _)| (method.clone(), path.clone()))
    });
    operations.collect()
}

#[tokio::test]
async fn each_role_may_call_only_its_operations() {
    let listed: BTreeSet<_> =
        MATRIX.iter().map(|(method, path, _)| ((*method).to_owned(), (*path).to_owned())).collect();
    assert_eq!(listed, documented(), "every documented operation has an entry");
    let api = Api::new().await;
    let router = api.router.clone().merge(local::router(api.bank.clone(), Arc::new(NoFiles)));
    let api = Api { router, bank: api.bank };
    let reference = "0".repeat(32);
    for (method, path, allowed) in MATRIX {
        let path = path.replace("{customer_ref}", &reference).replace("{upload}", "upload-0").replace(['{', '}'], "");
        let request =
            || Request::builder().method(method.to_uppercase().as_str()).uri(&path).header("idempotency-key", "k");
        let (status, _) = api.call(request(), "{}").await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{method} {path} without a sign-in");
        for role in [B, M, R, C, ""] {
            let request = request().header("subject", "someone").header("roles", role);
            let (parts, body) = api.send(request, "{}").await;
            let forbidden = parts.status == StatusCode::FORBIDDEN;
            assert_eq!(forbidden, !allowed.contains(&role), "{method} {path} as {role:?}: {}", parts.status);
            if forbidden {
                let problem: Value = serde_json::from_slice(&body).unwrap();
                assert_eq!(problem["error"], "Access.Forbidden");
                assert_eq!(problem["detail"], format!("this needs the role {}", allowed.join(" or ")));
            } else {
                assert_ne!(parts.status, StatusCode::UNAUTHORIZED, "{method} {path} as {role}");
            }
        }
    }
}

#[tokio::test]
async fn head_request_needs_the_same_role_as_get() {
    let api = Api::new().await;
    let request =
        Request::builder().method(Method::HEAD).uri("/v1/reviews").header("subject", "ann").header("roles", B);
    assert_eq!(api.send(request, "").await.0.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn route_that_is_not_in_the_table_rejects_every_call() {
    let api = Api::new().await;
    let open = axum::Router::new().route("/v1/new", axum::routing::get(async || "open"));
    let router = crate::access::guarded(open, api.bank.clone()).with_state(());
    let api = Api { router, bank: api.bank };
    let (status, problem) = api.get("rita", "/v1/new").await;
    assert_eq!((status, &problem["detail"]), (StatusCode::FORBIDDEN, &json!("no role may do this")));
}
