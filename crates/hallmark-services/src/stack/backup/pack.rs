//! A service's folder as one file: tar, compressed by gzip, encrypted if asked; its digest is taken on the way.

use std::fs::File;
use std::io::{BufReader, ErrorKind, Read, Result as IoResult, Write};
use std::path::Path;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use hallmark_core::{Error, Result, Secret, digest, platform};
use sha2::{Digest as _, Sha256};

use super::manifest::PackedFile;
use super::seal::{Key, Opener, Sealer};
use super::{codes, fault};

/// Counts and digests what goes through.
struct Digesting {
    file: File,
    digest: Sha256,
    bytes: u64,
}

impl Write for Digesting {
    fn write(&mut self, bytes: &[u8]) -> IoResult<usize> {
        let count = self.file.write(bytes)?;
        self.digest.update(&bytes[..count]);
        self.bytes += u64::try_from(count).unwrap_or(u64::MAX);
        Ok(count)
    }

    fn flush(&mut self) -> IoResult<()> {
        self.file.flush()
    }
}

/// Packs the folder into a new file `to` (mode 0600), synced to the disk.
pub(super) fn pack(folder: &Path, to: &Path, name: &str, key: Option<&Key>) -> Result<PackedFile> {
    let failed = |e: std::io::Error| fault(&to.display().to_string(), &e);
    let file = platform::private(File::options().write(true).create_new(true)).open(to).map_err(failed)?;
    let below = Digesting { file, digest: Sha256::new(), bytes: 0 };
    let done = match key {
        Some(key) => {
            let sealer = Sealer::new(below, key, name)?;
            write(folder, sealer).and_then(Sealer::finish)
        }
        None => write(folder, below),
    };
    let done = done.map_err(failed)?;
    done.file.sync_all().map_err(failed)?;
    let file = to.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(PackedFile { file, bytes: done.bytes, sha256: digest::to_hex(&done.digest.finalize()) })
}

fn write<W: Write>(folder: &Path, out: W) -> IoResult<W> {
    let mut archive = tar::Builder::new(GzEncoder::new(out, Compression::fast()));
    archive.follow_symlinks(false);
    archive.append_dir_all(".", folder)?;
    archive.into_inner()?.finish()
}

/// Compares the file with what the manifest says of it, before anything is done with its contents.
pub(super) fn check(folder: &Path, packed: &PackedFile) -> Result<()> {
    let path = folder.join(&packed.file);
    let damaged = |why: String| {
        Error::new(&codes::DAMAGED, format!("{} is not as it was written: {why}", path.display()))
            .next("take another backup: hallmark backup --list")
    };
    let mut file = File::open(&path).map_err(|e| damaged(e.to_string()))?;
    let bytes = file.metadata().map_err(|e| damaged(e.to_string()))?.len();
    if bytes != packed.bytes {
        return Err(damaged(format!("it has {bytes} bytes instead of {}", packed.bytes)));
    }
    let (mut digest, mut buffer) = (Sha256::new(), vec![0_u8; 256 * 1024]);
    loop {
        let count = file.read(&mut buffer).map_err(|e| damaged(e.to_string()))?;
        if count == 0 {
            break;
        }
        digest.update(&buffer[..count]);
    }
    if digest::to_hex(&digest.finalize()) != packed.sha256 {
        return Err(damaged("its digest is another".to_owned()));
    }
    Ok(())
}

/// Unpacks the file into the folder, which must exist.
pub(super) fn unpack(file: &Path, name: &str, passphrase: Option<&Secret>, to: &Path) -> Result<()> {
    let input = File::open(file).map_err(|e| damaged(file, &e))?;
    let input = BufReader::new(input);
    match passphrase {
        Some(passphrase) => extract(Opener::new(input, passphrase, name)?, to),
        None => extract(input, to),
    }
    .map_err(|e| {
        let full =
            matches!(e.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge);
        if full {
            fault(&to.display().to_string(), &e)
        } else if passphrase.is_some() {
            Error::new(&codes::PASSPHRASE, format!("{} does not open", file.display()))
                .because(&e)
                .next("give the passphrase that the backup was made with")
        } else {
            damaged(file, &e)
        }
    })
}

fn damaged(file: &Path, error: &std::io::Error) -> Error {
    Error::new(&codes::DAMAGED, format!("{} cannot be unpacked", file.display()))
        .because(error)
        .next("take another backup: hallmark backup --list")
}

fn extract(input: impl Read, to: &Path) -> IoResult<()> {
    let mut archive = tar::Archive::new(GzDecoder::new(input));
    archive.set_preserve_mtime(false);
    for entry in archive.entries()? {
        let mut entry = entry?;
        // Nothing else is ever packed; a link could lead out of the folder.
        let kind = entry.header().entry_type();
        if !kind.is_file() && !kind.is_dir() {
            return Err(std::io::Error::new(ErrorKind::InvalidData, "it holds something that is no file"));
        }
        if !entry.unpack_in(to)? {
            return Err(std::io::Error::new(ErrorKind::InvalidData, "it names a file outside of its folder"));
        }
    }
    // An archive ends before its file does: what is left holds the checksum, and the seal of the last part.
    let mut rest = archive.into_inner();
    std::io::copy(&mut rest, &mut std::io::sink())?;
    std::io::copy(&mut rest.into_inner(), &mut std::io::sink())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_comes_back_as_it_was_and_damage_is_noticed() {
        let root = std::env::temp_dir().join(format!("hallmark-pack-{}", uuid::Uuid::new_v4().simple()));
        let (from, to) = (root.join("from"), root.join("to"));
        std::fs::create_dir_all(from.join("deep/er")).unwrap();
        std::fs::create_dir_all(&to).unwrap();
        let write = |path: &Path, bytes: &[u8]| {
            hallmark_core::fs::write_atomic(path, bytes, hallmark_core::fs::Mode::Default).unwrap();
        };
        write(&from.join("deep/er/a"), &vec![5; 200_000]);
        write(&from.join("empty"), b"");
        let key = Key::new(&Secret::new("p")).unwrap();
        for (number, key) in [None, Some(&key)].into_iter().enumerate() {
            let file = root.join(format!("x{number}"));
            let packed = pack(&from, &file, "x", key).unwrap();
            check(&root, &packed).unwrap();
            let (passphrase, out) = (Secret::new("p"), to.join(number.to_string()));
            std::fs::create_dir_all(&out).unwrap();
            unpack(&file, "x", key.map(|_| &passphrase), &out).unwrap();
            assert_eq!(std::fs::read(out.join("deep/er/a")).unwrap(), vec![5; 200_000]);
            assert!(out.join("empty").is_file());
            let mut bytes = std::fs::read(&file).unwrap();
            bytes.truncate(bytes.len() - 3);
            write(&file, &bytes);
            assert!(check(&root, &packed).unwrap_err().is(&codes::DAMAGED));
            let error = unpack(&file, "x", key.map(|_| &passphrase), &out).unwrap_err();
            assert!(error.is(&codes::DAMAGED) || error.is(&codes::PASSPHRASE), "{error:?}");
        }
        let wrong = unpack(&root.join("x1"), "x", Some(&Secret::new("q")), &to).unwrap_err();
        assert!(wrong.is(&codes::PASSPHRASE), "{wrong:?}");
        std::fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn a_hostile_archive_stays_in_its_folder() {
        let root = std::env::temp_dir().join(format!("hallmark-pack-{}", uuid::Uuid::new_v4().simple()));
        std::fs::create_dir_all(root.join("in")).unwrap();
        let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        let mut header = tar::Header::new_gnu();
        header.set_size(1);
        header.set_mode(0o644);
        header.as_old_mut().name[..6].copy_from_slice(b"../bad");
        header.set_cksum();
        archive.append(&header, &b"x"[..]).unwrap();
        let bytes = archive.into_inner().unwrap().finish().unwrap();
        let file = root.join("hostile");
        hallmark_core::fs::write_atomic(&file, &bytes, hallmark_core::fs::Mode::Default).unwrap();
        assert!(unpack(&file, "x", None, &root.join("in")).unwrap_err().is(&codes::DAMAGED));
        assert!(!root.join("bad").exists());
        std::fs::remove_dir_all(root).unwrap();
    }
}
