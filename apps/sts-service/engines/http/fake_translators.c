/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fake_translators.h"

#include "answer.h"
#include <string.h>

static bool is_plain(const char *word, gsize length)
{
    for (gsize i = 0; i < length; i++)
        if (!g_ascii_islower(word[i]) || word[i] == 'q')
            return false;
    return length > 2;
}

char *fake_translation(const char *text)
{
    GString *out = g_string_new(NULL);
    while (*text) {
        gsize word = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'");
        g_string_append_len(out, text, (gssize)word);
        if (is_plain(text, word))
            g_string_append_c(out, 'o');
        text += word;
        if (*text)
            g_string_append_c(out, *text++);
    }
    return g_string_free(out, FALSE);
}

static void refuse(struct stand_reply *reply, int status, const char *text)
{
    reply->status = status;
    reply->body = g_strdup(text);
}

void fake_libretranslate_languages(const struct stand_request *request, struct stand_reply *reply, void *user)
{
    reply->body = g_strdup("[{\"code\":\"en\",\"name\":\"English\",\"targets\":[\"de\",\"en\",\"es\"]},"
                           "{\"code\":\"es\",\"name\":\"Spanish\",\"targets\":[\"en\",\"es\",\"pt-BR\"]}]");
}

void fake_libretranslate_translate(const struct stand_request *request, struct stand_reply *reply, void *user)
{
    g_autoptr(JsonNode) root = dub_json_parse(request->body, request->size, NULL);
    JsonObject *object = answer_node_object(root);
    const char *text = answer_string(object, "q");
    const char *source = answer_string(object, "source");
    if (g_strcmp0(answer_string(object, "api_key"), FAKE_LIBRETRANSLATE_KEY) != 0)
        return refuse(reply, 403, "{\"error\":\"Invalid API key\"}");
    if (!text || !source || !answer_string(object, "target"))
        return refuse(reply, 400, "{\"error\":\"Invalid request: missing q parameter\"}");
    if (strlen(source) != 2)
        return refuse(reply, 400, "{\"error\":\"source is not supported\"}");
    g_autofree char *translated = fake_translation(text);
    JsonObject *answer = json_object_new();
    json_object_set_string_member(answer, "translatedText", translated);
    reply->body = dub_json_object_to_string_take(answer);
}

static bool deepl_admits(const struct stand_request *request, struct stand_reply *reply)
{
    g_autofree char *key = stand_header(request, "Authorization");
    if (g_strcmp0(key, "DeepL-Auth-Key " FAKE_DEEPL_KEY) == 0)
        return true;
    refuse(reply, 403, "{\"message\":\"Invalid auth key.\"}");
    return false;
}

void fake_deepl_languages(const struct stand_request *request, struct stand_reply *reply, void *user)
{
    bool targets = g_str_has_suffix(request->path, "type=target");
    if (deepl_admits(request, reply))
        reply->body =
            g_strdup(targets ? "[{\"language\":\"EN-US\"},{\"language\":\"ES\"},{\"language\":\"ES-419\"}]"
                             : "[{\"language\":\"EN\"},{\"language\":\"ES\"}]");
}

void fake_deepl_usage(const struct stand_request *request, struct stand_reply *reply, void *user)
{
    if (deepl_admits(request, reply))
        reply->body = g_strdup("{\"character_count\":180118,\"character_limit\":1250000}");
}

void fake_deepl_translate(const struct stand_request *request, struct stand_reply *reply, void *user)
{
    g_autoptr(JsonNode) root = dub_json_parse(request->body, request->size, NULL);
    JsonObject *object = answer_node_object(root);
    JsonArray *texts = answer_array(object, "text");
    const char *text = texts && json_array_get_length(texts) == 1
                           ? answer_node_string(json_array_get_element(texts, 0))
                           : NULL;
    if (!deepl_admits(request, reply))
        return;
    if (!text || !answer_string(object, "target_lang"))
        return refuse(reply, 400, "{\"message\":\"Parameter 'text' not specified.\"}");
    g_autofree char *translated = fake_translation(text);
    JsonObject *answer = json_object_new();
    JsonObject *one = json_object_new();
    JsonArray *all = json_array_new();
    json_object_set_string_member(one, "detected_source_language", "EN");
    json_object_set_string_member(one, "text", translated);
    json_array_add_object_element(all, one);
    json_object_set_array_member(answer, "translations", all);
    reply->body = dub_json_object_to_string_take(answer);
}

void fake_openai_chat(const struct stand_request *request, struct stand_reply *reply, void *user)
{
    g_autoptr(JsonNode) root = dub_json_parse(request->body, request->size, NULL);
    g_autofree char *key = stand_header(request, "Authorization");
    JsonArray *messages = answer_array(answer_node_object(root), "messages");
    const char *text = messages && json_array_get_length(messages) == 2
                           ? answer_string(answer_node_object(json_array_get_element(messages, 1)), "content")
                           : NULL;
    if (g_strcmp0(key, "Bearer sk-openai-key") != 0)
        return refuse(reply, 401, "{\"error\":{\"message\":\"Incorrect API key provided\"}}");
    if (!text)
        return refuse(reply, 400, "{\"error\":{\"message\":\"Invalid 'messages'\"}}");
    /* A model writes in the target's letters. */
    g_autofree char *latin = g_str_to_ascii(text, "C");
    g_autofree char *translated = fake_translation(latin);
    JsonObject *answer = json_object_new();
    JsonObject *choice = json_object_new();
    JsonObject *message = json_object_new();
    JsonArray *choices = json_array_new();
    json_object_set_string_member(message, "role", "assistant");
    json_object_set_string_member(message, "content", translated);
    json_object_set_object_member(choice, "message", message);
    json_object_set_string_member(choice, "finish_reason", "stop");
    json_array_add_object_element(choices, choice);
    json_object_set_array_member(answer, "choices", choices);
    reply->body = dub_json_object_to_string_take(answer);
}
