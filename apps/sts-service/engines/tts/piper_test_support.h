/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The voices that tests/tiny_piper.py makes, and folders of them, for tests. */
#pragma once

#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

static inline char *tiny_piper(const char *kind)
{
    g_autofree char *name = g_strdup_printf("tiny-piper-%s.onnx", kind);
    return g_build_filename(g_getenv("STS_TEST_TINY_PIPER"), name, NULL);
}

struct piper_folder {
    char *path;
};

static inline void piper_folder_make(struct piper_folder *folder)
{
    folder->path = g_dir_make_tmp("sts-piper-XXXXXX", NULL);
    g_assert_nonnull(folder->path);
}

static inline void piper_folder_remove(struct piper_folder *folder)
{
    g_autoptr(GDir) listing = g_dir_open(folder->path, 0, NULL);
    const char *name;
    while (listing && (name = g_dir_read_name(listing))) {
        g_autofree char *path = g_build_filename(folder->path, name, NULL);
        g_unlink(path);
    }
    g_rmdir(folder->path);
    g_free(folder->path);
}

/* from: a file; name: in the folder. */
static inline void piper_folder_link(const struct piper_folder *folder, const char *from, const char *name)
{
    g_autofree char *to = g_build_filename(folder->path, name, NULL);
    g_assert_no_errno(symlink(from, to));
}

/* Both files of a tiny voice, under another name. */
static inline void piper_folder_add(const struct piper_folder *folder, const char *kind, const char *name)
{
    g_autofree char *model = tiny_piper(kind);
    g_autofree char *settings = g_strconcat(model, ".json", NULL);
    g_autofree char *model_name = g_strconcat(name, ".onnx", NULL);
    g_autofree char *settings_name = g_strconcat(name, ".onnx.json", NULL);
    piper_folder_link(folder, model, model_name);
    piper_folder_link(folder, settings, settings_name);
}

static inline void piper_folder_write(const struct piper_folder *folder, const char *name, const void *data,
                                      gsize size)
{
    g_autofree char *path = g_build_filename(folder->path, name, NULL);
    g_assert_true(g_file_set_contents(path, data, (gssize)size, NULL));
}

/* A whole model file, for spoiling. Owned by the caller. */
static inline char *tiny_piper_bytes(const char *kind, gsize *size)
{
    g_autofree char *path = tiny_piper(kind);
    char *data = NULL;
    g_assert_true(g_file_get_contents(path, &data, size, NULL));
    return data;
}

#define TINY_PIPER_RATE_HZ 22050

/* Of a tone, by its zero crossings. */
static inline double tiny_piper_pitch(const int16_t *samples, gsize count)
{
    guint crossed = 0;
    for (gsize i = 1; i < count; i++)
        crossed += samples[i - 1] < 0 && samples[i] >= 0;
    return (double)crossed * TINY_PIPER_RATE_HZ / (double)count;
}
