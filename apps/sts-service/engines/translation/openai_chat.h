/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to the openai translator: a chat model that is asked for a translation and nothing else, what it
 * answers, and whether that is one. Pure, any thread. */
#pragma once

#include <dubbing_error.h>
#include <glib.h>

struct openai_chat_question {
    const char *model;
    const char *text;
    const char *source, *target; /* "en-GB", "es-MX" */
};

/* The body of POST /v1/chat/completions; owned by the caller. */
char *openai_chat_ask(const struct openai_chat_question *question);
/* The answer's text, tidied of the quotes that models put around it; owned by the caller. NULL with
 * TRANSLATION_API_UNAVAILABLE for what is no such answer, TRANSLATION_FAILED where the model declines, and
 * HALLUCINATION_SUSPECTED where it does not come to an end. */
char *openai_chat_read(const void *body, gsize size, const char *source_text, struct dub_error *error);
