"""Networks drawn from the whole space of recipes, as a pure function of a seed and a number."""

import dataclasses
import json
import random

#: Plain activations besides relu that PyTorch has as modules.
ACTIVATIONS = ["leaky-relu", "sigmoid", "tanh", "elu", "swish", "softplus", "gelu", "gelu-tanh", "capped-relu",
               "saturated-linear", "elliot", "softmax"]
SIDES = range(8, 129)
DEPTHS = range(1, 6)


@dataclasses.dataclass(frozen=True)
class Draw:
    number: int
    #: Channels, height and width.
    shape: tuple
    batch: int
    #: In short.
    title: str
    #: A TOML file.
    recipe: str


def toml(value) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value)


def candidates(seed: int, number: int):
    """Networks for a place in a sweep, one after the other, until one is affordable."""
    chance = Chance(f"{seed}-{number}")
    while True:
        shape, network, title = chance.weighted(
            {dense: 3, convolutional: 5, variational: 3, lists: 7})(chance)
        batch = chance.size(32 if chance.happens(0.5) else 1, 256)
        noise = chance.happens(0.4)
        reconstruction = "bce" if chance.happens(0.7) else "mse"
        objective = {"reconstruction": reconstruction}
        if "latent" in network:
            objective["elbo"] = {}
        optimizer = chance.weighted({"adam": 8, "adamw": 1, "rmsprop": 1, "sgd": 1})
        settings = {"kind": optimizer, "lr": 1e-4}
        if optimizer == "sgd":
            # Its steps are as large as the gradients, which are those of a sum for a variational network.
            settings |= {"lr": 1e-8, "momentum": 0.9}
        recipe = {
            "name": f"sweep-{seed}-{number}",
            "data": {"validation": "test"},
            "network": network,
            "objective": objective,
            "optimizer": settings,
            "training": {"epochs": 1, "batch_size": batch},
        }
        if noise:
            recipe["corruption"] = {"kind": "gaussian", "factor": 0.3, "draw": "every-epoch"}
        text = "".join(f"{key} = {toml(value)}\n" for key, value in recipe.items())
        others = [reconstruction] + ["noise"] * noise + [optimizer] * (optimizer != "adam")
        title = f"{title}; {'x'.join(map(str, shape))}, batch {batch}, {', '.join(others)}"
        yield Draw(number, shape, batch, title, text)


class Chance(random.Random):
    """Random numbers with the distributions that the networks are drawn from."""

    def happens(self, probability: float) -> bool:
        return self.random() < probability

    def weighted(self, weights: dict):
        return self.choices(list(weights), weights.values())[0]

    def size(self, least: int, most: int) -> int:
        """Uniform in its logarithm; more often than not a power of two, as people choose them."""
        value = least * (most / least) ** self.random()
        if self.happens(0.6):
            power = 1
            while power * 1.42 < value:
                power *= 2
            value = power
        return min(max(round(value), least), most)

    def shape(self, factor: int) -> tuple:
        """Of images whose sides a factor divides."""
        sides = [side for side in SIDES if side % factor == 0]
        weights = [1 / side for side in sides]
        height, width = self.choices(sides, weights, k=2)
        return self.choice([1, 3]), height, height if self.happens(0.7) else width

    def kernel(self) -> int:
        return self.weighted({3: 6, 1: 1, 5: 2, 7: 1.5, 9: 1})

    def scale(self) -> int:
        return self.weighted({2: 6, 3: 2, 4: 2})

    def activation(self) -> str:
        return "relu" if self.happens(0.5) else self.choice(ACTIVATIONS)

    def widths(self, count: int, most: int = 256) -> list:
        """Growing ones, as most networks have, or any."""
        widths = [self.size(4, most) for _ in range(count)]
        return sorted(widths) if self.happens(0.6) else widths

    def levels(self, scale: int, deepest: int) -> int:
        """How often images are made smaller, within what their largest side allows."""
        possible = [count for count in range(deepest + 1) if scale**count <= SIDES[-1]]
        return self.choice(possible)


def dense(chance: Chance) -> tuple:
    encoder = chance.widths(chance.choice(DEPTHS), 1024)[::-1]
    activation = chance.activation()
    network = {"family": "dense", "encoder": encoder, "activation": activation}
    return chance.shape(1), network, f"dense {encoder} {activation}"


def convolutional(chance: Chance) -> tuple:
    scale, kernel, activation = chance.scale(), chance.kernel(), chance.activation()
    levels = chance.levels(scale, DEPTHS[-1] - 1)
    encoder, decoder = chance.widths(levels + 1), chance.widths(levels)[::-1]
    network = {"family": "conv", "encoder": encoder, "decoder": decoder, "kernel": kernel, "scale": scale,
               "activation": activation}
    return chance.shape(scale**levels), network, f"conv {kernel}x{kernel} {encoder} {decoder} scale {scale} {activation}"


def variational(chance: Chance) -> tuple:
    activation, latent = chance.activation(), chance.size(2, 64)
    network = {"family": "vae", "latent": latent, "activation": activation}
    if chance.happens(0.5):
        encoder = chance.widths(chance.choice(DEPTHS), 1024)[::-1]
        network |= {"body": "dense", "encoder": encoder}
        return chance.shape(1), network, f"vae dense {encoder} latent {latent} {activation}"
    scale, kernel = chance.scale(), chance.kernel()
    levels = max(1, chance.levels(scale, DEPTHS[-1]))
    encoder = chance.widths(levels)
    network |= {"body": "conv", "encoder": encoder, "kernel": kernel, "scale": scale}
    title = f"vae conv {kernel}x{kernel} {encoder} latent {latent} scale {scale} {activation}"
    return chance.shape(scale**levels), network, title


def lists(chance: Chance) -> tuple:
    """Levels of convolutions, with residual blocks and group norms, changed in size in any way there is."""
    activation, scale, kernel = chance.activation(), chance.scale(), chance.kernel()
    levels = chance.levels(scale, DEPTHS[-1] - 1)
    shape = chance.shape(scale**levels)
    has_residuals, has_norms = chance.happens(0.6), chance.happens(0.2)
    down = chance.weighted({"max-pool": 3, "strided": 2, "patches": 1})
    up = chance.weighted({"upsample": 1, "transposed": 1})
    widths = chance.widths(levels + 1)

    def conv(channels, size=kernel, stride=1):
        return f"conv {size}x{size}, {channels}" + (f", stride {stride}" if stride > 1 else "")

    def finished(layer, channels):
        """A layer with what stands behind it."""
        # A group has more than one channel: of an image of one pixel, a single one would become 0.
        groups = next(count for count in [8, 4, 2, 1] if channels % count == 0 and channels > count)
        return [layer] + [f"group-norm {groups}"] * has_norms + [activation]

    def blocks(channels):
        if not has_residuals:
            return []
        body = finished(conv(channels), channels) + [conv(channels, chance.choice([1, kernel]))]
        return [{"residual": body}, activation] * chance.choice([1, 2])

    def smaller(before, channels):
        if down == "max-pool":
            return [f"max-pool {scale}", *finished(conv(channels), channels)]
        size = scale if down == "patches" else kernel
        # An odd kernel as large as its stride is padded like any other.
        return finished(conv(channels, size, scale), channels)

    def larger(channels):
        if up == "upsample":
            return [f"upsample {scale}", *finished(conv(channels), channels)]
        return finished(f"conv-transpose {scale}x{scale}, {channels}", channels)

    encoder = finished(conv(widths[0]), widths[0]) + blocks(widths[0])
    for before, channels in zip(widths, widths[1:]):
        encoder += smaller(before, channels) + blocks(channels)
    decoder = []
    network = {"family": "layers"}
    small = (widths[-1], shape[1] // scale**levels, shape[2] // scale**levels)
    if chance.happens(0.2):
        values, units = small[0] * small[1] * small[2], chance.size(4, 256)
        if chance.happens(0.5):
            network["latent"] = units
        encoder += ["flatten", f"dense {2 * units if 'latent' in network else units}"]
        decoder += [f"dense {values}", activation, f"reshape {list(small)}"]
    for channels in widths[-2::-1] if levels else []:
        decoder += larger(channels) + blocks(channels)
    decoder += [conv(shape[0]), "sigmoid"]
    network |= {"encoder": encoder, "decoder": decoder}
    words = [f"layers {kernel}x{kernel} {widths} scale {scale}", down, up, activation]
    words += ["residuals"] * has_residuals + ["norms"] * has_norms
    words += [f"latent {network['latent']}"] if "latent" in network else ["dense code"] * ("flatten" in encoder)
    return shape, network, " ".join(words)
