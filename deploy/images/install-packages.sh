#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Installs the packages of our lists in an image and leaves nothing of apt's behind. "a | b" names a package by its names
# in different Debian releases: the one that this release has is taken.
#   install-packages.sh [--to-build] [--without LIST] LIST...
# --to-build: of a list for build and test, only what compiles: the tests' peers and references stay out.
# --without: a list of what is taken out again, although something depends on it.
set -eu

wanted='.*'
without=/dev/null
while :; do
    case "$1" in
    --to-build) wanted='(gcc|meson|ninja-build|pkg-config|python3-pytest|[a-z0-9.+-]*-dev)' ;;
    --without)
        without=$2
        shift
        ;;
    *) break ;;
    esac
    shift
done
names_in() {
    sed -e 's/#.*//' -e 's/[[:space:]]//g' -e '/^$/d' "$@" | sort -u
}
apt-get update -q
packages=""
# shellcheck disable=SC2013 # the words are what is wanted: no line has a space left
for names in $(names_in "$@" | grep -E "^$wanted(\||\$)"); do
    found=""
    for name in $(printf '%s' "$names" | tr '|' ' '); do
        if apt-cache policy "$name" | grep -q '^  Candidate: [0-9]'; then
            found=$name
            break
        fi
    done
    if [ -z "$found" ]; then
        echo "install-packages: this release of Debian has no $names: add its name here to the list" >&2
        exit 1
    fi
    packages="$packages $found"
done
# shellcheck disable=SC2086 # one word per package
DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends \
    -o DPkg::Options::=--force-unsafe-io $packages
for name in $(names_in "$without"); do
    if dpkg-query -W -f='${db:Status-Abbrev}' "$name" 2>/dev/null | grep -q '^ii'; then
        dpkg --purge --force-depends "$name"
    fi
done
apt-get clean
rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/cache/debconf/*-old /var/log/apt /var/log/dpkg.log \
    /var/log/alternatives.log /var/lib/dpkg/*-old
