//! Recipes: TOML text, and behind the first zero byte settings, one a line.

use std::path::Path;

use autoencode::network::Autoencoder;
use autoencode::recipe::Recipe;

use super::check_message;

/// What a recipe gets that leaves the input to the data.
const IMAGE: [usize; 3] = [1, 28, 28];

/// A recipe that is read can be written and read again, and its network be laid out.
pub fn run(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let (text, settings) = text.split_once('\0').unwrap_or((text, ""));
    let settings: Vec<String> = settings.lines().map(String::from).collect();
    match Recipe::parse(text, Path::new("some.toml"), &settings) {
        Ok(recipe) => check(&recipe),
        Err(error) => check_message(&error, &["some.toml: ", "recipe key `", "--set: "]),
    }
}

/// What holds for a recipe from wherever.
pub fn check(recipe: &Recipe) {
    recipe.validate().unwrap();
    let toml = recipe.to_toml().unwrap();
    let again = Recipe::parse(&toml, Path::new("again.toml"), &[]).unwrap();
    assert_eq!(again, *recipe, "{toml}");
    let json = serde_json::to_string(recipe).unwrap();
    assert_eq!(serde_json::from_str::<Recipe>(&json).unwrap(), *recipe);

    let mut network = recipe.network.clone();
    let input = network.input().unwrap_or(IMAGE);
    network.resolve_input(input).unwrap();
    match Autoencoder::outline(&network, recipe.training.precision.dtype()) {
        Ok(model) => {
            let summary = model.summary();
            assert_eq!(summary.input, input);
            assert_eq!(network.code_len(), Some(summary.code.iter().product()));
        }
        Err(error) => check_message(&error, &["layer "]),
    }
}
