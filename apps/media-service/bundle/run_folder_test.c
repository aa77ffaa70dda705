/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run_folder.h"

#include "bundle_test_support.h"

#include <dubbing_ids.h>

static void test_names_of_runs(void)
{
    static const char *const others[] = {
        "",
        "notes",
        ".",
        "..",
        "20260102T030405.678Z-4f9a1c2",
        "20260102T030405.678Z-4f9a1c2e5",
        "20260102T030405.678Z-4f9a1c2g",
        "2026x102T030405.678Z-4f9a1c2e",
        "20260102t030405.678Z-4f9a1c2e",
    };
    g_assert_true(run_folder_is_name(TEST_RUN));
    for (gsize i = 0; i < G_N_ELEMENTS(others); i++)
        g_assert_false(run_folder_is_name(others[i]));
}

static void test_names_of_temporary_files(void)
{
    static const char *const temporary[] = {"manifest.json.A1b2C3", "ledger.ndjson.zzzzzz",
                                            "audio/000001-x.in.wav.000000", "x.m4a.aBcDeF"};
    static const char *const others[] = {"manifest.json",
                                         "manifest.json.",
                                         "manifest.json.A1b2C",
                                         "manifest.json.A1b2C34",
                                         "manifest.json.A1b2-3",
                                         "notes.A1b2C3",
                                         "A1b2C3",
                                         ".A1b2C3",
                                         ""};
    for (gsize i = 0; i < G_N_ELEMENTS(temporary); i++)
        g_assert_true(run_folder_is_temporary(temporary[i]));
    for (gsize i = 0; i < G_N_ELEMENTS(others); i++)
        g_assert_false(run_folder_is_temporary(others[i]));
}

static void test_what_dub_run_id_new_makes(void)
{
    g_autofree char *run_id = dub_run_id_new();
    g_assert_true(run_folder_is_name(run_id));
}

static void add_name(const struct run_file *file, void *user)
{
    g_assert_true(g_str_has_suffix(file->path, file->name));
    g_assert_true(S_ISREG(file->info->st_mode));
    g_ptr_array_add(user, g_strdup(file->name));
}

static gint compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Files in folders too, up to a depth; links and other things not. */
static void test_files_are_visited(struct bundle_fixture *fixture, const void *data)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *folder = g_build_filename(fixture->root, TEST_RUN, NULL);
    g_autofree char *link = bundle_path(fixture, TEST_RUN, "link");
    bundle_put(fixture, TEST_RUN, "b", "x", 1);
    bundle_put(fixture, TEST_RUN, "audio/a", "x", 1);
    bundle_put(fixture, TEST_RUN, "1/2/3/4/5", "x", 1);
    bundle_put(fixture, TEST_RUN, "1/2/3/4/5x/6/7", "x", 1);
    g_assert_cmpint(symlink(fixture->root, link), ==, 0);
    run_folder_visit(folder, add_name, names);
    g_ptr_array_sort(names, compare_names);
    g_ptr_array_add(names, NULL);
    g_autofree char *joined = g_strjoinv(" ", (char **)names->pdata);
    g_assert_cmpstr(joined, ==, "1/2/3/4/5 audio/a b");
}

static void test_runs_are_listed_by_age(struct bundle_fixture *fixture, const void *data)
{
    g_autofree char *link = g_build_filename(fixture->root, "20260104T030405.678Z-4f9a1c2e", NULL);
    bundle_put(fixture, "20260103T030405.678Z-4f9a1c2e", "x", "x", 1);
    bundle_put(fixture, TEST_RUN, "x", "x", 1);
    bundle_put(fixture, "notes", "x", "x", 1);
    g_assert_true(g_file_set_contents(link, "a file", -1, NULL));
    g_autoptr(GPtrArray) names = run_folder_list(fixture->root);
    g_assert_cmpuint(names->len, ==, 2);
    g_assert_cmpstr(names->pdata[0], ==, TEST_RUN);
    g_autoptr(GPtrArray) none = run_folder_list("/nonexistent");
    g_assert_cmpuint(none->len, ==, 0);
}

static void test_a_folder_is_removed(struct bundle_fixture *fixture, const void *data)
{
    g_autofree char *folder = g_build_filename(fixture->root, TEST_RUN, NULL);
    bundle_put(fixture, TEST_RUN, "audio/a", "x", 1);
    g_assert_true(run_folder_remove(folder));
    g_assert_false(g_file_test(folder, G_FILE_TEST_EXISTS));
    g_assert_false(run_folder_remove(folder));
    g_assert_false(run_folder_is_in_use(folder));
}

#define ADD(name, function)                                                                                  \
    g_test_add("/run-folder/" name, struct bundle_fixture, NULL, bundle_set_up, function, bundle_tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/run-folder/names-of-runs", test_names_of_runs);
    g_test_add_func("/run-folder/names-of-temporary-files", test_names_of_temporary_files);
    g_test_add_func("/run-folder/what-dub-run-id-new-makes", test_what_dub_run_id_new_makes);
    ADD("files-are-visited", test_files_are_visited);
    ADD("runs-are-listed-by-age", test_runs_are_listed_by_age);
    ADD("a-folder-is-removed", test_a_folder_is_removed);
    return g_test_run();
}
