//! Encryption of a backup's files: Argon2id makes a key of the passphrase, XChaCha20-Poly1305 seals chunk after chunk.
//!
//! The construction is STREAM: the nonce holds a counter and whether the chunk is the last one, so that a chunk that is
//! changed, moved, left out or cut off is noticed. The header and the file's name are part of what every chunk proves.

use std::io::{Error as IoError, ErrorKind, Read, Result as IoResult, Write};

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use hallmark_core::{Error, Result, Secret, codes as core_codes};
use sha2::{Digest as _, Sha256};

use super::{codes, limits};

const MAGIC: &[u8; 16] = b"hallmark-seal-1\n";
const SALT: usize = 16;
const PREFIX: usize = 19;
const HEADER: usize = MAGIC.len() + 4 + 4 + SALT + PREFIX;
const TAG: usize = 16;

/// What a reader of a sealed file is told when a chunk does not open.
const DOES_NOT_OPEN: &str = "the passphrase is wrong, or the file was changed";

/// A key and how it was made.
#[derive(Clone)]
pub(super) struct Key {
    cipher: XChaCha20Poly1305,
    salt: [u8; SALT],
    memory_kib: u32,
    passes: u32,
}

impl Key {
    /// A key with a fresh salt.
    pub(super) fn new(passphrase: &Secret) -> Result<Self> {
        let mut salt = [0_u8; SALT];
        salt.copy_from_slice(&random()?[..SALT]);
        Self::derive(passphrase, salt, limits::KEY_MEMORY_KIB, limits::KEY_PASSES)
    }

    fn derive(passphrase: &Secret, salt: [u8; SALT], memory_kib: u32, passes: u32) -> Result<Self> {
        let failed = |e: argon2::Error| {
            Error::new(&core_codes::INTERNAL, "no key could be made of the passphrase")
                .because_text(e.to_string())
        };
        let params = Params::new(memory_kib, passes, 1, Some(32)).map_err(failed)?;
        let mut key = [0_u8; 32];
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(passphrase.expose().as_bytes(), &salt, &mut key)
            .map_err(failed)?;
        Ok(Self { cipher: XChaCha20Poly1305::new(&key.into()), salt, memory_kib, passes })
    }
}

/// Thirty-two random bytes.
fn random() -> Result<[u8; 32]> {
    Ok(Sha256::digest(hallmark_core::random::token(64)?.as_bytes()).into())
}

/// What every chunk of one file proves besides its own bytes, and its nonces.
struct Stream {
    cipher: XChaCha20Poly1305,
    proves: Vec<u8>,
    prefix: [u8; PREFIX],
    counter: u32,
}

impl Stream {
    fn new(cipher: &XChaCha20Poly1305, header: &[u8; HEADER], name: &str) -> Self {
        let mut prefix = [0_u8; PREFIX];
        prefix.copy_from_slice(&header[HEADER - PREFIX..]);
        Self { cipher: cipher.clone(), proves: [header, name.as_bytes()].concat(), prefix, counter: 0 }
    }

    fn nonce(&mut self, last: bool) -> IoResult<XNonce> {
        let mut nonce = [0_u8; 24];
        nonce[..PREFIX].copy_from_slice(&self.prefix);
        nonce[PREFIX..PREFIX + 4].copy_from_slice(&self.counter.to_be_bytes());
        nonce[23] = u8::from(last);
        self.counter = self.counter.checked_add(1).ok_or(ErrorKind::FileTooLarge)?;
        Ok(nonce.into())
    }

    fn seal(&mut self, plain: &[u8], last: bool) -> IoResult<Vec<u8>> {
        let nonce = self.nonce(last)?;
        let payload = Payload { msg: plain, aad: &self.proves };
        self.cipher.encrypt(&nonce, payload).map_err(|_| IoError::other("a chunk could not be encrypted"))
    }

    fn open(&mut self, sealed: &[u8], last: bool) -> IoResult<Vec<u8>> {
        let nonce = self.nonce(last)?;
        let payload = Payload { msg: sealed, aad: &self.proves };
        self.cipher.decrypt(&nonce, payload).map_err(|_| IoError::new(ErrorKind::InvalidData, DOES_NOT_OPEN))
    }
}

/// Encrypts what is written to it. [`Sealer::finish`] writes the last chunk; without it the file does not open.
pub(super) struct Sealer<W: Write> {
    out: W,
    stream: Stream,
    pending: Vec<u8>,
}

impl<W: Write> Sealer<W> {
    /// Writes the header. `name` is what the file is for; it must be named again to open it.
    pub(super) fn new(mut out: W, key: &Key, name: &str) -> Result<Self> {
        let mut header = [0_u8; HEADER];
        let parts: [&[u8]; 5] = [
            MAGIC,
            &key.memory_kib.to_be_bytes(),
            &key.passes.to_be_bytes(),
            &key.salt,
            &random()?[..PREFIX],
        ];
        header.copy_from_slice(&parts.concat());
        out.write_all(&header).map_err(|e| super::fault("a backup's file", &e))?;
        Ok(Self {
            out,
            stream: Stream::new(&key.cipher, &header, name),
            pending: Vec::with_capacity(2 * limits::SEAL_CHUNK),
        })
    }

    /// Writes the last chunk and gives back what is below.
    pub(super) fn finish(mut self) -> IoResult<W> {
        let sealed = self.stream.seal(&self.pending, true)?;
        self.out.write_all(&sealed)?;
        Ok(self.out)
    }
}

impl<W: Write> Write for Sealer<W> {
    fn write(&mut self, bytes: &[u8]) -> IoResult<usize> {
        self.pending.extend_from_slice(bytes);
        // The last chunk is known as such only at the end, so that a full one waits until more follows.
        while self.pending.len() > limits::SEAL_CHUNK {
            let sealed = self.stream.seal(&self.pending[..limits::SEAL_CHUNK], false)?;
            self.out.write_all(&sealed)?;
            self.pending.drain(..limits::SEAL_CHUNK);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> IoResult<()> {
        self.out.flush()
    }
}

/// Decrypts what it reads from.
pub(super) struct Opener<R: Read> {
    input: R,
    stream: Stream,
    sealed: Vec<u8>,
    plain: Vec<u8>,
    at: usize,
    ended: bool,
}

impl<R: Read> Opener<R> {
    /// Reads the header and makes the key anew from the passphrase.
    ///
    /// # Errors
    /// `HM-S103` if that is no sealed file, or its header asks for more than it may.
    pub(super) fn new(mut input: R, passphrase: &Secret, name: &str) -> Result<Self> {
        let broken = |why: &str| {
            Error::new(&codes::DAMAGED, format!("{name} of the backup is no sealed file: {why}"))
                .next("take another backup: hallmark backup --list")
        };
        let mut header = [0_u8; HEADER];
        input.read_exact(&mut header).map_err(|e| broken(&e.to_string()))?;
        let number =
            |at: usize| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        let (memory_kib, passes) = (number(16), number(20));
        if &header[..16] != MAGIC {
            return Err(broken("its first bytes are others"));
        }
        if memory_kib > limits::KEY_MEMORY_KIB_MAX || passes > limits::KEY_PASSES_MAX {
            return Err(broken("its key would take more memory or time than it may"));
        }
        let mut salt = [0_u8; SALT];
        salt.copy_from_slice(&header[24..24 + SALT]);
        let key = Key::derive(passphrase, salt, memory_kib, passes)?;
        let stream = Stream::new(&key.cipher, &header, name);
        Ok(Self { input, stream, sealed: Vec::new(), plain: Vec::new(), at: 0, ended: false })
    }

    fn next_chunk(&mut self) -> IoResult<()> {
        const CHUNK: usize = limits::SEAL_CHUNK + TAG;
        // One byte more than a chunk tells whether another follows.
        let wanted = u64::try_from(CHUNK + 1 - self.sealed.len()).unwrap_or(0);
        self.input.by_ref().take(wanted).read_to_end(&mut self.sealed)?;
        let last = self.sealed.len() <= CHUNK;
        let rest = if last { Vec::new() } else { self.sealed.split_off(CHUNK) };
        self.plain = self.stream.open(&self.sealed, last)?;
        (self.sealed, self.at, self.ended) = (rest, 0, last);
        Ok(())
    }
}

impl<R: Read> Read for Opener<R> {
    fn read(&mut self, buffer: &mut [u8]) -> IoResult<usize> {
        while self.at == self.plain.len() && !self.ended {
            self.next_chunk()?;
        }
        let count = buffer.len().min(self.plain.len() - self.at);
        buffer[..count].copy_from_slice(&self.plain[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(plain: &[u8]) -> Vec<u8> {
        let salt = [7; SALT];
        let key = Key::derive(&Secret::new("right"), salt, 64, 1).unwrap();
        let mut sealer = Sealer::new(Vec::new(), &key, "redis").unwrap();
        for part in plain.chunks(10_000) {
            sealer.write_all(part).unwrap();
        }
        sealer.finish().unwrap()
    }

    fn opened(bytes: &[u8], passphrase: &str, name: &str) -> IoResult<Vec<u8>> {
        let mut plain = Vec::new();
        let mut opener = Opener::new(bytes, &Secret::new(passphrase), name).unwrap();
        opener.read_to_end(&mut plain)?;
        Ok(plain)
    }

    #[test]
    fn what_was_sealed_opens_whatever_its_length() {
        for length in [0, 1, limits::SEAL_CHUNK - 1, limits::SEAL_CHUNK, limits::SEAL_CHUNK + 1, 300_000] {
            let plain: Vec<u8> = (0..length).map(|n| u8::try_from(n % 251).unwrap()).collect();
            assert_eq!(opened(&sealed(&plain), "right", "redis").unwrap(), plain, "{length}");
        }
    }

    #[test]
    fn whatever_is_changed_is_noticed() {
        let plain = vec![1_u8; 3 * limits::SEAL_CHUNK];
        let bytes = sealed(&plain);
        assert!(opened(&bytes, "wrong", "redis").is_err());
        assert!(opened(&bytes, "right", "postgres").is_err(), "another name");
        for place in [30, HEADER + 5, bytes.len() / 2, bytes.len() - 1] {
            let mut changed = bytes.clone();
            changed[place] ^= 1;
            assert!(opened(&changed, "right", "redis").is_err(), "a changed byte at {place}");
        }
        let chunk = limits::SEAL_CHUNK + TAG;
        for length in [HEADER, HEADER + chunk, HEADER + 2 * chunk, bytes.len() - 1] {
            assert!(opened(&bytes[..length], "right", "redis").is_err(), "cut off at {length}");
        }
        let mut swapped = bytes.clone();
        swapped[HEADER..HEADER + 2 * chunk].rotate_left(chunk);
        assert!(opened(&swapped, "right", "redis").is_err(), "two chunks changed places");
        assert!(opened(&[&bytes[..], b"more"].concat(), "right", "redis").is_err());
    }

    #[test]
    fn a_header_cannot_ask_for_the_whole_machine() {
        let mut bytes = sealed(b"x");
        bytes[16..20].copy_from_slice(&u32::MAX.to_be_bytes());
        assert!(Opener::new(&bytes[..], &Secret::new("right"), "redis").err().unwrap().is(&codes::DAMAGED));
    }
}
