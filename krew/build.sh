#!/usr/bin/env bash
# The release binaries of one platform, or of every platform that this machine can build for:
#
#   krew/build.sh OUTDIR [OS_ARCH…]        such as: krew/build.sh binaries linux_amd64
#
# Puts them into OUTDIR/OS_ARCH/. Without platforms, those are built whose Rust target is installed (rustup target add)
# and, where C has to be compiled, for which a compiler is found; what is left out is told.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

plugins=(secpatch drainsafe netpolcheck)

# linux with musl: the binary is static, and runs on every distribution and in an empty image.
target_of() {
  case $1 in
    linux_amd64) echo x86_64-unknown-linux-musl ;;
    linux_arm64) echo aarch64-unknown-linux-musl ;;
    darwin_amd64) echo x86_64-apple-darwin ;;
    darwin_arm64) echo aarch64-apple-darwin ;;
    windows_amd64) echo x86_64-pc-windows-msvc ;;
    windows_arm64) echo aarch64-pc-windows-msvc ;;
    *) echo "krew/build.sh: unknown platform $1" >&2; return 1 ;;
  esac
}

# A static program for Linux, linked by the linker that rustc brings along: it packs the relocations of a program that
# may lie at any address, folds functions that are equal, and leaves out what unwinding would need. A sixth smaller.
static="-C target-feature=+crt-static -C linker-flavor=ld.lld -C linker=rust-lld -C link-arg=--icf=all \
  -C link-arg=--pack-dyn-relocs=relr -C link-arg=--no-eh-frame-hdr -C link-arg=-Tkrew/without-unwind-tables.ld"

# The C compiler for a Linux target, as the cc crate is told about it. Other systems find their own.
compiler_of() {
  local candidate
  local -a candidates
  case $1 in
    x86_64-unknown-linux-musl) candidates=(musl-gcc x86_64-linux-musl-gcc) ;;
    aarch64-unknown-linux-musl) candidates=(aarch64-linux-musl-gcc aarch64-linux-gnu-gcc) ;;
    *) return 0 ;;
  esac
  # On a machine of that architecture its own compiler does: what is compiled calls no function of the C library that
  # differs between the two.
  [ "$(uname -s)-$(uname -m)" = "Linux-${1%%-*}" ] && candidates+=(musl-gcc gcc)
  for candidate in "${candidates[@]}"; do
    if command -v "$candidate" >/dev/null; then
      echo "$candidate"
      return 0
    fi
  done
  return 1
}

can_link() {
  case "$1-$(uname -s)" in
    linux_*-Linux | darwin_*-Darwin | windows_*-MINGW* | windows_*-MSYS*) return 0 ;;
    *) return 1 ;;
  esac
}

build() {
  local platform=$1 out=$2 target exe='' compiler flags=''
  target=$(target_of "$platform")
  compiler=$(compiler_of "$target") || { echo "krew/build.sh: no C compiler for $target" >&2; return 1; }
  case $platform in
    windows_*) exe=.exe flags='-C target-feature=+crt-static' ;;
    linux_*) flags=$static ;;
  esac
  local variable=${target//-/_}
  local -a environment=("RUSTFLAGS=${RUSTFLAGS:-} -C strip=symbols $flags")
  [ -z "$compiler" ] || environment+=("CC_$variable=$compiler")
  env "${environment[@]}" cargo build --profile dist --locked --target "$target" \
    $(printf -- '-p kubectl-%s ' "${plugins[@]}")
  mkdir -p "$out/$platform"
  local folder=${CARGO_TARGET_DIR:-target}/$target/dist
  for plugin in "${plugins[@]}"; do
    cp "$folder/kubectl-$plugin$exe" "$out/$platform/"
  done
}

[ $# -ge 1 ] || { sed -n '2,9s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2; }
out=$1
shift
if [ $# -gt 0 ]; then
  for platform in "$@"; do build "$platform" "$out"; done
  exit 0
fi
installed=$(rustup target list --installed)
built=0
for platform in linux_amd64 linux_arm64 darwin_amd64 darwin_arm64 windows_amd64 windows_arm64; do
  target=$(target_of "$platform")
  if ! grep -qx "$target" <<<"$installed"; then
    echo "left out: $platform (rustup target add $target)" >&2
  elif ! can_link "$platform"; then
    echo "left out: $platform (no linker for it on $(uname -s))" >&2
  elif ! compiler_of "$target" >/dev/null; then
    echo "left out: $platform (no C compiler for $target)" >&2
  else
    build "$platform" "$out"
    built=$((built + 1))
  fi
done
[ $built -gt 0 ] || { echo "krew/build.sh: nothing could be built here" >&2; exit 1; }
