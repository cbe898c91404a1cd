//! A private Neo4j with APOC and Graph Data Science, from jars alone.

use std::ffi::OsString;
use std::path::Path;

use hallmark_core::{Error, Result, Secret, digest, fs};
use sha2::{Digest as _, Sha256};

use crate::stack::home::make_folder;
use crate::stack::ports::{self, PortName};
use crate::stack::process::{Launch, Process, Site, not_installed};

/// Rounds of the password's hash, as the server's own tool writes it.
const HASH_ROUNDS: u32 = 1024;

/// A quick start weighs more than the last bit of speed: the small collector and the first compiler only.
const JVM: [&str; 12] = [
    "-Xms512m",
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:+ExitOnOutOfMemoryError",
    "--add-opens=java.base/java.nio=ALL-UNNAMED",
    "--add-opens=java.base/java.io=ALL-UNNAMED",
    "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
    "--add-opens=java.base/java.util.concurrent=ALL-UNNAMED",
    "-Dio.netty.tryReflectionSetAccessible=true",
    "-Dlog4j2.disable.jmx=true",
    "-Dfile.encoding=UTF-8",
];

pub(crate) fn prepare(site: &Site) -> Result<()> {
    let folder = site.home.data(Process::Neo4j);
    make_folder(&folder, 0o700)?;
    for part in ["conf", "data", "logs", "import", "run", "licenses"] {
        make_folder(&folder.join(part), 0o700)?;
    }
    let text = configuration(site, &folder)?;
    fs::write_atomic(&folder.join("conf/neo4j.conf"), text.as_bytes(), fs::Mode::Private)?;
    // Read on the very first start only. The server's own tool would take the password as an argument, which every
    // user of the machine could read.
    let first_start = !folder.join("data/databases/system").exists();
    if first_start {
        let line = initial_user(&site.credentials.neo4j)?;
        fs::write_atomic(&folder.join("data/dbms/auth.ini"), line.as_bytes(), fs::Mode::Private)?;
    }
    Ok(())
}

pub(crate) fn launch(site: &Site) -> Result<Launch> {
    let folder = site.home.data(Process::Neo4j);
    let entry = site.tools.neo4j.as_ref().ok_or_else(|| not_installed("Neo4j"))?;
    let class_path = format!("{}/lib/*:{}/plugins/*", entry.display(), entry.display());
    let mut arguments: Vec<OsString> = vec!["-cp".into(), class_path.into()];
    arguments.extend(JVM.map(OsString::from));
    arguments.push("org.neo4j.server.CommunityEntryPoint".into());
    arguments.push(format!("--home-dir={}", folder.display()).into());
    arguments.push(format!("--config-dir={}", folder.join("conf").display()).into());
    Ok(Launch {
        program: site.tools.java.clone().ok_or_else(|| not_installed("Java 17 or newer"))?,
        arguments,
        environment: vec![
            ("NEO4J_HOME", folder.clone().into_os_string()),
            ("NEO4J_CONF", folder.join("conf").into_os_string()),
        ],
        folder,
        user: None,
    })
}

fn configuration(site: &Site, folder: &Path) -> Result<String> {
    let bolt = ports::get(&site.ports, PortName::Neo4jBolt)?;
    let http = ports::get(&site.ports, PortName::Neo4jHttp)?;
    let plugins = site.tools.neo4j.as_ref().map(|entry| entry.join("plugins")).unwrap_or_default();
    for path in [folder, plugins.as_path()] {
        if path.to_string_lossy().contains(['\n', '\r']) {
            return Err(Error::new(
                &crate::stack::codes::FOLDER,
                "Neo4j cannot use a folder with a line break in its name",
            ));
        }
    }
    Ok(format!(
        "server.default_listen_address=127.0.0.1\n\
         server.bolt.listen_address=127.0.0.1:{bolt}\n\
         server.bolt.advertised_address=127.0.0.1:{bolt}\n\
         server.http.listen_address=127.0.0.1:{http}\n\
         server.http.advertised_address=127.0.0.1:{http}\n\
         server.https.enabled=false\n\
         server.directories.plugins={}\n\
         dbms.security.auth_enabled=true\n\
         dbms.security.procedures.unrestricted=apoc.*,gds.*\n\
         dbms.usage_report.enabled=false\n\
         client.allow_telemetry=false\n\
         server.memory.heap.initial_size=512m\n\
         server.memory.heap.max_size=512m\n\
         server.memory.pagecache.size=64m\n\
         db.tx_log.preallocate=false\n",
        escaped(&plugins.to_string_lossy()),
    ))
}

/// A path as a value of a properties file, where a backslash begins an escape.
fn escaped(path: &str) -> String {
    path.replace('\\', "\\\\")
}

/// The line of `auth.ini` that gives the first user its password: a salted, iterated SHA-256.
fn initial_user(password: &Secret) -> Result<String> {
    let mut salt = [0_u8; 32];
    let seed = hallmark_core::random::token(64)?;
    salt.copy_from_slice(&Sha256::digest(seed.as_bytes()));
    Ok(user_line(password, &salt))
}

fn user_line(password: &Secret, salt: &[u8; 32]) -> String {
    let mut hash = Sha256::new().chain_update(salt).chain_update(password.expose()).finalize();
    for _ in 1..HASH_ROUNDS {
        hash = Sha256::digest(hash);
    }
    format!("neo4j:SHA-256,{},{},{HASH_ROUNDS}:\n", digest::to_hex(&hash), digest::to_hex(salt))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_the_one_that_the_servers_own_tool_writes() {
        // Written by `neo4j-admin dbms set-initial-password hallmark-secret-1` of 5.26.30.
        let line = "neo4j:SHA-256,2d4eeb5d9c146587935331916b5a91998743c62c49eddaa1f8f5a1a206e17206,\
                    2e4cf2b9cb10985311b50746e8e39b2c17fa01dec7fe032f36ba273ff4800968,1024:\n";
        let salt =
            digest::from_hex("2e4cf2b9cb10985311b50746e8e39b2c17fa01dec7fe032f36ba273ff4800968").unwrap();
        assert_eq!(user_line(&Secret::new("hallmark-secret-1"), salt.as_slice().try_into().unwrap()), line);
    }
}
