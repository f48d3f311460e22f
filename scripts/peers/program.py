"""This program, as a user runs it."""

import json
import subprocess
import tomllib


def run_program(job: dict, *arguments) -> str:
    command = [job["binary"], *map(str, arguments), "--device", "cpu", "--threads", str(job["threads"])]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(next(iter(done.stderr.strip().splitlines()), f"exit code {done.returncode}"))
    return done.stdout


def describe(job: dict) -> dict:
    """The recipe with every default filled in, and its network as lists of layers."""
    shape = ["--set", f"network.input={list(job['shape'])}"]
    lists = run_program(job, "summary", job["source"], *shape, "--toml")
    return {"recipe": json.loads(run_program(job, "recipes", job["source"], "--json")),
            "layers": tomllib.loads(lists)["network"]}


def measure_program(job: dict) -> dict:
    """`bench`, on the digits that it has built in or on the images of a file."""
    data = ["--data", job["images"]] if job["own_images"] else []
    report = json.loads(run_program(job, "bench", job["source"], *data, "--steps", job["steps"], "--json"))
    return {"ms_per_step": [report["ms_per_step_median"]], "peak_memory_mb": report["peak_memory_mb"]}


def infer_program(job: dict) -> dict:
    """Reconstructions, none of them written."""
    report = json.loads(run_program(job, "bench", job["source"], "--inference", "--json"))
    return {key: report.get(key) for key in ["images", "seconds", "batch_size", "peak_memory_mb"]}
