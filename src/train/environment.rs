//! The circumstances of a run besides recipe and data.

use std::time::SystemTime;

use candle_core::Device;
use serde::Serialize;

/// The version that Cargo.toml pins.
const CANDLE: &str = "0.11.1";

/// Kept in `environment.json`, never in a checkpoint.
#[derive(Debug, Clone, Serialize)]
pub struct Environment {
    pub autoencode: &'static str,
    pub candle: &'static str,
    pub system: String,
    pub device: String,
    pub threads: usize,
    pub command: Vec<String>,
    pub folder: std::path::PathBuf,
    /// RFC 3339, UTC.
    pub started: String,
    pub finished: Option<String>,
    /// Peak resident memory so far, if the system reports it.
    pub peak_memory_mb: Option<f64>,
    /// Peak device memory held by tensors, if the device reports it.
    pub device_peak_memory_mb: Option<f64>,
}

impl Environment {
    /// The environment at the start of a run.
    pub fn start(device: &str, threads: usize, folder: &std::path::Path) -> Self {
        Self {
            autoencode: env!("CARGO_PKG_VERSION"),
            candle: CANDLE,
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            device: device.to_string(),
            threads,
            command: std::env::args_os()
                .map(|argument| argument.to_string_lossy().into_owned())
                .collect(),
            folder: std::path::absolute(folder).unwrap_or_else(|_| folder.to_path_buf()),
            started: now(),
            finished: None,
            peak_memory_mb: None,
            device_peak_memory_mb: None,
        }
    }

    /// Records the end time and the peak memory.
    pub fn finish(&mut self, device: &Device) {
        self.finished = Some(now());
        self.peak_memory_mb = peak_memory_mb();
        self.device_peak_memory_mb = crate::device::peak_memory_mb(device);
    }
}

fn now() -> String {
    humantime::format_rfc3339_seconds(SystemTime::now()).to_string()
}

/// Peak resident memory of this process so far in MiB; `None` unless the system reports it in a
/// file, as Linux does.
pub fn peak_memory_mb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib / 1024.0)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_candle_version_is_the_pinned_one() {
        let pinned = format!("candle-core = \"={}\"", super::CANDLE);
        assert!(include_str!("../../Cargo.toml").contains(&pinned));
    }
}
