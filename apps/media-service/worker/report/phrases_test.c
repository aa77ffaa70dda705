/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "phrases.h"

#include <dubbing_json.h>
#include <glib/gstdio.h>
#include <string.h>

static void add(struct phrases *phrases, guint64 seq, const char *state)
{
    g_autoptr(GstStructure) phrase = gst_structure_new(
        "stsdub-phrase", "seq", G_TYPE_UINT64, seq, "fragmentId", G_TYPE_STRING, "f", "startMs", G_TYPE_INT64,
        (gint64)1000, "endMs", G_TYPE_INT64, (gint64)2500, "state", G_TYPE_STRING, state, "reason",
        G_TYPE_STRING, "TIMEOUT", "transcript", G_TYPE_STRING, "one \"two\"", "translatedText", G_TYPE_STRING,
        "uno dos", "lagMs", G_TYPE_INT64, (gint64)120, "speedRatio", G_TYPE_DOUBLE, 1.1, "rttMs",
        G_TYPE_INT64, (gint64)900, NULL);
    phrases_add(phrases, phrase);
}

static void collect(const struct dub_ledger_line *line, void *user)
{
    GString *text = user;
    g_string_append_printf(text, "%d ", (int)line->seq);
}

static void test_counts_and_replay(void)
{
    struct phrases *phrases = phrases_new(NULL, NULL);
    g_autoptr(GString) seqs = g_string_new(NULL);

    add(phrases, 1, "dubbed");
    add(phrases, 2, "passthrough");
    add(phrases, 3, "dubbed");
    add(phrases, 4, "no such state");
    phrases_foreach(phrases, 1, collect, seqs);
    g_assert_cmpstr(seqs->str, ==, "2 3 4 ");
    g_assert_cmpint(phrases_count(phrases, DUB_PHRASE_DUBBED), ==, 2);
    g_assert_cmpint(phrases_count(phrases, DUB_PHRASE_PASSTHROUGH), ==, 1);
    g_assert_cmpint(phrases_count(phrases, DUB_PHRASE_DROPPED), ==, 1);
    phrases_free(phrases);
}

static void test_keeps_a_bounded_number(void)
{
    struct phrases *phrases = phrases_new("", NULL);
    g_autoptr(GString) seqs = g_string_new(NULL);

    for (guint64 seq = 1; seq <= PHRASES_KEPT + 10; seq++)
        add(phrases, seq, "dubbed");
    phrases_foreach(phrases, 0, collect, seqs);
    g_assert_true(g_str_has_prefix(seqs->str, "11 12 "));
    g_assert_cmpint(phrases_count(phrases, DUB_PHRASE_DUBBED), ==, PHRASES_KEPT + 10);
    phrases_free(phrases);
}

static void test_file_holds_a_line_per_phrase(void)
{
    g_autofree char *folder = g_dir_make_tmp("phrases-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "ledger.ndjson", NULL);
    struct phrases *phrases = phrases_new(path, NULL);
    g_autofree char *text = NULL;

    add(phrases, 1, "dubbed");
    add(phrases, 2, "dropped");
    /* Each line is there as soon as the phrase is, not only at the end. */
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    g_assert_cmpuint(g_strv_length(lines), ==, 3);
    struct dub_ledger_line line = {0};
    g_autoptr(JsonNode) node = dub_json_parse(lines[1], strlen(lines[1]), NULL);
    g_assert_true(dub_ledger_line_read(&line, node, NULL));
    g_assert_cmpint(line.seq, ==, 2);
    g_assert_cmpint(line.state, ==, DUB_PHRASE_DROPPED);
    g_assert_cmpstr(line.transcript, ==, "one \"two\"");
    g_assert_cmpint(line.sts.rtt_ms, ==, 900);
    dub_ledger_line_clear(&line);
    phrases_free(phrases);
    g_unlink(path);
    g_rmdir(folder);
}

static void test_unwritable_file_is_an_error(void)
{
    struct dub_error error = {0};

    g_assert_null(phrases_new("/nowhere/ledger.ndjson", &error));
    g_assert_nonnull(strstr(error.message, "WORKER_LEDGER"));
}

static void test_full_disk_costs_the_file_only(void)
{
    struct dub_error error = {0};
    struct phrases *phrases = phrases_new("/dev/full", &error);

    g_assert_nonnull(phrases);
    add(phrases, 1, "dubbed");
    add(phrases, 2, "dubbed");
    g_assert_cmpint(phrases_count(phrases, DUB_PHRASE_DUBBED), ==, 2);
    phrases_free(phrases);
}

int main(int argc, char **argv)
{
    gst_init(NULL, NULL);
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/phrases/counts-and-replay", test_counts_and_replay);
    g_test_add_func("/phrases/keeps-a-bounded-number", test_keeps_a_bounded_number);
    g_test_add_func("/phrases/file-holds-a-line-per-phrase", test_file_holds_a_line_per_phrase);
    g_test_add_func("/phrases/unwritable-file-is-an-error", test_unwritable_file_is_an_error);
    g_test_add_func("/phrases/full-disk-costs-the-file-only", test_full_disk_costs_the_file_only);
    return g_test_run();
}
