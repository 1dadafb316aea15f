/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * world.c - hosts, wires, chance and the trace of a simulation, and its
 * beginning and end. */
#define _GNU_SOURCE
#include "sim.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

_Thread_local struct sim_world *sim_world;
static _Thread_local struct ac_sim_report last_report;

static const struct ac_local host_key = {"simulated host"};

int64_t sim_now(const struct sim_world *world) {
  return world->is_running ? ac_now() : 0;
}

/* ---- chance -------------------------------------------------------------- */

/* splitmix64, by Steele, Lea and Flood: any seed will do. */
uint64_t sim_draw(struct sim_world *world) {
  uint64_t z = world->random += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

static double fraction(struct sim_world *world) {
  return (double)(sim_draw(world) >> 11) / 9007199254740992.0; /* 2^53 */
}

int sim_happens(struct sim_world *world, double probability) {
  return probability > 0 && fraction(world) < probability;
}

size_t sim_some(struct sim_world *world, size_t limit) {
  return limit < 2 ? limit : 1 + (size_t)(sim_draw(world) % limit);
}

int64_t sim_arrival(struct sim_world *world) {
  const struct ac_simulation *o = &world->options;
  double seconds =
      o->delay_min + (o->delay_max - o->delay_min) * fraction(world);
  return sim_now(world) + (int64_t)(seconds * 1e9);
}

/* ---- the trace ----------------------------------------------------------- */

static void digest(struct sim_world *world, const char *text) {
  uint64_t hash = world->report.digest; /* FNV-1a */
  for (; *text; text++)
    hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
  world->report.digest = hash;
}

static void trace_list(struct sim_world *world, const char *format,
                       va_list args) {
  char line[256];
  int64_t now_ns = sim_now(world);
  int head = snprintf(line, sizeof line, "%lld.%09lld ",
                      (long long)(now_ns / 1000000000),
                      (long long)(now_ns % 1000000000));
  vsnprintf(line + head, sizeof line - (size_t)head, format, args);
  digest(world, line);
  if (world->options.trace)
    fprintf(world->options.trace, "%s\n", line);
}

void sim_trace(struct sim_world *world, const char *format, ...) {
  va_list args;
  va_start(args, format);
  trace_list(world, format, args);
  va_end(args);
}

void sim_trace_socket(struct sim_world *world, const struct sim_socket *socket,
                      const char *what, long long number) {
  sim_trace(world, "%s #%llu %s %lld", socket->host->name,
            (unsigned long long)socket->id, what, number);
}

/* ---- hosts --------------------------------------------------------------- */

struct sim_host *sim_host_find(const struct sim_world *world,
                               const char *name) {
  struct sim_host *host = world->hosts;
  while (host && strcmp(host->name, name) != 0)
    host = host->next;
  return host;
}

struct sim_host *sim_host_named(struct sim_world *world, const char *name) {
  struct sim_host *host = sim_host_find(world, name);
  if (host)
    return host;
  size_t bytes = strlen(name) + 1;
  host = calloc(1, sizeof *host + bytes);
  if (!host)
    return NULL;
  memcpy(host->name, name, bytes);
  host->number = ++world->host_count;
  host->last_port = 32767; /* Linux' first ephemeral one follows */
  host->next = world->hosts;
  world->hosts = host;
  return host;
}

/* fd00::N, or 10.0.0.N and so on as ::ffff:10.0.0.N. */
struct in6_addr sim_host_ip(const struct sim_host *host, int family) {
  struct in6_addr ip = {{{0}}};
  uint32_t low =
      htonl(family == AF_INET ? 0x0a000000u | host->number : host->number);
  memcpy(&ip.s6_addr[12], &low, sizeof low);
  if (family == AF_INET)
    ip.s6_addr[10] = ip.s6_addr[11] = 0xff;
  else
    ip.s6_addr[0] = 0xfd;
  return ip;
}

static int is_own(const struct in6_addr *ip) {
  return IN6_IS_ADDR_LOOPBACK(ip) || IN6_IS_ADDR_UNSPECIFIED(ip) ||
         (IN6_IS_ADDR_V4MAPPED(ip) &&
          (ip->s6_addr[12] == 127 || ip->s6_addr32[3] == 0));
}

struct sim_host *sim_host_at(const struct sim_world *world,
                             struct sim_host *from, const struct in6_addr *ip) {
  if (is_own(ip))
    return from;
  for (struct sim_host *host = world->hosts; host; host = host->next) {
    struct in6_addr v4 = sim_host_ip(host, AF_INET);
    struct in6_addr v6 = sim_host_ip(host, AF_INET6);
    if (IN6_ARE_ADDR_EQUAL(ip, &v4) || IN6_ARE_ADDR_EQUAL(ip, &v6))
      return host;
  }
  return NULL;
}

struct sim_host *sim_host_current(struct sim_world *world) {
  struct sim_host *host =
      world->is_running && ac_running ? ac_local_get(&host_key) : NULL;
  return host ? host : world->home;
}

int ac_sim_on(const char *name) {
  struct sim_world *world = sim_world_wanted();
  if (!world || !name)
    return AC_EINVAL;
  struct sim_host *host = sim_host_named(world, name);
  if (!host)
    return AC_ENOMEM;
  if (world->is_running && ac_running)
    return ac_local_set(&host_key, host);
  world->home = host;
  return AC_OK;
}

const char *ac_sim_host(void) {
  return sim_world ? sim_host_current(sim_world)->name : NULL;
}

int ac_sim_address(const char *name, unsigned port,
                   struct ac_address *address) {
  struct sim_world *world = sim_world_wanted();
  if (!world || port > 65535)
    return AC_EINVAL;
  const struct sim_host *host = sim_host_named(world, name);
  if (!host)
    return AC_ENOMEM;
  const struct sim_place place = {sim_host_ip(host, AF_INET), (uint16_t)port};
  *address = (struct ac_address){.bytes = sizeof address->to};
  sim_place_write(&place, AF_INET, (struct sockaddr *)&address->to,
                  &address->bytes);
  return AC_OK;
}

/* ---- wires --------------------------------------------------------------- */

static int is_of(const struct sim_wire *wire, const struct sim_host *a,
                 const struct sim_host *b) {
  return (wire->a == a && (!wire->b || wire->b == b)) ||
         (wire->a == b && (!wire->b || wire->b == a));
}

/* A host always reaches itself. */
int sim_is_cut(const struct sim_world *world, const struct sim_host *a,
               const struct sim_host *b) {
  const struct sim_wire *wire = a == b ? NULL : world->cuts;
  while (wire && !is_of(wire, a, b))
    wire = wire->next;
  return wire != NULL;
}

static int hosts_named(struct sim_world *world, const char *a, const char *b,
                       struct sim_wire *wire) {
  wire->a = sim_host_named(world, a);
  wire->b = b ? sim_host_named(world, b) : NULL;
  return wire->a && (!b || wire->b) ? AC_OK : AC_ENOMEM;
}

int ac_sim_cut(const char *a, const char *b) {
  struct sim_world *world = sim_world;
  if (!world)
    return AC_EINVAL;
  struct sim_wire *wire = calloc(1, sizeof *wire);
  if (!wire || hosts_named(world, a, b, wire)) {
    free(wire);
    return AC_ENOMEM;
  }
  wire->next = world->cuts;
  world->cuts = wire;
  sim_trace(world, "cut %s %s", a, b ? b : "from all");
  return AC_OK;
}

int ac_sim_mend(const char *a, const char *b) {
  struct sim_world *world = sim_world;
  struct sim_wire which;
  if (!world)
    return AC_EINVAL;
  if (hosts_named(world, a, b, &which))
    return AC_ENOMEM;
  for (struct sim_wire **link = &world->cuts; *link;) {
    struct sim_wire *wire = *link;
    int same = (wire->a == which.a && wire->b == which.b) ||
               (wire->a == which.b && wire->b == which.a);
    if (!same) {
      link = &wire->next;
      continue;
    }
    *link = wire->next;
    free(wire);
  }
  sim_trace(world, "mended %s %s", a, b ? b : "to all");
  sim_events_release(world);
  return AC_OK;
}

int ac_sim_reset(const char *name) {
  struct sim_world *world = sim_world;
  if (!world)
    return AC_EINVAL;
  const struct sim_host *host = sim_host_named(world, name);
  if (!host)
    return AC_ENOMEM;
  sim_trace(world, "reset %s", name);
  for (struct sim_socket *s = world->sockets.next; s != &world->sockets;
       s = s->next)
    if (s->host == host && s->kind == SIM_STREAM && s->state == SIM_OPEN)
      sim_stream_break(world, s);
  return AC_OK;
}

/* ---- what happened ------------------------------------------------------- */

uint64_t ac_sim_random(void) { return sim_world ? sim_draw(sim_world) : 0; }

void ac_sim_note(const char *format, ...) {
  va_list args;
  if (!sim_world)
    return;
  va_start(args, format);
  trace_list(sim_world, format, args);
  va_end(args);
}

void ac_sim_report(struct ac_sim_report *report) {
  *report = sim_world ? sim_world->report : last_report;
}

/* ---- beginning and end --------------------------------------------------- */

static void settle(double *probability, double by_default) {
  if (*probability == 0)
    *probability = by_default;
  if (*probability < 0)
    *probability = 0;
}

static int complete(struct ac_simulation *o) {
  if (o->delay_min == 0 && o->delay_max == 0) {
    o->delay_min = 0.0001;
    o->delay_max = 0.01;
  }
  settle(&o->short_io, o->orderly ? 0 : 0.2);
  settle(&o->would_block, o->orderly ? 0 : 0.1);
  if (!o->buffer_bytes)
    o->buffer_bytes = 65536;
  /* A call that is always refused never ends. */
  return o->delay_min >= 0 && o->delay_max >= o->delay_min &&
         o->delay_max <= 1e6 && o->short_io <= 1 && o->would_block < 1 &&
         o->reset >= 0 && o->reset <= 1 && o->refuse >= 0 && o->refuse <= 1 &&
         o->loss >= 0 && o->loss <= 1 && o->duplicate >= 0 && o->duplicate <= 1;
}

int sim_world_new(const struct ac_simulation *options) {
  struct ac_simulation o = *options;
  if (!complete(&o))
    return AC_EINVAL;
  struct sim_world *world = calloc(1, sizeof *world);
  if (!world)
    return AC_ENOMEM;
  world->options = o;
  world->random = o.seed;
  world->report.digest = 0xcbf29ce484222325u;
  world->sockets.next = world->sockets.prev = &world->sockets;
  world->home = sim_host_named(world, "localhost");
  if (!world->home) {
    free(world);
    return AC_ENOMEM;
  }
  sim_world = world;
  return AC_OK;
}

/* Descriptors that are still open stand for nothing from now on. */
void sim_world_end(struct sim_world *world) {
  sim_events_end(world);
  for (struct sim_socket *s = world->sockets.next, *next; s != &world->sockets;
       s = next) {
    next = s->next;
    sim_pieces_free(s);
    free(s);
  }
  for (struct sim_host *host = world->hosts, *next; host; host = next) {
    next = host->next;
    free(host);
  }
  for (struct sim_wire *wire = world->cuts, *next; wire; wire = next) {
    next = wire->next;
    free(wire);
  }
  last_report = world->report;
  free(world->by_fd);
  free(world->marked);
  free(world);
  sim_world = NULL;
}

static int asked_for(uint64_t *seed) {
  const char *name = getenv("AC_DRIVER");
  if (!name || strncmp(name, "sim", 3) != 0 || (name[3] && name[3] != ':'))
    return 0;
  *seed = name[3] ? strtoull(name + 4, NULL, 0) : 1;
  return 1;
}

struct sim_world *sim_world_wanted(void) {
  struct ac_simulation options = {.seed = 1};
  if (!sim_world && !ac_driver() && asked_for(&options.seed))
    sim_world_new(&options);
  return sim_world;
}

int ac_use_simulation(const struct ac_simulation *simulation) {
  if (ac_driver())
    return AC_EINVAL;
  if (sim_world)
    sim_world_end(sim_world);
  int code = sim_world_new(simulation);
  if (!code)
    aci_driver_use_next(&sim_driver_class);
  return code;
}
