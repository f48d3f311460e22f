//! Writes `generated.cuh`, and asserts that the file is what it would write.

use std::fmt::Debug;
use std::iter::once;

use super::{CONSTANTS, ENUMS, LAYOUTS, SETTINGS, STATES};
use crate::activation::ActivationKind;
use crate::arithmetic::{Listing, Number, Text};
use crate::loss::LossKind;
use crate::optim::rule::{Rule, RuleKind, Visit};
use crate::recipe::Optimizer;

const FILE: &str = "src/engine/cuda/kernels/generated.cuh";
/// Set to anything, it lets the test write the file.
const WRITE: &str = "AUTOENCODE_WRITE_KERNELS";

#[test]
fn the_kernels_have_what_the_host_has() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/src/engine/cuda/kernels/generated.cuh"
    );
    let written = header();
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(path, &written).unwrap();
    }
    let found = std::fs::read_to_string(path).unwrap();
    assert!(
        found == written,
        "{FILE} is not what its source says: `{WRITE}=1 cargo test --lib abi` writes it anew"
    );
}

fn header() -> String {
    let mut out = format!(
        "// Written by src/engine/abi/header.rs from what the host computes with: not to be edited.\n\
         // `{WRITE}=1 cargo test --lib abi` writes it anew.\n\
         #pragma once\n\n\
         #include <stddef.h>\n\
         #include <stdint.h>\n\n"
    );
    for (name, value) in CONSTANTS {
        out += &format!("constexpr int {name} = {value};\n");
    }
    out.push('\n');
    let rules = rules();
    let kinds = ActivationKind::ALL.iter();
    let kinds = kinds.map(|kind| (kind as &dyn Debug, *kind as i32));
    out += &numbers("ActivationKind", kinds);
    let kinds = LossKind::ALL.iter();
    let kinds = kinds.map(|kind| (kind as &dyn Debug, *kind as i32));
    out += &numbers("LossKind", kinds);
    let kinds = rules.iter();
    let kinds = kinds.map(|(kind, _)| (kind as &dyn Debug, *kind as i32));
    out += &numbers("RuleKind", kinds);
    for (name, variants) in ENUMS {
        out += &numbers(name, variants.iter().copied());
    }
    out += "\n// Stands behind a structure that the host has too: it is laid out alike.\n\
            #define CHECK_LAYOUT(structure) LAYOUT_OF_##structure\n";
    for (name, size, offsets) in LAYOUTS {
        out += &format!("#define LAYOUT_OF_{name}");
        for (field, offset) in *offsets {
            out += &format!(
                " \\\n    static_assert(offsetof({name}, {field}) == {offset}, \"{name}::{field}\");"
            );
        }
        out += &format!(" \\\n    static_assert(sizeof({name}) == {size}, \"{name}\")\n");
    }
    out += &activations();
    out += &losses();
    let head = "void optimizer_rule(int32_t rule, const float (&settings)[SETTINGS], float gradient, \
                float& value, float (&state)[STATES])";
    let cases = rules.into_iter().map(|(_, case)| case);
    out + &function(head, &switch("rule", cases))
}

/// An enum whose numbers are counted from 0.
fn numbers<'a>(name: &str, variants: impl Iterator<Item = (&'a dyn Debug, i32)>) -> String {
    let mut names = Vec::new();
    for (place, (variant, number)) in variants.enumerate() {
        assert_eq!(number, place as i32, "{name}::{variant:?}");
        names.push(constant(variant));
    }
    format!("enum {name} : int32_t {{ {} }};\n", names.join(", "))
}

/// The variant `SaltAndPepper` as `SALT_AND_PEPPER`.
fn constant(variant: &dyn Debug) -> String {
    let mut text = String::new();
    for (place, letter) in format!("{variant:?}").char_indices() {
        if letter.is_uppercase() && place > 0 {
            text.push('_');
        }
        text.push(letter.to_ascii_uppercase());
    }
    text
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}\n")).collect()
}

/// A function of the device.
fn function(head: &str, body: &str) -> String {
    let body = indented(body);
    format!("\n__device__ __forceinline__ {head} {{\n{body}}}\n")
}

fn switch(number: &str, cases: impl Iterator<Item = String>) -> String {
    let cases = indented(&cases.collect::<String>());
    format!("switch ({number}) {{\n{cases}}}\n")
}

/// A case of a switch that sets results.
fn case<'a>(
    variant: &dyn Debug,
    listing: &Listing,
    results: impl IntoIterator<Item = (&'a str, Text)>,
) -> String {
    let mut lines = listing.lines();
    let results = results.into_iter();
    lines.extend(results.map(|(to, from)| format!("{to} = {};", from.name)));
    lines.push("break;".to_string());
    let (label, body) = (constant(variant), indented(&lines.join("\n")));
    format!("case {label}: {{\n{body}}}\n")
}

/// Values and derivatives, each as a function, and by the number of an activation.
fn activations() -> String {
    let mut out = String::new();
    type Formula = fn(ActivationKind, Text, <Text as Number>::Setting) -> Text;
    let formulas: [(&str, Formula); 2] = [
        ("value", ActivationKind::value),
        ("derivative", ActivationKind::derivative),
    ];
    for (what, formula) in formulas {
        let mut cases = Vec::new();
        for kind in ActivationKind::ALL {
            let listing = Listing::default();
            let parameter = listing.argument("parameter").symbol();
            let result = formula(*kind, listing.argument("x"), parameter);
            let mut lines = listing.lines();
            lines.push(format!("return {};", result.name));
            let uses = |name| lines.iter().any(|line| has_word(line, name));
            let x = if uses("x") { "float x" } else { "float" };
            let (parameter, argument) = match uses("parameter") {
                true => (", float parameter", ", parameter"),
                false => ("", ""),
            };
            let case = constant(kind);
            let name = format!("{}_{what}", case.to_lowercase());
            let head = format!("float {name}({x}{parameter})");
            out += &function(&head, &lines.join("\n"));
            cases.push(format!("case {case}: return {name}(x{argument});\n"));
        }
        cases.push("default: return x;\n".to_string());
        let head = format!("float activation_{what}(int32_t kind, float parameter, float x)");
        out += &function(&head, &switch("kind", cases.into_iter()));
    }
    out
}

fn has_word(line: &str, name: &str) -> bool {
    line.split(|letter: char| !(letter.is_alphanumeric() || letter == '_'))
        .any(|word| word == name)
}

/// What a value adds to a loss, and the derivative of that.
fn losses() -> String {
    let cases = LossKind::ALL.iter().map(|kind| {
        let listing = Listing::default();
        let pair = || (listing.argument("x"), listing.argument("t"));
        let (x, t) = pair();
        let term = kind.term(x, t);
        let (x, t) = pair();
        let results = [("term", term), ("derivative", kind.derivative(x, t))];
        case(kind, &listing, results)
    });
    let head = "void loss_terms(int32_t kind, float x, float t, float& term, float& derivative)";
    function(head, &switch("kind", cases))
}

/// Writes the rule that it visits, as a case: the next value and state of a weight.
struct Writer;

impl Visit for Writer {
    type Output = (RuleKind, String);

    fn visit<const STATE: usize, const COUNT: usize>(
        self,
        rule: &impl Rule<STATE, COUNT>,
    ) -> Self::Output {
        assert!(STATE <= STATES && COUNT <= SETTINGS);
        let listing = Listing::default();
        let setting = |place| listing.argument(&format!("settings[{place}]")).symbol();
        let state = |place| listing.argument(&format!("state[{place}]"));
        let (value, next) = rule.step(
            std::array::from_fn(setting),
            listing.argument("value"),
            listing.argument("gradient"),
            std::array::from_fn(state),
        );
        let results = ["value", "state[0]", "state[1]"].into_iter();
        let results = results.zip(once(value).chain(next));
        (rule.kind(), case(&rule.kind(), &listing, results))
    }
}

/// Every rule, in the order of their numbers.
fn rules() -> Vec<(RuleKind, String)> {
    let texts = [
        "kind='sgd'\nlr=1",
        "kind='sgd'\nlr=1\nmomentum=0.5",
        "kind='sgd'\nlr=1\nmomentum=0.5\nnesterov=true",
        "kind='rmsprop'\nlr=1",
        "kind='rmsprop'\nlr=1\nepsilon_inside=true",
        "kind='rmsprop'\nlr=1\nmomentum=0.5",
        "kind='rmsprop'\nlr=1\nmomentum=0.5\nepsilon_inside=true",
        "kind='adadelta'\nlr=1",
        "kind='adam'\nlr=1",
        "kind='adamw'\nlr=1",
    ];
    let rule = |text| {
        let optimizer: Optimizer = toml::from_str(text).unwrap();
        optimizer.with_rule(1.0, 1, Writer)
    };
    texts.map(rule).into()
}
