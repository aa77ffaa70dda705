/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The first line is a user of the configuration, "name pass ip action path", the rest the query of a peer. */
#include "auth.h"

#include "fuzz_target.h"

static void check(char *const *words, const char *user, const char *pass, const char *query)
{
    g_autoptr(GPtrArray) users = auth_users_new();
    struct auth_user *one = auth_users_add(users, words[0], words[1], NULL);
    if (one != NULL) {
        auth_user_add_ip(one, words[2], NULL);
        auth_user_permit(one, words[3], words[4], NULL);
    }
    for (guint action = 0; action < AUTH_ACTION_COUNT; action++) {
        struct dub_error error;
        struct auth_request request = {(enum auth_action)action, query, words[2], user, pass};
        auth_check(users, &request, &error);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    g_auto(GStrv) lines = g_strsplit(text, "\n", 2);
    const char *query = lines[0] != NULL && lines[1] != NULL ? lines[1] : "";
    g_auto(GStrv) words = g_strsplit(lines[0] != NULL ? lines[0] : "", " ", 5);
    g_autofree char *user = NULL;
    g_autofree char *pass = NULL;
    auth_from_query(query, &user, &pass);
    g_autofree char *masked = auth_mask_query(query);
    if (g_strv_length(words) == 5)
        check(words, user, pass, query);
    return 0;
}
