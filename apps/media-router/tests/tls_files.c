/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls_files.h"

#include <glib.h>
#include <glib/gstdio.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>

#define DAY_S 86400L

static X509 *sign(EVP_PKEY *key)
{
    X509 *certificate = X509_new();
    X509_NAME *name = X509_get_subject_name(certificate);
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -DAY_S);
    X509_gmtime_adj(X509_getm_notAfter(certificate), DAY_S);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"localhost", -1, -1, 0);
    X509_set_issuer_name(certificate, name);
    X509_set_pubkey(certificate, key);
    g_assert_cmpint(X509_sign(certificate, key, EVP_sha256()), >, 0);
    return certificate;
}

void tls_files_make(struct tls_files *files)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = sign(key);
    files->folder = g_dir_make_tmp("router-tls-XXXXXX", NULL);
    g_assert_nonnull(files->folder);
    files->certificate = g_build_filename(files->folder, "server.crt", NULL);
    files->key = g_build_filename(files->folder, "server.key", NULL);
    FILE *out = fopen(files->certificate, "w");
    g_assert_nonnull(out);
    g_assert_cmpint(PEM_write_X509(out, certificate), ==, 1);
    fclose(out);
    out = fopen(files->key, "w");
    g_assert_nonnull(out);
    g_assert_cmpint(PEM_write_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL), ==, 1);
    fclose(out);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

void tls_files_clear(struct tls_files *files)
{
    g_unlink(files->certificate);
    g_unlink(files->key);
    g_rmdir(files->folder);
    g_free(files->certificate);
    g_free(files->key);
    g_free(files->folder);
}
