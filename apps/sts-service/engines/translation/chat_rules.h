/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to translation/: what a model that could chat is told before it translates, and what is taken off
 * its answer. Pure, any thread. */
#pragma once

/* source and target as the model knows them: "en-GB", "Spanish". Owned by the caller. */
char *chat_rules(const char *source, const char *target);
/* Takes the answer and gives it back without blanks around it and without the quotes that models put around
 * a text which had none. */
char *chat_unquote(char *take_answer, const char *source_text);
