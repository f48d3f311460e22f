//! Opening files that a user names. Only regular files are opened, since others could block forever.

use std::fs::{self, File, Metadata};
use std::io::{BufReader, Read};
use std::path::Path;

use crate::{Error, Result};

/// Opens a file for reading; returns its length in bytes, too.
///
/// # Errors
/// If it does not exist, is not readable, or is a folder, a named pipe, a device or a socket.
pub(crate) fn open(path: &Path) -> Result<(BufReader<File>, u64)> {
    // Check before opening: opening a named pipe would wait for its writer.
    let metadata = look(path)?;
    if !metadata.is_file() {
        return Err(Error::file(path, "a file", kind(&metadata)));
    }
    let file = File::open(path).map_err(|source| Error::io("read", path, source))?;
    Ok((BufReader::new(file), metadata.len()))
}

/// The text of a file of at most `most` bytes; `expected` is for error messages.
///
/// # Errors
/// As [`open`], and if the file is longer or is not UTF-8 text.
pub(crate) fn read_text(path: &Path, most: u64, expected: &str) -> Result<String> {
    let (file, _) = open(path)?;
    // Do not trust the length from the metadata: the file may grow meanwhile.
    text_of(file, path, most, expected)
}

/// The same of an input that is no file; `path` names it in errors.
pub(crate) fn text_of(input: impl Read, path: &Path, most: u64, expected: &str) -> Result<String> {
    let mut bytes = Vec::new();
    (input.take(most.saturating_add(1)))
        .read_to_end(&mut bytes)
        .map_err(|source| Error::io("read", path, source))?;
    if bytes.len() as u64 > most {
        let expected = format!("{expected} of at most {most} bytes");
        return Err(Error::file(path, expected, "a larger file"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let found = format!("no UTF-8 at byte {}", error.utf8_error().valid_up_to());
        Error::file(path, format!("{expected}, which is text"), found)
    })
}

/// The metadata of a path's target. The error distinguishes a dangling link from a missing file.
pub(crate) fn look(path: &Path) -> Result<Metadata> {
    fs::metadata(path).map_err(|source| match path.symlink_metadata() {
        Ok(link) if link.is_symlink() => {
            let found = format!("a link that leads nowhere ({source})");
            Error::file(path, "a file or folder", found)
        }
        _ => Error::io("read", path, source),
    })
}

/// The kind of something that is not a regular file, in words.
pub(crate) fn kind(metadata: &Metadata) -> &'static str {
    if metadata.is_dir() {
        return "a folder";
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        let kind = metadata.file_type();
        if kind.is_fifo() {
            return "a named pipe";
        }
        if kind.is_char_device() || kind.is_block_device() {
            return "a device";
        }
        if kind.is_socket() {
            return "a socket";
        }
    }
    "something else"
}
