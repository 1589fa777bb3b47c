//! Tests the signing key against a fake KMS on loopback, which speaks KMS's protocol (JSON 1.1) and signs with its own key.

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_kms::config::{Credentials, SharedCredentialsProvider};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bespoke_aws::kms::KmsSigner;
use contracts::{ErrorName, NamedError};
use serde_json::{Value, json};
use transparency::checkpoint::Checkpoint;
use transparency::merkle::{Tree, empty_root};
use transparency::signer::{PublicKey, Signer as _, SigningKey};
use wiremock::matchers::{body_json, header, header_regex};
use wiremock::{Mock, MockServer, ResponseTemplate};

const KEY: &str = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555";

fn signer(server: &MockServer) -> KmsSigner {
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new("id", "key", None, None, "tests")))
        .region(Region::new("us-east-1"))
        .endpoint_url(server.uri())
        .http_client(bespoke_aws::host::https_client())
        .retry_config(RetryConfig::disabled())
        .build();
    KmsSigner::new(&config, KEY.to_owned())
}

/// Answers the documented AWS request, a signed call of `operation` with exactly this body. The test fails unless there
/// are exactly `times` such calls.
async fn answer(server: &MockServer, operation: &str, body: Value, response: ResponseTemplate, times: u64) {
    Mock::given(header("x-amz-target", format!("TrentService.{operation}")))
        .and(header_regex("authorization", "^AWS4-HMAC-SHA256 Credential=id/[0-9]{8}/us-east-1/kms/aws4_request"))
        .and(body_json(body))
        .respond_with(response)
        .expect(times)
        .mount(server)
        .await;
}

async fn publishes(server: &MockServer, der: &[u8]) {
    let response = ResponseTemplate::new(200).set_body_json(json!({"KeyId": KEY, "PublicKey": BASE64.encode(der)}));
    answer(server, "GetPublicKey", json!({"KeyId": KEY}), response, 1).await;
}

#[tokio::test]
async fn signed_checkpoint_verifies_with_published_key() {
    let server = MockServer::start().await;
    let own = SigningKey::from_pem("", &SigningKey::generate("").unwrap()).unwrap();
    let public = own.public_key().await.unwrap();
    let pem = public.to_pem();
    let base64: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    publishes(&server, &BASE64.decode(base64).unwrap()).await;
    let statement = format!("bespoke/log\n0\n{}\n", BASE64.encode(empty_root().as_bytes()));
    let signature = own.sign(statement.as_bytes()).await.unwrap();
    let request = json!({
        "KeyId": KEY, "Message": BASE64.encode(&statement), "MessageType": "RAW", "SigningAlgorithm": "ED25519_SHA_512"
    });
    let response = json!({
        "KeyId": KEY, "Signature": BASE64.encode(signature), "SigningAlgorithm": "ED25519_SHA_512"
    });
    answer(&server, "Sign", request, ResponseTemplate::new(200).set_body_json(response), 1).await;

    let signer = signer(&server);
    let text = Checkpoint::sign(Tree { size: 0, root: empty_root() }, &signer).await.unwrap();
    assert!(Checkpoint::parse(&text).unwrap().is_signed_by(&public));
    assert_eq!(signer.public_key().await.unwrap(), public, "the second call uses the cache");
}

#[tokio::test]
async fn denied_signing_request_returns_named_error() {
    let server = MockServer::start().await;
    let refused = ResponseTemplate::new(400)
        .insert_header("x-amzn-errortype", "AccessDeniedException")
        .set_body_json(json!({"message": "not authorized to perform kms:Sign"}));
    let request = json!({
        "KeyId": KEY, "Message": "bQ==", "MessageType": "RAW", "SigningAlgorithm": "ED25519_SHA_512"
    });
    answer(&server, "Sign", request, refused, 1).await;
    let error = signer(&server).sign(b"m").await.unwrap_err();
    assert_eq!(error.name(), ErrorName::SecretUnavailable);
    assert!(error.to_string().contains("kms:Sign") && error.to_string().contains(KEY), "{error}");
}

#[tokio::test]
async fn key_of_another_type_is_refused() {
    let server = MockServer::start().await;
    publishes(&server, &[0x30, 0x59, 0x30, 0x13]).await;
    let error = signer(&server).public_key().await.unwrap_err();
    assert!(error.to_string().contains("not an Ed25519 key"), "{error}");
    assert_eq!(PublicKey::from_der(&[0x30]), None);
}
