/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The detector and the fragmenter together on labelled sound: sentences by flite over beds. */
#include "test_sounds.h"
#include "vad.h"

#include <math.h>
#include <string.h>

#define SENTENCES 6
#define SPEECH_DB (-20.0)
#define SOFT_DB (-30.0)
/* A sentence counts as found when this much of it was sent. */
#define FOUND_PART 0.7

struct sent {
    struct dub_fragment_span spans[64];
    unsigned n;
};

struct programme {
    float *samples;
    unsigned n_samples;
    int64_t starts[SENTENCES], ends[SENTENCES];
};

static const char *const sentences[SENTENCES] = {
    "Good evening and welcome to the news.",  "The mayor opened the new bridge this morning.",
    "Several hundred people came to see it.", "It will rain in the north tomorrow.",
    "The match ended with a late goal.",      "Thank you for watching."};
static const double pauses_s[SENTENCES] = {0.6, 0.8, 1.0, 0.7, 0.6, 0.9};

#define BED_SAMPLES (20 * DUB_RATE_HZ)

static const enum test_bed all_beds[TEST_BED_COUNT] = {
#define X(name, text) TEST_BED_##name,
    TEST_BEDS(X)
#undef X
};

/* At 0 dB, made once. */
static float *beds[TEST_BED_COUNT];

/* out += bed, scaled. */
static void add_bed(enum test_bed bed, double rms_db, float *out, unsigned n_samples)
{
    const float gain = (float)pow(10, rms_db / 20);
    g_assert_cmpuint(n_samples, <=, BED_SAMPLES);
    if (beds[bed] == NULL)
        beds[bed] = test_bed_new(bed, 0, BED_SAMPLES);
    for (unsigned i = 0; i < n_samples; i++)
        out[i] += gain * beds[bed][i];
}

static void to_stereo(const float *samples, int16_t *out)
{
    for (unsigned i = 0; i < DUB_BLOCK_SAMPLES; i++) {
        int16_t value = (int16_t)CLAMP(lrintf(samples[i] * 32767), INT16_MIN, INT16_MAX);
        out[2 * i] = out[2 * i + 1] = value;
    }
}

static void detect(const float *samples, unsigned n_samples, struct sent *sent)
{
    g_autofree struct dub_vad *vad = g_new(struct dub_vad, 1);
    struct dub_fragmenter fragmenter;
    dub_vad_init(vad);
    dub_fragmenter_init(&fragmenter, DUB_FRAGMENTER_VAD, 0);
    sent->n = 0;
    for (unsigned at = 0; at + DUB_BLOCK_SAMPLES <= n_samples; at += DUB_BLOCK_SAMPLES) {
        int16_t block[DUB_BLOCK_SAMPLES * DUB_CHANNELS];
        struct dub_fragmenter_hop hop;
        to_stereo(samples + at, block);
        dub_vad_hop(vad, block, &hop);
        if (dub_fragmenter_hop(&fragmenter, &hop, &sent->spans[sent->n]))
            sent->n++;
        g_assert_cmpuint(sent->n, <, G_N_ELEMENTS(sent->spans));
    }
    if (dub_fragmenter_end(&fragmenter, &sent->spans[sent->n]))
        sent->n++;
}

static void test_silence_is_not_sent(void)
{
    struct sent sent;
    static const float silence[10 * DUB_RATE_HZ];
    detect(silence, G_N_ELEMENTS(silence), &sent);
    g_assert_cmpuint(sent.n, ==, 0);
}

/* It begins after a second of silence, which is when its level is a surprise. */
static void test_bed_alone_is_not_sent(gconstpointer data)
{
    const enum test_bed bed = *(const enum test_bed *)data;
    const unsigned n_samples = 15 * DUB_RATE_HZ;
    for (int db = -36; db <= -12; db += 12) {
        struct sent sent;
        g_autofree float *sound = g_new0(float, n_samples);
        add_bed(bed, db, sound + DUB_RATE_HZ, n_samples - DUB_RATE_HZ);
        detect(sound, n_samples, &sent);
        if (sent.n > 0)
            g_test_message("%s at %d dBFS: sent at %.2f s", test_bed_names[bed], db,
                           (double)sent.spans[0].start / DUB_RATE_HZ);
        g_assert_cmpuint(sent.n, ==, 0);
    }
}

/* Six sentences from 1.5 s on. */
static void programme_init(struct programme *programme, const char *voice)
{
    programme->samples = g_new0(float, 40 * DUB_RATE_HZ);
    unsigned at = 3 * DUB_RATE_HZ / 2;
    for (int i = 0; i < SENTENCES; i++) {
        unsigned n_samples;
        g_autofree float *speech = test_speech_new(sentences[i], voice, SPEECH_DB, &n_samples);
        memcpy(programme->samples + at, speech, n_samples * sizeof(float));
        programme->starts[i] = at;
        programme->ends[i] = at + n_samples;
        at += n_samples + (unsigned)(pauses_s[i] * DUB_RATE_HZ);
    }
    programme->n_samples = at;
}

static void programme_scale(struct programme *programme, double db)
{
    for (unsigned i = 0; i < programme->n_samples; i++)
        programme->samples[i] *= (float)pow(10, db / 20);
}

static unsigned count_found(const struct programme *programme, const struct sent *sent)
{
    unsigned found = 0;
    for (int i = 0; i < SENTENCES; i++) {
        int64_t covered = 0;
        for (unsigned k = 0; k < sent->n; k++) {
            int64_t from = MAX(programme->starts[i], sent->spans[k].start);
            int64_t to = MIN(programme->ends[i], sent->spans[k].end);
            covered += MAX(to - from, 0);
        }
        found += (double)covered >= FOUND_PART * (double)(programme->ends[i] - programme->starts[i]);
    }
    return found;
}

static unsigned count_separated(const struct programme *programme, const struct sent *sent)
{
    unsigned separated = 0;
    for (int i = 0; i + 1 < SENTENCES; i++) {
        int64_t middle = (programme->ends[i] + programme->starts[i + 1]) / 2;
        bool bridged = false;
        for (unsigned k = 0; k < sent->n; k++)
            bridged = bridged || (sent->spans[k].start < middle && sent->spans[k].end > middle);
        separated += !bridged;
    }
    return separated;
}

/* What must come out over each bed. Beats and plucked strings fill pauses: there, only finding is asked for.
 * Over music the detector has to hear a little of a voice before it believes it. */
static void needed_over(enum test_bed bed, unsigned *found, unsigned *separated)
{
    const bool music = bed == TEST_BED_PAD || bed == TEST_BED_ARPEGGIO || bed == TEST_BED_MELODY ||
                       bed == TEST_BED_DRUMS || bed == TEST_BED_BAND;
    const bool filled = bed == TEST_BED_DRUMS || bed == TEST_BED_ARPEGGIO;
    *found = music ? SENTENCES - 2 : SENTENCES;
    *separated = SENTENCES - 1;
    if (music)
        *separated = filled ? 0 : SENTENCES - 2;
}

static void check_over_bed(const struct programme *programme, enum test_bed bed, unsigned *all_found)
{
    struct sent sent;
    unsigned found_needed, separated_needed;
    g_autofree float *sound = g_memdup2(programme->samples, programme->n_samples * sizeof(float));
    add_bed(bed, SOFT_DB, sound, programme->n_samples);
    detect(sound, programme->n_samples, &sent);
    unsigned found = count_found(programme, &sent);
    unsigned separated = count_separated(programme, &sent);
    g_test_message("over %s: found %u of %d, separated %u of %d", test_bed_names[bed], found, SENTENCES,
                   separated, SENTENCES - 1);
    needed_over(bed, &found_needed, &separated_needed);
    g_assert_cmpuint(found, >=, found_needed);
    g_assert_cmpuint(separated, >=, separated_needed);
    *all_found += found;
}

static void test_speech_is_found_and_separated(gconstpointer data)
{
    if (!test_speech_available()) {
        g_test_skip("flite is not installed");
        return;
    }
    struct programme programme;
    struct sent sent;
    programme_init(&programme, data);
    detect(programme.samples, programme.n_samples, &sent);
    g_assert_cmpuint(count_found(&programme, &sent), ==, SENTENCES);
    g_assert_cmpuint(count_separated(&programme, &sent), ==, SENTENCES - 1);
    unsigned found = 0;
    for (int bed = 0; bed < TEST_BED_COUNT; bed++)
        check_over_bed(&programme, (enum test_bed)bed, &found);
    g_assert_cmpuint(found, >=, SENTENCES * TEST_BED_COUNT * 9 / 10);
    g_free(programme.samples);
}

static void test_speech_is_found_when_quiet(void)
{
    if (!test_speech_available()) {
        g_test_skip("flite is not installed");
        return;
    }
    struct programme programme;
    struct sent sent;
    programme_init(&programme, "slt");
    programme_scale(&programme, -45 - SPEECH_DB);
    detect(programme.samples, programme.n_samples, &sent);
    g_assert_cmpuint(count_found(&programme, &sent), ==, SENTENCES);
    add_bed(TEST_BED_PINK, -60, programme.samples, programme.n_samples);
    detect(programme.samples, programme.n_samples, &sent);
    g_assert_cmpuint(count_found(&programme, &sent), ==, SENTENCES);
    g_free(programme.samples);
}

/* The bands in which the hum lies are drowned; the others are enough. */
static void test_speech_is_found_in_loud_hum(void)
{
    if (!test_speech_available()) {
        g_test_skip("flite is not installed");
        return;
    }
    struct programme programme;
    struct sent sent;
    programme_init(&programme, "rms");
    add_bed(TEST_BED_HUM, SPEECH_DB - 5, programme.samples, programme.n_samples);
    detect(programme.samples, programme.n_samples, &sent);
    g_assert_cmpuint(count_found(&programme, &sent), ==, SENTENCES);
    g_free(programme.samples);
}

int main(int argc, char **argv)
{
    static const char *const voices[] = {"kal", "slt", "rms", "awb"};
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vad/silence-is-not-sent", test_silence_is_not_sent);
    for (int bed = 0; bed < TEST_BED_COUNT; bed++) {
        g_autofree char *name = g_strdup_printf("/vad/%s-alone-is-not-sent", test_bed_names[bed]);
        g_test_add_data_func(name, &all_beds[bed], test_bed_alone_is_not_sent);
    }
    g_test_add_func("/vad/quiet-speech-is-found", test_speech_is_found_when_quiet);
    g_test_add_func("/vad/speech-in-loud-hum-is-found", test_speech_is_found_in_loud_hum);
    for (gsize i = 0; i < G_N_ELEMENTS(voices); i++) {
        g_autofree char *name = g_strdup_printf("/vad/%s-is-found-and-separated", voices[i]);
        g_test_add_data_func(name, voices[i], test_speech_is_found_and_separated);
    }
    int result = g_test_run();
    for (int bed = 0; bed < TEST_BED_COUNT; bed++)
        g_free(beds[bed]);
    return result;
}
