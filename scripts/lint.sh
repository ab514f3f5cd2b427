#!/usr/bin/env bash
# Formatting, clang-tidy and script checks.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
readonly root
cd "$root"

usage() {
  cat <<'USAGE'
Usage: scripts/lint.sh [--all | --changed BASE] [--no-tidy]

clang-tidy looks at the sources that changed, or include a header that changed, since the last commit
on which all were found clean: .ci/clean names it. Where it names none of this history, all are.

  --all            clang-tidy on all sources; when they are clean, .ci/clean is written
  --changed BASE   on what changed since this commit
  --no-tidy        without clang-tidy (seconds instead of minutes)

To repair formatting: clang-format -i $(git ls-files '*.h' '*.cpp' ':!third_party')
USAGE
}

tidy=yes
all=no
base=''
while (($#)); do
  case $1 in
    --all) all=yes ;;
    --changed) base=${2:?--changed needs a commit} && shift ;;
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
  # Without the precompiled header a file is read with what it includes, which most often is not all
  # of torch: four times faster, and a missing include is found.
  cmake -S . -B build/tidy -G Ninja -DCMAKE_CXX_COMPILER=clang++ -DPCNET_BUILD_TESTS=OFF -DPCNET_UNITY=OFF \
    -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON -DCMAKE_EXPORT_COMPILE_COMMANDS=ON >/dev/null
  clean=$(cat .ci/clean 2>/dev/null) || true
  if [[ $all == no && -z $base ]] && git merge-base --is-ancestor "${clean:-none}" HEAD 2>/dev/null; then
    base=$clean
  fi
  if [[ $all == yes || -z $base ]]; then
    sources=("$root/src/" "$root/apps/")
  elif ! git diff --quiet "$base" -- .clang-tidy; then
    echo 'lint: .clang-tidy has changed: all sources'
    sources=("$root/src/" "$root/apps/")
  else
    changed=$(python3 scripts/changed_sources.py "$base")  # a failure ends the script: it is no empty list
    sources=()
    if [[ -n $changed ]]; then mapfile -t sources <<<"$changed"; fi
    echo "lint: ${#sources[@]} sources changed, or what they include, since ${base:0:10}"
  fi
  if ((${#sources[@]})); then
    run-clang-tidy -quiet -p build/tidy "${sources[@]}" >build/tidy/report.txt 2>&1 ||
      failed+=(clang-tidy)
    grep -E '(warning|error):' build/tidy/report.txt | sort -u || true
  fi
fi

if ((${#failed[@]})); then
  printf 'lint: failed: %s\n' "${failed[*]}" >&2
  exit 1
fi
if [[ $all == yes && $tidy == yes ]] && git diff --quiet HEAD; then git rev-parse HEAD >.ci/clean; fi
echo 'lint: ok'
