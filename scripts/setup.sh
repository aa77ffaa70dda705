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

installed=$(dpkg-query -W -f='${db:Status-Abbrev} ${Package}\n' 2>/dev/null | awk '$1 == "ii" { print $2 }')
is_installed() {
    grep -qxF -- "$1" <<<"$installed"
}

# "a | b" names a package by its names in different Debian releases: the first that is installed or known will do.
missing=()
while IFS='|' read -ra names; do
    found=""
    for name in "${names[@]}"; do
        if is_installed "$name"; then
            found=yes
            break
        fi
    done
    [ -n "$found" ] || missing+=("$(IFS='|' && printf '%s' "${names[*]}")")
done < <(sed -e 's/#.*//' -e 's/[[:space:]]//g' -e '/^$/d' "${lists[@]}" | sort -u)
[ "${#missing[@]}" -eq 0 ] && exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || fail "not root and no sudo; as root run: apt-get install ${missing[*]%%|*}"
    as_root=(sudo)
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT

run_apt() {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get "$@" >"$log" 2>&1 && return
    tail -n 20 "$log" >&2
    fail "apt-get failed (its last lines are above); mend that and run make setup again"
}

printf 'setup: %d packages are missing; reading the package lists\n' "${#missing[@]}"
run_apt update -q
packages=()
for names in "${missing[@]}"; do
    IFS='|' read -ra names <<<"$names"
    for name in "${names[@]}"; do
        [ -n "$(apt-cache search --names-only "^${name//+/\\+}\$" 2>/dev/null)" ] && break
    done
    packages+=("$name")
done
printf 'setup: installing %s\n' "${packages[*]}"
run_apt install -qy --no-install-recommends "${packages[@]}"
