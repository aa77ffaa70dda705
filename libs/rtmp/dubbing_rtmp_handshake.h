/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The RTMP handshake (Adobe RTMP 1.0, section 5.2): C0 C1 from the client, S0 S1 S2 back, C2. No sockets
 * here.
 *
 * Only the plain form is spoken. Our S1 and C1 say version 0, which tells peers that know the digest form
 * (librtmp, OBS, Flash) to do without it. S2 is C1 unchanged, which is what strict clients compare; what a
 * server's S2 is, is not looked at. */
#pragma once

#include <dubbing_error.h>
#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RTMP_VERSION 3
#define RTMP_HANDSHAKE_BYTES 1536

/* The server's half. */
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

/* The client's half. */
struct rtmp_client_handshake {
    bool answered; /* C2 is written, S2 is awaited */
    bool done;
    size_t fill;
    uint8_t pending[1 + RTMP_HANDSHAKE_BYTES];
};

/* Appends C0 and C1 to out. */
void rtmp_client_handshake_begin(struct rtmp_client_handshake *handshake, GByteArray *out);
/* As rtmp_handshake_receive. */
bool rtmp_client_handshake_receive(struct rtmp_client_handshake *handshake, const uint8_t **data,
                                   size_t *size, GByteArray *out, struct dub_error *error);
