/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "registry_test_support.h"

static void test_settings_and_urls_reach_the_worker(struct fixture *fixture, const void *data)
{
    g_autofree char *env = path_in(fixture, "demo.env", NULL);
    g_assert_true(g_file_set_contents(env, "WORKER_TARGET_LANG=fr\nWORKER_MIX_MODE=replace\n", -1, NULL));
    ready(fixture, "demo", "lang=de", "s1");
    static const char *const expected[] = {"WORKER_STREAM_ID=demo",
                                           "WORKER_INPUT_URL=rtmp://r/live/demo/in",
                                           "WORKER_OUTPUT_URL=rtmp://r/live/demo/out",
                                           "WORKER_TARGET_LANG=de",
                                           "WORKER_MIX_MODE=replace",
                                           "COMMON=1",
                                           "ORCH_STATE_DIR=",
                                           "RUN_ID=2",
                                           "WORKER_CAPTURE_DIR=/",
                                           NULL};
    for (unsigned i = 0; expected[i] != NULL; i++)
        g_assert_nonnull(strstr(fakes.last->environment, expected[i]));
    /* Later ones replace earlier ones of the same name. */
    g_assert_cmpint(strstr(fakes.last->environment, "LANG=xx") - strstr(fakes.last->environment, "LANG=de"),
                    <, 0);
}

static void test_state_follows_the_worker(struct fixture *fixture, const void *data)
{
    struct stream *stream = ready(fixture, "demo", "", "s1");
    say_status(DUB_WORKER_CONNECTING);
    g_assert_cmpint(stream->fsm.state, ==, STREAM_STARTING);
    say_status(DUB_WORKER_RUNNING);
    g_assert_cmpint(stream->fsm.state, ==, STREAM_RUNNING);
    g_autoptr(JsonObject) object = stream_to_json(stream, &fake_ops, dub_clock_now_ns(&fixture->clock.clock));
    g_assert_cmpstr(json_object_get_string_member(object, "state"), ==, "running");
    g_assert_cmpstr(json_object_get_string_member(object, "targetLang"), ==, "es");
    g_assert_cmpstr(json_object_get_string_member(object, "breaker"), ==, "closed");
    g_assert_cmpint(json_object_get_int_member(object, "workerPid"), ==, 1000);
}

static void test_grace_period(struct fixture *fixture, const void *data)
{
    struct stream *stream = ready(fixture, "demo", "", "s1");
    g_autofree char *run_id = g_strdup(stream->run_id);
    say_status(DUB_WORKER_RUNNING);
    registry_publisher_gone(fixture->registry, "demo", "s1");
    pass(fixture, 29 * DUB_NS_PER_S);
    g_assert_false(fakes.last->stop_asked);
    ready(fixture, "demo", "", "s2");
    pass(fixture, 60 * DUB_NS_PER_S);
    g_assert_false(fakes.last->stop_asked);
    g_assert_cmpstr(stream->run_id, ==, run_id);
    registry_publisher_gone(fixture->registry, "demo", "s2");
    pass(fixture, 30 * DUB_NS_PER_S);
    g_assert_true(fakes.last->stop_asked);
    end_worker(WORKER_END_FINISHED);
    g_assert_cmpint(stream->fsm.state, ==, STREAM_IDLE);
    g_assert_cmpuint(fakes.n_started, ==, 1);
}

/* ready of the new publisher, then the late not-ready of the one it replaced. */
static void test_late_not_ready_of_a_replaced_publisher(struct fixture *fixture, const void *data)
{
    struct stream *stream = ready(fixture, "demo", "", "s1");
    ready(fixture, "demo", "", "s2");
    g_assert_true(registry_publisher_gone(fixture->registry, "demo", "s1") == stream);
    pass(fixture, 100 * DUB_NS_PER_S);
    g_assert_false(fakes.last->stop_asked);
    g_assert_null(registry_publisher_gone(fixture->registry, "unknown", "s1"));
}

static void test_restarts_then_degraded(struct fixture *fixture, const void *data)
{
    struct stream *stream = ready(fixture, "demo", "", "s1");
    for (unsigned i = 0; i < STREAM_MAX_RESTARTS; i++) {
        end_worker(WORKER_END_FAILED);
        g_assert_null(fakes.last);
        pass(fixture, 31 * DUB_NS_PER_S);
        g_assert_nonnull(fakes.last);
    }
    g_assert_cmpuint(fixture->n_restarts, ==, STREAM_MAX_RESTARTS);
    g_assert_cmpuint(stream->restarts, ==, STREAM_MAX_RESTARTS);
    end_worker(WORKER_END_FAILED);
    g_assert_cmpint(stream->fsm.state, ==, STREAM_DEGRADED);
    g_assert_cmpstr(stream->last_error, ==, "it ended");
    struct dub_error error;
    g_assert_true(registry_publisher_seen(fixture->registry, "demo", "s1", &error));
    g_assert_null(fakes.last);
    /* Another publisher in the list means that its hook was lost. */
    g_assert_true(registry_publisher_seen(fixture->registry, "demo", "s9", &error));
    g_assert_nonnull(fakes.last);
}

static void test_phrases_count_once_and_go_on_after_a_restart(struct fixture *fixture, const void *data)
{
    struct stream *stream = ready(fixture, "demo", "", "s1");
    say_phrase(1);
    say_phrase(2);
    say_phrase(1);
    end_worker(WORKER_END_FAILED);
    pass(fixture, DUB_NS_PER_S);
    say_phrase(1);
    g_assert_cmpint(stream->ledger.last_seq, ==, 3);
    g_assert_cmpint(stream->ledger.counts[DUB_PHRASE_PASSTHROUGH], ==, 3);
    g_assert_cmpuint(fixture->n_phrases, ==, 3);
}

static void test_missing_program_degrades(struct fixture *fixture, const void *data)
{
    fakes.fail_with = DUB_ERROR_NOT_FOUND;
    struct stream *stream = ready(fixture, "demo", "", "s1");
    run_idle();
    g_assert_cmpint(stream->fsm.state, ==, STREAM_DEGRADED);
    g_assert_cmpstr(stream->last_error, ==, "cannot start");
    fakes.fail_with = DUB_ERROR_NONE;
    g_assert_true(registry_restart(fixture->registry, "demo", NULL));
    g_assert_nonnull(fakes.last);
}

static void test_workers_are_limited(struct fixture *fixture, const void *data)
{
    struct stream *stream = NULL;
    struct dub_error error = {0};
    ready(fixture, "a", "", "s1");
    ready(fixture, "b", "", "s2");
    g_assert_false(registry_publisher_ready(fixture->registry, "c", "", "s3", &stream, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_LIMIT);
    g_assert_null(registry_find(fixture->registry, "c"));
    /* One that is busy already is no new one. */
    ready(fixture, "a", "", "s1");
}

static void test_operator_starts_and_stops(struct fixture *fixture, const void *data)
{
    struct stream *stream = NULL;
    struct dub_error error = {0};
    g_autoptr(JsonObject) bad = object_of("{\"targetLang\":\"!\"}");
    g_autoptr(JsonObject) good = object_of("{\"targetLang\":\"it\"}");
    g_assert_false(registry_start(fixture->registry, "file", "a.mp4", "b.mp4", bad, &stream, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_INVALID_ARGUMENT);
    g_assert_true(registry_start(fixture->registry, "file", "a.mp4", "b.mp4", good, &stream, &error));
    g_assert_nonnull(strstr(fakes.last->environment, "WORKER_INPUT_URL=a.mp4"));
    g_assert_nonnull(strstr(fakes.last->environment, "WORKER_TARGET_LANG=it"));
    g_assert_false(registry_start(fixture->registry, "file", NULL, NULL, good, &stream, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_UNAVAILABLE);
    g_assert_true(registry_stop(fixture->registry, "file", &error));
    g_assert_true(fakes.last->stop_asked);
    end_worker(WORKER_END_FINISHED);
    g_assert_cmpint(stream->fsm.state, ==, STREAM_IDLE);
    g_assert_false(registry_restart(fixture->registry, "file", &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_UNAVAILABLE);
    g_assert_false(registry_stop(fixture->registry, "unknown", &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_STREAM_NOT_FOUND);
}

/* The router repeats a hook, or its answer was lost. */
static void test_a_repeated_hook_starts_nothing_that_was_stopped(struct fixture *fixture, const void *data)
{
    struct stream *stream = ready(fixture, "demo", "", "s1");
    g_assert_true(registry_stop(fixture->registry, "demo", NULL));
    ready(fixture, "demo", "", "s1");
    end_worker(WORKER_END_FINISHED);
    ready(fixture, "demo", "", "s1");
    g_assert_cmpint(stream->fsm.state, ==, STREAM_IDLE);
    /* The same publisher after it had left, and another one. */
    registry_publisher_gone(fixture->registry, "demo", "s1");
    ready(fixture, "demo", "", "s1");
    g_assert_cmpint(stream->fsm.state, ==, STREAM_STARTING);
    end_worker(WORKER_END_REFUSED);
    ready(fixture, "demo", "", "s1");
    g_assert_cmpint(stream->fsm.state, ==, STREAM_DEGRADED);
    ready(fixture, "demo", "", "s2");
    g_assert_cmpint(stream->fsm.state, ==, STREAM_STARTING);
}

/* An operator's own stream in the place of a publisher's does not make the publisher forgotten. */
static void test_an_operators_stream_ends_and_the_publisher_stays_stopped(struct fixture *fixture,
                                                                          const void *data)
{
    struct dub_error error = {0};
    struct stream *stream = ready(fixture, "demo", "", "s1");
    g_autoptr(JsonObject) settings = json_object_new();
    for (unsigned i = 0; i < 2; i++) {
        g_assert_true(registry_stop(fixture->registry, "demo", NULL));
        end_worker(WORKER_END_FINISHED);
        g_assert_true(registry_publisher_seen(fixture->registry, "demo", "s1", &error));
        g_assert_cmpint(stream->fsm.state, ==, STREAM_IDLE);
        if (i == 0)
            g_assert_true(
                registry_start(fixture->registry, "demo", "a.mp4", NULL, settings, &stream, &error));
    }
}

static void test_a_restart_needs_room_too(struct fixture *fixture, const void *data)
{
    struct dub_error error = {0};
    ready(fixture, "a", "", "s1");
    end_worker(WORKER_END_REFUSED);
    ready(fixture, "b", "", "s2");
    ready(fixture, "c", "", "s3");
    g_assert_false(registry_restart(fixture->registry, "a", &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_LIMIT);
    g_assert_true(registry_restart(fixture->registry, "b", &error));
    g_assert_false(registry_restart(fixture->registry, "unknown", &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_STREAM_NOT_FOUND);
}

/* A worker that counts in giant steps gets no room for it: its successor counts on from there. */
static void test_giant_numbers_of_phrases_are_ignored(struct fixture *fixture, const void *data)
{
    struct stream *stream = ready(fixture, "demo", "", "s1");
    say_phrase(G_MAXINT64);
    say_phrase(1);
    end_worker(WORKER_END_FAILED);
    pass(fixture, DUB_NS_PER_S);
    say_phrase(G_MAXINT64);
    say_phrase(G_MAXINT64 - 1);
    say_phrase(1);
    g_assert_cmpint(stream->ledger.last_seq, ==, 2);
    g_assert_cmpuint(fixture->n_phrases, ==, 2);
}

static void test_stop_all_waits_for_the_last(struct fixture *fixture, const void *data)
{
    struct dub_error error = {0};
    struct stream *stream = ready(fixture, "demo", "", "s1");
    registry_stop_all(fixture->registry, on_stopped, fixture);
    g_assert_true(fakes.last->stop_asked);
    g_assert_false(fixture->stopped);
    /* Hooks and lists that come now do not start anything. */
    g_assert_false(try_ready(fixture, "demo", "", "s2", &stream));
    g_assert_false(registry_publisher_seen(fixture->registry, "demo", "s1", &error));
    g_assert_false(registry_restart(fixture->registry, "demo", &error));
    end_worker(WORKER_END_FINISHED);
    g_assert_true(fixture->stopped);
    g_assert_cmpint(stream->fsm.state, ==, STREAM_IDLE);
    g_autofree char *record = path_in(fixture, "state/streams", "demo.json");
    g_assert_false(g_file_test(record, G_FILE_TEST_EXISTS));
}

static void test_a_run_leaves_its_bundle(struct fixture *fixture, const void *data)
{
    struct stream *stream = ready(fixture, "demo", "lang=es", "s1");
    g_autofree char *run_id = g_strdup(stream->run_id);
    say_phrase(1);
    say_phrase(2);
    g_assert_true(registry_stop(fixture->registry, "demo", NULL));
    end_worker(WORKER_END_FINISHED);
    close_registry(fixture);
    g_autofree char *ledger_path = g_build_filename(fixture->folder, "runs", run_id, "ledger.ndjson", NULL);
    g_autofree char *manifest_path = g_build_filename(fixture->folder, "runs", run_id, "manifest.json", NULL);
    g_autofree char *ledger = NULL, *manifest = NULL;
    g_assert_true(g_file_get_contents(ledger_path, &ledger, NULL, NULL));
    g_assert_true(g_file_get_contents(manifest_path, &manifest, NULL, NULL));
    g_auto(GStrv) lines = g_strsplit(ledger, "\n", -1);
    g_assert_cmpuint(g_strv_length(lines), ==, 3);
    g_autoptr(JsonObject) object = object_of(manifest);
    g_assert_cmpstr(json_object_get_string_member(object, "runId"), ==, run_id);
    static const char *const members[] = {"endedAt", "versions", "sourceLang", "voice",
                                          "exit",    "files",    NULL};
    for (unsigned i = 0; members[i] != NULL; i++)
        g_assert_true(json_object_has_member(object, members[i]));
    g_assert_cmpstr(json_object_get_string_member(object, "targetLang"), ==, "es");
    g_assert_cmpstr(json_object_get_string_member(object, "captureMode"), ==, "media");
    g_assert_cmpstr(json_object_get_string_member(object, "status"), ==, "complete");
    g_assert_cmpint(
        json_object_get_int_member(json_object_get_object_member(object, "phrases"), "passthrough"), ==, 2);
}

static void test_the_manifest_names_the_versions_in_use(struct fixture *fixture, const void *data)
{
    struct stream *stream = ready(fixture, "demo", "", "s1");
    struct dub_worker_hello hello = {.version = (char *)"9.1", .gstreamer = (char *)"1.22.0"};
    fakes.last->events.on_hello(&hello, fakes.last->user);
    struct dub_worker_status status = {.state = DUB_WORKER_RUNNING,
                                       .source_lang = (char *)"en",
                                       .target_lang = (char *)"es",
                                       .input = {.url = (char *)"in"},
                                       .output = {.url = (char *)"out"},
                                       .sts = {.mode = (char *)"enabled",
                                               .asr_engine = (char *)"whisper small",
                                               .tts_engine = (char *)"piper"}};
    fakes.last->events.on_status(&status, fakes.last->user);
    g_autoptr(JsonObject) manifest = stream_to_manifest(stream);
    JsonObject *versions = json_object_get_object_member(manifest, "versions");
    static const char *const expected[][2] = {{"mediaService", DUB_VERSION},
                                              {"mediaWorker", "9.1"},
                                              {"gstreamer", "1.22.0"},
                                              {"asr", "whisper small"},
                                              {"tts", "piper"}};
    for (unsigned i = 0; i < G_N_ELEMENTS(expected); i++)
        g_assert_cmpstr(json_object_get_string_member_with_default(versions, expected[i][0], NULL), ==,
                        expected[i][1]);
    g_assert_cmpuint(json_object_get_size(versions), ==, G_N_ELEMENTS(expected));
    /* Another run may be dubbed by another program. */
    stop_as_operator(fixture, "demo");
    ready(fixture, "demo", "", "s2");
    g_autoptr(JsonObject) next = stream_to_manifest(stream);
    g_assert_cmpuint(json_object_get_size(json_object_get_object_member(next, "versions")), ==, 1);
}

static void test_idle_streams_are_forgotten(struct fixture *fixture, const void *data)
{
    for (unsigned i = 0; i < 150; i++) {
        g_autofree char *id = g_strdup_printf("s%u", i);
        ready(fixture, id, "", "x");
        registry_publisher_gone(fixture->registry, id, "x");
        pass(fixture, 30 * DUB_NS_PER_S);
        end_worker(WORKER_END_FINISHED);
    }
    g_assert_null(registry_find(fixture->registry, "s0"));
    g_assert_nonnull(registry_find(fixture->registry, "s149"));
    g_autoptr(GList) all = registry_list(fixture->registry);
    g_assert_cmpuint(g_list_length(all), <=, 102);
    g_assert_cmpuint(fixture->n_forgotten, >=, 48);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("settings-and-urls-reach-the-worker", test_settings_and_urls_reach_the_worker, 0);
    ADD("state-follows-the-worker", test_state_follows_the_worker, 0);
    ADD("grace-period", test_grace_period, 0);
    ADD("late-not-ready-of-a-replaced-publisher", test_late_not_ready_of_a_replaced_publisher, 0);
    ADD("restarts-then-degraded", test_restarts_then_degraded, 0);
    ADD("phrases-count-once-and-go-on-after-a-restart", test_phrases_count_once_and_go_on_after_a_restart, 0);
    ADD("missing-program-degrades", test_missing_program_degrades, 0);
    ADD("workers-are-limited", test_workers_are_limited, 2);
    ADD("operator-starts-and-stops", test_operator_starts_and_stops, 0);
    ADD("a-repeated-hook-starts-nothing-that-was-stopped",
        test_a_repeated_hook_starts_nothing_that_was_stopped, 0);
    ADD("an-operators-stream-ends-and-the-publisher-stays-stopped",
        test_an_operators_stream_ends_and_the_publisher_stays_stopped, 0);
    ADD("a-restart-needs-room-too", test_a_restart_needs_room_too, 2);
    ADD("giant-numbers-of-phrases-are-ignored", test_giant_numbers_of_phrases_are_ignored, 0);
    ADD("stop-all-waits-for-the-last", test_stop_all_waits_for_the_last, 0);
    ADD("a-run-leaves-its-bundle", test_a_run_leaves_its_bundle, 0);
    ADD("the-manifest-names-the-versions-in-use", test_the_manifest_names_the_versions_in_use, 0);
    ADD("idle-streams-are-forgotten", test_idle_streams_are_forgotten, 0);
    return g_test_run();
}
