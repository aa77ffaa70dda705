/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the settings name outside of the program: the address, the certificate, files and folders. Looked at
 * before anything is started, so that all that is wrong is said at once; nothing is made or changed. */
#pragma once

#include "settings.h"

/* Adds one string per problem: the variable, what was found, what is allowed. Blocks for the disk and for the
 * name of a host. */
void settings_check_files(const struct sts_settings *settings, GPtrArray *problems);
