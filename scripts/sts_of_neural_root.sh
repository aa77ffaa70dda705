#!/bin/sh
# sts-service with the neural engines, where this machine's Debian has no libraries for them: the one of the Debian root.
exec /usr/bin/python3 "$(dirname "$0")/neural_root.py" sts "$@"
