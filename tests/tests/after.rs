//! Tests of review, recall, erasure, export and expiry that run the command as a process.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::Arc;

use bespoke::sample::{SampleRows, rows};
use bespoke_tests::{Sandbox, report, root};
use contracts::stage::IndexRow;
use contracts::{CustomerId, CustomerRef};
use runner::folder::FolderStore;
use runner::secrets::LocalSecrets;
use storage::vault::{Keys, Owner, Vault};

fn sandbox(settings: &str) -> Sandbox {
    let sandbox = Sandbox::new(env!("CARGO_BIN_EXE_bespoke-under-test"));
    let path = sandbox.path().join("bespoke.toml");
    let video = std::fs::read_to_string(&path).unwrap();
    std::fs::write(path, format!("{video}{settings}")).unwrap();
    sandbox
}

/// Allows one person to start a run and approve its results, as on a machine with only one user.
fn allow_own_approvals(sandbox: &Sandbox) {
    let path = sandbox.path().join("bespoke.toml");
    let settings = std::fs::read_to_string(&path).unwrap();
    std::fs::write(path, format!("{settings}[local]\napprove_own = true\n")).unwrap();
}

#[track_caller]
fn ends(output: &Output, code: i32) -> String {
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    stderr
}

fn find(sandbox: &Sandbox, name: &str) -> Vec<PathBuf> {
    sandbox.files().into_iter().filter(|path| path.ends_with(name)).collect()
}

async fn vault(sandbox: &Sandbox) -> Vault {
    let store = Arc::new(FolderStore::open(&sandbox.artifacts()).unwrap());
    Vault::new(store, Keys::from_secrets(&LocalSecrets::new(sandbox.key_file())).await.unwrap())
}

#[test]
fn only_approved_results_are_published() {
    let sandbox = sandbox("[review]\nfirst = 8\n");
    let output = sandbox.run(&["demo", "--videos", "0", "--json"]);
    ends(&output, 6);
    let run = report(&output)["run"].as_str().unwrap().to_owned();
    // Customers are ordered by reference, which depends on random keys. Some of the first eight did not consent.
    let waiting = report(&sandbox.run(&["review", "--json"]));
    let waiting = waiting.as_array().unwrap();
    let in_review = waiting.len();
    assert!((3..=8).contains(&in_review), "{waiting:?}");
    for one in waiting {
        let text = one["text"].as_str().unwrap();
        assert!(text.contains("from Meridian Bank") || text.contains("de Meridian Bank"), "{text}");
    }
    let [approved, rejected] = [0, 1].map(|at| waiting[at]["reference"].as_str().unwrap());
    let published = find(&sandbox, "recommendation.txt").len();

    let decide = |customer: &str, choice: &[&str]| {
        sandbox.run(&[&["review", &run, "--customer", customer, "--by", "Ann", "--json"], choice].concat())
    };
    // An approval must contain the digest that was shown.
    let seen = waiting[0]["content_digest"].as_str().unwrap();
    let other = waiting[1]["content_digest"].as_str().unwrap();
    // The person who started the run cannot approve its results, whatever name they give.
    let refused = ends(&decide(approved, &["--approve", "--seen", seen]), 1);
    assert!(refused.contains("Access.Forbidden") && refused.contains("on behalf of Ann started run"), "{refused}");
    allow_own_approvals(&sandbox);
    ends(&decide(approved, &["--approve"]), 2);
    ends(&decide(approved, &["--approve", "--seen", other]), 5);
    assert_eq!(find(&sandbox, "recommendation.txt").len(), published);
    let decided = report(&decide(approved, &["--approve", "--seen", seen]));
    let user = runner::os_user::OsUser::current().unwrap();
    let by: serde_json::Value = user.on_behalf_of(Some("Ann")).into();
    assert_eq!((&decided["result"]["outcome"], &decided["decided_by"]), (&"published".into(), &by));
    ends(&decide(rejected, &["--reject"]), 0);
    assert_eq!(find(&sandbox, "recommendation.txt").len(), published + 1);
    ends(&decide(rejected, &["--approve", "--seen", other]), 3);
    assert_eq!(report(&sandbox.run(&["review", &run, "--json"])).as_array().unwrap().len(), in_review - 2);

    // The manifest has the current outcomes, and the evidence names the reviewer.
    let manifest: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&find(&sandbox, "manifest.json")[0]).unwrap()).unwrap();
    assert_eq!(manifest["counts"]["in-review"], in_review - 2, "{}", manifest["counts"]);
    let folder = sandbox.artifacts().join("customers").join(approved).join(&run);
    let evidence: serde_json::Value =
        serde_json::from_slice(&std::fs::read(folder.join("evidence.json")).unwrap()).unwrap();
    assert_eq!((&evidence["review"]["by"], &evidence["review"]["choice"]), (&by, &"approve".into()));
    // Repeating the run publishes only the approved result.
    ends(&sandbox.run(&["demo", "--videos", "0"]), 6);
    assert_eq!(find(&sandbox, "recommendation.txt").len(), published + 1);
}

#[test]
fn recall_moves_the_text_and_removes_its_copy() {
    let sandbox = sandbox("");
    let run = report(&sandbox.run(&["run", "--customer", "0002", "--no-video", "--json"]));
    let run = run["run"].as_str().unwrap();
    assert!(sandbox.artifacts().join("output/recommendations.txt").exists());
    let recall = || sandbox.run(&["recall", run, "--by", "Ann", "--reason", "a wrong rate", "--json"]);
    let recalled = report(&recall());
    // The text, and the content of the customer's page.
    assert_eq!(recalled["recalled"][0]["files"], 2, "{recalled}");
    let [text] = <[_; 1]>::try_from(find(&sandbox, "recommendation.txt")).unwrap();
    assert!(text.starts_with(sandbox.artifacts().join("recalled")), "{}", text.display());
    assert!(!sandbox.artifacts().join("output/recommendations.txt").exists());
    assert_eq!(report(&recall()), recalled);
    ends(&sandbox.run(&["run", "--customer", "0002", "--no-video"]), 4);
    assert_eq!(find(&sandbox, "recommendation.txt"), [text]);
    ends(&sandbox.run(&["recall", "no-such-run", "--by", "Ann"]), 2);
}

/// Returns every file in the folder, with sealed content opened by the remaining keys.
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
            && let Ok(personal) = policy::evidence::open_personal(&vault, &evidence).await
        {
            out.push((place.clone(), serde_json::to_vec(&personal).unwrap()));
        }
        if place.ends_with("customers.jsonl") {
            let index = std::fs::read(path.with_file_name("index.csv")).unwrap();
            for row in IndexRow::read_all(&index).unwrap() {
                let at = usize::try_from(row.offset).unwrap();
                let line = &bytes[at..at + usize::try_from(row.length).unwrap()];
                if let Ok(record) = policy::customer::open_record(&vault, &row, line).await {
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
async fn erasure_leaves_no_readable_id_name_or_post() {
    let sandbox = sandbox("[review]\nfirst = 1\n");
    let SampleRows { profiles, tweets, .. } = rows(12, 0, 1);
    let name = profiles.iter().find(|row| row.customer_id == "0001").unwrap().first_name.clone();
    let posts: Vec<String> =
        tweets.into_iter().filter(|tweet| tweet.customer_id == "0001").map(|tweet| tweet.tweet).collect();
    assert!(!posts.is_empty());
    // A run for all customers puts this customer's result in review. The result of a run for this customer alone, with a video
    // and a prompt that contains their name, is approved and then recalled.
    ends(&sandbox.run(&["demo", "--videos", "0"]), 6);
    let prompt = format!("Be kind to {name}, customer 0001");
    let own = ["run", "--customer", "0001", "--prompt", &prompt, "--json"];
    let run = report(&sandbox.run(&own))["run"].as_str().unwrap().to_owned();
    allow_own_approvals(&sandbox);
    let waiting = report(&sandbox.run(&["review", &run, "--customer", "0001", "--json"]));
    let seen = waiting[0]["content_digest"].as_str().unwrap();
    let approve =
        ["review", &run, "--customer", "0001", "--approve", "--seen", seen, "--by", "Ann", "--reason", &prompt];
    ends(&sandbox.run(&approve), 0);
    ends(&sandbox.run(&own), 0);
    assert!(sandbox.artifacts().join("output/recommendations_video.mp4").exists());
    let again = report(&sandbox.run(&["run", "--customer", "0001", "--no-video", "--again", "--json"]));
    let again = again["run"].as_str().unwrap();
    ends(&sandbox.run(&["recall", again, "--customer", "0001", "--by", "Ann", "--reason", &prompt]), 0);

    let words: Vec<String> = posts.iter().cloned().chain([name.clone(), "\"0001\"".to_owned()]).collect();
    let found = |all: &[(String, Vec<u8>)], word: &str| -> BTreeSet<String> {
        all.iter().filter(|(_, bytes)| holds(bytes, word)).map(|(place, _)| place.clone()).collect()
    };
    let before = readable(&sandbox).await;
    for word in &words {
        assert!(!found(&before, word).is_empty(), "the search must find {word} before the erasure");
    }
    // A legal hold prevents the erasure, and the error names it.
    for formula in ["=HYPERLINK(\"x\")", "+1", "-1", "@a"] {
        let name = format!("--name={formula}");
        ends(&sandbox.run(&["legal-hold", "--customer", "0001", &name]), 2);
    }
    ends(&sandbox.run(&["legal-hold", "--customer", "0001", "--name", "Case 2026-7"]), 0);
    let stderr = ends(&sandbox.run(&["forget", "--customer", "0001"]), 6);
    assert!(stderr.contains("Forget.OnHold") && stderr.contains("Case 2026-7"), "{stderr}");
    ends(&sandbox.run(&["legal-hold", "--customer", "0001", "--name", "Case 2026-7", "--remove"]), 0);

    let erased = report(&sandbox.run(&["forget", "--customer", "0001", "--json"]));
    assert!(erased["objects"].as_u64() > Some(10), "{erased}");
    let after = readable(&sandbox).await;
    assert!(!found(&after, "Meridian Bank").is_empty(), "other customers' data remains");
    for word in &words {
        assert_eq!(found(&after, word), BTreeSet::new(), "{word}");
    }
    let reference = vault(&sandbox).await.keys().reference(&CustomerId::parse("0001").unwrap());
    let folder = sandbox.artifacts().join("customers").join(reference.as_str());
    let left: BTreeSet<String> = sandbox
        .files()
        .into_iter()
        .filter(|path| path.starts_with(&folder))
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    assert_eq!(left, BTreeSet::from(["evidence.json".to_owned()]));
    assert!(!sandbox.artifacts().join("output/recommendations_video.mp4").exists());

    // A later run for this customer is refused, and a run for all customers leaves this customer out.
    let stderr = ends(&sandbox.run(&own), 3);
    assert!(stderr.contains("was erased"), "{stderr}");
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
        assert_eq!(found(&later, word), BTreeSet::new(), "{word} reappeared");
    }
    // A second erasure has no further effect, and an unknown id is an error.
    ends(&sandbox.run(&["forget", "--customer", "0001"]), 0);
    assert!(ends(&sandbox.run(&["forget", "--customer", "1"]), 3).contains("Input.UnknownCustomer"));
}

#[test]
fn customer_commands_create_no_keys_for_a_sealed_folder_and_report_unknown_ids() {
    let sandbox = sandbox("");
    // A new folder gets new keys, and any id may be suppressed.
    let reported = report(&sandbox.run(&["suppress", "--customer", "0001", "--json"]));
    assert_eq!((&reported["suppressed"], &reported["known"]), (&true.into(), &false.into()));
    ends(&sandbox.run(&["run", "--customer", "0002", "--no-video"]), 0);
    let reported = report(&sandbox.run(&["suppress", "--customer", "0002", "--json"]));
    assert_eq!(reported["known"], true);
    let warned = sandbox.run(&["suppress", "--customer", "2"]);
    assert!(
        String::from_utf8_lossy(&warned.stdout).contains("No dataset in this folder"),
        "a possible typo is reported"
    );
    std::fs::rename(sandbox.key_file(), sandbox.path().join("elsewhere.toml")).unwrap();
    for arguments in [
        ["suppress", "--customer", "0002"].as_slice(),
        &["consent", "--customer", "0002", "--general", "no", "--posts", "no"],
        &["forget", "--customer", "0002"],
        &["legal-hold", "--customer", "0002", "--name", "Audit"],
    ] {
        let stderr = ends(&sandbox.run(arguments), 2);
        assert!(stderr.contains("Secret.Missing") && stderr.contains("KEY"), "{stderr}");
        assert!(!sandbox.key_file().exists(), "{arguments:?}");
    }
}

#[test]
fn export_writes_a_private_table() {
    let sandbox = sandbox("[delivery]\nlink_base = \"https://bank.example/l\"\n");
    let run = report(&sandbox.run(&["demo", "--videos", "0", "--json"]))["run"].as_str().unwrap().to_owned();
    let before: Vec<PathBuf> = sandbox.files();
    let out = sandbox.path().join("crm");
    let reported = report(&sandbox.run(&["export", &run, "--out", out.to_str().unwrap(), "--json"]));
    let rows: serde_json::Value =
        serde_json::from_slice(&std::fs::read(out.join(format!("{run}.json"))).unwrap()).unwrap();
    let rows = rows.as_array().unwrap();
    assert_eq!(rows.len(), 12);
    let with = |field: &str| rows.iter().filter(|row| !row[field].as_str().unwrap().is_empty()).count();
    let published = rows.iter().filter(|row| row["outcome"] == "published").count();
    assert_eq!((with("link"), with("expires")), (published, published));
    assert_eq!(reported["links"], published);
    assert_eq!(with("customer_id"), 9, "the ids of customers who refused are not kept");
    let mut csv = csv::Reader::from_path(out.join(format!("{run}.csv"))).unwrap();
    assert_eq!(csv.records().count(), 12);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o077;
        assert_eq!((mode(&out), mode(&out.join(format!("{run}.csv")))), (0, 0));
    }
    // The artifacts do not contain the token. The link records contain only its digest.
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
fn expired_objects_are_deleted_unless_under_legal_hold() {
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
    // `hold` is the former name of `legal-hold`.
    ends(&sandbox.run(&["hold", "--customer", "0002", "--name", "Audit"]), 0);
    let held = report(&sandbox.run(&["expire", "--json"]));
    assert_eq!((&held["deleted"]["customers/"], &held["held"][0]), (&0.into(), &"Audit".into()), "{held}");
    ends(&sandbox.run(&["legal-hold", "--customer", "0002", "--name", "Audit", "--remove"]), 0);
    assert_eq!(report(&sandbox.run(&["expire", "--json"]))["deleted"]["customers/"], 1);
    assert_eq!(find(&sandbox, "recommendation.txt").len(), 0);
    assert_eq!(find(&sandbox, "evidence.json").len(), 1);
}

#[test]
fn results_stay_readable_after_the_data_key_is_rotated_and_retired() {
    let sandbox = sandbox("");
    ends(&sandbox.run(&["run", "--customer", "0001", "--no-video", "--json"]), 0);
    let manifest = find(&sandbox, "manifest.json").remove(0);
    let run = manifest.parent().unwrap().file_name().unwrap().to_str().unwrap().to_owned();
    let first = std::fs::read_to_string(sandbox.key_file()).unwrap();
    let rotated = report(&sandbox.run(&["keys", "rotate", "--json"]));
    assert_eq!(rotated["new_key"], true);
    assert!(rotated["resealed"].as_u64().unwrap() >= 2, "{rotated}");
    let again = report(&sandbox.run(&["keys", "rotate", "--json"]));
    assert_eq!((&again["new_key"], &again["resealed"]), (&false.into(), &0.into()));
    ends(&sandbox.run(&["verify", &run]), 0);
    assert_eq!(report(&sandbox.run(&["keys", "retire", "--json"]))["retired"], true);
    ends(&sandbox.run(&["verify", &run]), 0);
    ends(&sandbox.run(&["evidence", "--customer", "0001"]), 0);
    // The same request finds the earlier results.
    ends(&sandbox.run(&["run", "--customer", "0001", "--no-video"]), 0);
    assert_eq!(find(&sandbox, "manifest.json"), [manifest]);
    // The old key cannot open anything.
    std::fs::write(sandbox.key_file(), first).unwrap();
    ends(&sandbox.run(&["verify", &run]), 1);
}

#[test]
fn erasure_and_expiry_work_while_a_server_runs() {
    let sandbox = sandbox("");
    ends(&sandbox.run(&["run", "--customer", "0001", "--no-video", "--json"]), 0);
    let lock = std::fs::File::open(sandbox.artifacts().join(".lock")).unwrap();
    lock.try_lock().unwrap();
    // The copy is found even without its evidence.
    std::fs::remove_file(&find(&sandbox, "evidence.json")[0]).unwrap();
    let copy = sandbox.artifacts().join("output/recommendations.txt");
    assert!(copy.exists());
    ends(&sandbox.run(&["expire"]), 0);
    assert!(copy.exists());
    ends(&sandbox.run(&["forget", "--customer", "0001"]), 0);
    assert!(!copy.exists());
}
