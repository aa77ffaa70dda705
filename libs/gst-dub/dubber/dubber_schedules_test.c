/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The machine as a whole, under thousands of random schedules: whatever the input, the network and the
 * service do, the output has no gap and no step, sound comes out at the very time stamp with which it came
 * in, the lag is bounded, clips never overlap and are never cut, every phrase ends in exactly one state, and
 * what is held stays bounded. (That a block is mixed D after its time stamp is the doing of whoever calls the
 * machine: here of run_live, in the element of its task, which stsdub_test.c looks at.) A failure prints the
 * seed of its schedule; DUB_TEST_SEED runs that one alone. */
#include "dubber_schedules.h"

#include "dubber_private.h"
#include <math.h>

unsigned schedule_seed;

static bool chance(struct world *world, double p)
{
    return g_rand_double(world->random) < p;
}

static int64_t between(struct world *world, int64_t from, int64_t to)
{
    return from + (int64_t)(g_rand_double(world->random) * (double)(to - from));
}

static enum dub_bed any_bed(struct world *world)
{
    static const enum dub_bed beds[] = {DUB_BED_FULL, DUB_BED_DUCKED, DUB_BED_SILENT, DUB_BED_BACKGROUND};
    return beds[g_rand_int_range(world->random, 0, G_N_ELEMENTS(beds))];
}

static void world_init(struct world *world, const struct kind *kind)
{
    *world = (struct world){.random = g_rand_new_with_seed(schedule_seed), .kind = kind, .first_ns = -1};
    world->delay_ns = between(world, 2000, 5000) * MS;
    world->max_lag_ns = between(world, 0, MAX_LAG_MS) * MS;
    world->input_end_ns = chance(world, 0.1) ? between(world, 10, 3000) * MS : between(world, 6, 16) * S;
    world->drift = kind->perfect ? 0 : (double)between(world, -300, 300) * 1e-6;
    world->output = g_new0(int16_t, MAX_SECONDS * DUB_RATE_HZ);
    world->right = g_new0(int16_t, MAX_SECONDS * DUB_RATE_HZ);
    world->sent_right = g_new0(int16_t, MAX_SECONDS * DUB_RATE_HZ);
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
    g_free(world->right);
    g_free(world->sent_right);
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
        answer->faster_due_ns = INT64_MAX;
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

static void give_dub(struct world *world, uint64_t id, int64_t now_ns)
{
    static const struct dub_dubber_answer nothing = {0};
    struct answer *answer = &world->answers[id];
    answer->speed = dub_dubber_speed(world->dubber, id, answer->clip_samples);
    CHECK(answer->speed >= 1 && answer->speed <= DUB_DUBBER_MAX_SPEED);
    dub_dubber_clip(world->dubber, id, &nothing, rig_new_clip(id, answer->clip_samples),
                    answer->clip_samples);
    if (answer->speed == 1)
        return;
    dub_dubber_await_faster(world->dubber, id);
    answer->faster_due_ns = now_ns + between(world, 0, 600) * MS;
}

/* The faster version is ready, or there was no room for making one. */
static void give_faster(struct world *world, uint64_t id)
{
    struct answer *answer = &world->answers[id];
    unsigned n_samples = (unsigned)(answer->clip_samples / answer->speed);
    answer->faster_due_ns = INT64_MAX;
    if (chance(world, 0.1))
        dub_dubber_keep_clip(world->dubber, id);
    else if (dub_dubber_faster_clip(world->dubber, id, answer->speed, rig_new_clip(id, n_samples), n_samples))
        answer->clip_samples = n_samples;
}

static void give_answer(struct world *world, uint64_t id, int64_t now_ns)
{
    static const struct dub_dubber_answer nothing = {0};
    if (world->answers[id].dubbed)
        give_dub(world, id, now_ns);
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
        if (answer->faster_due_ns <= now_ns)
            give_faster(world, id);
        if (!answer->given && answer->due_ns <= now_ns) {
            answer->given = true;
            give_answer(world, id, now_ns);
        } else if (answer->given && !world->kind->perfect && chance(world, 0.0005)) {
            repeat_answer(world, id);
        }
    }
}

static int64_t place_in_output(const struct world *world, int64_t time_ns)
{
    return world->base + dub_ns_to_samples(time_ns - world->first_ns);
}

void schedule_take_settled(struct world *world)
{
    struct dub_phrase *phrase;
    while ((phrase = dub_ledger_take(dub_dubber_ledger(world->dubber))) != NULL) {
        struct answer *answer = &world->answers[phrase->id];
        CHECK(phrase->seq == ++world->settled);
        CHECK(answer->state == DUB_PHRASE_OPEN && phrase->state != DUB_PHRASE_OPEN);
        CHECK((phrase->state == DUB_PHRASE_DUBBED) == (*phrase->reason == '\0'));
        answer->state = phrase->state;
        answer->lag_ns = phrase->lag_ns;
        answer->start = place_in_output(world, phrase->start_ns + phrase->lag_ns);
        answer->epoch = world->n_epochs;
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
        /* Without a step: what is taken away as background is made of both channels. */
        int16_t wanted = world->speaking ? SPEECH_MARK : 0;
        world->mark = (int16_t)(world->mark + CLAMP(wanted - world->mark, -MARK_STEP, MARK_STEP));
        samples[2 * i] = LEVEL;
        samples[2 * i + 1] = world->mark;
        world->sent_right[dub_ns_to_samples(world->input_ns) + i] = world->mark;
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

/* The answers get slower or faster: other limits for the phrases to come. */
static void change_round_trip(struct world *world)
{
    if (chance(world, 0.003))
        dub_dubber_set_rtt(world->dubber, between(world, 0, 6000) * MS);
}

static bool mix(struct world *world)
{
    int16_t block[DUB_BLOCK_SAMPLES * DUB_CHANNELS];
    if (world->kind->levels)
        play_with_levels(world);
    change_round_trip(world);
    unsigned n_samples = dub_dubber_mix(world->dubber, block);
    CHECK(n_samples == DUB_BLOCK_SAMPLES || world->ended);
    CHECK(world->n_output + n_samples <= MAX_SECONDS * DUB_RATE_HZ);
    for (unsigned i = 0; i < n_samples; i++) {
        world->right[world->n_output] = block[2 * i + 1];
        world->output[world->n_output++] = block[2 * i];
    }
    schedule_take_settled(world);
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

/* A seek: what was is forgotten, answers to it still come, and what follows is a new timeline. */
static void flush(struct world *world)
{
    if (!world->kind->flushes || world->ended || !chance(world, 0.002))
        return;
    dub_dubber_reset(world->dubber);
    schedule_take_settled(world);
    CHECK(world->settled == dub_dubber_ledger(world->dubber)->last_id);
    /* Found, and forgotten before it was asked for. */
    world->found = dub_dubber_ledger(world->dubber)->last_id;
    CHECK(world->n_epochs < MAX_EPOCHS - 1);
    world->epoch_ends[world->n_epochs++] = world->n_output;
    world->base = world->n_output;
    world->first_ns = world->stamped_ns = -1;
    world->offset_ns += between(world, -10, 10) * S;
}

static void run_live(struct world *world)
{
    bool more = true;
    for (int64_t now_ns = 0; more; now_ns += BLOCK_NS) {
        while (!world->ended && world->arrival_ns <= now_ns && receive_one(world))
            take_requests(world, now_ns);
        give_answers(world, now_ns);
        flush(world);
        more = dub_dubber_started(world->dubber) || !world->ended;
        if (!dub_dubber_started(world->dubber))
            continue;
        note_first(world);
        while (more && now_ns >= dub_dubber_next_ns(world->dubber) + world->delay_ns) {
            /* No block is left out or given twice. */
            CHECK(dub_dubber_next_ns(world->dubber) - world->first_ns ==
                  dub_samples_to_ns(world->n_output - world->base));
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

static void run_schedule(const struct kind *kind, unsigned states[DUB_PHRASE_STATES])
{
    struct world world;
    world_init(&world, kind);
    if (kind->live)
        run_live(&world);
    else
        run_file(&world);
    world.epoch_ends[world.n_epochs++] = world.n_output;
    schedule_check(&world);
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
    for (schedule_seed = kind->first_seed; schedule_seed < kind->first_seed + n; schedule_seed++) {
        if (only == 0 || schedule_seed == only)
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
        {.name = "/schedules/rough-with-flushes", .first_seed = 500001, .live = true, .flushes = true},
        {.name = "/schedules/smooth", .first_seed = 200001, .live = true, .perfect = true},
        {.name = "/schedules/file", .first_seed = 300001, .perfect = true},
        {.name = "/schedules/rough-file", .first_seed = 400001},
    };
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++)
        g_test_add_data_func(kinds[i].name, &kinds[i], run_schedules);
    return g_test_run();
}
