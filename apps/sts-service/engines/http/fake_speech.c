/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fake_speech.h"

#include "../../audio/loudness.h"
#include "../../audio/wav.h"
#include "answer.h"
#include <math.h>
#include <string.h>

#define SENTENCE "good evening and welcome to the news at ten"
#define RATE_HZ 24000
#define PACE_MS 65
#define EDGE_MS 80

static bool admits(const struct stand_request *request, struct stand_reply *reply)
{
    g_autofree char *key = stand_header(request, "Authorization");
    if (g_strcmp0(key, "Bearer " FAKE_OPENAI_KEY) == 0)
        return true;
    reply->status = 401;
    reply->body = g_strdup("{\"error\":{\"message\":\"Incorrect API key provided: sk-op***\",\"type\":"
                           "\"invalid_request_error\",\"code\":\"invalid_api_key\"}}");
    return false;
}

/* The words share the time in which there is sound. */
static JsonArray *words_in(const struct pcm *clip)
{
    struct loudness_span span = loudness_find_speech(clip, 0);
    g_auto(GStrv) words = g_strsplit(SENTENCE, " ", -1);
    guint count = g_strv_length(words);
    JsonArray *array = json_array_new();
    for (guint i = 0; i < count; i++) {
        double step = (double)span.count / clip->rate_hz / count;
        double start = (double)span.first / clip->rate_hz + step * i;
        JsonObject *word = json_object_new();
        json_object_set_string_member(word, "word", words[i]);
        json_object_set_double_member(word, "start", start);
        json_object_set_double_member(word, "end", start + step);
        json_array_add_object_element(array, word);
    }
    return array;
}

void fake_openai_transcriptions(const struct stand_request *request, struct stand_reply *reply, void *user)
{
    pcm_auto clip = {0};
    const char *file = memmem(request->body, request->size, "RIFF", 4);
    if (!admits(request, reply))
        return;
    if (!file || !wav_parse(file, request->size - (gsize)(file - request->body), &clip, NULL) ||
        !memmem(request->body, request->size, "verbose_json", 12)) {
        reply->status = 400;
        reply->body = g_strdup("{\"error\":{\"message\":\"Invalid file format.\"}}");
        return;
    }
    JsonObject *answer = json_object_new();
    json_object_set_string_member(answer, "text", SENTENCE);
    json_object_set_array_member(answer, "words", words_in(&clip));
    reply->body = dub_json_object_to_string_take(answer);
    reply->delay_ms = 20 + pcm_duration_ms(&clip) / 40;
}

struct pcm fake_tone(const char *text, double rate)
{
    int64_t tone_ms = llrint((double)g_utf8_strlen(text, -1) * PACE_MS / rate);
    size_t edge = RATE_HZ * EDGE_MS / 1000;
    struct pcm clip = pcm_silence(RATE_HZ, tone_ms + 2 * EDGE_MS);
    for (size_t i = edge; i + edge < clip.count; i++)
        clip.samples[i] = (int16_t)lrint(6000.0 * sin(2.0 * G_PI * 220.0 * (double)i / RATE_HZ));
    return clip;
}

void fake_openai_speech(const struct stand_request *request, struct stand_reply *reply, void *user)
{
    g_autoptr(JsonNode) root = dub_json_parse(request->body, request->size, NULL);
    JsonObject *object = answer_node_object(root);
    const char *text = answer_string(object, "input");
    if (!admits(request, reply))
        return;
    if (!text || strlen(text) > 4096 || !answer_string(object, "voice")) {
        reply->status = 400;
        reply->body = g_strdup("{\"error\":{\"message\":\"[{'type': 'string_too_long'}]\"}}");
        return;
    }
    pcm_auto clip = fake_tone(text, answer_number(object, "speed", 1.0));
    GBytes *wav = wav_build(&clip);
    reply->type = "audio/wav";
    reply->body = g_bytes_unref_to_data(wav, &reply->size);
}

void fake_elevenlabs_speech(const struct stand_request *request, struct stand_reply *reply, void *user)
{
    g_autoptr(JsonNode) root = dub_json_parse(request->body, request->size, NULL);
    g_autofree char *key = stand_header(request, "xi-api-key");
    JsonObject *object = answer_node_object(root);
    const char *text = answer_string(object, "text");
    double speed = answer_number(answer_object(object, "voice_settings"), "speed", 1.0);
    if (g_strcmp0(key, FAKE_ELEVENLABS_KEY) != 0) {
        reply->status = 401;
        reply->body =
            g_strdup("{\"detail\":{\"status\":\"invalid_api_key\",\"message\":\"Invalid API key\"}}");
        return;
    }
    if (!text || speed < 0.7 || speed > 1.2 || !g_str_has_suffix(request->path, "?output_format=wav_24000")) {
        reply->status = 422;
        reply->body = g_strdup("{\"detail\":[{\"loc\":[\"body\",\"text\"],\"msg\":\"field required\"}]}");
        return;
    }
    pcm_auto clip = fake_tone(text, speed);
    reply->type = "audio/wav";
    reply->body = g_bytes_unref_to_data(wav_build(&clip), &reply->size);
}

void fake_models(const struct stand_request *request, struct stand_reply *reply, void *user)
{
    g_autofree char *key = stand_header(request, "xi-api-key");
    if (g_strcmp0(key, FAKE_ELEVENLABS_KEY) == 0)
        reply->body = g_strdup("[{\"model_id\":\"eleven_flash_v2_5\"}]");
    else if (admits(request, reply))
        reply->body = g_strdup("{\"object\":\"list\",\"data\":[{\"id\":\"tts-1\",\"object\":\"model\"}]}");
}
