//! The output of infer: a table, JSON, a contact sheet.

use std::path::Path;

use anyhow::Result;
use autoencode::picture::ContactSheet;
use serde_json::json;

use super::{Gain, Outcome};
use crate::cli::files::file_name;
use crate::cli::inputs::is_standard;
use crate::cli::model::Loaded;
use crate::cli::output::table;
use crate::cli::pictures::Prepared;
use crate::cli::shared::Shared;

/// The scale factor of an image on a sheet.
pub const SHEET_SCALE: usize = 4;
/// The largest number of rows on a sheet: taller pictures are hard to open.
pub const SHEET_ROWS: usize = 100;
/// The same for pictures in their own size.
pub const WHOLE_ROWS: usize = 12;

/// Prints each input with its output file, and the signal-to-noise ratios if measured.
pub fn print_report(
    outcomes: &[Outcome],
    left_out: usize,
    sheet: Option<&Path>,
    loaded: &Loaded,
    shared: &Shared,
) -> Result<()> {
    let files = outcomes.iter().map(|outcome| {
        let gain = outcome.gain;
        json!({
            "input": outcome.input.to_string_lossy(),
            "output": outcome.output.to_string_lossy(),
            "noisy_psnr_db": gain.map(|gain| gain.noisy),
            "psnr_db": gain.map(|gain| gain.result),
        })
    });
    let json = json!({
        "checkpoint": loaded.origin.to_string_lossy(),
        "files": files.collect::<Vec<_>>(),
        "left_out": left_out,
        "mean_noisy_psnr_db": mean(outcomes).map(|gain| gain.noisy),
        "mean_psnr_db": mean(outcomes).map(|gain| gain.result),
        "sheet": sheet.map(Path::to_string_lossy),
    });
    let beside = outcomes.iter().any(|outcome| is_standard(&outcome.output));
    let called = |path: &Path, standard: &str| match is_standard(path) {
        true => standard.to_string(),
        false => path.display().to_string(),
    };
    shared.report_beside(beside, &json, || {
        let mut rows = Vec::new();
        if outcomes.iter().any(|outcome| outcome.gain.is_some()) {
            let heading = ["", "noisy (dB)", "output (dB)"];
            rows.push(heading.map(str::to_string).to_vec());
        }
        for outcome in outcomes {
            let input = called(&outcome.input, "standard input");
            let output = called(&outcome.output, "standard output");
            let mut row = vec![format!("{input} -> {output}")];
            if let Some(gain) = outcome.gain {
                row.extend([gain.noisy, gain.result].map(|db| format!("{db:.2}")));
            }
            rows.push(row);
        }
        if let Some(mean) = mean(outcomes) {
            let label = format!("mean of {}", outcomes.len());
            let figures = [mean.noisy, mean.result].map(|db| format!("{db:.2}"));
            rows.push([label].into_iter().chain(figures).collect());
        }
        let sheet = sheet.map(|path| format!("\nsheet: {}", path.display()));
        table(&rows) + &sheet.unwrap_or_default()
    })
}

/// The means over several pictures; none if not all were measured.
fn mean(outcomes: &[Outcome]) -> Option<Gain> {
    let gains: Option<Vec<Gain>> = outcomes.iter().map(|outcome| outcome.gain).collect();
    let gains = gains.filter(|gains| gains.len() > 1)?;
    let mean = |of: fn(&Gain) -> f64| gains.iter().map(of).sum::<f64>() / gains.len() as f64;
    Some(Gain {
        noisy: mean(|gain| gain.noisy),
        result: mean(|gain| gain.result),
    })
}

/// A sheet with one row per input: input, fitted, noisy and output images.
pub fn sheet(outcomes: &[Outcome], loaded: &Loaded, is_whole: bool) -> ContactSheet {
    let mut title = loaded.name().to_string();
    let most = if is_whole { WHOLE_ROWS } else { SHEET_ROWS };
    if outcomes.len() > most {
        title += &format!(" (first {most} of {})", outcomes.len());
    }
    let shown = outcomes.iter();
    let shown: Vec<_> = shown
        .filter_map(|one| Some((one, one.shown.as_ref()?)))
        .collect();
    let is_noisy = |(_, (prepared, _)): &(_, &(Prepared, _))| prepared.noisy.is_some();
    let is_noisy = shown.iter().any(is_noisy);
    let columns = match (is_whole, is_noisy) {
        (true, true) => vec!["clean", "input", "output"],
        (true, false) => vec!["input", "output"],
        (false, true) => vec!["input", "fitted", "noisy", "output"],
        (false, false) => vec!["input", "fitted", "output"],
    };
    let tiles = shown.iter().map(|(outcome, (item, result))| {
        let (height, width) = item.size;
        let (mut row, mut under) = (Vec::new(), vec![format!("{width}x{height}")]);
        if !is_whole {
            row.push(item.preview.as_ref().unwrap_or(&item.fitted).clone());
            under.push(String::new());
        }
        row.push(item.fitted.clone());
        if let Some(noisy) = &item.noisy {
            row.push(noisy.clone());
        }
        if let Some(gain) = outcome.gain {
            under.extend([gain.noisy, gain.result].map(|db| format!("{db:.1} dB")));
        }
        row.push(result.clone());
        (row, under)
    });
    let (rows, captions): (Vec<_>, Vec<_>) = tiles.unzip();
    let labels = shown.iter().map(|(outcome, _)| file_name(&outcome.input));
    ContactSheet::new(title)
        .rows(rows)
        .row_labels(labels)
        .column_labels(columns)
        .captions(captions)
        .scale(if is_whole { 1 } else { SHEET_SCALE })
}
