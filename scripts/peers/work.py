"""What all peers share: the work of a step, as the program's own words describe it."""

import resource
import sys
from pathlib import Path


def parts(layer: str) -> tuple:
    """A layer's name and the parts behind it, from the words of `autoencode summary`."""
    name, _, rest = layer.partition(" ")
    if rest.startswith("["):
        return name, [int(size) for size in rest.strip("[]").split(",")]
    return name, rest.split(", ") if rest else []


def has_images(network: dict) -> bool:
    """Whether any layer reads or gives images, whose memory format then matters."""
    return network["encoder"][0] != "flatten"


def ends_in_sigmoid(network: dict) -> bool:
    return network["decoder"][-1] == "sigmoid"


def read_images(job: dict):
    """The images as (N, H, W, C) floats in [0,1]; for training whole batches of them, with the copies under
    noise of a recipe that adds such."""
    import numpy as np

    images = np.load(job["images"]).astype(np.float32) / 255
    if job["kind"] == "inference":
        return images
    corruption = job["recipe"]["corruption"]
    if corruption.get("added"):
        noise = np.random.default_rng(1).standard_normal(images.shape, np.float32)
        images = np.concatenate([images, np.clip(images + corruption["factor"] * noise, 0, 1)])
    size = job["recipe"]["training"]["batch_size"]
    return images[: len(images) // size * size]


def step_noise(recipe: dict) -> float:
    """The factor of noise that is drawn in every step; 0 without."""
    corruption = recipe["corruption"]
    return corruption["factor"] if corruption.get("draw") == "every-epoch" else 0.0


def warm_up(steps: int) -> int:
    return max(5, steps // 5)


def peak_memory_mb() -> float:
    """The largest resident set of this process. Linux' ru_maxrss counts the parent's before exec as well."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
