/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "source.h"

#include "../settings.h"

#include <string.h>

#define LOCATION "rtsp://127.0.0.1:9/clip" /* nobody is asked: the pipeline stays at rest */
#define H264_CAPS "application/x-unknown,media=video,encoding-name=H264"
#define H265_CAPS "application/x-unknown,media=video,encoding-name=H265"
#define AAC_CAPS "application/x-unknown,media=audio,encoding-name=MPEG4-GENERIC"

static bool take(GstSample *sample, void *user)
{
    return true;
}

static const struct source_events events = {.on_video = take, .on_audio = take};

/* As the element does from the session description, before the first packet. */
static void describe(GstElement *rtspsrc, const char *const *media)
{
    for (guint i = 0; media[i]; i++) {
        g_autoptr(GstCaps) caps = gst_caps_from_string(media[i]);
        gboolean is_selected = FALSE;
        g_signal_emit_by_name(rtspsrc, "select-stream", i, caps, &is_selected);
        g_assert_true(is_selected);
    }
}

/* What the input is refused with once all pads are there; NULL when it is not. Owned by the caller. */
static char *refusal(const char *const *media)
{
    struct dub_error error = {0};
    struct source *source = source_new(LOCATION, &events, NULL, &error);
    g_autoptr(GstElement) rtspsrc = NULL;
    char *text = NULL;

    g_assert_nonnull(source);
    GstBin *pipeline = GST_BIN(source_pipeline(source));
    g_autoptr(GstIterator) found = gst_bin_iterate_all_by_element_factory_name(pipeline, "rtspsrc");
    GValue item = G_VALUE_INIT;
    g_assert_cmpint(gst_iterator_next(found, &item), ==, GST_ITERATOR_OK);
    rtspsrc = g_value_dup_object(&item);
    g_value_unset(&item);
    describe(rtspsrc, media);
    g_signal_emit_by_name(rtspsrc, "no-more-pads");

    g_autoptr(GstBus) bus = gst_element_get_bus(GST_ELEMENT(pipeline));
    g_autoptr(GstMessage) message = gst_bus_pop_filtered(bus, GST_MESSAGE_APPLICATION);
    if (message) {
        const GstStructure *structure = gst_message_get_structure(message);
        int exit_code = 0;
        gst_structure_get_int(structure, "exit-code", &exit_code);
        g_assert_cmpint(exit_code, ==, WORKER_EXIT_TRACK_MISSING);
        text = g_strdup(gst_structure_get_string(structure, "message"));
    }
    source_free(source);
    return text;
}

/* The element may say that it has shown all pads on one track's thread while the other's is still showing its
 * own. */
static void test_a_track_that_is_announced_is_not_missed(void)
{
    g_autofree char *both = refusal((const char *[]){H264_CAPS, AAC_CAPS, NULL});
    g_autofree char *other_codec = refusal((const char *[]){H265_CAPS, AAC_CAPS, NULL});

    g_assert_null(both);
    g_assert_null(other_codec); /* its pad will tell the codec */
}

static void test_a_track_that_is_not_announced_is_missed(void)
{
    g_autofree char *no_sound = refusal((const char *[]){H264_CAPS, NULL});
    g_autofree char *no_picture = refusal((const char *[]){AAC_CAPS, NULL});

    g_assert_true(no_sound && strstr(no_sound, "no audio track"));
    g_assert_true(no_picture && strstr(no_picture, "no video track"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    gst_init(&argc, &argv);
    g_test_add_func("/source/a-track-that-is-announced-is-not-missed",
                    test_a_track_that_is_announced_is_not_missed);
    g_test_add_func("/source/a-track-that-is-not-announced-is-missed",
                    test_a_track_that_is_not_announced_is_missed);
    return g_test_run();
}
