//! Random numbers keyed by what they are for, never by when they were drawn.
//!
//! Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3",
//! SC 2011, section 3.3) turns a key and a counter into four 32-bit words. The key is the seed; the
//! counter holds the purpose, the epoch, the index and the number of the draw. So any value can be
//! computed at any time, on any thread or device, and a resumed run sees what an uninterrupted one saw.

/// What a stream of random numbers is for. Streams of different purposes never overlap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Purpose {
    /// Initial weights; the index is the parameter's place in the network.
    Init = 1,
    /// The order of the samples; keyed by epoch.
    Shuffle = 2,
    /// Corruption of the inputs; keyed by epoch and sample.
    Corruption = 3,
    /// The choice of the validation samples.
    Split = 4,
    /// Corruption of validation and test samples; the epoch tells the set.
    Evaluation = 5,
    /// Noise put on pictures that a user passes in.
    Picture = 6,
    /// The sampling of a variational code; keyed by epoch and sample.
    Latent = 7,
    /// The same for validation and test samples; the epoch tells the set.
    EvaluationLatent = 8,
    /// Codes drawn from the prior.
    Prior = 9,
    /// Synthetic sets of points.
    Points = 10,
    /// Images made of zeros and ones; keyed by epoch and sample.
    Binarization = 11,
    /// The same for validation and test samples; the epoch tells the set.
    EvaluationBinarization = 12,
    /// Codes drawn for an importance-weighted bound; the epoch tells the set and the number of the draw.
    Importance = 13,
    /// Where an iteration for eigenvectors starts.
    Subspace = 14,
    /// The choice of the codes that a mixture is fitted to, and where its fit starts; the epoch tells which.
    MixtureFit = 15,
    /// Codes drawn from a mixture.
    Mixture = 16,
}

/// An endless stream of random numbers for one `(seed, purpose, epoch, index)`.
///
/// `epoch` keeps 24 bits and `index` 40 bits, far above what a run can reach.
#[derive(Debug, Clone)]
pub struct Stream {
    key: [u32; 2],
    /// Purpose and epoch, low and high part of the index; the draw is the fourth word.
    counter: [u32; 4],
    block: [u32; 4],
    used: usize,
}

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
            block: [0; 4],
            used: 4,
        }
    }

    /// The next 32 random bits.
    pub fn next_u32(&mut self) -> u32 {
        if self.used == 4 {
            self.block = philox4x32(self.counter, self.key);
            self.counter[3] = self.counter[3].wrapping_add(1);
            self.used = 0;
        }
        let word = self.block[self.used];
        self.used += 1;
        word
    }

    /// Uniform in the open interval (0, 1): the middles of 2^24 equal cells, so never 0 and never 1.
    pub fn uniform(&mut self) -> f64 {
        (f64::from(self.next_u32() >> 8) + 0.5) / f64::from(1u32 << 24)
    }

    /// Uniform among `0..bound` (0 for an empty range), by multiplication; the bias is below `bound / 2^32`.
    pub fn below(&mut self, bound: u32) -> u32 {
        ((u64::from(self.next_u32()) * u64::from(bound)) >> 32) as u32
    }

    /// Fills `out` with independent values of the standard normal distribution (Box and Muller, 1958).
    pub fn fill_normal(&mut self, out: &mut [f32]) {
        for pair in out.chunks_mut(2) {
            let radius = (-2.0 * (self.uniform() as f32).ln()).sqrt();
            let angle = std::f32::consts::TAU * self.uniform() as f32;
            let (sin, cos) = angle.sin_cos();
            for (slot, value) in pair.iter_mut().zip([radius * cos, radius * sin]) {
                *slot = value;
            }
        }
    }

    /// A random order of `0..count` (Fisher and Yates, as Durstenfeld wrote it in 1964).
    pub fn permutation(&mut self, count: u32) -> Vec<u32> {
        let mut order: Vec<u32> = (0..count).collect();
        for last in (1..count).rev() {
            order.swap(last as usize, self.below(last + 1) as usize);
        }
        order
    }
}

/// Ten rounds of Philox4x32.
fn philox4x32(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    const MULTIPLIERS: [u64; 2] = [0xd251_1f53, 0xcd9e_8d57];
    const WEYL: [u32; 2] = [0x9e37_79b9, 0xbb67_ae85];
    for _ in 0..10 {
        let products = [
            MULTIPLIERS[0] * u64::from(counter[0]),
            MULTIPLIERS[1] * u64::from(counter[2]),
        ];
        counter = [
            (products[1] >> 32) as u32 ^ counter[1] ^ key[0],
            products[1] as u32,
            (products[0] >> 32) as u32 ^ counter[3] ^ key[1],
            products[0] as u32,
        ];
        key = [key[0].wrapping_add(WEYL[0]), key[1].wrapping_add(WEYL[1])];
    }
    counter
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The known answers published with the Random123 library.
    #[test]
    fn philox_gives_the_published_answers() {
        assert_eq!(
            philox4x32([0; 4], [0; 2]),
            [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]
        );
        assert_eq!(
            philox4x32([u32::MAX; 4], [u32::MAX; 2]),
            [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]
        );
        assert_eq!(
            philox4x32(
                [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
                [0xa409_3822, 0x299f_31d0]
            ),
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
        );
    }

    #[test]
    fn streams_differ_by_every_part_of_their_key() {
        let first =
            |seed, purpose, epoch, index| Stream::new(seed, purpose, epoch, index).next_u32();
        let base = first(1, Purpose::Corruption, 2, 3);
        assert_eq!(base, first(1, Purpose::Corruption, 2, 3));
        assert_ne!(base, first(2, Purpose::Corruption, 2, 3));
        assert_ne!(base, first(1 | 1 << 40, Purpose::Corruption, 2, 3));
        assert_ne!(base, first(1, Purpose::Shuffle, 2, 3));
        assert_ne!(base, first(1, Purpose::Corruption, 3, 3));
        assert_ne!(base, first(1, Purpose::Corruption, 2, 3 | 1 << 35));
    }

    #[test]
    fn normal_values_have_the_moments_of_the_distribution() {
        let mut values = vec![0f32; 200_001];
        Stream::new(7, Purpose::Picture, 0, 0).fill_normal(&mut values);
        let n = values.len() as f64;
        let moment = |power: i32| {
            values
                .iter()
                .map(|&v| f64::from(v).powi(power))
                .sum::<f64>()
                / n
        };
        assert!(moment(1).abs() < 0.01, "{}", moment(1));
        assert!((moment(2) - 1.0).abs() < 0.015, "{}", moment(2));
        assert!(moment(3).abs() < 0.04, "{}", moment(3));
        assert!((moment(4) - 3.0).abs() < 0.1, "{}", moment(4));
    }

    #[test]
    fn a_permutation_holds_every_index_once() {
        let mut order = Stream::new(3, Purpose::Shuffle, 1, 0).permutation(1000);
        assert_ne!(order, (0..1000).collect::<Vec<_>>());
        order.sort_unstable();
        assert_eq!(order, (0..1000).collect::<Vec<_>>());
    }
}
