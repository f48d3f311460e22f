"""Images for all peers, as (N, H, W, C) bytes."""

import gzip
from pathlib import Path


def read_idx(folder: Path, most: int):
    import numpy as np

    path = folder / "train-images-idx3-ubyte"
    data = path.read_bytes() if path.exists() else gzip.open(f"{path}.gz").read()
    count, height, width = np.frombuffer(data, ">u4", 3, 4)
    return np.frombuffer(data, np.uint8, offset=16).reshape(count, height, width, 1)[:most]


def synthetic(count: int, shape: tuple):
    """Images of random patches, (N, H, W, C)."""
    import numpy as np

    channels, height, width = shape
    patches = (count, -(-height // 4), -(-width // 4), channels)
    patches = np.random.default_rng(1).integers(0, 256, patches, np.uint8)
    return patches.repeat(4, axis=1).repeat(4, axis=2)[:, :height, :width]
