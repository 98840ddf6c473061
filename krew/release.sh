#!/usr/bin/env bash
# A release as far as this machine can build it: krew/release.sh OUTDIR
#
# Builds what can be built here (krew/build.sh) and packs it (krew/package.sh). The workflow
# .github/workflows/release.yml builds all six platforms, each on a machine of its kind.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

[ $# -eq 1 ] || { sed -n '2,5s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2; }
krew/build.sh "$1/binaries"
version=v$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
krew/package.sh --binaries "$1/binaries" --out "$1" --version "$version" --partial
