/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to asr/: cepstral mean normalisation, carried over per stream.
 *
 * The mean of a fragment's cepstra stands for the channel (microphone, room, codec); taken away, what is left
 * fits the acoustic model better. A short fragment's own mean is a poor estimate, so what the same stream's
 * earlier fragments had counts as half a second of it (after Liu, Stern, Huang, Acero: Efficient cepstral
 * normalization for robust speech recognition, 1993). */
#pragma once

struct channel_means;
struct channel_means *channel_means_new(void);
void channel_means_free(struct channel_means *means);
/* Subtracts in place from `count` rows of `size` (at most 64) values. stream_id NULL: the fragment's own mean
 * only. Any thread. */
void channel_means_normalise(struct channel_means *means, const char *stream_id, float **rows, int count,
                             int size);
