/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "phrases.h"

#include <dubbing_json.h>
#include <dubbing_log.h>
#include <errno.h>
#include <stdio.h>

struct phrases {
    GQueue kept; /* of struct dub_ledger_line, oldest first */
    int64_t counts[DUB_PHRASE_STATE_COUNT];
    FILE *file; /* NULL: none, or it failed */
};

static void line_free(struct dub_ledger_line *line)
{
    dub_ledger_line_clear(line);
    g_free(line);
}

struct phrases *phrases_new(const char *path, struct dub_error *error)
{
    struct phrases *phrases = g_new0(struct phrases, 1);

    g_queue_init(&phrases->kept);
    if (!path || !*path)
        return phrases;
    phrases->file = fopen(path, "we");
    if (phrases->file)
        return phrases;
    dub_error_set_errno(error, DUB_ERROR_IO, errno, "WORKER_LEDGER: cannot write \"%s\"", path);
    phrases_free(phrases);
    return NULL;
}

void phrases_free(struct phrases *phrases)
{
    if (!phrases)
        return;
    if (phrases->file)
        fclose(phrases->file);
    g_queue_clear_full(&phrases->kept, (GDestroyNotify)line_free);
    g_free(phrases);
}

static int64_t get_int(const GstStructure *structure, const char *name)
{
    gint64 value = 0;
    gst_structure_get_int64(structure, name, &value);
    return value;
}

static char *get_string(const GstStructure *structure, const char *name)
{
    return g_strdup(gst_structure_get_string(structure, name));
}

static struct dub_ledger_line *line_new(const GstStructure *phrase)
{
    struct dub_ledger_line *line = g_new0(struct dub_ledger_line, 1);
    const char *state = gst_structure_get_string(phrase, "state");
    guint64 seq = 0;

    gst_structure_get_uint64(phrase, "seq", &seq);
    line->seq = (int64_t)seq;
    line->fragment_id = get_string(phrase, "fragmentId");
    line->start_ms = get_int(phrase, "startMs");
    line->end_ms = get_int(phrase, "endMs");
    line->state = dub_phrase_state_from_name(state ? state : "");
    if (line->state == DUB_PHRASE_STATE_COUNT)
        line->state = DUB_PHRASE_DROPPED;
    line->reason = get_string(phrase, "reason");
    line->transcript = get_string(phrase, "transcript");
    line->translated_text = get_string(phrase, "translatedText");
    line->lag_ms = get_int(phrase, "lagMs");
    gst_structure_get_double(phrase, "speedRatio", &line->speed_ratio);
    line->sts.rtt_ms = get_int(phrase, "rttMs");
    line->sts.asr_ms = get_int(phrase, "asrMs");
    line->sts.translation_ms = get_int(phrase, "translationMs");
    line->sts.tts_ms = get_int(phrase, "ttsMs");
    return line;
}

static void write_line(struct phrases *phrases, const struct dub_ledger_line *line)
{
    if (!phrases->file)
        return;
    g_autoptr(JsonNode) node = dub_ledger_line_to_json(line);
    g_autofree char *text = dub_json_to_string(node);
    if (fprintf(phrases->file, "%s\n", text) >= 0 && fflush(phrases->file) == 0)
        return;
    /* A full disk must not cost the stream; it is said once. */
    dub_log_error("the ledger cannot be written any more: %s", g_strerror(errno));
    fclose(phrases->file);
    phrases->file = NULL;
}

const struct dub_ledger_line *phrases_add(struct phrases *phrases, const GstStructure *phrase)
{
    struct dub_ledger_line *line = line_new(phrase);

    phrases->counts[line->state]++;
    write_line(phrases, line);
    g_queue_push_tail(&phrases->kept, line);
    if (phrases->kept.length > PHRASES_KEPT)
        line_free(g_queue_pop_head(&phrases->kept));
    return line;
}

void phrases_foreach(struct phrases *phrases, int64_t after,
                     void (*on_line)(const struct dub_ledger_line *line, void *user), void *user)
{
    for (const GList *link = phrases->kept.head; link; link = link->next) {
        const struct dub_ledger_line *line = link->data;
        if (line->seq > after)
            on_line(line, user);
    }
}

int64_t phrases_count(const struct phrases *phrases, enum dub_phrase_state state)
{
    return phrases->counts[state];
}
