/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A stream has one of each. */
#pragma once

enum track { TRACK_VIDEO, TRACK_AUDIO, TRACK_COUNT };
