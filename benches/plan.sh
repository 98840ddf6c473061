#!/usr/bin/env bash
# Time and peak memory of `kubectl secpatch plan`, beside what anybody can run:
#
#   benches/plan.sh [cluster] [files] [server] [start]      (all four without arguments)
#
#   cluster  5,000 pods on the test cluster: plan, `kubectl get pods -A -o json`, and a bare paged LIST of the same
#            objects that drops what it reads (the least that any client has to do)
#   files    150,000 pods and 5,000 nodes as `kubectl get -o json` writes them
#   server   the same from a local server that streams generated pages, beside the bare LIST
#   start    how long --help and --version take, beside `kubectl version --client`
#
# Each figure is the median of RUNS rounds (5); ratios are those within one round. Sizes: PODS, NODES for files and
# server, CLUSTER_PODS, CLUSTER_NODES for the cluster. BIN_DIR holds the programs of the test cluster if they are not
# to be built (Go is needed for that).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source benches/measure.sh

PODS=${PODS:-150000} NODES=${NODES:-5000}
CLUSTER_PODS=${CLUSTER_PODS:-5000} CLUSTER_NODES=${CLUSTER_NODES:-200}
# A plan of one day, whatever the day is; and no look at newer facts.
PLAN_FLAGS=(--as-of 2026-09-01)
work=$(mktemp -d)
ends=()
finish() {
  local i
  for ((i = ${#ends[@]} - 1; i >= 0; i--)); do eval "${ends[i]}" || true; done
  rm -rf "$work" "$measurements"
}
trap finish EXIT
trap 'exit 130' INT TERM

parts=("$@")
[ ${#parts[@]} -gt 0 ] || parts=(cluster files server start)
wanted() { [[ " ${parts[*]} " == *" $1 "* ]]; }

[ -x /usr/bin/time ] || { echo "error: GNU time (/usr/bin/time) is missing" >&2; exit 2; }
cargo build --release --quiet -p kubectl-secpatch -p patchkit-workload
target=${CARGO_TARGET_DIR:-target}/release
secpatch=$(realpath "$target/kubectl-secpatch")
workload=$(realpath "$target/workload")

if wanted cluster || wanted start; then
  programs=${BIN_DIR:-${CARGO_TARGET_DIR:-target}/cluster-bin}
  [ -n "${BIN_DIR:-}" ] || tests/cluster/build.sh "$programs"
  programs=$(realpath "$programs")
  kubectl=$programs/bin/kubectl
fi

if wanted cluster; then
  cluster=$work/cluster
  ends+=("'$programs/testcluster' down '$cluster' >/dev/null 2>&1")
  "$programs/testcluster" up "$cluster" >/dev/null
  "$programs/testcluster" fill "$cluster" --nodes "$CLUSTER_NODES" --pods "$CLUSTER_PODS" >/dev/null
  config=$(find "$cluster" -maxdepth 2 -name 'kubeconfig' -o -maxdepth 2 -name '*.kubeconfig' | sort | head -n 1)
  next_table
  declare_run "bare LIST of the same objects" "$workload" list --kubeconfig "$config"
  declare_run "kubectl secpatch plan" "$secpatch" plan --kubeconfig "$config" "${PLAN_FLAGS[@]}"
  declare_run "kubectl get pods -A -o json" "$kubectl" --kubeconfig "$config" get pods -A -o json
  measure_all
  table "bare LIST of the same objects" "test cluster, $CLUSTER_PODS pods, $CLUSTER_NODES nodes"
  "$programs/testcluster" down "$cluster" >/dev/null
fi

if wanted files; then
  "$workload" files "$work/files" --nodes "$NODES" --pods "$PODS"
  megabytes=$(du -sm "$work/files" | cut -f1)
  next_table
  declare_run "cat of the files" bash -c "cat '$work/files'/* | wc -c"
  declare_run "read into a snapshot" "$workload" read "$work/files"
  declare_run "kubectl secpatch plan -f" "$secpatch" plan -f "$work/files" "${PLAN_FLAGS[@]}"
  measure_all
  table "read into a snapshot" "files, $PODS pods, $NODES nodes, $megabytes MB"
  rm -rf "$work/files"
fi

if wanted server; then
  # It ends when its standard input closes.
  mkfifo "$work/hold"
  "$workload" serve --nodes "$NODES" --pods "$PODS" --write-kubeconfig "$work/kubeconfig" <"$work/hold" >"$work/address" &
  server=$!
  exec 8>"$work/hold"
  ends+=("exec 8>&-; wait $server")
  until [ -s "$work/address" ]; do kill -0 "$server" && sleep 0.1; done
  next_table
  declare_run "bare LIST of the same objects" "$workload" list --kubeconfig "$work/kubeconfig"
  declare_run "kubectl secpatch plan" "$secpatch" plan --kubeconfig "$work/kubeconfig" "${PLAN_FLAGS[@]}"
  measure_all
  table "bare LIST of the same objects" "generated pages, $PODS pods, $NODES nodes"
fi

if wanted start; then
  printf '\n%-44s %9s\n' "start" "time"
  printf '%-44s %6s ms\n' "kubectl secpatch --help" "$(start_time "$secpatch" --help)" \
    "kubectl secpatch --version" "$(start_time "$secpatch" --version)" \
    "kubectl version --client" "$(start_time "$kubectl" version --client)"
fi
