//! TLS to PostgreSQL: always with a certificate that is checked, whatever the mode is called.

use hallmark_core::{Error, Result};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::PostgresConfig;
use crate::{codes, http};

/// What makes TLS connections: it trusts the authorities of `sslrootcert`, else those of the operating system.
///
/// # Errors
/// `HM-S031` if the file holds no certificate or the system's authorities cannot be read.
pub(super) fn connector(config: &PostgresConfig) -> Result<MakeRustlsConnect> {
    http::install_tls_provider();
    let builder = ClientConfig::builder();
    let client = match &config.root_certificate {
        Some(path) => builder.with_root_certificates(roots(path)?).with_no_client_auth(),
        None => builder
            .with_platform_verifier()
            .map_err(|e| failed("the operating system's authorities cannot be read").because(&e))?
            .with_no_client_auth(),
    };
    Ok(MakeRustlsConnect::new(client))
}

fn roots(path: &str) -> Result<RootCertStore> {
    let mut store = RootCertStore::empty();
    let certificates =
        CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<std::result::Result<Vec<_>, _>>);
    let certificates = certificates.map_err(|e| failed("sslrootcert cannot be read").because(&e).at(path))?;
    let (added, _) = store.add_parsable_certificates(certificates);
    if added == 0 {
        return Err(failed("sslrootcert holds no certificate").at(path));
    }
    Ok(store)
}

fn failed(sentence: &str) -> Error {
    Error::new(&codes::TLS_FAILED, sentence)
}
