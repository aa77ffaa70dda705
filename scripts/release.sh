#!/usr/bin/env bash
# Makes the folder that hosts are deployed from (deploy/ec2, deploy/gpu), for any web server or bucket: make release
#   RELEASE_OUT      the folder (.local/release)
#   RELEASE_METHODS  packages, containers or both ("packages containers")
# The images are those of `make images`. SHA256SUMS names every file, and its own SHA-256, which is printed, the release.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() {
    printf 'release: %s\n' "$1" >&2
    exit 1
}

out=${RELEASE_OUT:-.local/release}
prefix=${IMAGE_PREFIX:-live-dubbing}
tag=${IMAGE_TAG:-$(sed -n "s/^ *version: '\(.*\)',$/\1/p" meson.build | head -n 1)}

add_packages() {
    DEB_OUT=$out scripts/deb.sh
    rm -f "$out/SHA256SUMS"
}

add_images() {
    local work name image arch found=0
    docker version >/dev/null 2>&1 || fail "no container engine answers: start it, or leave containers out of RELEASE_METHODS"
    for name in media-service media-router sts-service sts-gpu; do
        image=$prefix/${name/sts-gpu/sts-service}:$tag
        [ "$name" != sts-gpu ] || image=$image-gpu
        arch=$(docker image inspect --format '{{.Architecture}}' "$image" 2>/dev/null) || continue
        docker save "$image" | gzip -n >"$out/${name}_$arch.image.tar.gz"
        found=$((found + 1))
    done
    [ "$found" -gt 0 ] || fail "there are no images $prefix/*:$tag: make images"
    work=$(mktemp -d)
    git archive HEAD docker-compose.yml deploy/compose deploy/mediamtx config | tar -x -C "$work"
    printf 'IMAGE_PREFIX=%s\nIMAGE_TAG=%s\n' "$prefix" "$tag" >"$work/images.env"
    tar -czf "$out/compose.tar.gz" --owner=0 --group=0 --sort=name --mtime="@$(git log -1 --format=%ct)" -C "$work" .
    rm -rf "$work"
}

mkdir -p "$out" || fail "cannot write $out; set RELEASE_OUT to another folder"
rm -f "$out"/*.deb "$out"/*.tar.gz "$out"/SHA256SUMS
for method in ${RELEASE_METHODS:-packages containers}; do
    case "$method" in
    packages) add_packages ;;
    containers) add_images ;;
    *) fail "RELEASE_METHODS has '$method': packages and containers are possible" ;;
    esac
done
sums=$(cd "$out" && find . -maxdepth 1 -type f -printf '%P\n' | LC_ALL=C sort | xargs sha256sum --)
printf '%s\n' "$sums" >"$out/SHA256SUMS"
printf 'release: %s\n' "$out"
printf 'RELEASE_SHA256=%s\n' "$(sha256sum "$out/SHA256SUMS" | cut -d' ' -f1)"
