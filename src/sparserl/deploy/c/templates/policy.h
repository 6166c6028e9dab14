/* {{ title }}
 *
 * Written by sparserl {{ version }}. C99, also C++; nothing is allocated, nothing recurs, nothing is kept between calls, so
 * that several threads may call at once. A call needs {{ PREFIX }}_STACK_BYTES on the stack for its numbers, and
 * {{ PREFIX }}_TABLE_BYTES of constants lie in flash.
 *
{% for line in contract %}
 *{{ " " if line }}{{ line }}
{% endfor %}
 *
 * Macros that may be defined when {{ prefix }}.c is compiled:
 *   {{ PREFIX }}_SCALAR        no vector instructions, where the compiler is told that there are some (AVX2, AVX-512, NEON)
 *   {{ PREFIX }}_NO_SELF_TEST  neither the self-test nor what it compares with
 * Do not compile it with -ffast-math: then what is not a number is no longer told from numbers.
 */
#ifndef {{ PREFIX }}_H
#define {{ PREFIX }}_H

#include <stdint.h>

#define {{ PREFIX }}_NUM_FEATURES {{ num_features }} /* floats of an observation */
#define {{ PREFIX }}_NUM_OUTPUTS {{ num_outputs }} /* floats of the network's outputs */
{% if decision == "greatest" %}
#define {{ PREFIX }}_NUM_ACTIONS {{ num_outputs }} /* actions to choose from */
{% else %}
#define {{ PREFIX }}_ACTION_SIZE {{ num_outputs }} /* floats of an action */
{% endif %}
#define {{ PREFIX }}_LIVE_WEIGHTS {{ live_weights }} /* weights that are not zero and that an action depends on */
#define {{ PREFIX }}_TABLE_BYTES {{ table_bytes }} /* of constants, without those of the self-test */
#define {{ PREFIX }}_STACK_BYTES {{ stack_bytes }} /* of numbers on the stack while an action is computed */
#define {{ PREFIX }}_SELF_TEST_LIMIT {{ self_test_limit }} /* what the self-test may return */

#ifdef __cplusplus
extern "C" {
#endif

/* The action for an observation of {{ PREFIX }}_NUM_FEATURES floats, whatever they are{% if decision == "greatest" %}: 0 to {{ num_outputs - 1 }}. */
void {{ prefix }}_act(const float *observation, int32_t *action);
{% else %}: {{ PREFIX }}_ACTION_SIZE floats
 * within their bounds. */
void {{ prefix }}_act(const float *observation, float *action);
{% endif %}

/* What the network gives before an action is decided on, {{ PREFIX }}_NUM_OUTPUTS floats. */
void {{ prefix }}_outputs(const float *observation, float *outputs);

#if !defined({{ PREFIX }}_NO_SELF_TEST)
/* The largest difference from what the policy answered when it was exported, for {{ num_golden }} observations, as a share of the
 * largest answer to that observation where that exceeds 1. More than {{ PREFIX }}_SELF_TEST_LIMIT: something is wrong
 * with the compiler, its options, or the file. */
float {{ prefix }}_self_test(void);
#endif

#ifdef __cplusplus
}
#endif

#endif
