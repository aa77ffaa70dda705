#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Health check of the images: exit 0 when the program answers as it should. Bash alone, so that no image needs an HTTP
# client; openssl only where the speech service speaks TLS.
set -euo pipefail

case "${1:-}" in
media-service) address=$ORCH_HTTP_ADDR path=/health ;;
media-router) address=$ROUTER_METRICS_ADDRESS path=/metrics ;;
sts-service) address=${STS_ADDR:-127.0.0.1}:${STS_PORT:-8000} path=/ready ;;
*)
    echo "health: '${1:-}' is none of media-service, media-router, sts-service" >&2
    exit 2
    ;;
esac

port=${address##*:}
host=${address%:*}
host=${host#[}
host=${host%]}
case "$host" in '' | 0.0.0.0 | ::) host=127.0.0.1 ;; esac

ask() {
    printf 'GET %s HTTP/1.1\r\nHost: %s:%s\r\nConnection: close\r\n\r\n' "$path" "$host" "$port"
}
status=""
if [ "$1" = sts-service ] && [ -n "${STS_TLS_CERT:-}" ]; then
    status=$(ask | openssl s_client -quiet -connect "$host:$port" 2>/dev/null | head -n 1) || true
else
    exec 3<>"/dev/tcp/$host/$port"
    ask >&3
    read -r -t 4 status <&3 || true
fi
# The router may want a name and a password for its metrics: it is alive all the same.
case "$status" in
"HTTP/1."?" 200 "*) ;;
"HTTP/1."?" 401 "*) [ "$1" = media-router ] ;;
*)
    echo "health: $1 at $host:$port$path answered '${status%$'\r'}'" >&2
    exit 1
    ;;
esac
