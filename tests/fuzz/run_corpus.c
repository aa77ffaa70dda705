/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Feeds each file of the folder that is named on the command line to a fuzz target: whole, cut at many
 * places, and with single bytes changed. */
#include "fuzz_target.h"

#include <glib.h>
#include <stdio.h>
#include <string.h>

#define STEPS 200 /* places per file at which it is cut and changed */

/* In memory of exactly that size, so that the sanitizers see a read beyond the end. */
static void feed(const char *bytes, gsize size)
{
    uint8_t *copy = g_malloc(MAX(size, 1));
    memcpy(copy, bytes, size);
    LLVMFuzzerTestOneInput(copy, size);
    g_free(copy);
}

static void feed_variants(char *bytes, gsize size)
{
    gsize step = size / STEPS + 1;
    for (gsize at = 0; at < size; at += step) {
        feed(bytes, at);
        char original = bytes[at];
        for (unsigned bit = 0; bit < 8; bit++) {
            bytes[at] = (char)(original ^ (1 << bit));
            feed(bytes, size);
        }
        bytes[at] = original;
    }
    feed(bytes, size);
}

int main(int argc, char **argv)
{
    g_autoptr(GDir) folder = argc == 2 ? g_dir_open(argv[1], 0, NULL) : NULL;
    if (folder == NULL) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    unsigned n_files = 0;
    const char *name = NULL;
    while ((name = g_dir_read_name(folder)) != NULL) {
        g_autofree char *path = g_build_filename(argv[1], name, NULL);
        g_autofree char *bytes = NULL;
        gsize size = 0;
        if (!g_file_get_contents(path, &bytes, &size, NULL)) {
            fprintf(stderr, "%s cannot be read\n", path);
            return 1;
        }
        feed_variants(bytes, size);
        n_files++;
    }
    return n_files > 0 ? 0 : 1;
}
