/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <dubbing_events.h>
#include <dubbing_ledger.h>

static void test_names(void)
{
    for (int i = 0; i < DUB_ACTION_COUNT; i++) {
        enum dub_pressure_action action = (enum dub_pressure_action)i;
        g_assert_cmpint(dub_pressure_action_from_name(dub_pressure_action_name(action)), ==, i);
    }
    g_assert_cmpint(dub_audio_format_from_name("mp3"), ==, DUB_FORMAT_COUNT);
    g_assert_cmpint(dub_audio_format_from_name(NULL), ==, DUB_FORMAT_COUNT);
    g_assert_cmpstr(dub_audio_format_name(DUB_FORMAT_COUNT), ==, "");
    g_assert_cmpstr(dub_phrase_state_name(DUB_PHRASE_DROPPED), ==, "dropped");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/names/names", test_names);
    return g_test_run();
}
