#!/bin/sh
# Installs the havoq binary for this machine.
#
#   sh install.sh                      from npm, by way of this machine's npm
#   HAVOQ_FROM=URL-or-folder sh install.sh   from where a release's binaries and SHA256SUMS lie
#
# HAVOQ_DIR is where it goes (~/.local/bin), HAVOQ_VERSION what npm is asked for (latest).
set -eu

fail() {
  echo "havoq was not installed: $1" >&2
  exit 1
}

case "$(uname -s)" in
  Linux) os=linux ;;
  Darwin) os=darwin ;;
  *) fail "there is no binary for $(uname -s); on Windows, npm install --global havoq does it" ;;
esac
case "$(uname -m)" in
  x86_64 | amd64) cpu=x64 ;;
  aarch64 | arm64) cpu=arm64 ;;
  *) fail "there is no binary for $(uname -m)" ;;
esac
libc=
if [ "$os" = linux ] && ! getconf GNU_LIBC_VERSION >/dev/null 2>&1; then libc=-musl; fi
platform=$os-$cpu$libc
dir=${HAVOQ_DIR:-$HOME/.local/bin}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM

if [ -n "${HAVOQ_FROM:-}" ]; then
  for file in "havoq-$platform" SHA256SUMS; do
    if [ -d "$HAVOQ_FROM" ]; then
      cp "$HAVOQ_FROM/$file" "$work/$file" || fail "there is no $file in $HAVOQ_FROM"
    else
      curl -fsSL "$HAVOQ_FROM/$file" -o "$work/$file" || fail "$file did not come from $HAVOQ_FROM"
    fi
  done
  wanted=$(awk -v file="havoq-$platform" '$2 == file { print $1 }' "$work/SHA256SUMS")
  [ -n "$wanted" ] || fail "SHA256SUMS does not name havoq-$platform"
  if command -v sha256sum >/dev/null 2>&1; then found=$(sha256sum "$work/havoq-$platform"); else found=$(shasum -a 256 "$work/havoq-$platform"); fi
  [ "${found%% *}" = "$wanted" ] || fail "the checksum of havoq-$platform is not the one in SHA256SUMS"
  binary=$work/havoq-$platform
else
  command -v npm >/dev/null 2>&1 || fail "there is no npm here; set HAVOQ_FROM to where the binaries of a release lie"
  # npm checks what it fetched against the registry's own checksum.
  (cd "$work" && npm pack --silent "@havoq/$platform@${HAVOQ_VERSION:-latest}" >/dev/null && tar xzf ./*.tgz) || fail "npm has no @havoq/$platform@${HAVOQ_VERSION:-latest}"
  binary=$work/package/bin/havoq
fi

mkdir -p "$dir"
# Under a name of its own first: a havoq that runs now is not written over.
cp "$binary" "$dir/.havoq.new"
chmod 755 "$dir/.havoq.new"
mv "$dir/.havoq.new" "$dir/havoq"
echo "$("$dir/havoq" --version) is in $dir/havoq"
case ":$PATH:" in *":$dir:"*) ;; *) echo "$dir is not in your PATH" ;; esac
