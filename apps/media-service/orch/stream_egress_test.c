/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Streams with a destination, with workers and forwarders that exist on paper only. */
#include "stream_egress.h"

#include "registry.h"

#include <dubbing_json.h>
#include <glib/gstdio.h>
#include <string.h>

struct worker {
    struct worker_events events;
    void *user;
    bool is_egress;
    char *environment; /* joined by newlines */
    bool stop_asked;
};

static struct {
    struct worker *worker, *forwarder; /* NULL: none lives */
    unsigned n_forwarders, n_adopted;
    enum dub_error_code fail_with;
} fakes;

static struct worker *fake_new(const struct worker_spec *spec, const struct worker_events *events, void *user)
{
    struct worker *worker = g_new0(struct worker, 1);
    bool is_egress = g_strcmp0(spec->program, "egress-forwarder") == 0;
    struct worker **place = is_egress ? &fakes.forwarder : &fakes.worker;
    worker->events = *events;
    worker->user = user;
    worker->is_egress = is_egress;
    worker->environment =
        spec->environment != NULL ? g_strjoinv("\n", (char **)spec->environment) : g_strdup("");
    g_assert_null(*place);
    *place = worker;
    return worker;
}

static struct worker *fake_start(const struct worker_spec *spec, const struct worker_events *events,
                                 void *user, struct dub_error *error)
{
    bool is_egress = g_strcmp0(spec->program, "egress-forwarder") == 0;
    if (is_egress && fakes.fail_with != DUB_ERROR_NONE) {
        dub_error_set(error, fakes.fail_with, "cannot start");
        return NULL;
    }
    fakes.n_forwarders += is_egress;
    return fake_new(spec, events, user);
}

static struct worker *fake_adopt(const struct worker_spec *spec, pid_t pid,
                                 const struct worker_events *events, void *user, struct dub_error *error)
{
    fakes.n_adopted++;
    return fake_new(spec, events, user);
}

static void fake_stop(struct worker *worker)
{
    g_assert_false(worker->stop_asked);
    worker->stop_asked = true;
}

static void fake_tick(struct worker *worker)
{
}

static pid_t fake_pid(const struct worker *worker)
{
    return worker->is_egress ? 2000 : 1000;
}

static void fake_free(struct worker *worker)
{
    if (worker == NULL)
        return;
    struct worker **place = worker->is_egress ? &fakes.forwarder : &fakes.worker;
    *place = NULL;
    g_free(worker->environment);
    g_free(worker);
}

static const struct worker_ops fake_ops = {fake_start, fake_adopt, fake_stop, fake_tick, fake_pid, fake_free};

struct fixture {
    char *folder;
    struct dub_fake_clock clock;
    struct state_dir *state_dir;
    struct bundle_store *bundles;
    struct registry *registry;
    unsigned n_states;
    bool stopped;
};

static void count_state(struct stream *stream, void *user)
{
    ((struct fixture *)user)->n_states++;
}

static void open_registry(struct fixture *fixture, bool enabled)
{
    static const struct registry_events events = {.on_state = count_state};
    static const char *const argv[] = {"program", NULL};
    static const char *const environment[] = {"COMMON=1", "EGRESS_DEST_URL=", NULL};
    struct dub_error error = {0};
    g_autofree char *state = g_build_filename(fixture->folder, "state", NULL);
    g_autofree char *runs = g_build_filename(fixture->folder, "runs", NULL);
    fixture->state_dir = state_dir_open(state, &error);
    g_assert_nonnull(fixture->state_dir);
    fixture->bundles = bundle_store_new(&(struct bundle_store_config){.root = runs});
    fixture->registry =
        registry_new(&(struct registry_config){.clock = &fixture->clock.clock,
                                               .workers = &fake_ops,
                                               .state_dir = fixture->state_dir,
                                               .worker_argv = argv,
                                               .egress_argv = argv,
                                               .worker_environment = environment,
                                               .egress_enabled = enabled,
                                               .egress_dest_url = "rtmp://default/app/{streamId}",
                                               .router_rtmp_url = "rtmp://r",
                                               .streams_dir = fixture->folder,
                                               .bundles = fixture->bundles,
                                               .grace_ns = 30 * DUB_NS_PER_S},
                     &events, fixture);
}

static void close_registry(struct fixture *fixture)
{
    g_clear_pointer(&fixture->registry, registry_free);
    g_clear_pointer(&fixture->bundles, bundle_store_free);
    g_clear_pointer(&fixture->state_dir, state_dir_close);
}

static void set_up(struct fixture *fixture, const void *enabled)
{
    memset(&fakes, 0, sizeof fakes);
    fixture->folder = g_dir_make_tmp("egress-XXXXXX", NULL);
    dub_fake_clock_init(&fixture->clock, DUB_NS_PER_S);
    open_registry(fixture, enabled != NULL);
}

static void remove_tree(const char *path)
{
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    const char *name;
    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *child = g_build_filename(path, name, NULL);
        if (g_remove(child) != 0)
            remove_tree(child);
    }
    g_rmdir(path);
}

static void tear_down(struct fixture *fixture, const void *enabled)
{
    close_registry(fixture);
    remove_tree(fixture->folder);
    g_free(fixture->folder);
}

static struct stream *publish(struct fixture *fixture, const char *query)
{
    struct stream *stream = NULL;
    struct dub_error error = {0};
    g_assert_true(registry_publisher_ready(fixture->registry, "demo", query, "s1", &stream, &error));
    return stream;
}

static void worker_runs(void)
{
    struct dub_worker_status status = {.state = DUB_WORKER_RUNNING, .sts = {.mode = (char *)"enabled"}};
    fakes.worker->events.on_status(&status, fakes.worker->user);
}

static void forwarder_says(bool input, bool output, const char *last_error)
{
    struct dub_worker_status status = {
        .state = DUB_WORKER_RUNNING,
        .input = {.connected = input},
        .output = {.connected = output, .bytes = 77, .reconnects = 3, .last_error = (char *)last_error}};
    fakes.forwarder->events.on_status(&status, fakes.forwarder->user);
}

static void end_worker(struct worker *worker, enum worker_end_kind kind)
{
    worker->events.on_end(&(struct worker_end){kind, "it ended"}, worker->user);
}

static void advance(struct fixture *fixture, int64_t seconds)
{
    dub_fake_clock_advance(&fixture->clock, seconds * DUB_NS_PER_S);
    registry_tick(fixture->registry);
}

static void assert_state(const struct stream *stream, const char *expected)
{
    g_autoptr(JsonObject) object = stream_egress_to_json(stream);
    g_assert_cmpstr(object != NULL ? json_object_get_string_member(object, "state") : "none", ==, expected);
}

static void assert_serves(const char *dest_url)
{
    g_autofree char *expected = g_strdup_printf("EGRESS_DEST_URL=%s\n", dest_url);
    g_assert_nonnull(fakes.forwarder);
    /* What comes later wins over the emptied one of all workers. */
    g_assert_nonnull(strstr(fakes.forwarder->environment, expected));
    g_assert_true(strstr(fakes.forwarder->environment, expected) >
                  strstr(fakes.forwarder->environment, "EGRESS_DEST_URL=\n"));
}

static void test_no_destination_no_forwarder(struct fixture *fixture, const void *data)
{
    struct stream *stream = publish(fixture, "lang=es");
    worker_runs();
    g_assert_null(fakes.forwarder);
    g_autoptr(JsonObject) object = stream_to_json(stream, &fake_ops, 0);
    g_assert_false(json_object_has_member(object, "egress"));
}

static void test_life_with_the_stream(struct fixture *fixture, const void *data)
{
    struct stream *stream = publish(fixture, "egress=rtmp%3A%2F%2Fd%2Fapp%2Fs3cret");
    assert_state(stream, "waiting");
    g_assert_null(fakes.forwarder);
    g_assert_null(strstr(fakes.worker->environment, "s3cret"));
    worker_runs();
    assert_serves("rtmp://d/app/s3cret");
    g_assert_nonnull(strstr(fakes.forwarder->environment, "EGRESS_INPUT_URL=rtmp://r/live/demo/out"));
    g_assert_nonnull(strstr(fakes.forwarder->environment, "EGRESS_STREAM_ID=demo"));
    assert_state(stream, "starting");
    forwarder_says(true, true, NULL);
    assert_state(stream, "forwarding");
    forwarder_says(true, false, "it was cut");
    assert_state(stream, "retrying");

    g_autoptr(JsonObject) object = stream_to_json(stream, &fake_ops, 0);
    g_autofree char *text = dub_json_object_to_string_take(json_object_ref(object));
    g_assert_null(strstr(text, "s3cret"));
    g_assert_nonnull(strstr(text, "\"destUrl\":\"rtmp://d/app/***\""));
    g_assert_nonnull(strstr(text, "\"lastError\":\"it was cut\""));
    g_assert_nonnull(strstr(text, "\"bytes\":77"));
    g_assert_nonnull(strstr(text, "\"reconnects\":3"));
    g_assert_nonnull(strstr(text, "\"pid\":2000"));

    g_assert_true(registry_stop(fixture->registry, "demo", NULL));
    g_assert_true(fakes.forwarder->stop_asked && fakes.worker->stop_asked);
    end_worker(fakes.worker, WORKER_END_FINISHED);
    end_worker(fakes.forwarder, WORKER_END_FINISHED);
    assert_state(stream, "off");
    advance(fixture, 100);
    g_assert_cmpuint(fakes.n_forwarders, ==, 1);
}

static void test_defaults(struct fixture *fixture, const void *data)
{
    publish(fixture, "");
    worker_runs();
    assert_serves("rtmp://default/app/demo");
}

static void write_stream_file(const struct fixture *fixture, const char *text)
{
    g_autofree char *path = g_build_filename(fixture->folder, "demo.env", NULL);
    g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static void test_a_stream_may_decline_the_default(struct fixture *fixture, const void *data)
{
    write_stream_file(fixture, "EGRESS_ENABLED=false\n");
    publish(fixture, "");
    worker_runs();
    g_assert_null(fakes.forwarder);
}

static void test_a_stream_may_ask_for_the_default(struct fixture *fixture, const void *data)
{
    write_stream_file(fixture, "EGRESS_ENABLED=true\n");
    publish(fixture, "");
    worker_runs();
    assert_serves("rtmp://default/app/demo");
}

static void test_the_query_comes_before_the_file(struct fixture *fixture, const void *data)
{
    write_stream_file(fixture, "EGRESS_DEST_URL=rtmp://file/app/key\n");
    publish(fixture, "egress=rtmp://query/app/key");
    worker_runs();
    assert_serves("rtmp://query/app/key");
}

static void test_nonsense_in_the_query_is_ignored(struct fixture *fixture, const void *data)
{
    write_stream_file(fixture, "EGRESS_DEST_URL=rtmp://file/app/key\n");
    publish(fixture, "egress=http://query/app/key");
    worker_runs();
    assert_serves("rtmp://file/app/key");
}

static void test_another_destination(struct fixture *fixture, const void *data)
{
    struct stream *stream = publish(fixture, "egress=rtmp://one/app/key");
    struct dub_error error = {0};
    worker_runs();
    forwarder_says(true, false, "refused");
    g_assert_true(registry_set_egress(fixture->registry, "demo", "rtmp://two/app/key", &error));
    g_assert_true(fakes.forwarder->stop_asked);
    g_assert_cmpuint(fakes.n_forwarders, ==, 1);
    forwarder_says(true, false, "refused"); /* of the one before */
    end_worker(fakes.forwarder, WORKER_END_FINISHED);
    assert_serves("rtmp://two/app/key");
    g_autoptr(JsonObject) object = stream_egress_to_json(stream);
    g_assert_false(json_object_has_member(object, "lastError"));
    g_assert_cmpint(json_object_get_int_member(object, "restarts"), ==, 0);

    g_assert_true(registry_set_egress(fixture->registry, "demo", "rtmp://two/app/key", &error));
    g_assert_false(fakes.forwarder->stop_asked);
    g_assert_true(registry_set_egress(fixture->registry, "demo", NULL, &error));
    g_assert_true(fakes.forwarder->stop_asked);
    end_worker(fakes.forwarder, WORKER_END_FINISHED);
    assert_state(stream, "none");
    g_assert_nonnull(fakes.worker);
    g_assert_false(fakes.worker->stop_asked);
    g_assert_cmpint(stream->fsm.state, ==, STREAM_RUNNING);
}

static void test_only_a_run_has_a_destination(struct fixture *fixture, const void *data)
{
    struct dub_error error = {0};
    g_assert_false(registry_set_egress(fixture->registry, "demo", "rtmp://two/app/key", &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_STREAM_NOT_FOUND);
    publish(fixture, "");
    g_assert_true(registry_stop(fixture->registry, "demo", &error));
    g_assert_false(registry_set_egress(fixture->registry, "demo", "rtmp://two/app/key", &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_UNAVAILABLE);
}

static void test_failures_stay_with_the_forwarder(struct fixture *fixture, const void *data)
{
    struct stream *stream = publish(fixture, "egress=rtmp://one/app/key");
    worker_runs();
    for (unsigned i = 0; i < RESTARTS_MAX; i++) {
        end_worker(fakes.forwarder, WORKER_END_FAILED);
        assert_state(stream, "restarting");
        advance(fixture, 31);
        g_assert_cmpuint(stream->egress.restarts, ==, i + 1);
    }
    end_worker(fakes.forwarder, WORKER_END_FAILED);
    assert_state(stream, "failed");
    advance(fixture, 100);
    g_assert_cmpuint(fakes.n_forwarders, ==, RESTARTS_MAX + 1);
    g_assert_cmpint(stream->fsm.state, ==, STREAM_RUNNING);
    g_assert_cmpuint(stream->restarts, ==, 0);
    g_assert_null(stream->last_error);
    /* The operator's word is a new beginning. */
    g_assert_true(registry_set_egress(fixture->registry, "demo", "rtmp://one/app/key", NULL));
    g_assert_nonnull(fakes.forwarder);
}

static void test_a_program_that_is_missing(struct fixture *fixture, const void *data)
{
    fakes.fail_with = DUB_ERROR_NOT_FOUND;
    struct stream *stream = publish(fixture, "egress=rtmp://one/app/key");
    worker_runs();
    assert_state(stream, "failed");
    g_assert_cmpstr(stream->egress.last_error, ==, "cannot start");
    g_assert_cmpint(stream->fsm.state, ==, STREAM_RUNNING);
}

static void test_a_worker_that_is_restarted(struct fixture *fixture, const void *data)
{
    struct stream *stream = publish(fixture, "egress=rtmp://one/app/key");
    worker_runs();
    end_worker(fakes.worker, WORKER_END_FAILED);
    g_assert_false(fakes.forwarder->stop_asked);
    /* The output stays away too long for the forwarder. */
    end_worker(fakes.forwarder, WORKER_END_FAILED);
    assert_state(stream, "waiting");
    advance(fixture, 2);
    g_assert_null(fakes.forwarder);
    worker_runs();
    g_assert_nonnull(fakes.forwarder);
    g_assert_cmpuint(stream->egress.fsm.restarts.n, ==, 0);
}

static void on_all_stopped(void *user)
{
    ((struct fixture *)user)->stopped = true;
}

static void test_the_end_waits_for_both(struct fixture *fixture, const void *data)
{
    publish(fixture, "egress=rtmp://one/app/key");
    worker_runs();
    registry_stop_all(fixture->registry, on_all_stopped, fixture);
    end_worker(fakes.worker, WORKER_END_FINISHED);
    g_assert_false(fixture->stopped);
    end_worker(fakes.forwarder, WORKER_END_FINISHED);
    g_assert_true(fixture->stopped);
}

/* What the next media-service knows is in the record; the sockets of real processes are test_egress.py's. */
static void test_what_the_next_one_finds(struct fixture *fixture, const void *data)
{
    struct stream *stream = publish(fixture, "egress=rtmp://one/app/key");
    worker_runs();
    g_assert_true(registry_set_egress(fixture->registry, "demo", "rtmp://two/app/key", NULL));
    g_autoptr(JsonObject) record = state_dir_load_stream(fixture->state_dir, "demo");
    g_assert_cmpstr(json_object_get_string_member(record, "egressDestUrl"), ==, "rtmp://two/app/key");
    g_assert_cmpstr(json_object_get_string_member(record, "egressServedUrl"), ==, "rtmp://one/app/key");

    /* One that serves another destination than it should is replaced. */
    end_worker(fakes.forwarder, WORKER_END_FINISHED);
    g_assert_true(registry_set_egress(fixture->registry, "demo", NULL, NULL));
    end_worker(fakes.forwarder, WORKER_END_FINISHED);
    stream_egress_restore(stream, "rtmp://two/app/key", "rtmp://one/app/key");
    stream_egress_adopt(stream, 2000);
    g_assert_true(fakes.forwarder->stop_asked);
    end_worker(fakes.forwarder, WORKER_END_FINISHED);
    assert_serves("rtmp://two/app/key");
}

static void test_a_left_over_forwarder_is_ended(struct fixture *fixture, const void *data)
{
    struct stream *stream = publish(fixture, "");
    g_assert_true(registry_stop(fixture->registry, "demo", NULL));
    end_worker(fakes.worker, WORKER_END_FINISHED);
    stream_egress_adopt(stream, 2000);
    g_assert_true(fakes.forwarder->stop_asked);
    /* A new run waits for its end: never two. */
    g_assert_true(registry_publisher_ready(fixture->registry, "demo", "egress=rtmp://one/app/key", "s2",
                                           &stream, NULL));
    worker_runs();
    g_assert_cmpuint(fakes.n_forwarders, ==, 0);
    end_worker(fakes.forwarder, WORKER_END_FAILED);
    g_assert_cmpuint(fakes.n_forwarders, ==, 1);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, function, enabled)                                                                         \
    g_test_add("/stream-egress/" name, struct fixture, (enabled) ? "" : NULL, set_up, function, tear_down)
    ADD("no-destination-no-forwarder", test_no_destination_no_forwarder, false);
    ADD("life-with-the-stream", test_life_with_the_stream, false);
    ADD("defaults", test_defaults, true);
    ADD("a-stream-may-decline-the-default", test_a_stream_may_decline_the_default, true);
    ADD("a-stream-may-ask-for-the-default", test_a_stream_may_ask_for_the_default, false);
    ADD("the-query-comes-before-the-file", test_the_query_comes_before_the_file, true);
    ADD("nonsense-in-the-query-is-ignored", test_nonsense_in_the_query_is_ignored, true);
    ADD("another-destination", test_another_destination, false);
    ADD("only-a-run-has-a-destination", test_only_a_run_has_a_destination, false);
    ADD("failures-stay-with-the-forwarder", test_failures_stay_with_the_forwarder, false);
    ADD("a-program-that-is-missing", test_a_program_that_is_missing, false);
    ADD("a-worker-that-is-restarted", test_a_worker_that_is_restarted, false);
    ADD("the-end-waits-for-both", test_the_end_waits_for_both, false);
    ADD("what-the-next-one-finds", test_what_the_next_one_finds, false);
    ADD("a-left-over-forwarder-is-ended", test_a_left_over_forwarder_is_ended, false);
    return g_test_run();
}
