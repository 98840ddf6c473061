#!/usr/bin/env bash
# The duration that `kubectl drainsafe plan` predicts beside the one that `kubectl drainsafe node` then takes, on the test
# cluster, one fresh cluster a case:
#
#   benches/drain-prediction.sh [budget] [grace] [readiness] [hosts] [set]      (all of them without arguments)
#
#   budget     12 nodes, 20 Deployments of 6 spread over zones under budgets of one, 4 nodes drained: bound by a budget
#   hosts      the same spread over hosts as well
#   grace      pods that use 20 s of grace and are ready at once: bound by the grace period
#   readiness  pods that end at once and are ready after 15 s: bound by readiness
#   set        a StatefulSet of three, one pod after another
#
# Every replacement is then looked up: none may be Pending. BIN_DIR holds the programs of the test cluster, PLUGIN_DIR the
# plugins, if they are not to be built.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source benches/measure.sh

choose_parts budget hosts grace readiness set -- "$@"
build_plugins
build_cluster

# A cluster as the case wants it, and the nodes that are drained.
prepare() {
  local case=$1
  local zones=(--spread topology.kubernetes.io/zone) hosts=(--spread kubernetes.io/hostname)
  local shop=(--nodes 12 --pods 120 --deployments 20 --grace 5 --end-after grace --ready-after 3s)
  case $case in
  budget) start_cluster "$case" "${shop[@]}" "${zones[@]}" ;;
  hosts) start_cluster "$case" "${shop[@]}" "${zones[@]}" "${hosts[@]}" ;;
  grace) start_cluster "$case" --nodes 6 --pods 30 --deployments 10 "${hosts[@]}" --grace 20 --end-after grace ;;
  readiness) start_cluster "$case" --nodes 6 --pods 30 --deployments 10 "${hosts[@]}" --grace 2 --end-after grace --ready-after 15s ;;
  set)
    start_cluster "$case" --nodes 4 --pods 0
    kubectl apply -f - >/dev/null <<'YAML'
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: default}
spec:
  replicas: 3
  podManagementPolicy: Parallel
  serviceName: db
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}, annotations: {test.patchkit.dev/ready-after: 4s, test.patchkit.dev/end-after: grace}}
    spec:
      terminationGracePeriodSeconds: 6
      nodeSelector: {kubernetes.io/os: linux}
      containers: [{name: db, image: "registry.example/db:1"}]
YAML
    kubectl rollout status statefulset/db --timeout 60s >/dev/null
    ;;
  esac
  case $case in
  budget | hosts) nodes=(node-0000 node-0001 node-0002 node-0003) ;;
  *) nodes=(node-0000 node-0001) ;;
  esac
}

printf '%-10s %5s %10s %9s %9s  %s\n' case pods predicted measured error 'bound by'
for case in "${parts[@]}"; do
  prepare "$case"
  field() { kubectl-drainsafe plan "${nodes[@]}" -o "jsonpath={.drain.$1}" || true; }
  predicted=$(field predictedSeconds)
  bound=$(field boundBy)
  result=$(kubectl-drainsafe node "${nodes[@]}" --yes -o json | tail -n 1)
  measured=$(sed -E 's/.*"seconds":([0-9.]+).*/\1/' <<<"$result")
  moved=$(sed -E 's/.*"evicted":([0-9]+).*/\1/' <<<"$result")
  pending=$(kubectl get pods -A --field-selector status.phase=Pending --no-headers 2>/dev/null | wc -l)
  awk -v c="$case" -v n="$moved" -v p="$predicted" -v m="$measured" -v b="$bound" \
    'BEGIN { printf "%-10s %5d %8.1f s %7.1f s %+8.0f%%  %s\n", c, n, p, m, (p / m - 1) * 100, b }'
  [ "$pending" -eq 0 ] || echo "  $pending replacements are Pending"
  testcluster down "$work/$case" --delete >/dev/null
done
