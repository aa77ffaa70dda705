/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is taken out and what stays, in numbers. */
#include "background.h"

#include "samples.h"
#include "speech/test_sounds.h"
#include <glib.h>
#include <math.h>
#include <string.h>

#define N_SAMPLES (6 * DUB_RATE_HZ)
/* Away from the ends, where there is no past or future. */
#define FROM DUB_BACKGROUND_FRAME_SAMPLES
#define TO (N_SAMPLES - DUB_BACKGROUND_FRAME_SAMPLES)

struct fixture {
    struct dub_background background;
    int16_t *original;   /* stereo */
    float *left, *right; /* without the centre */
};

static void read_original(void *user, int64_t position, int16_t *samples, unsigned n_samples)
{
    const struct fixture *f = user;
    for (unsigned i = 0; i < n_samples; i++) {
        int64_t at = position + i;
        bool inside = at >= 0 && at < N_SAMPLES;
        samples[2 * i] = inside ? f->original[2 * at] : 0;
        samples[2 * i + 1] = inside ? f->original[2 * at + 1] : 0;
    }
}

static void set_up(struct fixture *f, gconstpointer data)
{
    dub_background_init(&f->background, read_original, f);
    f->original = g_new0(int16_t, 2 * N_SAMPLES);
    f->left = g_new0(float, N_SAMPLES);
    f->right = g_new0(float, N_SAMPLES);
}

static void tear_down(struct fixture *f, gconstpointer data)
{
    dub_background_clear(&f->background);
    g_free(f->original);
    g_free(f->left);
    g_free(f->right);
}

static void run(struct fixture *f)
{
    float *centre = f->right;
    for (int64_t at = 0; at < N_SAMPLES; at += DUB_BLOCK_SAMPLES)
        dub_background_centre(&f->background, at, centre + at, DUB_BLOCK_SAMPLES);
    for (int64_t i = 0; i < N_SAMPLES; i++) {
        float common = centre[i];
        f->left[i] = (float)f->original[2 * i] / 32768 - common;
        f->right[i] = (float)f->original[2 * i + 1] / 32768 - common;
    }
}

static void add(struct fixture *f, const float *left, const float *right)
{
    for (int64_t i = 0; i < N_SAMPLES; i++) {
        f->original[2 * i] = (int16_t)(f->original[2 * i] + (left != NULL ? lrintf(left[i] * 32768) : 0));
        f->original[2 * i + 1] =
            (int16_t)(f->original[2 * i + 1] + (right != NULL ? lrintf(right[i] * 32768) : 0));
    }
}

/* How much of a source is in a signal: the least-squares gain, dB. */
static double part_db(const float *source, const float *signal)
{
    double common = 0;
    double own = 0;
    for (int64_t i = FROM; i < TO; i++) {
        common += (double)source[i] * (double)signal[i];
        own += (double)source[i] * (double)source[i];
    }
    return 20 * log10(fabs(common / own) + 1e-9);
}

static double level_db(const float *signal)
{
    double power = 0;
    for (int64_t i = FROM; i < TO; i++)
        power += (double)signal[i] * (double)signal[i] / (TO - FROM);
    return 10 * log10(power + 1e-12);
}

static float *new_tone(double hz, double amplitude)
{
    float *tone = g_new(float, N_SAMPLES);
    for (int i = 0; i < N_SAMPLES; i++)
        tone[i] = (float)(amplitude * sin(2 * M_PI * hz * i / DUB_RATE_HZ));
    return tone;
}

static void test_voice_alone_is_removed(struct fixture *f, gconstpointer data)
{
    g_autofree float *voice = test_voice_new(-20, N_SAMPLES);
    add(f, voice, voice);
    run(f);
    g_test_message("left of the voice: %.1f dB", level_db(f->left) + 20);
    g_assert_cmpfloat(level_db(f->left), <, -20 - 38);
    g_assert_cmpfloat(level_db(f->right), <, -20 - 38);
}

/* The same bed at another time, so that left and right have nothing in common but its kind. */
static float *new_bed(enum test_bed bed, int shift_samples)
{
    g_autofree float *plain = test_bed_new(bed, -20, N_SAMPLES);
    float *result = g_new(float, N_SAMPLES);
    for (int i = 0; i < N_SAMPLES; i++)
        result[i] = plain[(i + shift_samples) % N_SAMPLES];
    return result;
}

static void test_voice_over_a_source_at_one_side(struct fixture *f, gconstpointer data)
{
    g_autofree float *voice = test_voice_new(-20, N_SAMPLES);
    for (int bed = 0; bed < TEST_BED_COUNT; bed++) {
        g_autofree float *source = new_bed((enum test_bed)bed, 0);
        memset(f->original, 0, 2 * N_SAMPLES * sizeof(int16_t));
        dub_background_reset(&f->background);
        add(f, voice, voice);
        add(f, source, NULL);
        run(f);
        g_test_message("%s: voice %.1f and %.1f dB, the source %.1f, on the other side %.1f",
                       test_bed_names[bed], part_db(voice, f->left), part_db(voice, f->right),
                       part_db(source, f->left), part_db(source, f->right));
        g_assert_cmpfloat(part_db(voice, f->left), <, -25);
        g_assert_cmpfloat(part_db(voice, f->right), <, -25);
        /* In its place: a shift by one sample would cost noise more than this. */
        g_assert_cmpfloat(fabs(part_db(source, f->left)), <, 1);
        g_assert_cmpfloat(part_db(source, f->right), <, -20);
    }
}

static void test_voice_over_a_wide_bed(struct fixture *f, gconstpointer data)
{
    g_autofree float *voice = test_voice_new(-20, N_SAMPLES);
    for (int bed = 0; bed < TEST_BED_COUNT; bed++) {
        g_autofree float *left = new_bed((enum test_bed)bed, 0);
        g_autofree float *right = new_bed((enum test_bed)bed, 27000);
        memset(f->original, 0, 2 * N_SAMPLES * sizeof(int16_t));
        dub_background_reset(&f->background);
        add(f, voice, voice);
        add(f, left, right);
        run(f);
        double change_db = level_db(f->left) - level_db(left);
        g_test_message("%s: voice %.1f dB, the bed's level %+.1f dB", test_bed_names[bed],
                       part_db(voice, f->left), change_db);
        g_assert_cmpfloat(part_db(voice, f->left), <, -22);
        g_assert_cmpfloat(part_db(voice, f->right), <, -22);
        /* Chords held on both sides have something in common. */
        g_assert_cmpfloat(fabs(change_db), <, bed == TEST_BED_PAD || bed == TEST_BED_BAND ? 1.5 : 1);
    }
}

/* What is only between the channels never was in the middle. */
static void test_opposite_channels_stay(struct fixture *f, gconstpointer data)
{
    g_autofree float *left = new_bed(TEST_BED_BAND, 0);
    g_autofree float *right = g_new(float, N_SAMPLES);
    for (int i = 0; i < N_SAMPLES; i++)
        right[i] = -left[i];
    add(f, left, right);
    run(f);
    for (int i = FROM; i < TO; i++)
        g_assert_cmpfloat(fabsf(f->left[i] - (float)f->original[2 * i] / 32768), <, 1e-5f);
}

static void test_bass_and_cymbals_stay(struct fixture *f, gconstpointer data)
{
    g_autofree float *bass = new_tone(45, 0.2);
    g_autofree float *cymbals = new_tone(14000, 0.1);
    add(f, bass, bass);
    add(f, cymbals, cymbals);
    run(f);
    g_assert_cmpfloat(fabs(part_db(bass, f->left)), <, 0.1);
    g_assert_cmpfloat(fabs(part_db(cymbals, f->right)), <, 0.1);
}

/* A dub may begin anywhere. */
static void test_begins_anywhere(struct fixture *f, gconstpointer data)
{
    static const int64_t starts[] = {0, 1, 1023, 1024, 50000, 123456};
    g_autofree float *voice = test_voice_new(-20, N_SAMPLES);
    g_autofree float *source = new_bed(TEST_BED_PINK, 0);
    add(f, voice, voice);
    add(f, source, NULL);
    run(f);
    for (gsize i = 0; i < G_N_ELEMENTS(starts); i++) {
        float centre[DUB_BLOCK_SAMPLES];
        double error = 0;
        dub_background_reset(&f->background);
        for (int64_t at = starts[i]; at < starts[i] + 4800; at += DUB_BLOCK_SAMPLES) {
            dub_background_centre(&f->background, at, centre, DUB_BLOCK_SAMPLES);
            for (int k = 0; k < DUB_BLOCK_SAMPLES; k++) {
                double before = (double)f->original[2 * (at + k)] / 32768 - (double)f->left[at + k];
                error += ((double)centre[k] - before) * ((double)centre[k] - before) / 4800;
            }
        }
        g_assert_cmpfloat(10 * log10(error + 1e-12), <, -20 - 15);
    }
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(struct fixture *f, gconstpointer data);
    } tests[] = {
        {"/background/voice-alone-is-removed", test_voice_alone_is_removed},
        {"/background/voice-over-a-source-at-one-side", test_voice_over_a_source_at_one_side},
        {"/background/voice-over-a-wide-bed", test_voice_over_a_wide_bed},
        {"/background/opposite-channels-stay", test_opposite_channels_stay},
        {"/background/bass-and-cymbals-stay", test_bass_and_cymbals_stay},
        {"/background/begins-anywhere", test_begins_anywhere},
    };
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(tests); i++)
        g_test_add(tests[i].name, struct fixture, NULL, set_up, tests[i].run, tear_down);
    return g_test_run();
}
