"""The peers, each in processes of their own, and their turns."""

import dataclasses
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

from .on_keras import measure_keras
from .on_pytorch import cold_start_torch, infer_torch, measure_torch, sweep_torch
from .program import infer_program, measure_program
from .work import has_images

SCRIPT = Path(__file__).resolve().parent.parent / "bench_peers.py"


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


def why_not(peer: str, network: dict) -> str | None:
    """Why a peer is not measured on the layers of a network, if so."""
    if peer == "torch-compile" and not shutil.which(os.environ.get("CXX", "g++")) and not shutil.which("clang++"):
        return "no C++ compiler"
    if peer == "torch-channels-last" and not has_images(network):
        return "the same as eager: a dense network has no channels"
    return None


def child():
    """Does the job on standard input, in a process of its own, and prints the result as the last line."""
    job = json.loads(sys.stdin.read())
    peer = PEERS[job["peer"]]
    work = {"training": peer.measure, "inference": peer.infer, "cold-start": cold_start_torch, "sweep": sweep_torch}
    print("\n" + json.dumps(work[job["kind"]](job)))


def in_child(job: dict) -> dict:
    environment = dict(os.environ)
    for name in ["OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"]:
        environment[name] = str(job["threads"])
    # No talk of missing GPUs, and no use of one: this is about CPUs.
    environment |= {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu",
                    "TORCHINDUCTOR_CACHE_DIR": job["cache"]}
    done = subprocess.run([sys.executable, SCRIPT, "--child"], input=json.dumps(job), env=environment,
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
