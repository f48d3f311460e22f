"""Writes tests/data/random_reference.json: the first numbers of some streams of random numbers.

Run from the repository root with numpy installed:

    python scripts/reference_random.py

A stream is named by seed, purpose, epoch and index. Its words come from Philox4x32-10, written here with
Python's integers of any size. Uniform numbers are the middles of the 2^24 cells that a word's upper bits
name. Normal ones follow Box and Muller, with numpy's functions in float64, rounded to float32 where the
program rounds. Some uniform numbers are skipped first, so that normal ones start within a counter's words.
"""

import json
import pathlib

import numpy as np

STREAMS = [
    {"seed": 1, "purpose": "corruption", "epoch": 1, "index": 0, "skipped": 0},
    {"seed": 0x0123_4567_89AB_CDEF, "purpose": "corruption", "epoch": 300, "index": 59_999, "skipped": 1},
    {"seed": 7, "purpose": "latent", "epoch": 2, "index": 1 << 35 | 3, "skipped": 2},
    {"seed": 0, "purpose": "latent", "epoch": 1, "index": 12, "skipped": 67},
]
PURPOSES = {"corruption": 3, "latent": 7}
# Odd, and more than is drawn at a time.
COUNT = 151


def philox(counter, key):
    for _ in range(10):
        first, second = 0xD2511F53 * counter[0], 0xCD9E8D57 * counter[2]
        counter = [
            second >> 32 ^ counter[1] ^ key[0],
            second & 0xFFFFFFFF,
            first >> 32 ^ counter[3] ^ key[1],
            first & 0xFFFFFFFF,
        ]
        key = [(key[0] + 0x9E3779B9) & 0xFFFFFFFF, (key[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return counter


def words(stream):
    key = [stream["seed"] & 0xFFFFFFFF, stream["seed"] >> 32]
    first = PURPOSES[stream["purpose"]] | stream["epoch"] << 8
    index = stream["index"]
    for draw in range(100):
        yield from philox([first, index & 0xFFFFFFFF, index >> 32, draw], key)


def uniforms(stream):
    return [((word >> 8) + 0.5) / (1 << 24) for word in words(stream)]


def normals(uniform):
    """In pairs; every function in float64 and rounded once."""
    single, double = np.float32, np.float64
    values = []
    for first, second in zip(uniform[0::2], uniform[1::2]):
        logarithm = single(np.log(double(single(first))))
        radius = np.sqrt(single(-2) * logarithm)
        angle = double(single(2 * np.pi) * single(second))
        values += [radius * single(np.cos(angle)), radius * single(np.sin(angle))]
    return values


streams = []
for stream in STREAMS:
    drawn = uniforms(stream)
    normal = normals(drawn[stream["skipped"] :])[:COUNT]
    streams.append(
        {
            **stream,
            "uniform": drawn[:COUNT],
            "normal": [float(str(value)) for value in normal],
        }
    )
path = pathlib.Path("tests/data/random_reference.json")
path.write_text(json.dumps({"streams": streams}) + "\n")
