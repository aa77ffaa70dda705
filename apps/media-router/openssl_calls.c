/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "openssl_calls.h"

#include <dlfcn.h>
#include <glib.h>

static const struct {
    const char *name;
    size_t offset;
} entries[] = {
#define X(name) {#name, offsetof(struct openssl_calls, name)},
    OPENSSL_CALLS(X)
#undef X
};

static bool fail(struct dub_error *error)
{
    return dub_error_set(error, DUB_ERROR_INVALID_CONFIG,
                         "TLS needs OpenSSL: %.200s; install libssl3, or set encryption to no", dlerror());
}

bool openssl_calls_load(struct openssl_calls *calls, const char *file, struct dub_error *error)
{
    struct openssl_calls found = {0};
    void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL)
        return fail(error);
    for (size_t i = 0; i < G_N_ELEMENTS(entries); i++) {
        void **slot = (void **)(void *)((char *)&found + entries[i].offset);
        *slot = dlsym(library, entries[i].name);
        if (*slot == NULL)
            return fail(error);
    }
    *calls = found;
    return true;
}
