#!/usr/bin/env bash
# Prepares what the build and the tests need: Debian packages, LibTorch, the tests' Python peers.
# Safe to run again at any time: what is there stays, what an interruption left half-done is redone.
set -euo pipefail

readonly torch_wanted=2.13.0
readonly torch_oldest=2.11
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
readonly root
readonly venv="$root/.venv" state="$root/.setup"

usage() {
  cat <<USAGE
Usage: scripts/setup.sh [--sanitizers] [--browser]

Installs what is missing and says what and why; asks nothing.
  packages   Debian 12 / Ubuntu 24.04, with apt-get (sudo only when not root)
  LibTorch   an existing torch >= $torch_oldest from Torch_DIR, CMAKE_PREFIX_PATH or the active Python,
             else the pip wheel torch==$torch_wanted in .venv
  peers      tests/parity/requirements.txt and requirements-nodeps.txt in .venv, and the torch wheel
             there too, whichever LibTorch is built with: the CLIP parity tests import it

  --sanitizers   also clang's sanitizer runtime, which the presets asan and fuzz need
  --browser      also Chromium and its driver, for the test of the page of pcnet serve
  -h, --help     this text
USAGE
}

say() { printf 'setup: %s\n' "$*"; }
fail() {
  printf 'setup: error: %s\n' "$*" >&2
  exit 1
}

changed=no

# --- packages ----------------------------------------------------------------------------------

# "package: why", one a line.
needed_packages() {
  cat <<'LIST'
cmake: configures the build
ninja-build: runs the build
clang: compiles (about three times faster than g++ here)
clang-format: formatting check
clang-tidy: lint
ccache: makes second builds fast
libopencv-core-dev: pictures
libopencv-imgproc-dev: drawing and resizing pictures
libopencv-imgcodecs-dev: reading and writing JPEG and PNG
libyaml-cpp-dev: configuration files
nlohmann-json3-dev: JSON
libcli11-dev: the command line
libgtest-dev: unit tests
libgmock-dev: unit tests
zlib1g-dev: compressed arrays and archives
libjpeg-dev: finding damaged JPEG pictures
libpng-dev: reading masks as labels
libcurl4-openssl-dev: asking a language model over HTTP and HTTPS (PCNET_WITH_LLM)
libopenmpi-dev: several processes that train together (PCNET_WITH_MPI)
openmpi-bin: starting them
libboost-dev: the server of pcnet serve (PCNET_WITH_SERVE)
libutf8proc-dev: Unicode normal forms and letter classes for the tokenizer
git: lists the files that lint checks
LIST
  # Any Python that can make virtual environments will do; Debian's own needs a package for it.
  if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
    echo 'python3-venv: the virtual environment with LibTorch'
  fi
}

sanitizer_packages() {
  local major
  major=$(clang -dumpversion 2>/dev/null | cut -d. -f1) || true
  if [[ -n "$major" ]]; then
    echo "libclang-rt-$major-dev: the sanitizers' runtime"
  fi
}

# Ubuntu's chromium is a stub for a snap, which no test can drive.
browser_packages() {
  if grep -qx 'ID=debian' /etc/os-release; then
    echo 'chromium: shows the page of pcnet serve to its test'
    echo 'chromium-driver: drives Chromium'
  fi
}

# Lines of stdin whose package is not installed.
missing_packages() {
  local line
  while IFS= read -r line; do
    # shellcheck disable=SC2016  # ${Status} is dpkg-query's, not the shell's
    if ! dpkg-query -W -f='${Status}' "${line%%:*}" 2>/dev/null | grep -q '^install ok installed'; then
      printf '%s\n' "$line"
    fi
  done
}

install_packages() { # "package: why" lines
  local lines=$1 line prefix=()
  local names=()
  while IFS= read -r line; do
    say "missing $line"
    names+=("${line%%:*}")
  done <<<"$lines"
  if ((EUID != 0)); then
    command -v sudo >/dev/null ||
      fail "not root and no sudo; as root run: apt-get install --no-install-recommends ${names[*]}"
    prefix=(sudo)
  fi
  say "installing ${#names[@]} package(s) with apt-get"
  "${prefix[@]}" apt-get update -q
  "${prefix[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -q --no-install-recommends "${names[@]}"
  changed=yes
}

check_packages() { # lister function
  local missing
  missing=$("$1" | missing_packages)
  if [[ -n "$missing" ]]; then install_packages "$missing"; fi
}

# Without apt-get nothing is installed: the list is shown, and only missing tools stop us.
check_tools() {
  local tool lacking=()
  for tool in cmake ninja git; do
    command -v "$tool" >/dev/null || lacking+=("$tool")
  done
  command -v clang++ >/dev/null || command -v g++ >/dev/null || lacking+=("clang++ or g++ >= 12")
  if ((${#lacking[@]})) || [[ ! -e "$state/listed" ]]; then
    say 'no apt-get here, so install the equivalents of these Debian packages yourself:'
    needed_packages | sed 's/^/  /'
    mkdir -p "$state" && touch "$state/listed"
  fi
  if ((${#lacking[@]})); then fail "not found: ${lacking[*]}"; fi
}

# --- LibTorch ----------------------------------------------------------------------------------

torch_version() { # folder with TorchConfig.cmake
  sed -n 's/^set(PACKAGE_VERSION "\([0-9.]*\).*/\1/p' "$1/TorchConfigVersion.cmake" 2>/dev/null
}

at_least_oldest() {
  [[ -n "$1" && "$(printf '%s\n' "$torch_oldest" "$1" | sort -V | head -n1)" == "$torch_oldest" ]]
}

# The folder with TorchConfig.cmake of this Python's torch, found without importing torch.
torch_of_python() {
  "$1" - <<'PYTHON' 2>/dev/null
import importlib.util, os
spec = importlib.util.find_spec("torch")
for place in spec.submodule_search_locations if spec else []:
    folder = os.path.join(place, "share", "cmake", "Torch")
    if os.path.exists(os.path.join(folder, "TorchConfig.cmake")):
        print(folder)
        break
PYTHON
}

# A torch that the caller points at; it must be new enough.
given_torch() {
  local folder="" entry candidate version
  if [[ -n "${Torch_DIR:-}" ]]; then
    folder=$Torch_DIR
    [[ -e "$folder/TorchConfig.cmake" ]] || fail "Torch_DIR=$folder holds no TorchConfig.cmake"
  else
    local entries
    IFS=':;' read -ra entries <<<"${CMAKE_PREFIX_PATH:-}"
    for entry in "${entries[@]}"; do
      for candidate in "$entry/Torch" "$entry/share/cmake/Torch"; do
        if [[ -z "$folder" && -e "$candidate/TorchConfig.cmake" ]]; then folder=$candidate; fi
      done
    done
  fi
  [[ -n "$folder" ]] || return 0
  version=$(torch_version "$folder") || true
  at_least_oldest "$version" ||
    fail "torch ${version:-of unknown version} in $folder is too old: got by Torch_DIR or CMAKE_PREFIX_PATH, wanted >= $torch_oldest"
  printf '%s\n' "$folder"
}

active_python_torch() {
  local folder version
  command -v python3 >/dev/null || return 0
  [[ "${VIRTUAL_ENV:-}" != "$venv" ]] || return 0
  folder=$(torch_of_python python3) || true
  [[ -n "$folder" ]] || return 0
  version=$(torch_version "$folder") || true
  if at_least_oldest "$version"; then
    printf '%s\n' "$folder"
  else
    say "torch ${version:-?} of the active Python is older than $torch_oldest: not used" >&2
  fi
}

make_venv() {
  if [[ -e "$venv/.complete" ]]; then return; fi
  command -v python3 >/dev/null || fail 'python3 is not installed; install it and run this again'
  say "creating the virtual environment .venv"
  python3 -m venv --clear "$venv"
  touch "$venv/.complete"
  changed=yes
}

pip_install() {
  "$venv/bin/python" -m pip install --disable-pip-version-check --no-input -q "$@"
}

# The stamp is written when pip has finished, so that an interrupted install is seen and redone.
wheel_torch() {
  local stamp="$venv/.torch-$torch_wanted" folder
  folder=$(torch_of_python "$venv/bin/python") || true
  if [[ ! -e "$stamp" || -z "$folder" || ! -e "$folder/../../../lib/libtorch_cpu.so" ]]; then
    say "missing LibTorch: installing the wheel torch==$torch_wanted into .venv (a large download)"
    rm -f "$stamp"
    if [[ -d "$venv/$(site_packages)/torch" ]]; then
      say 'an earlier install was interrupted: installing torch again'
      pip_install --force-reinstall --no-deps "torch==$torch_wanted"
    fi
    pip_install "torch==$torch_wanted"
    folder=$(torch_of_python "$venv/bin/python") || true
    [[ -n "$folder" ]] || fail "pip installed torch, but $venv has no share/cmake/Torch"
    touch "$stamp"
    changed=yes
  fi
  torch_dir=$folder
}

site_packages() {
  "$venv/bin/python" -c 'import sys; print("lib/python%d.%d/site-packages" % sys.version_info[:2])'
}

check_torch() {
  torch_dir=$(given_torch)
  [[ -n "$torch_dir" ]] || torch_dir=$(active_python_torch)
  [[ -n "$torch_dir" ]] || wheel_torch
  # The build reads the choice from here.
  mkdir -p "$state"
  if [[ "$(cat "$state/torch_dir" 2>/dev/null)" != "$torch_dir" ]]; then
    printf '%s\n' "$torch_dir" >"$state/torch_dir.new"
    mv "$state/torch_dir.new" "$state/torch_dir"
    say "LibTorch $(torch_version "$torch_dir") in $torch_dir"
    changed=yes
  fi
}

# --- peers of the tests ------------------------------------------------------------------------

# The CLIP parity tests import torch. LibTorch from elsewhere is of no use to .venv's Python, and
# the tests compare results, not versions: the wheel does, whichever LibTorch the build uses.
check_torch_peer() {
  local folder
  folder=$(torch_of_python "$venv/bin/python") || true
  if [[ -z "$folder" ]]; then
    say "LibTorch is not in .venv: the parity tests need torch there too"
    (wheel_torch)
    changed=yes
  fi
}

check_peers() {
  local lists=("$root/tests/parity/requirements.txt" "$root/tests/parity/requirements-nodeps.txt")
  local stamp="$venv/.peers"
  [[ -e "${lists[0]}" ]] || return 0
  check_torch_peer
  if ! cat "${lists[@]}" | cmp -s - "$stamp"; then
    say 'missing the peers that the parity tests compare with: installing tests/parity/requirements*.txt'
    pip_install -r "${lists[0]}"
    pip_install --no-deps -r "${lists[1]}"
    cat "${lists[@]}" >"$stamp.new" && mv "$stamp.new" "$stamp"
    changed=yes
  fi
}

main() {
  local sanitizers=no browser=no
  while (($#)); do
    case $1 in
      --sanitizers) sanitizers=yes ;;
      --browser) browser=yes ;;
      -h | --help)
        usage
        exit 0
        ;;
      *)
        usage >&2
        printf 'setup: error: unknown option %s\n' "$1" >&2
        exit 2
        ;;
    esac
    shift
  done

  if command -v apt-get >/dev/null && command -v dpkg-query >/dev/null; then
    check_packages needed_packages
    if [[ $sanitizers == yes ]]; then check_packages sanitizer_packages; fi
    if [[ $browser == yes ]]; then check_packages browser_packages; fi
  else
    check_tools
  fi
  make_venv
  check_torch
  check_peers
  if [[ $changed == no ]]; then say 'everything is here'; else say 'done'; fi
}

main "$@"
