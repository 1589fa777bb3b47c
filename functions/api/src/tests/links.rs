//! The forms and files of customers' links.

use super::*;

const FORM: &str = "application/x-www-form-urlencoded";

/// Creates a link to a customer's part of a run. Returns its path and the customer.
async fn link(api: &Api) -> (String, CustomerRef) {
    let reference = CustomerRef::parse("7".repeat(32)).unwrap();
    let settings =
        contracts::settings::DeliverySettings { link_base: "https://bank.example/l".to_owned(), ..Default::default() };
    let run = RunId::parse("run-1").unwrap();
    let link = deliver::links::create(&run, &reference, &settings, api.bank.store.as_ref(), Timestamp::now());
    let address = link.await.unwrap().unwrap().address;
    (address.strip_prefix("https://bank.example").unwrap().to_owned(), reference)
}

#[tokio::test]
async fn mail_program_unsubscribes_with_one_post() {
    let api = Api::new().await;
    let (path, reference) = link(&api).await;
    let suppressed = async || api.bank.store.find(&ObjectKey::Suppression(reference.clone())).await.unwrap().is_some();
    let unsubscribe = format!("{path}/unsubscribe");

    let (parts, body) = api.send(Request::get(&unsubscribe), "").await;
    assert_eq!(parts.status, StatusCode::OK);
    assert!(String::from_utf8(body).unwrap().contains("<form method=\"post\" action=\"opt-out\">"));
    assert!(!suppressed().await, "opening the address changes nothing");

    let post = Request::post(&unsubscribe).header(header::CONTENT_TYPE, FORM);
    let (parts, _) = api.send(post, "List-Unsubscribe=One-Click").await;
    assert_eq!(parts.status, StatusCode::OK, "RFC 8058 forbids a redirect");
    assert!(!parts.headers.contains_key(header::SET_COOKIE));
    assert!(suppressed().await);
    assert_eq!(*api.bank.answered.lock().unwrap(), [(RunId::parse("run-1").unwrap(), reference)]);
}

#[tokio::test]
async fn invalid_form_is_refused_and_records_nothing() {
    let api = Api::new().await;
    let (path, reference) = link(&api).await;
    let before = api.bank.store.objects();
    for (action, body, status) in [
        ("answer", "product=savings&answer=buy", StatusCode::BAD_REQUEST),
        ("answer", "", StatusCode::BAD_REQUEST),
        ("choices", "choice=source-income", StatusCode::BAD_REQUEST),
        // Nothing is published, so the link is dead.
        ("answer", "product=savings&answer=call-me-back", StatusCode::NOT_FOUND),
        ("choices", "choice=source-posts", StatusCode::NOT_FOUND),
    ] {
        let post = Request::post(format!("{path}/{action}")).header(header::CONTENT_TYPE, FORM);
        assert_eq!(api.send(post, body).await.0.status, status, "{action} {body}");
    }
    assert!(before == api.bank.store.objects(), "{reference}");
}

#[tokio::test]
async fn fonts_have_one_address_for_all_customers() {
    let api = Api::new().await;
    let (parts, body) = api.send(Request::get("/l/_/title.woff2"), "").await;
    assert_eq!((parts.status, &body[..4]), (StatusCode::OK, b"wOF2".as_slice()));
    assert_eq!(parts.headers[header::CONTENT_TYPE], "font/woff2");
    assert_eq!(parts.headers[header::CACHE_CONTROL], "public, max-age=604800");
    assert_eq!(
        parts.headers[header::CONTENT_SECURITY_POLICY],
        "default-src 'none'; base-uri 'none'; frame-ancestors 'none'"
    );
    for name in ["brand.toml", "..%2Fbrand.toml", "title.ttf"] {
        assert_eq!(api.send(Request::get(format!("/l/_/{name}")), "").await.0.status, StatusCode::NOT_FOUND, "{name}");
    }
}
