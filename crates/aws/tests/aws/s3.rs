//! Tests the store against s3s-fs, an S3 server on the loopback interface.

use crate::server::{Server, store_at};
use contracts::key::RunPart;
use contracts::{ErrorName, NamedError, ObjectKey, RunId};
use storage::store::{ObjectStore, PutOutcome, ReplaceOutcome};
use storage::suite;
use wiremock::matchers::{header, method};
use wiremock::{Mock, MockServer, ResponseTemplate};

#[tokio::test]
async fn bucket_passes_the_store_suite() {
    let server = Server::start().await;
    suite::run(&server.store()).await;
}

#[tokio::test]
async fn object_keys_are_used_without_a_prefix() {
    let server = Server::start().await;
    server.store().put(&ObjectKey::Suppressions, "reference\n".into()).await.expect("put");
    let file = server.folder().join("control/suppressions.csv");
    assert_eq!(std::fs::read_to_string(file).expect("the object's file"), "reference\n");
}

#[tokio::test]
async fn rejected_signature_is_not_reported_as_a_missing_object() {
    let server = Server::start().await;
    let key = ObjectKey::Run(RunId::parse("r").expect("a name"), RunPart::ManifestJson);
    let store_with_wrong_secret = server.store_with("another secret");
    for result in
        [store_with_wrong_secret.find(&key).await.map(|_| ()), store_with_wrong_secret.put(&key, "x".into()).await]
    {
        let error = result.expect_err("the signature is wrong");
        assert_eq!(error.name(), ErrorName::StoreUnavailable);
        let text = error.to_string();
        assert!(text.starts_with("runs/r/manifest.json: cannot "), "{text}");
        assert!(text.contains("SignatureDoesNotMatch") && !text.contains("another secret"), "{text}");
    }
}

/// Returns an error response in S3's format.
fn error_response(status: u16, code: &str) -> ResponseTemplate {
    let body = format!("<Error><Code>{code}</Code><Message>no</Message></Error>");
    ResponseTemplate::new(status).set_body_raw(body, "application/xml")
}

#[tokio::test]
async fn missing_bucket_is_not_reported_as_a_missing_object() {
    // S3 responds with NoSuchBucket here, but s3s-fs responds with NoSuchKey, so this test uses a mock server.
    let server = MockServer::start().await;
    Mock::given(method("GET")).respond_with(error_response(404, "NoSuchBucket")).mount(&server).await;
    let error = store_at(&server.uri(), "secret").find(&ObjectKey::Catalogue).await.expect_err("there is no bucket");
    assert_eq!(error.name(), ErrorName::StoreUnavailable);
    assert!(error.to_string().contains("NoSuchBucket"), "{error}");
}

#[tokio::test]
async fn conflicting_conditional_write_is_retried() {
    for (answer, expected) in [
        (ResponseTemplate::new(200), PutOutcome::Created),
        (error_response(412, "PreconditionFailed"), PutOutcome::AlreadyExists),
    ] {
        let server = MockServer::start().await;
        let conditional = || Mock::given(method("PUT")).and(header("if-none-match", "*"));
        let conflict = error_response(409, "ConditionalRequestConflict");
        conditional().respond_with(conflict).up_to_n_times(2).expect(2).mount(&server).await;
        conditional().respond_with(answer).expect(1).mount(&server).await;
        let written = store_at(&server.uri(), "secret").put_new(&ObjectKey::Catalogue, "{}".into()).await;
        assert_eq!(written.expect("written"), expected);
    }
}

#[tokio::test]
async fn replacement_is_conditional_on_the_bytes_that_were_read() {
    for (answer, expected) in [
        (ResponseTemplate::new(200), ReplaceOutcome::Replaced),
        (error_response(412, "PreconditionFailed"), ReplaceOutcome::Changed),
        (error_response(409, "ConditionalRequestConflict"), ReplaceOutcome::Changed),
    ] {
        let server = MockServer::start().await;
        let stored = ResponseTemplate::new(200).insert_header("etag", "\"tag\"").set_body_string("old");
        Mock::given(method("GET")).respond_with(stored).mount(&server).await;
        Mock::given(method("PUT"))
            .and(header("if-match", "\"tag\""))
            .respond_with(answer)
            .expect(1)
            .mount(&server)
            .await;
        let store = store_at(&server.uri(), "secret");
        let replaced = store.replace(&ObjectKey::Catalogue, &"old".into(), "new".into()).await;
        assert_eq!(replaced.expect("an answer"), expected);
        let other = store.replace(&ObjectKey::Catalogue, &"older".into(), "new".into()).await;
        assert_eq!(other.expect("an answer"), ReplaceOutcome::Changed, "the object holds other bytes");
    }
}
