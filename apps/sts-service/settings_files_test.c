/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "settings_files.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

struct fixture {
    char *folder;
    char *file; /* a plain one in it: "{" */
};

static void set_up(struct fixture *fixture, gconstpointer user)
{
    fixture->folder = g_dir_make_tmp("settings-XXXXXX", NULL);
    fixture->file = g_build_filename(fixture->folder, "file", NULL);
    g_assert_true(g_file_set_contents(fixture->file, "{", -1, NULL));
}

static void tear_down(struct fixture *fixture, gconstpointer user)
{
    g_unlink(fixture->file);
    g_rmdir(fixture->folder);
    g_free(fixture->folder);
    g_free(fixture->file);
}

static GPtrArray *problems_of(const struct sts_settings *settings)
{
    GPtrArray *problems = g_ptr_array_new_with_free_func(g_free);
    settings_check_files(settings, problems);
    for (guint i = 0; i < problems->len; i++)
        g_test_message("%s", (const char *)problems->pdata[i]);
    return problems;
}

/* One problem, that begins with the variable and what was found, and says `says`. */
static void assert_problem(const struct sts_settings *settings, const char *begins, const char *says)
{
    g_autoptr(GPtrArray) problems = problems_of(settings);
    g_assert_cmpuint(problems->len, ==, 1);
    g_assert_true(g_str_has_prefix(problems->pdata[0], begins));
    g_assert_nonnull(strstr(problems->pdata[0], says));
}

static void assert_fine(const struct sts_settings *settings)
{
    g_autoptr(GPtrArray) problems = problems_of(settings);
    g_assert_cmpuint(problems->len, ==, 0);
}

static void test_addresses(struct fixture *fixture, gconstpointer user)
{
    static const char *const fine[] = {"127.0.0.1", "0.0.0.0", "localhost"};
    static const char *const wrong[] = {"999.1.1.1", "1.2.3", "::zz", "192.0.2.1", "no-such-host.invalid"};
    for (gsize i = 0; i < G_N_ELEMENTS(fine); i++)
        assert_fine(&(struct sts_settings){.addr = (char *)fine[i]});
    for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_autofree char *begins = g_strdup_printf("STS_ADDR is \"%s\": ", wrong[i]);
        assert_problem(&(struct sts_settings){.addr = (char *)wrong[i]}, begins, "IPv4");
    }
}

static void test_folders(struct fixture *fixture, gconstpointer user)
{
    g_autofree char *new = g_build_filename(fixture->folder, "new", "er", NULL);
    g_autofree char *below = g_build_filename(fixture->file, "below", NULL);
    assert_fine(&(struct sts_settings){.model_cache_dir = fixture->folder, .artifact_dir = fixture->folder});
    assert_fine(&(struct sts_settings){.model_cache_dir = new, .artifact_dir = new});
    g_assert_false(g_file_test(new, G_FILE_TEST_EXISTS));
    assert_problem(&(struct sts_settings){.model_cache_dir = fixture->file}, "STS_MODEL_CACHE_DIR is \"",
                   "must be a folder");
    assert_problem(&(struct sts_settings){.model_cache_dir = below}, "STS_MODEL_CACHE_DIR is \"",
                   "must be a folder");
    assert_problem(&(struct sts_settings){.artifact_dir = below}, "STS_ARTIFACT_DIR is \"", fixture->file);
    if (geteuid() == 0)
        return; /* who may write everywhere */
    g_assert_cmpint(g_chmod(fixture->folder, 0500), ==, 0);
    assert_problem(&(struct sts_settings){.artifact_dir = new}, "STS_ARTIFACT_DIR is \"", "written to");
    g_assert_cmpint(g_chmod(fixture->folder, 0700), ==, 0);
}

static void test_voices_and_terms(struct fixture *fixture, gconstpointer user)
{
    assert_problem(&(struct sts_settings){.voices_file = (char *)"/nowhere/v.json"},
                   "STS_VOICES_FILE is \"/nowhere/v.json\": ", "No such file");
    assert_problem(&(struct sts_settings){.voices_file = fixture->file}, "STS_VOICES_FILE is \"", "JSON");
    assert_problem(&(struct sts_settings){.glossary_file = fixture->folder}, "STS_GLOSSARY_FILE is \"",
                   "directory");
    assert_problem(&(struct sts_settings){.glossary_file = fixture->file}, "STS_GLOSSARY_FILE is \"", "JSON");
    /* Each problem of a file is one. */
    g_assert_true(g_file_set_contents(fixture->file, "{\"names\":[1],\"other\":2}", -1, NULL));
    g_autoptr(GPtrArray) problems = problems_of(&(struct sts_settings){.glossary_file = fixture->file});
    g_assert_cmpuint(problems->len, ==, 2);
}

static void test_certificates(struct fixture *fixture, gconstpointer user)
{
    g_autoptr(GPtrArray) both =
        problems_of(&(struct sts_settings){.tls_cert = fixture->file, .tls_key = (char *)"/nowhere/key.pem"});
    g_assert_cmpuint(both->len, ==, 2);
    g_assert_nonnull(strstr(both->pdata[0], "STS_TLS_CERT is \""));
    g_assert_true(g_str_has_prefix(both->pdata[1], "STS_TLS_KEY is \"/nowhere/key.pem\": No such file"));
    g_autoptr(GPtrArray) other =
        problems_of(&(struct sts_settings){.tls_cert = fixture->folder, .tls_key = fixture->file});
    g_assert_cmpuint(other->len, ==, 2);
    g_assert_nonnull(strstr(other->pdata[0], "folder"));
    g_assert_nonnull(strstr(other->pdata[1], "no private key"));
}

static void test_the_device(struct fixture *fixture, gconstpointer user)
{
    assert_fine(&(struct sts_settings){.device = 0});
    if (g_file_test("/dev/nvidiactl", G_FILE_TEST_EXISTS)) {
        g_test_skip("this machine has a GPU");
        return;
    }
    int cuda = 0;
    while (strcmp(sts_device_name(cuda), "cuda") != 0)
        cuda++;
    assert_problem(&(struct sts_settings){.device = cuda}, "STS_DEVICE is \"cuda\": ", "auto or cpu");
}

static void test_all_at_once(struct fixture *fixture, gconstpointer user)
{
    g_autoptr(GPtrArray) problems = problems_of(&(struct sts_settings){
        .addr = (char *)"999.1.1.1",
        .model_cache_dir = fixture->file,
        .voices_file = fixture->file,
        .glossary_file = fixture->file,
        .tls_cert = fixture->file,
        .tls_key = fixture->file,
        .artifact_dir = fixture->file,
    });
    g_assert_cmpuint(problems->len, ==, 7);
}

static void add(const char *path, void (*test)(struct fixture *, gconstpointer))
{
    g_test_add(path, struct fixture, NULL, set_up, test, tear_down);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add("/settings-files/addresses", test_addresses);
    add("/settings-files/folders", test_folders);
    add("/settings-files/voices-and-terms", test_voices_and_terms);
    add("/settings-files/certificates", test_certificates);
    add("/settings-files/the-device", test_the_device);
    add("/settings-files/all-at-once", test_all_at_once);
    return g_test_run();
}
