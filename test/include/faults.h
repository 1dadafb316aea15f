/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * faults.h - runs a scenario again and again: with the nth allocation of the
 * runtime failing, and cancelled after n turns of the loop, for every n. Each
 * run ends, with an error or not, and leaves no memory, no descriptor, no child
 * and no file behind.
 *
 *   async void scenario(void) { ... }
 *   static void run(void) { ac_run(scenario()); }
 *   TEST: fails_everywhere(run); cancelled_everywhere(scenario, 40); */
#ifndef AC_FAULTS_H
#define AC_FAULTS_H

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ac/ac.h>

/* The runtime's seam to memory, for tests. */
void aci_sys_fail_alloc(long nth);
long aci_sys_alloc_count(void);
long aci_sys_alloc_live(void);

static inline int open_descriptors(void) {
  int count = -1; /* the directory's own */
  DIR *dir = opendir("/proc/self/fd");
  if (!dir)
    abort();
  while (readdir(dir))
    count++;
  closedir(dir);
  return count;
}

static inline int has_children(void) {
  siginfo_t info;
  return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 ||
         errno != ECHILD;
}

struct faults_before {
  long live;
  int descriptors;
};

static inline struct faults_before faults_begin(void) {
  return (struct faults_before){aci_sys_alloc_live(), open_descriptors()};
}

/* What threads still have in hand goes within moments. */
static inline int faults_end(struct faults_before before, const char *what,
                             long n) {
  int good = 0;
  for (int i = 0; i < 200 && !good; i++) {
    good = aci_sys_alloc_live() == before.live &&
           open_descriptors() == before.descriptors && !has_children();
    if (!good)
      usleep(10000);
  }
  if (!good)
    fprintf(stderr, "%s %ld: %ld blocks, %d descriptors left, children: %d\n",
            what, n, aci_sys_alloc_live() - before.live,
            open_descriptors() - before.descriptors, has_children());
  return good;
}

/* The number of runs whose failure mattered; negative: something was left. */
static inline long fails_everywhere(void (*run)(void)) {
  run(); /* what is made once and stays */
  struct faults_before before = faults_begin();
  int good = 1;
  for (long n = 1;; n++) {
    aci_sys_fail_alloc(n);
    run();
    long count = aci_sys_alloc_count();
    aci_sys_fail_alloc(-1);
    good &= faults_end(before, "failed allocation", n);
    if (n > count)
      return good ? n - 1 : -1;
  }
}

#endif
