#!/usr/bin/env bash
# Installs what a part of the project needs and what is missing; says nothing when nothing is: Debian packages, and from
# npm, for the tests, the reference implementation of Socket.IO (the speech side) and the shapes of Kubernetes' resources.
# The lists stand beside the services: apps/<service>/packages.txt (run time), packages-dev.txt (build and test).
set -euo pipefail
cd "$(dirname "$0")/.."

fail() {
    printf 'setup: %s\n' "$1" >&2
    exit 1
}

oldest_node=18
part=${1:-all}
case "$part" in
all) services=(media-router media-service sts-service) ;;
media) services=(media-router media-service) ;;
sts) services=(sts-service) ;;
peers) services=() ;;
*) fail "unknown part '$part': use all, media, sts or peers" ;;
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
if [ "$part" = peers ]; then
    lists+=(apps/media-router/packages-peers.txt)
fi
for list in "${lists[@]}"; do
    [ -r "$list" ] || fail "package list $list is missing"
done

installed=$(dpkg-query -W -f='${db:Status-Abbrev} ${Package}\n' 2>/dev/null | awk '$1 == "ii" { print $2 }')
# Node.js often comes from elsewhere than Debian: where its two programs are there, and new enough, so are its packages.
has_node() {
    command -v node >/dev/null && command -v npm >/dev/null &&
        [ "$(node --print 'process.versions.node.split(".")[0]')" -ge "$oldest_node" ]
}
is_installed() {
    case "$1" in
    nodejs | npm) has_node ;;
    *) grep -qxF -- "$1" <<<"$installed" ;;
    esac
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

log=$(mktemp)
trap 'rm -f "$log"' EXIT

run_apt() {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get "$@" >"$log" 2>&1 && return
    tail -n 20 "$log" >&2
    fail "apt-get failed (its last lines are above); mend that and run make setup again"
}

install_packages() {
    local packages=() names name
    as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || fail "not root and no sudo; as root run: apt-get install ${missing[*]%%|*}"
        as_root=(sudo)
    fi
    printf 'setup: %d packages are missing; reading the package lists\n' "${#missing[@]}"
    run_apt update -q
    for names in "${missing[@]}"; do
        IFS='|' read -ra names <<<"$names"
        for name in "${names[@]}"; do
            [ -n "$(apt-cache search --names-only "^${name//+/\\+}\$" 2>/dev/null)" ] && break
        done
        packages+=("$name")
    done
    printf 'setup: installing %s\n' "${packages[*]}"
    run_apt install -qy --no-install-recommends "${packages[@]}"
}

# The copy of the lock file says what was installed: a clone or a checkout changes times, not contents. A failure is no
# end: only tests need it, and they say so.
install_reference() {
    local folder=$1
    local installed_lock=$folder/node_modules/.installed-lock.json
    cmp -s "$folder/package-lock.json" "$installed_lock" && return
    has_node || fail "Node.js $oldest_node or newer, with npm, is needed; found $(node --version 2>&1)"
    printf 'setup: npm ci in %s\n' "$folder"
    if (cd "$folder" && npm ci --prefer-offline --no-audit --no-fund --ignore-scripts) >"$log" 2>&1; then
        cp "$folder/package-lock.json" "$installed_lock"
        return
    fi
    tail -n 20 "$log" >&2
    printf 'setup: npm ci failed in %s (its last lines are above): the tests that need it will fail; run make setup again with a network\n' "$folder" >&2
}

[ "${#missing[@]}" -eq 0 ] || install_packages
case "$part" in media | peers) ;; *) install_reference libs/socketio/tests/interop ;; esac
if [ "$part" = all ]; then
    install_reference deploy/tests/kubernetes-schema
fi
