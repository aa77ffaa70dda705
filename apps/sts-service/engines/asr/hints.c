/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hints.h"

#include <math.h>
#include <string.h>

/* Within a phrase the next word is all but certain. */
#define FOLLOW_PROBABILITY 0.5
#define IMPOSSIBLE_LOG10 (-99.0)
#define IGNORED_SHOWN 200
#define HINT_SHOWN 40

static void clear_word(void *data)
{
    struct hint_word *word = data;
    g_free(word->text);
    g_free(word->spoken);
}

static void free_phrase(void *data)
{
    g_array_unref(data);
}

/* Named letter by letter: capitals only, and nothing in them that could be read ("BBC", but not "NATO"). */
static bool is_spelled(const char *raw)
{
    size_t length = strlen(raw);
    if (length < 2 || length > 5)
        return false;
    for (const char *at = raw; *at != '\0'; at++)
        if (!g_ascii_isupper(*at) || strchr("AEIOUY", *at))
            return false;
    return true;
}

static char *letters_apart(const char *text)
{
    GString *out = g_string_new(NULL);
    for (const char *at = text; *at != '\0'; at++)
        g_string_append_printf(out, "%s%c", out->len > 0 ? " " : "", *at);
    return g_string_free(out, FALSE);
}

/* False for what is no word: figures, other scripts, too long. */
static bool read_word(const char *raw, struct hint_word *word)
{
    size_t length = strlen(raw);
    bool letters = false;
    if (length > HINTS_MAX_LETTERS)
        return false;
    for (const char *at = raw; *at != '\0'; at++) {
        if (!g_ascii_isalpha(*at) && *at != '\'')
            return false;
        letters = letters || g_ascii_isalpha(*at);
    }
    if (!letters)
        return false;
    word->text = g_ascii_strdown(raw, -1);
    word->spoken = is_spelled(raw) ? letters_apart(word->text) : g_strdup(word->text);
    return true;
}

/* "Pérez-Reverte" -> "Perez Reverte"; punctuation at the ends of words goes too. */
static char *to_plain_words(const char *hint)
{
    g_autofree char *composed = g_utf8_normalize(hint, -1, G_NORMALIZE_DEFAULT_COMPOSE);
    if (!composed)
        return NULL;
    g_autofree char *quoted = g_strdelimit(g_steal_pointer(&composed), "`", '\'');
    char *ascii = g_str_to_ascii(quoted, "C");
    return g_strdelimit(ascii, "-_/.,;:!\"() \t\r\n", ' ');
}

static GArray *read_phrase(const char *hint)
{
    g_autofree char *plain = to_plain_words(hint);
    g_auto(GStrv) raw = g_strsplit(plain ? plain : "", " ", -1);
    GArray *phrase = g_array_new(FALSE, TRUE, sizeof(struct hint_word));
    g_array_set_clear_func(phrase, clear_word);
    for (char **at = raw; *at; at++) {
        struct hint_word word = {0};
        if (**at == '\0')
            continue;
        if (phrase->len == HINTS_MAX_WORDS || !read_word(*at, &word)) {
            g_array_set_size(phrase, 0);
            break;
        }
        g_array_append_val(phrase, word);
    }
    if (phrase->len > 0)
        return phrase;
    g_array_unref(phrase);
    return NULL;
}

static void note_ignored(GString *ignored, const char *hint)
{
    if (ignored->len >= IGNORED_SHOWN)
        return;
    /* The cut may go through a character. */
    g_autofree char *shown = g_utf8_make_valid(hint, (gssize)MIN(strlen(hint), HINT_SHOWN));
    g_string_append_printf(ignored, "%s\"%s\"", ignored->len > 0 ? ", " : "", shown);
}

static char *make_key(const GPtrArray *phrases)
{
    GString *key = g_string_new(NULL);
    for (guint i = 0; i < phrases->len; i++) {
        const GArray *phrase = phrases->pdata[i];
        for (guint j = 0; j < phrase->len; j++)
            g_string_append_printf(key, "%s ", g_array_index(phrase, struct hint_word, j).spoken);
        g_string_append_c(key, '\n');
    }
    return g_string_free(key, FALSE);
}

struct hints *hints_parse(const char *const *hints)
{
    if (!hints || !*hints)
        return NULL;
    struct hints *parsed = g_atomic_rc_box_new0(struct hints);
    g_autoptr(GString) ignored = g_string_new(NULL);
    parsed->phrases = g_ptr_array_new_with_free_func(free_phrase);
    for (; *hints; hints++) {
        GArray *phrase = parsed->phrases->len < HINTS_MAX_PHRASES ? read_phrase(*hints) : NULL;
        if (phrase)
            g_ptr_array_add(parsed->phrases, phrase);
        else
            note_ignored(ignored, *hints);
    }
    parsed->key = make_key(parsed->phrases);
    if (ignored->len > 0)
        parsed->ignored = g_strdup(ignored->str);
    return parsed;
}

static void clear(void *data)
{
    struct hints *hints = data;
    g_ptr_array_unref(hints->phrases);
    g_free(hints->key);
    g_free(hints->ignored);
}

struct hints *hints_ref(struct hints *hints)
{
    return g_atomic_rc_box_acquire(hints);
}

void hints_free(struct hints *hints)
{
    if (hints)
        g_atomic_rc_box_release_full(hints, clear);
}

static bool all_known(const GArray *phrase, bool (*known)(const char *word, void *user), void *user)
{
    for (guint i = 0; i < phrase->len; i++)
        if (!known(g_array_index(phrase, struct hint_word, i).text, user))
            return false;
    return true;
}

/* A pair stands once, however many phrases have it. */
static void add_pair(GHashTable *pairs, const char *first, const char *second, double probability)
{
    g_hash_table_add(pairs, g_strdup_printf("%.4f %s %s", log10(probability), first, second));
}

/* What may begin a phrase is likely on its own; what only follows is likely after its neighbour only. */
static void add_phrase(const GArray *phrase, double begin, GHashTable *words, GHashTable *pairs)
{
    const char *last = "<s>";
    for (guint i = 0; i < phrase->len; i++) {
        const char *text = g_array_index(phrase, struct hint_word, i).text;
        if (i == 0)
            g_hash_table_insert(words, (char *)text, GINT_TO_POINTER(1));
        else if (!g_hash_table_contains(words, text))
            g_hash_table_insert(words, (char *)text, GINT_TO_POINTER(0));
        add_pair(pairs, last, text, i == 0 ? begin : FOLLOW_PROBABILITY);
        last = text;
    }
}

static GList *sorted_keys(GHashTable *table)
{
    return g_list_sort(g_hash_table_get_keys(table), (GCompareFunc)(void (*)(void))strcmp);
}

static char *write_arpa(GHashTable *words, GHashTable *pairs, double begin)
{
    GString *out = g_string_new("\\data\\\n");
    g_string_append_printf(out, "ngram 1=%u\nngram 2=%u\n\n\\1-grams:\n", g_hash_table_size(words) + 2,
                           g_hash_table_size(pairs));
    g_string_append_printf(out, "%.4f <s> 0.0\n%.4f </s> 0.0\n", IMPOSSIBLE_LOG10, IMPOSSIBLE_LOG10);
    g_autoptr(GList) texts = sorted_keys(words);
    for (GList *at = texts; at; at = at->next) {
        bool begins = g_hash_table_lookup(words, at->data) != NULL;
        g_string_append_printf(out, "%.4f %s 0.0\n", begins ? log10(begin) : IMPOSSIBLE_LOG10,
                               (const char *)at->data);
    }
    g_string_append(out, "\n\\2-grams:\n");
    g_autoptr(GList) lines = sorted_keys(pairs);
    for (GList *at = lines; at; at = at->next)
        g_string_append_printf(out, "%s\n", (const char *)at->data);
    g_string_append(out, "\n\\end\\\n");
    return g_string_free(out, FALSE);
}

char *hints_language_model(const struct hints *hints, double begin,
                           bool (*known)(const char *word, void *user), void *user)
{
    g_autoptr(GHashTable) words = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GHashTable) pairs = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (guint i = 0; i < hints->phrases->len; i++)
        if (all_known(hints->phrases->pdata[i], known, user))
            add_phrase(hints->phrases->pdata[i], begin, words, pairs);
    return g_hash_table_size(words) > 0 ? write_arpa(words, pairs, begin) : NULL;
}
