//! Pictures: PNG in and out, fitting a digit to a network's input, contact sheets, filters, charts and drawings
//! of networks.

mod axis;
mod canvas;
mod chart;
mod curves;
mod diagram;
mod dots;
mod filters;
mod fit;
mod font;
mod frame;
mod header;
mod ink;
mod light;
mod manifold;
mod memory;
mod palette;
mod png;
mod png_file;
mod raster;
mod resample;
mod scatter;
mod series;
mod sheet;
mod svg;
mod unit_weights;
mod units;

pub use axis::Scale;
pub use chart::Chart;
pub use curves::{curves, panels};
pub use diagram::{Block, Diagram, diagram};
pub use filters::filter_grid;
pub use fit::{Fit, FittedFile, fit, read_fitted};
pub use manifold::{ManifoldAxis, manifold};
pub use memory::set_picture_memory;
pub use png::{check_png, png_bytes, read_png, write_png, write_rgb};
pub use png_file::{PngHeader, read_png_header};
pub use raster::Picture;
pub use scatter::{ScatterOptions, scatter};
pub use series::{Panel, Series};
pub use sheet::ContactSheet;
pub use units::{MAX_COLUMNS, MAX_UNITS, Role, UnitColumn, units};
