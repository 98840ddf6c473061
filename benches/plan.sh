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
choose_parts cluster files server start -- "$@"
build_plugins
secpatch=$plugins/kubectl-secpatch workload=$plugins/workload
if wanted cluster || wanted start; then build_cluster; fi

if wanted cluster; then
  start_cluster cluster --nodes "$CLUSTER_NODES" --pods "$CLUSTER_PODS"
  next_table
  declare_run "bare LIST of the same objects" "$workload" list --kubeconfig "$KUBECONFIG"
  declare_run "kubectl secpatch plan" "$secpatch" plan "${PLAN_FLAGS[@]}"
  declare_run "kubectl get pods -A -o json" kubectl get pods -A -o json
  measure_all
  table "bare LIST of the same objects" "test cluster, $CLUSTER_PODS pods, $CLUSTER_NODES nodes"
  testcluster down "$work/cluster" --delete >/dev/null
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
  at_end "exec 8>&-; wait $server"
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
    "kubectl version --client" "$(start_time kubectl version --client)"
fi
