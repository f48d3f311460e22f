#!/usr/bin/env bash
# build.sh [FOLDER [SOURCES OF CANDLE-KERNELS]]: builds the emulated driver, the libraries beside it, and all kernels.
# README.md says what it needs. What is newer than all it is made from stays.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
project=$(cd "$here/../.." && pwd)
mkdir -p "${1:-$project/target/emulator}"
out=$(cd "${1:-$project/target/emulator}" && pwd)
mkdir -p "$out/objects" "$out/kernels" "$out/project"

sources_of_candle() {
    cargo metadata --offline --format-version 1 --features cuda --manifest-path "$project/Cargo.toml" | python3 -c '
import json, pathlib, sys
for package in json.load(sys.stdin)["packages"]:
    if package["name"] == "candle-kernels":
        print(pathlib.Path(package["manifest_path"]).parent / "src")'
}
candle=${2:-$(sources_of_candle)}

functions() { nm --defined-only "$@" | sed -nE 's/^[0-9a-f]+ [TW] ([A-Za-z0-9_]+).*/\1/p' | sort -u; }

# library NAME REAL SOURCES: what the real one has and the sources lack fails when it is called.
library() {
    local library=$out/$1 made=$out/objects/$1
    if [ -e "$library" ] && [ -z "$(find "$here" -type f -newer "$library" -print -quit)" ]; then return; fi
    local options=(-std=c++17 -O2 -march=native -fPIC -g1 -Wall -Wextra -fno-semantic-interposition
        -isystem "$CUDA_HOME/include" -I "$here")
    g++ -r -o "$made.o" "${options[@]}" "${@:3}"
    {
        echo '#include "driver/report.h"'
        comm -23 <(functions -D "$2") <(functions "$made.o") |
            sed 's/.*/extern "C" void &() { emulator::fail("& is not emulated"); }/'
    } > "$made.missing.cpp"
    # Programs are linked with a version of each name, and warn if there is none.
    echo "$1 { global: *; };" > "$made.version"
    local needed=()
    if [ "$1" != libcuda.so.1 ]; then needed=(-L "$out" -l:libcuda.so.1); fi
    g++ -shared -o "$library" "${options[@]}" -Wl,-soname,"$1" -Wl,--version-script="$made.version" "$made.o" \
        "$made.missing.cpp" "${needed[@]}" -ldl
    echo "$library"
}
toolkit=$CUDA_HOME/lib64
library libcuda.so.1 "$toolkit/stubs/libcuda.so" "$here"/{runtime,driver}/*.cpp
library libcublas.so.13 "$toolkit/libcublas.so.13" "$here/libraries/cublas.cpp"
library libcudart.so.13 "$toolkit/libcudart.so.13" "$here/libraries/cudart.cpp"
library libcurand.so.10 "$toolkit/libcurand.so.10" "$here/libraries/curand.cpp"

# The project's kernels include instructions.cuh from beside themselves: they are copied to the one that stands in.
rm -f "$out"/project/*
cp -p "$project"/src/engine/cuda/kernels/*.cu* "$out/project"
cp -p "$here/shim/instructions.cuh" "$out/project"
of_candle=("$candle"/{affine,binary,cast,conv,fill,indexing,reduce,sort,ternary,unary}.cu)
of_project=("$out"/project/*.cu "$here"/self_test/*.cu)

# Of a source that is gone, kernels would be there twice.
for library in "$out"/kernels/*.so; do
    [[ " ${of_candle[*]} ${of_project[*]} " == *"/$(basename "$library" .so).cu "* ]] || rm -f "$library"
done
compile() { xargs -0 -P "$(nproc)" -n 1 "$here/compile_kernels.sh" "$out" "$@"; }
# For the last generation of cards without floats of 16 bits: candle leaves their kernels out.
printf '%s\0' "${of_candle[@]}" | compile -D__CUDA_ARCH__=520
# Accesses that are not aligned, or outside an array whose size is known, trap.
printf '%s\0' "${of_project[@]}" |
    compile -D__CUDA_ARCH__=900 -fsanitize=alignment,bounds -fsanitize-undefined-trap-on-error
