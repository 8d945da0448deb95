#!/bin/sh
# Runs the cases under memcheck; the control has to be reported.
# Usage: constant_time_test.sh VALGRIND EXECUTABLE SUPPRESSIONS
set -eu
[ -x "$1" ] || { echo "valgrind is missing"; exit 77; }
memcheck="$1 --quiet --leak-check=no --suppressions=$3 $2"
$memcheck
reported=$($memcheck control 2>/dev/null) || true
echo "$reported"
case $reported in
  "control: right, 0 reported") exit 1 ;;
  "control: right, "*) ;;
  *) exit 1 ;;
esac
