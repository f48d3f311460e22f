//! PNG pictures: a whole file, whose checksums are made right, or its scanlines, which are packed into one.

use std::io::Write;

use autoencode::file::Publish;
use autoencode::picture::{Fit, Picture, fit, read_header, read_picture, write_png};
use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};

use super::{check_refusal, file, part, place, take};

const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";
/// Pictures of more pixels are not decoded, which takes as long as they are large; those of still more are
/// refused.
const MOST: usize = 1 << 13;
const REFUSED: usize = 1 << 40;
/// What pictures are fitted to.
const SIDE: usize = 28;

/// A picture that is read has the size of its header and values from 0 to 1, whatever it is fitted to, and
/// can be written and read again.
pub fn run(input: &[u8]) {
    let bytes = match input.starts_with(&SIGNATURE[..1]) {
        true => resealed(input),
        false => drawn(input),
    };
    let path = file("picture.png", &bytes);
    let header = match read_header(&path) {
        Ok(header) => header,
        Err(error) => {
            check_refusal(&error, &path);
            assert!(read_picture(&path, 1).is_err());
            return;
        }
    };
    let pixels = header.height * header.width;
    if pixels > REFUSED {
        return check_refusal(&read_picture(&path, 1).unwrap_err(), &path);
    }
    if pixels > MOST {
        return;
    }
    for channels in [1, 3] {
        let picture = match read_picture(&path, channels) {
            Ok(picture) => picture,
            Err(error) => return check_refusal(&error, &path),
        };
        check(&picture, (channels, header.height, header.width));
        for method in [Fit::Mnist, Fit::Resize, Fit::Crop, Fit::None] {
            match fit(&picture, 1, SIDE, SIDE, method, &path) {
                Ok(fitted) => check(&fitted, (1, SIDE, SIDE)),
                Err(error) => check_refusal(&error, &path),
            }
        }
        let copy = place("copy.png");
        write_png(&copy, &picture, Publish::Replace).unwrap();
        let read = read_picture(&copy, channels).unwrap();
        assert_eq!(read.to_bytes(), picture.to_bytes());
    }
}

fn check(picture: &Picture, shape: (usize, usize, usize)) {
    let found = (picture.channels(), picture.height(), picture.width());
    assert_eq!(found, shape);
    let inside = |value: &f32| (0.0..=1.0).contains(value);
    assert!(picture.values().iter().all(inside));
}

/// The file with the checksum of every chunk that is whole.
fn resealed(input: &[u8]) -> Vec<u8> {
    let mut bytes = input.to_vec();
    let mut at = SIGNATURE.len();
    while let Some(length) = bytes.get(at..at + 4) {
        let length = u32::from_be_bytes(length.try_into().unwrap()) as usize;
        let covered = at + 4..at + 8 + length;
        at = covered.end + 4;
        if at > bytes.len() {
            break;
        }
        let crc = crc(&bytes[covered.clone()]).to_be_bytes();
        bytes[covered.end..at].copy_from_slice(&crc);
    }
    bytes
}

fn crc(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// A file from width, height, bit depth, colour type, interlacing, the lengths of palette and transparency,
/// a byte each, then these two, then the scanlines.
fn drawn(mut input: &[u8]) -> Vec<u8> {
    let [
        width,
        height,
        depth,
        colour,
        interlaced,
        palette,
        transparency,
    ] = take(&mut input);
    let palette = part(&mut input, usize::from(palette));
    let transparency = part(&mut input, usize::from(transparency));
    let mut packer = ZlibEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(input).unwrap();
    let scanlines = packer.finish().unwrap();

    let mut bytes = SIGNATURE.to_vec();
    let header = [
        0, 0, 0, width, 0, 0, 0, height, depth, colour, 0, 0, interlaced,
    ];
    for (name, data) in [
        (b"IHDR", header.as_slice()),
        (b"PLTE", palette),
        (b"tRNS", transparency),
        (b"IDAT", &scanlines),
        (b"IEND", &[]),
    ] {
        let is_optional = matches!(name, b"PLTE" | b"tRNS");
        if is_optional && data.is_empty() {
            continue;
        }
        let covered = [name, data].concat();
        bytes.extend((data.len() as u32).to_be_bytes());
        bytes.extend(&covered);
        bytes.extend(crc(&covered).to_be_bytes());
    }
    bytes
}
