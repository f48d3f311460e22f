#!/usr/bin/env python3
"""Load a checkpoint into PyTorch and show that it computes what this program computes.

It knows the families conv and dense, with activations that have no parameters.

The checkpoint's tensors go into nn.Sequential modules by name, unchanged; both then see the same
noisy digits, and the largest difference of any output value is printed (exit code 1 above 1e-5).

    python3 -m venv .venv && .venv/bin/pip install numpy torch safetensors
    .venv/bin/python scripts/check_pytorch.py [--checkpoint FILE]

Needs `cargo build --release` first.
"""

import argparse
import gzip
import json
import struct
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from torch import nn

ROOT = Path(__file__).resolve().parent.parent
BINARY = ROOT / "target" / "release" / "autoencode"
DIGITS = ROOT / "assets" / "mnist-sample" / "t10k-images-idx3-ubyte.gz"


def activation(name: str) -> nn.Module:
    return {"relu": nn.ReLU, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "leaky-relu": nn.LeakyReLU}[name]()


def conv_layers(network: dict):
    """Encoder and decoder of the conv family, as the program lists them."""
    kernel, scale = network["kernel"], network["scale"]
    channels = network["input"][0]
    encoder, decoder = [], []
    before = channels
    for place, width in enumerate(network["encoder"]):
        if place > 0:
            encoder.append(nn.MaxPool2d(scale))
        encoder += [nn.Conv2d(before, width, kernel, padding=kernel // 2), activation(network["activation"])]
        before = width
    for width in network["decoder"]:
        decoder += [nn.Conv2d(before, width, kernel, padding=kernel // 2), activation(network["activation"]),
                    nn.Upsample(scale_factor=scale)]
        before = width
    decoder += [nn.Conv2d(before, channels, kernel, padding=kernel // 2), activation(network["output_activation"])]
    return encoder, decoder


def dense_layers(network: dict):
    """Encoder and decoder of the dense family, as the program lists them."""
    shape = network["input"]
    before = int(np.prod(shape))
    encoder, decoder = [nn.Flatten()], []
    for units in network["encoder"]:
        encoder += [nn.Linear(before, units), activation(network["activation"])]
        before = units
    for units in network.get("decoder") or network["encoder"][-2::-1]:
        decoder += [nn.Linear(before, units), activation(network["activation"])]
        before = units
    decoder += [nn.Linear(before, int(np.prod(shape))), nn.Unflatten(1, shape),
                activation(network["output_activation"])]
    return encoder, decoder


def write_png(path: Path, image: np.ndarray):
    """An 8-bit grey PNG."""
    height, width = image.shape
    rows = b"".join(b"\0" + row.tobytes() for row in image)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows))
                     + chunk(b"IEND", b""))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, default=ROOT / "models" / "conv-denoiser.safetensors")
    parser.add_argument("--count", type=int, default=100)
    arguments = parser.parse_args()

    with safe_open(arguments.checkpoint, "pt") as file:
        recipe = json.loads(file.metadata()["autoencode"])["recipe"]
        tensors = {name: file.get_tensor(name) for name in file.keys() if not name.startswith("optimizer.")}
    network = recipe["network"]
    encoder, decoder = {"conv": conv_layers, "dense": dense_layers}[network["family"]](network)
    model = nn.Module()
    model.encoder, model.decoder = nn.Sequential(*encoder), nn.Sequential(*decoder)
    model.load_state_dict(tensors)

    data = gzip.decompress(DIGITS.read_bytes())
    digits = np.frombuffer(data, np.uint8, offset=16).reshape(-1, 28, 28)[: arguments.count]
    noise = np.random.default_rng(1).normal(0, 0.5 * 255, digits.shape)
    noisy = np.clip(digits + noise, 0, 255).astype(np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        (folder / "in").mkdir()
        for place, image in enumerate(noisy):
            write_png(folder / "in" / f"{place:04}.png", image)
        subprocess.run(
            [BINARY, "infer", folder / "in", "--checkpoint", arguments.checkpoint, "--fit", "none", "--quiet",
             "--output", folder / "out", "--npy", folder / "out.npy"],
            check=True,
        )
        ours = np.load(folder / "out.npy")
    with torch.no_grad():
        inputs = torch.from_numpy(noisy.astype(np.float32) / 255)[:, None]
        theirs = model.decoder(model.encoder(inputs)).numpy()
    difference = float(np.abs(ours - theirs).max())
    print(f"{recipe['name']}: {len(tensors)} tensors loaded by name into nn.Sequential; "
          f"largest difference over {ours.size:,} output values: {difference:.2e}")
    return 0 if difference <= 1e-5 else 1


if __name__ == "__main__":
    sys.exit(main())
