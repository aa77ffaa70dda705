/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "form.h"

#include <libsoup/soup.h>

struct http_form {
    SoupMultipart *parts;
};

struct http_form *http_form_new(void)
{
    struct http_form *form = g_new0(struct http_form, 1);
    form->parts = soup_multipart_new("multipart/form-data");
    return form;
}

void http_form_add(struct http_form *form, const char *name, const char *value)
{
    soup_multipart_append_form_string(form->parts, name, value);
}

void http_form_add_file(struct http_form *form, const char *name, const char *file_name, const char *type,
                        GBytes *content)
{
    soup_multipart_append_form_file(form->parts, name, file_name, type, content);
}

GBytes *http_form_take(struct http_form *form, char **content_type)
{
    SoupMessageHeaders *headers = soup_message_headers_new(SOUP_MESSAGE_HEADERS_MULTIPART);
    GBytes *body = NULL;
    soup_multipart_to_message(form->parts, headers, &body);
    *content_type = g_strdup(soup_message_headers_get_one(headers, "Content-Type"));
    soup_message_headers_unref(headers);
    soup_multipart_free(form->parts);
    g_free(form);
    return body;
}
