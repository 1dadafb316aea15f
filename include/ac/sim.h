/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * sim.h - the component `sim`, for tests: a program, unchanged, runs with its
 * clients and servers in one loop, on a network that is simulated, in virtual
 * time, from a seed. The same seed gives the same run, step for step.
 *
 * A program that links it has the calls of the sockets' interface (socket,
 * bind, connect, recv, sendmsg, poll, close, getaddrinfo, ...) from here. They
 * are the system's, save on a thread that simulates, for TCP and UDP: these
 * sockets are the simulation's. All of this belongs to such a thread. */
#ifndef AC_SIM_H
#define AC_SIM_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <ac/ac.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Probabilities are from 0 to 1, times in seconds. */
struct ac_simulation {
  uint64_t seed;
  /* How long a segment or datagram is under way; both 0: 0.1 to 10 ms. */
  double delay_min, delay_max;
  /* What is under way in one direction of a connection, or waits to be read;
   * what waits at a UDP socket. 0: 64 KiB. */
  size_t buffer_bytes;

  /* What programs have to cope with at any time. 0: the default; negative:
   * never. */
  double short_io;    /* send or recv moves less than it could; 0.2 */
  double would_block; /* EAGAIN though it could; 0.1 */
  /* Nothing of that, and tasks run in the order in which they became ready. */
  int orderly;

  /* What goes wrong; 0: never. */
  double reset;     /* at a send: the connection is reset, for both ends */
  double refuse;    /* at a connect: ECONNREFUSED */
  double loss;      /* of a datagram */
  double duplicate; /* of one that is not lost */

  FILE *trace; /* a line for everything that happens; or NULL */
};

/* This thread simulates from now on, until the loop that it runs next has
 * ended. Sockets may be made before that loop is. 0, AC_ENOMEM, or AC_EINVAL in
 * a loop, and for what is out of range. AC_DRIVER=sim:SEED in the environment
 * does so for every loop, with the seed (default 1) and nothing going wrong. */
AC_API int ac_use_simulation(const struct ac_simulation *simulation);

/* ---- hosts ---------------------------------------------------------------
 *
 * A host is made when it is first named, and has two addresses, 10.0.0.N and
 * fd00::N, that getaddrinfo knows by its name. 127.0.0.1 and ::1 are whichever
 * host one is on. */

/* The task, and those that it makes from now on, are on that host; outside of
 * tasks: all that are on no other. What is on none is on "localhost". 0, or
 * AC_ENOMEM. */
AC_API int ac_sim_on(const char *host);
/* The task's; NULL where nothing is simulated. */
AC_API const char *ac_sim_host(void);
/* IPv4. 0, AC_ENOMEM, or AC_EINVAL. */
AC_API int ac_sim_address(const char *host, unsigned port,
                          struct ac_address *address);

/* Cuts the wire between two hosts (b NULL: between one and all others), or
 * mends it. Datagrams get lost; what belongs to connections is held up until
 * it is mended, or given up with ETIMEDOUT: a connect after 127 s, what was
 * sent after 924 s. 0, or AC_ENOMEM. */
AC_API int ac_sim_cut(const char *a, const char *b);
AC_API int ac_sim_mend(const char *a, const char *b);
/* Resets every connection of the host, as if its power failed and came back;
 * its sockets that listen go on. 0, or AC_ENOMEM. */
AC_API int ac_sim_reset(const char *host);

/* ---- what happened ------------------------------------------------------- */

/* A random number of the simulation's, for the program's own choices. */
AC_API uint64_t ac_sim_random(void);
/* Adds a line to the trace, and to the digest. */
AC_API void ac_sim_note(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

struct ac_sim_report {
  uint64_t digest; /* of all that happened: two runs with the same are one */
  uint64_t events; /* segments and datagrams that arrived, and the like */
  uint64_t bytes;  /* of connections, that arrived */
  uint64_t resets, losses;
  int64_t time_ns; /* of the last event */
  int open;        /* sockets that are not closed */
};
/* Of the simulation under way, or this thread's last one. */
AC_API void ac_sim_report(struct ac_sim_report *report);

#ifdef __cplusplus
}
#endif
#endif
