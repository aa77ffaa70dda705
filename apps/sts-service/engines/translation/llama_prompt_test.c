/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "language_names.h"
#include "llama_prompt.h"

#include <string.h>

/* Both parts of what a model is asked, with "||" between. */
static void assert_asked(const struct llama_facts *facts, const char *source, const char *target,
                         const char *text, const char *expected)
{
    const struct llama_family *family = llama_family_of(facts);
    struct llama_prompt prompt;
    llama_prompt_init(&prompt, family, facts, source, target, text);
    g_autofree char *both = g_strconcat(prompt.system ? prompt.system : "-", "||", prompt.user, NULL);
    g_assert_cmpstr(both, ==, expected);
    llama_prompt_clear(&prompt);
}

static void assert_family(const struct llama_facts *facts, const char *name, const char *chat)
{
    const struct llama_family *family = llama_family_of(facts);
    g_assert_cmpstr(llama_family_name(family), ==, name);
    g_assert_cmpstr(llama_family_chat(family, facts), ==, chat);
}

static void test_models_for_translation(void)
{
    struct llama_facts gemma = {.name = "TranslateGemma-4b-it.Q4_K_M.gguf", .template = "anything"};
    struct llama_facts tower = {.name = "x.gguf TowerInstruct 7B v0.2"};
    struct llama_facts euro = {.name = "EuroLLM-1.7B-Instruct"};
    struct llama_facts plus = {.name = "Tower-Plus-9B", .template = "<start_of_turn>"};
    struct llama_facts hunyuan = {.name = "HY-MT1.5-1.8B-Q4_K_M.gguf", .template = "hunyuan"};
    assert_family(&gemma, "translategemma", "gemma");
    assert_asked(
        &gemma, "en", "pt-BR", "Hi?",
        "-||You are a professional English (en) to Portuguese (Brazil) (pt-BR) translator. Your goal "
        "is to accurately convey the meaning and nuances of the original English text while adhering "
        "to Portuguese (Brazil) grammar, vocabulary, and cultural sensitivities.\nProduce only the "
        "Portuguese (Brazil) translation, without any additional explanations or commentary. Please "
        "translate the following English text into Portuguese (Brazil):\n\n\nHi?");
    assert_family(&tower, "towerinstruct", "chatml");
    assert_asked(&tower, "en-GB", "es-MX", "Hi?",
                 "-||Translate the following text from English into Spanish.\nEnglish: Hi?\nSpanish:");
    assert_family(&euro, "eurollm", "chatml");
    assert_asked(&euro, "en", "pt", "Hi?",
                 "||Translate the following English source text to Portuguese:\nEnglish: Hi?\nPortuguese: ");
    assert_family(&plus, "tower-plus", "<start_of_turn>");
    assert_asked(&plus, "en", "pt-PT", "Hi?",
                 "-||Translate the following English source text to Portuguese (Portugal):\nEnglish: Hi?\n"
                 "Portuguese (Portugal): ");
    assert_family(&hunyuan, "hunyuan-mt", "hunyuan");
    assert_asked(&hunyuan, "en", "zh-TW", "Hi?",
                 "-||Translate the following segment into Traditional Chinese, without additional "
                 "explanation.\n\nHi?");
}

/* They are told not to answer, not to chat, and to keep made-up words: what a glossary hides is one. */
static void test_any_other_model_gets_rules(void)
{
    struct llama_facts facts = {
        .name = "Some 7B Instruct", .architecture = "llama", .template = "<|im_start|>"};
    const struct llama_family *family = llama_family_of(&facts);
    struct llama_prompt prompt;
    llama_prompt_init(&prompt, family, &facts, "en", "es", "Zqxaaaaa?");
    g_assert_nonnull(strstr(prompt.system, "from English to Spanish"));
    g_assert_nonnull(strstr(prompt.system, "do not answer it"));
    g_assert_nonnull(strstr(prompt.system, "Zqxaaaab"));
    g_assert_true(g_str_has_suffix(prompt.user, "\n\nZqxaaaaa?"));
    llama_prompt_clear(&prompt);
    assert_family(&facts, "instruct", "<|im_start|>");
}

static void test_chats_by_architecture(void)
{
    struct llama_facts qwen = {.name = "Qwen3-4B", .architecture = "qwen3"};
    struct llama_facts gemma = {.name = "gemma-3-4b-it", .architecture = "gemma3"};
    struct llama_facts newer = {.name = "gemma-4", .architecture = "gemma4", .template = "<|turn>"};
    struct llama_facts base = {.name = "a base model", .architecture = "llama"};
    assert_family(&qwen, "qwen", "chatml");
    assert_family(&gemma, "gemma", "gemma");
    assert_family(&newer, "instruct", "<|turn>");
    assert_family(&base, "instruct", NULL);
    gemma.template = "its own <start_of_turn>";
    assert_family(&gemma, "gemma", "its own <start_of_turn>");
    g_assert_cmpstr(llama_family_preface(llama_family_of(&qwen), &qwen), ==, "");
    qwen.template = "{%- if enable_thinking is false %}";
    g_assert_cmpstr(llama_family_preface(llama_family_of(&qwen), &qwen), ==, "<think>\n\n</think>\n\n");
}

/* What was said is no form to be filled in. */
static void test_braces_in_the_text(void)
{
    struct llama_facts facts = {.name = "hunyuan-mt"};
    assert_asked(
        &facts, "en", "es", "{rules} {text} {",
        "-||Translate the following segment into Spanish, without additional explanation.\n\n{rules} "
        "{text} {");
}

static GHashTable *tags(void)
{
    GHashTable *found = g_hash_table_new(g_str_hash, g_str_equal);
    static const char *const codes[] = {"en", "es", "iw", "no", "pt", "pt_BR"};
    for (gsize i = 0; i < G_N_ELEMENTS(codes); i++)
        g_hash_table_add(found, (gpointer)codes[i]);
    return found;
}

static void test_tags_of_languages(void)
{
    g_autoptr(GHashTable) known = tags();
    struct llama_facts facts = {.name = "T5", .encodes = true, .tags = known};
    const struct llama_family *family = llama_family_of(&facts);
    assert_asked(&facts, "en", "es-MX", "Hi?", "-||<2es> Hi?");
    assert_asked(&facts, "en", "pt-BR", "Hi?", "-||<2pt_BR> Hi?");
    assert_asked(&facts, "en", "he", "Hi?", "-||<2iw> Hi?");
    assert_asked(&facts, "en", "nb", "Hi?", "-||<2no> Hi?");
    g_assert_true(llama_family_supports(family, &facts, "es", "he"));
    g_assert_false(llama_family_supports(family, &facts, "en", "zu"));
    g_assert_false(llama_family_supports(family, &facts, "zu", "en"));
    g_auto(GStrv) pairs = llama_family_pairs(family, &facts);
    g_autofree char *all = g_strjoinv(" ", pairs);
    g_assert_cmpstr(all, ==, "*-en *-es *-iw *-no *-pt *-pt_BR");
}

static void test_what_is_a_tag(void)
{
    static const char *const cases[][2] = {{"<2es>", "es"},        {"<2fil>", "fil"}, {"<2pt_BR>", "pt_BR"},
                                           {"<2Latn>", NULL},      {"<2>", NULL},     {"<2e>", NULL},
                                           {"<2translate>", NULL}, {"2es>", NULL},    {"<2es", NULL},
                                           {"<es>", NULL},         {"", NULL}};
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *language = llama_tag_language(cases[i][0]);
        g_assert_cmpstr(language, ==, cases[i][1]);
    }
}

static void test_t5_has_three_pairs(void)
{
    struct llama_facts facts = {.name = "flan-t5-large.gguf", .encodes = true};
    const struct llama_family *family = llama_family_of(&facts);
    assert_asked(&facts, "en", "de", "Hi?", "-||translate English to German: Hi?");
    g_assert_true(llama_family_supports(family, &facts, "en", "fr"));
    g_assert_false(llama_family_supports(family, &facts, "de", "en"));
    g_assert_false(llama_family_supports(family, &facts, "en", "es"));
    g_auto(GStrv) pairs = llama_family_pairs(family, &facts);
    g_autofree char *all = g_strjoinv(" ", pairs);
    g_assert_cmpstr(all, ==, "en-de en-fr en-ro");
    facts.name = "an encoder of pictures";
    g_assert_null(llama_family_of(&facts));
}

static void test_languages_of_families(void)
{
    struct llama_facts tower = {.name = "towerinstruct"};
    struct llama_facts general = {.name = "x"};
    const struct llama_family *family = llama_family_of(&tower);
    g_assert_true(llama_family_supports(family, &tower, "en", "ko"));
    g_assert_false(llama_family_supports(family, &tower, "en", "pl"));
    g_assert_true(llama_family_supports(llama_family_of(&general), &general, "xx", "yy"));
    g_auto(GStrv) pairs = llama_family_pairs(llama_family_of(&general), &general);
    g_assert_cmpstr(pairs[0], ==, "*-*");
}

static void test_names_of_languages(void)
{
    static const char *const cases[][2] = {{"es", "Spanish"},
                                           {"pt_BR", "Portuguese (Brazil)"},
                                           {"zh-Hant", "Traditional Chinese"},
                                           {"de-AT", "German"},
                                           {"spa", "Spanish"},
                                           {"xx", "xx"}};
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *name = language_name(cases[i][0]);
        g_assert_cmpstr(name, ==, cases[i][1]);
    }
    g_autofree char *base = language_base_name("pt-BR");
    g_assert_cmpstr(base, ==, "Portuguese");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/llama-prompt/models-for-translation", test_models_for_translation);
    g_test_add_func("/llama-prompt/any-other-model-gets-rules", test_any_other_model_gets_rules);
    g_test_add_func("/llama-prompt/chats-by-architecture", test_chats_by_architecture);
    g_test_add_func("/llama-prompt/braces-in-the-text", test_braces_in_the_text);
    g_test_add_func("/llama-prompt/tags-of-languages", test_tags_of_languages);
    g_test_add_func("/llama-prompt/what-is-a-tag", test_what_is_a_tag);
    g_test_add_func("/llama-prompt/t5-has-three-pairs", test_t5_has_three_pairs);
    g_test_add_func("/llama-prompt/languages-of-families", test_languages_of_families);
    g_test_add_func("/llama-prompt/names-of-languages", test_names_of_languages);
    return g_test_run();
}
