//! Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3",
//! SC 2011, section 3.3): a key and a counter give four 32-bit words.

/// Counters processed side by side.
const LANES: usize = 16;

/// Words from this many counters.
pub(super) const WORDS: usize = 4 * LANES;

/// The words of one counter.
pub(super) fn one(counter: [u32; 4], key: [u32; 2]) -> [u32; 4] {
    let [[a], [b], [c], [d]] = rounds(counter.map(|word| [word]), key);
    [a, b, c, d]
}

/// The words of this counter and of its successors, which count up the fourth word.
#[inline(always)]
pub(super) fn many([a, b, c, d]: [u32; 4], key: [u32; 2]) -> [u32; WORDS] {
    let mut draws = [d; LANES];
    for (offset, draw) in (0..).zip(&mut draws) {
        *draw = draw.wrapping_add(offset);
    }
    let [a, b, c, d] = rounds([[a; LANES], [b; LANES], [c; LANES], draws], key);
    let mut words = [0; WORDS];
    let lanes = a.into_iter().zip(b).zip(c).zip(d);
    for (words, (((a, b), c), d)) in words.as_chunks_mut().0.iter_mut().zip(lanes) {
        *words = [a, b, c, d];
    }
    words
}

/// Ten rounds of `N` counters, given and returned as arrays of first words, second words and so on: the
/// layout that the compiler can vectorise.
#[inline(always)]
fn rounds<const N: usize>(mut counters: [[u32; N]; 4], mut key: [u32; 2]) -> [[u32; N]; 4] {
    const MULTIPLIERS: [u64; 2] = [0xd251_1f53, 0xcd9e_8d57];
    const WEYL: [u32; 2] = [0x9e37_79b9, 0xbb67_ae85];
    for _ in 0..10 {
        let [a, b, c, d] = &mut counters;
        for (((a, b), c), d) in a.iter_mut().zip(b).zip(c).zip(d) {
            let products = [
                MULTIPLIERS[0] * u64::from(*a),
                MULTIPLIERS[1] * u64::from(*c),
            ];
            *a = (products[1] >> 32) as u32 ^ *b ^ key[0];
            *b = products[1] as u32;
            *c = (products[0] >> 32) as u32 ^ *d ^ key[1];
            *d = products[0] as u32;
        }
        key = [key[0].wrapping_add(WEYL[0]), key[1].wrapping_add(WEYL[1])];
    }
    counters
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The known answers published with the Random123 library.
    #[test]
    fn philox_gives_the_published_answers() {
        for (counter, key, words) in [
            (
                [0; 4],
                [0; 2],
                [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8],
            ),
            (
                [u32::MAX; 4],
                [u32::MAX; 2],
                [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd],
            ),
            (
                [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
                [0xa409_3822, 0x299f_31d0],
                [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
            ),
        ] {
            assert_eq!(one(counter, key), words);
            // Also if the fourth word overflows.
            let many = many(counter, key);
            for (offset, words) in (0..).zip(many.chunks(4)) {
                let [a, b, c, d] = counter;
                assert_eq!(one([a, b, c, d.wrapping_add(offset)], key), words);
            }
            assert_eq!(many[..4], words);
        }
    }
}
