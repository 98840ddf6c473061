#!/usr/bin/env bash
# Time and peak memory of `kubectl secpatch pods` on 2,000 pod manifests (about 8 MB of YAML), as one list and as one file
# each:
#
#   benches/pods.sh
#
# Each figure is the median of RUNS rounds (5), beside `cat` of the same files. The goal is 0.15 s and 60 MB. PODS is the
# number of pods.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source benches/measure.sh

PODS=${PODS:-2000}
build_plugins
secpatch=$plugins/kubectl-secpatch
"$plugins/workload" files "$work/all" --nodes 50 --pods "$PODS" --format yaml
mkdir "$work/list" "$work/each"
# A manifest has no status.
awk '/^(- |[^ -]|  [^ -])/ {status = /^  status:/} !status' "$work/all/pods.yaml" >"$work/list/pods.yaml"
# Each item of the list as a manifest of its own.
awk -v folder="$work/each" '
  /^- / {close(file); file = sprintf("%s/pod-%05d.yaml", folder, ++count); sub(/^- /, "  ")}
  /^kind: List/ {exit}
  file != "" {print substr($0, 3) > file}' "$work/list/pods.yaml"
megabytes=$(du -sm --apparent-size "$work/list" | cut -f1)

declare_run "cat" bash -c "cat '$work/list'/* | wc -c"
declare_run "secpatch pods, one list" "$secpatch" pods -f "$work/list"
declare_run "secpatch pods, a file each" "$secpatch" pods -f "$work/each"
declare_run "secpatch pods, JSON report" "$secpatch" pods -f "$work/list" -o json
measure_all
table "secpatch pods, one list" "$PODS pods, $megabytes MB of YAML in $(ls "$work/each" | wc -l) manifests"
