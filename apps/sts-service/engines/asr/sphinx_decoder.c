/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Cepstra are computed and mean-normalised here, over the whole fragment, because the library does that only
 * in one call that cannot be interrupted; the search then goes block by block. */
#include "sphinx_decoder.h"

#include "evidence.h"
#include "pronounce.h"
#include "sphinx_api.h"
#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define FRAME_MS 10
#define BLOCK_FRAMES 10
/* The library's acoustic scores are shifted by ten bits. */
#define SENONE_SCALE 1024.0
/* How likely a hinted phrase is to begin at any word. Chosen by measurement: README.md. */
#define HINT_PROBABILITY 1e-3

struct sphinx_decoder {
    ps_decoder_t *ps;
    ngram_model_t *language_model; /* the model's own, without hints */
};

struct cepstra {
    mfcc_t *values;  /* count * size */
    mfcc_t **frames; /* rows of values */
    int count;
    int size;
};

/* The library's complaints, for the message of a failure to load. */
static __thread char last_complaint[160];

static void on_library_log(void *user, err_lvl_t level, const char *format, ...) G_GNUC_PRINTF(3, 4);
static void on_library_log(void *user, err_lvl_t level, const char *format, ...)
{
    if (level < ERR_ERROR)
        return;
    va_list arguments;
    va_start(arguments, format);
    g_vsnprintf(last_complaint, sizeof last_complaint, format, arguments);
    va_end(arguments);
    g_strdelimit(last_complaint, "\r\n\t", ' ');
}

#if SPHINX_RELEASE_5

static void set_option(ps_config_t *config, const char *name, const char *value)
{
    switch ((int)ps_config_typeof(config, name) & ~ARG_REQUIRED) {
    case ARG_INTEGER:
        ps_config_set_int(config, name, (long)g_ascii_strtoll(value, NULL, 10));
        break;
    case ARG_FLOATING:
        ps_config_set_float(config, name, g_ascii_strtod(value, NULL));
        break;
    case ARG_BOOLEAN:
        ps_config_set_bool(config, name, g_ascii_strcasecmp(value, "yes") == 0);
        break;
    case ARG_STRING:
        ps_config_set_str(config, name, value);
        break;
    default: /* of another release: what it does not know does not matter to it */
        break;
    }
}

/* Pairs of "-name value". */
static void set_options_of_file(ps_config_t *config, const char *path)
{
    g_autofree char *text = NULL;
    if (!g_file_get_contents(path, &text, NULL, NULL))
        return;
    g_auto(GStrv) words = g_strsplit_set(text, " \t\r\n", -1);
    const char *name = NULL;
    for (char **word = words; *word; word++) {
        if (**word == '\0')
            continue;
        if (!name) {
            name = *word + (**word == '-' ? 1 : 0);
            continue;
        }
        set_option(config, name, *word);
        name = NULL;
    }
}

static ps_config_t *configure(const struct sphinx_model *model)
{
    ps_config_t *config = ps_config_init(NULL);
    if (!config)
        return NULL;
    ps_config_set_str(config, "hmm", model->acoustic_dir);
    ps_config_set_str(config, "dict", model->dictionary);
    /* Measured; README.md has the figures. */
    ps_config_set_int(config, "maxhmmpf", 5000);
    if (model->decoder_params)
        set_options_of_file(config, model->decoder_params);
    return config;
}

/* The model's feat.params, read by ps_init(), ask for normalised means, but we have done it. */
static bool leave_means_alone(ps_decoder_t *ps)
{
    ps_config_set_str(ps_get_config(ps), "cmn", "none");
    return ps_reinit_feat(ps, NULL) == 0;
}

#else

static cmd_ln_t *configure(const struct sphinx_model *model)
{
    char *arguments[] = {
        (char *)"pocketsphinx",
        (char *)"-hmm",
        model->acoustic_dir,
        (char *)"-dict",
        model->dictionary,
        /* Frame numbers stay times; fragments are speech already. */
        (char *)"-remove_silence",
        (char *)"no",
        /* Measured; README.md has the figures. */
        (char *)"-maxhmmpf",
        (char *)"5000",
    };
    cmd_ln_t *config = cmd_ln_parse_r(NULL, ps_args(), G_N_ELEMENTS(arguments), arguments, TRUE);
    if (config && model->decoder_params)
        cmd_ln_parse_file_r(config, ps_args(), model->decoder_params, FALSE);
    return config;
}

static bool leave_means_alone(ps_decoder_t *ps)
{
    ps_get_feat(ps)->cmn = CMN_NONE; /* the model's feat.params ask for it, but we have done it */
    return true;
}

#define ps_config_free cmd_ln_free_r

#endif

/* Everything but the language model, which is set afterwards. */
static ps_decoder_t *start(const struct sphinx_model *model)
{
    void *config = configure(model);
    if (!config)
        return NULL;
    ps_decoder_t *ps = ps_init(config);
    ps_config_free(config);
    if (!ps || leave_means_alone(ps))
        return ps;
    ps_free(ps);
    return NULL;
}

/* Takes both; the model may be NULL. */
static struct sphinx_decoder *decoder_new(ps_decoder_t *ps, ngram_model_t *language_model)
{
    struct sphinx_decoder *decoder = g_new0(struct sphinx_decoder, 1);
    decoder->ps = ps;
    decoder->language_model = language_model;
    return decoder;
}

static bool search_with(ps_decoder_t *ps, ngram_model_t *model)
{
    static const char name[] = "words";
    return ps_add_lm(ps, name, model) == 0 && ps_activate_search(ps, name) == 0;
}

static ngram_model_t *read_model(ps_decoder_t *ps, const char *path, ngram_file_type_t type)
{
    return ngram_model_read(ps_get_config(ps), path, type, ps_get_logmath(ps));
}

static const char *complaint(void)
{
    return last_complaint[0] != '\0' ? last_complaint : "no reason given";
}

struct sphinx_decoder *sphinx_decoder_load(const struct sphinx_model *model, struct dub_error *error)
{
    err_set_callback(on_library_log, NULL);
    err_set_logfp(NULL); /* of this thread */
    last_complaint[0] = '\0';
    ps_decoder_t *ps = start(model);
    ngram_model_t *words = ps ? read_model(ps, model->language_model, NGRAM_AUTO) : NULL;
    if (words && search_with(ps, words))
        return decoder_new(ps, words);
    ngram_model_free(words);
    ps_free(ps);
    dub_error_set_stage(error, DUB_ERROR_UNAVAILABLE, DUB_STAGE_ASR,
                        "the model in %s cannot be loaded (%s): reinstall it or set STS_ASR_MODEL",
                        model->directory, complaint());
    return NULL;
}

static bool knows_word(const char *word, void *user)
{
    char *phones = ps_lookup_word(user, word);
    bool known = phones != NULL;
    sphinx_free_phones(phones);
    return known;
}

/* Words that stay unknown are left out of the language model afterwards. */
static void add_unknown_words(ps_decoder_t *ps, const struct hints *hints)
{
    for (guint i = 0; i < hints->phrases->len; i++) {
        const GArray *phrase = hints->phrases->pdata[i];
        for (guint j = 0; j < phrase->len; j++) {
            const struct hint_word *word = &g_array_index(phrase, struct hint_word, j);
            g_autofree char *phones = knows_word(word->text, ps) ? NULL : pronounce(word->spoken);
            if (phones)
                ps_add_word(ps, word->text, phones, FALSE);
        }
    }
}

/* The library reads language models from files only; this one never touches a disk. */
static ngram_model_t *read_arpa(ps_decoder_t *ps, const char *arpa)
{
    int fd = memfd_create("domain-hints", MFD_CLOEXEC);
    if (fd < 0)
        return NULL;
    size_t size = strlen(arpa);
    g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", fd);
    ngram_model_t *model = NULL;
    if (write(fd, arpa, size) == (ssize_t)size)
        model = read_model(ps, path, NGRAM_ARPA);
    close(fd);
    return model;
}

/* The plain decoder's model beside the hints': of the two opinions about a word the better one counts. */
static bool search_with_both(ps_decoder_t *ps, ngram_model_t *plain, ngram_model_t *hints)
{
    ngram_model_t *models[] = {plain, hints};
    char *names[] = {(char *)"plain", (char *)"hints"};
    const float32 weights[] = {1.0f, 1.0f};
    ngram_model_t *joint = ngram_model_set_init(ps_get_config(ps), models, names, weights, 2);
    bool done = joint && search_with(ps, joint);
    ngram_model_free(joint);
    return done;
}

static bool add_hints(ps_decoder_t *ps, ngram_model_t *plain, const struct hints *hints)
{
    add_unknown_words(ps, hints);
    g_autofree char *arpa = hints_language_model(hints, HINT_PROBABILITY, knows_word, ps);
    ngram_model_t *model = arpa ? read_arpa(ps, arpa) : NULL;
    bool done = model && search_with_both(ps, plain, model);
    ngram_model_free(model);
    return done;
}

struct sphinx_decoder *sphinx_decoder_load_with_hints(const struct sphinx_model *model,
                                                      const struct sphinx_decoder *plain,
                                                      const struct hints *hints, struct dub_error *error)
{
    last_complaint[0] = '\0';
    ps_decoder_t *ps = start(model);
    if (ps && add_hints(ps, plain->language_model, hints))
        return decoder_new(ps, NULL);
    ps_free(ps);
    dub_error_set_stage(error, DUB_ERROR_UNAVAILABLE, DUB_STAGE_ASR,
                        "the domain hints cannot be made a vocabulary (%s)", complaint());
    return NULL;
}

void sphinx_decoder_free(struct sphinx_decoder *decoder)
{
    if (!decoder)
        return;
    ps_free(decoder->ps);
    ngram_model_free(decoder->language_model);
    g_free(decoder);
}

static bool allocate(struct cepstra *cepstra, fe_t *front_end, size_t samples)
{
    int shift = 0;
    int window = 0;
    fe_get_input_size(front_end, &shift, &window);
    int size = fe_get_output_size(front_end);
    if (shift <= 0 || size <= 0 || samples > INT_MAX)
        return false;
    /* One more for the overlapping start, one for what fe_end_utt() makes of the rest. */
    cepstra->count = (int)samples / shift + 2;
    cepstra->size = size;
    cepstra->values = g_new0(mfcc_t, (size_t)cepstra->count * (size_t)size);
    cepstra->frames = g_new0(mfcc_t *, (size_t)cepstra->count);
    for (int i = 0; i < cepstra->count; i++)
        cepstra->frames[i] = cepstra->values + (size_t)i * (size_t)size;
    return true;
}

static int process(struct cepstra *cepstra, fe_t *front_end, const struct pcm *audio)
{
    const int16 *at = audio->samples;
    size_t left = audio->count;
    int count = 0;
    sphinx_fe_start(front_end);
    while (left > 0 && count < cepstra->count - 1) {
        int32 made = cepstra->count - 1 - count;
        if (sphinx_fe_process(front_end, &at, &left, cepstra->frames + count, &made) < 0)
            return -1;
        if (made == 0)
            break;
        count += made;
    }
    int32 rest = 0;
    fe_end_utt(front_end, cepstra->frames[count], &rest);
    return count + rest;
}

static void cepstra_clear(struct cepstra *cepstra)
{
    g_free(cepstra->values);
    g_free(cepstra->frames);
    *cepstra = (struct cepstra){0};
}

static bool cepstra_compute(struct cepstra *cepstra, fe_t *front_end, const struct pcm *audio,
                            struct dub_error *error)
{
    if (!allocate(cepstra, front_end, audio->count))
        return dub_error_set_stage(error, DUB_ERROR_MODEL_ERROR, DUB_STAGE_ASR,
                                   "the acoustic model has no usable front end");
    cepstra->count = process(cepstra, front_end, audio);
    if (cepstra->count >= 0)
        return true;
    cepstra_clear(cepstra);
    return dub_error_set_stage(error, DUB_ERROR_MODEL_ERROR, DUB_STAGE_ASR,
                               "the front end refused the audio");
}

/* False when nobody waits any more. */
static bool search(ps_decoder_t *ps, struct cepstra *cepstra, const int *abandoned)
{
    for (int at = 0; at < cepstra->count; at += BLOCK_FRAMES) {
        if (g_atomic_int_get(abandoned))
            return false;
        ps_process_cep(ps, cepstra->frames + at, MIN(BLOCK_FRAMES, cepstra->count - at), FALSE, FALSE);
    }
    return true;
}

/* An abandoned utterance is ended too, over what it has: the decoder must be ready for the next. */
static bool run(ps_decoder_t *ps, struct cepstra *cepstra, const int *abandoned, struct dub_error *error)
{
    if (ps_start_utt(ps) < 0)
        return dub_error_set_stage(error, DUB_ERROR_MODEL_ERROR, DUB_STAGE_ASR,
                                   "the utterance could not be started");
    bool searched = search(ps, cepstra, abandoned);
    if (ps_end_utt(ps) < 0)
        return dub_error_set_stage(error, DUB_ERROR_MODEL_ERROR, DUB_STAGE_ASR,
                                   "the utterance could not be ended");
    if (!searched)
        return dub_error_set_stage(error, DUB_ERROR_CANCELLED, DUB_STAGE_ASR, "cancelled by the caller");
    return true;
}

/* <s>, <sil>, [NOISE], ++COUGH++ */
static bool is_filler(const char *word)
{
    return word[0] == '<' || word[0] == '[' || word[0] == '+';
}

/* "read(2)" -> "read" */
static char *plain_word(const char *word)
{
    const char *variant = strchr(word, '(');
    return variant && variant != word ? g_strndup(word, (gsize)(variant - word)) : g_strdup(word);
}

/* Returns the acoustic score, in the units of struct evidence but summed over the word's frames. */
static double add_segment(struct asr_transcript *transcript, ps_decoder_t *ps, ps_seg_t *segment)
{
    g_autofree char *word = plain_word(ps_seg_word(segment));
    int acoustic = 0;
    int posterior = ps_seg_prob(segment, &acoustic, NULL, NULL);
    double confidence = CLAMP(logmath_exp(ps_get_logmath(ps), posterior), 0.0, 1.0);
    int start_frame = 0;
    int end_frame = 0;
    ps_seg_frames(segment, &start_frame, &end_frame);
    asr_transcript_add_word(transcript, word, start_frame * FRAME_MS, (end_frame + 1) * FRAME_MS, confidence);
    return acoustic / SENONE_SCALE;
}

static int64_t spoken_ms(const struct asr_transcript *transcript)
{
    int64_t sum_ms = 0;
    for (guint i = 0; transcript->words && i < transcript->words->len; i++) {
        const struct asr_word *word = &g_array_index(transcript->words, struct asr_word, i);
        sum_ms += word->end_ms - word->start_ms;
    }
    return sum_ms;
}

/* Returns the mean acoustic score of the words. */
static double read_words(ps_decoder_t *ps, struct asr_transcript *transcript)
{
    double acoustic = 0.0;
    for (ps_seg_t *segment = ps_seg_iter(ps); segment; segment = ps_seg_next(segment))
        if (!is_filler(ps_seg_word(segment)))
            acoustic += add_segment(transcript, ps, segment);
    return acoustic * FRAME_MS / (double)MAX(spoken_ms(transcript), FRAME_MS);
}

/* The words' text and mean confidence, or nothing where they are no speech. */
static void judge(struct asr_transcript *transcript, int64_t decoded_ms, double acoustic)
{
    struct evidence evidence = {.words = transcript->words, .decoded_ms = decoded_ms, .acoustic = acoustic};
    if (evidence_is_no_speech(&evidence)) {
        asr_transcript_clear(transcript);
        transcript->no_speech = true;
        transcript->confidence = 1.0;
        return;
    }
    GString *text = g_string_new(NULL);
    double sum = 0.0;
    for (guint i = 0; i < transcript->words->len; i++) {
        const struct asr_word *word = &g_array_index(transcript->words, struct asr_word, i);
        g_string_append_printf(text, "%s%s", i > 0 ? " " : "", word->text);
        sum += word->confidence;
    }
    transcript->text = g_string_free(text, FALSE);
    transcript->confidence = sum / transcript->words->len;
}

bool sphinx_decoder_decode(struct sphinx_decoder *decoder, const struct pcm *audio,
                           struct channel_means *means, const char *session_id, const int *abandoned,
                           struct asr_transcript *transcript, struct dub_error *error)
{
    struct cepstra cepstra = {0};
    if (!cepstra_compute(&cepstra, ps_get_fe(decoder->ps), audio, error))
        return false;
    channel_means_normalise(means, session_id, cepstra.frames, cepstra.count, cepstra.size);
    bool done = run(decoder->ps, &cepstra, abandoned, error);
    cepstra_clear(&cepstra);
    if (!done)
        return false;
    double acoustic = read_words(decoder->ps, transcript);
    judge(transcript, pcm_duration_ms(audio), acoustic);
    return true;
}
