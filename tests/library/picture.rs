//! Pictures as people have them, read and fitted; and what is drawn for them.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use autoencode::Error;
use autoencode::file::Publish;
use autoencode::picture::{
    ContactSheet, Fit, Picture, Scale, Series, curves, filter_grid, fit, read_picture, write_png,
    write_rgb,
};
use image::{ImageBuffer, Luma, Rgb, RgbImage, Rgba};

/// In the order of the originals in tests/picture_originals.png; whether the size is MNIST's already.
const DIGITS: [(&str, bool); 14] = [
    ("0-dark-on-light", false),
    ("1-grey16", false),
    ("2-palette", false),
    ("3-alpha", false),
    ("4-noisy", true),
    ("5-color", false),
    ("6-1bit", false),
    ("7-small", false),
    ("8-off-centre", false),
    ("9-plain", true),
    ("0-light-on-dark", false),
    ("1-2bit", false),
    ("2-4bit", false),
    ("3-uneven-light", false),
];

fn digit_path(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.join("assets/digits").join(format!("{name}.png"))
}

/// The MNIST digits that the pictures were drawn from.
fn originals() -> Vec<Vec<f32>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/picture_originals.png");
    let strip = read_picture(path, 1).unwrap();
    assert_eq!((strip.height(), strip.width()), (28, 28 * DIGITS.len()));
    (0..DIGITS.len())
        .map(|k| {
            let rows = strip.values().chunks_exact(strip.width());
            rows.flat_map(|row| row[28 * k..28 * (k + 1)].to_vec())
                .collect()
        })
        .collect()
}

fn correlation(a: &[f32], b: &[f32]) -> f32 {
    let mean = |v: &[f32]| v.iter().sum::<f32>() / v.len() as f32;
    let (ma, mb) = (mean(a), mean(b));
    let sum = |f: &dyn Fn(f32, f32) -> f32| -> f32 {
        a.iter().zip(b).map(|(x, y)| f(x - ma, y - mb)).sum()
    };
    sum(&|x, y| x * y) / (sum(&|x, _| x * x) * sum(&|_, y| y * y)).sqrt()
}

#[test]
fn every_kind_of_picture_becomes_the_digit_it_was_drawn_from() {
    for ((name, same_size), original) in DIGITS.iter().zip(originals()) {
        let path = digit_path(name);
        for channels in [1, 3] {
            let picture = read_picture(&path, channels).unwrap();
            let fitted = fit(&picture, 1, 28, 28, Fit::Mnist, &path).unwrap();
            assert_eq!(
                (fitted.channels(), fitted.height(), fitted.width()),
                (1, 28, 28)
            );
            if *same_size {
                // Taken as it is: also with the noise of a denoising task.
                assert!(fitted == read_picture(&path, 1).unwrap(), "{name}");
                continue;
            }
            let likeness = correlation(fitted.values(), &original);
            assert!(likeness > 0.8, "{name}: correlation {likeness}");

            let (mut mass, mut y, mut x) = (0.0, 0.0, 0.0);
            let (mut rows, mut columns) = ([false; 28], [false; 28]);
            for (at, v) in fitted.values().iter().enumerate() {
                mass += v;
                y += v * ((at / 28) as f32 + 0.5);
                x += v * ((at % 28) as f32 + 0.5);
                rows[at / 28] |= *v > 0.0;
                columns[at % 28] |= *v > 0.0;
            }
            let (y, x) = (y / mass, x / mass);
            assert!(
                (y - 14.5).abs() < 1.0 && (x - 14.5).abs() < 1.0,
                "{name}: {y} {x}"
            );
            let extent = |set: &[bool; 28]| {
                let first = set.iter().position(|s| *s).unwrap();
                set.iter().rposition(|s| *s).unwrap() - first + 1
            };
            let longest = extent(&rows).max(extent(&columns));
            assert!((19..=20).contains(&longest), "{name}: {longest} pixels");
            // White strokes on black, as in MNIST.
            let peak = fitted.values().iter().copied().fold(0.0, f32::max);
            let black = fitted.values().iter().filter(|v| **v < 0.02).count();
            assert!(peak > 0.98, "{name}: peak {peak}");
            assert!(black > 784 / 2, "{name}: {black} black pixels");
        }
    }
}

#[test]
fn a_light_page_of_the_right_size_is_only_turned() {
    let path = digit_path("9-plain");
    let plain = read_picture(&path, 1).unwrap();
    let light: Vec<f32> = plain.values().iter().map(|v| 1.0 - v).collect();
    let light = Picture::new(1, 28, 28, light).unwrap();
    let fitted = fit(&light, 1, 28, 28, Fit::Mnist, &path).unwrap();
    for (a, b) in fitted.values().iter().zip(plain.values()) {
        assert!((a - b).abs() < 1e-6);
    }
}

#[test]
fn other_input_sizes_and_colour() {
    let path = digit_path("5-color");
    let picture = read_picture(&path, 3).unwrap();
    let fitted = fit(&picture, 3, 56, 42, Fit::Mnist, &path).unwrap();
    assert_eq!(
        (fitted.channels(), fitted.height(), fitted.width()),
        (3, 56, 42)
    );
    let resized = fit(&picture, 3, 10, 13, Fit::Resize, &path).unwrap();
    assert_eq!(
        (resized.channels(), resized.height(), resized.width()),
        (3, 10, 13)
    );
    // Areas keep the mean.
    let mean = |p: &Picture| {
        p.values().iter().map(|v| f64::from(*v)).sum::<f64>() / p.values().len() as f64
    };
    assert!((mean(&resized) - mean(&picture)).abs() < 1e-4);
    // Ink that differs from its paper in colour only.
    let ink = |at: usize| (10..30).contains(&(at / 40)) && (18..22).contains(&(at % 40));
    let red = (0..1600).map(|at| if ink(at) { 0.8 } else { 0.4 });
    let green = (0..1600).map(|at| {
        if ink(at) {
            0.4
        } else {
            0.4 + 0.4 * 0.2126 / 0.7152
        }
    });
    let blue = (0..1600).map(|_| 0.4);
    let values = red
        .zip(green)
        .map(|(r, g)| (r, if g > 0.45 { g } else { 0.4 }));
    let (red, green): (Vec<f32>, Vec<f32>) = values.unzip();
    let values = red.into_iter().chain(green).chain(blue).collect();
    let picture = Picture::new(3, 40, 40, values).unwrap();
    let fitted = fit(&picture, 1, 28, 28, Fit::Mnist, &path).unwrap();
    let white = fitted.values().iter().filter(|v| **v > 0.9).count();
    assert_eq!(white, 4 * 20);
}

#[test]
fn a_thin_pen_reaches_white() {
    // A cross of two strokes three pixels wide, drawn grey on a page of 300 x 300.
    let stroke = |at: usize| (149..152).contains(&at);
    let ink = |y: usize, x: usize| {
        stroke(y) && (90..210).contains(&x) || stroke(x) && (90..210).contains(&y)
    };
    let shade = |at: usize| if ink(at / 300, at % 300) { 0.5 } else { 0.9 };
    let picture = Picture::new(1, 300, 300, (0..90_000).map(shade).collect()).unwrap();
    let fitted = fit(&picture, 1, 28, 28, Fit::Mnist, Path::new("pen.png")).unwrap();
    let white = fitted.values().iter().filter(|v| **v > 0.9).count();
    assert!((30..90).contains(&white), "{white} white pixels");
}

#[test]
fn pictures_that_cannot_be_fitted_say_what_to_do() {
    let path = Path::new("blank.png");
    let blank = Picture::new(1, 40, 30, vec![0.9; 1200]).unwrap();
    let message = fit(&blank, 1, 28, 28, Fit::Mnist, path)
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("blank.png") && message.contains("one colour"),
        "{message}"
    );
    let error = fit(&blank, 1, 28, 28, Fit::None, path).unwrap_err();
    let message = error.to_string();
    for part in ["blank.png", "28 x 28", "30 x 40", "--fit"] {
        assert!(message.contains(part), "{message}");
    }
    assert!(error.is_input());
    assert!(fit(&blank, 1, 40, 30, Fit::None, path).is_ok());
    // Pictures of one row or column are none of a digit, but no reason to stop.
    for (height, width) in [(1, 1), (1, 50), (50, 1), (2, 2)] {
        let values = (0..height * width).map(|at| (at % 2) as f32).collect();
        let thin = Picture::new(1, height, width, values).unwrap();
        let _ = fit(&thin, 1, 28, 28, Fit::Mnist, path);
        assert!(fit(&thin, 3, 28, 28, Fit::Resize, path).is_ok());
    }
}

#[test]
fn samples_keep_their_precision() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep.png");
    let levels = [0u16, 1, 257, 32_768, 65_534, 65_535];
    ImageBuffer::<Luma<u16>, _>::from_raw(6, 1, levels.to_vec())
        .unwrap()
        .save(&path)
        .unwrap();
    let picture = read_picture(&path, 1).unwrap();
    for (value, level) in picture.values().iter().zip(levels) {
        assert!((f64::from(*value) - f64::from(level) / 65_535.0).abs() < 1e-7);
    }
    let range = |name: &str| {
        let picture = read_picture(digit_path(name), 1).unwrap();
        let mut levels: Vec<u32> = picture.values().iter().map(|v| v.to_bits()).collect();
        levels.sort_unstable();
        levels.dedup();
        levels.into_iter().map(f32::from_bits).collect::<Vec<_>>()
    };
    assert_eq!(range("6-1bit"), [0.0, 1.0]);
    let shades = range("1-2bit");
    assert_eq!(shades.len(), 4);
    assert!((shades[1] - 1.0 / 3.0).abs() < 1e-6 && (shades[2] - 2.0 / 3.0).abs() < 1e-6);
    assert_eq!(range("2-4bit").len(), 16);
    assert_eq!(range("2-palette").len(), 8);
    assert!(range("1-grey16").len() > 256);
}

#[test]
fn transparency_lies_over_white_and_grey_is_luma() {
    let folder = tempfile::tempdir().unwrap();
    // The name says nothing: the content does.
    let path = folder.path().join("picture.jpg");
    let pixels = [
        [0, 0, 0, 0],
        [0, 0, 0, 255],
        [255, 0, 0, 255],
        [0, 0, 0, 51],
    ];
    ImageBuffer::<Rgba<u8>, _>::from_raw(4, 1, pixels.concat())
        .unwrap()
        .save_with_format(&path, image::ImageFormat::Png)
        .unwrap();
    let near = |found: &[f32], expected: &[f32]| {
        assert_eq!(found.len(), expected.len());
        for (a, b) in found.iter().zip(expected) {
            assert!((a - b).abs() < 1e-6, "{found:?} {expected:?}");
        }
    };
    near(
        read_picture(&path, 1).unwrap().values(),
        &[1.0, 0.0, 0.2126, 0.8],
    );
    let colour = [1.0, 0.0, 1.0, 0.8, 1.0, 0.0, 0.0, 0.8, 1.0, 0.0, 0.0, 0.8];
    near(read_picture(&path, 3).unwrap().values(), &colour);
    assert!(read_picture(&path, 2).is_err());
}

/// A PNG chunk.
fn chunk(name: &[u8], body: &[u8]) -> Vec<u8> {
    let mut crc = flate2::Crc::new();
    crc.update(name);
    crc.update(body);
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&length, name, body, &crc.sum().to_be_bytes()].concat()
}

fn header(width: u32, height: u32) -> Vec<u8> {
    let body = [
        &width.to_be_bytes()[..],
        &height.to_be_bytes(),
        &[8, 6, 0, 0, 0],
    ]
    .concat();
    [b"\x89PNG\r\n\x1a\n".to_vec(), chunk(b"IHDR", &body)].concat()
}

#[test]
fn damaged_and_foreign_files_are_named_in_one_line() {
    let whole = std::fs::read(digit_path("5-color")).unwrap();
    let flipped = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        bytes
    };
    let end = whole.len();
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("empty", vec![], "an empty file"),
        ("text", b"not a picture".to_vec(), "another kind of file"),
        ("jpeg", vec![0xff, 0xd8, 0xff, 0xe0, 0, 16], "JPEG"),
        ("signature only", whole[..8].to_vec(), "ends early"),
        ("half a header", whole[..20].to_vec(), "ends early"),
        ("half", whole[..end / 2].to_vec(), "ends early"),
        ("all but the end", whole[..end - 12].to_vec(), "ends early"),
        ("all but a byte", whole[..end - 1].to_vec(), "ends early"),
        ("header damaged", flipped(29), "checksum"),
        ("data damaged", flipped(end / 2), "checksum"),
        ("data's checksum damaged", flipped(end - 13), "checksum"),
        ("no data", [header(5, 5), chunk(b"IEND", b"")].concat(), ""),
        ("no pixels", header(0, 5), "0 x 5 pixels"),
        (
            "wide",
            header(2_000_000_000, 65_535),
            "2000000000 x 65535 pixels",
        ),
        (
            "many",
            [
                header(1_000_000, 1_000_000),
                chunk(b"IDAT", b"x\x9c"),
                chunk(b"IEND", b""),
            ]
            .concat(),
            "1000000 x 1000000 pixels",
        ),
        ("most", header(u32::MAX, u32::MAX), "4294967295"),
        (
            "a colour and two thirds",
            [
                b"\x89PNG\r\n\x1a\n".to_vec(),
                chunk(b"IHDR", &[0, 0, 0, 1, 0, 0, 0, 1, 8, 3, 0, 0, 0]),
                chunk(b"PLTE", &[1, 2, 3, 4, 5]),
                chunk(b"IDAT", b"x\x9c\x63\x60\x00\x00\x00\x02\x00\x01"),
                chunk(b"IEND", b""),
            ]
            .concat(),
            "a palette that ends within a colour",
        ),
    ];
    let folder = tempfile::tempdir().unwrap();
    for (case, bytes, found) in cases {
        let path = folder.path().join("broken.png");
        std::fs::write(&path, bytes).unwrap();
        let start = Instant::now();
        let error = read_picture(&path, 1).unwrap_err();
        assert!(start.elapsed() < Duration::from_secs(1), "{case} took long");
        let message = error.to_string();
        assert!(matches!(error, Error::File { .. }), "{case}: {message}");
        assert!(error.is_input(), "{case}");
        assert!(message.contains("broken.png"), "{case}: {message}");
        assert!(message.contains(found), "{case}: {message}");
        assert_eq!(message.lines().count(), 1, "{case}: {message}");
    }
    let missing = read_picture(folder.path().join("none.png"), 1).unwrap_err();
    assert!(matches!(missing, Error::Io { .. }) && missing.to_string().contains("none.png"));
    assert!(read_picture(folder.path(), 1).unwrap_err().is_input());
}

#[test]
fn pictures_written_are_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("written.png");
    for channels in [1, 3] {
        let values: Vec<f32> = (0..channels * 35)
            .map(|at| (at * 2) as f32 / 255.0)
            .collect();
        let picture = Picture::new(channels, 5, 7, values).unwrap();
        // The second write replaces the first file.
        write_png(&path, &picture, Publish::Replace).unwrap();
        assert!(read_picture(&path, channels).unwrap() == picture);
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode();
        let plain = folder.path().join("plain");
        std::fs::write(&plain, "").unwrap();
        assert_eq!(mode(&path), mode(&plain));
    }
    let nowhere = folder.path().join("no-such-folder").join("a.png");
    let error = write_rgb(&nowhere, &RgbImage::new(1, 1), Publish::New).unwrap_err();
    assert!(
        matches!(error, Error::Io { .. }) && error.to_string().contains("a.png"),
        "{error}"
    );
}

#[test]
fn values_outside_the_range_are_refused_or_clamped() {
    let values = vec![-0.5, 0.25, 1.5, f32::NAN];
    assert!(Picture::new(1, 2, 2, values.clone()).is_err());
    let clamped = Picture::clamped(1, 2, 2, values).unwrap();
    assert_eq!(clamped.values(), [0.0, 0.25, 1.0, 0.0]);
    assert!(Picture::new(1, 2, 3, vec![0.0; 5]).is_err());
    assert!(Picture::new(2, 2, 2, vec![0.0; 8]).is_err());
    assert!(Picture::new(1, 0, 2, vec![]).is_err());
    assert!(Picture::new(3, usize::MAX, 2, vec![]).is_err());
}

#[test]
fn filters_share_one_scale() {
    // 64 tiles of 3 x 3: the weights -2 and 2 occur once each.
    let mut tiles = vec![vec![0.0; 9]; 64];
    tiles[0][4] = -2.0;
    tiles[9][0] = 2.0;
    tiles[63][8] = 1.0;
    let grid = filter_grid(&tiles, 3, 3, 16).unwrap();
    let side = 8 * (3 * 16 + 6) + 12;
    assert_eq!(grid.dimensions(), (side, side));
    // The middle of a weight: (tile column, tile row, weight column, weight row).
    let grey = |c: u32, r: u32, x: u32, y: u32| {
        let place = |tile: u32, weight: u32| 9 + tile * (3 * 16 + 6) + weight * 16 + 8;
        grid.get_pixel(place(c, x), place(r, y)).0
    };
    assert_eq!(grey(0, 0, 1, 1), [0; 3]);
    assert_eq!(grey(1, 1, 0, 0), [255; 3]);
    assert_eq!(grey(7, 7, 2, 2), [191; 3]);
    assert_eq!(grey(3, 5, 1, 2), [128; 3]);
    // A weight is a square of one colour, from its first to its last pixel.
    for (x, y) in [(9 + 16, 9 + 16), (9 + 31, 9 + 31), (9 + 16, 9 + 31)] {
        assert_eq!(grid.get_pixel(x, y).0, [0; 3]);
    }
    assert_eq!(grid.get_pixel(9 + 15, 9 + 16).0, [128; 3]);

    let constant = filter_grid(&[vec![0.3; 4], vec![0.3; 4]], 2, 2, 5).unwrap();
    assert_eq!(constant.dimensions(), (2 * 16 + 12, 16 + 12));
    assert_eq!(constant.get_pixel(12, 12).0, [128; 3]);

    for (count, columns, rows) in [
        (1, 1, 1),
        (3, 2, 2),
        (7, 3, 3),
        (12, 4, 3),
        (32, 8, 4),
        (65, 13, 5),
    ] {
        let grid = filter_grid(&vec![vec![0.5]; count], 1, 1, 4).unwrap();
        let rest = |cells: u32| cells * 10 + 12;
        if count == 65 {
            // 13 x 5 would be a strip.
            assert_eq!(grid.dimensions(), (rest(9), rest(8)));
        } else {
            assert_eq!(grid.dimensions(), (rest(columns), rest(rows)), "{count}");
        }
    }
    assert!(filter_grid(&[], 3, 3, 16).is_err());
    assert!(filter_grid(&[vec![0.0; 8]], 3, 3, 16).is_err());
    assert!(filter_grid(&[vec![f32::NAN; 9]], 3, 3, 16).is_err());
    assert!(filter_grid(&[vec![0.0; 9]], 3, 3, usize::MAX).is_err());
}

/// Whether a frame of `thick` pixels along the edges has one colour: nothing runs out of the canvas.
fn margin_is_clear(canvas: &RgbImage, thick: u32) -> bool {
    let (width, height) = canvas.dimensions();
    let page: &Rgb<u8> = canvas.get_pixel(0, 0);
    canvas.enumerate_pixels().all(|(x, y, pixel)| {
        let inside = x >= thick && x + thick < width && y >= thick && y + thick < height;
        inside || pixel == page
    })
}

#[test]
fn sheets_hold_their_pictures_and_words() {
    let digit = read_picture(digit_path("9-plain"), 1).unwrap();
    let wide = read_picture(digit_path("8-off-centre"), 1).unwrap();
    let colour = read_picture(digit_path("5-color"), 3).unwrap();
    let long = "a name that nobody would give to a picture, yet everybody has one ".repeat(6);
    let sheets = [
        ContactSheet::new("epoch 3, validation BCE 0.1034")
            .rows(vec![vec![digit.clone(); 10]; 3])
            .row_labels(["input", "noisy", "output"])
            .scale(3),
        ContactSheet::new(&long)
            .rows(vec![
                vec![wide, digit.clone(), digit.clone()],
                vec![colour, digit.clone(), digit.clone()],
                vec![digit.clone()],
            ])
            .row_labels([long.as_str(), "b & <c> \u{1}.png", ""])
            .column_labels(["input", long.as_str(), "denoised"])
            .captions([vec!["", "1 dB", long.as_str()], vec![], vec!["21.3 dB"]]),
        ContactSheet::new(&long)
            .rows(vec![vec![digit.clone()]])
            .scale(1),
        ContactSheet::new("")
            .rows(vec![vec![digit.clone()]])
            .scale(1),
    ];
    for sheet in &sheets {
        let canvas = sheet.render().unwrap();
        assert!(margin_is_clear(&canvas, 12), "{:?}", canvas.dimensions());
        assert!(canvas.width() < 1200 && canvas.height() < 600);
    }
    // Nothing but a picture: each of its pixels, magnified.
    let bare = ContactSheet::new("")
        .rows(vec![vec![digit.clone()]])
        .scale(3)
        .render()
        .unwrap();
    assert_eq!(bare.dimensions(), (28 * 3 + 32, 28 * 3 + 32));
    for (at, value) in digit.values().iter().enumerate() {
        let (x, y) = (16 + 3 * (at % 28) as u32, 16 + 3 * (at / 28) as u32);
        let grey = (value * 255.0).round() as u8;
        assert_eq!(bare.get_pixel(x, y).0, [grey; 3]);
        assert_eq!(bare.get_pixel(x + 2, y + 2).0, [grey; 3]);
    }
    assert!(ContactSheet::new("none").render().is_err());
    for scale in [0, usize::MAX] {
        let sheet = ContactSheet::new("").rows(vec![vec![digit.clone()]]);
        assert!(sheet.scale(scale).render().is_err());
    }
    let many = ContactSheet::new("many").rows(vec![vec![digit]; 1000]);
    assert!(many.render().unwrap_err().to_string().contains("16384"));
}

#[test]
fn curves_are_the_same_in_both_files() {
    let line = |epochs: usize| -> Vec<(f64, f64)> {
        (1..=epochs)
            .map(|e| (e as f64, 0.1 + 0.2 / e as f64))
            .collect()
    };
    let long = "<loss> & \"more\" \u{2} ".repeat(30);
    let many = vec![Series::new("a line among many lines", line(2)); 200];
    let lost = vec![(1.0, f64::NAN), (2.0, f64::INFINITY)];
    let far = vec![(0.5, -3e12), (1.5, 8e12)];
    let charts = [
        ("loss", vec![Series::new("training", line(1))]),
        (
            "loss",
            vec![Series::new("a", line(400)), Series::new("b", line(7))],
        ),
        (
            long.as_str(),
            vec![Series::new(&long, line(3)), Series::new(&long, line(2))],
        ),
        ("", Vec::new()),
        ("nothing finite", vec![Series::new("NaN", lost)]),
        ("large", vec![Series::new("a", far)]),
        ("many", many),
    ];
    let folder = tempfile::tempdir().unwrap();
    for (words, series) in charts {
        let chart = curves(words, words, words, &series, Scale::Linear);
        let (svg, png) = (
            folder.path().join("curves.svg"),
            folder.path().join("curves.png"),
        );
        chart.write(&svg, Publish::Replace).unwrap();
        chart.write(&png, Publish::Replace).unwrap();
        let text = std::fs::read_to_string(&svg).unwrap();
        assert!(
            text.contains("monospace"),
            "a family that every browser has"
        );
        let tree = resvg::usvg::Tree::from_str(&text, &resvg::usvg::Options::default()).unwrap();
        let size = tree.size();
        let canvas = image::open(&png).unwrap().to_rgb8();
        let doubled = ((2.0 * size.width()) as u32, (2.0 * size.height()) as u32);
        assert_eq!(canvas.dimensions(), doubled);
        assert!(margin_is_clear(&canvas, 20));
    }
}
