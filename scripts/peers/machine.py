"""The machine, and the environment that the peers are installed into."""

import os
import platform
import subprocess
import sys
import time
from pathlib import Path

from .turns import SCRIPT, say

TENSORFLOW = "tensorflow-cpu" if sys.platform == "linux" else "tensorflow"
# PyTorch's wheel for Linux on PyPI is built with CUDA, and does not load without CUDA's libraries. It does
# without Triton, cuSOLVER and the rest, and compiles for the CPU: 1.5 GB less than what pip would take.
PACKAGES = ["numpy==2.4.6", "pillow==13.0.0", "safetensors==0.8.0",
            "keras==3.15.1", f"{TENSORFLOW}==2.21.0", "jax==0.10.2"]
TORCH = "torch==2.15.0"
TORCH_ON_LINUX = ["filelock", "typing-extensions", "setuptools", "sympy", "networkx", "jinja2", "fsspec",
                  "cuda-toolkit[cublas,cudart,cufft,cufile,cupti,cusparse,nvjitlink,nvrtc]==13.2.2",
                  "nvidia-cudnn-cu13==9.26.0.51", "nvidia-cusparselt-cu13==0.8.1",
                  "nvidia-nccl-cu13==2.30.7", "nvidia-nvshmem-cu13==3.7.2"]


def cpu_name() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def versions() -> list:
    """The peers that this interpreter has, with their versions."""
    from importlib.metadata import PackageNotFoundError, version

    found = []
    for name in ["torch", "keras", TENSORFLOW, "jax"]:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return found


def enter(venv: Path, interpreter: Path | None):
    """Goes on in the interpreter that has the peers, if one is given, else inside the virtual environment, which is
    made first where it does not stand yet."""
    if interpreter:
        if Path(sys.executable) != interpreter.absolute():
            os.execv(interpreter, [str(interpreter.absolute()), str(SCRIPT), *sys.argv[1:]])
        return
    if Path(sys.prefix).resolve() == venv.resolve():
        return
    on_linux = sys.platform == "linux"
    wanted = "\n".join([*PACKAGES, TORCH, *(TORCH_ON_LINUX if on_linux else [])])
    mark, python = venv / "peers.txt", venv / "bin" / "python"
    if not mark.exists() or mark.read_text() != wanted:
        say(f"installing the peers into {venv}, once")
        start = time.time()
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*install, *PACKAGES, *(TORCH_ON_LINUX if on_linux else [])], check=True)
        subprocess.run([*install, *(["--no-deps"] if on_linux else []), TORCH], check=True)
        mark.write_text(wanted)
        say(f"installed in {time.time() - start:.0f} seconds")
    os.execv(python, [str(python), str(SCRIPT), *sys.argv[1:]])
