/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <dubbing_socket_path.h>

#include "test_support.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct fixture {
    char *folder;
};

static void set_up(struct fixture *fixture, const void *data)
{
    fixture->folder = test_directory_new();
}

static void tear_down(struct fixture *fixture, const void *data)
{
    test_directory_remove(fixture->folder);
}

static int new_socket(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_assert_cmpint(fd, >=, 0);
    return fd;
}

/* One end listens, the other connects, each with an address of its own. */
static void assert_is_reached(const char *path)
{
    struct dub_error error = {0};
    struct dub_socket_path ours, theirs;
    int listener = new_socket(), client = new_socket();
    g_assert_true(dub_socket_path_init(&ours, path, &error));
    g_assert_cmpint(bind(listener, (const struct sockaddr *)&ours.address, sizeof(ours.address)), ==, 0);
    dub_socket_path_clear(&ours);
    g_assert_cmpint(listen(listener, 1), ==, 0);
    g_assert_true(g_file_test(path, G_FILE_TEST_EXISTS));
    g_assert_true(dub_socket_path_init(&theirs, path, &error));
    g_assert_cmpint(connect(client, (const struct sockaddr *)&theirs.address, sizeof(theirs.address)), ==, 0);
    dub_socket_path_clear(&theirs);
    dub_socket_path_clear(&theirs);
    close(listener);
    close(client);
    g_assert_cmpint(g_unlink(path), ==, 0);
}

/* Around the 107 bytes that fit, and far beyond. */
static void test_paths_of_any_length(struct fixture *fixture, const void *data)
{
    static const unsigned lengths[] = {1, 60, 80, 100, 200, 250};
    for (unsigned i = 0; i < G_N_ELEMENTS(lengths); i++) {
        g_autofree char *name = g_strnfill(lengths[i], 'x');
        g_autofree char *folder = g_build_filename(fixture->folder, name, NULL);
        g_autofree char *path = g_build_filename(folder, "w.sock", NULL);
        g_assert_cmpint(g_mkdir(folder, 0700), ==, 0);
        assert_is_reached(path);
        g_assert_cmpint(g_rmdir(folder), ==, 0);
    }
}

static void test_what_cannot_be_is_named(struct fixture *fixture, const void *data)
{
    struct dub_error error = {0};
    struct dub_socket_path address;
    g_autofree char *name = g_strnfill(120, 'x');
    g_autofree char *too_long = g_build_filename(fixture->folder, name, NULL);
    g_autofree char *nowhere = g_build_filename(fixture->folder, name, "w.sock", NULL);
    g_assert_false(dub_socket_path_init(&address, too_long, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_LIMIT);
    g_assert_false(dub_socket_path_init(&address, nowhere, &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_NOT_FOUND);
    g_assert_nonnull(strstr(error.message, name));
}

#define ADD(name, function)                                                                                  \
    g_test_add("/socket-path/" name, struct fixture, NULL, set_up, function, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("paths-of-any-length", test_paths_of_any_length);
    ADD("what-cannot-be-is-named", test_what_cannot_be_is_named);
    return g_test_run();
}
