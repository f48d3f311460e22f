//! Losses as numbers.

/// The losses of some samples. Sums, so that batches of different sizes add up to the right mean.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Losses {
    /// Sum of what is minimised: over all values in their unit, or for an ELBO in nats over the images.
    pub sum: f64,
    /// Sum of the KL divergence over the images in nats, without its weight.
    pub kl_sum: f64,
    /// What the sums are divided by: values, or for an ELBO images.
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
    /// What training minimises.
    pub fn mean(&self) -> f64 {
        self.sum / self.count.max(1) as f64
    }

    /// The KL divergence in nats an image.
    pub fn kl(&self) -> f64 {
        self.kl_sum / self.count.max(1) as f64
    }
}
