/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test_sounds.h"

#include "sound/resample.h"
#include "sound/samples.h"
#include <dubbing_bytes.h>
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#define FLITE_RATE_HZ 16000
#define WAV_HEADER_BYTES 44
/* Below this, relative to the peak, the ends of a sentence are silence. */
#define SILENCE_PART 0.02f

const char *const test_bed_names[TEST_BED_COUNT] = {
#define X(name, text) text,
    TEST_BEDS(X)
#undef X
};

static double second_of(unsigned i)
{
    return (double)i / DUB_RATE_HZ;
}

static void scale_to(float *samples, unsigned n_samples, double rms_db)
{
    double power = 0;
    for (unsigned i = 0; i < n_samples; i++)
        power += (double)samples[i] * (double)samples[i];
    double gain = pow(10, rms_db / 20) / sqrt(power / n_samples);
    for (unsigned i = 0; i < n_samples; i++)
        samples[i] *= (float)gain;
}

static double noise(GRand *random)
{
    return g_rand_double_range(random, -1, 1);
}

static void add_white(float *out, unsigned n, GRand *random)
{
    for (unsigned i = 0; i < n; i++)
        out[i] += (float)noise(random);
}

/* Paul Kellet's economy filter. */
static void add_pink(float *out, unsigned n, GRand *random)
{
    double b[3] = {0};
    for (unsigned i = 0; i < n; i++) {
        double white = noise(random);
        b[0] = 0.99765 * b[0] + white * 0.0990460;
        b[1] = 0.96300 * b[1] + white * 0.2965164;
        b[2] = 0.57000 * b[2] + white * 1.0526913;
        out[i] += (float)((b[0] + b[1] + b[2] + white * 0.1848) / 4);
    }
}

/* A note with ten partials that decay with their number. */
static double note(double frequency_hz, double t, double brightness)
{
    double sum = 0;
    double weight = 1;
    for (int k = 1; k <= 10; k++) {
        sum += weight * sin(2 * M_PI * frequency_hz * k * t + k);
        weight *= brightness;
    }
    return sum;
}

static double semitones(double base_hz, int steps)
{
    return base_hz * pow(2, steps / 12.0);
}

static void add_pad(float *out, unsigned n)
{
    static const int chords[4][3] = {{0, 4, 7}, {5, 9, 12}, {7, 11, 14}, {-3, 0, 4}};
    for (unsigned i = 0; i < n; i++) {
        double t = second_of(i);
        const int *chord = chords[(int)(t / 2) % 4];
        double age = fmod(t, 2);
        double envelope = fmin(age / 0.15, 1) * fmin((2 - age) / 0.15, 1) * (1 + 0.2 * sin(2 * M_PI * 4 * t));
        for (int k = 0; k < 3; k++)
            out[i] += (float)(envelope * note(semitones(220, chord[k]), t, 0.6) / 4);
    }
}

static void add_arpeggio(float *out, unsigned n)
{
    static const int steps[8] = {0, 4, 7, 12, 16, 12, 7, 4};
    for (unsigned i = 0; i < n; i++) {
        double t = second_of(i);
        double age = fmod(t, 0.25);
        double envelope = fmin(age / 0.005, 1) * exp(-age * 9);
        out[i] += (float)(envelope * note(semitones(262, steps[(int)(t / 0.25) % 8]), t, 0.65) / 2);
    }
}

static void add_melody(float *out, unsigned n)
{
    static const int steps[6] = {0, 2, 4, 7, 5, 2};
    double phase = 0;
    for (unsigned i = 0; i < n; i++) {
        double t = second_of(i);
        double age = fmod(t, 0.45);
        double envelope = fmin(age / 0.03, 1) * fmin((0.45 - age) / 0.05, 1);
        double hz = semitones(330, steps[(int)(t / 0.45) % 6]) * (1 + 0.015 * sin(2 * M_PI * 5.5 * t));
        phase += hz / DUB_RATE_HZ;
        out[i] += (float)(envelope * note(1, phase, 0.6) / 2);
    }
}

static void add_drums(float *out, unsigned n, GRand *random)
{
    for (unsigned i = 0; i < n; i++) {
        double t = second_of(i);
        double kick_age = fmod(t, 0.5);
        double hat_age = fmod(t + 0.25, 0.5);
        double snare_age = fmod(t + 0.5, 1.0);
        out[i] += (float)(exp(-kick_age * 18) * sin(2 * M_PI * 60 * kick_age));
        out[i] += (float)(0.2 * exp(-hat_age * 60) * noise(random));
        out[i] += (float)(0.5 * exp(-snare_age * 22) * (noise(random) + sin(2 * M_PI * 190 * snare_age)) / 2);
    }
}

static void add_crowd(float *out, unsigned n, GRand *random)
{
    double level = 1;
    for (unsigned i = 0; i < n; i++) {
        if (i % 2400 == 0)
            level = g_rand_double_range(random, 0.7, 1.3);
        out[i] += (float)(level * noise(random));
    }
}

float *test_bed_new(enum test_bed bed, double rms_db, unsigned n_samples)
{
    float *out = g_new0(float, n_samples);
    GRand *random = g_rand_new_with_seed(7);
    if (bed == TEST_BED_WHITE)
        add_white(out, n_samples, random);
    if (bed == TEST_BED_PINK)
        add_pink(out, n_samples, random);
    if (bed == TEST_BED_HUM)
        for (unsigned i = 0; i < n_samples; i++)
            out[i] = (float)note(50, second_of(i), 0.8);
    if (bed == TEST_BED_PAD || bed == TEST_BED_BAND)
        add_pad(out, n_samples);
    if (bed == TEST_BED_ARPEGGIO || bed == TEST_BED_BAND)
        add_arpeggio(out, n_samples);
    if (bed == TEST_BED_MELODY)
        add_melody(out, n_samples);
    if (bed == TEST_BED_DRUMS || bed == TEST_BED_BAND)
        add_drums(out, n_samples, random);
    if (bed == TEST_BED_CROWD)
        add_crowd(out, n_samples, random);
    g_rand_free(random);
    scale_to(out, n_samples, rms_db);
    return out;
}

#define HARMONICS 32
#define WEIGHTS_EVERY 240

/* Four syllables a second: 1 in the middle of a vowel, 0 between two. */
static double vowel(double t)
{
    return 0.5 + 0.5 * sin(2 * M_PI * 4 * t);
}

/* A hiss around 4 kHz between the vowels, of tones that have nothing in common. */
static double consonant(double t)
{
    double loudness = fmax(0.15 - vowel(t), 0);
    double sum = 0;
    for (int k = 0; loudness > 0 && k < 24; k++)
        sum += sin(2 * M_PI * 2500 * pow(2.4, k / 23.0) * t + k * k);
    return loudness * sum / 6;
}

/* Three formants on their ways. */
static void set_weights(double weights[HARMONICS], double pitch_hz, double t)
{
    const double formants_hz[3] = {500 + 250 * sin(2 * M_PI * 3.1 * t),
                                   1500 + 600 * sin(2 * M_PI * 2.3 * t + 1),
                                   2700 + 300 * sin(2 * M_PI * 1.7 * t)};
    double loudness = vowel(t) * vowel(t);
    for (int k = 0; k < HARMONICS; k++) {
        weights[k] = 0;
        for (int i = 0; i < 3; i++)
            weights[k] += exp(-pow((pitch_hz * (k + 1) - formants_hz[i]) / 150, 2)) / (i + 1);
        weights[k] *= loudness;
    }
}

float *test_voice_new(double rms_db, unsigned n_samples)
{
    float *out = g_new0(float, n_samples);
    double weights[HARMONICS];
    double phase = 0;
    for (unsigned i = 0; i < n_samples; i++) {
        double t = second_of(i);
        double pitch_hz = 130 * pow(2, 0.2 * sin(2 * M_PI * 0.7 * t));
        if (i % WEIGHTS_EVERY == 0)
            set_weights(weights, pitch_hz, t);
        phase += pitch_hz / DUB_RATE_HZ;
        double sum = 0;
        for (int k = 0; k < HARMONICS; k++)
            sum += weights[k] * sin(2 * M_PI * (k + 1) * phase);
        out[i] = (float)(sum + consonant(t));
    }
    scale_to(out, n_samples, rms_db);
    return out;
}

bool test_speech_available(void)
{
    g_autofree char *path = g_find_program_in_path("flite");
    return path != NULL;
}

static float *trimmed(const float *samples, unsigned n_samples, unsigned *n_result)
{
    float peak = 0;
    for (unsigned i = 0; i < n_samples; i++)
        peak = fmaxf(peak, fabsf(samples[i]));
    unsigned from = 0;
    unsigned to = n_samples;
    while (from < to && fabsf(samples[from]) < peak * SILENCE_PART)
        from++;
    while (to > from && fabsf(samples[to - 1]) < peak * SILENCE_PART)
        to--;
    *n_result = to - from;
    return g_memdup2(samples + from, (to - from) * sizeof(float));
}

float *test_speech_new(const char *text, const char *voice, double rms_db, unsigned *n_samples)
{
    g_autofree char *path = NULL;
    g_autofree char *data = NULL;
    gsize size = 0;
    int fd = g_file_open_tmp("speech-XXXXXX.wav", &path, NULL);
    g_assert_cmpint(fd, >=, 0);
    close(fd);
    const char *argv[] = {"flite", "-voice", voice, "-t", text, "-o", path, NULL};
    int status = -1;
    g_assert_true(
        g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, &status, NULL));
    g_assert_cmpint(status, ==, 0);
    g_assert_true(g_file_get_contents(path, &data, &size, NULL));
    g_unlink(path);
    g_assert_cmpuint(size, >, WAV_HEADER_BYTES);

    struct dub_reader reader = dub_reader_on(data, size);
    dub_reader_skip(&reader, 24);
    unsigned rate_hz = dub_read_le32(&reader);
    dub_reader_skip(&reader, WAV_HEADER_BYTES - 28);
    unsigned n_in = (unsigned)((size - WAV_HEADER_BYTES) / 2);
    float *in = g_new(float, n_in);
    for (unsigned i = 0; i < n_in; i++)
        in[i] = (float)(int16_t)dub_read_le16(&reader) / 32768;
    unsigned n_wide;
    float *wide = dub_resample(in, n_in, rate_hz, DUB_RATE_HZ, &n_wide);
    g_free(in);
    float *result = trimmed(wide, n_wide, n_samples);
    g_free(wide);
    scale_to(result, *n_samples, rms_db);
    return result;
}
