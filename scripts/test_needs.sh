#!/bin/sh
# Installs the named Debian packages that PyPI does not carry; says so where it cannot. A package is here when its program is:
# that of its own name, but for PostgreSQL's, which Debian keeps out of the PATH, for chromium-headless-shell, which chromium can stand
# in for, for nodejs, which is `node`, for iproute2, which is `ip`, for systemd and systemd-container, whose programs the tests name,
# and for the C library's headers, which are none.
set -eu

here() {
  case "$1" in
    postgresql) command -v postgres >/dev/null || ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 ;;
    chromium-headless-shell) command -v "$1" >/dev/null || command -v chromium >/dev/null ;;
    nodejs) command -v node >/dev/null ;;
    iproute2) command -v ip >/dev/null ;;
    systemd) command -v systemd-analyze >/dev/null ;;
    systemd-container) command -v systemd-nspawn >/dev/null ;;
    libc6-dev) test -e /usr/include/stdio.h ;;
    *) command -v "$1" >/dev/null || test -x "/usr/sbin/$1" ;;
  esac
}

# Programs are wanted, no services: Debian asks this file whether one may start.
POLICY=/usr/sbin/policy-rc.d
start_nothing() {
  test -e "$POLICY" && return
  trap 'rm -f "$POLICY"' EXIT
  printf '#!/bin/sh\nexit 101\n' >"$POLICY"
  chmod +x "$POLICY"
}

for package in "$@"; do
  here "$package" && continue
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    start_nothing
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$package" >/dev/null
  else
    echo "$package is needed and not installed: install it (Debian, Ubuntu: sudo apt-get install $package)" >&2
    exit 1
  fi
done
