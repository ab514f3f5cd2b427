#!/usr/bin/env bash
# Prepares, builds and runs all default tests. A second run only repeats the tests.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
readonly root
cd "$root"

usage() {
  cat <<'USAGE'
Usage: scripts/test.sh [--preset release|debug|asan|fuzz] [CTEST ARGUMENTS]…

  scripts/test.sh                    everything but the tests labelled "slow"
  scripts/test.sh -L unit            only the unit tests
  scripts/test.sh -R Picture         only suites and scripts with "Picture" in their name
  scripts/test.sh --preset asan      with AddressSanitizer and UndefinedBehaviorSanitizer
  scripts/test.sh --preset fuzz      libFuzzer on every parser, a minute each
USAGE
}

preset=release
arguments=()
while (($#)); do
  case $1 in
    --preset) preset=${2:?--preset needs a name} && shift ;;
    -h | --help)
      usage
      exit 0
      ;;
    *) arguments+=("$1") ;;
  esac
  shift
done

setup=()
if [[ $preset == asan || $preset == fuzz ]]; then setup=(--sanitizers); fi
./scripts/setup.sh "${setup[@]}"
./scripts/build.sh --preset "$preset"

ctest --preset "$preset" -j"$(nproc)" "${arguments[@]}"
