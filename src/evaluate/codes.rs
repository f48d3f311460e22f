//! Measures of a network's codes.

use candle_core::Device;
use serde::Serialize;

use super::knn::check_k;
use super::{BATCH, Labelled, knn_accuracy, values};
use crate::Result;
use crate::data::{Dataset, Images, grouped};
use crate::engine::Inference;
use crate::network::Autoencoder;

/// Number of values in an image per value of its code. This counts values, not bytes: code values are
/// floats, those of most images bytes.
pub fn compression(model: &Autoencoder) -> f64 {
    let values = |shape: &[usize]| shape.iter().product::<usize>().max(1) as f64;
    values(model.input_shape()) / values(model.code_shape())
}

/// The concatenated codes of all images; for a variational network the means of their distributions.
/// After each batch, `done` receives the number of images in it.
///
/// # Errors
/// If the shape of the images is not the network's input shape.
pub fn codes(
    network: &Inference,
    images: &Images,
    device: &Device,
    done: &mut dyn FnMut(usize),
) -> Result<Vec<f32>> {
    let size: usize = network.model().code_shape().iter().product();
    let mut codes = Vec::with_capacity(images.len().saturating_mul(size));
    let indices = images.indices();
    for indices in indices.chunks(BATCH) {
        let batch = network.encode(&images.batch(indices, device)?)?;
        codes.extend(values(&batch)?);
        done(indices.len());
    }
    Ok(codes)
}

/// How well the nearest codes predict the labels of images.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CodeKnn {
    /// The number of neighbours that vote.
    pub k: usize,
    /// Number of training images whose codes and labels are the references.
    pub references: usize,
    /// Number of test images whose labels are predicted.
    pub queries: usize,
    /// The fraction of correct predictions.
    pub accuracy: Option<f64>,
    /// Why the accuracy was not measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Codes with more values than this are not compared: the 6,272 values of a small convolutional code
/// take 1.4 GB for the images of MNIST, and minutes of work.
pub const MAX_KNN_VALUES: usize = 1024;

/// The accuracy of [`knn_accuracy`] on the codes of the clean test images, with those of the clean
/// training images as references. It is not measured if all labels are equal, codes have more than
/// [`MAX_KNN_VALUES`] values, or there are fewer than `k` training images. `done` receives the number of images of both sets that went through the
/// encoder.
///
/// # Errors
/// If the shape of the images is not the network's input shape, if their codes are not finite, or if `k`
/// is 0.
pub fn code_knn(
    network: &Inference,
    dataset: &Dataset,
    k: usize,
    device: &Device,
    done: &mut dyn FnMut(usize),
) -> Result<CodeKnn> {
    let (train, test) = (&dataset.train, &dataset.test);
    let size: usize = network.model().code_shape().iter().product();
    let mut report = CodeKnn {
        k,
        references: train.len(),
        queries: test.len(),
        accuracy: None,
        reason: None,
    };
    let mut labels = train.labels().iter().chain(test.labels());
    let first = labels.next();
    if labels.all(|label| Some(label) == first) {
        report.reason = Some("all labels are equal".to_string());
    } else if size > MAX_KNN_VALUES {
        report.reason = Some(format!(
            "codes of more than {} values are not compared",
            grouped(MAX_KNN_VALUES)
        ));
    } else if k > train.len() {
        let images = grouped(train.len());
        report.reason = Some(format!(
            "{k} neighbours need as many training images, there are {images}"
        ));
    } else {
        // Check before the work, not after it.
        check_k(k, train.len())?;
        let references = codes(network, train, device, done)?;
        let queries = codes(network, test, device, done)?;
        let references = Labelled {
            rows: &references,
            labels: train.labels(),
        };
        let queries = Labelled {
            rows: &queries,
            labels: test.labels(),
        };
        report.accuracy = Some(knn_accuracy(references, queries, size, k)?);
    }
    Ok(report)
}
