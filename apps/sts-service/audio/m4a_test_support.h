/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The files of tests/corpus, and changes to them. */
#pragma once

#include <glib.h>
#include <string.h>

/* Owned by the caller. */
static inline GByteArray *test_file(const char *name)
{
    g_autofree char *path =
        g_test_build_filename(G_TEST_DIST, "apps/sts-service/audio/tests/corpus/sts-m4a", name, NULL);
    g_autoptr(GError) failure = NULL;
    char *bytes = NULL;
    gsize size = 0;
    if (!g_file_get_contents(path, &bytes, &size, &failure))
        g_error("%s", failure->message);
    return g_byte_array_new_take((guint8 *)bytes, size);
}

/* The first box of this type, at its type's four bytes. */
static inline guint8 *test_box(GByteArray *file, const char *type)
{
    guint8 *at = memmem(file->data, file->len, type, 4);
    g_assert_nonnull(at);
    return at;
}

static inline void test_put_be32(guint8 *at, guint32 value)
{
    value = GUINT32_TO_BE(value);
    memcpy(at, &value, sizeof value);
}

static inline guint32 test_get_be32(const guint8 *at)
{
    guint32 value;
    memcpy(&value, at, sizeof value);
    return GUINT32_FROM_BE(value);
}

/* Gives the first box of this type, `parents` inside one another from the outermost, another payload. What
 * lies behind it moves: for files whose directory is last. */
static inline void test_set_payload(GByteArray *file, const char *const *parents, const char *type,
                                    const GByteArray *payload)
{
    guint8 *box = test_box(file, type);
    guint at = (guint)(box + 4 - file->data);
    guint old_size = test_get_be32(box - 4) - 8;
    g_autofree guint8 *rest = g_memdup2(file->data + at + old_size, file->len - at - old_size);
    guint n_rest = file->len - at - old_size;
    test_put_be32(box - 4, payload->len + 8);
    for (; *parents; parents++) {
        guint8 *size = test_box(file, *parents) - 4;
        test_put_be32(size, test_get_be32(size) + payload->len - old_size);
    }
    g_byte_array_set_size(file, at);
    g_byte_array_append(file, payload->data, payload->len);
    g_byte_array_append(file, rest, n_rest);
}

static inline void test_append_be32(GByteArray *bytes, guint32 value)
{
    value = GUINT32_TO_BE(value);
    g_byte_array_append(bytes, (const guint8 *)&value, sizeof value);
}
