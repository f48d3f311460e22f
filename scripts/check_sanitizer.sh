#!/usr/bin/env bash
# Runs the tests of the CPU engine's kernels, which use `unsafe`, under AddressSanitizer, in every instruction
# set of this CPU. Needs a nightly toolchain of Rust; the first build takes some minutes.
set -euo pipefail
cd "$(dirname "$0")/.."
host=$(rustc -vV | sed -n 's/^host: //p')
export RUSTFLAGS="-Zsanitizer=address" CARGO_TARGET_DIR=target/sanitizer
# Without the hub half of the crates are enough; with a target, build scripts stay as they are.
cargo +nightly test --no-default-features --profile dev --target "$host" --lib engine::cpu:: "$@"
