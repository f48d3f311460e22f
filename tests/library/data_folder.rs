//! Folders of IDX files: what is read, and what is refused.

use std::fs;
use std::io::Write;
use std::path::Path;

use autoencode::Error;
use autoencode::data::{self, Dataset, Source};
use flate2::{Compression, write::GzEncoder};
use tempfile::TempDir;

const TRAIN_IMAGES: &str = "train-images-idx3-ubyte";
const TRAIN_LABELS: &str = "train-labels-idx1-ubyte";
const TEST_IMAGES: &str = "t10k-images-idx3-ubyte";
const TEST_LABELS: &str = "t10k-labels-idx1-ubyte";

fn idx(magic: u32, dims: &[u32], values: Vec<u8>) -> Vec<u8> {
    let mut bytes = magic.to_be_bytes().to_vec();
    for dim in dims {
        bytes.extend(dim.to_be_bytes());
    }
    bytes.extend(values);
    bytes
}

/// `count` images of `height` x `width` that differ from each other.
fn images(count: u32, height: u32, width: u32) -> Vec<u8> {
    let values = (0..count * height * width)
        .map(|v| (v * 31 % 251) as u8)
        .collect();
    idx(0x803, &[count, height, width], values)
}

fn labels(count: u32) -> Vec<u8> {
    idx(
        0x801,
        &[count],
        (0..count).map(|v| (v % 10) as u8).collect(),
    )
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A sound folder: 30 training and 7 test images of 5x4.
fn folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, bytes) in [
        (TRAIN_IMAGES, images(30, 5, 4)),
        (TRAIN_LABELS, labels(30)),
        (TEST_IMAGES, images(7, 5, 4)),
        (TEST_LABELS, labels(7)),
    ] {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}

fn load(folder: &Path) -> Result<Dataset, Error> {
    data::load(&Source::Path(folder.to_path_buf()), false)
}

/// Loads a sound folder with one file replaced, raw and gzipped; both errors name the file.
fn refused(name: &str, bytes: &[u8]) -> [String; 2] {
    [
        (name.to_string(), bytes.to_vec()),
        (format!("{name}.gz"), gzip(bytes)),
    ]
    .map(|(replacement, bytes)| refused_as(name, &replacement, &bytes))
}

fn refused_as(name: &str, replacement: &str, bytes: &[u8]) -> String {
    let folder = folder();
    fs::remove_file(folder.path().join(name)).unwrap();
    let path = folder.path().join(replacement);
    fs::write(&path, bytes).unwrap();
    let error = load(folder.path()).unwrap_err();
    assert!(error.is_input(), "{error:?}");
    let message = error.to_string();
    assert!(
        message.starts_with(&path.display().to_string()),
        "{message}"
    );
    message
}

#[track_caller]
fn assert_says(messages: &[String], parts: &[&str]) {
    for message in messages {
        for part in parts {
            assert!(message.contains(part), "{message:?} lacks {part:?}");
        }
    }
}

#[test]
fn a_folder_is_read_and_one_tenth_held_out() {
    let folder = folder();
    let data = load(folder.path()).unwrap();
    assert_eq!(
        (data.train.len(), data.validation.len(), data.test.len()),
        (27, 3, 7)
    );
    assert_eq!(data.test.shape(), (1, 5, 4));
    assert_eq!(data.test.pixels(), &images(7, 5, 4)[16..]);
    assert_eq!(data.test.labels(), [0, 1, 2, 3, 4, 5, 6]);
    assert!(!data.origin.is_sample());
    assert_eq!(data.origin.notice(), None);
    assert!(data.test.class_names().is_empty());
    let named = folder.path().join("fashion-mnist");
    fs::create_dir(&named).unwrap();
    for name in [TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS] {
        fs::copy(folder.path().join(name), named.join(name)).unwrap();
    }
    let fashion = load(&named).unwrap();
    assert_eq!(fashion.content(), data.content());
    assert_eq!(fashion.test.class_names()[&9], "Ankle boot");
    let origin = data.origin.to_string();
    assert!(origin.starts_with("30 + 7 images of 5x4 from "), "{origin}");
    // The rest of the training set keeps its order, and nothing is lost.
    let all = images(30, 5, 4);
    let place = |image: &[u8]| {
        all[16..]
            .chunks(20)
            .position(|other| other == image)
            .unwrap()
    };
    let train: Vec<_> = (0..27)
        .map(|i| place(data.train.image(i).unwrap()))
        .collect();
    assert!(train.is_sorted());
    let held_out = (0..3).map(|i| place(data.validation.image(i).unwrap()));
    let mut both: Vec<_> = train.into_iter().chain(held_out).collect();
    both.sort_unstable();
    assert_eq!(both, (0..30).collect::<Vec<_>>());
}

#[test]
fn no_more_than_5000_images_are_held_out() {
    let folder = folder();
    fs::write(folder.path().join(TRAIN_IMAGES), images(60_000, 1, 1)).unwrap();
    fs::write(folder.path().join(TRAIN_LABELS), labels(60_000)).unwrap();
    fs::write(folder.path().join(TEST_IMAGES), images(7, 1, 1)).unwrap();
    let data = load(folder.path()).unwrap();
    assert_eq!(
        (data.train.len(), data.validation.len(), data.test.len()),
        (55_000, 5_000, 7)
    );
}

#[test]
fn raw_and_gzipped_files_of_either_spelling_give_the_same() {
    let expected = load(folder().path()).unwrap();
    for (separator, packed) in [("-", true), (".", false), (".", true)] {
        let folder = folder();
        for name in [TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS] {
            let old = folder.path().join(name);
            let bytes = fs::read(&old).unwrap();
            fs::remove_file(&old).unwrap();
            let name = name.replace("-idx", &format!("{separator}idx"));
            if packed {
                fs::write(folder.path().join(name + ".gz"), gzip(&bytes)).unwrap();
            } else {
                fs::write(folder.path().join(name), bytes).unwrap();
            }
        }
        let data = load(folder.path()).unwrap();
        assert_eq!(data.train, expected.train);
        assert_eq!(data.validation, expected.validation);
        assert_eq!(data.test, expected.test);
    }
}

#[test]
fn a_missing_folder_and_a_missing_file_are_named() {
    let folder = folder();
    let missing = folder.path().join("nowhere");
    let error = load(&missing).unwrap_err();
    assert!(
        error.is_input() && error.to_string().contains("nowhere"),
        "{error}"
    );
    fs::remove_file(folder.path().join(TEST_LABELS)).unwrap();
    let error = load(folder.path()).unwrap_err();
    assert!(
        error.is_input() && error.to_string().contains(TEST_LABELS),
        "{error}"
    );
}

#[test]
fn another_kind_of_file_is_refused() {
    assert_says(
        &refused(TRAIN_IMAGES, &labels(30)),
        &["0x00000803", "0x00000801"],
    );
    assert_says(
        &refused(TEST_LABELS, &images(7, 5, 4)),
        &["0x00000801", "0x00000803"],
    );
    assert_says(
        &refused(TRAIN_LABELS, b"\x89PNG\r\n\x1a\n"),
        &["labels", "0x89504e47"],
    );
}

#[test]
fn a_truncated_file_is_refused() {
    let whole = images(30, 5, 4);
    assert_says(
        &refused(TRAIN_IMAGES, &whole[..615]),
        &["616 bytes", "615 bytes"],
    );
    assert_says(
        &refused(TRAIN_LABELS, &labels(30)[..20]),
        &["38 bytes", "20 bytes"],
    );
    for length in [0, 3, 4, 15] {
        assert_says(
            &refused(TRAIN_IMAGES, &whole[..length]),
            &["ends in its header"],
        );
    }
    // A gzip file that was cut itself, or changed.
    let packed = gzip(&whole);
    let name = "train-images-idx3-ubyte.gz";
    for length in 2..packed.len() {
        refused_as(TRAIN_IMAGES, name, &packed[..length]);
    }
    let mut changed = packed.clone();
    let checksum = changed.len() - 8;
    changed[checksum] ^= 1;
    assert_says(&[refused_as(TRAIN_IMAGES, name, &changed)], &["sound gzip"]);
}

#[test]
fn bytes_after_the_end_are_refused() {
    let mut longer = images(7, 5, 4);
    longer.push(0);
    assert_says(
        &refused(TEST_IMAGES, &longer),
        &["156 bytes", "7 images of 5x4"],
    );
    let mut packed = gzip(&labels(7));
    packed.extend(b"more");
    refused_as(TEST_LABELS, "t10k-labels-idx1-ubyte.gz", &packed);
}

#[test]
fn counts_that_do_not_match_are_refused() {
    let both = "30 labels, one for each image of ";
    assert_says(
        &refused(TRAIN_LABELS, &labels(29)),
        &[both, TRAIN_IMAGES, "29 labels"],
    );
    assert_says(&refused(TEST_IMAGES, &images(7, 4, 5)), &["5x4", "4x5"]);
}

#[test]
fn sets_too_small_to_train_on_are_refused() {
    assert_says(
        &refused(TRAIN_IMAGES, &images(0, 5, 4)),
        &["1 or more images"],
    );
    assert_says(&refused(TEST_LABELS, &labels(0)), &["1 or more labels"]);
    let folder = folder();
    fs::write(folder.path().join(TRAIN_IMAGES), images(1, 5, 4)).unwrap();
    fs::write(folder.path().join(TRAIN_LABELS), labels(1)).unwrap();
    let error = load(folder.path()).unwrap_err();
    let expected = format!(
        "{}: expected 2 or more training images, found 1",
        folder.path().display()
    );
    assert_eq!(error.to_string(), expected);
}

/// Headers that promise more than the file holds are refused before memory is taken for it: the
/// largest would not fit into any machine.
#[test]
fn absurd_dimensions_are_refused() {
    const MAX: u32 = u32::MAX;
    for dims in [
        [MAX, MAX, MAX],
        [30, 0, 4],
        [30, 5, 0],
        [1, 4097, 1],
        [1, 1, MAX],
    ] {
        let bytes = idx(0x803, &dims, vec![0; 100]);
        assert_says(&refused(TRAIN_IMAGES, &bytes), &["pixels", "header"]);
    }
    assert_says(
        &refused(TRAIN_IMAGES, &idx(0x803, &[MAX, 4096, 4096], vec![0])),
        &["2,147,483,648"],
    );
    assert_says(
        &refused(TRAIN_LABELS, &idx(0x801, &[MAX], vec![0])),
        &["2,147,483,648"],
    );
    let one_gigabyte = idx(0x803, &[1 << 20, 32, 32], vec![0; 1 << 10]);
    assert_says(
        &refused(TRAIN_IMAGES, &one_gigabyte),
        &["1,073,741,840 bytes"],
    );
}

/// A gzip file that unpacks to much more than its header promises is not unpacked further than that.
#[test]
fn a_gzip_bomb_is_refused_without_unpacking_it() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&labels(30)).unwrap();
    let zeros = vec![0; 1 << 20];
    for _ in 0..512 {
        encoder.write_all(&zeros).unwrap();
    }
    let bomb = encoder.finish().unwrap();
    let before = peak_memory();
    let message = refused_as(TRAIN_LABELS, "train-labels-idx1-ubyte.gz", &bomb);
    assert_says(&[message], &["38 bytes", "more bytes after them"]);
    if let (Some(before), Some(after)) = (before, peak_memory()) {
        // The system counts per thread and adds up now and then, so that it may seem to fall a little.
        assert!(
            after.saturating_sub(before) < 64 << 10,
            "{before} to {after} KiB"
        );
    }
}

/// The most memory this process has had, in KiB, where the system tells.
fn peak_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches("kB").trim().parse().ok()
}

#[cfg(unix)]
#[test]
fn a_folder_in_the_place_of_a_file_is_refused() {
    let folder = folder();
    let path = folder.path().join(TRAIN_IMAGES);
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    let error = load(folder.path()).unwrap_err();
    assert!(error.to_string().contains("expected a file"), "{error}");
}
