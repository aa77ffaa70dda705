/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "channel_mean.h"

#include <glib.h>

#define ROWS 50
#define SIZE 2

struct matrix {
    float values[ROWS][SIZE];
    float *rows[ROWS];
};

/* First column 1 2 3 ... plus offset, second column all offset. */
static void fill(struct matrix *matrix, float offset)
{
    for (int i = 0; i < ROWS; i++) {
        matrix->values[i][0] = (float)(i + 1) + offset;
        matrix->values[i][1] = offset;
        matrix->rows[i] = matrix->values[i];
    }
}

static double column_mean(const struct matrix *matrix, int column)
{
    double sum = 0.0;
    for (int i = 0; i < ROWS; i++)
        sum += (double)matrix->values[i][column];
    return sum / ROWS;
}

static void test_own_mean_is_removed(void)
{
    struct channel_means *means = channel_means_new();
    struct matrix matrix;
    fill(&matrix, 10.0f);
    channel_means_normalise(means, NULL, matrix.rows, ROWS, SIZE);
    g_assert_cmpfloat_with_epsilon(column_mean(&matrix, 0), 0.0, 1e-5);
    g_assert_cmpfloat_with_epsilon((double)matrix.values[0][0], -24.5, 1e-5);
    g_assert_cmpfloat_with_epsilon((double)matrix.values[0][1], 0.0, 1e-5);
    channel_means_free(means);
}

static void test_a_session_remembers(void)
{
    struct channel_means *means = channel_means_new();
    struct matrix matrix;
    fill(&matrix, 0.0f);
    channel_means_normalise(means, "a", matrix.rows, ROWS, SIZE);
    g_assert_cmpfloat_with_epsilon(column_mean(&matrix, 1), 0.0, 1e-5);
    fill(&matrix, 10.0f);
    channel_means_normalise(means, "a", matrix.rows, ROWS, SIZE);
    /* Fifty rows of its own 10 and as many of the session's 0 make 5. */
    g_assert_cmpfloat_with_epsilon(column_mean(&matrix, 1), 5.0, 1e-4);
    fill(&matrix, 10.0f);
    channel_means_normalise(means, "a", matrix.rows, ROWS / 5, SIZE);
    /* The session's mean has become 3; of ten rows it makes up five sixths. */
    g_assert_cmpfloat_with_epsilon((double)matrix.values[0][1], 10.0 - (3.0 * 5 + 10.0) / 6, 1e-3);
    fill(&matrix, 10.0f);
    channel_means_normalise(means, "b", matrix.rows, ROWS, SIZE);
    g_assert_cmpfloat_with_epsilon(column_mean(&matrix, 1), 0.0, 1e-5);
    channel_means_free(means);
}

/* What is left of rows of this level, 0 for a session that is not known. */
static double left_of(struct channel_means *means, const char *session_id, float level)
{
    struct matrix matrix;
    fill(&matrix, level);
    channel_means_normalise(means, session_id, matrix.rows, ROWS, SIZE);
    return column_mean(&matrix, 1);
}

static void test_a_session_that_is_over_is_forgotten(void)
{
    struct channel_means *means = channel_means_new();
    g_assert_cmpfloat_with_epsilon(left_of(means, "a", 0), 0.0, 1e-5);
    g_assert_cmpfloat_with_epsilon(left_of(means, "b", 0), 0.0, 1e-5);
    channel_means_forget(means, "a");
    channel_means_forget(means, "nobody");
    g_assert_cmpfloat_with_epsilon(left_of(means, "a", 10), 0.0, 1e-5);
    g_assert_cmpfloat_with_epsilon(left_of(means, "b", 10), 5.0, 1e-4);
    channel_means_free(means);
}

/* Requests that belong to no session teach nobody anything, and make nobody forget. */
static void test_single_requests_leave_no_trace(void)
{
    struct channel_means *means = channel_means_new();
    left_of(means, "a", 0);
    for (int i = 0; i < 2 * CHANNEL_MEANS_MAX; i++)
        g_assert_cmpfloat_with_epsilon(left_of(means, NULL, (float)i), 0.0, 1e-3);
    g_assert_cmpfloat_with_epsilon(left_of(means, "a", 10), 5.0, 1e-4);
    channel_means_free(means);
}

static void test_the_one_silent_longest_makes_room(void)
{
    struct channel_means *means = channel_means_new();
    left_of(means, "silent", 0);
    left_of(means, "lively", 0);
    for (int i = 0; i < CHANNEL_MEANS_MAX - 1; i++) {
        g_autofree char *id = g_strdup_printf("session-%d", i);
        g_assert_cmpfloat_with_epsilon(left_of(means, id, (float)i), 0.0, 1e-3);
        left_of(means, "lively", 0);
    }
    g_assert_cmpfloat_with_epsilon(left_of(means, "lively", 10), 5.0, 1e-4);
    g_assert_cmpfloat_with_epsilon(left_of(means, "session-0", 10), 5.0, 1e-4);
    g_assert_cmpfloat_with_epsilon(left_of(means, "silent", 10), 0.0, 1e-5);
    channel_means_free(means);
}

static void test_nothing_and_too_much(void)
{
    struct channel_means *means = channel_means_new();
    struct matrix matrix;
    fill(&matrix, 1.0f);
    channel_means_normalise(means, "a", matrix.rows, 0, SIZE);
    channel_means_normalise(means, "a", matrix.rows, ROWS, 65);
    g_assert_cmpfloat_with_epsilon(column_mean(&matrix, 1), 1.0, 1e-6);
    channel_means_free(means);
    channel_means_free(NULL);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/channel-mean/own-mean-is-removed", test_own_mean_is_removed);
    g_test_add_func("/channel-mean/a-session-remembers", test_a_session_remembers);
    g_test_add_func("/channel-mean/a-session-that-is-over-is-forgotten",
                    test_a_session_that_is_over_is_forgotten);
    g_test_add_func("/channel-mean/single-requests-leave-no-trace", test_single_requests_leave_no_trace);
    g_test_add_func("/channel-mean/the-one-silent-longest-makes-room",
                    test_the_one_silent_longest_makes_room);
    g_test_add_func("/channel-mean/nothing-and-too-much", test_nothing_and_too_much);
    return g_test_run();
}
