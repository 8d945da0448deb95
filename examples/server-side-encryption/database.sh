#!/usr/bin/env bash
# A MariaDB whose table spaces and logs are encrypted (file_key_management), with a data key of
# the product rds.
#
#   database.sh FOLDER    leaves database/ and database.key, which is the encrypted data key, in FOLDER
#
# MARIADB_PLUGINS is the folder of file_key_management.so (/usr/lib/mysql/plugin).
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
cd "$1"
PATH=$PATH:/usr/sbin:/sbin
plugins=${MARIADB_PLUGINS:-/usr/lib/mysql/plugin}
for program in mariadbd mariadb-install-db mariadb; do
  command -v "$program" >/dev/null || { echo "there is no $program"; exit 77; }
done
[ -f "$plugins/file_key_management.so" ] || { echo "there is no file_key_management.so in $plugins"; exit 77; }

# The plugin wants to read its key from a file. This one is of memory alone, and there only
# while the server starts; so is the socket, whose path has to be short.
memory=$(mktemp -d -p /dev/shm)
server=
stop() {
  [ -z "$server" ] || { kill "$server" && wait "$server"; } || true
  server=
}
trap 'stop; rm -rf "$memory"' EXIT

start() {
  { printf '1;'; "$here/data-key" open database.key | od -An -v -tx1 | tr -d ' \n'; echo; } >"$memory/keys"
  mariadbd --no-defaults --user="$(id -un)" --datadir="$PWD/database" --socket="$memory/socket" \
    --pid-file="$memory/pid" --skip-networking --innodb-buffer-pool-size=16M \
    --plugin-dir="$plugins" --plugin-load-add=file_key_management \
    --file-key-management-filename="$memory/keys" \
    --innodb-encrypt-tables=FORCE --innodb-encrypt-log=ON --encrypt-tmp-files=ON 2>>log &
  server=$!
  for _ in $(seq 150); do
    if sql 'SELECT 1' >/dev/null 2>&1; then
      rm "$memory/keys"
      return
    fi
    kill -0 "$server" 2>/dev/null || break
    sleep 0.1
  done
  tail -n 5 log
  exit 1
}
sql() { mariadb --no-defaults --socket="$memory/socket" --skip-column-names --batch --execute="$1"; }

"$here/data-key" new rds database.key
mkdir database
mariadb-install-db --no-defaults --user="$(id -un)" --datadir="$PWD/database" \
  --auth-root-authentication-method=normal --skip-test-db >log 2>&1

start
sql "CREATE DATABASE shop;
     CREATE TABLE shop.orders (id INT PRIMARY KEY, what VARCHAR(64)) ENGINE=InnoDB;
     INSERT INTO shop.orders VALUES (1, 'top secret');"
stop

# The key is gone with the process. Now kmsd decrypts it again.
start
[ "$(sql 'SELECT what FROM shop.orders')" = "top secret" ]
stop
echo "written, and read after a restart"
