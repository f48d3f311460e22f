//! Streams of random numbers against `tests/data/random_reference.json`, which
//! `scripts/reference_random.py` writes, and against numbers drawn one by one.

use autoencode::random::{Purpose, Stream};
use serde::Deserialize;

#[derive(Deserialize)]
struct Reference {
    streams: Vec<Drawn>,
}

#[derive(Deserialize)]
struct Drawn {
    seed: u64,
    purpose: String,
    epoch: u64,
    index: u64,
    /// Uniform numbers before the normal ones.
    skipped: usize,
    uniform: Vec<f64>,
    normal: Vec<f32>,
}

impl Drawn {
    fn stream(&self) -> Stream {
        let purpose = match self.purpose.as_str() {
            "corruption" => Purpose::Corruption,
            "latent" => Purpose::Latent,
            other => panic!("{other}"),
        };
        Stream::new(self.seed, purpose, self.epoch, self.index)
    }
}

fn reference() -> Vec<Drawn> {
    let reference: Reference =
        serde_json::from_str(include_str!("../data/random_reference.json")).unwrap();
    assert_eq!(reference.streams.len(), 4);
    reference.streams
}

#[test]
fn uniform_numbers_are_those_of_the_reference_drawn_singly_or_together() {
    for drawn in reference() {
        let mut stream = drawn.stream();
        let singly: Vec<f64> = drawn.uniform.iter().map(|_| stream.uniform()).collect();
        assert_eq!(singly, drawn.uniform);
        // In pieces of all lengths around those that are drawn at a time.
        for piece in [1, 3, 4, 16, 63, 64, 65, 151] {
            let mut stream = drawn.stream();
            let mut together = vec![0.0; drawn.uniform.len()];
            for piece in together.chunks_mut(piece) {
                stream.fill_uniform(piece);
            }
            assert_eq!(together, drawn.uniform, "{piece}");
        }
    }
}

#[test]
fn normal_numbers_have_the_bits_of_the_reference() {
    for drawn in reference() {
        for piece in [2, 4, 62, 64, 66, 151] {
            let mut stream = drawn.stream();
            for _ in 0..drawn.skipped {
                stream.uniform();
            }
            let mut normal = vec![0.0; drawn.normal.len()];
            for piece in normal.chunks_mut(piece) {
                stream.fill_normal(piece);
            }
            assert_eq!(normal, drawn.normal, "{piece}");
        }
    }
}

#[test]
fn a_stream_goes_on_behind_what_was_drawn_together() {
    for skipped in [0, 1, 5] {
        for count in [1, 2, 64, 131] {
            let stream = || {
                let mut stream = Stream::new(9, Purpose::Corruption, 1, 2);
                for _ in 0..skipped {
                    stream.next_u32();
                }
                stream
            };
            let mut singly = stream();
            let words: Vec<u32> = (0..200).map(|_| singly.next_u32()).collect();
            let (mut uniform, mut normal) = (stream(), stream());
            uniform.fill_uniform(&mut vec![0.0; count]);
            assert_eq!(uniform.next_u32(), words[count]);
            normal.fill_normal(&mut vec![0.0; count]);
            assert_eq!(normal.next_u32(), words[count.next_multiple_of(2)]);
        }
    }
}
