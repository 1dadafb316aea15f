/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * buffer.c - the memory of streams: grows by doubling, and goes back when a
 * burst is over. */
#include "stream.h"
#include "sys.h"

#include <string.h>

enum { BUFFER_BYTES = 2048, KEPT_BYTES = 65536 };

void aci_buffer_free(struct aci_buffer *buffer) {
  if (buffer->data)
    aci_sys_free(buffer->data);
  *buffer = (struct aci_buffer){0};
}

void aci_buffer_reset(struct aci_buffer *buffer) {
  buffer->start = buffer->end = 0;
  if (AC_UNLIKELY(buffer->bytes > KEPT_BYTES))
    aci_buffer_free(buffer);
}

static size_t grown(size_t bytes, size_t needed) {
  if (!bytes)
    bytes = BUFFER_BYTES;
  while (bytes < needed)
    bytes = bytes > SIZE_MAX / 2 ? needed : bytes * 2;
  return bytes;
}

static void move_to_front(struct aci_buffer *buffer) {
  size_t held = aci_buffer_held(buffer);
  if (held)
    memmove(buffer->data, buffer->data + buffer->start, held);
  buffer->start = 0;
  buffer->end = held;
}

int aci_buffer_reserve(struct aci_buffer *buffer, size_t bytes) {
  size_t held = aci_buffer_held(buffer);
  if (AC_LIKELY(buffer->bytes - buffer->end >= bytes))
    return 0;
  if (bytes > SIZE_MAX - held)
    return AC_ENOMEM;
  /* Moving is cheap as long as more is free than held. */
  if (held + bytes <= buffer->bytes && held <= buffer->bytes / 2) {
    move_to_front(buffer);
    return 0;
  }
  size_t size = grown(buffer->bytes, held + bytes);
  char *data = aci_sys_alloc(size, 16);
  if (!data)
    return AC_ENOMEM;
  if (held)
    memcpy(data, buffer->data + buffer->start, held);
  if (buffer->data)
    aci_sys_free(buffer->data);
  *buffer = (struct aci_buffer){.data = data, .end = held, .bytes = size};
  return 0;
}
