//! The floor that `make bench` compares the merge stage with. It decrypts the workbooks in a folder and visits their
//! cells with the same libraries, but keeps none of them.
//!
//! Usage: `EXCEL_PASSWORD=… intake_floor DATA`

use std::error::Error;
use std::io::Cursor;
use std::path::Path;

use calamine::{Reader as _, Xlsx};
use contracts::key::Workbook;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("usage: intake_floor DATA")?;
    let password = std::env::var("EXCEL_PASSWORD")?;
    let mut cells = 0_u64;
    for file in Workbook::ALL {
        let package =
            office_crypto::decrypt_from_bytes(std::fs::read(Path::new(&folder).join(file.file_name()))?, &password)?;
        let mut workbook = Xlsx::new(Cursor::new(package))?;
        for sheet in workbook.sheet_names() {
            let mut reader = workbook.worksheet_cells_reader(&sheet)?;
            while reader.next_cell()?.is_some() {
                cells += 1;
            }
        }
    }
    std::hint::black_box(cells);
    Ok(())
}
