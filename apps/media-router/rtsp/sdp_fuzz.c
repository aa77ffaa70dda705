/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sdp.h"

#include "fuzz_target.h"
#include "rtp_reader.h"

#include <string.h>

static void ignore(enum media_kind kind, int64_t dts_ns, GBytes *take_payload, void *user)
{
    g_bytes_unref(take_payload);
}

/* What is offered is what was read, where it is of a kind that is offered. */
static void write_again(const struct sdp *sdp)
{
    g_autoptr(GPtrArray) tracks = g_ptr_array_new();
    for (guint i = 0; i < sdp->tracks->len; i++) {
        struct sdp_track *track = sdp->tracks->pdata[i];
        bool is_offered =
            track->codec == SDP_CODEC_H264 || (track->codec == SDP_CODEC_AAC && track->aac.size_bits > 0);
        if (track->used && is_offered && track->control != NULL)
            g_ptr_array_add(tracks, track);
    }
    g_autofree char *text = sdp_write(
        &(struct sdp_offer){.session_name = "fuzz", .address = "::1", .session_id = 1, .tracks = tracks});
    if (tracks->len == 0)
        return;
    struct sdp *again = sdp_parse(text, strlen(text), NULL);
    g_assert_true(again != NULL || strlen(text) > SDP_MAX_BYTES);
    sdp_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dub_error error;
    struct sdp *sdp = sdp_parse((const char *)data, size, &error);
    if (sdp == NULL)
        return 0;
    g_autofree char *summary = sdp_summary(sdp);
    g_assert_cmpint(sdp_find_track(sdp, "rtsp://h/live/in?x=y", "rtsp://h/live/in/trackID=0"), <,
                    (int)sdp->tracks->len);
    struct rtp_reader *reader = rtp_reader_new(sdp, ignore, NULL, &error);
    if (reader != NULL)
        rtp_reader_start(reader);
    rtp_reader_free(reader);
    write_again(sdp);
    sdp_free(sdp);
    return 0;
}
