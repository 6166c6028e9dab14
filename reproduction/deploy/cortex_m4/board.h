/* What a program needs of the board: words to the host, a clock, and how much of the stack was used. */
#ifndef BOARD_H
#define BOARD_H

#include <stdint.h>

void board_write(const char *text);
void board_write_number(uint32_t number);
void board_exit(uint32_t status);

void board_start_clock(void);
uint32_t board_ticks(void); /* of a clock that begins anew every 2^24; in qemu with -icount shift=0 a tick is 40
                               instructions */
uint32_t board_ticks_since(uint32_t earlier);

uint32_t board_stack_bytes(void); /* the most that was in use at once */

#endif
