//! What the drawings of a network show, as plain data.

use super::stack::Stack;
use super::{Autoencoder, Code, Layer};
use crate::picture::{Block, Network};

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
