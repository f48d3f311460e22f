"""Writes tests/data/mixture_reference.json: a mixture of Gaussians by numpy.

Run from the repository root with numpy installed:

    python scripts/reference_mixture.py

A mixture of three Gaussians of two values with its tensors as a checkpoint holds them, the logarithm of its density
at 40 places, computed with the inverse and the determinant of each covariance in float64; and 600 codes drawn from
it, with the mixture of three Gaussians that has the highest likelihood for them: 500 rounds of expectation and
maximisation from the true one, with plain loops over the components.
"""

import json
import pathlib

import numpy as np

weights = np.array([0.5, 0.3125, 0.1875])
means = np.array([[-4.0, 1.0], [3.0, 5.0], [2.0, -6.0]])
factors = np.array(
    [[[1.0, 0.0], [0.75, 0.5]], [[0.5, 0.0], [-0.5, 1.5]], [[2.0, 0.0], [0.25, 0.25]]]
)


def log_terms(codes, weights, means, covariances):
    terms = []
    for weight, mean, covariance in zip(weights, means, covariances):
        away = codes - mean
        squares = np.einsum("ni,ij,nj->n", away, np.linalg.inv(covariance), away)
        scale = len(mean) * np.log(2 * np.pi) + np.log(np.linalg.det(covariance))
        terms.append(np.log(weight) - (squares + scale) / 2)
    return np.array(terms)


def log_sum(terms):
    largest = terms.max(axis=0)
    return largest + np.log(np.exp(terms - largest).sum(axis=0))


def best_mixture(codes, weights, means, covariances):
    for _ in range(500):
        terms = log_terms(codes, weights, means, covariances)
        shares = np.exp(terms - log_sum(terms))
        weights = shares.mean(axis=1)
        means = np.array([np.average(codes, axis=0, weights=share) for share in shares])
        covariances = np.array(
            [np.cov(codes.T, aweights=share, bias=True) for share in shares]
        )
    return weights, means, covariances


def written(array):
    return [float(f"{value:.12g}") for value in np.asarray(array).reshape(-1)]


rng = np.random.default_rng(11)
places = np.round(rng.uniform(-12, 12, (40, 2)) * 8) / 8
component = rng.choice(3, 600, p=weights)
noise = rng.standard_normal((600, 2))
codes = means[component] + np.einsum("nij,nj->ni", factors[component], noise)
codes = codes.astype(np.float32)
covariances = np.einsum("kij,klj->kil", factors, factors)
best = best_mixture(codes.astype(np.float64), weights, means, covariances)
reference = {
    "weights": written(weights),
    "means": written(means),
    "factors": written(factors),
    "places": written(places),
    "log_density": written(log_sum(log_terms(places, weights, means, covariances))),
    "codes": [float(f"{value:.9g}") for value in codes.reshape(-1)],
    "best": {
        "weights": written(best[0]),
        "means": written(best[1]),
        "covariances": written(best[2]),
        "log_density": float(log_sum(log_terms(codes.astype(np.float64), *best)).mean()),
    },
}
pathlib.Path("tests/data/mixture_reference.json").write_text(json.dumps(reference) + "\n")
