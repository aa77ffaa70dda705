/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "openai_transcript.h"

#include "../http/answer.h"
#include <math.h>

#define MAX_WORDS 2000
/* "Robust Speech Recognition via Large-Scale Weak Supervision", section 4.5. */
#define NO_SPEECH_PROBABILITY 0.6
#define NO_SPEECH_LOGPROB (-1.0)

struct certainty {
    bool no_speech;
    double confidence;
};

static struct certainty certainty_of(JsonArray *segments)
{
    guint count = segments ? json_array_get_length(segments) : 0;
    struct certainty certainty = {.no_speech = count > 0, .confidence = 1.0};
    double sum = 0.0;
    for (guint i = 0; i < count; i++) {
        JsonObject *segment = answer_node_object(json_array_get_element(segments, i));
        double logprob = answer_number(segment, "avg_logprob", 0.0);
        double silent = answer_number(segment, "no_speech_prob", 0.0);
        sum += CLAMP(logprob, -20.0, 0.0);
        if (silent <= NO_SPEECH_PROBABILITY || logprob >= NO_SPEECH_LOGPROB)
            certainty.no_speech = false;
    }
    if (count > 0)
        certainty.confidence = exp(sum / count);
    return certainty;
}

static int64_t to_ms(double seconds, int64_t clip_ms)
{
    return llround(CLAMP(seconds, 0.0, (double)clip_ms / 1000.0) * 1000.0);
}

/* The text's own words, where it has as many: they carry the punctuation. NULL: it has not. */
static GStrv tokens_for(const char *text, guint count)
{
    g_auto(GStrv) pieces = g_strsplit_set(text, " \t\r\n", -1);
    g_autoptr(GStrvBuilder) tokens = g_strv_builder_new();
    guint found = 0;
    for (char **piece = pieces; *piece; piece++)
        if (**piece) {
            g_strv_builder_add(tokens, *piece);
            found++;
        }
    return found == count ? g_strv_builder_end(tokens) : NULL;
}

static void add_words(struct asr_transcript *transcript, JsonArray *words, int64_t clip_ms, double confidence)
{
    guint count = words ? MIN(json_array_get_length(words), MAX_WORDS) : 0;
    g_auto(GStrv) tokens = tokens_for(transcript->text, count);
    int64_t last_ms = 0;
    for (guint i = 0; i < count && last_ms < clip_ms; i++) {
        JsonObject *word = answer_node_object(json_array_get_element(words, i));
        const char *text = tokens ? tokens[i] : answer_string(word, "word");
        int64_t start_ms = MAX(to_ms(answer_number(word, "start", 0.0), clip_ms), last_ms);
        int64_t end_ms = to_ms(answer_number(word, "end", 0.0), clip_ms);
        start_ms = MIN(start_ms, clip_ms - 1);
        last_ms = MAX(end_ms, start_ms + 1);
        if (text && *text)
            asr_transcript_add_word(transcript, text, start_ms, last_ms, confidence);
    }
}

bool openai_transcript_read(const void *body, gsize size, int64_t clip_ms, struct asr_transcript *transcript)
{
    g_autoptr(JsonNode) root = dub_json_parse(body, size, NULL);
    JsonObject *object = answer_node_object(root);
    const char *text = answer_string(object, "text");
    if (!text)
        return false;
    struct certainty certainty = certainty_of(answer_array(object, "segments"));
    transcript->text = g_strstrip(g_strdup(text));
    transcript->confidence = certainty.confidence;
    transcript->no_speech = certainty.no_speech || *transcript->text == '\0';
    if (transcript->no_speech)
        *transcript->text = '\0';
    else
        add_words(transcript, answer_array(object, "words"), clip_ms, certainty.confidence);
    return true;
}
