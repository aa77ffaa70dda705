#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Compose v2 from the Debian release after this one (its package docker-compose), unpacked in a folder and not installed:
#   compose-v2.sh FOLDER        prints the path of the program
set -eu

folder=$(realpath -m "$1")
suite=trixie
program=$folder/root/usr/libexec/docker/cli-plugins/docker-compose
if [ ! -x "$program" ]; then
    # The mirror and the keyring that this machine uses, asked for another release.
    # shellcheck disable=SC2016 # apt's variables, not the shell's
    mirror=$(apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(REPO_URI)' 'Created-By: Packages' | sed -n 's/^Debian|Debian|//p' | head -n 1)
    [ -n "$mirror" ] || {
        echo "compose-v2: apt knows no mirror of Debian here: run apt-get update" >&2
        exit 1
    }
    mkdir -p "$folder/lists/partial" "$folder/sources.d"
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" >"$folder/sources.list"
    set -- -o Dir::Etc::SourceList="$folder/sources.list" -o Dir::Etc::SourceParts="$folder/sources.d" \
        -o Dir::State::Lists="$folder/lists" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o APT::Sandbox::User=root
    cd "$folder"
    if ! { apt-get "$@" update -q && apt-get "$@" download docker-compose; } >log 2>&1; then
        tail -n 5 log >&2
        exit 1
    fi
    dpkg -x "$folder"/docker-compose_*.deb "$folder/root"
    rm -rf "$folder/lists" "$folder"/docker-compose_*.deb
fi
printf '%s\n' "$program"
