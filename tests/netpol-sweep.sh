#!/usr/bin/env bash
# The engine of netpolcheck against a slow, obvious reading of the rules, on many random clusters; and on a tenth as many
# what `diff` and `lint` say of them: differences that turn round, and rules that can go without changing an answer:
#
#   tests/netpol-sweep.sh [SEED] [CLUSTERS]      (1 and 100,000)
#
# Prints how many verdicts were compared; a wrong one prints its cluster and fails. CI runs 1,500 clusters of seed 1.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
PATCHKIT_SEED=${1:-1} PATCHKIT_CASES=${2:-100000} PATCHKIT_PAIRS=$((${2:-100000} / 10)) PATCHKIT_CLUSTERS=$((${2:-100000} / 10)) \
  cargo test --release --quiet -p kubectl-netpolcheck --test reference -- --nocapture
