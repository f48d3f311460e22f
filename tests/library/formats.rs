//! Picture files of all formats: what is read, and what comes back.

use std::path::Path;

use autoencode::data::{Source, load_with};
use autoencode::file::Publish;
use autoencode::picture::{Photo, PictureFormat, read_header, read_picture};
use autoencode::recipe::DataConfig;
use image::{DynamicImage, ImageBuffer, ImageEncoder, Luma, Rgb, Rgba};
use tempfile::TempDir;

use crate::common::contains;

fn gradient(channels: usize, height: usize, width: usize) -> Vec<u16> {
    let value = |i: usize| (i * 65_535 / (channels * height * width)) as u16;
    (0..channels * height * width).map(value).collect()
}

#[test]
fn what_others_wrote_is_read_to_the_bit_or_as_near_as_jpeg_is() {
    let folder = TempDir::new().unwrap();
    let eight: Vec<u8> = gradient(3, 20, 31).iter().map(|v| (v >> 8) as u8).collect();
    let picture: ImageBuffer<Rgb<u8>, _> = ImageBuffer::from_raw(31, 20, eight.clone()).unwrap();
    let picture = DynamicImage::from(picture);
    for (name, most) in [
        ("a.png", 0.0),
        ("a.bmp", 0.0),
        ("a.tiff", 0.0),
        ("a.webp", 0.0),
        ("a.jpg", 6.0 / 255.0),
    ] {
        let path = folder.path().join(name);
        picture.save(&path).unwrap();
        let header = read_header(&path).unwrap();
        assert_eq!(
            (header.height, header.width, header.colour),
            (20, 31, true),
            "{name}"
        );
        assert_eq!(Some(header.format), PictureFormat::named(&path), "{name}");
        let read = read_picture(&path, 3).unwrap();
        let planes: Vec<&[f32]> = read.values().chunks(20 * 31).collect();
        for (at, pixel) in eight.chunks(3).enumerate() {
            for (plane, value) in planes.iter().zip(pixel) {
                let apart = (plane[at] - f32::from(*value) / 255.0).abs();
                assert!(apart <= most + 1e-6, "{name}: {apart} apart at {at}");
            }
        }
    }
    let grey: ImageBuffer<Luma<u16>, _> = ImageBuffer::from_raw(9, 7, gradient(1, 7, 9)).unwrap();
    let path = folder.path().join("deep.tif");
    DynamicImage::from(grey).save(&path).unwrap();
    let read = read_picture(&path, 1).unwrap();
    let expected: Vec<f32> = gradient(1, 7, 9)
        .iter()
        .map(|v| f32::from(*v) / 65_535.0)
        .collect();
    assert_eq!(read.values(), expected);
    assert_eq!(read_header(&path).unwrap().bits, 16);
}

/// A JPEG with an Exif note that it has to be turned.
fn turned(path: &Path, orientation: u8) {
    // Black above, white below.
    let values = (0..16 * 32)
        .map(|i| if i < 16 * 16 { 0 } else { 255 })
        .collect();
    let picture: ImageBuffer<Luma<u8>, Vec<u8>> = ImageBuffer::from_raw(16, 32, values).unwrap();
    let mut jpeg = Vec::new();
    let mut encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut jpeg, 100);
    // TIFF header, one entry: tag 0x0112, SHORT, one value.
    let exif = [
        b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".as_slice(),
        &[orientation],
        b"\0\0\0\0\0\0",
    ];
    encoder.set_exif_metadata(exif.concat()).unwrap();
    encoder
        .write_image(picture.as_raw(), 16, 32, image::ExtendedColorType::L8)
        .unwrap();
    std::fs::write(path, jpeg).unwrap();
}

#[test]
fn pictures_that_a_camera_marked_as_turned_are_turned_back() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("turned.jpg");
    // 1: as it is; 3: upside down; 6: to be turned clockwise, so that the top comes to the right.
    for (orientation, size, black) in [(1, (32, 16), 0), (3, (32, 16), 511), (6, (16, 32), 31)] {
        turned(&path, orientation);
        let header = read_header(&path).unwrap();
        assert_eq!(
            (header.height, header.width),
            size,
            "orientation {orientation}"
        );
        let read = read_picture(&path, 1).unwrap();
        assert_eq!((read.height(), read.width()), size);
        assert!(
            read.values()[black] < 0.1 && read.values()[511 - black] > 0.9,
            "{orientation}"
        );
    }
}

#[test]
fn depth_transparency_and_profile_come_back() {
    let folder = TempDir::new().unwrap();
    let values = gradient(4, 5, 6);
    let picture: ImageBuffer<Rgba<u16>, _> = ImageBuffer::from_raw(6, 5, values.clone()).unwrap();
    let from = folder.path().join("from.png");
    let profile = b"not a real profile, but kept as it is".to_vec();
    {
        let file = std::fs::File::create(&from).unwrap();
        let mut encoder = image::codecs::png::PngEncoder::new(file);
        encoder.set_icc_profile(profile.clone()).unwrap();
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_ne_bytes()).collect();
        encoder
            .write_image(&bytes, 6, 5, image::ExtendedColorType::Rgba16)
            .unwrap();
    }
    let photo = Photo::read(&from).unwrap();
    assert!(photo.is_deep && photo.alpha.is_some());
    for format in [PictureFormat::Png, PictureFormat::Tiff] {
        let to = folder.path().join(format!("to.{}", format.endings()[0]));
        photo.write(&to, format, Publish::forced(false)).unwrap();
        let again = image::open(&to).unwrap();
        assert_eq!(again.as_rgba16().unwrap(), &picture, "{format:?}");
        assert_eq!(
            Photo::read(&to).unwrap().profile,
            Some(profile.clone()),
            "{format:?}"
        );
    }
    // Eight bits without transparency: over white.
    let to = folder.path().join("to.bmp");
    photo
        .write(&to, PictureFormat::Bmp, Publish::forced(false))
        .unwrap();
    let flat = Photo::read(&to).unwrap();
    assert!(!flat.is_deep && flat.alpha.is_none());
    let expected = read_picture(&from, 3).unwrap();
    let apart = flat.picture.values().iter().zip(expected.values());
    assert!(apart.map(|(a, b)| (a - b).abs()).fold(0f32, f32::max) < 0.51 / 255.0);
}

#[test]
fn folders_of_mixed_formats_are_one_set_and_damage_is_named() {
    let folder = TempDir::new().unwrap();
    for (number, ending) in ["png", "jpg", "tif", "webp", "bmp", "jpeg"]
        .iter()
        .enumerate()
    {
        let values = vec![number as u8 * 40; 12 * 12];
        let picture: ImageBuffer<Luma<u8>, Vec<u8>> =
            ImageBuffer::from_raw(12, 12, values).unwrap();
        let picture = DynamicImage::from(picture).into_rgb8();
        picture
            .save(folder.path().join(format!("{number}.{ending}")))
            .unwrap();
    }
    let config = DataConfig {
        channels: Some(1),
        ..DataConfig::default()
    };
    let load = || load_with(&Source::Path(folder.path().to_path_buf()), &config, true);
    let data = load().unwrap();
    assert_eq!(
        data.train.len() + data.validation.len() + data.test.len(),
        6
    );

    for ending in ["jpg", "tif", "webp", "bmp"] {
        let path = folder.path().join(format!("broken.{ending}"));
        let whole = folder.path().join(match ending {
            "jpg" => "1.jpg".to_string(),
            "tif" => "2.tif".to_string(),
            "webp" => "3.webp".to_string(),
            _ => "4.bmp".to_string(),
        });
        let bytes = std::fs::read(whole).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() / 3]).unwrap();
        let message = load().unwrap_err().to_string();
        contains(&message, &[&format!("broken.{ending}: expected")]);
        assert!(!message.contains('\n'));
        std::fs::remove_file(path).unwrap();
    }
}
