//! Noise: a pure function of seed, epoch and sample.
