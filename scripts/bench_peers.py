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
    scripts/bench_peers.py --sweep 60 --seed 7    # networks drawn at random beside PyTorch, some 20 minutes

A sweep draws networks from the whole space of recipes, the same ones for the same seed, and measures training
steps beside PyTorch's fastest mode of f32 (eager, channels_last; with --compile also torch.compile). It prints
the distribution of the ratios of times and the worst networks with their recipes. --numbers measures some of
the sweep's networks again.

The peers are installed once into a virtual environment of their own (--venv: 6 GB, a few minutes), or taken from
an interpreter that has them (--python; a sweep needs torch and numpy alone). Python 3.11 or newer; Linux or macOS. Needs `cargo build --release` first. DIR holds the IDX files of MNIST, raw or gzipped;
without it the peers see synthetic images, which take the same time: no operation's time depends on the
values. (`autoencode bench` has digits built in.)
"""

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

from peers import fixed, sweep, tables
from peers.machine import cpu_name, enter, versions
from peers.turns import PEERS, child, say


def parse():
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, help="turns of every peer [default: 3; of a sweep 2]")
    parser.add_argument("--steps", type=int, default=30,
                        help="timed steps of the middle network; short ones take more [default: 30]")
    parser.add_argument("--threads", type=int, default=cores, help="of every peer [default: all cores]")
    parser.add_argument("--only", nargs="+", choices=fixed.NETWORKS, default=list(fixed.NETWORKS), metavar="NETWORK",
                        help=f"of {', '.join(fixed.NETWORKS)} [default: all]")
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=list(PEERS), metavar="PEER",
                        help=f"of {', '.join(PEERS)} [default: all]")
    parser.add_argument("--no-inference", action="store_true",
                        help=f"training steps only; inference is that of {fixed.INFERENCE_NETWORK}")
    parser.add_argument("--data", type=Path, metavar="DIR", help="IDX files of MNIST [default: synthetic images]")
    parser.add_argument("--sweep", type=int, metavar="N", help="draw and measure N networks instead")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="seed of the sweep's networks [default: 1]")
    parser.add_argument("--numbers", type=int, nargs="+", metavar="NUMBER",
                        help="measure only these of the sweep's networks, from 0")
    parser.add_argument("--compile", action="store_true",
                        help="torch.compile in the sweep as well, which needs a C++ compiler and a minute a network")
    parser.add_argument("--binary", type=Path, default=fixed.ROOT / "target" / "release" / "autoencode",
                        help="this program [default: target/release/autoencode]")
    parser.add_argument("--venv", type=Path, default=fixed.ROOT / ".venv-peers", metavar="DIR",
                        help="virtual environment of the peers [default: .venv-peers]")
    parser.add_argument("--python", type=Path, metavar="FILE", help="an interpreter that has the peers, instead of --venv")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write all figures")
    parser.add_argument("--markdown", action="store_true", help="print tables for a README")
    arguments = parser.parse_args()
    if not arguments.binary.is_file():
        parser.error(f"{arguments.binary}: no such file; run `cargo build --release`, or see --binary")
    arguments.binary = arguments.binary.resolve()
    if arguments.rounds is None:
        arguments.rounds = 2 if arguments.sweep else 3
    counts = [arguments.rounds, arguments.steps, 1 if arguments.sweep is None else arguments.sweep]
    if not 1 <= arguments.threads <= cores or min(counts) < 1:
        parser.error(f"--threads from 1 to {cores}; --rounds, --steps and --sweep from 1")
    if arguments.numbers and not all(0 <= number < (arguments.sweep or 0) for number in arguments.numbers):
        parser.error("--numbers from 0 to one less than --sweep")
    return arguments


def main():
    arguments = parse()
    enter(arguments.venv, arguments.python)
    if hasattr(os, "sched_setaffinity"):
        # For all alike, and for what has no switch for its threads (XLA).
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: arguments.threads])
    load = os.getloadavg()[0]
    if load > 0.3:
        say(f"the machine is busy (load {load:.1f}): figures will be high, most of all those of OpenMP (PyTorch), "
            "whose threads wait for each other")
    kind, text = (sweep, sweep.render) if arguments.sweep else (fixed, tables.render)
    report = {"date": time.strftime("%Y-%m-%d"), "cpu": cpu_name(), "threads": arguments.threads,
              "rounds": arguments.rounds, "load_before": round(load, 2), "versions": versions(), "skipped": {}}
    with tempfile.TemporaryDirectory() as folder:
        report = kind.run(arguments, report, Path(folder))
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=2) + "\n")
    print(text(report, arguments.markdown))


if __name__ == "__main__":
    child() if sys.argv[1:] == ["--child"] else main()
