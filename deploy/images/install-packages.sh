#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Installs the packages of our lists in an image and leaves nothing of apt's behind. "a | b" names a package by its names
# in different Debian releases: the one that this release has is taken.
#   install-packages.sh [--to-build] LIST...
# --to-build: of a list for build and test, only what compiles: the tests' peers and references stay out.
set -eu

wanted='.*'
if [ "$1" = --to-build ]; then
    wanted='(gcc|meson|ninja-build|pkg-config|python3-pytest|[a-z0-9.+-]*-dev)'
    shift
fi
apt-get update -q
packages=""
# shellcheck disable=SC2013 # the words are what is wanted: no line has a space left
for names in $(sed -e 's/#.*//' -e 's/[[:space:]]//g' -e '/^$/d' "$@" | grep -E "^$wanted(\||\$)" | sort -u); do
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
DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends $packages
apt-get clean
rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/cache/debconf/*-old /var/log/apt /var/log/dpkg.log \
    /var/log/alternatives.log /var/lib/dpkg/*-old
