/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Signals reach the main loop through an eventfd; the second one ends the process from the handler itself,
 * also when the loop is stuck, which is when somebody presses Ctrl-C twice. */
#include <dubbing_main.h>

#include <dubbing_log.h>
#include <glib-unix.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

static struct {
    int wake_fd;
    volatile sig_atomic_t n_signals;
    void (*on_stop)(void *user);
    void *user;
} stop;

void dub_main_start_log(const char *component, const char *stream_id,
                        const struct dub_common_settings *settings)
{
    dub_log_init(&(struct dub_log_config){
        .component = component,
        .instance_id = settings->instance_id,
        .stream_id = stream_id,
        .run_id = settings->run_id,
        .level = settings->log_level,
        .format = settings->log_format,
        .dir = settings->log_dir,
        .max_bytes = settings->log_max_bytes,
        .max_files = (int)settings->log_max_files,
    });
}

static void on_signal(int signal_number)
{
    static const uint64_t one = 1;
    if (++stop.n_signals > 1)
        _exit(128 + signal_number);
    if (write(stop.wake_fd, &one, sizeof(one)) != sizeof(one))
        _exit(128 + signal_number);
}

static gboolean on_wake(int fd, GIOCondition condition, gpointer data)
{
    stop.on_stop(stop.user);
    return G_SOURCE_REMOVE;
}

void dub_main_on_signal(void (*on_stop)(void *user), void *user)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    stop.on_stop = on_stop;
    stop.user = user;
    stop.wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    g_assert(stop.wake_fd >= 0);
    g_unix_fd_add(stop.wake_fd, G_IO_IN, on_wake, NULL);
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}
