//! `autoencode plot`.

mod codes;
mod curves;
mod plane;

use std::path::PathBuf;

use anyhow::Result;
use autoencode::file::Publish;
use autoencode::picture::Chart;
use clap::{Args, Subcommand};

use super::files::make_folders;
use super::shared::Shared;

/// Draw charts as SVG or PNG: the curves of runs, the codes of images.
#[derive(Debug, Args)]
pub struct Plot {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Curves(curves::Curves),
    Codes(codes::Codes),
}

impl Plot {
    pub fn run(&self, shared: &Shared) -> Result<()> {
        match &self.what {
            What::Curves(command) => command.run(shared),
            What::Codes(command) => command.run(shared),
        }
    }
}

/// Parses the path of a drawing, whose extension sets the format.
pub fn drawing(name: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(name);
    match path.extension().map(|e| e.to_ascii_lowercase()) {
        Some(ending) if ending == "svg" || ending == "png" => Ok(path),
        _ => Err("expected a name ending in .svg or .png".to_string()),
    }
}

/// Writes a drawing, creating its folder if needed.
pub fn write(chart: &Chart, path: &PathBuf, force: bool, shared: &Shared) -> Result<()> {
    make_folders([path])?;
    let is_svg = path
        .extension()
        .is_some_and(|e| e.eq_ignore_ascii_case("svg"));
    if !is_svg && chart.lacks_letters() {
        shared.note("the font of PNG drawings lacks letters of the names; a name that ends in .svg draws them");
    }
    Ok(chart.write(path, Publish::forced(force))?)
}
