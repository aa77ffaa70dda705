/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What every *_fuzz.c offers: libFuzzer calls it (-Dfuzz=true), and run_corpus.c in the ordinary tests. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Must not crash, leak or hang on any input. Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
