# Helpers to measure programs beside each other, with public tools only: GNU time, awk, sort. To be sourced, from the root
# of the repository.
#
#   $work                       a folder that is gone at the end
#   at_end COMMAND              runs COMMAND at the end, however it comes; the last one said is the first
#   choose_parts KNOWN -- WANTED…   what `wanted PART` then says yes to: those named, or all known
#   build_plugins               sets $plugins to the folder of the release programs: PLUGIN_DIR, or built
#   build_cluster               sets $programs to the folder of the test cluster's programs: BIN_DIR, or built (Go is
#                               needed for that); kubectl and the plugins are on PATH then
#   start_cluster NAME FLAGS…   a test cluster filled by these flags of `testcluster fill`; KUBECONFIG points at it
#   declare_run NAME COMMAND…   something to measure
#   measure_all                 RUNS rounds; each runs every command once, so that a busy moment hits all alike
#   table BASE                  medians, and the ratio to the run named BASE of the same rounds

RUNS=${RUNS:-5}
work=$(mktemp -d)
measurements=$(mktemp -d)
names=()
ends=()

finish() {
  local i
  for ((i = ${#ends[@]} - 1; i >= 0; i--)); do eval "${ends[i]}" || true; done
  rm -rf "$work" "$measurements"
}
trap finish EXIT
trap 'exit 130' INT TERM
at_end() { ends+=("$1"); }

[ -x /usr/bin/time ] || { echo "error: GNU time (/usr/bin/time) is missing" >&2; exit 2; }

choose_parts() {
  local known=()
  while [ "$1" != -- ]; do known+=("$1") && shift; done
  shift
  parts=("$@")
  [ ${#parts[@]} -gt 0 ] || parts=("${known[@]}")
  local part
  for part in "${parts[@]}"; do
    [[ " ${known[*]} " == *" $part "* ]] || { echo "error: there is no part $part: ${known[*]}" >&2; exit 2; }
  done
}
wanted() { [[ " ${parts[*]} " == *" $1 "* ]]; }

# All programs of the workspace at once: a choice of packages would compile their dependencies again, with other features.
build_plugins() {
  if [ -z "${PLUGIN_DIR:-}" ]; then
    cargo build --release --quiet --workspace --bins
    PLUGIN_DIR=${CARGO_TARGET_DIR:-target}/release
  fi
  plugins=$(realpath "$PLUGIN_DIR")
}

build_cluster() {
  programs=${BIN_DIR:-${CARGO_TARGET_DIR:-target}/cluster}
  [ -n "${BIN_DIR:-}" ] || tests/cluster/build.sh "$programs"
  programs=$(realpath "$programs")
  export PATH=$programs/bin:$programs:$plugins:$PATH
}

start_cluster() {
  local cluster=$work/$1
  shift
  at_end "testcluster down '$cluster' --delete >/dev/null 2>&1"
  testcluster up "$cluster" ${CLUSTER_FLAGS:-} >/dev/null
  export KUBECONFIG=$cluster/kubeconfig
  testcluster fill "$cluster" "$@" >/dev/null
}

declare_run() {
  local name=$1
  shift
  names+=("$name")
  printf '%q ' "$@" >"$measurements/$name.command"
}

# One run: seconds and KB to NAME.figures. 0, 1 and 4 are answers of a reading command (clean, findings, partly read).
run_once() {
  local name=$1 code=0
  /usr/bin/time -o "$measurements/time" -f '%e %M' -- \
    bash -c "exec $(cat "$measurements/$name.command")" >"$measurements/$name.out" 2>"$measurements/$name.err" </dev/null || code=$?
  case $code in
  0 | 1 | 4) tail -n 1 "$measurements/time" >>"$measurements/$name.figures" ;;
  *)
    echo "error: $name ended with $code:" >&2
    tail -n 5 "$measurements/$name.err" >&2
    return 1
    ;;
  esac
}

measure_all() {
  local round name
  for name in "${names[@]}"; do run_once "$name" && : >"$measurements/$name.figures"; done # once to warm up
  for ((round = 0; round < RUNS; round++)); do
    for name in "${names[@]}"; do run_once "$name"; done
  done
}

# The median of a column of NAME.figures.
median() {
  awk -v column="$2" '{print $column}' "$measurements/$1.figures" | sort -n |
    awk '{v[NR] = $1} END {print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2}'
}

# The median over the rounds of NAME's time divided by BASE's in the same round.
ratio() {
  paste -d ' ' "$measurements/$1.figures" "$measurements/$2.figures" |
    awk '$3 > 0 {printf "%.3f\n", $1 / $3}' | sort -n |
    awk '{v[NR] = $1} END {if (NR) printf "%.2f", v[int((NR + 1) / 2)]; else printf "-"}'
}

table() {
  local base=$1 name
  printf '\n%-44s %9s %9s %14s\n' "$2" "time" "peak" "times the base"
  for name in "${names[@]}"; do
    printf '%-44s %7.2f s %6.0f MB %14s\n' "$name" "$(median "$name" 1)" \
      "$(awk -v kb="$(median "$name" 2)" 'BEGIN {print kb / 1024}')" "$(ratio "$name" "$base")"
  done
}

# Forgets what was measured.
next_table() {
  names=()
  rm -f "$measurements"/*.figures "$measurements"/*.command
}

# Milliseconds of one start of a command, the median over RUNS of 100 starts each: a start is far shorter than what
# the clock of GNU time resolves.
start_time() {
  local round
  for ((round = 0; round < RUNS; round++)); do
    /usr/bin/time -o "$measurements/time" -f '%e' -- bash -c 'for ((i = 0; i < 100; i++)); do "$@" >/dev/null 2>&1; done' - "$@"
    awk '{print $1 * 10}' "$measurements/time"
  done | sort -n | awk '{v[NR] = $1} END {printf "%.1f", v[int((NR + 1) / 2)]}'
}
