#!/bin/sh
# The Debian packages that the tests and benchmarks use, installed where that is allowed.
# Elsewhere it says what is missing and which tests are skipped for it. In CI nothing may be skipped.
set -eu

missing=""
command -v sipp >/dev/null 2>&1 || missing="$missing sip-tester"
command -v kamailio >/dev/null 2>&1 || missing="$missing kamailio"
command -v baresip >/dev/null 2>&1 || missing="$missing baresip-core"
command -v softhsm2-util >/dev/null 2>&1 || missing="$missing softhsm2"
command -v pkcs11-tool >/dev/null 2>&1 || missing="$missing opensc"
command -v espeak-ng >/dev/null 2>&1 || missing="$missing espeak-ng"
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing="$missing postgresql"
command -v strace >/dev/null 2>&1 || missing="$missing strace"
command -v node >/dev/null 2>&1 || missing="$missing nodejs"
command -v npm >/dev/null 2>&1 || missing="$missing npm"
command -v chromium >/dev/null 2>&1 || missing="$missing chromium"

[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ]; then
  as_root=""
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
  as_root="sudo -n"
else
  as_root="none"
fi

if [ "$as_root" != none ] && command -v apt-get >/dev/null 2>&1; then
  echo "installing Debian packages:$missing"
  # shellcheck disable=SC2086
  if $as_root apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
     $as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null; then
    exit 0
  fi
  echo "installing them failed"
fi

echo "not installed:$missing"
echo "The tests that need them are skipped. To run them: apt-get install$missing"
[ "${CI:-}" = true ] && { echo "In CI nothing is skipped."; exit 1; }
exit 0
