//! The step that both fuzz targets share: check one workbook beside two sound ones.

use std::sync::LazyLock;

use contracts::catalogue::Catalogue;
use contracts::key::Workbook;
use contracts::secret::SecretString;
use contracts::settings::Intake;
use jiff::Timestamp;
use merge::IntakeLimits;

const PROFILE: &[u8] = include_bytes!("../tests/files/base.profile.xlsx");
const TWEETS: &[u8] = include_bytes!("../tests/files/base.tweets.xlsx");
const PRODUCTS: &[u8] = include_bytes!("../../../data/catalogue.json");

/// Checks `transactions` as a run would. Any input must give a report or an error, quickly and in little memory.
pub fn check(transactions: Vec<u8>) {
    static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| {
        // This replaces libFuzzer's own hook, which counts even a caught panic as a crash.
        contracts::panics::tell_the_place_alone();
        Catalogue::from_json(PRODUCTS).expect("the project's catalog is valid")
    });
    let limits = IntakeLimits {
        unpacked: 32 << 20,
        ratio_from: 4 << 20,
        cells: 200_000,
        string_count: 200_000,
        tags: 100_000,
        ..IntakeLimits::default()
    };
    let intake = Intake { allow_unprotected: true, max_bad_rows: 1.0, ..Intake::default() };
    let files = [
        (Workbook::Profile, PROFILE.to_vec()),
        (Workbook::Transactions, transactions),
        (Workbook::Tweets, TWEETS.to_vec()),
    ];
    let password = SecretString::from("meridian-demo");
    // After the payments of the seeds.
    let now = Timestamp::from_second(1_793_534_400).expect("a time in 2026");
    let checked = merge::check(&files, Some(&password), &intake, &CATALOGUE, now, &limits);
    for error in &checked.errors {
        assert!(!error.to_string().is_empty());
    }
}
