//! Archives of NumPy's arrays: a whole zip file, or four arrays that are put into one. Of these the first
//! byte says how, then come the lengths of the first three, two bytes each, and the arrays.

use std::io::{Cursor, Write};

use autoencode::data::{Source, load};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::{check_data, check_refusal, file, part, take};

/// In the order in which an input has them.
const NAMES: [&str; 4] = ["x_train.npy", "y_train.npy", "x_test.npy", "y_test.npy"];

/// The image arrays of an archive that is read are not longer than it could unpack to.
pub fn run(input: &[u8]) {
    let (bytes, most) = match input.starts_with(b"PK") {
        // Deflate packs at most 1,032 bytes into one.
        true => (input.to_vec(), input.len() * 1032),
        false => (archive(input), input.len()),
    };
    let path = file("arrays.npz", &bytes);
    match load(&Source::Path(path.clone()), true) {
        Ok(data) => assert!(check_data(&data) * data.train.image_len() < most),
        Err(error) => check_refusal(&error, &path),
    }
}

fn archive(mut input: &[u8]) -> Vec<u8> {
    let [storage] = take(&mut input);
    let method = match storage & 1 == 0 {
        true => CompressionMethod::Stored,
        false => CompressionMethod::Deflated,
    };
    let lengths: [[u8; 2]; 3] = [(); 3].map(|()| take(&mut input));
    let lengths = lengths.map(|bytes| usize::from(u16::from_le_bytes(bytes)));
    let options = SimpleFileOptions::default().compression_method(method);
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, length) in NAMES
        .into_iter()
        .zip(lengths.into_iter().chain([input.len()]))
    {
        writer.start_file(name, options).unwrap();
        writer.write_all(part(&mut input, length)).unwrap();
    }
    writer.finish().unwrap().into_inner()
}
