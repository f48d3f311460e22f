//! PNG in and out, digit fitting, contact sheets, plots.
