#!/usr/bin/env python3
"""Writes the inputs that fuzzing starts from into tests/fuzz/corpus: small files of every kind that is read.

    python3 scripts/make_fuzz_corpus.py

Needs no packages. The names start with `seed-`; the other files of the corpus are not touched.
"""

import gzip
import hashlib
import io
import json
import struct
import zipfile
import zlib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CORPUS = ROOT / "tests/fuzz/corpus"


def keep(target, name, content):
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"seed-{name}").write_bytes(content)


# Recipes: the shipped ones, and one with what those leave out.

TINY = """name = "tiny"
seed = 7

[data]
classes = [0, 1]
size = [8, 4]
channels = 3
resize = "crop"
test_fraction = 0.25
validation = "test"
binarization = "threshold"

[network]
family = "dense"
input = [3, 8, 4]
encoder = [6, 2]
decoder = [6]
activations = ["elu", { kind = "leaky-relu", slope = 0.2 }, "softmax"]
output_activation = { kind = "scaled", of = "sigmoid", a = 1.5, b = 0.1 }
bias = false
init = { normal = { deviation = 0.1 } }

[corruption]
kind = "salt-and-pepper"
factor = [0.1, 0.3]
target = "corrupted"
added = true

[objective]
reconstruction = "mse"
code_penalty = { l1 = 1e-4 }

[optimizer]
kind = "sgd"
lr = 0.1
momentum = 0.9
nesterov = true
clip_norm = 1

[schedule]
kind = "step"
every = 9
unit = "steps"
gamma = 0.5

[training]
epochs = 3
batch_size = 4
patience = 2
report_every = 2
precision = "f64"

[sampling]
components = 3
"""
POINTS = """name = "points"
data.points = { kind = "KIND" }
network = { family = "dense", encoder = [2], output_activation = "linear" }
objective.reconstruction = "mae"
optimizer = { kind = "adamw", lr = 1e-3 }
training = { epochs = 1, batch_size = 1 }
"""


def recipes():
    for path in [*ROOT.glob("models/*.toml"), *ROOT.glob("models/tutorials/*.toml")]:
        keep("recipe", f"{path.stem}.toml", path.read_bytes())
    keep("recipe", "tiny.toml", TINY.encode())
    for kind in ["linear-dependent", "one-hot", "ellipse", "sphere"]:
        keep("recipe", f"{kind}.toml", POINTS.replace("KIND", kind).encode())
    settings = "\0optimizer.lr=3e-4\nname=other\nnetwork.encoder=[4, 2]\ndata.points={ kind = 'one-hot' }"
    keep("recipe", "settings.toml", (POINTS.replace("KIND", "ellipse") + settings).encode())


# Checkpoints: the entry with the recipe, the tensors, and their values.


def recipe(network, **more):
    return {
        "name": "tiny",
        "description": "",
        "seed": 1,
        "network": network,
        "objective": {"reconstruction": "bce"},
        "optimizer": {"kind": "adam", "lr": 0.001},
        "training": {"epochs": 1, "batch_size": 1},
        **more,
    }


DENSE = recipe({"family": "dense", "input": [1, 2, 2], "encoder": [2]})
DENSE_TENSORS = {
    "encoder.1.weight": [2, 4],
    "encoder.1.bias": [2],
    "decoder.0.weight": [4, 2],
    "decoder.0.bias": [4],
}
CONV = recipe({"family": "conv", "input": [1, 2, 2], "encoder": [2, 1], "decoder": [2], "kernel": 1})
CONV_TENSORS = {
    "encoder.0.weight": [2, 1, 1, 1],
    "encoder.0.bias": [2],
    "encoder.3.weight": [1, 2, 1, 1],
    "encoder.3.bias": [1],
    "decoder.0.weight": [2, 1, 1, 1],
    "decoder.0.bias": [2],
    "decoder.3.weight": [1, 2, 1, 1],
    "decoder.3.bias": [1],
}
VAE = recipe(
    {"family": "vae", "body": "dense", "input": [1, 1, 2], "encoder": [2], "latent": 1},
    objective={"reconstruction": "bce", "elbo": {}},
    sampling={"components": 1},
)
VAE_TENSORS = {
    "encoder.1.weight": [2, 2],
    "encoder.1.bias": [2],
    "encoder.3.weight": [2, 2],
    "encoder.3.bias": [2],
    "decoder.0.weight": [2, 1],
    "decoder.0.bias": [2],
    "decoder.2.weight": [2, 2],
    "decoder.2.bias": [2],
    "sampling.weights": [1],
    "sampling.means": [1, 1],
    "sampling.factors": [1, 1, 1],
}


def entry(recipe):
    return {
        "sha256": "0" * 64,
        "format": 1,
        "recipe": recipe,
        "data": "6 + 1 digits",
        "progress": {
            "epoch": 1,
            "step": 3,
            "position": 0,
            "loss_sum": 0.5,
            "loss_values": 4,
            "best": {"epoch": 1, "loss": 0.25},
        },
    }


def compact(value):
    return json.dumps(value, separators=(",", ":"))


def listed(tensors, dtype="F32", width=4):
    """The entries of a header, and how many values there are."""
    entries, end = {}, 0
    for name, shape in tensors.items():
        count = 1
        for side in shape:
            count *= side
        start, end = end, end + count * width
        entries[name] = {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}
    return entries, end // width


def checkpoints():
    optimizer = {f"optimizer.{moment}.{name}": shape for moment in ["first", "second"]
                 for name, shape in DENSE_TENSORS.items()}
    for name, recipe, tensors, kind in [
        ("dense", DENSE, DENSE_TENSORS, ("F32", 4, "f")),
        ("resume", DENSE, {**DENSE_TENSORS, **optimizer}, ("F32", 4, "f")),
        ("f64", {**DENSE, "training": {"epochs": 1, "batch_size": 1, "precision": "f64"}},
         DENSE_TENSORS, ("F64", 8, "d")),
        ("conv", CONV, CONV_TENSORS, ("F32", 4, "f")),
        ("vae", VAE, VAE_TENSORS, ("F32", 4, "f")),
    ]:
        dtype, width, code = kind
        entries, count = listed(tensors, dtype, width)
        values = struct.pack(f"<{count}{code}", *([1.0] * count))
        lines = f"{compact(entry(recipe))}\n{compact(entries)[1:-1]}\n".encode()
        keep("checkpoint", f"{name}.parts", lines + values)
        header = compact({"__metadata__": {"autoencode": compact(entry(recipe))}, **entries}).encode()
        file = struct.pack("<Q", len(header)) + header + values
        digest = hashlib.sha256(file).hexdigest().encode()
        keep("checkpoint", f"{name}.safetensors", file.replace(b"0" * 64, digest, 1))


# Arrays of NumPy.


def npy(descr, shape, values, version=1):
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    length = struct.pack("<H" if version == 1 else "<I", len(header))
    return b"\x93NUMPY" + bytes([version, 0]) + length + header + values


def counting(count):
    return bytes(index * 7 % 256 for index in range(count))


def arrays():
    for name, shape in [("grey", (4, 2, 3)), ("planes", (3, 3, 2, 2)), ("pixels", (3, 2, 2, 3)), ("one", (3, 1, 1, 1))]:
        count = 1
        for side in shape:
            count *= side
        keep("npy", f"{name}.npy", npy("|u1", shape, counting(count)))
    shares = [index / 11 for index in range(12)]
    keep("npy", "f4.npy", npy("<f4", (3, 2, 2), struct.pack("<12f", *shares), version=2))
    keep("npy", "f8.npy", npy("<f8", (3, 2, 2), struct.pack("<12d", *shares), version=3))
    for name, descr in [("big-endian", ">f4"), ("objects", "|O"), ("integers", "<i8")]:
        keep("npy", f"{name}.npy", npy(descr, (3, 2, 2), bytes(96)))


def archives():
    parts = [
        npy("|u1", (4, 2, 2), counting(16)),
        npy("<i8", (4,), struct.pack("<4q", 0, 1, 2, 255)),
        npy("<f4", (2, 2, 2), struct.pack("<8f", *[index / 7 for index in range(8)])),
        npy("<u2", (2, 1), struct.pack("<2H", 3, 4)),
    ]
    lengths = struct.pack("<3H", *map(len, parts[:3]))
    for name, storage, method in [("stored", b"\0", zipfile.ZIP_STORED), ("deflated", b"\1", zipfile.ZIP_DEFLATED)]:
        keep("npz", f"{name}.parts", storage + lengths + b"".join(parts))
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w", method) as writer:
            for entry, part in zip(["x_train", "y_train", "x_test", "y_test"], parts):
                writer.writestr(zipfile.ZipInfo(f"{entry}.npy"), part, method)
        keep("npz", f"{name}.npz", archive.getvalue())
    empty = io.BytesIO()
    zipfile.ZipFile(empty, "w").close()
    keep("npz", "empty.npz", empty.getvalue())


# IDX files: how they are stored, the length of the first, images, labels.


def idx():
    images = struct.pack(">4I", 0x803, 3, 2, 2) + counting(12)
    labels = struct.pack(">2I", 0x801, 3) + bytes([0, 1, 2])
    packed = gzip.compress(images, mtime=0)
    for name, storage, first, second in [
        ("raw", 0, images, labels),
        ("packed", 3, images, labels),
        ("packed-outside", 0, packed, gzip.compress(labels, mtime=0)),
        ("packed-twice", 1, packed, labels),
        ("swapped", 0, labels, images),
        ("fewer-labels", 0, images, struct.pack(">2I", 0x801, 2) + bytes(2)),
        ("promises", 0, struct.pack(">4I", 0x803, 0xFFFFFFFF, 4096, 4096), labels),
    ]:
        keep("idx", f"{name}.parts", struct.pack("<BH", storage, len(first)) + first + second)


# PNG pictures: files, and what they are drawn from.

GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def pictures():
    for name, depth, colour, channels in [
        ("grey1", 1, GREY, 1), ("grey2", 2, GREY, 1), ("grey4", 4, GREY, 1), ("grey8", 8, GREY, 1),
        ("grey16", 16, GREY, 1), ("rgb8", 8, RGB, 3), ("rgb16", 16, RGB, 3), ("palette2", 2, PALETTE, 1),
        ("palette8", 8, PALETTE, 1), ("grey-alpha8", 8, GREY_ALPHA, 2), ("rgba16", 16, RGBA, 4),
    ]:
        width, height = 5, 4
        palette = counting(12) if colour == PALETTE else b""
        transparency = bytes([0, 128]) if colour == PALETTE else b""
        bits = width * channels * depth
        row = lambda y: bytes([y % 5]) + bytes((y * 50 + x * 9) % (4 if colour == PALETTE else 256)
                                               for x in range((bits + 7) // 8))
        lines = b"".join(row(y) for y in range(height))
        start = bytes([width, height, depth, colour, 0, len(palette), len(transparency)])
        keep("png", f"{name}.parts", start + palette + transparency + lines)
        header = struct.pack(">2I5B", width, height, depth, colour, 0, 0, 0)
        optional = chunk(b"PLTE", palette) + chunk(b"tRNS", transparency) if palette else b""
        file = (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + optional
                + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b""))
        keep("png", f"{name}.png", file)
    # Ink on a page, interlaced all the same: seven passes of rows.
    stroke = bytes([16, 16, 8, GREY, 0, 0, 0]) + b"".join(
        b"\0" + bytes(255 if 6 < x < 9 and 2 < y < 13 else 0 for x in range(16)) for y in range(16))
    keep("png", "stroke.parts", stroke)
    keep("png", "interlaced.parts", bytes([16, 16, 8, GREY, 1, 0, 0]) + stroke[7:])
    header = struct.pack(">2I5B", 16384, 16384, 8, RGB, 0, 0, 0)
    keep("png", "large.png", b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IEND", b""))


# Codes of two values each.


def codes():
    values = struct.pack("<6f", *range(6))
    keep("codes", "flat.npy", npy("<f4", (3, 2), values))
    keep("codes", "shaped.npy", npy("<f8", (3, 2, 1), struct.pack("<6d", *range(6))))
    keep("codes", "none.npy", npy("<f4", (0, 2), b""))
    for name, tensors in [("alone", {"codes": [3, 2, 1]}), ("two", {"before": [2], "codes": [3, 2]})]:
        entries, count = listed(tensors)
        header = compact(entries).encode()
        file = struct.pack("<Q", len(header)) + header + struct.pack(f"<{count}f", *range(count))
        keep("codes", f"{name}.safetensors", file)
    keep("codes", "plain.csv", b"code_0,code_1\n1,-2.5\n3e-4,0\n")
    keep("codes", "label.csv", b"label, code_0 , code_1\n0,1,2\n1, 3 ,4\n")
    keep("codes", "file.csv", b'file,code_0,code_1\r\n"a ""b"".png",1,2\r\nc.png,3,4\r\n')


if __name__ == "__main__":
    recipes()
    checkpoints()
    arrays()
    archives()
    idx()
    pictures()
    codes()
