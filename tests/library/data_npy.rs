//! Arrays of NumPy: what NumPy wrote is read, and what could harm is refused.

use crate::common::repository;
use std::fs;
use std::io::Write;
use std::path::Path;

use autoencode::Error;
use autoencode::data::{self, Dataset, Source};
use autoencode::recipe::{Class, DataConfig, ImageSize};
use tempfile::TempDir;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

fn load(path: &Path) -> Result<Dataset, Error> {
    data::load(&Source::Path(path.to_path_buf()), true)
}

/// A file written by scripts/reference_npy.py.
fn reference(name: &str) -> Result<Dataset, Error> {
    load(&repository(&format!("tests/data/npy/{name}")))
}

/// The bytes of the reference arrays: they count up by 7.
fn pixels(count: usize) -> Vec<u8> {
    (0..count).map(|index| (index * 7 % 256) as u8).collect()
}

/// All images of all parts, sorted, as splits do not keep all of them in one place.
fn all(data: &Dataset) -> Vec<Vec<u8>> {
    let mut images: Vec<Vec<u8>> = [&data.train, &data.validation, &data.test]
        .into_iter()
        .flat_map(|part| (0..part.len()).map(|index| part.image(index).unwrap().to_vec()))
        .collect();
    images.sort_unstable();
    images
}

/// The message about a file with these bytes: one line that starts with the file's name.
fn refused(name: &str, bytes: &[u8]) -> String {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    let error = load(&path).unwrap_err();
    assert!(matches!(error, Error::File { .. }), "{error:?}");
    let message = error.to_string();
    assert!(message.starts_with(path.to_str().unwrap()), "{message}");
    assert_eq!(message.lines().count(), 1, "{message}");
    message.replace(folder.path().to_str().unwrap(), "")
}

/// An .npy file with this header text and these bytes as values.
fn npy(header: &str, values: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(values);
    bytes
}

fn array(descr: &str, shape: &str, values: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
    npy(&header, values)
}

fn archive(entries: &[(&str, Vec<u8>)], method: CompressionMethod) -> Vec<u8> {
    let mut writer = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(method);
    for (name, bytes) in entries {
        writer.start_file(*name, options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// The arrays of a sound set: 6 training and 4 test images of 2x2.
fn entries() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("x_train.npy", array("|u1", "(6, 2, 2)", &pixels(24))),
        ("y_train.npy", array("|u1", "(6,)", &[0, 1, 2, 0, 1, 2])),
        ("x_test.npy", array("|u1", "(4, 2, 2)", &pixels(16))),
        (
            "y_test.npy",
            array("<i4", "(4, 1)", &[1, 0, 0, 0].repeat(4)),
        ),
    ]
}

/// The message about a sound set with one array replaced.
fn refused_with(key: &str, bytes: Vec<u8>) -> String {
    let mut entries = entries();
    for (name, old) in &mut entries {
        if *name == format!("{key}.npy") {
            *old = bytes.clone();
        }
    }
    refused("set.npz", &archive(&entries, CompressionMethod::Deflated))
}

#[track_caller]
fn assert_says(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "{message:?} lacks {part:?}");
    }
}

#[test]
fn arrays_of_every_format_type_and_layout_are_the_same_images() {
    let grey = reference("grey_u8.npy").unwrap();
    assert_eq!(grey.train.shape(), (1, 4, 5));
    // One tenth for testing and one of what is left for validation, each at least one.
    assert_eq!(
        (grey.train.len(), grey.validation.len(), grey.test.len()),
        (10, 1, 1)
    );
    let mut expected: Vec<Vec<u8>> = pixels(240).chunks(20).map(<[u8]>::to_vec).collect();
    expected.sort_unstable();
    assert_eq!(all(&grey), expected);
    for name in ["u8_v2", "u8_v3", "f4", "f8"] {
        let other = reference(&format!("grey_{name}.npy")).unwrap();
        assert_eq!(other.content(), grey.content(), "{name}");
    }
    for name in ["fortran.npy", "big_endian.npy", "half.npy"] {
        assert_eq!(reference(name).unwrap().content(), grey.content(), "{name}");
    }
    let colour = reference("colour_nchw.npy").unwrap();
    assert_eq!(colour.train.shape(), (3, 4, 5));
    let mut expected: Vec<Vec<u8>> = pixels(720).chunks(60).map(<[u8]>::to_vec).collect();
    expected.sort_unstable();
    assert_eq!(all(&colour), expected);
    let last = reference("colour_nhwc.npy").unwrap();
    assert_eq!(last.content(), colour.content());
    let origin = colour.origin.to_string();
    assert!(
        origin.starts_with("11 + 1 images of 3x4x5 from "),
        "{origin}"
    );
}

#[test]
fn the_share_of_test_images_is_the_recipes() {
    let path = repository("tests/data/npy/grey_u8.npy");
    let config = DataConfig {
        test_fraction: 0.5,
        ..DataConfig::default()
    };
    let data = data::load_with(&Source::Path(path.clone()), &config, true).unwrap();
    assert_eq!((data.train.len(), data.test.len()), (5, 6));
    let config = DataConfig {
        test_fraction: 0.999,
        ..DataConfig::default()
    };
    let data = data::load_with(&Source::Path(path), &config, true).unwrap();
    assert_eq!((data.train.len(), data.validation.len()), (1, 1));
}

#[test]
fn archives_stored_and_compressed_are_read_with_their_labels() {
    let stored = reference("set.npz").unwrap();
    assert_eq!(
        (
            stored.train.len(),
            stored.validation.len(),
            stored.test.len()
        ),
        (18, 2, 8)
    );
    assert_eq!(stored.test.labels(), [0, 1, 2, 3, 0, 1, 2, 3]);
    assert_eq!(&stored.test.pixels()[..20], &pixels(160)[140..]);
    for part in [&stored.train, &stored.validation] {
        for index in 0..part.len() {
            let first = part.image(index).unwrap()[0];
            let place = (0..20).find(|place| place * 140 % 256 == usize::from(first));
            assert_eq!(part.labels()[index] as usize, place.unwrap() % 4);
        }
    }
    let packed = reference("set_compressed.npz").unwrap();
    assert_eq!(packed.content(), stored.content());
}

#[test]
fn types_that_are_not_read_are_refused_with_what_to_do() {
    for (name, parts) in [
        (
            "objects.npy",
            &["Python objects", "x.astype('float32')", "np.unique"][..],
        ),
        ("structured.npy", &["structured", "x['name']"]),
    ] {
        let error = reference(name).unwrap_err();
        assert!(matches!(error, Error::File { .. }), "{error:?}");
        assert_says(&error.to_string(), parts);
    }
    for (descr, parts) in [
        ("<c8", &["complex", "np.abs(x)"][..]),
        ("<U3", &["strings", "np.unique(y"]),
        ("|S3", &["strings", "np.unique(y"]),
        ("<f16", &["another type, `<f16`", "x.astype('float32')"]),
        ("<M8[s]", &["another type", "x.astype('float32')"]),
    ] {
        assert_says(
            &refused("x.npy", &array(descr, "(3, 1, 1)", &[0; 48])),
            parts,
        );
    }
}

#[test]
fn shapes_that_are_no_images_are_refused_before_memory_is_taken() {
    let too_many = format!("(1, 2, {})", u64::MAX);
    for shape in [
        "()",
        "(3,)",
        "(3, 5)",
        "(3, 2, 4, 4)",
        "(3, 1, 1, 4, 4)",
        "(0, 4, 4)",
        "(3, 0, 4)",
        "(3, 4097, 1)",
        "(4294967296, 1, 1)",
        &too_many,
    ] {
        let message = refused("x.npy", &array("|u1", shape, &[0; 48]));
        assert_says(&message, &["shape ("]);
    }
    for shape in ["(4294967295, 4096, 4096)", "(3000000000, 1, 1)"] {
        let message = refused("x.npy", &array("<f8", shape, &[0; 48]));
        assert_says(&message, &["2,147,483,648", "promises"]);
    }
    let message = refused("x.npy", &array("|u1", "(2000, 1000, 1000)", &[0; 48]));
    assert_says(&message, &["bytes for 2,000 images of 1x1000x1000"]);
}

#[test]
fn files_that_are_too_short_or_too_long_are_refused() {
    let whole = fs::read(repository("tests/data/npy/grey_f4.npy")).unwrap();
    for length in 6..whole.len() {
        let message = refused("x.npy", &whole[..length]);
        if length >= 128 {
            assert_says(&message, &["1,088 bytes for 12 images of 1x4x5"]);
        } else {
            assert_says(&message, &["a whole header"]);
        }
    }
    let mut longer = whole.clone();
    longer.push(0);
    assert_says(&refused("x.npy", &longer), &["1,088 bytes", "1,089 bytes"]);
    assert_says(
        &refused("x.npy", b"\x93NUMPY\x02\x00\xf0\xff\xff\xff{}"),
        &["at most 10,000 bytes", "4294967280"],
    );
    assert_says(&refused("x.npy", b""), &["an empty file"]);
    assert_says(&refused("x.npy", b"P5 2 2"), &["another kind of file"]);
}

#[test]
fn floats_outside_of_0_to_1_are_refused_by_value() {
    for (value, found) in [
        (256.0f32, "found 256"),
        (-0.5, "found -0.5"),
        (f32::NAN, "found NaN"),
        (f32::INFINITY, "found inf"),
    ] {
        let mut values = [0.5f32; 4].map(f32::to_le_bytes).concat();
        values.splice(8..12, value.to_le_bytes());
        let message = refused("x.npy", &array("<f4", "(4, 1, 1)", &values));
        assert_says(&message, &["floats from 0 to 1, or from 0 to 255", found]);
    }
}

#[test]
fn an_archive_without_the_arrays_is_refused_with_what_it_holds() {
    let mut short = entries();
    short.remove(1);
    assert_says(
        &refused("set.npz", &archive(&short, CompressionMethod::Stored)),
        &["no y_train (it holds x_train.npy, x_test.npy, y_test.npy)"],
    );
    // Names that point outside, or that would disturb a terminal, are only ever shown.
    let hostile: Vec<(String, Vec<u8>)> = (0..20)
        .map(|index| (format!("../../\u{1b}[31mx{index}\n.npy"), vec![0; 4]))
        .collect();
    let hostile: Vec<(&str, Vec<u8>)> = hostile
        .iter()
        .map(|(name, bytes)| (name.as_str(), bytes.clone()))
        .collect();
    let message = refused("set.npz", &archive(&hostile, CompressionMethod::Stored));
    assert_says(
        &message,
        &["no x_train (it holds ../../\\u{1b}", "20 in all"],
    );
    assert!(!message.contains('\u{1b}'), "{message}");
    assert_says(
        &refused("set.npz", &archive(&[], CompressionMethod::Stored)),
        &["it is empty"],
    );
}

#[test]
fn other_entries_of_an_archive_are_not_looked_at() {
    let mut more = entries();
    more.insert(0, ("../x_train.npy", b"nothing".to_vec()));
    more.push(("notes.txt", b"nothing".to_vec()));
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("set.npz");
    fs::write(&path, archive(&more, CompressionMethod::Deflated)).unwrap();
    let data = load(&path).unwrap();
    assert_eq!((data.train.len(), data.test.len()), (5, 4));
    assert_eq!(data.test.labels(), [1; 4]);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn arrays_of_an_archive_that_do_not_fit_are_named() {
    let says = |key, bytes, parts: &[&str]| assert_says(&refused_with(key, bytes), parts);
    let labels = |descr: &str, values: &[u8]| array(descr, "(6,)", values);
    says(
        "y_train",
        array("|u1", "(5,)", &[0; 5]),
        &[": y_train: ", "6 labels", "5 labels"],
    );
    says(
        "y_train",
        array("|u1", "(6, 2)", &[0; 12]),
        &["one 1 among 0s", "no 1 in row 0"],
    );
    let two_ones = array("|u1", "(6, 2)", &[1, 0, 0, 1, 1, 1, 0, 1, 0, 1, 0, 1]);
    says("y_train", two_ones, &["found 1 in row 2"]);
    says(
        "y_train",
        array("|u1", "(6, 2, 1)", &[0; 12]),
        &["shape (6, 2, 1)"],
    );
    says(
        "y_train",
        labels("<f4", &0.5f32.to_le_bytes().repeat(6)),
        &["found 0.5"],
    );
    says(
        "y_train",
        labels("|i1", &[255; 6]),
        &["0 to 4,294,967,295", "found -1"],
    );
    says(
        "y_train",
        labels("<u8", &[255; 48]),
        &["18446744073709551615"],
    );
    says(
        "x_test",
        array("|u1", "(4, 1, 4)", &pixels(16)),
        &["1x2x2", "1x1x4"],
    );
    says(
        "x_test",
        array("|u1", "(4, 2, 2)", &pixels(15)),
        &[": x_test: "],
    );
    says(
        "x_test",
        b"not an array".to_vec(),
        &["another kind of file"],
    );
}

/// Whatever is changed or missing in an archive, it is read as it was or refused: nothing else.
#[test]
fn damaged_archives_are_refused() {
    for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
        let whole = archive(&entries(), method);
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("set.npz");
        fs::write(&path, &whole).unwrap();
        let content = load(&path).unwrap().content();
        let damaged = (4..whole.len())
            .map(|length| whole[..length].to_vec())
            .chain((0..whole.len()).map(|at| {
                let mut changed = whole.clone();
                changed[at] ^= 0x55;
                changed
            }));
        for bytes in damaged {
            fs::write(&path, &bytes).unwrap();
            match load(&path) {
                Ok(data) => assert_eq!(data.content(), content),
                Err(error) => {
                    assert!(matches!(error, Error::File { .. }), "{error:?}");
                    assert_eq!(error.to_string().lines().count(), 1, "{error}");
                }
            }
        }
    }
}

/// Bytes of the bomb; no other number in the archive looks like it.
const BOMB: usize = (128 << 20) + 4321;

/// An entry that unpacks to 128 MiB is not unpacked: neither where the archive says so, nor
/// where it says that there is no more than the header promises.
#[test]
fn a_zip_bomb_is_refused_without_unpacking_it() {
    let sound = array("|u1", "(6, 2, 2)", &pixels(24));
    let length = sound.len();
    let mut bomb = sound.clone();
    bomb.resize(BOMB, 0);
    let bytes = |size: usize| (size as u32).to_le_bytes();
    let mut entries = entries();
    entries[0].1 = bomb;
    let honest = archive(&entries, CompressionMethod::Deflated);
    drop(entries);
    let mut lying = honest.clone();
    let at: Vec<usize> = (0..lying.len() - 4)
        .filter(|&at| lying[at..at + 4] == bytes(BOMB))
        .collect();
    assert_eq!(at.len(), 2, "local header and directory");
    for at in at {
        lying[at..at + 4].copy_from_slice(&bytes(length));
    }
    // What the test itself used does not count.
    if fs::write("/proc/self/clear_refs", "5").is_err() {
        eprintln!("memory is not measured: the system does not let its peak be reset");
    }
    let before = autoencode::train::peak_memory_mb();
    let message = refused("set.npz", &honest);
    assert_says(&message, &["bytes for 6 images of 1x2x2", "134,222,049"]);
    let message = refused("set.npz", &lying);
    assert_says(&message, &[": x_train: "]);
    if let (Some(before), Some(after)) = (before, autoencode::train::peak_memory_mb()) {
        assert!(after - before < 64.0, "{before} to {after} MiB");
    }
    // More than deflate can pack, by the directory alone.
    let mut impossible = honest.clone();
    let directory = (0..impossible.len() - 4)
        .rfind(|&at| impossible[at..at + 4] == bytes(BOMB))
        .unwrap();
    impossible[directory..directory + 4].copy_from_slice(&bytes(0xf000_0000));
    assert_says(
        &refused("set.npz", &impossible),
        &["4,026,531,840 bytes stored in"],
    );
}

#[test]
fn a_set_too_small_to_split_is_refused() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("x.npy");
    fs::write(&path, array("|u1", "(2, 1, 1)", &[1, 2])).unwrap();
    let expected = format!("{}: expected 3 or more images, found 2", path.display());
    assert_eq!(load(&path).unwrap_err().to_string(), expected);
    fs::write(&path, array("|u1", "(3, 1, 1)", &[1, 2, 3])).unwrap();
    let data = load(&path).unwrap();
    assert_eq!(
        (data.train.len(), data.validation.len(), data.test.len()),
        (1, 1, 1)
    );
}

/// What is said of a file with these bytes, and its contents.
fn read_with(config: &DataConfig, name: &str, bytes: &[u8]) -> (Option<String>, Dataset) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    let data = data::load_with(&Source::Path(path), config, true).unwrap();
    (data.origin.notice(), data)
}

fn read(name: &str, bytes: &[u8]) -> (Option<String>, Dataset) {
    read_with(&DataConfig::default(), name, bytes)
}

/// The bytes of whole numbers in a type of NumPy.
fn encoded(descr: &str, numbers: &[u32]) -> Vec<u8> {
    let one = |number: &u32| {
        let value = f64::from(*number);
        let mut bytes = match &descr[1..] {
            "f2" => half::f16::from_f64(value).to_le_bytes().to_vec(),
            "f4" => (value as f32).to_le_bytes().to_vec(),
            "f8" => value.to_le_bytes().to_vec(),
            integers => {
                let size = integers[1..].parse().unwrap();
                u64::from(*number).to_le_bytes()[..size].to_vec()
            }
        };
        if descr.starts_with('>') {
            bytes.reverse();
        }
        bytes
    };
    numbers.iter().flat_map(one).collect()
}

#[test]
fn values_from_0_to_255_of_any_type_and_order_are_bytes() {
    let numbers = [0, 1, 2, 127, 128, 254, 255, 64, 0, 1, 3, 200];
    let shape = "(3, 2, 2)";
    let bytes = read("x.npy", &array("|u1", shape, &encoded("|u1", &numbers)));
    assert_eq!(bytes.0, None);
    for kind in ["u2", "u4", "u8", "i2", "i4", "i8", "f2", "f4", "f8"] {
        for order in ["<", ">"] {
            let descr = format!("{order}{kind}");
            let array = array(&descr, shape, &encoded(&descr, &numbers));
            let (notice, data) = read("x.npy", &array);
            assert_eq!(data.content(), bytes.1.content(), "{descr}");
            let said = notice
                .is_some_and(|notice| notice.contains("floats taken for values from 0 to 255"));
            assert_eq!(said, kind.starts_with('f'), "{descr}");
        }
    }
    // 1 is white in masks and in floats; larger values that come later change what was read before.
    let mask = [0, 1, 1, 0, 1, 1, 0, 0, 1, 0, 0, 0];
    let white: Vec<u32> = mask.iter().map(|value| value * 255).collect();
    let expected = read("x.npy", &array("|u1", shape, &encoded("|u1", &white))).1;
    for descr in ["|b1", "<i8", ">f4"] {
        let (_, data) = read("x.npy", &array(descr, shape, &encoded(descr, &mask)));
        assert_eq!(data.content(), expected.content(), "{descr}");
    }
    let (notice, _) = read("x.npy", &array("|u1", shape, &encoded("|u1", &mask)));
    assert!(notice.unwrap().contains("nearly black"));
    // 16 bits a channel.
    let words: Vec<u32> = [1, 300]
        .into_iter()
        .chain(white.iter().map(|value| value * 257))
        .take(12)
        .collect();
    let (notice, data) = read("x.npy", &array("<u2", shape, &encoded("<u2", &words)));
    assert!(
        notice
            .unwrap()
            .contains("integers taken for values from 0 to 65,535")
    );
    let nearest = [0, 1]
        .into_iter()
        .chain(white.iter().map(|value| *value as u8))
        .take(12);
    let nearest: Vec<u8> = nearest.collect();
    assert_eq!(
        all(&data),
        all(&read("x.npy", &array("|u1", shape, &nearest)).1)
    );
    let quarters = encoded("<f4", &[0])
        .repeat(8)
        .into_iter()
        .chain(0.3f32.to_le_bytes().repeat(4));
    let (notice, _) = read(
        "x.npy",
        &array("<f4", shape, &quarters.collect::<Vec<u8>>()),
    );
    assert!(notice.unwrap().contains("rounded to 256 levels"));
}

#[test]
fn values_whose_white_nothing_tells_are_refused_with_what_to_do() {
    for (descr, most, parts) in [
        ("<f8", 16, &["none above 16", "x.astype('uint8')"][..]),
        ("<i4", 127, &["none above 127"]),
        ("<u2", 4095, &["none above 4095"]),
        (
            "<i8",
            300,
            &["integers from 0 to 255", "found 300", "x.min()"],
        ),
    ] {
        let values = encoded(descr, &[0, 1, most, 1]);
        assert_says(
            &refused("x.npy", &array(descr, "(4, 1, 1)", &values)),
            parts,
        );
    }
    let mut arrays = entries();
    arrays[0].1 = array("<f4", "(6, 2, 2)", &encoded("<f4", &[0, 255, 1].repeat(8)));
    arrays[2].1 = array("<f4", "(4, 2, 2)", &encoded("<f4", &[0, 1].repeat(8)));
    let message = refused("set.npz", &archive(&arrays, CompressionMethod::Stored));
    assert_says(
        &message,
        &[
            ": x_test: ",
            "0 to 255 as in x_train",
            "found values from 0 to 1",
        ],
    );
}

#[test]
fn rows_are_images_of_the_recipes_size_or_squares() {
    let sized = |size, channels| DataConfig {
        size,
        channels,
        ..DataConfig::default()
    };
    let wide = Some(ImageSize::Sides([2, 8]));
    for (values, config, shape, said) in [
        (16, sized(None, None), (1, 4, 4), true),
        (48, sized(None, None), (3, 4, 4), true),
        (16, sized(wide, None), (1, 2, 8), false),
        (48, sized(wide, None), (3, 2, 8), false),
        (48, sized(wide, Some(3)), (3, 2, 8), false),
    ] {
        let array = array("|u1", &format!("(3, {values})"), &pixels(3 * values));
        let (notice, data) = read_with(&config, "x.npy", &array);
        assert_eq!(data.train.shape(), shape);
        let (channels, height, width) = shape;
        let channels = if channels == 1 { "" } else { "3x" };
        let phrase =
            format!("rows of {values} values taken for images of {channels}{height}x{width}");
        assert_eq!(notice.is_some_and(|notice| notice.contains(&phrase)), said);
        let mut expected: Vec<Vec<u8>> = pixels(3 * values)
            .chunks(values)
            .map(<[u8]>::to_vec)
            .collect();
        expected.sort_unstable();
        assert_eq!(all(&data), expected);
    }
    let message = refused("x.npy", &array("|u1", "(3, 30)", &pixels(90)));
    assert_says(
        &message,
        &["--set data.size=[HEIGHT,WIDTH]", "shape (3, 30)"],
    );
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("x.npy");
    fs::write(&path, array("|u1", "(3, 30)", &pixels(90))).unwrap();
    let error = data::load_with(&Source::Path(path), &sized(wide, None), true).unwrap_err();
    assert_says(&error.to_string(), &["rows of 16 or 48 values", "2x8"]);
}

/// More values than are read at a time, with the first above 1 amid a later part.
#[test]
fn large_arrays_are_read_like_small_ones() {
    let sides = [48, 64, 64];
    let count = sides.iter().product::<usize>();
    let numbers: Vec<u32> = (0..count)
        .map(|place| match place {
            100_000.. => place as u32 % 256,
            _ => u32::from(place % 3 == 0),
        })
        .collect();
    let expected = read(
        "x.npy",
        &array("|u1", "(48, 64, 64)", &encoded("|u1", &numbers)),
    )
    .1;
    let in_fortran: Vec<u32> = (0..count)
        .map(|place| {
            let at = [place % 48, place / 48 % 64, place / (48 * 64)];
            numbers[at.iter().zip(sides).fold(0, |c, (at, side)| c * side + at)]
        })
        .collect();
    for descr in ["<f2", ">f4", "<f8", "<i2", ">u8"] {
        for (fortran, numbers) in [("False", &numbers), ("True", &in_fortran)] {
            let header = format!(
                "{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': (48, 64, 64), }}\n"
            );
            let (_, data) = read("x.npy", &npy(&header, &encoded(descr, numbers)));
            assert_eq!(data.content(), expected.content(), "{descr} {fortran}");
        }
    }
}

/// Values in Fortran order: the first axis varies fastest.
#[test]
fn arrays_in_fortran_order_are_read_with_all_their_axes() {
    let sides = [4, 2, 3, 3];
    let in_c: Vec<u8> = pixels(72);
    let mut in_fortran = Vec::new();
    for place in 0..72 {
        let at = [place % 4, place / 4 % 2, place / 8 % 3, place / 24];
        let c = at.iter().zip(sides).fold(0, |c, (at, side)| c * side + at);
        in_fortran.push(in_c[c]);
    }
    let header = "{'descr': '|u1', 'fortran_order': True, 'shape': (4, 2, 3, 3), }\n";
    let (_, data) = read("x.npy", &npy(header, &in_fortran));
    let expected = read("x.npy", &array("|u1", "(4, 2, 3, 3)", &in_c)).1;
    assert_eq!(data.content(), expected.content());
}

#[test]
fn archives_hold_sets_under_the_names_that_programs_give() {
    let usual = read("set.npz", &archive(&entries(), CompressionMethod::Stored)).1;
    let renamed = |names: [&str; 4]| {
        let names = names.map(|name| format!("{name}.npy"));
        let entries: Vec<(&str, Vec<u8>)> = names
            .iter()
            .zip(entries())
            .map(|(name, (_, bytes))| (name.as_str(), bytes))
            .collect();
        read("set.npz", &archive(&entries, CompressionMethod::Stored))
    };
    for names in [
        ["X_train", "Y_train", "X_test", "Y_test"],
        ["trainX", "trainY", "testX", "testY"],
        ["train_images", "train_labels", "test_images", "test_labels"],
        ["train_data", "train_targets", "test_data", "test_targets"],
        ["images_train", "labels_train", "images_test", "labels_test"],
    ] {
        let (notice, data) = renamed(names);
        assert_eq!(
            (notice, data.content()),
            (None, usual.content()),
            "{names:?}"
        );
    }
    // Without labels, with more than is used.
    let (notice, data) = renamed(["x_train", "names", "x_test", "more"]);
    assert_eq!(data.test.labels(), [0; 4]);
    assert!(notice.unwrap().ends_with("set.npz: not used: names, more"));
    // Without test images, a part of all is the test set, as in an .npy file.
    let images = array("|u1", "(6, 2, 2)", &pixels(24));
    let plain = read("x.npy", &images).1;
    for (names, labels) in [
        (
            ["images", "labels"],
            array("|u1", "(6,)", &[1, 2, 1, 2, 1, 2]),
        ),
        (
            ["data", "target"],
            array(">i8", "(6, 1)", &encoded(">i8", &[1, 2].repeat(3))),
        ),
        (
            ["X", "y"],
            array(
                "<f4",
                "(6, 3)",
                &encoded("<f4", &[0, 1, 0, 0, 0, 1].repeat(3)),
            ),
        ),
        (
            ["arr_0", "arr_1"],
            array("|b1", "(6, 3)", &[0, 1, 0, 0, 0, 1].repeat(3)),
        ),
        (
            ["x_train", "y_train"],
            array("<f8", "(6,)", &encoded("<f8", &[1, 2].repeat(3))),
        ),
    ] {
        let names = names.map(|name| format!("{name}.npy"));
        let entries = [
            (names[0].as_str(), images.clone()),
            (names[1].as_str(), labels),
        ];
        let (notice, data) = read("set.npz", &archive(&entries, CompressionMethod::Deflated));
        assert_eq!(notice, None, "{names:?}");
        assert_eq!(all(&data), all(&plain));
        for part in [&data.train, &data.validation, &data.test] {
            for (place, label) in part.labels().iter().enumerate() {
                let first = part.image(place).unwrap()[0];
                let image = (0..6).find(|image| pixels(24)[image * 4] == first).unwrap();
                assert_eq!(*label as usize, 1 + image % 2, "{names:?}");
            }
        }
    }
    let lone = archive(&[("digits.npy", images.clone())], CompressionMethod::Stored);
    assert_eq!(read("set.npz", &lone).1.content(), plain.content());
    let untold: Vec<(String, Vec<u8>)> = (0..4)
        .map(|i| (format!("arr_{i}.npy"), images.clone()))
        .collect();
    let untold: Vec<(&str, Vec<u8>)> = untold
        .iter()
        .map(|(name, bytes)| (name.as_str(), bytes.clone()))
        .collect();
    let message = refused("set.npz", &archive(&untold, CompressionMethod::Stored));
    assert_says(
        &message,
        &[
            "np.savez(\"set.npz\", images=x, labels=y)",
            "it holds arr_0.npy",
        ],
    );
}

#[test]
fn labels_may_be_large_and_small_ones_leave_the_content_as_it_was() {
    // What the checkpoints of runs on this set say.
    let set = reference("set.npz").unwrap();
    assert!(
        set.content().ends_with("SHA-256 1c582a84d3edebfe..."),
        "{}",
        set.content()
    );
    let mut arrays = entries();
    let large = [0, 70_000, 256, 0, 70_000, 256];
    arrays[1].1 = array("<i4", "(6,)", &encoded("<i4", &large));
    arrays[3].1 = array("<u2", "(4,)", &encoded("<u2", &[256, 0, 256, 0]));
    let (_, data) = read("set.npz", &archive(&arrays, CompressionMethod::Stored));
    assert_eq!(data.test.labels(), [256, 0, 256, 0]);
    assert!(data.train.labels().contains(&70_000));
    let config = DataConfig {
        classes: Some(vec![Class::Label(256)]),
        ..DataConfig::default()
    };
    let (_, data) = read_with(
        &config,
        "set.npz",
        &archive(&arrays, CompressionMethod::Stored),
    );
    assert_eq!(
        (data.train.labels(), data.test.labels()),
        (&[256][..], &[256; 2][..])
    );
}
