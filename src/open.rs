//! Opening files that a person names: only what is a file, so that nothing is waited for without end.

use std::fs::{self, File, Metadata};
use std::io::{BufReader, Read};
use std::path::Path;

use crate::{Error, Result};

/// Opens a file for reading; says how many bytes it has.
///
/// # Errors
/// If it is not there, must not be read, or is a folder, a named pipe, a device or a socket.
pub(crate) fn open(path: &Path) -> Result<(BufReader<File>, u64)> {
    // Asked before opening: to open a named pipe would wait for its writer.
    let metadata = look(path)?;
    if !metadata.is_file() {
        return Err(Error::file(path, "a file", kind(&metadata)));
    }
    let file = File::open(path).map_err(|source| Error::io("read", path, source))?;
    Ok((BufReader::new(file), metadata.len()))
}

/// The text of a file of at most `most` bytes; `expected` is for errors.
///
/// # Errors
/// As [`open`]'s, and if the file is longer or no text in UTF-8.
pub(crate) fn read_text(path: &Path, most: u64, expected: &str) -> Result<String> {
    let (file, _) = open(path)?;
    let mut bytes = Vec::new();
    // Not by the length that was found: the file may grow meanwhile.
    file.take(most.saturating_add(1))
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

/// What a path leads to. A link that leads nowhere is told from a file that is not there.
pub(crate) fn look(path: &Path) -> Result<Metadata> {
    fs::metadata(path).map_err(|source| match path.symlink_metadata() {
        Ok(link) if link.is_symlink() => {
            let found = format!("a link that leads nowhere ({source})");
            Error::file(path, "a file or folder", found)
        }
        _ => Error::io("read", path, source),
    })
}

/// What something is that is no file, in words.
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
