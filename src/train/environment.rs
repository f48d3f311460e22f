//! The circumstances of a run besides recipe and data.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use candle_core::Device;
use serde::{Deserialize, Serialize};

use crate::data::Origin;
use crate::open::read_text;

/// The version that Cargo.toml pins.
const CANDLE: &str = "0.11.1";

/// The name of the file in a run folder.
pub(super) const ENVIRONMENT: &str = "environment.json";
/// The most of it that is read; the command can be long.
const MAX_BYTES: u64 = 16 << 20;

/// Kept in `environment.json`, never in a checkpoint.
#[derive(Debug, Clone, Serialize)]
pub struct Environment {
    /// The version of this program.
    pub autoencode: &'static str,
    /// The version of candle.
    pub candle: &'static str,
    /// Operating system and processor.
    pub system: String,
    /// What trains.
    pub device: String,
    /// Threads of the CPU.
    pub threads: usize,
    /// The command line.
    pub command: Vec<String>,
    /// The absolute path of the run.
    pub folder: String,
    /// As [`Origin::argument`], for [`data_of_run`].
    data: Option<Place>,
    /// RFC 3339, UTC.
    pub started: String,
    /// The same, at the end.
    pub finished: Option<String>,
    /// Peak resident memory so far, if the system reports it.
    pub peak_memory_mb: Option<f64>,
    /// Peak device memory held by tensors, if the device reports it.
    pub device_peak_memory_mb: Option<f64>,
}

impl Environment {
    /// The environment at the start of a run.
    pub fn start(device: &str, threads: usize, folder: &Path, data: &Origin) -> Self {
        Self {
            autoencode: env!("CARGO_PKG_VERSION"),
            candle: CANDLE,
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            device: device.to_string(),
            threads,
            command: std::env::args_os()
                .map(|argument| argument.to_string_lossy().into_owned())
                .collect(),
            folder: std::path::absolute(folder)
                .unwrap_or_else(|_| folder.to_path_buf())
                .to_string_lossy()
                .into_owned(),
            data: data.argument().map(Place::of),
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

/// The part of the file that is read again.
#[derive(Deserialize)]
struct Kept {
    data: Option<Place>,
}

/// A path or a name in JSON, which has no place for a path that is not UTF-8: the system's characters stand for
/// that, on Unix its bytes.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
enum Place {
    /// As text.
    Text(String),
    /// Not UTF-8.
    Raw(OsString),
}

impl Place {
    fn of(path: &Path) -> Self {
        match path.to_str() {
            Some(text) => Self::Text(text.to_string()),
            None => Self::Raw(path.as_os_str().to_os_string()),
        }
    }
}

impl From<Place> for PathBuf {
    fn from(place: Place) -> Self {
        match place {
            Place::Text(text) => text.into(),
            Place::Raw(raw) => raw.into(),
        }
    }
}

/// The data of the run whose folder a checkpoint is in: an absolute path or the name of a set, for
/// [`Source::named`](crate::data::Source::named). `None` if the folder does not say, as that of an older
/// version. A checkpoint has no path in it, since equal data gives equal bytes wherever the data lies; whether the
/// data is still the same, [`Checkpoint::data`](crate::checkpoint::Checkpoint::data) tells.
pub fn data_of_run(checkpoint: &Path) -> Option<PathBuf> {
    let file = checkpoint.with_file_name(ENVIRONMENT);
    let text = read_text(&file, MAX_BYTES, "the environment of a run").ok()?;
    let kept: Kept = serde_json::from_str(&text).ok()?;
    kept.data.map(PathBuf::from)
}

fn now() -> String {
    written(SystemTime::now())
}

/// A time as RFC 3339; the nearest one that the library can write, for a clock that is wrong.
fn written(time: SystemTime) -> String {
    // The end of the year 9999.
    const LAST: Duration = Duration::from_secs(253_402_300_799);
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    humantime::format_rfc3339_seconds(UNIX_EPOCH + since.min(LAST)).to_string()
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
    use std::time::{Duration, UNIX_EPOCH};

    use super::written;

    #[test]
    fn a_wrong_clock_is_written_as_the_nearest_time() {
        let seconds = Duration::from_secs(1 << 40);
        assert_eq!(written(UNIX_EPOCH - seconds), "1970-01-01T00:00:00Z");
        assert_eq!(written(UNIX_EPOCH + seconds), "9999-12-31T23:59:59Z");
        let day = Duration::from_secs(86_400);
        assert_eq!(written(UNIX_EPOCH + day), "1970-01-02T00:00:00Z");
    }

    #[test]
    fn the_candle_version_is_the_pinned_one() {
        let pinned = format!("candle-core = \"={}\"", super::CANDLE);
        assert!(include_str!("../../Cargo.toml").contains(&pinned));
    }
}
