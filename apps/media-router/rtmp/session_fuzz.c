/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a client sends after the handshake, with everything allowed. */
#include "session.h"

#include "../stream.h"
#include "fuzz_target.h"

static bool on_request(const char *path, const char *query, struct dub_error *error, void *user)
{
    return true;
}

static void on_event(void *user)
{
}

static void on_media(struct media_message *take_message, uint32_t timestamp_ms, void *user)
{
    take_message->dts_ns = timestamp_ms;
    stream_observe(user, take_message);
    media_message_unref(take_message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct rtmp_session_events events = {on_request, on_request, on_event, on_media, on_event};
    static const uint8_t hello[1 + 2 * RTMP_HANDSHAKE_BYTES] = {RTMP_VERSION};
    struct stream stream;
    struct rtmp_session session;
    stream_init(&stream);
    rtmp_session_init(&session, &events, &stream);
    rtmp_session_receive(&session, hello, sizeof hello, NULL);
    rtmp_session_receive(&session, data, size, NULL);
    rtmp_session_clear(&session);
    stream_clear(&stream);
    return 0;
}
