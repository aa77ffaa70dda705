/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "audio_test_support.h"
#include "wav.h"
#include <dubbing_bytes.h>
#include <glib/gstdio.h>

static GByteArray *header(unsigned tag, unsigned channels, uint32_t rate_hz, unsigned bits,
                          uint32_t data_size)
{
    GByteArray *out = g_byte_array_new();
    dub_write_bytes(out, "RIFF\xff\xff\xff\xffWAVEfmt ", 16);
    dub_write_le32(out, tag == 0xfffe ? 40 : 16);
    dub_write_le16(out, (uint16_t)tag);
    dub_write_le16(out, (uint16_t)channels);
    dub_write_le32(out, rate_hz);
    dub_write_le32(out, rate_hz * channels * 2);
    dub_write_le16(out, (uint16_t)(channels * 2));
    dub_write_le16(out, (uint16_t)bits);
    if (tag == 0xfffe)
        dub_write_bytes(out, "\x16\0\x10\0\0\0\0\0\1\0\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71", 24);
    dub_write_bytes(out, "LIST\3\0\0\0abc\0", 12); /* odd size, padded */
    dub_write_bytes(out, "data", 4);
    dub_write_le32(out, data_size);
    return out;
}

static bool parse(GByteArray *bytes, struct pcm *out, struct dub_error *error)
{
    return wav_parse(bytes->data, bytes->len, out, error);
}

static void test_round_trip(void)
{
    pcm_auto tone = test_tone(22050, 100, 440.0, 0.5);
    g_autoptr(GBytes) bytes = wav_build(&tone);
    pcm_auto back = {0};
    g_assert_true(wav_parse(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes), &back, NULL));
    g_assert_cmpint(back.rate_hz, ==, 22050);
    assert_same_samples(&back, &tone);
}

static void test_file_round_trip(void)
{
    g_autofree char *dir = g_dir_make_tmp("wav-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "tone.wav", NULL);
    pcm_auto tone = test_tone(16000, 50, 440.0, 0.5);
    pcm_auto back = {0};
    g_assert_true(wav_write_file(path, &tone, NULL));
    g_assert_true(wav_read_file(path, &back, NULL));
    g_assert_cmpuint(back.count, ==, tone.count);
    g_unlink(path);
    struct dub_error error = {0};
    g_assert_false(wav_read_file(path, &back, &error));
    g_assert_nonnull(strstr(error.message, "tone.wav"));
    g_rmdir(dir);
}

static void test_extensible_stereo_and_other_chunks(void)
{
    g_autoptr(GByteArray) bytes = header(0xfffe, 2, 48000, 16, 8);
    dub_write_bytes(bytes, "\x02\0\x04\0\x06\0\x08\0", 8);
    pcm_auto pcm = {0};
    g_assert_true(parse(bytes, &pcm, NULL));
    g_assert_cmpuint(pcm.count, ==, 2);
    g_assert_cmpint(pcm.samples[0], ==, 3);
    g_assert_cmpint(pcm.samples[1], ==, 7);
}

static void test_data_ends_where_the_file_ends(void)
{
    g_autoptr(GByteArray) bytes = header(1, 1, 16000, 16, 0xffffffff);
    dub_write_bytes(bytes, "\1\0\2\0\3", 5);
    pcm_auto pcm = {0};
    g_assert_true(parse(bytes, &pcm, NULL));
    g_assert_cmpuint(pcm.count, ==, 2);
}

static void assert_refused(GByteArray *bytes, const char *message)
{
    struct pcm pcm = {0};
    struct dub_error error = {0};
    g_assert_false(parse(bytes, &pcm, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_INVALID_AUDIO_FORMAT);
    g_assert_nonnull(strstr(error.message, message));
    g_byte_array_unref(bytes);
}

static void test_other_formats_are_named(void)
{
    assert_refused(header(3, 1, 16000, 32, 0), "0x0003 with 32 bits");
    assert_refused(header(1, 1, 16000, 24, 0), "24 bits");
    assert_refused(header(1, 6, 48000, 16, 0), "6 channels");
    assert_refused(header(1, 0, 48000, 16, 0), "0 channels");
    assert_refused(header(1, 1, 0xffffffff, 16, 0), "Hz");
    assert_refused(header(1, 1, 0, 16, 0), "0 Hz");
}

static void test_every_prefix_is_survived(void)
{
    g_autoptr(GByteArray) bytes = header(0xfffe, 2, 48000, 16, 4);
    dub_write_bytes(bytes, "\1\0\1\0", 4);
    for (guint size = 0; size < bytes->len; size++) {
        g_autofree uint8_t *copy = g_memdup2(bytes->data, size);
        pcm_auto pcm = {0};
        if (wav_parse(copy, size, &pcm, NULL))
            g_assert_cmpuint(pcm.count, <, 1);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/wav/round-trip", test_round_trip);
    g_test_add_func("/wav/file-round-trip", test_file_round_trip);
    g_test_add_func("/wav/extensible-stereo-and-other-chunks", test_extensible_stereo_and_other_chunks);
    g_test_add_func("/wav/data-ends-where-the-file-ends", test_data_ends_where_the_file_ends);
    g_test_add_func("/wav/other-formats-are-named", test_other_formats_are_named);
    g_test_add_func("/wav/every-prefix-is-survived", test_every_prefix_is_survived);
    return g_test_run();
}
