/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * layout.c - where things are, for a debugger: a table that runtime/gdb's
 * commands read from the program's memory, or from its core. And these commands
 * themselves, in the section in which gdb looks for such. */
#include "internal.h"

#define OFFSET(name, type, member)                                             \
  { #name, (uint32_t)offsetof(type, member) }
#define VALUE(name)                                                            \
  { #name, (uint32_t)ACI_##name }

const struct aci_layout_entry aci_layout[] = {
    OFFSET(loop_next, struct ac_loop, next_loop),
    OFFSET(loop_main, struct ac_loop, main),
    OFFSET(loop_live, struct ac_loop, live),
    OFFSET(loop_blocked, struct ac_loop, blocked),
    OFFSET(loop_moment, struct ac_loop, moment),
    OFFSET(loop_virtual, struct ac_loop, virtual_clock),
    OFFSET(loop_running, struct ac_loop, stall.running),
    OFFSET(loop_thread, struct ac_loop, stall.thread_id),
    OFFSET(loop_objects, struct ac_loop, objects),
    OFFSET(pool_chunks, struct aci_pool, chunks),
    OFFSET(pool_big, struct aci_pool, big),
    {"pool_classes", ACI_BLOCK_LIMIT / 8 + 1},
    OFFSET(chunk_next, struct aci_chunk, next),
    OFFSET(chunk_begin, struct aci_chunk, begin),
    OFFSET(chunk_unused, struct aci_chunk, unused),
    OFFSET(big_next, struct aci_big, next),
    OFFSET(big_memory, struct aci_big, memory),
    {"big_bytes", sizeof(struct aci_big)},
    OFFSET(task_waiters, struct ac_future, waiters),
    OFFSET(task_parent, struct ac_future, leaf.parent),
    OFFSET(task_bare_since, struct ac_future, bare_since),
    OFFSET(task_ret, struct ac_future, leaf.ret),
    OFFSET(task_flags, struct ac_future, node.flags),
    OFFSET(task_about, struct ac_future, node.future),
    OFFSET(node_flags, struct aci_node, flags),
    OFFSET(extra_name, struct aci_extra, name),
    OFFSET(frame_desc, struct ac_frame, desc),
    OFFSET(frame_parent, struct ac_frame, parent),
    OFFSET(frame_state, struct ac_frame, state),
    OFFSET(frame_since, struct ac_frame, since),
    OFFSET(desc_name, struct ac_desc, name),
    OFFSET(desc_file, struct ac_desc, file),
    OFFSET(desc_points, struct ac_desc, points),
    OFFSET(desc_point_count, struct ac_desc, point_count),
    OFFSET(thunk_name, struct ac_thunk, name),
    OFFSET(group_pending, struct aci_group, pending),
    OFFSET(group_count, struct aci_group, count),
    OFFSET(operation_class, struct ac_operation, kind),
    OFFSET(class_what, struct ac_operation_class, what),
    OFFSET(waiter_lot, struct ac_waiter, lot),
    OFFSET(lock_waiters, struct ac_lock, waiters),
    OFFSET(lock_task, struct ac_lock, held.task),
    OFFSET(rwlock_waiters, struct ac_rwlock, waiters),
    OFFSET(rwlock_task, struct ac_rwlock, writer.task),
    VALUE(KIND),
    VALUE(TASK),
    VALUE(EXTRA),
    VALUE(DONE),
    VALUE(NEW),
    VALUE(BARE),
    VALUE(BELOW),
    VALUE(READER),
    VALUE(MOMENT_SHIFT),
    VALUE(WAIT_SHIFT),
    VALUE(WAIT_NONE),
    VALUE(WAIT_TIMER),
    VALUE(WAIT_FUTURE),
    VALUE(WAIT_SHIELDED),
    VALUE(WAIT_FD),
    VALUE(WAIT_GROUP),
    VALUE(WAIT_LINE),
    VALUE(LINE_KIND),
    VALUE(LINE_EVENT),
    VALUE(LINE_LOCK),
    VALUE(LINE_LOCK_AGAIN),
    {"", 0}};

/* 4: the text of a Python script, its name in the first line. */
#if defined(AC_GDB_SCRIPT) && defined(__ELF__)
__asm__(".pushsection \".debug_gdb_scripts\", \"MS\",%progbits,1\n"
        ".byte 4\n"
        ".ascii \"acc\\n\"\n"
        ".incbin \"" AC_GDB_SCRIPT "\"\n"
        ".byte 0\n"
        ".popsection\n");
#endif
