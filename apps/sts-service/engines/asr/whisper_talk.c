/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "whisper_talk.h"

#include <pthread.h>
#include <string.h>

struct said {
    int64_t fragment;
    char *language;
    char *text; /* at most WHISPER_TALK_BYTES; "": nothing to go on with */
};

struct whisper_talk {
    pthread_mutex_t lock; /* guards sessions */
    GHashTable *sessions; /* session_id -> struct said */
};

static void said_free(void *data)
{
    struct said *said = data;
    g_free(said->language);
    g_free(said->text);
    g_free(said);
}

struct whisper_talk *whisper_talk_new(void)
{
    struct whisper_talk *talk = g_new0(struct whisper_talk, 1);
    pthread_mutex_init(&talk->lock, NULL);
    talk->sessions = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, said_free);
    return talk;
}

void whisper_talk_free(struct whisper_talk *talk)
{
    if (!talk)
        return;
    g_hash_table_unref(talk->sessions);
    pthread_mutex_destroy(&talk->lock);
    g_free(talk);
}

/* The end of a text, from the start of a word. */
static const char *tail(const char *text, size_t bytes)
{
    size_t length = strlen(text);
    if (length <= bytes)
        return text;
    const char *blank = strchr(text + length - bytes, ' ');
    return blank ? blank + 1 : "";
}

static void add_hints(GString *prompt, const char *const *hints)
{
    for (const char *const *hint = hints; hint && *hint; hint++) {
        if (prompt->len + strlen(*hint) > WHISPER_TALK_HINT_BYTES)
            continue;
        g_string_append(prompt, prompt->len > 0 ? ", " : " ");
        g_string_append(prompt, *hint);
    }
    if (prompt->len > 0)
        g_string_append_c(prompt, '.');
}

char *whisper_talk_prompt(struct whisper_talk *talk, const char *session_id, const char *language,
                          const char *const *hints)
{
    GString *prompt = g_string_new(NULL);
    add_hints(prompt, hints);
    if (session_id) {
        pthread_mutex_lock(&talk->lock);
        const struct said *said = g_hash_table_lookup(talk->sessions, session_id);
        if (said && *said->text != '\0' && strcmp(said->language, language) == 0)
            g_string_append_printf(prompt, " %s", said->text);
        pthread_mutex_unlock(&talk->lock);
    }
    return g_string_free(prompt, prompt->len == 0);
}

/* Sessions that end are forgotten; this is for ids that never are. Lock held. */
static void make_room(struct whisper_talk *talk)
{
    GHashTableIter iter;
    if (g_hash_table_size(talk->sessions) < WHISPER_TALK_SESSIONS)
        return;
    g_hash_table_iter_init(&iter, talk->sessions);
    if (g_hash_table_iter_next(&iter, NULL, NULL))
        g_hash_table_iter_remove(&iter);
}

void whisper_talk_keep(struct whisper_talk *talk, const char *session_id, int64_t fragment,
                       const char *language, const char *text)
{
    if (!session_id)
        return;
    struct said *now = g_new0(struct said, 1);
    now->fragment = fragment;
    now->language = g_strdup(language);
    now->text = g_strdup(text ? tail(text, WHISPER_TALK_BYTES) : "");
    pthread_mutex_lock(&talk->lock);
    const struct said *before = g_hash_table_lookup(talk->sessions, session_id);
    if (before && before->fragment > fragment) {
        said_free(now);
    } else {
        if (!before)
            make_room(talk);
        g_hash_table_replace(talk->sessions, g_strdup(session_id), now);
    }
    pthread_mutex_unlock(&talk->lock);
}

void whisper_talk_forget(struct whisper_talk *talk, const char *session_id)
{
    pthread_mutex_lock(&talk->lock);
    g_hash_table_remove(talk->sessions, session_id);
    pthread_mutex_unlock(&talk->lock);
}
