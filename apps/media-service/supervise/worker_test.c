/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "worker.h"

#include <dubbing_json.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEADLINE_NS (20 * DUB_NS_PER_S)

struct ends {
    unsigned n;
    enum worker_end_kind kind;
    char *text;
};

static void on_end(const struct worker_end *end, void *user)
{
    struct ends *ends = user;
    ends->n++;
    ends->kind = end->kind;
    g_free(ends->text);
    ends->text = g_strdup(end->text);
}

static const struct worker_events events = {.on_end = on_end};

static gboolean tick(void *user)
{
    return G_SOURCE_CONTINUE;
}

static void wait_for_end(const struct ends *ends)
{
    int64_t deadline_ns = dub_clock_now_ns(dub_clock_monotonic()) + DEADLINE_NS;
    guint source = g_timeout_add(5, tick, NULL);
    while (ends->n == 0 && dub_clock_now_ns(dub_clock_monotonic()) < deadline_ns)
        g_main_context_iteration(NULL, TRUE);
    g_source_remove(source);
    g_assert_cmpuint(ends->n, ==, 1);
}

static struct worker *start_later(const char *script, const struct dub_clock *clock, struct ends *ends)
{
    const char *const argv[] = {"sh", "-c", script, NULL};
    struct dub_error error = {0};
    struct worker *worker =
        worker_process_ops.start(&(struct worker_spec){.stream_id = "demo",
                                                       .run_id = "r1",
                                                       .socket_path = "/nonexistent/w.sock",
                                                       .argv = argv,
                                                       .clock = clock},
                                 &events, ends, &error);
    g_assert(worker != NULL);
    return worker;
}

static struct worker *start(const char *script, const struct dub_clock *clock, struct ends *ends)
{
    struct worker *worker = start_later(script, clock, ends);
    while (worker_process_ops.pid(worker) == 0)
        g_main_context_iteration(NULL, TRUE);
    return worker;
}

static void test_ends_are_told_apart(void)
{
    static const struct {
        const char *script;
        enum worker_end_kind kind;
        const char *text;
    } cases[] = {
        {"exit 0", WORKER_END_FINISHED, "ended with code 0 (finished)"},
        {"exit 1", WORKER_END_FAILED, "ended with code 1 (failed)"},
        {"exit 2", WORKER_END_REFUSED, "configuration is wrong"},
        {"echo 'w: 2 problems:\n  A is rtmp://h/app/key\n  B is not set' >&2; exit 2", WORKER_END_REFUSED,
         "ended with code 2 (its configuration is wrong): A is rtmp://h/app/***; B is not set"},
        {"exit 10", WORKER_END_FAILED, "input never came"},
        {"exit 12", WORKER_END_REFUSED, "no audio or no video track"},
        {"exit 77", WORKER_END_FAILED, "ended with code 77"},
        {"kill -SEGV $$", WORKER_END_FAILED, "ended by signal 11"},
        {"echo '{\"level\":\"error\",\"message\":\"HEVC is not supported\"}' >&2; exit 11",
         WORKER_END_REFUSED, "ended with code 11 (unsupported video codec): HEVC is not supported"},
        {"echo '{\"level\":\"error\",\"message\":7}' >&2; echo '\"level\":\"error\"'; exit 13",
         WORKER_END_FAILED, "the output was lost"},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct ends ends = {0};
        struct worker *worker = start(cases[i].script, dub_clock_monotonic(), &ends);
        wait_for_end(&ends);
        g_assert_cmpint(ends.kind, ==, cases[i].kind);
        if (strstr(ends.text, cases[i].text) == NULL)
            g_error("\"%s\" does not hold \"%s\"", ends.text, cases[i].text);
        worker_process_ops.free(worker);
        g_free(ends.text);
    }
}

static void test_silent_worker_is_killed(void)
{
    struct ends ends = {0};
    struct dub_fake_clock clock;
    dub_fake_clock_init(&clock, DUB_NS_PER_S);
    struct worker *worker = start("sleep 1000", &clock.clock, &ends);
    dub_fake_clock_advance(&clock, WORKER_SILENCE_MAX_NS - 1);
    worker_process_ops.tick(worker);
    g_assert_cmpint(kill(worker_process_ops.pid(worker), 0), ==, 0);
    dub_fake_clock_advance(&clock, 1);
    worker_process_ops.tick(worker);
    worker_process_ops.tick(worker);
    wait_for_end(&ends);
    g_assert_cmpint(ends.kind, ==, WORKER_END_FAILED);
    g_assert_nonnull(strstr(ends.text, "signal 9"));
    worker_process_ops.free(worker);
    g_free(ends.text);
}

static void count_phrase(const struct dub_ledger_line *line, void *user)
{
    (*(unsigned *)user)++;
}

static int listen_at(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
    g_assert_cmpint(bind(fd, (const struct sockaddr *)&address, sizeof(address)), ==, 0);
    g_assert_cmpint(listen(fd, 1), ==, 0);
    return fd;
}

static void say(int fd, JsonNode *node)
{
    g_autofree char *text = dub_json_to_string(node);
    g_autofree char *line = g_strconcat(text, "\n", NULL);
    g_assert_cmpint(write(fd, line, strlen(line)), ==, (ssize_t)strlen(line));
    json_node_unref(node);
}

/* The worker is this process, as whoever listens at the socket has to be the worker. */
static void test_worker_that_tells_of_phrases_is_not_silent(void)
{
    static const struct worker_events phrase_events = {.on_phrase = count_phrase};
    g_autofree char *folder = g_dir_make_tmp("worker-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "w.sock", NULL);
    struct dub_error error = {0};
    struct dub_fake_clock clock;
    unsigned n_phrases = 0;
    int listener = listen_at(path);
    dub_fake_clock_init(&clock, DUB_NS_PER_S);
    struct worker_spec spec = {
        .stream_id = "demo", .run_id = "r1", .socket_path = path, .clock = &clock.clock};
    struct worker *worker = worker_process_ops.adopt(&spec, getpid(), &phrase_events, &n_phrases, &error);
    g_assert(worker != NULL);
    int fd = accept(listener, NULL, NULL);
    say(fd, dub_worker_hello_to_json(&(struct dub_worker_hello){.stream_id = (char *)"demo",
                                                                .run_id = (char *)"r1",
                                                                .instance_id = (char *)"i1",
                                                                .pid = getpid(),
                                                                .version = (char *)"0"}));
    while (poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 0) == 0) /* the hello's answer */
        g_main_context_iteration(NULL, TRUE);
    dub_fake_clock_advance(&clock, WORKER_SILENCE_MAX_NS - 1);
    say(fd, dub_worker_phrase_to_json(&(struct dub_ledger_line){.seq = 1, .end_ms = 900}));
    while (n_phrases == 0)
        g_main_context_iteration(NULL, TRUE);
    dub_fake_clock_advance(&clock, WORKER_SILENCE_MAX_NS - 1);
    worker_process_ops.tick(worker); /* would kill this test */
    worker_process_ops.free(worker);
    close(fd);
    close(listener);
    g_unlink(path);
    g_rmdir(folder);
}

/* A process that listens there, greets whoever comes, and says nothing else. */
static pid_t start_greeter(const char *path)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (int listener = listen_at(path);;)
        say(accept(listener, NULL, NULL),
            dub_worker_hello_to_json(&(struct dub_worker_hello){.stream_id = (char *)"demo",
                                                                .run_id = (char *)"r1",
                                                                .instance_id = (char *)"i1",
                                                                .pid = getpid(),
                                                                .version = (char *)"0"}));
}

static void test_greeting_is_no_sign_of_life(void)
{
    g_autofree char *folder = g_dir_make_tmp("worker-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "w.sock", NULL);
    struct ends ends = {0};
    struct dub_error error = {0};
    struct dub_fake_clock clock;
    dub_fake_clock_init(&clock, DUB_NS_PER_S);
    pid_t pid = start_greeter(path);
    struct worker_spec spec = {
        .stream_id = "demo", .run_id = "r1", .socket_path = path, .clock = &clock.clock};
    struct worker *worker = worker_process_ops.adopt(&spec, pid, &events, &ends, &error);
    g_assert(worker != NULL);
    guint source = g_timeout_add(5, tick, NULL);
    for (unsigned i = 0; i < 10; i++) {
        dub_fake_clock_advance(&clock, WORKER_SILENCE_MAX_NS / 10);
        for (unsigned turn = 0; turn < 20; turn++)
            g_main_context_iteration(NULL, TRUE);
    }
    g_source_remove(source);
    worker_process_ops.tick(worker);
    wait_for_end(&ends);
    worker_process_ops.free(worker);
    waitpid(pid, NULL, 0);
    g_free(ends.text);
    g_unlink(path);
    g_rmdir(folder);
}

static void test_stop_is_a_gentle_end(void)
{
    struct ends ends = {0};
    struct worker *worker =
        start("trap 'exit 0' TERM; while :; do sleep 0.05; done", dub_clock_monotonic(), &ends);
    worker_process_ops.stop(worker);
    worker_process_ops.stop(worker);
    wait_for_end(&ends);
    worker_process_ops.free(worker);
    worker_process_ops.free(NULL);
    g_free(ends.text);
}

/* A process that is not started here; its real parent, this test, reaps it in the end. */
static void test_adopted_worker_is_watched(void)
{
    struct ends ends = {0};
    struct dub_error error = {0};
    struct dub_fake_clock clock;
    dub_fake_clock_init(&clock, DUB_NS_PER_S);
    pid_t pid = fork();
    if (pid == 0) {
        execlp("sleep", "sleep", "1000", NULL);
        _exit(1);
    }
    struct worker_spec spec = {
        .stream_id = "demo", .run_id = "r1", .socket_path = "/nonexistent/w.sock", .clock = &clock.clock};
    struct worker *worker = worker_process_ops.adopt(&spec, pid, &events, &ends, &error);
    g_assert(worker != NULL);
    g_assert_cmpint(worker_process_ops.pid(worker), ==, pid);
    dub_fake_clock_advance(&clock, WORKER_SILENCE_MAX_NS);
    worker_process_ops.tick(worker);
    wait_for_end(&ends);
    g_assert_cmpint(ends.kind, ==, WORKER_END_FAILED);
    worker_process_ops.free(worker);
    waitpid(pid, NULL, 0);
    g_assert_null(worker_process_ops.adopt(&spec, pid, &events, &ends, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_NOT_FOUND);
    g_free(ends.text);
}

static void test_missing_program(void)
{
    const char *const argv[] = {"/nonexistent/worker", NULL};
    struct dub_error error = {0};
    struct ends ends = {0};
    struct worker_spec spec = {.stream_id = "demo",
                               .run_id = "r1",
                               .socket_path = "/nonexistent/w.sock",
                               .argv = argv,
                               .clock = dub_clock_monotonic()};
    struct worker *worker = worker_process_ops.start(&spec, &events, &ends, &error);
    wait_for_end(&ends);
    g_assert_cmpint(ends.kind, ==, WORKER_END_REFUSED);
    g_assert_nonnull(strstr(ends.text, "could not be started"));
    g_assert_nonnull(strstr(ends.text, "/nonexistent/worker"));
    worker_process_ops.free(worker);
    g_free(ends.text);
}

/* The first one's turn has come; the second one's can only come in the main loop. */
static void test_stopped_before_its_turn_it_is_never_started(void)
{
    struct ends ends = {0}, none = {0};
    struct worker *first = start_later("exit 77", dub_clock_monotonic(), &none);
    struct worker *worker = start_later("exit 77", dub_clock_monotonic(), &ends);
    g_assert_cmpint(worker_process_ops.pid(worker), ==, 0);
    worker_process_ops.tick(worker);
    worker_process_ops.stop(worker);
    worker_process_ops.stop(worker);
    g_assert_cmpuint(ends.n, ==, 0);
    wait_for_end(&ends);
    g_assert_cmpint(ends.kind, ==, WORKER_END_FINISHED);
    g_assert_nonnull(strstr(ends.text, "before it was started"));
    worker_process_ops.free(worker);
    wait_for_end(&none);
    worker_process_ops.free(first);
    g_free(ends.text);
    g_free(none.text);
}

static void test_stopped_while_it_is_started_it_ends(void)
{
    struct ends ends = {0};
    struct worker *worker = start_later("sleep 1000", dub_clock_monotonic(), &ends);
    worker_process_ops.stop(worker);
    g_assert_cmpint(worker_process_ops.pid(worker), ==, 0);
    wait_for_end(&ends);
    g_assert_nonnull(strstr(ends.text, "ended by signal 15"));
    worker_process_ops.free(worker);
    g_free(ends.text);
}

/* The next one is started only after it has been dealt with. */
static void test_freed_while_it_is_started_it_does_not_go_on(void)
{
    struct ends ends = {0};
    g_autofree char *folder = g_dir_make_tmp("worker-XXXXXX", NULL);
    g_autofree char *script = g_strdup_printf("sleep 0.2; touch %s/goes-on", folder);
    worker_process_ops.free(start_later(script, dub_clock_monotonic(), &ends));
    struct worker *next = start("sleep 0.5", dub_clock_monotonic(), &ends);
    wait_for_end(&ends);
    g_assert_cmpint(g_rmdir(folder), ==, 0); /* nothing is in it */
    worker_process_ops.free(next);
    g_free(ends.text);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/worker/ends-are-told-apart", test_ends_are_told_apart);
    g_test_add_func("/worker/silent-worker-is-killed", test_silent_worker_is_killed);
    g_test_add_func("/worker/worker-that-tells-of-phrases-is-not-silent",
                    test_worker_that_tells_of_phrases_is_not_silent);
    g_test_add_func("/worker/greeting-is-no-sign-of-life", test_greeting_is_no_sign_of_life);
    g_test_add_func("/worker/stop-is-a-gentle-end", test_stop_is_a_gentle_end);
    g_test_add_func("/worker/adopted-worker-is-watched", test_adopted_worker_is_watched);
    g_test_add_func("/worker/missing-program", test_missing_program);
    g_test_add_func("/worker/stopped-before-its-turn-it-is-never-started",
                    test_stopped_before_its_turn_it_is_never_started);
    g_test_add_func("/worker/stopped-while-it-is-started-it-ends", test_stopped_while_it_is_started_it_ends);
    g_test_add_func("/worker/freed-while-it-is-started-it-does-not-go-on",
                    test_freed_while_it_is_started_it_does_not_go_on);
    return g_test_run();
}
