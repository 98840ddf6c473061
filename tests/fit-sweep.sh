#!/usr/bin/env bash
# Compares `kubectl drainsafe fit` with the scheduler's own filter plugins on
# random clusters, pod by pod and node by node:
#
#   tests/fit-sweep.sh [SEED [COUNT]]
#
# SEED chooses the clusters (default 1), COUNT how many (default 7000, which is
# more than 100,000 pairs of pod and node). Prints how many pairs there were and
# every difference; fails where there is one.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

tests/cluster/build.sh target/cluster
PATCHKIT_FIT_SEED=${1:-1} PATCHKIT_FIT_COUNT=${2:-7000} \
  cargo test --release -p kubectl-drainsafe --test scheduler random -- --nocapture
