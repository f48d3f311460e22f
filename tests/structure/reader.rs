//! That the reader of imports finds what it should: the house alone would not tell if it missed some.

use std::collections::BTreeMap;

use crate::imports::{circles, imports};

/// The imports of a crate of these files, as `FROM:LINE -> TO`.
fn found(files: &[(&str, &str)]) -> Vec<String> {
    let files = files
        .iter()
        .map(|(file, text)| (file.to_string(), text.to_string()));
    let imports = imports(&files.collect::<BTreeMap<_, _>>());
    let told = imports
        .iter()
        .map(|((from, to), named)| format!("{from}:{} -> {to}", named.line));
    told.collect()
}

const LIB: (&str, &str) = ("lib.rs", "mod low;\nmod high;\npub use low::Low;");
const LOW: (&str, &str) = (
    "low/mod.rs",
    "mod one;\nmod two;\npub use one::{Low, other as renamed};",
);
const ONE: (&str, &str) = ("low/one.rs", "pub struct Low;\npub fn other() {}");

#[test]
fn an_import_is_of_the_file_that_defines_the_item() {
    let high =
        "use crate::{\n    Low,\n    low::{self, renamed},\n};\nfn high(_: low::two::Two) {}";
    let two = "pub struct Two;\nfn two() { super::one::other() }";
    let files = [LIB, LOW, ONE, ("low/two.rs", two), ("high.rs", high)];
    assert_eq!(
        found(&files),
        [
            "high.rs:2 -> low/one.rs",
            "high.rs:5 -> low/two.rs",
            "lib.rs:3 -> low/one.rs",
            "low/mod.rs:3 -> low/one.rs",
            "low/two.rs:2 -> low/one.rs",
        ]
    );
}

#[test]
fn a_module_has_a_stand_in_in_another_file() {
    let low = "#[cfg(feature = \"x\")]\nmod one;\n#[cfg(not(feature = \"x\"))]\n#[path = \"without.rs\"]\npub(crate) mod one;\npub use one::Low;";
    let without = "use crate::high::High;";
    let files = [
        LIB,
        ("low/mod.rs", low),
        ONE,
        ("low/without.rs", without),
        ("high.rs", "pub struct High;"),
    ];
    assert_eq!(
        found(&files),
        [
            "lib.rs:3 -> low/one.rs",
            "low/mod.rs:6 -> low/one.rs",
            "low/without.rs:1 -> high.rs",
        ]
    );
}

#[test]
fn comments_strings_and_tests_import_nothing() {
    let two = r##"
        //! [`crate::high`]
        /* use crate::high; /* nested */ use crate::high::High; */
        /// See [`crate::high::High`].
        fn two<'a>(text: &'a str) -> char {
            let _ = (r#"crate::high::High " "#, "\" crate::high::High");
            '"'
        }
        #[cfg(test)]
        mod tests {
            use crate::high::High;
        }
        #[cfg(test)]
        use crate::high::High;
        fn three() { crate::Low; }
    "##;
    let files = [
        LIB,
        LOW,
        ONE,
        ("low/two.rs", two),
        ("high.rs", "pub struct High;"),
    ];
    assert_eq!(
        found(&files),
        [
            "lib.rs:3 -> low/one.rs",
            "low/mod.rs:3 -> low/one.rs",
            "low/two.rs:15 -> low/one.rs",
        ]
    );
}

#[test]
fn circles_are_found_but_through_the_folder_that_files_are_in() {
    let edges = [
        ("a/mod.rs", "a/x.rs"),
        ("a/x.rs", "a/mod.rs"),
        ("b.rs", "c.rs"),
        ("c.rs", "d.rs"),
        ("d.rs", "b.rs"),
        ("d.rs", "a/x.rs"),
    ];
    let edges = edges.map(|(from, to)| (from.to_string(), to.to_string()));
    let circles = circles(edges.iter());
    assert_eq!(circles, [["b.rs", "c.rs", "d.rs"].into()].into());
}
