//! The pictures that a command reads: files, folders, standard input.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::Result;
use autoencode::Error;
use autoencode::data::{Pictures, is_of_run, left_out};
use autoencode::picture::{PictureFormat, check_picture, read_header};
use tempfile::TempDir;

use super::shared::Shared;

/// What stands for standard input, or for standard output.
pub const STANDARD: &str = "-";
/// The name of standard input as a file, and in errors.
const STDIN: &str = "stdin.png";
const STDIN_SHOWN: &str = "standard input";
/// Bytes that tell whether it is a picture.
const START: u64 = 64;
/// What was found where a path leads to a run, not to pictures.
const OF_RUN: &str = "what a run wrote (-c takes a run folder)";

/// Pictures in the order in which they were named; those of a folder in the order of its names.
#[derive(Debug, Default)]
pub struct Inputs {
    /// The files to read.
    pub paths: Vec<PathBuf>,
    /// What each is called: as typed, or its path below a folder as typed.
    pub shown: Vec<PathBuf>,
    /// The place of each in a folder of results.
    pub names: Vec<PathBuf>,
    /// Number of files of other types in the folders.
    pub left_out: usize,
    /// What holds standard input.
    stdin: Vec<TempDir>,
}

impl Inputs {
    /// Finds the pictures among what was typed, and notes what folders hold beside them. `except` is a folder
    /// that is not read where it lies in a typed one.
    pub fn find(typed: &[PathBuf], except: Option<&Path>, shared: &Shared) -> Result<Self> {
        let mut inputs = Self::default();
        for path in typed {
            match path.is_dir() && !is_standard(path) {
                true => inputs.add_folder(path, except, shared)?,
                false => inputs.add_file(path)?,
            }
        }
        Ok(inputs)
    }

    /// One picture, which is no folder.
    pub fn one(path: &Path) -> Result<Self> {
        let mut inputs = Self::default();
        inputs.add_file(path)?;
        Ok(inputs)
    }

    /// The first file.
    pub fn path(&self) -> &Path {
        self.paths.first().map_or(Path::new(""), PathBuf::as_path)
    }

    fn add_file(&mut self, path: &Path) -> Result<()> {
        let file = match is_standard(path) {
            true => {
                let folder = read_stdin()?;
                let file = folder.path().join(STDIN);
                self.stdin.push(folder);
                file
            }
            false => path.to_path_buf(),
        };
        let found = match file.extension() {
            _ if is_of_run(&file) => Some(OF_RUN),
            Some(ending) if ending.eq_ignore_ascii_case("safetensors") => {
                Some("a checkpoint (-c takes it)")
            }
            _ => None,
        };
        if let Some(found) = found {
            return Err(Error::file(path, "a picture to work on", found).into());
        }
        self.names.push(file.file_name().unwrap_or_default().into());
        self.paths.push(file);
        self.shown.push(path.to_path_buf());
        Ok(())
    }

    fn add_folder(&mut self, path: &Path, except: Option<&Path>, shared: &Shared) -> Result<()> {
        let expected = "a folder with pictures";
        let found = Pictures::below(path, except)?;
        let left_out = left_out(found.left_out);
        if found.files.iter().any(|file| is_of_run(file))
            || (found.files.is_empty() && is_of_run(path))
        {
            return Err(Error::file(path, expected, OF_RUN).into());
        }
        if found.files.is_empty() {
            let none = left_out.map_or("none".to_string(), |others| format!("none ({others})"));
            return Err(Error::file(path, expected, none).into());
        }
        if let Some(left_out) = left_out {
            shared.note(format_args!(
                "{}: {left_out} (PNG, JPEG, TIFF, WebP and BMP files are read)",
                path.display()
            ));
        }
        let names = found.files.iter().map(|file| {
            let name = file.strip_prefix(path);
            name.unwrap_or(file).to_path_buf()
        });
        self.names.extend(names);
        self.left_out += found.left_out;
        self.shown.extend_from_slice(&found.files);
        self.paths.extend(found.files);
        Ok(())
    }
}

/// Tells whether a path is `-`, which means standard input or standard output.
pub fn is_standard(path: &Path) -> bool {
    path.as_os_str() == STANDARD
}

/// Copies standard input into a file of a temporary folder, as pictures are read from files: their headers
/// tell how much memory they need.
fn read_stdin() -> Result<TempDir> {
    let failed = |source| Error::io("read", STDIN_SHOWN, source);
    let folder = tempfile::tempdir().map_err(failed)?;
    let path = folder.path().join(STDIN);
    let mut file = File::create(&path).map_err(failed)?;
    let mut stdin = io::stdin().lock();
    let called = |error| match error {
        Error::File {
            expected, found, ..
        } => Error::file(STDIN_SHOWN, expected, found),
        other => other,
    };
    let mut start = Vec::new();
    stdin
        .by_ref()
        .take(START)
        .read_to_end(&mut start)
        .map_err(failed)?;
    file.write_all(&start).map_err(failed)?;
    // Anything else may have no end. The header of a PNG lies within these bytes.
    if !matches!(PictureFormat::of(&start), Some(format) if format != PictureFormat::Png) {
        read_header(&path).map_err(called)?;
    }
    io::copy(&mut stdin, &mut file).map_err(failed)?;
    check_picture(&path).map_err(called)?;
    Ok(folder)
}
