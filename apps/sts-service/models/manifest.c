/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sizes and SHA-256 sums of whisper.cpp's models as published beside them (Hugging Face ggerganov/whisper.cpp
 * and ggml-org/whisper-vad, the LFS object ids), of models for translation and of Piper's voices
 * (rhasspy/piper-voices), each found alike in at least two independent projects that pin them. A voice's
 * licence is that of its recordings. */
#include "manifest.h"

#include <stddef.h>

#define WHISPER_AT "https://huggingface.co/ggerganov/whisper.cpp/resolve/main/"
#define PIPER_AT "https://huggingface.co/rhasspy/piper-voices/resolve/main/"
#define MADLAD_AT "https://huggingface.co/mtsdurica/madlad400-3b-mt-Q4_K_M-GGUF/resolve/main/"
#define GEMMA_AT "https://huggingface.co/mradermacher/translategemma-4b-it-GGUF/resolve/main/"
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
    {"en_US-ljspeech-high", "en_US-ljspeech-high.onnx", "tts", "piper", "en", "any", 114199011,
     "5d4f08ba6a2a48c44592eed3ce56bf85e9de3dd4e20df90541ae68a8310c029a", "public domain",
     PIPER_AT "en/en_US/ljspeech/high/en_US-ljspeech-high.onnx"},
    {"en_US-ljspeech-high.json", "en_US-ljspeech-high.onnx.json", "tts", "piper", "en", "any", 4970,
     "7e1f4634af596d83cca997fb7a931ba80b70f8a316a2655ee69c55365e0ace14", "public domain",
     PIPER_AT "en/en_US/ljspeech/high/en_US-ljspeech-high.onnx.json"},
    {"es_ES-davefx-medium", "es_ES-davefx-medium.onnx", "tts", "piper", "es", "any", 63201294,
     "6658b03b1a6c316ee4c265a9896abc1393353c2d9e1bca7d66c2c442e222a917", "CC0-1.0",
     PIPER_AT "es/es_ES/davefx/medium/es_ES-davefx-medium.onnx"},
    {"es_ES-davefx-medium.json", "es_ES-davefx-medium.onnx.json", "tts", "piper", "es", "any", 4817,
     "0e0dda87c732f6f38771ff274a6380d9252f327dca77aa2963d5fbdf9ec54842", "CC0-1.0",
     PIPER_AT "es/es_ES/davefx/medium/es_ES-davefx-medium.onnx.json"},
    {"madlad400-3b", "madlad400-3b-mt-q4_k_m.gguf", "translation", "llama", "*", "cpu", 1858124864,
     "fc56f16d215db71e856de3c3770974c867e3d95a782d415d4cfabc9fb470b8e4", "Apache-2.0",
     MADLAD_AT "madlad400-3b-mt-q4_k_m.gguf"},
    {"translategemma-4b", "translategemma-4b-it.Q4_K_M.gguf", "translation", "llama", "*", "cuda", 2489909760,
     "81200d03e843d2ec1ece6eeafe7d13cb6e5211e1fcd336ade55790b683a08330", "Gemma terms",
     GEMMA_AT "translategemma-4b-it.Q4_K_M.gguf"},
    {NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL, NULL, NULL},
};
