/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "espeak_process.h"

#include <dubbing_log.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define STEP_MS 20
#define START_TIMEOUT_NS (5 * DUB_NS_PER_S)
#define MAX_ANSWER_BYTES (64u << 10)

struct espeak_process {
    pid_t pid;
    int fd; /* a socket: writing to a dead one must not raise SIGPIPE */
    bool is_broken;
    int rate_hz;
    GStrv lines; /* of its greeting: rate, version, languages */
};

/* Tests and tools lie a folder deeper than the programs. */
static char *find_helper(void)
{
    static const char *const folders[] = {".", ".."};
    g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
    g_autofree char *folder = g_path_get_dirname(self ? self : "");
    for (gsize i = 0; i < G_N_ELEMENTS(folders); i++) {
        g_autofree char *path = g_build_filename(folder, folders[i], ESPEAK_HELPER, NULL);
        if (g_file_test(path, G_FILE_TEST_IS_EXECUTABLE))
            return g_steal_pointer(&path);
    }
    return g_strdup(ESPEAK_HELPER);
}

/* Takes fd. */
static bool spawn(struct espeak_process *process, const char *program, int fd, struct dub_error *error)
{
    g_autofree char *found = program ? NULL : find_helper();
    const char *const command[] = {program ? program : found, NULL};
    GError *failure = NULL;
    GSpawnFlags flags = G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDERR_TO_DEV_NULL;
    bool done = g_spawn_async_with_pipes_and_fds(NULL, command, NULL, flags, NULL, NULL, fd, fd, -1, NULL,
                                                 NULL, 0, &process->pid, NULL, NULL, NULL, &failure);
    close(fd);
    return done || dub_error_take_gerror(error, DUB_ERROR_UNAVAILABLE, ESPEAK_HELPER, &failure);
}

/* Its death follows the end of its output at once, and a second one changes nothing. */
static char *bury(struct espeak_process *process)
{
    int status = 0;
    kill(process->pid, SIGKILL);
    while (waitpid(process->pid, &status, 0) < 0 && errno == EINTR)
        ;
    process->pid = 0;
    return WIFSIGNALED(status) ? g_strdup_printf("signal %d", WTERMSIG(status))
                               : g_strdup_printf("exit code %d", WEXITSTATUS(status));
}

static bool ended(struct espeak_process *process, struct dub_error *error)
{
    g_autofree char *why = bury(process);
    dub_log_warn("a process of eSpeak NG has ended: %s", why);
    return dub_error_set_stage(error, DUB_ERROR_MODEL_ERROR, DUB_STAGE_TTS, "eSpeak NG has ended: %s", why);
}

/* Until the socket is ready, for a step at most. */
static bool wait_for(struct espeak_process *process, short events, const struct engine_call *call,
                     struct dub_error *error)
{
    struct pollfd fd = {.fd = process->fd, .events = events};
    if (!engine_call_go_on(call, DUB_STAGE_TTS, error))
        return false;
    poll(&fd, 1, MAX(engine_call_left_ms(call, STEP_MS), 1));
    return true;
}

static bool may_go_on(ssize_t moved)
{
    return moved > 0 || (moved < 0 && (errno == EAGAIN || errno == EINTR));
}

static bool send_all(struct espeak_process *process, const void *from, size_t size,
                     const struct engine_call *call, struct dub_error *error)
{
    for (const char *at = from; size > 0;) {
        if (!wait_for(process, POLLOUT, call, error))
            return false;
        ssize_t sent = send(process->fd, at, size, MSG_NOSIGNAL);
        if (!may_go_on(sent))
            return ended(process, error);
        at += MAX(sent, 0);
        size -= (size_t)MAX(sent, 0);
    }
    return true;
}

static bool receive_all(struct espeak_process *process, void *to, size_t size, const struct engine_call *call,
                        struct dub_error *error)
{
    for (char *at = to; size > 0;) {
        if (!wait_for(process, POLLIN, call, error))
            return false;
        ssize_t got = recv(process->fd, at, size, 0);
        if (!may_go_on(got))
            return ended(process, error);
        at += MAX(got, 0);
        size -= (size_t)MAX(got, 0);
    }
    return true;
}

/* The next answer; its bytes replace those in data. */
static bool receive_answer(struct espeak_process *process, enum espeak_answer_kind *kind, GByteArray *data,
                           const struct engine_call *call, struct dub_error *error)
{
    struct espeak_answer header;
    if (!receive_all(process, &header, sizeof header, call, error))
        return false;
    if (header.bytes > MAX_ANSWER_BYTES || header.kind > ESPEAK_FAILED)
        return dub_error_set_stage(error, DUB_ERROR_MODEL_ERROR, DUB_STAGE_TTS,
                                   "%s does not speak our language: install the one of this version",
                                   ESPEAK_HELPER);
    *kind = header.kind;
    g_byte_array_set_size(data, header.bytes);
    return receive_all(process, data->data, header.bytes, call, error);
}

/* The terms of the call, but no longer than a start may take. */
static struct engine_call greeting_of(const struct engine_call *call)
{
    struct engine_call greeting = *call;
    int64_t latest_ns = dub_clock_now_ns(dub_clock_monotonic()) + START_TIMEOUT_NS;
    greeting.deadline_ns = call->deadline_ns > 0 ? MIN(call->deadline_ns, latest_ns) : latest_ns;
    return greeting;
}

static bool greet(struct espeak_process *process, const struct engine_call *call, struct dub_error *error)
{
    struct engine_call greeting = greeting_of(call);
    g_autoptr(GByteArray) data = g_byte_array_new();
    enum espeak_answer_kind kind = ESPEAK_FAILED;
    bool greeted = receive_answer(process, &kind, data, &greeting, error) && kind == ESPEAK_READY;
    g_autofree char *text = g_strndup(data->data ? (const char *)data->data : "", data->len);
    process->lines = g_strsplit(greeted ? g_strchomp(text) : "", "\n", -1);
    if (greeted && g_strv_length(process->lines) > 2) {
        process->rate_hz = atoi(process->lines[0]);
        return true;
    }
    if (!engine_call_go_on(call, DUB_STAGE_TTS, error))
        return false;
    return dub_error_set_stage(
        error, DUB_ERROR_UNAVAILABLE, DUB_STAGE_TTS,
        "eSpeak NG cannot start: install the packages libespeak-ng1 and espeak-ng-data");
}

struct espeak_process *espeak_process_start(const char *program, const struct engine_call *call,
                                            struct dub_error *error)
{
    int sockets[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0) {
        dub_error_set_errno(error, DUB_ERROR_UNAVAILABLE, errno, "making a socket pair");
        return NULL;
    }
    struct espeak_process *process = g_new0(struct espeak_process, 1);
    process->fd = sockets[0];
    if (spawn(process, program, sockets[1], error) && fcntl(process->fd, F_SETFL, O_NONBLOCK) == 0 &&
        greet(process, call, error))
        return process;
    espeak_process_free(process);
    return NULL;
}

void espeak_process_free(struct espeak_process *process)
{
    if (!process)
        return;
    close(process->fd);
    if (process->pid != 0)
        g_free(bury(process));
    g_strfreev(process->lines);
    g_free(process);
}

int espeak_process_rate_hz(const struct espeak_process *process)
{
    return process->rate_hz;
}

const char *espeak_process_version(const struct espeak_process *process)
{
    return process->lines[1];
}

const char *const *espeak_process_languages(const struct espeak_process *process)
{
    return (const char *const *)process->lines + 2;
}

static bool ask(struct espeak_process *process, enum espeak_wish wish, const struct espeak_phrase *phrase,
                const struct engine_call *call, struct dub_error *error)
{
    struct espeak_question question = {
        .wish = wish,
        .voice_bytes = (uint32_t)strlen(phrase->voice),
        .text_bytes = (uint32_t)strlen(phrase->text),
        .words_per_minute = phrase->words_per_minute,
        .pitch = phrase->pitch,
        .pitch_range = phrase->pitch_range,
    };
    g_autoptr(GByteArray) data = g_byte_array_new();
    g_byte_array_append(data, (const guint8 *)&question, sizeof question);
    g_byte_array_append(data, (const guint8 *)phrase->voice, question.voice_bytes);
    g_byte_array_append(data, (const guint8 *)phrase->text, question.text_bytes);
    return send_all(process, data->data, data->len, call, error);
}

static bool conclude(enum espeak_answer_kind kind, const char *voice, struct dub_error *error)
{
    if (kind == ESPEAK_NO_VOICE)
        return dub_error_set_stage(error, DUB_ERROR_TTS_SYNTHESIS_FAILED, DUB_STAGE_TTS,
                                   "eSpeak NG has no voice \"%s\"", voice);
    return kind == ESPEAK_DONE ||
           dub_error_set_stage(error, DUB_ERROR_TTS_SYNTHESIS_FAILED, DUB_STAGE_TTS, "eSpeak NG failed");
}

/* Whoever is told what comes; false ends it. */
typedef bool on_part(struct espeak_process *process, const GByteArray *part, void *user,
                     struct dub_error *error);

/* False with is_broken set: out of step. */
static bool listen_to(struct espeak_process *process, const char *voice, enum espeak_answer_kind parts,
                      on_part *told, void *user, const struct engine_call *call, struct dub_error *error)
{
    enum espeak_answer_kind kind = parts;
    g_autoptr(GByteArray) data = g_byte_array_new();
    while (receive_answer(process, &kind, data, call, error)) {
        if (kind != parts) {
            process->is_broken = false;
            return conclude(kind, voice, error);
        }
        if (!told(process, data, user, error))
            return false;
    }
    return false;
}

static bool check_sizes(const char *voice, const char *text, struct dub_error *error)
{
    if (strlen(voice) <= ESPEAK_MAX_VOICE_BYTES && strlen(text) <= ESPEAK_MAX_TEXT_BYTES)
        return true;
    return dub_error_set_stage(error, DUB_ERROR_TTS_SYNTHESIS_FAILED, DUB_STAGE_TTS,
                               "the text or the voice's name is too long");
}

struct sound {
    GArray *samples;
    guint max_samples;
};

static bool on_sound(struct espeak_process *process, const GByteArray *part, void *user,
                     struct dub_error *error)
{
    struct sound *sound = user;
    guint count = part->len / (guint)sizeof(int16_t);
    if (sound->samples->len + count > sound->max_samples)
        return dub_error_set_stage(error, DUB_ERROR_TTS_SYNTHESIS_FAILED, DUB_STAGE_TTS,
                                   "the text takes longer than %u s to speak",
                                   sound->max_samples / (guint)process->rate_hz);
    g_array_append_vals(sound->samples, part->data, count);
    return true;
}

bool espeak_process_speak(struct espeak_process *process, const struct espeak_phrase *phrase,
                          const struct engine_call *call, GArray *samples, struct dub_error *error)
{
    struct sound sound = {.samples = samples, .max_samples = phrase->max_samples};
    if (!check_sizes(phrase->voice, phrase->text, error))
        return false;
    process->is_broken = true; /* until the answer has come to its end */
    return ask(process, ESPEAK_WANT_SOUND, phrase, call, error) &&
           listen_to(process, phrase->voice, ESPEAK_SOUND, on_sound, &sound, call, error);
}

struct clauses {
    espeak_on_clause *on_clause;
    void *user;
};

static bool on_clause(struct espeak_process *process, const GByteArray *part, void *user,
                      struct dub_error *error)
{
    const struct clauses *clauses = user;
    const char *bytes = (const char *)part->data;
    if (part->len == 0 || !*bytes || !strchr(ESPEAK_ENDS, *bytes) ||
        !g_utf8_validate(bytes + 1, (gssize)part->len - 1, NULL))
        return dub_error_set_stage(error, DUB_ERROR_MODEL_ERROR, DUB_STAGE_TTS,
                                   "eSpeak NG gave phonemes that are none");
    g_autofree char *phonemes = g_strndup(bytes + 1, part->len - 1);
    clauses->on_clause(phonemes, *bytes, clauses->user);
    return true;
}

bool espeak_process_phonemes(struct espeak_process *process, const char *voice, const char *text,
                             const struct engine_call *call, espeak_on_clause *told, void *user,
                             struct dub_error *error)
{
    struct espeak_phrase phrase = {.voice = voice, .text = text};
    struct clauses clauses = {.on_clause = told, .user = user};
    if (!check_sizes(voice, text, error))
        return false;
    process->is_broken = true;
    return ask(process, ESPEAK_WANT_PHONEMES, &phrase, call, error) &&
           listen_to(process, voice, ESPEAK_CLAUSE, on_clause, &clauses, call, error);
}

bool espeak_process_is_broken(const struct espeak_process *process)
{
    return process->is_broken;
}

pid_t espeak_process_pid(const struct espeak_process *process)
{
    return process->pid;
}
