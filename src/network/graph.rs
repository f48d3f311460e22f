//! The contents of a network drawing, as plain data.

use candle_core::DType;

use super::stack::Stack;
use super::{Autoencoder, Code};
use crate::layer::{Layer, LayerSpec};
use crate::picture::{Block, Diagram, MAX_COLUMNS, MAX_UNITS, Role, UnitColumn};
use crate::{Error, Result};

impl Autoencoder {
    /// Every layer in order. Layers that keep the shape and have no weights become tags on the one before.
    pub fn graph(&self, title: impl Into<String>) -> Diagram {
        Diagram {
            title: title.into(),
            input: self.input_shape().to_vec(),
            encoder: blocks(self.encoder()),
            code: self.code_shape().to_vec(),
            variational: matches!(self.code(), Code::Gaussian { .. }),
            decoder: blocks(self.decoder()),
        }
    }

    /// The units of a small dense network with their weights: a column for the input and one for each dense layer.
    /// Layers in between become tags on the column before.
    ///
    /// # Errors
    /// If a layer with weights is not dense, the code is variational, a layer has more than 16 units, or there are more
    /// than 11 dense layers.
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
    for layer in stack.walk() {
        match blocks.last_mut() {
            Some(block) if layer.spec().kind().is_pointwise() => block.tags.push(tag(layer)),
            _ => blocks.push(block(layer)),
        }
    }
    blocks
}

fn block(layer: &Layer) -> Block {
    let (name, kind) = tag(layer);
    Block {
        name,
        layer: kind,
        output: layer.output().to_vec(),
        parameters: layer.parameter_count(),
        tags: Vec::new(),
    }
}

/// Name and kind.
fn tag(layer: &Layer) -> (String, String) {
    (layer.name().to_string(), layer.spec().to_string())
}

fn add_columns(columns: &mut Vec<UnitColumn>, stack: &Stack, role: Role) -> Result<()> {
    for layer in stack.walk() {
        if let LayerSpec::Dense(dense) = layer.spec() {
            small(layer.name(), dense.units)?;
            columns.push(UnitColumn {
                role,
                weights: layer.weight()?.to_dtype(DType::F32)?.to_vec2()?,
                biases: match layer.parameter("bias") {
                    Some(bias) => bias.to_dtype(DType::F32)?.to_vec1()?,
                    None => Vec::new(),
                },
                block: block(layer),
            });
            continue;
        }
        // Layers that only reshape become tags too.
        let is_tag = layer.spec().kind().is_pointwise()
            || matches!(layer.spec(), LayerSpec::Flatten(_) | LayerSpec::Reshape(_));
        match columns.last_mut() {
            Some(column) if is_tag => column.block.tags.push(tag(layer)),
            _ => {
                let (name, kind) = tag(layer);
                let expected = "a dense layer, for the units to be drawn one by one";
                return Err(Error::layer(name, expected, kind));
            }
        }
    }
    Ok(())
}

fn small(layer: &str, units: usize) -> Result<usize> {
    if (1..=MAX_UNITS).contains(&units) {
        return Ok(units);
    }
    let expected = format!("at most {MAX_UNITS} units, for them to be drawn one by one");
    Err(Error::layer(layer, expected, units.to_string()))
}
