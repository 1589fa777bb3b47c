//! The key that signs the transparency log on one machine: a file beside the key file.
//!
//! The key is created at first use, and only this user can read it. It is the only secret that the transparency log
//! needs.

use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use transparency::signer::{PublicKey, Signer, SignerError, SigningKey};
use zeroize::Zeroizing;

use crate::secrets::LocalSecrets;

/// A signing key in a file.
pub struct LocalSigner {
    path: PathBuf,
    /// Whether to create a key if the file does not exist.
    creates_key: bool,
}

impl LocalSigner {
    /// Returns a signer with the key at `path`, which it creates at first use.
    #[must_use]
    pub const fn new(path: PathBuf) -> Self {
        Self { path, creates_key: true }
    }

    /// Returns the signer of an artifacts folder. A key is created only for a folder without a log, because a new key
    /// would not continue the log of the old one.
    #[must_use]
    pub fn of_folder(artifacts: &Path) -> Self {
        let has_log = std::fs::read_dir(artifacts.join("log")).is_ok_and(|mut entries| entries.next().is_some());
        Self { path: Self::default_file(), creates_key: !has_log }
    }

    /// Returns the path of `bespoke/signing-key.pem` in the user's data folder.
    #[must_use]
    pub fn default_file() -> PathBuf {
        LocalSecrets::default_key_file().with_file_name("signing-key.pem")
    }

    /// Returns the key, or `None` if none has been created yet.
    pub fn find_key(&self) -> Result<Option<SigningKey>, SignerError> {
        match std::fs::read_to_string(&self.path) {
            Ok(pem) => SigningKey::from_pem(&self.place(), &Zeroizing::new(pem)).map(Some),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.unavailable("read", &error)),
        }
    }

    fn key(&self) -> Result<SigningKey, SignerError> {
        if let Some(key) = self.find_key()? {
            return Ok(key);
        }
        if !self.creates_key {
            return Err(SignerError::Missing { place: self.place() });
        }
        let pem = SigningKey::generate(&self.place())?;
        create(&self.path, &pem).map_err(|error| self.unavailable("create", &error))?;
        self.find_key()?.ok_or_else(|| SignerError::Missing { place: self.place() })
    }

    fn place(&self) -> String {
        self.path.display().to_string()
    }

    fn unavailable(&self, action: &'static str, error: &std::io::Error) -> SignerError {
        SignerError::Unavailable { place: self.place(), action, reason: error.to_string() }
    }
}

/// Creates the file, readable by this user only, unless another process has already done so.
fn create(path: &Path, pem: &str) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    crate::folder::create_private(folder)?;
    // Only its owner can read a NamedTempFile.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(pem.as_bytes())?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(path) {
        Err(error) if error.error.kind() != ErrorKind::AlreadyExists => Err(error.error),
        _ => Ok(()),
    }
}

#[async_trait]
impl Signer for LocalSigner {
    async fn public_key(&self) -> Result<PublicKey, SignerError> {
        self.key()?.public_key().await
    }

    async fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignerError> {
        self.key()?.sign(message).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn signing_key_is_created_once_and_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bespoke/signing-key.pem");
        let first = LocalSigner::new(path.clone()).public_key().await.unwrap();
        assert_eq!(LocalSigner::new(path.clone()).public_key().await.unwrap(), first);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o077, 0);
        }
    }

    #[tokio::test]
    async fn no_new_key_continues_an_existing_log() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bespoke/signing-key.pem");
        let signer = LocalSigner { path: path.clone(), creates_key: false };
        assert!(matches!(signer.public_key().await, Err(SignerError::Missing { .. })));
        assert!(!path.exists());
    }
}
