#!/usr/bin/env python3
"""Train a recipe's network with this program and with PyTorch at the same settings, and compare.

Both see the same images (the program's validation images are left out in PyTorch too), the same batch
size, noise factor, initial distribution, Adam settings and schedule; random numbers differ. Each is
measured on the noisy test set after training.

    python3 -m venv .venv && .venv/bin/pip install numpy torch
    .venv/bin/python scripts/compare_pytorch.py --data DIR --seeds 1 2 3

DIR holds the IDX files of MNIST, raw or gzipped. Needs `cargo build --release` first.
"""

import argparse
import gzip
import json
import math
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

# One epoch with Keras' Adam at its constant rate.
TUTORIAL = ["training.epochs=1", "schedule={kind='constant'}", "optimizer.lr=1e-3", "optimizer.beta2=0.999"]
BINARY = Path(__file__).resolve().parent.parent / "target" / "release" / "autoencode"


def read_idx(folder: Path, name: str) -> np.ndarray:
    """The images of an IDX file as (N, 1, H, W) in [0,1]."""
    path = folder / name
    data = path.read_bytes() if path.exists() else gzip.open(f"{path}.gz").read()
    count, height, width = np.frombuffer(data, ">u4", 3, 4)
    pixels = np.frombuffer(data, np.uint8, offset=16)
    return pixels.reshape(count, 1, height, width).astype(np.float32) / 255


def network(init: str) -> nn.Module:
    """conv-denoiser without its final sigmoid."""
    conv = lambda a, b: nn.Conv2d(a, b, 3, padding=1)
    model = nn.Sequential(
        conv(1, 32), nn.ReLU(), nn.MaxPool2d(2),
        conv(32, 64), nn.ReLU(), nn.MaxPool2d(2),
        conv(64, 128), nn.ReLU(),
        conv(128, 128), nn.ReLU(), nn.Upsample(scale_factor=2),
        conv(128, 64), nn.ReLU(), nn.Upsample(scale_factor=2),
        conv(64, 1),
    )
    if init == "glorot-uniform":
        for layer in model:
            if isinstance(layer, nn.Conv2d):
                nn.init.xavier_uniform_(layer.weight)
                nn.init.zeros_(layer.bias)
    return model


def noisy(clean: torch.Tensor, factor: float, generator: torch.Generator) -> torch.Tensor:
    noise = torch.randn(clean.shape, generator=generator)
    return (clean + factor * noise).clamp(0, 1)


def factor_at(step: int, total: int, schedule: dict) -> float:
    if schedule["kind"] == "constant":
        return 1.0
    warmup = min(schedule["warmup_steps"], total // 2)
    if step < warmup:
        return (step + 1) / (warmup + 1)
    progress = (step - warmup) / (total - warmup)
    low = schedule["final_fraction"]
    return low + (1 - low) * 0.5 * (1 + math.cos(math.pi * progress))


def train_pytorch(images, test, recipe, seed: int):
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    model = network(recipe["network"]["init"]).to(memory_format=torch.channels_last)
    settings = recipe["optimizer"]
    optimizer = torch.optim.Adam(
        model.parameters(), settings["lr"], (settings["beta1"], settings["beta2"]), settings["epsilon"]
    )
    size = recipe["training"]["batch_size"]
    epochs = recipe["training"]["epochs"]
    noise = recipe["corruption"]["factor"]
    steps = math.ceil(len(images) / size)
    start, step = time.time(), 0
    for _ in range(epochs):
        order = torch.randperm(len(images), generator=generator)
        for indices in order.split(size):
            clean = images[indices]
            logits = model(noisy(clean, noise, generator).contiguous(memory_format=torch.channels_last))
            loss = functional.binary_cross_entropy_with_logits(logits, clean)
            optimizer.zero_grad()
            loss.backward()
            factor = factor_at(step, steps * epochs, recipe["schedule"])
            for group in optimizer.param_groups:
                group["lr"] = settings["lr"] * factor
            optimizer.step()
            step += 1
    seconds = time.time() - start
    bce, psnr = 0.0, 0.0
    generator.manual_seed(0)
    with torch.no_grad():
        for clean in test.split(500):
            logits = model(noisy(clean, noise, generator))
            bce += functional.binary_cross_entropy_with_logits(logits, clean, reduction="sum").item()
            mse = (logits.sigmoid() - clean).square().flatten(1).mean(1)
            psnr += (-10 * mse.log10()).sum().item()
    return bce / test.numel(), psnr / len(test), seconds


def train_ours(data: Path, settings: list, seed: int):
    with tempfile.TemporaryDirectory() as folder:
        command = [str(BINARY), "train", "conv-denoiser", "--data", str(data), "--seed", str(seed)]
        command += ["--output", f"{folder}/run", "--json", "--quiet"]
        for setting in settings:
            command += ["--set", setting]
        start = time.time()
        report = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        quality = report["test"]["output"]
        return quality["bce_per_pixel"], quality["psnr_db"], time.time() - start, report["best_validation_loss"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--set", dest="settings", action="append", default=[],
                        help="recipe keys, as for `autoencode train` [default: %s]" % " ".join(TUTORIAL))
    parser.add_argument("--only", choices=["ours", "pytorch"])
    arguments = parser.parse_args()
    settings = arguments.settings or TUTORIAL

    # The resolved recipe, with every default filled in, comes from the program itself.
    command = [str(BINARY), "recipes", "conv-denoiser", "--json"]
    for setting in settings:
        command += ["--set", setting]
    recipe = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    print("settings:", " ".join(settings))

    train = read_idx(arguments.data, "train-images-idx3-ubyte")
    test = torch.from_numpy(read_idx(arguments.data, "t10k-images-idx3-ubyte"))
    held_out = min(5000, len(train) // 10)
    results = {"ours": [], "pytorch": []}
    for seed in arguments.seeds:
        if arguments.only != "pytorch":
            bce, psnr, seconds, validation = train_ours(arguments.data, settings, seed)
            results["ours"].append(bce)
            print(f"autoencode, seed {seed}: test BCE {bce:.4f}, {psnr:.2f} dB "
                  f"(validation BCE {validation:.4f}), {seconds:.0f} s", flush=True)
        if arguments.only != "ours":
            chosen = np.random.default_rng(seed).permutation(len(train))[held_out:]
            images = torch.from_numpy(train[chosen])
            bce, psnr, seconds = train_pytorch(images, test, recipe, seed)
            results["pytorch"].append(bce)
            print(f"PyTorch {torch.__version__}, seed {seed}: test BCE {bce:.4f}, {psnr:.2f} dB, "
                  f"{seconds:.0f} s", flush=True)
    for name, values in results.items():
        if values:
            print(f"mean of {len(values)}, {name}: {statistics.mean(values):.4f}")


if __name__ == "__main__":
    main()
