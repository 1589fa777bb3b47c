//! Tests of the Secrets Manager adapter against a loopback server that speaks its protocol (AWS JSON 1.1).

use std::collections::HashMap;

use aws_sdk_secretsmanager::config::retry::RetryConfig;
use aws_sdk_secretsmanager::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_secretsmanager::{Client, Config};
use bespoke_aws::secrets::SecretsManager;
use contracts::{ErrorName, NamedError};
use serde_json::json;
use storage::secret::{ExposeSecret, SecretError, SecretName, Secrets};
use wiremock::matchers::{body_json, header};
use wiremock::{Mock, MockServer, ResponseTemplate};

const PASSWORD: SecretName = SecretName::WorkbookPassword;

fn secrets(server: &MockServer) -> SecretsManager {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .credentials_provider(Credentials::new("id", "key", None, None, "tests"))
        .region(Region::new("us-east-1"))
        .endpoint_url(server.uri())
        .http_client(bespoke_aws::host::https_client())
        .retry_config(RetryConfig::disabled())
        .build();
    SecretsManager::new(Client::from_conf(config), HashMap::from([(PASSWORD, "bespoke/password".to_owned())]))
}

/// Responds to the next `times` requests for the password.
async fn answer(server: &MockServer, times: u64, response: ResponseTemplate) {
    Mock::given(header("x-amz-target", "secretsmanager.GetSecretValue"))
        .and(body_json(json!({"SecretId": "bespoke/password"})))
        .respond_with(response.insert_header("content-type", "application/x-amz-json-1.1"))
        .up_to_n_times(times)
        .mount(server)
        .await;
}

fn value(text: &str) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({"Name": "bespoke/password", "SecretString": text}))
}

fn refusal(kind: &str) -> ResponseTemplate {
    ResponseTemplate::new(400).set_body_json(json!({"__type": kind, "Message": "no"}))
}

async fn text(secrets: &SecretsManager) -> String {
    secrets.get(PASSWORD).await.expect("a password").expose_secret().to_owned()
}

#[tokio::test]
async fn secret_is_fetched_once_until_dropped() {
    let server = MockServer::start().await;
    answer(&server, 1, value("first")).await;
    answer(&server, 1, value("second")).await;
    let secrets = secrets(&server);
    assert_eq!((text(&secrets).await, text(&secrets).await), ("first".to_owned(), "first".to_owned()));
    secrets.forget(PASSWORD).await;
    assert_eq!(text(&secrets).await, "second");
}

#[tokio::test]
async fn concurrent_callers_fetch_once() {
    let server = MockServer::start().await;
    answer(&server, 1, value("first")).await;
    let secrets = secrets(&server);
    let (a, b, c) = tokio::join!(text(&secrets), text(&secrets), text(&secrets));
    assert_eq!([a, b, c], ["first", "first", "first"]);
}

#[tokio::test]
async fn renewing_reports_a_rotated_secret() {
    let server = MockServer::start().await;
    answer(&server, 2, value("first")).await;
    answer(&server, 1, value("second")).await;
    let secrets = secrets(&server);
    assert_eq!(text(&secrets).await, "first");
    assert!(!secrets.renew(PASSWORD).await.expect("renewed"));
    assert!(secrets.renew(PASSWORD).await.expect("renewed"));
    assert_eq!(text(&secrets).await, "second");
}

#[tokio::test]
async fn secret_without_id_or_entry_is_missing() {
    let server = MockServer::start().await;
    answer(&server, 2, refusal("ResourceNotFoundException")).await;
    let secrets = secrets(&server);
    assert!(secrets.find(PASSWORD).await.expect("found").is_none());
    assert!(secrets.find(SecretName::ModelKey).await.expect("found").is_none());
    let error = secrets.get(PASSWORD).await.expect_err("missing");
    assert!(matches!(error, SecretError::Missing(SecretName::WorkbookPassword)));
}

#[tokio::test]
async fn refusal_reports_the_service_error_and_is_not_cached() {
    let server = MockServer::start().await;
    answer(&server, 1, refusal("AccessDeniedException")).await;
    answer(&server, 1, value("first")).await;
    let secrets = secrets(&server);
    let error = secrets.get(PASSWORD).await.expect_err("refused");
    assert_eq!(error.name(), ErrorName::SecretUnavailable);
    assert!(error.to_string().contains("AccessDeniedException"), "{error}");
    assert_eq!(text(&secrets).await, "first");
}

#[tokio::test]
async fn malformed_response_does_not_leak_the_secret() {
    let server = MockServer::start().await;
    let broken = r#"{"SecretString": "hunter2""#;
    answer(&server, 1, ResponseTemplate::new(200).set_body_string(broken)).await;
    let error = secrets(&server).get(PASSWORD).await.expect_err("broken");
    assert_eq!(error.name(), ErrorName::SecretUnavailable);
    assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
}

#[tokio::test]
async fn binary_secret_is_malformed() {
    let server = MockServer::start().await;
    answer(&server, 1, ResponseTemplate::new(200).set_body_json(json!({"SecretBinary": "aGk="}))).await;
    let error = secrets(&server).get(PASSWORD).await.expect_err("binary");
    assert_eq!(error.to_string(), "the secret EXCEL_PASSWORD is not text");
}
