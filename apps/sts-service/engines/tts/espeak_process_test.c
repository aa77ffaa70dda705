/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The helper that dies, hangs, talks nonsense or is not there; what it says when all is well is held by
 * tts_contract.c. Skipped where eSpeak NG is not installed. */
#include "espeak_process.h"

#include "../contract_support.h"
#include "tts.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SENTENCE "Buenas noches y bienvenidos a las noticias de las diez."
#define MINUTE (60 * 22050)
/* A helper that never says anything. */
#define SILENT "#!/bin/sh\nexec sleep 60\n"

static const struct engine_call any_time = {0};

static struct espeak_process *start(void)
{
    struct dub_error error = {0};
    struct espeak_process *process = espeak_process_start(NULL, &any_time, &error);
    if (!process)
        contract_skip(&error);
    return process;
}

static bool speak(struct espeak_process *process, const char *text, guint max_samples,
                  const struct engine_call *call, guint *count, struct dub_error *error)
{
    struct espeak_phrase phrase = {.voice = "es",
                                   .text = text,
                                   .words_per_minute = 170,
                                   .pitch = 50,
                                   .pitch_range = 50,
                                   .max_samples = max_samples};
    g_autoptr(GArray) samples = g_array_new(FALSE, FALSE, sizeof(int16_t));
    bool done = espeak_process_speak(process, &phrase, call, samples, error);
    *count = samples->len;
    return done;
}

/* Those of this test: it has no others. */
static void kill_children(void)
{
    g_autofree char *path = g_strdup_printf("/proc/self/task/%d/children", (int)getpid());
    g_autofree char *text = NULL;
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_auto(GStrv) pids = g_strsplit(g_strchomp(text), " ", -1);
    g_assert_cmpuint(g_strv_length(pids), ==, 1);
    kill(atoi(pids[0]), SIGKILL);
}

static void test_it_speaks_again_and_again(void)
{
    struct espeak_process *process = start();
    guint first = 0, again = 0;
    if (!process)
        return;
    g_assert_true(speak(process, SENTENCE, MINUTE, &any_time, &first, NULL));
    g_assert_true(speak(process, "Hola.", MINUTE, &any_time, &again, NULL));
    g_assert_cmpuint(first, >, again);
    g_assert_cmpuint(again, >, 1000);
    g_assert_true(speak(process, SENTENCE, MINUTE, &any_time, &again, NULL));
    g_assert_false(espeak_process_is_broken(process));
    espeak_process_free(process);
    espeak_process_free(NULL);
}

static void test_no_such_voice_breaks_nothing(void)
{
    struct espeak_process *process = start();
    struct dub_error error = {0};
    struct espeak_phrase phrase = {.voice = "no-such-voice", .text = ""};
    if (!process)
        return;
    g_assert_false(espeak_process_speak(process, &phrase, &any_time, NULL, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_TTS_SYNTHESIS_FAILED);
    g_assert_nonnull(strstr(error.message, "no-such-voice"));
    g_assert_false(espeak_process_is_broken(process));
    phrase.voice = "es";
    g_assert_true(espeak_process_speak(process, &phrase, &any_time, NULL, &error));
    espeak_process_free(process);
}

static void join_clause(const char *phonemes, char end, void *user)
{
    g_string_append_printf(user, "[%s%c]", phonemes, end);
}

static char *phonemes_of(struct espeak_process *process, const char *voice, const char *text)
{
    g_autoptr(GString) clauses = g_string_new(NULL);
    struct dub_error error = {0};
    g_assert_true(espeak_process_phonemes(process, voice, text, &any_time, join_clause, clauses, &error));
    return g_string_free(g_steal_pointer(&clauses), FALSE);
}

/* Clause by clause, with the mark that ends it; and it still speaks. */
static void test_phonemes(void)
{
    static const struct {
        const char *voice, *text, *clauses;
    } cases[] = {
        {"es", "Hola.", "[\xcb\x88ola.]"},
        {"es", "Hola, \"todos\". \xc2\xbfY t\xc3\xba? \xc2\xa1No! (S\xc3\xad): no; ya",
         "[\xcb\x88ola,][t\xcb\x88o\xc3\xb0os.][i "
         "t\xcb\x88u?][n\xcb\x88o!][s\xcb\x88i:][n\xcb\x88o;][\xca\x9d\xcb\x88"
         "a\n]"},
        {"es", "Son 2,5 a", NULL}, /* one clause */
        {"es", "", ""},
    };
    struct espeak_process *process = start();
    guint count = 0;
    if (!process)
        return;
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *clauses = phonemes_of(process, cases[i].voice, cases[i].text);
        if (cases[i].clauses)
            g_assert_cmpstr(clauses, ==, cases[i].clauses);
        else
            g_assert_true(strstr(clauses, "\n]") == strchr(clauses, ']') - 1);
    }
    g_assert_true(speak(process, SENTENCE, MINUTE, &any_time, &count, NULL));
    g_assert_cmpuint(count, >, 1000);
    espeak_process_free(process);
}

/* Half a million of phonemes are too many for one answer, not for many. */
static void test_phonemes_of_a_long_text(void)
{
    struct espeak_process *process = start();
    g_autoptr(GString) text = g_string_new(NULL);
    if (!process)
        return;
    while (text->len + sizeof SENTENCE < ESPEAK_MAX_TEXT_BYTES)
        g_string_append(text, SENTENCE " ");
    g_autofree char *clauses = phonemes_of(process, "es", text->str);
    g_auto(GStrv) each = g_strsplit(clauses, "][", -1);
    g_assert_cmpuint(g_strv_length(each), ==, text->len / sizeof SENTENCE);
    g_string_set_size(text, 0);
    while (text->len < ESPEAK_MAX_TEXT_BYTES)
        g_string_append(text, "no");
    g_autofree char *word = phonemes_of(process, "es", text->str);
    g_assert_cmpuint(strlen(word), >, 0);
    espeak_process_free(process);
}

static void test_phonemes_obey_the_terms(void)
{
    struct espeak_process *process = start();
    struct engine_call soon = {.deadline_ns = contract_deadline_ns(50)};
    struct dub_error error = {0};
    g_autoptr(GString) clauses = g_string_new(NULL);
    if (!process)
        return;
    g_assert_false(
        espeak_process_phonemes(process, "no-such-voice", "a", &any_time, join_clause, clauses, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_TTS_SYNTHESIS_FAILED);
    kill(espeak_process_pid(process), SIGSTOP);
    g_assert_false(espeak_process_phonemes(process, "es", "a", &soon, join_clause, clauses, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_TIMEOUT);
    g_assert_true(espeak_process_is_broken(process));
    espeak_process_free(process);
}

static void test_death_is_one_retryable_failure(void)
{
    struct espeak_process *process = start();
    struct dub_error error = {0};
    guint count = 0;
    if (!process)
        return;
    kill(espeak_process_pid(process), SIGKILL);
    g_assert_false(speak(process, SENTENCE, MINUTE, &any_time, &count, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_MODEL_ERROR);
    g_assert_true(error.retryable);
    g_assert_nonnull(strstr(error.message, "signal 9"));
    g_assert_true(espeak_process_is_broken(process));
    espeak_process_free(process);
}

static void test_one_that_hangs_is_left_at_the_deadline(void)
{
    struct espeak_process *process = start();
    struct engine_call soon = {.deadline_ns = contract_deadline_ns(50)};
    struct dub_error error = {0};
    guint count = 0;
    if (!process)
        return;
    kill(espeak_process_pid(process), SIGSTOP);
    g_assert_false(speak(process, SENTENCE, MINUTE, &soon, &count, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_TIMEOUT);
    g_assert_true(espeak_process_is_broken(process));
    espeak_process_free(process);
}

static void test_too_long_a_phrase_is_cut_off(void)
{
    struct espeak_process *process = start();
    struct dub_error error = {0};
    guint count = 0;
    if (!process)
        return;
    g_assert_false(speak(process, SENTENCE, 22050, &any_time, &count, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_TTS_SYNTHESIS_FAILED);
    g_assert_cmpuint(count, <=, 22050);
    g_assert_true(espeak_process_is_broken(process));
    espeak_process_free(process);
}

/* script NULL: there is no helper. */
static void fail_to_start(const char *script, const struct engine_call *call, struct dub_error *error)
{
    g_autofree char *folder = g_dir_make_tmp("espeak-process-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, ESPEAK_HELPER, NULL);
    g_assert_true(!script || g_file_set_contents(path, script, -1, NULL));
    g_assert_true(!script || g_chmod(path, 0700) == 0);
    g_assert_null(espeak_process_start(path, call, error));
    g_unlink(path);
    g_rmdir(folder);
}

static void expect_unavailable(const char *script)
{
    struct dub_error error = {0};
    fail_to_start(script, &any_time, &error);
    g_assert_cmpint(error.code, ==, DUB_ERROR_UNAVAILABLE);
    g_assert_nonnull(strstr(error.message, script ? "espeak-ng-data" : ESPEAK_HELPER));
}

/* Some process has to be started for the call that finds none idle, and that must not cost it its terms. */
static void test_a_start_that_hangs_is_left_at_the_deadline(void)
{
    struct engine_call soon = {.deadline_ns = contract_deadline_ns(50)};
    struct dub_error error = {0};
    int64_t start_ms = contract_now_ms();
    fail_to_start(SILENT, &soon, &error);
    g_assert_cmpint(error.code, ==, DUB_ERROR_TIMEOUT);
    g_assert_cmpint(contract_now_ms() - start_ms, <, 50 + CONTRACT_LATE_MS);
}

static void test_a_start_that_hangs_is_left_at_a_cancel(void)
{
    struct contract_canceller canceller;
    struct dub_error error = {0};
    contract_canceller_start(&canceller, 20);
    struct engine_call call = {.cancellable = canceller.cancellable};
    int64_t start_ms = contract_now_ms();
    fail_to_start(SILENT, &call, &error);
    g_assert_cmpint(error.code, ==, DUB_ERROR_CANCELLED);
    g_assert_cmpint(contract_now_ms() - start_ms, <, 20 + CONTRACT_LATE_MS);
    contract_canceller_join(&canceller);
}

static void test_bad_helpers_are_unavailable(void)
{
    expect_unavailable(NULL);
    expect_unavailable("#!/bin/sh\nexit 3\n");
    expect_unavailable("#!/bin/sh\nkill -SEGV $$\n");
    expect_unavailable("#!/bin/sh\necho this is no answer of ours\ncat\n");
    /* READY, but with nothing in it. */
    expect_unavailable("#!/bin/sh\nprintf '\\000\\000\\000\\000\\000\\000\\000\\000'\ncat\n");
}

/* One that speaks its first phrase and dies of the second: the engine's caller notices nothing. */
static void test_the_engine_goes_on(void)
{
    struct engine_config config = {.workers = 1};
    struct dub_error error = {0};
    struct tts *tts = tts_open("espeak-ng", &config, &error);
    struct tts_request request = {.text = SENTENCE, .language = "es"};
    struct tts_result result = {0};
    if (!tts && contract_skip(&error))
        return;
    g_assert_true(tts_speak(tts, &request, &result, NULL));
    kill_children();
    g_assert_true(tts_speak(tts, &request, &result, &error));
    g_assert_cmpuint(result.audio.count, >, 0);
    tts_result_clear(&result);
    tts_close(tts);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/espeak-process/it-speaks-again-and-again", test_it_speaks_again_and_again);
    g_test_add_func("/espeak-process/no-such-voice-breaks-nothing", test_no_such_voice_breaks_nothing);
    g_test_add_func("/espeak-process/phonemes", test_phonemes);
    g_test_add_func("/espeak-process/phonemes-of-a-long-text", test_phonemes_of_a_long_text);
    g_test_add_func("/espeak-process/phonemes-obey-the-terms", test_phonemes_obey_the_terms);
    g_test_add_func("/espeak-process/death-is-one-retryable-failure", test_death_is_one_retryable_failure);
    g_test_add_func("/espeak-process/one-that-hangs-is-left-at-the-deadline",
                    test_one_that_hangs_is_left_at_the_deadline);
    g_test_add_func("/espeak-process/too-long-a-phrase-is-cut-off", test_too_long_a_phrase_is_cut_off);
    g_test_add_func("/espeak-process/bad-helpers-are-unavailable", test_bad_helpers_are_unavailable);
    g_test_add_func("/espeak-process/a-start-that-hangs-is-left-at-the-deadline",
                    test_a_start_that_hangs_is_left_at_the_deadline);
    g_test_add_func("/espeak-process/a-start-that-hangs-is-left-at-a-cancel",
                    test_a_start_that_hangs_is_left_at_a_cancel);
    g_test_add_func("/espeak-process/the-engine-goes-on", test_the_engine_goes_on);
    return g_test_run();
}
