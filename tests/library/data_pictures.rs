//! Folders of pictures: what is read, and what is refused.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use autoencode::Error;
use autoencode::data::{self, Dataset, Source};
use autoencode::file::Publish;
use autoencode::picture::{Picture, write_png};
use autoencode::recipe::{DataConfig, ImageSize, NamedSet, Resize};
use tempfile::TempDir;

fn load(path: &Path) -> Result<Dataset, Error> {
    load_with(path, DataConfig::default())
}

fn load_with(path: &Path, config: DataConfig) -> Result<Dataset, Error> {
    data::load_with(&Source::Path(path.to_path_buf()), &config, true)
}

/// A picture of one grey, a byte.
fn grey(height: usize, width: usize, byte: u8) -> Picture {
    let values = vec![f32::from(byte) / 255.0; height * width];
    Picture::new(1, height, width, values).unwrap()
}

/// A picture of one colour.
fn colour(height: usize, width: usize, bytes: [u8; 3]) -> Picture {
    let plane = |byte| vec![f32::from(byte) / 255.0; height * width];
    Picture::new(3, height, width, bytes.map(plane).concat()).unwrap()
}

fn write(folder: &Path, name: impl AsRef<OsStr>, picture: &Picture) {
    let path = folder.join(name.as_ref());
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    write_png(path, picture, Publish::Replace).unwrap();
}

/// Pictures of 3x4 of a grey each, side by side: `00.png` to.
fn side_by_side(folder: &Path, count: u8) {
    for index in 0..count {
        write(folder, format!("{index:02}.png"), &grey(3, 4, index));
    }
}

/// The first byte of every image with its label, sorted.
fn seen(data: &Dataset) -> Vec<(u8, u32)> {
    let mut all: Vec<(u8, u32)> = [&data.train, &data.validation, &data.test]
        .into_iter()
        .flat_map(|part| {
            let firsts = part.pixels().chunks(part.image_len()).map(|image| image[0]);
            firsts.zip(part.labels().iter().copied())
        })
        .collect();
    all.sort_unstable();
    all
}

/// The message of a folder that is refused: one line that names something in it.
fn refused(folder: &Path, parts: &[&str]) {
    refused_with(folder, DataConfig::default(), parts);
}

fn refused_with(folder: &Path, config: DataConfig, parts: &[&str]) {
    let error = load_with(folder, config).unwrap_err();
    assert!(matches!(error, Error::File { .. }), "{error:?}");
    let message = error.to_string();
    let root = folder.to_string_lossy().into_owned();
    assert!(message.starts_with(&root), "{message}");
    assert_eq!(message.lines().count(), 1, "{message}");
    for part in parts {
        assert!(message.contains(part), "{message:?} lacks {part:?}");
    }
}

#[test]
fn pictures_side_by_side_are_read_in_the_order_of_their_names_and_split() {
    let folder = TempDir::new().unwrap();
    side_by_side(folder.path(), 40);
    // What is hidden is passed over, what is of another type left out and said.
    write(folder.path(), ".hidden.png", &grey(9, 9, 255));
    fs::write(folder.path().join("notes.txt"), "notes").unwrap();
    let data = load(folder.path()).unwrap();
    assert_eq!(data.train.shape(), (1, 3, 4));
    assert_eq!(
        (data.train.len(), data.validation.len(), data.test.len()),
        (33, 3, 4)
    );
    assert_eq!(seen(&data), (0..40).map(|i| (i, 0)).collect::<Vec<_>>());
    for part in [&data.train, &data.validation, &data.test] {
        assert!(part.pixels().is_sorted());
        assert!(
            part.pixels()
                .chunks(12)
                .all(|image| image.iter().all(|b| *b == image[0]))
        );
    }
    let origin = data.origin.to_string();
    assert!(origin.starts_with("36 + 4 images of 3x4 from "), "{origin}");
    assert!(
        origin.ends_with(" (1 file of another type left out)"),
        "{origin}"
    );
    assert_eq!(load(folder.path()).unwrap().content(), data.content());
}

#[test]
fn folders_are_classes_in_the_order_of_their_names() {
    let folder = TempDir::new().unwrap();
    for (class, name) in ["ant", "bee", "cat 2", "Dog"].into_iter().enumerate() {
        for index in 0..5 {
            let byte = (class * 10 + index) as u8;
            write(
                folder.path(),
                format!("{name}/{index}.PNG"),
                &grey(2, 2, byte),
            );
        }
    }
    let data = load(folder.path()).unwrap();
    // Capitals come first.
    let expected: Vec<(u8, u32)> = (0..4u8)
        .flat_map(|class| (0..5).map(move |index| (class * 10 + index, u32::from(class + 1) % 4)))
        .collect();
    assert_eq!(seen(&data), expected);
}

#[test]
fn folders_named_by_numbers_are_labels() {
    let folder = TempDir::new().unwrap();
    for label in [3u8, 7, 10] {
        for index in 0..3 {
            write(
                folder.path(),
                format!("{label}/{index}.png"),
                &grey(2, 2, label),
            );
        }
    }
    let data = load(folder.path()).unwrap();
    let expected = [3, 7, 10]
        .map(|label| [(label, u32::from(label)); 3])
        .concat();
    assert_eq!(seen(&data), expected);
    // One name that is no number, and they are names.
    write(folder.path(), "07/0.png", &grey(2, 2, 8));
    let data = load(folder.path()).unwrap();
    let mut expected = vec![(8, 0), (10, 1), (10, 1), (10, 1)];
    expected.extend([[(3, 2); 3], [(7, 3); 3]].concat());
    expected.sort_unstable();
    assert_eq!(seen(&data), expected);
}

#[test]
fn folders_train_and_test_are_the_two_sets() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    for (name, byte) in [("train/b", 1), ("train/a", 2), ("test/b", 3)] {
        for index in 0..10 {
            write(here, format!("{name}/{index}.png"), &grey(2, 2, byte));
        }
    }
    let data = load(here).unwrap();
    assert_eq!(
        (data.train.len(), data.validation.len(), data.test.len()),
        (18, 2, 10)
    );
    // `b` is what it is in the training set.
    assert_eq!(data.test.labels(), [1; 10]);
    assert_eq!(seen(&data)[0], (1, 1));
    write(here, "test/c/0.png", &grey(2, 2, 0));
    refused(here, &["test: ", "a folder c"]);
    fs::remove_dir_all(here.join("test")).unwrap();
    refused(here, &["train and test", "found train"]);
    write(here, "test/0.png", &grey(2, 2, 0));
    refused(here, &["test: ", "as in train", "without classes"]);
    write(here, "val/0.png", &grey(2, 2, 0));
    refused(here, &["found test, train, val"]);
}

#[test]
fn pictures_get_the_size_and_the_channels_of_the_recipe() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    // Red, green and blue thirds from left to right.
    let bars: Vec<f32> = (0..3)
        .flat_map(|plane| {
            (0..6 * 12).map(move |pixel| f32::from(u8::from(pixel % 12 / 4 == plane)))
        })
        .collect();
    for index in 0..4 {
        write(
            here,
            format!("{index}.png"),
            &Picture::new(3, 6, 12, bars.clone()).unwrap(),
        );
    }
    write(here, "4.png", &colour(5, 5, [10, 20, 30]));
    let config = |resize, channels| DataConfig {
        size: Some(ImageSize::Square(3)),
        resize,
        channels,
        ..DataConfig::default()
    };
    let squeezed = load_with(here, config(Resize::Squeeze, None)).unwrap();
    assert_eq!(squeezed.train.shape(), (3, 3, 3));
    let bars = [[255, 0, 0], [0, 255, 0], [0, 0, 255]]
        .map(|row| row.repeat(3))
        .concat();
    let plain = [10, 20, 30].map(|byte| [byte; 9]).concat();
    let images = |data: &Dataset| -> Vec<Vec<u8>> {
        let parts = [&data.train, &data.validation, &data.test].map(|part| part.pixels());
        parts
            .concat()
            .chunks(data.train.image_len())
            .map(<[u8]>::to_vec)
            .collect()
    };
    let found = images(&squeezed);
    assert_eq!(found.iter().filter(|image| **image == bars).count(), 4);
    assert_eq!(found.iter().filter(|image| **image == plain).count(), 1);
    // The middle six of twelve columns: one red, four green, one blue.
    let cropped = images(&load_with(here, config(Resize::Crop, None)).unwrap());
    let middle = [[128, 0, 0], [128, 255, 128], [0, 0, 128]]
        .map(|row| row.repeat(3))
        .concat();
    assert_eq!(cropped.iter().filter(|image| **image == middle).count(), 4);
    assert_eq!(cropped.iter().filter(|image| **image == plain).count(), 1);
    let grey = images(&load_with(here, config(Resize::Squeeze, Some(1))).unwrap());
    assert_eq!(
        grey.iter()
            .filter(|image| image[..3] == [54, 182, 18])
            .count(),
        4
    );
    // Grey pictures alone are grey, or repeated in all three channels.
    let folder = TempDir::new().unwrap();
    side_by_side(folder.path(), 5);
    assert_eq!(load(folder.path()).unwrap().train.shape(), (1, 3, 4));
    let config = DataConfig {
        channels: Some(3),
        ..DataConfig::default()
    };
    assert_eq!(
        load_with(folder.path(), config).unwrap().train.shape(),
        (3, 3, 4)
    );
}

#[test]
fn pictures_of_several_sizes_need_a_size_in_the_recipe() {
    let folder = TempDir::new().unwrap();
    side_by_side(folder.path(), 5);
    write(folder.path(), "03.png", &grey(4, 3, 9));
    refused(
        folder.path(),
        &["03.png", "4 x 3 pixels as ", "data.size", "3 x 4"],
    );
    let config = DataConfig {
        size: Some(ImageSize::Sides([2, 8])),
        ..DataConfig::default()
    };
    let data = load_with(folder.path(), config).unwrap();
    assert_eq!(data.train.shape(), (1, 2, 8));
}

#[test]
fn size_and_channels_are_only_checked_of_data_that_is_no_folder_of_pictures() {
    let with = |size, channels| {
        let config = DataConfig {
            size,
            channels,
            ..DataConfig::default()
        };
        data::load_with(&Source::Set(NamedSet::Sample), &config, true)
    };
    with(Some(ImageSize::Square(28)), Some(1)).unwrap();
    let error = with(Some(ImageSize::Square(32)), None)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("data.size") && error.contains("28x28"),
        "{error}"
    );
    let error = with(None, Some(3)).unwrap_err().to_string();
    assert!(error.contains("data.channels"), "{error}");
}

#[test]
fn folders_without_pictures_are_refused_with_what_is_there() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    refused(here, &["IDX", "pictures", "an empty folder"]);
    fs::write(here.join(".hidden"), "").unwrap();
    refused(here, &["an empty folder"]);
    for index in 0..7 {
        fs::write(here.join(format!("{index}.txt")), "").unwrap();
    }
    refused(here, &["0.txt, 1.txt, 2.txt, 3.txt, 4.txt, ... (7 in all)"]);
    fs::create_dir(here.join("cats")).unwrap();
    refused(here, &["cats: ", "pictures of one class", "none"]);
    fs::write(here.join("cats/a.gif"), "").unwrap();
    refused(here, &["found a.gif"]);
    write(here, "cats/deep/0.png", &grey(2, 2, 0));
    refused(here, &["cats: ", "a folder deep"]);
    write(here, "0.png", &grey(2, 2, 0));
    refused(here, &["pictures, or folders of them", "both"]);
    // Files named like MNIST's are meant, whatever else is there.
    fs::write(here.join("train-images-idx3-ubyte"), "").unwrap();
    refused(here, &["train-labels-idx1-ubyte", "none"]);
    // One picture is too few to train on, but can be used.
    let one = here.join("0.png");
    refused(&one, &["3 or more images, found 1"]);
    let data = data::load_to_use(&Source::Path(one), &DataConfig::default(), true).unwrap();
    assert_eq!(
        (data.train.len(), data.validation.len(), data.test.len()),
        (0, 0, 1)
    );
}

#[test]
fn a_file_that_is_no_sound_png_is_named_and_always_the_first() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    side_by_side(here, 60);
    let whole = fs::read(here.join("00.png")).unwrap();
    fs::write(here.join("20.png"), &whole[..whole.len() - 20]).unwrap();
    fs::write(here.join("40.png"), &whole[..whole.len() - 20]).unwrap();
    for _ in 0..10 {
        refused(here, &["20.png: expected a whole PNG"]);
    }
    fs::write(here.join("10.png"), b"\xff\xd8\xff\xe0").unwrap();
    refused(here, &["10.png: ", "JPEG"]);
    fs::write(here.join("05.png"), b"").unwrap();
    refused(here, &["05.png: ", "an empty file"]);
    for length in [8, 15, 20, 25] {
        fs::write(here.join("00.png"), &whole[..length]).unwrap();
        refused(here, &["00.png: "]);
    }
}

/// Pictures that only promise to be large are refused before memory is taken for them.
#[test]
fn sizes_beyond_reason_are_refused() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    side_by_side(here, 3);
    let mut bytes = fs::read(here.join("00.png")).unwrap();
    bytes[16..24].copy_from_slice(&[0, 0, 0x40, 0, 0, 0, 0x40, 0]);
    for name in ["00.png", "01.png", "02.png"] {
        fs::write(here.join(name), &bytes).unwrap();
    }
    refused(
        here,
        &["00.png: ", "at most 4096 pixels a side", "16384 x 16384"],
    );
    let size = |size| DataConfig {
        size: Some(ImageSize::Square(size)),
        ..DataConfig::default()
    };
    refused_with(here, size(8), &["00.png: "]);
    for index in 0..1100 {
        fs::write(here.join(format!("{index}.png")), &bytes).unwrap();
    }
    refused_with(
        here,
        size(4096),
        &["17,179,869,184", "pictures of 1x4096x4096"],
    );
}

#[cfg(unix)]
#[test]
fn links_are_followed_and_loops_are_refused() {
    use std::os::unix::fs::symlink;
    let (folder, elsewhere) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let here = folder.path();
    side_by_side(elsewhere.path(), 5);
    symlink(elsewhere.path(), here.join("a")).unwrap();
    write(here, "b/0.png", &grey(3, 4, 9));
    symlink(elsewhere.path().join("03.png"), here.join("b/1.png")).unwrap();
    let data = load(here).unwrap();
    assert_eq!(seen(&data)[3..5], [(3, 0), (3, 1)]);
    // A folder that holds itself.
    symlink(here, here.join("b/again")).unwrap();
    refused(here, &["/b: ", "a folder again"]);
    fs::remove_file(here.join("b/again")).unwrap();
    // Links to each other, and to nothing.
    symlink(here.join("b/y.png"), here.join("b/x.png")).unwrap();
    symlink(here.join("b/x.png"), here.join("b/y.png")).unwrap();
    refused(here, &["/b/x.png: ", "a link that leads nowhere"]);
    fs::remove_file(here.join("b/x.png")).unwrap();
    refused(here, &["/b/y.png: ", "a link that leads nowhere"]);
    let itself = here.join("itself");
    symlink(&itself, &itself).unwrap();
    refused(&itself, &["a link that leads nowhere"]);
}

#[cfg(target_os = "linux")]
#[test]
fn names_that_are_not_utf8_are_read_and_shown() {
    use std::os::unix::ffi::OsStrExt;
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    let class = here.join(OsStr::from_bytes(b"caf\xe9\n"));
    for index in 0..4u8 {
        let name = [b"\xff\xfe".as_slice(), &[b'0' + index], b".png"].concat();
        write(&class, OsStr::from_bytes(&name), &grey(2, 2, index));
    }
    let data = load(here).unwrap();
    assert_eq!(seen(&data), [(0, 0), (1, 0), (2, 0), (3, 0)]);
    fs::write(class.join("x\u{1b}.png"), "").unwrap();
    refused(
        here,
        &["/caf\u{fffd}\u{fffd}/x\u{fffd}.png: expected a picture"],
    );
    fs::remove_file(class.join("x\u{1b}.png")).unwrap();
    write(&class, "odd\n.png", &grey(3, 2, 0));
    refused(here, &["2 x 3 pixels as ", "odd\u{fffd}.png", "data.size"]);
    fs::remove_dir_all(&class).unwrap();
    fs::write(here.join(OsStr::from_bytes(b"\xff\n.txt")), "").unwrap();
    refused(here, &["found \u{fffd}\\n.txt"]);
}

#[cfg(unix)]
#[test]
fn a_named_pipe_is_not_waited_for() {
    let folder = TempDir::new().unwrap();
    let pipe = folder.path().join("pipe.png");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    if !made.is_ok_and(|status| status.success()) {
        eprintln!("not tested: no mkfifo here");
        return;
    }
    refused(folder.path(), &["found pipe.png"]);
    refused(&pipe, &["a named pipe"]);
}
