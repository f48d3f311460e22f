"""Training steps in Keras."""

import math
import os
import time

from .work import parts, peak_memory_mb, read_images, step_noise, warm_up


def measure_keras(job: dict) -> dict:
    """Milliseconds a step of `fit`, one figure for every return to Python."""
    os.environ["KERAS_BACKEND"] = job["mode"]
    if job["mode"] == "tensorflow":
        import tensorflow

        tensorflow.config.threading.set_intra_op_parallelism_threads(job["threads"])
        tensorflow.config.threading.set_inter_op_parallelism_threads(job["threads"])
    import keras

    images, recipe = read_images(job), job["recipe"]
    dense = recipe["network"]["family"] == "dense"
    # The fastest that was found. Keras comes back to Python once in so many steps, which short ones need most.
    # XLA, which JAX always uses, makes TensorFlow's dense steps faster and its convolutions slower.
    together = 20 if dense else 5
    jit = True if dense else "auto"
    if dense:
        images = images.reshape(len(images), -1)
    build = {
        "flatten": keras.layers.Flatten,
        "relu": keras.layers.ReLU,
        "dense": lambda units: keras.layers.Dense(int(units)),
        "conv": lambda kernel, channels: keras.layers.Conv2D(int(channels), int(kernel.split("x")[0]), padding="same"),
        "max-pool": lambda size: keras.layers.MaxPooling2D(int(size)),
        "upsample": lambda scale: keras.layers.UpSampling2D(int(scale)),
    }
    model = keras.Sequential([keras.Input(images.shape[1:])])
    if factor := step_noise(recipe):
        model.add(keras.layers.GaussianNoise(factor))
        model.add(keras.layers.ReLU(max_value=1.0))
    for layer in job["layers"]["encoder"] + job["layers"]["decoder"]:
        name, words = parts(layer)
        # The loss takes logits, and the images of a dense network stay flat.
        if name not in ["sigmoid", "reshape"]:
            model.add(build[name](*words))
    settings = recipe["optimizer"]
    model.compile(
        keras.optimizers.Adam(settings["lr"], settings["beta1"], settings["beta2"], settings["epsilon"]),
        keras.losses.BinaryCrossentropy(from_logits=True),
        steps_per_execution=together,
        jit_compile=jit,
    )
    steps = math.ceil((warm_up(job["steps"]) + job["steps"]) / together)
    times = []

    class Clock(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.last = None

        def on_train_batch_end(self, batch, logs=None):
            # Reading the loss waits for the steps: backends may run ahead of Python.
            assert math.isfinite(logs["loss"])
            now = time.perf_counter()
            if self.last is not None:
                times.append((now - self.last) * 1e3 / together)
            self.last = now
            self.model.stop_training = len(times) >= steps

    size = recipe["training"]["batch_size"]
    whole = size * together
    images = images[: len(images) // whole * whole]
    model.fit(images, images, batch_size=size, epochs=steps, verbose=0, callbacks=[Clock()])
    times = times[math.ceil(warm_up(job["steps"]) / together):]
    return {"ms_per_step": times, "peak_memory_mb": peak_memory_mb()}
