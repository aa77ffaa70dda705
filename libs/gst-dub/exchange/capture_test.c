/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "capture.h"

#include "exchange_core_rig.h"

#include <dubbing_bytes.h>
#include <errno.h>
#include <glib/gstdio.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <test_disk.h>

/* Far more than a loaded machine needs. */
#define PATIENT_NS (60 * DUB_NS_PER_S)
#define FIRST "123e4567-e89b-42d3-a456-426614174000"
#define SECOND "223e4567-e89b-42d3-a456-426614174000"

struct fixture {
    char *root;
    char *folder; /* not made */
};

static void set_up(struct fixture *fixture, const void *data)
{
    fixture->root = g_dir_make_tmp("dubbing-test-XXXXXX", NULL);
    fixture->folder = g_build_filename(fixture->root, "run", "audio", NULL);
}

static void remove_tree(const char *path)
{
    GDir *dir = g_dir_open(path, 0, NULL);
    for (const char *name; dir != NULL && (name = g_dir_read_name(dir)) != NULL;) {
        g_autofree char *child = g_build_filename(path, name, NULL);
        remove_tree(child);
    }
    if (dir != NULL)
        g_dir_close(dir);
    g_remove(path);
}

static void tear_down(struct fixture *fixture, const void *data)
{
    remove_tree(fixture->root);
    g_free(fixture->root);
    g_free(fixture->folder);
}

static struct dub_capture *open_capture(const struct fixture *fixture)
{
    return dub_capture_new(&(struct dub_capture_config){
        .folder = fixture->folder, .stream_id = "demo", .stop_wait_ns = PATIENT_NS});
}

static gint compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names in the folder, sorted, joined by a space. */
static char *list(const struct fixture *fixture)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    GDir *dir = g_dir_open(fixture->folder, 0, NULL);
    for (const char *name; dir != NULL && (name = g_dir_read_name(dir)) != NULL;)
        g_ptr_array_add(names, g_strdup(name));
    if (dir != NULL)
        g_dir_close(dir);
    g_ptr_array_sort(names, compare_names);
    g_ptr_array_add(names, NULL);
    return g_strjoinv(" ", (char **)names->pdata);
}

static void assert_files(const struct fixture *fixture, const char *expected)
{
    g_autofree char *names = list(fixture);
    g_assert_cmpstr(names, ==, expected);
}

static void sent(struct dub_capture *capture, const char *fragment_id, const char *samples)
{
    g_autoptr(GBytes) data = g_bytes_new_static(samples, strlen(samples));
    dub_capture_sent(capture, fragment_id, &(struct dub_audio){DUB_FORMAT_PCM_S16LE, 24000, 1, 0, data});
}

static void received(struct dub_capture *capture, const char *fragment_id, const char *samples)
{
    g_autoptr(GBytes) data = g_bytes_new_static(samples, strlen(samples));
    dub_capture_received(capture, fragment_id, &(struct dub_audio){DUB_FORMAT_PCM_S16LE, 24000, 2, 0, data});
}

static void assert_bytes(struct dub_reader *reader, const char *expected)
{
    const uint8_t *bytes = dub_read_bytes(reader, strlen(expected));
    g_assert_true(bytes != NULL && memcmp(bytes, expected, strlen(expected)) == 0);
}

/* By the book, not by our writer. */
static void assert_wav(const struct fixture *fixture, const char *name, unsigned channels,
                       const char *samples)
{
    g_autofree char *path = g_build_filename(fixture->folder, name, NULL);
    g_autofree char *text = NULL;
    gsize size = 0;
    g_assert_true(g_file_get_contents(path, &text, &size, NULL));
    struct dub_reader reader = dub_reader_on(text, size);
    assert_bytes(&reader, "RIFF");
    g_assert_cmpuint(dub_read_le32(&reader), ==, size - 8);
    assert_bytes(&reader, "WAVEfmt ");
    g_assert_cmpuint(dub_read_le32(&reader), ==, 16);
    g_assert_cmpuint(dub_read_le16(&reader), ==, 1);
    g_assert_cmpuint(dub_read_le16(&reader), ==, channels);
    g_assert_cmpuint(dub_read_le32(&reader), ==, 24000);
    g_assert_cmpuint(dub_read_le32(&reader), ==, 24000 * channels * 2);
    g_assert_cmpuint(dub_read_le16(&reader), ==, channels * 2);
    g_assert_cmpuint(dub_read_le16(&reader), ==, 16);
    assert_bytes(&reader, "data");
    g_assert_cmpuint(dub_read_le32(&reader), ==, strlen(samples));
    assert_bytes(&reader, samples);
    g_assert_cmpuint(dub_reader_left(&reader), ==, 0);
    g_assert_false(reader.failed);
}

static void test_a_file_each_way(struct fixture *fixture, const void *data)
{
    struct dub_capture *capture = open_capture(fixture);
    sent(capture, FIRST, "abcd");
    sent(capture, SECOND, "efgh");
    received(capture, SECOND, "ijklmnop");
    received(capture, FIRST, "qrst");
    dub_capture_free(capture);
    assert_files(fixture, "000001-" FIRST ".in.wav 000001-" FIRST ".out.wav 000002-" SECOND
                          ".in.wav 000002-" SECOND ".out.wav");
    assert_wav(fixture, "000001-" FIRST ".in.wav", 1, "abcd");
    assert_wav(fixture, "000002-" SECOND ".out.wav", 2, "ijklmnop");
}

/* Given up, and answered all the same: both runs are there, the usual and the late. */
static void test_late_answers_have_a_name_of_their_own(struct fixture *fixture, const void *data)
{
    struct rig rig;
    struct dub_capture *capture = open_capture(fixture);
    rig_start(&rig, 3);
    exchange_core_set_capture(rig.core, capture);
    rig_connect_ready(&rig, 3);
    rig_submit(&rig, 2);
    rig_answer(&rig, 1);
    rig_pass(&rig, 8 * DUB_NS_PER_S);
    g_assert_cmpint(rig_got_at(&rig, 1)->error.code, ==, DUB_ERROR_TIMEOUT);
    rig_answer(&rig, 0);
    rig_answer(&rig, 0);
    g_autofree char *given_up = g_strdup(rig_sent_at(&rig, 0)->fragment_id);
    g_autofree char *answered = g_strdup(rig_sent_at(&rig, 1)->fragment_id);
    rig_stop(&rig);
    dub_capture_free(capture);
    g_autofree char *expected =
        g_strdup_printf("000001-%s.in.wav 000001-%s.late.wav 000002-%s.in.wav 000002-%s.out.wav", given_up,
                        given_up, answered, answered);
    assert_files(fixture, expected);
}

static void test_numbers_go_on(struct fixture *fixture, const void *data)
{
    struct dub_capture *capture = open_capture(fixture);
    sent(capture, FIRST, "ab");
    dub_capture_free(capture);
    capture = open_capture(fixture);
    sent(capture, SECOND, "cd");
    dub_capture_free(capture);
    assert_files(fixture, "000001-" FIRST ".in.wav 000002-" SECOND ".in.wav");
}

static void test_other_formats_and_nothing(struct fixture *fixture, const void *data)
{
    struct dub_capture *capture = open_capture(fixture);
    g_autoptr(GBytes) m4a = g_bytes_new_static("ftyp", 4);
    g_autoptr(GBytes) empty = g_bytes_new_static("", 0);
    dub_capture_received(capture, FIRST, &(struct dub_audio){DUB_FORMAT_M4A, 24000, 1, 0, m4a});
    dub_capture_received(capture, SECOND, &(struct dub_audio){DUB_FORMAT_PCM_S16LE, 24000, 1, 0, empty});
    dub_capture_received(capture, SECOND, &(struct dub_audio){0});
    dub_capture_free(capture);
    assert_files(fixture, "000001-" FIRST ".out.m4a");
    g_assert_null(dub_capture_new(&(struct dub_capture_config){.folder = ""}));
    sent(NULL, FIRST, "ab");
    dub_capture_free(NULL);
}

/* ---- disks that are slow or refuse ---- */

/* A writer that waits until it is let go, as a disk that does not answer. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool entered, open;
    unsigned n_written;
    bool left;
} disk = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, false, 0, false};

static bool write_when_open(const char *path, const void *data, gsize size, struct dub_error *error)
{
    pthread_mutex_lock(&disk.lock);
    disk.entered = true;
    pthread_cond_broadcast(&disk.changed);
    while (!disk.open)
        pthread_cond_wait(&disk.changed, &disk.lock);
    disk.n_written++;
    pthread_cond_broadcast(&disk.changed);
    pthread_mutex_unlock(&disk.lock);
    return true;
}

static void close_disk(void)
{
    pthread_mutex_lock(&disk.lock);
    disk.entered = disk.open = false;
    disk.n_written = 0;
    pthread_mutex_unlock(&disk.lock);
}

static void wait_until_entered(void)
{
    pthread_mutex_lock(&disk.lock);
    while (!disk.entered)
        pthread_cond_wait(&disk.changed, &disk.lock);
    pthread_mutex_unlock(&disk.lock);
}

static void open_disk(void)
{
    pthread_mutex_lock(&disk.lock);
    disk.open = true;
    pthread_cond_broadcast(&disk.changed);
    pthread_mutex_unlock(&disk.lock);
}

/* Nobody waits for it, what waits is bounded, and what it takes in the end is what there was room for. */
static void test_a_disk_that_does_not_answer(struct fixture *fixture, const void *data)
{
    close_disk();
    struct dub_capture *capture =
        dub_capture_new(&(struct dub_capture_config){.folder = fixture->folder,
                                                     .stream_id = "demo",
                                                     .max_waiting = 3,
                                                     .stop_wait_ns = PATIENT_NS,
                                                     .write_file = write_when_open});
    sent(capture, FIRST, "ab");
    wait_until_entered();
    for (int i = 0; i < 10; i++)
        received(capture, SECOND, "ab");
    open_disk();
    dub_capture_free(capture);
    g_assert_cmpuint(disk.n_written, ==, 4);
}

static void test_bytes_that_wait_are_bounded(struct fixture *fixture, const void *data)
{
    close_disk();
    struct dub_capture *capture =
        dub_capture_new(&(struct dub_capture_config){.folder = fixture->folder,
                                                     .stream_id = "demo",
                                                     .max_waiting_bytes = 10,
                                                     .stop_wait_ns = PATIENT_NS,
                                                     .write_file = write_when_open});
    sent(capture, FIRST, "ab");
    wait_until_entered();
    sent(capture, FIRST, "123456");
    sent(capture, FIRST, "123456");
    sent(capture, FIRST, "1234");
    open_disk();
    dub_capture_free(capture);
    g_assert_cmpuint(disk.n_written, ==, 3);
}

/* The end does not wait for it either, and its thread, once it gets on, does no harm. */
static void test_the_end_does_not_wait(struct fixture *fixture, const void *data)
{
    close_disk();
    struct dub_capture *capture = dub_capture_new(&(struct dub_capture_config){
        .folder = fixture->folder, .stream_id = "demo", .stop_wait_ns = 1, .write_file = write_when_open});
    sent(capture, FIRST, "ab");
    wait_until_entered();
    sent(capture, SECOND, "ab");
    dub_capture_free(capture);
    open_disk();
    pthread_mutex_lock(&disk.lock);
    while (disk.n_written == 0)
        pthread_cond_wait(&disk.changed, &disk.lock);
    g_assert_cmpuint(disk.n_written, ==, 1);
    pthread_mutex_unlock(&disk.lock);
}

/* The real writer, stopped by the kernel in the middle of a file: nothing of it stays. */
static void test_refused_by_the_kernel(struct fixture *fixture, const void *data)
{
    struct rlimit before;
    signal(SIGXFSZ, SIG_IGN);
    g_assert_cmpint(getrlimit(RLIMIT_FSIZE, &before), ==, 0);
    g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &(struct rlimit){47, before.rlim_max}), ==, 0);
    struct dub_capture *capture = open_capture(fixture);
    sent(capture, FIRST, "abcd");
    received(capture, FIRST, "ab");
    dub_capture_free(capture);
    g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &before), ==, 0);
    assert_files(fixture, "000001-" FIRST ".out.wav");
}

static void capture_one(const struct fixture *fixture, const char *fragment_id)
{
    struct dub_capture *capture = open_capture(fixture);
    sent(capture, fragment_id, "abcd");
    sent(capture, fragment_id, "abcd");
    dub_capture_free(capture);
}

/* A file system that is full, then has room, then is read-only. */
static void test_full_and_read_only_disk(struct fixture *fixture, const void *data)
{
    if (!g_test_subprocess()) {
        if (!test_disk_may_mount(fixture->root)) {
            g_test_skip("no right to mount here");
            return;
        }
        g_test_trap_subprocess(NULL, 0, 0);
        g_test_trap_assert_passed();
        /* Once for each disk that refuses, not for each file. */
        g_test_trap_assert_stderr("*cannot be captured*No space*cannot be captured*Read-only*");
        g_test_trap_assert_stderr_unmatched("*cannot be*cannot be*cannot be*");
        return;
    }
    g_assert_true(test_disk_mount(fixture->root, "64k"));
    test_disk_fill(fixture->root);
    capture_one(fixture, FIRST);
    assert_files(fixture, "");
    test_disk_empty(fixture->root);
    capture_one(fixture, FIRST);
    assert_files(fixture, "000001-" FIRST ".in.wav");
    g_assert_true(test_disk_set_read_only(fixture->root, true));
    capture_one(fixture, SECOND);
    assert_files(fixture, "000001-" FIRST ".in.wav");
    g_assert_cmpint(umount(fixture->root), ==, 0);
}

static unsigned n_refusals;

static bool refuse_some(const char *path, const void *data, gsize size, struct dub_error *error)
{
    return n_refusals-- == 0 || dub_error_set(error, DUB_ERROR_IO, "no");
}

static void test_said_once_and_when_it_is_over(struct fixture *fixture, const void *data)
{
    if (g_test_subprocess()) {
        n_refusals = 3;
        struct dub_capture *capture =
            dub_capture_new(&(struct dub_capture_config){.folder = fixture->folder,
                                                         .stream_id = "demo",
                                                         .stop_wait_ns = PATIENT_NS,
                                                         .write_file = refuse_some});
        for (int i = 0; i < 4; i++)
            sent(capture, FIRST, "ab");
        dub_capture_free(capture);
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
    g_test_trap_assert_stderr("*cannot be captured*captured*again*");
    g_test_trap_assert_stderr_unmatched("*cannot be*cannot be*");
}

/* ---- in an exchange ---- */

static void assert_data_bytes(const struct fixture *fixture, const char *fragment_id, const char *suffix,
                              unsigned number, gsize bytes)
{
    g_autofree char *name = g_strdup_printf("%06u-%s.%s.wav", number, fragment_id, suffix);
    g_autofree char *path = g_build_filename(fixture->folder, name, NULL);
    GStatBuf info = {0};
    g_assert_cmpint(g_stat(path, &info), ==, 0);
    g_assert_cmpuint((gsize)info.st_size, ==, bytes + 44);
}

/* What went over the wire is what is kept, also of a dub that is not fit to be heard. */
static void test_an_exchange_is_captured(struct fixture *fixture, const void *data)
{
    struct rig rig;
    struct dub_capture *capture = open_capture(fixture);
    rig_start(&rig, 3);
    exchange_core_set_capture(rig.core, capture);
    rig_connect_ready(&rig, 3);
    rig_submit(&rig, 3);
    rig_answer(&rig, 0);
    rig_answer_failed(&rig, 1, DUB_ERROR_ASR_FAILED);
    struct dub_fragment_processed silent = rig_success_for(rig_sent_at(&rig, 2));
    g_clear_pointer(&silent.dubbed_audio.data, g_bytes_unref);
    silent.dubbed_audio.data = g_bytes_new_take(g_malloc0(48000), 48000);
    rig_say_processed(&rig, &silent);
    g_assert_true(rig_got_at(&rig, 0)->dubbed);
    g_assert_false(rig_got_at(&rig, 2)->dubbed);
    dub_capture_free(capture);
    exchange_core_set_capture(rig.core, NULL);
    for (guint i = 0; i < 3; i++)
        assert_data_bytes(fixture, rig_sent_at(&rig, i)->fragment_id, "in", i + 1, 48000);
    assert_data_bytes(fixture, rig_sent_at(&rig, 0)->fragment_id, "out", 1, 48000);
    assert_data_bytes(fixture, rig_sent_at(&rig, 2)->fragment_id, "out", 3, 48000);
    g_autofree char *names = list(fixture);
    g_auto(GStrv) each = g_strsplit(names, " ", -1);
    g_assert_cmpuint(g_strv_length(each), ==, 5);
    rig_stop(&rig);
}

#define ADD(name, function) g_test_add("/capture/" name, struct fixture, NULL, set_up, function, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("a-file-each-way", test_a_file_each_way);
    ADD("late-answers-have-a-name-of-their-own", test_late_answers_have_a_name_of_their_own);
    ADD("numbers-go-on", test_numbers_go_on);
    ADD("other-formats-and-nothing", test_other_formats_and_nothing);
    ADD("a-disk-that-does-not-answer", test_a_disk_that_does_not_answer);
    ADD("bytes-that-wait-are-bounded", test_bytes_that_wait_are_bounded);
    ADD("the-end-does-not-wait", test_the_end_does_not_wait);
    ADD("refused-by-the-kernel", test_refused_by_the_kernel);
    ADD("full-and-read-only-disk", test_full_and_read_only_disk);
    ADD("said-once-and-when-it-is-over", test_said_once_and_when_it_is_over);
    ADD("an-exchange-is-captured", test_an_exchange_is_captured);
    return g_test_run();
}
