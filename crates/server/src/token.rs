//! Random tokens: the server's own token, and those in links to media.

use std::io::{ErrorKind, Write as _};
use std::path::Path;

/// Reads the server's token. On first use, creates it in a file that only this user can read. The token survives a
/// restart, so an open page keeps working.
pub fn read_or_create(path: &Path) -> std::io::Result<String> {
    match std::fs::read_to_string(path) {
        Ok(token) if token.len() == 64 => return Ok(token),
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let token = random()?;
    // Only its owner can read a NamedTempFile.
    let mut file = tempfile::NamedTempFile::new_in(path.parent().unwrap_or(Path::new(".")))?;
    file.write_all(token.as_bytes())?;
    file.persist(path)?;
    Ok(token)
}

/// Returns 64 random hex digits.
pub fn random() -> std::io::Result<String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
    Ok(hex::encode(bytes))
}
