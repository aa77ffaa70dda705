/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to translation/: is what a language model wrote a translation, or did it talk? Beside the guards
 * for every translator (text/guard.h), which follow. Pure, any thread. */
#pragma once

/* languages: base codes. NULL: it may be one; else what is wrong with it, static. */
const char *chat_guard(const char *source, const char *answer, const char *source_language,
                       const char *target_language);
