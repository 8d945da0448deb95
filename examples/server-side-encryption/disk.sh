#!/usr/bin/env bash
# A disk image that LUKS encrypts, with a data key of the product evs for its passphrase.
#
#   disk.sh FOLDER    leaves disk.img and disk.key, which is the encrypted data key, in FOLDER
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
cd "$1"
PATH=$PATH:/usr/sbin:/sbin
command -v cryptsetup >/dev/null || { echo "there is no cryptsetup"; exit 77; }

"$here/data-key" new evs disk.key
truncate --size 32M disk.img
# The passphrase has the entropy of a key: nothing is gained by making it costly to guess.
"$here/data-key" open disk.key |
  cryptsetup luksFormat --batch-mode --type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 \
    --key-file - disk.img

"$here/data-key" open disk.key | cryptsetup open --test-passphrase --key-file - disk.img
echo "the data key opens the image"
if head -c 32 /dev/urandom | cryptsetup open --test-passphrase --key-file - disk.img 2>/dev/null; then
  echo "another key opens it, too"
  exit 1
fi

# An image becomes a disk where the kernel lets us have one.
if ! grep -qw device-mapper /proc/misc || [ ! -w /dev/loop-control ]; then
  echo "not mapped: there is no device-mapper"
  exit 0
fi
name=kms-example-$$
"$here/data-key" open disk.key | cryptsetup open --key-file - disk.img "$name"
trap 'cryptsetup close "$name"' EXIT
echo "top secret" | dd of="/dev/mapper/$name" conv=fsync status=none
[ "$(head -n 1 "/dev/mapper/$name")" = "top secret" ]
echo "mapped, written and read"
