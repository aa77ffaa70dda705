/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mixer.h"

#include "samples.h"

/* How fast the mixer forgets whether the original was stereo: 30 s. */
#define MEMORY_SAMPLES (30.0 * DUB_RATE_HZ)
/* Sides against middle, as energy: -40 dB make a mono original, -36 dB a stereo one. */
#define MONO_BELOW 1e-4
#define STEREO_ABOVE 2.5e-4

struct mixer_region {
    int64_t bed_start; /* where the bed begins to move */
    int64_t start, end;
    float *dub; /* owned, end - start samples; NULL: a failed phrase */
};

struct bed_gains {
    float dry, wet;
};

static void clear_region(gpointer data)
{
    struct mixer_region *region = data;
    g_free(region->dub);
}

static struct mixer_region *region_at(const struct dub_mixer *mixer, guint i)
{
    return &g_array_index(mixer->regions, struct mixer_region, i);
}

void dub_mixer_init(struct dub_mixer *mixer, dub_background_reader read, void *user)
{
    *mixer = (struct dub_mixer){.mix = {.under_dub = DUB_BED_DUCKED,
                                        .under_failed = DUB_BED_FULL,
                                        .duck_gain = DUB_MIXER_DUCK_GAIN,
                                        .dub_gain = 1}};
    mixer->regions = g_array_new(FALSE, FALSE, sizeof(struct mixer_region));
    g_array_set_clear_func(mixer->regions, clear_region);
    dub_background_init(&mixer->background, read, user);
    dub_mixer_reset(mixer);
}

void dub_mixer_clear(struct dub_mixer *mixer)
{
    g_clear_pointer(&mixer->regions, g_array_unref);
    dub_background_clear(&mixer->background);
}

static struct dub_mixer_ramp at_rest(float value)
{
    return (struct dub_mixer_ramp){.value = value, .target = value};
}

void dub_mixer_reset(struct dub_mixer *mixer)
{
    g_array_set_size(mixer->regions, 0);
    mixer->dry = at_rest(1);
    mixer->wet = at_rest(0);
    mixer->dub = at_rest(mixer->mix.bypass ? 0 : mixer->mix.dub_gain);
    dub_background_reset(&mixer->background);
    mixer->middle = mixer->sides = 0;
    mixer->mono = true;
}

/* The bed stays down from the end of a region that ends shortly before this one. */
static int64_t bed_start_for(const struct dub_mixer *mixer, int64_t start)
{
    int64_t bed_start = start - DUB_MIXER_ATTACK_SAMPLES;
    for (guint i = 0; i < mixer->regions->len; i++) {
        int64_t end = region_at(mixer, i)->end;
        if (end <= start && start - end <= DUB_MIXER_HOLD_SAMPLES)
            bed_start = MIN(bed_start, end);
    }
    return bed_start;
}

void dub_mixer_add_dub(struct dub_mixer *mixer, int64_t start, float *take_samples, int64_t n_samples)
{
    struct mixer_region region = {.bed_start = bed_start_for(mixer, start),
                                  .start = start,
                                  .end = start + n_samples,
                                  .dub = take_samples};
    g_array_append_val(mixer->regions, region);
}

void dub_mixer_add_failed(struct dub_mixer *mixer, int64_t start, int64_t end)
{
    struct mixer_region region = {.bed_start = bed_start_for(mixer, start), .start = start, .end = end};
    g_array_append_val(mixer->regions, region);
}

int64_t dub_mixer_dub_end(const struct dub_mixer *mixer)
{
    int64_t end = 0;
    for (guint i = 0; i < mixer->regions->len; i++) {
        if (region_at(mixer, i)->dub != NULL)
            end = MAX(end, region_at(mixer, i)->end);
    }
    return end;
}

/* What the bed should be at `position`, and until where that holds. A dub counts before a failed phrase. */
static enum dub_bed bed_at(const struct dub_mixer *mixer, int64_t position, int64_t *until)
{
    enum dub_bed bed = DUB_BED_FULL;
    bool under_dub = false;
    for (guint i = 0; i < mixer->regions->len; i++) {
        const struct mixer_region *region = region_at(mixer, i);
        if (position >= region->end)
            continue;
        if (position < region->bed_start) {
            *until = MIN(*until, region->bed_start);
            continue;
        }
        *until = MIN(*until, region->end);
        under_dub = under_dub || region->dub != NULL;
        bed = under_dub ? mixer->mix.under_dub : mixer->mix.under_failed;
    }
    return mixer->mix.bypass ? DUB_BED_FULL : bed;
}

/* A ramp that is on its way there already is made steeper, never flatter. */
static void aim(struct dub_mixer_ramp *ramp, float target, unsigned n_steps)
{
    if (ramp->target == target && ramp->left <= n_steps)
        return;
    ramp->target = target;
    ramp->left = n_steps;
    ramp->step = (target - ramp->value) / (float)n_steps;
}

static float advance(struct dub_mixer_ramp *ramp)
{
    if (ramp->left == 0)
        return ramp->value;
    ramp->left--;
    ramp->value = ramp->left == 0 ? ramp->target : ramp->value + ramp->step;
    return ramp->value;
}

static struct bed_gains gains_of(const struct dub_mixer *mixer, enum dub_bed bed)
{
    if (bed == DUB_BED_BACKGROUND && mixer->mono)
        bed = DUB_BED_DUCKED;
    switch (bed) {
    case DUB_BED_FULL:
        return (struct bed_gains){.dry = 1};
    case DUB_BED_DUCKED:
        return (struct bed_gains){.dry = mixer->mix.duck_gain};
    case DUB_BED_BACKGROUND:
        return (struct bed_gains){.wet = 1};
    case DUB_BED_SILENT:
        break;
    }
    return (struct bed_gains){0};
}

static void aim_at_bed(struct dub_mixer *mixer, enum dub_bed bed)
{
    struct bed_gains gains = gains_of(mixer, bed);
    bool leaving = gains.dry > mixer->dry.value;
    unsigned n_steps = leaving ? DUB_MIXER_RELEASE_SAMPLES : DUB_MIXER_ATTACK_SAMPLES;
    aim(&mixer->dry, gains.dry, n_steps);
    aim(&mixer->wet, gains.wet, n_steps);
}

static void watch_sides(struct dub_mixer *mixer, const int16_t *original, unsigned n_samples)
{
    double middle = 0;
    double sides = 0;
    for (unsigned i = 0; i < n_samples; i++) {
        float sum = (float)(original[2 * i] + original[2 * i + 1]);
        float difference = (float)(original[2 * i] - original[2 * i + 1]);
        middle += (double)(sum * sum);
        sides += (double)(difference * difference);
    }
    double kept = 1 - n_samples / MEMORY_SAMPLES;
    mixer->middle = mixer->middle * kept + middle;
    mixer->sides = mixer->sides * kept + sides;
    double limit = mixer->mono ? STEREO_ABOVE : MONO_BELOW;
    mixer->mono = mixer->sides <= limit * mixer->middle;
}

static void mix_dry(struct dub_mixer *mixer, const int16_t *original, float *out, unsigned n_samples)
{
    const float scale = 1.0f / 32768;
    if (mixer->dry.left == 0) {
        float gain = mixer->dry.value * scale;
        for (unsigned i = 0; i < n_samples * DUB_CHANNELS; i++)
            out[i] = original[i] * gain;
        return;
    }
    for (unsigned i = 0; i < n_samples; i++) {
        float gain = advance(&mixer->dry) * scale;
        out[2 * i] = original[2 * i] * gain;
        out[2 * i + 1] = original[2 * i + 1] * gain;
    }
}

static bool wet_is_silent(const struct dub_mixer *mixer)
{
    return mixer->wet.left == 0 && mixer->wet.value <= 0;
}

/* Adds the original without what is in the middle. */
static void mix_wet(struct dub_mixer *mixer, int64_t position, const int16_t *original, float *out,
                    unsigned n_samples)
{
    const float scale = 1.0f / 32768;
    if (wet_is_silent(mixer)) {
        dub_background_reset(&mixer->background);
        return;
    }
    float centre[DUB_BLOCK_SAMPLES];
    dub_background_centre(&mixer->background, position, centre, n_samples);
    for (unsigned i = 0; i < n_samples; i++) {
        float gain = advance(&mixer->wet);
        out[2 * i] += gain * (original[2 * i] * scale - centre[i]);
        out[2 * i + 1] += gain * (original[2 * i + 1] * scale - centre[i]);
    }
}

static void mix_bed(struct dub_mixer *mixer, int64_t position, const int16_t *original, float *out,
                    unsigned n_samples)
{
    int64_t end = position + n_samples;
    watch_sides(mixer, original, n_samples);
    for (int64_t at = position; at < end;) {
        int64_t until = end;
        aim_at_bed(mixer, bed_at(mixer, at, &until));
        gsize offset = (gsize)(at - position) * DUB_CHANNELS;
        unsigned n = (unsigned)(until - at);
        mix_dry(mixer, original + offset, out + offset, n);
        mix_wet(mixer, at, original + offset, out + offset, n);
        at = until;
    }
}

static void add_clip(const struct mixer_region *region, int64_t position, float *dub, unsigned n_samples)
{
    int64_t from = MAX(region->start, position);
    int64_t to = MIN(region->end, position + n_samples);
    for (int64_t at = from; at < to; at++)
        dub[at - position] += region->dub[at - region->start];
}

static void mix_dub(struct dub_mixer *mixer, int64_t position, float *out, unsigned n_samples)
{
    float dub[DUB_BLOCK_SAMPLES] = {0};
    for (guint i = 0; i < mixer->regions->len; i++) {
        if (region_at(mixer, i)->dub != NULL)
            add_clip(region_at(mixer, i), position, dub, n_samples);
    }
    for (unsigned i = 0; i < n_samples; i++) {
        float value = dub[i] * advance(&mixer->dub);
        out[2 * i] += value;
        out[2 * i + 1] += value;
    }
}

static void drop_past_regions(struct dub_mixer *mixer, int64_t position)
{
    for (guint i = mixer->regions->len; i > 0; i--) {
        if (region_at(mixer, i - 1)->end + DUB_MIXER_HOLD_SAMPLES < position)
            g_array_remove_index(mixer->regions, i - 1);
    }
}

void dub_mixer_run(struct dub_mixer *mixer, int64_t position, const int16_t *original, float *out,
                   unsigned n_samples)
{
    mix_bed(mixer, position, original, out, n_samples);
    aim(&mixer->dub, mixer->mix.bypass ? 0 : mixer->mix.dub_gain, DUB_MIXER_ATTACK_SAMPLES);
    mix_dub(mixer, position, out, n_samples);
    drop_past_regions(mixer, position + n_samples);
}
