/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "event_log.h"

#include <string.h>

#define BEGAN_MS 1700000000000

static const char *text_of(GBytes *event)
{
    return g_bytes_get_data(event, NULL); /* not larger than its text and the NUL after it */
}

static bool list(const struct event_log *log, const char *id, unsigned *n)
{
    g_autoptr(GPtrArray) events = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    bool known = event_log_list_after(log, id, events);
    *n = events->len;
    g_assert_true(known || *n == 0);
    return known;
}

static void test_what_was_missed_is_told(void)
{
    struct event_log *log = event_log_new(BEGAN_MS);
    g_autoptr(GPtrArray) events = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    unsigned n;
    const char *first = text_of(event_log_add(log, "state", "{}"));
    g_assert_true(g_str_has_prefix(first, "id: 1700000000000-1\nevent: state\ndata: {}\n\n"));
    event_log_add(log, "phrase", "{\"a\":1}");
    event_log_add(log, "state", "{\"b\":2}");
    g_assert_true(event_log_list_after(log, "1700000000000-1", events));
    g_assert_cmpuint(events->len, ==, 2);
    g_assert_nonnull(strstr(text_of(events->pdata[0]), "-2\nevent: phrase\n"));
    g_assert_nonnull(strstr(text_of(events->pdata[1]), "-3\nevent: state\n"));
    g_assert_true(list(log, "1700000000000-3", &n));
    g_assert_cmpuint(n, ==, 0);
    event_log_free(log);
}

/* Of an earlier program, never given out, nonsense. */
static void test_unknown_ids_are_told_apart(void)
{
    static const char *const ids[] = {"1700000000000-2",
                                      "1699999999999-1",
                                      "",
                                      "1700000000000-0",
                                      "1700000000000--1",
                                      "1700000000000-",
                                      "1700000000000-x",
                                      "1700000000000-1 ",
                                      "1",
                                      "-1",
                                      "99999999999999999999-1",
                                      NULL};
    struct event_log *log = event_log_new(BEGAN_MS);
    unsigned n;
    g_assert_false(list(log, "1700000000000-1", &n));
    event_log_add(log, "state", "{}");
    for (unsigned i = 0; ids[i] != NULL; i++)
        if (list(log, ids[i], &n))
            g_error("\"%s\" is taken for one of ours", ids[i]);
    g_assert_true(list(log, "1700000000000-1", &n));
    event_log_free(log);
    event_log_free(NULL);
}

static void test_memory_is_bounded(void)
{
    struct event_log *log = event_log_new(BEGAN_MS);
    unsigned n;
    for (unsigned i = 0; i < EVENT_LOG_MAX_EVENTS + 5; i++)
        event_log_add(log, "state", "{}");
    g_assert_false(list(log, "1700000000000-4", &n));
    g_assert_true(list(log, "1700000000000-5", &n));
    g_assert_cmpuint(n, ==, EVENT_LOG_MAX_EVENTS);
    g_autofree char *large = g_strnfill(EVENT_LOG_MAX_BYTES / 2, 'x');
    for (unsigned i = 0; i < 4; i++)
        event_log_add(log, "state", large);
    g_assert_true(list(log, "1700000000000-1008", &n));
    g_assert_cmpuint(n, ==, 1);
    g_assert_false(list(log, "1700000000000-1006", &n));
    g_autofree char *huge = g_strnfill(2 * EVENT_LOG_MAX_BYTES, 'x');
    g_assert_cmpuint(g_bytes_get_size(event_log_add(log, "state", huge)), >, strlen(huge));
    g_assert_true(list(log, "1700000000000-1009", &n));
    g_assert_cmpuint(n, ==, 1);
    event_log_free(log);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/event-log/what-was-missed-is-told", test_what_was_missed_is_told);
    g_test_add_func("/event-log/unknown-ids-are-told-apart", test_unknown_ids_are_told_apart);
    g_test_add_func("/event-log/memory-is-bounded", test_memory_is_bounded);
    return g_test_run();
}
