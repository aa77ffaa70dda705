/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "last_words.h"

#include <string.h>

#define ERROR_LINE(text) "{\"level\":\"error\",\"message\":\"" text "\"}"

static void test_what_is_told(void)
{
    static const struct {
        const char *lines[6]; /* up to NULL */
        const char *told;     /* NULL: nothing */
    } cases[] = {
        {{NULL}, NULL},
        {{"", "   ", NULL}, NULL},
        {{ERROR_LINE("one"), ERROR_LINE("two"), NULL}, "two"},
        {{ERROR_LINE("the reason"), "[h264 @ 0x1] some library", NULL}, "the reason"},
        {{"Segmentation fault", NULL}, "Segmentation fault"},
        {{"first", "second", NULL}, "second"},
        {{"media-worker: 1 problem in the configuration:", "  WORKER_LATENCY is 1s", NULL},
         "WORKER_LATENCY is 1s"},
        {{"w: 2 problems:", "  A is not set", "  B is 99", NULL}, "A is not set; B is 99"},
        {{"  indented from the start", NULL}, "indented from the start"},
        {{"{\"level\":\"error\"}", "{\"level\":\"error\",\"message\":7}", "{\"level\":\"error\",", NULL},
         NULL},
        {{"{\"level\":\"warn\",\"message\":\"no error\"}", NULL}, NULL},
        {{"cannot open \"rtmp://u:pw@far.example/app/key?x=1\", nor srt://h:1?passphrase=p", NULL},
         "cannot open \"rtmp://u:***@far.example/app/***?x=1\", nor srt://h:1?passphrase=***"},
        {{ERROR_LINE("lost RTMP://far.example/app/key"), NULL}, "lost RTMP://far.example/app/***"},
        {{"\xff\xfe", NULL}, "\xef\xbf\xbd\xef\xbf\xbd"},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct last_words words = {0};
        for (unsigned line = 0; cases[i].lines[line] != NULL; line++)
            last_words_take(&words, cases[i].lines[line]);
        g_autofree char *told = last_words_tell(&words);
        g_assert_cmpstr(told, ==, cases[i].told);
        last_words_clear(&words);
    }
}

static void test_what_is_told_is_bounded(void)
{
    struct last_words words = {0};
    g_autofree char *text = g_strnfill(500, 'x');
    g_autofree char *line = g_strconcat("  ", text, NULL);
    last_words_take(&words, "problems:");
    for (unsigned i = 0; i < 1000; i++)
        last_words_take(&words, line);
    g_assert_cmpuint(words.plain->len, <, 2 * LAST_WORDS_MAX_BYTES);
    g_autofree char *told = last_words_tell(&words);
    g_assert_cmpuint(strlen(told), ==, LAST_WORDS_MAX_BYTES);
    last_words_clear(&words);
    last_words_clear(&words);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/last-words/what-is-told", test_what_is_told);
    g_test_add_func("/last-words/what-is-told-is-bounded", test_what_is_told_is_bounded);
    return g_test_run();
}
