/* SPDX-License-Identifier: GPL-3.0-or-later */
/* For tests: a small file system of the test's own, in a mount namespace of its own, where the machine lets
 * us have one. */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

/* size as mount knows it: "64k". Before the process has other threads; nothing of it is seen outside. */
static inline bool test_disk_mount(const char *path, const char *size)
{
    g_autofree char *options = g_strdup_printf("size=%s", size);
    return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("tmpfs", path, "tmpfs", 0, options) == 0;
}

static inline bool test_disk_set_read_only(const char *path, bool read_only)
{
    return mount(NULL, path, NULL, MS_REMOUNT | (read_only ? MS_RDONLY : 0), NULL) == 0;
}

/* Takes all the room that is left, in a file of its own. */
static inline void test_disk_fill(const char *path)
{
    static const char data[4096];
    g_autofree char *name = g_build_filename(path, "fill", NULL);
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    while (write(fd, data, sizeof data) > 0)
        ;
    g_assert_true(errno == ENOSPC);
    close(fd);
}

static inline void test_disk_empty(const char *path)
{
    g_autofree char *name = g_build_filename(path, "fill", NULL);
    g_assert_true(unlink(name) == 0);
}

static inline bool test_disk_may_mount(const char *path)
{
    int status = 1;
    pid_t pid = fork();
    if (pid == 0)
        _exit(test_disk_mount(path, "64k") ? 0 : 1);
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

/* In the parent: runs the test again as a subprocess, or says that it is skipped. */
static inline void test_disk_run_subprocess(const char *path)
{
    if (!test_disk_may_mount(path)) {
        g_test_skip("no right to mount here");
        return;
    }
    g_test_trap_subprocess(NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
    g_test_trap_assert_passed();
}
