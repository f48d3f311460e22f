//! The one error type of the library.

use std::path::{Path, PathBuf};

/// The library's errors. Every message names the file, key or layer, the expectation and the finding.
///
/// The type tells what to do about a file: [`Io`](Self::Io) cannot be read or written; [`Damaged`](Self::Damaged) was
/// sound once, so a copy may be; [`NotACheckpoint`](Self::NotACheckpoint) is another kind of file.
///
/// ```
/// use autoencode::Error;
/// use autoencode::network::Autoencoder;
/// use candle_core::Device;
///
/// let folder = tempfile::tempdir().unwrap();
/// let file = folder.path().join("weights.safetensors");
/// let load = || Autoencoder::load(&file, &Device::Cpu).map(|_| ());
/// assert!(matches!(load(), Err(Error::Io { .. })));
/// std::fs::write(&file, "some text").unwrap();
/// assert!(matches!(load(), Err(Error::NotACheckpoint { .. })));
///
/// // In functions that return candle's errors, `?` converts.
/// fn shape() -> candle_core::Result<Vec<usize>> {
///     let network = Autoencoder::load("missing.safetensors", &Device::Cpu)?;
///     Ok(network.code_shape().to_vec())
/// }
/// assert!(shape().unwrap_err().to_string().contains("missing.safetensors"));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused to read, write or create a file; the source holds its reason.
    #[error("{}: cannot {action}", shown(path))]
    Io {
        /// What was tried, as in "cannot read".
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// A file does not hold what was expected.
    #[error("{}: expected {}, found {}", shown(path), line(expected), line(found))]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What would be right.
        expected: String,
        /// What is there.
        found: String,
    },
    /// A checkpoint is not as it was written: cut off or changed.
    #[error("{}: expected {}, found {}", shown(path), line(expected), line(found))]
    Damaged {
        /// The file or folder.
        path: PathBuf,
        /// What would be right.
        expected: String,
        /// What is there.
        found: String,
    },
    /// A file that was named as a checkpoint is another kind of file.
    #[error("{}: expected {}, found {}", shown(path), line(expected), line(found))]
    NotACheckpoint {
        /// The file or folder.
        path: PathBuf,
        /// What would be right.
        expected: String,
        /// What is there.
        found: String,
    },
    /// A checkpoint was written by a later version in a newer format; it is intact as far as this
    /// version can tell.
    #[error(
        "{}: expected checkpoint format {known} or older, found format {found}, \
         written by a newer version of autoencode",
        shown(path)
    )]
    NewerFormat {
        /// The file or folder.
        path: PathBuf,
        /// The newest format that this version reads.
        known: u32,
        /// The format of the file.
        found: u32,
    },
    /// A recipe key has an invalid value.
    #[error(
        "recipe key `{}`: expected {}, found {}",
        line(key),
        line(expected),
        line(found)
    )]
    Recipe {
        /// The key, as in `optimizer.lr`.
        key: String,
        /// What would be right.
        expected: String,
        /// What is there.
        found: String,
    },
    /// A layer does not fit the layer before it or the recipe's requirements.
    #[error("layer {layer}: expected {expected}, found {found}")]
    Layer {
        /// The layer's name and words.
        layer: String,
        /// What would be right.
        expected: String,
        /// What is there.
        found: String,
    },
    /// A function argument or command-line value is out of range.
    #[error("{}: expected {}, found {}", line(what), line(expected), line(found))]
    Argument {
        /// What it is called.
        what: String,
        /// What would be right.
        expected: String,
        /// What is there.
        found: String,
    },
    /// Training produced a value that is not finite; nothing of this step was kept.
    #[error(
        "the {what} is {value} at step {step} of epoch {epoch} (learning rate {learning_rate:.3e}); \
         the last good checkpoint is kept: try a lower optimizer.lr or set optimizer.clip_norm"
    )]
    NotFinite {
        /// What it is called.
        what: String,
        /// The value.
        value: f64,
        /// The epoch, counted from 1.
        epoch: usize,
        /// The step, counted from 1.
        step: u64,
        /// The step's learning rate.
        learning_rate: f64,
    },
    /// The contents of a file are invalid, such as the recipe in a checkpoint.
    #[error("{}: {error}", shown(path))]
    Inside {
        /// The file.
        path: PathBuf,
        /// The error in its contents.
        error: Box<Error>,
    },
    /// candle refused an operation.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
}

/// A result with [`Error`] as the default error type.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Some texts in a message: the first `most`, and the total number if there are more.
pub(crate) fn listed(
    texts: impl IntoIterator<Item = String>,
    most: usize,
    separator: &str,
) -> String {
    let mut texts: Vec<String> = texts.into_iter().collect();
    let count = texts.len();
    if count > most {
        texts.truncate(most);
        texts.push(format!("... ({count} in all)"));
    }
    texts.join(separator)
}

/// The first line of an error's message: candle appends a backtrace if backtraces are on.
pub(crate) fn first_line(error: impl ToString) -> String {
    let text = error.to_string();
    text.lines().next().unwrap_or_default().to_string()
}

/// An error and its cause.
pub(crate) fn with_cause(error: &Error) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

/// A path in a one-line message: control characters and bytes that are not UTF-8 are replaced.
pub(crate) fn shown(path: &Path) -> String {
    line(&path.to_string_lossy())
}

/// The same replacement for a text that may quote a file.
pub(crate) fn line(text: &str) -> String {
    text.replace(char::is_control, "\u{fffd}")
}

impl Error {
    /// An operating system error with the file and the attempted action.
    pub fn io(action: &'static str, path: impl AsRef<Path>, source: std::io::Error) -> Self {
        Self::Io {
            action,
            path: path.as_ref().to_path_buf(),
            source,
        }
    }

    /// A file with unexpected contents.
    pub fn file(
        path: impl AsRef<Path>,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Self {
        Self::File {
            path: path.as_ref().to_path_buf(),
            expected: expected.into(),
            found: found.into(),
        }
    }

    /// A checkpoint that is not as it was written.
    pub(crate) fn damaged(
        path: impl AsRef<Path>,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Self {
        Self::Damaged {
            path: path.as_ref().to_path_buf(),
            expected: expected.into(),
            found: found.into(),
        }
    }

    /// A recipe key with an invalid value.
    pub fn recipe(
        key: impl Into<String>,
        expected: impl Into<String>,
        found: impl ToString,
    ) -> Self {
        Self::Recipe {
            key: key.into(),
            expected: expected.into(),
            found: found.to_string(),
        }
    }

    /// A layer that does not fit.
    pub fn layer(
        layer: impl Into<String>,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Self {
        Self::Layer {
            layer: layer.into(),
            expected: expected.into(),
            found: found.into(),
        }
    }

    /// An argument out of range.
    pub fn argument(
        what: impl Into<String>,
        expected: impl Into<String>,
        found: impl ToString,
    ) -> Self {
        Self::Argument {
            what: what.into(),
            expected: expected.into(),
            found: found.to_string(),
        }
    }

    /// The same error with the file that holds the invalid recipe, layer or value.
    pub fn inside(self, path: impl AsRef<Path>) -> Self {
        Self::Inside {
            path: path.as_ref().to_path_buf(),
            error: Box::new(self),
        }
    }

    /// Whether the cause is an input (a file, a recipe, a flag) rather than the machine or the run.
    pub fn is_input(&self) -> bool {
        match self {
            Self::Io { source, .. } => matches!(
                source.kind(),
                std::io::ErrorKind::NotFound
                    | std::io::ErrorKind::IsADirectory
                    | std::io::ErrorKind::NotADirectory
                    | std::io::ErrorKind::AlreadyExists
                    | std::io::ErrorKind::PermissionDenied
                    | std::io::ErrorKind::ReadOnlyFilesystem
                    | std::io::ErrorKind::InvalidFilename
            ),
            Self::File { .. }
            | Self::Damaged { .. }
            | Self::NotACheckpoint { .. }
            | Self::NewerFormat { .. }
            | Self::Recipe { .. }
            | Self::Layer { .. }
            | Self::Argument { .. } => true,
            Self::Inside { error, .. } => error.is_input(),
            Self::NotFinite { .. } | Self::Tensor(_) => false,
        }
    }
}

/// For closures and traits of candle's, such as its modules.
impl From<Error> for candle_core::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Tensor(error) => error,
            error => Self::Msg(with_cause(&error)),
        }
    }
}
