/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An operator's stop lasts until the publisher goes, whatever becomes of media-service. */
#include "registry_test_support.h"

/* The next media-service: after a crash, when the workers are as good as gone, or after an orderly stop. */
static void reopen(struct fixture *fixture, bool in_order)
{
    if (in_order)
        registry_stop_all(fixture->registry, on_stopped, fixture);
    if (in_order && fakes.last != NULL)
        end_worker(WORKER_END_FINISHED);
    close_registry(fixture);
    open_registry(fixture, 0);
    registry_adopt(fixture->registry);
}

static void see(struct fixture *fixture, const char *id, const char *source)
{
    struct dub_error error = {0};
    g_assert_true(registry_publisher_seen(fixture->registry, id, source, &error));
}

static unsigned n_stop_records(const struct fixture *fixture)
{
    g_autoptr(GPtrArray) ids = state_dir_list_stops(fixture->state_dir);
    return ids->len;
}

static void test_an_operators_stop_outlives_media_service(struct fixture *fixture, const void *data)
{
    ready(fixture, "demo", "", "s1");
    stop_as_operator(fixture, "demo");
    for (unsigned i = 0; i < 3; i++) {
        reopen(fixture, i > 0);
        see(fixture, "demo", "s1");
        ready(fixture, "demo", "", "s1");
        g_assert_null(fakes.last);
        const struct stream *stream = registry_find(fixture->registry, "demo");
        g_autoptr(JsonObject) object = stream_to_json(stream, &fake_ops, 0);
        g_assert_true(json_object_get_boolean_member(object, "stoppedByOperator"));
    }
    /* The publisher goes: the stop is over, also for those who come later. */
    registry_publisher_missing(fixture->registry, "demo");
    g_assert_cmpuint(n_stop_records(fixture), ==, 0);
    reopen(fixture, false);
    see(fixture, "demo", "s1");
    g_assert_nonnull(fakes.last);
}

static void test_a_stop_ends_with_another_publisher_or_an_operators_start(struct fixture *fixture,
                                                                          const void *data)
{
    struct stream *stream = NULL;
    g_autoptr(JsonObject) settings = json_object_new();
    ready(fixture, "a", "", "s1");
    stop_as_operator(fixture, "a");
    ready(fixture, "b", "", "s2");
    stop_as_operator(fixture, "b");
    g_assert_cmpuint(n_stop_records(fixture), ==, 2);
    reopen(fixture, true);
    see(fixture, "a", "s9");
    g_assert_nonnull(fakes.last);
    g_assert_cmpuint(n_stop_records(fixture), ==, 1);
    g_assert_true(registry_start(fixture->registry, "b", NULL, NULL, settings, &stream, NULL));
    g_assert_cmpint(stream->fsm.state, ==, STREAM_STARTING);
    g_assert_cmpuint(n_stop_records(fixture), ==, 0);
}

static void test_the_end_of_media_service_is_no_operators_stop(struct fixture *fixture, const void *data)
{
    ready(fixture, "demo", "", "s1");
    reopen(fixture, true);
    g_assert_cmpuint(n_stop_records(fixture), ==, 0);
    see(fixture, "demo", "s1");
    g_assert_nonnull(fakes.last);
}

static void test_damaged_records_of_stops_do_no_harm(struct fixture *fixture, const void *data)
{
    static const char *const texts[] = {"", "{", "[]", "{}", "{\"sourceId\": 3}", NULL};
    for (unsigned i = 0; texts[i] != NULL; i++) {
        g_autofree char *path = path_in(fixture, "state/stopped", "demo.json");
        g_assert_true(g_file_set_contents(path, texts[i], -1, NULL));
        reopen(fixture, false);
        g_assert_cmpuint(n_stop_records(fixture), ==, 0);
    }
    see(fixture, "demo", "s1");
    g_assert_nonnull(fakes.last);
}

/* Hundreds of publishers that stay although nobody wants them dubbed. */
static void test_stopped_streams_are_remembered_beyond_the_idle_ones(struct fixture *fixture,
                                                                     const void *data)
{
    for (unsigned i = 0; i < 300; i++) {
        g_autofree char *id = g_strdup_printf("s%u", i);
        ready(fixture, id, "", "x");
        stop_as_operator(fixture, id);
    }
    for (unsigned i = 0; i < 300; i++) {
        g_autofree char *id = g_strdup_printf("s%u", i);
        see(fixture, id, "x");
    }
    g_assert_null(fakes.last);
    g_assert_cmpuint(fakes.n_started, ==, 300);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("an-operators-stop-outlives-media-service", test_an_operators_stop_outlives_media_service, 0);
    ADD("a-stop-ends-with-another-publisher-or-an-operators-start",
        test_a_stop_ends_with_another_publisher_or_an_operators_start, 0);
    ADD("the-end-of-media-service-is-no-operators-stop", test_the_end_of_media_service_is_no_operators_stop,
        0);
    ADD("damaged-records-of-stops-do-no-harm", test_damaged_records_of_stops_do_no_harm, 0);
    ADD("stopped-streams-are-remembered-beyond-the-idle-ones",
        test_stopped_streams_are_remembered_beyond_the_idle_ones, 0);
    return g_test_run();
}
