/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The machine as a whole, under thousands of random schedules: whatever the input, the network and the
 * service do, the output has no gap and no step, the delay is exact, the lag is bounded, clips never overlap
 * and are never cut, every phrase ends in exactly one state, and what is held stays bounded. A failure prints
 * the seed of its schedule; DUB_TEST_SEED runs that one alone. */
#include "dubber_rig.h"

#include "dubber_private.h"
#include <math.h>

/* Of the fade at a hole's edge, which is the steepest of all ramps. */
#define STEEPEST (LEVEL / 120 + 20)
#define MAX_PHRASES 64
#define MAX_SECONDS 90
#define MAX_LAG_MS 2500

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

/* What a schedule may hold. */
struct kind {
    const char *name;
    unsigned first_seed;
    bool live;
    bool perfect; /* nothing is lost or late */
    bool levels;  /* somebody plays with the mixer; clips cannot be recognised then */
};

struct world {
    GRand *random;
    const struct kind *kind;
    struct dub_dubber *dubber;
    int64_t delay_ns, max_lag_ns;
    int64_t input_ns, input_end_ns;
    int64_t offset_ns;  /* of the time stamps: jumps of the publisher */
    double drift;       /* of the publisher's clock */
    int64_t stamped_ns; /* the end of what was written, by its time stamps */
    int64_t arrival_ns; /* of the next buffer */
    int64_t speech_until_ns;
    int64_t refused_until_ns; /* the breaker is open: every phrase fails at once */
    bool speaking;
    bool ended;
    struct answer answers[MAX_PHRASES + 1]; /* by id */
    uint64_t found, settled;
    int64_t first_ns; /* time stamp of the first block */
    int16_t *output;  /* the left channel */
    int64_t n_output;
};

static bool chance(struct world *world, double p)
{
    return g_rand_double(world->random) < p;
}

static int64_t between(struct world *world, int64_t from, int64_t to)
{
    return from + (int64_t)(g_rand_double(world->random) * (double)(to - from));
}

/* Not the background, which would carry the steps of the right channel over. */
static enum dub_bed any_bed(struct world *world)
{
    static const enum dub_bed beds[] = {DUB_BED_FULL, DUB_BED_DUCKED, DUB_BED_SILENT};
    return beds[g_rand_int_range(world->random, 0, G_N_ELEMENTS(beds))];
}

static void world_init(struct world *world, const struct kind *kind)
{
    *world = (struct world){.random = g_rand_new_with_seed(seed), .kind = kind, .first_ns = -1};
    world->delay_ns = between(world, 2000, 5000) * MS;
    world->max_lag_ns = between(world, 0, MAX_LAG_MS) * MS;
    world->input_end_ns = chance(world, 0.1) ? between(world, 10, 3000) * MS : between(world, 6, 16) * S;
    world->drift = kind->perfect ? 0 : (double)between(world, -300, 300) * 1e-6;
    world->output = g_new0(int16_t, MAX_SECONDS * DUB_RATE_HZ);
    struct dub_dubber_config config = {
        .live = kind->live,
        .delay_ns = world->delay_ns,
        .max_lag_ns = world->max_lag_ns,
        .find_phrases = true,
        .fragmenter = chance(world, 0.2) ? DUB_FRAGMENTER_FIXED : DUB_FRAGMENTER_VAD,
        .segment_ns = between(world, 1, 4) * S,
        .detector = rig_detector,
    };
    world->dubber = dub_dubber_new(&config);
    rig_set_beds(world->dubber, DUB_BED_SILENT, kind->perfect ? DUB_BED_FULL : any_bed(world));
    dub_dubber_set_rtt(world->dubber, between(world, 100, 2000) * MS);
}

static void world_clear(struct world *world)
{
    dub_dubber_free(world->dubber);
    g_rand_free(world->random);
    g_free(world->output);
}

static int64_t answer_time(struct world *world, int64_t now_ns)
{
    if (now_ns < world->refused_until_ns)
        return now_ns;
    if (world->kind->live && chance(world, 0.05))
        return INT64_MAX;
    return now_ns + between(world, 50, chance(world, 0.2) ? 7000 : 1500) * MS;
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
        if (!world->kind->perfect && chance(world, 0.03))
            world->refused_until_ns = now_ns + between(world, 1, 5) * S;
        answer->dubbed = now_ns >= world->refused_until_ns && chance(world, 0.8);
        answer->due_ns = answer_time(world, now_ns);
        double part = 0.3 + 1.0 * g_rand_double(world->random);
        answer->clip_samples =
            (unsigned)(part * (double)dub_ns_to_samples(request.max_duration_ns)) + 2 * CLIP_FADE;
        g_free(request.samples);
    }
}

static void give_dub(struct world *world, uint64_t id)
{
    static const struct dub_dubber_answer nothing = {0};
    struct answer *answer = &world->answers[id];
    double speed = dub_dubber_speed(world->dubber, id, answer->clip_samples);
    CHECK(speed >= 1 && speed <= DUB_DUBBER_MAX_SPEED);
    answer->clip_samples = (unsigned)(answer->clip_samples / speed);
    dub_dubber_clip(world->dubber, id, &nothing, rig_new_clip(id, answer->clip_samples),
                    answer->clip_samples);
}

static void give_answer(struct world *world, uint64_t id)
{
    static const struct dub_dubber_answer nothing = {0};
    if (world->answers[id].dubbed)
        give_dub(world, id);
    else
        dub_dubber_failed(world->dubber, id, &nothing, "TIMEOUT");
}

/* A service may say things twice; the second time does not change what came of the first. */
static void repeat_answer(struct world *world, uint64_t id)
{
    static const struct dub_dubber_answer nothing = {0};
    const struct answer *answer = &world->answers[id];
    dub_dubber_clip(world->dubber, id, &nothing, rig_new_clip(id, answer->clip_samples),
                    answer->clip_samples);
}

static void give_answers(struct world *world, int64_t now_ns)
{
    for (uint64_t id = 1; id <= world->found; id++) {
        struct answer *answer = &world->answers[id];
        if (!answer->given && answer->due_ns <= now_ns) {
            answer->given = true;
            give_answer(world, id);
        } else if (answer->given && !world->kind->perfect && chance(world, 0.0005)) {
            repeat_answer(world, id);
        }
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

/* Time stamps jump, the source says that it pauses or is lost, or what follows is held up. */
static void trouble(struct world *world)
{
    if (chance(world, 0.002))
        world->offset_ns += between(world, -800, 1200) * MS;
    if (chance(world, 0.002))
        dub_dubber_break(world->dubber);
    if (chance(world, 0.002))
        world->arrival_ns += between(world, 100, 6000) * MS;
}

static void write_samples(struct world *world, int64_t pts_ns, const int16_t *samples, unsigned n_samples)
{
    int64_t duration_ns = dub_samples_to_ns(n_samples);
    bool perfect = world->kind->perfect;
    if (!perfect && chance(world, 0.005)) {
        dub_dubber_gap(world->dubber, pts_ns, duration_ns);
    } else if (perfect || !chance(world, 0.01)) {
        dub_dubber_write(world->dubber, pts_ns, samples, n_samples, !perfect && chance(world, 0.01));
    } else {
        return; /* lost */
    }
    world->stamped_ns = MAX(world->stamped_ns, pts_ns + duration_ns);
}

/* One buffer of 5 to 60 ms. */
static void write_buffer(struct world *world)
{
    int16_t samples[2 * 2880];
    unsigned n_samples = (unsigned)between(world, 240, 2880);
    int64_t jitter_ns = world->kind->perfect ? 0 : between(world, -2000, 2000) * 1000;
    int64_t drift_ns = (int64_t)((double)world->input_ns * world->drift);
    fill_buffer(world, samples, n_samples);
    write_samples(world, MAX(world->input_ns + world->offset_ns + drift_ns + jitter_ns, 0), samples,
                  n_samples);
    world->input_ns += dub_samples_to_ns(n_samples);
    world->arrival_ns = MAX(world->arrival_ns, world->input_ns);
    if (!world->kind->perfect)
        trouble(world);
}

static void play_with_levels(struct world *world)
{
    if (!chance(world, 0.002))
        return;
    struct dub_mix mix = {
        .under_dub = any_bed(world),
        .under_failed = any_bed(world),
        .duck_gain = (float)g_rand_double(world->random),
        .dub_gain = (float)g_rand_double(world->random) * 2,
        .bypass = chance(world, 0.3),
    };
    dub_dubber_set_mix(world->dubber, &mix);
    dub_dubber_set_max_lag(world->dubber, between(world, 0, MAX_LAG_MS) * MS);
}

/* In phrases and clips; the samples of a clip are bounded by the exchange. */
static void check_bounds(const struct world *world)
{
    const struct dub_dubber *dubber = world->dubber;
    unsigned bound = world->kind->live ? 24 : 48;
    CHECK(g_queue_get_length((GQueue *)&dubber->ledger.open) <= bound);
    CHECK(dubber->placing.waiting->len <= bound);
    CHECK(g_hash_table_size(dubber->clips) <= dubber->placing.waiting->len);
    CHECK(dubber->mixer.regions->len <= bound);
}

static bool mix(struct world *world)
{
    int16_t block[DUB_BLOCK_SAMPLES * DUB_CHANNELS];
    if (world->kind->levels)
        play_with_levels(world);
    unsigned n_samples = dub_dubber_mix(world->dubber, block);
    CHECK(n_samples == DUB_BLOCK_SAMPLES || world->ended);
    CHECK(world->n_output + n_samples <= MAX_SECONDS * DUB_RATE_HZ);
    for (unsigned i = 0; i < n_samples; i++)
        world->output[world->n_output++] = block[2 * i];
    take_settled(world);
    check_bounds(world);
    return n_samples > 0;
}

/* False when there is no room. */
static bool receive_one(struct world *world)
{
    if (world->input_ns >= world->input_end_ns) {
        dub_dubber_end(world->dubber);
        world->ended = true;
        return true;
    }
    if (!dub_dubber_fits(world->dubber, world->input_ns + MAX(world->offset_ns, 0) + 80 * MS))
        return false;
    write_buffer(world);
    return true;
}

static void note_first(struct world *world)
{
    if (world->first_ns < 0 && dub_dubber_started(world->dubber))
        world->first_ns = dub_dubber_next_ns(world->dubber);
}

static void run_live(struct world *world)
{
    bool more = true;
    for (int64_t now_ns = 0; more; now_ns += BLOCK_NS) {
        while (!world->ended && world->arrival_ns <= now_ns && receive_one(world))
            take_requests(world, now_ns);
        give_answers(world, now_ns);
        more = dub_dubber_started(world->dubber) || !world->ended;
        if (!dub_dubber_started(world->dubber))
            continue;
        note_first(world);
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
    int idle = 0;
    for (int64_t now_ns = 0; more; now_ns += BLOCK_NS) {
        int64_t mixed_before = world->n_output;
        if (!world->ended)
            receive_one(world);
        note_first(world);
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

/* All of it: the level between the edges, unless the bed or a ramp of somebody's is over it. */
static void check_is_heard(const struct world *world, uint64_t id)
{
    const struct answer *answer = &world->answers[id];
    long level = lrintf(rig_clip_level(id) * 32768);
    int64_t first = clip_start(world, id) + CLIP_FADE + DUB_MIXER_ATTACK_SAMPLES + 1;
    int64_t last = clip_start(world, id) + answer->clip_samples - CLIP_FADE - 2;
    for (int64_t at = first; at <= last; at++)
        CHECK(ABS(world->output[at] - level) <= 1);
}

/* In order, apart, bounded, and really to be heard where the ledger says. */
static void check_clips(const struct world *world)
{
    int64_t bound_ns = world->kind->levels ? MAX_LAG_MS * MS : world->max_lag_ns;
    bound_ns = MAX(bound_ns, world->max_lag_ns);
    int64_t busy_until = 0;
    for (uint64_t id = 1; id <= world->found; id++) {
        const struct answer *answer = &world->answers[id];
        CHECK(answer->state != DUB_PHRASE_OPEN);
        if (answer->state != DUB_PHRASE_DUBBED)
            continue;
        CHECK(answer->dubbed && answer->given);
        CHECK(answer->lag_ns >= 0 && answer->lag_ns <= bound_ns + 21000);
        int64_t start = clip_start(world, id);
        CHECK(start >= busy_until - 1);
        busy_until = start + answer->clip_samples;
        CHECK(busy_until <= world->n_output + 1);
        if (!world->kind->levels)
            check_is_heard(world, id);
    }
    /* And then it is over, to the block in which that becomes known. */
    int64_t heard_until = MAX(busy_until, dub_ns_to_samples(world->input_ns));
    if (world->kind->perfect)
        CHECK(world->n_output <= heard_until + DUB_BLOCK_SAMPLES);
}

/* With nothing lost, everything away from clips is the original at full level. */
static void check_original(const struct world *world)
{
    bool *touched = g_new0(bool, (gsize)world->n_output + 1);
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

static void check_account(const struct world *world)
{
    const struct dub_ledger *ledger = dub_dubber_ledger(world->dubber);
    CHECK(world->settled == world->found && ledger->last_id == world->found);
    CHECK(g_queue_is_empty((GQueue *)&ledger->open));
    CHECK(ledger->counts[DUB_PHRASE_DUBBED] + ledger->counts[DUB_PHRASE_PASSTHROUGH] +
              ledger->counts[DUB_PHRASE_DROPPED] ==
          world->found);
}

static void check(struct world *world)
{
    take_settled(world);
    check_account(world);
    if (world->n_output > 0)
        CHECK(world->n_output >= dub_ns_to_samples(world->stamped_ns - world->first_ns - 200 * MS));
    check_no_step(world);
    check_clips(world);
    if (world->kind->perfect)
        check_original(world);
}

static void run_schedule(const struct kind *kind, unsigned states[DUB_PHRASE_STATES])
{
    struct world world;
    world_init(&world, kind);
    if (kind->live)
        run_live(&world);
    else
        run_file(&world);
    check(&world);
    for (uint64_t id = 1; id <= world.found; id++)
        states[world.answers[id].state]++;
    world_clear(&world);
}

static unsigned number_in_environment(const char *name, unsigned otherwise)
{
    const char *wanted = g_getenv(name);
    return wanted != NULL ? (unsigned)g_ascii_strtoull(wanted, NULL, 10) : otherwise;
}

/* DUB_TEST_SCHEDULES: how many of each kind. */
static void run_schedules(gconstpointer data)
{
    const struct kind *kind = data;
    unsigned states[DUB_PHRASE_STATES] = {0};
    unsigned n = number_in_environment("DUB_TEST_SCHEDULES", 60);
    unsigned only = number_in_environment("DUB_TEST_SEED", 0);
    for (seed = kind->first_seed; seed < kind->first_seed + n; seed++) {
        if (only == 0 || seed == only)
            run_schedule(kind, states);
    }
    g_test_message("dubbed %u, passthrough %u, dropped %u", states[DUB_PHRASE_DUBBED],
                   states[DUB_PHRASE_PASSTHROUGH], states[DUB_PHRASE_DROPPED]);
    if (only != 0)
        return;
    /* The schedules must reach all ends. */
    g_assert_cmpuint(states[DUB_PHRASE_DUBBED], >, n);
    g_assert_cmpuint(states[DUB_PHRASE_PASSTHROUGH], >, n / 10);
    g_assert_cmpuint(states[DUB_PHRASE_DROPPED], >, 0);
}

int main(int argc, char **argv)
{
    static const struct kind kinds[] = {
        {.name = "/schedules/rough", .first_seed = 1, .live = true},
        {.name = "/schedules/rough-with-somebody-at-the-levels",
         .first_seed = 100001,
         .live = true,
         .levels = true},
        {.name = "/schedules/smooth", .first_seed = 200001, .live = true, .perfect = true},
        {.name = "/schedules/file", .first_seed = 300001, .perfect = true},
        {.name = "/schedules/rough-file", .first_seed = 400001},
    };
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++)
        g_test_add_data_func(kinds[i].name, &kinds[i], run_schedules);
    return g_test_run();
}
