#!/usr/bin/env bash
# Installs the build into a folder and builds the embedding example against it.
#
#   install_test.sh BUILD_FOLDER SOURCE_FOLDER
set -euo pipefail
build=$1 source=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

DESTDIR="$work/root" meson install -C "$build" --no-rebuild --quiet
prefix=$(meson introspect "$build" --buildoptions |
  python3 -c 'import json, sys; print(next(o["value"] for o in json.load(sys.stdin) if o["name"] == "prefix"))')
root="$work/root$prefix"
for wanted in bin/kmsd bin/kmsctl include/kms/kms.h include/kms/pkcs11.h lib/systemd/system/kmsd.service; do
  [ -e "$root/$wanted" ] || { echo "not installed: $wanted"; exit 1; }
done
pc=$(find "$root" -name libkms.pc)
export PKG_CONFIG_PATH=$(dirname "$pc") PKG_CONFIG_SYSROOT_DIR="$work/root"
meson setup "$work/embed" "$source/examples/embed" >/dev/null
ninja -C "$work/embed" >/dev/null
LD_LIBRARY_PATH=$(dirname "$(find "$root" -name 'libkms.so')") "$work/embed/embed"

# The adapter for tokens, by its own pkg-config file.
cat >"$work/adapter.cc" <<'END'
#include "kms/pkcs11.h"
int main() {
  const auto store = kms::NewMemoryKeyStore();
  const auto clock = kms::NewSystemClock();
  // There is no such module, which the adapter tells.
  return kms::Pkcs11Hsm::Open({.module = "/none.so", .token = "none"}, *store, *clock) ? 1 : 0;
}
END
${CXX:-c++} -std=c++20 "$work/adapter.cc" -o "$work/adapter" $(pkg-config --cflags --libs libkms-pkcs11)
LD_LIBRARY_PATH=$(dirname "$(find "$root" -name 'libkms.so')") "$work/adapter"
