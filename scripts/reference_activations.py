"""Writes tests/data/activations_reference.json: activations and their derivatives by PyTorch.

Run from the repository root with torch installed:

    python scripts/reference_activations.py

Every case holds an activation as a recipe writes it, points (ordinary ones, kinks, and +-200, where
exponentials overflow f32), the values there and the derivatives of each value by its own point; of the
softmax, the values and the gradient for one cotangent. PyTorch computes in float64; numbers are written
with twelve digits.
"""

import json
import math
import pathlib

import torch
import torch.nn.functional as F

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)

# All are exact in f32.
POINTS = [
    -200.0, -20.0, -3.0, -2.0, -1.5, -1.0, -0.5, -0.125, -0.0009765625, 0.0,
    0.0009765625, 0.125, 0.5, 1.0, 1.5, 2.0, 3.0, 6.0, 20.0, 200.0,
]  # fmt: skip


def logarithmic(x):
    """Both sides apart: written with sign and absolute value it has no derivative at 0, which is 1."""
    zero = torch.zeros_like(x)
    return torch.log1p(torch.where(x >= 0, x, zero)) - torch.log1p(torch.where(x >= 0, zero, -x))


def scaled(function, a, b):
    return lambda x: a * function(b * x)


CASES = [
    ("linear", lambda x: 1.0 * x),
    ("relu", F.relu),
    ("leaky-relu", lambda x: F.leaky_relu(x, 0.01)),
    ({"kind": "leaky-relu", "slope": 0.25}, lambda x: F.leaky_relu(x, 0.25)),
    ("sigmoid", torch.sigmoid),
    ("tanh", torch.tanh),
    ("elu", F.elu),
    ({"kind": "elu", "alpha": 0.5}, lambda x: F.elu(x, 0.5)),
    ("swish", F.silu),
    ({"kind": "swish", "beta": 1.5}, lambda x: x * torch.sigmoid(1.5 * x)),
    ("gelu", F.gelu),
    ("gelu-tanh", lambda x: F.gelu(x, approximate="tanh")),
    ("softplus", lambda x: F.softplus(x, threshold=100.0)),
    ("sin", torch.sin),
    ("capped-linear", lambda x: x.clamp(max=6.0)),
    ({"kind": "capped-linear", "cap": 1.5}, lambda x: x.clamp(max=1.5)),
    ("capped-relu", F.relu6),
    ({"kind": "capped-relu", "cap": 1.5}, lambda x: F.hardtanh(x, 0.0, 1.5)),
    ("saturated-linear", lambda x: F.hardtanh(x, 0.0, 1.0)),
    ("isru", lambda x: x * torch.rsqrt(1.0 + x * x)),
    ({"kind": "isru", "alpha": 0.25}, lambda x: x * torch.rsqrt(1.0 + 0.25 * x * x)),
    ("arctan", lambda x: torch.atan(x) * (2.0 / math.pi)),
    ("arcsinh", torch.asinh),
    ("elliot", F.softsign),
    ("logarithmic", logarithmic),
    ({"kind": "scaled", "of": "sigmoid", "a": 3.0, "b": 0.125}, scaled(torch.sigmoid, 3.0, 0.125)),
    ({"kind": "scaled", "of": "softplus", "a": 0.5, "b": -2.0}, scaled(F.softplus, 0.5, -2.0)),
    (
        {"kind": "scaled", "of": {"kind": "elu", "alpha": 0.5}, "a": 2.0, "b": 0.5},
        scaled(lambda x: F.elu(x, 0.5), 2.0, 0.5),
    ),
]


def written(tensor):
    return [float(f"{value:.12g}") for value in tensor.detach().reshape(-1).tolist()]


def case(activation, function):
    x = torch.tensor(POINTS, requires_grad=True)
    y = function(x)
    y.sum().backward()
    return {"activation": activation, "values": written(y), "derivatives": written(x.grad)}


def softmax():
    """Two samples, so that they are seen not to mix; the second is saturated."""
    x = torch.tensor([[-1.0, 0.5, 2.0, 0.5], [200.0, -200.0, 199.0, 0.0]], requires_grad=True)
    cotangent = torch.tensor([[1.0, -0.5, 0.25, 2.0], [0.5, 1.0, -1.5, 0.75]])
    y = torch.softmax(x, 1)
    y.backward(cotangent)
    names = ("x", "cotangent", "values", "gradient")
    return dict(zip(names, (written(t) for t in (x, cotangent, y, x.grad))))


path = pathlib.Path("tests/data/activations_reference.json")
cases = [case(*one) for one in CASES]
lines = ",\n".join(json.dumps(one, separators=(",", ":")) for one in cases)
head = json.dumps({"torch": torch.__version__, "points": POINTS, "softmax": softmax()}, separators=(",", ":"))
path.write_text(f'{head[:-1]},"cases":[\n{lines}\n]}}\n')
print(f"{path}: {len(cases)} cases, {path.stat().st_size} bytes")
