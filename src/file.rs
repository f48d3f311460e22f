//! Writing files so that a reader, or a kill at any moment, finds the old content or the new, whole.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::{Error, Result};

/// How the names of unfinished files begin and end.
const PREFIX: &str = ".autoencode-";
const SUFFIX: &str = ".part";

/// Replaces a file by way of a temporary one beside it.
///
/// # Errors
/// If the folder cannot be written to; the old file stays then.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let failed = |source| failure(path, bytes.len(), source);
    let file = temporary(path, bytes).map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

/// Like [`replace`], for what must outlive a crash of the system too: the new content is synchronised
/// and read back before the old one goes, and the folder is synchronised after. The old file, if there is
/// one, becomes `kept` where that is given; between these two renamings there is no file at `path`.
///
/// # Errors
/// As [`replace`], and if other bytes are read back than were written.
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
    // Only Unix lets a folder be opened and synchronised.
    #[cfg(unix)]
    std::fs::File::open(folder(path))
        .and_then(|folder| folder.sync_all())
        .map_err(failed)?;
    Ok(())
}

/// Renames a file over another one; a file that is not there stays not there.
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

/// Removes the unfinished files that a killed process left in a folder, which nobody else may be writing to.
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

/// A file that is written piece by piece and takes its place when it is whole; dropped before, it leaves
/// the old one as it was.
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

    /// Puts the file in its place.
    ///
    /// # Errors
    /// If what was written last cannot be kept.
    pub fn finish(self) -> Result<()> {
        let failed = |source| failure(&self.path, self.written, source);
        let file = self.file.into_inner();
        let file = file.map_err(|error| failed(error.into_error()))?;
        file.persist(&self.path)
            .map_err(|error| failed(error.error))?;
        Ok(())
    }

    /// What an error of writing to this file becomes.
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

/// An empty file beside the one that it will replace.
fn unnamed(path: &Path) -> std::io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX).suffix(SUFFIX);
    #[cfg(unix)]
    {
        // What the umask leaves of this, as for a file made by any other program.
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder(path))
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn failure(path: &Path, bytes: usize, source: std::io::Error) -> Error {
    // The error of a temporary file goes on to name that file, which nobody asked for.
    let cause = source.to_string();
    let cause = cause.split(" at path ").next().unwrap_or_default();
    let text = format!("{cause} ({bytes} bytes)");
    Error::io("write", path, std::io::Error::new(source.kind(), text))
}
