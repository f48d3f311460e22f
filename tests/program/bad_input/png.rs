//! PNG files of any making, sound or not.

use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;

/// A chunk with its checksum.
pub fn chunk(name: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut crc = flate2::Crc::new();
    crc.update(name);
    crc.update(data);
    let length = u32::try_from(data.len()).unwrap().to_be_bytes();
    [&length, name, data, &crc.sum().to_be_bytes()].concat()
}

/// The first chunk.
pub fn header(width: u32, height: u32, bits: u8, colour: u8, interlace: u8) -> Vec<u8> {
    let sides = [width.to_be_bytes(), height.to_be_bytes()].concat();
    chunk(
        b"IHDR",
        &[&sides[..], &[bits, colour, 0, 0, interlace]].concat(),
    )
}

pub fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A file of these chunks and a last one.
pub fn file(chunks: &[Vec<u8>]) -> Vec<u8> {
    let signature = b"\x89PNG\r\n\x1a\n".to_vec();
    [signature, chunks.concat(), chunk(b"IEND", b"")].concat()
}

/// Rows of 28 pixels whose values differ; `bytes` of each.
pub fn rows(bytes: usize) -> Vec<u8> {
    let row = |y: usize| std::iter::once(0).chain((0..28 * bytes).map(move |x| (x * y) as u8));
    (0..28).flat_map(row).collect()
}

/// A grey picture of 28x28 with chunks before its pixels.
pub fn grey(before: Vec<u8>) -> Vec<u8> {
    file(&[
        header(28, 28, 8, 0, 0),
        before,
        chunk(b"IDAT", &zlib(&rows(1))),
    ])
}
