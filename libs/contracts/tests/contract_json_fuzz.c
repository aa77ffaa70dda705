/* SPDX-License-Identifier: GPL-3.0-or-later */
/* JSON from a peer, read as every contract there is. What is accepted is written and must be accepted again.
 */
#include "contract_table.h"
#include "fuzz_target.h"

#include <stdlib.h>

#define MAX_BYTES 65536

static void read_and_write(const struct contract *contract, JsonNode *node)
{
    struct dub_error error = {0};
    g_autoptr(JsonNode) written = contract->rewrite(node, &error);
    if (!written) {
        if (error.code == DUB_ERROR_NONE || !*error.message)
            abort();
        return;
    }
    g_autoptr(JsonNode) again = contract->rewrite(written, &error);
    if (!again)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dub_error error;
    if (size > MAX_BYTES)
        return 0;
    g_autoptr(JsonNode) node = dub_json_parse((const char *)data, size, &error);
    for (const struct contract *contract = contract_table; node && contract->name; contract++)
        read_and_write(contract, node);
    return 0;
}
