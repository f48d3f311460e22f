//! Recipes as text: what is read, written back the same, and refused by the name of its key.

use std::path::Path;

use autoencode::Result;
use autoencode::recipe::{Corruption, DataConfig, NamedSet, NetworkConfig, Recipe, builtin};

fn load(name: &str, settings: &[&str]) -> Result<Recipe> {
    let settings: Vec<String> = settings.iter().map(|s| s.to_string()).collect();
    Recipe::load(name, &settings)
}

/// Reads what the recipe writes, as TOML and as JSON.
fn check_round_trip(recipe: &Recipe) {
    let text = recipe.to_toml().unwrap();
    let again = Recipe::parse(&text, Path::new("again.toml"), &[]).unwrap();
    assert_eq!(&again, recipe, "{text}");
    let json = serde_json::to_string(recipe).unwrap();
    assert_eq!(recipe, &serde_json::from_str(&json).unwrap());
}

/// That each setting of the recipe is refused in one line that holds the words beside it.
fn check_refused(name: &str, cases: &[(&str, &str)]) {
    for (setting, named) in cases {
        let error = load(name, &[setting]).unwrap_err();
        assert!(error.to_string().contains(named), "{setting}: {error}");
        assert!(!error.to_string().contains('\n'), "{setting}: {error}");
        assert!(error.is_input(), "{setting}");
    }
}

#[test]
fn every_shipped_recipe_survives_a_round_trip() {
    for shipped in builtin() {
        let recipe = load(shipped.name, &[]).unwrap();
        assert_eq!(recipe.name, shipped.name);
        check_round_trip(&recipe);
    }
}

#[test]
fn every_kind_of_setting_survives_a_round_trip() {
    for setting in [
        "optimizer={ kind = 'sgd', lr = 1 }",
        "optimizer={ kind = 'sgd', lr = 0.1, momentum = 0.9, nesterov = true, clip_norm = 1 }",
        "optimizer={ kind = 'rmsprop', lr = 1e-3, rho = 0.99, epsilon_inside = true }",
        "optimizer={ kind = 'rmsprop', lr = 1e-3, epsilon = 1e-8, momentum = 0.5 }",
        "optimizer={ kind = 'adadelta', lr = 1, rho = 0.9, epsilon = 1e-6 }",
        "optimizer={ kind = 'adam', lr = 1e-3, epsilon_hat = true }",
        "optimizer={ kind = 'adamw', lr = 1e-3, beta1 = 0.8, weight_decay = 0.1 }",
        "schedule={ kind = 'constant' }",
        "schedule={ kind = 'constant', warmup_steps = 9 }",
        "schedule={ kind = 'step', every = 2, gamma = 0.5 }",
        "schedule={ kind = 'step', every = 9, unit = 'steps', gamma = 1, warmup_steps = 3 }",
        "schedule={ kind = 'cosine', final_fraction = 0.1 }",
        "training={ epochs = 1, batch_size = 1, patience = 3 }",
        "training={ epochs = 1, batch_size = 1, report_every = 1000, precision = 'f64' }",
        "training.precision=tf32",
        "training.precision=bf16",
        "corruption={ kind = 'none' }",
        "corruption={ kind = 'gaussian', factor = 0.5 }",
        "corruption={ kind = 'gaussian', factor = [0.1, 0.5], draw = 'once' }",
        "corruption={ kind = 'salt-and-pepper', factor = 0.2, target = 'corrupted', added = true }",
        "corruption={ kind = 'masking', factor = 1, added = true }",
        "data={ set = 'fashion-mnist', classes = [1, 0], size = 32 }",
        "data={ size = [48, 64], channels = 3, resize = 'crop', test_fraction = 0.25 }",
        "data={ validation = 'test', binarization = 'every-epoch' }",
        "data.set=sample",
        "data.points={ kind = 'one-hot', size = 5 }",
        "sampling.components=7",
    ] {
        let recipe = load("dense-32", &[setting]).unwrap();
        assert_ne!(recipe, load("dense-32", &["name=other"]).unwrap());
        check_round_trip(&recipe);
    }
    let recipe = load("dense-32", &["data.size=[48, 64]", "sampling.components=7"]).unwrap();
    assert_eq!(recipe.data.size.unwrap().height_width(), (48, 64));
    assert_eq!(recipe.sampling.unwrap().components, 7);
}

#[test]
fn sections_that_say_nothing_are_not_written() {
    let recipe = load("dense-32", &[]).unwrap();
    assert_eq!(recipe.data, DataConfig::default());
    assert_eq!(recipe.sampling, None);
    let text = recipe.to_toml().unwrap();
    assert!(
        !text.contains("data") && !text.contains("sampling"),
        "{text}"
    );
    assert!(!serde_json::to_string(&recipe).unwrap().contains("data"));
    // Nor when it says what holds anyway.
    let same = ["data.set=mnist", "data.test_fraction=0.1"];
    let same = load("dense-32", &same).unwrap();
    assert_eq!(same.to_toml().unwrap(), text);
}

#[test]
fn settings_replace_and_add_keys_of_every_type() {
    let settings = [
        "optimizer.lr=3e-4",
        "optimizer.clip_norm=1",
        "network.encoder=[4, 8]",
        "network.decoder=[4]",
        "schedule.kind=cosine",
        "name=tiny",
    ];
    let recipe = load("conv-denoiser", &settings).unwrap();
    let optimizer = recipe.optimizer;
    assert_eq!((optimizer.lr(), optimizer.clip_norm()), (3e-4, Some(1.0)));
    assert_eq!(recipe.name, "tiny");
    let NetworkConfig::Conv(config) = recipe.network else {
        panic!("conv-denoiser is not convolutional")
    };
    assert_eq!((config.encoder, config.decoder), (vec![4, 8], vec![4]));
}

#[test]
fn values_need_neither_quotes_nor_digits_around_a_point() {
    let settings = [
        "optimizer.lr=.001",
        "corruption.kind=gaussian",
        "corruption.factor=[.1, .5]",
        "network.activations=[relu]",
        "training.epochs=007",
        "description=7",
    ];
    let written = [
        "optimizer.lr=0.001",
        "corruption={ kind = 'gaussian', factor = [0.1, 0.5] }",
        "network.activations=['relu']",
        "training.epochs=7",
        "description='7'",
    ];
    let recipe = load("dense-32", &settings).unwrap();
    assert_eq!(recipe, load("dense-32", &written).unwrap());
    for (value, told) in [
        ("\"3\"", "without quotes"),
        ("9223372036854775808", "the largest in TOML"),
    ] {
        let setting = format!("training.epochs={value}");
        let error = load("dense-32", &[&setting]).unwrap_err().to_string();
        assert!(
            error.contains("training.epochs") && error.contains(told),
            "{error}"
        );
    }
}

#[test]
fn names_may_be_of_any_script() {
    for name in ["шум", "ノイズ除去", "हिन्दी", "ضوضاء-2"] {
        let recipe = load("dense-32", &[&format!("name={name}")]).unwrap();
        assert_eq!(recipe.name, name);
        check_round_trip(&recipe);
    }
    let long = format!("name={}", "ж".repeat(101));
    for name in ["name=a\u{202e}b", "name=a\u{a0}b", "name=.ш", &long] {
        let error = load("dense-32", &[name]).unwrap_err().to_string();
        assert!(
            error.starts_with("recipe key `name`: expected letters"),
            "{error}"
        );
    }
}

/// A key that the command line did not set is of the file, which is named.
#[test]
fn a_wrong_key_names_its_file() {
    let text = load("dense-32", &[]).unwrap().to_toml().unwrap();
    for (from, to, found) in [
        (
            "seed = 1",
            "seed = -1",
            "file.toml: recipe key `seed`: expected a whole number",
        ),
        (
            "epochs = ",
            "epochs = 0#",
            "file.toml: recipe key `training.epochs`",
        ),
    ] {
        let text = text.replacen(from, to, 1);
        let parse = |settings: &[String]| Recipe::parse(&text, Path::new("file.toml"), settings);
        let error = parse(&["optimizer.lr=1".to_string()]).unwrap_err();
        assert!(error.to_string().starts_with(found), "{error}");
        assert!(error.is_input(), "{error}");
    }
}

#[test]
fn a_set_has_one_name_everywhere() {
    for set in NamedSet::ALL {
        let recipe = load("dense-32", &[&format!("data.set={}", set.name())]).unwrap();
        assert_eq!(recipe.data.set, set);
    }
}

#[test]
fn a_wrong_key_or_value_is_named() {
    let one_of = "`network.activation`: expected one of linear, relu";
    check_refused(
        "conv-denoiser",
        &[
            ("optimizer.lrr=1", "lrr"),
            ("optimzer.lr=1", "optimzer"),
            ("network.colour=1", "network.colour"),
            ("network.activation=rleu", one_of),
            ("network.activation=3", "network.activation"),
            ("network.family=cnn", "network.family"),
            ("network..encoder=1", "--set"),
            ("network.encoder=[]", "network.encoder"),
            ("network.encoder=[0, 1, 2]", "network.encoder"),
            ("network.decoder=[1]", "network.decoder"),
            ("network.kernel=2", "network.kernel"),
            ("network.output_activation=linear", "output_activation"),
            ("name=../x", "name"),
            ("seed=-1", "seed"),
            ("nonsense", "nonsense"),
        ],
    );
}

#[test]
fn a_wrong_optimizer_schedule_or_length_is_named() {
    check_refused(
        "dense-32",
        &[
            ("optimizer.lr=nan", "optimizer.lr"),
            ("optimizer.lr=-1", "optimizer.lr"),
            ("optimizer.lr=fast", "optimizer.lr"),
            ("optimizer={ kind = 'adamx', lr = 1 }", "adamx"),
            ("optimizer={ kind = 'adadelta' }", "lr"),
            ("optimizer={ kind = 'adadelta', lr = 0 }", "optimizer.lr"),
            (
                "optimizer={ kind = 'sgd', lr = 1, momentum = 1 }",
                "optimizer.momentum",
            ),
            (
                "optimizer={ kind = 'sgd', lr = 1, nesterov = true }",
                "optimizer.nesterov",
            ),
            ("optimizer={ kind = 'sgd', lr = 1, rho = 0.9 }", "rho"),
            (
                "optimizer={ kind = 'sgd', lr = 1, clip_norm = inf }",
                "optimizer.clip_norm",
            ),
            (
                "optimizer={ kind = 'rmsprop', lr = 1, rho = -0.1 }",
                "optimizer.rho",
            ),
            (
                "optimizer={ kind = 'rmsprop', lr = 1, epsilon = 0 }",
                "optimizer.epsilon",
            ),
            (
                "optimizer={ kind = 'rmsprop', lr = 1, momentum = 1 }",
                "optimizer.momentum",
            ),
            (
                "optimizer={ kind = 'adadelta', lr = 1, rho = 1 }",
                "optimizer.rho",
            ),
            (
                "optimizer={ kind = 'adam', lr = 1, beta2 = 1 }",
                "optimizer.beta2",
            ),
            (
                "optimizer={ kind = 'adam', lr = 1, clip_norm = 0 }",
                "optimizer.clip_norm",
            ),
            (
                "optimizer={ kind = 'adam', lr = 1, weight_decay = 0.1 }",
                "weight_decay",
            ),
            (
                "optimizer={ kind = 'adamw', lr = 0.5, weight_decay = 3 }",
                "optimizer.weight_decay",
            ),
            (
                "optimizer={ kind = 'adamw', lr = 1, weight_decay = nan }",
                "optimizer.weight_decay",
            ),
            ("schedule.warmup_steps=-1", "schedule.warmup_steps"),
            ("schedule={ kind = 'linear' }", "linear"),
            ("schedule={ kind = 'constant', every = 2 }", "every"),
            ("schedule={ kind = 'step', gamma = 0.5 }", "every"),
            (
                "schedule={ kind = 'step', every = 0, gamma = 0.5 }",
                "schedule.every",
            ),
            (
                "schedule={ kind = 'step', every = 1, gamma = 0 }",
                "schedule.gamma",
            ),
            (
                "schedule={ kind = 'step', every = 1, gamma = 1, unit = 'years' }",
                "years",
            ),
            (
                "schedule={ kind = 'cosine', final_fraction = 2 }",
                "schedule.final_fraction",
            ),
            (
                "schedule={ kind = 'constant', warmup_steps = 1000000000001 }",
                "schedule.warmup_steps",
            ),
            (
                "schedule={ kind = 'step', every = 9223372036854775807, gamma = 1 }",
                "schedule.every",
            ),
            ("training.batch_size=0", "training.batch_size"),
            ("training.epochs=-3", "training.epochs"),
            ("training.patience=0", "training.patience"),
            ("training.report_every=0", "training.report_every"),
            ("training.precision=f16", "f16"),
        ],
    );
}

#[test]
fn a_wrong_corruption_is_named() {
    check_refused(
        "dense-32",
        &[
            ("corruption.kind=rain", "rain"),
            ("corruption={ kind = 'gaussian' }", "factor"),
            (
                "corruption={ kind = 'gaussian', factor = 'x' }",
                "corruption.factor",
            ),
            (
                "corruption={ kind = 'gaussian', factor = -1 }",
                "corruption.factor",
            ),
            (
                "corruption={ kind = 'gaussian', factor = nan }",
                "corruption.factor",
            ),
            (
                "corruption={ kind = 'gaussian', factor = [0.5, 0.1] }",
                "corruption.factor",
            ),
            (
                "corruption={ kind = 'gaussian', factor = [1, 2, 3] }",
                "[lowest, highest]",
            ),
            (
                "corruption={ kind = 'masking', factor = 1.5 }",
                "corruption.factor",
            ),
            (
                "corruption={ kind = 'masking', factor = 1, colour = 1 }",
                "colour",
            ),
            (
                "corruption={ kind = 'masking', factor = 1, target = 'noisy' }",
                "noisy",
            ),
        ],
    );
}

#[test]
fn wrong_data_is_named() {
    check_refused(
        "dense-32",
        &[
            ("data.clases=[0]", "clases"),
            ("data.set=cifar", "data.set"),
            ("data.classes=[]", "data.classes"),
            ("data.classes=[1, 1]", "data.classes"),
            ("data.classes=[4294967296]", "data.classes"),
            ("data.classes=[-1]", "data.classes"),
            ("data.classes=0", "data.classes"),
            ("data.size=0", "data.size"),
            ("data.size=[28]", "[height, width]"),
            ("data.size=[28, 5000]", "data.size"),
            ("data.size=big", "data.size"),
            ("data.channels=2", "data.channels"),
            ("data.resize=stretch", "data.resize"),
            ("data.test_fraction=0", "data.test_fraction"),
            ("data.test_fraction=1.0", "data.test_fraction"),
            ("data.test_fraction=nan", "data.test_fraction"),
            ("data.validation=train", "data.validation"),
            ("data.binarization=half", "data.binarization"),
            (
                "data.points={ kind = 'ellipse', count = 'x' }",
                "data.points.count",
            ),
            ("data.points.kind=ellipse", "objective.reconstruction"),
            ("data=1", "data"),
        ],
    );
}

#[test]
fn a_density_that_cannot_work_is_refused() {
    check_refused(
        "dense-32",
        &[
            ("sampling.components=0", "sampling.components"),
            ("sampling.components=1001", "1 to 1000"),
            ("sampling.component=5", "component"),
        ],
    );
    let components = "sampling.components=5";
    let ellipse = ["data.points.kind=ellipse", "objective.reconstruction=mse"];
    for (name, settings, named) in [
        ("dense-32", &["network.encoder=[257]"][..], "257"),
        ("vae", &["network.latent=300"], "300"),
        ("dense-32", &ellipse, "points"),
    ] {
        let settings = [&[components], settings].concat();
        let error = load(name, &settings).unwrap_err();
        assert!(error.to_string().contains(named), "{settings:?}: {error}");
        assert!(error.is_input(), "{settings:?}");
    }
    // A convolutional code is measured once the images are known.
    let mut recipe = load("conv-denoiser", &[components]).unwrap();
    recipe.network.resolve_input([1, 28, 28]).unwrap();
    let error = recipe.validate().unwrap_err().to_string();
    assert!(error.contains("a code of 6272"), "{error}");
    let small = ["network.encoder=[8, 8, 4]", "network.decoder=[8, 8]"];
    let small = [&[components], &small[..]].concat();
    let mut recipe = load("conv-denoiser", &small).unwrap();
    recipe.network.resolve_input([1, 28, 28]).unwrap();
    recipe.validate().unwrap();
}

#[test]
fn only_denoisers_are_measured_on_noise() {
    let corruption = "corruption={ kind = 'masking', factor = 0.5 }";
    let recipe = load("dense-32", &[corruption]).unwrap();
    assert_eq!(recipe.corruption.evaluated(), recipe.corruption);
    let recipe = load("dense-32", &[corruption, "corruption.target=corrupted"]).unwrap();
    assert_eq!(recipe.corruption.evaluated(), Corruption::None);
}

#[test]
fn a_message_is_one_short_line_whatever_the_text() {
    let error = load("dense-32", &["a\0b\nc"]).unwrap_err().to_string();
    assert!(!error.contains(char::is_control), "{error:?}");
    // Another kind of file is often one long line.
    let json = format!("{{\"values\": [{}]}}", "0, ".repeat(100_000));
    let parse = |text: &str| Recipe::parse(text, Path::new("some.toml"), &[]);
    let error = parse(&json).unwrap_err().to_string();
    assert!(error.starts_with("some.toml: "), "{error}");
    assert!(error.contains("line 1, column"), "{error}");
    assert!(error.len() < 200, "{error}");
    let deep = format!("a{} = 1", ".a".repeat(100_000));
    let error = parse(&deep).unwrap_err().to_string();
    assert!(error.len() < 200, "{error}");
}

#[test]
fn an_unknown_recipe_lists_those_that_exist() {
    let error = load("conv-denoser", &[]).unwrap_err().to_string();
    assert!(
        error.contains("conv-denoiser") && error.contains("dense-32"),
        "{error}"
    );
}
