/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A new certificate for localhost and its key, as PEM files in a temporary folder. */
#pragma once

struct tls_files {
    char *folder, *certificate, *key;
};

void tls_files_make(struct tls_files *files);
/* Removes them. */
void tls_files_clear(struct tls_files *files);
