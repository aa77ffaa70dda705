/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "router.h"

#include "config_yaml.h"

#include <dubbing_clock.h>
#include <string.h>

/* A publisher and a reader that only take notes. */
struct fake_publisher {
    struct router_publisher base;
    unsigned n_closed;
};

struct fake_reader {
    struct router_reader base;
    GString *got; /* "C" config, "K" key frame, "P" picture, "S" sound; lower case: backlog */
    unsigned n_closed;
};

struct fixture {
    struct router_config *config;
    struct hook_pool *hooks;
    struct router *router;
    struct dub_error error;
    struct fake_publisher first, second;
    struct fake_reader reader, other;
};

static void on_publisher_close(struct router_publisher *publisher, const char *reason)
{
    ((struct fake_publisher *)publisher)->n_closed++;
}

static void on_reader_close(struct router_reader *reader, const char *reason)
{
    ((struct fake_reader *)reader)->n_closed++;
}

static void on_message(struct router_reader *reader, struct media_message *message, bool is_backlog)
{
    char letter = message->is_config ? 'C' : message->is_key ? 'K' : message->kind == MEDIA_VIDEO ? 'P' : 'S';
    g_string_append_c(((struct fake_reader *)reader)->got, is_backlog ? g_ascii_tolower(letter) : letter);
}

static const struct router_publisher_ops publisher_ops = {"fakeConn", on_publisher_close};
static const struct router_reader_ops reader_ops = {"fakeConn", on_message, on_reader_close};

static void start_router(struct fixture *fixture, const char *yaml)
{
    g_autoptr(GPtrArray) notes = g_ptr_array_new_with_free_func(g_free);
    fixture->config = router_config_new();
    g_assert_true(config_yaml_apply(fixture->config, yaml, yaml != NULL ? strlen(yaml) : 0, NULL,
                                    &(struct config_notes){notes, notes}, NULL));
    fixture->router = router_new(fixture->config, fixture->hooks, 8554);
}

static void stop_router(struct fixture *fixture)
{
    g_clear_pointer(&fixture->router, router_free);
    g_clear_pointer(&fixture->config, router_config_free);
}

static void setup(struct fixture *fixture, gconstpointer yaml)
{
    memset(fixture, 0, sizeof *fixture);
    fixture->hooks = hook_pool_new(NULL, NULL);
    fixture->first.base = (struct router_publisher){&publisher_ops, (char *)"id-1", NULL};
    fixture->second.base = (struct router_publisher){&publisher_ops, (char *)"id-2", NULL};
    fixture->reader.base = (struct router_reader){&reader_ops, (char *)"id-3", NULL};
    fixture->other.base = (struct router_reader){&reader_ops, (char *)"id-4", NULL};
    fixture->reader.got = g_string_new("");
    fixture->other.got = g_string_new("");
    start_router(fixture, yaml);
}

static void teardown(struct fixture *fixture, gconstpointer yaml)
{
    stop_router(fixture);
    hook_pool_free(fixture->hooks);
    g_string_free(fixture->reader.got, TRUE);
    g_string_free(fixture->other.got, TRUE);
}

static bool publish(struct fixture *fixture, const char *path, struct fake_publisher *publisher)
{
    return router_publish(fixture->router, path, "", &publisher->base, &fixture->error);
}

static bool read_path(struct fixture *fixture, const char *path, struct fake_reader *reader)
{
    if (!router_read(fixture->router, path, &reader->base, &fixture->error))
        return false;
    router_reader_start(&reader->base);
    return true;
}

/* C: both sequence headers; K, P: video; S: audio. */
static void write_one(struct fixture *fixture, struct fake_publisher *publisher, char what)
{
    static const uint8_t key[] = {0x17, 1, 0, 0, 0, 1};
    static const uint8_t picture[] = {0x27, 1, 0, 0, 0, 1};
    static const uint8_t sound[] = {0xaf, 1, 1};
    static const uint8_t avc[] = {0x17, 0, 0, 0, 0, 1};
    static const uint8_t aac[] = {0xaf, 0, 0x11, 0x90};
    struct router *router = fixture->router;
    if (what == 'C') {
        router_write(router, &publisher->base,
                     media_message_new(MEDIA_VIDEO, 0, g_bytes_new_static(avc, sizeof avc)));
        router_write(router, &publisher->base,
                     media_message_new(MEDIA_AUDIO, 0, g_bytes_new_static(aac, sizeof aac)));
    } else if (what == 'S') {
        router_write(router, &publisher->base,
                     media_message_new(MEDIA_AUDIO, 0, g_bytes_new_static(sound, sizeof sound)));
    } else {
        const uint8_t *frame = what == 'K' ? key : picture;
        router_write(router, &publisher->base,
                     media_message_new(MEDIA_VIDEO, 0, g_bytes_new_static(frame, sizeof key)));
    }
}

static void write_all(struct fixture *fixture, struct fake_publisher *publisher, const char *what)
{
    for (; *what != '\0'; what++)
        write_one(fixture, publisher, *what);
}

static void assert_got(const struct fake_reader *reader, const char *expected)
{
    g_assert_cmpstr(reader->got->str, ==, expected);
}

static void test_readers_get_start_and_rest(struct fixture *fixture, gconstpointer yaml)
{
    g_assert_true(publish(fixture, "live/a/in", &fixture->first));
    write_all(fixture, &fixture->first, "CKPS");
    g_assert_true(read_path(fixture, "live/a/in", &fixture->reader));
    assert_got(&fixture->reader, "cckps");
    write_all(fixture, &fixture->first, "PSK");
    g_assert_true(read_path(fixture, "live/a/in", &fixture->other));
    write_all(fixture, &fixture->first, "S");
    assert_got(&fixture->reader, "cckpsPSKS");
    assert_got(&fixture->other, "cckS");
    router_unread(fixture->router, &fixture->other.base);
    write_all(fixture, &fixture->first, "P");
    assert_got(&fixture->other, "cckS");
}

static void test_streams_are_apart(struct fixture *fixture, gconstpointer yaml)
{
    g_assert_true(publish(fixture, "a", &fixture->first));
    g_assert_true(publish(fixture, "b", &fixture->second));
    write_all(fixture, &fixture->first, "C");
    write_all(fixture, &fixture->second, "C");
    read_path(fixture, "a", &fixture->reader);
    read_path(fixture, "b", &fixture->other);
    write_all(fixture, &fixture->first, "K");
    write_all(fixture, &fixture->second, "S");
    assert_got(&fixture->reader, "ccK");
    assert_got(&fixture->other, "ccS");
    g_autoptr(GPtrArray) paths = router_list_paths(fixture->router);
    g_assert_cmpuint(paths->len, ==, 2);
    g_assert_cmpstr(((struct router_path *)paths->pdata[0])->name, ==, "a");
}

static void test_no_stream_no_reader(struct fixture *fixture, gconstpointer yaml)
{
    g_assert_false(read_path(fixture, "a", &fixture->reader));
    g_assert_cmpint(fixture->error.code, ==, DUB_ERROR_NOT_FOUND);
    publish(fixture, "a", &fixture->first);
    g_assert_false(read_path(fixture, "a", &fixture->reader)); /* tracks are not known yet */
    write_all(fixture, &fixture->first, "C");
    g_assert_true(read_path(fixture, "a", &fixture->reader));
}

/* The group of pictures that began first is forgotten first. */
static void test_memory_of_all(struct fixture *fixture, gconstpointer yaml)
{
    publish(fixture, "a", &fixture->first);
    publish(fixture, "b", &fixture->second);
    write_all(fixture, &fixture->second, "CKP");
    write_all(fixture, &fixture->first, "CKP");
    write_all(fixture, &fixture->second, "KP"); /* now the newer one */
    fixture->config->limits.held_bytes = (int64_t)media_held_bytes() + 10;
    write_all(fixture, &fixture->second, "P");
    read_path(fixture, "a", &fixture->reader);
    read_path(fixture, "b", &fixture->other);
    assert_got(&fixture->reader, "cc");
    assert_got(&fixture->other, "cckpp");
    g_assert_cmpuint(router_counters(fixture->router)->caches_dropped, ==, 1);
    write_all(fixture, &fixture->first, "PK");
    assert_got(&fixture->reader, "ccPK");
    g_assert_true(router_has_memory(fixture->router));
}

/* Where there is nothing to forget, not each message looks for something. */
static void test_memory_of_others(struct fixture *fixture, gconstpointer yaml)
{
    publish(fixture, "a", &fixture->first);
    fixture->config->limits.held_bytes = (int64_t)media_held_bytes();
    media_note_held(1000);
    write_all(fixture, &fixture->first, "CK");
    g_assert_false(router_has_memory(fixture->router));
    media_note_held(-1000);
    fixture->config->limits.held_bytes += 1000;
    g_assert_true(router_has_memory(fixture->router));
    write_all(fixture, &fixture->first, "KP");
    read_path(fixture, "a", &fixture->reader);
    assert_got(&fixture->reader, "cckp");
}

static void test_end_closes_readers_and_forgets_the_path(struct fixture *fixture, gconstpointer yaml)
{
    publish(fixture, "a", &fixture->first);
    write_all(fixture, &fixture->first, "CK");
    read_path(fixture, "a", &fixture->reader);
    router_unpublish(fixture->router, &fixture->first.base);
    g_assert_cmpuint(fixture->reader.n_closed, ==, 1);
    g_assert_cmpuint(fixture->first.n_closed, ==, 0);
    g_assert_null(fixture->reader.base.path);
    g_assert_null(router_find_path(fixture->router, "a"));
    router_unpublish(fixture->router, &fixture->first.base); /* again: nothing */
    router_unread(fixture->router, &fixture->reader.base);
    write_all(fixture, &fixture->first, "K");
    assert_got(&fixture->reader, "cck");
}

static void test_newer_publisher_wins(struct fixture *fixture, gconstpointer yaml)
{
    publish(fixture, "a", &fixture->first);
    write_all(fixture, &fixture->first, "CK");
    read_path(fixture, "a", &fixture->reader);
    g_assert_true(publish(fixture, "a", &fixture->second));
    g_assert_cmpuint(fixture->first.n_closed, ==, 1);
    g_assert_cmpuint(fixture->reader.n_closed, ==, 1);
    g_assert_false(router_find_path(fixture->router, "a")->ready);
    router_unpublish(fixture->router, &fixture->first.base); /* its connection ends later */
    write_all(fixture, &fixture->second, "C");
    g_assert_true(router_find_path(fixture->router, "a")->ready);
    g_assert_true(read_path(fixture, "a", &fixture->other));
    assert_got(&fixture->other, "cc"); /* nothing of the older one's pictures */
}

static void test_older_publisher_may_stay(struct fixture *fixture, gconstpointer yaml)
{
    publish(fixture, "a", &fixture->first);
    write_all(fixture, &fixture->first, "C");
    g_assert_false(publish(fixture, "a", &fixture->second));
    g_assert_cmpuint(fixture->first.n_closed, ==, 0);
    g_assert_true(router_find_path(fixture->router, "a")->ready);
}

static void test_only_configured_paths(struct fixture *fixture, gconstpointer yaml)
{
    g_assert_nonnull(router_find_path(fixture->router, "fixed")); /* listed before anybody comes */
    g_assert_true(publish(fixture, "live/x/in", &fixture->first));
    g_assert_false(publish(fixture, "elsewhere", &fixture->second));
    g_assert_nonnull(strstr(fixture->error.message, "not configured"));
    g_assert_true(publish(fixture, "fixed", &fixture->second));
    router_unpublish(fixture->router, &fixture->second.base);
    g_assert_nonnull(router_find_path(fixture->router, "fixed"));
    g_assert_cmpstr(router_find_path(fixture->router, "live/x/in")->groups[0], ==, "G1=x");
}

static void test_max_readers(struct fixture *fixture, gconstpointer yaml)
{
    publish(fixture, "a", &fixture->first);
    write_all(fixture, &fixture->first, "C");
    g_assert_true(read_path(fixture, "a", &fixture->reader));
    g_assert_false(read_path(fixture, "a", &fixture->other));
    g_assert_cmpint(fixture->error.code, ==, DUB_ERROR_LIMIT);
}

static void test_stop_lets_everybody_go(struct fixture *fixture, gconstpointer yaml)
{
    publish(fixture, "a", &fixture->first);
    write_all(fixture, &fixture->first, "C");
    read_path(fixture, "a", &fixture->reader);
    stop_router(fixture);
    g_assert_cmpuint(fixture->first.n_closed, ==, 1);
    g_assert_cmpuint(fixture->reader.n_closed, ==, 1);
}

static void test_bytes_are_counted(struct fixture *fixture, gconstpointer yaml)
{
    publish(fixture, "a", &fixture->first);
    write_all(fixture, &fixture->first, "CKS");
    g_assert_cmpuint(router_find_path(fixture->router, "a")->inbound_bytes, ==, 6 + 4 + 6 + 3);
}

/* Paths in use are limited, those that the configuration names are not; one that is left makes room. */
static void test_too_many_paths(struct fixture *fixture, gconstpointer data)
{
    struct fake_publisher third = fixture->first;
    fixture->config->limits.paths = 2; /* "named" is one */
    g_assert_true(publish(fixture, "a", &fixture->first));
    g_assert_false(publish(fixture, "b", &fixture->second));
    g_assert_cmpint(fixture->error.code, ==, DUB_ERROR_LIMIT);
    g_assert_nonnull(strstr(fixture->error.message, "ROUTER_MAX_PATHS"));
    g_assert_cmpuint(router_counters(fixture->router)->paths_refused, ==, 1);
    g_assert_true(publish(fixture, "named", &third));
    router_unpublish(fixture->router, &fixture->first.base);
    g_assert_true(publish(fixture, "b", &fixture->second));
    router_unpublish(fixture->router, &third.base);
}

/* Without pictures kept a reader waits for the next key frame. */
static void test_nothing_is_kept(struct fixture *fixture, gconstpointer data)
{
    fixture->config->limits.gop_bytes = 0;
    g_assert_true(publish(fixture, "a", &fixture->first));
    write_all(fixture, &fixture->first, "CKPPS");
    g_assert_true(read_path(fixture, "a", &fixture->reader));
    g_assert_cmpstr(fixture->reader.got->str, ==, "cc");
}

#define ADD(name, yaml, function) g_test_add("/router/" name, struct fixture, yaml, setup, function, teardown)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("readers-get-start-and-rest", NULL, test_readers_get_start_and_rest);
    ADD("streams-are-apart", NULL, test_streams_are_apart);
    ADD("no-stream-no-reader", NULL, test_no_stream_no_reader);
    ADD("end-closes-readers-and-forgets-the-path", NULL, test_end_closes_readers_and_forgets_the_path);
    ADD("newer-publisher-wins", NULL, test_newer_publisher_wins);
    ADD("older-publisher-may-stay", "pathDefaults: {overridePublisher: no}", test_older_publisher_may_stay);
    ADD("only-configured-paths", "paths: {fixed: {}, '~^live/(.*)/in$': {}}", test_only_configured_paths);
    ADD("max-readers", "pathDefaults: {maxReaders: 1}", test_max_readers);
    ADD("too-many-paths", "paths: {named: {}, all_others: {}}", test_too_many_paths);
    ADD("memory-of-all", NULL, test_memory_of_all);
    ADD("memory-of-others", NULL, test_memory_of_others);
    ADD("nothing-is-kept", NULL, test_nothing_is_kept);
    ADD("stop-lets-everybody-go", NULL, test_stop_lets_everybody_go);
    ADD("bytes-are-counted", NULL, test_bytes_are_counted);
    return g_test_run();
}
