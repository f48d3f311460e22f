//! Writing files atomically: a reader, or a kill at any moment, finds either the whole old content or the
//! whole new one.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::{Error, Result};

/// The prefix and the suffix of unfinished files' names.
const PREFIX: &str = ".autoencode-";
const SUFFIX: &str = ".part";

/// Replaces a file through a temporary file beside it.
///
/// # Errors
/// If the folder cannot be written to; the old file remains.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let failed = |source| failure(path, bytes.len(), source);
    let file = temporary(path, bytes).map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

/// Like [`replace`], for files that must also survive a system crash: the new content is synchronised and
/// read back before it replaces the old one, and the folder is synchronised afterwards. If `kept` is given,
/// the old file, if there is one, is renamed to it; between the two renamings there is no file at `path`.
///
/// # Errors
/// As [`replace`], and if the bytes read back differ from those written.
pub(crate) fn replace_durably(path: &Path, bytes: &[u8], kept: Option<&Path>) -> Result<()> {
    let failed = |source| failure(path, bytes.len(), source);
    let file = temporary(path, bytes).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    if std::fs::read(file.path()).map_err(failed)? != bytes {
        return Err(Error::file(
            path,
            format!("the {} bytes that were written", bytes.len()),
            "others when read back; the disk may be failing",
        ));
    }
    if let Some(kept) = kept {
        move_if_there(path, kept)?;
    }
    file.persist(path).map_err(|error| failed(error.error))?;
    // Only Unix can open and synchronise a folder.
    #[cfg(unix)]
    std::fs::File::open(folder(path))
        .and_then(|folder| folder.sync_all())
        .map_err(failed)?;
    Ok(())
}

/// Renames a file, replacing any file at the target; does nothing if the file does not exist.
///
/// # Errors
/// If the system refuses.
pub(crate) fn move_if_there(from: &Path, to: &Path) -> Result<()> {
    match std::fs::rename(from, to) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::io("rename", from, source))
        }
        _ => Ok(()),
    }
}

/// Removes the unfinished files of a killed process from a folder. No other process may be writing to it.
///
/// # Errors
/// If the folder cannot be read or written to.
pub(crate) fn sweep(folder: &Path) -> Result<()> {
    let entries = std::fs::read_dir(folder);
    let entries = entries.map_err(|source| Error::io("read the folder", folder, source))?;
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(PREFIX) && name.ends_with(SUFFIX) {
            let path = entry.path();
            std::fs::remove_file(&path).map_err(|source| Error::io("remove", path, source))?;
        }
    }
    Ok(())
}

/// A file that is written in parts and moves to its path once it is complete; if it is dropped before, the
/// old file remains unchanged.
pub(crate) struct Replacement {
    path: PathBuf,
    file: BufWriter<NamedTempFile>,
    written: usize,
}

impl Replacement {
    /// Starts a file.
    ///
    /// # Errors
    /// If the folder cannot be written to.
    pub fn create(path: &Path) -> Result<Self> {
        let file = unnamed(path).map_err(|source| failure(path, 0, source))?;
        Ok(Self {
            path: path.to_path_buf(),
            file: BufWriter::new(file),
            written: 0,
        })
    }

    /// Moves the file to its path.
    ///
    /// # Errors
    /// If the last data cannot be written.
    pub fn finish(self) -> Result<()> {
        let failed = |source| failure(&self.path, self.written, source);
        let file = self.file.into_inner();
        let file = file.map_err(|error| failed(error.into_error()))?;
        file.persist(&self.path)
            .map_err(|error| failed(error.error))?;
        Ok(())
    }

    /// The error for a failed write to this file.
    pub fn failed(&self, source: std::io::Error) -> Error {
        failure(&self.path, self.written, source)
    }
}

impl Write for Replacement {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.written = self.written.saturating_add(written);
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

fn temporary(path: &Path, bytes: &[u8]) -> std::io::Result<NamedTempFile> {
    let mut file = unnamed(path)?;
    file.write_all(bytes)?;
    Ok(file)
}

/// An empty file beside the file that it will replace.
fn unnamed(path: &Path) -> std::io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX).suffix(SUFFIX);
    #[cfg(unix)]
    {
        // The umask restricts this mode, as for a file of any other program.
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder(path))
}

fn folder(path: &Path) -> &Path {
    let parent = path.parent();
    let named = parent.filter(|parent| !parent.as_os_str().is_empty());
    named.unwrap_or(Path::new("."))
}

fn failure(path: &Path, bytes: usize, source: std::io::Error) -> Error {
    // The error text ends with the temporary file's name, which would only confuse the user.
    let cause = source.to_string();
    let cause = cause.split(" at path ").next().unwrap_or_default();
    let text = format!("{cause} ({bytes} bytes)");
    Error::io("write", path, std::io::Error::new(source.kind(), text))
}
