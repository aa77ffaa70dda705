/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to the piper engine: whether a model file is whole, before ONNX Runtime gets it. Pure. */
#pragma once

#include <stddef.h>

/* NULL: an ONNX model (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto) whose parts are all there and
 * whose inputs and outputs have the names of a Piper voice's. Else what is wrong with it, as the end of a
 * sentence that begins with the file's name; static. */
const char *piper_file_fault(const void *data, size_t size);
