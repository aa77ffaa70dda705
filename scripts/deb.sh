#!/usr/bin/env bash
# Builds the Debian packages out of a commit, outside the working tree: make deb
#   DEB_OUT      folder for the packages and their SHA256SUMS (.local/deb)
#   DEB_REF      commit that is packaged (HEAD)
#   DEB_VERSION  version of the packages (that of deploy/deb/debian/changelog)
set -euo pipefail
cd "$(dirname "$0")/.."

fail() {
    printf 'deb: %s\n' "$1" >&2
    exit 1
}

out=${DEB_OUT:-.local/deb}
ref=${DEB_REF:-HEAD}
version=${DEB_VERSION:-}

for tool in dpkg-buildpackage dh help2man meson ninja; do
    command -v "$tool" >/dev/null || fail "$tool is missing; run: apt-get install dpkg-dev debhelper help2man meson ninja-build"
done
commit=$(git rev-parse --verify --quiet "$ref^{commit}") || fail "DEB_REF=$ref is no commit of this repository"
[ -z "$version" ] || dpkg --validate-version "$version" 2>/dev/null || fail "DEB_VERSION=$version is no Debian version; one like 0.2.0 is"
case "$version" in
*-*) fail "DEB_VERSION=$version has a Debian revision, but these are native packages; use one without \"-\", like 0.2.0" ;;
esac
if [ "$ref" = HEAD ] && [ -n "$(git status --porcelain --untracked-files=no)" ]; then
    printf 'deb: the working tree has changes; the packages are made of the commit %.10s without them\n' "$commit" >&2
fi
mkdir -p "$out" || fail "cannot write $out; set DEB_OUT to another folder"

# Not in /tmp, which may be a small tmpfs.
work=$(mktemp -d "${TMPDIR:-/var/tmp}/live-dubbing-deb.XXXXXX")
trap 'rm -rf "$work"' EXIT
source=$work/live-dubbing
mkdir "$source"
git archive "$commit" | tar -x -C "$source"
cp -r "$source/deploy/deb/debian" "$source/debian"
cp "$source"/deploy/systemd/live-dubbing-*.service "$source/debian/"

if [ -n "$version" ]; then
    {
        printf 'live-dubbing (%s) bookworm; urgency=medium\n\n  * Commit %.10s.\n\n -- %s  %s\n\n' "$version" "$commit" \
            "$(sed -n 's/^Maintainer: //p' "$source/debian/control")" "$(git log -1 --format=%cD "$commit")"
        cat "$source/deploy/deb/debian/changelog"
    } >"$source/debian/changelog"
fi

SOURCE_DATE_EPOCH=$(git log -1 --format=%ct "$commit")
export SOURCE_DATE_EPOCH
export DEB_BUILD_OPTIONS="${DEB_BUILD_OPTIONS:-noautodbgsym parallel=$(nproc)}"
log=$work/build.log
if ! (cd "$source" && dpkg-buildpackage --build=binary --no-sign) >"$log" 2>&1; then
    tail -n 40 "$log" >&2
    cp "$log" "$out/build.log"
    fail "the build failed (its last lines are above, all of them in $out/build.log)"
fi

rm -f "$out"/*.deb "$out"/SHA256SUMS "$out"/build.log
cp "$work"/*.deb "$out/"
(cd "$out" && sha256sum -- *.deb >SHA256SUMS)
printf 'deb: %s\n' "$out"/*.deb
printf 'deb: sha256 of SHA256SUMS: %s\n' "$(sha256sum "$out/SHA256SUMS" | cut -d' ' -f1)"
