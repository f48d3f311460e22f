#!/usr/bin/env python3
"""Time training steps of this program beside PyTorch's on the same CUDA card.

A step is all that training does for a batch, of both: images gathered on the card by an order shuffled once an epoch,
noise or binarisation drawn there, forward pass, loss, backward pass, Adam, the loss added up. (The schedules of the
learning rate and of the KL divergence's weight are left out of PyTorch.) Every round measures every mode once, each in
a fresh process, so that none finds another's memory or broken context on the card. Reported are the median over the
rounds, and the lowest and highest in brackets; of a round, of PyTorch the mean over all steps, whose end alone is
waited for, of the program what `autoencode bench` gives: the median over stretches of 20 steps on a card, the end of
each waited for. Shuffling, warm-up, compiling and tuning are not timed. In bf16 PyTorch is under autocast; compiled and
recorded it is channels_last as well. Peak memory is what tensors took, images included; of torch.compile what is
reserved for them. What fails is said in the table.

The floor is the time of a step at the card's peaks: the larger of FLOPs over arithmetic and bytes over bandwidth.
FLOPs are those of convolutions and dense layers in three passes (result, gradients of input and of weights), as the
sums are written: an upsampled image is convolved at its full resolution. Bytes are what these passes read and write
if all that stands between two products is done within them: a tensor counts at the smallest that it gets in between,
before an upsampling or after a pooling. Winograd's convolution, or a cache that holds a layer, can go below it.

    scripts/bench_gpu.py                                                     # everything: an hour or more
    scripts/bench_gpu.py --recipes conv-denoiser --batch 1024 --precision tf32 bf16 --rounds 1
    scripts/bench_gpu.py --device cpu --images 100 --batch 8 --steps 2       # only tries the script

Needs PyTorch for the card's CUDA in this Python, 3.11 or newer, and `cargo build --release --features cuda`.
"""

import argparse
import itertools
import json
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

ROOT = Path(__file__).resolve().parent.parent
RECIPES = ["conv-denoiser", "conv-vae"]
MODES = {
    "autoencode": "autoencode",
    "eager": "PyTorch, eager",
    "channels_last": "PyTorch, channels_last",
    "compile": "PyTorch, torch.compile max-autotune",
    "graph": "PyTorch, whole-step CUDA graph",
}
# NVIDIA H100 SXM, dense: TFLOP/s and TB/s.
PEAKS, BANDWIDTH = {"f32": 67.0, "tf32": 495.0, "bf16": 990.0}, 3.35
EPOCH, SIDE, NPY_HEADER = 60_000, 28, 128
LOG_VARIANCE_BOUND = 8.0  # As in src/network/code.rs.


class ToImage(nn.Module):
    """A dense layer's values as a small image, which takes the network's memory format before it is upsampled."""

    def __init__(self, channels: int, side: int, memory_format):
        super().__init__()
        self.shape, self.memory_format = (channels, side, side), memory_format

    def forward(self, values):
        return values.unflatten(1, self.shape).contiguous(memory_format=self.memory_format)


def layers(network: dict, memory_format) -> tuple:
    """Encoder and decoder as src/network/families.rs and src/network/vae.rs make them; the last layer gives logits."""
    assert network["activation"] == "relu" and network["output_activation"] == "sigmoid"
    kernel, scale, widths = network["kernel"], network["scale"], network["encoder"]
    back, encoder, decoder = network.get("decoder", widths[::-1]), [], []

    def conv(channels, size):
        return nn.Conv2d(channels, size, kernel, padding=kernel // 2)

    if network["family"] == "conv":
        for place, (channels, size) in enumerate(itertools.pairwise([1, *widths])):
            encoder += ([nn.MaxPool2d(scale)] if place else []) + [conv(channels, size), nn.ReLU()]
        for channels, size in itertools.pairwise([widths[-1], *back]):
            decoder += [conv(channels, size), nn.ReLU(), nn.Upsample(scale_factor=scale)]
        return nn.Sequential(*encoder), nn.Sequential(*decoder, conv(back[-1], 1))
    assert network["family"] == "vae" and network["body"] == "conv"
    side, latent = SIDE // scale ** len(widths), network["latent"]
    for channels, size in itertools.pairwise([1, *widths]):
        encoder += [conv(channels, size), nn.ReLU(), nn.MaxPool2d(scale)]
    encoder += [nn.Flatten(), nn.Linear(widths[-1] * side**2, 2 * latent)]
    decoder += [nn.Linear(latent, back[0] * side**2), nn.ReLU(), ToImage(back[0], side, memory_format)]
    for channels, size in itertools.pairwise(back):
        decoder += [nn.Upsample(scale_factor=scale), conv(channels, size), nn.ReLU()]
    return nn.Sequential(*encoder), nn.Sequential(*decoder, nn.Upsample(scale_factor=scale), conv(back[-1], 1))


class Task(nn.Module):
    """From indices to the loss of a batch, as the recipe says."""

    def __init__(self, recipe: dict, images, bf16: bool, memory_format):
        super().__init__()
        # A buffer, not an argument: what a compiled function is given would be copied for its CUDA graph.
        self.register_buffer("images", images)
        self.encoder, self.decoder = layers(recipe["network"], memory_format)
        corruption, objective = recipe["corruption"], recipe["objective"]
        assert corruption["kind"] == "none" or (corruption["kind"], corruption["draw"]) == ("gaussian", "every-epoch")
        assert objective["reconstruction"] == "bce" and recipe["optimizer"]["kind"] == "adam"
        self.noise = corruption.get("factor", 0.0)
        self.binarize = recipe.get("data", {}).get("binarization") == "every-epoch"
        self.elbo, self.bf16 = objective.get("elbo"), bf16

    def forward(self, indices):
        target = self.images[indices].float().div_(255)
        if self.binarize:
            target = (torch.rand_like(target) < target).float()
        seen = target
        if self.noise:
            seen = torch.randn_like(target).mul_(self.noise).add_(target).clamp_(0, 1)
        with torch.autocast(target.device.type, dtype=torch.bfloat16, enabled=self.bf16):
            code = self.encoder(seen)
            if self.elbo:
                mean, raw = code.float().chunk(2, 1)
                log_variance = LOG_VARIANCE_BOUND * torch.tanh(raw / LOG_VARIANCE_BOUND)
                code = mean + (log_variance / 2).exp() * torch.randn_like(mean)
            logits = self.decoder(code)
        if not self.elbo:
            return binary_cross_entropy_with_logits(logits.float(), target)
        nats = binary_cross_entropy_with_logits(logits.float(), target, reduction="sum")
        kl = (mean.square() + log_variance.exp() - 1 - log_variance).sum() / 2
        return (nats + self.elbo["beta"] * kl) / len(target)


def measure(job: dict) -> dict:
    """Milliseconds a step of PyTorch, mean of all timed steps, and the peak of the card's memory."""
    device, mode, precision = torch.device(job["device"]), job["mode"], job["precision"]
    on_card = device.type == "cuda"
    captured = mode == "graph" and on_card
    wait = torch.cuda.synchronize if on_card else lambda: None
    if on_card:
        torch.cuda.set_device(device)
    torch.manual_seed(1)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision != "f32"
    if precision != "f32" and hasattr(torch.backends.cudnn, "fp32_precision"):
        # The compiler's own convolutions ask for this one, which the older switch leaves alone.
        torch.backends.cudnn.fp32_precision = "tf32"
    torch.backends.cudnn.benchmark = True  # Kernels are picked by trying them.

    data = bytearray(Path(job["images"]).read_bytes())
    images = torch.frombuffer(data, dtype=torch.uint8, offset=NPY_HEADER).view(-1, 1, SIDE, SIDE)
    memory_format = torch.contiguous_format if mode == "eager" else torch.channels_last
    task = Task(job["recipe"], images, precision == "bf16", memory_format).to(device, memory_format=memory_format)
    settings = job["recipe"]["optimizer"]
    optimizer = torch.optim.Adam(task.parameters(), settings["lr"], (settings["beta1"], settings["beta2"]),
                                 settings["epsilon"], fused=True, capturable=captured)
    loss_of = torch.compile(task, mode="max-autotune", dynamic=False) if mode == "compile" else task
    total = torch.zeros((), device=device)

    def step(indices):
        loss = loss_of(indices)
        loss.backward()
        optimizer.step()
        # Before the next forward pass, so that no gradient outlives the CUDA graph that wrote it.
        optimizer.zero_grad(set_to_none=True)
        total.add_(loss.detach())

    def endless():
        """Indices of whole batches: another size would be compiled, or recorded, anew."""
        size, count = job["batch_size"], len(images)
        while True:
            yield from torch.randperm(count, device=device)[: count // size * size].split(size)

    def forget_peak():
        if on_card:
            torch.cuda.synchronize()
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()

    batches, run = endless(), step
    if not captured:
        for _ in range(job["warm_up"]):
            step(next(batches))
        forget_peak()
    else:
        # Warmed up on the stream that is recorded then, as PyTorch's notes on CUDA graphs have it.
        indices, stream = next(batches).clone(), torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(job["warm_up"]):
                step(indices)
        torch.cuda.current_stream().wait_stream(stream)
        # A graph takes its memory while it is recorded; replays allocate nothing.
        forget_peak()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=stream):
            step(indices)

        def run(batch):
            indices.copy_(batch)
            graph.replay()

    # Once more: what forget_peak gave back is allocated again here, not in steps that are timed.
    for _ in range(job["warm_up"]):
        run(next(batches))
    # The program's clock leaves the shuffling out as well.
    shuffled = list(itertools.islice(batches, job["steps"]))
    total.zero_()
    wait()
    start = time.perf_counter()
    for batch in shuffled:
        run(batch)
    wait()
    milliseconds = (time.perf_counter() - start) * 1e3 / job["steps"]
    loss = total.item() / job["steps"]
    if not 0 < loss < float("inf"):
        raise RuntimeError(f"the loss became {loss}")
    result = {"ms_per_step": milliseconds, "loss": loss, "peak_memory_mb": None}
    if on_card:
        result["peak_memory_mb"] = torch.cuda.max_memory_allocated() / 2**20
    if on_card and mode == "compile":
        from torch._dynamo.utils import counters

        # What a replay of the compiler's graphs works in does not count as allocated. It does as reserved, from
        # which forget_peak has taken what lay unused.
        result["peak_memory_mb"] = torch.cuda.max_memory_reserved() / 2**20
        result["cuda_graphs_skipped"] = counters["inductor"]["cudagraph_skips"]
    return result


def child(job: dict):
    """Prints the result as the last line; or on standard error, behind all else, why there is none."""
    try:
        print("\n" + json.dumps(measure(job)))
    except Exception as error:
        traceback.print_exc()
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        sys.exit(f"{type(error).__name__}: {' '.join(lines[:2])}")


def output_of(command: list, timeout: float | None = None, **variables) -> str:
    """What a command prints; an error says why there is nothing."""
    # cuBLAS would take TF32 for f32 on the word of this variable, in both programs.
    environment = {key: value for key, value in os.environ.items() if key != "NVIDIA_TF32_OVERRIDE"} | variables
    # Files, not pipes: the compiler's workers may outlive a child that is stopped, and hold its pipes open.
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        try:
            code = subprocess.run(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                  env=environment, timeout=timeout).returncode
        except subprocess.TimeoutExpired:
            raise RuntimeError(f"no result after {timeout:.0f} s") from None
        out.seek(0)
        err.seek(0)
        if code:
            text = err.read().strip()
            print(text, file=sys.stderr)
            last = next(reversed(text.splitlines()), "nothing said")
            raise RuntimeError(f"{'signal' if code < 0 else 'exit code'} {abs(code)}: {last}")
        return out.read()


def measure_pytorch(job: dict, arguments) -> dict:
    # The compiler's cache is kept over the rounds, so that only the first one tunes.
    text = output_of([sys.executable, __file__, "--child", json.dumps(job)], arguments.timeout,
                     TORCHINDUCTOR_CACHE_DIR=str(Path(job["images"]).parent / "inductor"))
    return json.loads(text.strip().splitlines()[-1])


def measure_program(job: dict, arguments) -> dict:
    result = json.loads(output_of([
        arguments.autoencode, "bench", job["name"], "--device", job["device"], "--batch-size", job["batch_size"],
        "--steps", job["steps"], "--set", f"training.precision={job['precision']}", "--data", job["images"],
        "--json", "--quiet"], arguments.timeout))
    if result["batch_size"] != job["batch_size"]:
        raise RuntimeError(f"batches of {result['batch_size']}: too few images")
    return {"ms_per_step": result["ms_per_step_median"], "peak_memory_mb": result["device_peak_memory_mb"]}


def write_images(path: Path, count: int):
    """Images as an array of NumPy, a fifth of their pixels not black, as MNIST's: a card that multiplies zeros draws
    less power and keeps a higher clock."""
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({count}, {SIDE}, {SIDE}), }}"
    start = b"\x93NUMPY\x01\x00" + (NPY_HEADER - 10).to_bytes(2, "little")
    ink, margin, black = random.Random(1).randbytes, bytes(10), bytes(4 * SIDE)
    with path.open("wb") as file:
        file.write(start + header.ljust(NPY_HEADER - 11).encode() + b"\n")
        for _ in range(count):
            file.write(black + b"".join(margin + ink(8) + margin for _ in range(20)) + black)


def size_of(recipe: dict) -> dict:
    """Of a network: parameters, FLOPs of an image's forward pass, values that its products read and write."""
    encoder, decoder = layers(recipe["network"], torch.contiguous_format)
    values = torch.zeros(1, 1, SIDE, SIDE)
    # The sizes that a tensor has on its way from one product to the next.
    flops, between = 0, [[values.numel()]]
    with torch.no_grad():
        for layer in [*encoder, None, *decoder]:
            # Of the two values a dimension that a variational encoder gives, the decoder reads one.
            values = layer(values) if layer else values[:, : recipe["network"].get("latent")]
            if isinstance(layer, nn.Conv2d | nn.Linear):
                flops += 2 * values.numel() * layer.weight[0].numel()
                between.append([])
            between[-1].append(values.numel())
    stored = [min(sizes) for sizes in between]
    # One product writes what the next one reads; the first is only read, the last only written.
    return {"parameters": sum(values.numel() for part in [encoder, decoder] for values in part.parameters()),
            "flops": flops, "values": 2 * sum(stored) - stored[0] - stored[-1]}


def floor_of(size: dict, batch: int, precision: str, arguments) -> dict:
    """The time of a step at the card's peaks."""
    width = 2 if precision == "bf16" else 4
    flops = 3 * size["flops"] * batch
    # Adam reads weight, gradient and two moments, and writes all but the gradient, in f32.
    moved = 3 * (size["values"] * batch + size["parameters"]) * width + 7 * 4 * size["parameters"]
    times = {"FLOPs": flops / getattr(arguments, f"peak_{precision}") / 1e9, "bytes": moved / arguments.bandwidth / 1e9}
    bound = max(times, key=times.get)
    return {"flops": flops, "bytes": moved, "ms": times[bound], "bound": bound}


def measure_all(job: dict, arguments) -> list:
    """A row for each mode, after all rounds. Whoever was first in a round is last in the next."""
    rows = {mode: {"mode": mode, "rounds": [], "failed": None} for mode in arguments.modes}
    for number in range(arguments.rounds):
        turn = number % len(arguments.modes)
        for mode in arguments.modes[turn:] + arguments.modes[:turn]:
            row, start = rows[mode], time.time()
            if row["failed"]:
                continue
            try:
                result = (measure_program if mode == "autoencode" else measure_pytorch)(job | {"mode": mode}, arguments)
                row["rounds"].append(result)
                outcome = f"{result['ms_per_step']:.3f} ms a step"
            except Exception as error:
                outcome = row["failed"] = str(error) if isinstance(error, RuntimeError) else repr(error)
            print(f"{job['name']}, batch {job['batch_size']}, {job['precision']}, round {number + 1} of "
                  f"{arguments.rounds}: {MODES[mode]}: {outcome} ({time.time() - start:.0f} s in all)", file=sys.stderr)
    for row in rows.values():
        if not row["failed"]:
            times = [result["ms_per_step"] for result in row["rounds"]]
            row["ms_per_step"] = {"median": statistics.median(times), "min": min(times), "max": max(times)}
            row["peak_memory_mb"] = max(result["peak_memory_mb"] or 0 for result in row["rounds"]) or None
    return list(rows.values())


def table(entry: dict) -> str:
    floor, batch = entry["floor"], entry["batch_size"]
    good = {row["mode"]: row["ms_per_step"]["median"] for row in entry["rows"] if not row["failed"]}
    best = min((median for mode, median in good.items() if mode != "autoencode"), default=None)
    cells = [["mode", "ms a step", "s an epoch", "ratio to PyTorch's best", "peak memory on the card", "of the floor"],
             ["---"] * 6]
    for row in entry["rows"]:
        title = MODES[row["mode"]]
        if entry["precision"] == "bf16" and row["mode"] != "autoencode":
            title += " + bf16 autocast"
        if any(result.get("cuda_graphs_skipped") for result in row["rounds"]):
            title += " (without some CUDA graphs, which PyTorch skipped)"
        if row["failed"]:
            why = " ".join(row["failed"].replace("|", "/").split())[:200]
            cells.append([title, f"failed: {why}", *["-"] * 4])
            continue
        median, memory = good[row["mode"]], row["peak_memory_mb"]
        digits = 3 if median < 1 else 2 if median < 10 else 1
        middle, low, high = (f"{row['ms_per_step'][key]:.{digits}f}" for key in ["median", "min", "max"])
        cells.append([title, f"{middle} ({low} to {high})", f"{median / 1e3 * EPOCH / batch:.2f}",
                      f"{median / best:.2f}" if best else "-", f"{memory:.0f} MB" if memory else "-",
                      f"{floor['ms'] / median:.1%}"])
    return "\n".join([
        "", f"{entry['recipe']}, batch {batch}, {entry['precision']}: floor {floor['ms']:.4f} ms, by {floor['bound']} "
        f"({floor['flops'] / 1e9:.2f} GFLOP and {floor['bytes'] / 1e6:.1f} MB a step)", "",
        *(f"| {' | '.join(line)} |" for line in cells)])


def describe(arguments, recipes: dict) -> dict:
    """Versions and networks. An error says which network is not the program's."""
    program, sizes = arguments.autoencode, {name: size_of(recipe) for name, recipe in recipes.items()}
    for name, size in sizes.items():
        expected = json.loads(output_of([program, "summary", name, "--json"]))["summary"]["parameters"]
        if expected != size["parameters"]:
            raise RuntimeError(f"{name}: {expected} parameters, but {size['parameters']} in PyTorch's network here")
    card = driver = "none"
    if arguments.device != "cpu":
        card = torch.cuda.get_device_name(arguments.device)
        query = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
        driver = output_of(query).split()[0] if shutil.which(query[0]) else "unknown"
    return {"date": time.strftime("%Y-%m-%d"), "card": card, "driver": driver, "torch": torch.__version__,
            "cuda": torch.version.cuda, "cudnn": torch.backends.cudnn.version(),
            "program": output_of([program, "--version"]).strip(), "networks": sizes}


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, of, text in [("recipes", RECIPES, "what is trained"), ("precision", PEAKS, "of the products"),
                           ("modes", MODES, "this program and those of PyTorch")]:
        parser.add_argument(f"--{name}", nargs="+", choices=of, default=list(of), help=f"{text} [default: all]")
    parser.add_argument("--batch", nargs="+", type=int, default=[128, 1024, 4096], metavar="B",
                        help="images a step [default: 128 1024 4096]")
    for name, default, text in [
        ("rounds", 3, "turns of every mode"), ("steps", 200, "timed steps of a turn"),
        ("images", EPOCH, "images that lie on the card"), ("timeout", 900.0, "seconds after which a turn is given up"),
        ("device", "cuda", "cuda, cuda:N, or cpu to try the script"),
        ("autoencode", ROOT / "target" / "release" / "autoencode", "this program"),
        *((f"peak-{precision}", peak, "TFLOP/s of the card, dense") for precision, peak in PEAKS.items()),
        ("bandwidth", BANDWIDTH, "TB/s of the card's memory"),
    ]:
        parser.add_argument(f"--{name}", type=type(default), default=default, metavar="X",
                            help=f"{text} [default: {default}]")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write all figures")
    arguments = parser.parse_args()
    if not arguments.autoencode.is_file():
        parser.error(f"{arguments.autoencode}: no such file; see --autoencode")
    if not re.fullmatch(r"cpu|cuda(:\d+)?", arguments.device):
        parser.error("--device cpu, cuda or cuda:N")
    # The program holds some of the images out, for validation and tests.
    if min(arguments.rounds, arguments.steps, *arguments.batch) < 1 or 2 * max(arguments.batch) > arguments.images:
        parser.error("--rounds, --steps and --batch from 1; --images from twice the largest batch")
    if arguments.device == "cuda":
        arguments.device = "cuda:0"
    arguments.autoencode = arguments.autoencode.resolve()
    return arguments


def main():
    arguments = parse()
    try:
        recipes = {name: json.loads(output_of([arguments.autoencode, "recipes", name, "--json"]))
                   for name in arguments.recipes}
        report = describe(arguments, recipes)
    except (RuntimeError, AssertionError, OSError) as error:
        sys.exit(f"{error}")
    said = "{date}, card: {card}, driver {driver}, PyTorch {torch}, CUDA {cuda}, cuDNN {cudnn}, {program}"
    print(said.format(**report) + f"; {arguments.rounds} rounds of {arguments.steps} steps", flush=True)
    if arguments.device == "cpu":
        print("This only tries the script: no CUDA graph is recorded, and the floor is a card's.", flush=True)
    options = {key: str(value) if isinstance(value, Path) else value for key, value in vars(arguments).items()}
    report |= {"options": options, "tables": []}
    with tempfile.TemporaryDirectory() as folder:
        images = Path(folder) / "images.npy"
        write_images(images, arguments.images)
        for name, batch, precision in itertools.product(arguments.recipes, arguments.batch, arguments.precision):
            job = {"name": name, "recipe": recipes[name], "batch_size": batch, "precision": precision,
                   "device": arguments.device, "images": str(images), "steps": arguments.steps,
                   "warm_up": max(10, arguments.steps // 5)}
            entry = {"recipe": name, "batch_size": batch, "precision": precision,
                     "floor": floor_of(report["networks"][name], batch, precision, arguments),
                     "rows": measure_all(job, arguments)}
            report["tables"].append(entry)
            # After each table, so that a run that is stopped has left something.
            print(table(entry), flush=True)
            if arguments.json:
                arguments.json.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    child(json.loads(sys.argv[2])) if sys.argv[1:2] == ["--child"] else main()
