#!/bin/sh
# Runs once at every start of the stack: the key that router and media-service share, from the environment or, the first
# time, made up. Only containers that mount the volume can read it.
set -eu
folder=/var/lib/dubbing/state
file=$folder/orch-api-key

if [ -n "${ORCH_API_KEY:-}" ]; then
    key=$ORCH_API_KEY
elif [ -s "$file" ]; then
    exit 0
else
    key=$(od -An -v -tx1 -N24 /dev/urandom | tr -d ' \n')
fi
# The programs of the other containers may have another user.
umask 022
printf '%s\n' "$key" >"$file.new"
mv "$file.new" "$file"
