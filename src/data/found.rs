//! What reading a path gives.

use super::Images;

/// The images found at a path.
pub struct Found {
    pub train: Images,
    pub test: Images,
    /// Files of other types that lay among the pictures.
    pub left_out: usize,
}

impl From<(Images, Images)> for Found {
    fn from((train, test): (Images, Images)) -> Self {
        Self {
            train,
            test,
            left_out: 0,
        }
    }
}
