/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Loading prints and reads the environment, so most cases run in a subprocess of this test. */
#include <dubbing_config.h>

#include "test_support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct settings {
    struct dub_common_settings common;
    char *url;
    char *key;
    char *address;
    int64_t count;
    int64_t delay_ns;
    int64_t size_bytes;
    int mode;
    bool live;
};

static const char *const modes[] = {"full", "echo", NULL};

#define AT(member) offsetof(struct settings, member)
static const struct dub_config_item items[] = {
    {"T_URL", "url", DUB_CONFIG_STRING, NULL, "where to", AT(url),
     .flags = DUB_CONFIG_REQUIRED | DUB_CONFIG_URL},
    {"T_KEY", "key", DUB_CONFIG_STRING, NULL, "the key", AT(key), .flags = DUB_CONFIG_SECRET},
    {"T_ADDR", "addr", DUB_CONFIG_ADDRESS, "127.0.0.1:80", "listen here", AT(address)},
    {"T_COUNT", "count", DUB_CONFIG_INT, "3", "how many", AT(count), .min = 1, .max = 10},
    {"T_DELAY", "delay", DUB_CONFIG_DURATION, "3s", "how long", AT(delay_ns), .min = 2000000000,
     .max = 30000000000},
    {"T_SIZE", "size", DUB_CONFIG_BYTES, "10MiB", "how big", AT(size_bytes), .min = 1024, .max = 1 << 30},
    {"T_MODE", "mode", DUB_CONFIG_CHOICE, "full", "which", AT(mode), .choices = modes},
    {"T_LIVE", "live", DUB_CONFIG_BOOL, "false", "whether", AT(live)},
    {NULL},
};

static void check(const void *data, GPtrArray *problems)
{
    const struct settings *settings = data;
    if (settings->live && settings->count == 7)
        g_ptr_array_add(problems, g_strdup("T_COUNT: seven is not for live"));
    if (settings->delay_ns == 0)
        g_ptr_array_add(problems, g_strdup("T_DELAY: has no value"));
}

static const struct dub_config_program program = {
    .name = "test-program", .summary = "Tests things.", .items = items, .check = check};

static enum dub_config_result load(struct settings *settings, char ***positional,
                                   const char *const *arguments)
{
    const char *argv[16] = {"test-program"};
    int argc = 1;
    for (; arguments[argc - 1] != NULL; argc++)
        argv[argc] = arguments[argc - 1];
    return dub_config_load(&program, argc, (char **)argv, settings, positional);
}

#define LOAD(settings, positional, ...) load(settings, positional, (const char *const[]){__VA_ARGS__, NULL})

/* Continues in the child only; there, the environment may be changed freely. */
static bool in_child(void)
{
    if (g_test_subprocess())
        return true;
    g_test_trap_subprocess(NULL, 0, 0);
    return false;
}

static void test_defaults(void)
{
    struct settings settings = {0};
    g_assert_cmpint(LOAD(&settings, NULL, "--url=rtmp://h/a"), ==, DUB_CONFIG_OK);
    g_assert_cmpstr(settings.url, ==, "rtmp://h/a");
    g_assert_cmpstr(settings.key, ==, "");
    g_assert_cmpstr(settings.address, ==, "127.0.0.1:80");
    g_assert_cmpint(settings.count, ==, 3);
    g_assert_cmpint(settings.delay_ns, ==, 3 * DUB_NS_PER_S);
    g_assert_cmpint(settings.size_bytes, ==, 10485760);
    g_assert_cmpint(settings.mode, ==, 0);
    g_assert_false(settings.live);
    g_assert_cmpstr(settings.common.log_level, ==, "info");
    g_assert_cmpint(settings.common.log_max_files, ==, 3);
    dub_config_clear(&program, &settings);
    g_assert_null(settings.url);
    g_assert_null(settings.common.log_level);
}

static void test_environment_then_command_line(void)
{
    if (!in_child()) {
        g_test_trap_assert_passed();
        return;
    }
    struct settings settings = {0};
    g_setenv("T_URL", "http://env", TRUE);
    g_setenv("T_COUNT", "5", TRUE);
    g_setenv("T_DELAY", "", TRUE); /* as in an .env file: not set */
    g_setenv("T_MODE", "echo", TRUE);
    g_setenv("LOG_DIR", "", TRUE); /* a text may be emptied */
    g_assert_cmpint(LOAD(&settings, NULL, "--count", "6", "--live"), ==, DUB_CONFIG_OK);
    g_assert_cmpstr(settings.url, ==, "http://env");
    g_assert_cmpint(settings.count, ==, 6);
    g_assert_cmpint(settings.delay_ns, ==, 3 * DUB_NS_PER_S);
    g_assert_cmpint(settings.mode, ==, 1);
    g_assert_true(settings.live);
    g_assert_cmpstr(settings.common.log_dir, ==, "");
    dub_config_clear(&program, &settings);
}

static void test_positional_arguments(void)
{
    struct settings settings = {0};
    g_auto(GStrv) positional = NULL;
    g_assert_cmpint(LOAD(&settings, &positional, "a", "--url=x", "-", "--", "--help"), ==, DUB_CONFIG_OK);
    g_assert_cmpuint(g_strv_length(positional), ==, 3);
    g_assert_cmpstr(positional[2], ==, "--help");
    dub_config_clear(&program, &settings);
}

static void exit_with(enum dub_config_result result)
{
    exit(result == DUB_CONFIG_EXIT_USAGE ? 2 : 0);
}

static void test_all_problems_at_once(void)
{
    struct settings settings = {0};
    if (in_child()) {
        g_setenv("T_KEY", "hidden", TRUE);
        g_setenv("T_KEY_FILE", "/nonexistent", TRUE);
        g_setenv("LOG_LEVEL", "loud", TRUE);
        exit_with(LOAD(&settings, NULL, "--count=11", "--delay=1s", "--size=1", "--mode=half", "--live=maybe",
                       "--addr=http://user:hidden@host", "--nonsense", "stray", "-x", "--key"));
    }
    g_test_trap_assert_failed();
    g_test_trap_assert_stdout_unmatched("*problem*");
    static const char *const expected[] = {
        "*13 problems in the configuration*",
        "*T_URL is not set: set it or give --url (where to)*",
        "*T_KEY and T_KEY_FILE are both set*",
        "*T_COUNT is 11: must be between 1 and 10*",
        "*T_DELAY is 1s: must be between 2s and 30s*",
        "*T_SIZE is 1: must be between 1KiB and 1024MiB*",
        "*T_MODE is \"half\": must be one of full, echo*",
        "*T_LIVE is \"maybe\": must be true or false*",
        "*T_ADDR is \"http://user:?*?@host\": must be host:port*",
        "*unknown option --nonsense*",
        "*unexpected argument \"stray\"*",
        "*--key needs a value*",
        "*LOG_LEVEL is \"loud\": must be one of debug, info, warn, error*",
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(expected); i++)
        g_test_trap_assert_stderr(expected[i]);
    g_test_trap_assert_stderr_unmatched("*hidden*");
}

static void test_malformed_numbers(void)
{
    struct settings settings = {0};
    if (in_child())
        exit_with(
            LOAD(&settings, NULL, "--url=x", "--count=3x", "--delay=3", "--size=ten", "--log-dir=\xff"));
    g_test_trap_assert_failed();
    g_test_trap_assert_stderr("*T_COUNT is \"3x\": must be a whole number*");
    g_test_trap_assert_stderr("*T_DELAY is \"3\": must be a duration such as 250ms*");
    g_test_trap_assert_stderr("*T_SIZE is \"ten\": must be a size such as*");
    g_test_trap_assert_stderr("*LOG_DIR is not UTF-8*");
}

static void test_checks_across_values(void)
{
    struct settings settings = {0};
    if (in_child())
        exit_with(LOAD(&settings, NULL, "--url=x", "--live", "--count=7"));
    g_test_trap_assert_failed();
    g_test_trap_assert_stderr("*1 problem in the configuration*seven is not for live*");
}

/* What cannot be read has its default by then, so that a check may rely on every value. */
static void test_checks_are_made_beside_other_problems(void)
{
    struct settings settings = {0};
    if (in_child())
        exit_with(LOAD(&settings, NULL, "--url=x", "--live", "--count=7", "--delay=soon"));
    g_test_trap_assert_failed();
    g_test_trap_assert_stderr("*2 problems in the configuration*T_DELAY is \"soon\"*seven is not for live*");
}

static void test_help_lists_everything(void)
{
    struct settings settings = {0};
    if (in_child())
        exit_with(LOAD(&settings, NULL, "--nonsense", "--help"));
    g_test_trap_assert_passed();
    g_test_trap_assert_stdout("*Usage: test-program ?OPTION...]*Tests things.*");
    for (const struct dub_config_item *item = items; item->name != NULL; item++) {
        g_autofree char *pattern = g_strdup_printf("*--%s (%s)*%s*", item->flag, item->name, item->help);
        g_test_trap_assert_stdout(pattern);
    }
    g_test_trap_assert_stdout("*--count (T_COUNT)*how many; 1 to 10 ?default: 3]*");
    g_test_trap_assert_stdout("*one of full, echo*");
    g_test_trap_assert_stdout("*--log-level (LOG_LEVEL)*--print-config*--version*");
}

static void test_version(void)
{
    struct settings settings = {0};
    if (in_child())
        exit_with(LOAD(&settings, NULL, "--version"));
    g_test_trap_assert_passed();
    g_test_trap_assert_stdout("*test-program " DUB_VERSION "\n*");
}

static void test_printed_config_masks_secrets(void)
{
    struct settings settings = {0};
    if (in_child()) {
        g_setenv("T_KEY", "hidden", TRUE);
        exit_with(
            LOAD(&settings, NULL, "--print-config", "--url=rtmp://far.example/app/streamkey", "--count=4"));
    }
    g_test_trap_assert_passed();
    g_test_trap_assert_stdout("*T_URL=rtmp://far.example/app/???\nT_KEY=???\n*T_COUNT=4\n*LOG_LEVEL=info\n*");
    g_test_trap_assert_stdout_unmatched("*hidden*");
    g_test_trap_assert_stdout_unmatched("*streamkey*");
}

static void test_secret_from_file(void)
{
    struct settings settings = {0};
    char *dir = test_directory_new();
    g_autofree char *path = g_build_filename(dir, "key", NULL);
    g_assert_true(g_file_set_contents(path, "from-file\n", -1, NULL));
    g_setenv("T_KEY_FILE", path, TRUE);
    g_assert_cmpint(LOAD(&settings, NULL, "--url=x"), ==, DUB_CONFIG_OK);
    g_assert_cmpstr(settings.key, ==, "from-file");
    g_unsetenv("T_KEY_FILE");
    dub_config_clear(&program, &settings);
    test_directory_remove(dir);
}

static void test_missing_secret_file_is_named(void)
{
    struct settings settings = {0};
    if (in_child()) {
        g_setenv("T_KEY_FILE", "/nonexistent/key", TRUE);
        exit_with(LOAD(&settings, NULL, "--url=x"));
    }
    g_test_trap_assert_failed();
    g_test_trap_assert_stderr("*T_KEY_FILE: cannot read /nonexistent/key*");
}

/* A secret that is meant to be there and is not would open what it was to close. */
static void test_empty_secret_file_is_refused(void)
{
    struct settings settings = {0};
    if (in_child()) {
        g_autofree char *path = g_build_filename(g_get_tmp_dir(), "dub-empty-secret", NULL);
        g_file_set_contents(path, "\n", 1, NULL);
        g_setenv("T_KEY_FILE", path, TRUE);
        exit_with(LOAD(&settings, NULL, "--url=x"));
    }
    g_test_trap_assert_failed();
    g_test_trap_assert_stderr("*T_KEY_FILE: * is empty*");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/config/defaults", test_defaults);
    g_test_add_func("/config/environment-then-command-line", test_environment_then_command_line);
    g_test_add_func("/config/positional-arguments", test_positional_arguments);
    g_test_add_func("/config/all-problems-at-once", test_all_problems_at_once);
    g_test_add_func("/config/malformed-numbers", test_malformed_numbers);
    g_test_add_func("/config/checks-across-values", test_checks_across_values);
    g_test_add_func("/config/checks-are-made-beside-other-problems",
                    test_checks_are_made_beside_other_problems);
    g_test_add_func("/config/help-lists-everything", test_help_lists_everything);
    g_test_add_func("/config/version", test_version);
    g_test_add_func("/config/printed-config-masks-secrets", test_printed_config_masks_secrets);
    g_test_add_func("/config/secret-from-file", test_secret_from_file);
    g_test_add_func("/config/missing-secret-file-is-named", test_missing_secret_file_is_named);
    g_test_add_func("/config/empty-secret-file-is-refused", test_empty_secret_file_is_refused);
    return g_test_run();
}
