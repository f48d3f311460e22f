"""Writes the small NumPy files that tests/library/data_npy.rs reads, into tests/data/npy/.

Each array follows from its indices alone, so that the test can say what it must find.
Needs numpy; `python scripts/reference_npy.py` writes the same bytes every time.
"""

import io
import zipfile
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent.parent / "tests" / "data" / "npy"


def pixels(*shape):
    """Bytes that count up by 7, modulo 256, in C order."""
    return (np.arange(np.prod(shape)) * 7 % 256).astype(np.uint8).reshape(shape)


def save(name, array, version=None):
    with open(FOLDER / name, "wb") as file:
        np.lib.format.write_array(file, array, version=version, allow_pickle=True)


def save_npz(name, arrays, method):
    """Like numpy.savez and savez_compressed, but with a fixed time stamp."""
    with zipfile.ZipFile(FOLDER / name, "w", method) as archive:
        for key, array in arrays.items():
            file = io.BytesIO()
            np.save(file, array)
            archive.writestr(zipfile.ZipInfo(f"{key}.npy"), file.getvalue(), method)


save("grey_u8.npy", pixels(12, 4, 5))
save("grey_u8_v2.npy", pixels(12, 4, 5), version=(2, 0))
save("grey_u8_v3.npy", pixels(12, 4, 5), version=(3, 0))
save("grey_f4.npy", pixels(12, 4, 5).astype(np.float32) / 255)
save("grey_f8.npy", pixels(12, 4, 5) / 255)
save("colour_nchw.npy", pixels(12, 3, 4, 5))
save("colour_nhwc.npy", np.ascontiguousarray(pixels(12, 3, 4, 5).transpose(0, 2, 3, 1)))
save("fortran.npy", np.asfortranarray(pixels(12, 4, 5)))
save("big_endian.npy", (pixels(12, 4, 5) / 255).astype(">f4"))
save("objects.npy", np.array([[["a", 1]], [[None, 2]]], dtype=object))
save("structured.npy", np.zeros((12,), dtype=[("pixel", "<f4"), ("label", "u1")]))
save("half.npy", (pixels(12, 4, 5) / 255).astype(np.float16))

SET = {
    "x_train": pixels(20, 4, 5),
    "y_train": (np.arange(20) % 4).astype(np.uint8),
    "x_test": pixels(8, 4, 5)[::-1].copy(),
    "y_test": np.arange(8) % 4,  # int64
}
save_npz("set.npz", SET, zipfile.ZIP_STORED)
save_npz("set_compressed.npz", SET, zipfile.ZIP_DEFLATED)
