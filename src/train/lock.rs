//! One process at a time in a run folder.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use crate::run_files::LOCK;
use crate::{Error, Result};

/// A lock on a folder. The system releases it when the process ends, however it ends; the file stays.
#[derive(Debug)]
pub(super) struct Lock {
    path: PathBuf,
    _file: File,
}

impl Lock {
    /// Locks a folder. On a file system without locks, nothing is locked.
    ///
    /// # Errors
    /// If another process holds the lock, or the folder cannot be written to.
    pub fn take(folder: &Path) -> Result<Self> {
        let path = folder.join(LOCK);
        let failed = |source| Error::io("write", &path, source);
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut process = String::new();
                let holder = match file.read_to_string(&mut process) {
                    Ok(_) if !process.is_empty() => format!("process {}", process.trim_end()),
                    _ => "another process".to_string(),
                };
                return Err(Error::file(
                    folder,
                    "a run folder that nobody trains in",
                    format!("one that {holder} is training in"),
                ));
            }
            Err(TryLockError::Error(source))
                if source.kind() == std::io::ErrorKind::Unsupported => {}
            Err(TryLockError::Error(source)) => return Err(Error::io("lock", &path, source)),
        }
        // The holder, for the message above.
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .map_err(failed)?;
        Ok(Self { path, _file: file })
    }

    /// Removes the lock file, for a folder about to be removed.
    pub fn remove(self) {
        let _ = std::fs::remove_file(self.path);
    }
}
