use std::io::Cursor;
use std::path::Path;

use calamine::{Data, Range, Reader, Xlsx};

use super::*;

/// The customers, transactions and seed that `data/` was generated with.
const COMMITTED: (usize, usize, u64) = (12, 0, 1);

fn read(folder: &Path, file: Workbook) -> Range<Data> {
    let bytes = std::fs::read(folder.join(file.file_name())).unwrap();
    let plain = office_crypto::decrypt_from_bytes(bytes, SAMPLE_PASSWORD).unwrap();
    let mut workbook: Xlsx<_> = Xlsx::new(Cursor::new(plain)).unwrap();
    workbook.worksheet_range_at(0).unwrap().unwrap()
}

#[test]
fn committed_workbooks_equal_the_generated_rows() {
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
fn seed_determines_the_rows() {
    assert_eq!(rows(40, 3_000, 1), rows(40, 3_000, 1));
    assert_ne!(rows(40, 3_000, 1).transactions, rows(40, 3_000, 2).transactions);
}

#[test]
fn added_customer_does_not_change_the_others() {
    assert_eq!(rows(30, 0, 1).profiles, rows(31, 0, 1).profiles[..30]);
}

#[test]
fn sample_has_the_requested_size() {
    let sample = rows(500, 20_000, 3);
    assert_eq!((sample.profiles.len(), sample.transactions.len()), (500, 20_000));
    assert_eq!(rows(3, 10, 3).profiles.len(), 3);
    assert_eq!(rows(0, 0, 3), SampleRows::default());
}

#[test]
fn handwritten_customers_have_forty_to_sixty_payments() {
    let sample = rows(12, 0, 7);
    for profile in &sample.profiles {
        let own = || sample.transactions.iter().filter(|row| row.customer_id == profile.customer_id);
        assert!((40..=60).contains(&own().count()), "{}", profile.customer_id);
        assert_eq!(own().map(|row| row.date).max(), Some(LAST_DAY));
        assert!(own().all(|row| row.date > date(2026, 5, 1) && row.transaction_amount > 0.0));
    }
}

#[test]
fn ids_have_leading_zeros() {
    let ids: Vec<String> = rows(13, 0, 7).profiles.into_iter().map(|row| row.customer_id).collect();
    assert_eq!((ids[0].as_str(), ids[12].as_str()), ("0001", "0013"));
}

#[test]
fn too_many_rows_are_refused() {
    let error = write_sample(Path::new("unused"), 2_000_000, 0, 0).unwrap_err();
    assert_eq!(error.name(), ErrorName::InputInvalidRequest);
}
