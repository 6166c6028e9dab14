/* The self-test of an exported policy on a Cortex-M4, what an action takes, and how much stack was used. Ends with status
   0 where the self-test passes. Tick: 1/25 of a microsecond of the board's clock. */
#include "board.h"
#include "sparserl_policy.h"

#if defined(SPARSERL_POLICY_NUM_ACTIONS)
typedef int32_t action_number;
#define ACTION_NUMBERS 1
#else
typedef float action_number;
#define ACTION_NUMBERS SPARSERL_POLICY_ACTION_SIZE
#endif

#define CALLS 16u
#define INSTRUCTIONS_PER_TICK 40u /* in qemu with -icount shift=0: an instruction takes 1 ns, a tick 40 ns */

static float observation[SPARSERL_POLICY_NUM_FEATURES];
static action_number action[ACTION_NUMBERS];

static void tell(const char *what, uint32_t number) {
  board_write(what);
  board_write(" ");
  board_write_number(number);
  board_write("\n");
}

int main(void) {
  const float difference = sparserl_policy_self_test();
  const int passed = difference <= SPARSERL_POLICY_SELF_TEST_LIMIT;
  uint32_t began, call;
  for (call = 0u; call < SPARSERL_POLICY_NUM_FEATURES; ++call) observation[call] = 0.125f * (float)(call % 7u) - 0.25f;
  board_start_clock();
  began = board_ticks();
  for (call = 0u; call < CALLS; ++call) sparserl_policy_act(observation, action);
  tell("instructions_an_action", board_ticks_since(began) * INSTRUCTIONS_PER_TICK / CALLS);
  tell("stack_bytes", board_stack_bytes());
  tell("billionths_of_difference", (uint32_t)(difference < 1.0f ? difference * 1e9f : 1e9f));
  tell("passed", (uint32_t)passed);
  return passed ? 0 : 1;
}
