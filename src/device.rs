//! Which device the work runs on.
