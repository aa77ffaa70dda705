/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Encoder and decoder against each other: what comes back lies where it was. */
#include "../input/aac_decoder.h"
#include "aac_encoder.h"

#include <dubbing_clock.h>
#include <math.h>
#include <string.h>

#define RATE_HZ 48000
#define SECOND_SAMPLES RATE_HZ

struct rig {
    GPtrArray *packets; /* GstBuffer */
    struct aac_encoder *encoder;
};

static void on_packet(GstBuffer *take_packet, void *user)
{
    struct rig *rig = user;
    g_ptr_array_add(rig->packets, take_packet);
}

static void rig_init(struct rig *rig)
{
    rig->packets = g_ptr_array_new_with_free_func((GDestroyNotify)gst_buffer_unref);
    rig->encoder = aac_encoder_new(on_packet, rig, NULL);
    g_assert_nonnull(rig->encoder);
}

static void rig_clear(struct rig *rig)
{
    aac_encoder_free(rig->encoder);
    g_ptr_array_unref(rig->packets);
}

/* Silence, then from `onset` on a tone; in blocks as the mixer gives them. */
static void encode_onset(struct rig *rig, unsigned n_samples, unsigned onset, int64_t start_ns)
{
    for (unsigned at = 0; at < n_samples; at += 480) {
        int16_t block[480 * 2];
        for (unsigned i = 0; i < 480; i++) {
            double tone = at + i >= onset ? 12000 * sin((at + i) * 2 * G_PI * 1000 / RATE_HZ) : 0;
            block[i * 2] = block[i * 2 + 1] = (int16_t)tone;
        }
        int64_t pts_ns = start_ns + (int64_t)at * DUB_NS_PER_S / RATE_HZ;
        g_assert_true(aac_encoder_push(rig->encoder, block, 480, pts_ns));
    }
    aac_encoder_finish(rig->encoder);
}

/* The time of the first loud sample of the decoded packets; -1 when there is none. */
static int64_t find_onset(GPtrArray *packets, const char *caps_text)
{
    g_autoptr(GstCaps) caps = gst_caps_from_string(caps_text);
    struct aac_decoder *decoder = aac_decoder_new(caps, NULL);
    int64_t onset_ns = -1;

    g_assert_nonnull(decoder);
    for (guint i = 0; i < packets->len && onset_ns < 0; i++) {
        g_autoptr(GstBuffer) sound = aac_decoder_decode(decoder, packets->pdata[i]);
        GstMapInfo map;
        if (!sound || !gst_buffer_map(sound, &map, GST_MAP_READ))
            continue;
        const int16_t *samples = (const int16_t *)(const void *)map.data;
        for (gsize s = 0; s < map.size / 4 && onset_ns < 0; s++)
            if (abs(samples[s * 2]) > 3000)
                onset_ns = (int64_t)GST_BUFFER_PTS(sound) + (int64_t)s * DUB_NS_PER_S / RATE_HZ;
        gst_buffer_unmap(sound, &map);
    }
    aac_decoder_free(decoder);
    return onset_ns;
}

static void test_sound_stays_in_its_place(void)
{
    static const int64_t starts_ns[] = {0, 7 * DUB_NS_PER_S + 123456};

    for (size_t i = 0; i < G_N_ELEMENTS(starts_ns); i++) {
        struct rig rig;
        rig_init(&rig);
        encode_onset(&rig, SECOND_SAMPLES, SECOND_SAMPLES / 2, starts_ns[i]);
        int64_t onset_ns = find_onset(rig.packets, AAC_ENCODER_CAPS);
        g_assert_cmpint(llabs(onset_ns - starts_ns[i] - DUB_NS_PER_S / 2), <, DUB_NS_PER_MS);
        rig_clear(&rig);
    }
}

static void test_packets_follow_each_other_and_reach_the_end(void)
{
    struct rig rig;

    rig_init(&rig);
    encode_onset(&rig, SECOND_SAMPLES, 0, 0);
    g_assert_cmpuint(rig.packets->len, >=, SECOND_SAMPLES / AAC_FRAME_SAMPLES);
    for (guint i = 0; i < rig.packets->len; i++) {
        int64_t expected_ns = (int64_t)i * AAC_FRAME_SAMPLES * DUB_NS_PER_S / RATE_HZ;
        g_assert_cmpint(llabs((int64_t)GST_BUFFER_PTS((GstBuffer *)rig.packets->pdata[i]) - expected_ns), <,
                        1000);
    }
    rig_clear(&rig);
}

static void test_finish_without_sound_gives_nothing(void)
{
    struct rig rig;

    rig_init(&rig);
    aac_encoder_finish(rig.encoder);
    g_assert_cmpuint(rig.packets->len, ==, 0);
    rig_clear(&rig);
}

static void test_damaged_packets_give_nothing_and_do_no_harm(void)
{
    g_autoptr(GstCaps) caps = gst_caps_from_string(AAC_ENCODER_CAPS);
    struct aac_decoder *decoder = aac_decoder_new(caps, NULL);
    struct rig rig;

    rig_init(&rig);
    encode_onset(&rig, SECOND_SAMPLES, 0, 0);
    for (guint i = 0; i < rig.packets->len; i++) {
        g_autoptr(GstBuffer) cut =
            gst_buffer_copy_region(rig.packets->pdata[i], GST_BUFFER_COPY_ALL, 0, i % 40);
        GstBuffer *sound = aac_decoder_decode(decoder, cut);
        gst_clear_buffer(&sound);
    }
    g_autoptr(GstBuffer) untimed = gst_buffer_copy(rig.packets->pdata[0]);
    GST_BUFFER_PTS(untimed) = GST_CLOCK_TIME_NONE;
    g_assert_null(aac_decoder_decode(decoder, untimed));
    g_autoptr(GstBuffer) sound = aac_decoder_decode(decoder, rig.packets->pdata[10]);
    g_assert_nonnull(sound);
    aac_decoder_free(decoder);
    rig_clear(&rig);
}

static void test_bad_codec_data_is_an_error(void)
{
    g_autoptr(GstCaps) caps = gst_caps_from_string("audio/mpeg,mpegversion=4,codec_data=(buffer)ffffffff");
    g_autoptr(GstBuffer) huge = gst_buffer_new_allocate(NULL, 100000, NULL);
    struct dub_error error = {0};

    g_assert_null(aac_decoder_new(caps, &error));
    g_assert_nonnull(strstr(error.message, "cannot decode"));
    gst_caps_set_simple(caps, "codec_data", GST_TYPE_BUFFER, huge, NULL);
    g_assert_null(aac_decoder_new(caps, &error));
}

static bool is_marked(struct aac_decoder *decoder, GstBuffer *packet)
{
    g_autoptr(GstBuffer) sound = aac_decoder_decode(decoder, packet);
    g_assert_nonnull(sound);
    return GST_BUFFER_IS_DISCONT(sound);
}

static GstBuffer *moved(GstBuffer *packet, GstClockTimeDiff by_ns)
{
    GstBuffer *copy = gst_buffer_copy(packet);
    GST_BUFFER_PTS(copy) += (GstClockTime)by_ns;
    return copy;
}

static void test_what_does_not_follow_is_marked(void)
{
    struct rig rig;
    g_autoptr(GstCaps) caps = gst_caps_from_string(AAC_ENCODER_CAPS);
    struct aac_decoder *decoder = aac_decoder_new(caps, NULL);

    rig_init(&rig);
    encode_onset(&rig, SECOND_SAMPLES, 0, DUB_NS_PER_S);
    GstBuffer **packets = (GstBuffer **)rig.packets->pdata;
    g_assert_true(is_marked(decoder, packets[0]));
    for (int i = 1; i < 8; i++) {
        g_autoptr(GstBuffer) jittering = moved(packets[i], (i % 2 ? 4 : -4) * (GstClockTimeDiff)GST_MSECOND);
        g_assert_false(is_marked(decoder, jittering));
    }
    /* One is missing, one is damaged, one is marked by who lost something, one has no time. */
    g_assert_true(is_marked(decoder, packets[9]));
    g_assert_false(is_marked(decoder, packets[10]));
    g_autoptr(GstBuffer) damaged = gst_buffer_copy_region(packets[11], GST_BUFFER_COPY_ALL, 0, 7);
    g_assert_null(aac_decoder_decode(decoder, damaged));
    g_assert_true(is_marked(decoder, packets[12]));
    g_assert_false(is_marked(decoder, packets[13]));
    g_autoptr(GstBuffer) marked = gst_buffer_copy(packets[14]);
    GST_BUFFER_FLAG_SET(marked, GST_BUFFER_FLAG_DISCONT);
    g_assert_true(is_marked(decoder, marked));
    g_autoptr(GstBuffer) untimed = gst_buffer_copy(packets[15]);
    GST_BUFFER_PTS(untimed) = GST_CLOCK_TIME_NONE;
    g_assert_null(aac_decoder_decode(decoder, untimed));
    g_assert_true(is_marked(decoder, packets[15]));
    aac_decoder_free(decoder);
    rig_clear(&rig);
}

int main(int argc, char **argv)
{
    gst_init(NULL, NULL);
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/aac/sound-stays-in-its-place", test_sound_stays_in_its_place);
    g_test_add_func("/aac/packets-follow-each-other-and-reach-the-end",
                    test_packets_follow_each_other_and_reach_the_end);
    g_test_add_func("/aac/finish-without-sound-gives-nothing", test_finish_without_sound_gives_nothing);
    g_test_add_func("/aac/damaged-packets-give-nothing-and-do-no-harm",
                    test_damaged_packets_give_nothing_and_do_no_harm);
    g_test_add_func("/aac/what-does-not-follow-is-marked", test_what_does_not_follow_is_marked);
    g_test_add_func("/aac/bad-codec-data-is-an-error", test_bad_codec_data_is_an_error);
    return g_test_run();
}
