/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * main.c - the modes of acc. The pipeline of a translation is in translate.c,
 * the C compiler's part in driver.c. */
#include "driver.h"
#include "options.h"
#include "toolchain.h"
#include "translate.h"
#include "version.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* What went to standard output is there, or that is an error. */
static int finish(FILE *out) {
  if (fflush(out) == 0)
    return 0;
  fprintf(stderr, "acc: error: cannot write to standard output: %s\n",
          strerror(errno));
  return 1;
}

static int run(struct options *options) {
  if (options->launched)
    return driver_exec(options);
  switch (options->mode) {
  case MODE_HELP:
    options_print_help(stdout);
    return finish(stdout);
  case MODE_VERSION:
    version_print(stdout);
    return finish(stdout);
  case MODE_TRANSLATE:
  case MODE_CHECK:
    toolchain_adapt(options);
    return translate(options);
  case MODE_COMPILE:
  case MODE_LAUNCH:
    toolchain_adapt(options);
    return driver_run(options);
  }
  return 1;
}

int main(int argc, char **argv) {
  struct options options;
  int status = options_read(&options, argc, argv) ? run(&options) : 1;
  options_free(&options);
  return status;
}
