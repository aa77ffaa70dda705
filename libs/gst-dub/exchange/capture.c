/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "capture.h"

#include <dubbing_bytes.h>
#include <dubbing_clock.h>
#include <dubbing_file.h>
#include <dubbing_log.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#define MAX_WAITING 64
#define MAX_WAITING_BYTES (INT64_C(32) << 20)
#define STOP_WAIT_NS DUB_NS_PER_S
#define NUMBERS_KEPT 256 /* of fragments whose answer may still come; far more than are ever in flight */
#define NAME_DIGITS 6

struct file {
    char *fragment_id;
    const char *kind; /* "in", "out", "late" */
    enum dub_audio_format format;
    int rate_hz, channels;
    GBytes *data;
};

/* Shared by the owner and the thread, which may have to be left behind: whoever is the last frees it. */
struct dub_capture {
    struct dub_capture_config config;
    char *folder, *stream_id;
    pthread_mutex_t lock; /* guards what follows, up to the thread's own */
    pthread_cond_t changed;
    GQueue waiting; /* of struct file */
    int64_t waiting_bytes;
    bool stopping, ended;
    uint64_t n_dropped; /* since it was last said */
    /* The thread's own. */
    GHashTable *numbers; /* fragment id -> its number */
    GQueue order;        /* the ids of it, oldest first, borrowed */
    unsigned last_number;
    bool refused; /* the disk has refused, and that has been said */
};

static void free_file(struct file *file)
{
    g_free(file->fragment_id);
    g_bytes_unref(file->data);
    g_free(file);
}

static void clear_capture(void *data)
{
    struct dub_capture *capture = data;
    g_queue_clear_full(&capture->waiting, (GDestroyNotify)free_file);
    g_queue_clear(&capture->order);
    g_hash_table_unref(capture->numbers);
    pthread_cond_destroy(&capture->changed);
    pthread_mutex_destroy(&capture->lock);
    g_free(capture->folder);
    g_free(capture->stream_id);
}

/* ---- the thread ---- */

/* A run may have had a worker before this one. */
static void find_last_number(struct dub_capture *capture)
{
    GDir *dir = g_dir_open(capture->folder, 0, NULL);
    for (const char *name; dir != NULL && (name = g_dir_read_name(dir)) != NULL;) {
        if (strspn(name, "0123456789") >= NAME_DIGITS)
            capture->last_number = MAX(capture->last_number, (unsigned)g_ascii_strtoull(name, NULL, 10));
    }
    if (dir != NULL)
        g_dir_close(dir);
}

static void forget_oldest(struct dub_capture *capture)
{
    const char *oldest = g_queue_pop_head(&capture->order);
    g_hash_table_remove(capture->numbers, oldest);
}

static unsigned number_of(struct dub_capture *capture, const char *fragment_id)
{
    unsigned number = GPOINTER_TO_UINT(g_hash_table_lookup(capture->numbers, fragment_id));
    if (number > 0)
        return number;
    char *id = g_strdup(fragment_id);
    number = ++capture->last_number;
    g_hash_table_insert(capture->numbers, id, GUINT_TO_POINTER(number));
    g_queue_push_tail(&capture->order, id);
    if (capture->order.length > NUMBERS_KEPT)
        forget_oldest(capture);
    return number;
}

static char *path_of(struct dub_capture *capture, const struct file *file)
{
    return g_strdup_printf("%s/%0*u-%s.%s.%s", capture->folder, NAME_DIGITS,
                           number_of(capture, file->fragment_id), file->fragment_id, file->kind,
                           file->format == DUB_FORMAT_PCM_S16LE ? "wav" : "m4a");
}

/* RIFF WAVE with 16-bit PCM: Microsoft, "Multimedia Programming Interface and Data Specifications 1.0". */
static GByteArray *make_wav(const struct file *file)
{
    gsize size = g_bytes_get_size(file->data);
    unsigned frame_bytes = (unsigned)file->channels * 2;
    GByteArray *wav = g_byte_array_sized_new((guint)size + 44);
    dub_write_bytes(wav, "RIFF", 4);
    dub_write_le32(wav, (uint32_t)size + 36);
    dub_write_bytes(wav, "WAVEfmt ", 8);
    dub_write_le32(wav, 16);
    dub_write_le16(wav, 1);
    dub_write_le16(wav, (uint16_t)file->channels);
    dub_write_le32(wav, (uint32_t)file->rate_hz);
    dub_write_le32(wav, (uint32_t)file->rate_hz * frame_bytes);
    dub_write_le16(wav, (uint16_t)frame_bytes);
    dub_write_le16(wav, 16);
    dub_write_bytes(wav, "data", 4);
    dub_write_le32(wav, (uint32_t)size);
    dub_write_bytes(wav, g_bytes_get_data(file->data, NULL), size);
    return wav;
}

static bool write_file(struct dub_capture *capture, const struct file *file, struct dub_error *error)
{
    g_autofree char *path = path_of(capture, file);
    if (!dub_dir_ensure(capture->folder, error))
        return false;
    if (file->format != DUB_FORMAT_PCM_S16LE) {
        gsize size = 0;
        const void *data = g_bytes_get_data(file->data, &size);
        return capture->config.write_file(path, data, size, error);
    }
    g_autoptr(GByteArray) wav = make_wav(file);
    return capture->config.write_file(path, wav->data, wav->len, error);
}

static void note_outcome(struct dub_capture *capture, bool written, const struct dub_error *error)
{
    struct dub_log_context context = {.stream_id = capture->stream_id};
    if (written && capture->refused)
        dub_log(DUB_LOG_INFO, &context, "audio is captured to %s again", capture->folder);
    if (!written && !capture->refused)
        dub_log(DUB_LOG_WARN, &context, "audio cannot be captured to %s: %s; the stream goes on without",
                capture->folder, error->message);
    capture->refused = !written;
}

/* Said once per stretch without room. */
static void note_dropped(struct dub_capture *capture, uint64_t n_dropped)
{
    struct dub_log_context context = {.stream_id = capture->stream_id};
    if (n_dropped > 0)
        dub_log(DUB_LOG_WARN, &context, "%s is too slow: %" G_GUINT64_FORMAT " audio files were left out",
                capture->folder, n_dropped);
}

/* NULL: the end. */
static struct file *next_file(struct dub_capture *capture, uint64_t *n_dropped)
{
    pthread_mutex_lock(&capture->lock);
    while (capture->waiting.length == 0 && !capture->stopping)
        pthread_cond_wait(&capture->changed, &capture->lock);
    struct file *file = g_queue_pop_head(&capture->waiting);
    if (file != NULL)
        capture->waiting_bytes -= (int64_t)g_bytes_get_size(file->data);
    *n_dropped = capture->waiting.length == 0 ? capture->n_dropped : 0;
    if (*n_dropped > 0)
        capture->n_dropped = 0;
    pthread_mutex_unlock(&capture->lock);
    return file;
}

static void *serve(void *data)
{
    struct dub_capture *capture = data;
    uint64_t n_dropped = 0;
    find_last_number(capture);
    for (struct file *file; (file = next_file(capture, &n_dropped)) != NULL; free_file(file)) {
        struct dub_error error = {0};
        note_dropped(capture, n_dropped);
        note_outcome(capture, write_file(capture, file, &error), &error);
    }
    note_dropped(capture, n_dropped);
    pthread_mutex_lock(&capture->lock);
    capture->ended = true;
    pthread_cond_broadcast(&capture->changed);
    pthread_mutex_unlock(&capture->lock);
    g_atomic_rc_box_release_full(capture, clear_capture);
    return NULL;
}

/* ---- the owner ---- */

static void init_lock(struct dub_capture *capture)
{
    pthread_condattr_t attributes;
    pthread_mutex_init(&capture->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&capture->changed, &attributes);
    pthread_condattr_destroy(&attributes);
}

static void copy_config(struct dub_capture *capture, const struct dub_capture_config *config)
{
    struct dub_capture_config *copy = &capture->config;
    *copy = *config;
    capture->folder = g_strdup(config->folder);
    capture->stream_id = g_strdup(config->stream_id);
    copy->max_waiting = config->max_waiting > 0 ? config->max_waiting : MAX_WAITING;
    copy->max_waiting_bytes = config->max_waiting_bytes > 0 ? config->max_waiting_bytes : MAX_WAITING_BYTES;
    copy->stop_wait_ns = config->stop_wait_ns > 0 ? config->stop_wait_ns : STOP_WAIT_NS;
    if (copy->write_file == NULL)
        copy->write_file = dub_file_write_atomic;
}

struct dub_capture *dub_capture_new(const struct dub_capture_config *config)
{
    if (config->folder == NULL || *config->folder == '\0')
        return NULL;
    struct dub_capture *capture = g_atomic_rc_box_new0(struct dub_capture);
    copy_config(capture, config);
    capture->numbers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_queue_init(&capture->waiting);
    g_queue_init(&capture->order);
    init_lock(capture);
    g_thread_unref(g_thread_new("capture", serve, g_atomic_rc_box_acquire(capture)));
    return capture;
}

/* Lock held. One file is always taken, however large. */
static bool has_room(const struct dub_capture *capture, int64_t bytes)
{
    return capture->waiting.length == 0 ||
           (capture->waiting.length < capture->config.max_waiting &&
            capture->waiting_bytes + bytes <= capture->config.max_waiting_bytes);
}

static void post(struct dub_capture *capture, const char *fragment_id, const char *kind,
                 const struct dub_audio *audio)
{
    if (capture == NULL || audio->data == NULL || g_bytes_get_size(audio->data) == 0)
        return;
    int64_t bytes = (int64_t)g_bytes_get_size(audio->data);
    pthread_mutex_lock(&capture->lock);
    if (has_room(capture, bytes)) {
        struct file *file = g_new(struct file, 1);
        *file = (struct file){g_strdup(fragment_id), kind,
                              audio->format,         audio->sample_rate_hz,
                              audio->channels,       g_bytes_ref(audio->data)};
        g_queue_push_tail(&capture->waiting, file);
        capture->waiting_bytes += bytes;
        pthread_cond_broadcast(&capture->changed);
    } else {
        capture->n_dropped++;
    }
    pthread_mutex_unlock(&capture->lock);
}

void dub_capture_sent(struct dub_capture *capture, const char *fragment_id, const struct dub_audio *audio)
{
    post(capture, fragment_id, "in", audio);
}

void dub_capture_received(struct dub_capture *capture, const char *fragment_id, const struct dub_audio *audio)
{
    post(capture, fragment_id, "out", audio);
}

void dub_capture_received_late(struct dub_capture *capture, const char *fragment_id,
                               const struct dub_audio *audio)
{
    post(capture, fragment_id, "late", audio);
}

void dub_capture_free(struct dub_capture *capture)
{
    if (capture == NULL)
        return;
    int64_t until_ns = dub_clock_now_ns(dub_clock_monotonic()) + capture->config.stop_wait_ns;
    struct timespec until = {.tv_sec = (time_t)(until_ns / DUB_NS_PER_S),
                             .tv_nsec = (long)(until_ns % DUB_NS_PER_S)};
    int result = 0;
    pthread_mutex_lock(&capture->lock);
    capture->stopping = true;
    pthread_cond_broadcast(&capture->changed);
    while (!capture->ended && result == 0)
        result = pthread_cond_timedwait(&capture->changed, &capture->lock, &until);
    /* A thread that is left behind has nothing more to do than what it is stuck in. */
    g_queue_clear_full(&capture->waiting, (GDestroyNotify)free_file);
    pthread_mutex_unlock(&capture->lock);
    g_atomic_rc_box_release_full(capture, clear_capture);
}
