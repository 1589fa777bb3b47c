//! Secrets on one machine: from the environment, into which the command loads `.env`, and from a key file.
//!
//! The key file holds the data key and the reference key. It is created at first use, and only this user can read it.

use std::io::Write;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use serde::Deserialize;
use storage::secret::{ExposeSecret, SecretError, SecretName, SecretString, Secrets};
use zeroize::Zeroizing;

/// Secrets from the environment first, then from the key file, then from the command itself.
pub struct LocalSecrets {
    key_file: PathBuf,
    workbook_password: Option<SecretString>,
    /// Whether to create keys if the key file does not exist.
    creates_keys: bool,
}

#[derive(Deserialize)]
#[expect(clippy::struct_field_names, reason = "the names are the fields of the file")]
struct KeyFile {
    data_key: SecretString,
    #[serde(default)]
    previous_data_key: Option<SecretString>,
    reference_key: SecretString,
}

impl LocalSecrets {
    /// Returns secrets that use the key file at `key_file`.
    #[must_use]
    pub fn new(key_file: PathBuf) -> Self {
        Self { key_file, workbook_password: None, creates_keys: true }
    }

    /// Returns the secrets that sealed an artifacts folder. New keys are created only for a new folder. With other
    /// keys, the customers in an existing folder would get different references, and a suppression or an erasure would
    /// miss them.
    #[must_use]
    pub fn of_folder(artifacts: &Path) -> Self {
        let holds_something = ["control", "customers", "datasets"].into_iter().any(|name| {
            let entries = std::fs::read_dir(artifacts.join(name)).into_iter().flatten();
            // A command that changed a list may have left a lock file behind.
            entries.filter_map(Result::ok).any(|entry| entry.path().extension().is_none_or(|kind| kind != "lock"))
        });
        Self { creates_keys: !holds_something, ..Self::new(Self::default_key_file()) }
    }

    /// Adds a workbook password to use if the environment has none. Use this only for the sample data, whose password
    /// is public.
    #[must_use]
    pub fn with_workbook_password(mut self, password: &str) -> Self {
        self.workbook_password = Some(password.into());
        self
    }

    /// Returns the path of `bespoke/keys.toml` in the user's data folder: `$XDG_DATA_HOME` or `~/.local/share`.
    #[must_use]
    pub fn default_key_file() -> PathBuf {
        let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let data = set("XDG_DATA_HOME").or_else(|| Some(set("HOME")?.join(".local/share")));
        data.unwrap_or_else(|| PathBuf::from(".")).join("bespoke/keys.toml")
    }

    /// Makes a new data key and keeps the old one as the previous one, unless a rotation is open already. Returns whether it
    /// made a new key.
    pub fn begin_rotation(&self) -> Result<bool, SecretError> {
        self.change_keys(|keys| {
            if keys.previous_data_key.is_some() {
                return Ok(None);
            }
            let KeyFile { data_key, reference_key, .. } = keys;
            Ok(Some(KeyFile { data_key: random_key()?, previous_data_key: Some(data_key), reference_key }))
        })
    }

    /// Deletes the previous data key. Returns whether there was one.
    pub fn end_rotation(&self) -> Result<bool, SecretError> {
        self.change_keys(|keys| {
            Ok(keys.previous_data_key.is_some().then(|| KeyFile { previous_data_key: None, ..keys }))
        })
    }

    /// Replaces the key file in one step. Keys from the environment cannot be changed here.
    fn change_keys(
        &self,
        change: impl FnOnce(KeyFile) -> std::io::Result<Option<KeyFile>>,
    ) -> Result<bool, SecretError> {
        let name = SecretName::DataKey;
        let failed = |reason: String| SecretError::Unavailable { name, reason };
        if std::env::var_os(name.variable()).is_some() {
            return Err(failed("it comes from the environment; rotate it where it is kept".to_owned()));
        }
        let place = self.key_file.display();
        let changed = change(self.keys(name)?).map_err(|error| failed(format!("{place}: {error}")))?;
        let Some(keys) = changed else { return Ok(false) };
        let written = write_keys(&self.key_file, &keys)
            .and_then(|file| file.persist(&self.key_file).map_err(|error| error.error))
            .map_err(|error| failed(format!("{place}: {error}")));
        written.map(|_| true)
    }

    fn keys(&self, name: SecretName) -> Result<KeyFile, SecretError> {
        let unavailable =
            |what: &str| SecretError::Unavailable { name, reason: format!("{}: {what}", self.key_file.display()) };
        let text = match std::fs::read_to_string(&self.key_file) {
            Ok(text) => Zeroizing::new(text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !self.creates_keys => {
                return Err(SecretError::Missing(name));
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                create_keys(&self.key_file).map_err(|error| unavailable(&error.to_string()))?;
                let created = std::fs::read_to_string(&self.key_file);
                Zeroizing::new(created.map_err(|error| unavailable(&error.to_string()))?)
            }
            Err(error) => return Err(unavailable(&error.to_string())),
        };
        // The parser's message would quote the line, which holds a key.
        toml::from_str(&text).map_err(|_| unavailable("not a key file"))
    }
}

/// Returns 32 random bytes as hex digits.
fn random_key() -> std::io::Result<SecretString> {
    let mut bytes = Zeroizing::new([0_u8; 32]);
    getrandom::fill(bytes.as_mut_slice()).map_err(std::io::Error::other)?;
    Ok(hex::encode(bytes.as_slice()).into())
}

/// Writes a key file beside `path`. The caller moves it into place.
fn write_keys(path: &Path, keys: &KeyFile) -> std::io::Result<tempfile::NamedTempFile> {
    let folder = path.parent().unwrap_or(Path::new("."));
    crate::folder::create_private(folder)?;
    // Only its owner can read a NamedTempFile.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    writeln!(
        file,
        "# The keys that seal customer data on this machine. Keep a copy: without them the data cannot be opened."
    )?;
    writeln!(file, "data_key = \"{}\"", keys.data_key.expose_secret())?;
    if let Some(previous) = &keys.previous_data_key {
        writeln!(file, "previous_data_key = \"{}\"", previous.expose_secret())?;
    }
    writeln!(file, "reference_key = \"{}\"", keys.reference_key.expose_secret())?;
    file.as_file().sync_all()?;
    Ok(file)
}

/// Creates both keys, unless another process has already done so.
fn create_keys(path: &Path) -> std::io::Result<()> {
    let keys = KeyFile { data_key: random_key()?, previous_data_key: None, reference_key: random_key()? };
    let file = write_keys(path, &keys)?;
    match file.persist_noclobber(path) {
        Err(error) if error.error.kind() != std::io::ErrorKind::AlreadyExists => Err(error.error),
        _ => Ok(()),
    }
}

#[async_trait]
impl Secrets for LocalSecrets {
    async fn find(&self, name: SecretName) -> Result<Option<SecretString>, SecretError> {
        if let Ok(value) = std::env::var(name.variable())
            && !value.is_empty()
        {
            return Ok(Some(value.into()));
        }
        match name {
            SecretName::WorkbookPassword => Ok(self.workbook_password.clone()),
            SecretName::ModelKey | SecretName::WebhookKey => Ok(None),
            SecretName::DataKey => Ok(Some(self.keys(name)?.data_key)),
            // A data key from the environment has no predecessor in the file.
            SecretName::PreviousDataKey if std::env::var_os(SecretName::DataKey.variable()).is_some() => Ok(None),
            SecretName::PreviousDataKey => Ok(self.keys(name)?.previous_data_key),
            SecretName::ReferenceKey => Ok(Some(self.keys(name)?.reference_key)),
        }
    }
}

impl std::fmt::Debug for LocalSecrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalSecrets").field("key_file", &self.key_file).finish_non_exhaustive()
    }
}

/// Returns whether a secret is set.
pub async fn is_set(secrets: &dyn Secrets, name: SecretName) -> bool {
    matches!(secrets.find(name).await, Ok(Some(value)) if !value.expose_secret().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn keys_are_created_once_and_are_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bespoke/keys.toml");
        let first = LocalSecrets::new(path.clone()).get(SecretName::DataKey).await.unwrap();
        let second = LocalSecrets::new(path.clone()).get(SecretName::DataKey).await.unwrap();
        assert_eq!(first.expose_secret(), second.expose_secret());
        assert_eq!(first.expose_secret().len(), 64);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o077, 0);
        }
    }

    #[tokio::test]
    async fn rotation_keeps_the_old_key_until_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let secrets = LocalSecrets::new(folder.path().join("keys.toml"));
        let get = async |name| secrets.find(name).await.unwrap().map(|key| key.expose_secret().to_owned());
        let first = get(SecretName::DataKey).await;
        let reference = get(SecretName::ReferenceKey).await;
        assert!(secrets.begin_rotation().unwrap());
        let second = get(SecretName::DataKey).await;
        assert_ne!(second, first);
        assert_eq!(get(SecretName::PreviousDataKey).await, first);
        assert!(!secrets.begin_rotation().unwrap(), "an open rotation continues");
        assert_eq!(get(SecretName::DataKey).await, second);
        assert!(secrets.end_rotation().unwrap() && !secrets.end_rotation().unwrap());
        assert_eq!((get(SecretName::DataKey).await, get(SecretName::PreviousDataKey).await), (second, None));
        assert_eq!(get(SecretName::ReferenceKey).await, reference, "references stay");
    }

    #[tokio::test]
    async fn damaged_key_file_is_named_but_not_quoted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.toml");
        std::fs::write(&path, "data_key = \"c0ffee").unwrap();
        let error = LocalSecrets::new(path).get(SecretName::DataKey).await.unwrap_err().to_string();
        assert!(error.contains("keys.toml") && !error.contains("c0ffee"), "{error}");
    }
}
