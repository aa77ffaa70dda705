#!/usr/bin/env bash
# Installs the Debian packages that a part of the project needs and that are missing; says nothing when none is.
# The lists stand beside the services: apps/<service>/packages.txt (run time), packages-dev.txt (build and test).
set -euo pipefail
cd "$(dirname "$0")/.."

fail() {
    printf 'setup: %s\n' "$1" >&2
    exit 1
}

part=${1:-all}
case "$part" in
all) services=(media-router media-service sts-service) ;;
media) services=(media-router media-service) ;;
sts) services=(sts-service) ;;
*) fail "unknown part '$part': use all, media or sts" ;;
esac

command -v dpkg-query >/dev/null || fail "this is not a Debian system (dpkg-query not found); install the packages named in apps/*/packages*.txt by hand"
case "$(uname -m)" in
x86_64 | aarch64) ;;
*) fail "unsupported architecture $(uname -m): amd64 and arm64 are supported" ;;
esac

lists=(scripts/packages-dev.txt)
for service in "${services[@]}"; do
    lists+=("apps/$service/packages.txt" "apps/$service/packages-dev.txt")
done
if [ "$part" = all ]; then
    lists+=(tests/packages.txt)
fi
for list in "${lists[@]}"; do
    [ -r "$list" ] || fail "package list $list is missing"
done

mapfile -t wanted < <(sed -e 's/#.*//' -e 's/[[:space:]]//g' -e '/^$/d' "${lists[@]}" | sort -u)
installed=$(dpkg-query -W -f='${db:Status-Abbrev} ${Package}\n' 2>/dev/null | awk '$1 == "ii" { print $2 }')
mapfile -t missing < <(comm -23 <(printf '%s\n' "${wanted[@]}") <(sort -u <<<"$installed"))
[ "${#missing[@]}" -eq 0 ] && exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || fail "not root and no sudo; as root run: apt-get install ${missing[*]}"
    as_root=(sudo)
fi
printf 'setup: installing %d packages: %s\n' "${#missing[@]}" "${missing[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { "${as_root[@]}" apt-get update -q &&
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    fail "apt-get failed (its last lines are above); mend that and run make setup again"
fi
