/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a worker may say over its control socket, in pieces of a size that the first byte gives. What is
 * understood is written as the API shows it, and must be read again. */
#include "control_reader.h"

#include "fuzz_target.h"

#include <dubbing_json.h>
#include <stdlib.h>

#define MAX_BYTES (512 * 1024)

static bool on_hello(const struct dub_worker_hello *hello, void *user)
{
    if (hello->stream_id == NULL || hello->run_id == NULL)
        abort();
    return true;
}

static void on_status(const struct dub_worker_status *status, void *user)
{
    struct dub_worker_status again = {0};
    g_autoptr(JsonNode) node = dub_worker_status_to_json(status);
    g_autofree char *text = dub_json_to_string(node);
    if (!dub_worker_status_read(&again, node, NULL) || !g_utf8_validate(text, -1, NULL))
        abort();
    dub_worker_status_clear(&again);
}

static void on_phrase(const struct dub_ledger_line *line, void *user)
{
    struct dub_ledger_line again = {0};
    g_autoptr(JsonNode) node = dub_ledger_line_to_json(line);
    if (line->seq < 1 || !dub_ledger_line_read(&again, node, NULL))
        abort();
    dub_ledger_line_clear(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct control_reader_events events = {on_hello, on_status, on_phrase};
    struct control_reader reader;
    struct dub_error error = {0};
    if (size == 0 || size > MAX_BYTES)
        return 0;
    size_t step = data[0] % 2 == 0 ? 16 * 1024 : (size_t)data[0];
    bool ok = true;
    control_reader_init(&reader, &events, NULL);
    for (size_t at = 1; ok && at < size; at += step)
        ok = control_reader_take(&reader, (const char *)data + at, MIN(step, size - at), &error);
    if (!ok && *error.message == '\0')
        abort();
    control_reader_clear(&reader);
    return 0;
}
