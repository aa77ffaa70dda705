/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "m4a.h"
#include "sound_test_support.h"
#include "wav.h"
#include "wire.h"

#include <string.h>

#define M4A DUB_FORMAT_M4A
#define PCM DUB_FORMAT_PCM_S16LE

#define audio_auto __attribute__((cleanup(dub_audio_clear))) struct dub_audio

/* What a client sends: the sweep in this form. */
static struct dub_audio sent(enum dub_audio_format format, int rate_hz, int channels, int duration_ms)
{
    sound_auto sound = test_sweep(rate_hz, channels, (size_t)rate_hz * (size_t)duration_ms / 1000);
    struct dub_audio audio;
    struct dub_error error;
    if (!wire_encode(&sound, format, rate_hz, channels, &audio, &error))
        g_error("%s", error.message);
    return audio;
}

static void assert_form(const struct dub_audio *audio, enum dub_audio_format format, int rate_hz,
                        int channels, int duration_ms)
{
    g_assert_cmpint(audio->format, ==, format);
    g_assert_cmpint(audio->sample_rate_hz, ==, rate_hz);
    g_assert_cmpint(audio->channels, ==, channels);
    g_assert_cmpint((int)audio->duration_ms, ==, duration_ms);
}

static void convert(const struct dub_audio *from, enum dub_audio_format format, int rate_hz, int channels,
                    struct dub_audio *to)
{
    struct dub_error error;
    if (!wire_convert(from, format, rate_hz, channels, to, &error))
        g_error("%s", error.message);
}

static void test_every_form_becomes_every_other(void)
{
    static const int rates_hz[] = {8000, 16000, 22050, 24000, 44100, 48000, 96000};
    for (gsize i = 0; i < G_N_ELEMENTS(rates_hz) * 4; i++) {
        audio_auto from = sent(i % 2 ? M4A : PCM, rates_hz[i / 4], 1 + i / 2 % 2, 500);
        for (int to = 0; to < 8; to++) {
            enum dub_audio_format format = to % 2 ? M4A : PCM;
            int channels = 1 + to / 2 % 2;
            int rate_hz = to < 4 ? 24000 : 44100;
            audio_auto out = {0};
            sound_auto heard = {0};
            convert(&from, format, rate_hz, channels, &out);
            assert_form(&out, format, rate_hz, channels, 500);
            g_assert_true(wire_decode(&out, &heard, NULL));
            g_assert_cmpuint(heard.frames, ==, (size_t)rate_hz / 2);
            if (from.channels != channels)
                continue;
            sound_auto original = test_sweep(rate_hz, channels, (size_t)rate_hz / 2);
            g_assert_cmpfloat(test_likeness_db(&original, &heard), >, 15.0);
        }
    }
}

static void test_channels_keep_apart(void)
{
    sound_auto left = test_sweep(24000, 2, 12000);
    for (size_t i = 0; i < left.frames; i++)
        left.samples[2 * i + 1] = 0;
    audio_auto encoded = {0};
    audio_auto back = {0};
    g_assert_true(wire_encode(&left, M4A, 48000, 2, &encoded, NULL));
    convert(&encoded, PCM, 24000, 2, &back);
    const int16_t *samples = g_bytes_get_data(back.data, NULL);
    double loud[2] = {0};
    for (size_t i = 0; i < left.frames * 2; i++)
        loud[i % 2] += (double)samples[i] * samples[i];
    g_assert_cmpfloat(loud[1], <, loud[0] / 1000);
}

static void test_bytes_pass_where_they_fit(void)
{
    audio_auto pcm = sent(PCM, 24000, 1, 300);
    audio_auto m4a = sent(M4A, 24000, 1, 300);
    audio_auto same_pcm = {0};
    audio_auto same_m4a = {0};
    g_assert_true(wire_passes(&pcm, PCM, 24000, 1));
    g_assert_false(wire_passes(&pcm, PCM, 24000, 2));
    g_assert_false(wire_passes(&pcm, PCM, 16000, 1));
    g_assert_false(wire_passes(&pcm, M4A, 24000, 1));
    /* It might be anything. */
    g_assert_false(wire_passes(&m4a, M4A, 24000, 1));
    convert(&pcm, PCM, 24000, 1, &same_pcm);
    g_assert_true(same_pcm.data == pcm.data);
    convert(&m4a, M4A, 24000, 1, &same_m4a);
    g_assert_true(same_m4a.data == m4a.data);
}

static void test_m4a_describes_itself(void)
{
    audio_auto audio = sent(M4A, 22050, 2, 400);
    audio_auto out = {0};
    pcm_auto speech = {0};
    audio.sample_rate_hz = 48000;
    audio.channels = 1;
    g_assert_true(wire_decode_speech(&audio, &speech, NULL));
    g_assert_cmpint(speech.rate_hz, ==, 22050);
    g_assert_cmpuint(speech.count, ==, 8820);
    convert(&audio, M4A, 22050, 2, &out);
    assert_form(&out, M4A, 22050, 2, 400);
}

static void test_a_rate_that_aac_lacks(void)
{
    audio_auto audio = sent(M4A, 23000, 1, 500);
    assert_form(&audio, M4A, 24000, 1, 500);
    sound_auto sound = {0};
    g_assert_true(wire_decode(&audio, &sound, NULL));
    g_assert_cmpuint(sound.frames, ==, 12000);
}

static void assert_invalid(const struct dub_audio *audio, const char *message)
{
    struct sound sound = {0};
    struct dub_audio out = {0};
    struct dub_error error = {0};
    g_assert_false(wire_decode(audio, &sound, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_INVALID_AUDIO_FORMAT);
    g_assert_cmpint(error.stage, ==, DUB_STAGE_INPUT);
    if (!strstr(error.message, message))
        g_error("\"%s\" is not in \"%s\"", message, error.message);
    g_assert_null(sound.samples);
    g_assert_false(wire_convert(audio, audio->format, audio->sample_rate_hz, audio->channels, &out, &error));
    g_assert_cmpint(error.stage, ==, DUB_STAGE_INPUT);
    g_assert_null(out.data);
    g_assert_false(wire_decode(audio, &sound, NULL));
}

static void test_duration_is_held_against_what_is_decoded(void)
{
    static const struct {
        int64_t said_ms;
        bool fits;
    } cases[] = {{1000, true}, {800, true}, {799, false}, {1200, true}, {1201, false}, {0, false}};
    audio_auto audio = sent(M4A, 24000, 1, 1000);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        sound_auto sound = {0};
        audio.duration_ms = cases[i].said_ms;
        if (cases[i].fits)
            g_assert_true(wire_decode(&audio, &sound, NULL));
        else
            assert_invalid(&audio, "audio.duration_ms");
    }
}

static void test_audio_that_is_not_what_it_says(void)
{
    audio_auto samples = sent(PCM, 24000, 1, 500);
    audio_auto file = sent(M4A, 24000, 1, 500);
    samples.format = M4A;
    assert_invalid(&samples, "ftyp");
    file.format = PCM;
    assert_invalid(&file, "is a MP4 file");
    sound_auto sweep = test_sweep(24000, 1, 12000);
    pcm_auto clip = sound_to_pcm(&sweep);
    audio_auto wav = {
        .format = PCM, .sample_rate_hz = 24000, .channels = 1, .duration_ms = 500, .data = wav_build(&clip)};
    assert_invalid(&wav, "is a WAV file");
    wav.format = M4A;
    assert_invalid(&wav, "ftyp");
}

static void test_what_cannot_be_written_is_said(void)
{
    sound_auto sound = test_sweep(24000, 1, 2400);
    struct dub_audio out = {0};
    struct dub_error error;
    g_assert_false(wire_encode(&sound, PCM, 7000, 1, &out, &error));
    g_assert_cmpint(error.stage, ==, DUB_STAGE_OUTPUT);
    g_assert_false(wire_encode(&sound, M4A, 24000, 3, &out, &error));
    g_assert_cmpint(error.stage, ==, DUB_STAGE_OUTPUT);
    g_assert_false(wire_encode(&sound, PCM, 97000, 1, &out, NULL));
    g_assert_null(out.data);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/wire/every-form-becomes-every-other", test_every_form_becomes_every_other);
    g_test_add_func("/wire/channels-keep-apart", test_channels_keep_apart);
    g_test_add_func("/wire/bytes-pass-where-they-fit", test_bytes_pass_where_they_fit);
    g_test_add_func("/wire/m4a-describes-itself", test_m4a_describes_itself);
    g_test_add_func("/wire/a-rate-that-aac-lacks", test_a_rate_that_aac_lacks);
    g_test_add_func("/wire/duration-is-held-against-what-is-decoded",
                    test_duration_is_held_against_what_is_decoded);
    g_test_add_func("/wire/audio-that-is-not-what-it-says", test_audio_that_is_not_what_it_says);
    g_test_add_func("/wire/what-cannot-be-written-is-said", test_what_cannot_be_written_is_said);
    return g_test_run();
}
