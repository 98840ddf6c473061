#!/usr/bin/env bash
# `kubectl netpolcheck suggest` on many random clusters and flow lists, each proved a second time, connection by
# connection:
#
#   tests/suggest-sweep.sh [SEED] [LISTS]      (1 and 20,000)
#
# A connection that is needed and not allowed, and one that is allowed beyond and not named, prints its cluster and
# fails. CI runs 600 lists of seed 1.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
PATCHKIT_SEED=${1:-1} PATCHKIT_CASES=${2:-20000} \
  cargo test --release --quiet -p kubectl-netpolcheck --test suggest random -- --nocapture
