/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dubbing_rtmp_handshake.h"

#include <dubbing_bytes.h>
#include <string.h>

void rtmp_handshake_init(struct rtmp_handshake *handshake)
{
    memset(handshake, 0, sizeof *handshake);
}

/* True when `wanted` bytes are pending. */
static bool collect(uint8_t *pending, size_t *fill, const uint8_t **data, size_t *size, size_t wanted)
{
    size_t n = MIN(*size, wanted - *fill);
    if (n > 0)
        memcpy(pending + *fill, *data, n);
    *fill += n;
    *data += n;
    *size -= n;
    return *fill == wanted;
}

/* C1 or S1. */
static void write_hello(GByteArray *out)
{
    uint8_t random[RTMP_HANDSHAKE_BYTES - 8];
    for (size_t i = 0; i < sizeof random; i++)
        random[i] = (uint8_t)g_random_int_range(0, 256);
    dub_write_be32(out, 0); /* time: our epoch is now */
    dub_write_be32(out, 0); /* version 0: no digest here */
    dub_write_bytes(out, random, sizeof random);
}

static void answer(struct rtmp_handshake *handshake, GByteArray *out)
{
    dub_write_u8(out, RTMP_VERSION);
    write_hello(out);
    dub_write_bytes(out, handshake->pending + 1, RTMP_HANDSHAKE_BYTES);
    handshake->answered = true;
    handshake->fill = 0;
}

static bool check_version(uint8_t version, struct dub_error *error)
{
    if (version == RTMP_VERSION)
        return true;
    if (version == 6 || version == 8)
        return dub_error_set(error, DUB_ERROR_UNSUPPORTED,
                             "encrypted RTMP (rtmpe) is not supported: use rtmp://");
    return dub_error_set(error, DUB_ERROR_PROTOCOL,
                         "not RTMP: the first byte is 0x%02x, RTMP starts with 0x03", version);
}

bool rtmp_handshake_receive(struct rtmp_handshake *handshake, const uint8_t **data, size_t *size,
                            GByteArray *out, struct dub_error *error)
{
    /* Refused at the first byte: a peer that speaks something else may never send 1537 of them. */
    if (!handshake->answered && handshake->fill == 0 && *size > 0 && !check_version(**data, error))
        return false;
    if (!handshake->answered &&
        collect(handshake->pending, &handshake->fill, data, size, 1 + RTMP_HANDSHAKE_BYTES))
        answer(handshake, out);
    if (handshake->answered && !handshake->done)
        handshake->done = collect(handshake->pending, &handshake->fill, data, size, RTMP_HANDSHAKE_BYTES);
    return true;
}

void rtmp_client_handshake_begin(struct rtmp_client_handshake *handshake, GByteArray *out)
{
    memset(handshake, 0, sizeof *handshake);
    dub_write_u8(out, RTMP_VERSION);
    write_hello(out);
}

bool rtmp_client_handshake_receive(struct rtmp_client_handshake *handshake, const uint8_t **data,
                                   size_t *size, GByteArray *out, struct dub_error *error)
{
    if (!handshake->answered && handshake->fill == 0 && *size > 0 && !check_version(**data, error))
        return false;
    if (!handshake->answered &&
        collect(handshake->pending, &handshake->fill, data, size, 1 + RTMP_HANDSHAKE_BYTES)) {
        dub_write_bytes(out, handshake->pending + 1, RTMP_HANDSHAKE_BYTES);
        handshake->answered = true;
        handshake->fill = 0;
    }
    if (handshake->answered && !handshake->done)
        handshake->done = collect(handshake->pending, &handshake->fill, data, size, RTMP_HANDSHAKE_BYTES);
    return true;
}
