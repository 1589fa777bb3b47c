use std::io::Cursor;
use std::path::Path;

use calamine::{Data, Range, Reader, Xlsx};

use super::*;

/// With what the workbooks under `data/` were written.
const COMMITTED: (usize, usize, u64) = (12, 0, 1);

fn read(folder: &Path, file: Workbook) -> Range<Data> {
    let bytes = std::fs::read(folder.join(file.file_name())).unwrap();
    let plain = office_crypto::decrypt_from_bytes(bytes, SAMPLE_PASSWORD).unwrap();
    let mut workbook: Xlsx<_> = Xlsx::new(Cursor::new(plain)).unwrap();
    workbook.worksheet_range_at(0).unwrap().unwrap()
}

#[test]
fn the_committed_workbooks_hold_the_generators_rows() {
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data");
    let fresh = tempfile::tempdir().unwrap();
    let (customers, transactions, seed) = COMMITTED;
    let written = write_sample(fresh.path(), customers, transactions, seed).unwrap();
    assert_eq!((written.customers, written.transactions), (12, 567));
    for file in Workbook::ALL {
        assert!(read(&committed, file) == read(fresh.path(), file), "{file}");
    }
}

#[test]
fn the_same_seed_gives_the_same_rows_and_another_seed_others() {
    assert_eq!(rows(40, 3_000, 1), rows(40, 3_000, 1));
    assert_ne!(rows(40, 3_000, 1).transactions, rows(40, 3_000, 2).transactions);
}

#[test]
fn one_more_customer_changes_nobody_elses_profile() {
    assert_eq!(rows(30, 0, 1).profiles, rows(31, 0, 1).profiles[..30]);
}

#[test]
fn a_sample_has_the_size_that_was_asked_for() {
    let sample = rows(500, 20_000, 3);
    assert_eq!((sample.profiles.len(), sample.transactions.len()), (500, 20_000));
    assert_eq!(rows(3, 10, 3).profiles.len(), 3);
    assert_eq!(rows(0, 0, 3), Rows::default());
}

#[test]
fn every_customer_of_the_cast_has_forty_to_sixty_payments_up_to_the_last_day() {
    let sample = rows(12, 0, 7);
    for profile in &sample.profiles {
        let own = || sample.transactions.iter().filter(|row| row.customer_id == profile.customer_id);
        assert!((40..=60).contains(&own().count()), "{}", profile.customer_id);
        assert_eq!(own().map(|row| row.date).max(), Some(LAST_DAY));
        assert!(own().all(|row| row.date > date(2026, 5, 1) && row.transaction_amount > 0.0));
    }
}

#[test]
fn ids_are_text_with_leading_zeros() {
    let ids: Vec<String> = rows(13, 0, 7).profiles.into_iter().map(|row| row.customer_id).collect();
    assert_eq!((ids[0].as_str(), ids[12].as_str()), ("0001", "0013"));
}

#[test]
fn more_rows_than_a_sheet_holds_are_refused() {
    let error = write_sample(Path::new("unused"), 2_000_000, 0, 0).unwrap_err();
    assert_eq!(error.name(), ErrorName::InputInvalidRequest);
}
