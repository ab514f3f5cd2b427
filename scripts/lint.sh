#!/usr/bin/env bash
# Formatting, clang-tidy and script checks. Needs a build of the release preset by clang.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
readonly root
cd "$root"

usage() {
  cat <<'USAGE'
Usage: scripts/lint.sh [--changed BASE] [--no-tidy]

  --changed BASE   clang-tidy only on what changed since this commit, and what includes it
  --no-tidy        without clang-tidy (seconds instead of minutes)

To repair formatting: clang-format -i $(git ls-files '*.h' '*.cpp' ':!third_party')
USAGE
}

tidy=yes
tidy_options=()
while (($#)); do
  case $1 in
    --changed) tidy_options=(--changed "${2:?--changed needs a commit}") && shift ;;
    --no-tidy) tidy=no ;;
    -h | --help)
      usage
      exit 0
      ;;
    *)
      usage >&2
      printf 'lint: error: unknown option %s\n' "$1" >&2
      exit 2
      ;;
  esac
  shift
done

failed=()

echo 'lint: scripts'
while IFS= read -r script; do
  bash -n "$script" || failed+=("$script")
done < <(git ls-files '*.sh' .ci/run)
if command -v shellcheck >/dev/null; then
  git ls-files -z '*.sh' .ci/run | xargs -0 shellcheck || failed+=(shellcheck)
fi
cache=$(mktemp -d)
trap 'rm -rf "$cache"' EXIT
git ls-files -z '*.py' | PYTHONPYCACHEPREFIX=$cache xargs -0 -r python3 -m py_compile ||
  failed+=(py_compile)

echo 'lint: clang-format'
git ls-files -z '*.h' '*.cpp' ':!third_party' | xargs -0 clang-format --dry-run -Werror ||
  failed+=(clang-format)

if [[ $tidy == yes ]]; then
  if grep -q '^CMAKE_CXX_COMPILER:.*clang' build/release/CMakeCache.txt 2>/dev/null; then
    # A build that is up to date takes a second; without its precompiled header tidy cannot start.
    ./scripts/build.sh --preset release
    python3 scripts/tidy.py --build build/release "${tidy_options[@]}" || failed+=(clang-tidy)
  else
    echo 'lint: error: clang-tidy needs build/release made by clang; run scripts/test.sh first' >&2
    failed+=(clang-tidy)
  fi
fi

if ((${#failed[@]})); then
  printf 'lint: failed: %s\n' "${failed[*]}" >&2
  exit 1
fi
echo 'lint: ok'
