//! Files of other programs: codes from spreadsheets and pandas, and charts of files without a checkpoint or a run.

use crate::common::{self, autoencode, contains, refusal};
use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

fn run(folder: &Path, arguments: &[&str]) -> (String, String) {
    let assert = autoencode().current_dir(folder).args(arguments).assert();
    let output = assert.success().get_output().clone();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr))
}

/// A variational network with a code of two values.
fn plane(folder: &Path) {
    let settings = ["network.encoder=[16]", "network.latent=2"];
    let recipe = common::recipe("vae", &settings, [1, 28, 28]);
    let checkpoint = common::checkpoint(recipe);
    checkpoint.write(&folder.join("vae.safetensors")).unwrap();
}

#[test]
fn tables_of_spreadsheets_and_pandas_are_the_codes_that_they_show() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    plane(here);
    let decode = |name: &str, text: &str| {
        fs::write(here.join(name), text).unwrap();
        let output = format!("{name}.out");
        run(
            here,
            &["decode", name, "-c", "vae.safetensors", "-o", &output],
        );
        let mut pictures: Vec<_> = fs::read_dir(here.join(output)).unwrap().collect();
        pictures.sort_by_key(|entry| entry.as_ref().unwrap().path());
        let read = |entry: std::io::Result<fs::DirEntry>| fs::read(entry.unwrap().path()).unwrap();
        pictures.into_iter().map(read).collect::<Vec<_>>()
    };
    let expected = decode("plain.csv", "code_0,code_1\n0.5,-2\n1.25,0.001\n");
    assert!(expected.len() == 2 && expected[0] != expected[1]);
    for (place, text) in [
        "\u{feff}code_0;code_1\r\n0,5;-2\r\n1,25;1e-3\r\n",
        "code_0;code_1\n0.5;-2,0\n1.25;0,001\n;\n",
        "code_0\tcode_1\n0.5\t-2\n1.25\t.001\n",
        "label,code_0,class,code_1,file\n3,0.5,\"a, b\",-2,a.png\n3,1.25,,0.001,b.png\n",
        "code_1,note,code_0\n-2,new,0.5\n0.001,old,1.25\n",
        "code_1,code_2\n0.5,-2\n1.25,0.001\n",
        ",0,1\n0,0.5,-2\n1,1.25,0.001\n",
        "Unnamed: 0,x,Label,y,Unnamed: 4\n0,0.5,9,-2,\n1,1.25,9,0.001,\n",
        "\"\",\"V1\",\"V2\"\n\"1\",\"0.5\",\"-2\"\n\"2\",\" 1.25\",\"0.001\"\n\n",
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(decode(&format!("{place}.csv"), text), expected, "{text}");
    }
    for (text, parts) in [
        (
            "0.5,-2\n1,1\n",
            &["numbers in line 1", "code_0 to code_1"][..],
        ),
        (
            "x,y\n1,2\n1,two\n",
            &["numbers", "`two` in line 3, column `y`"],
        ),
        (
            "x;y\n1;2\n1.000,5;2\n",
            &["`1.000,5` in line 3, column `x`"],
        ),
        ("x,y\n\"0,5\",2\n", &["`0,5` in line 2, column `x`"]),
        (
            "x,y,z\n1,2,3\n",
            &["code_0 to code_1", "3 columns of values: `x`, `y`, `z`"],
        ),
        ("x,code_0\n1,2\n", &["1 column of values: `code_0`"]),
        ("code_0,code_2\n1,2\n", &["no column `code_1`"]),
        ("code_0,code_0\n1,2\n", &["two columns `code_0`"]),
        (
            "x;y\n1;2\n1;2;3\n",
            &["2 columns in every line", "3 in line 3"],
        ),
        ("label;file\n1;2\n", &["0 columns of values"]),
    ] {
        fs::write(here.join("wrong.csv"), text).unwrap();
        let message = refusal(
            here,
            &["decode", "wrong.csv", "-c", "vae.safetensors", "-o", "no"],
        );
        contains(&message, parts);
        contains(&message, &["wrong.csv"]);
    }
    let wide: Vec<u8> = "\u{feff}x\ty\r\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    fs::write(here.join("wrong.csv"), wide).unwrap();
    let message = refusal(
        here,
        &["decode", "wrong.csv", "-c", "vae.safetensors", "-o", "no"],
    );
    contains(&message, &["UTF-16", "CSV UTF-8"]);
    assert!(!here.join("no").exists());
}

#[test]
fn a_file_of_codes_is_drawn_with_its_classes() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    let plot = |arguments: &[&str]| -> (Value, String) {
        let common = ["plot", "codes", "--json", "--force", "-o", "codes.svg"];
        let (json, _) = run(here, &[&common, arguments].concat());
        let svg = fs::read_to_string(here.join("codes.svg")).unwrap();
        (serde_json::from_str(&json).unwrap(), svg)
    };
    let table = "x;y;class;label\n0,5;1;cat;3\n2;3;dog;5\n1;1;;7\n";
    fs::write(here.join("pets.csv"), table).unwrap();
    let (report, svg) = plot(&["pets.csv"]);
    contains(
        &svg,
        &["pets.csv: 3 codes", ">cat<", ">dog<", ">7<", ">code_0<"],
    );
    assert_eq!(
        (&report["count"], &report["labels"]),
        (&json!(3), &json!(3))
    );
    assert!(report["explained_variance"].is_null());

    // Three values by their principal components, with the labels that lie beside them.
    let header = |text: &str| {
        let length = (128 - 10) as u16;
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend(length.to_le_bytes());
        bytes.extend(format!("{text:<117}\n").bytes());
        bytes
    };
    let values = [
        0.0f32, 0.0, 0.0, 2.0, 2.0, 0.0, 4.0, 4.0, 0.1, 6.0, 6.0, 0.0,
    ];
    let values: Vec<u8> = values.into_iter().flat_map(f32::to_le_bytes).collect();
    let text = "{'descr': '<f4', 'fortran_order': False, 'shape': (4, 3), }";
    fs::write(here.join("c.npy"), [header(text), values.clone()].concat()).unwrap();
    let (report, svg) = plot(&["c.npy"]);
    assert!(report["explained_variance"][0].as_f64().unwrap() > 0.99);
    assert_eq!(
        (&report["code_values"], &report["labels"]),
        (&json!(3), &json!(1))
    );
    contains(&svg, &["PC 1 (100%)"]);
    let labels: Vec<u8> = [12i64, 12, 40, 40]
        .into_iter()
        .flat_map(i64::to_le_bytes)
        .collect();
    let text = "{'descr': '<i8', 'fortran_order': False, 'shape': (4,), }";
    fs::write(
        here.join("c-labels.npy"),
        [header(text), labels.clone()].concat(),
    )
    .unwrap();
    contains(&plot(&["c.npy"]).1, &[">12<", ">40<"]);

    let tensors = json!({
        "codes": {"dtype": "F32", "shape": [4, 3], "data_offsets": [0, 48]},
        "labels": {"dtype": "I64", "shape": [4], "data_offsets": [48, 80]},
    });
    let tensors = tensors.to_string();
    let length = (tensors.len() as u64).to_le_bytes();
    let bytes = [&length[..], tensors.as_bytes(), &values, &labels].concat();
    fs::write(here.join("c.safetensors"), bytes).unwrap();
    contains(
        &plot(&["c.safetensors"]).1,
        &[">12<", ">40<", "PC 1 (100%)"],
    );

    fs::create_dir(here.join("run")).unwrap();
    common::usage_error(here, &["plot", "codes", "run"]);
    common::usage_error(here, &["plot", "codes", "c.npy", "--data", "sample"]);
    fs::write(here.join("c-labels.npy"), header(text)).unwrap();
    contains(
        &refusal(here, &["plot", "codes", "c.npy"]),
        &["c-labels.npy"],
    );
    contains(&refusal(here, &["plot", "codes", "no.npy"]), &["no.npy"]);
    let message = refusal(here, &["plot", "codes", "c.npy", "-o", "codes.svg"]);
    contains(&message, &["codes.svg", "--force"]);
}

#[test]
fn metrics_are_drawn_from_a_table_wherever_it_is() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    let lines = "{\"epoch\":1,\"train_mse_per_pixel\":0.5,\"val_mse_per_pixel\":0.25,\"val_psnr_db\":null}\n\
                 {\"epoch\":2,\"train_mse_per_pixel\":0.25,\"val_mse_per_pixel\":0.125,\"val_psnr_db\":null}\n";
    let table = "epoch,train_mse_per_pixel,val_mse_per_pixel,val_psnr_db,is_best\n1,0.5,0.25,null,true\n2,0.25,0.125,null,false\n";
    let saved = "epoch;train_mse_per_pixel;val_mse_per_pixel\r\n1;0,5;0,25\r\n2;0,25;0,125\r\n";
    fs::create_dir(here.join("mine")).unwrap();
    let files = [
        ("metrics.jsonl", lines),
        ("metrics.csv", table),
        ("mine/metrics.csv", table),
        ("mine/recipe.toml", ""),
        ("saved.csv", saved),
    ];
    for (name, text) in files {
        fs::write(here.join(name), text).unwrap();
    }
    let draw = |file: &str| {
        let common = ["plot", "curves", file, "--force", "-o", "c.svg"];
        run(here, &common);
        fs::read_to_string(here.join("c.svg")).unwrap()
    };
    let svg = draw("metrics.jsonl");
    contains(&svg, &[">metrics.jsonl<", ">validation<"]);
    for (file, name) in [
        ("metrics.csv", "metrics.csv"),
        ("saved.csv", "saved.csv"),
        ("mine/metrics.csv", "mine"),
    ] {
        assert_eq!(
            draw(file).replace(&format!(">{name}<"), ">metrics.jsonl<"),
            svg,
            "{file}"
        );
    }
    for (text, parts) in [
        (
            "epoch,loss\none,2\n",
            &["`one` in line 2, column `epoch`"][..],
        ),
        (
            "step,loss\n1,2\n",
            &["a column `epoch`", "columns step, loss"],
        ),
        ("epoch,loss\n", &["at least one epoch"]),
    ] {
        fs::write(here.join("wrong.csv"), text).unwrap();
        let message = refusal(here, &["plot", "curves", "wrong.csv", "-o", "no.png"]);
        contains(&message, parts);
    }
}
