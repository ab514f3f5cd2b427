#!/usr/bin/env bash
# Checks and measures pcnet on a machine with a CUDA torch, without a network: unpacks what
# scripts/bundle.sh packed, runs it, and writes cuda_check.json and a page of it.
set -euo pipefail

usage() {
  cat <<'USAGE'
Usage: scripts/cuda_check.sh BUNDLE.tar.xz OUT_FOLDER [STEP]…

Needs a Python with a CUDA torch >= 2.11: the one of PYTHON, else python3. All steps take less than
eight minutes on an H100; scripts/cuda_check.py --list names them. Without a GPU it says so and ends
with 3, after everything that could be checked without one.
USAGE
}

case ${1:-} in
  -h | --help)
    usage
    exit 0
    ;;
esac
(($# >= 2)) || {
  usage >&2
  exit 2
}
bundle=$1 out=$2
shift 2
python=${PYTHON:-python3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$out"
tar -C "$work" -xJf "$bundle"
torch=$("$python" -c 'import importlib.util as u; s = u.find_spec("torch"); print(s.submodule_search_locations[0] if s else "")')
[[ -n "$torch" ]] || {
  echo "cuda_check: error: $python has no torch" >&2
  exit 1
}
export LD_LIBRARY_PATH="$torch/lib:$work/pcnet/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
"$python" "$work/pcnet/cuda_check.py" --bundle "$work/pcnet" --out "$out" "$@"
