//! Agile encryption of Office files (MS-OFFCRYPTO 2.3.4.10 to 2.3.4.15): AES with 128, 192 or 256 bits and SHA-1, -256,
//! -384 or -512. The package and the key that the password unlocks may use different algorithms.
//!
//! `office-crypto` supports only AES-256 with SHA-512, and checks neither the password nor the package's HMAC.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use cbc::cipher::block_padding::NoPadding;
use cbc::cipher::{BlockDecryptMut as _, KeyIvInit as _};
use hmac::{Hmac, KeyInit as _, Mac as _};
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use sha1::Sha1;
use sha2::{Sha256, Sha384, Sha512};
use zeroize::Zeroizing;

use crate::package::attribute;

/// The length of an encrypted segment in bytes.
const SEGMENT: usize = 4096;
/// The AES block length in bytes.
const BLOCK: usize = 16;
/// The maximum number of hashing rounds. Office uses 100,000. A crafted file could demand so many that hashing takes
/// hours.
const MAX_ROUNDS: u32 = 1_000_000;

/// The block keys from which keys and initialization vectors are derived (MS-OFFCRYPTO 2.3.4.11 to 2.3.4.14).
const VERIFIER_INPUT: [u8; 8] = [0xfe, 0xa7, 0xd2, 0x76, 0x3b, 0x4b, 0x9e, 0x79];
const VERIFIER_VALUE: [u8; 8] = [0xd7, 0xaa, 0x0f, 0x6d, 0x30, 0x61, 0x34, 0x4e];
const PACKAGE_KEY: [u8; 8] = [0x14, 0x6e, 0x0b, 0xe7, 0xab, 0xac, 0xd0, 0xd6];
const HMAC_KEY: [u8; 8] = [0x5f, 0xb2, 0xad, 0x01, 0x0c, 0xb9, 0xe1, 0xf6];
const HMAC_VALUE: [u8; 8] = [0xa0, 0x67, 0x7f, 0x02, 0xb2, 0x2c, 0x84, 0x33];

/// The reason why a package cannot be decrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AgileError {
    /// The password is wrong.
    WrongPassword,
    /// The description of the encryption is damaged, or demands more than `MAX_ROUNDS` hashing rounds.
    Malformed,
    /// The package differs from the one that was encrypted.
    Changed,
    /// The package has no HMAC.
    NoIntegrity,
    /// The package has no password. Only a certificate can decrypt it.
    CertificateOnly,
    /// The cipher, its mode, its key length or the hash is not supported.
    Unsupported,
}

#[derive(Clone, Copy, Debug)]
enum Hash {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    fn named(name: &str) -> Option<Self> {
        Some(match name.to_ascii_uppercase().replace(['-', '_', ' '], "").as_str() {
            "SHA1" => Self::Sha1,
            "SHA256" => Self::Sha256,
            "SHA384" => Self::Sha384,
            "SHA512" => Self::Sha512,
            _ => return None,
        })
    }

    fn digest(self, parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
        fn of<D: sha2::digest::Digest>(parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
            let mut digest = D::new();
            for part in parts {
                digest.update(part);
            }
            Zeroizing::new(digest.finalize().to_vec())
        }
        match self {
            Self::Sha1 => of::<Sha1>(parts),
            Self::Sha256 => of::<Sha256>(parts),
            Self::Sha384 => of::<Sha384>(parts),
            Self::Sha512 => of::<Sha512>(parts),
        }
    }

    /// Hashes the salted password `rounds` times.
    fn iterated(self, salt: &[u8], password: &[u8], rounds: u32) -> Zeroizing<Vec<u8>> {
        fn of<D: sha2::digest::Digest>(first: &[u8], rounds: u32) -> Zeroizing<Vec<u8>> {
            let mut hash = Zeroizing::new(first.to_vec());
            for round in 0..rounds {
                let digest = D::new().chain_update(round.to_le_bytes()).chain_update(hash.as_slice());
                hash.copy_from_slice(&digest.finalize());
            }
            hash
        }
        let first = self.digest(&[salt, password]);
        match self {
            Self::Sha1 => of::<Sha1>(&first, rounds),
            Self::Sha256 => of::<Sha256>(&first, rounds),
            Self::Sha384 => of::<Sha384>(&first, rounds),
            Self::Sha512 => of::<Sha512>(&first, rounds),
        }
    }

    fn authenticates(self, key: &[u8], message: &[u8], tag: &[u8]) -> bool {
        macro_rules! verify {
            ($hash:ty) => {
                Hmac::<$hash>::new_from_slice(key).is_ok_and(|mac| mac.chain_update(message).verify_slice(tag).is_ok())
            };
        }
        match self {
            Self::Sha1 => verify!(Sha1),
            Self::Sha256 => verify!(Sha256),
            Self::Sha384 => verify!(Sha384),
            Self::Sha512 => verify!(Sha512),
        }
    }
}

/// A cipher with its key length, hash and salt.
#[derive(Debug)]
struct Cipher {
    hash: Hash,
    hash_size: usize,
    key_bytes: usize,
    salt: Vec<u8>,
}

impl Cipher {
    fn of(element: &BytesStart<'_>) -> Result<Self, AgileError> {
        let text = |name| attribute(element, name).ok_or(AgileError::Malformed);
        let number = |name| text(name)?.trim().parse::<usize>().map_err(|_| AgileError::Malformed);
        let is_aes = text("cipherAlgorithm")?.eq_ignore_ascii_case("AES");
        let is_cbc = text("cipherChaining")?.eq_ignore_ascii_case("ChainingModeCBC");
        let hash = Hash::named(&text("hashAlgorithm")?).ok_or(AgileError::Unsupported)?;
        let key_bits = number("keyBits")?;
        if !is_aes || !is_cbc || ![128, 192, 256].contains(&key_bits) {
            return Err(AgileError::Unsupported);
        }
        let hash_size = hash.digest(&[]).len();
        Ok(Self { hash, hash_size, key_bytes: key_bits / 8, salt: binary(element, "saltValue")? })
    }

    /// Returns the initialization vector for a block key or a segment number.
    fn vector(&self, purpose: &[u8]) -> [u8; BLOCK] {
        fitted(&self.hash.digest(&[&self.salt, purpose]), BLOCK).as_slice().try_into().unwrap_or([0; BLOCK])
    }
}

/// The parameters of a package's agile encryption.
#[derive(Debug)]
pub struct AgileInfo {
    package: Cipher,
    password: Cipher,
    rounds: u32,
    verifier_input: Vec<u8>,
    verifier_value: Vec<u8>,
    package_key: Vec<u8>,
    /// The encrypted HMAC key and HMAC value.
    integrity: Option<(Vec<u8>, Vec<u8>)>,
}

/// The parameters of the key that the password unlocks, as described in XML.
struct PasswordKey {
    cipher: Cipher,
    rounds: u32,
    verifier_input: Vec<u8>,
    verifier_value: Vec<u8>,
    package_key: Vec<u8>,
}

impl AgileInfo {
    /// Parses the XML in the `EncryptionInfo` stream, which follows the version and the flags.
    pub fn parse(xml: &[u8]) -> Result<Self, AgileError> {
        let xml = crate::package::utf8(xml);
        let mut reader = Reader::from_reader(xml.as_ref());
        let mut package = None;
        let mut password: Option<PasswordKey> = None;
        let mut integrity = None;
        let mut encryptor = String::new();
        let mut has_certificate = false;
        loop {
            let event = match reader.read_event() {
                Ok(Event::Eof) => break,
                Ok(event) => event,
                // Some writers pad the stream after the root element.
                Err(_) if password.is_some() => break,
                Err(_) => return Err(AgileError::Malformed),
            };
            let (Event::Start(element) | Event::Empty(element)) = event else { continue };
            match element.local_name().as_ref() {
                "keyData" => package = Some(Cipher::of(&element)?),
                "dataIntegrity" => {
                    integrity = Some((binary(&element, "encryptedHmacKey")?, binary(&element, "encryptedHmacValue")?));
                }
                "keyEncryptor" => encryptor = attribute(&element, "uri").unwrap_or_default(),
                "encryptedKey" if encryptor.ends_with("/certificate") => has_certificate = true,
                "encryptedKey" if password.is_none() => {
                    let rounds = attribute(&element, "spinCount").and_then(|count| count.trim().parse().ok());
                    password = Some(PasswordKey {
                        cipher: Cipher::of(&element)?,
                        rounds: rounds.filter(|rounds| *rounds <= MAX_ROUNDS).ok_or(AgileError::Malformed)?,
                        verifier_input: binary(&element, "encryptedVerifierHashInput")?,
                        verifier_value: binary(&element, "encryptedVerifierHashValue")?,
                        package_key: binary(&element, "encryptedKeyValue")?,
                    });
                }
                _ => {}
            }
        }
        let Some(password) = password else {
            return Err(if has_certificate { AgileError::CertificateOnly } else { AgileError::Malformed });
        };
        Ok(Self {
            package: package.ok_or(AgileError::Malformed)?,
            password: password.cipher,
            rounds: password.rounds,
            verifier_input: password.verifier_input,
            verifier_value: password.verifier_value,
            package_key: password.package_key,
            integrity,
        })
    }

    /// Returns the package's key. Fails if the password is wrong.
    pub fn unlock(&self, password: &str) -> Result<Zeroizing<Vec<u8>>, AgileError> {
        let cipher = &self.password;
        let utf16 = Zeroizing::new(password.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>());
        let hash = cipher.hash.iterated(&cipher.salt, &utf16, self.rounds);
        let vector: [u8; BLOCK] = fitted(&cipher.salt, BLOCK).as_slice().try_into().unwrap_or([0; BLOCK]);
        let open = |purpose: &[u8], sealed: &[u8]| {
            let key = fitted(&cipher.hash.digest(&[&hash, purpose]), cipher.key_bytes);
            decrypt(&key, &vector, sealed)
        };
        let input = open(&VERIFIER_INPUT, &self.verifier_input)?;
        let value = open(&VERIFIER_VALUE, &self.verifier_value)?;
        let input = input.get(..cipher.salt.len().min(input.len())).unwrap_or_default();
        if value.get(..cipher.hash_size) != Some(cipher.hash.digest(&[input]).as_slice()) {
            return Err(AgileError::WrongPassword);
        }
        let key = open(&PACKAGE_KEY, &self.package_key)?;
        let key = key.get(..self.package.key_bytes).ok_or(AgileError::Malformed)?;
        Ok(Zeroizing::new(key.to_vec()))
    }

    /// Decrypts the `EncryptedPackage` stream, whose first eight bytes are the package's length. Fails if the stream
    /// has changed since it was encrypted, or has no HMAC that could show this.
    pub fn decrypt(&self, key: &[u8], stream: &[u8]) -> Result<Zeroizing<Vec<u8>>, AgileError> {
        let (length, sealed) = stream.split_first_chunk::<8>().ok_or(AgileError::Malformed)?;
        let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| AgileError::Malformed)?;
        let blocks = length.checked_next_multiple_of(BLOCK).ok_or(AgileError::Malformed)?;
        let sealed = sealed.get(..blocks).ok_or(AgileError::Changed)?;
        self.check_integrity(key, stream, 8 + blocks)?;
        let mut package = Zeroizing::new(sealed.to_vec());
        for (number, segment) in (0_u32..).zip(package.chunks_mut(SEGMENT)) {
            decrypt_in_place(key, &self.package.vector(&number.to_le_bytes()), segment)?;
        }
        package.truncate(length);
        Ok(package)
    }

    fn check_integrity(&self, key: &[u8], stream: &[u8], used: usize) -> Result<(), AgileError> {
        let (hmac_key, hmac_value) = self.integrity.as_ref().ok_or(AgileError::NoIntegrity)?;
        let cipher = &self.package;
        let hmac_key = decrypt(key, &cipher.vector(&HMAC_KEY), hmac_key)?;
        let hmac_value = decrypt(key, &cipher.vector(&HMAC_VALUE), hmac_value)?;
        let hmac_key = hmac_key.get(..cipher.hash_size).ok_or(AgileError::Malformed)?;
        let hmac_value = hmac_value.get(..cipher.hash_size).ok_or(AgileError::Malformed)?;
        // Some writers pad the stream after computing the HMAC.
        let segments = 8 + (used - 8).next_multiple_of(SEGMENT);
        let mut lengths = vec![stream.len(), used, segments];
        lengths.dedup();
        let is_intact = |length: usize| {
            stream.get(..length).is_some_and(|signed| cipher.hash.authenticates(hmac_key, signed, hmac_value))
        };
        if lengths.into_iter().any(is_intact) { Ok(()) } else { Err(AgileError::Changed) }
    }
}

fn binary(element: &BytesStart<'_>, name: &str) -> Result<Vec<u8>, AgileError> {
    let text: String = attribute(element, name).ok_or(AgileError::Malformed)?.split_whitespace().collect();
    BASE64.decode(text).map_err(|_| AgileError::Malformed)
}

/// Returns the bytes truncated to a length, or padded to it as MS-OFFCRYPTO 2.3.4.11 describes.
fn fitted(bytes: &[u8], length: usize) -> Zeroizing<Vec<u8>> {
    let mut fitted = Zeroizing::new(bytes.to_vec());
    fitted.resize(length, 0x36);
    fitted
}

fn decrypt(key: &[u8], vector: &[u8; BLOCK], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, AgileError> {
    let mut open = Zeroizing::new(sealed.to_vec());
    decrypt_in_place(key, vector, &mut open)?;
    Ok(open)
}

fn decrypt_in_place(key: &[u8], vector: &[u8; BLOCK], bytes: &mut [u8]) -> Result<(), AgileError> {
    macro_rules! open {
        ($cipher:ty) => {
            cbc::Decryptor::<$cipher>::new_from_slices(key, vector)
                .map_err(|_| AgileError::Malformed)?
                .decrypt_padded_mut::<NoPadding>(bytes)
                .map_err(|_| AgileError::Malformed)?
        };
    }
    match key.len() {
        16 => open!(aes::Aes128),
        24 => open!(aes::Aes192),
        32 => open!(aes::Aes256),
        _ => return Err(AgileError::Malformed),
    };
    Ok(())
}

#[cfg(test)]
mod tests {
    use cbc::cipher::BlockEncryptMut as _;

    use super::*;

    const PASSWORD: &str = "pässwörd";

    fn encrypt(key: &[u8], vector: &[u8; BLOCK], plain: &[u8]) -> Vec<u8> {
        let mut padded = plain.to_vec();
        padded.resize(plain.len().next_multiple_of(BLOCK), 0);
        let length = padded.len();
        macro_rules! seal {
            ($cipher:ty) => {
                cbc::Encryptor::<$cipher>::new_from_slices(key, vector)
                    .unwrap()
                    .encrypt_padded_mut::<NoPadding>(&mut padded, length)
                    .unwrap()
            };
        }
        match key.len() {
            16 => seal!(aes::Aes128),
            24 => seal!(aes::Aes192),
            _ => seal!(aes::Aes256),
        }
        .to_vec()
    }

    fn tag(hash: Hash, key: &[u8], message: &[u8]) -> Vec<u8> {
        macro_rules! tag {
            ($hash:ty) => {
                Hmac::<$hash>::new_from_slice(key).unwrap().chain_update(message).finalize().into_bytes().to_vec()
            };
        }
        match hash {
            Hash::Sha1 => tag!(Sha1),
            Hash::Sha256 => tag!(Sha256),
            Hash::Sha384 => tag!(Sha384),
            Hash::Sha512 => tag!(Sha512),
        }
    }

    fn cipher(bits: usize, hash: &str) -> Cipher {
        let hash = Hash::named(hash).unwrap();
        Cipher { hash, hash_size: hash.digest(&[]).len(), key_bytes: bits / 8, salt: vec![7; 16] }
    }

    /// Returns the XML description and the encrypted stream of a package.
    fn sealed(package: (usize, &str), password: (usize, &str), prefix: &str, content: &[u8]) -> (String, Vec<u8>) {
        let outer = cipher(package.0, package.1);
        let inner = cipher(password.0, password.1);
        let key: Vec<u8> = (0..outer.key_bytes).map(|byte| u8::try_from(byte).unwrap()).collect();
        let utf16: Vec<u8> = PASSWORD.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let hash = inner.hash.iterated(&inner.salt, &utf16, 10);
        let seal = |purpose: &[u8], plain: &[u8]| {
            let key = fitted(&inner.hash.digest(&[&hash, purpose]), inner.key_bytes);
            BASE64.encode(encrypt(&key, &[7; 16], plain))
        };
        let mut stream = (content.len() as u64).to_le_bytes().to_vec();
        for (number, segment) in (0_u32..).zip(content.chunks(SEGMENT)) {
            stream.extend(encrypt(&key, &outer.vector(&number.to_le_bytes()), segment));
        }
        let hmac_key = vec![9; outer.hash_size];
        let hmac = tag(outer.hash, &hmac_key, &stream);
        let attributes = |bits: usize, hash: &str| {
            format!(
                r#"saltSize="16" blockSize="16" keyBits="{bits}" cipherAlgorithm="AES" cipherChaining="ChainingModeCBC"
                hashAlgorithm="{hash}" saltValue="{}""#,
                BASE64.encode([7; 16])
            )
        };
        let xml = format!(
            r#"<{prefix}encryption><{prefix}keyData {}/><{prefix}dataIntegrity encryptedHmacKey="{}" encryptedHmacValue="{}"/>
            <{prefix}keyEncryptors><{prefix}keyEncryptor uri="http://schemas.microsoft.com/office/2006/keyEncryptor/password">
            <{prefix}encryptedKey spinCount="10" {} encryptedVerifierHashInput="{}" encryptedVerifierHashValue="{}"
            encryptedKeyValue="{}"/></{prefix}keyEncryptor></{prefix}keyEncryptors></{prefix}encryption>"#,
            attributes(package.0, package.1),
            BASE64.encode(encrypt(&key, &outer.vector(&HMAC_KEY), &hmac_key)),
            BASE64.encode(encrypt(&key, &outer.vector(&HMAC_VALUE), &hmac)),
            attributes(password.0, password.1),
            seal(&VERIFIER_INPUT, &[5; 16]),
            seal(&VERIFIER_VALUE, &inner.hash.digest(&[&[5; 16]])),
            seal(&PACKAGE_KEY, &key),
        );
        (xml, stream)
    }

    #[test]
    fn every_cipher_and_hash_is_decrypted() {
        let content: Vec<u8> = (0..10_001_u32).map(|at| at.to_le_bytes()[0]).collect();
        let kinds = [128, 192, 256]
            .into_iter()
            .flat_map(|bits| ["SHA1", "SHA256", "SHA384", "SHA-512"].into_iter().map(move |hash| (bits, hash)));
        for kind in kinds {
            for other in [kind, (256, "SHA512"), (128, "SHA1")] {
                let (xml, stream) = sealed(kind, other, "", &content);
                let info = AgileInfo::parse(xml.as_bytes()).unwrap();
                let key = info.unlock(PASSWORD).unwrap();
                assert_eq!(info.decrypt(&key, &stream).unwrap().as_slice(), content, "{kind:?} {other:?}");
                assert_eq!(info.unlock("another").unwrap_err(), AgileError::WrongPassword);
            }
        }
    }

    #[test]
    fn changed_stream_is_detected() {
        let (xml, stream) = sealed((128, "SHA1"), (256, "SHA512"), "e:", &[3; 5000]);
        let info = AgileInfo::parse(xml.as_bytes()).unwrap();
        let key = info.unlock(PASSWORD).unwrap();
        let padded = [stream.as_slice(), &[0; 600]].concat();
        assert_eq!(info.decrypt(&key, &padded).unwrap().len(), 5000);
        for at in [0, 8, 2000, stream.len() - 1] {
            let mut changed = stream.clone();
            changed[at] ^= 1;
            assert_eq!(info.decrypt(&key, &changed).unwrap_err(), AgileError::Changed, "{at}");
        }
        assert_eq!(info.decrypt(&key, &stream[..1000]).unwrap_err(), AgileError::Changed);
        let stripped = xml.replace("e:dataIntegrity", "e:other");
        let info = AgileInfo::parse(stripped.as_bytes()).unwrap();
        assert_eq!(info.decrypt(&key, &stream).unwrap_err(), AgileError::NoIntegrity);
    }

    #[test]
    fn unsupported_encryption_is_named() {
        let (xml, _) = sealed((256, "SHA512"), (256, "SHA512"), "", b"");
        for (from, to, error) in [
            ("keyEncryptor/password", "keyEncryptor/certificate", AgileError::CertificateOnly),
            ("\"AES\"", "\"DES\"", AgileError::Unsupported),
            ("ChainingModeCBC", "ChainingModeCFB", AgileError::Unsupported),
            ("\"SHA512\"", "\"WHIRLPOOL\"", AgileError::Unsupported),
            ("spinCount=\"10\"", "spinCount=\"1000000000\"", AgileError::Malformed),
            ("keyData", "other", AgileError::Malformed),
        ] {
            assert_eq!(AgileInfo::parse(xml.replace(from, to).as_bytes()).unwrap_err(), error, "{to}");
        }
    }
}
