# Helpers to measure programs beside each other, with public tools only: GNU time, awk, sort. To be sourced.
#
#   declare_run NAME COMMAND…   something to measure
#   measure_all                 RUNS rounds; each runs every command once, so that a busy moment hits all alike
#   table BASE                  medians, and the ratio to the run named BASE of the same rounds

RUNS=${RUNS:-5}
measurements=$(mktemp -d)
names=()

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
