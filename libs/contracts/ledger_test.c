/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/test_json.h"

#include <dubbing_ledger.h>
#include <string.h>

static void test_ledger_ends_after_it_starts(void)
{
    g_autoptr(JsonNode) node =
        test_parse_json("{\"seq\":1,\"startMs\":10,\"endMs\":9,\"state\":\"dropped\"}");
    struct dub_ledger_line line;
    struct dub_error error = {0};
    g_assert_false(dub_ledger_line_read(&line, node, &error));
    g_assert_nonnull(strstr(error.message, "endMs"));
    dub_ledger_line_clear(&line);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ledger/ends-after-it-starts", test_ledger_ends_after_it_starts);
    return g_test_run();
}
