/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What only llama promises, with models that tests/tiny_llama.py makes: they copy what they are asked, letter
 * by letter, or say what they always say. */
#include "../contract_support.h"
#include "llama_decoder.h"
#include "translation.h"

#include <glib/gstdio.h>
#include <malloc.h>
#include <string.h>

/* The word that the copying models begin with. */
#define SAID "Palabras. "
/* Workers: as many as there are cores, so that each computes with a thread of its own alone. */
#define PER_CORE 0

struct fixture {
    char *folder; /* made for the test; files in it */
};

static void set_up(struct fixture *fixture, gconstpointer user)
{
    fixture->folder = g_dir_make_tmp("sts-llama-XXXXXX", NULL);
}

static void tear_down(struct fixture *fixture, gconstpointer user)
{
    g_autoptr(GDir) listing = g_dir_open(fixture->folder, 0, NULL);
    const char *name;
    while ((name = g_dir_read_name(listing))) {
        g_autofree char *path = g_build_filename(fixture->folder, name, NULL);
        g_unlink(path);
    }
    g_rmdir(fixture->folder);
    g_free(fixture->folder);
}

static char *tiny(const char *kind)
{
    g_autofree char *name = g_strdup_printf("tiny-llama-%s.gguf", kind);
    return g_build_filename(g_getenv("STS_TEST_TINY_MODELS"), name, NULL);
}

static struct translation *open_tiny(const char *kind, int workers)
{
    struct dub_error error = {0};
    g_autofree char *path = tiny(kind);
    struct engine_config config = {.model = path, .device = "cpu", .workers = workers};
    struct translation *translation = translation_open("llama", &config, &error);
    if (!translation)
        g_error("%s", error.message);
    return translation;
}

static struct translation_request into_spanish(const char *text)
{
    return (struct translation_request){.text = text, .source_language = "en", .target_language = "es"};
}

static void assert_translated(struct translation *translation, const char *text, const char *expected)
{
    struct translation_request request = into_spanish(text);
    struct translation_result result = {0};
    struct dub_error error = {0};
    if (!translation_translate(translation, &request, &result, &error))
        g_error("%s", error.message);
    g_assert_cmpstr(result.text, ==, expected);
    translation_result_clear(&result);
}

static void assert_fails(struct translation *translation, const char *text, enum dub_error_code code,
                         const char *why)
{
    struct translation_request request = into_spanish(text);
    struct translation_result result = {0};
    struct dub_error error = {0};
    g_assert_false(translation_translate(translation, &request, &result, &error));
    g_assert_cmpint(error.code, ==, code);
    if (!strstr(error.message, why))
        g_error("\"%s\" has no \"%s\"", error.message, why);
}

/* Encoder and decoder; a decoder in a form of its own; one that is told rules. */
static void test_the_text_reaches_the_model(struct fixture *fixture, gconstpointer user)
{
    static const char *const kinds[] = {"madlad", "gemma", "instruct"};
    for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++) {
        struct translation *translation = open_tiny(kinds[i], PER_CORE);
        assert_translated(translation, "We have a new plan.", SAID "We have a new plan.");
        assert_translated(translation, "Is it a good one?", SAID "Is it a good one?");
        assert_translated(translation, "We have a new plan.", SAID "We have a new plan.");
        translation_close(translation);
    }
}

static void test_a_chain_of_letters_beyond_ascii(struct fixture *fixture, gconstpointer user)
{
    struct translation *translation = open_tiny("gemma", PER_CORE);
    assert_translated(translation, "El señor Núñez dice €5.", SAID "El señor Núñez dice €5.");
    translation_close(translation);
}

static void test_sentences_and_pieces(struct fixture *fixture, gconstpointer user)
{
    struct translation *translation = open_tiny("madlad", PER_CORE);
    assert_translated(translation, "Good evening. How are you?", SAID "Good evening. " SAID "How are you?");
    translation_close(translation);
    translation = open_tiny("gemma", PER_CORE);
    assert_translated(translation, "Good evening. How are you?", SAID "Good evening. How are you?");
    translation_close(translation);
}

/* The glossary's terms are made-up words to the model, and stand in the answer as they should. */
static void test_a_glossary(struct fixture *fixture, gconstpointer user)
{
    static const char *const kinds[] = {"madlad", "gemma", "instruct"};
    char *keep[] = {(char *)"Ada Lovelace", NULL};
    char *replace[] = {(char *)"goalkeeper", (char *)"portero", NULL};
    struct glossary *glossary = glossary_for_stream(keep, replace, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++) {
        struct translation *translation = open_tiny(kinds[i], PER_CORE);
        struct translation_request request = into_spanish("The goalkeeper saw Ada Lovelace.");
        struct translation_result result = {0};
        request.glossary = glossary;
        g_assert_true(translation_translate(translation, &request, &result, NULL));
        g_assert_cmpstr(result.text, ==, SAID "The portero saw Ada Lovelace.");
        translation_result_clear(&result);
        translation_close(translation);
    }
    glossary_free(glossary);
}

/* What would end a turn or name a language is text like any other where somebody has said it. */
static void test_nobody_speaks_to_the_model(struct fixture *fixture, gconstpointer user)
{
    struct translation *translation = open_tiny("gemma", PER_CORE);
    assert_translated(translation, "He wrote <end_of_turn> here.", SAID "He wrote < end_of_turn> here.");
    translation_close(translation);
    translation = open_tiny("madlad", PER_CORE);
    assert_translated(translation, "He wrote <2fr> and </s> here.", SAID "He wrote < 2fr> and < /s> here.");
    translation_close(translation);
}

static void test_what_is_no_translation(struct fixture *fixture, gconstpointer user)
{
    static const struct {
        const char *kind, *text, *why;
    } cases[] = {
        {"chatter", "Good evening to all of you.", "talk about the text"},
        {"answer", "What time is it now?", "no question"},
        {"lines", "Good evening.", "several lines"},
        {"script", "Good evening, dear friends.", "another language's script"},
        {"endless", "Good evening.", "not come to an end"},
        {"madlad-endless", "Good evening.", "not come to an end"},
        {"madlad-silent", "Good evening.", "nothing"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct translation *translation = open_tiny(cases[i].kind, PER_CORE);
        assert_fails(translation, cases[i].text, DUB_ERROR_HALLUCINATION_SUSPECTED, cases[i].why);
        assert_fails(translation, cases[i].text, DUB_ERROR_HALLUCINATION_SUSPECTED, cases[i].why);
        translation_close(translation);
    }
}

static void test_languages_by_tags(struct fixture *fixture, gconstpointer user)
{
    struct translation *translation = open_tiny("madlad", PER_CORE);
    struct engine_info info = {0};
    g_assert_true(translation_check_pair(translation, "en", "es-MX", NULL));
    g_assert_true(translation_check_pair(translation, "fr", "he", NULL));
    g_assert_true(translation_check_pair(translation, "en", "pt_BR", NULL) ==
                  translation_check_pair(translation, "pt-BR", "en", NULL));
    g_assert_false(translation_check_pair(translation, "en", "de", NULL));
    translation_describe(translation, &info);
    g_autofree char *pairs = g_strjoinv(" ", info.languages);
    g_assert_cmpstr(pairs, ==, "*-en *-es *-fr *-iw *-pt_BR");
    g_assert_cmpstr(info.model, ==, "tiny-llama-madlad.gguf");
    engine_info_clear(&info);
    translation_close(translation);
}

static void assert_refused(const char *model, const char *folder, enum dub_error_code code, const char *why)
{
    struct engine_config config = {.model = model, .model_cache_dir = folder, .device = "cpu", .workers = 1};
    struct dub_error error = {0};
    g_assert_null(translation_open("llama", &config, &error));
    g_assert_cmpint(error.code, ==, code);
    if (!strstr(error.message, why))
        g_error("\"%s\" has no \"%s\"", error.message, why);
}

/* A copy of a tiny model, of that size at most, with `instead` where `text` was. */
static char *spoilt(const struct fixture *fixture, const char *kind, gsize size, const char *text,
                    const char *instead)
{
    g_autofree char *path = tiny(kind);
    g_autofree char *data = NULL;
    gsize whole;
    char *copy = g_build_filename(fixture->folder, "spoilt.gguf", NULL);
    g_assert_true(g_file_get_contents(path, &data, &whole, NULL));
    char *found = memmem(data, whole, text, strlen(text));
    g_assert_nonnull(found);
    memcpy(found, instead, strlen(instead));
    g_assert_true(g_file_set_contents(copy, data, (gssize)MIN(size, whole), NULL));
    return copy;
}

static void test_files_that_are_not_whole(struct fixture *fixture, gconstpointer user)
{
    g_autofree char *half = spoilt(fixture, "gemma", 400000, "GGUF", "GGUF");
    assert_refused(half, NULL, DUB_ERROR_UNAVAILABLE, "is cut short");
    g_autofree char *magic = spoilt(fixture, "madlad", G_MAXSIZE, "GGUF", "GGML");
    assert_refused(magic, NULL, DUB_ERROR_UNAVAILABLE, "no model of llama.cpp");
    assert_refused("none.gguf", fixture->folder, DUB_ERROR_UNAVAILABLE, "STS_TRANSLATION_MODEL");
    assert_refused(fixture->folder, NULL, DUB_ERROR_UNAVAILABLE, "is a folder");
    g_assert_no_errno(g_unlink(magic));
    assert_refused(NULL, fixture->folder, DUB_ERROR_UNAVAILABLE, fixture->folder);
}

/* Whole, but nothing that the library knows: it says so, and nothing else happens. */
static void test_models_that_the_library_refuses(struct fixture *fixture, gconstpointer user)
{
    g_autofree char *tensor = spoilt(fixture, "gemma", G_MAXSIZE, "output_norm.weight", "output_morn.weight");
    assert_refused(tensor, NULL, DUB_ERROR_UNAVAILABLE, "cannot be loaded by llama.cpp");
    g_autofree char *architecture = spoilt(fixture, "gemma", G_MAXSIZE, "llama", "lamma");
    assert_refused(architecture, NULL, DUB_ERROR_UNAVAILABLE, "cannot be loaded by llama.cpp");
}

static void test_models_that_cannot_be_asked(struct fixture *fixture, gconstpointer user)
{
    g_autofree char *chat =
        spoilt(fixture, "instruct", G_MAXSIZE, "{{ messages }}<|im_start|>", "{{ messages }}<|im-start|>");
    assert_refused(chat, NULL, DUB_ERROR_UNAVAILABLE, "chat template");
}

static void test_a_gpu_that_is_not_there(struct fixture *fixture, gconstpointer user)
{
    g_autofree char *path = tiny("madlad");
    struct dub_error error = {0};
    struct llama_weights *weights = llama_weights_load(path, "cuda", 1, &error);
    if (weights) {
        g_assert_nonnull(llama_weights_gpu(weights));
        llama_weights_free(weights);
        return;
    }
    g_assert_cmpint(error.code, ==, DUB_ERROR_INVALID_CONFIG);
    g_assert_nonnull(strstr(error.message, "STS_DEVICE"));
}

/* Decoders on one model, in turn. */
static void test_two_decoders_on_one_model(struct fixture *fixture, gconstpointer user)
{
    g_autofree char *path = tiny("madlad");
    struct llama_weights *weights = llama_weights_load(path, "cpu", 1, NULL);
    struct llama_decoder *decoders[2];
    int abandoned = 0;
    for (gsize i = 0; i < G_N_ELEMENTS(decoders); i++)
        decoders[i] = llama_decoder_new(weights, NULL);
    for (gsize i = 0; i < 6; i++) {
        g_autofree char *text = g_strdup_printf("Number %" G_GSIZE_FORMAT, i);
        g_autofree char *user_text = g_strconcat("<2es> ", text, NULL);
        g_autofree char *expected = g_strconcat(" " SAID, text, NULL);
        struct llama_task task = {.user = user_text, .text = text, .abandoned = &abandoned};
        g_autofree char *answer = llama_decoder_run(decoders[i % 2], &task, NULL);
        g_assert_cmpstr(answer, ==, expected);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(decoders); i++)
        llama_decoder_free(decoders[i]);
    llama_weights_free(weights);
}

static void assert_dropped(const char *kind, const struct llama_task *like)
{
    g_autofree char *path = tiny(kind);
    struct llama_weights *weights = llama_weights_load(path, "cpu", 1, NULL);
    struct llama_decoder *decoder = llama_decoder_new(weights, NULL);
    struct dub_error error = {0};
    int abandoned = 1;
    struct llama_task task = *like;
    task.abandoned = &abandoned;
    g_assert_null(llama_decoder_run(decoder, &task, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_CANCELLED);
    abandoned = 0;
    g_autofree char *answer = llama_decoder_run(decoder, &task, NULL);
    g_assert_cmpstr(answer, ==, " " SAID "Hello");
    llama_decoder_free(decoder);
    llama_weights_free(weights);
}

static void test_what_nobody_waits_for_is_dropped(struct fixture *fixture, gconstpointer user)
{
    assert_dropped("madlad", &(struct llama_task){.user = "<2es> Hello", .text = "Hello"});
    assert_dropped("gemma",
                   &(struct llama_task){.user = "Translate:\n\n\nHello", .text = "Hello", .chat = "gemma"});
}

/* A second line is talk: nobody waits until it has been said. */
static void test_another_line_is_not_finished(struct fixture *fixture, gconstpointer user)
{
    g_autofree char *path = tiny("lines");
    struct llama_weights *weights = llama_weights_load(path, "cpu", 1, NULL);
    struct llama_decoder *decoder = llama_decoder_new(weights, NULL);
    struct llama_task task = {.user = "Translate:\n\n\nHello", .text = "Hello", .chat = "gemma"};
    g_autofree char *answer = llama_decoder_run(decoder, &task, NULL);
    g_assert_cmpstr(answer, ==, " Hola.\n Nota:");
    llama_decoder_free(decoder);
    llama_weights_free(weights);
}

/* A text of 16 KiB takes many pieces; who cancels meanwhile is not held up. */
static void test_cancelled_in_the_middle(struct fixture *fixture, gconstpointer user)
{
    struct translation *translation = open_tiny("gemma", PER_CORE);
    g_autoptr(GString) text = g_string_new(NULL);
    while (text->len < 16000)
        g_string_append(text, "The government has announced a new plan. ");
    struct contract_canceller canceller;
    contract_canceller_start(&canceller, 50);
    struct translation_request request = into_spanish(text->str);
    struct translation_result result = {0};
    struct dub_error error = {0};
    request.call.cancellable = canceller.cancellable;
    g_assert_false(translation_translate(translation, &request, &result, &error));
    int64_t returned_ms = contract_now_ms();
    g_assert_cmpint(error.code, ==, DUB_ERROR_CANCELLED);
    contract_canceller_join(&canceller);
    g_assert_cmpint(returned_ms - canceller.cancelled_ms, <, CONTRACT_LATE_MS);
    assert_translated(translation, "And then?", SAID "And then?");
    translation_close(translation);
}

/* What is allocated, the library's included. 0 with a sanitizer, which looks for what is lost itself. */
static size_t allocated_kb(void)
{
    struct mallinfo2 heap = mallinfo2();
    return (heap.uordblks + heap.hblkhd) / 1024;
}

/* The first calls find their sizes. */
static void test_memory_stays(struct fixture *fixture, gconstpointer user)
{
    struct translation *translation = open_tiny("madlad", PER_CORE);
    for (int i = 0; i < 50; i++)
        assert_translated(translation, "We have a new plan.", SAID "We have a new plan.");
    size_t before_kb = allocated_kb();
    for (int i = 0; i < 300; i++)
        assert_translated(translation, "We have a new plan.", SAID "We have a new plan.");
    size_t after_kb = allocated_kb();
    g_test_message("%zu kB, then %zu kB", before_kb, after_kb);
    g_assert_cmpuint(after_kb, <, before_kb + 1024);
    translation_close(translation);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, test) g_test_add("/llama/" name, struct fixture, NULL, set_up, test, tear_down)
    ADD("the-text-reaches-the-model", test_the_text_reaches_the_model);
    ADD("a-chain-of-letters-beyond-ascii", test_a_chain_of_letters_beyond_ascii);
    ADD("sentences-and-pieces", test_sentences_and_pieces);
    ADD("a-glossary", test_a_glossary);
    ADD("nobody-speaks-to-the-model", test_nobody_speaks_to_the_model);
    ADD("what-is-no-translation", test_what_is_no_translation);
    ADD("languages-by-tags", test_languages_by_tags);
    ADD("files-that-are-not-whole", test_files_that_are_not_whole);
    ADD("models-that-the-library-refuses", test_models_that_the_library_refuses);
    ADD("models-that-cannot-be-asked", test_models_that_cannot_be_asked);
    ADD("a-gpu-that-is-not-there", test_a_gpu_that_is_not_there);
    ADD("two-decoders-on-one-model", test_two_decoders_on_one_model);
    ADD("what-nobody-waits-for-is-dropped", test_what_nobody_waits_for_is_dropped);
    ADD("another-line-is-not-finished", test_another_line_is_not_finished);
    ADD("cancelled-in-the-middle", test_cancelled_in_the_middle);
    ADD("memory-stays", test_memory_stays);
    return g_test_run();
}
