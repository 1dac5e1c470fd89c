#!/bin/sh
# Installs the named programs that PyPI does not carry (Debian package = program); says so where it cannot.
set -eu

for program in "$@"; do
  command -v "$program" >/dev/null && continue
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$program" >/dev/null
  else
    echo "$program is needed and not installed: install it (Debian, Ubuntu: sudo apt-get install $program)" >&2
    exit 1
  fi
done
