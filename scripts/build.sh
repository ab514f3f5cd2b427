#!/usr/bin/env bash
# Configures (only when needed) and builds one preset. scripts/setup.sh prepares what this needs.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
readonly root
cd "$root"

usage() {
  cat <<'USAGE'
Usage: scripts/build.sh [--preset release|debug|asan|fuzz] [--target TARGET]…

Configures build/<preset> when that has not been done and builds it.
USAGE
}

preset=release
targets=()
while (($#)); do
  case $1 in
    --preset) preset=${2:?--preset needs a name} && shift ;;
    --target) targets+=(--target "${2:?--target needs a name}") && shift ;;
    -h | --help)
      usage
      exit 0
      ;;
    *)
      usage >&2
      printf 'build: error: unknown option %s\n' "$1" >&2
      exit 2
      ;;
  esac
  shift
done

torch_dir=$(cat .setup/torch_dir 2>/dev/null) || {
  echo 'build: error: no LibTorch chosen yet; run scripts/setup.sh first' >&2
  exit 1
}

# A compilation with torch's headers takes up to 2 GB.
jobs=$(nproc)
memory_gb=$(awk '/^MemAvailable/ {print int($2 / 1048576)}' /proc/meminfo)
if ((memory_gb / 2 < jobs)); then jobs=$((memory_gb / 2 > 1 ? memory_gb / 2 : 1)); fi

folder="build/$preset"
cached=$(sed -n 's/^Torch_DIR:[A-Z]*=//p' "$folder/CMakeCache.txt" 2>/dev/null) || true
if [[ -n "$cached" && "$cached" != "$torch_dir" ]]; then
  echo "build: LibTorch has moved: configuring $folder afresh"
  cmake --fresh --preset "$preset" -DTorch_DIR="$torch_dir"
elif [[ -z "$cached" || ! -e "$folder/build.ninja" || CMakePresets.json -nt "$folder/build.ninja" ]]; then
  cmake --preset "$preset" -DTorch_DIR="$torch_dir"
fi
cmake --build --preset "$preset" --parallel "$jobs" "${targets[@]}"
