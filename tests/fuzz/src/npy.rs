//! Images in an array of NumPy, with its header before them.

use autoencode::data::{Source, load};

use super::{check_data, check_refusal, file};

/// The magic number and the version of the format, which any other input gets put before it.
const START: &[u8] = b"\x93NUMPY\x01\x00";

/// An array that is read has no more values than bytes.
pub fn run(input: &[u8]) {
    let mut bytes = input.to_vec();
    if !input.starts_with(&START[..6]) {
        bytes.splice(..0, START.iter().copied());
    }
    let path = file("array.npy", &bytes);
    match load(&Source::Path(path.clone()), true) {
        Ok(data) => assert!(check_data(&data) * data.train.image_len() < bytes.len()),
        Err(error) => check_refusal(&error, &path),
    }
}
