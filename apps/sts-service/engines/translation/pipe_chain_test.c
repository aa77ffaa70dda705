/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pipelines of plain tools: cat answers whatever it is asked, sleep never does, false ends at once. */
#include "pipe_chain.h"

#include "../contract_support.h"
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

static char *cat[] = {(char *)"cat", NULL};
static char *upper[] = {(char *)"stdbuf", (char *)"-o0", (char *)"tr", (char *)"a-z", (char *)"A-Z", NULL};
static char *sleeper[] = {(char *)"sleep", (char *)"100", NULL};
static char *quitter[] = {(char *)"false", NULL};
static char *babbler[] = {(char *)"yes", NULL};
static char *missing[] = {(char *)"no-such-program-here", NULL};

static struct pipe_chain *start(char **first, char **second)
{
    char **const commands[] = {first, second};
    struct dub_error error = {0};
    struct pipe_chain *chain = pipe_chain_start(commands, second ? 2 : 1, &error);
    g_assert_cmpstr(error.message, ==, "");
    return chain;
}

static void assert_answer(struct pipe_chain *chain, const char *text, const char *expected)
{
    struct engine_call call = {.deadline_ns = contract_deadline_ns(10000)};
    g_autoptr(GString) answer = g_string_new(NULL);
    g_assert_true(pipe_chain_ask(chain, text, &call, answer, NULL));
    g_assert_cmpstr(answer->str, ==, expected);
}

static void assert_fails(struct pipe_chain *chain, int64_t deadline_ms, enum dub_error_code code)
{
    struct engine_call call = {.deadline_ns = contract_deadline_ns(deadline_ms)};
    struct dub_error error = {0};
    g_autoptr(GString) answer = g_string_new(NULL);
    g_assert_false(pipe_chain_ask(chain, "hello", &call, answer, &error));
    g_assert_cmpint(error.code, ==, code);
}

/* Leaves the reaping to the chain. */
static void wait_until_dead(pid_t pid)
{
    siginfo_t info;
    g_assert_cmpint(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), ==, 0);
}

static void test_one_after_the_other(void)
{
    struct pipe_chain *chain = start(cat, upper);
    assert_answer(chain, "hello", "HELLO");
    assert_answer(chain, "", "");
    assert_answer(chain, "again", "AGAIN");
    pipe_chain_free(chain);
}

static void test_more_than_a_pipe_holds(void)
{
    struct pipe_chain *chain = start(cat, cat);
    g_autofree char *text = g_strnfill(200 * 1024, 'x');
    assert_answer(chain, text, text);
    pipe_chain_free(chain);
}

static void test_a_hanging_process_is_left_at_the_deadline(void)
{
    struct pipe_chain *chain = start(cat, sleeper);
    int64_t start_ms = contract_now_ms();
    assert_fails(chain, 50, DUB_ERROR_TIMEOUT);
    g_assert_cmpint(contract_now_ms() - start_ms, <, 50 + CONTRACT_LATE_MS);
    pipe_chain_free(chain);
}

static void test_a_cancel_is_obeyed(void)
{
    struct pipe_chain *chain = start(cat, sleeper);
    struct contract_canceller canceller;
    contract_canceller_start(&canceller, 20);
    struct engine_call call = {.cancellable = canceller.cancellable};
    struct dub_error error = {0};
    g_autoptr(GString) answer = g_string_new(NULL);
    g_assert_false(pipe_chain_ask(chain, "hello", &call, answer, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_CANCELLED);
    contract_canceller_join(&canceller);
    pipe_chain_free(chain);
}

static void test_a_process_that_ends(void)
{
    struct pipe_chain *chain = start(cat, quitter);
    assert_fails(chain, 10000, DUB_ERROR_UNAVAILABLE);
    pipe_chain_free(chain);
}

static void test_a_process_that_is_killed(void)
{
    for (guint victim = 0; victim < 2; victim++) {
        struct pipe_chain *chain = start(cat, cat);
        assert_answer(chain, "hello", "hello");
        g_assert_cmpint(kill(pipe_chain_pid(chain, victim), SIGKILL), ==, 0);
        wait_until_dead(pipe_chain_pid(chain, victim));
        assert_fails(chain, 10000, DUB_ERROR_UNAVAILABLE);
        pipe_chain_free(chain);
    }
}

static void test_an_endless_answer_is_bounded(void)
{
    struct pipe_chain *chain = start(babbler, NULL);
    assert_fails(chain, 10000, DUB_ERROR_TRANSLATION_FAILED);
    pipe_chain_free(chain);
}

static void test_a_missing_program_is_named(void)
{
    char **const commands[] = {cat, missing};
    struct dub_error error = {0};
    g_assert_null(pipe_chain_start(commands, 2, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_UNAVAILABLE);
    g_assert_nonnull(strstr(error.message, "no-such-program-here"));
    g_assert_null(pipe_chain_start(commands, 0, &error));
    g_assert_null(pipe_chain_start(commands, PIPE_CHAIN_MAX_PROCESSES + 1, &error));
    pipe_chain_free(NULL);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pipe-chain/one-after-the-other", test_one_after_the_other);
    g_test_add_func("/pipe-chain/more-than-a-pipe-holds", test_more_than_a_pipe_holds);
    g_test_add_func("/pipe-chain/a-hanging-process-is-left-at-the-deadline",
                    test_a_hanging_process_is_left_at_the_deadline);
    g_test_add_func("/pipe-chain/a-cancel-is-obeyed", test_a_cancel_is_obeyed);
    g_test_add_func("/pipe-chain/a-process-that-ends", test_a_process_that_ends);
    g_test_add_func("/pipe-chain/a-process-that-is-killed", test_a_process_that_is_killed);
    g_test_add_func("/pipe-chain/an-endless-answer-is-bounded", test_an_endless_answer_is_bounded);
    g_test_add_func("/pipe-chain/a-missing-program-is-named", test_a_missing_program_is_named);
    return g_test_run();
}
