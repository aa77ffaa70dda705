/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "retries.h"

struct retry {
    char *fragment_id;
    int64_t sequence_number;
};

static void retry_free(void *data)
{
    struct retry *retry = data;
    g_free(retry->fragment_id);
    g_free(retry);
}

static GList *find(const struct retries *retries, const char *fragment_id)
{
    for (GList *link = retries->failed.head; link; link = link->next) {
        const struct retry *retry = link->data;
        if (g_ascii_strcasecmp(retry->fragment_id, fragment_id) == 0)
            return link;
    }
    return NULL;
}

void retries_clear(struct retries *retries)
{
    g_queue_clear_full(&retries->failed, retry_free);
}

void retries_note(struct retries *retries, const struct dub_fragment_processed *processed)
{
    if (processed->status != DUB_FRAGMENT_FAILED || !processed->error.retryable)
        return;
    struct retry *retry = g_new0(struct retry, 1);
    retry->fragment_id = g_strdup(processed->fragment_id);
    retry->sequence_number = processed->sequence_number;
    g_queue_push_tail(&retries->failed, retry);
    if (retries->failed.length > RETRIES_MAX)
        retry_free(g_queue_pop_head(&retries->failed));
}

bool retries_match(const struct retries *retries, const char *fragment_id, int64_t sequence_number)
{
    const GList *link = find(retries, fragment_id);
    return link && ((const struct retry *)link->data)->sequence_number == sequence_number;
}

void retries_forget(struct retries *retries, const char *fragment_id)
{
    GList *link = find(retries, fragment_id);
    if (!link)
        return;
    retry_free(link->data);
    g_queue_delete_link(&retries->failed, link);
}
