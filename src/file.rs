//! Writing files atomically: a reader, or a kill at any moment, finds either the whole old content or the
//! whole new one.

use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, ErrorKind, Read, Seek, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::{Error, Result};

/// The prefix and the suffix of unfinished files' names.
const PREFIX: &str = ".autoencode-";
const SUFFIX: &str = ".part";
/// Symbolic links in a row that are followed, as in Linux.
const MOST_LINKS: usize = 40;

/// What happens to a file that is there when another is published in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Publish {
    /// It stays, and the new one is refused, however late it appeared. A symbolic link counts as a file.
    New,
    /// It is replaced by one of the same mode. A symbolic link stays, and the file that it leads to is
    /// replaced.
    Replace,
}

impl Publish {
    /// As `--force` says.
    pub fn forced(force: bool) -> Self {
        match force {
            true => Self::Replace,
            false => Self::New,
        }
    }

    /// Gives a finished file its name, which is `path` or where that leads to.
    fn publish(self, file: NamedTempFile, path: &Path, size: usize) -> Result<()> {
        let failed = |source| failure(path, size, source);
        match self {
            Self::New => publish_new(file, path).map_err(|source| match source.kind() {
                ErrorKind::AlreadyExists => exists(path),
                _ => failed(source),
            }),
            Self::Replace => {
                let path = destination(path);
                keep_mode(file.as_file(), &path).map_err(failed)?;
                file.persist(path).map_err(|error| failed(error.error))?;
                Ok(())
            }
        }
    }

    /// The folder of the file, and of its unfinished form.
    fn folder(self, path: &Path) -> PathBuf {
        match self {
            Self::New => folder(path).to_path_buf(),
            Self::Replace => folder(&destination(path)).to_path_buf(),
        }
    }
}

/// Where a path leads to: the path itself unless it is a symbolic link. Nothing need be there.
pub fn destination(path: &Path) -> PathBuf {
    let mut path = path.to_path_buf();
    for _ in 0..MOST_LINKS {
        match fs::read_link(&path) {
            Ok(next) => path = folder(&path).join(next),
            Err(_) => break,
        }
    }
    path
}

/// The error for a result whose place is taken.
pub fn exists(path: &Path) -> Error {
    let expected = "a file that does not exist yet (or --force to overwrite it)";
    let found = match path.is_symlink() {
        true => "a symbolic link",
        false => "one that does",
    };
    Error::file(path, expected, found)
}

/// Writes a file through a temporary file beside it.
///
/// # Errors
/// If the folder cannot be written to, or the place is taken by a file that is not to be replaced; the old
/// file remains.
pub fn write(path: &Path, bytes: &[u8], publish: Publish) -> Result<()> {
    let failed = |source| failure(path, bytes.len(), source);
    let file = temporary(&publish.folder(path), bytes).map_err(failed)?;
    publish.publish(file, path, bytes.len())
}

/// Replaces a file so that it also survives a system crash: the new content is synchronised and read back
/// before it replaces the old one, and the folder is synchronised afterwards. If `kept` is given, the old
/// file, if there is one, is renamed to it; between the two renamings there is no file at `path`.
///
/// # Errors
/// If the folder cannot be written to, or the bytes read back differ from those written; the old file
/// remains.
pub(crate) fn replace_durably(path: &Path, bytes: &[u8], kept: Option<&Path>) -> Result<()> {
    let failed = |source| failure(path, bytes.len(), source);
    let mut file = temporary(folder(path), bytes).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    let mut read = Vec::with_capacity(bytes.len());
    file.rewind().map_err(failed)?;
    file.read_to_end(&mut read).map_err(failed)?;
    if read != bytes {
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
    File::open(folder(path))
        .and_then(|folder| folder.sync_all())
        .map_err(failed)?;
    Ok(())
}

/// Renames a file, replacing any file at the target; does nothing if the file does not exist.
///
/// # Errors
/// If the system refuses.
pub(crate) fn move_if_there(from: &Path, to: &Path) -> Result<()> {
    match fs::rename(from, to) {
        Err(source) if source.kind() != ErrorKind::NotFound => {
            Err(Error::io("rename", from, source))
        }
        _ => Ok(()),
    }
}

/// Removes the unfinished files of killed processes from a folder, as far as the system allows. Those of
/// processes that live are locked, and stay.
pub fn sweep(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if !is_unfinished(&entry.path()) || !entry.file_type().is_ok_and(|kind| kind.is_file()) {
            continue;
        }
        // Removed before it is unlocked, so that a process that has just made it sees that it is gone.
        if let Ok(file) = OpenOptions::new().write(true).open(entry.path())
            && file.try_lock().is_ok()
        {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Whether a file is named as unfinished ones are.
pub(crate) fn is_unfinished(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with(PREFIX) && name.ends_with(SUFFIX)
}

/// A file that is written in parts and published once it is complete; if it is dropped before, nothing
/// changes.
pub(crate) struct Output {
    path: PathBuf,
    publish: Publish,
    file: BufWriter<NamedTempFile>,
    written: usize,
}

impl Output {
    /// Starts a file.
    ///
    /// # Errors
    /// If the folder cannot be written to.
    pub fn create(path: &Path, publish: Publish) -> Result<Self> {
        let file = unfinished(&publish.folder(path)).map_err(|source| failure(path, 0, source))?;
        Ok(Self {
            path: path.to_path_buf(),
            publish,
            file: BufWriter::new(file),
            written: 0,
        })
    }

    /// Publishes the file.
    ///
    /// # Errors
    /// If the last data cannot be written, or the place is taken by a file that is not to be replaced.
    pub fn finish(self) -> Result<()> {
        let file = self.file.into_inner();
        let file = file.map_err(|error| failure(&self.path, self.written, error.into_error()))?;
        self.publish.publish(file, &self.path, self.written)
    }

    /// The error for a failed write to this file.
    pub fn failed(&self, source: std::io::Error) -> Error {
        failure(&self.path, self.written, source)
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.written = self.written.saturating_add(written);
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

/// Names a file that must be the first of its name.
fn publish_new(file: NamedTempFile, path: &Path) -> std::io::Result<()> {
    let Err(refused) = file.persist_noclobber(path) else {
        return Ok(());
    };
    match refused.error.kind() {
        // Some network file systems can neither link a file nor rename it without replacing another. An
        // empty file takes the name there, and is then replaced.
        ErrorKind::Unsupported | ErrorKind::PermissionDenied => {
            File::create_new(path)?;
            refused.file.persist(path).map(drop).map_err(|refused| {
                let _ = fs::remove_file(path);
                refused.error
            })
        }
        _ => Err(refused.error),
    }
}

/// Gives a new file the mode of the file that it will replace, if there is one.
fn keep_mode(new: &File, path: &Path) -> std::io::Result<()> {
    match fs::metadata(path).map(|old| old.permissions()) {
        Ok(old) if new.metadata()?.permissions() != old => new.set_permissions(old),
        _ => Ok(()),
    }
}

fn temporary(folder: &Path, bytes: &[u8]) -> std::io::Result<NamedTempFile> {
    let mut file = unfinished(folder)?;
    file.write_all(bytes)?;
    Ok(file)
}

/// An empty file in the folder of the file that it will become, locked as long as this process has it.
fn unfinished(folder: &Path) -> std::io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX).suffix(SUFFIX);
    #[cfg(unix)]
    {
        // The umask restricts this mode, as for a file of any other program.
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    loop {
        let file = builder.tempfile_in(folder)?;
        // On a file system without locks, nothing is swept either.
        let _ = file.as_file().lock();
        // Another process may have swept the file before it was locked.
        if file.path().exists() {
            return Ok(file);
        }
    }
}

/// The folder of a file.
pub fn folder(path: &Path) -> &Path {
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
