/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "translate.h"

#include "build.h"
#include "dangling.h"
#include "diag.h"
#include "dump.h"
#include "emit.h"
#include "frame.h"
#include "hoist.h"
#include "live.h"
#include "locks.h"
#include "output.h"
#include "parse.h"
#include "sema.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool read_input(const struct options *options, struct buf *text,
                       struct diags *diags) {
  int error = strcmp(options->input, "-") == 0
                  ? buf_read_fd(text, STDIN_FILENO)
                  : buf_read_file(text, options->input);
  if (error) {
    diag_plain(diags, "cannot read '%s': %s", options->input, strerror(error));
    return false;
  }
  if (text->length > UINT32_MAX / 4) {
    diag_plain(diags, "'%s' is too large", options->input);
    return false;
  }
  if (memchr(text->text, '\0', text->length)) {
    diag_plain(diags, "'%s' is not a text file: it holds a NUL byte",
               options->input);
    return false;
  }
  return true;
}

static bool stop_here(const struct options *options, const char *stage) {
  return options->stop_after && !strcmp(options->stop_after, stage);
}

static void check_frame(const struct function *function,
                        const struct unit *unit, const struct options *options,
                        struct diags *diags) {
  if (options->max_frame_bytes && function->awaits.count &&
      (size_t)function->frame_bytes > options->max_frame_bytes)
    diag_at(diags, unit->source, SEVERITY_ERROR, function->range.begin,
            "the frame of '%s' is %lld bytes, more than --max-frame=%zu",
            function->name, (long long)function->frame_bytes,
            options->max_frame_bytes);
}

/* What is no error, but hardly meant. */
static void look_closely(const struct unit *unit, struct diags *diags) {
  for (size_t i = 0; i < unit->pieces.count; i++) {
    const struct function *function = unit->pieces.items[i]->function;
    if (!function)
      continue;
    locks_check(unit, function, diags);
    dangling_check(unit, function, diags);
  }
}

static void lower_function(struct unit *unit, struct function *function,
                           const struct options *options,
                           struct diags *diags) {
  hoist(unit, function, diags);
  struct liveness live = liveness(function, unit->arena);
  frame_layout(function, &live, unit, diags);
  check_frame(function, unit, options, diags);
  dump_function(unit, function, &live, options);
}

/* Which functions lie on a cycle of calls: a walk from each. */
static bool reaches(const struct function *from, const struct function *to,
                    uint32_t mark) {
  for (size_t i = 0; i < from->calls.count; i++) {
    struct function *callee = from->calls.items[i];
    if (callee == to)
      return true;
    if (callee->mark == mark)
      continue;
    callee->mark = mark;
    if (reaches(callee, to, mark))
      return true;
  }
  return false;
}

static void find_cycles(struct unit *unit) {
  for (size_t i = 0; i < unit->functions.count; i++) {
    struct function *function = unit->functions.items[i];
    function->is_recursive = reaches(function, function, (uint32_t)i + 1);
  }
}

/* Every stage in order. False: there were errors. */
static bool run(struct parsed *parsed, struct source *source,
                struct arena *arena, const struct options *options,
                struct diags *diags, struct buf *out) {
  if (!parse(parsed, source, arena, options, diags) || parsed->unexpanded)
    return false;
  if (dump_wanted(options, "text"))
    fwrite(source->text, 1, source->bytes, stdout);
  if (stop_here(options, "parse"))
    return true;
  struct unit *unit = build(parsed, arena, diags);
  if (dump_wanted(options, "model"))
    dump_model(unit);
  if (stop_here(options, "build"))
    return !diags->errors;
  sema(unit, parsed->errors.items, parsed->errors.count, diags);
  if (!diags->errors)
    look_closely(unit, diags);
  if (stop_here(options, "sema") || diags->errors)
    return !diags->errors;
  find_cycles(unit);
  parse_alignments(parsed, unit, options);
  for (size_t i = 0; i < unit->pieces.count; i++)
    if (unit->pieces.items[i]->function)
      lower_function(unit, unit->pieces.items[i]->function, options, diags);
  if (stop_here(options, "frame") || diags->errors)
    return !diags->errors;
  for (size_t i = 0; options->print_frames && i < unit->pieces.count; i++)
    if (unit->pieces.items[i]->function)
      frame_print(unit, unit->pieces.items[i]->function);
  if (options->output)
    emit_unit(unit, options, out);
  return true;
}

int translate(const struct options *options) {
  struct arena arena = {0};
  struct diags diags = {.arena = &arena, .options = options};
  struct buf text = {0}, out = {0};
  struct source source;
  struct parsed parsed = {0};
  if (read_input(options, &text, &diags)) {
    source_init(&source, &arena,
                strcmp(options->input, "-") ? options->input : "<stdin>",
                text.text, text.length);
    if (run(&parsed, &source, &arena, options, &diags, &out)) {
      if (options->output)
        output_write(options->output, &out, &diags);
      if (options->depend && !diags.errors)
        output_depend(&parsed, options, &diags);
    }
  }
  if ((fflush(stdout) != 0 || ferror(stdout)) && !diags.errors)
    diag_plain(&diags, "cannot write to standard output: %s", strerror(errno));
  diag_print(&diags);
  int status = diags.errors ? 1 : 0;
  if (status && options->output)
    output_discard(options->output);
  parse_dispose(&parsed);
  buf_free(&text);
  buf_free(&out);
  arena_free(&arena);
  return status;
}
