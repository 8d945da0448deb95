#!/usr/bin/env bash
# Objects of a bucket, each encrypted under a data key of its own, of the product zos.
#
#   objects.sh FOLDER    reads the objects in FOLDER/objects, leaves FOLDER/bucket
set -euo pipefail
cd "$1"
kmsctl=${KMSCTL:-kmsctl}

# The first data key of a product makes its default key; from then on it has a name.
"$kmsctl" call generateDataKeyWithoutPlaintext product=zos >/dev/null

mkdir bucket
for object in objects/*; do
  # Makes a data key, encrypts by it, and puts its ciphertext in front of the object.
  "$kmsctl" encrypt-file alias_zos "$object" "bucket/${object##*/}"
done

# Whoever reads an object needs its file, and to be allowed to decrypt under the key. What
# was read is in a file of memory.
read_back=$(mktemp -d -p /dev/shm)
trap 'rm -rf "$read_back"' EXIT
for object in bucket/*; do
  "$kmsctl" decrypt-file "$object" "$read_back/object"
  cmp "$read_back/object" "objects/${object##*/}"
  rm "$read_back/object"
done
echo "every object is read back"
