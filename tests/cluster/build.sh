#!/usr/bin/env bash
# Builds the programs of this module into a folder:
#
#   tests/cluster/build.sh OUTDIR
#
#   OUTDIR/controlplane  etcd, kube-apiserver, kube-controller-manager,
#                        kube-scheduler and kubectl in one program
#   OUTDIR/kwok          the simulated kubelets
#   OUTDIR/testcluster   starts, fills, breaks and ends clusters
#   OUTDIR/fitjudge      the scheduler's own filters, run on objects from a file
#   OUTDIR/fitcases      makes random clusters for it
#   OUTDIR/bin/kubectl   a link to controlplane, alone in a folder for PATH
#
# Nothing is done when they are up to date. Two at once are safe: the second
# waits for the first. NICE=10 builds with that niceness.
set -euo pipefail

[ $# -eq 1 ] || { echo "usage: $0 OUTDIR" >&2; exit 2; }
command -v go >/dev/null || { echo "$0: 'go' is missing: install Go 1.26 or later" >&2; exit 1; }
mkdir -p "$1"
out=$(cd "$1" && pwd)
cd "$(dirname "${BASH_SOURCE[0]}")"

# The lock goes with the process, however it ends.
exec 9>"$out/.lock"
flock 9

# What the programs are made from, and by which compiler.
sources() {
  {
    printf '%s\0' go.mod go.sum build.sh
    find cmd internal stages -type f \( -name '*.go' -o -name '*.yaml' \) ! -name '*_test.go' -print0
  } | sort -z
}
stamp=$( { go version; sources | xargs -0 sha256sum; } | sha256sum | cut -d' ' -f1)
programs=$(for d in cmd/*/; do basename "$d"; done)
built() {
  [ "$(cat "$out/.stamp" 2>/dev/null)" = "$stamp" ] || return 1
  for p in $programs kwok bin/kubectl; do [ -x "$out/$p" ] || return 1; done
}
built && exit 0

# Clients refuse a server whose version they cannot read, and without these it
# has none ("v0.0.0-master+$Format"). The version is go.mod's.
version=$(go list -m -f '{{.Version}}' k8s.io/kubernetes)
minor=${version#v1.} minor=${minor%%.*}
flags="-s -w"
for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
  flags+=" -X $package.gitVersion=$version -X $package.gitMajor=1 -X $package.gitMinor=$minor"
  flags+=" -X $package.gitTreeState=clean"
done

new=$(mktemp -d "$out/.new.XXXXXX")
trap 'rm -rf "$new"' EXIT
CGO_ENABLED=0 nice -n "${NICE:-0}" go build -trimpath -ldflags "$flags" -o "$new/" ./cmd/... sigs.k8s.io/kwok/cmd/kwok
# By renaming, since a program that runs cannot be written over.
for p in "$new"/*; do mv -f "$p" "$out/"; done
mkdir -p "$out/bin"
ln -sfn ../controlplane "$out/bin/kubectl"
echo "$stamp" >"$out/.stamp"
