"""Writes tests/data/pca_reference.json: principal components by numpy.

Run from the repository root with numpy installed:

    python scripts/reference_pca.py

Two sets of rows: 40 drawn ones of 6 values on a grid of 1/8, and the first 500 test digits of
assets/mnist-sample (bytes / 255, rounded to f32 as the program holds them). The components are the
right singular vectors of the centred rows in float64 (so not by way of the covariance), with the sign
that makes the largest entry positive. Of the digits, variances, the coordinates of the first rows, the
squared error of the reconstructions and the components' sums stand for the whole.
"""

import gzip
import json
import pathlib

import numpy as np


def pca(rows, count):
    rows = rows.astype(np.float64)
    mean = rows.mean(axis=0)
    _, values, vectors = np.linalg.svd(rows - mean, full_matrices=False)
    vectors = vectors[:count]
    largest = np.take_along_axis(vectors, np.abs(vectors).argmax(axis=1)[:, None], axis=1)
    vectors = vectors * np.sign(largest)
    codes = (rows - mean) @ vectors.T
    return mean, vectors, values**2 / (len(rows) - 1), codes


def written(array):
    return [float(f"{value:.12g}") for value in np.asarray(array).reshape(-1)]


rng = np.random.default_rng(5)
mix = rng.standard_normal((6, 6)) * np.array([3, 2, 1, 0.5, 0.2, 0.1])[:, None]
small = np.round(rng.standard_normal((40, 6)) @ mix * 8) / 8 + 1
mean, components, variance, codes = pca(small, 3)
reference = {
    "small": {
        "rows": written(small),
        "mean": written(mean),
        "components": written(components),
        "explained_variance": written(variance[:3]),
        "total_variance": float(variance.sum()),
        "codes": written(codes),
        "reconstructions": written(codes @ components + mean),
    }
}

with gzip.open("assets/mnist-sample/t10k-images-idx3-ubyte.gz") as file:
    digits = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 784)[:500]
digits = digits.astype(np.float32) / np.float32(255)
mean, components, variance, codes = pca(digits, 12)
reference["digits"] = {
    "explained_variance": written(variance[:12]),
    "total_variance": float(variance.sum()),
    "first_codes": written(codes[:4]),
    "component_sums": written(components.sum(axis=1)),
    "squared_error": float(((codes @ components + mean - digits) ** 2).sum()),
}
pathlib.Path("tests/data/pca_reference.json").write_text(json.dumps(reference) + "\n")
