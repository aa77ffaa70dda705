/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fields.h"

#include <dubbing_ledger.h>

CONTRACT_DEFINE_NAMES(dub_phrase_state, DUB_PHRASE_STATES, dub_phrase_state)

static void read_sts(struct dub_json_reader *parent, struct dub_ledger_line *line)
{
    struct dub_json_reader reader = dub_json_read_object(parent, "sts", "sts.", false);
    line->sts.rtt_ms = contract_read_rounded_or(&reader, "rttMs", CONTRACT_TIME_MS_MAX, 0);
    line->sts.asr_ms = contract_read_rounded_or(&reader, "asrMs", CONTRACT_TIME_MS_MAX, 0);
    line->sts.translation_ms = contract_read_rounded_or(&reader, "translationMs", CONTRACT_TIME_MS_MAX, 0);
    line->sts.tts_ms = contract_read_rounded_or(&reader, "ttsMs", CONTRACT_TIME_MS_MAX, 0);
}

/* An empty string in a ledger line means the same as its absence. */
static char *read_filled(struct dub_json_reader *reader, const char *name, gsize max_bytes)
{
    g_autofree char *text = contract_read_string_or_null(reader, name, max_bytes);
    return text && *text ? g_steal_pointer(&text) : NULL;
}

bool dub_ledger_line_read(struct dub_ledger_line *line, JsonNode *node, struct dub_error *error)
{
    bool failed = false;
    struct dub_json_reader reader = dub_json_reader_on(node, DUB_ERROR_INVALID_ARGUMENT, &failed, error);

    *line = (struct dub_ledger_line){.seq = dub_json_read_int(&reader, "seq", 1, G_MAXINT64)};
    line->fragment_id = read_filled(&reader, "fragmentId", DUB_NAME_BYTES_MAX);
    line->start_ms = dub_json_read_int(&reader, "startMs", 0, CONTRACT_TIME_MS_MAX);
    line->end_ms = dub_json_read_int(&reader, "endMs", line->start_ms, CONTRACT_TIME_MS_MAX);
    line->state =
        (enum dub_phrase_state)contract_read_choice(&reader, "state", &contract_dub_phrase_state, -1);
    line->reason = read_filled(&reader, "reason", DUB_NAME_BYTES_MAX);
    line->transcript = read_filled(&reader, "transcript", DUB_TEXT_BYTES_MAX);
    line->translated_text = read_filled(&reader, "translatedText", DUB_TEXT_BYTES_MAX);
    line->lag_ms = dub_json_read_int_or(&reader, "lagMs", -CONTRACT_TIME_MS_MAX, CONTRACT_TIME_MS_MAX, 0);
    line->speed_ratio = contract_read_double_or(&reader, "speedRatio", 0, 1e3, 0);
    read_sts(&reader, line);
    return !failed;
}

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

JsonNode *dub_ledger_line_to_json(const struct dub_ledger_line *line)
{
    JsonObject *sts = json_object_new();
    json_object_set_int_member(sts, "rttMs", line->sts.rtt_ms);
    json_object_set_int_member(sts, "asrMs", line->sts.asr_ms);
    json_object_set_int_member(sts, "translationMs", line->sts.translation_ms);
    json_object_set_int_member(sts, "ttsMs", line->sts.tts_ms);

    JsonObject *object = json_object_new();
    json_object_set_int_member(object, "seq", line->seq);
    json_object_set_string_member(object, "fragmentId", or_empty(line->fragment_id));
    json_object_set_int_member(object, "startMs", line->start_ms);
    json_object_set_int_member(object, "endMs", line->end_ms);
    json_object_set_string_member(object, "state", dub_phrase_state_name(line->state));
    json_object_set_string_member(object, "reason", or_empty(line->reason));
    json_object_set_string_member(object, "transcript", or_empty(line->transcript));
    json_object_set_string_member(object, "translatedText", or_empty(line->translated_text));
    json_object_set_int_member(object, "lagMs", line->lag_ms);
    json_object_set_double_member(object, "speedRatio", line->speed_ratio);
    json_object_set_object_member(object, "sts", sts);
    return contract_node_take(object);
}

void dub_ledger_line_clear(struct dub_ledger_line *line)
{
    g_free(line->fragment_id);
    g_free(line->reason);
    g_free(line->transcript);
    g_free(line->translated_text);
    *line = (struct dub_ledger_line){0};
}
