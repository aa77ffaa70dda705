/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sizes and SHA-256 sums of whisper.cpp's models as published beside them (Hugging Face ggerganov/whisper.cpp
 * and ggml-org/whisper-vad, the LFS object ids), each found alike in at least two independent projects that
 * pin them. */
#include "manifest.h"

#include <stddef.h>

#define WHISPER_AT "https://huggingface.co/ggerganov/whisper.cpp/resolve/main/"
#define VOICE_AT "https://huggingface.co/ggml-org/whisper-vad/resolve/main/"

const struct model_entry model_manifest[] = {
    {"silero", "ggml-silero-v6.2.0.bin", "asr", "whisper", "*", "any", 885098,
     "2aa269b785eeb53a82983a20501ddf7c1d9c48e33ab63a41391ac6c9f7fb6987", "MIT",
     VOICE_AT "ggml-silero-v6.2.0.bin"},
    {"base", "ggml-base.bin", "asr", "whisper", "*", "cpu", 147951465,
     "60ed5bc3dd14eea856493d334349b405782ddcaf0028d4b5df4088345fba2efe", "MIT", WHISPER_AT "ggml-base.bin"},
    {"small", "ggml-small.bin", "asr", "whisper", "*", "cpu", 487601967,
     "1be3a9b2063867b937e64e2ec7483364a79917e157fa98c5d94b5c1fffea987b", "MIT", WHISPER_AT "ggml-small.bin"},
    {"large-v3-turbo", "ggml-large-v3-turbo.bin", "asr", "whisper", "*", "cuda", 1624555275,
     "1fc70f774d38eb169993ac391eea357ef47c88757ef72ee5943879b7e8e2bc69", "MIT",
     WHISPER_AT "ggml-large-v3-turbo.bin"},
    {NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL, NULL, NULL},
};
