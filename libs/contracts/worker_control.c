/* SPDX-License-Identifier: GPL-3.0-or-later */
/* hello, phrase and the commands of the control socket, and counts by name. */
#include "worker_control_private.h"

JsonObject *worker_message_new(const char *type)
{
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, "type", type);
    return object;
}

void worker_message_check_type(struct dub_json_reader *reader, const char *expected)
{
    const char *type = dub_json_read_string(reader, "type", DUB_NAME_BYTES_MAX);
    if (g_strcmp0(type, expected) != 0)
        contract_problem(reader, "type", "must be \"%s\"", expected);
}

bool dub_worker_hello_read(struct dub_worker_hello *hello, JsonNode *node, struct dub_error *error)
{
    bool failed = false;
    struct dub_json_reader reader = dub_json_reader_on(node, DUB_ERROR_INVALID_ARGUMENT, &failed, error);

    *hello = (struct dub_worker_hello){0};
    worker_message_check_type(&reader, "hello");
    hello->stream_id = contract_read_id(&reader, "streamId");
    hello->run_id = contract_read_string(&reader, "runId", DUB_NAME_BYTES_MAX);
    hello->instance_id = contract_read_string(&reader, "instanceId", DUB_NAME_BYTES_MAX);
    hello->pid = dub_json_read_int(&reader, "pid", 1, G_MAXINT32);
    hello->version = contract_read_text(&reader, "version", DUB_NAME_BYTES_MAX);
    hello->gstreamer = contract_read_string_or_null(&reader, "gstreamer", DUB_NAME_BYTES_MAX);
    return !failed;
}

JsonNode *dub_worker_hello_to_json(const struct dub_worker_hello *hello)
{
    JsonObject *object = worker_message_new("hello");
    contract_set_string(object, "streamId", hello->stream_id);
    contract_set_string(object, "runId", hello->run_id);
    contract_set_string(object, "instanceId", hello->instance_id);
    json_object_set_int_member(object, "pid", hello->pid);
    contract_set_string(object, "version", hello->version);
    contract_set_string(object, "gstreamer", hello->gstreamer);
    return contract_node_take(object);
}

void dub_worker_hello_clear(struct dub_worker_hello *hello)
{
    g_free(hello->stream_id);
    g_free(hello->run_id);
    g_free(hello->instance_id);
    g_free(hello->version);
    g_free(hello->gstreamer);
    *hello = (struct dub_worker_hello){0};
}

static struct dub_count *find_count(const struct dub_counts *counts, const char *name)
{
    for (unsigned i = 0; i < counts->n_items; i++) {
        if (g_str_equal(counts->items[i].name, name))
            return &counts->items[i];
    }
    return NULL;
}

void dub_counts_add(struct dub_counts *counts, const char *name, int64_t by)
{
    struct dub_count *count = find_count(counts, name);
    if (!count && counts->n_items >= DUB_CONTROL_MAP_MAX - 1) {
        name = "other";
        count = find_count(counts, name);
    }
    if (!count) {
        counts->items = g_renew(struct dub_count, counts->items, counts->n_items + 1);
        count = &counts->items[counts->n_items++];
        *count = (struct dub_count){.name = g_strdup(name)};
    }
    count->count += by;
}

int64_t dub_counts_get(const struct dub_counts *counts, const char *name)
{
    const struct dub_count *count = find_count(counts, name);
    return count ? count->count : 0;
}

void dub_counts_clear(struct dub_counts *counts)
{
    for (unsigned i = 0; i < counts->n_items; i++)
        g_free(counts->items[i].name);
    g_free(counts->items);
    *counts = (struct dub_counts){0};
}

bool dub_worker_phrase_read(struct dub_ledger_line *line, JsonNode *node, struct dub_error *error)
{
    bool failed = false;
    struct dub_json_reader reader = dub_json_reader_on(node, DUB_ERROR_INVALID_ARGUMENT, &failed, error);

    *line = (struct dub_ledger_line){0};
    worker_message_check_type(&reader, "phrase");
    dub_json_read_object(&reader, "phrase", "phrase.", true);
    if (failed)
        return false;
    return dub_ledger_line_read(line, json_object_get_member(reader.object, "phrase"), error);
}

JsonNode *dub_worker_phrase_to_json(const struct dub_ledger_line *line)
{
    JsonObject *object = worker_message_new("phrase");
    json_object_set_member(object, "phrase", dub_ledger_line_to_json(line));
    return contract_node_take(object);
}

enum dub_worker_message_type dub_worker_message_type(JsonNode *node)
{
    static const char *const types[] = {"hello", "status", "phrase"};
    static const struct contract_names names = {types, G_N_ELEMENTS(types)};
    bool failed = false;
    struct dub_json_reader reader = dub_json_reader_on(node, DUB_ERROR_INVALID_ARGUMENT, &failed, NULL);
    return (enum dub_worker_message_type)contract_index_of(
        &names, dub_json_read_string_or(&reader, "type", DUB_NAME_BYTES_MAX, ""));
}

static const char *const commands[] = {"phrases", "stop"};
static const struct contract_names command_names = {commands, G_N_ELEMENTS(commands)};

bool dub_worker_command_read(struct dub_worker_command *command, JsonNode *node, struct dub_error *error)
{
    bool failed = false;
    struct dub_json_reader reader = dub_json_reader_on(node, DUB_ERROR_INVALID_ARGUMENT, &failed, error);

    *command = (struct dub_worker_command){
        .type = (enum dub_worker_command_type)contract_read_choice(&reader, "command", &command_names, -1),
    };
    command->after = dub_json_read_int_or(&reader, "after", 0, G_MAXINT64, 0);
    return !failed;
}

JsonNode *dub_worker_command_to_json(const struct dub_worker_command *command)
{
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, "command", contract_name_of(&command_names, command->type));
    if (command->type == DUB_WORKER_COMMAND_PHRASES)
        json_object_set_int_member(object, "after", command->after);
    return contract_node_take(object);
}
