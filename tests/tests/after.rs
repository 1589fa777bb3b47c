//! What comes after a result was made: review, recall, erasure and delivery, by the command as a process.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::Arc;

use bespoke::folder::FolderStore;
use bespoke::sample::{SampleRows, rows};
use bespoke::secrets::LocalSecrets;
use bespoke_tests::{Sandbox, report, root};
use contracts::stage::IndexRow;
use contracts::vault::{Keys, Owner, Vault};
use contracts::{CustomerId, CustomerRef};

fn sandbox(settings: &str) -> Sandbox {
    let sandbox = Sandbox::new(env!("CARGO_BIN_EXE_bespoke-under-test"));
    let path = sandbox.path().join("bespoke.toml");
    let video = std::fs::read_to_string(&path).unwrap();
    std::fs::write(path, format!("{video}{settings}")).unwrap();
    sandbox
}

#[track_caller]
fn ends(output: &Output, code: i32) -> String {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{said}");
    said
}

fn find(sandbox: &Sandbox, name: &str) -> Vec<PathBuf> {
    sandbox.files().into_iter().filter(|path| path.ends_with(name)).collect()
}

async fn vault(sandbox: &Sandbox) -> Vault {
    let store = Arc::new(FolderStore::open(&sandbox.artifacts()).unwrap());
    Vault::new(store, Keys::from_secrets(&LocalSecrets::new(sandbox.key_file())).await.unwrap())
}

#[test]
fn the_first_of_a_run_wait_and_only_what_is_approved_is_published() {
    let sandbox = sandbox("[review]\nfirst = 8\n");
    let output = sandbox.run(&["demo", "--videos", "0", "--json"]);
    ends(&output, 6);
    let run = report(&output)["run"].as_str().unwrap().to_owned();
    // The order is that of the references, which other keys make others; of the first eight some refuse.
    let waiting = report(&sandbox.run(&["review", "--json"]));
    let waiting = waiting.as_array().unwrap();
    let waits = waiting.len();
    assert!((3..=8).contains(&waits), "{waiting:?}");
    assert!(waiting.iter().all(|one| one["text"].as_str().unwrap().contains("from Meridian Bank")));
    let [approved, rejected] = [0, 1].map(|at| waiting[at]["reference"].as_str().unwrap());
    let published = find(&sandbox, "recommendation.txt").len();

    let decide = |who: &str, how: &str| sandbox.run(&["review", &run, "--customer", who, how, "--by", "Ann", "--json"]);
    let said = report(&decide(approved, "--approve"));
    assert_eq!((&said["result"]["outcome"], &said["decided_by"]), (&"published".into(), &"Ann".into()));
    ends(&decide(rejected, "--reject"), 0);
    assert_eq!(find(&sandbox, "recommendation.txt").len(), published + 1);
    ends(&decide(rejected, "--approve"), 3);
    assert_eq!(report(&sandbox.run(&["review", &run, "--json"])).as_array().unwrap().len(), waits - 2);

    // The manifest tells the outcomes as they are now, and the evidence who approved.
    let manifest: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&find(&sandbox, "manifest.json")[0]).unwrap()).unwrap();
    assert_eq!(manifest["counts"]["held"], waits - 2, "{}", manifest["counts"]);
    let folder = sandbox.artifacts().join("customers").join(approved).join(&run);
    let evidence: serde_json::Value =
        serde_json::from_slice(&std::fs::read(folder.join("evidence.json")).unwrap()).unwrap();
    assert_eq!((&evidence["review"]["by"], &evidence["review"]["choice"]), (&"Ann".into(), &"approve".into()));
    // The same run again publishes what was approved, and nothing that was not.
    ends(&sandbox.run(&["demo", "--videos", "0"]), 6);
    assert_eq!(find(&sandbox, "recommendation.txt").len(), published + 1);
}

#[test]
fn a_recall_takes_the_text_and_its_copy_away_and_keeps_them_aside() {
    let sandbox = sandbox("");
    let run = report(&sandbox.run(&["run", "--customer", "0002", "--no-video", "--json"]));
    let run = run["run"].as_str().unwrap();
    assert!(sandbox.artifacts().join("output/recommendations.txt").exists());
    let recall = || sandbox.run(&["recall", run, "--by", "Ann", "--reason", "a wrong rate", "--json"]);
    let recalled = report(&recall());
    assert_eq!(recalled["recalled"][0]["files"], 1, "{recalled}");
    let [text] = <[_; 1]>::try_from(find(&sandbox, "recommendation.txt")).unwrap();
    assert!(text.starts_with(sandbox.artifacts().join("recalled")), "{}", text.display());
    assert!(!sandbox.artifacts().join("output/recommendations.txt").exists());
    assert_eq!(report(&recall()), recalled);
    ends(&sandbox.run(&["run", "--customer", "0002", "--no-video"]), 4);
    assert_eq!(find(&sandbox, "recommendation.txt"), [text]);
    ends(&sandbox.run(&["recall", "no-such-run", "--by", "Ann"]), 2);
}

/// All that lies in the folder, what can still be opened opened: what somebody with every key that is left could read.
async fn readable(sandbox: &Sandbox) -> Vec<(String, Vec<u8>)> {
    let vault = vault(sandbox).await;
    let mut out: Vec<(String, Vec<u8>)> = Vec::new();
    let artifacts = sandbox.artifacts();
    let known: Vec<CustomerRef> =
        (0..50).map(|number| vault.keys().reference(&CustomerId::parse(format!("{number:04}")).unwrap())).collect();
    for path in sandbox.files() {
        let bytes = std::fs::read(&path).unwrap();
        let place = path.strip_prefix(&artifacts).unwrap().to_str().unwrap().to_owned();
        for owner in known.iter().map(Owner::Customer).chain([Owner::Run]) {
            if let Ok((plain, _)) = vault.open(owner, &place, &bytes).await {
                out.push((place.clone(), plain.to_vec()));
            }
        }
        if place.ends_with("evidence.json")
            && let Ok(evidence) = serde_json::from_slice(&bytes)
            && let Ok(personal) = publish::open_personal(&vault, &evidence).await
        {
            out.push((place.clone(), serde_json::to_vec(&personal).unwrap()));
        }
        if place.ends_with("customers.jsonl") {
            let index = std::fs::read(path.with_file_name("index.csv")).unwrap();
            for row in IndexRow::read_all(&index).unwrap() {
                let at = usize::try_from(row.offset).unwrap();
                let line = &bytes[at..at + usize::try_from(row.length).unwrap()];
                if let Ok(record) = contracts::customer::open_record(&vault, &row, line).await {
                    out.push((place.clone(), serde_json::to_vec(&record).unwrap()));
                }
            }
        }
        out.push((place, bytes));
    }
    out
}

fn holds(bytes: &[u8], word: &str) -> bool {
    bytes.windows(word.len()).any(|window| window == word.as_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn after_an_erasure_nothing_that_can_be_opened_holds_the_id_the_name_or_the_posts() {
    let sandbox = sandbox("[review]\nfirst = 1\n");
    let SampleRows { profiles, tweets, .. } = rows(12, 0, 1);
    let name = profiles.iter().find(|row| row.customer_id == "0001").unwrap().first_name.clone();
    let posts: Vec<String> =
        tweets.into_iter().filter(|tweet| tweet.customer_id == "0001").map(|tweet| tweet.tweet).collect();
    assert!(!posts.is_empty());
    // A run of everybody, in which the customer waits for review; one of theirs with a video and a wish that names them,
    // approved, and taken back.
    ends(&sandbox.run(&["demo", "--videos", "0"]), 6);
    let wish = format!("Be kind to {name}, customer 0001");
    let own = ["run", "--customer", "0001", "--prompt", &wish, "--json"];
    let run = report(&sandbox.run(&own))["run"].as_str().unwrap().to_owned();
    let approve = ["review", &run, "--customer", "0001", "--approve", "--by", "Ann", "--reason", &wish];
    ends(&sandbox.run(&approve), 0);
    ends(&sandbox.run(&own), 0);
    assert!(sandbox.artifacts().join("output/recommendations_video.mp4").exists());
    let again = report(&sandbox.run(&["run", "--customer", "0001", "--no-video", "--again", "--json"]));
    let again = again["run"].as_str().unwrap();
    ends(&sandbox.run(&["recall", again, "--customer", "0001", "--by", "Ann", "--reason", &wish]), 0);

    let words: Vec<String> = posts.iter().cloned().chain([name.clone(), "\"0001\"".to_owned()]).collect();
    let found = |all: &[(String, Vec<u8>)], word: &str| -> BTreeSet<String> {
        all.iter().filter(|(_, bytes)| holds(bytes, word)).map(|(place, _)| place.clone()).collect()
    };
    let before = readable(&sandbox).await;
    for word in &words {
        assert!(!found(&before, word).is_empty(), "the search finds {word} while it is there");
    }
    // On hold nothing is destroyed, and the hold is told by name.
    ends(&sandbox.run(&["hold", "--customer", "0001", "--name", "Case 2026-7"]), 0);
    let said = ends(&sandbox.run(&["forget", "--customer", "0001"]), 6);
    assert!(said.contains("Forget.OnHold") && said.contains("Case 2026-7"), "{said}");
    ends(&sandbox.run(&["hold", "--customer", "0001", "--name", "Case 2026-7", "--remove"]), 0);

    let told = report(&sandbox.run(&["forget", "--customer", "0001", "--json"]));
    assert!(told["objects"].as_u64() > Some(10), "{told}");
    let after = readable(&sandbox).await;
    assert!(!found(&after, "Meridian Bank").is_empty(), "others are still there");
    for word in &words {
        assert_eq!(found(&after, word), BTreeSet::new(), "{word}");
    }
    let who = vault(&sandbox).await.keys().reference(&CustomerId::parse("0001").unwrap());
    let folder = sandbox.artifacts().join("customers").join(who.as_str());
    let left: BTreeSet<String> = sandbox
        .files()
        .into_iter()
        .filter(|path| path.starts_with(&folder))
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    assert_eq!(left, BTreeSet::from(["evidence.json".to_owned()]));
    assert!(!sandbox.artifacts().join("output/recommendations_video.mp4").exists());

    // A later upload of them is refused, and a run of everybody goes on without them.
    let said = ends(&sandbox.run(&own), 3);
    assert!(said.contains("was forgotten"), "{said}");
    let output = sandbox.run(&["demo", "--videos", "0", "--again", "--json"]);
    assert!([0, 6].contains(&output.status.code().unwrap()), "{}", String::from_utf8_lossy(&output.stderr));
    let other = sandbox.path().join("bank");
    ends(&sandbox.run(&["sample", "--out", other.to_str().unwrap(), "--seed", "7"]), 0);
    for name in ["catalogue.json", "lexicon.toml"] {
        std::fs::copy(root().join("data").join(name), other.join(name)).unwrap();
    }
    let mut command = sandbox.command(&["demo", "--videos", "0", "--json"]);
    let output = command.env("BESPOKE_DATA", &other).output().unwrap();
    assert!([0, 6].contains(&output.status.code().unwrap()), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(report(&output)["customers"].as_array().unwrap().len(), 11, "of twelve");
    let later = readable(&sandbox).await;
    for word in &words {
        assert_eq!(found(&later, word), BTreeSet::new(), "{word} came back");
    }
    // Doing it again changes nothing, and to an id that nobody has nothing is done.
    ends(&sandbox.run(&["forget", "--customer", "0001"]), 0);
    assert!(ends(&sandbox.run(&["forget", "--customer", "1"]), 3).contains("Input.UnknownCustomer"));
}

#[test]
fn commands_about_customers_make_no_keys_for_a_folder_that_others_sealed_and_say_when_nobody_has_the_id() {
    let sandbox = sandbox("");
    // Of a folder that is new anybody may be suppressed, with new keys.
    let told = report(&sandbox.run(&["suppress", "--customer", "0001", "--json"]));
    assert_eq!((&told["suppressed"], &told["known"]), (&true.into(), &false.into()));
    ends(&sandbox.run(&["run", "--customer", "0002", "--no-video"]), 0);
    let told = report(&sandbox.run(&["suppress", "--customer", "0002", "--json"]));
    assert_eq!(told["known"], true);
    let told = sandbox.run(&["suppress", "--customer", "2"]);
    assert!(String::from_utf8_lossy(&told.stdout).contains("No dataset of this folder"), "a typing error is noticed");
    std::fs::rename(sandbox.key_file(), sandbox.path().join("elsewhere.toml")).unwrap();
    for arguments in [
        ["suppress", "--customer", "0002"].as_slice(),
        &["consent", "--customer", "0002", "--general", "no", "--posts", "no"],
        &["forget", "--customer", "0002"],
        &["hold", "--customer", "0002", "--name", "Audit"],
    ] {
        let said = ends(&sandbox.run(arguments), 2);
        assert!(said.contains("Secret.Missing") && said.contains("KEY"), "{said}");
        assert!(!sandbox.key_file().exists(), "{arguments:?}");
    }
}

#[test]
fn the_table_for_the_banks_own_systems_is_written_on_demand_for_its_user_alone() {
    let sandbox = sandbox("[delivery]\nlink_base = \"https://bank.example/l\"\n");
    let run = report(&sandbox.run(&["demo", "--videos", "0", "--json"]))["run"].as_str().unwrap().to_owned();
    let before: Vec<PathBuf> = sandbox.files();
    let out = sandbox.path().join("crm");
    let told = report(&sandbox.run(&["deliver", &run, "--out", out.to_str().unwrap(), "--json"]));
    let rows: serde_json::Value =
        serde_json::from_slice(&std::fs::read(out.join(format!("{run}.json"))).unwrap()).unwrap();
    let rows = rows.as_array().unwrap();
    assert_eq!(rows.len(), 12);
    let with = |field: &str| rows.iter().filter(|row| !row[field].as_str().unwrap().is_empty()).count();
    let published = rows.iter().filter(|row| row["outcome"] == "published").count();
    assert_eq!((with("link"), with("expires")), (published, published));
    assert_eq!(told["links"], published);
    assert_eq!(with("customer_id"), 9, "of those who refused no id was kept");
    let mut csv = csv::Reader::from_path(out.join(format!("{run}.csv"))).unwrap();
    assert_eq!(csv.records().count(), 12);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o077;
        assert_eq!((mode(&out), mode(&out.join(format!("{run}.csv")))), (0, 0));
    }
    // Nothing at rest in the artefacts holds a token: the records of links hold its digest.
    let tokens: Vec<&str> =
        rows.iter().filter_map(|row| row["link"].as_str()?.rsplit('/').next()).filter(|t| !t.is_empty()).collect();
    let added: Vec<PathBuf> = sandbox.files().into_iter().filter(|path| !before.contains(path)).collect();
    assert_eq!(added.len(), published);
    for path in added {
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(tokens.iter().all(|token| !text.contains(token)), "{}", path.display());
    }
}

#[test]
fn what_is_old_enough_expires_by_prefix_unless_a_hold_keeps_it() {
    let sandbox = sandbox("[retention]\nresults_days = 30\n");
    ends(&sandbox.run(&["run", "--customer", "0002", "--no-video"]), 0);
    let old = std::time::SystemTime::now() - std::time::Duration::from_hours(31 * 24);
    let aged = |name: &str| {
        for path in find(&sandbox, name) {
            std::fs::File::options().append(true).open(path).unwrap().set_modified(old).unwrap();
        }
    };
    aged("recommendation.txt");
    aged("customers.jsonl");
    let dry = report(&sandbox.run(&["expire", "--dry-run", "--json"]));
    assert_eq!((&dry["deleted"]["customers/"], &dry["deleted"]["datasets/"]), (&1.into(), &0.into()), "{dry}");
    assert_eq!(find(&sandbox, "recommendation.txt").len(), 1);
    ends(&sandbox.run(&["hold", "--customer", "0002", "--name", "Audit"]), 0);
    let held = report(&sandbox.run(&["expire", "--json"]));
    assert_eq!((&held["deleted"]["customers/"], &held["held"][0]), (&0.into(), &"Audit".into()), "{held}");
    ends(&sandbox.run(&["hold", "--customer", "0002", "--name", "Audit", "--remove"]), 0);
    assert_eq!(report(&sandbox.run(&["expire", "--json"]))["deleted"]["customers/"], 1);
    assert_eq!(find(&sandbox, "recommendation.txt").len(), 0);
    assert_eq!(find(&sandbox, "evidence.json").len(), 1);
}
