/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <dubbing_secret.h>
#include <glib.h>

bool dub_secret_equal(const char *a, const char *b)
{
    g_autofree char *digest_a = g_compute_checksum_for_string(G_CHECKSUM_SHA256, a, -1);
    g_autofree char *digest_b = g_compute_checksum_for_string(G_CHECKSUM_SHA256, b, -1);
    volatile unsigned char difference = 0; /* so that no compiler leaves the loop early */
    for (size_t i = 0; digest_a[i] != '\0'; i++)
        difference = (unsigned char)(difference | (digest_a[i] ^ digest_b[i]));
    return difference == 0;
}
