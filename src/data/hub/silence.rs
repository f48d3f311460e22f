//! Detects a silent download by watching the hub's cache folder.
//!
//! The hub client sets no time limits and does not report its progress, but every answer of the hub
//! shows in the cache: first a lock file, then a growing file. Large files may arrive in pieces of many
//! megabytes, each written at once, so between the first answer and the end the byte counts of the
//! machine's network interfaces are read as well, where the system provides them (Linux).

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::cache::Repository;

/// The least number of bytes received within the limit that counts as a download: other programs use
/// the network too.
const NOTEWORTHY: u64 = 64 * 1024;
/// How many times the limit to wait for the cache to change if the interfaces are busy or cannot be
/// read.
const PATIENCE: u32 = 12;

/// Watches the download of a data set.
pub struct Watch {
    repository: Repository,
    cache: PathBuf,
    limit: Duration,
    state: u64,
    changed: Instant,
    answered: bool,
    /// Bytes that the interfaces had received at the last check that found them busy.
    received: Option<u64>,
    busy: Instant,
}

impl Watch {
    /// Starts watching; the network is silent if nothing arrives for `limit`.
    pub fn new(repository: Repository, cache: PathBuf, limit: Duration) -> Self {
        let now = Instant::now();
        Self {
            state: state(&repository, &cache),
            repository,
            cache,
            limit,
            changed: now,
            answered: false,
            received: received(),
            busy: now,
        }
    }

    /// Whether the network has been silent for the limit while files are still missing.
    pub fn is_silent(&mut self) -> bool {
        let now = Instant::now();
        let state = state(&self.repository, &self.cache);
        if state != self.state {
            (self.state, self.changed, self.answered) = (state, now, true);
            (self.received, self.busy) = (received(), now);
            return false;
        }
        let patience = self.limit.saturating_mul(PATIENCE);
        let (heard, limit) = match (self.answered, self.received, received()) {
            (true, Some(before), Some(bytes)) => {
                if bytes.saturating_sub(before) >= NOTEWORTHY {
                    (self.received, self.busy) = (Some(bytes), now);
                }
                (self.busy, self.limit)
            }
            (true, ..) => (self.changed, patience),
            (false, ..) => (self.changed, self.limit),
        };
        let silent =
            now.duration_since(heard) >= limit || now.duration_since(self.changed) >= patience;
        // Once both files are here, only decoding remains, which has no time limit.
        silent && !self.repository.is_complete(&self.cache)
    }
}

/// Names, sizes and times of a set's files in the cache, hashed.
fn state(repository: &Repository, cache: &Path) -> u64 {
    let mut hasher = DefaultHasher::new();
    let name = repository.folder();
    for folder in [cache.join(&name), cache.join(".locks").join(&name)] {
        add(&folder, &mut hasher, 6);
    }
    hasher.finish()
}

/// Adds a folder's files to the hash; links are not followed.
fn add(folder: &Path, hasher: &mut DefaultHasher, depth: usize) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        let Ok(metadata) = path.symlink_metadata() else {
            continue;
        };
        path.hash(hasher);
        metadata.modified().ok().hash(hasher);
        if !metadata.is_dir() {
            metadata.len().hash(hasher);
        } else if depth > 0 {
            add(&path, hasher, depth - 1);
        }
    }
}

/// Bytes that have arrived at this machine from outside; `None` if the system does not report them.
fn received() -> Option<u64> {
    let table = fs::read_to_string("/proc/net/dev").ok()?;
    table
        .lines()
        .filter_map(|line| {
            let (interface, counters) = line.split_once(':')?;
            (interface.trim() != "lo")
                .then_some(counters)?
                .split_whitespace()
                .next()?
                .parse::<u64>()
                .ok()
        })
        .reduce(u64::saturating_add)
}
