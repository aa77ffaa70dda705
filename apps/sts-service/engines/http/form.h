/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to engines/http/ and its users: a multipart/form-data body (RFC 7578). One thread. */
#pragma once

#include <glib.h>

struct http_form;

struct http_form *http_form_new(void);
void http_form_add(struct http_form *form, const char *name, const char *value);
void http_form_add_file(struct http_form *form, const char *name, const char *file_name, const char *type,
                        GBytes *content);
/* The body, owned by the caller, and its content type with the boundary; frees the form. */
GBytes *http_form_take(struct http_form *form, char **content_type);
