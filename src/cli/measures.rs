//! The measures that flags of `autoencode evaluate` add to the reconstruction figures.

use anyhow::Result;
use autoencode::Error;
use autoencode::data::{Dataset, counted, grouped};
use autoencode::evaluate::{
    CodeKnn, Conditions, ImportanceBound, PcaBaseline, code_knn, compression, importance_bound,
    pca_baseline,
};
use autoencode::network::Code;
use clap::Args;
use serde::Serialize;

use super::model::Loaded;
use super::part::Part;
use super::shared::Shared;
use super::status::Counter;

#[derive(Debug, Args)]
pub struct MeasureFlags {
    /// Also measure principal components, as many as the code has values: fitted to the clean
    /// training images, they reconstruct the same images as the network. Their reconstructions
    /// are not clipped to [0,1].
    #[arg(long)]
    pca: bool,

    /// Also predict the label of each clean image from the K nearest codes of the clean
    /// training images (Euclidean distance; a tie goes to the label with the nearest code) and
    /// report the accuracy. For codes of up to 1,024 values [default K: 5].
    #[arg(long, value_name = "K", num_args = 0..=1, default_missing_value = "5", value_parser = clap::value_parser!(u16).range(1..))]
    knn: Option<u16>,

    /// Also bound the log-likelihood by importance weighting with K codes per image (Burda et al.
    /// 2016, equation 8): tighter than the ELBO, and tighter for larger K. Each code costs one
    /// decoder pass over all images. For variational autoencoders.
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    iwae: Option<u32>,
}

/// The measured values.
#[derive(Serialize)]
pub struct Measures {
    compression_factor: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pca: Option<PcaBaseline>,
    #[serde(skip_serializing_if = "Option::is_none")]
    knn: Option<CodeKnn>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iwae: Option<ImportanceBound>,
}

impl MeasureFlags {
    /// Refuses --iwae for a network without a likelihood, and --knn for images that are their own neighbours.
    pub fn check(&self, loaded: &Loaded, part: Part) -> Result<()> {
        if (self.pca || self.knn.is_some()) && !loaded.has_code() {
            return Err(loaded.lacks("a network with a code, for --pca and --knn"));
        }
        if self.knn.is_some() && part.parts().contains(&Part::Train) {
            let expected =
                "test or validation with --knn, whose neighbours are the training images";
            let found = "those images themselves";
            return Err(Error::argument("--part", expected, found).into());
        }
        if self.iwae.is_some() && loaded.model().code() == Code::Plain {
            let expected =
                "a checkpoint of a variational autoencoder, whose likelihood --iwae bounds";
            return Err(loaded.lacks(expected));
        }
        Ok(())
    }

    /// Measures the values that the flags request.
    pub fn measure(
        &self,
        loaded: &Loaded,
        dataset: &Dataset,
        conditions: &Conditions,
        shared: &Shared,
    ) -> Result<Measures> {
        let (network, device, test) = (&loaded.network, &loaded.device, &dataset.test);
        let pca = self
            .pca
            .then(|| pca_baseline(loaded.code_len(), dataset, conditions));
        let pca = pca.transpose()?;
        let knn = self.knn.map(|k| {
            let total = dataset.train.len() + test.len();
            let mut counter = Counter::new(shared, "images encoded", total);
            let mut done = |count| counter.add(count);
            code_knn(network, dataset, usize::from(k), device, &mut done)
        });
        let knn = knn.transpose()?;
        let iwae = self.iwae.map(|samples| {
            let samples = samples as usize;
            let total = samples.saturating_mul(test.len());
            let mut counter = Counter::new(shared, "codes decoded", total);
            let mut done = |count| counter.add(count);
            importance_bound(network, test, conditions, samples, device, &mut done)
        });
        Ok(Measures {
            compression_factor: compression(network.model()),
            pca,
            knn,
            iwae: iwae.transpose()?,
        })
    }
}

impl Measures {
    /// The measures as text, one line each; the table holds the figures of principal components.
    pub fn text(&self, loaded: &Loaded) -> String {
        let image: usize = loaded.model().input_shape().iter().product();
        let mut lines = Vec::new();
        if loaded.has_code() {
            lines.push(format!(
                "compression factor {}: {} in an image, {} in its code",
                factor(self.compression_factor),
                counted(image, "values"),
                grouped(loaded.code_len()),
            ));
        }
        if let Some(pca) = &self.pca {
            let components = counted(pca.components, "components");
            let verb = if pca.components == 1 {
                "explains"
            } else {
                "explain"
            };
            let images = counted(pca.fitted, "training images");
            let explained = pca.explained_variance.map(|part| {
                let percent = 100.0 * part;
                format!("{components} {verb} {percent:.1}% of the variance of the {images}")
            });
            lines.push(format!("PCA: {}", or_reason(explained, &pca.reason)));
        }
        if let Some(knn) = &self.knn {
            let (k, images) = (knn.k, counted(knn.references, "training images"));
            let accuracy = knn.accuracy.map(|accuracy| {
                let percent = 100.0 * accuracy;
                format!("{percent:.2}% (k = {k}, the codes of {images})")
            });
            let accuracy = or_reason(accuracy, &knn.reason);
            lines.push(format!("kNN accuracy of the codes: {accuracy}"));
        }
        if let Some(iwae) = &self.iwae {
            lines.push(format!(
                "negative importance-weighted bound {:.2} nats an image ({} each; negative ELBO from the same codes {:.2})",
                iwae.neg_bound,
                counted(iwae.samples, "codes"),
                iwae.neg_elbo,
            ));
        }
        lines.join("\n")
    }
}

/// The figures, or why they were not measured.
fn or_reason(figures: Option<String>, reason: &Option<String>) -> String {
    figures.unwrap_or_else(|| format!("- ({})", reason.as_deref().unwrap_or_default()))
}

/// A short number, with three decimals if it is small.
fn factor(value: f64) -> String {
    let decimals = if value < 10.0 { 3 } else { 1 };
    let text = format!("{value:.decimals$}");
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}
