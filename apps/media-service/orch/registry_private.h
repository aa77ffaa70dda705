/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files that make up the registry share. */
#pragma once

#include "registry.h"

struct registry {
    struct registry_config config;
    struct registry_events events;
    void *user;
    GHashTable *streams; /* id -> struct stream, owned */
    bool closing;        /* nothing is started any more */
    void (*on_stopped)(void *user);
    void *on_stopped_user;
};

static inline int64_t registry_now_ns(const struct registry *registry)
{
    return dub_clock_now_ns(registry->config.clock);
}

/* Carries on after something that may have been the last worker's end during registry_stop_all. */
void registry_check_all_stopped(struct registry *registry);
