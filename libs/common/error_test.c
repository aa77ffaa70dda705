/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <dubbing_error.h>

#include <errno.h>
#include <gio/gio.h>
#include <string.h>

static void test_names_round_trip(void)
{
    for (unsigned i = 0; i < DUB_ERROR_CODE_COUNT; i++) {
        enum dub_error_code code = (enum dub_error_code)i;
        g_assert_cmpint(dub_error_code_from_name(dub_error_code_name(code)), ==, code);
    }
    for (unsigned i = 0; i < DUB_STAGE_COUNT; i++)
        g_assert_cmpint(dub_stage_from_name(dub_stage_name((enum dub_stage)i)), ==, i);
    g_assert_cmpint(dub_error_code_from_name("NO_SUCH_CODE"), ==, DUB_ERROR_CODE_COUNT);
    g_assert_cmpint(dub_stage_from_name("video"), ==, DUB_STAGE_COUNT);
    g_assert_cmpstr(dub_error_code_name(DUB_ERROR_CODE_COUNT), ==, "");
    g_assert_cmpstr(dub_stage_name(DUB_STAGE_COUNT), ==, "");
}

/* All codes of protocol.md section 1. */
static void test_protocol_codes_have_their_retryable(void)
{
    static const char *const retryable[] = {
        "TIMEOUT",
        "MODEL_ERROR",
        "GPU_OOM",
        "QUEUE_FULL",
        "RATE_LIMIT",
        "RATE_LIMIT_EXCEEDED",
        "TRANSLATION_API_UNAVAILABLE",
        "BACKPRESSURE_EXCEEDED",
        "STREAM_PAUSED",
    };
    static const char *const final[] = {
        "AUTH_FAILED",        "STREAM_NOT_FOUND",   "INVALID_CONFIG",       "UNSUPPORTED_LANGUAGE_PAIR",
        "FRAGMENT_TOO_LARGE", "INVALID_SEQUENCE",   "INVALID_AUDIO_FORMAT", "DURATION_MISMATCH_EXCEEDED",
        "ASR_FAILED",         "TRANSLATION_FAILED", "TTS_SYNTHESIS_FAILED", "HALLUCINATION_SUSPECTED",
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(retryable); i++)
        g_assert_true(dub_error_code_retryable(dub_error_code_from_name(retryable[i])));
    for (unsigned i = 0; i < G_N_ELEMENTS(final); i++) {
        enum dub_error_code code = dub_error_code_from_name(final[i]);
        g_assert_cmpint(code, !=, DUB_ERROR_CODE_COUNT);
        g_assert_false(dub_error_code_retryable(code));
    }
    g_assert_false(dub_error_code_retryable(DUB_ERROR_CODE_COUNT));
}

static void test_set_fills_everything(void)
{
    struct dub_error error;
    g_assert_false(dub_error_set_stage(&error, DUB_ERROR_MODEL_ERROR, DUB_STAGE_ASR, "model %d", 7));
    g_assert_cmpint(error.code, ==, DUB_ERROR_MODEL_ERROR);
    g_assert_cmpint(error.stage, ==, DUB_STAGE_ASR);
    g_assert_true(error.retryable);
    g_assert_cmpstr(error.message, ==, "model 7");
    g_assert_false(dub_error_set(&error, DUB_ERROR_INVALID_CONFIG, "bad"));
    g_assert_cmpint(error.stage, ==, DUB_STAGE_NONE);
    g_assert_false(error.retryable);
}

static void test_null_error_is_fine(void)
{
    g_assert_false(dub_error_set(NULL, DUB_ERROR_IO, "x"));
    g_assert_false(dub_error_set_stage(NULL, DUB_ERROR_IO, DUB_STAGE_TTS, "x"));
    g_assert_false(dub_error_set_errno(NULL, DUB_ERROR_IO, ENOENT, "x"));
}

static void test_long_message_is_cut_between_characters(void)
{
    struct dub_error error;
    for (unsigned shift = 0; shift < 4; shift++) {
        g_autofree char *text = g_strnfill(400, 'a');
        for (unsigned i = shift; i + 2 < 400; i += 3)
            memcpy(text + i, (const char[]){'\xe2', '\x82', '\xac'}, 3);
        dub_error_set(&error, DUB_ERROR_IO, "%s", text);
        g_assert_true(g_utf8_validate(error.message, -1, NULL));
        g_assert_cmpuint(strlen(error.message), >=, sizeof(error.message) - 4);
        g_assert_null(strchr(error.message, '?'));
    }
}

static void test_hostile_text_becomes_one_utf8_line(void)
{
    struct dub_error error;
    dub_error_set(&error, DUB_ERROR_PROTOCOL, "a\nb\x01%s", "\xff\xfe");
    g_assert_cmpstr(error.message, ==, "a b ??");
}

static void test_gerror_is_taken(void)
{
    struct dub_error error;
    GError *gerror = g_error_new_literal(G_IO_ERROR, G_IO_ERROR_FAILED, "it broke");
    g_assert_false(dub_error_take_gerror(&error, DUB_ERROR_IO, "opening", &gerror));
    g_assert_null(gerror);
    g_assert_cmpstr(error.message, ==, "opening: it broke");
    dub_error_take_gerror(&error, DUB_ERROR_IO, "opening", &gerror);
    g_assert_cmpstr(error.message, ==, "opening: unknown error");
}

static void test_errno_is_named(void)
{
    struct dub_error error;
    dub_error_set_errno(&error, DUB_ERROR_IO, ENOENT, "reading %s", "x.txt");
    g_assert_true(g_str_has_prefix(error.message, "reading x.txt: No such file"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/error/names-round-trip", test_names_round_trip);
    g_test_add_func("/error/protocol-codes-have-their-retryable", test_protocol_codes_have_their_retryable);
    g_test_add_func("/error/set-fills-everything", test_set_fills_everything);
    g_test_add_func("/error/null-error-is-fine", test_null_error_is_fine);
    g_test_add_func("/error/long-message-is-cut-between-characters",
                    test_long_message_is_cut_between_characters);
    g_test_add_func("/error/hostile-text-becomes-one-utf8-line", test_hostile_text_becomes_one_utf8_line);
    g_test_add_func("/error/gerror-is-taken", test_gerror_is_taken);
    g_test_add_func("/error/errno-is-named", test_errno_is_named);
    return g_test_run();
}
