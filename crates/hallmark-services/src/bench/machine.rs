//! What a measurement depends on besides the services.

use serde::Serialize;

use crate::platform;

/// The machine that measured, as it was then.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    /// `linux`, `windows`, `macos`, …
    pub os: &'static str,
    /// `x86_64`, `aarch64`, …
    pub arch: &'static str,
    /// The kernel's release; empty where the system does not tell.
    pub release: String,
    /// The processor's name; empty where the system does not tell.
    pub processor: String,
    /// Logical processors that this process may use.
    pub processors: usize,
    /// Memory in MiB; 0 where the system does not tell.
    pub memory_mib: u64,
    /// The load of the minute before the measurement; 0 where the system does not tell.
    pub load: f64,
    /// The version of Hallmark.
    pub hallmark: &'static str,
    /// Whether Hallmark itself was built with optimisation: without it, its own share of each time is larger.
    pub optimised: bool,
}

impl Machine {
    /// This machine, now.
    #[must_use]
    pub fn here() -> Self {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let field = |path: &str, name: &str| {
            let text = read(path);
            let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
            line.split_once(':').map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
        };
        let load = read("/proc/loadavg");
        Self {
            os: std::env::consts::OS,
            arch: std::env::consts::ARCH,
            release: platform::kernel_release(),
            processor: field("/proc/cpuinfo", "model name"),
            processors: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            memory_mib: platform::memory_mib(),
            load: load.split(' ').next().and_then(|word| word.parse().ok()).unwrap_or(0.0),
            hallmark: env!("CARGO_PKG_VERSION"),
            optimised: !cfg!(debug_assertions),
        }
    }
}
