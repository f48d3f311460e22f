#!/usr/bin/env bash
# compile_kernels.sh FOLDER OPTIONS OF THE COMPILER... SOURCE: builds FOLDER/kernels/NAME.so of NAME.cu.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=$1
source=${!#}
options=("${@:2:$#-2}")
name=$(basename "$source" .cu)
library=$out/kernels/$name.so
if [ -e "$library" ] && [ -z "$(find "$here" "$(dirname "$source")" -type f -newer "$library" -print -quit)" ]; then
    exit
fi
# Kernels have plain names: none is seen from outside of its library. As on a card, integers that overflow wrap, and
# memory may be read as another type. Warnings are for nvcc to give.
options+=(-std=c++17 -O2 -march=native -fPIC -g1 -w -fvisibility=hidden -fwrapv -fno-strict-aliasing)
g++ -E -x c++ "${options[@]}" -I "$here/shim" -include cuda_kernel.h "$source" |
    python3 "$here/generate.py" > "$out/objects/$name.ii"
g++ -fpreprocessed "${options[@]}" -shared -Wl,-z,defs -o "$library.new" "$out/objects/$name.ii" \
    -L "$out" -l:libcuda.so.1
mv "$library.new" "$library"
echo "$library"
