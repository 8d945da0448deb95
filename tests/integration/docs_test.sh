#!/usr/bin/env bash
# The documents that come from tables are checked in as they are generated.
#
#   docs_test.sh WRITE_DOCS DOCS_FOLDER
set -euo pipefail
for name in api_reference errors; do
  "$1" "$name" | diff -u "$2/$name.md" - || {
    echo "docs/$name.md is not what the tables say; run: build/server/write-docs $name > docs/$name.md"
    exit 1
  }
done
