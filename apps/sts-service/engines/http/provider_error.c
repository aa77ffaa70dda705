/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "provider_error.h"

#include "answer.h"
#include <dubbing_text.h>
#include <string.h>

#define MAX_BODY_BYTES 65536

static const char *message_of(JsonObject *body, JsonObject *inner)
{
    const char *const said[] = {answer_string(inner, "message"), answer_string(body, "message"),
                                answer_string(body, "error"), answer_string(body, "detail")};
    for (gsize i = 0; i < G_N_ELEMENTS(said); i++)
        if (said[i])
            return said[i];
    return "";
}

static bool says_quota(JsonObject *inner)
{
    static const char *const members[] = {"code", "type", "status"};
    for (gsize i = 0; i < G_N_ELEMENTS(members); i++) {
        const char *value = answer_string(inner, members[i]);
        if (value && (strcmp(value, "insufficient_quota") == 0 || strcmp(value, "quota_exceeded") == 0))
            return true;
    }
    return false;
}

/* Of a provider that repeats the key to whom it refuses, nothing of it is passed on. */
static char *blot(const char *message, const char *secret)
{
    GString *text = g_string_new(message);
    if (secret && *secret)
        g_string_replace(text, secret, "***", 0);
    for (char *at = text->str; *at; at++)
        if (g_ascii_iscntrl(*at))
            *at = ' ';
    return g_string_free(text, FALSE);
}

void provider_error_read(const void *body, gsize size, const char *secret, struct provider_error *out)
{
    *out = (struct provider_error){.quota = false};
    if (size == 0 || size > MAX_BODY_BYTES)
        return;
    g_autoptr(JsonNode) node = dub_json_parse(body, size, NULL);
    JsonObject *object = answer_node_object(node);
    JsonObject *inner = answer_object(object, "error");
    if (!inner)
        inner = answer_object(object, "detail");
    g_autofree char *message = blot(message_of(object, inner), secret);
    g_snprintf(out->message, sizeof out->message, "%.*s", dub_text_cut(message, PROVIDER_ERROR_MAX_BYTES),
               message);
    out->quota = says_quota(inner);
}
