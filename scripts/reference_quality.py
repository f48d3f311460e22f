"""Writes tests/data/quality_reference.json: image distances by scikit-image and numpy.

Run from the repository root with numpy and scikit-image installed:

    python scripts/reference_quality.py

Pairs are the first test digits of assets/mnist-sample with Gaussian noise, blur or a shift, and
crops of them of other sizes and channels, all as bytes (value / 255). SSIM is scikit-image's
structural_similarity with the settings of Wang et al. 2004; PSNR is scikit-image's; MSE and binary
cross-entropy (of values kept 1e-7 away from 0 and 1) are numpy's. All in float64.
"""

import gzip
import json
import pathlib

import numpy as np
import skimage
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

with gzip.open("assets/mnist-sample/t10k-images-idx3-ubyte.gz") as file:
    digits = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 28, 28)
rng = np.random.default_rng(3)


def noisy(image, factor):
    values = image / 255 + factor * rng.standard_normal(image.shape)
    return np.round(np.clip(values, 0, 1) * 255).astype(np.uint8)


def pair(name, output, target):
    """`output` and `target` are (channels, height, width) bytes."""
    o, t = output / 255, target / 255
    kept = np.clip(o, 1e-7, 1 - 1e-7)
    ssim = structural_similarity(
        t, o, channel_axis=0, data_range=1.0,
        gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
    )
    return {
        "name": name,
        "shape": list(output.shape),
        "output": output.reshape(-1).tolist(),
        "target": target.reshape(-1).tolist(),
        "squared_error": float(((o - t) ** 2).sum()),
        "psnr_db": float(peak_signal_noise_ratio(t, o, data_range=1.0)),
        "bce": float(-(t * np.log(kept) + (1 - t) * np.log(1 - kept)).mean()),
        "ssim": float(ssim),
    }


pairs = [pair(f"digit {i}, noise {f}", noisy(digits[i], f)[None], digits[i][None])
         for i, f in enumerate([0.05, 0.2, 0.5, 1.0])]
pairs.append(pair("digit 4, one pixel to the right", np.roll(digits[4], 1, axis=1)[None], digits[4][None]))
pairs.append(pair("digit 5, inverted", 255 - digits[5][None], digits[5][None]))
pairs.append(pair("digits 6 and 7", digits[6][None], digits[7][None]))
wide = digits[8][8:20, 2:26]
pairs.append(pair("12 rows, 24 columns", noisy(wide, 0.1)[None], wide[None]))
tall = digits[9][2:26, 8:19]
pairs.append(pair("24 rows, 11 columns", noisy(tall, 0.3)[None], tall[None]))
colour = digits[10:13, 4:22, 6:22]
pairs.append(pair("three channels, 18 rows, 16 columns", noisy(colour, 0.2), colour))
text = {"scikit-image": skimage.__version__, "pairs": pairs}
pathlib.Path("tests/data/quality_reference.json").write_text(json.dumps(text) + "\n")
