//! Tests of a demo run on the encrypted sample workbooks: the results as a user, a customer and a compliance officer see
//! them.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use bespoke::sample::{SampleRows, rows};
use bespoke_tests::{Sandbox, probe, report};
use contracts::evidence::{Evidence, Outcome};
use contracts::facts::{Assessment, Stance};
use contracts::key::{Artefact, DatasetPart};
use contracts::script::Script;
use contracts::stage::IndexRow;
use contracts::{CustomerId, CustomerRef, DatasetId, ObjectKey, RunId};
use policy::customer::{CustomerRecord, open_record};
use runner::folder::FolderStore;
use runner::secrets::LocalSecrets;
use serde_json::Value;
use storage::vault::{Keys, Owner, Vault};

/// The customers who consented to a recommendation.
const CONSENTED: [&str; 9] = ["0001", "0002", "0006", "0007", "0008", "0009", "0010", "0011", "0012"];
/// The customers who also consented to the use of their posts.
const SOCIAL: [&str; 6] = ["0001", "0008", "0009", "0010", "0011", "0012"];
/// The customers who refused.
const REFUSED: [&str; 3] = ["0003", "0004", "0005"];

/// A finished demo, which all tests share.
struct Demo {
    sandbox: Sandbox,
    report: Value,
    sample: SampleRows,
}

static DEMO: LazyLock<Demo> = LazyLock::new(|| {
    let sandbox = Sandbox::new(env!("CARGO_BIN_EXE_bespoke-under-test"));
    // The demo must work without any settings, and even without the password.
    let output = sandbox.command(&["demo", "--json"]).env_remove("EXCEL_PASSWORD").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Demo { report: report(&output), sandbox, sample: rows(12, 0, 1) }
});

impl Demo {
    fn customer(&self, id: &str) -> &Value {
        let customers = self.report["customers"].as_array().unwrap();
        customers.iter().find(|customer| customer["customer"] == id).unwrap_or_else(|| panic!("{id} is not reported"))
    }

    fn run(&self) -> RunId {
        RunId::parse(self.report["run"].as_str().unwrap()).unwrap()
    }

    fn folder(&self, id: &str) -> PathBuf {
        let evidence = self.customer(id)["files"].as_array().unwrap().last().unwrap().as_str().unwrap().to_owned();
        Path::new(&evidence).parent().unwrap().to_owned()
    }

    fn file(&self, id: &str, name: &str) -> PathBuf {
        self.folder(id).join(name)
    }

    fn names(&self, id: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder(id)).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    async fn vault(&self) -> Vault {
        let store = Arc::new(FolderStore::open(&self.sandbox.artifacts()).unwrap());
        let keys = Keys::from_secrets(&LocalSecrets::new(self.sandbox.key_file())).await.unwrap();
        Vault::new(store, keys)
    }

    /// Opens every sealed record in the dataset.
    async fn records(&self, vault: &Vault) -> BTreeMap<CustomerRef, CustomerRecord> {
        let index = self.sandbox.files().into_iter().find(|path| path.ends_with("index.csv")).unwrap();
        let dataset = index.parent().unwrap().file_name().unwrap().to_str().unwrap().to_owned();
        let key = ObjectKey::Dataset(DatasetId::parse(dataset).unwrap(), DatasetPart::Customers);
        let mut records = BTreeMap::new();
        for row in csv::Reader::from_path(index).unwrap().deserialize::<IndexRow>() {
            let row = row.unwrap();
            let line = vault.store().get_range(&key, row.offset, row.length).await.unwrap();
            records.insert(row.reference.clone(), open_record(vault, &row, &line).await.unwrap());
        }
        records
    }
}

fn reference(vault: &Vault, id: &str) -> CustomerRef {
    vault.keys().reference(&CustomerId::parse(id).unwrap())
}

/// Returns whether the file is a published one, which may contain the customer's name.
fn is_published(path: &Path) -> bool {
    let published =
        [Artefact::Text, Artefact::Page, Artefact::Video, Artefact::Captions, Artefact::Poster, Artefact::Preview];
    published.iter().any(|artefact| path.ends_with(artefact.file_name()))
}

fn holds(bytes: &[u8], word: &str) -> bool {
    bytes.windows(word.len()).any(|window| window == word.as_bytes())
}

#[test]
fn report_has_every_customers_outcome_offers_reasons_time_and_files() {
    let customers = DEMO.report["customers"].as_array().unwrap();
    assert_eq!(customers.len(), 12);
    for customer in customers {
        let id = customer["customer"].as_str().unwrap();
        let expected = if REFUSED.contains(&id) { "skipped" } else { "published" };
        assert_eq!(customer["outcome"], expected, "{id}: {customer}");
        assert!(customer["seconds"].as_f64().unwrap() >= 0.0);
        for file in customer["files"].as_array().unwrap() {
            assert!(Path::new(file.as_str().unwrap()).is_file(), "{file}");
        }
        let offers = customer["offers"].as_array().unwrap();
        assert_eq!(offers.is_empty(), REFUSED.contains(&id) || ["0008", "0009"].contains(&id), "{id}: {offers:?}");
        for offer in offers {
            assert!(!offer["why"].as_array().unwrap().is_empty(), "{id}: {offer}");
        }
    }
}

#[test]
fn customer_with_a_complaint_or_in_hardship_gets_no_offer() {
    for id in ["0008", "0009"] {
        let text = std::fs::read_to_string(DEMO.file(id, "recommendation.txt")).unwrap();
        for product in ["Card", "Savings", "Loan", "Checking"] {
            assert!(!text.contains(&format!("Meridian {product}")), "{id}: {text}");
        }
    }
}

#[test]
fn consenting_customers_get_text_and_evidence_and_two_get_videos() {
    for (position, id) in CONSENTED.iter().enumerate() {
        let names = DEMO.names(id);
        assert!(names.contains(&"recommendation.txt".to_owned()), "{id}: {names:?}");
        assert!(names.contains(&"evidence.json".to_owned()), "{id}: {names:?}");
        for media in ["recommendation.mp4", "recommendation.vtt", "poster.jpg", "preview.gif"] {
            assert_eq!(names.contains(&media.to_owned()), position < 2, "{id}: {names:?}");
        }
    }
}

#[test]
fn customer_who_refused_has_only_a_record_of_the_skip() {
    for id in REFUSED {
        let names = DEMO.names(id);
        assert!(names.iter().all(|name| ["evidence.json", "facts.json"].contains(&name.as_str())), "{id}: {names:?}");
        let evidence: Evidence =
            serde_json::from_slice(&std::fs::read(DEMO.file(id, "evidence.json")).unwrap()).unwrap();
        assert!(matches!(evidence.outcome, Outcome::Skipped { .. }), "{id}");
    }
}

#[test]
fn videos_have_the_required_format() {
    for id in ["0001", "0002"] {
        let found = probe(&DEMO.file(id, "recommendation.mp4"));
        let stream = |kind: &str| {
            found["streams"].as_array().unwrap().iter().find(|stream| stream["codec_type"] == kind).unwrap().clone()
        };
        let (video, sound) = (stream("video"), stream("audio"));
        assert_eq!((&video["codec_name"], &video["profile"]), (&"h264".into(), &"High".into()));
        assert_eq!((&video["width"], &video["height"]), (&640.into(), &360.into()));
        assert_eq!((&video["r_frame_rate"], &video["avg_frame_rate"]), (&"24/1".into(), &"24/1".into()));
        assert_eq!(video["pix_fmt"], "yuv420p");
        for field in ["color_space", "color_transfer", "color_primaries"] {
            assert_eq!(video[field], "bt709", "{field}");
        }
        assert_eq!(video["color_range"], "tv");
        assert_eq!((&sound["codec_name"], &sound["sample_rate"]), (&"aac".into(), &"48000".into()));
        assert_eq!(sound["channels"], 2);
    }
}

#[test]
fn captions_contain_the_words_of_the_text() {
    for id in ["0001", "0002"] {
        let words = |text: &str| -> Vec<String> { text.split_whitespace().map(str::to_owned).collect() };
        let captions = std::fs::read_to_string(DEMO.file(id, "recommendation.vtt")).unwrap();
        let spoken: Vec<String> = captions
            .split("\n\n")
            .skip(1)
            .flat_map(|cue| words(&cue.lines().filter(|line| !line.contains("-->")).collect::<Vec<_>>().join(" ")))
            .collect();
        assert!(spoken.len() > 60, "{captions}");
        let text = words(&std::fs::read_to_string(DEMO.file(id, "recommendation.txt")).unwrap()).join(" ");
        // A WebVTT cue may have a numeric identifier. The cue's words must be in the text, in order.
        let said = spoken.into_iter().filter(|word| word.parse::<u32>().is_err()).collect::<Vec<_>>().join(" ");
        assert!(text.contains(said.split(". ").next().unwrap()), "{said}\n---\n{text}");
    }
}

#[tokio::test]
async fn nothing_from_posts_without_consent_is_stored() {
    let vault = DEMO.vault().await;
    let records = DEMO.records(&vault).await;
    let mut opened: Vec<(String, Vec<u8>)> = Vec::new();
    for id in CONSENTED {
        let reference = reference(&vault, id);
        let key = |artefact| ObjectKey::Customer(reference.clone(), DEMO.run(), artefact);
        let owner = Owner::Customer(&reference);
        let (assessment, _): (Assessment, _) = vault.read_json(owner, &key(Artefact::Facts)).await.unwrap();
        let Assessment::Proceed(facts) = assessment else { panic!("{id} consented") };
        assert_eq!(facts.mood.is_some(), SOCIAL.contains(&id), "{id}: sentiment and topics exist only with consent");
        if !SOCIAL.contains(&id) {
            assert!(!matches!(facts.stance, Stance::Service { .. }), "{id}: only posts could lead to this stance");
        }
        for artefact in [Artefact::Facts, Artefact::Script, Artefact::Cues] {
            if vault.store().find(&key(artefact)).await.unwrap().is_some() {
                opened.push((key(artefact).to_string(), vault.read(owner, &key(artefact)).await.unwrap().0.to_vec()));
            }
        }
        let evidence = std::fs::read(DEMO.file(id, "evidence.json")).unwrap();
        let personal =
            policy::evidence::open_personal(&vault, &serde_json::from_slice(&evidence).unwrap()).await.unwrap();
        opened.push((format!("evidence of {id}"), serde_json::to_vec(&personal).unwrap()));
    }
    for record in records.values() {
        opened.push(("customers.jsonl".to_owned(), serde_json::to_vec(record).unwrap()));
    }
    for path in DEMO.sandbox.files() {
        opened.push((path.display().to_string(), std::fs::read(&path).unwrap()));
    }
    let silent = |tweet: &&bespoke::sample::TweetRow| !SOCIAL.contains(&tweet.customer_id.as_str());
    let tweets: Vec<_> = DEMO.sample.tweets.iter().filter(silent).collect();
    assert!(!tweets.is_empty());
    // Search for phrases and rare words that occur only in these posts.
    let common: String = DEMO.sample.tweets.iter().filter(|tweet| !silent(tweet)).map(|t| t.tweet.as_str()).collect();
    for tweet in tweets {
        let words: Vec<&str> = tweet.tweet.split_whitespace().collect();
        let runs = words.windows(words.len().min(4)).map(|run| run.join(" "));
        let rare =
            words.iter().filter(|word| word.len() >= 12 && !common.contains(**word)).map(|word| (*word).to_owned());
        for phrase in runs.chain(rare) {
            for (place, bytes) in &opened {
                assert!(!holds(bytes, &phrase), "{phrase:?} is in {place}");
            }
        }
    }
}

#[tokio::test]
async fn no_name_or_id_is_stored_for_customers_who_refused() {
    let vault = DEMO.vault().await;
    let records = DEMO.records(&vault).await;
    for id in REFUSED {
        let record = &records[&reference(&vault, id)];
        assert!(matches!(record, CustomerRecord::Refused { .. }), "{id}");
        let profile = DEMO.sample.profiles.iter().find(|profile| profile.customer_id == id).unwrap();
        let json = serde_json::to_string(record).unwrap();
        assert!(!json.contains(&profile.first_name) && !json.contains(&format!("\"{id}\"")), "{id}: {json}");
    }
}

#[test]
fn only_published_files_contain_unencrypted_personal_data() {
    let sample = &DEMO.sample;
    let mut words: Vec<String> = Vec::new();
    words.extend(sample.profiles.iter().flat_map(|p| [&p.first_name, &p.last_name, &p.occupation]).cloned());
    words.extend(sample.transactions.iter().map(|transaction| transaction.merchant.clone()));
    words.extend(sample.tweets.iter().map(|tweet| tweet.tweet.clone()));
    // Random bytes may contain shorter words by chance.
    words.retain(|word| word.len() >= 6);
    words.sort();
    words.dedup();
    assert!(words.len() > 60);
    let files = DEMO.sandbox.files();
    let kept: Vec<_> = files.iter().filter(|path| !is_published(path)).collect();
    assert!(kept.iter().any(|path| path.extension().is_some_and(|extension| extension == "jsonl")));
    for path in kept {
        let bytes = std::fs::read(path).unwrap();
        for word in &words {
            assert!(!holds(&bytes, word), "{word:?} is in {}", path.display());
        }
    }
}

#[test]
fn published_text_contains_only_its_own_customers_name() {
    for id in CONSENTED {
        let profile = DEMO.sample.profiles.iter().find(|profile| profile.customer_id == id).unwrap();
        let text = std::fs::read_to_string(DEMO.file(id, "recommendation.txt")).unwrap();
        assert!(text.contains(&profile.first_name), "{id}: {text}");
        for other in DEMO.sample.profiles.iter().filter(|other| other.customer_id != id && other.first_name.len() > 4) {
            let adviser = profile.investment_advisor.contains(&other.first_name);
            assert!(adviser || !text.contains(&other.first_name), "{id}: {text}");
        }
        let mut words = text.split(|c: char| !c.is_alphanumeric());
        assert!(!words.any(|word| word == profile.last_name || word == id), "{id}: {text}");
    }
}

#[tokio::test]
async fn every_number_in_the_text_comes_from_the_catalogue_or_the_brand() {
    let bank = std::fs::read_to_string(bespoke_tests::root().join("data/catalogue.json")).unwrap()
        + &std::fs::read_to_string(bespoke_tests::root().join("assets/brand.toml")).unwrap();
    let vault = DEMO.vault().await;
    for id in CONSENTED {
        let reference = reference(&vault, id);
        let key = ObjectKey::Customer(reference.clone(), DEMO.run(), Artefact::Script);
        let (script, _): (Script, _) = vault.read_json(Owner::Customer(&reference), &key).await.unwrap();
        assert!(script.verdict.passed(), "{id}: {:?}", script.verdict.failed());
        let spoken = script.spoken();
        for word in spoken.split_whitespace().filter(|word| word.bytes().any(|byte| byte.is_ascii_digit())) {
            assert!(bank.contains(word.trim_matches(|c: char| !c.is_alphanumeric())), "{id}: {word} in {spoken}");
        }
    }
}

#[test]
fn manifest_has_one_outcome_per_customer() {
    let path = DEMO.sandbox.files().into_iter().find(|path| path.ends_with("manifest.json")).unwrap();
    let manifest: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    assert_eq!(manifest["counts"], serde_json::json!({ "published": 9, "skipped": 3 }));
    assert_eq!(manifest["entries"].as_array().unwrap().len(), 12);
}

#[test]
fn no_temporary_file_remains() {
    LazyLock::force(&DEMO);
    assert_eq!(DEMO.sandbox.leftovers(), Vec::<PathBuf>::new());
}

#[test]
fn evidence_report_is_readable_and_its_json_has_the_full_record() {
    let arguments = ["evidence", "--customer", "0001"];
    let output = DEMO.sandbox.run(&arguments);
    let text = String::from_utf8(output.stdout).unwrap();
    for part in [
        "published, with a video",
        "Consent as read",
        "Facts",
        "Products considered",
        "phrasebook version",
        "Guard checks",
        "Text",
        "Video",
        "loudness",
    ] {
        assert!(text.contains(part), "{part:?} is missing: {text}");
    }
    let letter = DEMO.sandbox.run(&[&arguments[..], &["--report", "letter.html"]].concat());
    assert!(letter.status.success(), "{}", String::from_utf8_lossy(&letter.stderr));
    let letter = std::fs::read_to_string(DEMO.sandbox.path().join("letter.html")).unwrap();
    for part in ["published a recommendation with a video", "customer_transactions.xlsx", "phrasebook, line", "key.pem"]
    {
        assert!(letter.contains(part), "{part:?} is missing from the letter");
    }
    let evidence = report(&DEMO.sandbox.run(&[&arguments[..], &["--json"]].concat()));
    let sealed = evidence["personal"].as_str().unwrap();
    assert!(!text.contains(sealed), "only --json prints the sealed part");
    assert_eq!(evidence["outcome"], "published");
    assert_eq!(evidence["opened"]["facts"]["first_name"], "José");
    assert!(evidence["opened"]["consent"]["readings"].as_array().unwrap().len() >= 2);
    let loudness = evidence["media"]["loudness"].as_f64().unwrap();
    assert!((-17.0..=-15.0).contains(&loudness), "{loudness} LUFS");
}
