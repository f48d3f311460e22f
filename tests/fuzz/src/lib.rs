//! The bodies of the fuzz targets: what holds for every input, however damaged or hostile.
//!
//! Each module has one function `run`, which panics where something does not hold. The fuzzer calls it
//! from `targets/`, and the tests of the main package, which include this file, call it on the corpus.

pub mod checkpoint;
pub mod codes;
pub mod idx;
pub mod npy;
pub mod npz;
pub mod png;
pub mod recipe;

use std::fs;
use std::path::{Path, PathBuf};

use autoencode::Error;
use autoencode::data::{Dataset, Images};
use tempfile::TempDir;

thread_local! {
    /// Where this thread's inputs become files.
    static FOLDER: TempDir = TempDir::with_prefix("autoencode-fuzz-").unwrap();
}

/// The path of a file of this thread.
fn place(name: &str) -> PathBuf {
    FOLDER.with(|folder| folder.path().join(name))
}

/// A file with these bytes.
fn file(name: &str, bytes: &[u8]) -> PathBuf {
    let path = place(name);
    fs::write(&path, bytes).unwrap();
    path
}

/// An error that a file causes blames the input, in one line that starts with the file's name.
fn check_refusal(error: &Error, path: &Path) {
    check_message(error, &[path.to_str().unwrap()]);
}

/// An error blames the input, in one line that starts with one of these.
fn check_message(error: &Error, starts: &[&str]) {
    let message = error.to_string();
    assert!(error.is_input(), "not the input's fault: {message:?}");
    assert!(!message.contains(char::is_control), "{message:?}");
    let named = starts.iter().any(|start| message.starts_with(start));
    assert!(named, "{message:?} starts with none of {starts:?}");
}

/// The sets of some data have one shape, and as many values and labels as images; says how many images
/// there are in all.
fn check_data(data: &Dataset) -> usize {
    let parts: [&Images; 3] = [&data.train, &data.validation, &data.test];
    for part in parts {
        assert_eq!(part.shape(), data.train.shape());
        assert_eq!(part.pixels().len(), part.len() * part.image_len());
        assert_eq!(part.labels().len(), part.len());
        assert!(!part.is_empty());
    }
    parts.map(Images::len).iter().sum()
}

/// Takes bytes off the front of an input; what is missing is 0.
fn take<const N: usize>(input: &mut &[u8]) -> [u8; N] {
    let taken = part(input, N);
    let mut bytes = [0; N];
    bytes[..taken.len()].copy_from_slice(taken);
    bytes
}

/// Takes a part off the front of an input, as much of it as there is.
fn part<'a>(input: &mut &'a [u8], length: usize) -> &'a [u8] {
    let (part, rest) = input.split_at(length.min(input.len()));
    *input = rest;
    part
}
