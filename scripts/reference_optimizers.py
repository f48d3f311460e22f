"""Writes tests/data/optimizers_reference.json: variables moved by the optimisers of PyTorch and Keras.

Run from the repository root with numpy, torch and keras installed:

    KERAS_BACKEND=torch python scripts/reference_optimizers.py

A series holds starting values and the gradients of 20 steps, drawn by numpy with a fixed seed and
rounded so that they are short and exact. Every case names a series, the settings as they stand in the
[optimizer] table of a recipe, and the values that torch.optim's or keras.optimizers' optimiser reaches
after the first, tenth and last step, in float64. Keras answers where it differs from PyTorch: RMSprop
with epsilon inside the root, and Adam with epsilon beside the root before its bias is corrected. Cases
with `clip_norm` call torch.nn.utils.clip_grad_norm_ before each step; it adds 1e-6 to the norm, so
norms there are large, and only some lie above the limit.
"""

import json
import pathlib

import keras
import numpy as np
import torch

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)
keras.config.set_floatx("float64")

STEPS = 20
KEPT = (1, 10, STEPS)
SHAPES = {"encoder.0.weight": (3, 4), "encoder.0.bias": (3,), "decoder.0.weight": (2, 1, 2, 2)}


def numbers(values):
    return [float(f"{value:.15g}") for value in np.asarray(values).reshape(-1)]


def series(seed, size):
    rng = np.random.default_rng(seed)

    def draw(scale):
        return {
            name: np.round(rng.standard_normal(shape) * 64) / 64 * scale
            for name, shape in SHAPES.items()
        }

    start = draw(1.0)
    # Steps differ in size, as clipping makes no difference to Adam where all are scaled alike.
    gradients = [draw(size * float(rng.choice([0.25, 1.0, 4.0]))) for _ in range(STEPS)]
    return start, gradients


SERIES = {"usual": series(1, 1.0), "small": series(2, 0.0625), "large": series(3, 64.0)}


def by_torch(settings, start, gradients):
    variables = {name: torch.tensor(values).requires_grad_() for name, values in start.items()}
    options = dict(settings)
    kind = options.pop("kind")
    clip_norm = options.pop("clip_norm", None)
    if "beta1" in options:
        options["betas"] = (options.pop("beta1"), options.pop("beta2"))
    if "epsilon" in options:
        options["eps"] = options.pop("epsilon")
    if kind == "rmsprop":
        options["alpha"] = options.pop("rho")
    classes = {
        "sgd": torch.optim.SGD,
        "rmsprop": torch.optim.RMSprop,
        "adadelta": torch.optim.Adadelta,
        "adam": torch.optim.Adam,
        "adamw": torch.optim.AdamW,
    }
    optimizer = classes[kind](variables.values(), **options)
    norms = []
    for given in gradients:
        for name, variable in variables.items():
            variable.grad = torch.tensor(given[name])
        if clip_norm is not None:
            norms.append(float(torch.nn.utils.clip_grad_norm_(variables.values(), clip_norm)))
        optimizer.step()
        yield {name: numbers(variable.detach()) for name, variable in variables.items()}
    if clip_norm is not None:
        assert min(norms) < clip_norm < max(norms)


def by_keras(settings, start, gradients):
    variables = {name: keras.Variable(values) for name, values in start.items()}
    options = dict(settings)
    kind = options.pop("kind")
    options["learning_rate"] = options.pop("lr")
    # Where the recipe has to say what Keras always does.
    options.pop("epsilon_inside", None)
    options.pop("epsilon_hat", None)
    if "beta1" in options:
        options["beta_1"], options["beta_2"] = options.pop("beta1"), options.pop("beta2")
    classes = {
        "sgd": keras.optimizers.SGD,
        "rmsprop": keras.optimizers.RMSprop,
        "adadelta": keras.optimizers.Adadelta,
        "adam": keras.optimizers.Adam,
        "adamw": keras.optimizers.AdamW,
    }
    optimizer = classes[kind](**options)
    optimizer.build(list(variables.values()))
    for given in gradients:
        optimizer.apply([keras.ops.convert_to_tensor(given[name]) for name in variables])
        yield {
            name: numbers(keras.ops.convert_to_numpy(variable))
            for name, variable in variables.items()
        }


def case(library, series_name, kind, **settings):
    settings = {"kind": kind, **settings}
    steps = {"torch": by_torch, "keras": by_keras}[library]
    reached = {
        step: values
        for step, values in enumerate(steps(settings, *SERIES[series_name]), start=1)
        if step in KEPT
    }
    return {"library": library, "series": series_name, "settings": settings, "reached": reached}


def adam(library, series_name, lr, beta1, beta2, epsilon, kind="adam", **more):
    return case(
        library, series_name, kind, lr=lr, beta1=beta1, beta2=beta2, epsilon=epsilon, **more
    )


cases = [
    case("torch", "usual", "sgd", lr=0.05),
    case("torch", "usual", "sgd", lr=0.01, momentum=0.9),
    case("torch", "small", "sgd", lr=0.5, momentum=0.5, nesterov=True),
    case("torch", "large", "sgd", lr=1e-4, momentum=0.9, clip_norm=200.0),
    case("keras", "usual", "sgd", lr=0.01, momentum=0.9, nesterov=True),
    case("torch", "usual", "rmsprop", lr=1e-3, rho=0.99, epsilon=1e-8),
    case("torch", "small", "rmsprop", lr=0.05, rho=0.5, epsilon=0.1),
    case("torch", "usual", "rmsprop", lr=0.01, rho=0.9, epsilon=1e-3, momentum=0.8),
    case("torch", "large", "rmsprop", lr=0.01, rho=0.9, epsilon=1.0, clip_norm=200.0),
    case("keras", "usual", "rmsprop", lr=1e-3, rho=0.9, epsilon=1e-7, epsilon_inside=True),
    case("keras", "small", "rmsprop", lr=0.05, rho=0.5, epsilon=0.1, epsilon_inside=True),
    case(
        "keras", "usual", "rmsprop",
        lr=0.01, rho=0.9, epsilon=1e-3, momentum=0.8, epsilon_inside=True,
    ),
    case("torch", "usual", "adadelta", lr=1.0, rho=0.9, epsilon=1e-6),
    case("torch", "small", "adadelta", lr=0.5, rho=0.5, epsilon=1e-3),
    case("torch", "large", "adadelta", lr=1.0, rho=0.9, epsilon=1e-2, clip_norm=200.0),
    case("keras", "usual", "adadelta", lr=1.0, rho=0.95, epsilon=1e-7),
    adam("torch", "usual", 1e-3, 0.9, 0.999, 1e-7),
    adam("torch", "usual", 0.05, 0.5, 0.9, 1e-8),
    adam("torch", "small", 0.1, 0.0, 0.99, 0.1),
    adam("torch", "usual", 0.1, 0.8, 0.5, 1e-3),
    adam("torch", "large", 0.05, 0.9, 0.999, 1e-7, clip_norm=200.0),
    adam("torch", "large", 0.1, 0.6, 0.8, 1.0, clip_norm=100.0),
    adam("keras", "usual", 1e-3, 0.9, 0.999, 1e-7, epsilon_hat=True),
    adam("keras", "small", 0.1, 0.5, 0.99, 0.1, epsilon_hat=True),
    adam("torch", "usual", 1e-3, 0.9, 0.999, 1e-7, kind="adamw", weight_decay=0.01),
    adam("torch", "small", 0.1, 0.8, 0.9, 1e-2, kind="adamw", weight_decay=0.5),
    adam("torch", "large", 0.05, 0.9, 0.999, 1e-7, kind="adamw", weight_decay=0.1, clip_norm=200.0),
    adam("keras", "small", 0.1, 0.8, 0.9, 0.1, kind="adamw", weight_decay=0.3, epsilon_hat=True),
]
text = {
    "torch": torch.__version__.split("+")[0],
    "keras": keras.__version__,
    "shapes": SHAPES,
    "series": {
        name: {
            "start": {key: numbers(values) for key, values in start.items()},
            "gradients": [
                {key: numbers(values) for key, values in step.items()} for step in gradients
            ],
        }
        for name, (start, gradients) in SERIES.items()
    },
    "cases": cases,
}
pathlib.Path("tests/data/optimizers_reference.json").write_text(json.dumps(text) + "\n")
