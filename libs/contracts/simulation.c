/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The events with which a test tells a service in echo mode to fail or to push back. */
#include "fields.h"

static void read_rule_value(struct dub_json_reader *reader, struct dub_simulation_rule *rule)
{
    if (rule->trigger == DUB_TRIGGER_FRAGMENT_ID)
        rule->fragment_id = contract_read_string(reader, "value", DUB_NAME_BYTES_MAX);
    else
        rule->number = dub_json_read_int(reader, "value", rule->trigger == DUB_TRIGGER_NTH_FRAGMENT ? 1 : 0,
                                         DUB_SEQUENCE_MAX);
}

static void read_rule_error(struct dub_json_reader *reader, struct dub_error *error)
{
    g_autofree char *name = contract_read_string(reader, "error_code", DUB_NAME_BYTES_MAX);
    g_autofree char *message = contract_read_string_or_null(reader, "error_message", DUB_TEXT_BYTES_MAX);
    g_autofree char *stage_name = contract_read_string_or_null(reader, "stage", DUB_NAME_BYTES_MAX);
    enum dub_error_code code = dub_error_code_from_name(name ? name : "");
    enum dub_stage stage = dub_stage_from_name(stage_name ? stage_name : "");

    if (code == DUB_ERROR_CODE_COUNT || code == DUB_ERROR_NONE)
        contract_problem(reader, "error_code", "is not an error code of the protocol: \"%.64s\"",
                         name ? name : "");
    if (stage == DUB_STAGE_COUNT)
        contract_problem(reader, "stage", "must be input, asr, translation, tts or output");
    bool retryable = dub_json_read_bool_or(reader, "retryable", dub_error_code_retryable(code));
    if (*reader->failed)
        return;
    dub_error_set_stage(error, code, stage, "%s", message ? message : "simulated error");
    error->retryable = retryable;
}

static void read_rule(struct dub_json_reader *parent, JsonNode *node, unsigned index,
                      struct dub_simulation_rule *rule)
{
    g_autofree char *path = g_strdup_printf("rules[%u].", index);
    struct dub_json_reader reader = *parent;
    reader.path = path;
    reader.object = JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
    if (!reader.object) {
        contract_problem(parent, "rules", "entry %u must be an object", index);
        return;
    }
    rule->trigger = (enum dub_simulation_trigger)contract_read_choice(&reader, "trigger",
                                                                      &contract_dub_simulation_trigger, -1);
    read_rule_value(&reader, rule);
    read_rule_error(&reader, &rule->error);
}

bool dub_error_simulation_read(struct dub_error_simulation *simulation, JsonNode *node,
                               struct dub_error *error)
{
    bool failed = false;
    struct dub_json_reader reader = dub_json_reader_on(node, DUB_ERROR_INVALID_CONFIG, &failed, error);

    *simulation = (struct dub_error_simulation){.enabled = dub_json_read_bool(&reader, "enabled")};
    if (failed || !contract_has(&reader, "rules"))
        return !failed;
    JsonNode *rules = json_object_get_member(reader.object, "rules");
    if (!JSON_NODE_HOLDS_ARRAY(rules)) {
        contract_problem(&reader, "rules", "must be a list");
        return false;
    }
    unsigned n_rules = json_array_get_length(json_node_get_array(rules));
    if (n_rules > DUB_SIMULATION_RULES_MAX) {
        contract_problem(&reader, "rules", "has %u entries, at most %d are allowed", n_rules,
                         DUB_SIMULATION_RULES_MAX);
        return false;
    }
    simulation->rules = g_new0(struct dub_simulation_rule, n_rules);
    simulation->n_rules = n_rules;
    for (unsigned i = 0; i < n_rules && !failed; i++)
        read_rule(&reader, json_array_get_element(json_node_get_array(rules), i), i, &simulation->rules[i]);
    return !failed;
}

static JsonObject *rule_to_object(const struct dub_simulation_rule *rule)
{
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, "trigger", dub_simulation_trigger_name(rule->trigger));
    if (rule->trigger == DUB_TRIGGER_FRAGMENT_ID)
        contract_set_string(object, "value", rule->fragment_id);
    else
        json_object_set_int_member(object, "value", rule->number);
    json_object_set_string_member(object, "error_code", dub_error_code_name(rule->error.code));
    json_object_set_string_member(object, "error_message", rule->error.message);
    json_object_set_boolean_member(object, "retryable", rule->error.retryable);
    if (rule->error.stage != DUB_STAGE_NONE)
        json_object_set_string_member(object, "stage", dub_stage_name(rule->error.stage));
    return object;
}

JsonNode *dub_error_simulation_to_json(const struct dub_error_simulation *simulation)
{
    JsonArray *rules = json_array_new();
    for (unsigned i = 0; i < simulation->n_rules; i++)
        json_array_add_object_element(rules, rule_to_object(&simulation->rules[i]));

    JsonObject *object = json_object_new();
    json_object_set_boolean_member(object, "enabled", simulation->enabled);
    json_object_set_array_member(object, "rules", rules);
    return contract_node_take(object);
}

void dub_error_simulation_clear(struct dub_error_simulation *simulation)
{
    for (unsigned i = 0; i < simulation->n_rules; i++)
        g_free(simulation->rules[i].fragment_id);
    g_free(simulation->rules);
    *simulation = (struct dub_error_simulation){0};
}

bool dub_backpressure_simulation_read(struct dub_backpressure_simulation *simulation, JsonNode *node,
                                      struct dub_error *error)
{
    bool failed = false;
    struct dub_json_reader reader = dub_json_reader_on(node, DUB_ERROR_INVALID_CONFIG, &failed, error);

    *simulation = (struct dub_backpressure_simulation){.enabled = dub_json_read_bool(&reader, "enabled")};
    simulation->threshold =
        (int)dub_json_read_int_or(&reader, "threshold", DUB_MAX_INFLIGHT_MIN, DUB_MAX_INFLIGHT_MAX, 1);
    simulation->severity = (enum dub_pressure_severity)contract_read_choice(
        &reader, "severity", &contract_dub_pressure_severity, DUB_PRESSURE_MEDIUM);
    simulation->action = (enum dub_pressure_action)contract_read_choice(
        &reader, "action", &contract_dub_pressure_action, DUB_ACTION_SLOW_DOWN);
    simulation->recommended_delay_ms =
        (int)dub_json_read_int_or(&reader, "recommended_delay_ms", 0, DUB_TIMEOUT_MS_MAX, 0);
    return !failed;
}

JsonNode *dub_backpressure_simulation_to_json(const struct dub_backpressure_simulation *simulation)
{
    JsonObject *object = json_object_new();
    json_object_set_boolean_member(object, "enabled", simulation->enabled);
    json_object_set_int_member(object, "threshold", simulation->threshold);
    json_object_set_string_member(object, "severity", dub_pressure_severity_name(simulation->severity));
    json_object_set_string_member(object, "action", dub_pressure_action_name(simulation->action));
    json_object_set_int_member(object, "recommended_delay_ms", simulation->recommended_delay_ms);
    return contract_node_take(object);
}

bool dub_error_simulation_ack_read(struct dub_error_simulation_ack *ack, JsonNode *node,
                                   struct dub_error *error)
{
    static const char *const statuses[] = {"error", "configured"};
    static const struct contract_names names = {statuses, G_N_ELEMENTS(statuses)};
    bool failed = false;
    struct dub_json_reader reader = dub_json_reader_on(node, DUB_ERROR_INVALID_CONFIG, &failed, error);

    *ack = (struct dub_error_simulation_ack){
        .configured = contract_read_choice(&reader, "status", &names, -1) == 1,
    };
    ack->rules_count = (int)dub_json_read_int_or(&reader, "rules_count", 0, DUB_SIMULATION_RULES_MAX, 0);
    ack->error_message = contract_read_string_or_null(&reader, "error_message", DUB_TEXT_BYTES_MAX);
    return !failed;
}

JsonNode *dub_error_simulation_ack_to_json(const struct dub_error_simulation_ack *ack)
{
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, "status", ack->configured ? "configured" : "error");
    json_object_set_int_member(object, "rules_count", ack->rules_count);
    contract_set_string(object, "error_message", ack->error_message);
    return contract_node_take(object);
}

void dub_error_simulation_ack_clear(struct dub_error_simulation_ack *ack)
{
    g_free(ack->error_message);
    *ack = (struct dub_error_simulation_ack){0};
}
