//! dense-32 with penalties on its code.

use super::dense::draw_first;
use super::lab::Runs;
use super::statistics::{mean, share};
use super::{Figure, Lab, Outcome};
use crate::Result;
use crate::evaluate::{Part, codes};

/// The penalties compared: a name, and settings on top of dense-32.
const PENALTIES: [(&str, &[&str]); 3] = [
    ("no penalty", &[]),
    ("L1, 0.001", &["objective.code_penalty.l1=1e-3"]),
    ("L2, 0.001", &["objective.code_penalty.l2=1e-3"]),
];

pub fn run(lab: &mut Lab) -> Result<Outcome> {
    let (mut figures, mut pictures) = (Vec::new(), Vec::new());
    let mut activities = Vec::new();
    let mut runs = Runs::default();
    for (name, settings) in PENALTIES {
        let (mut losses, mut activity, mut silent) = (Vec::new(), Vec::new(), Vec::new());
        let file = name.replace([',', ' ', '.'], "-").replace("--", "-");
        let path = lab.file(&format!("{file}.png"));
        runs = lab.train_seeds("dense-32", settings, |lab, trained| {
            let trainer = &trained.trainer;
            let network = trainer.inference();
            let report = trainer.evaluate(&network, Part::Test)?;
            losses.push(report.output.bce_per_pixel.unwrap_or(f64::NAN));
            let test = &trainer.dataset().test;
            let codes = codes(&network, test, lab.device(), &mut |_| {})?;
            let codes: Vec<f64> = codes.into_iter().map(f64::from).collect();
            activity.push(mean(&codes));
            silent.push(share(&codes.iter().map(|&c| c == 0.0).collect::<Vec<_>>()));
            let title = format!("dense-32, {name}: digits, codes, and what comes back");
            draw_first(trained, &title, &path)
        })?;
        pictures.push(path);
        for (what, values) in [
            ("mean activity of the code", &activity),
            ("share of values that are 0", &silent),
            ("test BCE a pixel", &losses),
        ] {
            figures.push(Figure::median(&format!("{name}: {what}"), values, "-"));
        }
        activities.push(mean(&activity));
    }
    let lower = match activities.as_slice() {
        [without, penalised @ ..] => penalised.iter().all(|activity| activity < without),
        [] => false,
    };
    figures.push(
        Figure::text(
            "the penalties lower the activity",
            if lower { "yes" } else { "no" },
            "yes",
        )
        .tolerance("yes", lower, runs.judged),
    );
    Ok(Outcome {
        protocol: format!(
            "{}; the recipe dense-32 with each penalty; {}",
            runs.origin, runs.seeds
        ),
        figures,
        notes: vec![
            "The tutorial does not give its weight; 0.001 for the sum of the absolute values, and for the sum of \
             the squares, is large enough to be seen. The recipe `sparse` has a tenth of it."
                .to_string(),
        ],
        pictures,
    })
}
