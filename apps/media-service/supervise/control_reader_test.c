/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control_reader.h"

#include <string.h>

struct heard {
    unsigned hellos, statuses, phrases;
    double last_delta_ms;
    int64_t last_seq;
};

/* A worker of the stream "demo" is expected. */
static bool on_hello(const struct dub_worker_hello *hello, void *user)
{
    ((struct heard *)user)->hellos++;
    return strcmp(hello->stream_id, "demo") == 0;
}

static void on_status(const struct dub_worker_status *status, void *user)
{
    struct heard *heard = user;
    heard->statuses++;
    heard->last_delta_ms = status->av_sync_delta_ms;
}

static void on_phrase(const struct dub_ledger_line *line, void *user)
{
    struct heard *heard = user;
    heard->phrases++;
    heard->last_seq = line->seq;
}

static const struct control_reader_events events = {on_hello, on_status, on_phrase};

#define HELLO_OF(id, more)                                                                                   \
    "{\"type\":\"hello\",\"streamId\":\"" id "\",\"runId\":\"r\",\"instanceId\":\"i\",\"pid\":1,"            \
    "\"version\":\"0\"" more "}\n"
#define HELLO HELLO_OF("demo", "")
#define STATUS_WITH(uptime, more)                                                                            \
    "{\"type\":\"status\",\"state\":\"running\",\"uptimeMs\":" uptime                                        \
    ",\"sourceLang\":\"en\",\"targetLang\":\"es\",\"latencyMs\":3000,\"input\":{\"url\":\"\","               \
    "\"connected\":true},\"output\":{\"url\":\"\",\"connected\":true},\"sts\":{\"mode\":\"enabled\","        \
    "\"connected\":true,\"breaker\":\"closed\",\"rtt\":{\"counts\":[0,0,0,0,0,0,0,0,0],\"sumMs\":0}}" more   \
    "}\n"
#define STATUS STATUS_WITH("1", "")
#define PHRASE_WITH(seq, more)                                                                               \
    "{\"type\":\"phrase\",\"phrase\":{\"seq\":" seq ",\"startMs\":0,\"endMs\":1,\"state\":\"dubbed\"" more   \
    "}}\n"
#define PHRASE PHRASE_WITH("1", "")

/* In pieces of step bytes. */
static bool say(const char *text, gsize size, gsize step, struct heard *heard, struct dub_error *error)
{
    struct control_reader reader;
    bool ok = true;
    *heard = (struct heard){0};
    *error = (struct dub_error){0};
    control_reader_init(&reader, &events, heard);
    for (gsize at = 0; ok && at < size; at += step)
        ok = control_reader_take(&reader, text + at, MIN(step, size - at), error);
    control_reader_clear(&reader);
    return ok;
}

static void test_lines_in_any_pieces(void)
{
    static const char text[] =
        HELLO STATUS PHRASE "{\"type\":\"of a newer worker\",\"x\":[1,2]}\n" PHRASE "{\"half";
    for (gsize step = 1; step <= strlen(text); step++) {
        struct heard heard;
        struct dub_error error;
        if (!say(text, strlen(text), step, &heard, &error))
            g_error("in pieces of %zu: %s", step, error.message);
        g_assert_cmpuint(heard.hellos, ==, 1);
        g_assert_cmpuint(heard.statuses, ==, 1);
        g_assert_cmpuint(heard.phrases, ==, 2);
    }
}

static void test_another_version_is_understood(void)
{
    static const char text[] = HELLO_OF("demo", ",\"protocol\":9,\"features\":{\"a\":[]}") STATUS_WITH(
        "1", ",\"newGauge\":7,\"phrases\":{\"sung\":3}") "{\"type\":\"goodbye\"}\n{}"
                                                         "\n" PHRASE_WITH("1", ",\"mood\":\"merry\"");
    struct heard heard;
    struct dub_error error;
    if (!say(text, strlen(text), strlen(text), &heard, &error))
        g_error("%s", error.message);
    g_assert_cmpuint(heard.statuses, ==, 1);
    g_assert_cmpuint(heard.phrases, ==, 1);
}

static void test_lies_end_the_connection(void)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        {STATUS, "first message is not a hello"},
        {PHRASE, "first message is not a hello"},
        {"{\"type\":\"goodbye\"}\n", "first message is not a hello"},
        {HELLO_OF("other", "") STATUS, "another worker"},
        {HELLO HELLO_OF("other", "") STATUS, "another worker"},
        {HELLO_OF("../demo", "") STATUS, "streamId"},
        {HELLO "\n" STATUS, ""},
        {HELLO "[]\n" STATUS, "must be a JSON object"},
        {HELLO "\"status\"\n" STATUS, "must be a JSON object"},
        {HELLO "{]\n" STATUS, ""},
        {HELLO "\xff\n" STATUS, ""},
        {HELLO STATUS_WITH("NaN", "") STATUS, ""},
        {HELLO STATUS_WITH("-1", "") STATUS, "uptimeMs"},
        {HELLO STATUS_WITH("1e400", "") STATUS, "uptimeMs"},
        {HELLO STATUS_WITH("99999999999999999999", "") STATUS, "uptimeMs"},
        {HELLO STATUS_WITH("1.5", "") STATUS, "uptimeMs"},
        {HELLO STATUS_WITH("\"1\"", "") STATUS, "uptimeMs"},
        {HELLO STATUS_WITH("1", ",\"avSyncDeltaMs\":1e300") STATUS, "avSyncDeltaMs"},
        {HELLO STATUS_WITH("1", ",\"avSyncDeltaMs\":Infinity") STATUS, ""},
        {HELLO STATUS_WITH("1", ",\"fallbacks\":{\"a\":-1}") STATUS, "fallbacks.a"},
        {HELLO PHRASE_WITH("0", "") STATUS, "seq"},
        {HELLO PHRASE_WITH("1e30", "") STATUS, "seq"},
        {HELLO PHRASE_WITH("1", ",\"speedRatio\":1e9") STATUS, "speedRatio"},
        {HELLO PHRASE_WITH("1", ",\"lagMs\":1e18") STATUS, "lagMs"},
        {HELLO "{\"type\":\"phrase\",\"phrase\":7}\n" STATUS, "phrase"},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct heard heard;
        struct dub_error error;
        if (say(cases[i].text, strlen(cases[i].text), 7, &heard, &error))
            g_error("accepted: %s", cases[i].text);
        g_assert_cmpuint(heard.statuses, ==, 0);
        if (*error.message == '\0' || strstr(error.message, cases[i].why) == NULL)
            g_error("%s: \"%s\"", cases[i].text, error.message);
    }
}

static void test_endless_lines_are_cut_off(void)
{
    g_autofree char *line = g_strnfill(DUB_CONTROL_LINE_BYTES_MAX + 2, ' ');
    struct heard heard;
    struct dub_error error;
    line[0] = '{';
    line[1] = '}';
    /* As long as a line may be, whole and without an end; then one byte longer. */
    line[DUB_CONTROL_LINE_BYTES_MAX] = '\n';
    g_assert_false(say(line, DUB_CONTROL_LINE_BYTES_MAX + 1, 4096, &heard, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_PROTOCOL);
    g_assert_true(say(line, DUB_CONTROL_LINE_BYTES_MAX, 4096, &heard, &error));
    line[DUB_CONTROL_LINE_BYTES_MAX] = ' ';
    line[DUB_CONTROL_LINE_BYTES_MAX + 1] = '\n';
    for (gsize step = 4096; step <= DUB_CONTROL_LINE_BYTES_MAX + 2; step *= 5) {
        g_assert_false(say(line, DUB_CONTROL_LINE_BYTES_MAX + 2, step, &heard, &error));
        g_assert_cmpint(error.code, ==, DUB_ERROR_LIMIT);
    }
}

static void test_a_new_connection_begins_anew(void)
{
    struct control_reader reader;
    struct heard heard = {0};
    struct dub_error error = {0};
    control_reader_init(&reader, &events, &heard);
    g_assert_true(control_reader_take(&reader, HELLO STATUS "{\"ty", strlen(HELLO STATUS) + 4, &error));
    control_reader_reset(&reader);
    g_assert_false(control_reader_take(&reader, STATUS, strlen(STATUS), &error));
    control_reader_reset(&reader);
    g_assert_true(control_reader_take(&reader, HELLO STATUS, strlen(HELLO STATUS), &error));
    g_assert_cmpuint(heard.statuses, ==, 2);
    control_reader_clear(&reader);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/control-reader/lines-in-any-pieces", test_lines_in_any_pieces);
    g_test_add_func("/control-reader/another-version-is-understood", test_another_version_is_understood);
    g_test_add_func("/control-reader/lies-end-the-connection", test_lies_end_the_connection);
    g_test_add_func("/control-reader/endless-lines-are-cut-off", test_endless_lines_are_cut_off);
    g_test_add_func("/control-reader/a-new-connection-begins-anew", test_a_new_connection_begins_anew);
    return g_test_run();
}
