/* SPDX-License-Identifier: GPL-3.0-or-later */
/* media-worker: the dubbing of one stream or file. Exit codes: dubbing_main.h, settings.h. */
#include "settings.h"
#include "worker.h"

#include <dubbing_gst.h>
#include <dubbing_log.h>
#include <dubbing_main.h>
#include <gst/gst.h>
#include <malloc.h>

/* Blocks from this size on go back to the system once freed. glibc would raise the bound to the largest block
 * that it has seen, and keep for days what one answer of many megabytes took. */
#define RETURNED_BYTES_MIN (1 << 20)

static void on_signal(void *user)
{
    worker_stop(user);
}

static int run(const struct worker_settings *settings)
{
    struct dub_error error = {0};
    struct worker *worker = worker_new(settings, &error);

    if (!worker) {
        dub_log_error("%s", error.message);
        return DUB_EXIT_FAILURE;
    }
    dub_main_on_signal(on_signal, worker);
    int exit_code = worker_run(worker);
    worker_free(worker);
    return exit_code;
}

static int run_with(const struct worker_settings *settings)
{
    dub_main_start_log("media-worker", settings->stream_id, &settings->common);
    /* A second process only for scanning plugins would cost start-up time and memory for nothing. */
    g_setenv("GST_REGISTRY_FORK", "no", FALSE);
    mallopt(M_MMAP_THRESHOLD, RETURNED_BYTES_MIN);
    gst_init(NULL, NULL);
    dub_gst_register();
    int exit_code = run(settings);
    dub_log_clear();
    return exit_code;
}

int main(int argc, char **argv)
{
    struct worker_settings settings = {0};
    int exit_code = DUB_EXIT_OK;

    switch (worker_settings_load(argc, argv, &settings)) {
    case DUB_CONFIG_EXIT_SUCCESS:
        break;
    case DUB_CONFIG_EXIT_USAGE:
        exit_code = DUB_EXIT_USAGE;
        break;
    case DUB_CONFIG_OK:
        exit_code = run_with(&settings);
        break;
    }
    worker_settings_clear(&settings);
    return exit_code;
}
