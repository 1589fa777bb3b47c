//! Checkpoints: signed statements of the log's size and root, in the format of C2SP `tlog-checkpoint`.
//!
//! ```text
//! bespoke/log
//! 7
//! 2d21S8/D…=            the root, in base64
//!
//! — bespoke/log kJ1…=   4 bytes that name the key, and the 64 bytes of the signature, in base64
//! ```
//!
//! The signature covers the first three lines with their line breaks.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use contracts::Digest;

use crate::merkle::Tree;
use crate::signer::{PublicKey, Signer, SignerError};

/// The name of the log, which is also the name of its key.
pub const ORIGIN: &str = "bespoke/log";

/// The signature type of Ed25519 in C2SP `signed-note`.
const ED25519: u8 = 1;

/// A parsed checkpoint. Its signature is not verified until [`Checkpoint::is_signed_by`] is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The size and the root.
    pub tree: Tree,
    statement: String,
    signature: Vec<u8>,
}

impl Checkpoint {
    /// Signs a statement about a tree. Returns the checkpoint's text.
    ///
    /// # Errors
    /// If the signer fails.
    pub async fn sign(tree: Tree, signer: &dyn Signer) -> Result<String, SignerError> {
        let statement = statement(tree);
        let key = signer.public_key().await?;
        let signature = signer.sign(statement.as_bytes()).await?;
        let signature = BASE64.encode([key_hash(&key).as_slice(), &signature].concat());
        Ok(format!("{statement}\n\u{2014} {ORIGIN} {signature}\n"))
    }

    /// Parses the text of a checkpoint. Returns `None` unless it is exactly the text that [`Checkpoint::sign`] writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (head, signature) = text.split_once("\n\n")?;
        let mut lines = head.split('\n').skip(1);
        let size = lines.next()?.parse().ok()?;
        let root = BASE64.decode(lines.next()?).ok()?.try_into().ok()?;
        let tree = Tree { size, root: Digest::from_bytes(root) };
        let statement = statement(tree);
        let line = signature.strip_prefix(&format!("\u{2014} {ORIGIN} "))?.strip_suffix('\n')?;
        let signature = BASE64.decode(line).ok()?;
        (statement == format!("{head}\n") && signature.len() == 68).then_some(Self { tree, statement, signature })
    }

    /// Returns whether a key signed the checkpoint.
    #[must_use]
    pub fn is_signed_by(&self, key: &PublicKey) -> bool {
        let (hash, signature) = self.signature.split_at(4);
        hash == key_hash(key) && key.verifies(self.statement.as_bytes(), signature)
    }
}

fn statement(Tree { size, root }: Tree) -> String {
    format!("{ORIGIN}\n{size}\n{}\n", BASE64.encode(root.as_bytes()))
}

/// Returns the bytes that identify a key in a signature: the first 4 bytes of SHA-256 of name, line break, 1 and the
/// key.
fn key_hash(key: &PublicKey) -> [u8; 4] {
    let digest = Digest::of(&[ORIGIN.as_bytes(), b"\n", &[ED25519], key.as_bytes()].concat());
    let [a, b, c, d, ..] = *digest.as_bytes();
    [a, b, c, d]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signer::SigningKey;

    #[tokio::test]
    async fn every_changed_byte_of_a_checkpoint_is_noticed() {
        let key = SigningKey::from_pem("", &SigningKey::generate("").unwrap()).unwrap();
        let public = key.public_key().await.unwrap();
        let tree = Tree { size: 7, root: Digest::of(b"root") };
        let text = Checkpoint::sign(tree, &key).await.unwrap();
        let holds = |text: &str| Checkpoint::parse(text).is_some_and(|read| read.is_signed_by(&public));
        assert!(holds(&text));
        assert_eq!(Checkpoint::parse(&text).unwrap().tree, tree);
        for at in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[at] ^= 1;
            assert!(!String::from_utf8(changed).is_ok_and(|text| holds(&text)), "byte {at} of {text}");
        }
        let other = SigningKey::from_pem("", &SigningKey::generate("").unwrap()).unwrap();
        assert!(!Checkpoint::parse(&text).unwrap().is_signed_by(&other.public_key().await.unwrap()));
    }
}
