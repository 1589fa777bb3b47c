//! Tests of the settings: rejected values and their error messages.

use super::*;

#[test]
fn unknown_intake_column_is_refused_by_name() {
    let error = Settings::from_toml("[intake.columns.tweets]\ntext = \"Post\"\n").unwrap_err().to_string();
    assert_eq!(
        error,
        "bespoke.toml: intake.columns.tweets: no column is called \"text\"; use one of customer_id, tweet, created_at"
    );
}

#[test]
fn consent_words_must_not_turn_a_no_into_a_yes() {
    let settings =
        |yes: &str, no: &str| Settings::from_toml(&format!("[intake.consent]\nyes = [\"{yes}\"]\nno = [\"{no}\"]\n"));
    assert!(settings("Opted In", "opted out").is_ok());
    assert!(settings("2", "1").is_ok());
    for (yes, no) in [("No", "never"), ("maybe", " MAYBE "), ("", "no"), ("0", "1"), ("0.0", "1")] {
        let error = settings(yes, no).unwrap_err().to_string();
        assert!(error.contains("intake.consent must be"), "{yes} {no}: {error}");
    }
}

#[test]
fn sheets_are_one_name_or_several() {
    let text = "[intake.sheets]\nprofile = \"Data\"\ntweets = [\"May\", \"June\"]\n[intake.header_row]\ntweets = 3\n";
    let intake = Settings::from_toml(text).unwrap().intake;
    assert_eq!(intake.sheets[&Workbook::Profile].as_slice(), ["Data"]);
    assert_eq!(intake.sheets[&Workbook::Tweets].as_slice(), ["May", "June"]);
    assert_eq!(intake.header_row[&Workbook::Tweets], 3);
}

#[test]
fn unset_intake_settings_do_not_change_the_digest() {
    let json = serde_json::to_value(IntakeSettings::default()).unwrap();
    let fields: Vec<&String> = json.as_object().unwrap().keys().collect();
    assert_eq!(fields, ["allow_unprotected", "columns", "max_bad_rows"]);
}

#[test]
fn empty_file_means_defaults() {
    assert_eq!(Settings::from_toml("").unwrap(), Settings::default());
}

#[test]
fn background_outside_its_folder_is_invalid() {
    let named = |name: &str| Settings::from_toml(&format!("[video]\nbackground = \"{name}\"\n"));
    assert_eq!(named("calm.mp4").unwrap().video.background.unwrap().as_str(), "calm.mp4");
    let error = named("../../etc/passwd").unwrap_err().to_string();
    assert!(error.starts_with("bespoke.toml: line 2: ") && error.contains("1 to 64 letters"), "{error}");
}

#[test]
fn unknown_field_is_named() {
    let error = Settings::from_toml("[voice]\nspeed = 3\n").unwrap_err().to_string();
    assert!(error.contains("speed"), "{error}");
}

#[test]
fn out_of_range_value_is_named() {
    let error = Settings::from_toml("[voice]\nwords_per_minute = 500\n").unwrap_err().to_string();
    assert_eq!(error, "bespoke.toml: voice.words_per_minute must be 80 to 220");
}

#[test]
fn address_with_secret_is_invalid_and_hidden() {
    for address in ["https://user:s3cret@host/v1", "https://host/v1?key=s3cret"] {
        let text = format!("[writer.model]\nbase_url = \"{address}\"\n");
        let error = Settings::from_toml(&text).unwrap_err().to_string();
        assert!(error.contains("writer.model.base_url") && !error.contains("s3cret"), "{error}");
    }
}

#[test]
fn value_of_wrong_type_is_hidden_and_its_line_named() {
    for text in ["[voice]\nwords_per_minute = \"s3cret\"\n", "[video]\nshape = \"s3cret\"\n", "[video]\n= s3cret\n"] {
        let error = Settings::from_toml(text).unwrap_err().to_string();
        assert!(error.starts_with("bespoke.toml: line 2: ") && !error.contains("s3cret"), "{error}");
    }
}

#[test]
fn digest_covers_only_what_differs_from_the_defaults() {
    assert_eq!(Settings::default().digest(), Digest::of_json(&serde_json::json!({})));
    let slow = Settings::from_toml("[voice]\nwords_per_minute = 120\n").unwrap();
    assert_eq!(slow.digest(), Digest::of_json(&serde_json::json!({ "voice": { "words_per_minute": 120 } })));
}

#[test]
fn settings_survive_a_json_round_trip() {
    let text = "[voice]\nwords_per_minute = 120\n[intake.sheets]\nprofile = \"Data\"\n[review]\nevery = 3\n";
    let settings = Settings::from_toml(text).unwrap();
    let json = serde_json::to_string(&settings).unwrap();
    assert_eq!(serde_json::from_str::<Settings>(&json).unwrap(), settings);
}

#[test]
fn concurrency_rate_limits_and_prices_do_not_change_the_digest() {
    let text = "[local]\nconcurrency = 7\ntolerated_failure_percentage = 50\n\
        [writer.model]\nrequests_per_minute = 60\ntokens_per_minute = 9000\nusd_per_million_tokens_read = 9.0\n";
    assert_eq!(Settings::from_toml(text).unwrap().digest(), Settings::default().digest());
}

#[test]
fn own_models_have_traits_and_retirement_dates() {
    let text = "[writer]\nwhen_refused = \"review\"\n[writer.model]\nenabled = true\nname = \"llama3.2\"\n\
        [writer.models.llama3]\ntoken_limit = \"max_tokens\"\nends = \"2027-06-30\"\n";
    let writer = Settings::from_toml(text).unwrap().writer;
    assert_eq!((writer.when_refused, writer.when_unavailable), (Fallback::Review, Fallback::Template));
    assert_eq!(writer.model_traits().token_limit, crate::model::TokenLimit::MaxTokens);
    assert!(writer.retirement_warning().unwrap().starts_with("llama3.2 retires on 2027-06-30"));
    let former = Settings::from_toml("[writer]\nwhen_refused = \"hold\"\n").unwrap().writer;
    assert_eq!(former.when_refused, Fallback::Review, "the word from version 0.1.0 can still be read");
    let unknown = Settings::from_toml("[writer.models.llama3]\ntemprature = true\n").unwrap_err().to_string();
    assert!(unknown.contains("temprature"), "{unknown}");
}

#[test]
fn phrases_are_the_default_writer() {
    let writer = Settings::default().writer;
    assert_eq!((writer.mode, writer.free_without_review), (WriterMode::Phrases, false));
    let free = Settings::from_toml("[writer]\nmode = \"free\"\nfree_without_review = true\n").unwrap();
    assert_eq!((free.writer.mode, free.writer.free_without_review), (WriterMode::Free, true));
    assert_ne!(free.digest(), Settings::default().digest());
    assert!(Settings::from_toml("[writer]\nmode = \"poet\"\n").unwrap_err().to_string().contains("`phrases`"));
}

#[test]
fn retirement_warning_requires_enabled_model() {
    assert_eq!(Settings::default().writer.retirement_warning(), None);
    let on = Settings::from_toml("[writer.model]\nenabled = true\n").unwrap();
    assert!(on.writer.retirement_warning().unwrap().contains("2027-01-14"));
    let azure = "[writer.model]\napi_version = \"2024-10-21&key=s3cret\"\n";
    let error = Settings::from_toml(azure).unwrap_err().to_string();
    assert!(error.contains("writer.model.api_version") && !error.contains("s3cret"), "{error}");
}

#[test]
fn outside_services_are_off_by_default() {
    assert!(!Settings::default().writer.model.enabled && !Settings::default().voice.openai.enabled);
}

#[test]
fn engine_is_chosen_by_name() {
    let engine = |text: &str| Settings::from_toml(&format!("[voice]\nengine = \"{text}\"\n")).map(|s| s.voice.engine);
    assert_eq!(engine("auto").unwrap(), EngineChoice::Auto);
    assert_eq!(engine("polly").unwrap().only(), Some(Engine::Polly));
    assert!(engine("festival").unwrap_err().to_string().contains("`kokoro`"));
}
