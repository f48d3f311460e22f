//! Random numbers keyed by their purpose, never by the order in which they are drawn.
//!
//! Philox4x32-10 turns a key and a counter into four 32-bit words. The key is the seed; the counter holds
//! the purpose, the epoch, the index and the number of the draw. Any value can therefore be computed at any
//! time, on any thread or device, and a resumed run sees the same values as an uninterrupted one.

mod normal;
mod philox;

use philox::WORDS;

use crate::simd::vectorized;

/// The purpose of a stream of random numbers. Streams of different purposes never overlap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Purpose {
    /// Initial weights; the index is the parameter's position in the network.
    Init = 1,
    /// The order of the samples; keyed by epoch.
    Shuffle = 2,
    /// Corruption of the inputs; keyed by epoch and sample.
    Corruption = 3,
    /// The choice of the validation samples.
    Split = 4,
    /// Corruption of validation and test samples; the epoch identifies the set.
    Evaluation = 5,
    /// Noise added to a user's pictures.
    Picture = 6,
    /// The sampling of a variational code; keyed by epoch and sample.
    Latent = 7,
    /// The same for validation and test samples; the epoch identifies the set.
    EvaluationLatent = 8,
    /// Codes drawn from the prior.
    Prior = 9,
    /// Synthetic sets of points.
    Points = 10,
    /// Binarization of images; keyed by epoch and sample.
    Binarization = 11,
    /// The same for validation and test samples; the epoch identifies the set.
    EvaluationBinarization = 12,
    /// Codes drawn for an importance-weighted bound; the epoch identifies the set and the number of the
    /// draw.
    Importance = 13,
    /// Initial vectors of an eigenvector iteration.
    Subspace = 14,
    /// The choice of the codes that a mixture is fitted to, and the initial centres of the fit; the epoch
    /// identifies which.
    MixtureFit = 15,
    /// Codes drawn from a mixture.
    Mixture = 16,
    /// The places of patches in pictures; keyed by epoch and sample.
    Patch = 17,
}

/// An endless stream of random numbers for one `(seed, purpose, epoch, index)`.
///
/// `epoch` has 24 bits and `index` 40 bits, far more than a run can use.
#[derive(Debug, Clone)]
pub struct Stream {
    key: [u32; 2],
    /// Purpose and epoch, then the low and the high part of the index; the fourth word is the number of the
    /// draw.
    counter: [u32; 4],
    /// Drawn words; those from `used` on are not used yet.
    words: [u32; WORDS],
    used: usize,
}

/// The width of one cell of the uniform numbers.
const CELL: f64 = 1.0 / (1u32 << 24) as f64;

impl Stream {
    /// The stream of `seed` for this purpose, epoch and index.
    pub fn new(seed: u64, purpose: Purpose, epoch: u64, index: u64) -> Self {
        let low = |value: u64| (value & 0xffff_ffff) as u32;
        Self {
            key: [low(seed), low(seed >> 32)],
            counter: [
                u32::from(purpose as u8) | low(epoch << 8),
                low(index),
                low(index >> 32),
                0,
            ],
            words: [0; WORDS],
            used: WORDS,
        }
    }

    /// The seed and the counter's word of purpose and epoch, for a device that draws the same numbers.
    pub fn key(&self) -> ([u32; 2], u32) {
        (self.key, self.counter[0])
    }

    /// The next 32 random bits.
    pub fn next_u32(&mut self) -> u32 {
        if self.used >= WORDS {
            // Draw as few as possible: many streams supply only a few numbers.
            if let Some(last) = self.words.last_chunk_mut() {
                *last = philox::one(self.counter, self.key);
                self.used = WORDS - last.len();
            }
            self.count(1);
        }
        let word = self.words.get(self.used).copied().unwrap_or_default();
        self.used += 1;
        word
    }

    /// Uniform in the open interval (0, 1): the midpoints of 2^24 equal cells, so never 0 and never 1.
    pub fn uniform(&mut self) -> f64 {
        uniform(self.next_u32())
    }

    /// Fills `out` with the values that [`uniform`](Self::uniform) would give, but faster.
    pub fn fill_uniform(&mut self, out: &mut [f64]) {
        vectorized(
            #[inline(always)]
            || {
                for out in out.chunks_mut(WORDS) {
                    let words = self.next_words(out.len());
                    for (out, word) in out.iter_mut().zip(words) {
                        *out = uniform(word);
                    }
                }
            },
        );
    }

    /// Uniform in `0..bound` (0 for an empty range), by multiplication; the bias is below `bound / 2^32`.
    pub fn below(&mut self, bound: u32) -> u32 {
        ((u64::from(self.next_u32()) * u64::from(bound)) >> 32) as u32
    }

    /// Fills `out` with independent standard normal values, drawn in pairs from two words each; for an odd
    /// count the second value of the last pair is discarded.
    pub fn fill_normal(&mut self, out: &mut [f32]) {
        vectorized(
            #[inline(always)]
            || {
                for out in out.chunks_mut(WORDS) {
                    let words = self.next_words(out.len().next_multiple_of(2));
                    let mut values = [0.0; WORDS];
                    let pairs = values.as_chunks_mut().0.iter_mut();
                    for (pair, words) in pairs.zip(words.as_chunks().0) {
                        *pair = normal::pair(*words);
                    }
                    for (out, value) in out.iter_mut().zip(values) {
                        *out = value;
                    }
                }
            },
        );
    }

    /// The next `count` words, at most as many as the result holds.
    #[inline(always)]
    fn next_words(&mut self, count: usize) -> [u32; WORDS] {
        // One draw of all words, if no drawn words are left.
        if count == WORDS && self.used >= WORDS {
            let words = philox::many(self.counter, self.key);
            self.count(WORDS / 4);
            return words;
        }
        let mut words = [0; WORDS];
        let left = self.words.get(self.used..).unwrap_or_default();
        let (first, rest) = words.split_at_mut(count.min(left.len()));
        first.copy_from_slice(&left[..first.len()]);
        self.used += first.len();
        let missing = count - first.len();
        if missing > 0 {
            self.words = philox::many(self.counter, self.key);
            self.count(WORDS / 4);
            self.used = missing;
            rest[..missing].copy_from_slice(&self.words[..missing]);
        }
        words
    }

    /// Advances the counter.
    fn count(&mut self, counters: usize) {
        self.counter[3] = self.counter[3].wrapping_add(counters as u32);
    }

    /// A random permutation of `0..count` (Fisher-Yates shuffle, in the form of Durstenfeld, 1964).
    pub fn permutation(&mut self, count: u32) -> Vec<u32> {
        let mut order: Vec<u32> = (0..count).collect();
        for last in (1..count).rev() {
            order.swap(last as usize, self.below(last + 1) as usize);
        }
        order
    }
}

/// See [`Stream::uniform`].
#[inline(always)]
fn uniform(word: u32) -> f64 {
    // The shifted word is below 2^24, so it can be converted as a signed number, which is faster on most
    // processors.
    (f64::from((word >> 8) as i32) + 0.5) * CELL
}
