/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <dubbing_log.h>

#include "test_support.h"

#include <dubbing_json.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

struct fixture {
    char *dir;
    char *path;
};

static void set_up(struct fixture *fixture, const void *data)
{
    fixture->dir = test_directory_new();
    fixture->path = g_build_filename(fixture->dir, "tester-demo.log", NULL);
}

static void tear_down(struct fixture *fixture, const void *data)
{
    dub_log_clear();
    test_directory_remove(fixture->dir);
    g_free(fixture->path);
}

static void init_log(const struct fixture *fixture, const char *level, int64_t max_bytes, int max_files)
{
    dub_log_init(&(struct dub_log_config){.component = "tester",
                                          .instance_id = "i1",
                                          .stream_id = "demo",
                                          .run_id = "r1",
                                          .level = level,
                                          .format = "json",
                                          .dir = fixture->dir,
                                          .max_bytes = max_bytes,
                                          .max_files = max_files});
}

static char **read_lines(const char *path)
{
    g_autofree char *text = NULL;
    if (!g_file_get_contents(path, &text, NULL, NULL))
        return g_new0(char *, 1);
    g_assert_true(g_str_has_suffix(text, "\n"));
    text[strlen(text) - 1] = '\0';
    return g_strsplit(text, "\n", -1);
}

static JsonNode *parse_line(const char *line)
{
    struct dub_error error;
    JsonNode *node = dub_json_parse(line, strlen(line), &error);
    if (node == NULL)
        g_error("not JSON: %s: %s", error.message, line);
    return node;
}

static void assert_member(JsonNode *node, const char *name, const char *value)
{
    g_assert_cmpstr(json_object_get_string_member_with_default(json_node_get_object(node), name, NULL), ==,
                    value);
}

static void test_line_has_the_correlation_ids(struct fixture *fixture, const void *data)
{
    init_log(fixture, "info", 1 << 20, 3);
    dub_log_info("hello %d", 1);
    struct dub_log_context context = {
        .stream_id = "other", .fragment_id = "f1", .session_id = "s1", .worker_id = "w1"};
    dub_log(DUB_LOG_WARN, &context, "for another stream");
    g_auto(GStrv) lines = read_lines(fixture->path);
    g_assert_cmpuint(g_strv_length(lines), ==, 2);
    g_autoptr(JsonNode) first = parse_line(lines[0]);
    g_autoptr(JsonNode) second = parse_line(lines[1]);
    assert_member(first, "component", "tester");
    assert_member(first, "instanceId", "i1");
    assert_member(first, "streamId", "demo");
    assert_member(first, "runId", "r1");
    assert_member(first, "level", "info");
    assert_member(first, "message", "hello 1");
    assert_member(second, "streamId", "other");
    assert_member(second, "fragmentId", "f1");
    assert_member(second, "sessionId", "s1");
    assert_member(second, "workerId", "w1");
    assert_member(second, "level", "warn");
}

static void test_levels_below_are_left_out(struct fixture *fixture, const void *data)
{
    init_log(fixture, "warn", 1 << 20, 3);
    dub_log_debug("no");
    dub_log_info("no");
    dub_log_warn("yes");
    dub_log_error("yes");
    g_auto(GStrv) lines = read_lines(fixture->path);
    g_assert_cmpuint(g_strv_length(lines), ==, 2);
}

static void test_hostile_text_stays_one_json_line(struct fixture *fixture, const void *data)
{
    init_log(fixture, "debug", 1 << 20, 3);
    g_autofree char *all = g_malloc0(256);
    for (int i = 1; i < 256; i++)
        all[i - 1] = (char)i;
    dub_log(DUB_LOG_INFO, &(struct dub_log_context){"\"}\xff\n", NULL, NULL}, "%s", all);
    g_auto(GStrv) lines = read_lines(fixture->path);
    g_assert_cmpuint(g_strv_length(lines), ==, 1);
    g_autoptr(JsonNode) node = parse_line(lines[0]);
    g_assert_nonnull(node);
}

static void test_long_messages_are_cut(struct fixture *fixture, const void *data)
{
    init_log(fixture, "debug", 1 << 20, 3);
    g_autofree char *text = g_strnfill(5001, 'x');
    for (unsigned i = 1; i + 1 < 5001; i += 2)
        memcpy(text + i, (const char[]){'\xc3', '\xa9'}, 2);
    dub_log_info("%s", text);
    g_auto(GStrv) lines = read_lines(fixture->path);
    g_autoptr(JsonNode) node = parse_line(lines[0]);
    const char *message = json_object_get_string_member(json_node_get_object(node), "message");
    g_assert_cmpuint(strlen(message), ==, 4095);
    g_assert_true(g_str_has_suffix(message, "\xc3\xa9"));
}

static void test_files_are_rotated_and_bounded(struct fixture *fixture, const void *data)
{
    init_log(fixture, "info", 2000, 3);
    for (unsigned i = 0; i < 100; i++)
        dub_log_info("message number %u", i);
    for (unsigned i = 0; i < 4; i++) {
        g_autofree char *path = i == 0 ? g_strdup(fixture->path) : g_strdup_printf("%s.%u", fixture->path, i);
        GStatBuf info;
        bool exists = g_stat(path, &info) == 0;
        g_assert_true(exists == (i < 3));
        if (exists)
            g_assert_cmpint(info.st_size, <=, 2000);
    }
    g_auto(GStrv) lines = read_lines(fixture->path);
    g_assert_nonnull(strstr(lines[g_strv_length(lines) - 1], "message number 99"));
}

static void test_one_file_is_started_anew(struct fixture *fixture, const void *data)
{
    init_log(fixture, "info", 1000, 1);
    for (unsigned i = 0; i < 50; i++)
        dub_log_info("message number %u", i);
    g_autofree char *second = g_strconcat(fixture->path, ".1", NULL);
    g_assert_false(g_file_test(second, G_FILE_TEST_EXISTS));
    g_auto(GStrv) lines = read_lines(fixture->path);
    g_assert_nonnull(strstr(lines[g_strv_length(lines) - 1], "message number 49"));
}

static void test_a_restart_appends(struct fixture *fixture, const void *data)
{
    init_log(fixture, "info", 1 << 20, 3);
    dub_log_info("first");
    dub_log_clear();
    init_log(fixture, "info", 1 << 20, 3);
    dub_log_info("second");
    g_auto(GStrv) lines = read_lines(fixture->path);
    g_assert_cmpuint(g_strv_length(lines), ==, 2);
}

static void test_glib_messages_arrive_here(struct fixture *fixture, const void *data)
{
    init_log(fixture, "info", 1 << 20, 3);
    g_log_structured("Some-Library", G_LOG_LEVEL_INFO, "MESSAGE", "from a library %d", 7);
    g_log_structured("Some-Library", G_LOG_LEVEL_DEBUG, "MESSAGE", "too quiet");
    g_auto(GStrv) lines = read_lines(fixture->path);
    g_assert_cmpuint(g_strv_length(lines), ==, 1);
    g_autoptr(JsonNode) node = parse_line(lines[0]);
    assert_member(node, "domain", "Some-Library");
    assert_member(node, "message", "from a library 7");
}

static void test_unwritable_directory_is_said_once(void)
{
    if (g_test_subprocess()) {
        dub_log_init(&(struct dub_log_config){.component = "tester",
                                              .level = "info",
                                              .format = "text",
                                              .dir = "/proc/nonexistent",
                                              .max_bytes = 1000,
                                              .max_files = 2});
        dub_log_info("still\nheard");
        dub_log(DUB_LOG_INFO, &(struct dub_log_context){.stream_id = "s1"}, "and again");
        dub_log_clear();
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
    g_test_trap_assert_stderr("*cannot write the log file*");
    g_test_trap_assert_stderr_unmatched("*cannot write*cannot write*");
    g_test_trap_assert_stderr("*info  tester: still?nheard*tester?s1]: and again*");
}

/* A file stands where the folder should be, and goes: lines before are missing, and that is in the file. */
static void test_a_directory_that_can_be_written_again(struct fixture *fixture, const void *data)
{
    g_autofree char *dir = g_build_filename(fixture->dir, "logs", NULL);
    g_autofree char *path = g_build_filename(dir, "tester.log", NULL);
    g_assert_true(g_file_set_contents(dir, "", 0, NULL));
    dub_log_init(&(struct dub_log_config){.component = "tester",
                                          .level = "info",
                                          .format = "json",
                                          .dir = dir,
                                          .max_bytes = 1000,
                                          .max_files = 2});
    dub_log_info("one");
    dub_log_info("two");
    g_assert_cmpint(g_unlink(dir), ==, 0);
    dub_log_info("three");
    dub_log_info("four");
    g_auto(GStrv) lines = read_lines(path);
    g_assert_cmpuint(g_strv_length(lines), ==, 3);
    g_autoptr(JsonNode) again = parse_line(lines[1]);
    g_assert_nonnull(strstr(lines[0], "three"));
    g_assert_nonnull(strstr(json_object_get_string_member(json_node_get_object(again), "message"),
                            "is written again; 2 lines are missing"));
    g_assert_nonnull(strstr(lines[2], "four"));
}

static void test_forwarded_lines(void)
{
    if (g_test_subprocess()) {
        dub_log_init(&(struct dub_log_config){.component = "parent", .level = "info", .format = "json"});
        dub_log_forward(NULL, "{\"component\":\"child\"}");
        dub_log_forward(&(struct dub_log_context){.stream_id = "demo"}, "Segmentation fault");
        dub_log_forward(NULL, "cannot open rtmp://h.example/app/key");
        dub_log_clear();
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
    g_test_trap_assert_stderr("{\"component\":\"child\"}\n*");
    g_test_trap_assert_stderr(
        "*\"warn\",\"component\":\"parent\"*\"streamId\":\"demo\",\"message\":\"Segmentation fault\"*");
    g_test_trap_assert_stderr("*cannot open rtmp://h.example/app/???\"*");
    g_test_trap_assert_stderr_unmatched("*app/key*");
}

static void test_forwarded_lines_are_text_on_a_terminal(void)
{
    if (g_test_subprocess()) {
        dub_log_init(&(struct dub_log_config){.component = "parent", .level = "info", .format = "text"});
        dub_log_forward(
            NULL, "{\"timestamp\":\"2026-01-02T03:04:05.678Z\",\"level\":\"error\",\"component\":\"child\","
                  "\"streamId\":\"demo\",\"message\":\"it\\nbroke\"}");
        dub_log_forward(NULL, "{\"not\":\"ours\"}");
        dub_log_clear();
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
    g_test_trap_assert_stderr("03:04:05.678 error child?demo?: it?nbroke\n{\"not\":\"ours\"}\n*");
}

/* stderr of this process as a pipe that is read when the test wants it to be. */
struct piped {
    int reader, saved;
};

static void pipe_stderr(struct piped *piped)
{
    int ends[2];
    g_assert_cmpint(pipe(ends), ==, 0);
    piped->reader = ends[0];
    piped->saved = dup(STDERR_FILENO);
    g_assert_cmpint(dup2(ends[1], STDERR_FILENO), ==, STDERR_FILENO);
    close(ends[1]);
    g_assert_cmpint(fcntl(piped->reader, F_SETFL, O_NONBLOCK), ==, 0);
}

static char *read_pipe(const struct piped *piped)
{
    char bytes[4096];
    ssize_t n;
    GString *text = g_string_new(NULL);
    while ((n = read(piped->reader, bytes, sizeof(bytes))) > 0)
        g_string_append_len(text, bytes, n);
    return g_string_free(text, FALSE);
}

static void give_stderr_back(const struct piped *piped)
{
    g_assert_cmpint(dup2(piped->saved, STDERR_FILENO), ==, STDERR_FILENO);
    close(piped->saved);
    close(piped->reader);
}

static guint count_of(const char *text, const char *what)
{
    guint n = 0;
    for (const char *at = text; (at = strstr(at, what)) != NULL; at++)
        n++;
    return n;
}

/* Lines of every length, so that one is cut where the pipe is full. */
static void test_a_pipe_that_nobody_reads_holds_up_nobody(struct fixture *fixture, const void *data)
{
    enum { LINES = 1000 };
    struct piped piped;
    g_autofree char *filler = g_strnfill(4000, 'x');
    init_log(fixture, "info", 1 << 30, 3);
    pipe_stderr(&piped);
    for (unsigned i = 0; i < LINES; i++)
        dub_log_info("line %u, %.*s;", i, (int)(i * 37 % 4000), filler);
    dub_log_forward(NULL, "{\"component\":\"child\"}");
    g_autofree char *before = read_pipe(&piped);
    dub_log_info("the last");
    dub_log_info("nothing is missing between this and the last");
    g_autofree char *after = read_pipe(&piped);
    give_stderr_back(&piped);

    guint n_read = count_of(before, ";\"}\n");
    g_assert_cmpuint(n_read, >, 0);
    g_assert_cmpuint(n_read, <, LINES);
    g_autofree char *said =
        g_strdup_printf("\"%u lines are missing here: nobody read them\"}\n", LINES + 1 - n_read);
    g_assert_nonnull(strstr(after, said));
    g_assert_cmpuint(count_of(after, "are missing"), ==, 1);
    g_auto(GStrv) last = g_strsplit(after, "\n", -1);
    g_assert_true(g_str_has_suffix(last[g_strv_length(last) - 3], "\"the last\"}"));
    /* The file has them all. */
    g_auto(GStrv) kept = read_lines(fixture->path);
    g_assert_cmpuint(g_strv_length(kept), ==, LINES + 2);
}

static void *log_many(void *user)
{
    for (unsigned i = 0; i < 200; i++)
        dub_log_info("from a thread %u", i);
    return NULL;
}

static void test_threads_do_not_mix_lines(struct fixture *fixture, const void *data)
{
    GThread *threads[4];
    init_log(fixture, "info", 1 << 20, 3);
    for (unsigned i = 0; i < G_N_ELEMENTS(threads); i++)
        threads[i] = g_thread_new("logger", log_many, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(threads); i++)
        g_thread_join(threads[i]);
    g_auto(GStrv) lines = read_lines(fixture->path);
    g_assert_cmpuint(g_strv_length(lines), ==, 800);
    for (unsigned i = 0; i < 800; i++) {
        g_autoptr(JsonNode) node = parse_line(lines[i]);
        g_assert_nonnull(node);
    }
}

#define ADD(name, function) g_test_add("/log/" name, struct fixture, NULL, set_up, function, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("line-has-the-correlation-ids", test_line_has_the_correlation_ids);
    ADD("levels-below-are-left-out", test_levels_below_are_left_out);
    ADD("hostile-text-stays-one-json-line", test_hostile_text_stays_one_json_line);
    ADD("long-messages-are-cut", test_long_messages_are_cut);
    ADD("files-are-rotated-and-bounded", test_files_are_rotated_and_bounded);
    ADD("one-file-is-started-anew", test_one_file_is_started_anew);
    ADD("a-restart-appends", test_a_restart_appends);
    ADD("glib-messages-arrive-here", test_glib_messages_arrive_here);
    ADD("threads-do-not-mix-lines", test_threads_do_not_mix_lines);
    ADD("a-directory-that-can-be-written-again", test_a_directory_that_can_be_written_again);
    ADD("a-pipe-that-nobody-reads-holds-up-nobody", test_a_pipe_that_nobody_reads_holds_up_nobody);
    g_test_add_func("/log/unwritable-directory-is-said-once", test_unwritable_directory_is_said_once);
    g_test_add_func("/log/forwarded-lines", test_forwarded_lines);
    g_test_add_func("/log/forwarded-lines-are-text-on-a-terminal",
                    test_forwarded_lines_are_text_on_a_terminal);
    return g_test_run();
}
