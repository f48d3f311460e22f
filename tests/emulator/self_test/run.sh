#!/usr/bin/env bash
# run.sh FOLDER: whether the emulator that build.sh has built there finds what faulty.cu does wrong.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=$(cd "$1" && pwd)
g++ -std=c++17 -isystem "$CUDA_HOME/include" "$here/start.cpp" -o "$out/start" -L "$out" -l:libcuda.so.1
export LD_LIBRARY_PATH=$out
unset EMU_TRACE EMU_CHECK EMU_FENCE EMU_ORDER EMU_PROFILE
failed=0

expect() { # TEXT, SETTINGS, KERNEL: what it prints contains the text
    local found
    found=$(env "${@:2:$#-2}" "$out/start" "${!#}" 2>&1 || true)
    if [[ $found != *"$1"* ]]; then
        printf '%s\n    expected: %s\n    found: %s\n' "${*:2}" "$1" "$found"
        failed=1
    fi
}

expect "was written 0 bytes behind its end" EMU_CHECK=1 write_behind
expect "was written 0 bytes behind its end" EMU_CHECK=2 write_behind
expect "offset 256 of allocation 0 of 256 bytes" EMU_FENCE=4 write_behind
expect "offset 256 of allocation 0 of 256 bytes" EMU_FENCE=4 read_behind
expect "block (0, 0, 0), thread (0, 0, 0)" EMU_FENCE=4 read_behind
expect "an access outside of memory" write_behind_shared
expect "outside an array" index_behind_array
expect "not aligned" read_unaligned
expect "have returned" return_before_barrier
expect "wait at different __syncthreads" diverge
expect "deadlock: a lane waits in __shfl_xor_sync" diverge_in_warp
expect "without having waited for its cp.async" copy_without_wait
expect "wrong" read_before_wait
expect "it can have 32" exceed_bounds
for order in "" reverse random; do
    expect "wrong" EMU_ORDER="$order" miss_barrier
    expect "right" EMU_ORDER="$order" product_in_tf32
    expect "right" EMU_ORDER="$order" product_in_bf16
done
if [ "$failed" = 0 ]; then echo "the emulator finds what it has to"; fi
exit "$failed"
