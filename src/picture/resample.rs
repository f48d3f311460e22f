//! Resizing one plane without aliasing.

/// The input of one output pixel along an axis: the first input pixel, and the weights from there on.
struct Taps {
    first: usize,
    weights: Vec<f32>,
}

/// One plane of `from` = (height, width) resized to `to`. Along an axis that shrinks, each new pixel is the
/// mean over the area that it covers; along one that grows, values are interpolated linearly.
pub(super) fn resize(plane: &[f32], from: (usize, usize), to: (usize, usize)) -> Vec<f32> {
    let (height, width) = from;
    let (new_height, new_width) = to;
    if plane.len() != height * width || plane.is_empty() {
        return vec![0.0; new_height * new_width];
    }
    if from == to {
        return plane.to_vec();
    }
    let columns = taps(width, new_width);
    let rows = taps(height, new_height);
    let mut out = Vec::with_capacity(new_height * new_width);
    let mut line = vec![0f32; width];
    for row in &rows {
        line.fill(0.0);
        let lines = plane.chunks_exact(width).skip(row.first);
        for (weight, source) in row.weights.iter().zip(lines) {
            for (sum, v) in line.iter_mut().zip(source) {
                *sum += weight * v;
            }
        }
        out.extend(columns.iter().map(|column| {
            let source = line.iter().skip(column.first);
            let sum: f32 = column.weights.iter().zip(source).map(|(w, v)| w * v).sum();
            sum.clamp(0.0, 1.0)
        }));
    }
    out
}

fn taps(from: usize, to: usize) -> Vec<Taps> {
    let scale = from as f64 / to.max(1) as f64;
    (0..to)
        .map(|i| {
            let (start, end) = (i as f64 * scale, (i + 1) as f64 * scale);
            // Beyond the outermost centres, the outermost pixel counts alone.
            let centre = ((i as f64 + 0.5) * scale - 0.5).clamp(0.0, from as f64 - 1.0);
            let weight = |j: usize| match scale >= 1.0 {
                true => (end.min(j as f64 + 1.0) - start.max(j as f64)).max(0.0),
                false => (1.0 - (j as f64 - centre).abs()).max(0.0),
            };
            // One pixel more on either side than the weights can reach; casts saturate.
            let first = (start - 1.0).floor().max(0.0) as usize;
            let last = (end + 1.0).ceil() as usize;
            let raw: Vec<f64> = (first..last.min(from)).map(weight).collect();
            let sum: f64 = raw.iter().sum();
            let weights = raw.iter().map(|w| (w / sum) as f32).collect();
            Taps { first, weights }
        })
        .collect()
}
