/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * A suspension point: the call, the way out, with what is needed later stored
 * in the frame, and the way in, with that loaded again. */
#include "emit_parts.h"

static void print_spill(struct emitter *e, const struct await *await,
                        bool store) {
  for (uint32_t i = 0; i < await->live_count; i++) {
    const struct local *local = await->live[i];
    const char *member = arena_printf(e->arena, "ac_self->%s", local->member);
    begin_line(e, await->offset);
    if (store)
      print_copy(e, member, local->out_name, local->bare, local->raw);
    else
      print_copy(e, local->out_name, member, local->bare, local->raw);
  }
}

static void print_awaited_call(struct emitter *e, const struct expr *call,
                               const char *result) {
  if (call->callee)
    writer_printf(&e->w, "%s__ac(%s", call->callee->name, result);
  else {
    writer_printf(&e->w, "((%s)(void (*)(void))(",
                  lowered_type(e, callee_type(call), "(*)"));
    print_expr(e, call->kids.items[0].expr);
    writer_printf(&e->w, "))(%s", result);
  }
  print_arguments(e, call, ", ");
  writer_puts(&e->w, ")");
}

static void print_awaited(struct emitter *e, const struct await *await,
                          const char *result) {
  switch (await->form) {
  case AWAIT_CALL:
    print_awaited_call(e, await->expr, result);
    return;
  case AWAIT_HANDLE:
    writer_printf(&e->w, "%s(%s, ",
                  await->expr->type && await->expr->type->handle == HANDLE_CORO
                      ? "ac_await_coro"
                      : "ac_await_future",
                  result);
    print_expr(e, await->expr);
    break;
  case AWAIT_OWNED:
    writer_printf(&e->w, "ac_await_future_owned(%s, ", result);
    print_expr(e, await->expr);
    break;
  case AWAIT_WAIT_FOR:
    writer_printf(&e->w, "ac_wait_for_future(%s, ", result);
    print_expr(e, await->expr);
    writer_puts(&e->w, ", ");
    print_expr(e, await->second);
    writer_printf(&e->w, ", %d", await->owned);
    break;
  case AWAIT_SHIELD:
    writer_printf(&e->w, "ac_shield_future(%s, ", result);
    print_expr(e, await->expr);
    writer_printf(&e->w, ", %d", await->owned);
    break;
  case AWAIT_GATHER:
    writer_puts(&e->w, "ac_gather_handles(NULL, ");
    print_expr(e, await->expr);
    writer_puts(&e->w, ", (size_t)(");
    print_expr(e, await->second);
    writer_puts(&e->w, ")");
    break;
  case AWAIT_GATHER_OWNED:
    writer_puts(&e->w, "ac_gather_children(NULL, (struct ac_future *const[]){");
    for (size_t i = 0; i < await->handles.count; i++)
      writer_printf(&e->w, "%s%s", i ? ", " : "",
                    await->handles.items[i]->out_name);
    writer_printf(&e->w, "}, %zu", await->handles.count);
    break;
  case AWAIT_SELECT:
    writer_printf(&e->w, "ac_select_handles(%s, (struct ac_future *const[]){",
                  result);
    for (size_t i = 0; i < await->handles.count; i++)
      writer_printf(&e->w, "%s%s", i ? ", " : "",
                    await->handles.items[i]->out_name);
    writer_printf(&e->w, "}, %zu, %d", await->handles.count, await->owned);
    break;
  case AWAIT_SCOPE_EXIT:
    writer_printf(&e->w, "%s(%s, ",
                  await->scope == SCOPE_GROUP ? "ac_task_group_exit"
                                              : "ac_generator_exit",
                  result);
    print_expr(e, await->expr);
    writer_puts(&e->w, ", ");
    print_expr(e, await->second);
    break;
  }
  writer_puts(&e->w, ")");
}

static const char *result_type_text(struct emitter *e,
                                    const struct await *await,
                                    const char *name) {
  const struct type *type = await->type;
  if (!type->nameless)
    return type_text(e, type, name);
  if (await->result)
    return arena_printf(e->arena, "__typeof__(%s) %s",
                        local_text(e, await->result), name);
  return arena_printf(e->arena,
                      "struct { _Alignas(%lld) unsigned char bytes[%lld]; } %s",
                      (long long)type->align, (long long)type->size, name);
}

static void print_raised(struct emitter *e, const struct await *await) {
  writer_puts(&e->w, "if (AC_UNLIKELY(ac_callee))");
  e->depth++;
  const struct stmt *raised = await->raised;
  if (raised->kids.count == 1) {
    print_stmt(e, raised->kids.items[0]);
  } else {
    e->depth--;
    print_stmt(e, raised);
    e->depth++;
  }
  e->depth--;
}

void print_await(struct emitter *e, const struct await *await) {
  const char *name = e->function->name;
  uint32_t state = await->id + 1, at = await->offset;
  bool is_void = await->type->is_void;
  begin_line(e, at);
  writer_puts(&e->w, "{");
  e->depth++;
  if (!is_void) {
    begin_line(e, at);
    writer_printf(&e->w, "%s;", result_type_text(e, await, "ac_r"));
  }
  begin_line(e, at);
  writer_puts(&e->w, "ac_frame *ac_callee = ");
  print_awaited(e, await, is_void ? "NULL" : "&ac_r");
  writer_puts(&e->w, ";");
  begin_line(e, at);
  writer_puts(&e->w, "if (AC_UNLIKELY(ac_callee != NULL)) {");
  e->depth++;
  begin_line(e, at);
  if (e->function->frame_on_entry)
    writer_puts(&e->w, "if (ac_callee != AC_RAISED) {");
  else
    writer_printf(&e->w,
                  "if (ac_callee != AC_RAISED && AC_MAKE_FRAME(%s, %s)) {",
                  name, is_void ? "NULL" : "&ac_r");
  e->depth++;
  print_spill(e, await, true);
  begin_line(e, at);
  /* What has its frame from the one point there is has the state too. */
  if (e->function->awaits.count == 1 && !e->function->may_recurse &&
      !e->function->frame_on_entry)
    writer_puts(&e->w,
                "return ac_suspend_again(&ac_self->ac_head, ac_resumed, "
                "ac_callee, ");
  else
    writer_printf(&e->w,
                  "return ac_suspend(&ac_self->ac_head, %u, ac_callee, ",
                  state);
  if (is_void)
    writer_puts(&e->w, "NULL);");
  else
    writer_printf(&e->w, "&ac_self->ac_r%u);", state);
  begin_line(e, at);
  writer_printf(&e->w, "ac_resume_%u:;", state);
  print_spill(e, await, false);
  if (!is_void) {
    begin_line(e, at);
    print_copy(e, "ac_r", arena_printf(e->arena, "ac_self->ac_r%u", state),
               await->type, !await->type->file_scope);
  }
  begin_line(e, at);
  writer_puts(&e->w, "ac_callee = ac_status;");
  e->depth--;
  begin_line(e, at);
  writer_puts(&e->w, "}");
  begin_line(e, at);
  print_raised(e, await);
  e->depth--;
  begin_line(e, at);
  writer_puts(&e->w, "}");
  if (await->result) {
    begin_line(e, at);
    if (await->type->has_const_member)
      print_copy(e, local_text(e, await->result), "ac_r", await->type, true);
    else
      writer_printf(&e->w, "%s = ac_r;", local_text(e, await->result));
  }
  e->depth--;
  begin_line(e, at);
  writer_puts(&e->w, "}");
}
