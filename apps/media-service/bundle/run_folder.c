/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run_folder.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define DEPTH_MAX 4 /* of folders in a run's */
#define TEMPORARY_LETTERS 6

bool run_folder_is_name(const char *name)
{
    static const char shape[] = "ddddddddTdddddd.dddZ-xxxxxxxx";
    if (strlen(name) != strlen(shape))
        return false;
    for (size_t i = 0; name[i] != '\0'; i++) {
        bool matches = shape[i] == 'd'   ? g_ascii_isdigit(name[i])
                       : shape[i] == 'x' ? g_ascii_isxdigit(name[i])
                                         : name[i] == shape[i];
        if (!matches)
            return false;
    }
    return true;
}

bool run_folder_is_temporary(const char *name)
{
    static const char *const suffixes[] = {".json", ".ndjson", ".wav", ".m4a"};
    const char *dot = strrchr(name, '.');
    if (dot == NULL || strlen(dot + 1) != TEMPORARY_LETTERS)
        return false;
    for (const char *c = dot + 1; *c != '\0'; c++)
        if (!g_ascii_isalnum(*c))
            return false;
    g_autofree char *whole = g_strndup(name, (gsize)(dot - name));
    for (unsigned i = 0; i < G_N_ELEMENTS(suffixes); i++)
        if (g_str_has_suffix(whole, suffixes[i]))
            return true;
    return false;
}

struct walk {
    const char *prefix; /* of names: "" or "audio/" */
    unsigned depth;
    void (*visit)(const struct run_file *file, void *user);
    void *user;
};

static void walk_folder(const char *folder, const struct walk *walk)
{
    GDir *dir = g_dir_open(folder, 0, NULL);
    for (const char *entry; dir != NULL && (entry = g_dir_read_name(dir)) != NULL;) {
        g_autofree char *path = g_build_filename(folder, entry, NULL);
        g_autofree char *name = g_strconcat(walk->prefix, entry, NULL);
        GStatBuf info;
        if (g_lstat(path, &info) != 0)
            continue;
        if (S_ISREG(info.st_mode))
            walk->visit(&(struct run_file){path, name, &info}, walk->user);
        if (!S_ISDIR(info.st_mode) || walk->depth == DEPTH_MAX)
            continue;
        g_autofree char *prefix = g_strconcat(name, "/", NULL);
        walk_folder(path, &(struct walk){prefix, walk->depth + 1, walk->visit, walk->user});
    }
    if (dir != NULL)
        g_dir_close(dir);
}

void run_folder_visit(const char *folder, void (*visit)(const struct run_file *file, void *user), void *user)
{
    walk_folder(folder, &(struct walk){"", 0, visit, user});
}

static gint compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

GPtrArray *run_folder_list(const char *root)
{
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    GDir *dir = g_dir_open(root, 0, NULL);
    for (const char *name; dir != NULL && (name = g_dir_read_name(dir)) != NULL;) {
        g_autofree char *path = g_build_filename(root, name, NULL);
        GStatBuf info;
        if (run_folder_is_name(name) && g_lstat(path, &info) == 0 && S_ISDIR(info.st_mode))
            g_ptr_array_add(names, g_strdup(name));
    }
    if (dir != NULL)
        g_dir_close(dir);
    g_ptr_array_sort(names, compare_names);
    return names;
}

bool run_folder_is_in_use(const char *folder)
{
    g_autofree char *path = g_build_filename(folder, RUN_LEDGER, NULL);
    int fd = g_open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW, 0);
    if (fd < 0)
        return false;
    bool locked = flock(fd, LOCK_EX | LOCK_NB) != 0;
    close(fd);
    return locked;
}

static void remove_entries(const char *folder, unsigned depth)
{
    GDir *dir = g_dir_open(folder, 0, NULL);
    for (const char *name; dir != NULL && (name = g_dir_read_name(dir)) != NULL;) {
        g_autofree char *path = g_build_filename(folder, name, NULL);
        GStatBuf info;
        bool is_folder = g_lstat(path, &info) == 0 && S_ISDIR(info.st_mode);
        if (is_folder && depth < DEPTH_MAX)
            remove_entries(path, depth + 1);
        (void)(is_folder ? g_rmdir(path) : g_unlink(path));
    }
    if (dir != NULL)
        g_dir_close(dir);
}

bool run_folder_remove(const char *folder)
{
    remove_entries(folder, 0);
    return g_rmdir(folder) == 0;
}
