#!/usr/bin/env bash
# A pool of nodes in three zones replaced by `kubectl drainsafe pool` with surge, beside a shell loop that adds as many
# nodes and then drains and deletes the old ones by `kubectl drain`, one after another:
#
#   benches/pool.sh [NODES] [PODS]        (50 and 1000)
#
# Deployments of 6 pods under budgets of one, spread over zones; pods use their 5 s of grace and are ready after 3 s. The
# surge command makes nodes, the replace command deletes them. A watch of all pods and one of all nodes tell: the moves
# for each pod, the lowest number of Ready pods of any Deployment (5 is what the budgets allow), and by how many the zones
# were apart in nodes that take or have pods, counted at every change. For drainsafe the forecast stands beside the time.
#
# BIN_DIR holds the programs of the test cluster if they are not to be built (Go is needed for that), PLUGIN_DIR the
# plugins.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source benches/measure.sh

count=${1:-50} pods=${2:-1000}
build_plugins
build_cluster
watches=()
at_end 'kill "${watches[@]}" 2>/dev/null'

# Nodes as many as DRAINSAFE_ZONES says (a=2,b=1).
cat >"$work/add" <<'SH'
#!/bin/sh
# One zone after the other, as providers do.
for place in $(echo "$DRAINSAFE_ZONES" | tr , ' '); do
  for i in $(seq "${place#*=}"); do
    echo "$i" '{"apiVersion":"v1","kind":"Node","metadata":{"generateName":"new-","labels":{"node.kubernetes.io/pool":"pool-a","topology.kubernetes.io/zone":"'"${place%=*}"'"}}}'
  done
done | sort -n | cut -d ' ' -f 2- | kubectl create -f - >/dev/null
SH
chmod +x "$work/add"

# The lowest number of Ready pods of any Deployment, and the pods that were made after those that stood.
readiness() {
  awk -v whole=6 -v first="$2" '
    {
      uid = $2
      is = ($1 != "DELETED" && $4 == "d=" && $5 == "r=True")
      ready[$3] += is - was[uid]; was[uid] = is
      if (NR <= first) stood[uid] = 1
      else if (!(uid in stood) && !(uid in made)) { made[uid] = 1; moves++ }
      # The watch begins with one pod after the other: only what was whole can fall.
      if (ready[$3] >= whole) full[$3] = 1
      if (full[$3] && (!($3 in least) || ready[$3] < least[$3])) least[$3] = ready[$3]
    }
    END { low = -1; for (w in least) if (low < 0 || least[w] < low) low = least[w]; print moves + 0, low }' "$1"
}

# By how many the zones were apart, in nodes that are Ready; those that are leaving count until they are gone.
balance() {
  awk '
    {
      is = ($1 != "DELETED" && $4 == "r=True")
      n[$3] += is - was[$2]; was[$2] = is
      all += is - had[$2]; had[$2] = is
      if (all >= nodes) begun = 1
      if (!begun) next
      most = 0; least = 1e9
      for (z in n) { if (n[z] > most) most = n[z]; if (n[z] < least) least = n[z] }
      if (most - least > worst) worst = most - least
    }
    END { print worst + 0 }' nodes="$count" "$1"
}

run() {
  local tool=$1 seconds forecast=-
  start_cluster "$tool" --nodes "$count" --pods "$pods" --deployments $((pods / 6)) --zones 3 --pools 1 \
    --spread topology.kubernetes.io/zone --grace 5 --end-after grace --ready-after 3s
  kubectl get pods -A --watch --output-watch-events -o jsonpath='{.type} {.object.metadata.uid} {.object.metadata.namespace}/{.object.metadata.labels.app} d={.object.metadata.deletionTimestamp} r={.object.status.conditions[?(@.type=="Ready")].status}{"\n"}' >"$work/pods" &
  watches=($!)
  kubectl get nodes --watch --output-watch-events -o jsonpath='{.type} {.object.metadata.name} {.object.metadata.labels.topology\.kubernetes\.io/zone} r={.object.status.conditions[?(@.type=="Ready")].status}{"\n"}' >"$work/nodes" &
  watches+=($!)
  sleep 3
  local began moves low stood
  stood=$(wc -l <"$work/pods")
  began=$(date +%s.%N)
  case $tool in
  drainsafe)
    kubectl-drainsafe pool pool-a --all --surge 33% --surge-command "$work/add" --yes -o json \
      --replace-command 'kubectl delete node "$DRAINSAFE_NODE" --wait=false >/dev/null' >"$work/out" 2>"$work/err" ||
      { echo "error: drainsafe failed:" >&2; tail -n 1 "$work/out" >&2; tail -n 5 "$work/err" >&2; exit 1; }
    forecast=$(tail -n 1 "$work/out" | sed -E 's/.*"predictedSeconds":([0-9]+).*/\1/')
    ;;
  loop)
    local old node
    old=$(kubectl get nodes -o jsonpath='{.items[*].metadata.name}')
    DRAINSAFE_ZONES="region-1a=$((count / 3)),region-1b=$((count / 3)),region-1c=$((count - count / 3 * 2))" "$work/add"
    for node in $old; do
      kubectl drain "$node" --ignore-daemonsets >/dev/null 2>&1
      kubectl delete node "$node" --wait=false >/dev/null
    done
    ;;
  esac
  seconds=$(awk -v a="$began" -v b="$(date +%s.%N)" 'BEGIN {printf "%.1f", b - a}')
  sleep 1
  kill "${watches[@]}" 2>/dev/null || true
  watches=()
  read -r moves low < <(readiness "$work/pods" "$stood")
  printf '%-10s %7s s %9s s %6d %6d %10.3f %8s %8s %6s\n' "$tool" "$seconds" "$forecast" "$count" "$pods" \
    "$(awk -v m="$moves" -v p="$pods" 'BEGIN {print m / p}')" "$low of 6" "$(balance "$work/nodes")" \
    "$(kubectl get nodes --no-headers | wc -l)"
  [ -z "${POOL_KEEP:-}" ] || cp "$work/out" "$POOL_KEEP"
  testcluster down "$work/$tool" --delete >/dev/null
}

printf '%-10s %9s %11s %6s %6s %10s %8s %8s %6s\n' TOOL TIME FORECAST NODES PODS MOVES/POD LOWEST APART AFTER
run drainsafe
[ "${POOL_ONLY:-}" = drainsafe ] || run loop
