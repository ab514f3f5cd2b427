#!/usr/bin/env bash
# Formatting, clang-tidy and script checks.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
readonly root
cd "$root"

usage() {
  cat <<'USAGE'
Usage: scripts/lint.sh [--no-tidy]

  --no-tidy   without clang-tidy: seconds instead of minutes

To repair formatting: clang-format -i $(git ls-files '*.h' '*.cpp' ':!third_party')
USAGE
}

tidy=yes
while (($#)); do
  case $1 in
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
  echo 'lint: clang-tidy on the library and the program'
  # Many files at once, so that what they include, which takes most of the time, is read a few times
  # only; without the precompiled header, which is all of torch.
  cmake -S . -B build/tidy -G Ninja -DCMAKE_CXX_COMPILER=clang++ -DPCNET_BUILD_TESTS=OFF \
    -DPCNET_UNITY=ON -DPCNET_UNITY_FILES=30 -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON \
    -DCMAKE_EXPORT_COMPILE_COMMANDS=ON >/dev/null
  run-clang-tidy -quiet -p build/tidy -checks=-bugprone-suspicious-include \
    >build/tidy/report.txt 2>&1 || failed+=(clang-tidy)
  grep -E '(warning|error):' build/tidy/report.txt | sort -u || true
fi

if ((${#failed[@]})); then
  printf 'lint: failed: %s\n' "${failed[*]}" >&2
  exit 1
fi
echo 'lint: ok'
