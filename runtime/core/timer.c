/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * timer.c - the clock, the timing wheel, and sleeping.
 *
 * Wheel: Varghese and Lauck's hierarchical wheels (1987), with base-4096 digits
 * of nanoseconds, so that a deadline's order is exact and equal deadlines stay
 * in order of arming: nodes with equal deadlines are always in the same slot,
 * and a slot that is spread over the level below keeps their order. */
#include "internal.h"
#include "stall.h"

enum { SORT_LIMIT = 8, SCAN_LIMIT = 32 };

/* ---- wheel --------------------------------------------------------------- */

static unsigned level_of(uint64_t deadline, uint64_t time) {
  unsigned bit = 63u - (unsigned)__builtin_clzll((deadline ^ time) | 1);
  return (bit * 43) >> 9; /* bit / 12, for bit < 64 */
}

static unsigned digit_of(uint64_t time, unsigned level) {
  return (unsigned)(time >> (level * ACI_DIGIT_BITS)) & (ACI_DIGITS - 1);
}

/* A deadline that has passed counts as the present. */
static uint64_t key_of(const struct aci_wheel *wheel,
                       const struct aci_node *node) {
  return node->when_ns > (int64_t)wheel->time_ns ? (uint64_t)node->when_ns
                                                 : wheel->time_ns;
}

static inline void append_to(struct aci_wheel *wheel, unsigned level,
                             unsigned digit, struct aci_node *node) {
  aci_ring_append(&wheel->level[level].slots[digit], node);
  wheel->level[level].occupied[digit / 64] |= (uint64_t)1 << digit % 64;
  wheel->level[level].words |= (uint64_t)1 << digit / 64;
  wheel->levels |= 1u << level;
}

/* Of the lowest level that has any. */
static unsigned first_digit(const struct aci_wheel *wheel, unsigned level) {
  unsigned word = (unsigned)__builtin_ctzll(wheel->level[level].words);
  return word * 64 +
         (unsigned)__builtin_ctzll(wheel->level[level].occupied[word]);
}

void aci_wheel_add(struct aci_wheel *wheel, struct aci_node *node) {
  uint64_t key = key_of(wheel, node);
  unsigned level = level_of(key, wheel->time_ns);
  unsigned digit = digit_of(key, level);
  append_to(wheel, level, digit, node);
}

static void clear_slot(struct aci_wheel *wheel, unsigned level,
                       unsigned digit) {
  unsigned word = digit / 64;
  wheel->level[level].slots[digit] = NULL;
  wheel->level[level].occupied[word] &= ~((uint64_t)1 << digit % 64);
  if (wheel->level[level].occupied[word])
    return;
  wheel->level[level].words &= ~((uint64_t)1 << word);
  if (!wheel->level[level].words)
    wheel->levels &= ~(1u << level);
}

static void remove_from(struct aci_wheel *wheel, unsigned level, unsigned digit,
                        struct aci_node *node) {
  struct aci_node **slot = &wheel->level[level].slots[digit];
  aci_ring_remove(slot, node);
  if (!*slot)
    clear_slot(wheel, level, digit);
}

void aci_wheel_remove(struct aci_wheel *wheel, struct aci_node *node) {
  uint64_t key = key_of(wheel, node);
  unsigned level = level_of(key, wheel->time_ns);
  remove_from(wheel, level, digit_of(key, level), node);
}

static uint64_t slot_start(const struct aci_wheel *wheel, unsigned level,
                           unsigned digit) {
  unsigned shift = level * ACI_DIGIT_BITS;
  /* What the digits above say; the highest level has none. */
  unsigned end = shift + ACI_DIGIT_BITS;
  uint64_t above = end < 64 ? wheel->time_ns >> end << end : 0;
  return above | (uint64_t)digit << shift;
}

static void expire(ac_loop *loop, struct aci_node *node) {
  switch (aci_kind(node)) {
  case ACI_TASK:
    aci_wake(loop, aci_of_node(node));
    break;
  case ACI_TIMER:
    node->flags &= ~ACI_TIMED;
    aci_ready(loop, node);
    break;
  case ACI_SCOPE:
    aci_scope_expired(node);
    break;
  default: /* ACI_GROUP_TIMER */
    aci_group_expired(
        (struct aci_group *)(void *)((char *)node -
                                     offsetof(struct aci_group, timer)));
  }
}

/* One by one, for what expires may take others out. */
static void expire_slot(ac_loop *loop, unsigned digit) {
  struct aci_wheel *wheel = &loop->wheel;
  for (struct aci_node *node; (node = wheel->level[0].slots[digit]);) {
    remove_from(wheel, 0, digit, node);
    expire(loop, node);
  }
}

/* A slot with a few nodes that are all due is sorted, instead of going down
 * level by level. Tasks wake at once; with others, which may take each other
 * out, it becomes the slot of the present and expires. False: not possible. */
static int sort_slot(ac_loop *loop, unsigned level, unsigned digit,
                     uint64_t now) {
  struct aci_wheel *wheel = &loop->wheel;
  struct aci_node *sorted[SORT_LIMIT];
  struct aci_node *first = wheel->level[level].slots[digit];
  struct aci_node *node = first;
  size_t count = 0, tasks = 0;
  do {
    if (count == SORT_LIMIT || (uint64_t)node->when_ns > now)
      return 0;
    if (aci_kind(node) == ACI_TASK) { /* it will run soon */
      __builtin_prefetch(aci_of_node(node)->leaf.parent);
      tasks++;
    }
    size_t at = count++;
    for (; at && sorted[at - 1]->when_ns > node->when_ns; at--)
      sorted[at] = sorted[at - 1];
    sorted[at] = node;
    node = node->next;
  } while (node != first);
  clear_slot(wheel, level, digit);
  wheel->time_ns = (uint64_t)sorted[count - 1]->when_ns;
  if (tasks == count) {
    for (size_t i = 0; i < count; i++)
      aci_wake(loop, aci_of_node(sorted[i]));
    return 1;
  }
  unsigned present = digit_of(wheel->time_ns, 0);
  for (size_t i = 0; i < count; i++)
    append_to(wheel, 0, present, sorted[i]);
  expire_slot(loop, present);
  return 1;
}

static void spread_slot(struct aci_wheel *wheel, unsigned level,
                        unsigned digit) {
  struct aci_node *first = wheel->level[level].slots[digit];
  struct aci_node *node = first;
  struct aci_node *ahead = first;
  clear_slot(wheel, level, digit);
  do {
    struct aci_node *next = node->next;
    /* Following a list that is out of the cache costs a miss for each node.
     * Another walk from the other end has a second miss under way at any
     * time, and the far half of the list there when the first comes to it.
     * (After that it strays over nodes of other lists, which does no harm.) */
    ahead = ahead->prev;
    __builtin_prefetch(ahead);
    aci_wheel_add(wheel, node);
    node = next;
  } while (node != first);
}

void aci_wheel_advance(ac_loop *loop, int64_t now_ns) {
  struct aci_wheel *wheel = &loop->wheel;
  uint64_t now = (uint64_t)now_ns;
  while (wheel->levels) {
    unsigned level = (unsigned)__builtin_ctz(wheel->levels);
    unsigned digit = first_digit(wheel, level);
    uint64_t start = slot_start(wheel, level, digit);
    if (start > now)
      break;
    if (level && sort_slot(loop, level, digit, now))
      continue;
    wheel->time_ns = start;
    if (level)
      spread_slot(wheel, level, digit);
    else
      expire_slot(loop, digit);
  }
  if (wheel->time_ns < now)
    wheel->time_ns = now;
}

int64_t aci_wheel_next(const struct aci_wheel *wheel) {
  if (!wheel->levels)
    return -1;
  unsigned level = (unsigned)__builtin_ctz(wheel->levels);
  unsigned digit = first_digit(wheel, level);
  const struct aci_node *first = wheel->level[level].slots[digit];
  const struct aci_node *node = first;
  int64_t earliest = INT64_MAX;
  /* In a crowded slot its start will do: advancing then spreads it. */
  for (int i = 0; i < SCAN_LIMIT; i++) {
    if (node->when_ns < earliest)
      earliest = node->when_ns;
    node = node->next;
    if (node == first)
      return earliest;
  }
  return (int64_t)slot_start(wheel, level, digit);
}

/* ---- clock --------------------------------------------------------------- */

int64_t aci_clock(const ac_loop *loop) {
  return loop->virtual_clock ? loop->virtual_ns : aci_sys_now();
}

int64_t aci_deadline(const ac_loop *loop, double seconds) {
  int64_t now = aci_clock(loop);
  if (!(seconds > 0))
    return now;
  if (seconds >= (double)(INT64_MAX - now) / 1e9)
    return INT64_MAX;
  /* Rounded up: a timer is never early. */
  double ns = seconds * 1e9;
  int64_t whole = (int64_t)ns;
  whole += (double)whole < ns;
  return whole > INT64_MAX - now ? INT64_MAX : now + whole;
}

int64_t ac_now(void) {
  return aci_thread.loop ? aci_clock(aci_thread.loop) : aci_sys_now();
}

void ac_use_virtual_clock(void) {
  ac_loop *loop = aci_thread.loop;
  if (!loop) {
    aci_thread.virtual_clock = 1;
  } else if (!loop->virtual_clock) {
    loop->virtual_ns = aci_sys_now();
    loop->virtual_clock = 1;
    aci_stall_virtual(loop);
  }
}

/* ---- sleeping ------------------------------------------------------------ */

ac_frame *(ac_yield__ac)(void *ret) { return ac_yield_now(ret); }

static ac_frame *sleep_until(ac_loop *loop, int64_t deadline_ns) {
  struct ac_future *task = ac_running;
  if (AC_UNLIKELY(task->node.flags & ACI_CANCEL))
    return ac_yield__ac(NULL);
  task->node.when_ns = deadline_ns;
  aci_wheel_add(&loop->wheel, &task->node);
  return aci_leaf(task, ACI_WAIT_TIMER);
}

ac_frame *ac_sleep__ac(void *ret, double seconds) {
  if (!(seconds > 0))
    return seconds <= 0 ? ac_yield__ac(ret) : aci_raise(AC_EINVAL);
  ac_loop *loop = aci_thread.loop;
  return sleep_until(loop, aci_deadline(loop, seconds));
}

ac_frame *ac_sleep_until__ac(void *ret, int64_t deadline_ns) {
  ac_loop *loop = aci_thread.loop;
  if (deadline_ns <= aci_clock(loop))
    return ac_yield__ac(ret);
  return sleep_until(loop, deadline_ns);
}
