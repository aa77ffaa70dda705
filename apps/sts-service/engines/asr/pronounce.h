/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to asr/: how an English word that is in no dictionary is probably pronounced.
 *
 * By flite's lexicon and letter-to-sound rules, which were trained on the same CMU dictionary, and speak of
 * the same phones, as the recogniser's model (Black, Lenzo, Pagel: Issues in building general letter to sound
 * rules, 1998). Any thread. */
#pragma once

/* words: lower-case letters, apostrophes, spaces between words spoken one after the other. "Z IH L EH N S K
 * IY"; NULL when nothing can be made of it. Owned by the caller. */
char *pronounce(const char *words);
