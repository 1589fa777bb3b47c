//! The steps that the fuzz targets share: check one workbook together with two valid ones.

use std::io::{Cursor, Write as _};
use std::sync::LazyLock;

use contracts::catalogue::Catalogue;
use contracts::key::Workbook;
use storage::secret::SecretString;
use contracts::settings::IntakeSettings;
use jiff::Timestamp;
use merge::IntakeLimits;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

const PROFILE: &[u8] = include_bytes!("../tests/files/base.profile.xlsx");
const TWEETS: &[u8] = include_bytes!("../tests/files/base.tweets.xlsx");
const PRODUCTS: &[u8] = include_bytes!("../../../data/catalogue.json");

/// Replaces the panic hook with one that prints only a panic's location, and nothing for a caught panic.
fn silence_caught_panics() {
    std::panic::set_hook(Box::new(|panic| {
        if !contracts::panics::is_catching() {
            let place = panic.location().map(ToString::to_string).unwrap_or_default();
            eprintln!("internal error at {place}");
        }
    }));
}

/// Returns a workbook in which one part is replaced. Packs it without compression.
pub fn with_part(name: &str, content: &[u8]) -> Vec<u8> {
    const WORKBOOK: &[u8] = include_bytes!("../tests/files/xlsxwriter.transactions.xlsx");
    let pack = || -> zip::result::ZipResult<Vec<u8>> {
        let mut old = ZipArchive::new(Cursor::new(WORKBOOK))?;
        let mut new = ZipWriter::new(Cursor::new(Vec::new()));
        for index in 0..old.len() {
            let part = old.by_index_raw(index)?;
            if part.name()? != name {
                new.raw_copy_file(part)?;
            }
        }
        new.start_file(name, SimpleFileOptions::default().compression_method(CompressionMethod::Stored))?;
        new.write_all(content)?;
        Ok(new.finish()?.into_inner())
    };
    pack().expect("writes to memory succeed")
}

/// Checks `transactions` as a run would. Any input must lead to a report or an error, quickly and in little memory.
pub fn check(transactions: Vec<u8>) {
    static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| {
        // This replaces libFuzzer's own hook, which counts even a caught panic as a crash.
        silence_caught_panics();
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
    let intake = IntakeSettings { allow_unprotected: true, max_bad_rows: 1.0, ..IntakeSettings::default() };
    let files = [
        (Workbook::Profile, PROFILE.to_vec()),
        (Workbook::Transactions, transactions),
        (Workbook::Tweets, TWEETS.to_vec()),
    ];
    let password = SecretString::from("meridian-demo");
    // A time later than every payment in the seeds.
    let now = Timestamp::from_second(1_793_534_400).expect("a time in 2026");
    let checked = merge::check(&files, Some(&password), &intake, &CATALOGUE, now, &limits);
    for error in &checked.errors {
        assert!(!error.to_string().is_empty());
    }
}
