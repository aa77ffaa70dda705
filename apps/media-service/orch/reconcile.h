/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Compares the router's list of paths with the registry every few seconds, so that a lost hook, or a restart
 * of media-service or of the router, heals by itself. A publisher counts as gone after it is missing from two
 * lists in a row: a single list may be older than the hook that overtook it. */
#pragma once

#include "registry.h"

#include <stdbool.h>

#define RECONCILE_INTERVAL_MS 2000

struct reconcile;

/* api_url without a slash at the end. Starts at once. */
struct reconcile *reconcile_new(const char *api_url, struct registry *registry);
/* NULL is fine. */
void reconcile_free(struct reconcile *reconcile);

/* Whether the last list could be read. */
bool reconcile_router_is_reachable(const struct reconcile *reconcile);
/* Why not; "" otherwise. Borrowed. */
const char *reconcile_problem(const struct reconcile *reconcile);
