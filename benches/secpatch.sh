#!/usr/bin/env bash
# Time and peak memory of the facts of `kubectl secpatch`, beside what anybody can run:
#
#   benches/secpatch.sh [files] [cluster]      (both without arguments)
#
#   files    apis on MANIFESTS (2,000) manifests of together about 8 MB, beside a plain read of the same files
#   cluster  apis, cves, images, pods and posture on the test cluster with CLUSTER_PODS (5,000) pods, each beside the bare
#            LISTs of the objects that it reads
#
# Each figure is the median of RUNS rounds (5); ratios are those within one round. BIN_DIR holds the programs of the test
# cluster if they are not to be built (Go is needed for that).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source benches/measure.sh

MANIFESTS=${MANIFESTS:-2000}
CLUSTER_PODS=${CLUSTER_PODS:-5000} CLUSTER_NODES=${CLUSTER_NODES:-200}
FLAGS=(--as-of 2026-09-01)
choose_parts files cluster -- "$@"
build_plugins
secpatch=$plugins/kubectl-secpatch workload=$plugins/workload

# One Deployment a file with four containers of about 1 KB each; every hundredth has an API that is gone.
write_manifests() {
  awk -v count="$MANIFESTS" -v folder="$1" 'BEGIN {
    filler = sprintf("%0900d", 7)
    for (i = 0; i < count; i++) {
      file = sprintf("%s/m-%05d.yaml", folder, i)
      printf "apiVersion: %s\nkind: Deployment\nmetadata:\n  name: app-%d\n  namespace: ns-%d\n  labels:\n    app: app-%d\n    team: blue\n", (i % 100 ? "apps/v1" : "extensions/v1beta1"), i, i % 40, i > file
      printf "spec:\n  replicas: 2\n  selector:\n    matchLabels:\n      app: app-%d\n  template:\n    metadata:\n      labels:\n        app: app-%d\n    spec:\n      containers:\n", i, i > file
      for (c = 0; c < 4; c++)
        printf "      - name: c%d\n        image: registry.example.com/team/app-%d:1.%d\n        env:\n        - name: FILLER\n          value: \"%s\"\n        resources:\n          requests: {cpu: 100m, memory: 64Mi}\n", c, i, c, filler > file
      close(file)
    }
  }'
}

if wanted files; then
  mkdir "$work/manifests"
  write_manifests "$work/manifests"
  bytes=$(cat "$work/manifests"/* | wc -c)
  next_table
  declare_run "cat of the files" bash -c "cat '$work/manifests'/* | wc -c"
  declare_run "kubectl secpatch apis -f" "$secpatch" apis -f "$work/manifests" --target 1.37 "${FLAGS[@]}" -o json
  measure_all
  table "cat of the files" "$MANIFESTS manifests, $((bytes / 1000000)) MB"
fi

if wanted cluster; then
  build_cluster
  start_cluster cluster --nodes "$CLUSTER_NODES" --pods "$CLUSTER_PODS"
  templates=deployments.apps,statefulsets.apps,daemonsets.apps,replicasets.apps,jobs.batch,cronjobs.batch
  rights=roles.rbac.authorization.k8s.io,clusterroles.rbac.authorization.k8s.io
  rights+=,rolebindings.rbac.authorization.k8s.io,clusterrolebindings.rbac.authorization.k8s.io
  declare -A needs=(
    [cves]=nodes,pods,$templates,configmaps,serviceaccounts,$rights,persistentvolumes,csinodes.storage.k8s.io
    [images]=pods,$templates,replicationcontrollers,podtemplates
    # posture also asks who asks, and for the metadata of token Secrets.
    [posture]=nodes,namespaces,pods,$templates,configmaps,serviceaccounts,$rights,networkpolicies.networking.k8s.io,poddisruptionbudgets.policy
  )
  needs[posture]+=,resourcequotas,limitranges,customresourcedefinitions.apiextensions.k8s.io
  needs[pods]=${needs[images]},namespaces
  # apis reads some fifty kinds: all whose API was ever another. They and the metric are taken from its own requests.
  "$secpatch" apis "${FLAGS[@]}" -o name -v 6 2>&1 >/dev/null | sed -nE 's/.* GET ([^ ?]*).*/\1/p' |
    grep -Ev '^/(version|api|apis)$' | sort -u >"$work/paths" || true
  for command in apis cves images pods posture; do
    next_table
    if [ "$command" = apis ]; then
      declare_run "bare LISTs" "$workload" list --kubeconfig "$KUBECONFIG" --paths "$work/paths"
    else
      declare_run "bare LISTs" "$workload" list --kubeconfig "$KUBECONFIG" --only "${needs[$command]}"
    fi
    flags=("${FLAGS[@]}")
    # Pod Security is the same on every day.
    [ "$command" != pods ] || flags=()
    declare_run "kubectl secpatch $command" "$secpatch" "$command" "${flags[@]}" -o json
    measure_all
    table "bare LISTs" "$command: test cluster, $CLUSTER_PODS pods, $CLUSTER_NODES nodes"
  done
fi
