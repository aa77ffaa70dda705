/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "elements.h"

#include "../shared/location.h"

#include <string.h>

#define GST_USE_UNSTABLE_API
#include <gst/codecparsers/gsth264parser.h>

/* Which locations need an element; RTMP needs none of its own. */
enum use {
    ALWAYS,
    RTSP_IN,
    RTSP_OUT,
    SRT_IN,
    SRT_OUT,
    FILES, /* in or out, of any container */
    USES
};

static const struct {
    const char *name;
    const char *package;
    enum use use;
} needed[] = {
    {"appsrc", "gstreamer1.0-plugins-base", ALWAYS},
    {"appsink", "gstreamer1.0-plugins-base", ALWAYS},
    {"aacparse", "gstreamer1.0-plugins-good", ALWAYS},
    {"h264parse", "gstreamer1.0-plugins-bad", ALWAYS},
    {"rtspsrc", "gstreamer1.0-plugins-good", RTSP_IN},
    {"rtpbin", "gstreamer1.0-plugins-good", RTSP_IN},
    {"rtph264depay", "gstreamer1.0-plugins-good", RTSP_IN},
    {"rtpmp4gdepay", "gstreamer1.0-plugins-good", RTSP_IN},
    {"rtpmp4adepay", "gstreamer1.0-plugins-good", RTSP_IN},
    {"rtspclientsink", "gstreamer1.0-rtsp", RTSP_OUT},
    {"rtph264pay", "gstreamer1.0-plugins-good", RTSP_OUT},
    {"rtpmp4gpay", "gstreamer1.0-plugins-good", RTSP_OUT},
    {"srtsrc", "gstreamer1.0-plugins-bad", SRT_IN},
    {"tsdemux", "gstreamer1.0-plugins-bad", SRT_IN},
    {"queue", "libgstreamer1.0-0", ALWAYS},
    {"srtsink", "gstreamer1.0-plugins-bad", SRT_OUT},
    {"mpegtsmux", "gstreamer1.0-plugins-bad", SRT_OUT},
    {"flvdemux", "gstreamer1.0-plugins-good", FILES},
    {"flvmux", "gstreamer1.0-plugins-good", FILES},
    {"qtdemux", "gstreamer1.0-plugins-good", FILES},
    {"mp4mux", "gstreamer1.0-plugins-good", FILES},
    {"tsdemux", "gstreamer1.0-plugins-bad", FILES},
    {"mpegtsmux", "gstreamer1.0-plugins-bad", FILES},
};

bool elements_check(const char *input, const char *output, struct dub_error *error)
{
    static const enum use of_input[] = {[LOCATION_RTMP] = ALWAYS,
                                        [LOCATION_RTSP] = RTSP_IN,
                                        [LOCATION_SRT] = SRT_IN,
                                        [LOCATION_FILE] = FILES};
    static const enum use of_output[] = {[LOCATION_RTMP] = ALWAYS,
                                         [LOCATION_RTSP] = RTSP_OUT,
                                         [LOCATION_SRT] = SRT_OUT,
                                         [LOCATION_FILE] = FILES};
    bool uses[USES] = {[ALWAYS] = true};

    uses[of_input[location_kind(input)]] = true;
    uses[of_output[location_kind(output)]] = true;
    for (size_t i = 0; i < G_N_ELEMENTS(needed); i++) {
        if (!uses[needed[i].use])
            continue;
        g_autoptr(GstElementFactory) factory = gst_element_factory_find(needed[i].name);
        if (!factory)
            return dub_error_set(error, DUB_ERROR_UNAVAILABLE,
                                 "GStreamer element \"%s\" is missing: install %s", needed[i].name,
                                 needed[i].package);
    }
    return true;
}

char *elements_gst_version(void)
{
    guint major, minor, micro, nano;
    gst_version(&major, &minor, &micro, &nano);
    return g_strdup_printf("%u.%u.%u", major, minor, micro);
}

__attribute__((no_sanitize_thread)) GstClockTime elements_pts(const GstBuffer *buffer)
{
    return GST_BUFFER_PTS(buffer);
}

__attribute__((no_sanitize_thread)) GstClockTime elements_dts(const GstBuffer *buffer)
{
    return GST_BUFFER_DTS(buffer);
}

char *elements_error_text(GstMessage *message)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *debug = NULL;

    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR)
        gst_message_parse_error(message, &error, &debug);
    else
        gst_message_parse_warning(message, &error, &debug);
    /* The first line is a place in GStreamer's sources. */
    const char *detail = debug ? strchr(debug, '\n') : NULL;
    g_autofree char *text = g_strdup(detail ? detail + 1 : "");
    g_strdelimit(g_strstrip(text), "\r\n", ' ');
    if (!*text)
        return g_strdup(error->message);
    gsize size = strlen(error->message);
    bool has_stop = size > 0 && error->message[size - 1] == '.';
    return g_strdup_printf("%.*s: %s", (int)(size - has_stop), error->message, text);
}

/* Hands the first SPS of the codec data to the function. */
static bool with_sps(const GstCaps *caps, void (*use)(const GstH264SPS *sps, void *user), void *user)
{
    const GValue *value = gst_structure_get_value(gst_caps_get_structure(caps, 0), "codec_data");
    GstH264DecoderConfigRecord *record = NULL;
    GstH264SPS sps;
    GstMapInfo map;
    bool found = false;

    if (!value || !gst_buffer_map(gst_value_get_buffer(value), &map, GST_MAP_READ))
        return false;
    GstH264NalParser *parser = gst_h264_nal_parser_new();
    if (gst_h264_parser_parse_decoder_config_record(parser, map.data, map.size, &record) ==
            GST_H264_PARSER_OK &&
        record->sps->len > 0 &&
        gst_h264_parser_parse_sps(parser, &g_array_index(record->sps, GstH264NalUnit, 0), &sps) ==
            GST_H264_PARSER_OK) {
        use(&sps, user);
        gst_h264_sps_clear(&sps);
        found = true;
    }
    g_clear_pointer(&record, gst_h264_decoder_config_record_free);
    gst_h264_nal_parser_free(parser);
    gst_buffer_unmap(gst_value_get_buffer(value), &map);
    return found;
}

static void read_size(const GstH264SPS *sps, void *user)
{
    int *size = user;
    size[0] = sps->frame_cropping_flag ? sps->crop_rect_width : sps->width;
    size[1] = sps->frame_cropping_flag ? sps->crop_rect_height : sps->height;
}

bool elements_h264_size(const GstCaps *caps, int *width, int *height)
{
    int size[2];

    if (!with_sps(caps, read_size, size))
        return false;
    *width = size[0];
    *height = size[1];
    return true;
}

static void read_reorder(const GstH264SPS *sps, void *user)
{
    int *reorder = user;

    /* Baseline has no B-frames, and a picture order count of type 2 follows the order of decoding. */
    if (sps->vui_parameters_present_flag && sps->vui_parameters.bitstream_restriction_flag)
        *reorder = (int)sps->vui_parameters.num_reorder_frames;
    else if (sps->profile_idc == GST_H264_PROFILE_BASELINE || sps->pic_order_cnt_type == 2)
        *reorder = 0;
}

int elements_h264_reorder(const GstCaps *caps)
{
    int reorder = -1;

    with_sps(caps, read_reorder, &reorder);
    return reorder;
}

void elements_use_clock(GstElement *pipeline, GstClockTime base_ns)
{
    g_autoptr(GstClock) clock = gst_system_clock_obtain();

    gst_pipeline_use_clock(GST_PIPELINE(pipeline), clock);
    gst_element_set_start_time(pipeline, GST_CLOCK_TIME_NONE);
    gst_element_set_base_time(pipeline, base_ns);
}
