/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fake_apis.h"

#include "fake_speech.h"
#include "fake_translators.h"
#include <pthread.h>
#include <string.h>

struct fake_apis {
    struct provider_stand *stand;
    struct engine_providers providers;
    pthread_mutex_t lock;
    const struct stand_reply *misbehave; /* guarded by lock, as is what follows */
    char *last;
    int paid;
};

static const struct {
    const char *path;
    stand_answer *answer;
    bool free; /* nothing is done for it */
} apis_table[] = {
    {"/v2/languages", fake_deepl_languages, true},
    {"/v2/usage", fake_deepl_usage, true},
    {"/v2/translate", fake_deepl_translate, false},
    {"/v1/models", fake_models, true},
    {"/v1/audio/transcriptions", fake_openai_transcriptions, false},
    {"/v1/chat/completions", fake_openai_chat, false},
    {"/v1/audio/speech", fake_openai_speech, false},
    {"/v1/text-to-speech/", fake_elevenlabs_speech, false},
    {"/languages", fake_libretranslate_languages, true},
    {"/translate", fake_libretranslate_translate, false},
};

static void note(struct fake_apis *apis, const struct stand_request *request)
{
    pthread_mutex_lock(&apis->lock);
    g_free(apis->last);
    apis->last = g_strdup_printf("%s%s", request->head, request->body);
    apis->paid += strcmp(request->method, "POST") == 0 ? 1 : 0;
    pthread_mutex_unlock(&apis->lock);
}

static bool misbehaves(struct fake_apis *apis, struct stand_reply *reply)
{
    pthread_mutex_lock(&apis->lock);
    const struct stand_reply *instead = apis->misbehave;
    if (instead) {
        *reply = *instead;
        gsize size = instead->size > 0 || !instead->body ? instead->size : strlen(instead->body) + 1;
        reply->body = g_memdup2(instead->body, size);
    }
    pthread_mutex_unlock(&apis->lock);
    return instead != NULL;
}

static void answer(const struct stand_request *request, struct stand_reply *reply, void *user)
{
    note(user, request);
    for (gsize i = 0; i < G_N_ELEMENTS(apis_table); i++) {
        if (!g_str_has_prefix(request->path, apis_table[i].path))
            continue;
        if (apis_table[i].free || !misbehaves(user, reply))
            apis_table[i].answer(request, reply, user);
        return;
    }
    reply->status = 404;
}

struct fake_apis *fake_apis_new(void)
{
    struct fake_apis *apis = g_new0(struct fake_apis, 1);
    pthread_mutex_init(&apis->lock, NULL);
    apis->stand = provider_stand_new(answer, apis);
    const char *url = provider_stand_url(apis->stand);
    apis->providers = (struct engine_providers){
        .deepl_url = g_strdup(url),
        .deepl_key = g_strdup(FAKE_DEEPL_KEY),
        .openai_url = g_strdup_printf("%s/v1", url),
        .openai_key = g_strdup(FAKE_OPENAI_KEY),
        .elevenlabs_url = g_strdup(url),
        .elevenlabs_key = g_strdup(FAKE_ELEVENLABS_KEY),
        .libretranslate_url = g_strdup(url),
        .libretranslate_key = g_strdup(FAKE_LIBRETRANSLATE_KEY),
    };
    return apis;
}

void fake_apis_free(struct fake_apis *apis)
{
    provider_stand_free(apis->stand);
    g_free(apis->providers.deepl_url);
    g_free(apis->providers.deepl_key);
    g_free(apis->providers.openai_url);
    g_free(apis->providers.openai_key);
    g_free(apis->providers.elevenlabs_url);
    g_free(apis->providers.elevenlabs_key);
    g_free(apis->providers.libretranslate_url);
    g_free(apis->providers.libretranslate_key);
    pthread_mutex_destroy(&apis->lock);
    g_free(apis->last);
    g_free(apis);
}

const struct engine_providers *fake_apis_providers(const struct fake_apis *apis)
{
    return &apis->providers;
}

void fake_apis_misbehave(struct fake_apis *apis, const struct stand_reply *reply)
{
    pthread_mutex_lock(&apis->lock);
    apis->misbehave = reply;
    pthread_mutex_unlock(&apis->lock);
}

char *fake_apis_last(struct fake_apis *apis)
{
    pthread_mutex_lock(&apis->lock);
    char *last = g_strdup(apis->last);
    pthread_mutex_unlock(&apis->lock);
    return last;
}

int fake_apis_paid(struct fake_apis *apis)
{
    pthread_mutex_lock(&apis->lock);
    int paid = apis->paid;
    pthread_mutex_unlock(&apis->lock);
    return paid;
}

int64_t fake_apis_busy_ns(struct fake_apis *apis)
{
    return provider_stand_busy_ns(apis->stand);
}
