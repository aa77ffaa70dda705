/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files of other encoders, and hostile ones. What our own encoder writes is in m4a_encode_test.c; ffmpeg's
 * decoder as the reference is in apps/sts-service/tests/audio_formats_test.py. */
#include "m4a.h"
#include "m4a_test_support.h"
#include "sound_test_support.h"

/* Where fields lie, from the type of their box on. */
#define ELST_COUNT 8
#define ELST_DURATION 12
#define ELST_TIME 16
#define STSZ_SIZE 8
#define STSZ_COUNT 12
#define TRUN_COUNT 8

static void decode(const GByteArray *file, struct sound *sound)
{
    struct dub_error error = {0};
    if (!m4a_decode(file->data, file->len, sound, &error))
        g_error("%s", error.message);
}

/* The tone of tests/make_corpus.py. */
static struct sound expected(int rate_hz, int channels, size_t frames, size_t from)
{
    struct sound sound = {.samples = g_new(int16_t, frames * (size_t)channels),
                          .frames = frames,
                          .rate_hz = rate_hz,
                          .channels = channels};
    for (size_t i = 0; i < frames; i++)
        for (int channel = 0; channel < channels; channel++) {
            double t = (double)(i + from) / rate_hz;
            double value = 0.3 * sin(2.0 * G_PI * ((300.0 + 200.0 * channel) * t + 900.0 * t * t));
            sound.samples[i * (size_t)channels + (size_t)channel] = (int16_t)lrint(32767.0 * value);
        }
    return sound;
}

static void assert_decodes_to(const GByteArray *file, int rate_hz, int channels, size_t frames, size_t from)
{
    sound_auto sound = {0};
    sound_auto original = expected(rate_hz, channels, frames, from);
    decode(file, &sound);
    g_assert_cmpint(sound.rate_hz, ==, rate_hz);
    g_assert_cmpint(sound.channels, ==, channels);
    g_assert_cmpuint(sound.frames, ==, frames);
    g_assert_cmpfloat(test_likeness_db(&original, &sound), >, 12.0);
}

static void test_foreign_files_are_in_place(void)
{
    static const struct {
        const char *name;
        int rate_hz, channels;
        size_t frames;
    } files[] = {
        {"directory-last.m4a", 16000, 1, 6400},
        {"directory-first.m4a", 24000, 1, 9600},
        {"stereo.m4a", 22050, 2, 8820},
        {"with-picture.m4a", 16000, 1, 6400},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(files); i++) {
        g_autoptr(GByteArray) file = test_file(files[i].name);
        assert_decodes_to(file, files[i].rate_hz, files[i].channels, files[i].frames, 0);
    }
}

/* Without an edit list nothing is known of the priming, so it stays. */
static void test_fragmented_files(void)
{
    g_autoptr(GByteArray) edited = test_file("fragmented-with-edit-list.m4a");
    assert_decodes_to(edited, 16000, 1, 6400, 0);
    g_autoptr(GByteArray) plain = test_file("fragmented.m4a");
    sound_auto sound = {0};
    sound_auto original = expected(16000, 1, 6400, 0);
    decode(plain, &sound);
    g_assert_cmpuint(sound.frames, ==, 1024 + 6400);
    memmove(sound.samples, sound.samples + 1024, 6400 * sizeof(*sound.samples));
    g_assert_cmpfloat(test_likeness_db(&original, &sound), >, 12.0);
}

/* As other encoders have it: 2112 samples of priming, an end within a packet, no edit list at all. */
static void test_the_edit_list_decides(void)
{
    static const struct {
        guint32 duration_ms, time;
        size_t frames, from;
    } edits[] = {
        {332, 2112, 5312, 1088}, {200, 1024, 3200, 0}, {300, 1500, 4800, 476}, {120, 3072, 1920, 2048}};
    for (gsize i = 0; i < G_N_ELEMENTS(edits); i++) {
        g_autoptr(GByteArray) file = test_file("directory-last.m4a");
        guint8 *list = test_box(file, "elst");
        test_put_be32(list + ELST_DURATION, edits[i].duration_ms);
        test_put_be32(list + ELST_TIME, edits[i].time);
        assert_decodes_to(file, 16000, 1, edits[i].frames, edits[i].from);
    }
    g_autoptr(GByteArray) file = test_file("directory-last.m4a");
    memcpy(test_box(file, "edts"), "free", 4);
    sound_auto sound = {0};
    decode(file, &sound);
    g_assert_cmpuint(sound.frames, ==, 1024 + 6400);
}

/* The codec's description says that SBR is there, which doubles the rate; the stream has none to add. */
static void test_he_aac(void)
{
    g_autoptr(GByteArray) file = test_file("he-aac.m4a");
    sound_auto sound = {0};
    decode(file, &sound);
    g_assert_cmpint(sound.rate_hz, ==, 48000);
    g_assert_cmpuint(sound.frames, ==, 19200);
    sound_set_channels(&sound, 1);
    sound_auto original = expected(48000, 1, 19200, 0);
    /* The filter bank of SBR delays; the frequency is what counts here, and that it is where it was. */
    double best_db = -100;
    for (size_t shift = 0; shift < 2048; shift++) {
        struct sound later = sound;
        later.samples += shift;
        later.frames -= shift;
        best_db = MAX(best_db, test_likeness_db(&later, &original));
    }
    g_assert_cmpfloat(best_db, >, 6.0);
}

static void assert_refused(GByteArray *take_file, const char *message)
{
    struct sound sound = {0};
    struct dub_error error = {0};
    g_assert_false(m4a_decode(take_file->data, take_file->len, &sound, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_INVALID_AUDIO_FORMAT);
    g_assert_false(error.retryable);
    if (!strstr(error.message, message))
        g_error("\"%s\" is not in \"%s\"", message, error.message);
    g_assert_null(sound.samples);
    g_byte_array_unref(take_file);
}

static void test_wrong_tracks_are_named(void)
{
    assert_refused(test_file("picture-only.m4a"), "0 audio tracks");
    assert_refused(test_file("two-sounds.m4a"), "2 audio tracks");
    assert_refused(test_file("six-channels.m4a"), "6 channels");
    assert_refused(test_file("alac.m4a"), "alac; AAC is needed");
    assert_refused(test_file("mp3.m4a"), "mp3; AAC is needed");
}

static void test_cut_off_anywhere(void)
{
    static const char *const names[] = {"directory-first.m4a", "directory-last.m4a", "stereo.m4a"};
    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autoptr(GByteArray) whole = test_file(names[i]);
        for (guint size = 0; size < whole->len; size += 3) {
            GByteArray *file = g_byte_array_new();
            g_byte_array_append(file, whole->data, size);
            assert_refused(file, "M4A");
        }
    }
}

/* Data whose box is open to the end of the file does not say how much there should be; the packets do. */
static void test_open_data_cut_off_anywhere(void)
{
    g_autoptr(GByteArray) whole = test_file("directory-first.m4a");
    guint start = (guint)(test_box(whole, "mdat") - 4 - whole->data);
    test_put_be32(whole->data + start, 0);
    assert_decodes_to(whole, 24000, 1, 9600, 0);
    for (guint size = start + 8; size < whole->len; size++) {
        GByteArray *file = g_byte_array_new();
        g_byte_array_append(file, whole->data, size);
        assert_refused(file, "cut off");
    }
}

static void test_damaged_packets(void)
{
    GByteArray *file = test_file("directory-first.m4a");
    guint8 *sound = test_box(file, "mdat") + 4;
    for (guint8 *at = sound; at < file->data + file->len; at++)
        *at ^= 0xa5;
    assert_refused(file, "packet");
}

static void test_packets_elsewhere(void)
{
    GByteArray *file = test_file("directory-first.m4a");
    test_put_be32(test_box(file, "stco") + 12, 0x7fffffff);
    assert_refused(file, "M4A");
    file = test_file("directory-first.m4a");
    test_put_be32(test_box(file, "stsz") + STSZ_COUNT + 4, 0x00ffffff);
    assert_refused(file, "M4A");
}

/* A small table that says much: no time and no memory is spent on it. */
static void test_counts_that_lie(void)
{
    static const guint32 counts[] = {20000, 1000000, 0x0fffffff, 0x7fffffff, 0xffffffff};
    for (gsize i = 0; i < G_N_ELEMENTS(counts); i++) {
        GByteArray *file = test_file("directory-last.m4a");
        test_put_be32(test_box(file, "stsz") + STSZ_SIZE, 1); /* all packets of one byte */
        test_put_be32(test_box(file, "stsz") + STSZ_COUNT, counts[i]);
        test_put_be32(test_box(file, "stsc") + 16, counts[i]);
        assert_refused(file, "M4A");
        file = test_file("fragmented.m4a");
        test_put_be32(test_box(file, "trun") + TRUN_COUNT, counts[i]);
        assert_refused(file, "M4A");
        g_autoptr(GByteArray) list = test_file("directory-last.m4a");
        sound_auto sound = {0};
        test_put_be32(test_box(list, "elst") + ELST_COUNT, counts[i]);
        m4a_decode(list->data, list->len, &sound, NULL); /* either way */
    }
}

static const char *const edit_parents[] = {"moov", "trak", "edts", NULL};
static const char *const table_parents[] = {"moov", "trak", "mdia", "minf", "stbl", NULL};

/* As many edits as fit into what is allowed beside the sound. */
static void test_a_flood_of_edits(void)
{
    GByteArray *file = test_file("directory-last.m4a");
    g_autoptr(GByteArray) list = g_byte_array_new();
    test_append_be32(list, 0);
    test_append_be32(list, 80000);
    for (guint i = 0; i < 80000; i++) {
        test_append_be32(list, 400);
        test_append_be32(list, 1024);
        test_append_be32(list, 0x10000);
    }
    test_set_payload(file, edit_parents, "elst", list);
    assert_refused(file, "at most 12000 are taken"); /* 80000 times 0.4 s */
}

/* The file's first and last packet, in turn, n in all. */
static void alternate_packets(GByteArray *file, guint n)
{
    const guint8 *count = test_box(file, "stsz") + STSZ_COUNT;
    guint n_packets = test_get_be32(count);
    guint32 size[2] = {test_get_be32(count + 4), test_get_be32(count + 4 * n_packets)};
    guint32 offset[2];
    offset[0] = offset[1] = test_get_be32(test_box(file, "stco") + 12);
    for (guint i = 1; i < n_packets; i++)
        offset[1] += test_get_be32(count + 4 * i);

    g_autoptr(GByteArray) times = g_byte_array_new();
    g_autoptr(GByteArray) sizes = g_byte_array_new();
    g_autoptr(GByteArray) chunks = g_byte_array_new();
    g_autoptr(GByteArray) offsets = g_byte_array_new();
    const guint32 time_words[] = {0, 1, n, 1024};
    const guint32 chunk_words[] = {0, 1, 1, 1, 1};
    for (gsize i = 0; i < G_N_ELEMENTS(time_words); i++)
        test_append_be32(times, time_words[i]);
    for (gsize i = 0; i < G_N_ELEMENTS(chunk_words); i++)
        test_append_be32(chunks, chunk_words[i]);
    test_append_be32(sizes, 0);
    test_append_be32(sizes, 0);
    test_append_be32(sizes, n);
    test_append_be32(offsets, 0);
    test_append_be32(offsets, n);
    for (guint i = 0; i < n; i++) {
        test_append_be32(sizes, size[i % 2]);
        test_append_be32(offsets, offset[i % 2]);
    }
    test_set_payload(file, table_parents, "stts", times);
    test_set_payload(file, table_parents, "stsz", sizes);
    test_set_payload(file, table_parents, "stsc", chunks);
    test_set_payload(file, table_parents, "stco", offsets);
    memcpy(test_box(file, "edts"), "free", 4);
}

static GByteArray *two_seconds(void)
{
    sound_auto sound = test_sweep(96000, 1, 192000);
    GBytes *bytes = NULL;
    g_assert_true(m4a_encode(&sound, &bytes, NULL));
    return g_bytes_unref_to_array(bytes);
}

static void test_the_same_bytes_many_times(void)
{
    g_autoptr(GByteArray) file = two_seconds();
    sound_auto sound = {0};
    alternate_packets(file, 40); /* nothing wrong with that */
    decode(file, &sound);
    g_assert_cmpuint(sound.frames, ==, 40 * 1024);

    GByteArray *many = two_seconds();
    alternate_packets(many, 11000);
    assert_refused(many, "reading the packets");
}

static void test_too_many_packets(void)
{
    GByteArray *file = two_seconds();
    alternate_packets(file, 12001);
    assert_refused(file, "12001 packets or more");
}

static void test_a_packet_too_long_for_aac(void)
{
    GByteArray *file = test_file("directory-first.m4a");
    guint8 *last_size = test_box(file, "stsz") + STSZ_COUNT;
    last_size += 4 * test_get_be32(last_size);
    test_put_be32(last_size, test_get_be32(last_size) + 20000);
    guint8 *data_size = test_box(file, "mdat") - 4;
    test_put_be32(data_size, test_get_be32(data_size) + 20000);
    guint end = file->len;
    g_byte_array_set_size(file, end + 20000);
    memset(file->data + end, 0, 20000);
    assert_refused(file, "AAC needs at most");
}

static void test_too_large(void)
{
    GByteArray *file = test_file("directory-last.m4a");
    g_byte_array_set_size(file, M4A_MAX_BYTES + 1);
    assert_refused(file, "larger than 8 MiB");
}

static void test_a_picture_of_absurd_size_is_passed_over(void)
{
    g_autoptr(GByteArray) file = test_file("with-picture.m4a");
    guint8 *entry = test_box(file, "mp4v");
    memset(entry + 28, 0xff, 4); /* width and height */
    assert_decodes_to(file, 16000, 1, 6400, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/m4a-decode/foreign-files-are-in-place", test_foreign_files_are_in_place);
    g_test_add_func("/m4a-decode/fragmented-files", test_fragmented_files);
    g_test_add_func("/m4a-decode/the-edit-list-decides", test_the_edit_list_decides);
    g_test_add_func("/m4a-decode/he-aac", test_he_aac);
    g_test_add_func("/m4a-decode/wrong-tracks-are-named", test_wrong_tracks_are_named);
    g_test_add_func("/m4a-decode/cut-off-anywhere", test_cut_off_anywhere);
    g_test_add_func("/m4a-decode/open-data-cut-off-anywhere", test_open_data_cut_off_anywhere);
    g_test_add_func("/m4a-decode/damaged-packets", test_damaged_packets);
    g_test_add_func("/m4a-decode/packets-elsewhere", test_packets_elsewhere);
    g_test_add_func("/m4a-decode/counts-that-lie", test_counts_that_lie);
    g_test_add_func("/m4a-decode/a-flood-of-edits", test_a_flood_of_edits);
    g_test_add_func("/m4a-decode/the-same-bytes-many-times", test_the_same_bytes_many_times);
    g_test_add_func("/m4a-decode/too-many-packets", test_too_many_packets);
    g_test_add_func("/m4a-decode/a-packet-too-long-for-aac", test_a_packet_too_long_for_aac);
    g_test_add_func("/m4a-decode/too-large", test_too_large);
    g_test_add_func("/m4a-decode/a-picture-of-absurd-size-is-passed-over",
                    test_a_picture_of_absurd_size_is_passed_over);
    return g_test_run();
}
