/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "session.h"

#include <string.h>

#define PATH "live/demo/in"
#define URL "rtsp://127.0.0.1:8554/live/demo/in"
#define TCP "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n"

static const char sdp_text[] =
    "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\n"
    "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
    "a=fmtp:96 packetization-mode=1;sprop-parameter-sets=Z0LAHtkDxWhAAAADAEAAAAwDxYuS,"
    "aMuMsg==\r\na=control:streamid=0\r\n"
    "m=audio 0 RTP/AVP 97\r\na=rtpmap:97 MPEG4-GENERIC/48000/2\r\n"
    "a=fmtp:97 profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3;"
    "indexdeltalength=3;config=1190\r\na=control:streamid=1\r\n";

/* A router that writes down what it is asked for, and may be told to refuse. */
struct fixture {
    struct rtsp_session session;
    GString *calls;
    enum dub_error_code refusal; /* DUB_ERROR_NONE: everything is allowed */
    const char *refused_call;
    char *reply; /* the last */
    unsigned cseq;
    unsigned n_refused;
};

static bool answer(struct fixture *fixture, const char *call, struct dub_error *error)
{
    g_string_append_printf(fixture->calls, "%s ", call);
    if (g_strcmp0(fixture->refused_call, call) == 0)
        return dub_error_set(error, fixture->refusal, "not for you\r\nX-Injected: yes");
    return true;
}

static bool on_authorize(const struct rtsp_target *target, GPtrArray *challenges, struct dub_error *error,
                         void *user)
{
    struct fixture *fixture = user;
    g_autofree char *call = g_strdup_printf("authorize:%s:%s?%s", target->is_publish ? "publish" : "read",
                                            target->path, target->query);
    g_string_append_printf(fixture->calls, "%s ", call);
    if (g_strcmp0(fixture->refused_call, "authorize") != 0)
        return true;
    g_ptr_array_add(challenges, g_strdup("Basic realm=\"r\""));
    return dub_error_set(error, DUB_ERROR_AUTH_FAILED, "who are you?");
}

static bool on_describe(const struct rtsp_target *target, char **text, struct dub_error *error, void *user)
{
    if (!answer(user, "describe", error))
        return false;
    *text = g_strdup("v=0\r\n");
    return true;
}

static bool on_announce(const struct rtsp_target *target, const struct sdp *sdp, struct dub_error *error,
                        void *user)
{
    g_assert_cmpuint(sdp->tracks->len, ==, 2);
    return answer(user, "announce", error);
}

static bool on_record(struct dub_error *error, void *user)
{
    return answer(user, "record", error);
}

static bool on_read(const struct rtsp_target *target, unsigned *n_tracks, struct dub_error *error, void *user)
{
    *n_tracks = 2;
    return answer(user, "read", error);
}

static void on_play(struct rtsp_start *starts, void *user)
{
    struct fixture *fixture = user;
    answer(fixture, "play", NULL);
    starts[0] = (struct rtsp_start){.is_known = true, .sequence = 7, .rtp_time = 4000000000u};
    starts[1] = (struct rtsp_start){.is_known = fixture->session.tracks[1].is_set_up, .sequence = 9};
}

static void on_pause(void *user)
{
    answer(user, "pause", NULL);
}

static void on_packet(unsigned track, bool is_rtcp, const uint8_t *data, size_t size, void *user)
{
    struct fixture *fixture = user;
    g_string_append_printf(fixture->calls, "%s%u:%.*s ", is_rtcp ? "rtcp" : "rtp", track, (int)size,
                           (const char *)data);
}

static void on_ended(void *user)
{
    answer(user, "ended", NULL);
}

static void on_refused(const char *reason, void *user)
{
    struct fixture *fixture = user;
    fixture->n_refused++;
    g_assert_cmpstr(reason, !=, "");
}

static const struct rtsp_session_events events = {.authorize = on_authorize,
                                                  .describe = on_describe,
                                                  .announce = on_announce,
                                                  .record = on_record,
                                                  .read = on_read,
                                                  .play = on_play,
                                                  .pause = on_pause,
                                                  .packet = on_packet,
                                                  .ended = on_ended,
                                                  .refused = on_refused};

static void setup(struct fixture *fixture, gconstpointer data)
{
    memset(fixture, 0, sizeof *fixture);
    fixture->calls = g_string_new(NULL);
    rtsp_session_init(&fixture->session, "test", &events, fixture);
}

static void teardown(struct fixture *fixture, gconstpointer data)
{
    rtsp_session_clear(&fixture->session);
    g_string_free(fixture->calls, TRUE);
    g_free(fixture->reply);
}

static bool put(struct fixture *fixture, const char *text, size_t size, struct dub_error *error)
{
    return rtsp_session_receive(&fixture->session, (const uint8_t *)text, size, error);
}

static void take_reply(struct fixture *fixture)
{
    g_free(fixture->reply);
    fixture->reply = g_strndup((const char *)fixture->session.out->data, fixture->session.out->len);
    g_byte_array_set_size(fixture->session.out, 0);
}

/* The status of the one reply, which carries the request's number. */
static unsigned ask(struct fixture *fixture, const char *method, const char *url, const char *headers,
                    const char *body)
{
    g_autofree char *text = g_strdup_printf("%s %s RTSP/1.0\r\nCSeq: %u\r\n%sContent-Length: %zu\r\n\r\n%s",
                                            method, url, ++fixture->cseq, headers, strlen(body), body);
    g_assert_true(put(fixture, text, strlen(text), NULL));
    take_reply(fixture);
    g_autofree char *number = g_strdup_printf("\r\nCSeq: %u\r\n", fixture->cseq);
    g_assert_true(g_str_has_prefix(fixture->reply, "RTSP/1.0 "));
    g_assert_nonnull(strstr(fixture->reply, number));
    return (unsigned)g_ascii_strtoull(fixture->reply + strlen("RTSP/1.0 "), NULL, 10);
}

static bool says(const struct fixture *fixture, const char *text)
{
    return strstr(fixture->reply, text) != NULL;
}

static bool was_called(const struct fixture *fixture, const char *call)
{
    return strstr(fixture->calls->str, call) != NULL;
}

static void announce(struct fixture *fixture)
{
    g_assert_cmpuint(ask(fixture, "ANNOUNCE", URL "?lang=es", "", sdp_text), ==, 200);
}

static void start_recording(struct fixture *fixture)
{
    announce(fixture);
    g_assert_cmpuint(ask(fixture, "SETUP", URL "?lang=es/streamid=0", TCP, ""), ==, 200);
    g_assert_cmpuint(ask(fixture, "SETUP", URL "?lang=es/streamid=1",
                         "Transport: RTP/AVP/TCP;unicast;interleaved=2-3;mode=record\r\n", ""),
                     ==, 200);
    g_assert_true(says(fixture, "Transport: RTP/AVP/TCP;unicast;interleaved=2-3;mode=record\r\n"));
    g_assert_cmpuint(ask(fixture, "RECORD", URL, "Range: npt=0.000-\r\n", ""), ==, 200);
}

static void start_playing(struct fixture *fixture)
{
    g_assert_cmpuint(ask(fixture, "SETUP", URL "/trackID=0", TCP, ""), ==, 200);
    g_assert_cmpuint(ask(fixture, "SETUP", URL "/trackID=1", TCP, ""), ==, 200);
    g_assert_cmpuint(ask(fixture, "PLAY", URL "/", "", ""), ==, 200);
}

static void test_publish(struct fixture *fixture, gconstpointer data)
{
    static const char frames[] = "$\0\0\1a$\3\0\1b$\2\0\2cc$\7\0\1x";
    g_assert_cmpuint(ask(fixture, "OPTIONS", URL, "", ""), ==, 200);
    g_assert_true(says(fixture, "Public: OPTIONS, DESCRIBE, ANNOUNCE, SETUP, PLAY, PAUSE, RECORD, TEARDOWN, "
                                "GET_PARAMETER, SET_PARAMETER\r\n"));
    start_recording(fixture);
    g_assert_cmpint(fixture->session.state, ==, RTSP_SESSION_RECORDING);
    g_assert_true(put(fixture, frames, sizeof frames - 1, NULL));
    g_assert_cmpstr(fixture->calls->str, ==,
                    "authorize:publish:" PATH "?lang=es announce record rtp0:a rtcp1:b rtp1:cc ");
    g_assert_cmpuint(fixture->session.stray_frames, ==, 1);
    g_assert_cmpuint(ask(fixture, "PAUSE", URL, "", ""), ==, 200);
    g_assert_cmpuint(ask(fixture, "RECORD", URL, "", ""), ==, 200);
    g_assert_cmpuint(ask(fixture, "TEARDOWN", URL, "", ""), ==, 200);
    g_assert_true(says(fixture, "Session: "));
    g_assert_cmpint(fixture->session.state, ==, RTSP_SESSION_IDLE);
    g_assert_true(g_str_has_suffix(fixture->calls->str, "rtp1:cc ended "));
}

static void test_frames_before_record_are_thrown_away(struct fixture *fixture, gconstpointer data)
{
    announce(fixture);
    g_assert_cmpuint(ask(fixture, "SETUP", URL "/streamid=0", TCP, ""), ==, 200);
    g_assert_true(put(fixture, "$\0\0\1a", 5, NULL));
    g_assert_false(was_called(fixture, "rtp0"));
    g_assert_cmpuint(ask(fixture, "RECORD", URL, "", ""), ==, 200);
    g_assert_true(put(fixture, "$\0\0\1b", 5, NULL));
    g_assert_true(was_called(fixture, "rtp0:b"));
}

static void test_play(struct fixture *fixture, gconstpointer data)
{
    g_assert_cmpuint(ask(fixture, "DESCRIBE", "rtsp://me:secret@127.0.0.1:8554/" PATH "/?a=b", "", ""), ==,
                     200);
    g_assert_true(says(fixture, "Content-Base: " URL "/\r\n"));
    g_assert_true(says(fixture, "Content-Type: application/sdp\r\nContent-Length: 5\r\n\r\nv=0\r\n"));
    start_playing(fixture);
    g_assert_true(says(fixture, "RTP-Info: url=" URL "/trackID=0;seq=7;rtptime=4000000000,url=" URL
                                "/trackID=1;seq=9;rtptime=0\r\n"));
    g_assert_true(says(fixture, ";timeout=60\r\n"));
    g_assert_cmpstr(fixture->calls->str, ==,
                    "authorize:read:" PATH "?a=b describe authorize:read:" PATH "?a=b read play ");
    g_assert_cmpuint(ask(fixture, "GET_PARAMETER", URL, "", ""), ==, 200);
    g_assert_cmpuint(ask(fixture, "PLAY", URL, "", ""), ==, 200);
    g_assert_true(put(fixture, "$\1\0\1r", 5, NULL)); /* a receiver report */
    g_assert_cmpuint(ask(fixture, "PAUSE", URL, "", ""), ==, 200);
    g_assert_cmpint(fixture->session.state, ==, RTSP_SESSION_READY);
    g_assert_cmpuint(ask(fixture, "PLAY", URL, "", ""), ==, 200);
    g_assert_cmpuint(ask(fixture, "TEARDOWN", URL, "", ""), ==, 200);
    g_assert_true(g_str_has_suffix(fixture->calls->str, "read play pause play ended "));
    start_playing(fixture); /* and another on the same connection */
}

/* A client that asks for channels which are taken gets others. */
static void test_channels(struct fixture *fixture, gconstpointer data)
{
    g_assert_cmpuint(ask(fixture, "SETUP", URL "/trackID=0", TCP, ""), ==, 200);
    g_assert_true(says(fixture, "interleaved=0-1\r\n"));
    g_assert_cmpuint(ask(fixture, "SETUP", URL "/trackID=1", TCP, ""), ==, 200);
    g_assert_true(says(fixture, "interleaved=2-3\r\n"));
    g_assert_cmpuint(ask(fixture, "SETUP", URL "/trackID=1",
                         "Transport: RTP/AVP;unicast;client_port=1-2,RTP/AVP/TCP;interleaved=200-201\r\n",
                         ""),
                     ==, 200);
    g_assert_true(says(fixture, "interleaved=200-201\r\n"));
    g_assert_cmpuint(ask(fixture, "SETUP", URL "/trackID=0", "Transport: RTP/AVP/TCP\r\n", ""), ==, 200);
    g_assert_true(says(fixture, "interleaved=0-1\r\n"));
}

static void test_urls_of_tracks(struct fixture *fixture, gconstpointer data)
{
    static const char *const urls[] = {URL "/trackID=1", URL "/trackID=1?a=b", URL "?a=b/trackID=1",
                                       URL "/?a=b/trackID=1", "rtsp://other/live%2Fdemo/in/trackID=1"};
    for (size_t i = 0; i < G_N_ELEMENTS(urls); i++) {
        g_assert_cmpuint(ask(fixture, "SETUP", urls[i], TCP, ""), ==, 200);
        g_assert_cmpstr(fixture->session.path, ==, PATH);
        g_assert_true(fixture->session.tracks[1].is_set_up);
        g_assert_false(fixture->session.tracks[0].is_set_up);
        g_assert_cmpuint(ask(fixture, "TEARDOWN", URL, "", ""), ==, 200);
    }
}

static void test_setup_that_is_refused(struct fixture *fixture, gconstpointer data)
{
    static const struct {
        const char *url, *headers;
        unsigned status;
    } cases[] = {
        {URL "/trackID=0", "Transport: RTP/AVP;unicast;client_port=5000-5001\r\n", 461},
        {URL "/trackID=0", "Transport: RTP/AVP/UDP;unicast\r\n", 461},
        {URL "/trackID=0", "Transport: RTP/AVP/TCP;interleaved=x\r\n", 400},
        {URL "/trackID=0", "", 400},
        {URL, TCP, 459},
        {URL "/trackID=2", TCP, 404},
        {URL "/trackID=999", TCP, 404},
        {URL "/trackID=9999", TCP, 400},
        {"rtsp://h/live/../x/trackID=0", TCP, 400},
        {"rtsp://h/trackID=0", TCP, 400},
        {"*", TCP, 400},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_assert_cmpuint(ask(fixture, "SETUP", cases[i].url, cases[i].headers, ""), ==, cases[i].status);
        g_assert_cmpint(fixture->session.state, ==, RTSP_SESSION_IDLE);
        g_assert_null(fixture->session.id);
    }
    g_assert_cmpuint(ask(fixture, "SETUP", URL "/trackID=0", TCP, ""), ==, 200);
    g_assert_cmpuint(ask(fixture, "SETUP", "rtsp://h/live/other/trackID=1", TCP, ""), ==, 400);
    g_assert_cmpuint(ask(fixture, "SETUP", URL "/trackID=7", TCP, ""), ==, 404);
    g_assert_cmpint(fixture->session.state, ==, RTSP_SESSION_READY);
}

static void test_wrong_states(struct fixture *fixture, gconstpointer data)
{
    g_assert_cmpuint(ask(fixture, "PLAY", URL, "", ""), ==, 454);
    g_assert_cmpuint(ask(fixture, "TEARDOWN", URL, "", ""), ==, 454);
    g_assert_cmpuint(ask(fixture, "RECORD", URL, "", ""), ==, 454);
    announce(fixture);
    g_assert_cmpuint(ask(fixture, "RECORD", URL, "", ""), ==, 455);
    g_assert_cmpuint(ask(fixture, "PLAY", URL, "", ""), ==, 455);
    g_assert_true(says(fixture, "Allow: OPTIONS, SETUP, RECORD, TEARDOWN, GET_PARAMETER, SET_PARAMETER\r\n"));
    g_assert_cmpuint(ask(fixture, "ANNOUNCE", URL, "", sdp_text), ==, 455);
    g_assert_cmpuint(ask(fixture, "SETUP", URL "/streamid=5", TCP, ""), ==, 404);
    g_assert_cmpuint(ask(fixture, "TEARDOWN", URL, "", ""), ==, 200);
    start_playing(fixture);
    g_assert_cmpuint(ask(fixture, "RECORD", URL, "", ""), ==, 455);
    g_assert_cmpuint(ask(fixture, "DESCRIBE", URL, "", ""), ==, 455);
    g_assert_cmpint(fixture->session.state, ==, RTSP_SESSION_PLAYING);
}

static void test_sessions_of_others(struct fixture *fixture, gconstpointer data)
{
    g_assert_cmpuint(ask(fixture, "GET_PARAMETER", URL, "Session: 0123456789\r\n", ""), ==, 454);
    start_playing(fixture);
    g_autofree char *mine = g_strdup_printf("Session: %s;timeout=60\r\n", fixture->session.id);
    g_autofree char *longer = g_strdup_printf("Session: %sx\r\n", fixture->session.id);
    g_assert_cmpuint(ask(fixture, "PAUSE", URL, mine, ""), ==, 200);
    g_assert_cmpuint(ask(fixture, "TEARDOWN", URL, longer, ""), ==, 454);
    g_assert_cmpuint(ask(fixture, "TEARDOWN", URL, "Session: 0\r\n", ""), ==, 454);
    g_assert_cmpuint(ask(fixture, "TEARDOWN", URL, mine, ""), ==, 200);
    g_assert_cmpuint(ask(fixture, "TEARDOWN", URL, mine, ""), ==, 454);
}

static void refuse(struct fixture *fixture, const char *call, enum dub_error_code code)
{
    fixture->refused_call = call;
    fixture->refusal = code;
}

static void test_refusals_of_the_router(struct fixture *fixture, gconstpointer data)
{
    static const struct {
        enum dub_error_code code;
        unsigned status;
    } cases[] = {{DUB_ERROR_NOT_FOUND, 404},
                 {DUB_ERROR_UNSUPPORTED, 415},
                 {DUB_ERROR_LIMIT, 503},
                 {DUB_ERROR_UNAVAILABLE, 503},
                 {DUB_ERROR_INVALID_ARGUMENT, 400}};
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        refuse(fixture, "describe", cases[i].code);
        g_assert_cmpuint(ask(fixture, "DESCRIBE", URL, "", ""), ==, cases[i].status);
        g_assert_true(says(fixture, "X-Reason: not for you  X-Injected: yes\r\n"));
        refuse(fixture, "read", cases[i].code);
        g_assert_cmpuint(ask(fixture, "SETUP", URL "/trackID=0", TCP, ""), ==, cases[i].status);
        refuse(fixture, "announce", cases[i].code);
        g_assert_cmpuint(ask(fixture, "ANNOUNCE", URL, "", sdp_text), ==, cases[i].status);
        g_assert_cmpint(fixture->session.state, ==, RTSP_SESSION_IDLE);
    }
    g_assert_cmpuint(fixture->n_refused, ==, 3 * G_N_ELEMENTS(cases));
    refuse(fixture, "record", DUB_ERROR_UNAVAILABLE);
    announce(fixture);
    g_assert_cmpuint(ask(fixture, "SETUP", URL "/streamid=1", TCP, ""), ==, 200);
    g_assert_cmpuint(ask(fixture, "RECORD", URL, "", ""), ==, 503);
    g_assert_true(g_str_has_suffix(fixture->calls->str, "record ended "));
    g_assert_null(fixture->session.id);
}

static void test_credentials(struct fixture *fixture, gconstpointer data)
{
    refuse(fixture, "authorize", DUB_ERROR_AUTH_FAILED);
    g_assert_cmpuint(ask(fixture, "DESCRIBE", URL, "", ""), ==, 401);
    g_assert_true(says(fixture, "WWW-Authenticate: Basic realm=\"r\"\r\n"));
    g_assert_cmpuint(ask(fixture, "ANNOUNCE", URL, "", sdp_text), ==, 401);
    g_assert_cmpuint(ask(fixture, "SETUP", URL "/trackID=0", TCP, ""), ==, 401);
    g_assert_false(was_called(fixture, "announce"));
    g_assert_false(was_called(fixture, "read "));
    g_assert_cmpuint(ask(fixture, "OPTIONS", URL, "", ""), ==, 200);
    refuse(fixture, NULL, DUB_ERROR_NONE);
    start_recording(fixture);
}

static void test_descriptions_that_are_refused(struct fixture *fixture, gconstpointer data)
{
    static const char opus[] = "v=0\r\ns=x\r\nm=audio 0 RTP/AVP 98\r\na=rtpmap:98 opus/48000/2\r\n";
    g_assert_cmpuint(ask(fixture, "ANNOUNCE", URL, "", "nonsense"), ==, 400);
    g_assert_cmpuint(ask(fixture, "ANNOUNCE", URL, "", ""), ==, 400);
    g_assert_cmpuint(ask(fixture, "ANNOUNCE", URL, "", opus), ==, 415);
    g_assert_cmpuint(ask(fixture, "ANNOUNCE", "rtsp://h/", "", sdp_text), ==, 400);
    g_assert_cmpint(fixture->session.state, ==, RTSP_SESSION_IDLE);
}

static void test_requests_that_are_refused(struct fixture *fixture, gconstpointer data)
{
    static const char version[] = "OPTIONS * RTSP/2.0\r\nCSeq: 1\r\n\r\n";
    static const char no_number[] = "OPTIONS * RTSP/1.0\r\n\r\n";
    static const char bad_number[] = "OPTIONS * RTSP/1.0\r\nCSeq: 1a\r\n\r\n";
    g_assert_cmpuint(ask(fixture, "REDIRECT", URL, "", ""), ==, 501);
    g_assert_cmpuint(ask(fixture, "DESCRIBE", URL, "Require: onvif-replay\r\n", ""), ==, 551);
    g_assert_true(says(fixture, "Unsupported: onvif-replay\r\n"));
    g_assert_cmpuint(ask(fixture, "SET_PARAMETER", URL, "", "volume: 11"), ==, 451);
    g_assert_cmpuint(ask(fixture, "SET_PARAMETER", URL, "", ""), ==, 200);
    g_assert_true(put(fixture, version, strlen(version), NULL));
    take_reply(fixture);
    g_assert_true(g_str_has_prefix(fixture->reply, "RTSP/1.0 505 "));
    g_assert_true(put(fixture, no_number, strlen(no_number), NULL));
    take_reply(fixture);
    g_assert_true(g_str_has_prefix(fixture->reply, "RTSP/1.0 400 "));
    g_assert_true(put(fixture, bad_number, strlen(bad_number), NULL));
    take_reply(fixture);
    g_assert_true(g_str_has_prefix(fixture->reply, "RTSP/1.0 400 "));
}

static void test_nonsense_is_answered_once(struct fixture *fixture, gconstpointer data)
{
    static const char text[] = "nonsense\r\n\r\n";
    struct dub_error error = {0};
    g_assert_false(put(fixture, text, strlen(text), &error));
    g_assert_cmpint(error.code, ==, DUB_ERROR_PROTOCOL);
    take_reply(fixture);
    g_assert_true(g_str_has_prefix(fixture->reply, "RTSP/1.0 400 "));
}

static void test_responses_are_ignored(struct fixture *fixture, gconstpointer data)
{
    static const char text[] = "RTSP/1.0 200 OK\r\nCSeq: 5\r\n\r\n";
    g_assert_true(put(fixture, text, strlen(text), NULL));
    g_assert_cmpuint(fixture->session.out->len, ==, 0);
    g_assert_cmpuint(fixture->session.requests, ==, 0);
}

static void test_nothing_after_closing(struct fixture *fixture, gconstpointer data)
{
    static const char text[] = "OPTIONS * RTSP/1.0\r\nCSeq: 5\r\n\r\n";
    fixture->session.state = RTSP_SESSION_CLOSING;
    g_assert_true(put(fixture, text, strlen(text), NULL));
    g_assert_cmpuint(fixture->session.out->len, ==, 0);
    g_assert_cmpstr(rtsp_session_state_name(RTSP_SESSION_CLOSING), ==, "CLOSING");
}

#define ADD(name, function) g_test_add("/session/" name, struct fixture, NULL, setup, function, teardown)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("publish", test_publish);
    ADD("frames-before-record-are-thrown-away", test_frames_before_record_are_thrown_away);
    ADD("play", test_play);
    ADD("channels", test_channels);
    ADD("urls-of-tracks", test_urls_of_tracks);
    ADD("setup-that-is-refused", test_setup_that_is_refused);
    ADD("wrong-states", test_wrong_states);
    ADD("sessions-of-others", test_sessions_of_others);
    ADD("refusals-of-the-router", test_refusals_of_the_router);
    ADD("credentials", test_credentials);
    ADD("descriptions-that-are-refused", test_descriptions_that_are_refused);
    ADD("requests-that-are-refused", test_requests_that_are_refused);
    ADD("nonsense-is-answered-once", test_nonsense_is_answered_once);
    ADD("responses-are-ignored", test_responses_are_ignored);
    ADD("nothing-after-closing", test_nothing_after_closing);
    return g_test_run();
}
