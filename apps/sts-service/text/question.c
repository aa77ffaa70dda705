/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Questions by their first words: a question word before an auxiliary, or an auxiliary before its subject; in
 * Spanish a question word with its accent. */
#include "question.h"

#include "language.h"
#include <string.h>

static const char *const english_openers[] = {"and", "so", "but", "well", "okay", "now", "then", NULL};
static const char *const question_words[] = {"what", "where", "who",   "why", "how",
                                             "when", "which", "whose", NULL};
static const char *const always_questions[] = {"who",   "why",   "whose",   "what's", "where's",
                                               "who's", "how's", "what're", "who'll", NULL};
static const char *const after_how[] = {"many", "much", "long", "far", "old", "often", NULL};
static const char *const after_what[] = {"happened", "happens", "caused", "went", NULL};
static const char *const auxiliaries[] = {
    "is",       "are",    "was",      "were",      "do",      "does",    "did",    "can",
    "could",    "will",   "would",    "should",    "has",     "have",    "had",    "may",
    "isn't",    "aren't", "wasn't",   "weren't",   "don't",   "doesn't", "didn't", "can't",
    "couldn't", "won't",  "wouldn't", "shouldn't", "haven't", "hasn't",  NULL};
static const char *const subjects[] = {"i",       "you",     "he",       "she",   "it",    "we",    "they",
                                       "there",   "this",    "that",     "these", "your",  "those", "the",
                                       "my",      "our",     "his",      "her",   "their", "any",   "anyone",
                                       "anybody", "someone", "everyone", NULL};
/* At most so many words between a question word and its auxiliary: "which of the two do you". */
#define MAX_BETWEEN 4

static const char *const spanish_openers[] = {"y", "pero", "entonces", "bueno", "ahora", NULL};
static const char *const spanish_words[] = {"qué",    "quién",   "quiénes", "cómo",   "cuándo",
                                            "dónde",  "adónde",  "cuál",    "cuáles", "cuánto",
                                            "cuánta", "cuántos", "cuántas", NULL};
static const char *const spanish_prepositions[] = {"a",     "con",  "de",  "desde", "en",
                                                   "hasta", "para", "por", "sobre", NULL};

/* An auxiliary soon behind the question word: right behind it, or before a subject. */
static bool has_auxiliary(char *const *words)
{
    if (text_is_one_of(words[1], auxiliaries))
        return true;
    for (int i = 2; i <= MAX_BETWEEN && words[i - 1] && words[i]; i++)
        if (text_is_one_of(words[i], auxiliaries) && text_is_one_of(words[i + 1], subjects))
            return true;
    return false;
}

static bool has_any(char *const *words, const char *const *list)
{
    for (; *words; words++)
        if (text_is_one_of(*words, list))
            return true;
    return false;
}

/* "which team will", "which of them do you"; "which is why" and "which we will" are clauses. */
static bool is_which_question(char *const *words)
{
    if (strcmp(words[1], "is") == 0 || strcmp(words[1], "was") == 0)
        return !text_is_one_of(words[2], question_words);
    bool has_noun = !text_is_one_of(words[1], subjects);
    return has_auxiliary(words) || (has_noun && text_is_one_of(words[2], auxiliaries));
}

static bool is_english_question(char *const *words)
{
    while (text_is_one_of(*words, english_openers))
        words++;
    if (!words[0] || !words[1])
        return false;
    if (text_is_one_of(words[0], always_questions))
        return true;
    /* "when it is", "when the sun": a clause. */
    if (strcmp(words[0], "when") == 0)
        return text_is_one_of(words[1], auxiliaries) && text_is_one_of(words[2], subjects);
    if (strcmp(words[0], "how") == 0 && text_is_one_of(words[1], after_how))
        return true;
    if (strcmp(words[0], "which") == 0)
        return is_which_question(words);
    /* "what happened in the second half was a surprise" */
    if (strcmp(words[0], "what") == 0 && text_is_one_of(words[1], after_what))
        return !has_any(words + 2, auxiliaries);
    if (text_is_one_of(words[0], question_words))
        return has_auxiliary(words);
    /* "may the best man win": a wish. */
    if (strcmp(words[0], "may") == 0)
        return strcmp(words[1], "i") == 0 || strcmp(words[1], "we") == 0;
    return text_is_one_of(words[0], auxiliaries) && text_is_one_of(words[1], subjects);
}

static bool is_spanish_question(char *const *words)
{
    while (text_is_one_of(*words, spanish_openers))
        words++;
    if (text_is_one_of(*words, spanish_prepositions))
        words++;
    return words[0] && words[1] && text_is_one_of(*words, spanish_words);
}

bool text_is_question(const char *words, const char *language)
{
    g_auto(GStrv) list = g_strsplit(words, " ", -1);
    if (text_is_language(language, "en"))
        return is_english_question(list);
    return text_is_language(language, "es") && is_spanish_question(list);
}
