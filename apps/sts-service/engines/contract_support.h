/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the three contract suites share. Real time is measured against generous bounds only where the contract
 * itself promises one: "within 100 ms of the deadline or of a cancel", tripled for a loaded machine. */
#pragma once

#include "engine.h"

#define CONTRACT_LATE_MS 300

static inline int64_t contract_now_ms(void)
{
    return dub_clock_now_ns(dub_clock_monotonic()) / DUB_NS_PER_MS;
}

static inline int64_t contract_deadline_ns(int64_t in_ms)
{
    return dub_clock_now_ns(dub_clock_monotonic()) + in_ms * DUB_NS_PER_MS;
}

/* Cancels from another thread after a while. */
struct contract_canceller {
    GCancellable *cancellable;
    GThread *thread;
    gulong after_us;
    int64_t cancelled_ms; /* read after contract_canceller_join() */
};

static inline gpointer contract_cancel(gpointer user)
{
    struct contract_canceller *canceller = user;
    g_usleep(canceller->after_us);
    canceller->cancelled_ms = contract_now_ms();
    g_cancellable_cancel(canceller->cancellable);
    return NULL;
}

static inline void contract_canceller_start(struct contract_canceller *canceller, gulong after_ms)
{
    *canceller = (struct contract_canceller){.cancellable = g_cancellable_new(), .after_us = after_ms * 1000};
    canceller->thread = g_thread_new("canceller", contract_cancel, canceller);
}

static inline void contract_canceller_join(struct contract_canceller *canceller)
{
    g_thread_join(canceller->thread);
    g_object_unref(canceller->cancellable);
}

/* STS_TEST_MODEL_<ENGINE>: the model that an engine is tested with; NULL: its own default. */
static inline const char *contract_model(const char *engine)
{
    g_autofree char *upper = g_ascii_strup(engine, -1);
    g_autofree char *variable = g_strconcat("STS_TEST_MODEL_", upper, NULL);
    return g_getenv(variable);
}

/* An engine that is not installed is skipped, unless the environment says that it must be there. */
static inline bool contract_skip(const struct dub_error *error)
{
    g_assert_null(g_getenv("STS_TEST_REQUIRE_ENGINES"));
    g_test_skip(error->message);
    return true;
}
