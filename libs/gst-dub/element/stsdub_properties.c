/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The settings of stsdub as GObject properties. */
#include "stsdub.h"

#include "dubbing_gst.h"

#include <dubbing_ids.h>

enum {
    PROP_LATENCY = 1,
    PROP_MAX_LAG,
    PROP_LIVE,
    PROP_STREAM_ID,
    PROP_WORKER_ID,
    PROP_STS_URL,
    PROP_STS_API_KEY,
    PROP_STS_MODE,
    PROP_STS_TIMEOUT_MS,
    PROP_SOURCE_LANG,
    PROP_TARGET_LANG,
    PROP_VOICE,
    PROP_CAPTURE_DIR,
    PROP_MIX_MODE,
    PROP_FALLBACK,
    PROP_DUCK_GAIN,
    PROP_DUB_GAIN,
    PROP_BYPASS,
    PROP_FRAGMENTER,
    PROP_SEGMENT_DURATION,
    PROP_MAX_INFLIGHT,
    PROP_STATS,
};

#define DEFAULT_LATENCY (3 * GST_SECOND)
#define DEFAULT_MAX_LAG (2 * GST_SECOND)
#define DEFAULT_SEGMENT (6 * GST_SECOND)
#define DEFAULT_WORKER_ID "stsdub"
#define DEFAULT_URL "http://127.0.0.1:8000"
#define DEFAULT_SOURCE_LANG "en"
#define DEFAULT_TARGET_LANG "es"
#define DEFAULT_VOICE "default"
#define DEFAULT_TIMEOUT_MS 8000
#define DEFAULT_INFLIGHT 3
#define DEFAULT_DUCK_GAIN_DB (-20.0)

#define FIXED_FLAGS (G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY)
#define PLAYING_FLAGS (G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING)

static const GEnumValue sts_modes[] = {
    {STS_MODE_ENABLED, "Find speech and dub it", "enabled"},
    {STS_MODE_PASSTHROUGH, "Find speech and account for it, without contacting the service", "passthrough"},
    {STS_MODE_DISABLED, "Only delay the sound", "disabled"},
    {0, NULL, NULL},
};

static const GEnumValue mix_modes[] = {
    {STS_MIX_DUCK, "The original at duck-gain under the dub", "duck"},
    {STS_MIX_REPLACE, "No original under the dub", "replace"},
    {STS_MIX_BACKGROUND,
     "The original without what is in its middle, where speech is; a mono original is ducked", "background"},
    {0, NULL, NULL},
};

static const GEnumValue fallbacks[] = {
    {DUB_BED_FULL, "The original as it is", "passthrough"},
    {DUB_BED_DUCKED, "The original at duck-gain", "ducked"},
    {DUB_BED_BACKGROUND, "The original without what is in its middle; a mono original is ducked",
     "background"},
    {DUB_BED_SILENT, "Nothing", "silence"},
    {0, NULL, NULL},
};

static const GEnumValue fragmenters[] = {
    {DUB_FRAGMENTER_VAD, "Whole stretches of speech, between pauses", "vad"},
    {DUB_FRAGMENTER_FIXED, "Pieces of segment-duration", "fixed"},
    {0, NULL, NULL},
};

void sts_dub_settings_init(struct sts_dub_settings *settings)
{
    *settings = (struct sts_dub_settings){
        .latency_ns = DEFAULT_LATENCY,
        .max_lag_ns = DEFAULT_MAX_LAG,
        .live = TRUE,
        .worker_id = g_strdup(DEFAULT_WORKER_ID),
        .sts_url = g_strdup(DEFAULT_URL),
        .sts_timeout_ms = DEFAULT_TIMEOUT_MS,
        .source_lang = g_strdup(DEFAULT_SOURCE_LANG),
        .target_lang = g_strdup(DEFAULT_TARGET_LANG),
        .voice = g_strdup(DEFAULT_VOICE),
        .duck_gain_db = DEFAULT_DUCK_GAIN_DB,
        .segment_ns = DEFAULT_SEGMENT,
        .max_inflight = DEFAULT_INFLIGHT,
    };
}

/* The service has one conversation per stream: two elements of the same name would take it from each other
 * for ever. */
void sts_dub_settings_complete(struct sts_dub_settings *settings)
{
    if (settings->stream_id != NULL)
        return;
    g_autofree char *uuid = dub_uuid_new();
    settings->stream_id = g_strdup_printf("stream-%.8s", uuid);
}

void sts_dub_settings_clear(struct sts_dub_settings *settings)
{
    g_free(settings->stream_id);
    g_free(settings->worker_id);
    g_free(settings->sts_url);
    g_free(settings->sts_api_key);
    g_free(settings->source_lang);
    g_free(settings->target_lang);
    g_free(settings->voice);
    g_free(settings->capture_dir);
}

static float factor(double db)
{
    return (float)pow(10, db / 20);
}

void sts_dub_apply_mix(StsDub *self)
{
    static const enum dub_bed under_dub[] = {
        [STS_MIX_DUCK] = DUB_BED_DUCKED,
        [STS_MIX_REPLACE] = DUB_BED_SILENT,
        [STS_MIX_BACKGROUND] = DUB_BED_BACKGROUND,
    };
    const struct sts_dub_settings *settings = &self->settings;
    if (self->dubber == NULL)
        return;
    struct dub_mix mix = {
        .under_dub = under_dub[settings->mix_mode],
        .under_failed = settings->fallback,
        .duck_gain = factor(settings->duck_gain_db),
        .dub_gain = factor(settings->dub_gain_db),
        .bypass = settings->bypass,
    };
    dub_dubber_set_mix(self->dubber, &mix);
    dub_dubber_set_max_lag(self->dubber, (int64_t)settings->max_lag_ns);
}

/* The string behind a property, or NULL for one that is none. */
static char **text_setting(struct sts_dub_settings *settings, guint id)
{
    switch (id) {
    case PROP_STREAM_ID:
        return &settings->stream_id;
    case PROP_WORKER_ID:
        return &settings->worker_id;
    case PROP_STS_URL:
        return &settings->sts_url;
    case PROP_STS_API_KEY:
        return &settings->sts_api_key;
    case PROP_SOURCE_LANG:
        return &settings->source_lang;
    case PROP_TARGET_LANG:
        return &settings->target_lang;
    case PROP_VOICE:
        return &settings->voice;
    case PROP_CAPTURE_DIR:
        return &settings->capture_dir;
    default:
        return NULL;
    }
}

static guint64 *duration_setting(struct sts_dub_settings *settings, guint id)
{
    switch (id) {
    case PROP_LATENCY:
        return &settings->latency_ns;
    case PROP_MAX_LAG:
        return &settings->max_lag_ns;
    case PROP_SEGMENT_DURATION:
        return &settings->segment_ns;
    default:
        return NULL;
    }
}

static void set_setting(struct sts_dub_settings *settings, guint id, const GValue *value)
{
    switch (id) {
    case PROP_LIVE:
        settings->live = g_value_get_boolean(value);
        break;
    case PROP_STS_MODE:
        settings->sts_mode = (enum sts_mode)g_value_get_enum(value);
        break;
    case PROP_STS_TIMEOUT_MS:
        settings->sts_timeout_ms = g_value_get_uint(value);
        break;
    case PROP_MIX_MODE:
        settings->mix_mode = (enum sts_mix_mode)g_value_get_enum(value);
        break;
    case PROP_FALLBACK:
        settings->fallback = (enum dub_bed)g_value_get_enum(value);
        break;
    case PROP_DUCK_GAIN:
        settings->duck_gain_db = g_value_get_double(value);
        break;
    case PROP_DUB_GAIN:
        settings->dub_gain_db = g_value_get_double(value);
        break;
    case PROP_BYPASS:
        settings->bypass = g_value_get_boolean(value);
        break;
    case PROP_FRAGMENTER:
        settings->fragmenter = (enum dub_fragmenter_mode)g_value_get_enum(value);
        break;
    case PROP_MAX_INFLIGHT:
        settings->max_inflight = g_value_get_uint(value);
        break;
    default:
        break;
    }
}

static void set_any(struct sts_dub_settings *settings, guint id, const GValue *value)
{
    char **text = text_setting(settings, id);
    guint64 *duration = duration_setting(settings, id);
    if (text != NULL) {
        g_free(*text);
        *text = g_value_dup_string(value);
    } else if (duration != NULL) {
        *duration = g_value_get_uint64(value);
    } else {
        set_setting(settings, id, value);
    }
}

static void set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
    StsDub *self = STS_DUB(object);
    if (GST_STATE(self) > GST_STATE_READY && (spec->flags & GST_PARAM_MUTABLE_READY) != 0) {
        g_warning("stsdub: %s can only be set in the states NULL and READY", spec->name);
        return;
    }
    pthread_mutex_lock(&self->lock);
    set_any(&self->settings, id, value);
    sts_dub_apply_mix(self);
    pthread_mutex_unlock(&self->lock);
}

static void get_setting(const struct sts_dub_settings *settings, guint id, GValue *value)
{
    switch (id) {
    case PROP_LIVE:
        g_value_set_boolean(value, settings->live);
        break;
    case PROP_STS_MODE:
        g_value_set_enum(value, (gint)settings->sts_mode);
        break;
    case PROP_STS_TIMEOUT_MS:
        g_value_set_uint(value, settings->sts_timeout_ms);
        break;
    case PROP_MIX_MODE:
        g_value_set_enum(value, (gint)settings->mix_mode);
        break;
    case PROP_FALLBACK:
        g_value_set_enum(value, (gint)settings->fallback);
        break;
    case PROP_DUCK_GAIN:
        g_value_set_double(value, settings->duck_gain_db);
        break;
    case PROP_DUB_GAIN:
        g_value_set_double(value, settings->dub_gain_db);
        break;
    case PROP_BYPASS:
        g_value_set_boolean(value, settings->bypass);
        break;
    case PROP_FRAGMENTER:
        g_value_set_enum(value, (gint)settings->fragmenter);
        break;
    case PROP_MAX_INFLIGHT:
        g_value_set_uint(value, settings->max_inflight);
        break;
    default:
        break;
    }
}

static void get_any(struct sts_dub_settings *settings, guint id, GValue *value)
{
    char **text = text_setting(settings, id);
    const guint64 *duration = duration_setting(settings, id);
    if (text != NULL)
        g_value_set_string(value, *text);
    else if (duration != NULL)
        g_value_set_uint64(value, *duration);
    else
        get_setting(settings, id, value);
}

static void get_property(GObject *object, guint id, GValue *value, GParamSpec *spec)
{
    StsDub *self = STS_DUB(object);
    if (id == PROP_STATS) {
        g_value_take_boxed(value, sts_dub_new_stats(self));
        return;
    }
    pthread_mutex_lock(&self->lock);
    get_any(&self->settings, id, value);
    pthread_mutex_unlock(&self->lock);
}

static void install_texts(GObjectClass *class)
{
    static const struct {
        guint id;
        const char *name, *nick, *blurb, *value;
    } texts[] = {
        {PROP_STREAM_ID, "stream-id", "Stream",
         "Name of the stream, as the sts-service sees it: 1 to 64 letters, digits, - and _; made up if not "
         "set",
         NULL},
        {PROP_WORKER_ID, "worker-id", "Worker",
         "Name of this worker, as the sts-service sees it: 1 to 64 letters, digits, - and _",
         DEFAULT_WORKER_ID},
        {PROP_STS_URL, "sts-url", "Service",
         "Where the sts-service is: http://host:port or https://host:port", DEFAULT_URL},
        {PROP_STS_API_KEY, "sts-api-key", "Key", "What the sts-service wants as its key; none if not set",
         NULL},
        {PROP_SOURCE_LANG, "source-lang", "Source language",
         "Language that is spoken, as its code: en, es, ...", DEFAULT_SOURCE_LANG},
        {PROP_TARGET_LANG, "target-lang", "Target language",
         "Language that is wanted, as its code: en, es, ...", DEFAULT_TARGET_LANG},
        {PROP_VOICE, "voice", "Voice", "Voice profile of the sts-service, one of those it lists",
         DEFAULT_VOICE},
        {PROP_CAPTURE_DIR, "capture-dir", "Capture",
         "Folder in which the audio of each fragment is kept, as sent and as received; none if not set",
         NULL},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
        GParamSpec *spec =
            g_param_spec_string(texts[i].name, texts[i].nick, texts[i].blurb, texts[i].value, FIXED_FLAGS);
        g_object_class_install_property(class, texts[i].id, spec);
    }
}

static void install_durations(GObjectClass *class)
{
    static const struct {
        guint id;
        const char *name, *nick, *blurb;
        guint64 min, value;
        GParamFlags flags;
    } durations[] = {
        {PROP_LATENCY, "latency", "Latency",
         "The fixed delay D of the output behind the input, in ns: 100 ms to 30 s", 100 * GST_MSECOND,
         DEFAULT_LATENCY, FIXED_FLAGS},
        {PROP_MAX_LAG, "max-lag", "Greatest lag",
         "How far behind its source a dub may begin, in ns: 0 to 30 s; holds for dubs that are not placed "
         "yet",
         0, DEFAULT_MAX_LAG, PLAYING_FLAGS},
        {PROP_SEGMENT_DURATION, "segment-duration", "Segment",
         "Length of fragments with fragmenter=fixed, in ns: 1 s to 30 s; live, at most what latency and "
         "max-lag "
         "leave",
         GST_SECOND, DEFAULT_SEGMENT, FIXED_FLAGS},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(durations); i++) {
        GParamSpec *spec =
            g_param_spec_uint64(durations[i].name, durations[i].nick, durations[i].blurb, durations[i].min,
                                30 * GST_SECOND, durations[i].value, durations[i].flags);
        g_object_class_install_property(class, durations[i].id, spec);
    }
}

static void install_numbers(GObjectClass *class)
{
    g_object_class_install_property(
        class, PROP_STS_TIMEOUT_MS,
        g_param_spec_uint("sts-timeout-ms", "Timeout",
                          "An answer of the service that takes longer is not used, in ms: 1000 to 30000",
                          1000, 30000, DEFAULT_TIMEOUT_MS, FIXED_FLAGS));
    g_object_class_install_property(class, PROP_MAX_INFLIGHT,
                                    g_param_spec_uint("max-inflight", "In flight",
                                                      "Fragments outstanding at the service at most: 1 to 10",
                                                      1, 10, DEFAULT_INFLIGHT, FIXED_FLAGS));
    g_object_class_install_property(
        class, PROP_LIVE,
        g_param_spec_boolean("live", "Live",
                             "Push blocks by the clock, whatever is missing; otherwise wait for every dub",
                             TRUE, FIXED_FLAGS));
}

/* May change while playing, without a click. */
static void install_levels(GObjectClass *class)
{
    g_object_class_install_property(
        class, PROP_DUCK_GAIN,
        g_param_spec_double(
            "duck-gain", "Duck gain",
            "Gain of the original under a dub with mix-mode=duck, and with fallback=ducked, in "
            "dB: -60 to 0",
            -60, 0, DEFAULT_DUCK_GAIN_DB, PLAYING_FLAGS));
    g_object_class_install_property(
        class, PROP_DUB_GAIN,
        g_param_spec_double("dub-gain", "Dub gain",
                            "Gain of dubs beyond the loudness of the speech they replace, in dB: -20 to 20",
                            -20, 20, 0, PLAYING_FLAGS));
    g_object_class_install_property(
        class, PROP_BYPASS,
        g_param_spec_boolean(
            "bypass", "Bypass",
            "Only the original is heard, as late as ever; speech is passed through as BYPASSED", FALSE,
            PLAYING_FLAGS));
}

static void install_choices(GObjectClass *class)
{
    static const struct {
        guint id;
        const char *type_name;
        const GEnumValue *values;
        const char *name, *nick, *blurb;
        GParamFlags flags;
    } choices[] = {
        {PROP_STS_MODE, "StsDubMode", sts_modes, "sts-mode", "Mode",
         "What is done with speech: enabled, passthrough, disabled", FIXED_FLAGS},
        {PROP_FRAGMENTER, "StsDubFragmenter", fragmenters, "fragmenter", "Fragmenter",
         "How speech is cut: vad, fixed", FIXED_FLAGS},
        {PROP_MIX_MODE, "StsDubMixMode", mix_modes, "mix-mode", "Mix",
         "The original under a dub: duck, replace, background", PLAYING_FLAGS},
        {PROP_FALLBACK, "StsDubFallback", fallbacks, "fallback", "Fallback",
         "What is heard of a phrase that could not be dubbed: passthrough, ducked, background, silence",
         PLAYING_FLAGS},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(choices); i++) {
        GType type = g_enum_register_static(choices[i].type_name, choices[i].values);
        GParamSpec *spec = g_param_spec_enum(choices[i].name, choices[i].nick, choices[i].blurb, type,
                                             choices[i].values[0].value, choices[i].flags);
        g_object_class_install_property(class, choices[i].id, spec);
        gst_type_mark_as_plugin_api(type, 0);
    }
}

void sts_dub_install_properties(GObjectClass *class)
{
    class->set_property = set_property;
    class->get_property = get_property;
    install_texts(class);
    install_durations(class);
    install_numbers(class);
    install_levels(class);
    install_choices(class);
    g_object_class_install_property(
        class, PROP_STATS,
        g_param_spec_boxed("stats", "Statistics",
                           "What was done so far: phrases by state, lag, samples, service; the fields are "
                           "listed in dubbing_gst.h",
                           GST_TYPE_STRUCTURE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
}
