#!/usr/bin/env bash
# `kubectl drain` beside `kubectl drainsafe node`, on the same workloads of the test cluster:
#
#   benches/drain.sh [A] [B] [C] [nothing] [grace] [readiness] [one-budget]      (all without arguments)
#
#   A           12 nodes, 20 Deployments of 6 spread over zones, a budget of one each, 5 s of grace fully used, ready
#               after 3 s; 4 nodes are drained
#   B           the same, spread over hosts too
#   C           30 nodes, 40 Deployments spread over zones and hosts; 10 nodes are drained
#   nothing     bound by nothing: no budgets, pods that end and are ready at once
#   grace       bound by grace: no budgets, 10 s of it
#   readiness   bound by readiness: a budget of one each, ready after 6 s
#   one-budget  one budget over all pods of a namespace: two of them may be missing
#
# Each tool gets a cluster of its own, filled alike. The scheduler does not place pods twice in the same way, so the
# floor of each drain stands beside its time: over all owners the largest (pods on the nodes - 1) x (ready + 0.3 s) +
# grace. drainsafe ends when the last replacement is Ready too, which kubectl does not wait for: that shows where pods
# take longer to be ready than to end. Columns: seconds, their ratio to the floor, pods on the nodes, evictions attempted
# for each, pods made for each (moves), requests made (by the API server's audit log), and the lowest number of ready pods
# of any Deployment (from every event of a watch).
#
# BIN_DIR holds the programs of the test cluster if they are not to be built (Go is needed for that), PLUGIN_DIR the
# plugins.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source benches/measure.sh

choose_parts A B C nothing grace readiness one-budget -- "$@"
build_plugins
build_cluster
sampler=''
at_end '[ -z "$sampler" ] || kill "$sampler" 2>/dev/null'

# One line an event: UID, workload, node, whether it is being deleted, whether it is Ready.
EVENT='{.type} {.object.metadata.uid} {.object.metadata.namespace}/{.object.metadata.labels.app} d={.object.metadata.deletionTimestamp} r={.object.status.conditions[?(@.type=="Ready")].status}{"\n"}'

# The lowest number of ready pods of any workload that has so many when all is well.
lowest() {
  awk -v whole="$2" '
    {
      uid = $2
      is = ($1 != "DELETED" && $4 == "d=" && $5 == "r=True")
      ready[$3] += is - was[uid]; was[uid] = is
      # The watch begins with one pod after the other: only what was whole can fall.
      if (ready[$3] >= whole) full[$3] = 1
      if (full[$3] && (!($3 in least) || ready[$3] < least[$3])) least[$3] = ready[$3]
    }
    END { low = -1; for (w in least) if (low < 0 || least[w] < low) low = least[w]; print low < 0 ? "-" : low }' "$1"
}

# run CASE TOOL NODES READY GRACE FILL-FLAGS…
run() {
  local name=$1 tool=$2 count=$3 ready=$4 grace=$5
  shift 5
  cluster=$work/$name-$tool
  CLUSTER_FLAGS=--audit start_cluster "$name-$tool" --grace "${grace%.*}" "$@" >/dev/null
  if [ "$name" = one-budget ]; then
    kubectl create -n load-00 -f - >/dev/null <<YAML
{"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "all"}, "spec": {"maxUnavailable": 2, "selector": {}}}
YAML
    sleep 2
  fi
  local nodes replicas
  replicas=$(kubectl get deployments -A -o jsonpath='{.items[0].spec.replicas}')
  nodes=$(kubectl get nodes -o name | sed -n "1,${count}s,^node/,,p")
  local on_nodes=$work/pods
  kubectl get pods -A -o jsonpath='{range .items[*]}{.spec.nodeName} {.metadata.namespace}/{.metadata.labels.app}{"\n"}{end}' |
    grep -F -w "$nodes" >"$on_nodes"
  local pods floor
  pods=$(wc -l <"$on_nodes")
  case $name in
  # Two at a time, whosever they are.
  one-budget) floor=$(awk -v n="$pods" -v r="$ready" -v g="$grace" 'BEGIN {print (int((n + 1) / 2) - 1) * (r + 0.3) + g}') ;;
  *) floor=$(awk '{print $2}' "$on_nodes" | sort | uniq -c | sort -rn |
    awk -v r="$ready" -v g="$grace" 'NR == 1 {print ($1 - 1) * (r + 0.3) + g}') ;;
  esac
  kubectl get pods -A --watch --output-watch-events -o jsonpath="$EVENT" >"$work/events" &
  sampler=$!
  sleep 1
  local log=$cluster/logs/audit.log before began seconds agent
  before=$(wc -l <"$log")
  began=$(date +%s.%N)
  case $tool in
  # Each waits without end; none of the pods needs a flag.
  kubectl) agent='kubectl/'; kubectl drain $nodes >"$work/out" 2>&1 ;;
  drainsafe) agent='kubectl-drainsafe/'; kubectl drainsafe node $nodes --yes >"$work/out" 2>&1 ;;
  esac || { echo "error: $tool failed in case $name:" >&2; tail -n 5 "$work/out" >&2; exit 1; }
  seconds=$(awk -v a="$began" -v b="$(date +%s.%N)" 'BEGIN {printf "%.1f", b - a}')
  sleep 1
  kill "$sampler" 2>/dev/null || true
  sampler=''
  local requests evictions moves
  # Pods that were made after the watch's list of those that stood: all events before the first deletion are that list.
  moves=$(awk '$1 == "ADDED" {all[$2] = 1} $4 != "d=" {begun = 1} !begun {stood[$2] = 1}
    END {for (uid in all) if (!(uid in stood)) made++; print made + 0}' "$work/events")
  tail -n "+$((before + 1))" "$log" | grep -F "\"userAgent\":\"$agent" >"$work/requests" || true
  requests=$(grep -o '"auditID":"[^"]*"' "$work/requests" | sort -u | wc -l)
  evictions=$(grep -c '/eviction' "$work/requests" || true)
  printf '%-11s %-10s %7s s %8.1f s %7.2f %6d %12.2f %10.2f %9d %8s\n' "$name" "$tool" "$seconds" "$floor" \
    "$(awk -v s="$seconds" -v f="$floor" 'BEGIN {print (f > 0 ? s / f : 0)}')" "$pods" \
    "$(awk -v e="$evictions" -v p="$pods" 'BEGIN {print (p ? e / p : 0)}')" \
    "$(awk -v m="$moves" -v p="$pods" 'BEGIN {print (p ? m / p : 0)}')" "$requests" "$(lowest "$work/events" "$replicas")"
  testcluster down "$cluster" --delete >/dev/null
}

printf '%-11s %-10s %9s %10s %7s %6s %12s %10s %9s %8s\n' CASE TOOL TIME FLOOR RATIO PODS EVICTIONS/POD MOVES/POD REQUESTS LOWEST
zones=topology.kubernetes.io/zone hosts=kubernetes.io/hostname
usual=(--ready-after 3s --end-after grace)
for name in "${parts[@]}"; do
  for tool in kubectl drainsafe; do
    case $name in
    A) run A $tool 4 3 5 --nodes 12 --deployments 20 --pods 120 --spread $zones "${usual[@]}" ;;
    B) run B $tool 4 3 5 --nodes 12 --deployments 20 --pods 120 --spread $zones --spread $hosts "${usual[@]}" ;;
    C) run C $tool 10 3 5 --nodes 30 --deployments 40 --pods 240 --spread $zones --spread $hosts "${usual[@]}" ;;
    nothing) run nothing $tool 4 0.1 1 --nodes 12 --deployments 40 --pods 120 --spread $hosts --budgets=false ;;
    grace) run grace $tool 4 0.1 10 --nodes 12 --deployments 40 --pods 120 --spread $hosts --budgets=false --end-after grace ;;
    readiness) run readiness $tool 4 6 1 --nodes 12 --deployments 20 --pods 120 --spread $zones --ready-after 6s --end-after grace ;;
    one-budget) run one-budget $tool 4 2 2 --nodes 12 --deployments 10 --pods 60 --namespaces 1 --spread $zones --budgets=false --ready-after 2s --end-after grace ;;
    esac
  done
done
