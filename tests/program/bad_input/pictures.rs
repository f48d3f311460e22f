//! PNG files and folders of them.

use super::Place;
use super::png::{chunk, file, grey, header, rows, zlib};

/// An all-black picture, hundreds of times smaller packed than its pixels.
fn bomb(side: u32) -> Vec<u8> {
    let rows = vec![0; (side as usize + 1) * side as usize];
    file(&[header(side, side, 8, 0, 0), chunk(b"IDAT", &zlib(&rows))])
}

fn pixels(header: Vec<u8>, rows: &[u8]) -> Vec<u8> {
    file(&[header, chunk(b"IDAT", &zlib(rows))])
}

fn damaged() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let sound = grey(Vec::new());
    let flipped = {
        let mut bytes = sound.clone();
        bytes[60] ^= 1;
        bytes
    };
    let some = zlib(&[0; 100]);
    let with = |header: Vec<u8>| file(&[header, chunk(b"IDAT", &some)]);
    vec![
        ("empty", Vec::new(), "an empty file"),
        ("text", b"hello".to_vec(), "another kind of file"),
        ("jpeg", b"\xff\xd8\xff\xe0 and so on".to_vec(), "JPEG"),
        ("signature", sound[..8].to_vec(), "ends early"),
        ("half", sound[..sound.len() / 2].to_vec(), "ends early"),
        ("no-end", sound[..sound.len() - 12].to_vec(), "ends early"),
        ("flipped", flipped, "checksum"),
        ("side-0", with(header(0, 28, 8, 0, 0)), "0 x 28 pixels"),
        (
            "side-65535",
            with(header(65_535, 65_535, 8, 0, 0)),
            "65535 x 65535",
        ),
        (
            "side-max",
            with(header(u32::MAX, u32::MAX, 8, 0, 0)),
            "4294967295",
        ),
        ("claims-1-gib", with(header(16_384, 16_384, 8, 0, 0)), "MiB"),
        (
            "claims-2-gib",
            with(header(16_384, 16_384, 16, 6, 0)),
            "MiB",
        ),
        ("bomb", bomb(12_000), "MiB"),
        ("few-pixels", with(header(28, 28, 8, 0, 0)), "a whole PNG"),
        ("no-pixels", file(&[header(28, 28, 8, 0, 0)]), "a whole PNG"),
        (
            "no-palette",
            pixels(header(28, 28, 8, 3, 0), &rows(1)),
            "a whole PNG",
        ),
        (
            "no-deflate",
            file(&[header(28, 28, 8, 0, 0), chunk(b"IDAT", &[255; 50])]),
            "a whole PNG",
        ),
        (
            "colour-type",
            pixels(header(28, 28, 8, 5, 0), &rows(1)),
            "a whole PNG",
        ),
        (
            "bit-depth",
            pixels(header(28, 28, 3, 0, 0), &rows(1)),
            "a whole PNG",
        ),
        (
            "chunk-length",
            [&sound[..33], &[255; 4], b"IDAT"].concat(),
            "ends early",
        ),
    ]
}

#[test]
fn damaged_pictures_are_named() {
    let place = Place::new();
    for (name, bytes, named) in damaged() {
        let file = place.put(&format!("{name}.png"), &bytes);
        place.refuses(&format!("infer {file}"), &[&file, named]);
    }
    place.refuses("encode a.png half.png -o c.csv", &["half.png"]);
    place.refuses("interpolate a.png half.png -o i.png", &["half.png"]);
    place.refuses("interpolate half.png a.png -o i.png", &["half.png"]);
    assert!(!place.path().join("denoised").exists());
}

#[test]
fn unusual_pictures_that_are_sound_are_read() {
    let place = Place::new();
    let frame = |number: u32| {
        let fields = [number, 28, 28, 0, 0].map(u32::to_be_bytes).concat();
        chunk(b"fcTL", &[&fields[..], &[0, 1, 0, 10, 0, 0]].concat())
    };
    let animated = file(&[
        header(28, 28, 8, 0, 0),
        chunk(b"acTL", &[0, 0, 0, 2, 0, 0, 0, 0]),
        frame(0),
        chunk(b"IDAT", &zlib(&rows(1))),
        frame(1),
        chunk(b"fdAT", &[&[0, 0, 0, 2][..], &zlib(&rows(1))].concat()),
    ]);
    // Seven passes, each of rows with a filter byte before them.
    let passes = [(4, 4), (3, 4), (7, 3), (7, 7), (14, 7), (14, 14), (28, 14)];
    let interlaced: Vec<u8> = (passes.iter())
        .flat_map(|(width, height)| [&[0][..], &vec![9; *width]].concat().repeat(*height))
        .collect();
    let packed = zlib(&vec![0; 100 << 20]);
    for (name, bytes) in [
        ("1x1", pixels(header(1, 1, 8, 0, 0), &[0, 7])),
        ("16-bit", pixels(header(28, 28, 16, 0, 0), &rows(2))),
        ("interlaced", pixels(header(28, 28, 8, 0, 1), &interlaced)),
        ("animated", animated),
        // Text and colour profiles are not unpacked.
        (
            "packed-text",
            grey(chunk(b"zTXt", &[b"k\0\0", &packed[..]].concat())),
        ),
        (
            "packed-profile",
            grey(chunk(b"iCCP", &[b"k\0\0", &packed[..]].concat())),
        ),
    ] {
        let file = place.put(&format!("{name}.png"), &bytes);
        place.accepts(&format!("infer {file} --fit resize -o out"));
        assert!(place.path().join("out").join(&file).is_file(), "{name}");
    }
}

#[test]
fn folders_of_pictures_are_refused_by_the_file_that_is_wrong() {
    let place = Place::new();
    let sound = grey(Vec::new());
    for number in 0..12 {
        for folder in ["damaged", "mixed"] {
            place.put(&format!("{folder}/{number:02}.png"), &sound);
        }
    }
    place.put("damaged/05.png", &sound[..100]);
    place.put(
        "mixed/07.png",
        &pixels(header(14, 14, 8, 0, 0), &[0; 15 * 14]),
    );
    std::fs::create_dir(place.path().join("empty")).unwrap();
    place.refuses("evaluate --data damaged", &["damaged/05.png", "ends early"]);
    place.refuses("evaluate --data mixed", &["mixed/07.png", "14 x 14"]);
    place.refuses("evaluate --data empty", &["empty"]);
    place.refuses("infer empty", &["empty"]);
    place.refuses("infer damaged mixed", &["damaged/05.png"]);
}

/// Two pictures of 40 megapixels, which would not fit into the memory of the test together, are read one after the
/// other; `--picture-memory` lowers and raises what one may take.
#[test]
fn large_pictures_take_turns_and_a_limit_is_a_flag() {
    let place = Place::new();
    let rows = vec![0; (8_000 + 1) * 5_000];
    let large = file(&[header(8_000, 5_000, 8, 0, 0), chunk(b"IDAT", &zlib(&rows))]);
    for number in 1..=3 {
        place.put(&format!("large/{number}.png"), &large);
    }
    place.accepts("infer large --fit resize -o out --sheet sheet.png");
    let command = "infer large --fit resize -o none --picture-memory";
    let found = [
        "large/1.png",
        "8000 x 5000 pixels",
        "306 MiB",
        "--picture-memory",
    ];
    place.refuses(&format!("{command} 305"), &found);
    place.accepts(&format!("{command} 307"));
}

#[cfg(unix)]
#[test]
fn links_in_a_loop_are_refused_and_names_without_text_are_shown() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;

    let place = Place::new();
    std::fs::create_dir(place.path().join("loop")).unwrap();
    symlink(".", place.path().join("loop/me")).unwrap();
    symlink("itself", place.path().join("itself")).unwrap();
    place.refuses("evaluate --data loop", &["loop"]);
    place.refuses("evaluate --data itself", &["itself", "leads nowhere"]);
    place.refuses("infer itself", &["itself"]);
    std::fs::create_dir(place.path().join("odd")).unwrap();
    let name = place
        .path()
        .join("odd")
        .join(OsStr::from_bytes(b"x\xff\n\x1b[31m.png"));
    if std::fs::write(name, b"no picture").is_ok() {
        place.refuses("infer odd", &["odd/x\u{fffd}\u{fffd}\u{fffd}[31m.png"]);
        place.refuses("encode odd -o c.csv", &["odd/x"]);
    }
}

#[test]
fn a_photograph_for_the_digits_network_is_told_what_takes_it() {
    let place = Place::new();
    // A filter byte and 64 pixels, which look like noise.
    let pixel = |x: u32, y: u32| (x * 7_919 + y * 104_729).wrapping_mul(2_654_435_761) >> 24;
    let row = |y| (0..65).map(move |x| if x == 0 { 0 } else { pixel(x, y) as u8 });
    let rows: Vec<u8> = (0..64).flat_map(row).collect();
    let photo = file(&[header(64, 64, 8, 0, 0), chunk(b"IDAT", &zlib(&rows))]);
    place.put("photo.png", &photo);
    place.put(
        "flat.png",
        &file(&[
            header(64, 64, 8, 0, 0),
            chunk(b"IDAT", &zlib(&[0; 65 * 64])),
        ]),
    );
    let hint = "--fit resize takes photographs";
    place.refuses(
        "infer photo.png -o out",
        &["photo.png", hint, "none stands out"],
    );
    place.refuses("infer flat.png -o out", &["flat.png", hint, "one colour"]);
    place.accepts("infer photo.png -o out --fit resize");
}
