/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An Authorization header; what has been read proves something or nothing, and is freed. */
#include "digest.h"

#include <glib.h>

#include "fuzz_target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *header = g_strndup((const char *)data, size);
    struct rtsp_digest digest;
    if (rtsp_digest_parse(header, &digest)) {
        rtsp_digest_is_for(&digest, "rtsp://127.0.0.1/live/demo/in/trackID=0", "0123");
        rtsp_digest_proves(&digest, "SETUP", "secret");
        rtsp_digest_clear(&digest);
    }
    return 0;
}
