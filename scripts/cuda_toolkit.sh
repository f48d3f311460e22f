#!/usr/bin/env bash
# Lays out a CUDA 13.0 toolkit from Python wheels, to build with --features cuda where none is installed: nvcc, headers,
# cuBLAS, cuRAND, NVRTC, and a libcuda to link with, in whose place a driver or tests/emulator runs the program.
#
#     eval "$(scripts/cuda_toolkit.sh)"           # into target/cuda-13.0: 1.3 GB, a minute; at once when it is there
#     eval "$(scripts/cuda_toolkit.sh FOLDER)"    # into another folder
set -euo pipefail
wheels=(
    nvidia-cuda-nvcc==13.0.88
    nvidia-cuda-crt==13.0.88
    nvidia-nvvm==13.0.88
    nvidia-cuda-cccl==13.0.85
    nvidia-cuda-runtime==13.0.96
    nvidia-cuda-nvrtc==13.0.88
    nvidia-cublas==13.1.0.3
    nvidia-curand==10.4.0.35
)
folder=$(realpath -m "${1:-$(dirname "$0")/../target/cuda-13.0}")

fail() {
    echo "no CUDA toolkit: $1" >&2
    exit 1
}

lay_out() {
    [ "$(uname -sm)" = "Linux x86_64" ] || fail "the wheels are taken for x86-64 Linux, this is $(uname -sm)"
    command -v python3 > /dev/null || fail "python3 is missing"
    python3 -m pip --version > /dev/null 2>&1 || fail "python3 has no pip"
    mkdir -p "$(dirname "$folder")"
    work=$(mktemp -d "$folder.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    python3 -m pip install --quiet --no-deps --no-compile --only-binary=:all: --target "$work/wheels" "${wheels[@]}" \
        > "$work/log" 2>&1 || fail "pip: $(grep -m 1 '^ERROR' "$work/log" || tail -n 1 "$work/log")"
    local toolkit=$work/wheels/nvidia/cu13
    ln -s lib "$toolkit/lib64"
    # The linker looks for names without a version.
    for library in "$toolkit"/lib/*.so.*; do
        ln -s "$(basename "$library")" "${library%%.so.*}.so"
    done
    # Every name of the driver's header: more than its functions does no harm.
    mkdir "$toolkit/lib/stubs"
    grep -oE '\bcu[A-Z][A-Za-z0-9_]*' "$toolkit/include/cuda.h" | sort -u | sed 's/.*/void &(void) {}/' |
        g++ -shared -fPIC -Wl,-soname,libcuda.so.1 -o "$toolkit/lib/stubs/libcuda.so" -x c -
    mv -T "$toolkit" "$folder"
}

command -v g++ > /dev/null || fail "g++ is missing, with which nvcc compiles what runs on the host"
[ -e "$folder/lib/stubs/libcuda.so" ] || lay_out
cat << EXPORTS
export CUDA_HOME='$folder' CUDA_PATH='$folder' CUDA_ROOT='$folder' CUDA_TOOLKIT_ROOT_DIR='$folder'
export CUDA_COMPUTE_CAP=\${CUDA_COMPUTE_CAP:-90} CUDARC_CUDA_VERSION=13000
export PATH='$folder/bin':"\$PATH" LIBRARY_PATH='$folder/lib:$folder/lib/stubs'\${LIBRARY_PATH:+:\$LIBRARY_PATH}
EXPORTS
