/* SPDX-License-Identifier: GPL-3.0-or-later */
/* For tests: the providers' documented interfaces on one stand, keys and all, well behaved; what they
 * "translate" is told apart from what they were given by a letter at each word's end. */
#pragma once

#include "provider_stand.h"
#include "providers.h"

struct fake_apis;

struct fake_apis *fake_apis_new(void);
void fake_apis_free(struct fake_apis *apis);
/* Set to the stand and the keys that it wants; the stand's. */
const struct engine_providers *fake_apis_providers(const struct fake_apis *apis);
/* As provider_stand_busy_ns(). */
int64_t fake_apis_busy_ns(struct fake_apis *apis);
/* Answers this instead, to everything that a provider is paid for; NULL: as documented. Borrowed. */
void fake_apis_misbehave(struct fake_apis *apis, const struct stand_reply *reply);
/* The head and the body of the last request, a copy. */
char *fake_apis_last(struct fake_apis *apis);
/* Requests so far that a provider is paid for. */
int fake_apis_paid(struct fake_apis *apis);
