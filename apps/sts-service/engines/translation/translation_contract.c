/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What every translator keeps, run on the mocks and on what is installed. */
#include "../../text/prepare.h"
#include "../contract_support.h"
#include "../http/fake_apis.h"
#include "translation.h"
#include <string.h>

#define THREADS 6

/* One per engine for the whole run. */
struct fixture {
    const char *engine;
    struct translation *translation; /* NULL: not installed */
    struct dub_error error;
};

static struct fixture open_fixture(const char *engine, const struct engine_providers *providers)
{
    struct engine_config config = {
        .model = contract_model(engine), .device = "cpu", .workers = 4, .providers = providers};
    struct fixture fixture = {.engine = engine};
    fixture.translation = translation_open(engine, &config, &fixture.error);
    return fixture;
}

static struct translation_request request_for(const char *text)
{
    return (struct translation_request){.text = text, .source_language = "en", .target_language = "es"};
}

static char *translate(const struct fixture *fixture, const char *text)
{
    struct translation_request request = request_for(text);
    struct translation_result result = {0};
    struct dub_error error = {0};
    bool done = translation_translate(fixture->translation, &request, &result, &error);
    g_assert_cmpstr(error.message, ==, "");
    g_assert_true(done);
    return g_steal_pointer(&result.text);
}

static void test_a_sentence(gconstpointer user)
{
    const struct fixture *fixture = user;
    if (!fixture->translation && contract_skip(&fixture->error))
        return;
    g_autofree char *text = translate(fixture, "The government has announced a new plan.");
    g_assert_true(strlen(text) > 4);
    if (strcmp(fixture->engine, "apertium") == 0)
        g_assert_cmpstr(text, ==, "El gobierno ha anunciado un plan nuevo.");
    if (strcmp(fixture->engine, "identity") == 0)
        g_assert_cmpstr(text, ==, "The government has announced a new plan.");
    if (strcmp(fixture->engine, "mock") == 0)
        g_assert_cmpstr(text, ==, "[en-es] The government has announced a new plan.");
}

static void test_nothing_to_translate(gconstpointer user)
{
    const struct fixture *fixture = user;
    if (!fixture->translation && contract_skip(&fixture->error))
        return;
    static const char *const texts[][2] = {
        {"", ""}, {"   ", ""}, {"... !", "...!"}, {"\xe2\x80\x94", "\xe2\x80\x94"}};
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autofree char *text = translate(fixture, texts[i][0]);
        g_assert_cmpstr(text, ==, texts[i][1]);
    }
}

/* Whatever stands in the text, an answer comes and the next phrase is not disturbed. */
static void test_odd_text_does_no_harm(gconstpointer user)
{
    const struct fixture *fixture = user;
    if (!fixture->translation && contract_skip(&fixture->error))
        return;
    static const char *const texts[] = {
        "He paid $5 and/or [x] {y} <b> ^a$ @home #tag *star ~tilde \\ back\\slash",
        "one\ntwo\r\nthree\ttabs",
        "100% of 3-1",
        "\xd0\x94\xd0\xbe\xd0\xb1\xd1\x80\xd1\x8b\xd0\xb9 \xe4\xbb\x8a\xe5\xa4\xa9 \xf0\x9f\x98\x80 ok",
        "]]]] a",
        "[[[[ a",
        "a\\",
        "qwxyz plugh",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autofree char *text = translate(fixture, texts[i]);
        g_assert_true(g_utf8_validate(text, -1, NULL));
        g_assert_true(strlen(text) > 0);
        test_a_sentence(fixture);
    }
}

/* What a glossary says stands in the answer, whatever the engine does with the rest. */
static void test_a_glossary_is_kept(gconstpointer user)
{
    const struct fixture *fixture = user;
    if (!fixture->translation && contract_skip(&fixture->error))
        return;
    char *keep[] = {(char *)"Smith & *Sons", NULL};
    char *replace[] = {(char *)"goalkeeper", (char *)"portero", (char *)"new york", (char *)"la Gran Manzana",
                       NULL};
    struct glossary *glossary = glossary_for_stream(keep, replace, NULL);
    struct translation_request request =
        request_for("The goalkeeper of Smith & *Sons lives in new york. Goalkeeper!");
    struct translation_result result = {0};
    request.glossary = glossary;
    g_assert_true(translation_translate(fixture->translation, &request, &result, NULL));
    g_assert_nonnull(strstr(result.text, "portero"));
    g_assert_nonnull(strstr(result.text, "Portero!"));
    g_assert_nonnull(strstr(result.text, "Smith & *Sons"));
    g_assert_nonnull(strstr(result.text, "la Gran Manzana"));
    g_assert_null(strcasestr(result.text, "zqx"));
    translation_result_clear(&result);
    glossary_free(glossary);
}

/* The marks of unknown words are the engine's affair. */
static void test_marks_do_not_get_out(gconstpointer user)
{
    const struct fixture *fixture = user;
    if (!fixture->translation && contract_skip(&fixture->error))
        return;
    g_autofree char *text = translate(fixture, "The qwxyz plugh of zanzibarian xyzzy's station said no.");
    g_assert_null(strpbrk(text, "*@#~"));
    g_assert_nonnull(strstr(text, "qwxyz"));
}

static void test_very_long_text(gconstpointer user)
{
    const struct fixture *fixture = user;
    if (!fixture->translation && contract_skip(&fixture->error))
        return;
    g_autoptr(GString) text = g_string_new(NULL);
    while (text->len + 48 < TRANSLATION_MAX_BYTES)
        g_string_append(text, "The government has announced a new plan. ");
    g_autofree char *translated = translate(fixture, text->str);
    g_assert_true(strlen(translated) > text->len / 2);
    while (text->len <= TRANSLATION_MAX_BYTES)
        g_string_append(text, "The government has announced a new plan. ");
    struct translation_request request = request_for(text->str);
    struct translation_result result = {0};
    struct dub_error error = {0};
    g_assert_false(translation_translate(fixture->translation, &request, &result, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_TRANSLATION_FAILED);
    g_assert_cmpint(error.stage, ==, DUB_STAGE_TRANSLATION);
}

static void test_pairs_that_are_no_pairs(gconstpointer user)
{
    const struct fixture *fixture = user;
    if (!fixture->translation && contract_skip(&fixture->error))
        return;
    struct dub_error error = {0};
    g_assert_true(translation_check_pair(fixture->translation, "en-US", "es-MX", NULL));
    g_assert_true(translation_check_pair(fixture->translation, "en", "en", NULL));
    g_assert_false(translation_check_pair(fixture->translation, "en", "", &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_UNSUPPORTED_LANGUAGE_PAIR);
    g_assert_nonnull(strstr(error.message, "supported: "));
    g_assert_false(translation_check_pair(fixture->translation, NULL, "es", NULL));
    if (strcmp(fixture->engine, "apertium") == 0) {
        g_assert_false(translation_check_pair(fixture->translation, "en", "zu", &error));
        g_assert_nonnull(strstr(error.message, "en-es"));
    }
}

static void test_a_passed_deadline(gconstpointer user)
{
    const struct fixture *fixture = user;
    if (!fixture->translation && contract_skip(&fixture->error))
        return;
    struct translation_request request = request_for("The government has announced a new plan.");
    struct translation_result result = {0};
    struct dub_error error = {0};
    request.call.deadline_ns = contract_deadline_ns(-1);
    g_assert_false(translation_translate(fixture->translation, &request, &result, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_TIMEOUT);
    g_assert_true(error.retryable);
    test_a_sentence(fixture);
}

static void test_cancelled(gconstpointer user)
{
    const struct fixture *fixture = user;
    if (!fixture->translation && contract_skip(&fixture->error))
        return;
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    g_cancellable_cancel(cancellable);
    struct translation_request request = request_for("The government has announced a new plan.");
    struct translation_result result = {0};
    struct dub_error error = {0};
    request.call.cancellable = cancellable;
    g_assert_false(translation_translate(fixture->translation, &request, &result, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_CANCELLED);
    test_a_sentence(fixture);
}

static gpointer translate_in_thread(gpointer user)
{
    for (int i = 0; i < 5; i++)
        test_a_sentence(user);
    return NULL;
}

static void test_several_threads_at_a_time(gconstpointer user)
{
    const struct fixture *fixture = user;
    if (!fixture->translation && contract_skip(&fixture->error))
        return;
    GThread *threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        threads[i] = g_thread_new("caller", translate_in_thread, (gpointer)user);
    for (int i = 0; i < THREADS; i++)
        g_thread_join(threads[i]);
}

static void test_it_describes_itself(gconstpointer user)
{
    const struct fixture *fixture = user;
    if (!fixture->translation && contract_skip(&fixture->error))
        return;
    struct engine_info info = {0};
    translation_describe(fixture->translation, &info);
    g_assert_cmpstr(info.name, ==, fixture->engine);
    g_assert_nonnull(info.model);
    g_assert_cmpuint(g_strv_length(info.languages), >, 0);
    g_assert_cmpint(translation_max_concurrency(fixture->translation), ==, 4);
    engine_info_clear(&info);
}

/* What is true of a good answer whatever the version of the language data says in detail. */
static void test_real_sentences(gconstpointer user)
{
    static const struct {
        const char *from, *to, *text, *has, *has_not;
    } cases[] = {
        {"en", "es", "Good morning and welcome.", " y ", "Y"},
        {"en", "es", "The water of the river.", "agua", "EL"},
        {"en", "es", "Thank you very much for your attention.", "gracias", "Para"},
        {"en", "es", "spain won the match in london.", "Londres", "Gan"},
        {"en", "es", "spain won the match in london.",
         "Espa\xc3\xb1"
         "a ",
         "*"},
        {"en", "es", "Who is the president of the United States?", "Estados Unidos?", "unidos"},
        {"en", "es", "What time is it?", "\xc2\xbf", "!"},
        {"en", "es", "The BBC says that the EU will help.", "BBC", "bbc"},
        {"en", "es", "mr. jones met her in new york.", "Nueva York", "nueva york"},
        {"en", "es", "The doctor said no.", " no", "n\xc3\xbam"},
        {"en", "es", "1,250.5 people came.", "1.250,5", "1,250.5"},
        {"en", "es", "Good evening and welcome.", "Buenas noches y ", "arde"},
        {"en", "es", "mister smith lives in madrid.", "Smith ", "errero"},
        {"es", "en", "Gracias a todos por venir.", "Thanks to all", "TO"},
        {"es", "en", "Hay 1.250,50 euros.", "1,250.50", "1.250,50"},
        {"es", "en", "\xc2\xbfQui\xc3\xa9n es?", "Who is", "\xc2\xbf"},
        {"es-MX", "en-US", "El agua del r\xc3\xado.", "The water of the river", "*"},
    };
    const struct fixture *fixture = user;
    if (!fixture->translation && contract_skip(&fixture->error))
        return;
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct translation_request request = {
            .text = cases[i].text, .source_language = cases[i].from, .target_language = cases[i].to};
        struct translation_result result = {0};
        g_assert_true(translation_translate(fixture->translation, &request, &result, NULL));
        g_test_message("%s -> %s", cases[i].text, result.text);
        g_assert_nonnull(strstr(result.text, cases[i].has));
        g_assert_null(strstr(result.text, cases[i].has_not));
        translation_result_clear(&result);
    }
}

/* The whole way from a recogniser's bare words; the parts that our preparation answers for. */
static void test_recognised_words(gconstpointer user)
{
    static const struct {
        const char *from, *to, *words, *has, *has_not;
    } cases[] = {
        {"en", "es", "the meeting is on the third of may", "el 3 de mayo", "poder"},
        {"en", "es", "in may the weather will be better", "En mayo", "poder"},
        {"en", "es", "he may go", "Puede ir", "mayo"},
        {"en", "es", "they march through the city", "marcha", "marzo"},
        {"en", "es", "last march it rained", "marzo", "archa"},
        {"en", "es", "we have waited since august", "desde agosto", "entonces"},
        {"en", "es", "uh i think um we should go", "Pienso", "um"},
        {"en", "es", "real madrid won the match two nil", "Real Madrid ganó el partido 2-0", "dos"},
        {"en", "es", "the president of the united states visited germany",
         "los Estados Unidos visitó Alemania", "uni"},
        {"en", "es", "china and japan signed the treaty", "China y ", "orcelana"},
        {"en", "es", "he was born in los angeles", "Los Ángeles", "los"},
        {"en", "es", "breaking news from the middle east", "Oriente Medio", "este"},
        {"en", "es", "french ministers met in london", "Londres", "Franceses"},
        {"en", "es", "it is half past five", "Son las cinco y media", "pasado"},
        {"en", "es", "the u. s. president spoke to the u. n.", "habló a la ONU", "Habló"},
        {"en", "es", "well i was thinking", "Bien, ", "?"},
        {"es", "en", "la reunión es el tres de mayo", "on May 3rd", "three"},
        {"es", "en", "el partido empieza a las nueve y media", "at half past nine", "average"},
        {"es", "en", "el próximo viernes en nueva york", "Next Friday in New York", "friday"},
        {"es", "en", "desde el lunes no hay trenes", "Since Monday", "the Monday"},
        {"es", "en", "eh los estados unidos", "he United States", "Eh"},
    };
    const struct fixture *fixture = user;
    if (!fixture->translation && contract_skip(&fixture->error))
        return;
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *sentence = text_sentence_from_words(cases[i].words, cases[i].from);
        struct translation_request request = {
            .text = sentence, .source_language = cases[i].from, .target_language = cases[i].to};
        struct translation_result result = {0};
        g_assert_true(translation_translate(fixture->translation, &request, &result, NULL));
        g_test_message("%s -> %s", sentence, result.text);
        g_assert_nonnull(strstr(result.text, cases[i].has));
        g_assert_null(strstr(result.text, cases[i].has_not));
        translation_result_clear(&result);
    }
}

static void add(const struct fixture *fixture, const char *name, GTestDataFunc test)
{
    g_autofree char *path = g_strdup_printf("/translation/%s/%s", fixture->engine, name);
    g_test_add_data_func(path, fixture, test);
}

static void add_suite(const struct fixture *fixture)
{
    add(fixture, "a-sentence", test_a_sentence);
    add(fixture, "nothing-to-translate", test_nothing_to_translate);
    add(fixture, "odd-text-does-no-harm", test_odd_text_does_no_harm);
    if (strcmp(fixture->engine, "apertium") == 0)
        add(fixture, "real-sentences", test_real_sentences);
    if (strcmp(fixture->engine, "apertium") == 0)
        add(fixture, "recognised-words", test_recognised_words);
    add(fixture, "a-glossary-is-kept", test_a_glossary_is_kept);
    add(fixture, "marks-do-not-get-out", test_marks_do_not_get_out);
    add(fixture, "very-long-text", test_very_long_text);
    add(fixture, "pairs-that-are-no-pairs", test_pairs_that_are_no_pairs);
    add(fixture, "a-passed-deadline", test_a_passed_deadline);
    add(fixture, "cancelled", test_cancelled);
    add(fixture, "several-threads-at-a-time", test_several_threads_at_a_time);
    add(fixture, "it-describes-itself", test_it_describes_itself);
}

int main(int argc, char **argv)
{
    struct fixture fixtures[16];
    struct fake_apis *apis = fake_apis_new();
    int count = 0;
    g_test_init(&argc, &argv, NULL);
    for (const struct engine_ops *const *ops = translation_engines; *ops; ops++) {
        fixtures[count] = open_fixture((*ops)->name, fake_apis_providers(apis));
        add_suite(&fixtures[count++]);
    }
    int result = g_test_run();
    while (count > 0)
        translation_close(fixtures[--count].translation);
    fake_apis_free(apis);
    return result;
}
