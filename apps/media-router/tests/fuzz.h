/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The entry point of every *_fuzz.c: libFuzzer calls it (-Dfuzz=true), and so does fuzz_corpus.c in the
 * ordinary tests, once for each file of a corpus. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Must not crash, leak or hang on any input. Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
