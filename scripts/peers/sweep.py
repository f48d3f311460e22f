"""Networks that nobody tuned for, beside PyTorch's best f32 mode."""

import json
import math
import statistics
import time
from pathlib import Path

from .draw import Draw, candidates
from .images import synthetic
from .program import describe, measure_program, run_program
from .tables import aligned, heading
from .turns import PEERS, in_child, say, why_not

#: Work and memory of a step, as estimated, above which another network is drawn.
MOST_FLOP = 60e9
MOST_BYTES = 2e9
#: Timed seconds of a program in a round, and the least number of timed steps.
SECONDS = 1.0
LEAST_STEPS = 3
MOST_STEPS = 500
#: Worst networks that are printed with their recipes.
WORST = 5
#: PyTorch's modes of f32, from which the fastest is taken.
MODES = ["torch", "torch-channels-last"]


def affordable(job: dict, batch: int) -> bool:
    """Whether a step stays within the limits. Products and sums of the forward pass, and twice as many on the way back;
    values and gradients of all layers, and weights with gradients and moments."""
    summary = json.loads(run_program(job, "summary", job["source"], "--set",
                                     f"network.input={list(job['shape'])}", "--json"))["summary"]
    flop, values, shape = 0, 0, summary["input"]
    for row in summary["layers"]:
        # Every weight of a layer is used at every place of the smaller of its images.
        places = min(math.prod(shape[1:]), math.prod(row["output"][1:]))
        flop += 6 * batch * row["parameters"] * places
        shape = row["output"]
        values += batch * math.prod(shape)
    return flop <= MOST_FLOP and 4 * (2 * values + 4 * summary["parameters"]) <= MOST_BYTES


def prepared(arguments, number: int, work: Path) -> tuple:
    """The first affordable network for a place in the sweep, and its job."""
    import numpy as np

    for draw in candidates(arguments.seed, number):
        source = work / f"{number}.toml"
        source.write_text(draw.recipe)
        job = {"shape": draw.shape, "threads": arguments.threads, "binary": str(arguments.binary),
               "cache": str(work / "inductor"), "source": str(source), "own_images": True}
        if not affordable(job, draw.batch):
            continue
        images = work / "images.npy"
        # A tenth is held out, and a step is timed on whole batches only.
        np.save(images, synthetic(max(4 * draw.batch, 64), draw.shape))
        return draw, job | describe(job) | {"images": str(images)}


def measure(arguments, draw: Draw, job: dict) -> dict:
    """Median milliseconds a step of this program and of PyTorch's modes, over rounds in turn."""
    peers = MODES + ["torch-compile"] * arguments.compile
    modes = [PEERS[peer].mode for peer in peers if not why_not(peer, job["layers"])]
    first = measure_program(job | {"steps": 1})["ms_per_step"][0]
    count = min(max(round(SECONDS * 1e3 / first), LEAST_STEPS), MOST_STEPS)
    times = {mode: [] for mode in ["autoencode", *modes]}

    def program():
        times["autoencode"] += measure_program(job | {"steps": count})["ms_per_step"]

    def pytorch():
        limits = {"seconds": SECONDS, "least": LEAST_STEPS}
        done = in_child(job | limits | {"peer": "torch", "kind": "sweep", "modes": modes})
        for mode, steps in done.items():
            times[mode].append(statistics.median(steps))

    for turn in range(arguments.rounds):
        for task in [program, pytorch] if turn % 2 == 0 else [pytorch, program]:
            task()
    medians = {mode: statistics.median(of_mode) for mode, of_mode in times.items()}
    best = min(modes, key=medians.get)
    return {"number": draw.number, "title": draw.title, "recipe": draw.recipe, "shape": draw.shape,
            "ratio": medians[best] / medians["autoencode"], "best_mode": best,
            "ms_per_step": medians, "rounds": times}


def run(arguments, report: dict, work: Path) -> dict:
    """Measures all networks of the sweep, or those with some numbers."""
    report |= {"seed": arguments.seed, "networks": []}
    begun = time.time()
    numbers = arguments.numbers or range(arguments.sweep)
    for place, number in enumerate(numbers):
        draw, job = prepared(arguments, number, work)
        try:
            row = measure(arguments, draw, job)
        except RuntimeError as error:
            report["skipped"][f"network {number}, {draw.title}"] = str(error)
            say(f"skipped: {number}: {draw.title}: {error}")
            continue
        report["networks"].append(row)
        say(f"{place + 1} of {len(numbers)} ({time.time() - begun:.0f} s): {number}: {row['ratio']:.2f} = "
            f"{figures(row)}: {draw.title}")
    return report


def figures(row: dict) -> str:
    times = row["ms_per_step"]
    return f"{times[row['best_mode']]:.2f} ms ({row['best_mode']}) / {times['autoencode']:.2f} ms"


def render(report: dict, markdown: bool) -> str:
    """The distribution of the ratios, and the worst networks with their recipes."""
    text = [f"{heading(report)}; seed {report['seed']}", ""]
    rows = sorted(report["networks"], key=lambda row: row["ratio"])
    ratios = [row["ratio"] for row in rows]
    if ratios:
        quartiles = statistics.quantiles(ratios, n=4, method="inclusive") if len(ratios) > 1 else ratios * 3
        shown = [ratios[0], *quartiles, ratios[-1]]
        header = ["networks", "worst", "lower quartile", "median", "upper quartile", "best", "below 1"]
        below = sum(ratio < 1 for ratio in ratios)
        row = [str(len(ratios)), *(f"{ratio:.2f}" for ratio in shown), f"{below / len(ratios):.0%}"]
        text += ["PyTorch's time a step, in its fastest mode of f32, over this program's:", ""]
        text += aligned(header, [row], markdown)
    for row in rows[:WORST]:
        text += ["", f"{row['ratio']:.2f} = {figures(row)}, network {row['number']}: {row['title']}"]
        text += ["", *(f"    {line}" for line in row["recipe"].splitlines())]
    text += [f"skipped: {name}: {why}" for name, why in report["skipped"].items()]
    return "\n".join(text)
