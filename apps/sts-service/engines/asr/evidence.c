/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "evidence.h"

#include <string.h>

/* A slow speaker takes 100 ms for a letter, and draws out the last syllable. */
#define MAX_WORD_MS(letters) (250 + 150 * (int64_t)(letters))
/* Clear speech has 8 to 14 sure letters a second, noise up to 2. */
#define MIN_SURE_LETTERS_PER_S 1.8
/* A short answer in a long silence has few letters a second but is sure of them. */
#define SURE_POSTERIOR 0.8
/* Words this far from the sounds, and not sure either, are put to something else. */
#define FAR_ACOUSTIC (-45.0)
#define FAR_POSTERIOR 0.6

static size_t letters_of(const struct asr_word *word)
{
    size_t count = 0;
    for (const char *at = word->text; *at != '\0'; at++)
        count += g_ascii_isalpha(*at) ? 1 : 0;
    return count;
}

struct sums {
    double letters; /* each weighed by its word's posterior */
    double sure_ms; /* likewise */
    double plausible_ms;
    double all_ms;
};

static struct sums sum_up(const GArray *words)
{
    struct sums sums = {0};
    for (guint i = 0; words && i < words->len; i++) {
        const struct asr_word *word = &g_array_index(words, struct asr_word, i);
        int64_t duration_ms = word->end_ms - word->start_ms;
        size_t letters = letters_of(word);
        sums.all_ms += (double)duration_ms;
        if (duration_ms > MAX_WORD_MS(letters))
            continue;
        sums.plausible_ms += (double)duration_ms;
        sums.sure_ms += (double)duration_ms * word->confidence;
        sums.letters += (double)letters * word->confidence;
    }
    return sums;
}

bool evidence_is_no_speech(const struct evidence *evidence)
{
    struct sums sums = sum_up(evidence->words);
    if (sums.plausible_ms <= 0.0 || sums.plausible_ms < sums.all_ms / 2)
        return true;
    double posterior = sums.sure_ms / sums.plausible_ms;
    if (posterior >= SURE_POSTERIOR)
        return false;
    if (evidence->acoustic < FAR_ACOUSTIC && posterior < FAR_POSTERIOR)
        return true;
    return sums.letters * 1000.0 < MIN_SURE_LETTERS_PER_S * (double)evidence->decoded_ms;
}
