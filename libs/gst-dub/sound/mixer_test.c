/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mixer.h"

#include "samples.h"
#include <math.h>

#define N_SAMPLES (4 * DUB_RATE_HZ)
#define BLOCK DUB_BLOCK_SAMPLES

struct fixture {
    struct dub_mixer mixer;
    int16_t *original; /* stereo */
    float *out;
    int64_t position;
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
    dub_mixer_init(&f->mixer, read_original, f);
    f->original = g_new0(int16_t, 2 * N_SAMPLES);
    f->out = g_new0(float, 2 * N_SAMPLES);
    f->position = 0;
    for (int i = 0; i < 2 * N_SAMPLES; i++)
        f->original[i] = 16384; /* half of full scale, so that the output is half the gain */
}

static void tear_down(struct fixture *f, gconstpointer data)
{
    dub_mixer_clear(&f->mixer);
    g_free(f->original);
    g_free(f->out);
}

static void run_until(struct fixture *f, int64_t end)
{
    for (; f->position < end; f->position += BLOCK)
        dub_mixer_run(&f->mixer, f->position, f->original + 2 * f->position, f->out + 2 * f->position, BLOCK);
}

/* A clip that is silent: what is heard is the bed alone. */
static void add_silent_dub(struct fixture *f, int64_t start, int64_t end)
{
    dub_mixer_add_dub(&f->mixer, start, g_new0(float, (gsize)(end - start)), end - start);
}

static double gain_db(const struct fixture *f, int64_t at)
{
    return 20 * log10(2 * (double)f->out[2 * at]);
}

static void assert_no_step(const struct fixture *f, int64_t from, int64_t to)
{
    double largest = 0.5 * 0.9 / DUB_MIXER_ATTACK_SAMPLES * 1.2;
    for (int64_t i = MAX(from, 1); i < to; i++)
        g_assert_cmpfloat(fabsf(f->out[2 * i] - f->out[2 * i - 2]), <=, largest);
}

static void test_untouched_without_regions(struct fixture *f, gconstpointer data)
{
    run_until(f, N_SAMPLES);
    for (int i = 0; i < 2 * N_SAMPLES; i++)
        g_assert_true(f->out[i] == 0.5f);
}

static void test_bed_is_20_db_down_under_the_dub(struct fixture *f, gconstpointer data)
{
    add_silent_dub(f, 48123, 96456);
    run_until(f, N_SAMPLES);
    for (int64_t i = 0; i < 48123 - DUB_MIXER_ATTACK_SAMPLES; i++)
        g_assert_true(f->out[2 * i] == 0.5f);
    for (int64_t i = 48123; i < 96456; i++)
        g_assert_cmpfloat(fabs(gain_db(f, i) + 20), <, 0.1);
    for (int64_t i = 96456 + DUB_MIXER_RELEASE_SAMPLES; i < N_SAMPLES; i++)
        g_assert_true(f->out[2 * i] == 0.5f);
    /* Half way up after half the release. */
    g_assert_cmpfloat(fabs(2 * (double)f->out[2 * (96456 + DUB_MIXER_RELEASE_SAMPLES / 2)] - 0.55), <, 0.01);
    assert_no_step(f, 0, N_SAMPLES);
}

static void test_dub_is_added_where_it_was_placed(struct fixture *f, gconstpointer data)
{
    float *clip = g_new(float, 1000);
    for (int i = 0; i < 1000; i++)
        clip[i] = (float)i / 4000;
    for (int i = 0; i < 2 * N_SAMPLES; i++)
        f->original[i] = 0;
    dub_mixer_add_dub(&f->mixer, 50001, clip, 1000);
    g_assert_cmpint(dub_mixer_dub_end(&f->mixer), ==, 51001);
    run_until(f, N_SAMPLES);
    for (int i = 0; i < N_SAMPLES; i++) {
        float wanted = i >= 50001 && i < 51001 ? (float)(i - 50001) / 4000 : 0;
        g_assert_true(f->out[2 * i] == wanted && f->out[2 * i + 1] == wanted);
    }
    g_assert_cmpint(dub_mixer_dub_end(&f->mixer), ==, 0);
}

static void test_late_clip_glides_in(struct fixture *f, gconstpointer data)
{
    run_until(f, 48000);
    add_silent_dub(f, 48000, 72000);
    run_until(f, N_SAMPLES);
    g_assert_true(f->out[2 * 47999] == 0.5f);
    g_assert_cmpfloat(fabs(gain_db(f, 48000 + DUB_MIXER_ATTACK_SAMPLES) + 20), <, 0.1);
    assert_no_step(f, 0, N_SAMPLES);
}

static void test_bed_stays_down_between_close_clips(struct fixture *f, gconstpointer data)
{
    add_silent_dub(f, 24000, 48000);
    add_silent_dub(f, 48000 + DUB_MIXER_HOLD_SAMPLES, 90000);
    run_until(f, N_SAMPLES);
    for (int64_t i = 24000; i < 90000; i++)
        g_assert_cmpfloat(fabs(gain_db(f, i) + 20), <, 0.1);
}

static void test_bed_returns_between_distant_clips(struct fixture *f, gconstpointer data)
{
    add_silent_dub(f, 24000, 48000);
    add_silent_dub(f, 96000, 120000);
    run_until(f, N_SAMPLES);
    g_assert_true(f->out[2 * 70000] == 0.5f);
    assert_no_step(f, 0, N_SAMPLES);
}

static void test_replace_mutes(struct fixture *f, gconstpointer data)
{
    f->mixer.mix.under_dub = DUB_BED_SILENT;
    add_silent_dub(f, 48000, 96000);
    run_until(f, N_SAMPLES);
    for (int64_t i = 48000; i < 96000; i++)
        g_assert_true(f->out[2 * i] == 0);
    assert_no_step(f, 0, N_SAMPLES);
}

static void test_fallback_of_a_failed_phrase(struct fixture *f, gconstpointer data)
{
    f->mixer.mix.under_failed = DUB_BED_DUCKED;
    dub_mixer_add_failed(&f->mixer, 48000, 96000);
    run_until(f, 72000);
    g_assert_cmpfloat(fabs(gain_db(f, 60000) + 20), <, 0.1);
    /* Changing the setting is heard at once, as a ramp. */
    f->mixer.mix.under_failed = DUB_BED_FULL;
    run_until(f, N_SAMPLES);
    g_assert_true(f->out[2 * (72000 + DUB_MIXER_RELEASE_SAMPLES)] == 0.5f);
    assert_no_step(f, 0, N_SAMPLES);
}

static void test_dub_counts_before_a_failed_phrase(struct fixture *f, gconstpointer data)
{
    f->mixer.mix.under_failed = DUB_BED_SILENT;
    add_silent_dub(f, 48000, 96000);
    dub_mixer_add_failed(&f->mixer, 72000, 120000);
    run_until(f, N_SAMPLES);
    g_assert_cmpfloat(fabs(gain_db(f, 80000) + 20), <, 0.1);
    g_assert_true(f->out[2 * (96000 + DUB_MIXER_ATTACK_SAMPLES)] == 0);
}

/* Level of one frequency in the left channel, dB relative to `amplitude`. */
static double tone_db(const struct fixture *f, double hz, int from, int to, double amplitude)
{
    double re = 0;
    double im = 0;
    for (int i = from; i < to; i++) {
        re += f->out[2 * i] * cos(2 * M_PI * hz * i / DUB_RATE_HZ);
        im += f->out[2 * i] * sin(2 * M_PI * hz * i / DUB_RATE_HZ);
    }
    return 20 * log10(2 * sqrt(re * re + im * im) / (to - from) / amplitude + 1e-9);
}

static double wave(double hz, int i)
{
    return 4000 * sin(2 * M_PI * hz * i / DUB_RATE_HZ);
}

/* A voice and a bass in the middle, and a guitar between the channels. */
static void play_in_stereo(struct fixture *f)
{
    for (int i = 0; i < N_SAMPLES; i++) {
        double middle = wave(1000, i) + wave(30, i);
        f->original[2 * i] = (int16_t)lrint(middle + wave(700, i));
        f->original[2 * i + 1] = (int16_t)lrint(middle - wave(700, i));
    }
}

static void test_background_takes_the_voice_and_leaves_the_rest(struct fixture *f, gconstpointer data)
{
    const double amplitude = 4000.0 / 32768;
    f->mixer.mix.under_dub = DUB_BED_BACKGROUND;
    play_in_stereo(f);
    add_silent_dub(f, 48000, 144000);
    run_until(f, N_SAMPLES);
    g_assert_cmpfloat(tone_db(f, 1000, 0, 24000, amplitude), >, -0.1);
    g_assert_cmpfloat(tone_db(f, 1000, 72000, 120000, amplitude), <, -40);
    g_assert_cmpfloat(fabs(tone_db(f, 30, 72000, 120000, amplitude)), <, 0.1);
    g_assert_cmpfloat(tone_db(f, 1000, 168000, N_SAMPLES, amplitude), >, -0.1);
    /* The sides are the same sample for sample, on the way in and out too. */
    for (int i = 0; i < N_SAMPLES; i++) {
        double side = (double)(f->out[2 * i] - f->out[2 * i + 1]) / 2;
        g_assert_cmpfloat(fabs(side - wave(700, i) / 32768), <, 1e-4);
    }
}

/* Nothing would be left of it. */
static void test_background_of_a_mono_original_is_ducked(struct fixture *f, gconstpointer data)
{
    f->mixer.mix.under_dub = DUB_BED_BACKGROUND;
    add_silent_dub(f, 48000, 144000);
    run_until(f, N_SAMPLES);
    for (int64_t i = 48000; i < 144000; i++)
        g_assert_cmpfloat(fabs(gain_db(f, i) + 20), <, 0.1);
    assert_no_step(f, 0, N_SAMPLES);
}

/* Between the words of a stereo original there may be long stretches with the voice alone. */
static void test_stereo_is_remembered(struct fixture *f, gconstpointer data)
{
    const double amplitude = 4000.0 / 32768;
    f->mixer.mix.under_dub = DUB_BED_BACKGROUND;
    play_in_stereo(f);
    for (int i = 48000; i < N_SAMPLES; i++)
        f->original[2 * i] = f->original[2 * i + 1] = (int16_t)lrint(wave(1000, i));
    add_silent_dub(f, 120000, N_SAMPLES);
    run_until(f, N_SAMPLES);
    g_assert_cmpfloat(tone_db(f, 1000, 132000, N_SAMPLES - 12000, amplitude), <, -40);
}

static void test_gains_change_as_ramps(struct fixture *f, gconstpointer data)
{
    float *clip = g_new(float, 96000);
    for (int i = 0; i < 96000; i++)
        clip[i] = 0.1f * (float)MIN(MIN(i, 96000 - i), 4800) / 4800;
    dub_mixer_add_dub(&f->mixer, 48000, clip, 96000);
    run_until(f, 72000);
    f->mixer.mix.duck_gain = 0.5f;
    run_until(f, 84000);
    g_assert_cmpfloat(fabsf(f->out[2 * 83000] - 0.35f), <, 1e-5f);
    f->mixer.mix.dub_gain = 2;
    run_until(f, 96000);
    g_assert_cmpfloat(fabsf(f->out[2 * 95000] - 0.45f), <, 1e-5f);
    f->mixer.mix.bypass = true;
    run_until(f, 120000);
    g_assert_true(f->out[2 * 119000] == 0.5f && f->out[2 * 110000 + 1] == 0.5f);
    f->mixer.mix.bypass = false;
    run_until(f, N_SAMPLES);
    g_assert_cmpfloat(fabsf(f->out[2 * 130000] - 0.45f), <, 1e-5f);
    g_assert_true(f->out[2 * (144000 + DUB_MIXER_RELEASE_SAMPLES)] == 0.5f);
    assert_no_step(f, 0, N_SAMPLES);
}

static void test_reset_brings_full_level(struct fixture *f, gconstpointer data)
{
    add_silent_dub(f, 0, 96000);
    run_until(f, 48000);
    dub_mixer_reset(&f->mixer);
    run_until(f, 96000);
    g_assert_true(f->out[2 * 48000] == 0.5f);
}

/* The background is on its slow way out when the next dub begins: it leaves as fast as anything else. */
static void test_background_leaves_with_the_attack(struct fixture *f, gconstpointer data)
{
    for (int i = 0; i < N_SAMPLES; i++)
        f->original[2 * i + 1] = 4096; /* not mono */
    f->mixer.mix.under_dub = DUB_BED_SILENT;
    f->mixer.mix.under_failed = DUB_BED_BACKGROUND;
    dub_mixer_add_failed(&f->mixer, 24000, 48000);
    run_until(f, 48960);
    add_silent_dub(f, 48960, 96000);
    run_until(f, 96000);
    g_assert_cmpfloat(fabsf(f->out[2 * 48960]), >, 0.4f);
    for (int64_t i = 48960 + DUB_MIXER_ATTACK_SAMPLES; i < 96000; i++)
        g_assert_cmpfloat(fabsf(f->out[2 * i]), <, 1e-6f);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(struct fixture *f, gconstpointer data);
    } tests[] = {
        {"/mixer/untouched-without-regions", test_untouched_without_regions},
        {"/mixer/bed-is-20-db-down-under-the-dub", test_bed_is_20_db_down_under_the_dub},
        {"/mixer/dub-is-added-where-it-was-placed", test_dub_is_added_where_it_was_placed},
        {"/mixer/late-clip-glides-in", test_late_clip_glides_in},
        {"/mixer/bed-stays-down-between-close-clips", test_bed_stays_down_between_close_clips},
        {"/mixer/bed-returns-between-distant-clips", test_bed_returns_between_distant_clips},
        {"/mixer/replace-mutes", test_replace_mutes},
        {"/mixer/fallback-of-a-failed-phrase", test_fallback_of_a_failed_phrase},
        {"/mixer/dub-counts-before-a-failed-phrase", test_dub_counts_before_a_failed_phrase},
        {"/mixer/background-takes-the-voice-and-leaves-the-rest",
         test_background_takes_the_voice_and_leaves_the_rest},
        {"/mixer/background-of-a-mono-original-is-ducked", test_background_of_a_mono_original_is_ducked},
        {"/mixer/stereo-is-remembered", test_stereo_is_remembered},
        {"/mixer/gains-change-as-ramps", test_gains_change_as_ramps},
        {"/mixer/background-leaves-with-the-attack", test_background_leaves_with_the_attack},
        {"/mixer/reset-brings-full-level", test_reset_brings_full_level},
    };
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(tests); i++)
        g_test_add(tests[i].name, struct fixture, NULL, set_up, tests[i].run, tear_down);
    return g_test_run();
}
