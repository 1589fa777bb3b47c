//! What both fuzzers do: look at one workbook beside two good ones.

use std::sync::LazyLock;

use contracts::catalogue::Catalogue;
use contracts::key::Workbook;
use storage::secret::SecretString;
use contracts::settings::IntakeSettings;
use jiff::Timestamp;
use merge::Limits;

const PROFILE: &[u8] = include_bytes!("../tests/files/base.profile.xlsx");
const TWEETS: &[u8] = include_bytes!("../tests/files/base.tweets.xlsx");
const PRODUCTS: &[u8] = include_bytes!("../../../data/catalogue.json");

/// Replaces the panic hook by one that prints only the place of a panic, and nothing for a caught one.
fn silence_caught_panics() {
    std::panic::set_hook(Box::new(|panic| {
        if !contracts::panics::is_catching() {
            let place = panic.location().map(ToString::to_string).unwrap_or_default();
            eprintln!("internal error at {place}");
        }
    }));
}

/// Reads `transactions` as a run would. Whatever it is, there must be a report or an error, soon, and in little memory.
pub fn look(transactions: Vec<u8>) {
    static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| {
        // In place of libFuzzer's own hook, which takes each panic for a crash: one that is caught is none.
        silence_caught_panics();
        Catalogue::from_json(PRODUCTS).expect("the project's own catalogue")
    });
    let limits = Limits { unpacked: 32 << 20, ratio_from: 4 << 20, cells: 200_000, ..Limits::default() };
    let intake = IntakeSettings { allow_unprotected: true, max_bad_rows: 1.0, ..IntakeSettings::default() };
    let files = [
        (Workbook::Profile, PROFILE.to_vec()),
        (Workbook::Transactions, transactions),
        (Workbook::Tweets, TWEETS.to_vec()),
    ];
    let password = SecretString::from("meridian-demo");
    let checked = merge::check(&files, Some(&password), &intake, &CATALOGUE, Timestamp::UNIX_EPOCH, &limits);
    for error in &checked.errors {
        assert!(!error.to_string().is_empty());
    }
}
