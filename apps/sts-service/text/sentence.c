/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A recogniser's bare words become a sentence. Translators work on sentences: the capital, the final stop and
 * the question mark change what they make of the words. */
#include "fillers.h"
#include "language.h"
#include "names.h"
#include "numbers.h"
#include "prepare.h"
#include "question.h"
#include "tidy.h"
#include <string.h>

/* Two parts of a run are sentences of their own where one of these stands before one of `subjects`. */
#define LONG_RUN_WORDS 14
#define LEAST_WORDS_BEFORE 6
#define LEAST_WORDS_BEHIND 4
/* At a pause, even short parts are. */
#define LEAST_WORDS_AT_PAUSE 3

/* "<sil>", "[COUGH]", "++NOISE++", "<s>": what recognisers write for sounds that are no words. */
static bool is_marker(const char *word)
{
    size_t length = strlen(word);
    if (length < 2)
        return false;
    char first = word[0];
    char last = word[length - 1];
    return (first == '<' && last == '>') || (first == '[' && last == ']') || (first == '+' && last == '+');
}

/* "read(2)" is the second pronunciation of "read". */
static void cut_variant(char *word)
{
    size_t length = strlen(word);
    char *open = strrchr(word, '(');
    if (open && open != word && length > 3 && word[length - 1] == ')' && g_ascii_isdigit(open[1]))
        *open = '\0';
}

/* "it", "'s" -> "it's"; "do", "n't" -> "don't". */
static bool continues_last(const char *word)
{
    return word[0] == '\'' || strcmp(word, "n't") == 0;
}

static void add_word(GPtrArray *words, char *word)
{
    cut_variant(word);
    if (words->len == 0 || !continues_last(word)) {
        g_ptr_array_add(words, g_strdup(word));
        return;
    }
    char **last = (char **)&words->pdata[words->len - 1];
    char *joined = g_strconcat(*last, word, NULL);
    g_free(*last);
    *last = joined;
}

static GPtrArray *split_words(const char *text)
{
    g_autofree char *valid = text_valid_utf8(text);
    g_auto(GStrv) raw = g_strsplit(valid, " ", -1);
    GPtrArray *words = g_ptr_array_new_with_free_func(g_free);
    for (char **word = raw; *word; word++)
        if (strcmp(*word, TEXT_PAUSE) == 0)
            g_ptr_array_add(words, g_strdup(TEXT_PAUSE));
        else if (**word != '\0' && !is_marker(*word))
            add_word(words, *word);
    return words;
}

/* "b.", "u.s." and "mr." are how dictionaries of recognisers write letters and titles: no sentence ends
 * there.
 */
static bool is_dotted(const char *word)
{
    static const char *const titles[] = {"mr.", "mrs.", "ms.", "dr.", "st.", "jr.", "sr.", "sra.", NULL};
    if (text_is_one_of(word, titles))
        return true;
    for (; word[0] != '\0'; word += 2)
        if (!g_ascii_islower(word[0]) || word[1] != '.')
            return false;
    return true;
}

static bool has_writing(const char *word)
{
    if (is_dotted(word))
        return false;
    for (const char *at = word; *at != '\0'; at = g_utf8_next_char(at)) {
        gunichar c = g_utf8_get_char(at);
        if (g_unichar_isupper(c) || strchr(",.;:!?", (int)(c < 0x80 ? c : 1)))
            return true;
    }
    return false;
}

/* Any capital or punctuation says that the engine writes sentences by itself. */
static bool is_written(const GPtrArray *words)
{
    for (guint i = 0; i < words->len; i++)
        if (has_writing(words->pdata[i]))
            return true;
    return false;
}

/* How many letters are spelled from here on: "b", "b.", "u.s.". *words: in as many words. */
static guint spelled_letters(const GPtrArray *words, guint at, guint *n_words)
{
    guint letters = 0;
    *n_words = 0;
    for (guint i = at; i < words->len; i++, (*n_words)++) {
        const char *word = words->pdata[i];
        bool bare = g_ascii_islower(word[0]) && word[1] == '\0';
        if (!bare &&
            (strlen(word) % 2 != 0 || !g_ascii_islower(word[0]) || word[1] != '.' || !is_dotted(word)))
            break;
        letters += bare ? 1 : (guint)strlen(word) / 2;
    }
    return letters;
}

/* "a" and "i" are words as well: two bare letters are an acronym only without them. */
static bool is_acronym(const GPtrArray *words, guint at, guint n_words, guint letters)
{
    if (letters < 2)
        return false;
    for (guint i = at; letters == 2 && i < at + n_words; i++)
        if (strcmp(words->pdata[i], "a") == 0 || strcmp(words->pdata[i], "i") == 0)
            return false;
    return true;
}

static char *spell(const GPtrArray *words, guint at, guint n_words)
{
    GString *out = g_string_new(NULL);
    for (guint i = at; i < at + n_words; i++)
        for (const char *letter = words->pdata[i]; *letter != '\0'; letter++)
            if (*letter != '.')
                g_string_append_c(out, g_ascii_toupper(*letter));
    return g_string_free(out, FALSE);
}

/* "b. b. c." and "u s" -> "BBC", "US" */
static void join_acronyms(GPtrArray *words)
{
    for (guint i = 0; i < words->len; i++) {
        guint n_words = 0;
        guint letters = spelled_letters(words, i, &n_words);
        if (!is_acronym(words, i, n_words, letters))
            continue;
        char *acronym = spell(words, i, n_words);
        g_ptr_array_remove_range(words, i, n_words);
        g_ptr_array_insert(words, (gint)i, acronym);
    }
}

static char *join(const GPtrArray *words, guint from, guint to)
{
    GString *out = g_string_new(NULL);
    for (guint i = from; i < to; i++)
        if (strcmp(words->pdata[i], TEXT_PAUSE) != 0)
            g_string_append_printf(out, "%s%s", out->len > 0 ? " " : "", (const char *)words->pdata[i]);
    return g_string_free(out, FALSE);
}

static char *capitalise(const char *text)
{
    gunichar first = g_unichar_toupper(g_utf8_get_char(text));
    GString *out = g_string_new(NULL);
    g_string_append_unichar(out, first);
    g_string_append(out, g_utf8_next_char(text));
    return g_string_free(out, FALSE);
}

static bool ends_a_sentence(const char *text)
{
    gunichar last = g_utf8_get_char(g_utf8_find_prev_char(text, text + strlen(text)));
    return g_unichar_ispunct(last);
}

static guint count_words(const GPtrArray *words)
{
    guint count = 0;
    for (guint i = 0; i < words->len; i++)
        count += strcmp(words->pdata[i], TEXT_PAUSE) != 0 ? 1 : 0;
    return count;
}

/* "and we", "but it's", "pero no": what opens a sentence in speech. */
static bool opens_sentence(const GPtrArray *words, guint at, const char *language)
{
    static const char *const english[] = {"and", "but", "so", "then", "now", "however", NULL};
    static const char *const english_subjects[] = {
        "i",  "i'm",   "i've",  "i'll", "you",     "he",    "he's",    "she",  "she's",  "it", "it's",
        "we", "we're", "we've", "they", "they're", "there", "there's", "this", "that's", NULL};
    static const char *const spanish[] = {"y", "pero", "entonces", "ahora", NULL};
    static const char *const spanish_subjects[] = {
        "yo", "él", "ella", "nosotros", "ellos", "ellas", "esto", "eso", "hay", "no", "se", "también", NULL};
    if (at + 1 >= words->len)
        return false;
    if (text_is_language(language, "en"))
        return text_is_one_of(words->pdata[at], english) &&
               text_is_one_of(words->pdata[at + 1], english_subjects);
    return text_is_language(language, "es") && text_is_one_of(words->pdata[at], spanish) &&
           text_is_one_of(words->pdata[at + 1], spanish_subjects);
}

/* Where a run of words stands while it is split. */
struct run {
    const GPtrArray *words;
    guint total;  /* words, pauses apart */
    guint before; /* of the sentence so far */
    guint seen;   /* of the run so far */
};

/* Whether a new sentence begins at `at`. */
static bool splits_at(const struct run *run, guint at, const char *language)
{
    guint behind = run->total - run->seen;
    if (strcmp(run->words->pdata[at], TEXT_PAUSE) == 0)
        return run->before >= LEAST_WORDS_AT_PAUSE && behind >= LEAST_WORDS_AT_PAUSE;
    return run->total > LONG_RUN_WORDS && run->before >= LEAST_WORDS_BEFORE && behind >= LEAST_WORDS_BEHIND &&
           opens_sentence(run->words, at, language);
}

static char *finish(const char *text, const char *end)
{
    g_autofree char *sentence = capitalise(text);
    return ends_a_sentence(sentence) ? g_steal_pointer(&sentence) : g_strconcat(sentence, end, NULL);
}

/* i, i'm, i'll, i've, i'd */
static void capitalise_english_i(char *text)
{
    for (char *at = text; *at != '\0'; at++)
        if (*at == 'i' && (at == text || at[-1] == ' ') && strchr(" '", at[1]))
            *at = 'I';
}

/* "yes of course" -> "yes, of course": translators take the word for another without its comma. */
static char *set_off_opening(char *text, const char *language)
{
    static const char *const subjects[] = {"i",  "i'm",  "i've", "i'll",   "it",      "it's", "he",    "she",
                                           "we", "they", "you",  "that's", "there's", "this", "there", NULL};
    gsize length = strcspn(text, " ");
    if (!text_is_language(language, "en") || text[length] == '\0')
        return text;
    g_autofree char *first = g_strndup(text, length);
    g_autofree char *second = g_strndup(text + length + 1, strcspn(text + length + 1, " "));
    bool yes = strcmp(first, "yes") == 0;
    if (!yes &&
        ((strcmp(first, "no") != 0 && strcmp(first, "well") != 0) || !text_is_one_of(second, subjects)))
        return text;
    char *out = g_strdup_printf("%s,%s", first, text + length);
    g_free(text);
    return out;
}

/* The words from..to as a sentence. */
static char *sentence_of(const GPtrArray *words, guint from, guint to, const char *language)
{
    g_autofree char *bare = join(words, from, to);
    bool question = text_is_question(bare, language);
    g_autofree char *plain = set_off_opening(g_steal_pointer(&bare), language);
    if (text_is_language(language, "en"))
        capitalise_english_i(plain);
    g_autofree char *numbered = text_numbers_to_digits(plain, language);
    g_autofree char *scored = text_scores_to_digits(numbered, language);
    g_autofree char *named = text_restore_names(scored, language);
    g_autofree char *ended = finish(named, question ? "?" : ".");
    return text_open_questions(ended, language);
}

static void append_sentence(GString *out, const GPtrArray *words, guint from, guint to, const char *language)
{
    g_autofree char *sentence = sentence_of(words, from, to, language);
    g_string_append_printf(out, "%s%s", out->len > 0 ? " " : "", sentence);
}

static char *sentences_of(const GPtrArray *words, const char *language)
{
    struct run run = {.words = words, .total = count_words(words)};
    GString *out = g_string_new(NULL);
    guint from = 0;
    for (guint at = 0; at < words->len; at++) {
        if (at > from && splits_at(&run, at, language)) {
            append_sentence(out, words, from, at, language);
            from = at;
            run.before = 0;
        }
        bool spoken = strcmp(words->pdata[at], TEXT_PAUSE) != 0;
        run.before += spoken ? 1 : 0;
        run.seen += spoken ? 1 : 0;
    }
    append_sentence(out, words, from, words->len, language);
    return g_string_free(out, FALSE);
}

char *text_sentence_from_words(const char *raw, const char *language)
{
    g_autoptr(GPtrArray) words = split_words(raw);
    text_drop_fillers(words, language);
    if (count_words(words) == 0)
        return g_strdup("");
    g_autofree char *text = NULL;
    if (is_written(words)) {
        g_autofree char *joined = join(words, 0, words->len);
        text = finish(joined, ".");
    } else {
        join_acronyms(words);
        text = sentences_of(words, language);
    }
    return text_tidy(text);
}
