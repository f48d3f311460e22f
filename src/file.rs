//! Writing files so that a reader, or a kill at any moment, finds the old content or the new, whole.

use std::io::Write;
use std::path::Path;

use tempfile::NamedTempFile;

use crate::{Error, Result};

/// Replaces a file by way of a temporary one beside it.
///
/// # Errors
/// If the folder cannot be written to; the old file stays then.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let failed = |source| failure(path, bytes, source);
    let file = temporary(path, bytes).map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

/// Like [`replace`], for what must outlive a crash of the system too: the new content is synchronised
/// and read back before the old one goes, and the folder is synchronised after.
///
/// # Errors
/// As [`replace`], and if other bytes are read back than were written.
pub(crate) fn replace_durably(path: &Path, bytes: &[u8]) -> Result<()> {
    let failed = |source| failure(path, bytes, source);
    let file = temporary(path, bytes).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    if std::fs::read(file.path()).map_err(failed)? != bytes {
        return Err(Error::file(
            path,
            format!("the {} bytes that were written", bytes.len()),
            "others when read back; the disk may be failing",
        ));
    }
    file.persist(path).map_err(|error| failed(error.error))?;
    // Only Unix lets a folder be opened and synchronised.
    #[cfg(unix)]
    std::fs::File::open(folder(path))
        .and_then(|folder| folder.sync_all())
        .map_err(failed)?;
    Ok(())
}

fn temporary(path: &Path, bytes: &[u8]) -> std::io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".").suffix(".part");
    #[cfg(unix)]
    {
        // What the umask leaves of this, as for a file made by any other program.
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.tempfile_in(folder(path))?;
    file.write_all(bytes)?;
    Ok(file)
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn failure(path: &Path, bytes: &[u8], source: std::io::Error) -> Error {
    // The error of a temporary file names that file, which nobody asked for: its cause does not.
    let inner = source.get_ref().and_then(|error| error.source());
    let cause = inner.map_or_else(|| source.to_string(), ToString::to_string);
    let text = format!("{cause} ({} bytes)", bytes.len());
    Error::io("write", path, std::io::Error::new(source.kind(), text))
}
