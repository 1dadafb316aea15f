/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * waits.c - who waits for whom. An edge leads from a task to one that has to
 * do something first: to end, where a handle or a group is awaited, which the
 * rings of waiters tell; or to let go of something, which the operation's
 * blocker tells. */
#include "waits.h"

#include <stdlib.h>

enum { NONE = -1 };

/* What a search knows of a task. */
enum color { UNSEEN, ON_PATH, FINISHED };

struct point {
  const struct ac_future *task;
  /* Places of other tasks; NONE. */
  ptrdiff_t above, first_below, last_below, beside;
  size_t edges;        /* where its edges begin */
  unsigned char color; /* enum color */
};

struct edge {
  size_t from, to;
};

struct name {
  uintptr_t task;
  ptrdiff_t place;
};

struct aci_waits {
  ac_loop *loop;
  struct point *points; /* in the order of the loop's objects */
  struct name *names;   /* where each task is, in the order of addresses */
  struct edge *edges;   /* in the order of `from` */
  size_t point_count, edge_count, edge_room;
  int failed; /* out of memory */
};

/* ---- taking down --------------------------------------------------------- */

static int is_alive(const struct ac_future *object) {
  return aci_kind(&object->node) == ACI_TASK &&
         !(object->node.flags & ACI_DONE);
}

static void count_task(struct ac_future *object, void *arg) {
  size_t *count = arg;
  *count += (size_t)is_alive(object);
}

static void take_task(struct ac_future *object, void *arg) {
  struct aci_waits *waits = arg;
  if (is_alive(object))
    waits->points[waits->point_count++] =
        (struct point){object, NONE, NONE, NONE, NONE, 0, UNSEEN};
}

static int by_address(const void *a, const void *b) {
  const struct name *left = a, *right = b;
  return (left->task > right->task) - (left->task < right->task);
}

static void take_names(struct aci_waits *waits) {
  for (size_t i = 0; i < waits->point_count; i++)
    waits->names[i] =
        (struct name){(uintptr_t)waits->points[i].task, (ptrdiff_t)i};
  qsort(waits->names, waits->point_count, sizeof *waits->names, by_address);
}

static ptrdiff_t place_of(const struct aci_waits *waits,
                          const struct ac_future *task) {
  const struct name key = {.task = (uintptr_t)task};
  const struct name *found =
      task ? bsearch(&key, waits->names, waits->point_count, sizeof key,
                     by_address)
           : NULL;
  return found ? found->place : NONE;
}

static void add_edge(struct aci_waits *waits, ptrdiff_t from, ptrdiff_t to) {
  if (from < 0 || to < 0 || waits->failed)
    return;
  if (waits->edge_count == waits->edge_room) {
    size_t room = waits->edge_room ? 2 * waits->edge_room : 64;
    struct edge *edges =
        aci_sys_alloc(room * sizeof *edges, _Alignof(struct edge));
    if (!edges) {
      waits->failed = 1;
      return;
    }
    if (waits->edge_count)
      memcpy(edges, waits->edges, waits->edge_count * sizeof *edges);
    aci_sys_free(waits->edges);
    waits->edges = edges;
    waits->edge_room = room;
  }
  waits->edges[waits->edge_count++] = (struct edge){(size_t)from, (size_t)to};
}

/* Goes below the first that waits for it. */
static void put_below(struct aci_waits *waits, ptrdiff_t above, size_t below) {
  struct point *point = &waits->points[below];
  if (above < 0 || point->above != NONE || (size_t)above == below)
    return;
  point->above = above;
  struct point *parent = &waits->points[above];
  if (parent->first_below == NONE)
    parent->first_below = (ptrdiff_t)below;
  else
    waits->points[parent->last_below].beside = (ptrdiff_t)below;
  parent->last_below = (ptrdiff_t)below;
}

/* True when the task goes on as soon as any one of several has happened. */
static int waits_for_any(const struct aci_group *group) {
  return group->pending > 1 &&
         (group->mode == ACI_SELECT || (group->mode == ACI_WAIT_MANY &&
                                        group->wait_mode != AC_ALL_COMPLETED));
}

/* The task that a node in a ring of waiters stands for, or NULL. *waits: it
 * does wait, and for all. */
static const struct ac_future *waiter_of(struct aci_node *node, int *waits) {
  const struct ac_future *task;
  *waits = 1;
  switch (aci_kind(node)) {
  case ACI_TASK:
    return aci_of_node(node);
  case ACI_MEMBER:
    *waits = !waits_for_any(node->group) &&
             aci_wait(&node->group->task->node) == ACI_WAIT_GROUP;
    return node->group->task;
  case ACI_CREW:
    task = aci_task_group_task(node, waits);
    return task;
  default:
    return NULL;
  }
}

static void take_waiters(struct aci_waits *waits, size_t place) {
  struct aci_node *first = waits->points[place].task->waiters;
  struct aci_node *node = first;
  if (!node)
    return;
  do {
    int does_wait;
    const struct ac_future *waiter = waiter_of(node, &does_wait);
    ptrdiff_t from = place_of(waits, waiter);
    put_below(waits, from, place);
    if (does_wait)
      add_edge(waits, from, (ptrdiff_t)place);
    node = node->next;
  } while (node != first);
}

static const struct ac_future *blocker_of(const struct aci_node *node) {
  if (aci_wait(node) == ACI_WAIT_LINE) {
    const struct aci_line_class *class = aci_line_class(node);
    return class->blocker ? class->blocker(aci_line_ring(node)) : NULL;
  }
  if (aci_wait(node) != ACI_WAIT_OPERATION)
    return NULL;
  const struct ac_operation_class *kind = node->operation->kind;
  return kind->blocker ? kind->blocker(node->operation) : NULL;
}

static void take_blocker(struct aci_waits *waits, size_t place) {
  const struct ac_future *blocker =
      blocker_of(&waits->points[place].task->node);
  if (blocker)
    add_edge(waits, (ptrdiff_t)place, place_of(waits, blocker));
}

static int by_origin(const void *a, const void *b) {
  const struct edge *left = a, *right = b;
  if (left->from != right->from)
    return left->from < right->from ? -1 : 1;
  return (left->to > right->to) - (left->to < right->to);
}

static void take_edges(struct aci_waits *waits) {
  for (size_t i = 0; i < waits->point_count; i++) {
    take_waiters(waits, i);
    take_blocker(waits, i);
  }
  if (waits->edge_count)
    qsort(waits->edges, waits->edge_count, sizeof *waits->edges, by_origin);
  size_t at = 0;
  for (size_t i = 0; i < waits->point_count; i++) {
    while (at < waits->edge_count && waits->edges[at].from < i)
      at++;
    waits->points[i].edges = at;
  }
}

struct aci_waits *aci_waits_new(ac_loop *loop) {
  size_t count = 0;
  struct aci_waits *waits =
      aci_sys_alloc(sizeof *waits, _Alignof(struct aci_waits));
  if (!waits)
    return NULL;
  memset(waits, 0, sizeof *waits);
  waits->loop = loop;
  aci_each_object(loop, count_task, &count);
  waits->points = aci_sys_alloc((count + 1) * sizeof *waits->points,
                                _Alignof(struct point));
  waits->names =
      aci_sys_alloc((count + 1) * sizeof *waits->names, _Alignof(struct name));
  waits->failed = !waits->points || !waits->names;
  if (!waits->failed) {
    aci_each_object(loop, take_task, waits);
    take_names(waits);
    take_edges(waits);
  }
  if (!waits->failed)
    return waits;
  aci_waits_free(waits);
  return NULL;
}

void aci_waits_free(struct aci_waits *waits) {
  if (!waits)
    return;
  aci_sys_free(waits->points);
  aci_sys_free(waits->names);
  aci_sys_free(waits->edges);
  aci_sys_free(waits);
}

/* ---- tree ---------------------------------------------------------------- */

typedef void visit_task(const struct ac_future *task, size_t depth, void *arg);

/* From a task to the next one in the tree that begins at `root`. */
static ptrdiff_t next_in_tree(const struct aci_waits *waits, ptrdiff_t root,
                              ptrdiff_t at, size_t *depth) {
  const struct point *points = waits->points;
  ptrdiff_t below = points[at].first_below;
  if (below != NONE && points[below].color == UNSEEN) {
    ++*depth;
    return below;
  }
  for (; at != root; at = points[at].above, --*depth) {
    ptrdiff_t beside = points[at].beside;
    while (beside != NONE && points[beside].color != UNSEEN)
      beside = points[beside].beside;
    if (beside != NONE)
      return beside;
  }
  return NONE;
}

static void visit_from(struct aci_waits *waits, ptrdiff_t root,
                       visit_task *visit, void *arg) {
  size_t depth = 0;
  for (ptrdiff_t at = root; at != NONE;
       at = next_in_tree(waits, root, at, &depth)) {
    waits->points[at].color = FINISHED;
    visit(waits->points[at].task, depth, arg);
  }
}

static void clear_colors(struct aci_waits *waits) {
  for (size_t i = 0; i < waits->point_count; i++)
    waits->points[i].color = UNSEEN;
}

/* Those in a circle, and what is below them, have nobody above all: they begin
 * wherever they are met. */
void aci_waits_tree(struct aci_waits *waits, visit_task *visit, void *arg) {
  ptrdiff_t main = place_of(waits, waits->loop->main);
  clear_colors(waits);
  if (main != NONE && waits->points[main].above == NONE)
    visit_from(waits, main, visit, arg);
  for (size_t i = 0; i < waits->point_count; i++)
    if (waits->points[i].above == NONE && waits->points[i].color == UNSEEN)
      visit_from(waits, (ptrdiff_t)i, visit, arg);
  for (size_t i = 0; i < waits->point_count; i++)
    if (waits->points[i].color == UNSEEN)
      visit_from(waits, (ptrdiff_t)i, visit, arg);
}

/* ---- circles ------------------------------------------------------------- */

typedef void visit_circle(const struct ac_future *const *tasks, size_t count,
                          void *arg);

/* A depth-first search: the path, and where each of its tasks' edges goes on.
 */
struct search {
  struct aci_waits *waits;
  const struct ac_future **tasks;
  size_t *places, *edges;
  size_t length;
};

static void enter(struct search *search, size_t place) {
  struct point *point = &search->waits->points[place];
  point->color = ON_PATH;
  search->tasks[search->length] = point->task;
  search->places[search->length] = place;
  search->edges[search->length] = point->edges;
  search->length++;
}

/* The tasks from there to the path's end are a circle: they are done with, and
 * the search goes on before them. */
static void close_circle(struct search *search, size_t place,
                         visit_circle *visit, void *arg) {
  size_t first = search->length;
  while (search->places[--first] != place)
    continue;
  visit(search->tasks + first, search->length - first, arg);
  while (search->length > first)
    search->waits->points[search->places[--search->length]].color = FINISHED;
}

static void follow(struct search *search, visit_circle *visit, void *arg) {
  const struct aci_waits *waits = search->waits;
  size_t last = search->length - 1;
  size_t place = search->places[last];
  size_t edge = search->edges[last]++;
  if (edge == waits->edge_count || waits->edges[edge].from != place) {
    waits->points[place].color = FINISHED;
    search->length--;
    return;
  }
  size_t to = waits->edges[edge].to;
  if (waits->points[to].color == UNSEEN)
    enter(search, to);
  else if (waits->points[to].color == ON_PATH)
    close_circle(search, to, visit, arg);
}

static void search_from(struct search *search, ptrdiff_t place,
                        visit_circle *visit, void *arg) {
  if (place == NONE || search->waits->points[place].color != UNSEEN)
    return;
  enter(search, (size_t)place);
  while (search->length)
    follow(search, visit, arg);
}

void aci_waits_circles(struct aci_waits *waits, visit_circle *visit,
                       void *arg) {
  size_t count = waits->point_count;
  struct search search = {.waits = waits};
  if (!waits->edge_count)
    return;
  search.tasks = aci_sys_alloc(count * sizeof *search.tasks, sizeof(void *));
  search.places = aci_sys_alloc(2 * count * sizeof(size_t), sizeof(size_t));
  if (search.tasks && search.places) {
    search.edges = search.places + count;
    clear_colors(waits);
    search_from(&search, place_of(waits, waits->loop->main), visit, arg);
    for (size_t i = 0; i < count; i++)
      search_from(&search, (ptrdiff_t)i, visit, arg);
  }
  aci_sys_free(search.tasks);
  aci_sys_free(search.places);
}
