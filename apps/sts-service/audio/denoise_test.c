/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "audio_test_support.h"
#include "denoise.h"

#define RATE_HZ 16000
#define SYLLABLE_MS 250 /* sound and pause take turns */

/* Harmonics of 150 Hz in syllables, as a voice's vowels are. */
static struct pcm syllables(int64_t duration_ms)
{
    struct pcm voice = pcm_silence(RATE_HZ, duration_ms);
    size_t period = RATE_HZ * 2 * SYLLABLE_MS / 1000;
    for (size_t i = 0; i < voice.count; i++) {
        double envelope = fmax(0.0, sin(2.0 * G_PI * (double)(i % period) / (double)period));
        double wave = 0.0;
        for (int harmonic = 1; harmonic <= 10; harmonic++)
            wave += sin(2.0 * G_PI * 150.0 * harmonic * (double)i / RATE_HZ) / harmonic;
        voice.samples[i] = (int16_t)lrint(6000.0 * envelope * wave);
    }
    return voice;
}

static void add_noise(struct pcm *pcm, double amplitude)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(7);
    for (size_t i = 0; i < pcm->count; i++)
        pcm->samples[i] = (int16_t)CLAMP(pcm->samples[i] + g_rand_double_range(rand, -amplitude, amplitude),
                                         INT16_MIN, INT16_MAX);
}

/* Power in dB of the clip's second half where it is a syllable, or where it is a pause. */
static double level_db(const struct pcm *pcm, bool in_pauses)
{
    size_t period = RATE_HZ * 2 * SYLLABLE_MS / 1000;
    double sum = 0.0;
    size_t n = 0;
    for (size_t i = pcm->count / 2; i < pcm->count; i++) {
        double at = (double)(i % period) / (double)period;
        if (in_pauses ? at > 0.6 && at < 0.95 : at > 0.1 && at < 0.4) {
            sum += (double)pcm->samples[i] * pcm->samples[i];
            n++;
        }
    }
    return 10.0 * log10(sum / (double)n + 1e-9);
}

static void test_noise_goes_and_voice_stays(void)
{
    pcm_auto voice = syllables(4000);
    pcm_auto noisy = pcm_copy(&voice);
    add_noise(&noisy, 1500);
    double noise_db = level_db(&noisy, true);
    pcm_denoise(&noisy);
    g_assert_cmpuint(noisy.count, ==, voice.count);
    g_assert_cmpfloat(level_db(&noisy, true), <, noise_db - 10.0);
    assert_close(level_db(&noisy, false), level_db(&voice, false), 2.0);
}

static double correlation(const struct pcm *a, const struct pcm *b, int lag)
{
    double sum = 0.0;
    for (size_t i = 1000; i < a->count - 1000; i++)
        sum += (double)a->samples[i] * b->samples[(size_t)((int64_t)i + lag)];
    return sum;
}

static void test_nothing_moves_in_time(void)
{
    pcm_auto voice = syllables(2000);
    pcm_auto clean = pcm_copy(&voice);
    pcm_denoise(&clean);
    int best = 0;
    for (int lag = -400; lag <= 400; lag++)
        if (correlation(&voice, &clean, lag) > correlation(&voice, &clean, best))
            best = lag;
    g_assert_cmpint(best, ==, 0);
}

static void test_the_first_syllable_gains_too(void)
{
    pcm_auto noisy = pcm_silence(RATE_HZ, 1000);
    add_noise(&noisy, 1500);
    pcm_denoise(&noisy);
    double sum = 0.0;
    for (size_t i = 0; i < RATE_HZ / 10; i++)
        sum += (double)noisy.samples[i] * noisy.samples[i];
    g_assert_cmpfloat(sqrt(sum / (RATE_HZ / 10.0)), <, 1500 / sqrt(3.0) / 2.0);
}

static void test_every_size(void)
{
    static const int rates[] = {8000, 16000, 48000};
    for (size_t r = 0; r < G_N_ELEMENTS(rates); r++)
        for (size_t count = 0; count <= 1000; count += 1 + count / 7) {
            pcm_auto pcm = {.samples = g_new0(int16_t, count + 1), .count = count, .rate_hz = rates[r]};
            pcm_denoise(&pcm);
            g_assert_cmpuint(pcm.count, ==, count);
        }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/denoise/noise-goes-and-voice-stays", test_noise_goes_and_voice_stays);
    g_test_add_func("/denoise/nothing-moves-in-time", test_nothing_moves_in_time);
    g_test_add_func("/denoise/the-first-syllable-gains-too", test_the_first_syllable_gains_too);
    g_test_add_func("/denoise/every-size", test_every_size);
    return g_test_run();
}
