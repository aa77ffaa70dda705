/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "aac_config.h"

#include "../tests/rtp_rig.h"

static void test_audio_specific_configs(void)
{
    static const struct {
        const char *hex;
        unsigned type, rate, channels, samples;
    } cases[] = {
        {"1190", 2, 48000, 2, 1024},       {"1210", 2, 44100, 2, 1024},
        {"1194", 2, 48000, 2, 960},        {"119056e500", 2, 48000, 2, 1024}, /* "no SBR", behind it */
        {"2b118800", 2, 24000, 2, 1024},   /* SBR, the core at half the rate */
        {"eb098800", 2, 24000, 1, 1024},   /* PS */
        {"1780bb8010", 2, 96000, 2, 1024}, /* the rate in 24 bits: 0x017700 */
        {"b98800", 23, 48000, 1, 512},     /* low delay */
        {"f8e84000", 39, 44100, 2, 512},   /* enhanced low delay */
        {"11b8", 2, 48000, 8, 1024},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct aac_config config;
        g_autoptr(GBytes) bytes = rtp_rig_bytes(cases[i].hex);
        g_test_message("%s", cases[i].hex);
        g_assert_true(aac_config_parse_bytes(bytes, &config));
        g_assert_cmpuint(config.object_type, ==, cases[i].type);
        g_assert_cmpuint(config.sample_rate_hz, ==, cases[i].rate);
        g_assert_cmpuint(config.channels, ==, cases[i].channels);
        g_assert_cmpuint(config.frame_samples, ==, cases[i].samples);
    }
}

/* channelConfiguration 0: a program_config_element with a front pair, a front single and one low-frequency
 * channel, no comment. */
static void test_program_config_element(void)
{
    struct aac_config config;
    g_autoptr(GBytes) bytes = rtp_rig_bytes("118004c801002010 00");
    g_assert_true(aac_config_parse_bytes(bytes, &config));
    g_assert_cmpuint(config.channels, ==, 4);
}

/* In StreamMuxConfig the next field begins where the configuration ends. */
static void test_configs_end_where_they_should(void)
{
    static const struct {
        const char *hex;
        size_t bits;
        unsigned channels;
    } cases[] = {
        {"11935550", 30, 2},                 /* depends on a core coder */
        {"a191ba", 23, 2},                   /* scalable, with its layer and extension */
        {"b191ffff80", 33, 2},               /* BSAC, with its extension */
        {"130856e59d4880", 49, 1},           /* SBR and PS signalled behind */
        {"130856e59800", 37, 1},             /* SBR alone */
        {"2991d840", 29, 2},                 /* SBR over BSAC */
        {"118054c40001aaf40002ffff", 96, 2}, /* with mixdown elements and a comment */
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct aac_config config;
        bool is_sized = false;
        g_autoptr(GBytes) bytes = rtp_rig_bytes(cases[i].hex);
        struct bits bits = bits_on(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));
        g_test_message("%s", cases[i].hex);
        g_assert_true(aac_config_parse(&bits, &config, &is_sized));
        g_assert_true(is_sized);
        g_assert_cmpuint(bits.at, ==, cases[i].bits);
        g_assert_cmpuint(config.channels, ==, cases[i].channels);
    }
}

static void test_broken_configs(void)
{
    static const char *const cases[] = {"", "11", "0190", "1690" /* rate index 13 */, "1180 04c8"};
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct aac_config config;
        g_autoptr(GBytes) bytes = rtp_rig_bytes(cases[i]);
        g_assert_false(aac_config_parse_bytes(bytes, &config));
    }
}

static bool parse_latm(const char *hex, struct latm_config *config)
{
    g_autoptr(GBytes) bytes = rtp_rig_bytes(hex);
    struct bits bits = bits_on(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));
    return latm_config_parse(&bits, config);
}

static void test_stream_mux_configs(void)
{
    struct latm_config config;
    g_assert_true(parse_latm("400023203fc0", &config));
    rtp_rig_assert_bytes(config.audio, "1190");
    g_assert_cmpuint(config.sub_frames, ==, 1);
    g_assert_cmpuint(config.other_bits, ==, 0);
    latm_config_clear(&config);
    /* GStreamer's: codec data with the extension, and nothing behind. */
    g_assert_true(parse_latm("40002320adca00", &config));
    rtp_rig_assert_bytes(config.audio, "119056e500");
    latm_config_clear(&config);
    /* Three units in an element: numSubFrames 2. */
    g_assert_true(parse_latm("420023203fc0", &config));
    g_assert_cmpuint(config.sub_frames, ==, 3);
    latm_config_clear(&config);
    /* 20 other bits: otherDataPresent, escape, 0, 20; then a checksum. */
    g_assert_true(parse_latm("400023203ff000a554", &config));
    g_assert_cmpuint(config.other_bits, ==, 20);
    latm_config_clear(&config);
}

/* audioMuxVersion 1: 1 0 00 00000000 | 1 000000 0000 000 | 00 00010000 1190 | 000 11111111 0 0 */
static void test_version_1(void)
{
    struct latm_config config;
    g_assert_true(parse_latm("80080001011901fe00", &config));
    rtp_rig_assert_bytes(config.audio, "1190");
    latm_config_clear(&config);
    /* Two bits of filling, 32 other bits. */
    g_assert_true(parse_latm("800800012119047fc200", &config));
    g_assert_cmpuint(config.other_bits, ==, 32);
    latm_config_clear(&config);
    g_assert_false(parse_latm("800800008119047fc200", &config)); /* shorter than what it holds */
    g_assert_false(parse_latm("c0080001011901fe00", &config));   /* audioMuxVersionA */
}

static void test_unusable_mux_configs(void)
{
    static const char *const cases[] = {
        "",
        "000023203fc0", /* different framing */
        "401023203fc0", /* two programs */
        "40002321ffc0", /* frameLengthType 7 */
        "40002d203fc0", /* a reserved rate */
        "4001f1d083fc", /* an object type of unknown length */
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct latm_config config = {0};
        g_test_message("%s", cases[i]);
        g_assert_false(parse_latm(cases[i], &config));
        g_assert_null(config.audio);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/aac-config/audio-specific-configs", test_audio_specific_configs);
    g_test_add_func("/aac-config/program-config-element", test_program_config_element);
    g_test_add_func("/aac-config/configs-end-where-they-should", test_configs_end_where_they_should);
    g_test_add_func("/aac-config/broken", test_broken_configs);
    g_test_add_func("/aac-config/stream-mux-configs", test_stream_mux_configs);
    g_test_add_func("/aac-config/version-1", test_version_1);
    g_test_add_func("/aac-config/unusable-mux-configs", test_unusable_mux_configs);
    return g_test_run();
}
