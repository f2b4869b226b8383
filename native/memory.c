// The one door to native memory, for the library and for XNNPACK. It is here, and not in C#, because it belongs to the process: a host may load the
// library twice, in load contexts that it unloads again, and XNNPACK keeps the allocator that it was first given.
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#ifdef _WIN32
#include <malloc.h>
#endif
#include <xnnpack.h>

// A line of a processor's cache, and what XNNPACK's packed weights ask for.
enum { alignment = 64 };

// MemoryAccount.State in C#.
struct account {
  int64_t live_bytes;
  int64_t peak_bytes;
  int64_t limit;
  int64_t users;
  struct account* parent;
};

// What stands in front of a block.
struct header {
  size_t bytes;
  struct account* account;
};

// CountedMemory.Totals in C#.
struct totals {
  int64_t live_bytes;
  int64_t peak_bytes;
  int64_t failure_countdown;
};

static struct totals totals = {0, 0, -1};

// The account that a thread works for; null for none.
static _Thread_local struct account* thread_account = NULL;

static int64_t read(const int64_t* value) { return __atomic_load_n(value, __ATOMIC_SEQ_CST); }

static void raise_peak(int64_t* peak_bytes, int64_t live_bytes) {
  int64_t peak = read(peak_bytes);
  while (live_bytes > peak && !__atomic_compare_exchange_n(peak_bytes, &peak, live_bytes, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
  }
}

static void charge(struct account* account, int64_t bytes) {
  for (; account != NULL; account = account->parent) {
    raise_peak(&account->peak_bytes, __atomic_add_fetch(&account->live_bytes, bytes, __ATOMIC_SEQ_CST));
  }
}

static void release(struct account* account) {
  while (account != NULL && __atomic_sub_fetch(&account->users, 1, __ATOMIC_SEQ_CST) == 0) {
    struct account* parent = account->parent;
    free(account);
    account = parent;
  }
}

struct totals* onnxstream_memory_totals(void) { return &totals; }

void onnxstream_memory_count(int64_t bytes) { raise_peak(&totals.peak_bytes, __atomic_add_fetch(&totals.live_bytes, bytes, __ATOMIC_SEQ_CST)); }

struct account* onnxstream_account_open(struct account* parent) {
  struct account* account = calloc(1, sizeof(struct account));
  if (account != NULL) {
    account->users = 1;
    account->limit = INT64_MAX;
    account->parent = parent;
    if (parent != NULL) {
      __atomic_add_fetch(&parent->users, 1, __ATOMIC_SEQ_CST);
    }
  }
  return account;
}

void onnxstream_account_release(struct account* account) { release(account); }

void onnxstream_account_count(struct account* account, int64_t bytes) { charge(account, bytes); }

// The account stays at least as long as the thread works for it.
struct account* onnxstream_account_enter(struct account* account) {
  struct account* before = thread_account;
  if (account != NULL) {
    __atomic_add_fetch(&account->users, 1, __ATOMIC_SEQ_CST);
  }
  thread_account = account;
  return before;
}

void onnxstream_account_leave(struct account* before) {
  struct account* left = thread_account;
  thread_account = before;
  release(left);
}

void* onnxstream_allocate(size_t bytes) {
  if (read(&totals.failure_countdown) >= 0 && __atomic_sub_fetch(&totals.failure_countdown, 1, __ATOMIC_SEQ_CST) < 0) {
    return NULL;
  }
  if (bytes > (size_t)PTRDIFF_MAX - alignment) {
    return NULL;
  }
  struct account* account = thread_account;
  for (const struct account* limited = account; limited != NULL; limited = limited->parent) {
    if ((int64_t)bytes > read(&limited->limit) - read(&limited->live_bytes)) {
      return NULL;
    }
  }
#ifdef _WIN32
  char* block = _aligned_malloc(bytes + alignment, alignment);
#else
  void* block = NULL;
  if (posix_memalign(&block, alignment, bytes + alignment) != 0) {
    block = NULL;
  }
#endif
  if (block == NULL) {
    return NULL;
  }
  if (account != NULL) {
    __atomic_add_fetch(&account->users, 1, __ATOMIC_SEQ_CST);
    charge(account, (int64_t)bytes);
  }
  struct header* header = (struct header*)block;
  header->bytes = bytes;
  header->account = account;
  onnxstream_memory_count((int64_t)bytes);
  return (char*)block + alignment;
}

void onnxstream_free(void* pointer) {
  if (pointer == NULL) {
    return;
  }
  void* block = (char*)pointer - alignment;
  const struct header header = *(struct header*)block;
  if (header.account != NULL) {
    charge(header.account, -(int64_t)header.bytes);
    release(header.account);
  }
  __atomic_sub_fetch(&totals.live_bytes, (int64_t)header.bytes, __ATOMIC_SEQ_CST);
#ifdef _WIN32
  _aligned_free(block);
#else
  free(block);
#endif
}

static void* allocate(void* context, size_t size) { return onnxstream_allocate(size); }

static void* aligned_allocate(void* context, size_t wanted, size_t size) { return wanted <= alignment ? onnxstream_allocate(size) : NULL; }

static void* reallocate(void* context, void* pointer, size_t size) {
  void* block = onnxstream_allocate(size);
  if (block != NULL && pointer != NULL) {
    const size_t before = ((struct header*)((char*)pointer - alignment))->bytes;
    memcpy(block, pointer, before < size ? before : size);
    onnxstream_free(pointer);
  }
  return block;
}

static void deallocate(void* context, void* pointer) { onnxstream_free(pointer); }

// What XNNPACK keeps for the whole process belongs to no account.
int onnxstream_initialize(void) {
  static const struct xnn_allocator allocator = {
    .context = NULL, .allocate = allocate, .reallocate = reallocate, .deallocate = deallocate, .aligned_allocate = aligned_allocate, .aligned_deallocate = deallocate};
  struct account* before = onnxstream_account_enter(NULL);
  const enum xnn_status status = xnn_initialize(&allocator);
  onnxstream_account_leave(before);
  return (int)status;
}
