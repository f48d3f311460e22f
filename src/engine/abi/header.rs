//! Writes `generated.cuh`, and asserts that the file is what it would write.

use std::fmt::Write as _;

use super::{CONSTANTS, ENUMS, LAYOUTS, Layout, SETTINGS, STATES};
use crate::activation::ActivationKind;
use crate::arithmetic::{Listing, Text};
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
    let formulas = ActivationKind::ALL
        .iter()
        .map(|kind| (kind.name(), *kind as i32));
    out += &numbers("ActivationKind", formulas);
    let losses: Vec<(String, i32)> = LossKind::ALL
        .iter()
        .map(|kind| (format!("{kind:?}"), *kind as i32))
        .collect();
    out += &numbers("LossKind", borrowed(&losses));
    let rules = rules();
    let names: Vec<(String, i32)> = rules
        .iter()
        .map(|rule| (format!("{:?}", rule.kind), rule.kind as i32))
        .collect();
    out += &numbers("RuleKind", borrowed(&names));
    for (name, variants) in ENUMS {
        out += &numbers(name, variants.iter().copied());
    }
    out += "\n// Stands behind a structure that the host has too: it is laid out alike.\n\
            #define CHECK_LAYOUT(structure) LAYOUT_OF_##structure\n";
    for layout in LAYOUTS {
        out += &assertions(layout);
    }
    out += &activations();
    out += &self::losses();
    out + &optimizer(&rules)
}

fn borrowed(names: &[(String, i32)]) -> impl Iterator<Item = (&str, i32)> {
    names.iter().map(|(name, number)| (name.as_str(), *number))
}

/// An enum whose numbers are counted from 0.
fn numbers<'a>(name: &str, variants: impl Iterator<Item = (&'a str, i32)>) -> String {
    let mut names = Vec::new();
    for (place, (variant, number)) in variants.enumerate() {
        assert_eq!(number, place as i32, "{name}::{variant}");
        names.push(constant_case(variant));
    }
    format!("enum {name} : int32_t {{ {} }};\n", names.join(", "))
}

/// `SaltAndPepper` or `leaky-relu` as `SALT_AND_PEPPER`, `LEAKY_RELU`.
fn constant_case(name: &str) -> String {
    let mut text = String::new();
    for (place, letter) in name.chars().enumerate() {
        if letter.is_uppercase() && place > 0 {
            text.push('_');
        }
        text.push(if letter == '-' {
            '_'
        } else {
            letter.to_ascii_uppercase()
        });
    }
    text
}

fn assertions(layout: &Layout) -> String {
    let Layout {
        name,
        size,
        offsets,
    } = layout;
    let mut text = format!("#define LAYOUT_OF_{name}");
    for (field, offset) in *offsets {
        let _ = write!(
            text,
            " \\\n    static_assert(offsetof({name}, {field}) == {offset}, \"{name}::{field}\");"
        );
    }
    text + &format!(" \\\n    static_assert(sizeof({name}) == {size}, \"{name}\")\n")
}

/// A function of the device with the lines of a formula.
fn function(head: &str, lines: &[String]) -> String {
    let body: String = lines.iter().map(|line| format!("    {line}\n")).collect();
    format!("\n__device__ __forceinline__ {head} {{\n{body}}}\n")
}

/// Values and derivatives, each as a function, and by the number of an activation.
fn activations() -> String {
    let mut out = String::new();
    type Formula = fn(ActivationKind, Text, Text) -> Text;
    let formula: [(&str, Formula); 2] = [
        ("value", |kind, x, parameter| {
            kind.value(x, parameter.symbol())
        }),
        ("derivative", |kind, x, parameter| {
            kind.derivative(x, parameter.symbol())
        }),
    ];
    for (what, formula) in formula {
        let mut cases = vec!["switch (kind) {".to_string()];
        for &kind in ActivationKind::ALL {
            let listing = Listing::default();
            let [x, parameter] = ["x", "parameter"].map(|name| listing.argument(name));
            let result = formula(kind, x, parameter);
            let mut lines = listing.lines();
            lines.push(format!("return {};", result.name));
            let name = format!("{}_{what}", constant_case(kind.name()).to_lowercase());
            let has_parameter = lines.iter().any(|line| line.contains("parameter"));
            let (parameters, arguments) = match has_parameter {
                true => ("float x, float parameter", "x, parameter"),
                false => ("float x", "x"),
            };
            let parameters = match lines.iter().any(|line| uses(line, "x")) {
                true => parameters.to_string(),
                false => parameters.replacen("float x", "float", 1),
            };
            out += &function(&format!("float {name}({parameters})"), &lines);
            let case = constant_case(kind.name());
            cases.push(format!("    case {case}: return {name}({arguments});"));
        }
        cases.push("    default: return x;".to_string());
        cases.push("}".to_string());
        let head = format!("float activation_{what}(int32_t kind, float parameter, float x)");
        out += &function(&head, &cases);
    }
    out
}

/// Whether a line has a name as a word.
fn uses(line: &str, name: &str) -> bool {
    line.split(|letter: char| !(letter.is_alphanumeric() || letter == '_'))
        .any(|word| word == name)
}

/// What a value adds to a loss, and the derivative of that.
fn losses() -> String {
    let mut lines = vec!["switch (kind) {".to_string()];
    for kind in LossKind::ALL {
        let listing = Listing::default();
        let pair = || (listing.argument("x"), listing.argument("t"));
        let (x, t) = pair();
        let term = kind.term(x, t);
        let (x, t) = pair();
        let derivative = kind.derivative(x, t);
        let results = [("term", term), ("derivative", derivative)];
        lines.extend(case(
            &constant_case(&format!("{kind:?}")),
            &listing,
            &results,
        ));
    }
    lines.push("}".to_string());
    let head = "void loss_terms(int32_t kind, float x, float t, float& term, float& derivative)";
    function(head, &lines)
}

/// A case of a switch that sets results.
fn case(label: &str, listing: &Listing, results: &[(&str, Text)]) -> Vec<String> {
    let mut lines = vec![format!("    case {label}: {{")];
    let sets = results
        .iter()
        .map(|(to, from)| format!("{to} = {};", from.name));
    let body = listing.lines().into_iter().chain(sets);
    lines.extend(body.map(|line| format!("        {line}")));
    lines.extend(["        break;".to_string(), "    }".to_string()]);
    lines
}

/// A rule with its lines.
struct Written {
    kind: RuleKind,
    listing: Listing,
    value: Text,
    state: Vec<Text>,
}

/// Writes the rule that it visits.
struct Writer;

impl Visit for Writer {
    type Output = Written;

    fn visit<const STATE: usize, const COUNT: usize>(
        self,
        rule: &impl Rule<STATE, COUNT>,
    ) -> Written {
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
        Written {
            kind: rule.kind(),
            state: next.to_vec(),
            value,
            listing,
        }
    }
}

/// Every rule, in the order of their numbers.
fn rules() -> Vec<Written> {
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
    texts.map(rule).into_iter().collect()
}

/// The next value and state of a weight.
fn optimizer(rules: &[Written]) -> String {
    let mut lines = vec!["switch (rule) {".to_string()];
    for Written {
        kind,
        listing,
        value,
        state,
    } in rules
    {
        let places = ["state[0]", "state[1]"].into_iter().zip(state.clone());
        let results: Vec<(&str, Text)> = std::iter::once(("value", value.clone()))
            .chain(places)
            .collect();
        lines.extend(case(
            &constant_case(&format!("{kind:?}")),
            listing,
            &results,
        ));
    }
    lines.push("}".to_string());
    let head = "void optimizer_rule(int32_t rule, const float (&settings)[SETTINGS], float gradient, \
                float& value, float (&state)[STATES])";
    function(head, &lines)
}
