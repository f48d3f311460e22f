//! What the drawings of a network show, as plain data.

use candle_core::{DType, Tensor};

use super::stack::Stack;
use super::{Autoencoder, Code, Layer};
use crate::picture::{Block, MAX_COLUMNS, MAX_UNITS, Network, Role, UnitColumn};
use crate::{Error, Result};

impl Autoencoder {
    /// Every layer in order; those that keep the shape and have no weights are tags on the one before.
    pub fn graph(&self, title: impl Into<String>) -> Network {
        Network {
            title: title.into(),
            input: self.input_shape().to_vec(),
            encoder: blocks(self.encoder()),
            code: self.code_shape().to_vec(),
            variational: matches!(self.code(), Code::Gaussian { .. }),
            decoder: blocks(self.decoder()),
        }
    }

    /// The units of a small dense network with their weights, a column for the input and for each dense
    /// layer; what lies between these is a tag on the column before.
    ///
    /// # Errors
    /// If the network has layers with weights that are not dense, a variational code, more than 16 units
    /// in a layer or more than 11 dense layers.
    pub fn units(&self) -> Result<Vec<UnitColumn>> {
        if let Code::Gaussian { .. } = self.code() {
            let expected = "a plain code, for the units to be drawn one by one";
            return Err(Error::layer("code", expected, "a normal distribution"));
        }
        let input = self.input_shape();
        let mut columns = vec![UnitColumn {
            role: Role::Input,
            block: Block {
                name: "input".to_string(),
                layer: String::new(),
                output: input.to_vec(),
                parameters: 0,
                tags: Vec::new(),
            },
            weights: vec![Vec::new(); small("input", input.iter().product())?],
            biases: Vec::new(),
        }];
        add_columns(&mut columns, self.encoder(), Role::Encoder)?;
        if let [_, .., last] = columns.as_mut_slice() {
            last.role = Role::Code;
        }
        add_columns(&mut columns, self.decoder(), Role::Decoder)?;
        if let [_, .., last] = columns.as_mut_slice() {
            last.role = Role::Output;
            last.block.output = self.input_shape().to_vec();
        }
        if columns.len() > MAX_COLUMNS {
            return Err(Error::layer(
                "decoder",
                format!(
                    "at most {} dense layers in all, for the units to be drawn one by one",
                    MAX_COLUMNS - 1
                ),
                (columns.len() - 1).to_string(),
            ));
        }
        Ok(columns)
    }
}

fn blocks(stack: &Stack) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    for (name, placed) in stack.layers() {
        let kind = placed.spec.to_string();
        match (&placed.layer, blocks.last_mut()) {
            (Layer::Activation(_) | Layer::Function(_), Some(block)) => {
                block.tags.push((name, kind));
            }
            _ => blocks.push(Block {
                name,
                layer: kind,
                output: placed.output.clone(),
                parameters: placed.layer.parameter_count(),
                tags: Vec::new(),
            }),
        }
    }
    blocks
}

fn add_columns(columns: &mut Vec<UnitColumn>, stack: &Stack, role: Role) -> Result<()> {
    for (name, placed) in stack.layers() {
        let kind = placed.spec.to_string();
        match &placed.layer {
            Layer::Dense { weight, bias } => {
                small(&name, placed.output.iter().product())?;
                columns.push(UnitColumn {
                    role,
                    weights: weight.to_dtype(DType::F32)?.to_vec2()?,
                    biases: match bias {
                        Some(bias) => values(bias)?,
                        None => Vec::new(),
                    },
                    block: Block {
                        name,
                        layer: kind,
                        output: placed.output.clone(),
                        parameters: placed.layer.parameter_count(),
                        tags: Vec::new(),
                    },
                });
            }
            Layer::Activation(_) | Layer::Function(_) | Layer::Flatten | Layer::Reshape { .. } => {
                if let Some(column) = columns.last_mut() {
                    column.block.tags.push((name, kind));
                }
            }
            Layer::Conv2d { .. } | Layer::MaxPool2d { .. } | Layer::Upsample { .. } => {
                let expected = "a dense layer, for the units to be drawn one by one";
                return Err(Error::layer(name, expected, kind));
            }
        }
    }
    Ok(())
}

fn values(tensor: &Tensor) -> Result<Vec<f32>> {
    Ok(tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?)
}

fn small(layer: &str, units: usize) -> Result<usize> {
    if (1..=MAX_UNITS).contains(&units) {
        return Ok(units);
    }
    let expected = format!("at most {MAX_UNITS} units, for them to be drawn one by one");
    Err(Error::layer(layer, expected, units.to_string()))
}
