#!/usr/bin/env bash
# A file system that gocryptfs encrypts, with a data key of the product sfs for its password.
#
#   files.sh FOLDER    leaves encrypted/ and files.key, which is the encrypted data key, in FOLDER
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
cd "$1"
command -v gocryptfs >/dev/null || { echo "there is no gocryptfs"; exit 77; }

# gocryptfs takes a line of text.
password() { "$here/data-key" open files.key | base64 --wrap=0; }

"$here/data-key" new sfs files.key
mkdir encrypted files
# The password has the entropy of a key: nothing is gained by making it costly to guess.
password | gocryptfs -init -quiet -scryptn 10 encrypted
password | gocryptfs-xray -dumpmasterkey encrypted/gocryptfs.conf >/dev/null
echo "the data key opens the file system"
if head -c 32 /dev/urandom | base64 --wrap=0 |
  gocryptfs-xray -dumpmasterkey encrypted/gocryptfs.conf >/dev/null 2>&1; then
  echo "another key opens it, too"
  exit 1
fi

# Whether the kernel lets us mount, only trying tells.
unmount=$(command -v fusermount3 || command -v fusermount || true)
if [ -z "$unmount" ] || ! password | gocryptfs -quiet encrypted files; then
  echo "not mounted: there is no FUSE"
  exit 0
fi
trap '"$unmount" -u files 2>/dev/null || true' EXIT
echo "top secret" >files/orders.txt
"$unmount" -u files
[ ! -e files/orders.txt ]
password | gocryptfs -quiet encrypted files
[ "$(cat files/orders.txt)" = "top secret" ]
echo "mounted, written, and read after another mount"
