"""Some networks in all peers: training steps, inference, cold start."""

import dataclasses
import statistics
import time
from pathlib import Path

from .images import read_idx, synthetic
from .program import describe, infer_program, measure_program, run_program
from .turns import PEERS, SCRIPT, Turns, figures, in_child, why_not

ROOT = SCRIPT.parent.parent

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
COLD_STARTS = 10
COLD_START_DIGIT = ROOT / "assets" / "digits" / "9-plain.png"
# Batches of images in a file that is made for a network.
BATCHES = 11


def measure_training(arguments, jobs: dict, turns: Turns) -> list:
    tasks, rows = {}, []
    for network in arguments.only:
        for peer in arguments.peers:
            job = jobs[network] | {"peer": peer, "kind": "training", "mode": PEERS[peer].mode}
            if why := why_not(peer, job["layers"]):
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
        if why := why_not(peer, job["layers"]):
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


def prepare(arguments, work: Path) -> dict:
    """Writes images and recipes; gives each network's job, without peer and mode."""
    import numpy as np

    digits = work / "digits.npy"
    np.save(digits, read_idx(arguments.data, DIGITS) if arguments.data else synthetic(DIGITS, (1, 28, 28)))
    jobs = {}
    for name in {*arguments.only, INFERENCE_NETWORK}:
        network = NETWORKS[name]
        job = {"network": name, "shape": network.shape, "threads": arguments.threads,
               "binary": str(arguments.binary), "cache": str(work / "inductor"), "source": name,
               "steps": max(5, round(arguments.steps * network.repeat)), "images": str(digits),
               "own_images": bool(network.recipe)}
        if network.recipe:
            job["source"] = str(work / f"{name}.toml")
            Path(job["source"]).write_text(network.recipe)
        job |= describe(job)
        if network.recipe:
            size = job["recipe"]["training"]["batch_size"]
            job["images"] = str(work / f"{name}.npy")
            np.save(job["images"], synthetic(size * BATCHES, network.shape))
        jobs[name] = job
    return jobs


def run(arguments, report: dict, work: Path) -> dict:
    """Measures all that was asked for."""
    turns = Turns(arguments.rounds)
    jobs = prepare(arguments, work)
    report |= {"images": "MNIST" if arguments.data else "synthetic", "cold_starts": COLD_STARTS,
               "training": measure_training(arguments, jobs, turns), "inference": [], "cold_start": []}
    if INFERENCE_NETWORK in arguments.only and not arguments.no_inference:
        report["inference"] = measure_inference(arguments, jobs[INFERENCE_NETWORK], turns)
        report["cold_start"] = measure_cold_start(arguments, jobs[INFERENCE_NETWORK], work)
    report["skipped"] |= turns.skipped
    return report
