//! Digests of files of any size.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use contracts::Digest;
use sha2::{Digest as _, Sha256};

/// A digest of bytes that arrive in chunks.
#[derive(Default)]
pub(crate) struct PartialDigest(Sha256);

impl PartialDigest {
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(crate) fn finish(self) -> Digest {
        Digest::from_bytes(self.0.finalize().into())
    }
}

/// Computes the digest of a file without loading the whole file into memory.
pub fn file_digest(path: &Path) -> std::io::Result<Digest> {
    let mut file = File::open(path)?;
    let mut digest = PartialDigest::default();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let length = file.read(&mut buffer)?;
        if length == 0 {
            return Ok(digest.finish());
        }
        digest.update(&buffer[..length]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_digest_equals_the_digest_of_the_bytes() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for length in [0, 5, 200_000] {
            let bytes = vec![7; length];
            std::fs::write(file.path(), &bytes).unwrap();
            assert_eq!(file_digest(file.path()).unwrap(), Digest::of(&bytes));
        }
    }
}
