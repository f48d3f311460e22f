#!/usr/bin/env python3
"""Time training steps of this program beside PyTorch's on the same CUDA card.

A step is all that training does for a batch, of both: images gathered on the card by a shuffled order made once
an epoch, noise or binarisation drawn there, forward pass, loss, backward pass, Adam, the loss added up. (The
schedules, of the learning rate and of the KL divergence's weight, are left out of PyTorch.) The modes take turns:
every round measures every mode once, each in a fresh process, so that none finds another's memory or broken
context on the card. Reported are the median over the rounds, and the lowest and highest in brackets. PyTorch's
figure of a round is the time of all steps, the card waited for only at the end; the program's is the median of
steps each of which is waited for. Warm-up steps, and with them all compiling and tuning, are left out.

In every precision PyTorch is run eager, in channels_last, compiled with max-autotune (which records CUDA graphs of
the forward and the backward pass), and with the whole step recorded as one CUDA graph. The last two are
channels_last as well; in bf16 all are under autocast. What fails is said in the table.

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
PRECISIONS = ["f32", "tf32", "bf16"]
MODES = {
    "autoencode": "autoencode",
    "eager": "PyTorch, eager",
    "channels_last": "PyTorch, channels_last",
    "compile": "PyTorch, torch.compile max-autotune",
    "graph": "PyTorch, whole-step CUDA graph",
}
SIDE = 28
NPY_HEADER = 128
EPOCH = 60_000
# As in src/model/code.rs.
LOG_VARIANCE_BOUND = 8.0
# NVIDIA H100 SXM, dense: TFLOP/s and TB/s.
PEAKS = {"f32": 67.0, "tf32": 495.0, "bf16": 990.0}
BANDWIDTH = 3.35


# --- The networks in PyTorch -------------------------------------------------------------------------


class ToImage(nn.Module):
    """A dense layer's values as a small image; in the network's memory format already before it is upsampled."""

    def __init__(self, channels: int, side: int, memory_format):
        super().__init__()
        self.shape, self.memory_format = (channels, side, side), memory_format

    def forward(self, values):
        return values.unflatten(1, self.shape).contiguous(memory_format=self.memory_format)


def layers(network: dict, memory_format) -> tuple:
    """Encoder and decoder as src/model/families.rs and src/model/vae.rs make them; the last layer gives logits."""
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


# --- In a child: one measurement ---------------------------------------------------------------------


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
    if captured:
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

    for _ in range(job["warm_up"]):
        run(next(batches))
    if not captured:
        forget_peak()
    total.zero_()
    wait()
    start = time.perf_counter()
    for _ in range(job["steps"]):
        run(next(batches))
    wait()
    milliseconds = (time.perf_counter() - start) * 1e3 / job["steps"]
    loss = total.item() / job["steps"]
    if not abs(loss) < float("inf"):
        raise RuntimeError(f"the loss became {loss}")
    result = {"ms_per_step": milliseconds, "loss": loss, "peak_memory_mb": None}
    if on_card:
        # What a replay of the compiler's graphs works in does not count as allocated. It does as reserved, from
        # which forget_peak has taken what lay unused.
        peak = torch.cuda.max_memory_reserved if mode == "compile" else torch.cuda.max_memory_allocated
        result["peak_memory_mb"] = peak() / 2**20
        if mode == "compile":
            from torch._dynamo.utils import counters

            result["cuda_graphs_skipped"] = counters["inductor"]["cudagraph_skips"]
    return result


def about(job: dict) -> dict:
    """Versions, and of every network: parameters, FLOPs of an image's forward pass, values its products touch."""
    on_card = job["device"] != "cpu"
    result = {"torch": torch.__version__, "cuda": torch.version.cuda, "cudnn": torch.backends.cudnn.version(),
              "card": torch.cuda.get_device_name(job["device"]) if on_card else "a CPU", "networks": {}}
    for name, recipe in job["recipes"].items():
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
        result["networks"][name] = {
            "parameters": sum(p.numel() for part in [encoder, decoder] for p in part.parameters()),
            # One product writes what the next one reads; the first is only read, the last only written.
            "flops": flops, "values": 2 * sum(stored) - stored[0] - stored[-1]}
    return result


def child(job: dict):
    """Prints the result as the last line."""
    try:
        result = {"measure": measure, "about": about}[job["kind"]](job)
    except Exception as error:
        traceback.print_exc()
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        result = {"failed": f"{type(error).__name__}: {' '.join(lines[:2])}"}
    print("\n" + json.dumps(result))


# --- In the parent: commands -------------------------------------------------------------------------


def say(text: str):
    print(text, file=sys.stderr, flush=True)


def output_of(command: list, timeout: float | None = None, **environment) -> str:
    """What a command prints; an error says why there is nothing."""
    # cuBLAS would take TF32 for f32 on the word of this variable, in both programs.
    environment = {key: value for key, value in os.environ.items() if key != "NVIDIA_TF32_OVERRIDE"} | environment
    # Files, not pipes: the compiler's workers may outlive a child that is stopped, and hold its pipes open.
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        try:
            code = subprocess.run(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                  env=environment, timeout=timeout).returncode
        except (OSError, subprocess.TimeoutExpired) as error:
            raise RuntimeError(f"no result after {timeout:.0f} s" if timeout and not isinstance(error, OSError)
                               else str(error)) from None
        out.seek(0)
        err.seek(0)
        if code:
            last = next(reversed(err.read().strip().splitlines()), "")
            raise RuntimeError(f"{'signal' if code < 0 else 'exit code'} {abs(code)} {last}".strip())
        return out.read()


def in_child(job: dict, arguments, work: Path) -> dict:
    # The cache is kept over the rounds, so that only the first one tunes.
    text = output_of([sys.executable, __file__, "--child", json.dumps(job)], arguments.timeout,
                     TORCHINDUCTOR_CACHE_DIR=str(work / "inductor"))
    result = json.loads(text.strip().splitlines()[-1])
    if "failed" in result:
        raise RuntimeError(result["failed"])
    return result


def measure_program(job: dict, arguments) -> dict:
    text = output_of([arguments.autoencode, "bench", job["name"], "--device", job["device"], "--batch-size",
                      job["batch_size"], "--steps", job["steps"], "--data", job["images"], "--json", "--quiet",
                      "--set", f"training.precision={job['precision']}"], arguments.timeout)
    result = json.loads(text)
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


# --- In the parent: rounds and tables ----------------------------------------------------------------


def floor_of(network: dict, batch: int, precision: str, arguments) -> dict:
    """The time of a step at the card's peaks."""
    width = 2 if precision == "bf16" else 4
    flops = 3 * network["flops"] * batch
    # Adam reads weight, gradient and two moments, and writes all but the gradient, in f32.
    moved = 3 * (network["values"] * batch + network["parameters"]) * width + 7 * 4 * network["parameters"]
    by_flops = flops / (getattr(arguments, f"peak_{precision}") * 1e12) * 1e3
    by_bytes = moved / (arguments.bandwidth * 1e12) * 1e3
    return {"flops": flops, "bytes": moved, "ms": max(by_flops, by_bytes),
            "bound": "FLOPs" if by_flops > by_bytes else "bytes"}


def measure_all(job: dict, arguments, work: Path) -> list:
    """A row for each mode, after all rounds. Whoever was first in a round is last in the next."""
    rows = {mode: {"mode": mode, "rounds": [], "failed": None} for mode in arguments.modes}
    for number in range(arguments.rounds):
        turn = number % len(arguments.modes)
        for mode in arguments.modes[turn:] + arguments.modes[:turn]:
            row, mine, start = rows[mode], job | {"mode": mode}, time.time()
            if row["failed"]:
                continue
            try:
                result = measure_program(mine, arguments) if mode == "autoencode" else in_child(mine, arguments, work)
            except (RuntimeError, ValueError, KeyError) as error:
                row["failed"] = f"{error}" if isinstance(error, RuntimeError) else f"unexpected output: {error!r}"
            else:
                row["rounds"].append(result)
            outcome = row["failed"] or f"{result['ms_per_step']:.3f} ms a step"
            say(f"{job['name']}, batch {job['batch_size']}, {job['precision']}, round {number + 1} of {arguments.rounds}: "
                f"{MODES[mode]}: {outcome} ({time.time() - start:.0f} s in all)")
    for row in rows.values():
        if row["rounds"] and not row["failed"]:
            times = [result["ms_per_step"] for result in row["rounds"]]
            row["ms_per_step"] = {"median": statistics.median(times), "min": min(times), "max": max(times)}
            row["peak_memory_mb"] = max((result["peak_memory_mb"] or 0) for result in row["rounds"]) or None
    return list(rows.values())


def table(entry: dict) -> str:
    floor, rows = entry["floor"], entry["rows"]
    best = min((row["ms_per_step"]["median"] for row in rows if row["mode"] != "autoencode" and not row["failed"]), default=None)
    text = [f"\n{entry['recipe']}, batch {entry['batch_size']}, {entry['precision']}: floor {floor['ms']:.4f} ms, by {floor['bound']} "
            f"({floor['flops'] / 1e9:.2f} GFLOP, {floor['bytes'] / 1e6:.1f} MB a step)\n"]
    cells = [["mode", "ms a step", "s an epoch", "ratio to PyTorch's best", "peak memory on the card", "of the floor"], ["---"] * 6]
    for row in rows:
        title = MODES[row["mode"]]
        if entry["precision"] == "bf16" and row["mode"] != "autoencode":
            title += " + bf16 autocast"
        if any(result.get("cuda_graphs_skipped") for result in row["rounds"]):
            title += " (without some CUDA graphs: PyTorch skipped them)"
        if row["failed"]:
            cells.append([title, f"failed: {row['failed'].replace('|', '/')[:200]}", "-", "-", "-", "-"])
            continue
        figure = row["ms_per_step"]
        median, digits = figure["median"], 3 if figure["median"] < 1 else 2 if figure["median"] < 10 else 1
        cells.append([
            title, "{:.{d}f} ({:.{d}f} to {:.{d}f})".format(*(figure[key] for key in ["median", "min", "max"]), d=digits),
            f"{median / 1e3 * EPOCH / entry['batch_size']:.2f}", f"{median / best:.2f}" if best else "-",
            f"{row['peak_memory_mb']:.0f} MB" if row["peak_memory_mb"] else "-", f"{floor['ms'] / median:.1%}"])
    return "\n".join(text + [f"| {' | '.join(line)} |" for line in cells])


def describe(arguments, recipes: dict) -> dict:
    """Versions and networks. Ends the run if a network here is not the program's."""
    facts = in_child({"kind": "about", "device": arguments.device, "recipes": recipes}, arguments, ROOT)
    for name, network in facts["networks"].items():
        summary = json.loads(output_of([arguments.autoencode, "summary", name, "--json"]))["summary"]
        if summary["parameters"] != network["parameters"]:
            sys.exit(f"{name}: {summary['parameters']} parameters, but {network['parameters']} in PyTorch's network here")
    try:
        facts["driver"] = output_of(["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]).split()[0]
    except (RuntimeError, IndexError):
        facts["driver"] = "unknown"
    return facts | {"program": output_of([arguments.autoencode, "--version"]).strip(), "date": time.strftime("%Y-%m-%d")}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipes", nargs="+", choices=RECIPES, default=RECIPES, help="[default: both]")
    parser.add_argument("--batch", nargs="+", type=int, default=[128, 1024, 4096], metavar="B", help="[default: 128 1024 4096]")
    parser.add_argument("--precision", nargs="+", choices=PRECISIONS, default=PRECISIONS, help="[default: all]")
    parser.add_argument("--modes", nargs="+", choices=MODES, default=list(MODES), help="[default: all]")
    parser.add_argument("--rounds", type=int, default=3, help="turns of every mode [default: 3]")
    parser.add_argument("--steps", type=int, default=200, help="timed steps of a turn [default: 200]")
    parser.add_argument("--images", type=int, default=EPOCH, help="in the training set of both [default: 60000]")
    parser.add_argument("--device", default="cuda", help="cuda, cuda:N, or cpu, where no graph is recorded [default: cuda]")
    parser.add_argument("--autoencode", type=Path, default=ROOT / "target" / "release" / "autoencode", metavar="PATH",
                        help="this program [default: target/release/autoencode]")
    parser.add_argument("--timeout", type=float, default=900, help="seconds for a mode's turn [default: 900]")
    for precision, peak in PEAKS.items():
        parser.add_argument(f"--peak-{precision}", type=float, default=peak, metavar="TFLOPS",
                            help=f"of the card, dense [default: {peak:g}, H100 SXM]")
    parser.add_argument("--bandwidth", type=float, default=BANDWIDTH, metavar="TBS",
                        help=f"of the card's memory in TB/s [default: {BANDWIDTH:g}, H100 SXM]")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write all figures")
    arguments = parser.parse_args()
    if not arguments.autoencode.is_file():
        parser.error(f"{arguments.autoencode}: no such file; run `cargo build --release --features cuda`, or see --autoencode")
    if not re.fullmatch(r"cpu|cuda(:\d+)?", arguments.device):
        parser.error("--device cpu, cuda or cuda:N")
    if min(arguments.rounds, arguments.steps, *arguments.batch) < 1 or max(arguments.batch) > arguments.images // 2:
        # The program holds some images out for validation and tests.
        parser.error("--rounds, --steps and --batch from 1, and twice as many --images as the largest batch has")
    if arguments.device == "cuda":
        arguments.device = "cuda:0"
    arguments.autoencode = arguments.autoencode.resolve()

    try:
        recipes = {name: json.loads(output_of([arguments.autoencode, "recipes", name, "--json"])) for name in arguments.recipes}
        report = describe(arguments, recipes)
    except RuntimeError as error:
        sys.exit(str(error))
    print(f"{report['date']}, {report['card']}, driver {report['driver']}, PyTorch {report['torch']} with CUDA {report['cuda']} "
          f"and cuDNN {report['cudnn']}, {report['program']}; {arguments.rounds} rounds of {arguments.steps} steps", flush=True)
    if arguments.device == "cpu":
        print("No card: this only tries the script. No CUDA graph is recorded, and the floor is that of another machine.", flush=True)
    report |= {"options": {key: value if isinstance(value, int | float | list) else str(value) for key, value in vars(arguments).items()},
               "tables": []}
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        write_images(work / "images.npy", arguments.images)
        for name, batch, precision in itertools.product(arguments.recipes, arguments.batch, arguments.precision):
            job = {"kind": "measure", "name": name, "recipe": recipes[name], "batch_size": batch, "precision": precision, "device": arguments.device,
                   "steps": arguments.steps, "warm_up": max(10, arguments.steps // 5), "images": str(work / "images.npy")}
            report["tables"].append({
                "recipe": name, "batch_size": batch, "precision": precision,
                "floor": floor_of(report["networks"][name], batch, precision, arguments),
                "rows": measure_all(job, arguments, work)})
            # After each table, so that a run that is stopped has left something.
            print(table(report["tables"][-1]), flush=True)
            if arguments.json:
                arguments.json.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    child(json.loads(sys.argv[2])) if sys.argv[1:2] == ["--child"] else main()
