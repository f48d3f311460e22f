#!/usr/bin/env bash
# Runs the tests of a CUDA card on a machine without one: on an emulated card, which also finds accesses out of bounds
# and threads that do not wait for each other (tests/emulator/README.md). The first build takes some ten minutes.
#
#     eval "$(scripts/cuda_toolkit.sh)"                   # where no toolkit is installed
#     scripts/test_emulated.sh                            # all tests of tests/devices.rs
#     EMU_FENCE=16 EMU_CHECK=2 scripts/test_emulated.sh networks
set -euo pipefail
cd "$(dirname "$0")/.."
echo "This takes x86-64 Linux, g++, nm, python3, cargo, and in CUDA_HOME a CUDA 13 toolkit; no driver, no card."
missing=()
for program in g++ nm python3 cargo; do
    command -v "$program" > /dev/null || missing+=("$program")
done
for file in bin/nvcc include/{cuda,cublas_v2,curand}.h lib64/stubs/libcuda.so \
    lib64/lib{cublas.so.13,cudart.so.13,curand.so.10}; do
    [ -e "${CUDA_HOME:-}/$file" ] || missing+=("\$CUDA_HOME/$file")
done
if [ ${#missing[@]} -gt 0 ]; then
    echo "Missing: ${missing[*]}" >&2
    exit 1
fi
emulator=$PWD/target/emulator
tests/emulator/build.sh "$emulator"
tests/emulator/self_test/run.sh "$emulator"

# Without a card, its generation is not asked for, and programs are linked with what stands in for its driver.
export CUDA_COMPUTE_CAP=${CUDA_COMPUTE_CAP:-90}
export PATH=$CUDA_HOME/bin:$PATH
export LIBRARY_PATH=$CUDA_HOME/lib64:$CUDA_HOME/lib64/stubs${LIBRARY_PATH:+:$LIBRARY_PATH}
export AUTOENCODE_TEST_DEVICE=cuda
export LD_LIBRARY_PATH=$emulator${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
cargo test --release --features cuda --lib
cargo test --release --features cuda --test devices -- --test-threads 1 "$@"
