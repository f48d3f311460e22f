"""Writes tests/data/adam_reference.json: variables moved by PyTorch's Adam under given gradients.

Run from the repository root with numpy and torch installed:

    python scripts/reference_adam.py

Every case holds settings, starting values and the gradients of 20 steps (drawn by numpy with a fixed
seed and rounded so that they are short and exact), and the values that torch.optim.Adam reaches after
the first, tenth and last step, in float64. Cases with `clip_norm` call torch.nn.utils.clip_grad_norm_
before each step; it adds 1e-6 to the norm, so norms there are large, and only some lie above the limit.
"""

import json
import pathlib

import numpy as np
import torch

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)

STEPS = 20
KEPT = (1, 10, STEPS)
SHAPES = {"encoder.0.weight": (3, 4), "encoder.0.bias": (3,), "decoder.0.weight": (2, 1, 2, 2)}


def numbers(tensor):
    return [float(f"{value:.15g}") for value in tensor.detach().reshape(-1).tolist()]


def case(seed, size, lr, beta1, beta2, epsilon, clip_norm=None):
    rng = np.random.default_rng(seed)

    def draw(shape, scale):
        return torch.tensor(np.round(rng.standard_normal(shape) * scale * 64) / 64)

    variables = {name: draw(shape, 1.0).requires_grad_() for name, shape in SHAPES.items()}
    start = {name: numbers(variable) for name, variable in variables.items()}
    optimizer = torch.optim.Adam(variables.values(), lr=lr, betas=(beta1, beta2), eps=epsilon)
    gradients, reached, norms = [], {}, []
    for step in range(1, STEPS + 1):
        # Steps differ in size, as clipping makes no difference to Adam where all are scaled alike.
        scale = size * float(rng.choice([0.25, 1.0, 4.0]))
        for name, variable in variables.items():
            variable.grad = draw(SHAPES[name], scale)
        gradients.append({name: numbers(variable.grad) for name, variable in variables.items()})
        if clip_norm is not None:
            norms.append(float(torch.nn.utils.clip_grad_norm_(variables.values(), clip_norm)))
        optimizer.step()
        if step in KEPT:
            reached[step] = {name: numbers(variable) for name, variable in variables.items()}
    if clip_norm is not None:
        assert min(norms) < clip_norm < max(norms)
    settings = {"lr": lr, "beta1": beta1, "beta2": beta2, "epsilon": epsilon, "clip_norm": clip_norm}
    return {"settings": settings, "start": start, "gradients": gradients, "reached": reached}


cases = [
    case(1, 1.0, 1e-3, 0.9, 0.999, 1e-7),
    case(2, 1.0, 0.05, 0.5, 0.9, 1e-8),
    case(3, 0.0625, 0.1, 0.0, 0.99, 0.1),
    case(4, 1.0, 0.1, 0.8, 0.5, 1e-3),
    case(5, 64.0, 0.05, 0.9, 0.999, 1e-7, clip_norm=200.0),
    case(6, 64.0, 0.1, 0.6, 0.8, 1.0, clip_norm=100.0),
]
text = {"torch": torch.__version__.split("+")[0], "shapes": SHAPES, "cases": cases}
pathlib.Path("tests/data/adam_reference.json").write_text(json.dumps(text) + "\n")
