//! What holds for any input holds for the inputs that the fuzzer has found worth keeping, and for those
//! that once broke something. The targets and how to run them: tests/fuzz/README.md.

#[path = "fuzz/src/lib.rs"]
mod targets;

use std::fs;
use std::path::Path;

/// Gives a target every file of its folder.
fn replay(target: &str, run: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus");
    let entries = fs::read_dir(folder.join(target)).unwrap();
    let paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    assert!(!paths.is_empty(), "no inputs for {target}");
    for path in paths {
        // Shown where the input breaks something.
        println!("{}", path.display());
        run(&fs::read(&path).unwrap());
    }
}

/// A test for each target, named as it is.
macro_rules! replayed {
    ($($target:ident),*) => {
        $(
            #[test]
            fn $target() {
                replay(stringify!($target), targets::$target::run);
            }
        )*
    };
}

replayed!(checkpoint, codes, idx, npy, npz, png, recipe);
