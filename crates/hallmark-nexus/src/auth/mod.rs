//! Authentication: the project's bearer token, further tokens for other principals, and the page's one-time URLs and cookies.
//!
//! The token file is the authority. It is looked at on every call: a new token in it is valid at once, the old one is not, and
//! without the file nobody gets in. In memory there are digests only, compared in constant time.

mod page;
pub mod source;

use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};
use std::time::SystemTime;

use hallmark_core::fs::Mode;
use hallmark_core::{Error, Result, Secret, digest, platform, random};

use crate::caller::OWNER;
use crate::{Access, Caller, Channel, codes};
use page::Pages;

/// Decides who a request comes from.
pub struct Auth {
    file: PathBuf,
    seen: RwLock<Seen>,
    others: Vec<Principal>,
    pages: Pages,
}

/// What the token file held when it was last read, and the marks by which a change is noticed.
#[derive(Default)]
struct Seen {
    mark: Option<(SystemTime, u64, Option<u64>)>,
    digest: Option<Secret>,
}

struct Principal {
    name: String,
    access: Access,
    digest: Secret,
}

impl Auth {
    /// Opens the token file, or makes one with a fresh token and mode 0600.
    ///
    /// # Errors
    /// `HM-N016` if other users can read the file, `HM-N017` if it holds no token, `HM-C010` to `HM-C012`, `HM-C099`.
    pub fn open(file: impl Into<PathBuf>) -> Result<Self> {
        let file = file.into();
        if !file.exists() {
            write_token(&file)?;
        }
        read_token(&file)?;
        Ok(Self { file, seen: RwLock::default(), others: Vec::new(), pages: Pages::default() })
    }

    /// Also lets in whoever has this token, as this principal.
    #[must_use]
    pub fn with_principal(mut self, name: impl Into<String>, token: &Secret, access: Access) -> Self {
        self.others.push(Principal { name: name.into(), access, digest: digest_of(token.expose()) });
        self
    }

    /// Replaces the token: the old one is refused from now on, in every process that serves this project.
    ///
    /// # Errors
    /// `HM-C010`, `HM-C011`, `HM-C099`.
    pub fn rotate(&self) -> Result<Secret> {
        self.pages.sign_out();
        write_token(&self.file)
    }

    /// Where the token is.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The caller behind an `Authorization` header.
    ///
    /// # Errors
    /// `HM-N010` without a bearer token, `HM-N011` with one that is not valid.
    pub fn bearer(&self, header: Option<&str>, channel: Channel) -> Result<Caller> {
        let header = header.ok_or_else(|| self.no_token())?;
        let (scheme, token) = header.split_once(' ').ok_or_else(|| self.no_token())?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(self.no_token());
        }
        let given = digest_of(token.trim());
        // Every known token is compared, so that the time says nothing about which one was close.
        let mut found =
            self.current().filter(|own| own.matches(given.expose())).map(|_| (OWNER, Access::Full));
        for other in &self.others {
            if other.digest.matches(given.expose()) {
                found = Some((&other.name, other.access));
            }
        }
        let (principal, access) = found.ok_or_else(|| {
            Error::new(&codes::WRONG_TOKEN, "the bearer token is not valid, or no longer")
                .next(format!("read the current token from {}", self.file.display()))
        })?;
        Ok(Caller { principal: principal.to_owned(), access, channel })
    }

    /// A ticket for a one-time URL, valid for [`crate::limits::TICKET_S`] seconds and one use.
    ///
    /// # Errors
    /// `HM-C099`.
    pub fn ticket(&self) -> Result<Secret> {
        self.pages.ticket(None)
    }

    /// A ticket for one WebSocket of this caller, for clients that cannot send a header.
    ///
    /// # Errors
    /// `HM-C099`.
    pub fn socket_ticket(&self, caller: &Caller) -> Result<Secret> {
        self.pages.ticket(Some(caller.clone()))
    }

    /// Takes a ticket for a WebSocket and gives the caller that it stands for.
    ///
    /// # Errors
    /// `HM-N015` if the ticket is unknown, used or too old.
    pub fn redeem_socket(&self, ticket: &str, channel: Channel) -> Result<Caller> {
        // A ticket outlives neither the token file nor its token.
        self.current().ok_or_else(|| self.no_token())?;
        Ok(self.pages.redeem_socket(ticket)?.on(channel))
    }

    /// Takes a ticket and gives the value of the page's cookie.
    ///
    /// # Errors
    /// `HM-N015` if the ticket is unknown, used or too old.
    pub fn redeem(&self, ticket: &str) -> Result<Secret> {
        self.pages.redeem(ticket)
    }

    /// The page behind a cookie's value: the owner, who may only read there.
    #[must_use]
    pub fn cookie(&self, value: &str, channel: Channel) -> Option<Caller> {
        // A page outlives neither the token file nor its token.
        self.current()?;
        let known = self.pages.knows(value);
        known.then(|| Caller { principal: OWNER.to_owned(), access: Access::Read, channel })
    }

    fn no_token(&self) -> Error {
        Error::new(&codes::NO_TOKEN, "the request carries no bearer token").next(format!(
            "send the header `Authorization: Bearer TOKEN` with the token in {}",
            self.file.display()
        ))
    }

    /// The digest of the token in the file now; `None` if there is none, or one that others can read.
    fn current(&self) -> Option<Secret> {
        let metadata = std::fs::metadata(&self.file).ok()?;
        let mark = (metadata.modified().ok()?, metadata.len(), platform::file_number(&metadata));
        {
            let seen = self.seen.read().unwrap_or_else(PoisonError::into_inner);
            if seen.mark == Some(mark) {
                return seen.digest.clone();
            }
        }
        let read = read_token(&self.file);
        if let Err(error) = &read {
            tracing::warn!(code = error.code().id, "the token file cannot be used: nobody is let in");
        }
        let digest = read.ok().map(|token| digest_of(token.expose()));
        let mut seen = self.seen.write().unwrap_or_else(PoisonError::into_inner);
        if seen.digest.is_some() && seen.digest != digest {
            self.pages.sign_out();
        }
        *seen = Seen { mark: Some(mark), digest: digest.clone() };
        digest
    }
}

fn digest_of(token: &str) -> Secret {
    Secret::new(digest::sha256(token.as_bytes()))
}

fn write_token(file: &Path) -> Result<Secret> {
    let token = random::secret()?;
    hallmark_core::fs::write_atomic(file, format!("{}\n", token.expose()).as_bytes(), Mode::Private)?;
    Ok(token)
}

/// The token in this file, for a client on the same machine.
///
/// # Errors
/// `HM-C012` if there is no file, `HM-N016` if other users can read it, `HM-N017` if it holds no token.
pub fn read_token(file: &Path) -> Result<Secret> {
    if let Ok(metadata) = std::fs::metadata(file)
        && let Some(mode) = platform::mode(&metadata).map(|mode| mode & 0o777)
        && mode & 0o077 != 0
    {
        return Err(Error::new(
            &codes::TOKEN_EXPOSED,
            format!("{} has mode {mode:04o}: other users can read the token", file.display()),
        )
        .next(format!("remove it and start again, a fresh token is made: rm {}", file.display())));
    }
    let text = hallmark_core::fs::read_text(file)?;
    let token = text.trim();
    if token.len() < 16 || token.contains(char::is_whitespace) {
        return Err(Error::new(&codes::TOKEN_UNREADABLE, format!("{} holds no token", file.display()))
            .next(format!("remove it and start again, a fresh token is made: rm {}", file.display())));
    }
    Ok(Secret::new(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("hallmark-auth-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        folder
    }

    fn bearer(auth: &Auth, token: &str) -> Result<Caller> {
        auth.bearer(Some(&format!("Bearer {token}")), Channel::Rest)
    }

    #[test]
    fn a_token_is_made_private_and_rotation_refuses_the_old_one() {
        let file = folder("rotate").join("token");
        let auth = Auth::open(&file).unwrap();
        #[cfg(unix)]
        assert_eq!(
            std::os::unix::fs::PermissionsExt::mode(&file.metadata().unwrap().permissions()) & 0o777,
            0o600
        );
        let old = read_token(&file).unwrap();
        assert_eq!(bearer(&auth, old.expose()).unwrap(), Caller::owner(Channel::Rest));
        let ticket = auth.ticket().unwrap();
        let cookie = auth.redeem(ticket.expose()).unwrap();
        assert!(auth.cookie(cookie.expose(), Channel::Page).is_some());
        let new = auth.rotate().unwrap();
        assert!(bearer(&auth, old.expose()).unwrap_err().is(&codes::WRONG_TOKEN));
        assert!(bearer(&auth, new.expose()).is_ok());
        assert!(auth.cookie(cookie.expose(), Channel::Page).is_none(), "a page outlived its token");
        std::fs::remove_file(&file).unwrap();
        assert!(bearer(&auth, new.expose()).unwrap_err().is(&codes::WRONG_TOKEN));
    }

    #[test]
    fn headers_without_a_bearer_token_are_told_so() {
        let auth = Auth::open(folder("none").join("token")).unwrap();
        for header in [None, Some(""), Some("Bearer"), Some("Basic abc")] {
            assert!(auth.bearer(header, Channel::Rest).unwrap_err().is(&codes::NO_TOKEN), "{header:?}");
        }
        assert!(auth.bearer(Some("Bearer x"), Channel::Rest).unwrap_err().is(&codes::WRONG_TOKEN));
    }

    #[test]
    fn another_principal_is_told_apart() {
        let token = random::secret().unwrap();
        let auth =
            Auth::open(folder("two").join("token")).unwrap().with_principal("auditor", &token, Access::Read);
        let caller = bearer(&auth, token.expose()).unwrap();
        assert_eq!((caller.principal.as_str(), caller.access), ("auditor", Access::Read));
    }

    #[cfg(unix)]
    #[test]
    fn an_exposed_file_is_refused() {
        let file = folder("exposed").join("token");
        Auth::open(&file).unwrap();
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
        assert!(Auth::open(&file).map(drop).unwrap_err().is(&codes::TOKEN_EXPOSED));
    }
}
