/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "openai_chat.h"

#include "../http/answer.h"
#include "chat_rules.h"
#include <string.h>

/* A token is a byte at least; half as long again is the longest that a translation is let get. */
#define LEAST_TOKENS 64

/* These take no temperature, and their bound has another name. */
static bool is_reasoning(const char *model)
{
    static const char *const families[] = {"gpt-5", "o1", "o3", "o4"};
    for (gsize i = 0; i < G_N_ELEMENTS(families); i++)
        if (g_str_has_prefix(model, families[i]))
            return true;
    return false;
}

static void add_message(JsonArray *messages, const char *role, const char *content)
{
    JsonObject *message = json_object_new();
    json_object_set_string_member(message, "role", role);
    json_object_set_string_member(message, "content", content);
    json_array_add_object_element(messages, message);
}

char *openai_chat_ask(const struct openai_chat_question *question)
{
    g_autofree char *system = chat_rules(question->source, question->target);
    gint64 tokens = LEAST_TOKENS + (gint64)strlen(question->text) * 3 / 2;
    JsonObject *object = json_object_new();
    JsonArray *messages = json_array_new();
    add_message(messages, "system", system);
    add_message(messages, "user", question->text);
    json_object_set_string_member(object, "model", question->model);
    json_object_set_array_member(object, "messages", messages);
    if (is_reasoning(question->model)) {
        json_object_set_int_member(object, "max_completion_tokens", tokens);
    } else {
        json_object_set_int_member(object, "max_tokens", tokens);
        json_object_set_double_member(object, "temperature", 0.0);
    }
    json_object_set_boolean_member(object, "stream", FALSE);
    return dub_json_object_to_string_take(object);
}

static bool check_end(JsonObject *choice, JsonObject *message, struct dub_error *error)
{
    const char *reason = answer_string(choice, "finish_reason");
    const char *refusal = answer_string(message, "refusal");
    if (g_strcmp0(reason, "length") == 0)
        return dub_error_set_stage(error, DUB_ERROR_HALLUCINATION_SUSPECTED, DUB_STAGE_TRANSLATION,
                                   "openai has not come to an end within its bound");
    if (g_strcmp0(reason, "content_filter") == 0 || (refusal && *refusal))
        return dub_error_set_stage(error, DUB_ERROR_TRANSLATION_FAILED, DUB_STAGE_TRANSLATION,
                                   "openai declines to translate this");
    return true;
}

char *openai_chat_read(const void *body, gsize size, const char *source_text, struct dub_error *error)
{
    g_autoptr(JsonNode) root = dub_json_parse(body, size, NULL);
    JsonArray *choices = answer_array(answer_node_object(root), "choices");
    JsonObject *choice = choices && json_array_get_length(choices) > 0
                             ? answer_node_object(json_array_get_element(choices, 0))
                             : NULL;
    JsonObject *message = answer_object(choice, "message");
    const char *content = answer_string(message, "content");
    if (choice && !check_end(choice, message, error))
        return NULL;
    if (content)
        return chat_unquote(g_strdup(content), source_text);
    dub_error_set_stage(error, DUB_ERROR_TRANSLATION_API_UNAVAILABLE, DUB_STAGE_TRANSLATION,
                        "openai has answered without a translation");
    return NULL;
}
