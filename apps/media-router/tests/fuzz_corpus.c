/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Runs a fuzz target over the files of the folder named on the command line, whole and cut short. */
#include "fuzz.h"

#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* From memory of exactly that size, so that a read beyond the end is seen by the sanitizers. */
static void run_part(const char *text, gsize size)
{
    uint8_t *copy = g_malloc(MAX(size, 1));
    memcpy(copy, text, size);
    LLVMFuzzerTestOneInput(copy, size);
    g_free(copy);
}

static void run_file(const char *path)
{
    g_autofree char *text = NULL;
    gsize size;
    g_autoptr(GError) error = NULL;
    if (!g_file_get_contents(path, &text, &size, &error))
        g_error("%s", error->message);
    run_part(text, size);
    for (gsize part = 0; part < size; part += 1 + size / 64)
        run_part(text, part);
}

int main(int argc, char **argv)
{
    unsigned n_files = 0;
    g_autoptr(GDir) dir = argc == 2 ? g_dir_open(argv[1], 0, NULL) : NULL;
    if (dir == NULL) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return EXIT_FAILURE;
    }
    for (const char *name = g_dir_read_name(dir); name != NULL; name = g_dir_read_name(dir)) {
        g_autofree char *path = g_build_filename(argv[1], name, NULL);
        run_file(path);
        n_files++;
    }
    return n_files > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
