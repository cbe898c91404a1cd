//! A private Redis: its password stands in a configuration file of mode 0600, not in its arguments. The file is written
//! anew at each start: a password that was changed since counts for a server that died, too.

use hallmark_core::{Result, fs};

use crate::stack::home::make_folder;
use crate::stack::ports::{self, PortName};
use crate::stack::process::{Launch, Process, Site, not_installed};

const CONFIGURATION: &str = "redis.conf";

pub(crate) fn prepare(site: &Site) -> Result<()> {
    let folder = site.home.data(Process::Redis);
    make_folder(&folder, 0o700)?;
    make_folder(&folder.join("data"), 0o700)
}

fn configure(site: &Site) -> Result<()> {
    let folder = site.home.data(Process::Redis);
    let port = ports::get(&site.ports, PortName::Redis)?;
    let text = format!(
        "bind 127.0.0.1\nport {port}\nprotected-mode yes\nrequirepass {}\ndir {}\nappendonly yes\n\
         appendfsync {}\nsave \"\"\ndaemonize no\n",
        site.credentials.redis.expose(),
        quoted(&folder.join("data").to_string_lossy()),
        site.config.redis.appendfsync.name(),
    );
    fs::write_atomic(&folder.join(CONFIGURATION), text.as_bytes(), fs::Mode::Private)
}

pub(crate) fn launch(site: &Site) -> Result<Launch> {
    configure(site)?;
    let folder = site.home.data(Process::Redis);
    Ok(Launch {
        program: site.tools.redis.clone().ok_or_else(|| not_installed("Redis 7 or newer"))?,
        arguments: vec![folder.join(CONFIGURATION).into_os_string()],
        environment: Vec::new(),
        folder,
        user: None,
    })
}

/// A value of a Redis configuration file in quotes.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
