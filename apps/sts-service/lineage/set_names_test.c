/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "set_names.h"

#include <string.h>

#define MADE_MS INT64_C(1767323045678)
#define MADE "20260102T030405.678Z"
#define STEM MADE "-000007-id"

static void test_names_hold_nothing_odd(void)
{
    static const char *const cases[][2] = {
        {"news", "news"}, {"", "_"}, {NULL, "_"}, {"../etc", "___etc"}, {"a b/c.d", "a_b_c_d"}};
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *name = set_folder_name(cases[i][0]);
        g_assert_cmpstr(name, ==, cases[i][1]);
    }
    g_autofree char *long_id = g_strnfill(1000, 'x');
    g_autofree char *name = set_folder_name(long_id);
    g_assert_cmpuint(strlen(name), ==, 64);
}

static void test_a_stem_says_when(void)
{
    g_autofree char *stem = set_stem(MADE_MS, 7, "id");
    g_autofree char *later = set_stem(MADE_MS + 1, 0, "id");
    g_assert_cmpstr(stem, ==, STEM);
    g_assert_cmpstr(stem, <, later);
    g_assert_cmpint(set_time_ms(stem), ==, MADE_MS);
    g_assert_cmpint(set_time_ms("20261402T030405.678Z-x"), ==, -1);
}

static void test_only_our_names_are_ours(void)
{
    static const struct {
        const char *name;
        enum set_file which;
    } ours[] = {
        {STEM ".json", SET_FILE_JSON},
        {STEM ".fragment.wav", SET_FILE_AUDIO},
        {STEM ".dub.m4a", SET_FILE_AUDIO},
        {STEM ".json.A1b2C3", SET_FILE_TEMPORARY},
    };
    static const char *const others[] = {
        "", "notes.json", MADE, STEM, STEM ".txt", STEM ".json.bak", "x" STEM ".json", STEM ".json.A1b2C3d"};
    enum set_file which;
    for (gsize i = 0; i < G_N_ELEMENTS(ours); i++) {
        g_assert_cmpuint(set_parse_name(ours[i].name, &which), ==, strlen(STEM));
        g_assert_cmpint(which, ==, ours[i].which);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(others); i++)
        g_assert_cmpuint(set_parse_name(others[i], &which), ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/set-names/names-hold-nothing-odd", test_names_hold_nothing_odd);
    g_test_add_func("/set-names/a-stem-says-when", test_a_stem_says_when);
    g_test_add_func("/set-names/only-our-names-are-ours", test_only_our_names_are_ours);
    return g_test_run();
}
