//! Charts and drawings of networks: what is on them, and where.

use crate::common::{self, autoencode, recipe};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use autoencode::network::{Autoencoder, Parameters};
use autoencode::picture::{
    Chart, Panel, Scale, ScatterOptions, Series, curves, panels, read_header, scatter,
};
use autoencode::train::History;
use candle_core::{DType, Device};
use serde_json::Value;
use tempfile::TempDir;

/// Three runs on the sample: `runs/dense`, `runs/again/dense` and the variational `runs/vae`.
fn runs() -> &'static Path {
    static RUNS: OnceLock<TempDir> = OnceLock::new();
    let folder = RUNS.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let small = ["--set", "network.encoder=[8]", "--set", "training.epochs=2"];
        let train = |arguments: &[&str], output: &str| {
            autoencode()
                .current_dir(folder.path())
                .args(["train", "--offline", "--quiet", "--output", output])
                .args(arguments)
                .assert()
                .success();
        };
        train(&[&["dense-32"], &small[..]].concat(), "runs/dense");
        train(
            &[&["dense-32", "--seed", "2"], &small[..]].concat(),
            "runs/again/dense",
        );
        let latent = ["--set", "network.latent=2"];
        train(&[&["vae"], &small[..], &latent].concat(), "runs/vae");
        folder
    });
    folder.path()
}

fn succeed(folder: &Path, arguments: &[&str]) -> String {
    let assert = autoencode()
        .current_dir(folder)
        .args(arguments)
        .assert()
        .success();
    String::from_utf8(assert.get_output().stdout.clone()).unwrap()
}

/// The one line in which a wrong command is refused.
fn refusal(folder: &Path, arguments: &[&str]) -> String {
    let assert = autoencode()
        .current_dir(folder)
        .args(arguments)
        .assert()
        .code(2)
        .stdout("");
    let message = String::from_utf8(assert.get_output().stderr.clone()).unwrap();
    let lines = message.lines().filter(|line| !line.starts_with("note: "));
    let lines: Vec<&str> = lines.collect();
    assert_eq!(lines.len(), 1, "{arguments:?}: {message}");
    assert!(lines[0].starts_with("error: "), "{message}");
    lines[0].to_string()
}

/// An element of an SVG: its attributes as they are written, and its text.
struct Element {
    attributes: String,
    text: String,
}

impl Element {
    fn get(&self, name: &str) -> Option<&str> {
        let from = self.attributes.split_once(&format!(" {name}=\""))?.1;
        from.split('"').next()
    }

    fn number(&self, name: &str) -> f64 {
        let value = self
            .get(name)
            .unwrap_or_else(|| panic!("no {name} in {}", self.attributes));
        value.parse().unwrap()
    }
}

/// The elements of that name, in order.
fn elements(svg: &str, name: &str) -> Vec<Element> {
    svg.split(&format!("<{name} "))
        .skip(1)
        .map(|rest| {
            let (attributes, rest) = rest.split_once('>').unwrap();
            let text = rest.split('<').next().unwrap().trim();
            let text = text.replace("&lt;", "<").replace("&gt;", ">");
            Element {
                attributes: format!(" {attributes}"),
                text: text.replace("&amp;", "&"),
            }
        })
        .collect()
}

fn texts(svg: &str) -> Vec<String> {
    elements(svg, "text").into_iter().map(|e| e.text).collect()
}

/// Width and height of the view box.
fn view(svg: &str) -> (f64, f64) {
    let root = &elements(svg, "svg")[0];
    let numbers: Vec<f64> = root
        .get("viewBox")
        .unwrap()
        .split(' ')
        .map(|n| n.parse().unwrap())
        .collect();
    assert_eq!(numbers[..2], [0.0, 0.0]);
    (numbers[2], numbers[3])
}

/// Where a text lies: left, right, top, bottom. Every letter of the font is 0.602 of its size wide.
fn extent(text: &Element) -> [f64; 4] {
    let size = text.number("font-size");
    let width = 0.602 * size * text.text.chars().count() as f64;
    let start = match text.get("text-anchor") {
        Some("middle") => 0.5,
        Some("end") => 1.0,
        _ => 0.0,
    };
    let (x, y) = (text.number("x"), text.number("y"));
    if let Some(turn) = text.get("transform") {
        let (_, centre) = turn.trim_end_matches(')').rsplit_once(' ').unwrap();
        let centre: f64 = centre.parse().unwrap();
        let (across, along) = (0.6 * size, 0.5 * width);
        return [x - across, x + across, centre - along, centre + along];
    }
    let left = x - start * width;
    [left, left + width, y - 0.76 * size, y + 0.24 * size]
}

fn assert_inside(svg: &str) {
    let (width, height) = view(svg);
    for text in elements(svg, "text") {
        let [left, right, top, bottom] = extent(&text);
        assert!(
            left >= 0.0 && right <= width && top >= 0.0 && bottom <= height,
            "`{}` at {left}-{right}, {top}-{bottom} leaves {width} x {height}",
            text.text
        );
    }
}

fn assert_apart(svg: &str) {
    let all = elements(svg, "text");
    for (place, one) in all.iter().enumerate() {
        for other in &all[..place] {
            let apart = !overlap(extent(one), extent(other));
            assert!(apart, "`{}` on `{}`", one.text, other.text);
        }
    }
}

fn overlap(a: [f64; 4], b: [f64; 4]) -> bool {
    a[0] < b[1] && b[0] < a[1] && a[2] < b[3] && b[2] < a[3]
}

/// The places of the dots, group by group, told apart by colour in order of appearance.
fn dots(svg: &str) -> Vec<Vec<(f64, f64)>> {
    let mut groups: Vec<(String, Vec<(f64, f64)>)> = Vec::new();
    for path in elements(svg, "path") {
        if path.get("stroke-linecap") != Some("round") {
            continue;
        }
        let color = path.get("stroke").unwrap().to_string();
        let points = path.get("d").unwrap().split('M').skip(1).map(|dot| {
            let (x, y) = dot.strip_suffix("h0").unwrap().split_once(' ').unwrap();
            (x.parse().unwrap(), y.parse().unwrap())
        });
        match groups.iter_mut().find(|(known, _)| *known == color) {
            Some((_, group)) => group.extend(points),
            None => groups.push((color, points.collect())),
        }
    }
    groups.into_iter().map(|(_, points)| points).collect()
}

fn circle(radius: f64, count: usize) -> Vec<(f64, f64)> {
    (0..count)
        .map(|i| std::f64::consts::TAU * i as f64 / count as f64)
        .map(|angle| (3.0 + radius * angle.cos(), radius * angle.sin()))
        .collect()
}

/// A panel without words.
fn unnamed(series: Vec<Series>) -> Panel {
    Panel {
        series,
        ..Panel::default()
    }
}

#[test]
fn with_an_equal_scale_a_circle_is_one() {
    let groups = [
        Series::new("large", circle(2.0, 300)),
        Series::new("small", circle(0.5, 300)),
        Series::new("lost", vec![(f64::NAN, 0.0), (0.0, f64::INFINITY)]),
    ];
    let equal = ScatterOptions {
        equal_scale: true,
        ..ScatterOptions::default()
    };
    let panel = |title: &str, groups: &[Series]| Panel {
        title: title.to_string(),
        x_label: "x1".to_string(),
        y_label: "x2".to_string(),
        series: groups.to_vec(),
        ..Panel::default()
    };
    let one = scatter("circles", &[panel("", &groups)], equal).unwrap();
    let panels = [panel("both", &groups), panel("one", &groups[..1])];
    let row = scatter("circles", &panels, equal).unwrap();
    for (svg, counts) in [(one.svg(), [300, 300]), (row.svg(), [600, 300])] {
        assert_inside(svg);
        assert_apart(svg);
        let drawn = dots(svg);
        assert_eq!(drawn.iter().map(Vec::len).collect::<Vec<_>>(), counts);
        let points = &drawn[0][..300];
        let middle = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / 300.0;
        let (x, y) = (middle(|p| p.0), middle(|p| p.1));
        let radii: Vec<f64> = drawn[0]
            .iter()
            .take(1)
            .chain(points)
            .map(|p| (p.0 - x).hypot(p.1 - y))
            .collect();
        for radius in &radii {
            assert!((radius - radii[0]).abs() < 0.05, "{radius} of {}", radii[0]);
        }
        for name in ["circles", "large", "small", "lost", "x1", "x2"] {
            assert!(texts(svg).iter().any(|text| text == name), "{name}");
        }
    }
    for title in ["both", "one"] {
        assert!(texts(row.svg()).iter().any(|text| text == title));
    }
    // Without it, the axes are filled.
    let free = unnamed(vec![Series::new("", vec![(0.0, 0.0), (9.0, 1.0)])]);
    let free = scatter("", &[free], ScatterOptions::default());
    let drawn = dots(free.unwrap().svg());
    let [a, b] = drawn[0][..] else {
        panic!("{drawn:?}")
    };
    assert!(((b.0 - a.0) + (b.1 - a.1)).abs() < 0.1, "{drawn:?}");

    assert!(scatter("", &[], equal).is_err());
    assert!(scatter("", &vec![Panel::default(); 13], equal).is_err());
    assert!(scatter("nothing", &[Panel::default()], equal).is_ok());
}

#[test]
fn names_stand_at_the_medians_and_off_each_other() {
    let around = |x: f64, y: f64| (0..99).map(|i| (x + f64::from(i - 49), y)).collect();
    let groups = vec![
        Series::new("seven", around(0.0, 0.0)),
        Series::new("eight", around(0.5, 0.1)),
        Series::new("nine", around(0.0, 400.0)),
    ];
    let options = ScatterOptions {
        names_at_medians: true,
        ..ScatterOptions::default()
    };
    let chart = scatter("", &[unnamed(groups)], options).unwrap();
    let names: Vec<Element> = elements(chart.svg(), "text")
        .into_iter()
        .filter(|text| text.get("paint-order").is_some())
        .collect();
    assert_eq!(names.len(), 3);
    for (place, name) in names.iter().enumerate() {
        for other in &names[..place] {
            assert!(!overlap(extent(name), extent(other)));
        }
    }
    // Nobody pushes the third away.
    let drawn = dots(chart.svg());
    let x = drawn[2].iter().map(|p| p.0).sum::<f64>() / 99.0;
    assert!((names[2].number("x") - x).abs() < 1.0);
    let [_, _, top, bottom] = extent(&names[2]);
    assert!(top < drawn[2][0].1 && drawn[2][0].1 < bottom);

    // A long name at the edge stays on the plane; so many names that they hide the points are left out.
    let named = |names: &[&str]| {
        let groups = (0..)
            .zip(names)
            .map(|(place, name)| Series::new(*name, vec![(f64::from(place), 0.0)]));
        let chart = scatter("", &[unnamed(groups.collect())], options).unwrap();
        let mut texts = elements(chart.svg(), "text");
        texts.retain(|text| text.get("paint-order").is_some());
        (texts, view(chart.svg()).0)
    };
    let long = "a class with a name of many words, as folders have";
    let (names, width) = named(&[long, "b", long]);
    let [_, right, ..] = extent(&names[2]);
    assert!(
        names[2].text.contains('…') && right < width,
        "{}",
        names[2].text
    );
    assert!(named(&["a"; 31]).0.is_empty());
}

#[test]
fn many_points_are_thinned_and_the_chart_says_so() {
    let points = |count: u32| {
        (0..count)
            .map(|i| (f64::from(i % 251), f64::from(i % 127)))
            .collect()
    };
    let options = ScatterOptions::default();
    let groups = vec![
        Series::new("a", points(45_000)),
        Series::new("b", points(300)),
    ];
    let thinned = scatter("", &[unnamed(groups)], options).unwrap();
    let drawn = dots(thinned.svg());
    assert_eq!((drawn[0].len(), drawn[1].len()), (15_000, 100));
    let note = "every 3rd of the 45,300 points is drawn";
    assert!(texts(thinned.svg()).iter().any(|text| text == note));
    assert!(thinned.svg().len() < 400_000);
    assert_inside(thinned.svg());

    let groups = vec![Series::new("a", points(10_000))];
    let whole = scatter("", &[unnamed(groups)], options).unwrap();
    assert_eq!(dots(whole.svg())[0].len(), 10_000);
    assert!(!whole.svg().contains("is drawn"));
    // The dots are seen: of the pixels in their midst many are not white.
    let picture = whole.rasterise().unwrap();
    let (width, height) = picture.dimensions();
    let middle = (height / 4..height / 2).flat_map(|y| (width / 4..width / 2).map(move |x| (x, y)));
    let (mut inked, mut all) = (0, 0);
    for (x, y) in middle {
        all += 1;
        inked += usize::from(picture.get_pixel(x, y).0.iter().any(|v| *v < 225));
    }
    assert!(3 * inked > all, "{inked} of {all}");
}

#[test]
fn a_logarithmic_axis_makes_a_line_of_equal_ratios() {
    let points = (0..5).map(|i| (f64::from(i), 10f64.powi(-i))).collect();
    let series = [
        Series::new("loss", points),
        Series::new("none", vec![(0.0, -1.0), (1.0, 0.0)]),
    ];
    let chart = curves("", "epoch", "loss", &series, Scale::Logarithmic);
    let marks = elements(chart.svg(), "circle");
    assert_eq!(marks.len(), 5);
    let y: Vec<f64> = marks.iter().map(|mark| mark.number("cy")).collect();
    for pair in y.windows(2) {
        assert!((pair[1] - pair[0] - (y[1] - y[0])).abs() <= 0.05, "{y:?}");
    }
    assert_inside(chart.svg());
}

/// The labels of the y axis, from the top down.
fn y_labels(chart: &Chart) -> Vec<String> {
    let mut labels: Vec<Element> = elements(chart.svg(), "text")
        .into_iter()
        .filter(|text| text.get("text-anchor") == Some("end"))
        .collect();
    labels.sort_by(|a, b| a.number("y").total_cmp(&b.number("y")));
    labels.into_iter().map(|label| label.text).collect()
}

#[test]
fn a_tick_stands_at_its_value() {
    let line = vec![(1.0, 0.25), (2.0, 0.75), (3.0, 0.5)];
    let chart = curves("", "", "", &[Series::new("", line)], Scale::Linear);
    let marks = elements(chart.svg(), "circle");
    let text = |wanted: &str| {
        let mut all = elements(chart.svg(), "text").into_iter();
        all.find(|text| text.text == wanted).unwrap()
    };
    for (mark, (x, y)) in marks.iter().zip([("1", "0.2"), ("2", "0.7"), ("3", "0.5")]) {
        assert!((text(x).number("x") - mark.number("cx")).abs() < 0.5);
        let [_, _, top, bottom] = extent(&text(y));
        let off = mark.number("cy") - 0.5 * (top + bottom);
        // 0.25 and 0.75 lie half a tick above 0.2 and 0.7.
        let step = (text("0.2").number("y") - text("0.7").number("y")) / 5.0;
        let expected = if y == "0.5" { 0.0 } else { -0.5 * step };
        assert!((off - expected).abs() < 2.0, "{y}: {off} {expected}");
    }
}

#[test]
fn words_have_room_on_every_chart() {
    let line = |value: fn(f64) -> f64, epochs: i32| -> Vec<(f64, f64)> {
        let epochs = (1..=epochs).map(f64::from);
        epochs.map(|epoch| (epoch, value(epoch))).collect()
    };
    let long = "a name that is much longer than a legend has room for ".repeat(5);
    let cases: Vec<(&str, Vec<Series>)> = vec![
        ("one epoch", vec![Series::new("a", line(|_| 0.3, 1))]),
        ("zero", vec![Series::new("a", line(|_| 0.0, 5))]),
        ("negative", vec![Series::new("a", line(|e| -1e3 - e, 9))]),
        ("huge", vec![Series::new("a", line(|e| 3e12 / e, 9))]),
        ("tiny", vec![Series::new("a", line(|e| 4e-13 / e, 9))]),
        ("close", vec![Series::new("a", line(|e| 1e6 + 1e-3 * e, 9))]),
        (
            "decades",
            vec![Series::new("a", line(|e| 10f64.powf(-9.0 * e), 9))],
        ),
        ("a decade", vec![Series::new("a", line(|e| 1.0 / e, 10))]),
        ("many epochs", vec![Series::new("a", line(|e| e, 100_000))]),
        (
            "wide x",
            vec![Series::new("a", vec![(1e-7, 1.0), (1.0 + 3e-7, 2.0)])],
        ),
        (
            "gaps",
            vec![Series::new(
                "a",
                vec![(1.0, 2.0), (2.0, f64::NAN), (3.0, 1e200)],
            )],
        ),
        ("long", vec![Series::new(&long, line(|e| e, 3)); 3]),
        (
            "many",
            vec![Series::new("one of many lines", line(|e| e, 3)); 200],
        ),
        ("none", Vec::new()),
    ];
    for (case, series) in cases {
        for title in ["", case, &long] {
            for scale in [Scale::Linear, Scale::Logarithmic] {
                let chart = curves(title, title, title, &series, scale);
                assert_inside(chart.svg());
                assert_apart(chart.svg());
                let labels = y_labels(&chart);
                let mut apart = labels.clone();
                apart.dedup();
                assert!(labels.len() >= 2 && labels == apart, "{case}: {labels:?}");
            }
            let panel = Panel {
                title: title.to_string(),
                caption: title.to_string(),
                x_label: title.to_string(),
                y_label: title.to_string(),
                series: series.clone(),
            };
            let drawn = vec![panel; 4];
            for chart in [
                panels(&drawn, 3, 3.0).unwrap(),
                scatter(title, &drawn, ScatterOptions::default()).unwrap(),
            ] {
                assert_inside(chart.svg());
                assert_apart(chart.svg());
            }
        }
    }
    // Curves get the room that their names need; small panels count those that have none.
    let series = vec![Series::new("a", Vec::new()); 300];
    let named = texts(curves("", "", "", &series, Scale::Linear).svg());
    assert_eq!(named.iter().filter(|text| *text == "a").count(), 300);
    let panel = Panel {
        series,
        ..Panel::default()
    };
    let counted = texts(panels(&[panel], 1, 1.0).unwrap().svg());
    let rest = counted.iter().find_map(|text| text.strip_suffix(" more"));
    assert!(rest.is_some(), "{counted:?}");
}

#[test]
fn the_curves_of_one_run_are_its_losses() {
    let out = tempfile::tempdir().unwrap();
    let run = runs().join("runs/dense");
    let run = run.to_str().unwrap();
    let text = succeed(out.path(), &["plot", "curves", run]);
    assert_eq!(text, "BCE a pixel over 2 epochs -> curves.png\n");
    let header = read_header(out.path().join("curves.png")).unwrap();
    assert_eq!((header.width, header.height), (1520, 920));

    let file = format!("{run}/metrics.jsonl");
    succeed(
        out.path(),
        &[
            "plot",
            "curves",
            &file,
            "-o",
            "new/folder/curves.SVG",
            "--quiet",
        ],
    );
    let svg = fs::read_to_string(out.path().join("new/folder/curves.SVG")).unwrap();
    let shown = texts(&svg);
    for name in ["dense", "training", "validation", "epoch", "BCE a pixel"] {
        assert!(shown.iter().any(|text| text == name), "{name}: {shown:?}");
    }
    assert_inside(&svg);
    // Two lines of two epochs, as high as their values: training first, the larger loss higher up.
    let history = History::read(Path::new(run)).unwrap();
    assert_eq!(history.loss(), Some("bce_per_pixel"));
    let marks = elements(&svg, "circle");
    let drawn: Vec<f64> = marks.iter().map(|mark| mark.number("cy")).collect();
    let column = |name: &str| history.column(name).unwrap();
    let values = [column("train_bce_per_pixel"), column("val_bce_per_pixel")].concat();
    assert_eq!(drawn.len(), 4);
    let slope = (drawn[1] - drawn[0]) / (values[1].1 - values[0].1);
    assert!(slope < 0.0);
    for (y, (_, value)) in drawn.iter().zip(&values) {
        assert!((y - drawn[0] - slope * (value - values[0].1)).abs() < 0.2);
    }
}

#[test]
fn the_curves_of_several_runs_are_named() {
    let out = tempfile::tempdir().unwrap();
    let path = |run: &str| runs().join("runs").join(run).to_str().unwrap().to_string();
    let (one, again, vae) = (path("dense"), path("again/dense"), path("vae"));
    let draw = |arguments: &[&str]| -> (Value, String) {
        let output = ["--json", "--output", "several.svg", "--force"];
        let text = succeed(
            out.path(),
            &[&["plot", "curves"], arguments, &output].concat(),
        );
        let svg = fs::read_to_string(out.path().join("several.svg")).unwrap();
        assert_inside(&svg);
        (serde_json::from_str(&text).unwrap(), svg)
    };
    let (json, svg) = draw(&[&one, &again, "--log"]);
    assert_eq!(json["columns"], serde_json::json!(["val_bce_per_pixel"]));
    assert_eq!(json["epochs"], 2);
    assert!(texts(&svg).contains(&"validation BCE a pixel".to_string()));
    // Both folders are called dense: the ends of their paths tell them apart.
    let named = |end: &str| texts(&svg).iter().any(|text| text.ends_with(end));
    assert!(
        named("again/dense") && named("runs/dense"),
        "{:?}",
        texts(&svg)
    );

    let (_, svg) = draw(&[&one, &vae, "--metric", "val_psnr_db"]);
    for name in ["dense", "vae", "validation PSNR (dB)"] {
        assert!(texts(&svg).contains(&name.to_string()), "{name}");
    }

    let losses = refusal(out.path(), &["plot", "curves", &one, &vae]);
    for part in [
        "bce_per_pixel",
        "neg_elbo_nats_per_image",
        "--metric",
        "vae",
    ] {
        assert!(losses.contains(part), "{losses}");
    }
    let column = refusal(out.path(), &["plot", "curves", &one, "--metric", "lr"]);
    for part in [
        "no `lr`",
        "learning_rate",
        "val_bce_per_pixel",
        "metrics.jsonl",
    ] {
        assert!(column.contains(part), "{column}");
    }
    assert!(!column.contains("is_best"), "{column}");
    let kl = refusal(
        out.path(),
        &[
            "plot",
            "curves",
            &vae,
            &one,
            "--metric",
            "kl_nats_per_image",
        ],
    );
    assert!(
        kl.contains("dense") && kl.contains("kl_nats_per_image"),
        "{kl}"
    );
}

#[test]
fn more_runs_than_colours_are_told_apart_by_dashes_and_all_named() {
    let out = tempfile::tempdir().unwrap();
    let names: Vec<String> = (1..=40).map(|number| format!("run-{number:02}")).collect();
    for (value, name) in names.iter().enumerate() {
        fs::create_dir(out.path().join(name)).unwrap();
        let row = |epoch| format!("{{\"epoch\":{epoch},\"train_x\":1,\"val_x\":{value}}}\n");
        let rows: String = (1..=40).map(row).collect();
        fs::write(out.path().join(name).join("metrics.jsonl"), rows).unwrap();
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let draw = |count: usize| {
        let arguments = [
            &["plot", "curves", "--force", "-o", "c.svg"],
            &names[..count],
        ]
        .concat();
        succeed(out.path(), &arguments);
        fs::read_to_string(out.path().join("c.svg")).unwrap()
    };
    assert!(!draw(10).contains("dasharray"));
    let svg = draw(40);
    // The looks of lines in the legend and on the plane.
    let look = |line: &str| {
        let stroke = line.split_once("stroke=")?.1;
        let color = stroke.get(..9)?.to_string();
        let dashes = line
            .split_once("dasharray=")
            .map(|(_, dashes)| dashes.to_string());
        Some((color, dashes))
    };
    for width in ["\"2\"", "\"3\""] {
        let lines = svg
            .lines()
            .filter(|line| line.contains(&format!("stroke-width={width}")));
        let looks: std::collections::HashSet<_> = lines.filter_map(look).collect();
        assert_eq!(looks.len(), 40, "{width}");
    }
    for name in names {
        assert!(svg.contains(&format!(">{name}<")), "{name}");
    }
}

#[test]
fn runs_without_figures_are_refused() {
    let out = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &[u8]| fs::write(out.path().join(name), text).unwrap();
    write("empty.jsonl", b"");
    write("binary.jsonl", &[0xff, 0xfe, 0x00]);
    write(
        "torn.jsonl",
        b"{\"epoch\":1,\"train_x\":1,\"val_x\":0}\n{\"epoch\":2,\"tra",
    );
    write("nameless.jsonl", b"{\"loss\":1}\n");
    write("other.jsonl", b"{\"epoch\":1,\"loss\":1}\n");
    write("zero.jsonl", b"{\"epoch\":1,\"train_x\":1,\"val_x\":0}\n");
    let folder = out.path();
    for (arguments, parts) in [
        (vec!["nowhere"], vec!["nowhere", "cannot read"]),
        (vec!["."], vec!["metrics.jsonl"]),
        (
            vec!["empty.jsonl"],
            vec!["empty.jsonl", "at least one epoch"],
        ),
        (vec!["binary.jsonl"], vec!["binary.jsonl", "JSON"]),
        (vec!["torn.jsonl"], vec!["torn.jsonl", "line 2"]),
        (
            vec!["nameless.jsonl"],
            vec!["nameless.jsonl", "`epoch`", "line 1"],
        ),
        (vec!["other.jsonl"], vec!["other.jsonl", "--metric", "loss"]),
        (
            vec!["zero.jsonl", "--log"],
            vec!["--log", "val_x", "epoch 1"],
        ),
        (
            vec!["zero.jsonl", "-o", "there.png"],
            vec!["there.png", "--force"],
        ),
    ] {
        write("there.png", b"precious");
        let message = refusal(folder, &[&["plot", "curves"], &arguments[..]].concat());
        for part in parts {
            assert!(message.contains(part), "{arguments:?}: {message}");
        }
    }
    assert_eq!(fs::read(folder.join("there.png")).unwrap(), b"precious");
    assert!(!folder.join("curves.png").exists());
    for command in ["curves zero.jsonl", "codes", "curves"] {
        let arguments = command.split(' ').chain(["-o", "drawing.jpg"]);
        let assert = autoencode()
            .current_dir(folder)
            .arg("plot")
            .args(arguments)
            .assert();
        assert.code(2).stdout("");
    }
}

/// The codes of the sample's test images drawn by the program.
fn codes(checkpoint: &Path, folder: &Path, output: &str) -> Value {
    let text = succeed(
        folder,
        &[
            "plot",
            "codes",
            "--offline",
            "--json",
            "--force",
            "--checkpoint",
            checkpoint.to_str().unwrap(),
            "--output",
            output,
        ],
    );
    serde_json::from_str(&text).unwrap()
}

#[test]
fn codes_of_two_values_are_drawn_where_they_are() {
    let out = tempfile::tempdir().unwrap();
    let run = runs().join("runs/vae");
    let json = codes(&run, out.path(), "codes.svg");
    assert_eq!(
        (&json["images"], &json["code_values"], &json["labels"]),
        (&2000.into(), &2.into(), &10.into())
    );
    assert!(json["explained_variance"].is_null());
    let svg = fs::read_to_string(out.path().join("codes.svg")).unwrap();
    assert_inside(&svg);
    for label in 0..10 {
        // In the legend and at the median.
        let count = texts(&svg)
            .iter()
            .filter(|text| **text == label.to_string())
            .count();
        assert!(count >= 2, "{label}");
    }

    let checkpoint =
        autoencode::checkpoint::Checkpoint::read(&run.join("best.safetensors")).unwrap();
    let model = checkpoint.model(&run, &Device::Cpu).unwrap();
    let test = common::sample().test;
    let indices: Vec<u32> = (0..2000).collect();
    let batch = test.batch(&indices, &Device::Cpu).unwrap();
    let values = common::values(&model.encode(&batch).unwrap());
    let drawn = dots(&svg);
    // A common scale takes every code to its dot.
    let of_label = |label: u32| {
        let labels = test.labels().iter().enumerate();
        let places = labels.filter(move |(_, own)| **own == label);
        places.map(|(place, _)| (values[2 * place], values[2 * place + 1]))
    };
    let codes: Vec<Vec<(f64, f64)>> = (0..10).map(|label| of_label(label).collect()).collect();
    let (first, last) = (codes[0][0], codes[1][0]);
    let (from, to) = (drawn[0][0], drawn[1][0]);
    let scale = (to.0 - from.0) / (last.0 - first.0);
    for (codes, dots) in codes.iter().zip(&drawn) {
        assert_eq!(codes.len(), dots.len());
        for (code, dot) in codes.iter().zip(dots) {
            let x = from.0 + scale * (code.0 - first.0);
            let y = from.1 - scale * (code.1 - first.1);
            assert!(
                (x - dot.0).abs() < 1.0 && (y - dot.1).abs() < 1.0,
                "{code:?} {dot:?}"
            );
        }
    }
}

#[test]
fn larger_codes_are_projected_and_single_values_spread() {
    let out = tempfile::tempdir().unwrap();
    let json = codes(&runs().join("runs/dense"), out.path(), "codes.svg");
    let shares: Vec<f64> = serde_json::from_value(json["explained_variance"].clone()).unwrap();
    assert!(shares[0] >= shares[1] && shares[1] > 0.0 && shares[0] + shares[1] < 1.0);
    let svg = fs::read_to_string(out.path().join("codes.svg")).unwrap();
    let label = |number: usize, share: f64| format!("PC {number} ({:.0}%)", 100.0 * share);
    for label in [label(1, shares[0]), label(2, shares[1])] {
        assert!(texts(&svg).contains(&label), "{label}");
    }
    // The principal axes are not correlated.
    let dots = dots(&svg).concat();
    let mean =
        |of: &dyn Fn(&(f64, f64)) -> f64| dots.iter().map(of).sum::<f64>() / dots.len() as f64;
    let (x, y) = (mean(&|p| p.0), mean(&|p| p.1));
    let product = mean(&|p| (p.0 - x) * (p.1 - y));
    let (xx, yy) = (mean(&|p| (p.0 - x).powi(2)), mean(&|p| (p.1 - y).powi(2)));
    assert!(product.abs() < 0.02 * (xx * yy).sqrt());
    let ratio = yy / xx;
    assert!(
        (ratio - shares[1] / shares[0]).abs() < 0.02,
        "{ratio} {shares:?}"
    );

    let single = recipe("dense-32", &["network.encoder=[1]"], [1, 28, 28]);
    let file = out.path().join("single.safetensors");
    common::checkpoint(single).write(&file).unwrap();
    codes(&file, out.path(), "single.svg");
    let svg = fs::read_to_string(out.path().join("single.svg")).unwrap();
    assert_inside(&svg);
    // A row for each label, the higher the label the higher up.
    let rows = self::dots(&svg);
    assert_eq!(rows.len(), 10);
    for pair in rows.windows(2) {
        let low = pair[0].iter().map(|p| p.1).fold(f64::INFINITY, f64::min);
        let high = pair[1].iter().map(|p| p.1).fold(0.0, f64::max);
        assert!(high < low);
    }
}

/// Draws a network by the program.
fn graph(folder: &Path, arguments: &[&str]) -> String {
    let output = ["--graph", "graph.svg", "--force"];
    succeed(folder, &[&["summary"], arguments, &output].concat());
    let svg = fs::read_to_string(folder.join("graph.svg")).unwrap();
    assert_inside(&svg);
    svg
}

/// Names, kinds, shapes and parameters of the layers, as `summary --json` has them.
fn layers(folder: &Path, arguments: &[&str]) -> Vec<(String, String, String, u64)> {
    let text = succeed(folder, &[&["summary", "--json"], arguments].concat());
    let json: Value = serde_json::from_str(&text).unwrap();
    let rows = json["summary"]["layers"].as_array().unwrap().iter();
    rows.map(|row| {
        let text = |name: &str| row[name].as_str().unwrap().to_string();
        let output: Vec<String> = row["output"]
            .as_array()
            .unwrap()
            .iter()
            .map(Value::to_string)
            .collect();
        let parameters = row["parameters"].as_u64().unwrap();
        (text("name"), text("layer"), output.join("x"), parameters)
    })
    .collect()
}

#[test]
fn a_network_is_drawn_with_every_layer() {
    let out = tempfile::tempdir().unwrap();
    let deep = "network.encoder=[8,8,8,8,8,8,8,8,8,8,8,8]";
    let odd = [
        "dense-32",
        "--set",
        r#"network.activation={ kind = "scaled", of = "sigmoid", a = 3.0, b = 0.1 }"#,
    ];
    let text = succeed(out.path(), &["recipes", "conv-denoiser"]);
    let (start, rest) = text.split_once("[network]").unwrap();
    let (_, rest) = rest.split_once("[corruption]").unwrap();
    let nested = r#"[network]
family = "layers"
encoder = ["conv 3x3, 8", { residual = ["conv 3x3, 8", "relu", { residual = ["conv 3x3, 8"] }] }]
decoder = ["max-pool 2", "conv-transpose 2x2, 1", { residual = ["conv 3x3, 1"] }, "sigmoid"]
[corruption]"#;
    fs::write(
        out.path().join("nested.toml"),
        [start, nested, rest].concat(),
    )
    .unwrap();
    for arguments in [
        &["conv-denoiser"][..],
        &["nested.toml"],
        &["dense-32"],
        &["conv-vae"],
        &["vae"],
        &["dense-32", "--set", deep],
        &["dense-32", "--set", "network.encoder=[1]"],
        &odd,
    ] {
        let svg = graph(out.path(), arguments);
        let shown = texts(&svg);
        for (name, layer, output, parameters) in layers(out.path(), arguments) {
            assert_eq!(
                shown.iter().filter(|text| **text == name).count(),
                1,
                "{name}"
            );
            assert!(shown.contains(&layer), "{layer}: {shown:?}");
            assert!(shown.contains(&output), "{output}");
            let count = autoencode::data::grouped(parameters as usize);
            let parameters = format!("{count} parameters");
            assert!(count == "0" || shown.contains(&parameters), "{parameters}");
        }
        for part in ["input", "output", "code", "encoder", "decoder"] {
            assert!(shown.iter().any(|text| text == part), "{part}");
        }
        let variational = arguments[0].ends_with("vae");
        for part in ["mean μ", "log σ²", "ε from N(0, 1)"] {
            assert_eq!(shown.iter().any(|text| text == part), variational, "{part}");
        }
        // No text lies on another, and no box on another but where tags touch.
        assert_apart(&svg);
        let boxes: Vec<[f64; 4]> = elements(&svg, "rect").iter().map(rectangle).collect();
        for (place, one) in boxes.iter().enumerate() {
            for other in &boxes[..place] {
                assert!(!overlap(*one, *other), "{one:?} {other:?}");
            }
        }
    }
}

fn rectangle(rect: &Element) -> [f64; 4] {
    let (x, y) = (rect.number("x"), rect.number("y"));
    // Rounded to a tenth each.
    let (right, bottom) = (x + rect.number("width"), y + rect.number("height"));
    [x + 0.2, right - 0.2, y + 0.2, bottom - 0.2]
}

/// A 3-2-3 network by the command line.
const TINY: [&str; 7] = [
    "dense-32",
    "--set",
    "network.input=[1,1,3]",
    "--set",
    "network.encoder=[2]",
    "--set",
    "network.init=fan-in",
];

#[test]
fn a_small_dense_network_is_drawn_with_its_weights() {
    let out = tempfile::tempdir().unwrap();
    let svg = graph(out.path(), &TINY);
    let tiny = recipe(
        "dense-32",
        &["network.encoder=[2]", "network.init=fan-in"],
        [1, 1, 3],
    );
    let parameters = Parameters::drawn(tiny.seed);
    let builder = parameters.builder(DType::F32, &Device::Cpu);
    Autoencoder::new(&tiny.network, builder).unwrap();
    let get = |wanted: &str| {
        let vars = parameters.vars();
        let (_, var) = vars.iter().find(|(name, _)| name == wanted).unwrap();
        common::values(var.as_tensor())
    };
    let weights = [get("encoder.1.weight"), get("decoder.0.weight")].concat();
    let biases = [get("encoder.1.bias"), get("decoder.0.bias")].concat();

    assert_eq!(elements(&svg, "circle").len(), 3 + 2 + 3);
    let lines = elements(&svg, "line");
    assert_eq!(lines.len(), 12);
    // Wider lines for larger weights, one colour for each sign.
    let mut sorted: Vec<(f64, f64)> = lines
        .iter()
        .zip(&weights)
        .map(|(line, weight)| (weight.abs(), line.number("stroke-width")))
        .collect();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (largest, widest) = sorted[11];
    for pair in sorted.windows(2) {
        assert!(pair[0].1 <= pair[1].1, "{sorted:?}");
    }
    for (weight, width) in sorted {
        // A hair's width for 0, from there on in proportion.
        let share = 0.1 + 0.9 * weight / largest;
        assert!((width / widest - share).abs() < 0.005, "{weight} {width}");
    }
    for (line, weight) in lines.iter().zip(&weights) {
        let color = if *weight < 0.0 { "#d55e00" } else { "#0072b2" };
        assert_eq!(line.get("stroke"), Some(color));
    }
    // Every value stands on its line, and on no other value.
    let written = elements(&svg, "text");
    let mut values: Vec<&Element> = Vec::new();
    for (line, weight) in lines.iter().zip(&weights) {
        let (x1, y1) = (line.number("x1"), line.number("y1"));
        let (x2, y2) = (line.number("x2"), line.number("y2"));
        let on_line = |text: &&Element| {
            let [left, right, top, bottom] = extent(text);
            let (x, y) = (0.5 * (left + right), 0.5 * (top + bottom));
            let height = y1 + (y2 - y1) * (x - x1) / (x2 - x1);
            x1 + 20.0 < x && x < x2 - 20.0 && (height - y).abs() < 4.0
        };
        let text = format!("{weight:.2}");
        let found = written.iter().filter(|t| t.text == text).find(on_line);
        values.push(found.unwrap_or_else(|| panic!("{text} is not on its line")));
    }
    for (place, one) in values.iter().enumerate() {
        for other in &values[..place] {
            assert!(
                !overlap(extent(one), extent(other)),
                "{} {}",
                one.text,
                other.text
            );
        }
    }
    for bias in biases {
        let text = format!("{bias:.2}");
        assert!(written.iter().any(|t| t.text == text), "{text}");
    }
    for (name, layer, ..) in layers(out.path(), &TINY) {
        assert!(written.iter().any(|t| t.text == name), "{name}");
        assert!(written.iter().any(|t| t.text == layer), "{layer}");
    }
}

#[test]
fn the_weights_are_those_of_the_checkpoint() {
    let out = tempfile::tempdir().unwrap();
    let mut checkpoint = common::checkpoint(recipe(
        "dense-32",
        &["network.encoder=[2]", "network.bias=false"],
        [1, 1, 3],
    ));
    for tensor in checkpoint.weights.values_mut() {
        *tensor = (tensor.zeros_like().unwrap() - 7.25).unwrap();
    }
    let file = out.path().join("tiny.safetensors");
    checkpoint.write(&file).unwrap();
    let svg = graph(out.path(), &[file.to_str().unwrap()]);
    assert_eq!(
        texts(&svg).iter().filter(|text| *text == "-7.25").count(),
        12
    );
    assert!(!svg.contains("biases"));
}

#[test]
fn larger_networks_are_drawn_by_layers() {
    let out = tempfile::tempdir().unwrap();
    let small = ["dense-32", "--set", "network.input=[1,4,4]"];
    let style = |style: &'static str| ["--graph-style", style];
    let encoder = |units: &'static str| ["--set", units];

    // Many weights: no values, but all the lines.
    let svg = graph(
        out.path(),
        &[&small[..], &encoder("network.encoder=[16]")].concat(),
    );
    assert_eq!(elements(&svg, "line").len(), 2 * 16 * 16);
    assert_eq!(elements(&svg, "circle").len(), 3 * 16);
    let by_layers = [
        &small[..],
        &encoder("network.encoder=[16]"),
        &style("layers"),
    ]
    .concat();
    assert!(elements(&graph(out.path(), &by_layers), "circle").is_empty());
    let wide = [&small[..], &encoder("network.encoder=[17]")].concat();
    assert!(elements(&graph(out.path(), &wide), "circle").is_empty());

    for (arguments, part) in [
        (wide, "at most 16 units"),
        (vec!["dense-32"], "at most 16 units"),
        (vec!["conv-denoiser"], "input"),
        (
            vec!["vae", "--set", "network.input=[1,2,2]"],
            "normal distribution",
        ),
        (
            [&small[..], &encoder("network.encoder=[4,4,4,4,4,4]")].concat(),
            "at most 11 dense layers",
        ),
    ] {
        let asked = ["--graph", "new.svg", "--graph-style", "weights"];
        let message = refusal(out.path(), &[&["summary"], &arguments[..], &asked].concat());
        assert!(message.contains(part), "{message}");
    }
    assert!(!out.path().join("new.svg").exists());
    let message = refusal(out.path(), &["summary", "dense-32", "--graph", "graph.svg"]);
    assert!(
        message.contains("graph.svg") && message.contains("--force"),
        "{message}"
    );
    let long: PathBuf = out.path().join("long.toml");
    let text = succeed(
        out.path(),
        &[
            "recipes",
            "dense-32",
            "--set",
            &format!("network.encoder={:?}", [1; 120]),
        ],
    );
    fs::write(&long, text).unwrap();
    let message = refusal(out.path(), &["summary", "long.toml", "--graph", "new.svg"]);
    assert!(message.contains("at most 100 layers"), "{message}");
}

/// The font has Cyrillic letters, but no Japanese ones, which an SVG leaves to the fonts of its viewer.
#[test]
fn letters_that_the_font_lacks_are_told_and_drawn_by_an_svg() {
    let folder = tempfile::tempdir().unwrap();
    for (name, file, told) in [
        ("шум", "a.png", false),
        ("ノイズ", "b.png", true),
        ("ノイズ", "c.svg", false),
    ] {
        let setting = format!("name={name}");
        let arguments = ["summary", "dense-32", "--set", &setting, "--graph", file];
        let mut program = autoencode();
        let output = program.current_dir(folder.path()).args(arguments).assert();
        let output = output.success().get_output().clone();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(said.contains(".svg"), told, "{name} {file}: {said}");
    }
    let svg = fs::read_to_string(folder.path().join("c.svg")).unwrap();
    assert!(svg.contains("ノイズ"), "{svg}");
}
