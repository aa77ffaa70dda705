/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rtmp://host[:port]/app/key[?query] and rtmps://, taken apart as an RTMP client needs it. The app may have
 * several parts, "app/instance": what services call the server ends before the last slash, and the key, which
 * is secret, comes behind it. */
#pragma once

#include <dubbing_error.h>
#include <stdbool.h>
#include <stdint.h>

#define RTMP_DEFAULT_PORT 1935
#define RTMPS_DEFAULT_PORT 443
#define RTMP_URL_MAX_BYTES 4096

struct rtmp_url {
    bool is_encrypted;
    char *host; /* without the brackets of an IPv6 address */
    uint16_t port;
    char *app;    /* the path up to its last slash */
    char *key;    /* what follows, with the query */
    char *tc_url; /* the URL up to the app, without user and password */
};

/* All strings are owned by *url, which is zero on false. INVALID_ARGUMENT says what a URL looks like. */
bool rtmp_url_parse(const char *text, struct rtmp_url *url, struct dub_error *error);
/* Fine on a zeroed or cleared one. */
void rtmp_url_clear(struct rtmp_url *url);
