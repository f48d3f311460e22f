"""Writes tests/data/ops_reference.json: inputs, results and gradients of PyTorch's operations.

Run from the repository root with numpy and torch installed:

    python scripts/reference_ops.py

Every case holds the arguments of one operation (drawn by numpy with a fixed seed, rounded to 1/8 so
that they are short and exact), the result, the gradient that flows in and the gradients that flow out,
all computed by PyTorch in float64 on one thread and written with nine digits.
"""

import json
import pathlib

import numpy as np
import torch
import torch.nn.functional as F

rng = np.random.default_rng(20)
torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)


def draw(*shape):
    """Normal numbers on a grid of 1/8."""
    return torch.tensor(np.round(rng.standard_normal(shape) * 8) / 8)


def written(tensor):
    values = [float(f"{value:.9g}") for value in tensor.detach().reshape(-1).tolist()]
    return {"shape": list(tensor.shape), "values": values}


def case(op, arguments, function, **settings):
    """One case: `function` of the tensors in `arguments`, and its gradients for a drawn cotangent."""
    leaves = {name: tensor.clone().requires_grad_() for name, tensor in arguments.items()}
    out = function(**leaves)
    cotangent = draw(*out.shape)
    out.backward(cotangent)
    return {
        "op": op,
        "settings": settings,
        "arguments": {name: written(tensor) for name, tensor in arguments.items()},
        "out": written(out),
        "cotangent": written(cotangent),
        "gradients": {name: written(leaf.grad) for name, leaf in leaves.items()},
    }


def conv(n, c, o, height, width, kernel, stride, padding, bias):
    kernel = kernel if isinstance(kernel, tuple) else (kernel, kernel)
    arguments = {"x": draw(n, c, height, width), "weight": draw(o, c, *kernel)}
    if bias:
        arguments["bias"] = draw(o)
    return case(
        "conv2d",
        arguments,
        lambda x, weight, bias=None: F.conv2d(x, weight, bias, stride, padding),
        stride=stride,
        padding=padding,
    )


def conv_transpose(n, c, o, height, width, scale, bias):
    arguments = {"x": draw(n, c, height, width), "weight": draw(c, o, scale, scale)}
    if bias:
        arguments["bias"] = draw(o)
    return case(
        "conv_transpose2d",
        arguments,
        lambda x, weight, bias=None: F.conv_transpose2d(x, weight, bias, stride=scale),
        scale=scale,
    )


def group_norm(groups, *shape, eps=1e-5):
    return case(
        "group_norm",
        {"x": draw(*shape), "weight": draw(shape[1]), "bias": draw(shape[1])},
        lambda x, weight, bias: F.group_norm(x, groups, weight, bias, eps),
        groups=groups,
        eps=eps,
    )


def ties(*shape):
    """Whole numbers from 0 to 2, so that most windows have several maxima."""
    return torch.tensor(rng.integers(0, 3, shape).astype(np.float64))


def two_paths(x, weight):
    """x is upsampled, convolved and used directly: its gradients add."""
    up = F.interpolate(x, scale_factor=2, mode="nearest")
    return F.max_pool2d(F.conv2d(up, weight, None, 1, 1), 2) + x * x


cases = [
    # N, C, O, H, W, kernel, stride, padding, bias
    conv(2, 3, 2, 7, 5, 3, 1, 1, True),
    conv(3, 2, 4, 6, 7, 3, 1, 1, True),
    conv(2, 2, 3, 5, 5, 1, 1, 0, True),
    conv(2, 4, 1, 5, 6, 3, 1, 1, True),
    conv(2, 3, 2, 6, 5, 3, 1, 0, False),
    conv(2, 3, 2, 5, 5, 3, 1, 2, True),
    conv(2, 2, 3, 7, 7, 5, 1, 2, True),
    conv(2, 3, 2, 7, 5, 5, 1, 2, False),
    conv(2, 3, 2, 7, 7, 5, 1, 0, True),
    conv(2, 3, 2, 7, 8, 3, 2, 1, True),
    conv(2, 2, 3, 7, 6, 3, 2, 0, False),
    conv(2, 2, 3, 9, 7, 5, 2, 2, True),
    conv(2, 3, 2, 5, 7, 1, 2, 0, True),
    conv(2, 3, 2, 5, 5, 1, 1, 1, True),
    conv(2, 3, 2, 4, 5, 1, 2, 2, False),
    conv(2, 3, 2, 5, 6, (3, 1), 1, 1, True),
    conv(18, 2, 3, 3, 3, 3, 1, 1, True),
    case("max_pool2d", {"x": ties(2, 3, 4, 6)}, lambda x: F.max_pool2d(x, 2), size=2),
    case("max_pool2d", {"x": ties(2, 2, 5, 7)}, lambda x: F.max_pool2d(x, 2), size=2),
    case("max_pool2d", {"x": ties(2, 2, 8, 10)}, lambda x: F.max_pool2d(x, 3), size=3),
    case("max_pool2d", {"x": draw(2, 2, 7, 9)}, lambda x: F.max_pool2d(x, 2), size=2),
    case("upsample_nearest2d", {"x": draw(2, 3, 3, 5)}, lambda x: F.interpolate(x, scale_factor=2), scale=2),
    case("upsample_nearest2d", {"x": draw(2, 2, 3, 2)}, lambda x: F.interpolate(x, scale_factor=3), scale=3),
    case("relu", {"x": torch.tensor([-2.0, -0.0, 0.0, 0.5, 3.0, -0.25])}, lambda x: F.relu(x)),
    case(
        "leaky_relu",
        {"x": torch.tensor([-2.0, -0.0, 0.0, 0.5, 3.0, -0.25])},
        lambda x: F.leaky_relu(x, 0.1),
        slope=0.1,
    ),
    case("sigmoid", {"x": torch.tensor([-200.0, -3.0, 0.0, 0.5, 20.0, 200.0])}, lambda x: torch.sigmoid(x)),
    case(
        "bce_with_logits_sum",
        {"logits": draw(4, 9), "targets": torch.tensor(np.round(rng.random((4, 9)) * 64) / 64)},
        lambda logits, targets: F.binary_cross_entropy_with_logits(logits, targets, reduction="sum"),
    ),
    case(
        "bce_with_logits_sum",
        {
            "logits": torch.tensor([200.0, 200.0, -200.0, -200.0, 0.0, 0.0, -0.0, 90.0, -90.0]),
            "targets": torch.tensor([1.0, 0.0, 1.0, 0.0, 1.0, 0.25, 0.0, 1.0, 0.5]),
        },
        lambda logits, targets: F.binary_cross_entropy_with_logits(logits, targets, reduction="sum"),
    ),
    case(
        "linear",
        {"x": draw(5, 7), "weight": draw(3, 7), "bias": draw(3)},
        lambda x, weight, bias: F.linear(x, weight, bias),
    ),
    case("linear", {"x": draw(3, 4), "weight": draw(5, 4)}, lambda x, weight: F.linear(x, weight)),
    case("two_paths", {"x": draw(2, 3, 4, 5), "weight": draw(3, 3, 3, 3)}, two_paths),
    # N, C, O, H, W, scale, bias
    conv_transpose(2, 3, 4, 3, 5, 2, True),
    conv_transpose(2, 4, 2, 2, 3, 3, True),
    conv_transpose(3, 2, 3, 4, 1, 2, False),
    conv_transpose(2, 3, 2, 2, 2, 1, True),
    # groups, shape
    group_norm(2, 3, 4, 3, 5),
    group_norm(1, 2, 3, 2, 2),
    group_norm(3, 2, 3, 4, 2),
    group_norm(2, 5, 6, eps=0.5),
    group_norm(2, 2, 4, 3),
]

path = pathlib.Path("tests/data/ops_reference.json")
path.parent.mkdir(parents=True, exist_ok=True)
lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
path.write_text(f'{{"torch":"{torch.__version__}","cases":[\n{lines}\n]}}\n')
print(f"{path}: {len(cases)} cases, {path.stat().st_size} bytes")
