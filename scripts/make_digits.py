"""Draws the pictures of assets/digits from test digits of assets/mnist-sample.

    python3 scripts/make_digits.py

Needs NumPy. Every run writes the same bytes (up to the version of zlib).
"""

import argparse
import gzip
import struct
import zlib
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
GREY, RGB, PALETTE, RGBA = 0, 2, 3, 6


def read_idx(path):
    """The array of a gzipped IDX file of bytes."""
    data = gzip.decompress(path.read_bytes())
    dimensions = data[3]
    shape = struct.unpack(f">{dimensions}I", data[4 : 4 + 4 * dimensions])
    return np.frombuffer(data, np.uint8, offset=4 + 4 * dimensions).reshape(shape)


def write_png(path, samples, bits=8, kind=GREY, palette=None):
    """Writes samples [height, width] or [height, width, channels] of 1 to 16 bits, rows unfiltered."""
    samples = np.asarray(samples)
    height, width = samples.shape[:2]
    flat = samples.reshape(height, -1)
    if bits == 16:
        rows = flat.astype(">u2").view(np.uint8).reshape(height, -1)
    elif bits == 8:
        rows = flat.astype(np.uint8)
    else:  # The first sample of a byte lies in its high bits; a row fills whole bytes.
        places = np.arange(bits - 1, -1, -1)
        rows = np.packbits((flat[:, :, None] >> places & 1).reshape(height, -1), axis=1)

    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0))
    if palette is not None:
        png += chunk(b"PLTE", np.asarray(palette, np.uint8).tobytes())
    png += chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows), 9))
    path.write_bytes(png + chunk(b"IEND", b""))


def quantised(values, bits):
    """Values of 0 to 1 as integers of so many bits."""
    return np.rint(np.clip(values, 0, 1) * (2**bits - 1)).astype(np.int64)


def cubic(side, new):
    """The matrix that resizes an axis by Catmull-Rom splines."""
    at = (np.arange(new) + 0.5) * side / new - 0.5
    d = np.abs(at[:, None] - np.arange(side)[None, :])
    near = 1.5 * d**3 - 2.5 * d**2 + 1
    far = -0.5 * d**3 + 2.5 * d**2 - 4 * d + 2
    weights = np.where(d <= 1, near, np.where(d < 2, far, 0))
    return weights / weights.sum(axis=1, keepdims=True)


def drawn(digit, side):
    """A digit as if drawn with a pen on side x side pixels: ink 0 to 1, with soft but narrow edges."""
    scale = cubic(28, side)
    ink = np.clip(scale @ (digit / 255.0) @ scale.T, 0, 1)
    return np.clip((ink - 0.5) * max(side / 80, 1) + 0.5, 0, 1)


def on_page(ink, height, width, top, left):
    """The ink somewhere on a page of another size."""
    page = np.zeros((height, width))
    page[top : top + ink.shape[0], left : left + ink.shape[1]] = ink
    return page


def mix(ink, page_color, ink_color):
    """Ink of one colour (or grey) on a page of another, 0 to 1."""
    if np.ndim(page_color):
        ink = ink[:, :, None]
    return (1 - ink) * np.asarray(page_color) + ink * np.asarray(ink_color)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--sample", type=Path, default=ROOT / "assets/mnist-sample")
    parser.add_argument("--output", type=Path, default=ROOT / "assets/digits")
    parser.add_argument("--originals", type=Path, default=ROOT / "tests/picture_originals.png")
    options = parser.parse_args()
    images = read_idx(options.sample / "t10k-images-idx3-ubyte.gz")
    labels = read_idx(options.sample / "t10k-labels-idx1-ubyte.gz")
    options.output.mkdir(parents=True, exist_ok=True)
    options.originals.parent.mkdir(parents=True, exist_ok=True)
    random = np.random.Generator(np.random.PCG64(28))
    originals = []

    def source(label, nth):
        """The nth digit of a class, kept for comparison."""
        digit = images[np.flatnonzero(labels == label)[nth]]
        originals.append(digit)
        return digit

    def save(name, samples, **kind):
        write_png(options.output / f"{name}.png", samples, **kind)

    page = on_page(drawn(source(0, 0), 240), 400, 300, 90, 25)
    save("0-dark-on-light", quantised(mix(page, 0.95, 0.1), 8))

    save("1-grey16", quantised(drawn(source(1, 0), 140), 16), bits=16)

    cream, blue = np.array([250, 240, 214]), np.array([24, 40, 110])
    palette = [cream + (blue - cream) * step // 7 for step in range(8)]
    save("2-palette", quantised(drawn(source(2, 0), 160), 3), kind=PALETTE, palette=palette)

    alpha = drawn(source(3, 0), 128)
    black = np.zeros((128, 128, 3))
    save("3-alpha", quantised(np.dstack([black, alpha]), 8), kind=RGBA)

    noisy = source(4, 0) / 255.0 + 0.5 * random.standard_normal((28, 28))
    save("4-noisy", quantised(noisy, 8))

    page = on_page(drawn(source(5, 0), 180), 220, 260, 10, 50)
    save("5-color", quantised(mix(page, [0.66, 0.82, 0.56], [0.72, 0.12, 0.1]), 8), kind=RGB)

    page = on_page(drawn(source(6, 0), 90), 100, 110, 5, 12)
    save("6-1bit", quantised(1 - page, 1), bits=1)

    digit = source(7, 0)
    rows, columns = np.flatnonzero(digit.any(axis=1)), np.flatnonzero(digit.any(axis=0))
    top, left = min(rows[0], 8), min(columns[0], 8)
    save("7-small", digit[top : top + 20, left : left + 20])

    page = on_page(drawn(source(8, 0), 130), 360, 480, 4, 12)
    save("8-off-centre", quantised(mix(page, 1.0, 0.0), 8))

    save("9-plain", source(9, 0))

    page = on_page(drawn(source(0, 1), 200), 256, 256, 30, 26)
    save("0-light-on-dark", quantised(mix(page, 0.08, 0.9), 8))

    save("1-2bit", quantised(1 - drawn(source(1, 1), 84), 2), bits=2)

    save("2-4bit", quantised(drawn(source(2, 1), 84), 4), bits=4)

    page = on_page(drawn(source(3, 1), 130), 200, 160, 30, 20)
    down, across = np.mgrid[0:200, 0:160]
    light = 0.85 - 0.3 * across / 160 - 0.15 * down / 200
    photo = light * mix(page, 1.0, 0.55) + 0.02 * random.standard_normal((200, 160))
    save("3-uneven-light", quantised(photo, 8))

    write_png(options.originals, np.hstack(originals))


if __name__ == "__main__":
    main()
