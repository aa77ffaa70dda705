/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lets a script ask our code about JSON: each input line is NAME, a tab and a JSON text; the answer is "ok",
 * a tab and what our writer made of it, or "refused", a tab and the message. With --samples it prints the
 * table's samples. */
#include "contract_table.h"

#include <stdio.h>
#include <string.h>

static const struct contract *find(const char *name)
{
    for (const struct contract *contract = contract_table; contract->name; contract++) {
        if (g_str_equal(contract->name, name))
            return contract;
    }
    return NULL;
}

static void answer(char *line)
{
    char *text = strchr(line, '\t');
    if (text)
        *text++ = '\0';
    const struct contract *contract = text ? find(line) : NULL;
    if (!contract) {
        puts("refused\tno such contract");
        return;
    }
    struct dub_error error = {0};
    g_autoptr(JsonNode) node = dub_json_parse(text, strlen(text), &error);
    g_autoptr(JsonNode) written = node ? contract->rewrite(node, &error) : NULL;
    g_autofree char *output = written ? dub_json_to_string(written) : NULL;
    if (output)
        printf("ok\t%s\n", output);
    else
        printf("refused\t%s\n", error.message);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--samples") == 0) {
        for (const struct contract *contract = contract_table; contract->name; contract++)
            printf("%s\t%s\n", contract->name, contract->sample);
        return 0;
    }
    g_autofree char *line = NULL;
    size_t size = 0;
    ssize_t length;
    while ((length = getline(&line, &size, stdin)) > 0) {
        if (line[length - 1] == '\n')
            line[length - 1] = '\0';
        answer(line);
    }
    return 0;
}
