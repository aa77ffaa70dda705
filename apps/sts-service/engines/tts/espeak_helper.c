/* SPDX-License-Identifier: GPL-3.0-or-later */
/* eSpeak NG in a process of its own: `sts-espeak`, started by sts-service and asked over its standard input
 * and output, which are one socket (espeak_wire.h).
 *
 * Version 1.51 reads memory that it has not written, for quite ordinary sentences, and is not safe against
 * every text; in here it takes at most one phrase with it. It lives until its input ends. */
#include "espeak_wire.h"

#include <errno.h>
#include <espeak-ng/speak_lib.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char voice_now[ESPEAK_MAX_VOICE_BYTES + 1];

static bool read_all(void *to, size_t size)
{
    for (char *at = to; size > 0;) {
        ssize_t got = read(STDIN_FILENO, at, size);
        if (got == 0 || (got < 0 && errno != EINTR))
            return false;
        at += got > 0 ? got : 0;
        size -= got > 0 ? (size_t)got : 0;
    }
    return true;
}

/* Whoever does not listen any more does not need us any more. */
static void write_all(const void *from, size_t size)
{
    for (const char *at = from; size > 0;) {
        ssize_t sent = write(STDOUT_FILENO, at, size);
        if (sent < 0 && errno != EINTR)
            exit(EXIT_SUCCESS);
        at += sent > 0 ? sent : 0;
        size -= sent > 0 ? (size_t)sent : 0;
    }
}

static void answer(enum espeak_answer_kind kind, const void *data, size_t size)
{
    struct espeak_answer header = {.kind = kind, .bytes = (uint32_t)size};
    write_all(&header, sizeof header);
    write_all(data, size);
}

static int on_samples(short *samples, int count, espeak_EVENT *events)
{
    (void)events;
    if (samples && count > 0)
        answer(ESPEAK_SOUND, samples, (size_t)count * sizeof *samples);
    return 0;
}

/* A voice's language list: a priority byte and a string, again and again, ended by a zero. The first is its
 * own. */
static void say_ready(int rate_hz)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        exit(EXIT_FAILURE);
    fprintf(out, "%d\n%s\n", rate_hz, espeak_Info(NULL));
    const espeak_VOICE **voices = espeak_ListVoices(NULL);
    for (; voices && *voices; voices++)
        fprintf(out, "%s\n", (*voices)->languages + 1);
    fclose(out);
    answer(ESPEAK_READY, text, size);
    free(text);
}

/* Loading a voice reads files, so the one that is set stays. */
static bool set_voice(const char *name)
{
    if (strcmp(voice_now, name) == 0)
        return true;
    voice_now[0] = '\0';
    if (espeak_SetVoiceByName(name) != EE_OK)
        return false;
    memcpy(voice_now, name, strlen(name) + 1);
    return true;
}

static enum espeak_answer_kind speak(const struct espeak_question *question, const char *text)
{
    espeak_SetParameter(espeakRATE, question->words_per_minute, 0);
    espeak_SetParameter(espeakPITCH, question->pitch, 0);
    espeak_SetParameter(espeakRANGE, question->pitch_range, 0);
    espeak_ERROR result =
        espeak_Synth(text, strlen(text) + 1, 0, POS_CHARACTER, 0, espeakCHARS_UTF8, NULL, NULL);
    return result == EE_OK ? ESPEAK_DONE : ESPEAK_FAILED;
}

#ifdef HAVE_ESPEAK_TERMINATOR
/* Its lower 20 bits: the pause, the intonation (0x1000 comma, 0x2000 question, 0x3000 exclamation), 0x40000 a
 * clause, 0x80000 a sentence. */
static char end_of(int terminator)
{
    static const struct {
        int bits;
        char end;
    } marks[] = {{0x80028, '.'}, {0x82028, '?'}, {0x8302d, '!'},
                 {0x41014, ','}, {0x4001e, ':'}, {0x4101e, ';'}};
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if ((terminator & 0xfffff) == marks[i].bits)
            return marks[i].end;
    return (terminator & 0x80000) != 0 ? '\n' : ' ';
}

static const char *next_clause(const char **text, char *end)
{
    int terminator = 0;
    const char *phonemes = espeak_TextToPhonemesWithTerminator((const void **)text, espeakCHARS_UTF8,
                                                               espeakPHONEMES_IPA, &terminator);
    *end = end_of(terminator);
    return phonemes;
}
#else
static const char *one_back(const char *from, const char *at)
{
    while (at > from && ((unsigned char)at[-1] & 0xc0) == 0x80)
        at--;
    return at > from ? at - 1 : at;
}

/* Versions before 1.52 do not tell. They stand behind the first letter of the clause that follows; before
 * that may be blanks, quotes and brackets. */
static char end_before(const char *from, const char *next)
{
    const char *at = next ? one_back(from, next) : from + strlen(from);
    while (at > from && (strchr(" \n\"'()[]", at[-1]) || ((unsigned char)at[-1] & 0x80)))
        at = one_back(from, at);
    bool mark = at > from && strchr(".?!,:;", at[-1]);
    return mark ? at[-1] : next ? ' ' : '\n';
}

static const char *next_clause(const char **text, char *end)
{
    const char *from = *text;
    const char *phonemes = espeak_TextToPhonemes((const void **)text, espeakCHARS_UTF8, espeakPHONEMES_IPA);
    *end = end_before(from, *text);
    return phonemes;
}
#endif

static enum espeak_answer_kind say_phonemes(const char *text)
{
    static char clause[ESPEAK_MAX_CLAUSE_BYTES];
    while (text && *text != '\0') {
        const char *from = text;
        const char *phonemes = next_clause(&text, clause);
        size_t size = phonemes ? strlen(phonemes) : 0;
        if (size > sizeof clause - 1 || text == from)
            return ESPEAK_FAILED;
        memcpy(clause + 1, phonemes ? phonemes : "", size);
        answer(ESPEAK_CLAUSE, clause, size + 1);
    }
    return ESPEAK_DONE;
}

static enum espeak_answer_kind serve(const struct espeak_question *question, const char *voice,
                                     const char *text)
{
    if (!set_voice(voice))
        return ESPEAK_NO_VOICE;
    if (question->text_bytes == 0)
        return ESPEAK_DONE;
    return question->wish == ESPEAK_WANT_PHONEMES ? say_phonemes(text) : speak(question, text);
}

/* False: there will be no more. */
static bool serve_one(void)
{
    static char voice[ESPEAK_MAX_VOICE_BYTES + 1];
    static char text[ESPEAK_MAX_TEXT_BYTES + 1];
    struct espeak_question question;
    if (!read_all(&question, sizeof question) || question.voice_bytes > ESPEAK_MAX_VOICE_BYTES ||
        question.text_bytes > ESPEAK_MAX_TEXT_BYTES || !read_all(voice, question.voice_bytes) ||
        !read_all(text, question.text_bytes))
        return false;
    voice[question.voice_bytes] = '\0';
    text[question.text_bytes] = '\0';
    answer(serve(&question, voice, text), NULL, 0);
    return true;
}

int main(void)
{
    /* Signals for the service are for it alone: it may still have something to be spoken. */
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    int rate_hz = espeak_Initialize(AUDIO_OUTPUT_SYNCHRONOUS, 0, NULL, espeakINITIALIZE_DONT_EXIT);
    if (rate_hz <= 0)
        return EXIT_FAILURE;
    espeak_SetSynthCallback(on_samples);
    say_ready(rate_hz);
    while (serve_one())
        continue;
    return EXIT_SUCCESS;
}
