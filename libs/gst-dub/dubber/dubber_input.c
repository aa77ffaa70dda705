/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sound on its way in: its place on the timeline, the ring, the detector. */
#include "dubber_private.h"

static void detect(struct dub_dubber *dubber, const int16_t *samples, struct dub_fragmenter_hop *hop)
{
    if (dubber->config.detector != NULL)
        dubber->config.detector(dubber->config.detector_user, samples, hop);
    else
        dub_vad_hop(&dubber->vad, samples, hop);
}

void dub_dubber_listen(struct dub_dubber *dubber, int64_t until)
{
    if (!dubber->config.find_phrases) {
        dubber->heard = until;
        return;
    }
    int16_t samples[DUB_BLOCK_SAMPLES * DUB_CHANNELS];
    for (; dubber->heard + DUB_BLOCK_SAMPLES <= until; dubber->heard += DUB_BLOCK_SAMPLES) {
        struct dub_fragmenter_hop hop;
        struct dub_fragment_span span;
        dub_pcm_ring_read(&dubber->ring, dubber->heard, samples, DUB_BLOCK_SAMPLES);
        detect(dubber, samples, &hop);
        if (dub_fragmenter_hop(&dubber->fragmenter, &hop, &span))
            dub_dubber_open_phrase(dubber, &span);
    }
}

bool dub_dubber_fits(const struct dub_dubber *dubber, int64_t end_ns)
{
    if (!dubber->timeline.started)
        return true;
    /* The slew may add a little. */
    return dub_pcm_ring_fits(&dubber->ring,
                             dub_timeline_position(&dubber->timeline, end_ns) + DUB_BLOCK_SAMPLES * 4);
}

/* What was mixed already cannot be filled in any more. samples NULL: silence. */
static void store(struct dub_dubber *dubber, int64_t position, const int16_t *samples, unsigned n_samples)
{
    unsigned late = (unsigned)CLAMP(dubber->mixed - position, 0, (int64_t)n_samples);
    dubber->stats.late_samples += late;
    if (late == n_samples)
        return;
    if (samples == NULL)
        dub_pcm_ring_gap(&dubber->ring, position + late, n_samples - late);
    else
        dub_pcm_ring_write(&dubber->ring, position + late, samples + (gsize)late * DUB_CHANNELS,
                           n_samples - late);
}

/* Spreads the samples to be added or removed over the whole buffer. */
static void store_stretched(struct dub_dubber *dubber, int64_t position, const int16_t *samples,
                            unsigned n_samples, int stretch_samples)
{
    unsigned n_out = (unsigned)((int)n_samples + stretch_samples);
    g_autofree int16_t *stretched = samples != NULL ? g_new(int16_t, (gsize)n_out * DUB_CHANNELS) : NULL;
    if (samples != NULL)
        dub_slew(samples, n_samples, stretched, n_out);
    store(dubber, position, stretched, n_out);
}

/* samples NULL: silence. */
static int64_t take_in(struct dub_dubber *dubber, int64_t pts_ns, const int16_t *samples, unsigned n_samples,
                       bool discontinuity)
{
    dubber->fed_at = dubber->mixed;
    struct dub_timeline_step step = dub_timeline_place(&dubber->timeline, pts_ns, n_samples, discontinuity);
    int64_t late = dubber->mixed - step.position;
    unsigned n_left = n_samples - step.skip_samples;
    if (samples != NULL)
        samples += (gsize)step.skip_samples * DUB_CHANNELS;
    if (step.stretch_samples == 0)
        store(dubber, step.position, samples, n_left);
    else
        store_stretched(dubber, step.position, samples, n_left, step.stretch_samples);
    dub_dubber_listen(dubber, dubber->ring.end);
    return dub_samples_to_ns(late);
}

int64_t dub_dubber_write(struct dub_dubber *dubber, int64_t pts_ns, const int16_t *samples,
                         unsigned n_samples, bool discontinuity)
{
    return take_in(dubber, pts_ns, samples, n_samples, discontinuity);
}

void dub_dubber_gap(struct dub_dubber *dubber, int64_t pts_ns, int64_t duration_ns)
{
    int64_t left = dub_ns_to_samples(duration_ns);
    if (left > 0)
        take_in(dubber, pts_ns, NULL, (unsigned)left, false);
}

int64_t dub_dubber_input_ns(const struct dub_dubber *dubber)
{
    return dub_timeline_time_ns(&dubber->timeline, dubber->timeline.next);
}

void dub_dubber_break(struct dub_dubber *dubber)
{
    struct dub_fragment_span span;
    if (dubber->config.find_phrases && !dubber->ended && dub_fragmenter_end(&dubber->fragmenter, &span))
        dub_dubber_open_phrase(dubber, &span);
}

void dub_dubber_end(struct dub_dubber *dubber)
{
    dub_dubber_break(dubber);
    dubber->ended = true;
}
