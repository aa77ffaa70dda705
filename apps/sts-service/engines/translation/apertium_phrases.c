/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "apertium_phrases.h"

#include "apertium_dates.h"
#include "glossary.h"
#include <string.h>

static const char *const english_spanish[] = {
    "good evening",
    "buenas noches",
    "good afternoon",
    "buenas tardes",
    "good night",
    "buenas noches",
    "happy new year",
    "feliz año nuevo",
    "happy birthday",
    "feliz cumpleaños",
    "merry christmas",
    "feliz Navidad",
    "how are you",
    "cómo está usted",
    "you're welcome",
    "de nada",
    "see you tomorrow",
    "hasta mañana",
    "see you soon",
    "hasta pronto",
    "see you next time",
    "hasta la próxima",
    "see you later",
    "hasta luego",
    "stay with us",
    "siga con nosotros",
    "stay tuned",
    "siga con nosotros",
    "thank you for watching",
    "gracias por vernos",
    "thanks for watching",
    "gracias por vernos",
    "thank you for joining us",
    "gracias por acompañarnos",
    "good luck",
    "buena suerte",
    "of course",
    "por supuesto",
    "no thank you",
    "no, gracias",
    "no thanks",
    "no, gracias",
    "for the first time",
    "por primera vez",
    "for the second time",
    "por segunda vez",
    "for the third time",
    "por tercera vez",
    "for the last time",
    "por última vez",
    "the first time",
    "la primera vez",
    "the last time",
    "la última vez",
    "this time",
    "esta vez",
    "right now",
    "ahora mismo",
    "the news",
    "las noticias",
    "in the news",
    "en las noticias",
    "live from",
    "en directo desde",
    "below zero",
    "bajo cero",
    "in the north",
    "en el norte",
    "in the south",
    "en el sur",
    "after a short break",
    "después de una breve pausa",
    "let's go",
    "vamos",
    "what time is it",
    "qué hora es",
    "we'll be right back",
    "volvemos enseguida",
    "at the moment",
    "en este momento",
    "what a goal",
    "qué gol",
    "weather forecast",
    "pronóstico del tiempo",
    "ladies and gentlemen",
    "damas y caballeros",
    NULL,
};
static const char *const spanish_english[] = {
    "buenas noches",
    "good evening",
    "buenas tardes",
    "good afternoon",
    "buenos días",
    "good morning",
    "hasta mañana",
    "see you tomorrow",
    "hasta luego",
    "see you later",
    "hasta pronto",
    "see you soon",
    "por supuesto",
    "of course",
    "qué hora es",
    "what time is it",
    "a qué hora",
    "at what time",
    "cómo está usted",
    "how are you",
    "cómo estás",
    "how are you",
    "qué tal",
    "how are you",
    "lo siento mucho",
    "I'm very sorry",
    "nos vemos",
    "see you",
    "en directo",
    "live",
    "no te preocupes",
    "don't worry",
    "feliz año nuevo",
    "happy new year",
    "feliz Navidad",
    "merry Christmas",
    "buena suerte",
    "good luck",
    "damas y caballeros",
    "ladies and gentlemen",
    NULL,
};

static const struct {
    const char *source;
    const char *target;
    const char *const *phrases;
} pairs[] = {
    {"en", "es", english_spanish},
    {"es", "en", spanish_english},
};

struct apertium_phrases {
    struct glossary *glossaries[G_N_ELEMENTS(pairs)];
};

struct apertium_phrases *apertium_phrases_new(void)
{
    struct apertium_phrases *phrases = g_new0(struct apertium_phrases, 1);
    for (gsize i = 0; i < G_N_ELEMENTS(pairs); i++) {
        phrases->glossaries[i] = glossary_for_stream(NULL, (char *const *)pairs[i].phrases, NULL);
        g_assert(phrases->glossaries[i]);
    }
    return phrases;
}

void apertium_phrases_free(struct apertium_phrases *phrases)
{
    if (!phrases)
        return;
    for (gsize i = 0; i < G_N_ELEMENTS(pairs); i++)
        glossary_free(phrases->glossaries[i]);
    g_free(phrases);
}

/* The name behind the title at `at`: a word with a capital. 0: there is none. */
static gsize name_behind(const char *at, gsize *skip)
{
    static const char *const titles[] = {"Mr ", "Mrs ", "Ms ", "Doctor "};
    for (gsize i = 0; i < G_N_ELEMENTS(titles); i++) {
        if (!g_str_has_prefix(at, titles[i]))
            continue;
        const char *name = at + strlen(titles[i]);
        const char *end = name;
        if (!g_unichar_isupper(g_utf8_get_char(name)))
            return 0;
        while (g_unichar_isalpha(g_utf8_get_char(end)))
            end = g_utf8_next_char(end);
        *skip = strlen(titles[i]);
        return (gsize)(end - name);
    }
    return 0;
}

static void hide_names(const char *text, struct apertium_hidden *hidden)
{
    for (const char *at = text; *at != '\0' && hidden->spans->len < PROTECT_MAX_SPANS;
         at = g_utf8_next_char(at)) {
        gsize skip = 0;
        bool starts = at == text || !g_ascii_isalnum(at[-1]);
        gsize length = starts ? name_behind(at, &skip) : 0;
        gsize place = (gsize)(at - text) + skip;
        if (length == 0 || protect_is_taken(hidden->spans, place, length))
            continue;
        struct protect_span span = {.at = place, .length = length};
        span.value = g_string_chunk_insert_len(hidden->names, text + place, (gssize)length);
        g_array_append_val(hidden->spans, span);
    }
}

static const struct glossary *find_phrases(const struct apertium_phrases *phrases, const char *source,
                                           const char *target)
{
    for (gsize i = 0; i < G_N_ELEMENTS(pairs); i++)
        if (strcmp(pairs[i].source, source) == 0 && strcmp(pairs[i].target, target) == 0)
            return phrases->glossaries[i];
    return NULL;
}

void apertium_phrases_hide(const struct apertium_phrases *phrases, const char *text, const char *source,
                           const char *target, struct apertium_hidden *hidden)
{
    *hidden = (struct apertium_hidden){.names = g_string_chunk_new(64)};
    hidden->spans = glossary_find(find_phrases(phrases, source, target), NULL, source, target, text);
    /* The capitals are put where the sentences begin, once all is back in its place. */
    for (guint i = 0; i < hidden->spans->len; i++)
        g_array_index(hidden->spans, struct protect_span, i).raise = false;
    apertium_dates_find(text, source, target, hidden->spans, hidden->names);
    if (strcmp(source, "en") == 0)
        hide_names(text, hidden);
    protect_sort(hidden->spans);
    hidden->text = protect_text(&hidden->protection, text, hidden->spans);
}

void apertium_hidden_clear(struct apertium_hidden *hidden)
{
    g_free(hidden->text);
    g_array_unref(hidden->spans);
    g_string_chunk_free(hidden->names);
    *hidden = (struct apertium_hidden){0};
}
