/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to asr/: cepstral mean normalisation, carried over within a session.
 *
 * The mean of a fragment's cepstra stands for the channel (microphone, room, codec); taken away, what is left
 * fits the acoustic model better. A short fragment's own mean is a poor estimate, so what the same
 * session's earlier fragments had counts as half a second of it (after Liu, Stern, Huang, Acero: Efficient
 * cepstral normalization for robust speech recognition, 1993). */
#pragma once

/* Sessions remembered; of more, the one is forgotten that has been silent longest. */
#define CHANNEL_MEANS_MAX 256

struct channel_means;
struct channel_means *channel_means_new(void);
void channel_means_free(struct channel_means *means);
/* Subtracts in place from `count` rows of `size` (at most 64) values. session_id NULL: the fragment's own
 * mean only. Any thread. */
void channel_means_normalise(struct channel_means *means, const char *session_id, float **rows, int count,
                             int size);
/* The session is over. Any thread. */
void channel_means_forget(struct channel_means *means, const char *session_id);
