//! `autoencode summary`.

use std::path::{Path, PathBuf};

use anyhow::Result;
use autoencode::Error;
use autoencode::checkpoint::{Checkpoint, locate};
use autoencode::data::grouped;
use autoencode::engine::fastest;
use autoencode::network::{Autoencoder, Parameters, lists};
use autoencode::picture::{Chart, diagram, units};
use autoencode::recipe::NetworkConfig;
use candle_core::Device;
use clap::{Args, ValueEnum};
use serde_json::json;

use super::files::claim;
use super::output::{print, print_json, shape, table};
use super::plot::{drawing, write};
use super::recipe;
use super::shared::Shared;
use super::wording::{FORCE, SET};

/// Show a network's layers with output shapes and parameter counts.
#[derive(Debug, Args)]
pub struct Summary {
    /// A recipe by name or TOML file (`-` for standard input), a checkpoint, or a run folder: its best checkpoint,
    /// or its recipe where it has none or --set changes it.
    #[arg(value_name = "RECIPE|FILE|RUN", default_value = "conv-denoiser")]
    what: String,

    /// A checkpoint file or a run folder, as in other commands.
    #[arg(long, short, value_name = "FILE|RUN", conflicts_with_all = ["what", "settings"])]
    checkpoint: Option<PathBuf>,

    #[arg(long = "set", value_name = "KEY=VALUE", help = SET)]
    settings: Vec<String>,

    /// Print the network as lists of layers, which can replace a recipe's [network].
    #[arg(long, conflicts_with = "graph")]
    toml: bool,

    /// Also draw the network; the extension, .svg or .png, sets the format.
    #[arg(long, value_name = "FILE", value_parser = drawing)]
    graph: Option<PathBuf>,

    /// The style of the drawing.
    #[arg(
        long,
        value_name = "STYLE",
        value_enum,
        default_value_t,
        requires = "graph"
    )]
    graph_style: GraphStyle,

    #[arg(long, requires = "graph", help = FORCE)]
    force: bool,
}

/// The style of a network's drawing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum GraphStyle {
    /// Weights for a dense network of at most 16 units a layer, else layers.
    #[default]
    Auto,
    /// A box for each layer.
    Layers,
    /// A circle for each unit and a line for each weight: a checkpoint's, or a recipe's initial ones.
    Weights,
}

/// The input shape for a recipe that leaves it to the data: an MNIST image.
const MNIST: [usize; 3] = [1, 28, 28];

impl Summary {
    pub fn run(&self, shared: &Shared) -> Result<()> {
        let (read, recipe, model) = if let Some(file) = self.checkpoint_file()? {
            let checkpoint = Checkpoint::read(&file)?;
            let model = checkpoint.model(&file, &Device::Cpu)?;
            (file, checkpoint.recipe, model)
        } else {
            let mut recipe = recipe::load(&self.what, &self.settings, shared)?;
            let input = match recipe.data.points {
                Some(points) => [1, 1, points.width()],
                None => recipe.network.input().unwrap_or(MNIST),
            };
            recipe.network.resolve_input(input)?;
            let dtype = recipe.training.precision.dtype();
            let outline = Autoencoder::outline(&recipe.network, dtype)?;
            // Only a drawing of a small network needs weights.
            let model = if self.graph.is_some() && outline.units().is_ok() {
                let builder = Parameters::drawn(recipe.seed).builder(dtype, &Device::Cpu);
                Autoencoder::new(&recipe.network, builder)?
            } else {
                outline
            };
            (PathBuf::from(&self.what), recipe, model)
        };
        if self.toml {
            return print(&as_lists(&recipe.network)?);
        }
        if let Some(file) = &self.graph {
            claim([file], [&read], self.force)?;
            let graph = draw(&model, &recipe.name, self.graph_style)?;
            write(&graph, file, self.force, shared)?;
        }
        let summary = model.summary();
        let code_behind = model.encoder().walk().count();
        let training = &recipe.training;
        let engine = fastest(
            model,
            recipe.objective,
            training.precision,
            training.batch_size,
        )?
        .name();
        if shared.json {
            return print_json(&json!({
                "recipe": recipe.name,
                "description": recipe.description,
                "summary": summary,
                "cpu_engine": engine,
                "graph": self.graph,
            }));
        }
        if shared.talks() && !recipe.description.is_empty() {
            print(&format!("{}: {}\n", recipe.name, recipe.description))?;
        }
        let names = summary.layers.iter().map(|row| row.name.len() + 1);
        let names = names.fold(12, usize::max);
        let line = |name: &str, layer: &str, output: &str, parameters: &str| {
            // The name and the layer share the first column, the only left-aligned one.
            let layer = format!("{name:<names$}{layer}");
            vec![layer, output.to_string(), parameters.to_string()]
        };
        let mut rows = vec![
            line("name", "layer", "output", "parameters"),
            line("input", "", &shape(&summary.input), ""),
        ];
        for (place, row) in summary.layers.iter().enumerate() {
            if place == code_behind {
                rows.push(line("code", "", &shape(&summary.code), ""));
            }
            let parameters = match row.parameters {
                0 => String::new(),
                count => grouped(count),
            };
            rows.push(line(
                &row.name,
                &row.layer,
                &shape(&row.output),
                &parameters,
            ));
        }
        rows.push(line("total", "", "", &grouped(summary.parameters)));
        print(&table(&rows))?;
        if shared.talks() {
            print(&format!("\nengine that trains it on a CPU: {engine}"))?;
        }
        match &self.graph {
            Some(file) if shared.talks() => print(&format!("\ndrawing -> {}", file.display())),
            _ => Ok(()),
        }
    }
}

impl Summary {
    /// The checkpoint to show; `None` for a recipe.
    fn checkpoint_file(&self) -> Result<Option<PathBuf>> {
        if let Some(path) = &self.checkpoint {
            return Ok(Some(locate(path)?));
        }
        let path = Path::new(&self.what);
        if path.is_dir() {
            let file = locate(path).ok();
            return Ok(file.filter(|_| self.settings.is_empty()));
        }
        let is_checkpoint = path.extension().is_some_and(|e| e == "safetensors");
        if is_checkpoint && !self.settings.is_empty() {
            let found = "a checkpoint, whose recipe is settled";
            return Err(Error::argument("--set", "a recipe to change", found).into());
        }
        Ok(is_checkpoint.then(|| path.to_path_buf()))
    }
}

/// A network as the lists of a recipe, a layer a line.
fn as_lists(network: &NetworkConfig) -> Result<String> {
    let lists = lists(network)?;
    let mut text = "[network]\nfamily = \"layers\"\n".to_string();
    if let Some(input) = lists.input {
        text += &format!("input = {input:?}\n");
    }
    if let Some(latent) = lists.latent {
        text += &format!("latent = {latent}\n");
    }
    text += &format!("init = {}\n", toml::Value::try_from(lists.init)?);
    for (name, layers) in [("encoder", &lists.encoder), ("decoder", &lists.decoder)] {
        text += &format!("{name} = [\n");
        for layer in layers {
            text += &format!("    {},\n", toml::Value::try_from(layer)?);
        }
        text += "]\n";
    }
    Ok(text.trim_end().to_string())
}

fn draw(model: &Autoencoder, name: &str, style: GraphStyle) -> autoencode::Result<Chart> {
    let layers = || diagram(&model.graph(name));
    match style {
        GraphStyle::Layers => layers(),
        GraphStyle::Weights => units(name, &model.units()?),
        GraphStyle::Auto => match model.units() {
            Ok(columns) => units(name, &columns),
            // The network is not small and dense.
            Err(Error::Layer { .. }) => layers(),
            Err(error) => Err(error),
        },
    }
}
