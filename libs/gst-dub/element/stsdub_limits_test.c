/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How long the fragments of somebody who does not stop talking are, live, on a test clock. */
#include "sound/samples.h"
#include "stsdub_talk.h"

#include <string.h>

#define RTT_NS (800 * DUB_NS_PER_MS) /* what the element expects before it has measured any */
#define STEP_NS (100 * DUB_NS_PER_MS)
#define WAITING_MAX 16

/* The sentence of the talk, again and again without its pauses. */
static void talk_on(int64_t position, int16_t *left, int16_t *right)
{
    int64_t sentence = 2 * DUB_RATE_HZ;
    double middle = voice_at(DUB_RATE_HZ + position % sentence);
    *left = *right = (int16_t)middle;
}

struct waiting {
    uint64_t id;
    int64_t answer_at_ns;
};

/* Answers each fragment after the round trip. */
struct service {
    struct waiting waiting[WAITING_MAX];
    unsigned n_waiting, n_answered;
    int64_t longest_ns;
};

static void serve(struct service *service, int64_t now_ns)
{
    struct dub_exchange_fragment fragment;
    while (fake_exchange_try_take(&fragment)) {
        g_free(fragment.samples);
        g_assert_cmpuint(service->n_waiting, <, WAITING_MAX);
        service->longest_ns = MAX(service->longest_ns, fragment.duration_ns);
        service->waiting[service->n_waiting++] = (struct waiting){fragment.id, now_ns + RTT_NS};
    }
    while (service->n_waiting > 0 && service->waiting[0].answer_at_ns <= now_ns) {
        fake_exchange_answer_tone(service->waiting[0].id, 600, 0.2, DUB_NS_PER_S, 24000);
        service->n_answered++;
        memmove(service->waiting, service->waiting + 1, --service->n_waiting * sizeof(service->waiting[0]));
    }
}

static void run_with_service(struct rig *rig, struct service *service, int64_t until_ns)
{
    for (int64_t ns = clock_ns(rig); ns < until_ns; ns += STEP_NS) {
        rig_run(rig, ns + STEP_NS, talk_on);
        serve(service, ns + STEP_NS);
    }
}

/* 6 s, the default, is more than D and the greatest lag leave. */
static void test_fixed_fragments_are_dubbed(void)
{
    struct rig *rig = rig_new("fragmenter", 1, NULL);
    struct service service = {0};
    run_with_service(rig, &service, 25 * DUB_NS_PER_S);
    g_assert_cmpint(service.longest_ns, <=, 3950 * DUB_NS_PER_MS);
    g_assert_cmpint(service.longest_ns, >=, 3900 * DUB_NS_PER_MS);
    g_assert_cmpuint(service.n_answered, >=, 4);
    g_assert_cmpuint(stat_of(rig, "phrases-dubbed"), >=, 4);
    g_assert_cmpuint(stat_of(rig, "phrases-passthrough"), ==, 0);
    g_assert_cmpuint(stat_of(rig, "phrases-dropped"), ==, 0);
    rig_free(rig);
}

/* Where nothing can be late they are as long as was asked for. */
static void test_fixed_fragments_of_a_file_are_as_asked(void)
{
    struct rig *rig = rig_new("fragmenter", 1, "live", FALSE, NULL);
    struct dub_exchange_fragment fragment;
    rig_feed(rig, 7 * DUB_NS_PER_S, talk_on);
    g_assert_true(fake_exchange_take(&fragment));
    g_assert_cmpint(fragment.duration_ns, ==, 6 * DUB_NS_PER_S);
    g_free(fragment.samples);
    rig_free(rig);
}

/* The first sentence after a seek is no longer than any other. */
static void test_limits_outlive_a_flush(void)
{
    struct rig *rig = rig_new(NULL, NULL);
    struct dub_exchange_fragment fragment;
    rig_feed(rig, DUB_NS_PER_S, talk_on);
    g_assert_true(gst_harness_push_event(rig->harness, gst_event_new_flush_start()));
    g_assert_true(gst_harness_push_event(rig->harness, gst_event_new_flush_stop(TRUE)));
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    g_assert_true(gst_harness_push_event(rig->harness, gst_event_new_segment(&segment)));
    rig->fed_ns = 0;
    rig_feed(rig, 4500 * DUB_NS_PER_MS, talk_on);
    g_assert_true(fake_exchange_try_take(&fragment));
    g_assert_cmpint(fragment.duration_ns, <=, 3950 * DUB_NS_PER_MS);
    g_free(fragment.samples);
    rig_free(rig);
}

static gpointer feed_a_minute_at_once(gpointer data)
{
    struct rig *rig = data;
    GstBuffer *minute = rig_new_buffer(0, 0, 60 * DUB_RATE_HZ, talk_on);
    return GINT_TO_POINTER(gst_harness_push(rig->harness, minute));
}

/* A pad that is closed lets go of who waits in it for room, and the stream goes on when it is opened again.
 */
static void test_closed_input_lets_go(void)
{
    struct rig *rig = rig_new(NULL, NULL);
    struct dub_exchange_fragment fragment;
    g_autoptr(GstPad) pad = gst_element_get_static_pad(rig->element, "sink");
    GThread *thread = g_thread_new("feed", feed_a_minute_at_once, rig);
    g_assert_true(fake_exchange_take(&fragment));
    g_free(fragment.samples);
    g_assert_true(gst_pad_set_active(pad, FALSE));
    g_assert_cmpint(GPOINTER_TO_INT(g_thread_join(thread)), ==, GST_FLOW_FLUSHING);
    g_assert_true(gst_pad_set_active(pad, TRUE));
    rig_free(rig);
}

static void test_elements_without_a_name_differ(void)
{
    GstElement *elements[2];
    char *names[2];
    for (int i = 0; i < 2; i++) {
        elements[i] = gst_element_factory_make("stsdub", NULL);
        g_object_set(elements[i], "sts-mode", 2, NULL);
        gst_element_set_state(elements[i], GST_STATE_PAUSED);
        g_object_get(elements[i], "stream-id", &names[i], NULL);
    }
    g_assert_cmpstr(names[0], !=, names[1]);
    for (int i = 0; i < 2; i++) {
        g_free(names[i]);
        gst_element_set_state(elements[i], GST_STATE_NULL);
        gst_object_unref(elements[i]);
    }
}

int main(int argc, char **argv)
{
    static const struct talk_test tests[] = {
        {"/stsdub-limits/fixed-fragments-are-dubbed", test_fixed_fragments_are_dubbed},
        {"/stsdub-limits/fixed-fragments-of-a-file-are-as-asked",
         test_fixed_fragments_of_a_file_are_as_asked},
        {"/stsdub-limits/limits-outlive-a-flush", test_limits_outlive_a_flush},
        {"/stsdub-limits/closed-input-lets-go", test_closed_input_lets_go},
        {"/stsdub-limits/elements-without-a-name-differ", test_elements_without_a_name_differ},
    };
    return talk_test_run(argc, argv, tests, G_N_ELEMENTS(tests));
}
