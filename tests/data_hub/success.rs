//! Sets that are had, from the hub or from the cache alone.

use std::fs;

use autoencode::recipe::NamedSet;

use super::common::contains;
use super::program::{FILES, Place, TOKEN, nobody, path_to_delete, remarks};
use super::server::{Answer, Server};

/// What the program says of its data, and beside its work.
fn report(place: &Place, set: NamedSet, more: &[&str]) -> (String, String) {
    let output = place.train(set, more);
    assert!(output.status.success(), "{output:?}");
    let stdout = String::from_utf8(output.stdout).unwrap();
    let data = stdout.lines().find(|line| line.contains("MNIST"));
    (data.unwrap().to_string(), remarks(&output.stderr))
}

/// The whole set is trained on, with the token that the server asks for; the second time, and offline,
/// nothing is asked.
#[test]
fn mnist_is_downloaded_once() {
    let server = Server::of(&FILES.train, &FILES.test);
    let place = Place::new(server.port);
    let all = ["--set", "data.classes=[0,1,2,3,4,5,6,7,8,9]"];
    let (data, said) = report(&place, NamedSet::Mnist, &all);
    contains(
        &data,
        &["MNIST from the Hugging Face hub (60,000 + 10,000 digits"],
    );
    assert_eq!(said, "");
    // HEAD and GET of two files.
    let requests = server.requests();
    assert_eq!(requests.len(), 4, "{requests:?}");
    assert!(
        requests
            .iter()
            .all(|request| request.token.as_deref() == Some(TOKEN)),
        "{requests:?}"
    );

    let (data, said) = report(&place, NamedSet::Mnist, &["--offline"]);
    contains(&data, &["MNIST from the Hugging Face hub ("]);
    assert_eq!(said, "");
    assert_eq!(server.requests().len(), 4);
    let place = place.with(nobody());
    contains(
        &place.ask("mnist"),
        &["downloads: false", "as served: true"],
    );
}

#[test]
fn fashion_mnist_is_downloaded_and_taken_offline() {
    let server = Server::of(&FILES.train, &FILES.test);
    let place = Place::new(server.port);
    let (data, remarks) = report(&place, NamedSet::FashionMnist, &[]);
    contains(&data, &["Fashion-MNIST from the Hugging Face hub ("]);
    assert_eq!(remarks, "");
    let again = report(
        &place.with(nobody()),
        NamedSet::FashionMnist,
        &["--offline"],
    );
    assert_eq!(again, (data, remarks));
}

/// Without a whole set in the cache --offline and HF_HUB_OFFLINE ask nobody.
#[test]
fn offline_asks_nobody() {
    let train = FILES.train.clone();
    // Only one of the files can be had.
    let server = Server::start(move |request| {
        Some(match request.train {
            true => Answer::file(&train, request, 'a'),
            false => Answer::status("404 Not Found"),
        })
    });
    let place = Place::new(server.port);
    for half in [false, true] {
        if half {
            contains(
                &place.ask("mnist"),
                &["reason: ", "Entry not found: mnist/test/0000.parquet"],
            );
        }
        let before = server.requests().len();
        for (set, code) in [(NamedSet::Mnist, 0), (NamedSet::FashionMnist, 2)] {
            for variable in ["1", "true", ""] {
                let output = match variable {
                    "" => place.train(set, &["--offline"]),
                    value => place.train_with(set, &[], &[("HF_HUB_OFFLINE", value)]),
                };
                assert_eq!(output.status.code(), Some(code), "{output:?}");
                let what = if variable.is_empty() {
                    "--offline"
                } else {
                    "HF_HUB_OFFLINE"
                };
                let cache = place.cache();
                contains(
                    &String::from_utf8(output.stderr).unwrap(),
                    &[
                        &format!("cache {} holds no {}", cache.display(), set.title()),
                        &format!("{what} forbids a download"),
                        "--data DIR",
                    ],
                );
            }
        }
        assert_eq!(server.requests().len(), before);
    }
    // Other values of the variable do not forbid anything.
    let output = place.train_with(NamedSet::Mnist, &[], &[("HF_HUB_OFFLINE", "0")]);
    assert!(output.status.success(), "{output:?}");
    assert!(
        server
            .requests()
            .iter()
            .filter(|request| !request.train)
            .count()
            > 1
    );
}

/// A new version that comes between the two files is taken whole.
#[test]
fn a_set_that_changes_meanwhile_is_asked_for_again() {
    let files = &*FILES;
    let server = Server::start(|request| {
        let version = if request.number < 2 { 'a' } else { 'b' };
        Some(Answer::file(files.asked(request), request, version))
    });
    let place = Place::new(server.port);
    contains(
        &place.ask("mnist"),
        &["as served: true", "downloads: false"],
    );
}

/// A hub that lacked a file is asked again, though the client notes what is missing.
#[test]
fn a_file_that_was_missing_is_asked_for_again() {
    let missing = Server::start(|request| {
        let answer = Answer::status("404 Not Found");
        let _ = request;
        Some(answer.header("X-Repo-Commit", &"a".repeat(40)))
    });
    let place = Place::new(missing.port);
    for _ in 0..2 {
        let before = missing.requests().len();
        contains(
            &place.ask("mnist"),
            &["Entry not found: mnist/train/0000.parquet in ylecun/mnist"],
        );
        assert_eq!(missing.requests().len(), before + 1);
    }
    let server = Server::of(&FILES.train, &FILES.test);
    contains(&place.with(server.port).ask("mnist"), &["as served: true"]);
}

/// A file that is damaged in the cache is not taken; the advice how to get it anew is right.
#[test]
fn a_damaged_cache_is_told_and_mended_as_advised() {
    let server = Server::of(&FILES.train, &FILES.test);
    let place = Place::new(server.port);
    contains(&place.ask("mnist"), &["as served: true"]);
    let blob = place.cached(NamedSet::Mnist).join("blobs/train");
    let whole = fs::read(&blob).unwrap();
    let mut holed = whole.clone();
    holed[4..30].fill(0xff);
    for (damage, found) in [
        (&whole[..whole.len() - 1000], "training file: Parquet error"),
        (&[], "training file: EOF"),
        // candle-datasets would read on without end.
        (&holed, "training file: image 0: "),
    ] {
        fs::write(&blob, damage).unwrap();
        for offline in [&[][..], &["--offline"]] {
            let output = place.train(NamedSet::Mnist, offline);
            assert!(output.status.success(), "{output:?}");
            let text = String::from_utf8(output.stderr).unwrap();
            contains(
                &text,
                &[
                    "using the built-in sample",
                    "is not what it should be",
                    found,
                ],
            );
            assert_eq!(path_to_delete(&text), place.cached(NamedSet::Mnist));
        }
        // It is left where it is.
        assert_eq!(fs::read(&blob).unwrap(), damage);
    }
    assert_eq!(server.requests().len(), 4);
    fs::remove_dir_all(place.cached(NamedSet::Mnist)).unwrap();
    contains(&place.ask("mnist"), &["as served: true"]);
}
