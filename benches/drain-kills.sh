#!/usr/bin/env bash
# Kills `kubectl drainsafe node` at random moments, goes on with `resume`, and looks at what is left:
#
#   benches/drain-kills.sh [SEED] [COUNT]        (1 and 100)
#
# Each round drains two of six nodes, one of which somebody else has cordoned, under budgets of one. The run is killed
# after a random time, and so is every resume, until one comes to its end. Then, every round:
#   - both nodes are empty, and every Deployment has all of its pods Ready on other nodes
#   - no pod was evicted twice for nothing: as many pods were made as stood on the nodes
#   - no Deployment ever had fewer ready pods than its budget says
#   - undo lifts the one cordon and leaves the foreign one, and no annotation and no lock is left
#
# BIN_DIR holds the programs of the test cluster if they are not to be built (Go is needed for that), PLUGIN_DIR the
# plugins.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source benches/measure.sh

RANDOM=${1:-1}
count=${2:-100}
build_plugins
build_cluster
start_cluster c --nodes 6 --deployments 8 --pods 24 --grace 1 --end-after grace --ready-after 300ms >/dev/null

fail() {
  echo "error: round $round: $*" >&2
  kubectl get nodes >&2
  kubectl drainsafe status >&2 || true
  tail -n 20 "$work/out" >&2
  exit 1
}
uids() { kubectl get pods -A -o jsonpath='{range .items[*]}{.metadata.uid}{"\n"}{end}' | sort; }
settled() {
  local i
  for ((i = 0; i < 300; i++)); do
    local bad
    bad=$(kubectl get deployments -A -o jsonpath='{range .items[*]}{.spec.replicas}={.status.availableReplicas}={.status.replicas}{"\n"}{end}' |
      awk -F= '$1 != $2 || $1 != $3' | wc -l)
    # Nor are pods of the round before still ending.
    bad=$((bad + $(kubectl get pods -A -o jsonpath='{.items[*].metadata.deletionTimestamp}' | wc -w)))
    [ "$bad" -gt 0 ] || return 0
    sleep 0.1
  done
  fail "a Deployment has not all of its pods"
}

kills=0
for ((round = 1; round <= count; round++)); do
  settled
  mapfile -t nodes < <(kubectl get pods -A -o jsonpath='{range .items[*]}{.spec.nodeName}{"\n"}{end}' | sort | uniq -c | sort -rn | awk 'NR <= 2 {print $2}')
  first=${nodes[0]} foreign=${nodes[1]}
  kubectl cordon "$foreign" >/dev/null
  uids >"$work/before"
  on_nodes=$(kubectl get pods -A -o jsonpath='{range .items[*]}{.spec.nodeName}{"\n"}{end}' | grep -c -x -F -e "$first" -e "$foreign")
  kubectl get pods -A --watch --output-watch-events -o jsonpath='{.type} {.object.metadata.uid} {.object.metadata.namespace}/{.object.metadata.labels.app} d={.object.metadata.deletionTimestamp} r={.object.status.conditions[?(@.type=="Ready")].status}{"\n"}' >"$work/events" &
  sampler=$!
  command=(node "$first" "$foreign" --yes)
  for ((attempt = 0; ; attempt++)); do
    # From the first write to beyond the end; the later attempts get longer, so that a round ends.
    limit=$(awk -v r=$RANDOM -v a=$attempt 'BEGIN {printf "%.3f", 0.05 + (r / 32768) * 2 + (a > 8 ? a * 3 : 0)}')
    code=0
    { timeout -s KILL "$limit" kubectl-drainsafe "${command[@]}" >"$work/out" 2>&1; } 2>/dev/null || code=$?
    case $code in
    0) break ;;
    137) kills=$((kills + 1)) ;;
    # Killed before it had written anything: then there is nothing to go on with.
    *) grep -q 'there is no unfinished run' "$work/out" || fail "exit code $code" ;;
    esac
    if kubectl get lease -n kube-system drainsafe >/dev/null 2>&1; then command=(resume --yes); else command=(node "$first" "$foreign" --yes); fi
    [ $attempt -lt 30 ] || fail "no end after $attempt attempts"
  done
  settled
  kill "$sampler" 2>/dev/null || true
  wait "$sampler" 2>/dev/null || true
  left=$(kubectl get pods -A -o jsonpath='{range .items[*]}{.spec.nodeName}{"\n"}{end}' | grep -c -x -F -e "$first" -e "$foreign" || true)
  [ "$left" -eq 0 ] || fail "$left pods are left on the nodes"
  uids >"$work/after"
  made=$(comm -13 "$work/before" "$work/after" | wc -l)
  [ "$made" -eq "$on_nodes" ] || fail "$made pods were made for the $on_nodes on the nodes"
  deleted=$(awk '$4 != "d=" {print $2}' "$work/events" | sort -u | wc -l)
  [ "$deleted" -eq "$on_nodes" ] || fail "$deleted pods were deleted, and $on_nodes had to be"
  # Each Deployment has 3 pods, and a budget of one.
  low=$(awk '
    {
      is = ($1 != "DELETED" && $4 == "d=" && $5 == "r=True")
      n[$3] += is - was[$2]; was[$2] = is
      # The watch begins with one pod after the other: only what was whole can fall.
      if (n[$3] >= 3) whole[$3] = 1
      if (whole[$3] && (!($3 in m) || n[$3] < m[$3])) m[$3] = n[$3]
    }
    END {low = 9; for (w in m) if (m[w] < low) low = m[w]; print low}' "$work/events")
  [ "$low" -ge 2 ] || fail "a Deployment had only $low pods Ready"
  if kubectl get lease -n kube-system drainsafe >/dev/null 2>&1; then fail "a lock is left"; fi
  [ "$(kubectl get node "$first" -o jsonpath='{.spec.unschedulable}')" = true ] || fail "$first is not cordoned"
  kubectl-drainsafe undo --yes >"$work/out" 2>&1 || fail "undo"
  [ -z "$(kubectl get node "$first" -o jsonpath='{.spec.unschedulable}')" ] || fail "$first is still cordoned"
  [ "$(kubectl get node "$foreign" -o jsonpath='{.spec.unschedulable}')" = true ] || fail "the foreign cordon of $foreign is gone"
  left=$(kubectl get nodes -o jsonpath='{.items[*].metadata.annotations}' | grep -E -c 'drainsafe|autoscaler|karpenter' || true)
  [ "$left" -eq 0 ] || fail "an annotation is left"
  kubectl uncordon "$foreign" >/dev/null
done
echo "$count rounds, $kills kills: each came to the same end"
