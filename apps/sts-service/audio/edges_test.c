/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "audio_test_support.h"
#include "edges.h"

/* before_ms of silence, a 440 Hz tone of tone_ms, after_ms of silence, at 16 kHz. */
static struct pcm padded_tone(int64_t before_ms, int64_t tone_ms, int64_t after_ms)
{
    struct pcm clip = pcm_silence(16000, before_ms + tone_ms + after_ms);
    pcm_auto tone = test_tone(16000, tone_ms, 440.0, 0.5);
    memcpy(clip.samples + before_ms * 16, tone.samples, tone.count * sizeof(int16_t));
    return clip;
}

static void test_trim_keeps_the_sound(void)
{
    pcm_auto clip = padded_tone(300, 200, 500);
    edges_trim(&clip, 0);
    g_assert_cmpint(pcm_duration_ms(&clip), >=, 199);
    g_assert_cmpint(pcm_duration_ms(&clip), <=, 200);
    /* The tone's own first sample is zero, so it went with the silence. */
    pcm_auto tone = test_tone(16000, 200, 440.0, 0.5);
    for (size_t i = 0; i < clip.count; i++)
        g_assert_cmpint(clip.samples[i], ==, tone.samples[i + 1]);
}

static void test_trim_keeps_a_margin(void)
{
    pcm_auto clip = padded_tone(300, 200, 500);
    edges_trim(&clip, 20);
    assert_close((double)pcm_duration_ms(&clip), 240.0, 1.0);
    pcm_auto tight = padded_tone(5, 200, 5);
    edges_trim(&tight, 20);
    g_assert_cmpint(pcm_duration_ms(&tight), ==, 210);
}

static void test_trim_of_silence_is_empty(void)
{
    pcm_auto silence = pcm_silence(16000, 100);
    edges_trim(&silence, 20);
    g_assert_cmpuint(silence.count, ==, 0);
    struct pcm empty = {.rate_hz = 16000};
    edges_trim(&empty, 20);
    edges_fade(&empty, 5);
    g_assert_cmpuint(empty.count, ==, 0);
}

static void test_fade_leaves_no_step_at_the_ends(void)
{
    pcm_auto clip = pcm_silence(16000, 100);
    for (size_t i = 0; i < clip.count; i++)
        clip.samples[i] = 20000;
    edges_fade(&clip, 5);
    g_assert_cmpint(clip.samples[0], ==, 0);
    g_assert_cmpint(clip.samples[clip.count - 1], ==, 0);
    g_assert_cmpint(clip.samples[clip.count / 2], ==, 20000);
    g_assert_cmpint(test_largest_step(&clip), <, 500);
}

static void test_fade_of_a_short_clip(void)
{
    pcm_auto clip = pcm_silence(16000, 1);
    for (size_t i = 0; i < clip.count; i++)
        clip.samples[i] = 1000;
    edges_fade(&clip, 5);
    g_assert_cmpint(clip.samples[0], ==, 0);
    g_assert_cmpint(clip.samples[clip.count - 1], ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/edges/trim-keeps-the-sound", test_trim_keeps_the_sound);
    g_test_add_func("/edges/trim-keeps-a-margin", test_trim_keeps_a_margin);
    g_test_add_func("/edges/trim-of-silence-is-empty", test_trim_of_silence_is_empty);
    g_test_add_func("/edges/fade-leaves-no-step-at-the-ends", test_fade_leaves_no_step_at_the_ends);
    g_test_add_func("/edges/fade-of-a-short-clip", test_fade_of_a_short_clip);
    return g_test_run();
}
