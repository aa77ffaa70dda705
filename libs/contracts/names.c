/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The wire names of the events' enums, from the X-macro lists of the header. */
#include "fields.h"

CONTRACT_DEFINE_NAMES(dub_audio_format, DUB_AUDIO_FORMATS, dub_audio_format)
CONTRACT_DEFINE_NAMES(dub_ack_status, DUB_ACK_STATUSES, dub_ack_status)
CONTRACT_DEFINE_NAMES(dub_fragment_status, DUB_FRAGMENT_STATUSES, dub_fragment_status)
CONTRACT_DEFINE_NAMES(dub_pressure_severity, DUB_PRESSURE_SEVERITIES, dub_pressure_severity)
CONTRACT_DEFINE_NAMES(dub_pressure_action, DUB_PRESSURE_ACTIONS, dub_pressure_action)
CONTRACT_DEFINE_NAMES(dub_error_severity, DUB_ERROR_SEVERITIES, dub_error_severity)
CONTRACT_DEFINE_NAMES(dub_simulation_trigger, DUB_SIMULATION_TRIGGERS, dub_simulation_trigger)
