/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hush.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void hush_begin(struct hush *hush)
{
    *hush = (struct hush){.real = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3), .kept = -1};
    if (hush->real >= 0)
        hush->kept = memfd_create("stderr", MFD_CLOEXEC);
    if (hush->kept >= 0 && dup2(hush->kept, STDERR_FILENO) == STDERR_FILENO)
        return;
    if (hush->kept >= 0)
        close(hush->kept);
    if (hush->real >= 0)
        close(hush->real);
    hush->real = -1;
}

static char *read_kept(int fd)
{
    GString *text = g_string_new(NULL);
    char block[4096];
    ssize_t count;
    lseek(fd, 0, SEEK_SET);
    while ((count = read(fd, block, sizeof block)) > 0)
        g_string_append_len(text, block, count);
    return g_string_free(text, FALSE);
}

static void write_line(const char *line)
{
    g_autofree char *whole = g_strconcat(line, "\n", NULL);
    /* Nobody can be told of a failure. */
    ssize_t ignored = write(STDERR_FILENO, whole, strlen(whole));
    (void)ignored;
}

static guint pass_on(const char *text, const char *prefix)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    guint dropped = 0;
    bool behind_one = false;
    for (char **line = lines; *line; line++) {
        bool known = g_str_has_prefix(*line, prefix);
        bool last = !line[1] && **line == '\0';
        dropped += known;
        if (!known && !last && !(behind_one && **line == '\0'))
            write_line(*line);
        behind_one = known;
    }
    return dropped;
}

guint hush_end(struct hush *hush, const char *prefix)
{
    if (hush->real < 0)
        return 0;
    dup2(hush->real, STDERR_FILENO);
    close(hush->real);
    hush->real = -1;
    g_autofree char *text = read_kept(hush->kept);
    close(hush->kept);
    return pass_on(text, prefix);
}
