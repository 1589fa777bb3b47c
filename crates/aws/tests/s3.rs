//! The store over a real S3 endpoint: s3s-fs, on loopback.

mod server;

use contracts::key::RunPart;
use contracts::store::{ObjectStore, suite};
use contracts::{ErrorName, NamedError, ObjectKey, RunId};
use server::Server;

#[tokio::test]
async fn the_bucket_passes_the_suite_of_every_store() {
    let server = Server::start().await;
    suite::run(&server.store()).await;
}

#[tokio::test]
async fn objects_lie_under_their_own_keys_without_a_prefix() {
    let server = Server::start().await;
    server.store().put(&ObjectKey::Suppressions, "reference\n".into()).await.expect("put");
    let file = server.folder().join("control/suppressions.csv");
    assert_eq!(std::fs::read_to_string(file).expect("the file of the object"), "reference\n");
}

#[tokio::test]
async fn a_refused_signature_is_a_store_that_is_unavailable_and_not_a_missing_object() {
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

#[tokio::test]
async fn a_bucket_that_is_not_there_is_not_a_missing_object() {
    let server = Server::start().await;
    std::fs::remove_dir_all(server.folder()).expect("removed");
    let error = server.store().find(&ObjectKey::Catalogue).await.expect_err("there is no bucket");
    assert_eq!(error.name(), ErrorName::StoreUnavailable);
}
