//! IDX files. The first byte says how they are stored, the next two how long the file of images is; then
//! come the images and the labels. Both serve as training and as test set.

use std::fs;
use std::io::Write;
use std::path::Path;

use autoencode::Result;
use autoencode::data::{Dataset, Source, load_with};
use autoencode::recipe::{DataConfig, ValidationSet};
use flate2::Compression;
use flate2::write::GzEncoder;

use super::{check_data, check_refusal, part, place, take};

/// The first byte's bit that packs the images, and the one that packs the labels.
const PACK_IMAGES: u8 = 1;
const PACK_LABELS: u8 = 2;

/// Files that are read hold the images and labels that they say; packed or not, they are the same.
pub fn run(mut input: &[u8]) {
    let [storage, low, high] = take(&mut input);
    let images = part(&mut input, usize::from(u16::from_le_bytes([low, high])));
    let labels = input;

    let folder = place("idx");
    let data = load(&folder, images, labels);
    match &data {
        Ok(data) => {
            let count = check_data(data) / 3;
            assert_eq!(data.train, data.test);
            // The header's numbers are big-endian.
            if let (Some(header), false) = (images.get(4..8), is_packed(images)) {
                assert_eq!(header, u32::try_from(count).unwrap().to_be_bytes());
                assert_eq!(images[16..], *data.train.pixels());
            }
            if !is_packed(labels) {
                let read = data.train.labels().iter().map(|label| *label as u8);
                assert!(read.eq(labels[8..].iter().copied()));
            }
        }
        Err(error) => check_refusal(error, &folder),
    }
    if storage & (PACK_IMAGES | PACK_LABELS) != 0 {
        let pack = |flag: u8, bytes: &[u8]| match storage & flag != 0 {
            true => packed(bytes),
            false => bytes.to_vec(),
        };
        let packed = load(
            &folder,
            &pack(PACK_IMAGES, images),
            &pack(PACK_LABELS, labels),
        );
        match (packed, data) {
            (Ok(packed), Ok(data)) => assert_eq!(packed.train, data.train),
            (Err(error), Err(_)) => check_refusal(&error, &folder),
            // What is packed twice is unpacked once.
            (Err(_), Ok(_)) => assert!(is_packed(images) || is_packed(labels)),
            (Ok(_), Err(error)) => panic!("only packed it is read: {error}"),
        }
    }
}

fn is_packed(file: &[u8]) -> bool {
    file.starts_with(&[0x1f, 0x8b])
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

fn load(folder: &Path, images: &[u8], labels: &[u8]) -> Result<Dataset> {
    fs::create_dir_all(folder).unwrap();
    for (kind, bytes) in [("images-idx3", images), ("labels-idx1", labels)] {
        for set in ["train", "t10k"] {
            fs::write(folder.join(format!("{set}-{kind}-ubyte")), bytes).unwrap();
        }
    }
    // One image is enough then.
    let config = DataConfig {
        validation: ValidationSet::Test,
        ..DataConfig::default()
    };
    load_with(&Source::Path(folder.to_path_buf()), &config, true)
}
