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
