#!/usr/bin/env bash
# Time and peak memory of `kubectl drainsafe fit` and of the simulation that `plan` makes, on a generated cluster:
#
#   benches/fit.sh
#
# Each figure is the median of RUNS rounds (5). Sizes: PODS (150,000), NODES (5,000). Reading the files alone is the
# line to compare with. DRAIN is how many nodes plan drains at once (1).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source benches/measure.sh

PODS=${PODS:-150000} NODES=${NODES:-5000} DRAIN=${DRAIN:-1}
build_plugins
drainsafe=$plugins/kubectl-drainsafe workload=$plugins/workload

"$workload" files "$work/files" --nodes "$NODES" --pods "$PODS"
# Pods that exist in no cluster yet, as a manifest.
for number in 1 2 3; do
  printf -- '---\napiVersion: v1\nkind: Pod\nmetadata: {name: new-%s}\nspec: {containers: [{name: c, image: i, resources: {requests: {cpu: "%s"}}}]}\n' \
    "$number" "$number"
done >"$work/new.yaml"
mapfile -t nodes < <("$drainsafe" fit -f "$work/files" -f "$work/new.yaml" new-1 -o jsonpath='{.pods[0].feasible}' --fail-on none |
  tr -d '[]" ' | tr ',' '\n' | head -n "$DRAIN")
[ ${#nodes[@]} -eq "$DRAIN" ] || { echo "error: only ${#nodes[@]} nodes have room" >&2; exit 1; }

next_table
declare_run "read into a snapshot" "$workload" read "$work/files"
declare_run "drainsafe fit, 3 new pods" "$drainsafe" fit -f "$work/files" -f "$work/new.yaml" new-1 new-2 new-3 --fail-on none -o json
declare_run "drainsafe plan, $DRAIN nodes" "$drainsafe" plan -f "$work/files" "${nodes[@]}" --ignore-daemonsets --delete-emptydir-data --force --fail-on none -o json
measure_all
table "read into a snapshot" "files, $PODS pods, $NODES nodes"
