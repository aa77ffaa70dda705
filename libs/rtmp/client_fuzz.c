/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a server sends after the handshake, to a player and to a publisher. */
#include "dubbing_rtmp_client.h"

#include "fuzz_target.h"

static void on_message(const struct rtmp_message *message, void *user)
{
}

static void hear(const struct rtmp_url *url, enum rtmp_client_role role, const uint8_t *data, size_t size)
{
    static const uint8_t hello[1 + 2 * RTMP_HANDSHAKE_BYTES] = {RTMP_VERSION};
    struct rtmp_client client;
    rtmp_client_init(&client, role, url, on_message, on_message, NULL);
    rtmp_client_receive(&client, hello, sizeof hello, NULL);
    rtmp_client_receive(&client, data, size, NULL);
    rtmp_client_clear(&client);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rtmp_url url;
    rtmp_url_parse("rtmp://host/live/key", &url, NULL);
    hear(&url, RTMP_CLIENT_PLAYER, data, size);
    hear(&url, RTMP_CLIENT_PUBLISHER, data, size);
    rtmp_url_clear(&url);
    return 0;
}
