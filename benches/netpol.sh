#!/usr/bin/env bash
# Time and peak memory of `kubectl netpolcheck` on generated clusters:
#
#   benches/netpol.sh [sizes] [can] [growth]      (all three without arguments)
#
#   sizes   map and lint of 1,000 pods and 100 policies, 10,000 and 1,000, 50,000 and 1,000, and the last with no two pods alike;
#           beside each the reading of the same file into a snapshot alone, so that the rest is the analysis
#   can     one question to the largest of the first two
#   growth  how the time of map grows with pods, with policies, and with classes (fewer and fewer pods that are alike)
#
# Each figure is the median of RUNS rounds (5). SEED makes another cluster of the same sizes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source benches/measure.sh

SEED=${SEED:-1}
choose_parts sizes can growth -- "$@"
build_plugins
netpolcheck=$plugins/kubectl-netpolcheck workload=$plugins/workload

# cluster PODS POLICIES REPLICAS: the file of a generated cluster.
cluster() {
  local file=$work/$1-$2-$3.json
  [ -f "$file" ] || "$workload" network "$file" --pods "$1" --policies "$2" --replicas "$3" --seed "$SEED"
  printf '%s' "$file"
}

size() {
  local title="$1 pods, $2 policies, $3 alike" file
  file=$(cluster "$1" "$2" "$3")
  next_table
  declare_run "read into a snapshot" "$workload" read "$file"
  declare_run "map" "$netpolcheck" map -f "$file"
  declare_run "map -o json" bash -c "'$netpolcheck' map -f '$file' -o json >/dev/null"
  # Generated clusters have no servers of names: 4 says that not all could be told.
  declare_run "lint -o json" bash -c "'$netpolcheck' lint -f '$file' -o json --fail-on none >/dev/null || [ \$? -eq 4 ]"
  measure_all
  table "read into a snapshot" "$title"
}

if wanted sizes; then
  size 1000 100 5
  size 10000 1000 5
  size 50000 1000 5
  RUNS=1 size 50000 1000 1
fi

if wanted can; then
  file=$(cluster 10000 1000 5)
  from=$(grep -o '"name":"[a-z]*-[0-9]*-[0-9a-f]*-00007","namespace":"[^"]*"' "$file" | head -1)
  to=$(grep -o '"name":"[a-z]*-[0-9]*-[0-9a-f]*-09007","namespace":"[^"]*"' "$file" | head -1)
  pod() { sed -E 's/"name":"([^"]*)","namespace":"([^"]*)"/\2\/\1/' <<<"$1"; }
  next_table
  declare_run "read into a snapshot" "$workload" read "$file"
  declare_run "can POD POD:8000 --explain" "$netpolcheck" can "$(pod "$from")" "$(pod "$to"):8000" --explain -f "$file"
  measure_all
  table "read into a snapshot" "one question, 10000 pods, 1000 policies"
fi

if wanted growth; then
  printf '\n%10s %10s %10s %9s %9s %14s\n' pods policies alike map peak "of it reading"
  row() {
    local file
    file=$(cluster "$1" "$2" "$3")
    next_table
    declare_run read "$workload" read "$file"
    declare_run map "$netpolcheck" map -f "$file"
    measure_all
    printf '%10s %10s %10s %7.2f s %6.0f MB %12.2f s\n' "$1" "$2" "$3" "$(median map 1)" \
      "$(awk -v kb="$(median map 2)" 'BEGIN {print kb / 1024}')" "$(median read 1)"
  }
  for pods in 1000 2000 5000 10000 20000; do row $pods 500 5; done
  for policies in 100 200 500 1000 2000; do row 10000 $policies 5; done
  for replicas in 20 10 5 2 1; do row 10000 1000 $replicas; done
fi
