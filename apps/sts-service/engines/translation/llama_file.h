/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to the llama engine: whether a model file (GGUF, ggml's docs/gguf.md) is whole. llama.cpp believes
 * what the file says of its vocabulary, and ends the process over some values that have another type than it
 * expects. */
#pragma once

#include <stddef.h>

/* NULL: as whole as can be told without its weights, which are not looked at. Else what is wrong, static: "is
 * cut short". data may hold anything. */
const char *llama_file_fault(const void *data, size_t size);
