//! Sources of images, brought into one data set in memory.
