//! The result of reading a path.

use super::Images;

/// The images found at a path.
pub struct Found {
    pub train: Images,
    pub test: Images,
    /// Number of files of other types among the pictures.
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
