/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The machine as a whole, under thousands of random schedules: whatever the input, the network and the
 * service do, the output has no gap and no step, the delay is exact, the lag is bounded, clips never overlap,
 * and every phrase ends in exactly one state.
 *
 * The input's left channel is a constant, so that any step is a fault; its right channel tells the detector
 * where speech is. Each clip is a constant of its own with soft edges, so that it can be recognised in the
 * output. */
#include "dubber.h"

#include "samples.h"
#include <math.h>

#define S INT64_C(1000000000)
#define MS INT64_C(1000000)
#define BLOCK_NS (10 * MS)
#define LEVEL 8000
#define SPEECH_MARK 1000
/* Of the fade at a hole's edge, which is the steepest of all ramps. */
#define STEEPEST (LEVEL / 120 + 20)
#define MAX_PHRASES 64
#define MAX_SECONDS 90
#define CLIP_FADE 480

static unsigned seed;
#define CHECK(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition))                                                                                    \
            g_error("schedule with seed %u: %s is not true (line %d)", seed, #condition, __LINE__);          \
    } while (0)

struct answer {
    int64_t due_ns; /* INT64_MAX: never */
    int64_t source_ns;
    bool dubbed;
    bool given;
    unsigned clip_samples;
    enum dub_phrase_state state;
    int64_t lag_ns;
};

struct world {
    GRand *random;
    struct dub_dubber *dubber;
    int64_t delay_ns, max_lag_ns;
    bool live;
    bool perfect; /* nothing is lost or late */
    int64_t input_ns, input_end_ns;
    int64_t arrival_ns; /* of the next buffer */
    int64_t speech_until_ns;
    bool speaking;
    bool ended;
    struct answer answers[MAX_PHRASES + 1]; /* by id */
    uint64_t found, settled;
    int64_t first_ns; /* time stamp of the first block */
    int16_t *output;  /* the left channel */
    int64_t n_output;
};

static void detector(void *user, const int16_t *samples, struct dub_fragmenter_hop *hop)
{
    /* The last sample: the first ones may belong to the edge of a hole. */
    hop->speech = samples[2 * DUB_BLOCK_SAMPLES - 1] > SPEECH_MARK / 2;
    hop->level_db = hop->speech ? -20 : -60;
    hop->speech_likeness = 1;
    hop->pitch = true;
}

static bool chance(struct world *world, double p)
{
    return g_rand_double(world->random) < p;
}

static int64_t between(struct world *world, int64_t from, int64_t to)
{
    return from + (int64_t)(g_rand_double(world->random) * (double)(to - from));
}

static void set_beds(struct dub_dubber *dubber, enum dub_bed under_dub, enum dub_bed under_failed)
{
    struct dub_mix mix = {.under_dub = under_dub,
                          .under_failed = under_failed,
                          .duck_gain = DUB_MIXER_DUCK_GAIN,
                          .dub_gain = 1};
    dub_dubber_set_mix(dubber, &mix);
}

static void world_init(struct world *world, bool live, bool perfect)
{
    *world = (struct world){.random = g_rand_new_with_seed(seed), .live = live, .perfect = perfect};
    world->delay_ns = between(world, 2000, 5000) * MS;
    world->max_lag_ns = between(world, 0, 2500) * MS;
    world->input_end_ns = between(world, 6, 16) * S;
    world->output = g_new0(int16_t, MAX_SECONDS * DUB_RATE_HZ);
    struct dub_dubber_config config = {
        .live = live,
        .delay_ns = world->delay_ns,
        .max_lag_ns = world->max_lag_ns,
        .find_phrases = true,
        .fragmenter = chance(world, 0.2) ? DUB_FRAGMENTER_FIXED : DUB_FRAGMENTER_VAD,
        .segment_ns = between(world, 1, 4) * S,
        .detector = detector,
    };
    world->dubber = dub_dubber_new(&config);
    /* Not the background, which would carry the steps of the right channel over. */
    static const enum dub_bed fallbacks[] = {DUB_BED_FULL, DUB_BED_DUCKED, DUB_BED_SILENT};
    set_beds(world->dubber, DUB_BED_SILENT,
             perfect ? DUB_BED_FULL : fallbacks[g_rand_int_range(world->random, 0, 3)]);
    dub_dubber_set_rtt(world->dubber, between(world, 100, 2000) * MS);
}

static void world_clear(struct world *world)
{
    dub_dubber_free(world->dubber);
    g_rand_free(world->random);
    g_free(world->output);
}

/* Clips are recognised by their level. */
static float clip_level(uint64_t id)
{
    return 0.02f + 0.002f * (float)id;
}

static float *new_clip(uint64_t id, unsigned n_samples)
{
    float *clip = g_new(float, n_samples);
    for (unsigned i = 0; i < n_samples; i++) {
        unsigned edge = MIN(i, n_samples - 1 - i);
        clip[i] = clip_level(id) * (float)MIN(edge, CLIP_FADE) / CLIP_FADE;
    }
    return clip;
}

static void take_requests(struct world *world, int64_t now_ns)
{
    struct dub_dubber_request request;
    while (dub_dubber_take_request(world->dubber, &request)) {
        world->found++;
        CHECK(request.id == world->found && request.id <= MAX_PHRASES);
        CHECK(request.duration_ns > 0 && request.max_duration_ns >= request.duration_ns);
        CHECK(request.n_samples == dub_ns_to_samples(request.duration_ns));
        struct answer *answer = &world->answers[request.id];
        answer->source_ns = request.start_ns;
        answer->dubbed = chance(world, 0.8);
        answer->due_ns = now_ns + between(world, 50, chance(world, 0.2) ? 7000 : 1500) * MS;
        if (world->live && chance(world, 0.05))
            answer->due_ns = INT64_MAX;
        double part = 0.3 + 1.0 * g_rand_double(world->random);
        answer->clip_samples =
            (unsigned)(part * (double)dub_ns_to_samples(request.max_duration_ns)) + 2 * CLIP_FADE;
        g_free(request.samples);
    }
}

static void give_answers(struct world *world, int64_t now_ns)
{
    static const struct dub_dubber_answer nothing = {0};
    for (uint64_t id = 1; id <= world->found; id++) {
        struct answer *answer = &world->answers[id];
        if (answer->given || answer->due_ns > now_ns)
            continue;
        answer->given = true;
        if (answer->dubbed)
            dub_dubber_clip(world->dubber, id, &nothing, new_clip(id, answer->clip_samples),
                            answer->clip_samples);
        else
            dub_dubber_failed(world->dubber, id, &nothing, "TIMEOUT");
    }
}

static void take_settled(struct world *world)
{
    struct dub_phrase *phrase;
    while ((phrase = dub_ledger_take(dub_dubber_ledger(world->dubber))) != NULL) {
        struct answer *answer = &world->answers[phrase->id];
        CHECK(phrase->seq == ++world->settled);
        CHECK(answer->state == DUB_PHRASE_OPEN && phrase->state != DUB_PHRASE_OPEN);
        CHECK((phrase->state == DUB_PHRASE_DUBBED) == (*phrase->reason == '\0'));
        answer->state = phrase->state;
        answer->lag_ns = phrase->lag_ns;
        dub_phrase_free(phrase);
    }
}

static void fill_buffer(struct world *world, int16_t *samples, unsigned n_samples)
{
    for (unsigned i = 0; i < n_samples; i++) {
        int64_t at_ns = world->input_ns + dub_samples_to_ns(i);
        if (at_ns >= world->speech_until_ns) {
            world->speaking = !world->speaking;
            world->speech_until_ns = at_ns + between(world, 50, world->speaking ? 3500 : 1200) * MS;
        }
        samples[2 * i] = LEVEL;
        samples[2 * i + 1] = world->speaking ? SPEECH_MARK : 0;
    }
}

/* One buffer of 5 to 60 ms; jittered, lost, or held up with all that follow. */
static void write_buffer(struct world *world)
{
    int16_t samples[2 * 2880];
    unsigned n_samples = (unsigned)between(world, 240, 2880);
    bool lost = !world->perfect && chance(world, 0.01);
    int64_t jitter_ns = world->perfect ? 0 : between(world, -2000, 2000) * 1000;
    fill_buffer(world, samples, n_samples);
    if (!lost)
        dub_dubber_write(world->dubber, MAX(world->input_ns + jitter_ns, 0), samples, n_samples,
                         !world->perfect && chance(world, 0.01));
    world->input_ns += dub_samples_to_ns(n_samples);
    world->arrival_ns = MAX(world->arrival_ns, world->input_ns);
    if (!world->perfect && chance(world, 0.002))
        world->arrival_ns += between(world, 100, 6000) * MS;
}

static bool mix(struct world *world)
{
    int16_t block[DUB_BLOCK_SAMPLES * DUB_CHANNELS];
    unsigned n_samples = dub_dubber_mix(world->dubber, block);
    CHECK(n_samples == DUB_BLOCK_SAMPLES || world->ended);
    CHECK(world->n_output + n_samples <= MAX_SECONDS * DUB_RATE_HZ);
    for (unsigned i = 0; i < n_samples; i++)
        world->output[world->n_output++] = block[2 * i];
    take_settled(world);
    return n_samples > 0;
}

static void receive(struct world *world, int64_t now_ns)
{
    while (!world->ended && world->arrival_ns <= now_ns) {
        if (world->input_ns >= world->input_end_ns) {
            dub_dubber_end(world->dubber);
            world->ended = true;
        } else if (dub_dubber_fits(world->dubber, world->input_ns + 70 * MS)) {
            write_buffer(world);
        } else {
            break;
        }
        take_requests(world, now_ns);
    }
}

static void run_live(struct world *world)
{
    bool more = true;
    world->first_ns = -1;
    for (int64_t now_ns = 0; more; now_ns += BLOCK_NS) {
        receive(world, now_ns);
        give_answers(world, now_ns);
        if (!dub_dubber_started(world->dubber))
            continue;
        if (world->first_ns < 0)
            world->first_ns = dub_dubber_next_ns(world->dubber);
        while (more && now_ns >= dub_dubber_next_ns(world->dubber) + world->delay_ns) {
            CHECK(dub_dubber_next_ns(world->dubber) - world->first_ns == dub_samples_to_ns(world->n_output));
            more = mix(world);
        }
        take_requests(world, now_ns);
    }
}

static void run_file(struct world *world)
{
    bool more = true;
    int64_t now_ns = 0;
    int idle = 0;
    world->arrival_ns = 0;
    while (more) {
        int64_t mixed_before = world->n_output;
        now_ns += BLOCK_NS;
        if (!world->ended && world->input_ns < world->input_end_ns &&
            dub_dubber_fits(world->dubber, world->input_ns + 70 * MS))
            write_buffer(world);
        else if (world->input_ns >= world->input_end_ns && !world->ended) {
            dub_dubber_end(world->dubber);
            world->ended = true;
        }
        take_requests(world, now_ns);
        give_answers(world, now_ns);
        while (more && dub_dubber_ready(world->dubber))
            more = mix(world);
        idle = world->n_output > mixed_before ? 0 : idle + 1;
        CHECK(idle < 2000);
    }
}

static void check_no_step(const struct world *world)
{
    for (int64_t i = 1; i < world->n_output; i++) {
        int step = ABS(world->output[i] - world->output[i - 1]);
        if (step > STEEPEST)
            g_printerr("a step of %d at sample %" G_GINT64_FORMAT " of %" G_GINT64_FORMAT ": %d, %d\n", step,
                       i, world->n_output, world->output[i - 1], world->output[i]);
        CHECK(step <= STEEPEST);
    }
}

static int64_t clip_start(const struct world *world, uint64_t id)
{
    return dub_ns_to_samples(world->answers[id].source_ns + world->answers[id].lag_ns - world->first_ns);
}

/* In order, apart, bounded, and really to be heard where the ledger says. */
static void check_clips(const struct world *world)
{
    int64_t busy_until = 0;
    for (uint64_t id = 1; id <= world->found; id++) {
        const struct answer *answer = &world->answers[id];
        CHECK(answer->state != DUB_PHRASE_OPEN);
        if (answer->state != DUB_PHRASE_DUBBED)
            continue;
        CHECK(answer->dubbed && answer->given);
        CHECK(answer->lag_ns >= 0 && answer->lag_ns <= world->max_lag_ns + 21000);
        int64_t start = clip_start(world, id);
        CHECK(start >= busy_until - 1);
        busy_until = start + answer->clip_samples;
        CHECK(busy_until <= world->n_output + 1);
        int64_t middle = start + answer->clip_samples / 2;
        if (answer->clip_samples > 2 * (CLIP_FADE + DUB_MIXER_ATTACK_SAMPLES) + 100)
            CHECK(ABS(world->output[middle] - lrintf(clip_level(id) * 32768)) <= 1);
    }
}

/* With nothing lost, everything away from clips is the original at full level. */
static void check_original(const struct world *world)
{
    bool *touched = g_new0(bool, (gsize)world->n_output);
    for (uint64_t id = 1; id <= world->found; id++) {
        if (world->answers[id].state != DUB_PHRASE_DUBBED)
            continue;
        int64_t start = clip_start(world, id) - DUB_MIXER_HOLD_SAMPLES;
        int64_t end = clip_start(world, id) + world->answers[id].clip_samples + DUB_MIXER_HOLD_SAMPLES;
        for (int64_t i = MAX(start, 0); i < MIN(end, world->n_output); i++)
            touched[i] = true;
    }
    for (int64_t i = 0; i < MIN(world->n_output, dub_ns_to_samples(world->input_ns)); i++)
        CHECK(touched[i] || world->output[i] == LEVEL);
    g_free(touched);
}

static void check(struct world *world)
{
    take_settled(world);
    CHECK(world->settled == world->found);
    CHECK(g_queue_is_empty(&dub_dubber_ledger(world->dubber)->open));
    CHECK(world->n_output >= dub_ns_to_samples(world->input_end_ns - 200 * MS));
    check_no_step(world);
    check_clips(world);
    if (world->perfect)
        check_original(world);
}

static void run_schedule(bool live, bool perfect, unsigned dubbed[DUB_PHRASE_STATES])
{
    struct world world;
    world_init(&world, live, perfect);
    if (live)
        run_live(&world);
    else
        run_file(&world);
    check(&world);
    for (uint64_t id = 1; id <= world.found; id++)
        dubbed[world.answers[id].state]++;
    world_clear(&world);
}

/* DUB_TEST_SCHEDULES: how many of each kind. */
static unsigned n_schedules(void)
{
    const char *wanted = g_getenv("DUB_TEST_SCHEDULES");
    return wanted != NULL ? (unsigned)g_ascii_strtoull(wanted, NULL, 10) : 120;
}

static void run_schedules(unsigned first_seed, bool live, bool perfect)
{
    unsigned states[DUB_PHRASE_STATES] = {0};
    unsigned n = n_schedules();
    for (seed = first_seed; seed < first_seed + n; seed++)
        run_schedule(live, perfect, states);
    g_test_message("dubbed %u, passthrough %u, dropped %u", states[DUB_PHRASE_DUBBED],
                   states[DUB_PHRASE_PASSTHROUGH], states[DUB_PHRASE_DROPPED]);
    /* The schedules must reach all ends. */
    g_assert_cmpuint(states[DUB_PHRASE_DUBBED], >, n);
    g_assert_cmpuint(states[DUB_PHRASE_PASSTHROUGH], >, n / 10);
    g_assert_cmpuint(states[DUB_PHRASE_DROPPED], >, 0);
}

static void test_rough_schedules(void)
{
    run_schedules(1, true, false);
}

static void test_smooth_schedules(void)
{
    run_schedules(100001, true, true);
}

static void test_file_schedules(void)
{
    run_schedules(200001, false, true);
}

static struct dub_dubber *new_live(int64_t delay_ns)
{
    struct dub_dubber_config config = {
        .live = true, .delay_ns = delay_ns, .max_lag_ns = 2 * S, .find_phrases = true, .detector = detector};
    return dub_dubber_new(&config);
}

static void write_speech(struct dub_dubber *dubber, int64_t from_ms, int64_t to_ms, int16_t mark)
{
    int16_t samples[2 * DUB_BLOCK_SAMPLES];
    for (unsigned i = 0; i < DUB_BLOCK_SAMPLES; i++) {
        samples[2 * i] = LEVEL;
        samples[2 * i + 1] = mark;
    }
    for (int64_t ms = from_ms; ms < to_ms; ms += 10)
        dub_dubber_write(dubber, ms * MS, samples, DUB_BLOCK_SAMPLES, false);
}

static void test_reset_settles_and_starts_anew(void)
{
    struct dub_dubber *dubber = new_live(3 * S);
    static const struct dub_dubber_answer nothing = {0};
    struct dub_dubber_request request;
    int16_t block[2 * DUB_BLOCK_SAMPLES];
    write_speech(dubber, 0, 1500, SPEECH_MARK);
    write_speech(dubber, 1500, 2500, 0);
    g_assert_true(dub_dubber_take_request(dubber, &request));
    g_free(request.samples);
    dub_dubber_mix(dubber, block);
    dub_dubber_reset(dubber);
    struct dub_phrase *phrase = dub_ledger_take(dub_dubber_ledger(dubber));
    g_assert_cmpint(phrase->state, ==, DUB_PHRASE_DROPPED);
    g_assert_cmpstr(phrase->reason, ==, DUB_REASON_FLUSHED);
    dub_phrase_free(phrase);
    g_assert_false(dub_dubber_started(dubber));
    g_assert_cmpuint(dub_dubber_mix(dubber, block), ==, 0);
    /* An answer from before is counted and nothing else. */
    dub_dubber_clip(dubber, request.id, &nothing, g_new0(float, 100), 100);
    dub_dubber_failed(dubber, request.id, &nothing, "TIMEOUT");
    dub_dubber_skip(dubber, request.id, "TIMEOUT");
    struct dub_dubber_stats stats;
    dub_dubber_get_stats(dubber, &stats);
    g_assert_cmpuint(stats.late_answers, ==, 3);
    write_speech(dubber, 70000, 70100, 0);
    g_assert_cmpint(dub_dubber_next_ns(dubber), ==, 70 * S);
    g_assert_cmpuint(dub_dubber_mix(dubber, block), ==, DUB_BLOCK_SAMPLES);
    g_assert_cmpint(block[0], ==, LEVEL);
    dub_dubber_free(dubber);
}

static void test_clip_may_borrow_pause_and_lag(void)
{
    struct dub_dubber *dubber = new_live(3 * S);
    struct dub_dubber_request request;
    write_speech(dubber, 0, 500, 0);
    write_speech(dubber, 500, 2000, SPEECH_MARK);
    write_speech(dubber, 2000, 2500, 0);
    g_assert_true(dub_dubber_take_request(dubber, &request));
    g_assert_cmpint(request.start_ns, ==, 350 * MS);
    g_assert_cmpint(request.duration_ns, ==, 1770 * MS);
    /* Half of the 2 s of lag, and the rest of the pause of 300 ms. */
    g_assert_cmpint(request.max_duration_ns, ==, (1770 + 180 + 1000) * MS);
    g_free(request.samples);
    dub_dubber_free(dubber);
}

static void test_skip_leaves_the_original(void)
{
    struct dub_dubber *dubber = new_live(2 * S);
    struct dub_dubber_request request;
    int16_t block[2 * DUB_BLOCK_SAMPLES];
    set_beds(dubber, DUB_BED_DUCKED, DUB_BED_SILENT);
    write_speech(dubber, 0, 1500, SPEECH_MARK);
    write_speech(dubber, 1500, 2000, 0);
    g_assert_true(dub_dubber_take_request(dubber, &request));
    g_free(request.samples);
    dub_dubber_skip(dubber, request.id, DUB_REASON_DISABLED);
    for (int i = 0; i < 150; i++) {
        dub_dubber_mix(dubber, block);
        g_assert_cmpint(block[0], ==, LEVEL);
    }
    dub_dubber_free(dubber);
}

/* Nothing is looked for; a publisher whose clock is fast is followed by the samples, which stay end to end.
 */
static void test_delay_alone_follows_the_clock(void)
{
    struct dub_dubber_config config = {.live = true, .delay_ns = 2 * S};
    struct dub_dubber *dubber = dub_dubber_new(&config);
    struct dub_dubber_stats stats;
    int16_t samples[2 * DUB_BLOCK_SAMPLES];
    for (unsigned i = 0; i < G_N_ELEMENTS(samples); i++)
        samples[i] = LEVEL;
    for (int64_t i = 0; i < 6000; i++) {
        dub_dubber_write(dubber, i * BLOCK_NS + i * 2000, samples, DUB_BLOCK_SAMPLES, false);
        if (i < 100)
            continue;
        int16_t block[2 * DUB_BLOCK_SAMPLES];
        g_assert_cmpuint(dub_dubber_mix(dubber, block), ==, DUB_BLOCK_SAMPLES);
        for (unsigned k = 0; k < G_N_ELEMENTS(block); k++)
            g_assert_cmpint(block[k], ==, LEVEL);
    }
    dub_dubber_get_stats(dubber, &stats);
    g_assert_cmpint(stats.slewed_samples, >, 400);
    g_assert_cmpuint(stats.silence_samples + stats.trimmed_samples + stats.late_samples, ==, 0);
    dub_dubber_end(dubber);
    dub_dubber_end(dubber);
    dub_dubber_free(dubber);
}

/* What is left of a phrase whose clip did not come in time gets the fallback. */
static void test_fallback_after_waiting_in_vain(void)
{
    struct dub_dubber *dubber = new_live(2 * S); /* and 2 s of lag */
    struct dub_dubber_request request;
    int16_t block[2 * DUB_BLOCK_SAMPLES];
    set_beds(dubber, DUB_BED_DUCKED, DUB_BED_SILENT);
    write_speech(dubber, 0, 4000, SPEECH_MARK);
    write_speech(dubber, 4000, 4500, 0);
    g_assert_true(dub_dubber_take_request(dubber, &request));
    g_free(request.samples);
    for (int i = 0; i < 440; i++) {
        dub_dubber_mix(dubber, block);
        if (i < 195 || i > 435)
            g_assert_cmpint(block[0], ==, LEVEL);
        if (i > 210 && i < 410)
            g_assert_cmpint(block[0], ==, 0);
    }
    dub_dubber_free(dubber);
}

static void mix_blocks(struct dub_dubber *dubber, unsigned n)
{
    int16_t block[2 * DUB_BLOCK_SAMPLES];
    for (unsigned i = 0; i < n; i++)
        g_assert_cmpuint(dub_dubber_mix(dubber, block), ==, DUB_BLOCK_SAMPLES);
}

/* Sentences of 1.5 s at 0.5 s and at 2.5 s; bounds of 2 s. */
static void test_clip_is_hurried_where_that_saves_the_next_phrase(void)
{
    struct dub_dubber *dubber = new_live(5 * S);
    static const struct dub_dubber_answer nothing = {0};
    struct dub_dubber_request first;
    struct dub_dubber_request second;
    write_speech(dubber, 0, 500, 0);
    write_speech(dubber, 500, 2000, SPEECH_MARK);
    write_speech(dubber, 2000, 2500, 0);
    write_speech(dubber, 2500, 4000, SPEECH_MARK);
    g_assert_true(dub_dubber_take_request(dubber, &first));
    /* The second one is open, from 2.35 s on: the first may last until 4.35 s. */
    unsigned room = (unsigned)DUB_MS_TO_SAMPLES(4350 - 350);
    g_assert_true(dub_dubber_speed(dubber, first.id, room) == 1);
    double speed = dub_dubber_speed(dubber, first.id, (unsigned)(1.2 * room));
    g_assert_cmpfloat(speed, >, 1.2);
    g_assert_cmpfloat(speed, <=, DUB_DUBBER_MAX_SPEED);
    g_assert_true(dub_dubber_speed(dubber, first.id, (unsigned)(1.3 * room)) == 1);
    write_speech(dubber, 4000, 5000, 0);
    g_assert_true(dub_dubber_take_request(dubber, &second));
    unsigned hurried = (unsigned)(1.2 * room / speed);
    dub_dubber_clip(dubber, first.id, &nothing, new_clip(1, hurried), hurried);
    dub_dubber_clip(dubber, second.id, &nothing, new_clip(2, 48000), 48000);
    mix_blocks(dubber, 480);
    struct dub_phrase *phrase;
    for (int i = 0; i < 2; i++) {
        phrase = dub_ledger_take(dub_dubber_ledger(dubber));
        g_assert_cmpint(phrase->state, ==, DUB_PHRASE_DUBBED);
        g_assert_cmpint(phrase->lag_ns, <=, 2 * S);
        dub_phrase_free(phrase);
    }
    g_free(first.samples);
    g_free(second.samples);
    dub_dubber_free(dubber);
}

/* The sentence is 1.5 s long and not yet over when the input breaks off. */
static void test_break_completes_open_speech(void)
{
    struct dub_dubber *dubber = new_live(3 * S);
    struct dub_dubber_request request;
    write_speech(dubber, 0, 500, 0);
    write_speech(dubber, 500, 2000, SPEECH_MARK);
    g_assert_false(dub_dubber_take_request(dubber, &request));
    dub_dubber_break(dubber);
    g_assert_true(dub_dubber_take_request(dubber, &request));
    g_assert_cmpint(request.start_ns, ==, 350 * MS);
    g_assert_cmpint(request.start_ns + request.duration_ns, ==, 2 * S);
    g_free(request.samples);
    dub_dubber_break(dubber);
    g_assert_false(dub_dubber_take_request(dubber, &request));
    /* What comes back is a sentence of its own. */
    write_speech(dubber, 2500, 4000, SPEECH_MARK);
    write_speech(dubber, 4000, 4500, 0);
    g_assert_true(dub_dubber_take_request(dubber, &request));
    g_assert_cmpint(request.start_ns, ==, 2350 * MS);
    g_free(request.samples);
    dub_dubber_free(dubber);
}

static void test_starved_input_completes_open_speech(void)
{
    struct dub_dubber *dubber = new_live(3 * S);
    struct dub_dubber_request request;
    write_speech(dubber, 0, 1500, SPEECH_MARK);
    mix_blocks(dubber, 98);
    g_assert_false(dub_dubber_take_request(dubber, &request));
    mix_blocks(dubber, 2);
    g_assert_true(dub_dubber_take_request(dubber, &request));
    g_assert_cmpint(request.duration_ns, ==, 1500 * MS);
    g_free(request.samples);
    dub_dubber_free(dubber);
}

static void test_gap_is_silence(void)
{
    struct dub_dubber *dubber = new_live(2 * S);
    int16_t block[2 * DUB_BLOCK_SAMPLES];
    write_speech(dubber, 0, 100, 0);
    dub_dubber_gap(dubber, 100 * MS, 95 * MS);
    g_assert_cmpint(dub_dubber_input_ns(dubber), ==, 195 * MS);
    write_speech(dubber, 200, 300, 0);
    for (int i = 0; i < 30; i++) {
        dub_dubber_mix(dubber, block);
        if (i == 15)
            g_assert_cmpint(block[0], ==, 0);
    }
    g_assert_cmpint(block[0], ==, LEVEL);
    dub_dubber_free(dubber);
    dub_dubber_free(NULL);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/dubber/reset-settles-and-starts-anew", test_reset_settles_and_starts_anew);
    g_test_add_func("/dubber/clip-may-borrow-pause-and-lag", test_clip_may_borrow_pause_and_lag);
    g_test_add_func("/dubber/skip-leaves-the-original", test_skip_leaves_the_original);
    g_test_add_func("/dubber/delay-alone-follows-the-clock", test_delay_alone_follows_the_clock);
    g_test_add_func("/dubber/fallback-after-waiting-in-vain", test_fallback_after_waiting_in_vain);
    g_test_add_func("/dubber/gap-is-silence", test_gap_is_silence);
    g_test_add_func("/dubber/clip-is-hurried-where-that-saves-the-next-phrase",
                    test_clip_is_hurried_where_that_saves_the_next_phrase);
    g_test_add_func("/dubber/break-completes-open-speech", test_break_completes_open_speech);
    g_test_add_func("/dubber/starved-input-completes-open-speech", test_starved_input_completes_open_speech);
    g_test_add_func("/dubber/rough-schedules", test_rough_schedules);
    g_test_add_func("/dubber/smooth-schedules", test_smooth_schedules);
    g_test_add_func("/dubber/file-schedules", test_file_schedules);
    return g_test_run();
}
