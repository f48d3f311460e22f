#!/usr/bin/env python3
"""Time this program beside PyTorch and Keras on the same machine: training steps, inference, cold start.

A step is all that training does for a batch, of every peer: samples drawn and put together, noise
where the recipe has it, forward pass, BCE on logits, backward pass, Adam. (A recipe whose noise is drawn
once has it added before the clock starts in the Python peers, as one would write it there; the schedule
of the learning rate, a multiplication a step, is left out of them.) The peers take turns: every round
measures every peer once, each in a fresh process, so that what else the machine does meets all alike.
Reported are the median over rounds of each process' median, and the lowest and highest in brackets.
Warm-up steps, and with them all compiling, are left out. Peak memory is the largest resident set of
the process, frameworks and data included. PyTorch's bf16 and compiled networks of convolutions are
channels_last as well.

    scripts/bench_peers.py                        # everything, half an hour or more on 2 cores
    scripts/bench_peers.py --only dense-32 --peers autoencode torch keras-jax --rounds 5
    scripts/bench_peers.py --markdown --json peers.json --data DIR

The peers are installed once into a virtual environment of their own (--venv: 6 GB, a few minutes). Python 3.11
or newer; Linux or macOS. Needs `cargo build --release` first. DIR holds the IDX files of MNIST, raw or gzipped;
without it the peers see synthetic images, which take the same time: no operation's time depends on the
values. (`autoencode bench` has digits built in.)
"""

import argparse
import dataclasses
import gzip
import json
import math
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

TENSORFLOW = "tensorflow-cpu" if sys.platform == "linux" else "tensorflow"
# PyTorch's wheel for Linux on PyPI is built with CUDA, and does not load without CUDA's libraries. It does
# without Triton, cuSOLVER and the rest, and compiles for the CPU: 1.5 GB less than what pip would take.
PACKAGES = ["numpy==2.4.6", "pillow==13.0.0", "safetensors==0.8.0",
            "keras==3.15.1", f"{TENSORFLOW}==2.21.0", "jax==0.10.2"]
TORCH = "torch==2.15.0"
TORCH_ON_LINUX = ["filelock", "typing-extensions", "setuptools", "sympy", "networkx", "jinja2", "fsspec",
                  "cuda-toolkit[cublas,cudart,cufft,cufile,cupti,cusparse,nvjitlink,nvrtc]==13.2.2",
                  "nvidia-cudnn-cu13==9.26.0.51", "nvidia-cusparselt-cu13==0.8.1",
                  "nvidia-nccl-cu13==2.30.7", "nvidia-nvshmem-cu13==3.7.2"]

COLOUR = """\
name = "conv-64x64"
description = "Convolutional autoencoder of 64x64 colour images"
data = { validation = "test" }
network = { family = "conv", encoder = [32, 64, 128], decoder = [128, 64] }
objective = { reconstruction = "bce" }
optimizer = { kind = "adam", lr = 1e-3 }
training = { epochs = 1, batch_size = 64 }
"""


@dataclasses.dataclass(frozen=True)
class Network:
    """What is trained. All sizes but the images' are read from the recipe by every peer."""

    #: Channels, height and width.
    shape: tuple
    #: Timed steps for each of --steps: short ones need more for a steady median.
    repeat: float
    #: Text of a recipe that does not ship with the program.
    recipe: str | None = None


NETWORKS = {
    "conv-denoiser": Network((1, 28, 28), 1),
    "dense-32": Network((1, 28, 28), 20),
    "deep-denoise": Network((1, 28, 28), 10),
    "conv-64x64": Network((3, 64, 64), 0.5, COLOUR),
}

DIGITS = 10_000
INFERENCE_NETWORK = "conv-denoiser"
INFERENCE_BATCHES = [64, 128, 256, 500, 1000]
COLD_STARTS = 10
COLD_START_DIGIT = ROOT / "assets" / "digits" / "9-plain.png"
# Batches of images in a file that is made for a network.
BATCHES = 11


# --- What the Python peers share ---------------------------------------------------------------------


def layers(network: dict, shape: list) -> tuple:
    """Encoder and decoder of a recipe, as (kind, size) pairs; the last one gives logits."""
    assert network["activation"] == "relu" and network["output_activation"] == "sigmoid"
    encoder, decoder = [], []
    if network["family"] == "dense":
        encoder.append(("flatten", None))
        mirrored = network["encoder"][-2::-1]
        for part, sizes in [(encoder, network["encoder"]), (decoder, network.get("decoder", mirrored))]:
            for size in sizes:
                part += [("dense", size), ("relu", None)]
        decoder.append(("dense", math.prod(shape)))
        return encoder, decoder
    for place, size in enumerate(network["encoder"]):
        encoder += ([("pool", 2)] if place else []) + [("conv", size), ("relu", None)]
    for size in network["decoder"]:
        decoder += [("conv", size), ("relu", None), ("upsample", 2)]
    decoder.append(("conv", shape[0]))
    return encoder, decoder


def read_images(job: dict):
    """The images as (N, H, W, C) floats in [0,1]; for training whole batches of them, with the copies under
    noise of a recipe that adds such."""
    import numpy as np

    images = np.load(job["images"]).astype(np.float32) / 255
    if job["kind"] != "training":
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


# --- PyTorch -----------------------------------------------------------------------------------------


def torch_network(recipe: dict, shape: list):
    from torch import nn

    size, channels = math.prod(shape), shape[0]

    def build(kind, value):
        nonlocal size, channels
        if kind == "dense":
            layer, size = nn.Linear(size, value), value
        elif kind == "conv":
            layer, channels = nn.Conv2d(channels, value, 3, padding=1), value
        else:
            layer = {"flatten": nn.Flatten, "relu": nn.ReLU, "pool": lambda: nn.MaxPool2d(value),
                     "upsample": lambda: nn.Upsample(scale_factor=value)}[kind]()
        return layer

    model = nn.Sequential()
    for name, part in zip(["encoder", "decoder"], layers(recipe["network"], shape)):
        model.add_module(name, nn.Sequential(*[build(*layer) for layer in part]))
    return model


def torch_setup(job: dict):
    """Network, images in the order of the mode's memory format, and the context of its forward pass."""
    import torch

    torch.manual_seed(1)
    torch.set_num_threads(job["threads"])
    mode = job["mode"]
    model = torch_network(job["recipe"], job["shape"])
    images = torch.from_numpy(read_images(job))
    if job["recipe"]["network"]["family"] == "dense":
        images = images.flatten(1)
    elif mode == "eager":
        images = images.permute(0, 3, 1, 2).contiguous()
    else:
        # Batches are taken from (N, H, W, C) and seen as channels_last, so that none is copied twice.
        model = model.to(memory_format=torch.channels_last)
    nhwc = images.dim() == 4 and mode != "eager"
    autocast = torch.autocast("cpu", dtype=torch.bfloat16, enabled=mode == "bf16")
    return model, images, (lambda batch: batch.permute(0, 3, 1, 2) if nhwc else batch), autocast


def measure_torch(job: dict) -> dict:
    """Milliseconds of each training step."""
    import torch
    from torch.nn.functional import binary_cross_entropy_with_logits

    model, images, arrange, autocast = torch_setup(job)
    recipe = job["recipe"]
    size, factor = recipe["training"]["batch_size"], step_noise(recipe)
    # Of the three forms of Adam the fused one is the fastest on a CPU, by a factor of 3 and more.
    settings = recipe["optimizer"]
    optimizer = torch.optim.Adam(model.parameters(), settings["lr"], (settings["beta1"], settings["beta2"]),
                                 settings["epsilon"], fused=True)

    def loss_of(clean):
        seen = clean
        if factor:
            seen = torch.randn_like(clean).mul_(factor).add_(clean).clamp_(0, 1)
        with autocast:
            logits = model(seen)
        return binary_cross_entropy_with_logits(logits.float(), clean)

    if job["mode"] == "compile":
        loss_of = torch.compile(loss_of, dynamic=False)
    total, times = torch.zeros(()), []
    while len(times) < warm_up(job["steps"]) + job["steps"]:
        for indices in torch.randperm(len(images)).split(size):
            start = time.perf_counter()
            loss = loss_of(arrange(images.index_select(0, indices)))
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            total += loss.detach()
            times.append((time.perf_counter() - start) * 1e3)
    assert total.isfinite()
    return {"ms_per_step": times[warm_up(job["steps"]):][: job["steps"]], "peak_memory_mb": peak_memory_mb()}


def infer_torch(job: dict) -> dict:
    """Seconds to reconstruct all images, at the batch size that is the fastest of some."""
    import torch

    model, images, arrange, autocast = torch_setup(job)
    if job["mode"] == "compile":
        model = torch.compile(model, dynamic=False)

    def seconds(images, size):
        start = time.perf_counter()
        with torch.inference_mode(), autocast:
            for batch in images.split(size):
                model(arrange(batch)).float().sigmoid_()
        return time.perf_counter() - start

    trial = {}
    for size in INFERENCE_BATCHES:
        # Whole batches only; the first pass warms up, and compiles for this size.
        some = images[: max(INFERENCE_BATCHES)][: max(INFERENCE_BATCHES) // size * size]
        seconds(some, size)
        trial[size] = seconds(some, size) / len(some)
    best = min(trial, key=trial.get)
    seconds(images, best)
    return {"images": len(images), "seconds": seconds(images, best), "batch_size": best,
            "peak_memory_mb": peak_memory_mb()}


def cold_start_torch(job: dict) -> dict:
    """One digit from PNG to PNG through the shipped denoiser; the parent times the whole process."""
    import numpy as np
    import torch
    from PIL import Image
    from safetensors.torch import load_file

    torch.set_num_threads(job["threads"])
    model = torch_network(job["recipe"], job["shape"])
    model.load_state_dict(load_file(job["weights"]))
    image = Image.open(job["input"]).convert("L").resize(job["shape"][:0:-1])
    pixels = torch.from_numpy(np.asarray(image, np.float32) / 255)
    with torch.inference_mode():
        result = model(pixels[None, None])[0, 0].sigmoid()
    Image.fromarray((result * 255).round().to(torch.uint8).numpy()).save(job["output"])
    return {}


# --- Keras -------------------------------------------------------------------------------------------


def measure_keras(job: dict) -> dict:
    """Milliseconds a step of `fit`, one figure for every return to Python."""
    os.environ["KERAS_BACKEND"] = job["mode"]
    if job["mode"] == "tensorflow":
        import tensorflow

        tensorflow.config.threading.set_intra_op_parallelism_threads(job["threads"])
        tensorflow.config.threading.set_inter_op_parallelism_threads(job["threads"])
    import keras

    images, recipe = read_images(job), job["recipe"]
    dense = recipe["network"]["family"] == "dense"
    # The fastest that was found. Keras comes back to Python once in so many steps, which short ones need most.
    # XLA, which JAX always uses, makes TensorFlow's dense steps faster and its convolutions slower.
    together = 20 if dense else 5
    jit = True if dense else "auto"
    if dense:
        images = images.reshape(len(images), -1)
    build = {
        "flatten": lambda _: keras.layers.Flatten(),
        "relu": lambda _: keras.layers.ReLU(),
        "dense": keras.layers.Dense,
        "conv": lambda channels: keras.layers.Conv2D(channels, 3, padding="same"),
        "pool": keras.layers.MaxPooling2D,
        "upsample": keras.layers.UpSampling2D,
    }
    model = keras.Sequential([keras.Input(images.shape[1:])])
    if factor := step_noise(recipe):
        model.add(keras.layers.GaussianNoise(factor))
        model.add(keras.layers.ReLU(max_value=1.0))
    for part in layers(recipe["network"], job["shape"]):
        for kind, value in part:
            model.add(build[kind](value))
    settings = recipe["optimizer"]
    model.compile(
        keras.optimizers.Adam(settings["lr"], settings["beta1"], settings["beta2"], settings["epsilon"]),
        keras.losses.BinaryCrossentropy(from_logits=True),
        steps_per_execution=together,
        jit_compile=jit,
    )
    steps = math.ceil((warm_up(job["steps"]) + job["steps"]) / together)
    times = []

    class Clock(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.last = None

        def on_train_batch_end(self, batch, logs=None):
            # Reading the loss waits for the steps: backends may run ahead of Python.
            assert math.isfinite(logs["loss"])
            now = time.perf_counter()
            if self.last is not None:
                times.append((now - self.last) * 1e3 / together)
            self.last = now
            self.model.stop_training = len(times) >= steps

    size = recipe["training"]["batch_size"]
    whole = size * together
    images = images[: len(images) // whole * whole]
    model.fit(images, images, batch_size=size, epochs=steps, verbose=0, callbacks=[Clock()])
    times = times[math.ceil(warm_up(job["steps"]) / together):]
    return {"ms_per_step": times, "peak_memory_mb": peak_memory_mb()}


# --- This program ------------------------------------------------------------------------------------


def run_program(job: dict, *arguments) -> str:
    command = [job["binary"], *map(str, arguments), "--device", "cpu", "--threads", str(job["threads"])]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(next(iter(done.stderr.strip().splitlines()), f"exit code {done.returncode}"))
    return done.stdout


def measure_program(job: dict) -> dict:
    """`bench`, on the digits that it has built in or on the images of a file."""
    data = ["--data", job["images"]] if job["own_images"] else []
    report = json.loads(run_program(job, "bench", job["source"], *data, "--steps", job["steps"], "--json"))
    return {"ms_per_step": [report["ms_per_step_median"]], "peak_memory_mb": report["peak_memory_mb"]}


def infer_program(job: dict) -> dict:
    """Reconstructions, none of them written."""
    report = json.loads(run_program(job, "bench", job["source"], "--inference", "--json"))
    return {key: report.get(key) for key in ["images", "seconds", "batch_size", "peak_memory_mb"]}


# --- The peers in turn -------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Peer:
    title: str
    mode: str
    measure: callable
    infer: callable = None


PEERS = {
    "autoencode": Peer("autoencode", "", measure_program, infer_program),
    "torch": Peer("PyTorch, eager", "eager", measure_torch, infer_torch),
    "torch-channels-last": Peer("PyTorch, channels_last", "channels_last", measure_torch, infer_torch),
    "torch-bf16": Peer("PyTorch, bf16 autocast", "bf16", measure_torch, infer_torch),
    "torch-compile": Peer("PyTorch, torch.compile", "compile", measure_torch, infer_torch),
    "keras-tensorflow": Peer("Keras on TensorFlow", "tensorflow", measure_keras),
    "keras-jax": Peer("Keras on JAX", "jax", measure_keras),
}


def why_not(peer: str, family: str) -> str | None:
    """Why a peer is not measured, if so."""
    if peer == "torch-compile" and not shutil.which(os.environ.get("CXX", "g++")) and not shutil.which("clang++"):
        return "no C++ compiler"
    if peer == "torch-channels-last" and family == "dense":
        return "the same as eager: a dense network has no channels"
    return None


def child():
    """Does the job on standard input, in a process of its own, and prints the result as the last line."""
    job = json.loads(sys.stdin.read())
    peer = PEERS[job["peer"]]
    work = {"training": peer.measure, "inference": peer.infer, "cold-start": cold_start_torch}[job["kind"]]
    print("\n" + json.dumps(work(job)))


def in_child(job: dict) -> dict:
    environment = dict(os.environ)
    for name in ["OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"]:
        environment[name] = str(job["threads"])
    # No talk of missing GPUs, and no use of one: this is about CPUs.
    environment |= {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu",
                    "TORCHINDUCTOR_CACHE_DIR": job["cache"]}
    done = subprocess.run([sys.executable, __file__, "--child"], input=json.dumps(job), env=environment,
                          capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(next(reversed(done.stderr.strip().splitlines()), f"exit code {done.returncode}"))
    return json.loads(done.stdout.strip().splitlines()[-1])


def say(text: str):
    print(text, file=sys.stderr, flush=True)


class Turns:
    """Measurements of named things in turn: a list of results of each, and why others have none."""

    def __init__(self, rounds: int):
        self.rounds = rounds
        self.results = {}
        self.skipped = {}

    def skip(self, name: str, why: str):
        self.skipped[name] = why
        say(f"skipped: {name}: {why}")

    def run(self, tasks: dict):
        """`tasks` maps names to functions. Whoever was first in a round is last in the next."""
        names = list(tasks)
        for round in range(self.rounds):
            turn = round % max(len(names), 1)
            for name in names[turn:] + names[:turn]:
                if name in self.skipped:
                    continue
                start = time.time()
                try:
                    self.results.setdefault(name, []).append(tasks[name]())
                except RuntimeError as error:
                    self.skip(name, str(error))
                    self.results.pop(name, None)
                else:
                    latest = self.results[name][-1]
                    figure = (f"{statistics.median(latest['ms_per_step']):.2f} ms a step" if "ms_per_step" in latest
                              else f"{latest['seconds']:.2f} s")
                    say(f"round {round + 1} of {self.rounds}: {name}: {figure} ({time.time() - start:.0f} s in all)")


def figures(results: list, of) -> dict:
    """Median, lowest and highest of a figure over the rounds."""
    values = [of(result) for result in results]
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def measure_training(arguments, jobs: dict, turns: Turns) -> list:
    tasks, rows = {}, []
    for network in arguments.only:
        for peer in arguments.peers:
            job = jobs[network] | {"peer": peer, "kind": "training", "mode": PEERS[peer].mode}
            if why := why_not(peer, job["recipe"]["network"]["family"]):
                turns.skip(f"{network}, {peer}", why)
            elif peer == "autoencode":
                tasks[f"{network}, {peer}"] = lambda job=job: measure_program(job)
            else:
                tasks[f"{network}, {peer}"] = lambda job=job: in_child(job)
    turns.run(tasks)
    for network in arguments.only:
        for peer in arguments.peers:
            if results := turns.results.get(f"{network}, {peer}"):
                rows.append({
                    "network": network, "peer": peer, "batch_size": jobs[network]["recipe"]["training"]["batch_size"],
                    "ms_per_step": figures(results, lambda result: statistics.median(result["ms_per_step"])),
                    "peak_memory_mb": max(result["peak_memory_mb"] for result in results),
                })
    return rows


def measure_inference(arguments, job: dict, turns: Turns) -> list:
    tasks, rows = {}, []
    for peer in arguments.peers:
        if not PEERS[peer].infer:
            continue
        mine = job | {"peer": peer, "kind": "inference", "mode": PEERS[peer].mode}
        if why := why_not(peer, "conv"):
            turns.skip(f"inference, {peer}", why)
        else:
            run = infer_program if peer == "autoencode" else in_child
            tasks[f"inference, {peer}"] = lambda mine=mine, run=run: run(mine)
    turns.run(tasks)
    for peer in arguments.peers:
        if results := turns.results.get(f"inference, {peer}"):
            rows.append({
                "peer": peer, "images": results[0]["images"], "batch_size": results[-1]["batch_size"],
                "seconds": figures(results, lambda result: result["seconds"]),
                "peak_memory_mb": max((result["peak_memory_mb"] or 0) for result in results) or None,
            })
    return rows


def measure_cold_start(arguments, job: dict, work: Path) -> list:
    """The best wall time of whole processes, by turns."""
    def program():
        run_program(job, "infer", COLD_START_DIGIT, "--output", work / "denoised", "--force", "--quiet")

    def pytorch():
        in_child(job | {"peer": "torch", "kind": "cold-start", "input": str(COLD_START_DIGIT),
                        "output": str(work / "pytorch.png"),
                        "weights": str(ROOT / "models" / "conv-denoiser.safetensors")})

    starts = {"autoencode": program, "torch": pytorch}
    starts = {peer: start for peer, start in starts.items() if peer in arguments.peers}
    times = {peer: [] for peer in starts}
    for _ in range(COLD_STARTS):
        for peer, start in starts.items():
            begun = time.perf_counter()
            start()
            times[peer].append(time.perf_counter() - begun)
    return [{"peer": peer, "seconds": figures(values, float)} for peer, values in times.items()]


# --- Images and jobs ---------------------------------------------------------------------------------


def read_idx(folder: Path):
    import numpy as np

    path = folder / "train-images-idx3-ubyte"
    data = path.read_bytes() if path.exists() else gzip.open(f"{path}.gz").read()
    count, height, width = np.frombuffer(data, ">u4", 3, 4)
    return np.frombuffer(data, np.uint8, offset=16).reshape(count, height, width, 1)[:DIGITS]


def synthetic(count: int, shape: tuple):
    """Images of random patches, (N, H, W, C)."""
    import numpy as np

    channels, height, width = shape
    patches = np.random.default_rng(1).integers(0, 256, (count, height // 4, width // 4, channels), np.uint8)
    return patches.repeat(4, axis=1).repeat(4, axis=2)


def prepare(arguments, work: Path) -> dict:
    """Writes images and recipes; gives each network's job, without peer and mode."""
    import numpy as np

    digits = work / "digits.npy"
    np.save(digits, read_idx(arguments.data) if arguments.data else synthetic(DIGITS, (1, 28, 28)))
    jobs = {}
    for name in {*arguments.only, INFERENCE_NETWORK}:
        network = NETWORKS[name]
        job = {"network": name, "shape": network.shape, "threads": arguments.threads,
               "binary": str(arguments.binary), "cache": str(work / "inductor"), "source": name,
               "steps": max(5, round(arguments.steps * network.repeat)), "images": str(digits), "own_images": bool(network.recipe)}
        if network.recipe:
            job["source"] = str(work / f"{name}.toml")
            Path(job["source"]).write_text(network.recipe)
        job["recipe"] = json.loads(run_program(job, "recipes", job["source"], "--json"))
        if network.recipe:
            size = job["recipe"]["training"]["batch_size"]
            job["images"] = str(work / f"{name}.npy")
            np.save(job["images"], synthetic(size * BATCHES, network.shape))
        jobs[name] = job
    return jobs


# --- The report --------------------------------------------------------------------------------------


def cpu_name() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def spread(figure: dict, scale: float = 1.0) -> str:
    digits = 2 if figure["median"] * scale < 10 else 1
    return "{:.{d}f} ({:.{d}f} to {:.{d}f})".format(
        *(figure[key] * scale for key in ["median", "min", "max"]), d=digits)


def tables(report: dict) -> list:
    """(header, rows) of each table. The ratio is to the fastest of the other programs."""
    def ratio(rows, row, key):
        others = [other[key]["median"] for other in rows if other["peer"] != "autoencode"]
        return f"{row[key]['median'] / min(others):.2f}" if others else "-"

    memory = lambda row: f"{row['peak_memory_mb']:.0f} MB" if row["peak_memory_mb"] else "-"
    training = []
    for row in report["training"]:
        same = [other for other in report["training"] if other["network"] == row["network"]]
        training.append([f"{row['network']}, batch {row['batch_size']}", PEERS[row["peer"]].title,
                         spread(row["ms_per_step"]), ratio(same, row, "ms_per_step"), memory(row)])
    inference = [[f"{row['images']:,} digits, batch {row['batch_size'] or '-'}", PEERS[row["peer"]].title,
                  spread(row["seconds"]), ratio(report["inference"], row, "seconds"), memory(row)]
                 for row in report["inference"]]
    cold = [["one digit, PNG to PNG", PEERS[row["peer"]].title, f"{row['seconds']['min'] * 1e3:.0f}"]
            for row in report["cold_start"]]
    last = ["ratio to the best peer", "peak memory"]
    return [(header, rows) for header, rows in [
        (["network", "mode", "ms a step", *last], training),
        (["inference", "mode", "seconds", *last], inference),
        (["cold start", "mode", f"ms, best of {COLD_STARTS}"], cold),
    ] if rows]


def render(report: dict, markdown: bool) -> str:
    text = [f"{report['date']}, {report['cpu']}, {report['threads']} threads, {report['rounds']} rounds, "
            f"load {report['load_before']} before; "
            + ", ".join(report["versions"])]
    for header, rows in tables(report):
        text.append("")
        if markdown:
            text += [f"| {' | '.join(cells)} |" for cells in [header, ["---"] * len(header), *rows]]
            continue
        widths = [max(map(len, column)) for column in zip(header, *rows)]
        text += ["  ".join(cell.ljust(width) for cell, width in zip(cells, widths)).rstrip()
                 for cells in [header, *rows]]
    if report["skipped"]:
        text += ["", *(f"skipped: {name}: {why}" for name, why in report["skipped"].items())]
    return "\n".join(text)


# --- Start -------------------------------------------------------------------------------------------


def enter(venv: Path):
    """Goes on inside the virtual environment, which is made first where it does not stand yet."""
    if Path(sys.prefix).resolve() == venv.resolve():
        return
    on_linux = sys.platform == "linux"
    wanted = "\n".join([*PACKAGES, TORCH, *(TORCH_ON_LINUX if on_linux else [])])
    mark, python = venv / "peers.txt", venv / "bin" / "python"
    if not mark.exists() or mark.read_text() != wanted:
        say(f"installing the peers into {venv}, once")
        start = time.time()
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*install, *PACKAGES, *(TORCH_ON_LINUX if on_linux else [])], check=True)
        subprocess.run([*install, *(["--no-deps"] if on_linux else []), TORCH], check=True)
        mark.write_text(wanted)
        say(f"installed in {time.time() - start:.0f} seconds")
    os.execv(python, [str(python), __file__, *sys.argv[1:]])


def main():
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="turns of every peer [default: 3]")
    parser.add_argument("--steps", type=int, default=30,
                        help="timed steps of the middle network; short ones take more [default: 30]")
    parser.add_argument("--threads", type=int, default=cores, help="of every peer [default: all cores]")
    parser.add_argument("--only", nargs="+", choices=NETWORKS, default=list(NETWORKS), metavar="NETWORK",
                        help=f"of {', '.join(NETWORKS)} [default: all]")
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=list(PEERS), metavar="PEER",
                        help=f"of {', '.join(PEERS)} [default: all]")
    parser.add_argument("--no-inference", action="store_true",
                        help=f"training steps only; inference is that of {INFERENCE_NETWORK}")
    parser.add_argument("--data", type=Path, metavar="DIR", help="IDX files of MNIST [default: synthetic images]")
    parser.add_argument("--binary", type=Path, default=ROOT / "target" / "release" / "autoencode",
                        help="this program [default: target/release/autoencode]")
    parser.add_argument("--venv", type=Path, default=ROOT / ".venv-peers", metavar="DIR",
                        help="virtual environment of the peers [default: .venv-peers]")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write all figures")
    parser.add_argument("--markdown", action="store_true", help="print tables for a README")
    arguments = parser.parse_args()
    if not arguments.binary.is_file():
        parser.error(f"{arguments.binary}: no such file; run `cargo build --release`, or see --binary")
    arguments.binary = arguments.binary.resolve()
    if not 1 <= arguments.threads <= cores or arguments.rounds < 1 or arguments.steps < 1:
        parser.error(f"--threads from 1 to {cores}, --rounds and --steps from 1")
    enter(arguments.venv)
    if hasattr(os, "sched_setaffinity"):
        # For all alike, and for what has no switch for its threads (XLA).
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: arguments.threads])

    from importlib.metadata import version

    load = os.getloadavg()[0]
    if load > 0.3:
        say(f"the machine is busy (load {load:.1f}): figures will be high, most of all those of OpenMP (PyTorch), "
            "whose threads wait for each other")
    turns = Turns(arguments.rounds)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        jobs = prepare(arguments, work)
        report = {
            "date": time.strftime("%Y-%m-%d"), "cpu": cpu_name(), "threads": arguments.threads,
            "rounds": arguments.rounds, "load_before": round(load, 2), "images": "MNIST" if arguments.data else "synthetic",
            "versions": [f"{name} {version(name)}" for name in ["torch", "keras", TENSORFLOW, "jax"]],
            "training": measure_training(arguments, jobs, turns), "inference": [], "cold_start": [],
        }
        if INFERENCE_NETWORK in arguments.only and not arguments.no_inference:
            report["inference"] = measure_inference(arguments, jobs[INFERENCE_NETWORK], turns)
            report["cold_start"] = measure_cold_start(arguments, jobs[INFERENCE_NETWORK], work)
    report["skipped"] = turns.skipped
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=2) + "\n")
    print(render(report, arguments.markdown))


if __name__ == "__main__":
    child() if sys.argv[1:] == ["--child"] else main()
