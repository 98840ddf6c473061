#!/usr/bin/env bash
# Everything that a release consists of, from binaries that are built already:
#
#   krew/package.sh --binaries DIR --out DIR --version vX.Y.Z [--partial]
#
# --binaries   holds OS_ARCH/kubectl-NAME[.exe], as krew/build.sh and the release workflow make it
# --out        gets the archives, a software bill of materials (CycloneDX) for each plugin, SHA256SUMS, and
#              krew/NAME.yaml, the Krew manifests
# --partial    makes manifests for those platforms that there are; else all six must be there
#
# The same binaries give the same archives, byte by byte: names are sorted, times are those of the commit (or of
# SOURCE_DATE_EPOCH), nobody owns anything.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

plugins=(secpatch drainsafe netpolcheck)
platforms=(linux_amd64 linux_arm64 darwin_amd64 darwin_arm64 windows_amd64 windows_arm64)

fail() { echo "krew/package.sh: $*" >&2; exit 1; }

binaries='' out='' version='' partial=no
while [ $# -gt 0 ]; do
  case $1 in
    --binaries) binaries=${2:?}; shift 2 ;;
    --out) out=${2:?}; shift 2 ;;
    --version) version=${2:?}; shift 2 ;;
    --partial) partial=yes; shift ;;
    *) sed -n '2,14s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
  esac
done
[ -n "$binaries" ] && [ -n "$out" ] && [ -n "$version" ] || fail "--binaries, --out and --version are needed"
[[ $version =~ ^v(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)(-[0-9A-Za-z.-]+)?$ ]] ||
  fail "$version is no version such as v1.2.3"
declared=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
[ "$version" = "v$declared" ] || fail "$version is to be released, but Cargo.toml says $declared"
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
mkdir -p "$out/krew"

sha256() { sha256sum "$1" | cut -d' ' -f1; }

# An archive with one binary and the licence.
pack() {
  local plugin=$1 platform=$2 exe='' folder
  case $platform in windows_*) exe=.exe ;; esac
  folder=$(mktemp -d)
  install -m 755 "$binaries/$platform/kubectl-$plugin$exe" "$folder/kubectl-$plugin$exe"
  install -m 644 LICENSE "$folder/LICENSE"
  # Hard links and links are none of Krew's: --hard-dereference, and nothing but regular files was put there.
  tar --create --format=ustar --sort=name --mtime="@$epoch" --owner=0 --group=0 --numeric-owner --hard-dereference \
    --directory "$folder" LICENSE "kubectl-$plugin$exe" |
    gzip --no-name "-${GZIP_LEVEL:-9}" >"$out/$(archive "$plugin" "$platform")"
  rm -r "$folder"
}

archive() { echo "kubectl-$1_${version}_$2.tar.gz"; }

# Fills a template as krew-release-bot does: {{ .TagName }}, and {{addURIAndSha "URL" .TagName }} as uri and sha256.
# Platforms whose archive is not there are left out.
manifest() {
  local plugin=$1 block='' line url file
  local tag='{{ .TagName }}'
  while IFS= read -r line; do
    if [[ $line =~ ^\ *-\ selector: ]]; then
      block=$line
      continue
    fi
    if [[ $line =~ ^\ *\{\{addURIAndSha\ \"([^\"]*)\"\ .TagName\ \}\}$ ]]; then
      url=${BASH_REMATCH[1]//"$tag"/$version}
      file=$out/${url##*/}
      if [ -f "$file" ]; then
        printf '%s\n    uri: %s\n    sha256: %s\n' "$block" "$url" "$(sha256 "$file")"
        block=''
      else
        block=skip
      fi
    elif [[ $line =~ ^\ *bin: ]]; then
      [ "$block" = skip ] || printf '%s\n' "$line"
      block=''
    elif [ -n "$block" ]; then
      block+=$'\n'$line
    else
      printf '%s\n' "${line//"$tag"/$version}"
    fi
  done <"krew/templates/$plugin.yaml"
}

missing=()
packed=()
for platform in "${platforms[@]}"; do
  if [ ! -d "$binaries/$platform" ]; then
    missing+=("$platform")
    continue
  fi
  for plugin in "${plugins[@]}"; do
    pack "$plugin" "$platform"
    packed+=("$(archive "$plugin" "$platform")")
  done
done
[ ${#packed[@]} -gt 0 ] || fail "$binaries holds no binaries"
if [ ${#missing[@]} -gt 0 ]; then
  [ $partial = yes ] || fail "no binaries for ${missing[*]} (--partial leaves them out)"
  echo "left out: ${missing[*]}" >&2
fi
for plugin in "${plugins[@]}"; do
  manifest "$plugin" >"$out/krew/$plugin.yaml"
  ${PATCHKIT_SBOM:-cargo run --quiet --locked --package patchkit --example sbom --} "kubectl-$plugin" \
    >"$out/kubectl-${plugin}_${version}.cdx.json"
  packed+=("kubectl-${plugin}_${version}.cdx.json")
done
(cd "$out" && printf '%s\n' "${packed[@]}" | LC_ALL=C sort | xargs sha256sum) >"$out/SHA256SUMS"
echo "$out: ${#packed[@]} files, SHA256SUMS, and the Krew manifests in krew/"
