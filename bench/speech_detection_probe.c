/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the detector and the fragmenter make of a sound, for bench/speech_detection.py.
 *
 * Reads S16LE stereo at 48 kHz from its input and prints lines: "hops" and a 0 or 1 per 10 ms, then per
 * fragment "fragment", its start, its end and when it was found complete, in ms; last "ns_per_hop" and the
 * processor time of a hop. */
#include "sound/samples.h"
#include "speech/vad.h"

#include <stdio.h>
#include <time.h>

struct probe {
    struct dub_vad vad;
    struct dub_fragmenter fragmenter;
    GString *hops;
    GString *fragments;
    uint64_t n_hops;
};

static void note_fragment(struct probe *probe, const struct dub_fragment_span *span)
{
    g_string_append_printf(
        probe->fragments, "fragment %" G_GINT64_FORMAT " %" G_GINT64_FORMAT " %" G_GINT64_FORMAT "\n",
        dub_samples_to_ms(span->start), dub_samples_to_ms(span->end), (int64_t)(probe->n_hops * 10));
}

static void on_hop(struct probe *probe, const int16_t *samples)
{
    struct dub_fragmenter_hop hop;
    struct dub_fragment_span span;
    dub_vad_hop(&probe->vad, samples, &hop);
    probe->n_hops++;
    g_string_append_c(probe->hops, hop.speech ? '1' : '0');
    if (dub_fragmenter_hop(&probe->fragmenter, &hop, &span))
        note_fragment(probe, &span);
}

static void run(struct probe *probe, const int16_t *samples, gsize n_hops)
{
    struct dub_fragment_span span;
    for (gsize i = 0; i < n_hops; i++)
        on_hop(probe, samples + i * DUB_BLOCK_SAMPLES * DUB_CHANNELS);
    if (dub_fragmenter_end(&probe->fragmenter, &span))
        note_fragment(probe, &span);
}

/* The processor's time: others may be at work. */
static int64_t spent_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * G_USEC_PER_SEC * 1000 + now.tv_nsec;
}

static GByteArray *read_all(FILE *file)
{
    GByteArray *bytes = g_byte_array_new();
    guint8 piece[65536];
    size_t n;
    while ((n = fread(piece, 1, sizeof(piece), file)) > 0)
        g_byte_array_append(bytes, piece, (guint)n);
    return bytes;
}

int main(void)
{
    g_autoptr(GByteArray) sound = read_all(stdin);
    gsize n_hops = sound->len / (DUB_BLOCK_SAMPLES * DUB_CHANNELS * sizeof(int16_t));
    struct probe probe = {.hops = g_string_new("hops "), .fragments = g_string_new(NULL)};
    dub_vad_init(&probe.vad);
    dub_fragmenter_init(&probe.fragmenter, DUB_FRAGMENTER_VAD, 0);
    int64_t start_ns = spent_ns();
    run(&probe, (const int16_t *)(const void *)sound->data, n_hops);
    int64_t cost_ns = spent_ns() - start_ns;
    printf("%s\n%sns_per_hop %.0f\n", probe.hops->str, probe.fragments->str,
           (double)cost_ns / (double)MAX(n_hops, 1));
    g_string_free(probe.hops, TRUE);
    g_string_free(probe.fragments, TRUE);
    return 0;
}
