/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The server's half of the RTMP handshake (Adobe RTMP 1.0, section 5.2): C0 C1 in, S0 S1 S2 out, C2 in.
 *
 * Only the plain form is offered: S1 says version 0, which tells clients that know the digest form (librtmp,
 * OBS, Flash) to do without it. S2 is C1 unchanged, which is what strict clients compare. No sockets here. */
#pragma once

#include <dubbing_error.h>
#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RTMP_VERSION 3
#define RTMP_HANDSHAKE_BYTES 1536

struct rtmp_handshake {
    bool answered; /* S0 S1 S2 are written, C2 is awaited */
    bool done;
    size_t fill; /* bytes of pending that are there */
    uint8_t pending[1 + RTMP_HANDSHAKE_BYTES];
};

void rtmp_handshake_init(struct rtmp_handshake *handshake);
/* Consumes from *data / *size, appends the answer to out. False when the peer does not speak RTMP. Once done
 * is true, what is left in *data belongs to the chunk stream. */
bool rtmp_handshake_receive(struct rtmp_handshake *handshake, const uint8_t **data, size_t *size,
                            GByteArray *out, struct dub_error *error);
