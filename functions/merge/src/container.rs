//! Reads the compound file (MS-CFB) around an encrypted workbook.
//!
//! Accepts the flaws that other programs accept, such as a short last sector and entries beyond the file's end. Rejects
//! a chain of sectors that is longer than the file, so a crafted file cannot make the reader allocate more.

/// The upper bound of regular sector numbers (MAXREGSECT, MS-CFB 2.1). Numbers from here on end a chain or mark an
/// unused entry.
const LAST_SECTOR: u32 = 0xffff_fffa;
/// The size of the header in bytes, without padding.
const HEADER: usize = 512;
/// The size of a directory entry in bytes.
const ENTRY: usize = 128;

/// A compound file.
pub struct Container<'b> {
    bytes: &'b [u8],
    sector: usize,
    mini_sector: usize,
    /// The size in bytes below which a stream is stored in the mini stream.
    mini_cutoff: u64,
    table: Vec<u32>,
    mini_table: Vec<u32>,
    mini_stream: Vec<u8>,
    entries: Vec<Entry>,
}

struct Entry {
    name: String,
    is_root: bool,
    start: u32,
    size: u64,
}

impl<'b> Container<'b> {
    /// Reads the tables and the directory. Returns `None` if the file is damaged.
    pub fn open(bytes: &'b [u8]) -> Option<Self> {
        let shift = |at| u16_at(bytes, at).filter(|shift| (6..=12).contains(shift));
        let sector = 1_usize << shift(30)?;
        let mini_sector = 1_usize << shift(32)?;
        let mut file = Self {
            bytes,
            sector,
            mini_sector,
            mini_cutoff: u64::from(u32_at(bytes, 56)?),
            table: Vec::new(),
            mini_table: Vec::new(),
            mini_stream: Vec::new(),
            entries: Vec::new(),
        };
        for sector in file.table_sectors()? {
            file.table.extend(file.sector(sector)?.chunks_exact(4).filter_map(|entry| u32_at(entry, 0)));
        }
        let directory = file.chain(u32_at(bytes, 48)?)?;
        file.entries = directory.chunks_exact(ENTRY).filter_map(|entry| Entry::parse(entry, sector)).collect();
        let mini_table = file.chain(u32_at(bytes, 60)?)?;
        file.mini_table = mini_table.chunks_exact(4).filter_map(|entry| u32_at(entry, 0)).collect();
        let root = file.entries.iter().find(|entry| entry.is_root)?;
        file.mini_stream = file.chain(root.start)?;
        Some(file)
    }

    /// Returns whether the file has a stream with this name.
    pub fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// Returns a stream's content, or `None` if the stream is missing or damaged.
    pub fn stream(&self, name: &str) -> Option<Vec<u8>> {
        let entry = self.find(name)?;
        let mut content = if entry.size < self.mini_cutoff {
            let sector = |number: u32| {
                let from = usize::try_from(number).ok()?.checked_mul(self.mini_sector)?;
                self.mini_stream.get(from..(from + self.mini_sector).min(self.mini_stream.len()))
            };
            chained(entry.start, &self.mini_table, self.bytes.len() / self.mini_sector, sector)?
        } else {
            self.chain(entry.start)?
        };
        let size = usize::try_from(entry.size).ok().filter(|size| *size <= content.len())?;
        content.truncate(size);
        Some(content)
    }

    fn find(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.name.eq_ignore_ascii_case(name))
    }

    /// Returns the numbers of the sectors that contain the file allocation table.
    fn table_sectors(&self) -> Option<Vec<u32>> {
        let used = |sector: &u32| *sector < LAST_SECTOR;
        let words = |bytes: &[u8]| bytes.chunks_exact(4).filter_map(|word| u32_at(word, 0)).collect::<Vec<_>>();
        let mut sectors: Vec<u32> = words(self.bytes.get(76..HEADER)?).into_iter().filter(used).collect();
        let mut next = u32_at(self.bytes, 68)?;
        for _ in 0..=self.bytes.len() / self.sector {
            if !used(&next) {
                // A table never needs more sectors than the file has.
                sectors.truncate(self.bytes.len() / self.sector + 1);
                return Some(sectors);
            }
            let mut list = words(self.sector(next)?);
            next = list.pop()?;
            sectors.extend(list.into_iter().filter(used));
        }
        None
    }

    /// Returns a sector. The last one may be short.
    fn sector(&self, number: u32) -> Option<&'b [u8]> {
        let from = usize::try_from(number).ok()?.checked_add(1)?.checked_mul(self.sector)?;
        self.bytes.get(from..from.checked_add(self.sector)?.min(self.bytes.len()))
    }

    fn chain(&self, start: u32) -> Option<Vec<u8>> {
        chained(start, &self.table, self.bytes.len() / self.sector, |number| self.sector(number))
    }
}

/// Returns the content of a chain of sectors, or `None` if the chain is damaged or has more than `longest` + 1 sectors.
fn chained<'s>(start: u32, table: &[u32], longest: usize, sector: impl Fn(u32) -> Option<&'s [u8]>) -> Option<Vec<u8>> {
    let mut content = Vec::new();
    let mut next = start;
    for _ in 0..=longest + 1 {
        if next >= LAST_SECTOR {
            return Some(content);
        }
        content.extend_from_slice(sector(next)?);
        next = *table.get(usize::try_from(next).ok()?)?;
    }
    None
}

impl Entry {
    /// Parses a stream or the root. Returns `None` for a storage or an unused entry.
    fn parse(entry: &[u8], sector: usize) -> Option<Self> {
        let length = usize::from(u16_at(entry, 64)?).min(64).saturating_sub(2);
        let name: Vec<u16> = entry.get(..length)?.chunks_exact(2).filter_map(|unit| u16_at(unit, 0)).collect();
        let kind = *entry.get(66)?;
        let size = u64::from(u32_at(entry, 120)?);
        // Files with small sectors may have garbage in the upper half of the size.
        let upper = if sector > 512 { u64::from(u32_at(entry, 124)?) << 32 } else { 0 };
        matches!(kind, 2 | 5).then(|| Self {
            name: String::from_utf16_lossy(&name),
            is_root: kind == 5,
            start: u32_at(entry, 116).unwrap_or(LAST_SECTOR),
            size: size | upper,
        })
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write as _};

    use proptest::prelude::*;

    use super::*;

    fn compound_file() -> Vec<u8> {
        let mut file = cfb::CompoundFile::create(Cursor::new(Vec::new())).unwrap();
        file.create_stream("Small").unwrap().write_all(&[7; 100]).unwrap();
        file.create_stream("Large").unwrap().write_all(&[8; 10_000]).unwrap();
        file.into_inner().into_inner()
    }

    #[test]
    fn streams_of_both_sizes_are_read() {
        let bytes = compound_file();
        let file = Container::open(&bytes).unwrap();
        assert_eq!(file.stream("Small").unwrap(), [7; 100]);
        assert_eq!(file.stream("large").unwrap(), [8; 10_000]);
        assert!(!file.has("Other") && file.stream("Other").is_none());
    }

    proptest! {
        #[test]
        fn damaged_files_are_read_or_refused(changes in proptest::collection::vec((0_usize..8192, any::<u8>()), 1..8), cut in 0_usize..20_000) {
            let mut bytes = compound_file();
            let length = bytes.len();
            for (at, byte) in changes {
                bytes[at % length] = byte;
            }
            bytes.truncate(cut);
            if let Some(file) = Container::open(&bytes) {
                for name in ["Small", "Large"] {
                    prop_assert!(file.stream(name).is_none_or(|content| content.len() <= 4 * length));
                }
            }
        }
    }
}
