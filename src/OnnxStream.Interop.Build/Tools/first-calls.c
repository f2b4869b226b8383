// Writes the names of a program's functions in the order in which a run calls them first.
//
//   first-calls SYMBOLS OUTPUT PROGRAM [ARGUMENT ...]
//
// SYMBOLS is the ELF file with the program's symbol table, OUTPUT is appended to. The program must not be relocatable: its
// functions are then where the table says. Each gets a breakpoint, which its first call takes away. For Linux on x86-64.

#define _GNU_SOURCE
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

struct function {
  unsigned long address;
  const char* name;
  unsigned char first_byte;
  unsigned char is_called;
};

static const unsigned char breakpoint = 0xCC;

static void fail(const char* what) {
  perror(what);
  exit(2);
}

static int by_address(const void* a, const void* b) {
  const unsigned long x = ((const struct function*)a)->address;
  const unsigned long y = ((const struct function*)b)->address;
  return x < y ? -1 : x > y;
}

// The functions of an ELF file, by address, each address once.
static struct function* read_functions(const char* path, size_t* count) {
  const int file = open(path, O_RDONLY);
  struct stat status;
  if (file < 0 || fstat(file, &status) != 0) {
    fail(path);
  }

  const char* bytes = mmap(NULL, status.st_size, PROT_READ, MAP_PRIVATE, file, 0);
  if (bytes == MAP_FAILED) {
    fail(path);
  }

  const Elf64_Ehdr* header = (const Elf64_Ehdr*)bytes;
  const Elf64_Shdr* sections = (const Elf64_Shdr*)(bytes + header->e_shoff);
  struct function* functions = NULL;
  *count = 0;
  for (int i = 0; i < header->e_shnum; i++) {
    if (sections[i].sh_type != SHT_SYMTAB) {
      continue;
    }

    const Elf64_Sym* symbols = (const Elf64_Sym*)(bytes + sections[i].sh_offset);
    const char* names = bytes + sections[sections[i].sh_link].sh_offset;
    const size_t symbol_count = sections[i].sh_size / sizeof(Elf64_Sym);
    functions = calloc(symbol_count, sizeof(struct function));
    for (size_t s = 0; s < symbol_count; s++) {
      if (ELF64_ST_TYPE(symbols[s].st_info) == STT_FUNC && symbols[s].st_size > 0 && symbols[s].st_value != 0) {
        functions[(*count)++] = (struct function){.address = symbols[s].st_value, .name = names + symbols[s].st_name};
      }
    }
  }

  qsort(functions, *count, sizeof(struct function), by_address);
  size_t kept = 0;
  for (size_t i = 0; i < *count; i++) {
    if (kept == 0 || functions[kept - 1].address != functions[i].address) {
      functions[kept++] = functions[i];
    }
  }

  *count = kept;
  return functions;
}

int main(int argc, char** argv) {
  if (argc < 4) {
    fprintf(stderr, "usage: first-calls SYMBOLS OUTPUT PROGRAM [ARGUMENT ...]\n");
    return 2;
  }

  size_t count;
  struct function* functions = read_functions(argv[1], &count);
  FILE* output = fopen(argv[2], "a");
  if (output == NULL) {
    fail(argv[2]);
  }

  const pid_t program = fork();
  if (program == 0) {
    ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    execv(argv[3], argv + 3);
    _exit(127);
  }

  int status;
  if (waitpid(program, &status, 0) != program || !WIFSTOPPED(status)) {
    fprintf(stderr, "first-calls: %s does not start\n", argv[3]);
    return 2;
  }

  ptrace(PTRACE_SETOPTIONS, program, NULL, PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL);
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/mem", program);
  const int memory = open(path, O_RDWR);
  if (memory < 0) {
    fail(path);
  }

  for (size_t i = 0; i < count; i++) {
    if (pread(memory, &functions[i].first_byte, 1, functions[i].address) != 1 || pwrite(memory, &breakpoint, 1, functions[i].address) != 1) {
      fail(functions[i].name);
    }
  }

  ptrace(PTRACE_CONT, program, NULL, NULL);
  for (;;) {
    const pid_t thread = waitpid(-1, &status, __WALL);
    if (thread < 0) {
      fail("waitpid");
    }

    if (!WIFSTOPPED(status)) {
      if (thread == program) {
        break;
      }

      continue;
    }

    int signal = WSTOPSIG(status);
    if (signal == SIGTRAP && status >> 16 == 0) {
      struct user_regs_struct registers;
      ptrace(PTRACE_GETREGS, thread, NULL, &registers);
      const struct function key = {.address = registers.rip - 1};
      struct function* function = bsearch(&key, functions, count, sizeof key, by_address);
      if (function != NULL) {
        // Two threads may have met the same one: both go back to its beginning.
        if (!function->is_called) {
          function->is_called = 1;
          pwrite(memory, &function->first_byte, 1, function->address);
          fprintf(output, "%s\n", function->name);
        }

        registers.rip--;
        ptrace(PTRACE_SETREGS, thread, NULL, &registers);
        signal = 0;
      }
    } else if (signal == SIGTRAP || signal == SIGSTOP) {
      // A new thread.
      signal = 0;
    }

    ptrace(PTRACE_CONT, thread, NULL, (void*)(long)signal);
  }

  if (fclose(output) != 0) {
    fail(argv[2]);
  }

  return WIFEXITED(status) ? WEXITSTATUS(status) : 2;
}
