//! Tests for leaks of personal data. One uses random rows and searches for words from posts without consent. The other runs
//! with a model and searches for content from forbidden columns.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::sync::Arc;

use assess::{Lexicon, Rules, assess};
use bespoke_tests::{Sandbox, root};
use contracts::brand::Brand;
use contracts::catalogue::{Catalogue, Category};
use contracts::evidence::Evidence;
use contracts::facts::Assessment;
use contracts::key::{Artefact, RunPart};
use contracts::request::Request;
use contracts::script::Script;
use contracts::settings::{IntakeSettings, Settings};
use contracts::stage::RecommendInput;
use contracts::{CustomerId, CustomerRef, Digest, ObjectKey, RunId};
use phrases::Phrasebooks;
use policy::control::Control;
use policy::customer::CustomerRecord;
use proptest::prelude::*;
use runner::folder::FolderStore;
use runner::secrets::LocalSecrets;
use rust_xlsxwriter::Workbook;
use storage::store::MemoryStore;
use storage::vault::{Keys, Owner, Vault};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers};

#[derive(Clone, Debug)]
enum Cell {
    Text(String),
    Number(f64),
    Bool(bool),
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// Returns a workbook without a password.
fn workbook(header: &[&str], rows: &[Vec<Cell>]) -> Vec<u8> {
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    sheet.write_row(0, 0, header.iter().copied()).unwrap();
    for (at, row) in (1..).zip(rows) {
        for (column, cell) in (0..).zip(row) {
            match cell {
                Cell::Text(text) => sheet.write_string(at, column, text).unwrap(),
                Cell::Number(number) => sheet.write_number(at, column, *number).unwrap(),
                Cell::Bool(answer) => sheet.write_boolean(at, column, *answer).unwrap(),
            };
        }
    }
    workbook.save_to_buffer().unwrap()
}

const PROFILE: [&str; 6] =
    ["customer_id", "first_name", "income", "account_balance", "products_held", "investment_advisor"];
const PAYMENTS: [&str; 7] =
    ["customer_id", "date", "category", "merchant", "transaction_amount", "consent", "consent_social_media"];
const POSTS: [&str; 3] = ["customer_id", "tweet", "created_at"];

/// A word that is in no dictionary. If it appears anywhere, it came from a post.
const MARKER: &str = "zqxjkvw";

/// The text of posts. Each post would change facts, stance or scores if it were read.
const WORDS: [&str; 6] = [
    "I just got laid off and cannot pay my rent",
    "Terrible customer service at my bank, awful overdraft fees",
    "I love our vacation, what a wonderful hotel",
    "So happy with my savings account",
    "My small business is growing, great",
    "I hate my credit card",
];

#[derive(Clone, Debug)]
struct Person {
    /// The answers to both consent questions, row by row.
    answers: Vec<(Cell, Cell)>,
    category: &'static str,
    posts: Vec<usize>,
}

fn answer() -> impl Strategy<Value = Cell> {
    let text = ["yes", "YES", " y ", "true", "no", "N", "", "  ", "maybe", "yes please", "ye", "0"];
    prop_oneof![
        4 => Just(Cell::from("yes")),
        3 => prop::sample::select(text.map(Cell::from).to_vec()),
        1 => any::<bool>().prop_map(Cell::Bool),
        1 => prop::sample::select(vec![0.0, 0.5]).prop_map(Cell::Number),
        // A numeric code makes intake refuse the whole column, which is another rule.
        1 => "\\PC{0,6}".prop_filter("no code", |text| text.trim().parse::<f64>().is_err()).prop_map(Cell::Text),
    ]
}

prop_compose! {
    fn person()(
        answers in prop::collection::vec((answer(), answer()), 1..4),
        category in prop::sample::select(vec!["Travel", "Groceries", "Home", "Payroll"]),
        posts in prop::collection::vec(0..WORDS.len(), 1..4),
    ) -> Person {
        Person { answers, category, posts }
    }
}

/// Implements the consent rule independently.
fn is_yes(cell: &Cell) -> bool {
    match cell {
        Cell::Text(text) => ["yes", "y", "true"].contains(&text.trim().to_ascii_lowercase().as_str()),
        Cell::Number(_) => false,
        Cell::Bool(answer) => *answer,
    }
}

fn id(at: usize) -> String {
    format!("{at:04}")
}

/// Returns the three workbooks, with or without posts.
fn books(people: &[Person], with_posts: bool) -> [Vec<u8>; 3] {
    let (mut profiles, mut payments, mut posts) = (Vec::new(), Vec::new(), Vec::new());
    for (at, person) in people.iter().enumerate() {
        let row = |cells: &[&str]| cells.iter().map(|cell| Cell::from(*cell)).collect::<Vec<_>>();
        profiles.push(row(&[&id(at), "Ann", "70000", "20000", "everyday-checking", ""]));
        for (day, (general, social)) in (10..).zip(&person.answers) {
            let mut cells = row(&[&id(at), &format!("2026-10-{day}"), person.category, "Shop", "120.50"]);
            cells.extend([general.clone(), social.clone()]);
            payments.push(cells);
        }
        for (number, words) in person.posts.iter().enumerate().filter(|_| with_posts) {
            posts.push(row(&[&id(at), &format!("{} {MARKER}{number}", WORDS[*words]), "2026-10-20"]));
        }
    }
    [workbook(&PROFILE, &profiles), workbook(&PAYMENTS, &payments), workbook(&POSTS, &posts)]
}

/// The bank's files, read once.
struct Material {
    catalogue: Catalogue,
    phrases: Phrasebooks,
    lexicon: Lexicon,
    brand: Brand,
    secrets: LocalSecrets,
    http: outbound::Client,
}

fn material() -> Material {
    let read = |path: &str| std::fs::read_to_string(root().join(path)).unwrap();
    Material {
        catalogue: Catalogue::from_json(read("data/catalogue.json").as_bytes()).unwrap(),
        phrases: Phrasebooks::packaged(),
        lexicon: Lexicon::from_toml(&read("data/lexicon.toml")).unwrap(),
        brand: Brand::from_toml(&read("assets/brand.toml")).unwrap(),
        secrets: LocalSecrets::new("unused".into()),
        http: outbound::Client::new().unwrap(),
    }
}

fn joined(people: &[Person], with_posts: bool, material: &Material, keys: &Keys) -> Vec<CustomerRecord> {
    let intake = IntakeSettings { allow_unprotected: true, ..IntakeSettings::default() };
    let books = books(people, with_posts);
    merge::join(&books, None, &intake, &material.catalogue, keys, "2026-11-01T12:00:00Z".parse().unwrap()).unwrap().0
}

/// Returns the script that the phrasebook produces from the facts.
async fn written(assessment: &Assessment, reference: &CustomerRef, material: &Material) -> Script {
    let vault = Vault::new(Arc::new(MemoryStore::default()), Keys::new([1; 32], [2; 32]));
    let settings = Settings::default();
    let request = Request {
        catalogue: material.catalogue.digest(),
        phrases: material.phrases.digest(),
        settings: settings.digest(),
        ..Request::for_tests()
    };
    let run = request.run_id();
    let key = ObjectKey::Run(run.clone(), RunPart::Request);
    vault.write_json(Owner::Run, &key, &Digest::of(b""), request).await.unwrap();
    let key = |artefact| ObjectKey::Customer(reference.clone(), run.clone(), artefact);
    let owner = Owner::Customer(reference);
    vault.write_json(owner, &key(Artefact::Facts), &Digest::of(b""), assessment.clone()).await.unwrap();
    let deps = recommend::Deps {
        vault: &vault,
        settings: &settings,
        catalogue: &material.catalogue,
        phrases: &material.phrases,
        brand: &material.brand,
        secrets: &material.secrets,
        http: &material.http,
        limiter: &recommend::Limiter::default(),
    };
    let input = RecommendInput { run: run.clone(), reference: reference.clone(), without_model: true };
    recommend::run(input, &mut contracts::script::Usage::default(), &deps).await.unwrap();
    vault.read_json(owner, &key(Artefact::Script)).await.unwrap().0
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn posts_have_an_effect_only_with_clear_consent(
        people in prop::collection::vec(person(), 1..4),
    ) {
        let (material, keys) = (material(), Keys::new([1; 32], [2; 32]));
        let rules = Rules {
            catalogue: &material.catalogue,
            lexicon: &material.lexicon,
            keys: &keys,
            categories: &Category::ALL,
            at_most: 3,
            stop_days: 180,
            today: jiff::civil::date(2026, 11, 24),
            languages: &contracts::Languages::default(),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (with, without) = (joined(&people, true, &material, &keys), joined(&people, false, &material, &keys));
        prop_assert_eq!(with.len(), people.len());
        for ((person, record), silent) in people.iter().zip(with).zip(without) {
            let general = person.answers.iter().all(|(general, _)| is_yes(general));
            let social = general && person.answers.iter().all(|(_, social)| is_yes(social));
            let kept = serde_json::to_string(&record).unwrap();
            prop_assert_eq!(kept.contains(MARKER), social, "{:?}", person);
            let reference = record.reference().clone();
            let assessment = assess(record, &Control::default(), &rules);
            let without_posts = assess(silent, &Control::default(), &rules);
            prop_assert_eq!(matches!(&assessment, Assessment::Proceed(facts) if facts.mood.is_some()), social);
            if !social {
                prop_assert_eq!(&assessment, &without_posts, "posts without consent must have no effect");
            }
            let mut out = serde_json::to_string(&assessment).unwrap();
            if let Assessment::Proceed(_) = &assessment {
                let script = runtime.block_on(written(&assessment, &reference, &material));
                out += &serde_json::to_string(&script).unwrap();
            }
            prop_assert!(!out.to_lowercase().contains(MARKER), "{}", out);
        }
    }
}

/// Returns a marker for a column. It has only letters, so the guard accepts it as a word.
fn marker(column: &str) -> String {
    format!("Zqx{}vw", column.replace('_', ""))
}

/// Returns the content of a column that must not leak anywhere. Age and birth date must be readable, or they would stop the
/// customer's message.
fn value(column: &str) -> String {
    match column {
        "age" => "57.25".to_owned(),
        "date_of_birth" => "1969-05-27".to_owned(),
        _ => marker(column),
    }
}

const FORBIDDEN: [&str; 13] = [
    "last_name",
    "race",
    "religion",
    "national_origin",
    "sex",
    "gender",
    "marital_status",
    "age",
    "date_of_birth",
    "public_assistance",
    "zip_code",
    "street",
    "occupation",
];

#[tokio::test(flavor = "multi_thread")]
async fn content_of_forbidden_columns_does_not_leak() {
    let sandbox = Sandbox::new(env!("CARGO_BIN_EXE_bespoke-under-test"));
    let settings = "[intake]\nallow_unprotected = true\n[writer]\nmode = \"free\"\n[writer.model]\nenabled = true\n";
    std::fs::write(sandbox.path().join("bespoke.toml"), settings).unwrap();
    let data = sandbox.path().join("bank");
    std::fs::create_dir(&data).unwrap();

    // The first customer consents to the use of posts, but their words must still not appear anywhere. The second customer
    // does not consent.
    let ids = ["ZqxidvwA", "ZqxidvwB"];
    let header: Vec<&str> = PROFILE.into_iter().chain(FORBIDDEN).collect();
    let profiles = ids.map(|id| {
        let known = [id, "Annabel", "70000", "20000", "everyday-checking", "Helen Marsh"];
        known.into_iter().map(Cell::from).chain(FORBIDDEN.map(|column| Cell::Text(value(column)))).collect::<Vec<_>>()
    });
    let payment = |id: &str, day: &str, category: &str, social: &str| -> Vec<Cell> {
        [id, day, category, &marker("merchant"), "250", "yes", social].map(Cell::from).to_vec()
    };
    let mut payments = Vec::new();
    for (id, social) in ids.into_iter().zip(["yes", "no"]) {
        payments.extend(["2026-06-01", "2026-10-01", "2026-10-31"].map(|day| payment(id, day, "Travel", social)));
        payments.push(payment(id, "2026-10-02", &marker("category"), social));
    }
    let post = format!("What a wonderful vacation {} and great flights", marker("tweet"));
    let posts = ids.map(|id| vec![Cell::from(id), Cell::from(post.as_str()), Cell::from("2026-10-20")]);
    for (name, header, rows) in [
        ("customer_profile.xlsx", header.as_slice(), profiles.as_slice()),
        ("customer_transactions.xlsx", &PAYMENTS, &payments),
        ("twitter_data.xlsx", &POSTS, &posts),
    ] {
        std::fs::write(data.join(name), workbook(header, rows)).unwrap();
    }
    for name in ["catalogue.json", "lexicon.toml"] {
        std::fs::copy(root().join("data").join(name), data.join(name)).unwrap();
    }

    let server = MockServer::start().await;
    let refusal = serde_json::json!({
        "id": "1", "object": "chat.completion", "created": 0, "model": "gpt-4o-mini",
        "choices": [{ "index": 0, "finish_reason": "stop", "message": { "role": "assistant", "content": "{}" } }],
        "usage": { "prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2 },
    });
    let answer = ResponseTemplate::new(200).set_body_json(refusal);
    Mock::given(matchers::method("POST")).respond_with(answer).mount(&server).await;
    let mut command = sandbox.command(&["demo", "--videos", "0", "-vv"]);
    command
        .env("BESPOKE_DATA", &data)
        .env("OPENAI_BASE_URL", format!("{}/v1", server.uri()))
        .env("OPENAI_API_KEY", "k");
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let mut out: Vec<(String, Vec<u8>)> = vec![("standard error".to_owned(), output.stderr)];
    for request in server.received_requests().await.unwrap() {
        assert!(String::from_utf8_lossy(&request.body).contains("travel"), "the prompt describes the customer");
        out.push(("a prompt".to_owned(), request.body));
    }
    assert!(out.len() > 2, "the model was called for both");
    for path in sandbox.files() {
        out.push((path.display().to_string(), std::fs::read(&path).unwrap()));
    }
    out.extend(opened(&sandbox, &ids).await);
    let all =
        |word: &str| out.iter().filter(|(_, bytes)| holds(bytes, word)).map(|(place, _)| place).collect::<Vec<_>>();
    assert!(
        all("Annabel").iter().any(|place| place.ends_with("recommendation.txt")),
        "the search must find the first name"
    );
    for column in FORBIDDEN.into_iter().chain(["merchant", "category", "tweet"]) {
        assert_eq!(all(&value(column)), Vec::<&String>::new(), "{column}");
    }
    // Ids may appear only in the terminal of the person who has the password.
    assert!(all(&marker("id")).iter().all(|place| *place == "standard error"));
}

/// Opens the sealed facts, scripts and evidence of the customers.
async fn opened(sandbox: &Sandbox, ids: &[&str]) -> Vec<(String, Vec<u8>)> {
    let store = Arc::new(FolderStore::open(&sandbox.artifacts()).unwrap());
    let vault = Vault::new(store, Keys::from_secrets(&LocalSecrets::new(sandbox.key_file())).await.unwrap());
    let mut opened = Vec::new();
    for id in ids {
        let reference = vault.keys().reference(&CustomerId::parse(*id).unwrap());
        let runs = std::fs::read_dir(sandbox.artifacts().join("customers").join(reference.as_str())).unwrap();
        for run in runs {
            let run = RunId::parse(run.unwrap().file_name().into_string().unwrap()).unwrap();
            let key = |artefact| ObjectKey::Customer(reference.clone(), run.clone(), artefact);
            for artefact in [Artefact::Facts, Artefact::Script] {
                let (plain, _) = vault.read(Owner::Customer(&reference), &key(artefact)).await.unwrap();
                opened.push((format!("{artefact:?} of {id}"), plain.to_vec()));
            }
            let evidence = vault.store().get(&key(Artefact::Evidence)).await.unwrap();
            let evidence: Evidence = serde_json::from_slice(&evidence).unwrap();
            let personal = policy::evidence::open_personal(&vault, &evidence).await.unwrap();
            opened.push((format!("evidence of {id}"), serde_json::to_vec(&personal).unwrap()));
        }
    }
    opened
}

/// Returns whether the bytes contain the word, ignoring case.
fn holds(bytes: &[u8], word: &str) -> bool {
    bytes.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word.as_bytes()))
}
