#!/usr/bin/env bash
# Packs the program, its tests and the libraries that they need into one archive, for a machine that
# has a CUDA torch but no network. scripts/cuda_check.sh unpacks and runs it there.
set -euo pipefail

readonly torch=2.11.0 runtime=13.0.96 crt=13.0.88 # CUDA 13.0; newer torch and driver run what this makes
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
readonly root
cd "$root"
readonly folder=build/bundle

usage() {
  cat <<USAGE
Usage: scripts/bundle.sh [OUT.tar.xz]

Builds pcnet, cuda_tests, full_size and parity_tool in $folder against the CUDA wheel of torch $torch
(installed in .venv-cuda, without the libraries of CUDA, which only running needs) and packs them
with every library but torch's, CUDA's and the C and C++ runtimes. Default: $folder/pcnet-cuda.tar.xz
USAGE
}

case ${1:-} in
  -h | --help)
    usage
    exit 0
    ;;
  -*)
    usage >&2
    printf 'bundle: error: unknown option %s\n' "$1" >&2
    exit 2
    ;;
esac
out=${1:-$folder/pcnet-cuda.tar.xz}

./scripts/setup.sh
if [[ ! -e .venv-cuda/ready-$torch ]]; then
  python3 -m venv --clear .venv-cuda
  .venv-cuda/bin/pip install --quiet --no-deps "torch==$torch" "nvidia-cuda-runtime==$runtime" "nvidia-cuda-crt==$crt"
  touch ".venv-cuda/ready-$torch"
fi
torch_dir=$(echo "$root"/.venv-cuda/lib/python3*/site-packages/torch)
[[ -e "$torch_dir/lib/libtorch_cuda.so" ]] || {
  echo "bundle: error: torch $torch in .venv-cuda has no CUDA: pip found another wheel" >&2
  exit 1
}

mkdir -p build
cmake -S . -B "$folder" -G Ninja -DCMAKE_BUILD_TYPE=Release \
  -DTorch_DIR="$torch_dir/share/cmake/Torch" >"$folder.configure.log" 2>&1 || {
  cat "$folder.configure.log" >&2
  exit 1
}
cmake --build "$folder" --parallel "$(nproc)" \
  --target pcnet_cli cuda_tests full_size parity_tool

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
mkdir -p "$folder" "$stage"/pcnet/{bin,lib}
for program in pcnet tests/cuda_tests tests/benchmarks/full_size tests/parity/parity_tool; do
  strip -o "$stage/pcnet/bin/$(basename "$program")" "$folder/$program"
done
# The libraries that a program asks for, of which torch's and CUDA's are found there at run time.
readonly there='/(lib(torch|c10|shm|gomp|cudart|cupti|nv)[^/]*|ld-linux[^/]*|lib(stdc[+][+]|gcc_s|c|m|dl|rt|pthread|util|resolv)[.]so[^/]*)$'
LD_LIBRARY_PATH="$torch_dir/lib" ldd "$stage"/pcnet/bin/* |
  awk '$3 ~ "^/" {print $3}' | sort -u | grep -vE "$there" |
  while read -r library; do cp -L "$library" "$stage/pcnet/lib/"; done
cp -r configs "$stage/pcnet/"
cp scripts/cuda_check.py tests/parity/peers.py tests/parity/sam_peers.py \
  tests/benchmarks/sam_benchmark.py "$stage/pcnet/"
grep -hE '^(segment-anything|mobilesam-mirror)==' tests/parity/requirements-nodeps.txt |
  xargs .venv/bin/pip install --quiet --no-deps --no-compile --target "$stage/pcnet/python"
git rev-parse HEAD >"$stage/pcnet/COMMIT"
XZ_OPT=-T0 tar -C "$stage" -cJf "$out" pcnet
printf '%s: %d MiB\n' "$out" $(($(stat -c %s "$out") / 1048576))
