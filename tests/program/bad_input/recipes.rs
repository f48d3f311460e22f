//! Recipes, from files and with `--set`.

use super::Place;

#[test]
fn settings_are_refused_by_their_whole_key() {
    let place = Place::new();
    let layers = format!("network.encoder={:?}", vec![8; 300]);
    let deep = format!("network.activation={}", "[".repeat(20_000));
    let dotted = format!("{}b=1", "a.".repeat(20_000));
    for (recipe, setting, named) in [
        ("dense-32", "network.colour=1", "network.colour"),
        ("dense-32", "colour=1", "colour"),
        ("dense-32", "optimizer.lr=nan", "optimizer.lr"),
        ("dense-32", "optimizer.lr=inf", "optimizer.lr"),
        ("dense-32", "optimizer.lr=fast", "optimizer.lr"),
        ("dense-32", "optimizer.kind=adamm", "optimizer.kind"),
        ("dense-32", "training.batch_size=0", "training.batch_size"),
        ("dense-32", "training.batch_size=-1", "training.batch_size"),
        ("dense-32", "training.epochs=1e99", "training.epochs"),
        ("dense-32", "network.encoder=[0]", "network.encoder"),
        ("dense-32", "network.encoder=[]", "network.encoder"),
        (
            "dense-32",
            "network.encoder=[4000000000]",
            "network.encoder",
        ),
        (
            "dense-32",
            "network.encoder=[1048576,1048576]",
            "268,435,456 weights",
        ),
        (
            "dense-32",
            "network.encoder=[600000]",
            "268,435,456 weights",
        ),
        ("dense-32", layers.as_str(), "at most 256 sizes"),
        (
            "dense-32",
            "network.input=[1048576,1048576,1048576]",
            "network.input",
        ),
        ("dense-32", "network.input=[1,28]", "network.input"),
        (
            "dense-32",
            "network.activations=[\"relu\",\"foo\"]",
            "network.activations",
        ),
        ("dense-32", "network.init=foo", "network.init"),
        (
            "dense-32",
            "network.init={normal={deviation=nan}}",
            "network.init",
        ),
        ("dense-32", deep.as_str(), "network.activation"),
        ("vae-2d", "network.latent=0", "network.latent"),
        ("vae-2d", "network.latent=1000000000", "network.latent"),
        (
            "vae-2d",
            "network.latent=99999999999999999999",
            "network.latent",
        ),
        ("vae-2d", "network.latent=524288", "268,435,456 weights"),
        (
            "vae-2d",
            "network.activation={kind=\"elu\",alpha=nan}",
            "network.activation.alpha",
        ),
        ("conv-denoiser", "network.input=[1,27,27]", "divisible by 2"),
        (
            "conv-denoiser",
            "network.input=[1,4096,4096]",
            "values of one sample",
        ),
        (
            "conv-denoiser",
            "network.encoder=[1048576,8,8]",
            "values of one sample",
        ),
        (
            "conv-denoiser",
            "network.activation=rleu",
            "network.activation",
        ),
        (
            "conv-denoiser",
            "network.output_activation=sigmod",
            "one of linear, relu, leaky-relu",
        ),
        ("conv-denoiser", "network.family=cnn", "network.family"),
        ("conv-denoiser", "network.kernel=-1", "network.kernel"),
        (
            "conv-denoiser",
            "network.kernel=999999999999",
            "network.kernel",
        ),
        (
            "conv-denoiser",
            "network.scale=1000000000000",
            "network.scale",
        ),
        ("conv-denoiser", "corruption.factor=x", "corruption.factor"),
        (
            "conv-denoiser",
            "schedule.warmup_steps=-1",
            "schedule.warmup_steps",
        ),
        (
            "conv-denoiser",
            "data.points={kind=\"ellipse\",count=\"x\"}",
            "data.points.count",
        ),
        (
            "dense-32",
            "data.points={kind=\"ellipse\",count=1000000000000}",
            "data.points.count",
        ),
        (
            "dense-32",
            "optimizer=adam",
            "as in optimizer.kind=adam, found \"adam\"",
        ),
        ("dense-32", "network=conv", "as in network.family=conv"),
        (
            "dense-32",
            "training=3",
            "`training`: expected a table of keys",
        ),
        (
            "dense-32",
            "network.encoder=32",
            "a list, as in network.encoder=[32]",
        ),
        (
            "dense-32",
            "network.encoder=[a]",
            "a whole number from 0 on, found \"a\"",
        ),
        ("dense-32", "network.bias=1", "true or false, found 1"),
        ("dense-32", "network.init=3", "a name or a table, found 3"),
        (
            "dense-32",
            "corruption={kind='gaussian'}",
            "`corruption.factor`: expected a value",
        ),
        (
            "dense-32",
            "corruption.factor={.1}",
            "--set: expected a list or a table in TOML",
        ),
        (
            "dense-32",
            "seed=9223372036854775808",
            "at most 9223372036854775807",
        ),
        ("dense-32", "nonsense", "--set"),
        ("dense-32", "=1", "--set"),
        ("dense-32", "a..b=1", "--set"),
        ("dense-32", "name.x=1", "--set"),
        ("dense-32", dotted.as_str(), "--set"),
    ] {
        place.refuses_with(&["summary", recipe, "--set", setting], &[named]);
    }
}

/// Nothing is left of a run that could not begin.
#[test]
fn a_run_of_a_wrong_recipe_leaves_no_folder() {
    let place = Place::new();
    for (setting, named) in [
        ("network.latent=524288", "268,435,456 weights"),
        ("optimizer.lr=nan", "optimizer.lr"),
        ("network.input=[1,27,27]", "network.input"),
    ] {
        let arguments = [
            "train",
            "vae-2d",
            "--offline",
            "-o",
            "run",
            "--set",
            setting,
        ];
        place.refuses_with(&arguments, &[named]);
        assert!(!place.path().join("run").exists(), "{setting}");
    }
}

#[test]
fn files_that_are_no_recipes_are_named() {
    let place = Place::new();
    let sound = place.run("recipes dense-32").stdout;
    let text = String::from_utf8(sound.clone()).unwrap();
    let scaled = format!(
        "{}\"relu\"{}",
        "{kind=\"scaled\",of=".repeat(2000),
        "}".repeat(2000)
    );
    for (name, bytes) in [
        ("empty", Vec::new()),
        ("bytes", vec![255; 100]),
        ("no-utf8", [&sound[..], b"# \xff"].concat()),
        ("zeros", vec![0; 100]),
        ("json", b"{\"name\":1}".to_vec()),
        ("half", sound[..100].to_vec()),
        ("twice", sound.repeat(2)),
        ("large", vec![b'#'; 2 << 20]),
        (
            "deep-array",
            format!("a={}", "[".repeat(100_000)).into_bytes(),
        ),
        (
            "deep-table",
            format!("a={}", "{a=".repeat(50_000)).into_bytes(),
        ),
        (
            "deep-heading",
            format!("[{}b]\nx=1", "a.".repeat(50_000)).into_bytes(),
        ),
        (
            "deep-activation",
            text.replacen("\"relu\"", &scaled, 1).into_bytes(),
        ),
        (
            "many-keys",
            (0..60_000)
                .map(|n| format!("a{n}=1\n"))
                .collect::<String>()
                .into_bytes(),
        ),
        ("unknown", text.replacen("seed", "sead", 1).into_bytes()),
        (
            "large-seed",
            text.replacen("seed = 1", "seed = 9223372036854775808", 1)
                .into_bytes(),
        ),
        ("no-zero", text.replacen("lr = 0", "lr = ", 1).into_bytes()),
    ] {
        let file = place.put(&format!("{name}.toml"), &bytes);
        place.refuses(&format!("summary {file}"), &[&file]);
    }
    place.refuses("bench deep-array.toml", &["deep-array.toml"]);
    place.refuses("train deep-array.toml", &["deep-array.toml"]);
    place.refuses(
        "recipes no-such-recipe",
        &["no-such-recipe", "conv-denoiser"],
    );
}

#[test]
fn a_batch_larger_than_the_data_is_one_of_all() {
    let place = Place::new();
    let command = "train dense-32 --offline --epochs 1 --batch-size 1048576 -o run \
                   --set network.encoder=[2] --set data.classes=[0]";
    place.accepts(command);
    let report = std::fs::read_to_string(place.path().join("run/report.json")).unwrap();
    assert!(report.contains("\"steps\": 1,"), "{report}");
}
