/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "metrics.h"

#include <libsoup/soup.h>
#include <string.h>

static void on_close(struct router_publisher *publisher, const char *reason)
{
}

static const struct router_publisher_ops publisher_ops = {"fakeConn", on_close};

static void on_answer(GObject *object, GAsyncResult *result, gpointer user)
{
    GBytes **body = user;
    *body = soup_session_send_and_read_finish(SOUP_SESSION(object), result, NULL);
    g_assert_nonnull(*body);
}

static char *scrape(const struct router_metrics *metrics)
{
    g_autofree char *url = g_strdup_printf("http://127.0.0.1:%u/metrics", router_metrics_port(metrics));
    g_autoptr(SoupSession) session = soup_session_new();
    g_autoptr(SoupMessage) message = soup_message_new("GET", url);
    GBytes *body = NULL;
    soup_session_send_and_read_async(session, message, G_PRIORITY_DEFAULT, NULL, on_answer, &body);
    while (body == NULL)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpuint(soup_message_get_status(message), ==, 200);
    gsize size;
    const char *data = g_bytes_get_data(body, &size);
    char *text = g_strndup(data, size);
    g_bytes_unref(body);
    return text;
}

static void assert_line(const char *text, const char *line)
{
    if (strstr(text, line) == NULL)
        g_error("no line %s in %s", line, text);
}

/* Without RTMP too: what has ended is gone with the next scrape. */
static void test_paths_come_and_go(void)
{
    static const uint8_t avc[] = {0x17, 0, 0, 0, 0, 1};
    struct router_config *config = router_config_new();
    struct hook_pool *hooks = hook_pool_new(NULL, NULL);
    router_config_add_path(config, ROUTER_ALL_OTHERS);
    struct router *router = router_new(config, hooks, 0);
    struct router_metrics *metrics = router_metrics_new("127.0.0.1:0", router, NULL, NULL, NULL);
    struct router_publisher publisher = {&publisher_ops, (char *)"id", NULL};
    g_assert_true(router_publish(router, "live/a", "", &publisher, NULL));
    router_write(router, &publisher, media_message_new(MEDIA_VIDEO, 0, g_bytes_new_static(avc, sizeof avc)));
    router_counters(router)->refused = 7;
    g_autofree char *during = scrape(metrics);
    assert_line(during, "\npaths{name=\"live/a\",state=\"notReady\"} 1\n");
    assert_line(during, "\npaths_inbound_bytes{name=\"live/a\",state=\"notReady\"} 6\n");
    assert_line(during, "# HELP paths_readers ");
    assert_line(during, "# TYPE router_readers_too_slow_total counter");
    assert_line(during, "\nrouter_connections_refused_total 7\n");
    assert_line(during, "\nrouter_media_held_bytes 166\n"); /* the sequence header */
    router_unpublish(router, &publisher);
    g_autofree char *after = scrape(metrics);
    g_assert_null(strstr(after, "live/a"));
    router_metrics_free(metrics);
    router_metrics_free(NULL);
    router_free(router);
    hook_pool_free(hooks);
    router_config_free(config);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/metrics/paths-come-and-go", test_paths_come_and_go);
    return g_test_run();
}
