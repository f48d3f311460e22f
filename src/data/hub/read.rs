//! Reading a downloaded set with candle-datasets, which checks little of its input.

use std::fs::File;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::{panic, thread};

use candle_core::Tensor;
use image::ImageReader;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};

use super::super::Images;
use super::cache::Repository;
use crate::error::first_line;

/// The thread on which a set is downloaded and read.
pub const THREAD: &str = "hub-download";
const SHAPE: (usize, usize, usize) = (1, 28, 28);
const CLASSES: i64 = 10;
/// The number of images in each file.
const PARTS: [(&str, usize); 2] = [("training", 60_000), ("test", 10_000)];

/// The training and test images from the cached files.
///
/// # Errors
/// If the files hold something else; the error says so.
pub fn images(repository: &Repository, paths: &[PathBuf; 2]) -> Result<(Images, Images), String> {
    for (path, (part, count)) in paths.iter().zip(PARTS) {
        check(path, count).map_err(|found| format!("{part} file: {found}"))?;
    }
    let all = panic::catch_unwind(repository.load)
        .map_err(|_| "an image cannot be decoded")?
        .map_err(first_line)?;
    Ok((
        bytes(&all.train_images, &all.train_labels)?,
        bytes(&all.test_images, &all.test_labels)?,
    ))
}

/// Checks a file row by row. candle-datasets drops rows that it cannot read, loops forever if it cannot
/// open a row group, reserves as much memory as the file claims to need, and accepts images of any size.
fn check(path: &Path, count: usize) -> Result<(), String> {
    let file = File::open(path).map_err(first_line)?;
    let reader = SerializedFileReader::new(file).map_err(first_line)?;
    let counted = |rows: i64| match usize::try_from(rows) == Ok(count) {
        true => Ok(()),
        false => Err(format!("expected {count} images, found {rows}")),
    };
    counted(reader.metadata().file_metadata().num_rows())?;
    let rows = reader.get_row_iter(None).map_err(first_line)?;
    let mut found = 0;
    for row in rows {
        row.map_err(first_line)
            .and_then(|row| check_row(&row))
            .map_err(|error| format!("image {found}: {error}"))?;
        found += 1;
    }
    counted(found)
}

/// Checks that candle-datasets finds one image of the right size and one label in a row.
fn check_row(row: &Row) -> Result<(), String> {
    let (mut images, mut labels) = (0, 0);
    for (_, field) in row.get_column_iter() {
        match field {
            Field::Group(parts) => {
                for (_, part) in parts.get_column_iter() {
                    if let Field::Bytes(encoded) = part {
                        check_size(encoded.data())?;
                        images += 1;
                    }
                }
            }
            Field::Long(label) if !(0..CLASSES).contains(label) => {
                return Err(format!("expected a label of 0 to 9, found {label}"));
            }
            Field::Long(_) => labels += 1,
            _ => {}
        }
    }
    match (images, labels) {
        (1, 1) => Ok(()),
        _ => Err(format!(
            "expected encoded bytes in a group and a 64-bit label, found {images} and {labels} of them"
        )),
    }
}

fn check_size(encoded: &[u8]) -> Result<(), String> {
    let (width, height) = ImageReader::new(Cursor::new(encoded))
        .with_guessed_format()
        .map_err(first_line)?
        .into_dimensions()
        .map_err(|error| format!("it cannot be decoded ({})", first_line(error)))?;
    let (_, rows, columns) = SHAPE;
    match (usize::try_from(height), usize::try_from(width)) == (Ok(rows), Ok(columns)) {
        true => Ok(()),
        false => Err(format!(
            "expected {rows}x{columns} pixels, found {height}x{width}"
        )),
    }
}

/// Converts the images back to bytes.
fn bytes(images: &Tensor, labels: &Tensor) -> Result<Images, String> {
    let values = images
        .flatten_all()
        .and_then(|flat| flat.to_vec1::<f32>())
        .map_err(first_line)?;
    let pixels = values
        .into_iter()
        // The f32 nearest to byte / 255 times 255 lies well within 0.5 of the byte.
        .map(|value| (value * 255.0).round() as u8)
        .collect();
    let labels = labels.to_vec1::<u8>().map_err(first_line)?;
    let labels = labels.into_iter().map(u32::from).collect();
    Images::new(SHAPE, pixels, labels).map_err(|error| error.to_string())
}

/// candle-datasets panics on an image that it cannot decode. The panic becomes an error that the set is
/// unavailable, so its message is not shown to the user.
pub fn hush_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if thread::current().name() != Some(THREAD) {
                previous(info);
            }
        }));
    });
}
