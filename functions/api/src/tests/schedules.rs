//! Schedules through the API.

use contracts::ScheduleName;
use contracts::schedule::Schedule;

use super::*;

impl Api {
    async fn schedule(&self, method: Method, path: &str, body: &str) -> (StatusCode, Value) {
        let request = Request::builder().method(method).uri(format!("/v1/schedules{path}")).header("subject", "rita");
        let request = request.header(header::CONTENT_TYPE, "application/json");
        let (parts, body) = self.send(request, body).await;
        (parts.status, serde_json::from_slice(&body).unwrap_or_default())
    }

    async fn stored(&self, name: &str) -> Option<String> {
        let key = ObjectKey::Schedule(ScheduleName::parse(name).unwrap());
        let file = self.bank.store.find(&key).await.unwrap();
        file.map(|file| String::from_utf8(file.to_vec()).unwrap())
    }
}

const TRAVEL: &str = r#"{
    "when": "cron(0 9 ? * MON *)", "time_zone": "Europe/Berlin", "quiet_hours": {"from": "20:00", "to": "08:00"},
    "segment": "need:travel  and not (holds:travel-rewards-card)", "shape": "9:16", "customer_ids": ["0001", "0006"],
    "max_customers": 500, "budget_usd": 25
}"#;

#[tokio::test]
async fn schedule_is_created_listed_paused_resumed_and_deleted() {
    let api = Api::new().await;
    for _ in 0..2 {
        let (status, created) = api.schedule(Method::PUT, "/travel", TRAVEL).await;
        assert_eq!(status, StatusCode::OK, "{created}");
        assert_eq!((&created["name"], &created["paused"]), (&json!("travel"), &json!(false)));
        assert_eq!(created["segment"], "need:travel and not holds:travel-rewards-card");
        assert_eq!(created["quiet_hours"], json!({"from": "20:00", "to": "08:00"}));
    }
    let (_, list) = api.schedule(Method::GET, "", "").await;
    let next: Timestamp = list["items"][0]["next_run"].as_str().unwrap().parse().unwrap();
    let berlin = next.in_tz("Europe/Berlin").unwrap();
    assert!(next > Timestamp::now() && berlin.hour() == 9 && berlin.weekday() == jiff::civil::Weekday::Monday);

    let (status, paused) = api.schedule(Method::POST, "/travel/pause", "").await;
    assert_eq!((status, &paused["paused"], &paused["next_run"]), (StatusCode::OK, &json!(true), &Value::Null));
    assert!(api.stored("travel").await.unwrap().contains("paused = true"));
    let (_, resumed) = api.schedule(Method::POST, "/travel/resume", "").await;
    assert_eq!((&resumed["paused"], &resumed["shape"]), (&json!(false), &json!("9:16")));

    for _ in 0..2 {
        assert_eq!(api.schedule(Method::DELETE, "/travel", "").await.0, StatusCode::NO_CONTENT);
    }
    assert_eq!(api.schedule(Method::GET, "/travel", "").await.0, StatusCode::NOT_FOUND);
    assert_eq!(api.schedule(Method::POST, "/travel/pause", "").await.0, StatusCode::NOT_FOUND);
    assert_eq!(api.schedule(Method::GET, "", "").await.1, json!({"items": []}));
}

#[tokio::test]
async fn customer_ids_are_stored_as_references_with_the_creator() {
    let api = Api::new().await;
    let (_, created) = api.schedule(Method::PUT, "/vip", TRAVEL).await;
    let text = api.stored("vip").await.unwrap();
    assert!(!text.contains("\"0001\"") && !text.contains("\"0006\"") && !text.contains("rita"), "{text}");
    let name = ScheduleName::parse("vip").unwrap();
    let stored = Schedule::from_toml(&name, &text).unwrap();
    let reference = api.bank.vault.keys().reference(&CustomerId::parse("0001").unwrap());
    assert!(stored.customers.len() == 2 && stored.customers.contains(&reference));
    assert_eq!(stored.created_by, Some(api.bank.vault.keys().staff("rita")));
    assert!(created["customer_refs"].as_array().unwrap().contains(&json!(reference)));
    assert!(created.get("created_by").is_none());
}

#[tokio::test]
async fn invalid_schedule_is_refused_by_field_and_not_stored() {
    let api = Api::new().await;
    for (body, expected) in [
        (r#"{"when": "weekly"}"#, "when: must be cron(…), rate(…) or at(…)"),
        (r#"{"when": "rate(7 days)", "time_zone": "Berlin"}"#, "time_zone: must be a name"),
        (r#"{"when": "rate(7 days)", "segment": "age:60"}"#, "segment: unknown fact at character 1; use one of need"),
        (r#"{"when": "rate(7 days)", "segment": "holds:no-such"}"#, "the catalog has no product no-such"),
        (r#"{"when": "rate(7 days)", "customer_ids": [" 0001"]}"#, "the field customer_ids[0] is invalid"),
        (
            r#"{"when": "cron(0 22 ? * * *)", "quiet_hours": {"from": "20:00", "to": "08:00"}}"#,
            "it is due at 22:00, which is in the quiet hours 20:00 to 08:00",
        ),
        (r#"{"when": "rate(7 days)", "words_per_minute": 300}"#, "words_per_minute must be 80 to 220"),
        (r#"{"when": "rate(7 days)", "created_by": "me"}"#, "created_by"),
    ] {
        let (status, problem) = api.schedule(Method::PUT, "/travel", body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains(expected), "{problem}");
    }
    assert_eq!(api.stored("travel").await, None);
    assert_eq!(api.schedule(Method::PUT, "/a.b", TRAVEL).await.0, StatusCode::NOT_FOUND);
}
