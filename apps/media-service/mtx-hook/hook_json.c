/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hook_json.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

struct text {
    char *bytes;
    size_t length, room;
};

static void append_bytes(struct text *text, const char *bytes, size_t size)
{
    if (text->length + size + 1 > text->room) {
        size_t room = 2 * (text->length + size + 1);
        char *grown = realloc(text->bytes, room);
        if (grown == NULL) {
            fprintf(stderr, "mtx-hook: out of memory\n");
            exit(1);
        }
        text->bytes = grown;
        text->room = room;
    }
    memcpy(text->bytes + text->length, bytes, size);
    text->length += size;
    text->bytes[text->length] = '\0';
}

static void append(struct text *text, const char *string)
{
    append_bytes(text, string, strlen(string));
}

static bool is_continuation(unsigned char byte)
{
    return (byte & 0xc0) == 0x80;
}

/* The length of the UTF-8 character at bytes (RFC 3629 section 4); 0 when there is none. */
static size_t utf8_length(const unsigned char *bytes)
{
    unsigned char a = bytes[0], b = bytes[1];
    if (a < 0x80)
        return 1;
    if (a >= 0xc2 && a <= 0xdf)
        return is_continuation(b) ? 2 : 0;
    if (a >= 0xe0 && a <= 0xef) {
        if (!is_continuation(b) || (a == 0xe0 && b < 0xa0) || (a == 0xed && b > 0x9f))
            return 0;
        return is_continuation(bytes[2]) ? 3 : 0;
    }
    if (a >= 0xf0 && a <= 0xf4) {
        if (!is_continuation(b) || (a == 0xf0 && b < 0x90) || (a == 0xf4 && b > 0x8f))
            return 0;
        return is_continuation(bytes[2]) && is_continuation(bytes[3]) ? 4 : 0;
    }
    return 0;
}

static void append_quoted(struct text *text, const char *value)
{
    append(text, "\"");
    for (const unsigned char *c = (const unsigned char *)value; *c != '\0';) {
        size_t length = utf8_length(c);
        char escape[8];
        if (length == 0) {
            append(text, REPLACEMENT);
            c++;
            continue;
        }
        if (*c == '"' || *c == '\\')
            append(text, "\\");
        if (*c < 0x20) {
            snprintf(escape, sizeof(escape), "\\u%04x", *c);
            append(text, escape);
        } else {
            append_bytes(text, (const char *)c, length);
        }
        c += length;
    }
    append(text, "\"");
}

char *hook_json(const struct hook_field *fields, size_t n_fields)
{
    struct text text = {0};
    append(&text, "{");
    for (size_t i = 0; i < n_fields; i++) {
        append(&text, i > 0 ? "," : "");
        append_quoted(&text, fields[i].name);
        append(&text, ":");
        append_quoted(&text, fields[i].value);
    }
    append(&text, "}");
    return text.bytes;
}

static int hex_value(char c)
{
    const char *digits = "0123456789abcdef";
    const char *at = c != '\0' ? strchr(digits, c | (c >= 'A' && c <= 'F' ? 0x20 : 0)) : NULL;
    return at != NULL ? (int)(at - digits) : -1;
}

char *hook_decode_query(const char *query)
{
    struct text text = {0};
    bool encoded = strchr(query, '=') == NULL;
    append(&text, "");
    for (const char *c = query; *c != '\0'; c++) {
        int high = encoded && *c == '%' ? hex_value(c[1]) : -1;
        int low = high >= 0 ? hex_value(c[2]) : -1;
        char byte = low >= 0 ? (char)(high * 16 + low) : *c;
        /* An encoded NUL would end the text early. */
        append_bytes(&text, byte != '\0' ? &byte : "?", 1);
        c += low >= 0 ? 2 : 0;
    }
    return text.bytes;
}
