#!/usr/bin/env bash
# Holds the Pod Security Standards of `kubectl secpatch pods` against the API server's own admission on the test cluster:
#
#   benches/admission.sh [COUNT] [SEED]      (5000 generated pods of seed 1)
#
# The pods are created in server-side dry runs, in namespaces that enforce either level at nineteen policy versions; what
# the server says must be what is judged, check by check, with the same containers, volumes and values.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
ADMISSION_PODS=${1:-5000} ADMISSION_SEED=${2:-1} cargo test --test live admission_ -- --nocapture
