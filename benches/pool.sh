#!/usr/bin/env bash
# A pool of nodes in three zones replaced by `kubectl drainsafe pool` with a surge of a third, beside a shell loop with
# the same surge: it adds as many nodes, waits until they are Ready, drains as many old ones by `kubectl drain`, one after
# another, deletes each, and begins again:
#
#   benches/pool.sh [NODES] [PODS] [drainsafe] [loop]      (12 and 120, both tools; the goal is for 50 and 1000)
#
# Deployments of 5 pods under budgets of one, spread over zones; pods use their 5 s of grace and are ready after 3 s. The
# surge command makes nodes, one zone after the other, the replace command deletes them. Watches of all pods, nodes and
# budgets tell, at every change of any object:
#
#   MOVES/POD   pods that were made for each that stood
#   LOWEST      the lowest number of Ready pods of any Deployment (4 is what the budgets allow); of all of them below
#   BROKEN      budgets whose currentHealthy was ever below their desiredHealthy
#   APART       by how many the zones were apart at most, in nodes that are Ready and take pods; before / in between
#   READY       the same of all Ready nodes, those that are drained included
#   AFTER       nodes at the end
#
# For drainsafe the forecast of its plan stands beside the time. BIN_DIR holds the programs of the test cluster if they
# are not to be built (Go is needed for that), PLUGIN_DIR the plugins.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source benches/measure.sh

count=${1:-12} pods=${2:-120}
choose_parts drainsafe loop -- "${@:3}"
build_plugins
build_cluster
watches=()
at_end 'kill "${watches[@]}" 2>/dev/null'
# A third, as a multiple of the zones.
surge=$(((count * 33 + 99) / 100 / 3 * 3))

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

# Of the pods of a watch: moves, the lowest number of Ready pods of any Deployment, and how many Deployments had each.
readiness() {
  awk -v whole=5 -v first="$2" '
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
    END {
      low = whole
      for (w in least) { n[least[w]]++; all++; if (least[w] < low) low = least[w] }
      printf "%d %d", moves, low
      for (i = 0; i <= whole; i++) if (n[i]) printf "%s %d of %d Deployments had %d of %d Ready at their worst", (some++ ? "," : ""), n[i], all, i, whole
      print ""
    }' "$1"
}

# By how many the zones were apart when the tool began, and at most from then on, in nodes that are Ready; with "open"
# only in those that take pods.
balance() {
  awk -v first="$2" -v which="$3" '
    {
      is = ($1 != "DELETED" && $4 == "r=True" && (which == "all" || $5 == "u="))
      n[$3] += is - was[$2]; was[$2] = is
      most = 0; least = 1e9
      for (z in n) { if (n[z] > most) most = n[z]; if (n[z] < least) least = n[z] }
      if (NR <= first) start = most - least
      else if (most - least > worst) worst = most - least
    }
    END { print start + 0 " / " worst + 0 }' "$1"
}

# Every change of every object of a kind, one a line. In chunks a list would be one line.
watch() {
  kubectl get "$1" -A --watch --chunk-size=0 --output-watch-events -o jsonpath="{.type} $2"'{"\n"}' >"$work/$1" &
  watches+=($!)
}

loop() {
  local old=() node at batch
  # In turn by zone, as they are numbered.
  mapfile -t old < <(kubectl get nodes -o jsonpath='{range .items[*]}{.metadata.name}{"\n"}{end}')
  for ((at = 0; at < count; at += surge)); do
    batch=("${old[@]:at:surge}")
    DRAINSAFE_ZONES=$(kubectl get nodes "${batch[@]}" -o jsonpath='{range .items[*]}{.metadata.labels.topology\.kubernetes\.io/zone}{"\n"}{end}' |
      sort | uniq -c | awk '{printf "%s%s=%d", (NR > 1 ? "," : ""), $2, $1}') "$work/add"
    kubectl wait --for=condition=Ready nodes --all --timeout=300s >/dev/null
    for node in "${batch[@]}"; do
      kubectl drain "$node" --ignore-daemonsets >/dev/null 2>&1
      kubectl delete node "$node" --wait=false >/dev/null
    done
  done
}

run() {
  local tool=$1 seconds forecast=-
  start_cluster "$tool" --nodes "$count" --pods "$pods" --deployments "$((pods / 5))" --zones 3 --pools 1 \
    --spread topology.kubernetes.io/zone --grace 5 --end-after grace --ready-after 3s
  watches=()
  watch pods '{.object.metadata.uid} {.object.metadata.namespace}/{.object.metadata.labels.app} d={.object.metadata.deletionTimestamp} r={.object.status.conditions[?(@.type=="Ready")].status}'
  watch nodes '{.object.metadata.name} {.object.metadata.labels.topology\.kubernetes\.io/zone} r={.object.status.conditions[?(@.type=="Ready")].status} u={.object.spec.unschedulable}'
  watch pdb '{.object.metadata.namespace}/{.object.metadata.name} {.object.status.currentHealthy} {.object.status.desiredHealthy}'
  local began moves low each broken pods_stood nodes_stood
  # What stands is told first.
  until [ "$(wc -l <"$work/pods")" -ge "$pods" ] && [ "$(wc -l <"$work/nodes")" -ge "$count" ]; do sleep 1; done
  sleep 2
  pods_stood=$(wc -l <"$work/pods") nodes_stood=$(wc -l <"$work/nodes")
  began=$(date +%s.%N)
  case $tool in
  drainsafe)
    kubectl-drainsafe pool pool-a --all --surge 33% --surge-command "$work/add" --yes -o json \
      --replace-command 'kubectl delete node "$DRAINSAFE_NODE" --wait=false >/dev/null' >"$work/out" 2>"$work/err" ||
      { echo "error: drainsafe failed:" >&2; tail -n 1 "$work/out" >&2; tail -n 5 "$work/err" >&2; exit 1; }
    forecast=$(tail -n 1 "$work/out" | sed -E 's/.*"predictedSeconds":([0-9]+).*/\1/')
    ;;
  loop) loop ;;
  esac
  seconds=$(awk -v a="$began" -v b="$(date +%s.%N)" 'BEGIN {printf "%.1f", b - a}')
  sleep 1
  kill "${watches[@]}" 2>/dev/null || true
  watches=()
  read -r moves low each < <(readiness "$work/pods" "$pods_stood")
  # A budget that the controller has just seen tells of no pods yet.
  broken=$(awk '$3 >= $4 {whole[$2] = 1} $1 != "DELETED" && whole[$2] && $3 < $4 {print $2}' "$work/pdb" | sort -u | wc -l)
  printf '%-10s %7s s %9s s %6d %6d %10.3f %8s %7d %8s %8s %6s\n' "$tool" "$seconds" "$forecast" "$count" "$pods" \
    "$(awk -v m="$moves" -v p="$pods" 'BEGIN {print m / p}')" "$low of 5" "$broken" \
    "$(balance "$work/nodes" "$nodes_stood" open)" "$(balance "$work/nodes" "$nodes_stood" all)" \
    "$(kubectl get nodes --no-headers | wc -l)"
  echo "           $each"
  [ -z "${POOL_KEEP:-}" ] || cp "$work/out" "$work/pods" "$work/nodes" "$work/pdb" "$POOL_KEEP"
  testcluster down "$work/$tool" --delete >/dev/null
}

printf '%-10s %9s %11s %6s %6s %10s %8s %7s %8s %8s %6s\n' TOOL TIME FORECAST NODES PODS MOVES/POD LOWEST BROKEN APART READY AFTER
for tool in "${parts[@]}"; do run "$tool"; done
