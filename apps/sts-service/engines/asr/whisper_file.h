/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to the whisper engine: whether a model file (ggml, as whisper.cpp's models/convert-pt-to-ggml.py
 * writes it) is whole. The library believes the numbers in it, and ends the process over some that are wrong.
 */
#pragma once

#include <stddef.h>

/* NULL: as whole as can be told. Else what is wrong, static: "is cut short". data may hold anything. */
const char *whisper_file_fault(const void *data, size_t size);
/* The same of its model of voice activity (Silero, models/convert-silero-vad-to-ggml.py). */
const char *whisper_voice_file_fault(const void *data, size_t size);
