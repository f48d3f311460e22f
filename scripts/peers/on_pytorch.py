"""Training steps, inference and cold start in PyTorch."""

import math
import time

from .work import ends_in_sigmoid, has_images, parts, peak_memory_mb, read_images, step_noise, warm_up

INFERENCE_BATCHES = [64, 128, 256, 500, 1000]


def activations() -> dict:
    """PyTorch's modules under the names of recipes."""
    from torch import nn

    return {
        "relu": nn.ReLU, "leaky-relu": nn.LeakyReLU, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "elu": nn.ELU,
        "swish": nn.SiLU, "softplus": nn.Softplus, "gelu": nn.GELU, "gelu-tanh": lambda: nn.GELU("tanh"),
        "capped-relu": nn.ReLU6, "saturated-linear": lambda: nn.Hardtanh(0.0, 1.0), "elliot": nn.Softsign,
        "softmax": lambda: nn.Softmax(dim=1),
    }


def sequence(layers: list, shape: tuple):
    """The layers of a list for samples of a shape, and the shape of their results."""
    from torch import nn

    class Residual(nn.Sequential):
        def forward(self, x):
            return x + super().forward(x)

    modules = []
    for layer in layers:
        if isinstance(layer, dict):
            body, shape = sequence(layer["residual"], shape)
            modules.append(Residual(*body))
            continue
        name, words = parts(layer)
        bias = "no bias" not in words
        if name == "dense":
            module, shape = nn.Linear(math.prod(shape), int(words[0]), bias), (int(words[0]),)
        elif name == "conv":
            kernel, channels = int(words[0].split("x")[0]), int(words[1])
            stride = next((int(word.split()[1]) for word in words if word.startswith("stride")), 1)
            padding = kernel // 2 if kernel % 2 else 0
            module = nn.Conv2d(shape[0], channels, kernel, stride, padding, bias=bias)
            shape = (channels, shape[1] // stride, shape[2] // stride)
        elif name == "conv-transpose":
            scale, channels = int(words[0].split("x")[0]), int(words[1])
            module = nn.ConvTranspose2d(shape[0], channels, scale, scale, bias=bias)
            shape = (channels, shape[1] * scale, shape[2] * scale)
        elif name == "max-pool":
            size = int(words[0])
            module, shape = nn.MaxPool2d(size), (shape[0], shape[1] // size, shape[2] // size)
        elif name == "upsample":
            scale = int(words[0])
            module, shape = nn.Upsample(scale_factor=scale), (shape[0], shape[1] * scale, shape[2] * scale)
        elif name == "group-norm":
            module = nn.GroupNorm(int(words[0]), shape[0])
        elif name == "flatten":
            module, shape = nn.Flatten(), (math.prod(shape),)
        elif name == "reshape":
            module, shape = nn.Unflatten(1, words), tuple(words)
        else:
            module = activations()[name]()
        modules.append(module)
    return nn.Sequential(*modules), shape


def autoencoder(network: dict, shape: list):
    """Encoder and decoder of a recipe's lists. A final sigmoid is left to the loss, or to who reconstructs."""
    import torch
    from torch import nn

    class Autoencoder(nn.Module):
        def __init__(self):
            super().__init__()
            self.latent = network.get("latent")
            self.encoder, code = sequence(network["encoder"], tuple(shape))
            decoder = network["decoder"][:-1] if ends_in_sigmoid(network) else network["decoder"]
            self.decoder, _ = sequence(decoder, (self.latent,) if self.latent else code)

        def forward(self, x):
            code = self.encoder(x)
            if not self.latent:
                return self.decoder(code)
            mean, log_variance = code.chunk(2, 1)
            if not self.training:
                return self.decoder(mean)
            sample = mean + log_variance.mul(0.5).exp() * torch.randn_like(mean)
            kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum()
            return self.decoder(sample), kl

    return Autoencoder()


def setup(job: dict):
    """Network, images in the order of the mode's memory format, and the context of its forward pass."""
    import torch

    torch.manual_seed(1)
    torch.set_num_threads(job["threads"])
    mode = job["mode"]
    model = autoencoder(job["layers"], job["shape"])
    images = torch.from_numpy(read_images(job))
    nhwc = has_images(job["layers"]) and mode != "eager"
    if nhwc:
        # Batches are taken from (N, H, W, C) and seen as channels_last, so that none is copied twice.
        model = model.to(memory_format=torch.channels_last)
    else:
        images = images.permute(0, 3, 1, 2).contiguous()
    autocast = torch.autocast("cpu", dtype=torch.bfloat16, enabled=mode == "bf16")
    return model, images, (lambda batch: batch.permute(0, 3, 1, 2) if nhwc else batch), autocast


def optimizer_of(settings: dict, parameters):
    """The fused forms are the fastest on a CPU, by a factor of 3 and more."""
    from torch import optim

    rate, kind = settings["lr"], settings["kind"]
    if kind in ["adam", "adamw"]:
        form = optim.Adam if kind == "adam" else optim.AdamW
        return form(parameters, rate, (settings["beta1"], settings["beta2"]), settings["epsilon"], fused=True)
    if kind == "sgd":
        return optim.SGD(parameters, rate, settings["momentum"], fused=True)
    assert kind == "rmsprop"
    return optim.RMSprop(parameters, rate, settings["rho"], settings["epsilon"], foreach=True)


def steps(job: dict):
    """Does training steps without end; yields the milliseconds of each."""
    import torch
    from torch.nn.functional import binary_cross_entropy_with_logits, mse_loss

    model, images, arrange, autocast = setup(job)
    recipe, network = job["recipe"], job["layers"]
    size, factor = recipe["training"]["batch_size"], step_noise(recipe)
    optimizer = optimizer_of(recipe["optimizer"], model.parameters())

    def distance(outputs, clean, reduction):
        if recipe["objective"]["reconstruction"] == "bce":
            return binary_cross_entropy_with_logits(outputs, clean, reduction=reduction)
        assert recipe["objective"]["reconstruction"] == "mse"
        return mse_loss(outputs.sigmoid() if ends_in_sigmoid(network) else outputs, clean, reduction=reduction)

    def loss_of(clean):
        seen = clean
        if factor:
            seen = torch.randn_like(clean).mul_(factor).add_(clean).clamp_(0, 1)
        with autocast:
            outputs = model(seen)
        if not network.get("latent"):
            return distance(outputs.float(), clean, "mean")
        outputs, kl = outputs
        return (distance(outputs.float(), clean, "sum") + kl) / len(clean)

    if job["mode"] == "compile":
        loss_of = torch.compile(loss_of, dynamic=False)
    total = torch.zeros(())
    while True:
        for indices in torch.randperm(len(images)).split(size):
            start = time.perf_counter()
            loss = loss_of(arrange(images.index_select(0, indices)))
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            total += loss.detach()
            yield (time.perf_counter() - start) * 1e3
        assert total.isfinite()


def measure_torch(job: dict) -> dict:
    """Milliseconds of each training step."""
    running, untimed = steps(job), warm_up(job["steps"])
    times = [next(running) for _ in range(untimed + job["steps"])]
    return {"ms_per_step": times[untimed:], "peak_memory_mb": peak_memory_mb()}


def sweep_torch(job: dict) -> dict:
    """Milliseconds of each training step in each of some modes, for a time."""
    times = {}
    for mode in job["modes"]:
        running = steps(job | {"mode": mode})
        begun = time.perf_counter()
        untimed = [next(running)]
        while len(untimed) < 2 or time.perf_counter() - begun < job["seconds"] / 5:
            untimed.append(next(running))
        begun, times[mode] = time.perf_counter(), []
        while len(times[mode]) < job["least"] or time.perf_counter() - begun < job["seconds"]:
            times[mode].append(next(running))
    return times


def infer_torch(job: dict) -> dict:
    """Seconds to reconstruct all images, at the batch size that is the fastest of some."""
    import torch

    model, images, arrange, autocast = setup(job)
    model.eval()
    if job["mode"] == "compile":
        model = torch.compile(model, dynamic=False)

    def seconds(images, size):
        start = time.perf_counter()
        with torch.inference_mode(), autocast:
            for batch in images.split(size):
                model(arrange(batch)).float().sigmoid_()
        return time.perf_counter() - start

    trial = {}
    for size in INFERENCE_BATCHES:
        # Whole batches only; the first pass warms up, and compiles for this size.
        some = images[: max(INFERENCE_BATCHES)][: max(INFERENCE_BATCHES) // size * size]
        seconds(some, size)
        trial[size] = seconds(some, size) / len(some)
    best = min(trial, key=trial.get)
    seconds(images, best)
    return {"images": len(images), "seconds": seconds(images, best), "batch_size": best,
            "peak_memory_mb": peak_memory_mb()}


def cold_start_torch(job: dict) -> dict:
    """One digit from PNG to PNG through the shipped denoiser; the parent times the whole process."""
    import numpy as np
    import torch
    from PIL import Image
    from safetensors.torch import load_file

    torch.set_num_threads(job["threads"])
    model = autoencoder(job["layers"], job["shape"])
    model.load_state_dict(load_file(job["weights"]))
    image = Image.open(job["input"]).convert("L").resize(job["shape"][:0:-1])
    pixels = torch.from_numpy(np.asarray(image, np.float32) / 255)
    with torch.inference_mode():
        result = model(pixels[None, None])[0, 0].sigmoid()
    Image.fromarray((result * 255).round().to(torch.uint8).numpy()).save(job["output"])
    return {}
