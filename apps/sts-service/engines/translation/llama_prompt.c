/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "llama_prompt.h"

#include "../engine.h"
#include "chat_rules.h"
#include "language_names.h"
#include <string.h>

/* In the texts: {source} and {target} are names with their variant, {from} and {to} without, {source-code}
 * and {target-code} codes, {tag} the target's in the vocabulary, {rules} ours, {text} what is translated. */
struct llama_family {
    const char *name;
    const char *called[4];     /* one of them is in the model's name, small letters */
    const char *architecture;  /* or this begins its architecture; NULL: that says nothing */
    const char *languages;     /* " en es ": into and from each of these; NULL: as far as the model goes */
    const char *only_from;     /* NULL: from each */
    const char *chat;          /* NULL: as its file says */
    const char *system, *user; /* system NULL: no such turn */
};

/* MADLAD-400 (Kudugunta and others, 2023): "<2pt> I love pizza!", the card of google/madlad400-3b-mt. */
static const struct llama_family tagged = {.name = "madlad", .user = "{tag} {text}"};
/* T5 (Raffel and others, 2020, appendix D): these three pairs, with its own prefix. */
static const struct llama_family t5 = {.name = "t5",
                                       .called = {"t5"},
                                       .languages = " de fr ro ",
                                       .only_from = "en",
                                       .user = "translate {from} to {to}: {text}"};

static const struct llama_family families[] = {
    /* Technical report (arXiv 2601.09012) and chat template of google/translategemma-4b-it. Two empty lines
     * are part of it. */
    {.name = "translategemma",
     .called = {"translategemma", "translate-gemma", "translate gemma"},
     .chat = "gemma",
     .user = "You are a professional {source} ({source-code}) to {target} ({target-code}) translator. Your "
             "goal is to accurately convey the meaning and nuances of the original {source} text while "
             "adhering to {target} grammar, vocabulary, and cultural sensitivities.\nProduce only the "
             "{target} translation, without any additional explanations or commentary. Please translate the "
             "following {source} text into {target}:\n\n\n{text}"},
    /* The card of Unbabel/TowerInstruct-7B-v0.2, whose ten languages these are. */
    {.name = "towerinstruct",
     .called = {"towerinstruct", "tower-instruct", "tower instruct"},
     .languages = " de en es fr it ko nl pt ru zh ",
     .chat = "chatml",
     .user = "Translate the following text from {from} into {to}.\n{from}: {text}\n{to}:"},
    /* The card of Unbabel/Tower-Plus-9B. */
    {.name = "tower-plus",
     .called = {"tower-plus", "tower plus", "tower+"},
     .user = "Translate the following {source} source text to {target}:\n{source}: {text}\n{target}: "},
    /* The cards of utter-project/EuroLLM-1.7B-Instruct and -9B-Instruct, whose 35 languages these are. */
    {.name = "eurollm",
     .called = {"eurollm"},
     .languages = " ar bg ca cs da de el en es et fi fr ga gl hi hr hu it ja ko lt lv mt nb nl no pl pt ro "
                  "ru sk sl sv tr uk zh ",
     .chat = "chatml",
     .system = "",
     .user = "Translate the following {from} source text to {to}:\n{from}: {text}\n{to}: "},
    /* The cards of tencent/Hunyuan-MT-7B and tencent/HY-MT1.5-1.8B, between languages other than Chinese;
     * theirs for Chinese says the same in Chinese. */
    {.name = "hunyuan-mt",
     .called = {"hunyuan-mt", "hunyuan mt", "hy-mt", "hy mt"},
     .user = "Translate the following segment into {target}, without additional explanation.\n\n{text}"},
};

static const struct llama_family gemma = {.name = "gemma",
                                          .architecture = "gemma",
                                          .chat = "gemma",
                                          .system = "{rules}",
                                          .user = "Translate from {source} into {target}:\n\n{text}"};
static const struct llama_family qwen = {.name = "qwen",
                                         .architecture = "qwen",
                                         .chat = "chatml",
                                         .system = "{rules}",
                                         .user = "Translate from {source} into {target}:\n\n{text}"};
static const struct llama_family any = {
    .name = "instruct", .system = "{rules}", .user = "Translate from {source} into {target}:\n\n{text}"};

char *llama_tag_language(const char *token)
{
    if (!g_str_has_prefix(token, "<2") || !g_str_has_suffix(token, ">") || strlen(token) > 32)
        return NULL;
    const char *code = token + 2;
    gsize letters = strspn(code, "abcdefghijklmnopqrstuvwxyz");
    if (letters < 2 || letters > 3 || !strchr("_>", code[letters]))
        return NULL;
    return g_strndup(code, strlen(code) - 1);
}

static bool is_called(const char *name, const char *const *called)
{
    g_autofree char *small = g_ascii_strdown(name, -1);
    for (gsize i = 0; i < G_N_ELEMENTS(families[0].called) && called[i]; i++)
        if (strstr(small, called[i]))
            return true;
    return false;
}

static bool has_tags(const struct llama_facts *facts)
{
    return facts->tags && g_hash_table_size(facts->tags) > 0;
}

const struct llama_family *llama_family_of(const struct llama_facts *facts)
{
    if (facts->encodes && has_tags(facts))
        return &tagged;
    if (facts->encodes)
        return is_called(facts->name, t5.called) ? &t5 : NULL;
    for (gsize i = 0; i < G_N_ELEMENTS(families); i++)
        if (is_called(facts->name, families[i].called))
            return &families[i];
    const char *architecture = facts->architecture ? facts->architecture : "";
    bool ends_turns = !facts->template || strstr(facts->template, "<start_of_turn>");
    if (g_str_has_prefix(architecture, gemma.architecture) && ends_turns)
        return &gemma;
    return g_str_has_prefix(architecture, qwen.architecture) ? &qwen : &any;
}

const char *llama_family_name(const struct llama_family *family)
{
    return family->name;
}

static bool has_language(const char *languages, const char *code)
{
    g_autofree char *wanted = g_strdup_printf(" %s ", code);
    return strstr(languages, wanted) != NULL;
}

/* The tag for a language, as the vocabulary writes it: its variant's first; older codes of some. NULL: there
 * is none. */
static const char *tag_of(const struct llama_facts *facts, const char *code)
{
    static const char *const also[][2] = {{"he", "iw"},  {"nb", "no"}, {"no", "nb"}, {"fil", "tl"},
                                          {"tl", "fil"}, {"jv", "jw"}, {"id", "in"}};
    g_autofree char *variant = g_strdelimit(g_strdup(code), "-", '_');
    g_autofree char *base = engine_language_base(code);
    gpointer found = NULL;
    if (g_hash_table_lookup_extended(facts->tags, variant, &found, NULL) ||
        (base && g_hash_table_lookup_extended(facts->tags, base, &found, NULL)))
        return found;
    for (gsize i = 0; base && i < G_N_ELEMENTS(also); i++)
        if (strcmp(also[i][0], base) == 0 &&
            g_hash_table_lookup_extended(facts->tags, also[i][1], &found, NULL))
            return found;
    return NULL;
}

static GStrv tagged_pairs(const struct llama_facts *facts)
{
    g_autoptr(GStrvBuilder) pairs = g_strv_builder_new();
    g_autoptr(GList) codes = g_list_sort(g_hash_table_get_keys(facts->tags), (GCompareFunc)strcmp);
    for (GList *code = codes; code; code = code->next) {
        g_autofree char *pair = g_strconcat("*-", code->data, NULL);
        g_strv_builder_add(pairs, pair);
    }
    return g_strv_builder_end(pairs);
}

GStrv llama_family_pairs(const struct llama_family *family, const struct llama_facts *facts)
{
    if (family == &tagged)
        return tagged_pairs(facts);
    g_autoptr(GStrvBuilder) pairs = g_strv_builder_new();
    g_auto(GStrv) codes = g_strsplit(family->languages ? family->languages : "*", " ", -1);
    for (char **code = codes; *code; code++) {
        g_autofree char *pair = g_strconcat(family->only_from ? family->only_from : "*", "-", *code, NULL);
        if (**code)
            g_strv_builder_add(pairs, pair);
    }
    return g_strv_builder_end(pairs);
}

bool llama_family_supports(const struct llama_family *family, const struct llama_facts *facts,
                           const char *source, const char *target)
{
    if (family == &tagged)
        return tag_of(facts, source) && tag_of(facts, target);
    if (!family->languages)
        return true;
    bool from =
        family->only_from ? strcmp(family->only_from, source) == 0 : has_language(family->languages, source);
    return from && has_language(family->languages, target);
}

const char *llama_family_chat(const struct llama_family *family, const struct llama_facts *facts)
{
    /* A general model's own template may be newer than what its architecture began with. */
    if (family->architecture && facts->template)
        return facts->template;
    return family->chat ? family->chat : facts->template;
}

const char *llama_family_preface(const struct llama_family *family, const struct llama_facts *facts)
{
    bool may_think = facts->template && strstr(facts->template, "enable_thinking");
    return may_think ? "<think>\n\n</think>\n\n" : "";
}

struct placeholder {
    const char *name;
    char *value;
};

/* In one go: what stands in for a placeholder is not looked at again. */
static char *fill_in(const char *form, const struct placeholder *with, gsize count)
{
    GString *out = g_string_new(NULL);
    while (*form) {
        gsize i = 0;
        while (i < count && !g_str_has_prefix(form, with[i].name))
            i++;
        g_string_append_len(out, i < count ? with[i].value : form,
                            i < count ? (gssize)strlen(with[i].value) : 1);
        form += i < count ? strlen(with[i].name) : 1;
    }
    return g_string_free(out, FALSE);
}

static char *tag_token(const struct llama_facts *facts, const char *target)
{
    const char *tag = has_tags(facts) ? tag_of(facts, target) : NULL;
    return g_strdup_printf("<2%s>", tag ? tag : "");
}

void llama_prompt_init(struct llama_prompt *prompt, const struct llama_family *family,
                       const struct llama_facts *facts, const char *source, const char *target,
                       const char *text)
{
    char *from = language_name(source);
    char *to = language_name(target);
    struct placeholder with[] = {
        {"{source}", from},
        {"{target}", to},
        {"{source-code}", g_strdelimit(g_strdup(source), "_", '-')},
        {"{target-code}", g_strdelimit(g_strdup(target), "_", '-')},
        {"{from}", language_base_name(source)},
        {"{to}", language_base_name(target)},
        {"{tag}", tag_token(facts, target)},
        {"{rules}", chat_rules(from, to)},
        {"{text}", g_strdup(text)},
    };
    prompt->system = family->system ? fill_in(family->system, with, G_N_ELEMENTS(with)) : NULL;
    prompt->user = fill_in(family->user, with, G_N_ELEMENTS(with));
    for (gsize i = 0; i < G_N_ELEMENTS(with); i++)
        g_free(with[i].value);
}

void llama_prompt_clear(struct llama_prompt *prompt)
{
    g_free(prompt->system);
    g_free(prompt->user);
    *prompt = (struct llama_prompt){0};
}
