/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to translation/: what languages are called in English, for models that are asked in words. */
#pragma once

/* "es": "Spanish"; "pt-BR": "Portuguese (Brazil)"; "zh-TW": "Traditional Chinese". A code that has no name
 * here is its own. Owned by the caller. */
char *language_name(const char *code);
/* The same without what variant it is: "pt-BR": "Portuguese". */
char *language_base_name(const char *code);
