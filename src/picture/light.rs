//! Correction of light that falls on a page from one side.

use super::ink::{Plane, median, spread};

impl Plane {
    /// Subtracts the slope, down and across, that fits the brightness of the border.
    pub fn evenly_lit(self) -> Self {
        let mut slope = [f64::from(median(self.border())), 0.0, 0.0];
        let at = |y, x| [place(y, self.height), place(x, self.width)];
        let frame: Vec<_> = self.frame().map(|(y, x, v)| (at(y, x), v)).collect();
        let off = |slope: &[f64; 3], at: &[f64; 2], v: f32| {
            (f64::from(v) - slope[1] * at[0] - slope[2] * at[1] - slope[0]) as f32
        };
        // Strokes that run into the border stand out more in each round, and are left out.
        for _ in 0..3 {
            let distances = frame.iter().map(|(at, v)| off(&slope, at, *v)).collect();
            let near = 2.5 * spread(distances) + 0.01;
            let page = frame
                .iter()
                .filter(|(at, v)| off(&slope, at, *v).abs() <= near);
            match least_squares(page) {
                Some(better) => slope = better,
                None => return self,
            }
        }
        let (height, width) = (self.height, self.width);
        let tilt = |y, x| slope[1] * place(y, height) + slope[2] * place(x, width);
        let values = self
            .placed()
            .map(|(y, x, v)| (f64::from(v) - tilt(y, x)) as f32)
            .collect();
        Self { values, ..self }
    }
}

/// The place of a pixel on its axis, from -1 to 1.
fn place(at: usize, side: usize) -> f64 {
    (2 * at + 1) as f64 / side as f64 - 1.0
}

/// `[level, down, across]` of the plane nearest to the values; none if their places lie on one line.
fn least_squares<'a>(
    points: impl Iterator<Item = &'a ([f64; 2], f32)> + Clone,
) -> Option<[f64; 3]> {
    let sum = |f: &dyn Fn(f64, f64, f64) -> f64| -> f64 {
        points
            .clone()
            .map(|([y, x], v)| f(*y, *x, f64::from(*v)))
            .sum()
    };
    let n = sum(&|_, _, _| 1.0);
    if n < 3.0 {
        return None;
    }
    // With the means subtracted, the level drops out and two equations are left.
    let [my, mx, mv] = [sum(&|y, _, _| y), sum(&|_, x, _| x), sum(&|_, _, v| v)].map(|s| s / n);
    let yy = sum(&|y, _, _| (y - my).powi(2)) / n;
    let xx = sum(&|_, x, _| (x - mx).powi(2)) / n;
    let yx = sum(&|y, x, _| (y - my) * (x - mx)) / n;
    let yv = sum(&|y, _, v| (y - my) * (v - mv)) / n;
    let xv = sum(&|_, x, v| (x - mx) * (v - mv)) / n;
    let determinant = yy * xx - yx * yx;
    if determinant < 1e-6 {
        return None;
    }
    let down = (yv * xx - xv * yx) / determinant;
    let across = (xv * yy - yv * yx) / determinant;
    Some([mv - down * my - across * mx, down, across])
}
