//! Losses as numbers.

/// The losses of some samples, as sums, so that batches of different sizes add up to the right mean.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Losses {
    /// Sum of the training loss: over all values in their unit, or over the images in nats for an ELBO.
    pub sum: f64,
    /// Sum of the KL divergence over the images in nats, unweighted.
    pub kl_sum: f64,
    /// The divisor of the sums: the number of values, or of images for an ELBO.
    pub count: usize,
}

impl std::ops::AddAssign for Losses {
    fn add_assign(&mut self, other: Self) {
        self.sum += other.sum;
        self.kl_sum += other.kl_sum;
        self.count += other.count;
    }
}

impl Losses {
    /// The mean training loss.
    pub fn mean(&self) -> f64 {
        self.sum / self.count.max(1) as f64
    }

    /// The KL divergence in nats per image.
    pub fn kl(&self) -> f64 {
        self.kl_sum / self.count.max(1) as f64
    }
}
