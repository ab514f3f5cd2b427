#!/usr/bin/env bash
# From nothing to a trained model and its pictures, on the synthetic benchmark: prepares, builds,
# writes the data and the cues, trains, evaluates, predicts. What is finished is not done again.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
readonly root
cd "$root"
readonly pictures=6 runs=runs/demo data=runs/demo/data pcnet=build/release/pcnet

usage() {
  cat <<USAGE
Usage: scripts/demo.sh

Writes everything under $runs/ and ends with a table: the trained model beside the same model
untrained and two guesses that look at nothing, the centre pixel and a random pixel. Stop it at any
time; the next run goes on where this one stopped. Delete $runs/ to start again.
USAGE
}

case ${1:-} in
  '') ;;
  -h | --help)
    usage
    exit 0
    ;;
  *)
    usage >&2
    printf 'demo: error: unknown option %s\n' "$1" >&2
    exit 2
    ;;
esac

step() { printf '\n== %s (%d s so far)\n' "$*" "$SECONDS"; }

# True when file $1 exists and is newer than all the others that exist.
fresh() {
  local result=$1 input
  [[ -s "$result" ]] || return 1
  for input in "${@:2}"; do
    if [[ -e "$input" && ! "$result" -nt "$input" ]]; then return 1; fi
  done
}

evaluate() { # name, what to evaluate..., and as the last arguments the files it depends on after --
  local name=$1 what=()
  shift
  while [[ $1 != -- ]]; do
    what+=("$1")
    shift
  done
  shift
  local out="$runs/results/$name.json"
  if fresh "$out" "$@"; then
    echo "$name: already in $out"
  else
    "$pcnet" eval "${what[@]}" --root "$data" --cues "$runs/cues.jsonl" \
      --split val --split testA --out "$out"
  fi
}

step 'set-up and build'
./scripts/setup.sh
./scripts/build.sh --target pcnet_cli

step "synthetic benchmark in $data"
mkdir -p "$runs/results" "$runs/pictures"
"$pcnet" data synth --out "$data"

step 'target-related cues, from the sentences by rules'
"$pcnet" cues make --root "$data" --out "$runs/cues.jsonl"

step 'training 1 of 2: the image and text encoders, from captions'
"$pcnet" train configs/refsynth/clip.yaml --root "$data" --run "$runs/clip" --resume auto

step 'training 2 of 2: PCNet, from referring expressions'
"$pcnet" train configs/refsynth/pcnet.yaml --root "$data" --run "$runs/pcnet" \
  --cues "$runs/cues.jsonl" --set "model.clip.weights=$runs/clip" --resume auto

step 'the same model, untrained'
"$pcnet" train configs/refsynth/pcnet.yaml --root "$data" --run "$runs/untrained" \
  --cues "$runs/cues.jsonl" --set train.max_steps=0 --resume auto

step 'evaluation'
evaluate trained "$runs/pcnet" -- "$runs"/pcnet/checkpoints/*.safetensors
evaluate untrained "$runs/untrained" -- "$runs"/untrained/checkpoints/*.safetensors
evaluate centre --baseline centre -- "$data/refsynth.json"
evaluate random --baseline random -- "$data/refsynth.json"

step "predictions on the first $pictures pictures of testA, which training never saw"
made=()
while IFS=$'\t' read -r image text; do
  stem=$(basename "${image%.*}")
  overlay="$runs/pictures/$stem.overlay.png"
  if ! fresh "$overlay" "$runs"/pcnet/checkpoints/*.safetensors; then
    "$pcnet" predict "$runs/pcnet" --image "$image" --text "$text" --out "$runs/pictures" --replace \
      </dev/null
  fi
  made+=("$overlay  $text")
done < <(python3 scripts/demo_refs.py "$data" --split testA --count "$pictures")
((${#made[@]})) || {
  echo "demo: error: no testA pictures under $data; delete $runs and run this again" >&2
  exit 1
}

step 'done'
echo
echo 'Split val; PointM, mIoU and oIoU in percent, then PointM by kind of sentence:'
python3 scripts/demo_table.py --split val "trained=$runs/results/trained.json" \
  "untrained=$runs/results/untrained.json" "centre pixel=$runs/results/centre.json" \
  "random pixel=$runs/results/random.json"
echo
echo 'Pictures (the map, the mask and its peak beside each: .response.npy, .mask.png, .json):'
printf '  %s\n' "${made[@]}"
printf '\nTotal time: %d min %02d s\n' $((SECONDS / 60)) $((SECONDS % 60))
