/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "session.h"

#include "../path_name.h"
#include "transport.h"

#include <dubbing_ids.h>
#include <dubbing_log.h>
#include <string.h>

#define TRACK_CONTROL "/trackID="

static const char *const state_names[] = {
#define X(name) [RTSP_SESSION_##name] = #name,
    RTSP_SESSION_STATES(X)
#undef X
};

const char *rtsp_session_state_name(enum rtsp_session_state state)
{
    return state_names[state];
}

struct reply {
    const char *peer; /* for the log */
    unsigned status;
    GString *headers; /* whole lines */
    char *body;       /* SDP; NULL without */
};

void rtsp_session_init(struct rtsp_session *session, const char *peer,
                       const struct rtsp_session_events *events, void *user)
{
    memset(session, 0, sizeof *session);
    session->peer = peer;
    session->events = events;
    session->user = user;
    session->out = g_byte_array_new();
    rtsp_parser_init(&session->parser);
}

static void forget(struct rtsp_session *session)
{
    g_clear_pointer(&session->id, g_free);
    g_clear_pointer(&session->path, g_free);
    g_clear_pointer(&session->query, g_free);
    g_clear_pointer(&session->base_url, g_free);
    g_clear_pointer(&session->sdp, sdp_free);
    session->n_tracks = 0;
    memset(session->tracks, 0, sizeof session->tracks);
}

void rtsp_session_clear(struct rtsp_session *session)
{
    forget(session);
    rtsp_parser_clear(&session->parser);
    g_clear_pointer(&session->out, g_byte_array_unref);
}

static void set_state(struct rtsp_session *session, enum rtsp_session_state state)
{
    dub_log_debug("rtsp session %s: %s -> %s", session->id != NULL ? session->id : "",
                  state_names[session->state], state_names[state]);
    session->state = state;
}

/* -- replies -- */

static const char *phrase_of(unsigned status)
{
    static const struct {
        unsigned status;
        const char *phrase;
    } phrases[] = {
        {200, "OK"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {404, "Not Found"},
        {415, "Unsupported Media Type"},
        {451, "Parameter Not Understood"},
        {454, "Session Not Found"},
        {455, "Method Not Valid in This State"},
        {459, "Aggregate Operation Not Allowed"},
        {461, "Unsupported Transport"},
        {501, "Not Implemented"},
        {503, "Service Unavailable"},
        {505, "RTSP Version Not Supported"},
        {551, "Option Not Supported"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(phrases); i++)
        if (phrases[i].status == status)
            return phrases[i].phrase;
    return "Error";
}

static unsigned status_of(const struct dub_error *error)
{
    switch (error->code) {
    case DUB_ERROR_AUTH_FAILED:
        return 401;
    case DUB_ERROR_NOT_FOUND:
        return 404;
    case DUB_ERROR_UNSUPPORTED:
        return 415;
    case DUB_ERROR_LIMIT:
    case DUB_ERROR_UNAVAILABLE:
        return 503;
    default:
        return 400;
    }
}

/* The reason goes into the log, and for people who look at the wire into a header of its own; it may quote
 * what a client wrote. */
static void refuse(struct reply *reply, unsigned status, const char *reason)
{
    g_autofree char *text = g_strdup(reason);
    for (char *c = text; *c != '\0'; c++)
        if (g_ascii_iscntrl(*c))
            *c = ' ';
    reply->status = status;
    dub_log_debug("rtsp %s: %u %s: %s", reply->peer, status, phrase_of(status), text);
    g_string_append_printf(reply->headers, "X-Reason: %s\r\n", text);
}

/* The router's refusals concern an operator; a client's mistakes are its own business. */
static void refuse_for(const struct rtsp_session *session, struct reply *reply, const struct dub_error *error)
{
    session->events->refused(error->message, session->user);
    refuse(reply, status_of(error), error->message);
}

static void send_reply(struct rtsp_session *session, const char *cseq, const struct reply *reply)
{
    g_autoptr(GString) text = g_string_new(NULL);
    g_string_append_printf(text, "RTSP/1.0 %u %s\r\n", reply->status, phrase_of(reply->status));
    if (cseq != NULL)
        g_string_append_printf(text, "CSeq: %s\r\n", cseq);
    g_string_append(text, "Server: media-router/" DUB_VERSION "\r\n");
    if (session->id != NULL)
        g_string_append_printf(text, "Session: %s;timeout=%d\r\n", session->id, RTSP_SESSION_TIMEOUT_S);
    g_string_append(text, reply->headers->str);
    if (reply->body != NULL)
        g_string_append_printf(text, "Content-Type: application/sdp\r\nContent-Length: %zu\r\n",
                               strlen(reply->body));
    g_string_append(text, "\r\n");
    if (reply->body != NULL)
        g_string_append(text, reply->body);
    g_byte_array_append(session->out, (const uint8_t *)text->str, (guint)text->len);
}

/* -- what a request is about -- */

static bool resolve(const char *url, char **path, char **query, struct reply *reply)
{
    struct dub_error error = {0};
    g_autofree char *encoded_path = NULL;
    g_autofree char *encoded_query = NULL;
    path_split_app(url, "", &encoded_path, &encoded_query);
    if (path_resolve(encoded_path, encoded_query, "", path, query, &error))
        return true;
    refuse(reply, 400, error.message);
    return false;
}

/* The URL without "/trackID=N", which clients put before or behind the query; *track is -1 without. */
static char *cut_track(const char *url, int *track)
{
    enum { DIGITS_MAX = 3 };
    const char *control = g_strrstr(url, TRACK_CONTROL);
    const char *number = control != NULL ? control + strlen(TRACK_CONTROL) : "";
    size_t digits = strspn(number, "0123456789");
    *track = -1;
    if (digits == 0 || digits > DIGITS_MAX || (number[digits] != '\0' && number[digits] != '?'))
        return g_strdup(url);
    *track = (int)g_ascii_strtoull(number, NULL, 10);
    return g_strdup_printf("%.*s%s", (int)(control - url), url, number + digits);
}

static struct rtsp_target target_of(const struct rtsp_message *request, const char *path, const char *query,
                                    bool is_publish)
{
    return (struct rtsp_target){.path = path,
                                .query = query,
                                .is_publish = is_publish,
                                .method = rtsp_method_name(request->method),
                                .url = request->url,
                                .authorization = rtsp_message_header(request, "Authorization")};
}

static bool authorize(struct rtsp_session *session, const struct rtsp_target *target, struct reply *reply)
{
    struct dub_error error = {0};
    g_autoptr(GPtrArray) challenges = g_ptr_array_new_with_free_func(g_free);
    if (session->events->authorize(target, challenges, &error, session->user))
        return true;
    refuse_for(session, reply, &error);
    for (guint i = 0; i < challenges->len; i++)
        g_string_append_printf(reply->headers, "WWW-Authenticate: %s\r\n", (char *)challenges->pdata[i]);
    return false;
}

/* The new session's identity is the caller's to take back with forget. */
static void begin(struct rtsp_session *session, const char *path, const char *query)
{
    forget(session);
    session->id = dub_uuid_new();
    session->path = g_strdup(path);
    session->query = g_strdup(query);
}

static void finish(struct rtsp_session *session)
{
    session->events->ended(session->user);
    if (session->state != RTSP_SESSION_CLOSING)
        set_state(session, RTSP_SESSION_IDLE);
    forget(session);
}

/* -- methods -- */

static void on_options(struct rtsp_session *session, const struct rtsp_message *request, struct reply *reply)
{
    g_string_append(reply->headers, "Public: ");
    for (enum rtsp_method method = 0; method < RTSP_METHOD_OTHER; method++)
        g_string_append_printf(reply->headers, "%s%s", method > 0 ? ", " : "", rtsp_method_name(method));
    g_string_append(reply->headers, "\r\n");
}

/* "rtsp://user:pass@host/live/x?q" -> "rtsp://host/live/x/": what the tracks' names are relative to. */
static char *content_base(const char *url)
{
    const char *scheme_end = strstr(url, "://");
    const char *host = scheme_end != NULL ? scheme_end + strlen("://") : url;
    size_t host_bytes = strcspn(host, "/?");
    const char *at = memchr(host, '@', host_bytes);
    size_t path_bytes = strcspn(host + host_bytes, "?");
    const char *path = host + host_bytes;
    while (path_bytes > 0 && path[path_bytes - 1] == '/')
        path_bytes--;
    if (at != NULL) {
        host_bytes -= (size_t)(at + 1 - host);
        host = at + 1;
    }
    return g_strdup_printf("%.*s%.*s%.*s/", scheme_end != NULL ? (int)(scheme_end + 3 - url) : 0, url,
                           (int)host_bytes, host, (int)path_bytes, path);
}

static void on_describe(struct rtsp_session *session, const struct rtsp_message *request, struct reply *reply)
{
    struct dub_error error = {0};
    g_autofree char *path = NULL;
    g_autofree char *query = NULL;
    if (!resolve(request->url, &path, &query, reply))
        return;
    struct rtsp_target target = target_of(request, path, query, false);
    if (!authorize(session, &target, reply))
        return;
    if (!session->events->describe(&target, &reply->body, &error, session->user)) {
        refuse_for(session, reply, &error);
        return;
    }
    if (session->state == RTSP_SESSION_IDLE) {
        forget(session);
        session->path = g_steal_pointer(&path);
        session->query = g_steal_pointer(&query);
    }
    g_autofree char *base = content_base(request->url);
    g_string_append_printf(reply->headers, "Content-Base: %s\r\n", base);
}

static void announce(struct rtsp_session *session, const struct rtsp_target *target, struct sdp *take_sdp,
                     struct reply *reply)
{
    struct dub_error error = {0};
    begin(session, target->path, target->query);
    session->sdp = take_sdp;
    session->n_tracks = MIN(take_sdp->tracks->len, RTSP_MAX_TRACKS);
    session->base_url = g_strdup(target->url);
    if (session->events->announce(target, session->sdp, &error, session->user)) {
        set_state(session, RTSP_SESSION_ANNOUNCED);
        return;
    }
    finish(session);
    refuse_for(session, reply, &error);
}

static void on_announce(struct rtsp_session *session, const struct rtsp_message *request, struct reply *reply)
{
    struct dub_error error = {0};
    g_autofree char *path = NULL;
    g_autofree char *query = NULL;
    gsize size = 0;
    const char *text = request->body != NULL ? g_bytes_get_data(request->body, &size) : "";
    if (!resolve(request->url, &path, &query, reply))
        return;
    struct rtsp_target target = target_of(request, path, query, true);
    if (!authorize(session, &target, reply))
        return;
    struct sdp *sdp = sdp_parse(text, size, &error);
    if (sdp != NULL)
        announce(session, &target, sdp, reply);
    else
        refuse_for(session, reply, &error);
}

static bool channel_is_free(const struct rtsp_session *session, unsigned but_track, uint8_t channel)
{
    for (unsigned i = 0; i < session->n_tracks; i++) {
        const struct rtsp_track *track = &session->tracks[i];
        if (i != but_track && track->is_set_up &&
            (track->rtp_channel == channel || track->rtcp_channel == channel))
            return false;
    }
    return true;
}

/* What the client wants, or the first pair that is free where it wants nothing or what another track has. */
static void set_up_track(struct rtsp_session *session, unsigned index, const struct rtsp_transport *transport,
                         struct reply *reply)
{
    struct rtsp_track *track = &session->tracks[index];
    uint8_t rtp = transport->has_channels ? transport->rtp_channel : (uint8_t)(2 * index);
    uint8_t rtcp = transport->has_channels ? transport->rtcp_channel : (uint8_t)(2 * index + 1);
    for (uint8_t next = 0; !channel_is_free(session, index, rtp) || !channel_is_free(session, index, rtcp);
         next = (uint8_t)(next + 2)) {
        rtp = next;
        rtcp = (uint8_t)(next + 1);
    }
    *track = (struct rtsp_track){.is_set_up = true, .rtp_channel = rtp, .rtcp_channel = rtcp};
    g_string_append_printf(reply->headers, "Transport: RTP/AVP/TCP;unicast;interleaved=%u-%u%s\r\n", rtp,
                           rtcp, session->sdp != NULL ? ";mode=record" : "");
}

static void set_up_publisher(struct rtsp_session *session, const struct rtsp_message *request,
                             const struct rtsp_transport *transport, struct reply *reply)
{
    int track = sdp_find_track(session->sdp, session->base_url, request->url);
    if (track < 0 || (unsigned)track >= session->n_tracks)
        refuse(reply, 404, "no announced track has this URL as its control attribute");
    else
        set_up_track(session, (unsigned)track, transport, reply);
}

/* The first SETUP of a reader makes the session. The query is that of DESCRIBE where the client does not
 * repeat it. */
static bool begin_reading(struct rtsp_session *session, const struct rtsp_message *request, const char *path,
                          const char *query, struct reply *reply)
{
    struct dub_error error = {0};
    bool is_described = g_strcmp0(session->path, path) == 0 && *query == '\0';
    g_autofree char *effective_query = g_strdup(is_described ? session->query : query);
    struct rtsp_target target = target_of(request, path, effective_query, false);
    if (!authorize(session, &target, reply))
        return false;
    begin(session, path, effective_query);
    target.path = session->path;
    target.query = session->query;
    if (session->events->read(&target, &session->n_tracks, &error, session->user)) {
        session->n_tracks = MIN(session->n_tracks, RTSP_MAX_TRACKS);
        set_state(session, RTSP_SESSION_READY);
        return true;
    }
    forget(session);
    refuse_for(session, reply, &error);
    return false;
}

static bool has_track_set_up(const struct rtsp_session *session)
{
    for (unsigned i = 0; i < session->n_tracks; i++)
        if (session->tracks[i].is_set_up)
            return true;
    return false;
}

static void set_up_reader(struct rtsp_session *session, const struct rtsp_message *request,
                          const struct rtsp_transport *transport, struct reply *reply)
{
    int track;
    g_autofree char *url = cut_track(request->url, &track);
    g_autofree char *path = NULL;
    g_autofree char *query = NULL;
    if (!resolve(url, &path, &query, reply))
        return;
    if (session->state == RTSP_SESSION_IDLE && !begin_reading(session, request, path, query, reply))
        return;
    if (strcmp(session->path, path) != 0)
        refuse(reply, 400, "the session is about another path");
    else if (track < 0 && session->n_tracks > 1)
        refuse(reply, 459, "there are several tracks: SETUP each of them by its control attribute");
    else if (track >= (int)session->n_tracks)
        refuse(reply, 404, "there is no such track");
    else
        set_up_track(session, (unsigned)MAX(track, 0), transport, reply);
    if (!has_track_set_up(session))
        finish(session);
}

static void on_setup(struct rtsp_session *session, const struct rtsp_message *request, struct reply *reply)
{
    const char *header = rtsp_message_header(request, "Transport");
    struct rtsp_transport transport;
    enum rtsp_transport_result result =
        header != NULL ? rtsp_transport_parse(header, &transport) : RTSP_TRANSPORT_MALFORMED;
    if (result == RTSP_TRANSPORT_MALFORMED)
        refuse(reply, 400, "a missing or malformed Transport header");
    else if (result == RTSP_TRANSPORT_UNSUPPORTED)
        refuse(reply, 461, "use RTP/AVP/TCP, interleaved: this server sends and receives over TCP only");
    else if (session->state == RTSP_SESSION_ANNOUNCED)
        set_up_publisher(session, request, &transport, reply);
    else
        set_up_reader(session, request, &transport, reply);
}

static void append_rtp_info(const struct rtsp_session *session, const char *url,
                            const struct rtsp_start *starts, struct reply *reply)
{
    int track;
    g_autofree char *whole = cut_track(url, &track);
    g_autofree char *base = content_base(whole);
    const char *separator = "RTP-Info: ";
    for (unsigned i = 0; i < session->n_tracks; i++) {
        if (!session->tracks[i].is_set_up || !starts[i].is_known)
            continue;
        g_string_append_printf(reply->headers, "%surl=%strackID=%u;seq=%u;rtptime=%u", separator, base, i,
                               starts[i].sequence, starts[i].rtp_time);
        separator = ",";
    }
    if (*separator == ',')
        g_string_append(reply->headers, "\r\n");
}

static void on_play(struct rtsp_session *session, const struct rtsp_message *request, struct reply *reply)
{
    struct rtsp_start starts[RTSP_MAX_TRACKS] = {{0}};
    g_string_append(reply->headers, "Range: npt=0.000-\r\n");
    if (session->state == RTSP_SESSION_PLAYING)
        return; /* some clients stay alive so */
    session->events->play(starts, session->user);
    if (session->state == RTSP_SESSION_CLOSING)
        return;
    set_state(session, RTSP_SESSION_PLAYING);
    append_rtp_info(session, request->url, starts, reply);
}

/* A publisher that pauses sends nothing for a while: that is up to it. */
static void on_pause(struct rtsp_session *session, const struct rtsp_message *request, struct reply *reply)
{
    if (session->state != RTSP_SESSION_PLAYING)
        return;
    session->events->pause(session->user);
    set_state(session, RTSP_SESSION_READY);
}

static void on_record(struct rtsp_session *session, const struct rtsp_message *request, struct reply *reply)
{
    struct dub_error error = {0};
    if (session->state == RTSP_SESSION_RECORDING)
        return;
    if (!has_track_set_up(session)) {
        refuse(reply, 455, "no track is set up yet");
        return;
    }
    if (session->events->record(&error, session->user)) {
        set_state(session, RTSP_SESSION_RECORDING);
        return;
    }
    finish(session);
    refuse_for(session, reply, &error);
}

/* The reply still names the session that it ended. */
static void on_teardown(struct rtsp_session *session, const struct rtsp_message *request, struct reply *reply)
{
    g_string_append_printf(reply->headers, "Session: %s\r\n", session->id);
    finish(session);
}

static void on_get_parameter(struct rtsp_session *session, const struct rtsp_message *request,
                             struct reply *reply)
{
}

static void on_set_parameter(struct rtsp_session *session, const struct rtsp_message *request,
                             struct reply *reply)
{
    if (request->body != NULL)
        refuse(reply, 451, "this server has no parameters");
}

#define IN(name) (1u << RTSP_SESSION_##name)
#define IN_ANY (IN(IDLE) | IN(ANNOUNCED) | IN(RECORDING) | IN(READY) | IN(PLAYING))

static const struct {
    unsigned states;
    void (*handle)(struct rtsp_session *session, const struct rtsp_message *request, struct reply *reply);
} methods[] = {
    [RTSP_OPTIONS] = {IN_ANY, on_options},
    [RTSP_DESCRIBE] = {IN(IDLE) | IN(READY), on_describe},
    [RTSP_ANNOUNCE] = {IN(IDLE), on_announce},
    [RTSP_SETUP] = {IN(IDLE) | IN(ANNOUNCED) | IN(READY), on_setup},
    [RTSP_PLAY] = {IN(READY) | IN(PLAYING), on_play},
    [RTSP_PAUSE] = {IN(READY) | IN(PLAYING) | IN(RECORDING), on_pause},
    [RTSP_RECORD] = {IN(ANNOUNCED) | IN(RECORDING), on_record},
    [RTSP_TEARDOWN] = {IN(ANNOUNCED) | IN(RECORDING) | IN(READY) | IN(PLAYING), on_teardown},
    [RTSP_GET_PARAMETER] = {IN_ANY, on_get_parameter},
    [RTSP_SET_PARAMETER] = {IN_ANY, on_set_parameter},
};

static void refuse_state(const struct rtsp_session *session, struct reply *reply)
{
    const char *separator = "Allow: ";
    for (enum rtsp_method method = 0; method < RTSP_METHOD_OTHER; method++) {
        if ((methods[method].states & 1u << session->state) == 0)
            continue;
        g_string_append_printf(reply->headers, "%s%s", separator, rtsp_method_name(method));
        separator = ", ";
    }
    g_string_append(reply->headers, "\r\n");
    refuse(reply, 455, state_names[session->state]);
}

/* Of another connection, or one that has ended. A timeout may stand behind the id. */
static bool names_other_session(const struct rtsp_session *session, const struct rtsp_message *request)
{
    const char *header = rtsp_message_header(request, "Session");
    if (header == NULL)
        return false;
    size_t length = strcspn(header, "; ");
    return session->id == NULL || strlen(session->id) != length || strncmp(header, session->id, length) != 0;
}

static bool needs_session(enum rtsp_method method)
{
    return (methods[method].states & IN(IDLE)) == 0;
}

/* RFC 2326 section 12.32: no options are known here. */
static void refuse_option(struct reply *reply, const char *option)
{
    g_string_append_printf(reply->headers, "Unsupported: %s\r\n", option);
    refuse(reply, 551, "Require names an option that is not known here");
}

static void dispatch(struct rtsp_session *session, const struct rtsp_message *request, struct reply *reply)
{
    const char *require = rtsp_message_header(request, "Require");
    if (!request->is_rtsp_1)
        refuse(reply, 505, "this server speaks RTSP/1.0");
    else if (request->method == RTSP_METHOD_OTHER)
        refuse(reply, 501, "see OPTIONS for the methods that there are");
    else if (require != NULL)
        refuse_option(reply, require);
    else if (names_other_session(session, request) || (session->id == NULL && needs_session(request->method)))
        refuse(reply, 454, "this connection has no such session");
    else if ((methods[request->method].states & 1u << session->state) == 0)
        refuse_state(session, reply);
    else
        methods[request->method].handle(session, request, reply);
}

static void on_request(struct rtsp_session *session, const struct rtsp_message *request)
{
    const char *cseq = rtsp_message_header(request, "CSeq");
    struct reply reply = {.peer = session->peer, .status = 200, .headers = g_string_new(NULL)};
    guint64 number;
    session->requests++;
    if (cseq == NULL || !g_ascii_string_to_unsigned(cseq, 10, 0, G_MAXUINT32, &number, NULL)) {
        cseq = NULL;
        refuse(&reply, 400, "a request without a number in CSeq");
    } else {
        dispatch(session, request, &reply);
    }
    send_reply(session, cseq, &reply);
    g_string_free(reply.headers, TRUE);
    g_free(reply.body);
}

static void on_frame(struct rtsp_session *session, const struct rtsp_frame *frame)
{
    for (unsigned i = 0; i < session->n_tracks; i++) {
        const struct rtsp_track *track = &session->tracks[i];
        bool is_rtcp = track->rtcp_channel == frame->channel;
        if (!track->is_set_up || (!is_rtcp && track->rtp_channel != frame->channel))
            continue;
        if (session->state == RTSP_SESSION_RECORDING)
            session->events->packet(i, is_rtcp, frame->data, frame->size, session->user);
        return;
    }
    session->stray_frames++;
}

/* What cannot be understood is answered once, so that its sender has something to look at. */
static bool give_up(struct rtsp_session *session, const struct dub_error *error)
{
    struct reply reply = {.peer = session->peer, .status = 200, .headers = g_string_new(NULL)};
    refuse(&reply, 400, error->message);
    send_reply(session, NULL, &reply);
    g_string_free(reply.headers, TRUE);
    return false;
}

bool rtsp_session_receive(struct rtsp_session *session, const uint8_t *data, size_t size,
                          struct dub_error *error)
{
    struct rtsp_message message = {0};
    struct rtsp_frame frame;
    struct dub_error problem = {0};
    session->received_bytes += size;
    rtsp_parser_put(&session->parser, data, size);
    while (session->state != RTSP_SESSION_CLOSING && !session->must_wait) {
        enum rtsp_item item = rtsp_parser_take(&session->parser, &message, &frame, &problem);
        if (item == RTSP_ITEM_NONE)
            break;
        if (item == RTSP_ITEM_ERROR) {
            dub_error_set(error, problem.code, "%s", problem.message);
            return give_up(session, &problem);
        }
        if (item == RTSP_ITEM_FRAME)
            on_frame(session, &frame);
        else if (message.status == 0)
            on_request(session, &message);
        rtsp_message_clear(&message);
    }
    return true;
}
