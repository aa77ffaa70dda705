/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "elements.h"

#define GST_USE_UNSTABLE_API
#include <gst/codecparsers/gsth264parser.h>

static const struct {
    const char *name;
    const char *package;
} needed[] = {
    {"appsrc", "gstreamer1.0-plugins-base"},   {"appsink", "gstreamer1.0-plugins-base"},
    {"flvdemux", "gstreamer1.0-plugins-good"}, {"flvmux", "gstreamer1.0-plugins-good"},
    {"qtdemux", "gstreamer1.0-plugins-good"},  {"mp4mux", "gstreamer1.0-plugins-good"},
    {"aacparse", "gstreamer1.0-plugins-good"}, {"h264parse", "gstreamer1.0-plugins-bad"},
    {"rtmp2src", "gstreamer1.0-plugins-bad"},  {"rtmp2sink", "gstreamer1.0-plugins-bad"},
    {"tsdemux", "gstreamer1.0-plugins-bad"},   {"mpegtsmux", "gstreamer1.0-plugins-bad"},
};

bool elements_check(struct dub_error *error)
{
    for (size_t i = 0; i < G_N_ELEMENTS(needed); i++) {
        g_autoptr(GstElementFactory) factory = gst_element_factory_find(needed[i].name);
        if (!factory)
            return dub_error_set(error, DUB_ERROR_UNAVAILABLE,
                                 "GStreamer element \"%s\" is missing: install %s", needed[i].name,
                                 needed[i].package);
    }
    return true;
}

bool elements_h264_size(const GstCaps *caps, int *width, int *height)
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
        *width = sps.frame_cropping_flag ? sps.crop_rect_width : sps.width;
        *height = sps.frame_cropping_flag ? sps.crop_rect_height : sps.height;
        gst_h264_sps_clear(&sps);
        found = true;
    }
    g_clear_pointer(&record, gst_h264_decoder_config_record_free);
    gst_h264_nal_parser_free(parser);
    gst_buffer_unmap(gst_value_get_buffer(value), &map);
    return found;
}

void elements_use_clock(GstElement *pipeline, GstClockTime base_ns)
{
    g_autoptr(GstClock) clock = gst_system_clock_obtain();

    gst_pipeline_use_clock(GST_PIPELINE(pipeline), clock);
    gst_element_set_start_time(pipeline, GST_CLOCK_TIME_NONE);
    gst_element_set_base_time(pipeline, base_ns);
}
