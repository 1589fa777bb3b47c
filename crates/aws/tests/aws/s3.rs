//! Tests of the store against an S3 server on loopback: s3s-fs.

use crate::server::{Server, store_at};
use contracts::key::RunPart;
use contracts::{ErrorName, NamedError, ObjectKey, RunId};
use storage::store::{ObjectStore, PutOutcome};
use storage::suite;
use wiremock::matchers::{header, method};
use wiremock::{Mock, MockServer, ResponseTemplate};

#[tokio::test]
async fn bucket_passes_the_store_suite() {
    let server = Server::start().await;
    suite::run(&server.store()).await;
}

#[tokio::test]
async fn objects_have_no_key_prefix() {
    let server = Server::start().await;
    server.store().put(&ObjectKey::Suppressions, "reference\n".into()).await.expect("put");
    let file = server.folder().join("control/suppressions.csv");
    assert_eq!(std::fs::read_to_string(file).expect("the file of the object"), "reference\n");
}

#[tokio::test]
async fn refused_signature_is_not_reported_as_a_missing_object() {
    let server = Server::start().await;
    let key = ObjectKey::Run(RunId::parse("r").expect("a name"), RunPart::ManifestJson);
    let stranger = server.store_with("another secret");
    for result in [stranger.find(&key).await.map(|_| ()), stranger.put(&key, "x".into()).await] {
        let error = result.expect_err("the signature is wrong");
        assert_eq!(error.name(), ErrorName::StoreUnavailable);
        let text = error.to_string();
        assert!(text.starts_with("runs/r/manifest.json: cannot "), "{text}");
        assert!(text.contains("SignatureDoesNotMatch") && !text.contains("another secret"), "{text}");
    }
}

/// Returns an error response in S3's format.
fn refusal(status: u16, code: &str) -> ResponseTemplate {
    let body = format!("<Error><Code>{code}</Code><Message>no</Message></Error>");
    ResponseTemplate::new(status).set_body_raw(body, "application/xml")
}

#[tokio::test]
async fn missing_bucket_is_not_reported_as_a_missing_object() {
    // s3s-fs responds with NoSuchKey here, but S3 does not.
    let server = MockServer::start().await;
    Mock::given(method("GET")).respond_with(refusal(404, "NoSuchBucket")).mount(&server).await;
    let error = store_at(&server.uri(), "secret").find(&ObjectKey::Catalogue).await.expect_err("there is no bucket");
    assert_eq!(error.name(), ErrorName::StoreUnavailable);
    assert!(error.to_string().contains("NoSuchBucket"), "{error}");
}

#[tokio::test]
async fn conflicting_conditional_write_is_retried() {
    for (answer, expected) in [
        (ResponseTemplate::new(200), PutOutcome::Created),
        (refusal(412, "PreconditionFailed"), PutOutcome::AlreadyThere),
    ] {
        let server = MockServer::start().await;
        let conditional = || Mock::given(method("PUT")).and(header("if-none-match", "*"));
        let conflict = refusal(409, "ConditionalRequestConflict");
        conditional().respond_with(conflict).up_to_n_times(2).expect(2).mount(&server).await;
        conditional().respond_with(answer).expect(1).mount(&server).await;
        let written = store_at(&server.uri(), "secret").put_new(&ObjectKey::Catalogue, "{}".into()).await;
        assert_eq!(written.expect("written"), expected);
    }
}
