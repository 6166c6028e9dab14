/* How a program begins and ends on a Cortex-M4, and how it talks to the debugger or emulator (Arm semihosting), without
   a C library. Of the compiler it takes what GCC and Clang share. */
#include "board.h"

extern uint32_t flash_of_data[], data_begins[], data_ends[], bss_begins[], bss_ends[], stack_top[];

#define REGISTER(address) (*(volatile uint32_t *)(address))
#define SYSTICK_CONTROL REGISTER(0xE000E010u)
#define SYSTICK_RELOAD REGISTER(0xE000E014u)
#define SYSTICK_VALUE REGISTER(0xE000E018u)
#define COPROCESSOR_ACCESS REGISTER(0xE000ED88u)

#define PAINT 0xA5A5A5A5u        /* of stack that was never used */
#define STACK_KEPT_BYTES 64u     /* below the stack pointer while painting */
#define SYSTICK_LARGEST 0xFFFFFFu

enum { SYS_WRITE0 = 0x04, SYS_EXIT_EXTENDED = 0x20, APPLICATION_EXIT = 0x20026 };

void reset(void);
static void fault(void);

/* What the processor reads first: where the stack begins, then what to call at reset and at each kind of fault. */
struct vectors {
  uint32_t *stack;
  void (*handlers[6])(void);
};
__attribute__((section(".vectors"), used)) static const struct vectors vectors = {
    stack_top, {reset, fault, fault, fault, fault, fault}};

static void ask_host(uint32_t operation, const void *argument) {
  register uint32_t r0 __asm__("r0") = operation;
  register const void *r1 __asm__("r1") = argument;
  __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
}

void board_write(const char *text) { ask_host(SYS_WRITE0, text); }

void board_write_number(uint32_t number) {
  char digits[12];
  uint32_t at = sizeof digits;
  digits[--at] = '\0';
  do {
    digits[--at] = (char)('0' + number % 10u);
    number /= 10u;
  } while (number != 0u);
  board_write(&digits[at]);
}

void board_exit(uint32_t status) {
  const uint32_t reason[2] = {APPLICATION_EXIT, status};
  ask_host(SYS_EXIT_EXTENDED, reason);
  for (;;) {
  }
}

void board_start_clock(void) {
  SYSTICK_RELOAD = SYSTICK_LARGEST;
  SYSTICK_VALUE = 0u;
  SYSTICK_CONTROL = 5u; /* on, with the processor's clock, without interrupts */
}

uint32_t board_ticks(void) { return SYSTICK_LARGEST - SYSTICK_VALUE; }

uint32_t board_ticks_since(uint32_t earlier) { return (board_ticks() - earlier) & SYSTICK_LARGEST; }

uint32_t board_stack_bytes(void) {
  const uint32_t *at = bss_ends;
  while (at < stack_top && *at == PAINT) ++at;
  return (uint32_t)((const char *)stack_top - (const char *)at);
}

static void fault(void) {
  board_write("fault\n");
  board_exit(2u);
}

int main(void);

static void paint_stack(void) {
  uint32_t here = 0u;
  uint32_t *const end = (uint32_t *)((uintptr_t)&here - STACK_KEPT_BYTES);
  for (uint32_t *at = bss_ends; at < end; ++at) *(volatile uint32_t *)at = PAINT;
}

void reset(void) {
  COPROCESSOR_ACCESS |= 0xFu << 20; /* the floating-point unit is off at first */
  __asm__ volatile("dsb\n isb");
  for (uint32_t *to = data_begins, *from = flash_of_data; to < data_ends; ++to, ++from) *(volatile uint32_t *)to = *from;
  for (uint32_t *to = bss_begins; to < bss_ends; ++to) *(volatile uint32_t *)to = 0u;
  paint_stack();
  board_exit((uint32_t)main());
}
