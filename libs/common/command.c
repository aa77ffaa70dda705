/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Command lines as MediaMTX reads those of its hooks: the quoting rules of a shell (POSIX.1-2017, Shell
 * Command Language, 2.2), and nothing else of one: no comments, no operators, no globs. Variables are
 * expanded in the words, so that no value makes two of one. */
#include <dubbing_process.h>

#include <string.h>

#define BLANKS " \t\n"

static const char *lookup(const char *const *environment, const char *name, size_t length)
{
    g_autofree char *copy = g_strndup(name, length);
    const char *value = environment != NULL ? g_environ_getenv((char **)environment, copy) : NULL;
    if (value == NULL)
        value = g_getenv(copy);
    return value != NULL ? value : "";
}

static size_t name_length(const char *text)
{
    size_t length = 0;
    while (g_ascii_isalnum(text[length]) || text[length] == '_')
        length++;
    return length;
}

/* Expands the "$NAME" or "${NAME}" at text, which begins with '$'; says how many bytes it took. */
static size_t expand_one(GString *out, const char *text, const char *const *environment)
{
    bool braces = text[1] == '{';
    const char *name = text + 1 + braces;
    size_t length = name_length(name);
    if (length == 0 || (braces && name[length] != '}')) {
        g_string_append_c(out, '$');
        return 1;
    }
    g_string_append(out, lookup(environment, name, length));
    return 1 + length + (braces ? 2 : 0);
}

static char *expand(const char *text, const char *const *environment)
{
    GString *out = g_string_new(NULL);
    while (*text != '\0') {
        if (*text == '$')
            text += expand_one(out, text, environment);
        else
            g_string_append_c(out, *text++);
    }
    return g_string_free(out, FALSE);
}

/* Each reads what stands at *at into the word and goes on behind it; NULL, or what is wrong. */

static const char *read_single_quoted(const char **at, GString *word)
{
    const char *end = strchr(*at + 1, '\'');
    if (end == NULL)
        return "a single quote is not closed";
    g_string_append_len(word, *at + 1, end - *at - 1);
    *at = end + 1;
    return NULL;
}

/* A backslash; escapable: the only characters that it makes plain, NULL: all. Before the end of a line it
 * takes the two apart and is gone with it. */
static const char *read_escaped(const char **at, GString *word, const char *escapable)
{
    char next = (*at)[1];
    if (next == '\0')
        return "there is nothing behind a backslash";
    if (escapable != NULL && strchr(escapable, next) == NULL)
        g_string_append_c(word, '\\');
    if (next != '\n')
        g_string_append_c(word, next);
    *at += 2;
    return NULL;
}

static const char *read_double_quoted(const char **at, GString *word)
{
    for ((*at)++; **at != '"';) {
        if (**at == '\0')
            return "a double quote is not closed";
        if (**at != '\\')
            g_string_append_c(word, *(*at)++);
        else if ((*at)[1] == '\0' || read_escaped(at, word, "$`\"\\\n") != NULL)
            return "a double quote is not closed";
    }
    (*at)++;
    return NULL;
}

static const char *read_word(const char **at, GString *word)
{
    const char *problem = NULL;
    while (problem == NULL && **at != '\0' && strchr(BLANKS, **at) == NULL) {
        if (**at == '\'')
            problem = read_single_quoted(at, word);
        else if (**at == '"')
            problem = read_double_quoted(at, word);
        else if (**at == '\\')
            problem = read_escaped(at, word, NULL);
        else
            g_string_append_c(word, *(*at)++);
    }
    return problem;
}

char **dub_command_split(const char *command, const char *const *environment, struct dub_error *error)
{
    g_autoptr(GStrvBuilder) words = g_strv_builder_new();
    const char *problem = NULL;
    const char *at = command + strspn(command, BLANKS);
    if (*at == '\0')
        problem = "there is none";
    while (problem == NULL && *at != '\0') {
        g_autoptr(GString) word = g_string_new(NULL);
        problem = read_word(&at, word);
        g_autofree char *expanded = expand(word->str, environment);
        g_strv_builder_add(words, expanded);
        at += strspn(at, BLANKS);
    }
    if (problem == NULL)
        return g_strv_builder_end(words);
    dub_error_set(error, DUB_ERROR_INVALID_ARGUMENT, "cannot split the command: %s: %.150s", problem,
                  command);
    return NULL;
}
