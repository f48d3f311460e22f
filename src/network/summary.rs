//! The layer table.

use serde::Serialize;

use super::Autoencoder;

/// A network as a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Shape of a sample.
    pub input: Vec<usize>,
    /// Shape of its code.
    pub code: Vec<usize>,
    /// The layers, nested ones included.
    pub layers: Vec<Row>,
    /// Number of trained values.
    pub parameters: usize,
}

/// One layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The name in the checkpoint, such as `encoder.0`.
    pub name: String,
    /// A description of the layer.
    pub layer: String,
    /// Shape of a sample at its output, without the batch.
    pub output: Vec<usize>,
    /// Number of trained values.
    pub parameters: usize,
}

impl Autoencoder {
    /// Every layer with its output shape and number of parameters.
    pub fn summary(&self) -> Summary {
        let layers: Vec<Row> = self
            .encoder()
            .walk()
            .chain(self.decoder().walk())
            .map(|layer| Row {
                name: layer.name().to_string(),
                layer: layer.spec().to_string(),
                output: layer.output().to_vec(),
                parameters: layer.parameter_count(),
            })
            .collect();
        Summary {
            input: self.input_shape().to_vec(),
            code: self.code_shape().to_vec(),
            parameters: layers.iter().map(|row| row.parameters).sum(),
            layers,
        }
    }
}
