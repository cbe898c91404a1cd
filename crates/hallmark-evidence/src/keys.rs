//! The project's signing key and detached Ed25519 signatures over canonical JSON.

use std::fmt;
use std::path::{Path, PathBuf};

use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use hallmark_core::{Error, Result, canonical, digest, fs, platform};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::codes;

/// The name of the only algorithm.
pub const ALGORITHM: &str = "Ed25519";

/// The folder of the keys inside the state folder.
const FOLDER: &str = "keys";

/// A signature that travels beside what it covers, with the public key that checks it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// Always `Ed25519`.
    pub algorithm: String,
    /// The public key, 64 hexadecimal digits.
    pub public_key: String,
    /// The first 16 hexadecimal digits of the public key's SHA-256: what a person compares.
    pub key_id: String,
    /// The signature, 128 hexadecimal digits.
    pub value: String,
}

impl Signature {
    /// Checks this signature over the canonical form of the value, offline.
    ///
    /// It says that whoever holds the private key signed exactly this; whose key it is, the reader must know.
    ///
    /// # Errors
    /// `HM-E010` if the value, the key or the signature was changed, or is of another algorithm.
    pub fn verify(&self, value: &Value) -> Result<()> {
        let invalid = |why: &str| {
            Error::new(
                &codes::SIGNATURE_INVALID,
                format!("the signature of key {} does not match: {why}", self.key_id),
            )
            .next("take the document from its source again; what was changed must not be trusted")
        };
        if self.algorithm != ALGORITHM {
            return Err(invalid("unknown algorithm"));
        }
        let key: [u8; 32] = decode(&self.public_key).ok_or_else(|| invalid("the public key is malformed"))?;
        if self.key_id != key_id(&key) {
            return Err(invalid("the key's name is not that of the key"));
        }
        let bytes: [u8; 64] = decode(&self.value).ok_or_else(|| invalid("the signature is malformed"))?;
        let key =
            VerifyingKey::from_bytes(&key).map_err(|_| invalid("the public key is no point of the curve"))?;
        key.verify_strict(
            canonical::to_string(value).as_bytes(),
            &ed25519_dalek::Signature::from_bytes(&bytes),
        )
        .map_err(|_| invalid("the content is not what was signed"))
    }
}

/// A project's signing key, made once and kept with mode 0600 in its state folder.
pub struct Keys {
    signing: SigningKey,
    path: PathBuf,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys")
            .field("key_id", &self.key_id())
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl Keys {
    /// The key under this state folder (`.hallmark`), made if there is none; of two processes that come at once, one makes it.
    ///
    /// # Errors
    /// `HM-E012` if others may read it, `HM-E011` if it is damaged or cannot be made.
    pub fn open(state: &Path) -> Result<Self> {
        let folder = state.join(FOLDER);
        let path = folder.join("signing.key");
        make_folder(&folder)?;
        let lock = std::fs::File::create(folder.join(".lock")).map_err(|e| unusable(&path).because(&e))?;
        lock.lock().map_err(|e| unusable(&path).because(&e))?;
        if !path.exists() {
            let mut seed = [0_u8; 32];
            getrandom::fill(&mut seed).map_err(|e| unusable(&path).because_text(e.to_string()))?;
            fs::write_atomic(&path, format!("{}\n", digest::to_hex(&seed)).as_bytes(), fs::Mode::Private)?;
            let public = SigningKey::from_bytes(&seed).verifying_key();
            let text = format!("{}\n", digest::to_hex(public.as_bytes()));
            fs::write_atomic(&folder.join("signing.pub"), text.as_bytes(), fs::Mode::Default)?;
        }
        refuse_exposed(&path)?;
        let text = std::fs::read_to_string(&path).map_err(|e| unusable(&path).because(&e))?;
        let seed: [u8; 32] = decode(text.trim())
            .ok_or_else(|| unusable(&path).because_text("it does not hold 64 hexadecimal digits"))?;
        Ok(Self { signing: SigningKey::from_bytes(&seed), path })
    }

    /// The public key, 64 hexadecimal digits.
    #[must_use]
    pub fn public_key(&self) -> String {
        digest::to_hex(self.signing.verifying_key().as_bytes())
    }

    /// The name of the key, 16 hexadecimal digits.
    #[must_use]
    pub fn key_id(&self) -> String {
        key_id(self.signing.verifying_key().as_bytes())
    }

    /// Signs the canonical form of the value.
    #[must_use]
    pub fn sign(&self, value: &Value) -> Signature {
        let signature = self.signing.sign(canonical::to_string(value).as_bytes());
        Signature {
            algorithm: ALGORITHM.to_owned(),
            public_key: self.public_key(),
            key_id: self.key_id(),
            value: digest::to_hex(&signature.to_bytes()),
        }
    }
}

fn key_id(public: &[u8]) -> String {
    digest::sha256(public)[..16].to_owned()
}

fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    digest::from_hex(text)?.try_into().ok()
}

fn unusable(path: &Path) -> Error {
    Error::new(&codes::KEY_UNREADABLE, format!("the signing key {} cannot be used", path.display()))
}

fn make_folder(folder: &Path) -> Result<()> {
    platform::make_private_folder(folder, true).map_err(|e| unusable(folder).because(&e))
}

/// Where the system has no modes, the folder's access list has to do.
fn refuse_exposed(path: &Path) -> Result<()> {
    let facts = std::fs::metadata(path).map_err(|e| unusable(path).because(&e))?;
    let Some(mode) = platform::mode(&facts).map(|mode| mode & 0o777).filter(|mode| mode & 0o077 != 0) else {
        return Ok(());
    };
    Err(Error::new(&codes::KEY_EXPOSED, format!("{} has mode {mode:o}", path.display()))
        .next(format!("chmod 600 {}", path.display())))
}
