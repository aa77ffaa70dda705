/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Between a text that is made in parts and the client that waits for it, either of which may end first. */
#include "handlers.h"
#include "parts.h"

#include <string.h>

/* Of a hook's 20 ms. */
#define TURN_US 1000

struct answer {
    struct api *api;
    SoupServerMessage *message;
    struct parts *parts; /* NULL: done */
    bool (*append)(GString *text, void *user);
    void *user;
    GDestroyNotify free_user;
};

static void free_answer(void *data)
{
    struct answer *answer = data;
    g_signal_handlers_disconnect_by_data(answer->message, answer);
    if (answer->parts != NULL)
        parts_cancel(answer->parts);
    answer->free_user(answer->user);
    g_object_unref(answer->message);
    g_free(answer);
}

static void on_gone(SoupServerMessage *message, void *user)
{
    struct answer *answer = user;
    g_ptr_array_remove_fast(answer->api->long_answers, answer);
}

static bool append(GString *text, void *user)
{
    struct answer *answer = user;
    return answer->append(text, answer->user);
}

static void done(char *take_text, void *user)
{
    struct answer *answer = user;
    SoupServerMessage *message = answer->message;
    answer->parts = NULL;
    soup_server_message_set_status(message, 200, NULL);
    soup_server_message_set_response(message, "application/json", SOUP_MEMORY_TAKE, take_text,
                                     strlen(take_text));
    soup_server_message_unpause(message);
}

void api_reply_in_parts(struct api *api, struct dub_http_request *request,
                        bool (*append_part)(GString *text, void *user), void *take_user,
                        GDestroyNotify free_user)
{
    static const struct parts_ops ops = {append, done, NULL};
    struct answer *answer = g_new0(struct answer, 1);
    *answer = (struct answer){.api = api,
                              .message = g_object_ref(request->message),
                              .append = append_part,
                              .user = take_user,
                              .free_user = free_user};
    g_ptr_array_add(api->long_answers, answer);
    g_signal_connect(answer->message, "finished", G_CALLBACK(on_gone), answer);
    soup_server_message_pause(answer->message);
    answer->parts = parts_start(&ops, answer, TURN_US);
}

GPtrArray *api_long_answers_new(void)
{
    return g_ptr_array_new_with_free_func(free_answer);
}
